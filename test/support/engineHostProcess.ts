/**
 * Serves the program to engines, one after the other, in a process of its own: an engine that is killed leaves the SDK with
 * promises that are rejected when nobody listens any more, and a test's process fails by that.
 *
 * Where the environment names a rehearsal, it serves its providers too, and a key service for the state's secrets: so no run
 * waits for plugins to start or derives a key from a passphrase, and a test may wait for a run and hear nothing else.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import * as automation from "@pulumi/pulumi/automation/server.js";
import * as sdk from "@pulumi/pulumi/runtime/settings.js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import type program from "../../index";
import { ENVIRONMENT } from "../../rehearsal/arm/open";
import { serveEndpoint } from "../../rehearsal/arm/endpoint";
import { AzureNative } from "../../rehearsal/providers/azureNative";
import { random } from "../../rehearsal/providers/random";
import { type ResourceProvider } from "../../rehearsal/providers/provider";
import { listen } from "../../rehearsal/providers/server";
import { tls } from "../../rehearsal/providers/tls";
import { CLOCK_FILE, type Serving } from "./engineHost";
import { startKeyService } from "./keyService";

/** What the SDK serves an inline program with; its types keep it to itself. */
const { LanguageServer } = automation as unknown as {
  LanguageServer: new (
    program: () => Promise<unknown>,
  ) => UntypedServiceImplementation & { run: (...args: unknown[]) => unknown };
};

// The SDK closes no connection of a run that failed. They go on looking for their engines, and as gRPC shares connections
// to the same address, a later engine that gets an earlier one's port would be taken for dead.
Object.assign((sdk as unknown as { grpcClientOptions: object }).grpcClientOptions, {
  "grpc.use_local_subchannel_pool": 1,
});
// The SDK notes where each of its promises was made: with source maps, that is a third of a run's time.
Error.stackTraceLimit = 0;

async function serveProgram(): Promise<string> {
  const languageServer = new LanguageServer(() => {
    // Loaded when it is wanted: not every test's program is run here.
    const declare = createRequire(__filename)("../../index") as typeof program;
    return declare();
  });
  const run = languageServer.run.bind(languageServer);
  languageServer.run = (...args) => {
    // A run whose engine failed or was killed never ends; its listeners would stay.
    process.removeAllListeners("unhandledRejection").removeAllListeners("uncaughtException");
    process.on("unhandledRejection", () => undefined);
    return run(...args);
  };
  const server = new Server();
  server.addService(LanguageRuntimeService, languageServer);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  return `127.0.0.1:${port}`;
}

async function serveProviders(directory: string): Promise<string> {
  const { environment } = await serveEndpoint(directory, process.env[ENVIRONMENT.rootFileSystem]);
  const providers: Record<string, ResourceProvider> = {
    "azure-native": new AzureNative({ environment, retryDelayMs: 1, pollMs: 25 }),
    tls: madeAnew(() => {
      process.env.REHEARSAL_CLOCK_OFFSET_HOURS = readFileSync(join(directory, CLOCK_FILE), "utf8");
      return tls;
    }),
    random,
  };
  const ports: string[] = [];
  for (const [name, provider] of Object.entries(providers)) ports.push(`${name}:${(await listen(provider)).port}`);
  return ports.join(",");
}

/** A provider that is made anew by each engine that configures it: as a plugin's process, it sees what has changed since. */
function madeAnew(make: () => ResourceProvider): ResourceProvider {
  let current = make();
  const configure: ResourceProvider["configure"] = (config) => {
    current = make();
    return current.configure?.(config);
  };
  return new Proxy(current, {
    get: (_first, name) => {
      if (name === "configure") return configure;
      const member: unknown = Reflect.get(current, name);
      return typeof member === "function" ? (member.bind(current) as unknown) : member;
    },
  });
}

async function serve(): Promise<void> {
  const serving: Serving = { program: await serveProgram() };
  const directory = process.env[ENVIRONMENT.directory];
  if (directory !== undefined) {
    serving.providers = { PULUMI_DEBUG_PROVIDERS: await serveProviders(directory) };
    serving.keyService = await startKeyService({ after: () => undefined });
  }
  process.send?.(serving);
}

process.once("disconnect", () => process.exit());
void serve();
