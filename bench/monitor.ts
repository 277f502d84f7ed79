/** A small engine: takes what a program declares, as the real one does in a preview, and notes when and what. */
import { createRequire } from "node:module";
import { type UntypedServiceImplementation, Server, ServerCredentials, type handleUnaryCall } from "@grpc/grpc-js";
import { EngineService } from "@pulumi/pulumi/proto/engine_grpc_pb";
import * as engine from "@pulumi/pulumi/proto/engine_pb";
import { ResourceMonitorService } from "@pulumi/pulumi/proto/resource_grpc_pb";
import * as resource from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { Struct, Value } from "google-protobuf/google/protobuf/struct_pb";
import { UNKNOWN } from "../rehearsal/providers/provider";

/** The declarations so far. */
export interface Declared {
  /** The resources' types, in the order of their coming. */
  types: string[];
  /** When the last one came, by `performance.now()`. */
  lastAt: number;
  /** The program's warnings and errors. */
  complaints: string[];
}

export interface Monitor {
  address: string;
  /** The declarations since the last call of `reset`. */
  declared: Declared;
  reset(): void;
  close(): void;
}

/** A project's name and a stack's, as they stand in a resource's URN. */
export const STACK = { project: "azure-docker-host", stack: "bench" };

/** The computed outputs that the program asks for. */
const COMPUTED: Record<string, string[]> = {
  "azure-native:network:VirtualNetwork": ["subnets"],
  "azure-native:network:PublicIPAddress": ["ipAddress", "dnsSettings"],
  "azure-native:network:NetworkInterface": ["ipConfigurations"],
  "azure-native:compute:VirtualMachine": ["vmId"],
};

const answer =
  <Request, Response>(work: (request: Request) => Response): handleUnaryCall<Request, Response> =>
  (call, reply) => {
    reply(null, work(call.request));
  };

/** Starts it. */
export async function startMonitor(): Promise<Monitor> {
  const fresh = (): Declared => ({ types: [], lastAt: 0, complaints: [] });
  const monitor = { address: "", declared: fresh() };
  const services: UntypedServiceImplementation = {
    supportsFeature: answer(() => new resource.SupportsFeatureResponse().setHassupport(true)),
    registerResource: answer((request: resource.RegisterResourceRequest) => {
      monitor.declared.types.push(request.getType());
      monitor.declared.lastAt = performance.now();
      const urn = `urn:pulumi:${STACK.stack}::${STACK.project}::${request.getType()}::${request.getName()}`;
      const object = request.getObject() ?? new Struct();
      // A preview: what Azure would make of it is not known.
      for (const path of COMPUTED[request.getType()] ?? []) {
        object.getFieldsMap().set(path, Value.fromJavaScript(UNKNOWN));
      }
      return new resource.RegisterResourceResponse().setUrn(urn).setObject(object);
    }),
    registerResourceOutputs: answer(() => new Empty()),
    registerPackage: answer(() => new resource.RegisterPackageResponse()),
    signalAndWaitForShutdown: answer(() => new Empty()),
    getDeploymentInfo: answer(() => new resource.DeploymentInfo()),
  };
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  server.addService(ResourceMonitorService, services);
  server.addService(EngineService, {
    log: answer((request: engine.LogRequest) => {
      if (request.getSeverity() >= engine.LogSeverity.WARNING) monitor.declared.complaints.push(request.getMessage());
      return new Empty();
    }),
    getRootResource: answer(() => new engine.GetRootResourceResponse()),
    setRootResource: answer(() => new engine.SetRootResourceResponse()),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  monitor.address = `127.0.0.1:${port}`;
  return Object.assign(monitor, {
    reset: () => {
      monitor.declared = fresh();
    },
    close: () => {
      server.forceShutdown();
    },
  });
}

/** Pulumi's own launcher of Node programs. */
export const LAUNCHER = createRequire(__filename).resolve("@pulumi/pulumi/cmd/run");
