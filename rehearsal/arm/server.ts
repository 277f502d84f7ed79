/** The loopback Azure Resource Manager: an HTTPS endpoint that azure-native, Microsoft's SDKs and `az` can talk to. */
import { randomUUID } from "node:crypto";
import { type IncomingMessage, type ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Access } from "./access";
import { ArmError } from "./armError";
import { LostResponse } from "./behaviour";
import { catalogue } from "./catalogue";
import { Operations, POLL_HEADERS, statusOf } from "./operations";
import type { Answer, Request, Sources } from "./request";
import { answerTo } from "./resources";
import type { Subscription } from "./subscription";
import { messageOf } from "../values";

/** An endpoint that listens. */
export interface ArmEndpoint {
  port: number;
  /** Whether an operation is in progress. */
  busy: () => boolean;
  /** Ends it, with the connections that clients keep. */
  close: () => Promise<void>;
}

/** Listens on loopback alone; on a port of the system's choice unless one is named. */
export async function listen(subscription: Subscription, access: Access, port = 0): Promise<ArmEndpoint> {
  const operations = new Operations();
  // As long as Azure, which keeps idle connections for minutes: a shorter limit breaks calls that meet its end.
  const options = { ...access.certificate, keepAlive: true, keepAliveTimeout: 120_000 };
  const server = createServer(options, (request, response) => {
    const origin = `https://${request.headers.host ?? ""}`;
    void respond(request, response, (asked) => route(asked, { subscription, access, operations, origin, request }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    busy: () => operations.busy,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

interface Context extends Sources {
  request: IncomingMessage;
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (asked: Request & { text: string }) => Promise<Answer>,
): Promise<void> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const url = new URL(request.url ?? "/", "https://127.0.0.1");
    const path = decodeURIComponent(url.pathname).replace(/\/+$/, "");
    const asked = { method: request.method ?? "GET", path, query: url.searchParams, body: {}, text };
    const { status, headers, body } = await answer(asked);
    send(response, status, headers, body);
  } catch (error) {
    if (error instanceof LostResponse) {
      request.socket.destroy();
      return;
    }
    const known = error instanceof ArmError ? error : new ArmError(500, "InternalServerError", messageOf(error));
    const wait = known.retryAfterSeconds;
    const headers = wait !== undefined && {
      "Retry-After": String(Math.ceil(wait)),
      "retry-after-ms": String(Math.round(wait * 1000)),
    };
    send(response, known.status, { ...headers }, { error: { code: known.code, message: known.detail } });
  }
}

function send(response: ServerResponse, status: number, headers: Record<string, string> = {}, body?: unknown): void {
  const id = randomUUID();
  response.writeHead(status, {
    "Content-Type": "application/json; charset=utf-8",
    "x-ms-request-id": id,
    "x-ms-correlation-request-id": id,
    ...headers,
  });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

async function route(asked: Request & { text: string }, context: Context): Promise<Answer> {
  const { access, origin, operations, request } = context;
  const { path, method, query, text } = asked;
  if (/^\/metadata\/endpoints$/i.test(path)) return { status: 200, body: metadata(origin) };
  const tenant = /^\/([^/]+)\/(v2\.0\/\.well-known\/openid-configuration|oauth2\/v2\.0\/token)$/.exec(path);
  if (tenant)
    return method === "POST" ? tokenFor(text, access) : { status: 200, body: openIdConfiguration(origin, tenant[1]) };

  access.admit(request.headers.authorization);
  if (!query.has("api-version")) {
    throw new ArmError(
      400,
      "MissingApiVersionParameter",
      "The api-version query parameter (?api-version=) is required for all requests.",
    );
  }
  if (text !== "") asked.body = parsed(text);

  const operation = /\/(operations|operationResults)\/([^/]+)$/i.exec(path);
  if (operation) return pollOf(operation[1] ?? "", operations.get(operation[2] ?? ""));
  return catalogue(asked, context) ?? (await answerTo(asked, context));
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new ArmError(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized.");
  }
}

/** The first answer that a client of a custom cloud reads (azure-native: azure/cloud/metadata; `az cloud register`). */
function metadata(origin: string): Record<string, unknown> {
  return {
    name: "AzureLoopback",
    portal: origin,
    authentication: {
      loginEndpoint: origin,
      audiences: [`${origin}/`],
      tenant: "common",
      identityProvider: "AAD",
    },
    resourceManager: origin,
    graphAudience: `${origin}/`,
    microsoftGraphResourceId: `${origin}/`,
    activeDirectoryDataLake: origin,
    batch: origin,
    gallery: origin,
    media: origin,
    sqlManagement: origin,
    vmImageAliasDoc: `${origin}/aliases.json`,
    suffixes: { storage: "core.loopback", keyVaultDns: "vault.loopback", azureKeyVaultDns: "vault.loopback" },
  };
}

function openIdConfiguration(origin: string, tenant = ""): Record<string, unknown> {
  return {
    issuer: `${origin}/${tenant}/v2.0`,
    authorization_endpoint: `${origin}/${tenant}/oauth2/v2.0/authorize`,
    token_endpoint: `${origin}/${tenant}/oauth2/v2.0/token`,
    jwks_uri: `${origin}/${tenant}/discovery/v2.0/keys`,
    response_types_supported: ["code", "id_token"],
    subject_types_supported: ["pairwise"],
    id_token_signing_alg_values_supported: ["RS256"],
  };
}

/** A refusal is in OAuth's form, not in Azure Resource Manager's. */
function tokenFor(form: string, access: Access): Answer {
  try {
    return { status: 200, body: access.issue(new URLSearchParams(form)) };
  } catch (error) {
    if (!(error instanceof ArmError)) throw error;
    return { status: error.status, body: { error: error.code, error_description: error.detail } };
  }
}

/** Azure-AsyncOperation tells the status; Location answers 202 until it is done, and then as the request itself would have. */
function pollOf(kind: string, operation: ReturnType<Operations["get"]>): Answer {
  if (!operation) throw new ArmError(404, "NotFound", "The operation was not found.");
  const waiting = operation.status === "InProgress";
  const headers = waiting ? POLL_HEADERS : {};
  if (kind.toLowerCase() === "operations") return { status: 200, headers, body: statusOf(operation) };
  if (waiting) return { status: 202, headers };
  if (operation.error) throw operation.error;
  return operation.result ? { status: 200, body: operation.result } : { status: 204 };
}
