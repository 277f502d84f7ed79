/**
 * A stand-in for Pulumi's Node language host, which is part of Pulumi's release archives and cannot be had without them:
 * it lets a test run the plain `pulumi up` of a person on this project.
 *
 * The engine is the real one, and so is the launcher inside `@pulumi/pulumi` that loads and runs the program; this file
 * only joins the two as the real host does: same arguments, same environment, same answer about how the program ended.
 * Left out: the pipe for synchronous invokes (`--sync`) and the monitor proxy that exists for it, tracing, debugging,
 * hints on exhausted memory, and everything that is not about running a program (installing, code generation, packing),
 * which the engine is told is not implemented.
 */
import * as childProcess from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import * as grpc from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import * as language from "@pulumi/pulumi/proto/language_pb";
import * as plugin from "@pulumi/pulumi/proto/plugin_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";

/** The launcher ends with this code when the person has already been told what is wrong. */
const exitCodeAfterUsersMessage = 32;

/** The Pulumi plugin that a package's `package.json` asks for. */
interface Manifest {
  name?: string;
  version?: string;
  pulumi?: { resource?: boolean; name?: string; version?: string; server?: string };
}

/** The options under `runtime:` in `Pulumi.yaml` that reach the program's process. */
interface RuntimeOptions {
  typescript?: boolean;
  tsconfig?: string;
  nodeargs?: string;
}

// The engine's address is the last argument.
const engineAddress = process.argv.at(-1) ?? "";
const running = new Set<childProcess.ChildProcess>();

/** Answers one call with what `work` returns or throws. */
function answer<Request, Response>(
  work: (request: Request) => Response | Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return (call, reply) => {
    Promise.resolve(call.request)
      .then(work)
      .then(
        (response) => {
          reply(null, response);
        },
        (error: unknown) => {
          reply({ code: grpc.status.UNKNOWN, details: error instanceof Error ? error.message : String(error) });
        },
      );
  };
}

/** The folders of the packages in a `node_modules` folder, scoped ones included. */
function packageFolders(modules: string): string[] {
  return fs.readdirSync(modules).flatMap((name) => {
    const folder = path.join(modules, name);
    return name.startsWith("@") ? fs.readdirSync(folder).map((inner) => path.join(folder, inner)) : [folder];
  });
}

/** The plugins that the installed packages need: those that say `"pulumi": { "resource": true }`. */
function requiredPackages(request: language.GetRequiredPackagesRequest): language.GetRequiredPackagesResponse {
  const response = new language.GetRequiredPackagesResponse();
  for (const folder of packageFolders(path.join(request.getInfo()?.getProgramDirectory() ?? ".", "node_modules"))) {
    const file = path.join(folder, "package.json");
    if (!fs.existsSync(file)) continue;
    const manifest = JSON.parse(fs.readFileSync(file, "utf8")) as Manifest;
    if (!manifest.pulumi?.resource) continue;
    response.addPackages(
      new plugin.PackageDependency()
        .setKind("resource")
        .setName(manifest.pulumi.name ?? (manifest.name ?? "").replace(/^@pulumi\//, ""))
        .setVersion(`v${(manifest.pulumi.version ?? manifest.version ?? "").replace(/^v/, "")}`)
        .setServer(manifest.pulumi.server ?? ""),
    );
  }
  return response;
}

/** The command line of the program's process: Node's own arguments, the launcher, its flags, the program, its arguments. */
function runArguments(request: language.RunRequest, info: language.ProgramInfo, options: RuntimeOptions): string[] {
  const programDirectory = info.getProgramDirectory();
  const flags = Object.entries({
    monitor: request.getMonitorAddress(),
    engine: engineAddress,
    organization: request.getOrganization(),
    project: request.getProject(),
    "root-directory": info.getRootDirectory(),
    stack: request.getStack(),
    pwd: programDirectory,
    parallel: String(request.getParallel()),
  });
  return [
    ...(options.nodeargs ?? "").split(/\s+/).filter((argument) => argument !== ""),
    createRequire(path.join(programDirectory, "package.json")).resolve("@pulumi/pulumi/cmd/run"),
    ...flags.flatMap(([flag, value]) => (value === "" ? [] : [`--${flag}`, value])),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    info.getEntryPoint(),
    ...request.getArgsList(),
  ];
}

/** The environment of the program's process: the host's own, the stack's configuration and how to load the program. */
function runEnvironment(request: language.RunRequest, options: RuntimeOptions): NodeJS.ProcessEnv {
  const config = Object.fromEntries(
    request
      .getConfigMap()
      .toArray()
      // The launcher is given keys in their old form, `namespace:config:name`.
      .map(([key, value]) => [key.replace(/^([^:]+):(?:config:)?/, "$1:config:"), value]),
  );
  return {
    ...process.env,
    PULUMI_CONFIG: JSON.stringify(config),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
    ...((options.typescript ?? true) && { PULUMI_NODEJS_TYPESCRIPT: "true" }),
    ...(options.tsconfig !== undefined && { PULUMI_NODEJS_TSCONFIG_PATH: options.tsconfig }),
  };
}

/** Runs the program to its end. */
async function run(request: language.RunRequest): Promise<language.RunResponse> {
  const info = request.getInfo() ?? new language.ProgramInfo();
  const options: RuntimeOptions = info.getOptions()?.toJavaScript() ?? {};
  const child = childProcess.spawn("node", runArguments(request, info, options), {
    env: runEnvironment(request, options),
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  // The engine shows what a plugin prints.
  child.stdout.pipe(process.stdout, { end: false });
  child.stderr.pipe(process.stderr, { end: false });
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    // Not "exit": the last lines may still be on their way.
    child.once("close", (code) => {
      resolve(code ?? -1);
    });
  }).finally(() => running.delete(child));

  const response = new language.RunResponse();
  if (exitCode === exitCodeAfterUsersMessage) return response.setBail(true);
  return exitCode === 0 ? response : response.setError(`Program exited with non-zero exit code: ${exitCode}`);
}

/** Interrupts the programs that run, and kills those that have not ended five seconds later. */
function cancel(): Empty {
  for (const child of running) {
    child.kill("SIGINT");
    setTimeout(() => child.kill("SIGKILL"), 5000).unref();
  }
  return new Empty();
}

// A call that has no handler here is answered with "not implemented" by gRPC itself.
const server = new grpc.Server();
server.addService(LanguageRuntimeService, {
  handshake: answer(() => new language.LanguageHandshakeResponse()),
  getPluginInfo: answer(() => new plugin.PluginInfo().setVersion("0.0.0-test")),
  about: answer(() => new language.AboutResponse().setExecutable(process.execPath).setVersion(process.version)),
  runtimeOptionsPrompts: answer(() => new language.RuntimeOptionsResponse()),
  getRequiredPackages: answer(requiredPackages),
  run: answer(run),
  cancel: answer(cancel),
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  // The engine reads the port from the first line.
  process.stdout.write(`${port}\n`);
});

// An engine that was killed cannot stop its plugins: whoever is left without a parent ends by itself.
const engineProcess = process.ppid;
setInterval(() => {
  if (process.ppid === engineProcess) return;
  for (const child of running) child.kill("SIGKILL");
  process.exit(1);
}, 1000).unref();
