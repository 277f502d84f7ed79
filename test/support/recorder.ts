/** Records what a program declares under Pulumi's mocks, as the engine is told of it. */
import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceOutputsRequest, RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { DockerHost } from "../../components/dockerHost";
import type { DockerHostArgs } from "../../components/dockerHostArgs";

export type Values = Record<string, unknown>;

/** A resource as the engine is told of it; a secret input is `{ secret: VALUE }`. */
export interface Declared {
  type: string;
  /** The parent's name. */
  parent: string;
  urn: string;
  inputs: unknown;
  /** Those options that are set. */
  options: Values;
  /** The names of what it waits for. */
  dependsOn: string[];
}

export const pem = (label: string, content: string): string =>
  `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`;
export const certPem = (name: string): string => pem("CERTIFICATE", name);
export const keyPem = (name: string): string => pem("EC PRIVATE KEY", name);

export const GENERATED_PASSWORD = "Generated-pass1!";

/** What each provider makes of its inputs, beside those. */
const MADE: Record<string, (name: string, inputs: Values) => Values> = {
  "random:index/randomString:RandomString": () => ({ result: "x3k9qa" }),
  "random:index/randomPassword:RandomPassword": () => ({ result: GENERATED_PASSWORD }),
  "tls:index/privateKey:PrivateKey": (name) => ({
    privateKeyPem: keyPem(name),
    privateKeyOpenssh: pem("OPENSSH PRIVATE KEY", name),
    publicKeyOpenssh: `ssh-ed25519 ${name}\n`,
  }),
  "tls:index/selfSignedCert:SelfSignedCert": (name) => ({ certPem: certPem(name) }),
  "tls:index/certRequest:CertRequest": (name) => ({ certRequestPem: pem("CERTIFICATE REQUEST", name) }),
  "tls:index/locallySignedCert:LocallySignedCert": (name) => ({ certPem: certPem(name) }),
  "azure-native:network:PublicIPAddress": (_name, { dnsSettings }) => ({
    ipAddress: "203.0.113.10",
    dnsSettings: {
      ...(dnsSettings as Values),
      fqdn: `${String((dnsSettings as Values).domainNameLabel)}.westeurope.cloudapp.azure.com`,
    },
  }),
  "azure-native:network:NetworkInterface": () => ({ ipConfigurations: [{ privateIPAddress: "10.0.0.4" }] }),
  "azure-native:compute:VirtualMachine": (_name, { vmName }) => ({ name: vmName }),
};

/** The engine's end of the program: remembers what it is told, and marks the outputs that it is asked to keep secret. */
export class Recorder extends MockMonitor {
  readonly declared: Record<string, Declared> = {};
  readonly outputs: Record<string, unknown> = {};
  private readonly secretOutputs = new Map<string, string[]>();

  constructor() {
    super({
      call: ({ token }) => {
        throw new Error(`unexpected call of ${token}`);
      },
      newResource: ({ type, name, inputs }) => {
        const state = { ...(inputs as Values), ...MADE[type]?.(name, inputs as Values) };
        for (const output of this.secretOutputs.get(name) ?? []) {
          if (output in state) state[output] = pulumi.secret(state[output]);
        }
        return { id: `${name}-id`, state };
      },
    });
  }

  override async registerResource(
    request: RegisterResourceRequest,
    callback: Parameters<MockMonitor["registerResource"]>[1],
  ): Promise<void> {
    const name = request.getName();
    assert.ok(!(name in this.declared), `${name} is declared twice`);
    const options: Values = {
      ...(request.getDeletedwith() !== "" && { deletedWith: nameOf(request.getDeletedwith()) }),
      ...(request.getDeletebeforereplacedefined() && { deleteBeforeReplace: request.getDeletebeforereplace() }),
      ...(request.getReplaceonchangesList().length > 0 && { replaceOnChanges: request.getReplaceonchangesList() }),
      ...(request.getReplaceWithList().length > 0 && { replaceWith: request.getReplaceWithList().map(nameOf) }),
      ...(request.getIgnorechangesList().length > 0 && { ignoreChanges: request.getIgnorechangesList() }),
      ...(request.getAliasesList().length > 0 && { aliases: request.getAliasesList().length }),
      ...(request.getProtect() === true && { protect: true }),
      ...(request.getRetainondelete() === true && { retainOnDelete: true }),
      ...(request.getReplacementTrigger()?.hasNumberValue() === true && {
        replacementTrigger: request.getReplacementTrigger()?.getNumberValue(),
      }),
    };
    this.secretOutputs.set(name, request.getAdditionalsecretoutputsList());
    if (request.getAdditionalsecretoutputsList().length > 0) {
      options.additionalSecretOutputs = request.getAdditionalsecretoutputsList();
    }
    this.declared[name] = {
      type: request.getType(),
      parent: nameOf(request.getParent()),
      urn: "",
      inputs: plain(request.getObject()?.toJavaScript()),
      options,
      dependsOn: request.getDependenciesList().map(nameOf).sort(),
    };
    await super.registerResource(request, (error: unknown, response: { getUrn(): string } | undefined) => {
      const entry = this.declared[name];
      if (entry && response) entry.urn = response.getUrn();
      callback(error, response);
    });
  }

  override registerResourceOutputs(
    request: RegisterResourceOutputsRequest,
    callback: Parameters<MockMonitor["registerResourceOutputs"]>[1],
  ): void {
    this.outputs[nameOf(request.getUrn())] = plain(request.getOutputs()?.toJavaScript());
    super.registerResourceOutputs(request, callback);
  }
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? "";
}

/** Protocol values with a secret as `{ secret: VALUE }`. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const { [pulumi.runtime.specialSigKey]: signature, ...rest } = value as Values;
  if (signature === pulumi.runtime.specialSecretSig) return { secret: plain(rest.value) };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** Runs a program, and tells what was declared by the time that all of it has been. */
export async function run<T>(program: () => T): Promise<{ result: T; recorder: Recorder }> {
  const recorder = new Recorder();
  await pulumi.runtime.setMocks(recorder.mocks, "azure-docker-host", "dev");
  // Not the recorder itself in the monitor's place: only setMocks knows how to turn on all that an engine can do.
  Object.assign(pulumi.runtime.getMonitor() ?? assert.fail("no monitor"), {
    registerResource: recorder.registerResource.bind(recorder),
    registerResourceOutputs: recorder.registerResourceOutputs.bind(recorder),
  });
  // The SDK takes a stack trace for every output there is: half of a run's time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const result = program();
    await pulumi.runtime.disconnect();
    return { result, recorder };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

export const ARGS: DockerHostArgs = {
  resourceGroupName: "group",
  location: "westeurope",
  dockerSources: ["203.0.113.0/24"],
};

/** Declares one host, by default with nothing set but what must be. */
export async function declare(
  args: Partial<DockerHostArgs> = {},
  name = "web",
): Promise<{ host: DockerHost; recorder: Recorder }> {
  const { result, recorder } = await run(() => new DockerHost(name, { ...ARGS, ...args }));
  return { host: result, recorder };
}
