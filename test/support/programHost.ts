/**
 * Serves the program to engines, one after the other, in a process of its own: an engine that is killed leaves the SDK with
 * promises that are rejected when nobody listens any more, and a test's process fails by that.
 */
import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import * as automation from "@pulumi/pulumi/automation/server.js";
import * as sdk from "@pulumi/pulumi/runtime/settings.js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import declare from "../../index";

/** What the SDK serves an inline program with; its types keep it to itself. */
const { LanguageServer } = automation as unknown as {
  LanguageServer: new (
    program: typeof declare,
  ) => UntypedServiceImplementation & { run: (...args: unknown[]) => unknown };
};

// The SDK closes no connection of a run that failed. They go on looking for their engines, and as gRPC shares connections
// to the same address, a later engine that gets an earlier one's port would be taken for dead.
Object.assign((sdk as unknown as { grpcClientOptions: object }).grpcClientOptions, {
  "grpc.use_local_subchannel_pool": 1,
});
// The SDK notes where each of its promises was made: with source maps, that is a third of a run's time.
Error.stackTraceLimit = 0;
process.once("disconnect", () => process.exit());

const languageServer = new LanguageServer(declare);
const run = languageServer.run.bind(languageServer);
languageServer.run = (...args) => {
  // A run whose engine failed or was killed never ends; its listeners would stay.
  process.removeAllListeners("unhandledRejection").removeAllListeners("uncaughtException");
  process.on("unhandledRejection", () => undefined);
  return run(...args);
};
const server = new Server();
server.addService(LanguageRuntimeService, languageServer);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.send?.(port);
});
