// Makes a plain object a provider plugin of the Pulumi engine: the engine's gRPC protocol on one side, typed functions on the other.
import * as grpc from "@grpc/grpc-js";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import { type Properties, messageOf } from "../values";
import {
  type DiffKind,
  type MaybePromise,
  PartialFailure,
  type Remembered,
  type Resource,
  type ResourceProvider,
} from "./provider";

/**
 * Serves the provider until the engine stops the process. Prints the port on stdout, which is how the engine finds it.
 * When told to stop, or when the engine is gone, it first finishes what it was asked to do.
 */
export async function serve(provider: ResourceProvider): Promise<void> {
  const { port, close } = await listen(provider);
  const stop = (): void => {
    void close().then(() => process.exit(0));
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  // An engine that was killed tells nobody, but its children get a new parent.
  const engine = process.ppid;
  setInterval(() => {
    if (process.ppid !== engine) stop();
  }, 1000).unref();
  process.stdout.write(`${port}\n`);
}

/** A provider that engines can be attached to, by its port. */
export interface Listening {
  port: number;
  /** Waits until it has finished what it was asked to do, even by an engine that is gone. */
  idle: () => Promise<void>;
  /** Ends it, once it is idle. */
  close: () => Promise<void>;
}

/** Serves the provider inside this process, to any number of engines, one after the other. */
export async function listen(provider: ResourceProvider): Promise<Listening> {
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  let inFlight = 0;
  let onIdle: (() => void)[] = [];
  const unary =
    <Request, Response>(
      handle: (request: Request) => MaybePromise<Response>,
    ): grpc.handleUnaryCall<Request, Response> =>
    (call, callback) => {
      inFlight += 1;
      Promise.resolve(call.request)
        .then(handle)
        .then(
          (response) => {
            callback(null, response);
          },
          (error: unknown) => {
            callback(toStatus(error));
          },
        )
        .finally(() => {
          inFlight -= 1;
          if (inFlight > 0) return;
          for (const resolve of onIdle) resolve();
          onIdle = [];
        });
    };

  server.addService(ResourceProviderService, {
    getPluginInfo: unary(() => new PluginInfo().setVersion(provider.version)),
    getSchema: unary(() => new proto.GetSchemaResponse().setSchema("{}")),
    attach: unary(() => new Empty()),
    // Nothing is cut off: the engine waits for the operations that it has begun, and begins no more.
    cancel: unary(() => new Empty()),
    checkConfig: unary((request: proto.CheckRequest) => new proto.CheckResponse().setInputs(request.getNews())),
    diffConfig: unary(() => new proto.DiffResponse().setChanges(proto.DiffResponse.DiffChanges.DIFF_NONE)),

    configure: unary(async (request: proto.ConfigureRequest) => {
      const config: Record<string, string> = {};
      request.getVariablesMap().forEach((value, key) => {
        config[key.replace(/^[^:]*:config:/, "")] = value;
      });
      await provider.configure?.(config);
      // Without acceptSecrets the provider sees plain values, and the engine itself marks the outputs that share a
      // name with a secret input. The engine always sends old inputs; the protocol has no flag for it on this side.
      return new proto.ConfigureResponse().setSupportspreview(true);
    }),

    check: unary(async (request: proto.CheckRequest) => {
      const checked = await provider.check(
        resourceOf(request),
        fromStruct(request.getNews()),
        fromStruct(request.getOlds()),
      );
      const failures = checked.failures.map(({ property, reason }) =>
        new proto.CheckFailure().setProperty(property).setReason(reason),
      );
      return new proto.CheckResponse().setInputs(toStruct(checked.inputs)).setFailuresList(failures);
    }),

    diff: unary(async (request: proto.DiffRequest) => {
      const olds = rememberedOf(request.getOldInputs(), request.getOlds());
      const news = fromStruct(request.getNews());
      const { diffs, deleteBeforeReplace = false } = await provider.diff(
        resourceOf(request),
        request.getId(),
        olds,
        news,
      );
      const { DIFF_NONE, DIFF_SOME } = proto.DiffResponse.DiffChanges;
      const paths = Object.keys(diffs);
      const response = new proto.DiffResponse()
        .setChanges(paths.length > 0 ? DIFF_SOME : DIFF_NONE)
        .setDiffsList(rootsOf(paths))
        .setReplacesList(rootsOf(paths.filter((path) => diffs[path]?.endsWith("-replace"))))
        .setDeletebeforereplace(deleteBeforeReplace)
        .setHasdetaileddiff(true);
      for (const [path, kind] of Object.entries(diffs)) {
        const root = rootOf(path);
        // Tells the display where to look up the old value: among the inputs or among the outputs.
        const isInput = root in olds.inputs || root in news;
        response.getDetaileddiffMap().set(path, new proto.PropertyDiff().setKind(KINDS[kind]).setInputdiff(isInput));
      }
      return response;
    }),

    create: unary(async (request: proto.CreateRequest) => {
      const inputs = fromStruct(request.getProperties());
      if (request.getPreview()) {
        const properties = await provider.preview(resourceOf(request), inputs);
        return new proto.CreateResponse().setProperties(toStruct(properties));
      }
      const { id, properties } = await provider.create(resourceOf(request), inputs);
      return new proto.CreateResponse().setId(id).setProperties(toStruct(properties));
    }),

    read: unary(async (request: proto.ReadRequest) => {
      const olds = rememberedOf(request.getInputs(), request.getProperties());
      const found = await provider.read(resourceOf(request), request.getId(), olds);
      // An answer without an id is how the engine learns that the resource is gone.
      if (found === undefined) return new proto.ReadResponse();
      return new proto.ReadResponse()
        .setId(found.id)
        .setInputs(toStruct(found.inputs))
        .setProperties(toStruct(found.properties));
    }),

    update: unary(async (request: proto.UpdateRequest) => {
      const olds = rememberedOf(request.getOldInputs(), request.getOlds());
      const news = fromStruct(request.getNews());
      const act = async (): Promise<Properties> => {
        if (!request.getPreview()) return provider.update(resourceOf(request), request.getId(), olds, news);
        if (!provider.previewUpdate) return { ...olds.state, ...news };
        return provider.previewUpdate(resourceOf(request), request.getId(), olds, news);
      };
      return new proto.UpdateResponse().setProperties(toStruct(await act()));
    }),

    delete: unary(async (request: proto.DeleteRequest) => {
      const olds = rememberedOf(request.getOldInputs(), request.getProperties());
      await provider.delete(resourceOf(request), request.getId(), olds);
      return new Empty();
    }),

    invoke: unary(async (request: proto.InvokeRequest) => {
      const found = await provider.invoke?.(request.getTok(), fromStruct(request.getArgs()));
      if (!found) throw new Error(`Invoke type ${request.getTok()} not found`);
      return new proto.InvokeResponse().setReturn(toStruct(found));
    }),
  });

  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, boundPort) => {
      if (error) reject(error);
      else resolve(boundPort);
    });
  });

  // Not gRPC's own count: a call whose engine is gone is over for gRPC, but not for us.
  const idle = async (): Promise<void> => {
    if (inFlight > 0) await new Promise<void>((resolve) => onIdle.push(resolve));
  };
  const close = async (): Promise<void> => {
    await idle();
    await new Promise<void>((resolve) => {
      server.tryShutdown(() => {
        resolve();
      });
    });
  };
  return { port, idle, close };
}

const KINDS: Record<DiffKind, proto.PropertyDiff.Kind> = {
  add: proto.PropertyDiff.Kind.ADD,
  "add-replace": proto.PropertyDiff.Kind.ADD_REPLACE,
  delete: proto.PropertyDiff.Kind.DELETE,
  "delete-replace": proto.PropertyDiff.Kind.DELETE_REPLACE,
  update: proto.PropertyDiff.Kind.UPDATE,
  "update-replace": proto.PropertyDiff.Kind.UPDATE_REPLACE,
};

function resourceOf(request: { getUrn(): string; getType(): string; getName(): string }): Resource {
  return { urn: request.getUrn(), type: request.getType(), name: request.getName() };
}

function rememberedOf(inputs: Struct | undefined, state: Struct | undefined): Remembered {
  return { inputs: fromStruct(inputs), state: fromStruct(state) };
}

function rootOf(path: string): string {
  return path.split(/[.[]/, 1)[0] ?? path;
}

function rootsOf(paths: string[]): string[] {
  return [...new Set(paths.map(rootOf))];
}

function fromStruct(struct: Struct | undefined): Properties {
  return struct?.toJavaScript() ?? {};
}

function toStruct(properties: Properties): Struct {
  // By way of JSON, since a Struct refuses a property that is set to undefined.
  return Struct.fromJavaScript(JSON.parse(JSON.stringify(properties)) as Record<string, JavaScriptValue>);
}

function toStatus(error: unknown): Partial<grpc.StatusObject> {
  const code = grpc.status.UNKNOWN;
  const details = messageOf(error);
  if (!(error instanceof PartialFailure)) return { code, details };
  const failed = new proto.ErrorResourceInitFailed()
    .setId(error.id)
    .setProperties(toStruct(error.properties))
    .setInputs(toStruct(error.inputs))
    .setReasonsList(error.reasons);
  const packed = new Any();
  packed.pack(failed.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new Status().setCode(code).setMessage(details).setDetailsList([packed]);
  const metadata = new grpc.Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return { code, details, metadata };
}
