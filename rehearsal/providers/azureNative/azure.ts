/** Azure, by Microsoft's own clients, which are pointed at a cloud as azure-native's plugin is. */
import { readFileSync } from "node:fs";
import type { TokenCredential } from "@azure/identity";
import type { FullOperationResponse, OperationOptions } from "@azure/core-client";
import type { PipelinePolicy, PipelineResponse } from "@azure/core-rest-pipeline";
import { isObject, type Properties } from "../../values";
import type { ResourceType } from "./resourceTypes";

export interface AzureOptions {
  /** Holds the plugin's own settings, such as ARM_METADATA_HOSTNAME. */
  environment: NodeJS.ProcessEnv;
  /** How long to wait before the first retry; each further one takes twice as long. */
  retryDelayMs: number;
  /** How often to ask after an operation where Azure doesn't say. */
  pollMs: number;
}

/** How often a call is tried again (azure/client_azcore.go). */
const MAX_RETRIES = 3;

/** Azure's refusal in the words of azure-native (newResponseError in azure/client_azcore.go). */
export class AzureError extends Error {
  constructor(
    readonly status: number,
    readonly body: string,
    code: string | undefined,
    message: string,
    /** Whether Azure had taken the call and failed at it later. */
    readonly accepted: boolean,
  ) {
    super(`Status=${status} ${code === undefined ? "" : `Code="${code}" `}Message="${message}"`);
    this.name = "AzureError";
  }
}

/** The place of a type's operations. */
interface Target {
  /** The client's name. */
  module: string;
  operations: ResourceType["operations"];
}

/** The operations on one type, which all of the clients have alike. */
interface Operations {
  get: (...args: unknown[]) => Promise<object>;
  beginCreateOrUpdateAndWait?: (...args: unknown[]) => Promise<object>;
  createOrUpdate?: (...args: unknown[]) => Promise<object>;
  beginDeleteAndWait: (...args: unknown[]) => Promise<unknown>;
}

/** A subscription. */
export class Azure {
  private readonly clients = new Map<string, Promise<object>>();
  private cloud: ReturnType<typeof signIn> | undefined;

  constructor(private readonly options: AzureOptions) {}

  get subscriptionId(): string {
    return setting(this.options.environment, "ARM_SUBSCRIPTION_ID");
  }

  /** Looks the resource up, in Azure's own form. */
  async get(target: Target, names: string[], query: Properties = {}): Promise<Properties> {
    return this.call(target, (operations, options) => operations.get(...names, { ...query, ...options }));
  }

  /** Creates or updates the resource, and waits until Azure is done. */
  async put(target: Target, names: string[], body: Properties): Promise<Properties> {
    return this.call(target, async (operations, options) => {
      const put = operations.beginCreateOrUpdateAndWait ?? operations.createOrUpdate;
      return put?.call(operations, ...names, body, options);
    });
  }

  /** Deletes the resource, and waits until it is gone; there need be none. */
  async delete(target: Target, names: string[]): Promise<void> {
    await this.call(target, (operations, options) => operations.beginDeleteAndWait(...names, options)).catch(
      unlessGone,
    );
  }

  private async call(
    { module, operations: group }: Target,
    action: (operations: Operations, options: OperationOptions & { updateIntervalInMs: number }) => Promise<unknown>,
  ): Promise<Properties> {
    const client = await this.client(module);
    let accepted = false;
    let last: FullOperationResponse | undefined;
    const onResponse = (response: FullOperationResponse): void => {
      accepted ||= response.status < 400;
      last = response;
    };
    try {
      const operations = (client as Record<typeof group, Operations>)[group];
      await action(operations, { onResponse, updateIntervalInMs: this.options.pollMs });
      // The clients' own results have defaults in them that Azure didn't send, and dates in place of text.
      return parsed(last?.bodyAsText);
    } catch (error) {
      // An operation that failed is told of by an answer that is itself a success.
      const unanswered =
        error instanceof Error && error.name === "RestError" && !("response" in error && error.response);
      throw last === undefined || unanswered ? error : refusal(last, accepted);
    }
  }

  private client(module: string): Promise<object> {
    const known = this.clients.get(module);
    if (known) return known;
    const opened = this.open(module);
    this.clients.set(module, opened);
    opened.catch(() => this.clients.delete(module));
    return opened;
  }

  private async open(module: string): Promise<object> {
    this.cloud ??= signIn(this.options).catch((error: unknown) => {
      this.cloud = undefined;
      throw error;
    });
    const { credential, ...cloud } = await this.cloud;
    const policies = [await conflictPolicy(this.options.retryDelayMs), pollingPolicy];
    const options = {
      ...cloud,
      additionalPolicies: policies.map((policy) => ({ policy, position: "perCall" as const })),
    };
    // Only what is needed is loaded, as each takes a quarter of a second.
    switch (module) {
      case "compute":
        return new (await import("@azure/arm-compute")).ComputeManagementClient(
          credential,
          this.subscriptionId,
          options,
        );
      case "network":
        return new (await import("@azure/arm-network")).NetworkManagementClient(
          credential,
          this.subscriptionId,
          options,
        );
      default:
        return new (await import("@azure/arm-resources")).ResourceManagementClient(credential, this.subscriptionId, {
          ...options,
          apiVersion: "2024-03-01",
        });
    }
  }
}

/** Finds the cloud, and a credential for it (azure/cloud/cloud.go, provider/auth_azidentity.go). */
async function signIn({ environment, retryDelayMs }: AzureOptions): Promise<{
  credential: TokenCredential;
  endpoint: string;
  credentialScopes: string;
  tlsOptions: { ca?: string };
  retryOptions: { maxRetries: number; retryDelayInMs: number };
}> {
  const { ClientSecretCredential } = await import("@azure/identity");
  const { createDefaultHttpClient, createPipelineFromOptions, createPipelineRequest } =
    await import("@azure/core-rest-pipeline");
  const host = setting(environment, "ARM_METADATA_HOSTNAME");
  const { SSL_CERT_FILE: caFile } = environment;
  const shared = {
    tlsOptions: caFile === undefined ? {} : { ca: readFileSync(caFile, "utf8") },
    retryOptions: { maxRetries: MAX_RETRIES, retryDelayInMs: retryDelayMs },
  };
  const url = `https://${host}/metadata/endpoints?api-version=2022-09-01`;
  const response = await createPipelineFromOptions(shared).sendRequest(
    createDefaultHttpClient(),
    createPipelineRequest({ url }),
  );
  if (response.status !== 200) throw new Error(`GET ${url}: ${response.status}`);
  const { authentication, resourceManager } = JSON.parse(response.bodyAsText ?? "") as {
    authentication: { loginEndpoint: string; audiences: string[] };
    resourceManager: string;
  };
  const credential = new ClientSecretCredential(
    setting(environment, "ARM_TENANT_ID"),
    setting(environment, "ARM_CLIENT_ID"),
    setting(environment, "ARM_CLIENT_SECRET"),
    {
      ...shared,
      authorityHost: authentication.loginEndpoint,
      disableInstanceDiscovery: environment.ARM_DISABLE_INSTANCE_DISCOVERY === "true",
    },
  );
  const credentialScopes = `${authentication.audiences[0] ?? ""}/.default`;
  return { credential, endpoint: resourceManager.replace(/\/$/, ""), credentialScopes, ...shared };
}

function setting(environment: NodeJS.ProcessEnv, name: string): string {
  const value = environment[name];
  if (value === undefined || value === "") throw new Error(`the stand-in for azure-native needs ${name}`);
  return value;
}

/** Tries again what Azure can't do while it does something else (shouldRetryConflict in azure/client_azcore.go). */
async function conflictPolicy(delayMs: number): Promise<PipelinePolicy> {
  const { retryPolicy } = await import("@azure/core-rest-pipeline");
  const isConflict = (response?: PipelineResponse): boolean =>
    response?.status === 409 && response.bodyAsText?.includes("AnotherOperationInProgress") === true;
  const policy = retryPolicy(
    [
      {
        name: "conflictRetryStrategy",
        retry: ({ response, retryCount }) =>
          isConflict(response) ? { retryAfterInMs: delayMs * 2 ** retryCount } : { skipStrategy: true },
      },
    ],
    { maxRetries: MAX_RETRIES },
  );
  return { ...policy, name: "conflictRetryPolicy" };
}

/** Makes the clients obey `retry-after-ms`, as Go's SDK does. The header becomes a date, which can have milliseconds. */
const pollingPolicy: PipelinePolicy = {
  name: "retryAfterMsPolicy",
  async sendRequest(request, next) {
    const response = await next(request);
    const wait = Number(response.headers.get("retry-after-ms") ?? Number.NaN);
    if (response.status < 300 && Number.isFinite(wait)) {
      const until = new Date(Date.now() + wait);
      const milliseconds = String(until.getUTCMilliseconds()).padStart(3, "0");
      response.headers.set("retry-after", until.toUTCString().replace(" GMT", `.${milliseconds} GMT`));
    }
    return response;
  },
};

/** Looking for a resource that isn't there, or deleting it, is no error. */
export function unlessGone(error: unknown): undefined {
  if (error instanceof AzureError && error.status === 404) return undefined;
  throw error;
}

function refusal({ status, headers, bodyAsText }: FullOperationResponse, accepted: boolean): AzureError {
  const body = parsed(bodyAsText);
  const error = isObject(body.error) ? body.error : body;
  const code = headers.get("x-ms-error-code") ?? error.code;
  const message = typeof error.message === "string" ? error.message : (bodyAsText ?? "");
  return new AzureError(status, bodyAsText ?? "", typeof code === "string" ? code : undefined, message, accepted);
}

function parsed(text: string | null | undefined): Properties {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
