/**
 * Serves the program to engines, one after the other, in a process of its own. An engine that is killed leaves the SDK with
 * promises that are rejected later, and the test's own process would fail by that.
 *
 * For a rehearsal it also serves the providers, the loopback Azure, and a key service for the state's secrets. So no run
 * waits for plugins to start or derives a key from a passphrase, and a test can wait for a run and do nothing else.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import * as automation from "@pulumi/pulumi/automation/server.js";
import * as sdk from "@pulumi/pulumi/runtime/settings.js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import type index from "../../index";
import { serveEndpoint } from "../../rehearsal/arm/endpoint";
import { AzureNative } from "../../rehearsal/providers/azureNative";
import { random } from "../../rehearsal/providers/random";
import { type ResourceProvider } from "../../rehearsal/providers/provider";
import { listen } from "../../rehearsal/providers/server";
import { tls } from "../../rehearsal/providers/tls";
import { type Answered, type Asked, CLOCK_FILE, type Serving } from "./engineHost";
import { startKeyService } from "./keyService";

/** The SDK's server of an inline program, which its types don't export. */
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
    const declare = createRequire(__filename)("../../index") as typeof index;
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

/** Serves a rehearsal's providers and its loopback Azure. */
async function serveProviders(
  directory: string,
  rootFileSystem?: string,
): Promise<{ ports: string; close: () => Promise<void> }> {
  const { environment, ...endpoint } = await serveEndpoint(directory, rootFileSystem);
  const providers: Record<string, ResourceProvider> = {
    "azure-native": new AzureNative({ environment, retryDelayMs: 1, pollMs: 25 }),
    tls: madeAnew(() => {
      process.env.REHEARSAL_CLOCK_OFFSET_HOURS = readFileSync(join(directory, CLOCK_FILE), "utf8");
      return tls;
    }),
    random,
  };
  const ports: string[] = [];
  const servers: { close: () => Promise<void> }[] = [endpoint];
  for (const [name, provider] of Object.entries(providers)) {
    const listening = await listen(provider);
    ports.push(`${name}:${listening.port}`);
    servers.unshift(listening);
  }
  const close = async (): Promise<void> => {
    for (const server of servers) await server.close();
  };
  return { ports: ports.join(","), close };
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

const program = serveProgram();
const keyService = startKeyService({ after: () => undefined });
const closers = new Map<number, () => Promise<void>>();

async function serve({ id, directory, rootFileSystem }: Asked): Promise<Serving> {
  const serving: Serving = { program: await program };
  if (directory === undefined) return serving;
  const { ports, close } = await serveProviders(directory, rootFileSystem);
  closers.set(id, close);
  return { ...serving, providers: { PULUMI_DEBUG_PROVIDERS: ports }, keyService: await keyService };
}

async function answer(asked: Asked): Promise<Answered> {
  const { id, close = false } = asked;
  try {
    if (!close) return { id, serving: await serve(asked) };
    await closers.get(id)?.();
    return { id };
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

process.once("disconnect", () => process.exit());
process.on("message", (asked: Asked) => {
  void answer(asked).then((answered) => process.send?.(answered));
});
