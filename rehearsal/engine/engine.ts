/** Gets a Pulumi CLI: from PATH, else from the cache, else by the official download, else by a build from Go modules. */
import * as fs from "node:fs";
import * as path from "node:path";
import { cacheDirectory } from "../system/cache";
import { mustRun, withElapsed } from "../system/command";
import { withFileLock } from "../system/fileLock.cjs";
import { messageOf } from "../values";

/** The folder of the engine's Go module. Its `go.mod` also sets the version to download or build. */
const sourceDirectory = __dirname;
const program = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
const versionVariable = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";
const releases = "https://github.com/pulumi/pulumi/releases";
/** Downloads a release, and installs it only if its SHA-256 is the one that stands beside the script. */
const installer = path.join(__dirname, "..", "..", "deploy", "install-pulumi.sh");

const reachMilliseconds = 5000;

export interface Engine {
  /** The executable, e.g. `/usr/local/bin/pulumi`. */
  path: string;
  /** The executable's folder, to be put on a child's PATH. */
  directory: string;
  /** The version without a leading `v`, e.g. `3.259.0`. */
  version: string;
  /** The way by which it was found. */
  source: "PATH" | "cache" | "download" | "build";
}

/** Takes a line of text about what is being done. */
export type Progress = (line: string) => void;

/** Versions that `go.mod` asks for: of the engine, e.g. `3.259.0`, and of Go, e.g. `1.25.11`. */
function wantedVersions(): { engine: string; go: string } {
  const goMod = fs.readFileSync(path.join(sourceDirectory, "go.mod"), "utf8");
  const engine = /^require github\.com\/pulumi\/pulumi\/pkg\/v3 v(\S+)$/m.exec(goMod)?.[1];
  const go = /^go (\S+)$/m.exec(goMod)?.[1];
  if (engine === undefined || go === undefined) {
    throw new Error(`${sourceDirectory}/go.mod does not say which Pulumi and which Go it is for`);
  }
  return { engine, go };
}

/** Looks a command up on PATH. */
function onPath(command: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(path.delimiter)
    .filter((directory) => path.isAbsolute(directory))
    .map((directory) => path.join(directory, command))
    .find((file) => {
      try {
        fs.accessSync(file, fs.constants.X_OK);
        return fs.statSync(file).isFile();
      } catch {
        return false;
      }
    });
}

async function engineOnPath(progress: Progress): Promise<Engine | undefined> {
  const file = onPath("pulumi");
  if (file === undefined) return undefined;
  // Loaded here, since it takes a while and is of no use where there is no such command.
  const { PulumiCommand } = await import("@pulumi/pulumi/automation/cmd.js");
  try {
    const { version } = await PulumiCommand.get();
    return { path: file, directory: path.dirname(file), version: version?.version ?? "unknown", source: "PATH" };
  } catch (error) {
    progress(`Skipping ${file}: ${messageOf(error).trim()}`);
    return undefined;
  }
}

function installation(version: string): string {
  return path.join(cacheDirectory(), `pulumi-v${version}`);
}

function engineIn(directory: string, version: string, source: Engine["source"]): Engine | undefined {
  const file = path.join(directory, "bin", "pulumi");
  return fs.existsSync(file) ? { path: file, directory: path.dirname(file), version, source } : undefined;
}

/** Finds an engine on this machine; one that is on PATH but too old is skipped, and `progress` is told so. */
export async function findEngine(progress: Progress = () => undefined): Promise<Engine | undefined> {
  const { engine } = wantedVersions();
  return (await engineOnPath(progress)) ?? engineIn(installation(engine), engine, "cache");
}

/** Runs a command in the engine's Go module and returns what it prints. */
function run(argv: string[], onLine?: Progress): Promise<string> {
  // A workspace file in some folder above must not change which modules are used.
  const env = { ...process.env, GOWORK: "off" };
  return mustRun(argv, { cwd: sourceDirectory, env, ...(onLine && { onLine }) });
}

/** Downloads the official release into `directory`, with its SHA-256 checked. */
async function download(directory: string, version: string, progress: Progress): Promise<void> {
  // This request tells whether there is an internet at all, so it must not take long.
  const options = { method: "HEAD", signal: AbortSignal.timeout(reachMilliseconds) };
  const response = await fetch(releases, options).catch(() => undefined);
  if (response?.ok !== true) throw new Error(`${releases} cannot be reached`);
  progress(`Downloading Pulumi v${version} from ${releases}`);
  await withElapsed(
    (seconds) => {
      progress(`Downloading Pulumi v${version}, ${seconds} s`);
    },
    run([installer, directory]),
  );
}

/** Fails if there is no Go here that can build the engine. */
async function checkGo(wanted: string): Promise<void> {
  if (onPath("go") === undefined) throw new Error("there is no go on PATH");
  // Asked inside the module, a Go that may change its toolchain has done so by then, or fails.
  const found = (await run(["go", "env", "GOVERSION"])).trim().replace(/^go/, "");
  if (found.localeCompare(wanted, "en", { numeric: true }) < 0) throw new Error(`go ${found} is older than ${wanted}`);
}

/** Builds the engine from Go modules into `directory`; Go checks their sums against `go.sum`. */
async function build(directory: string, version: string, progress: Progress): Promise<void> {
  progress(`Building Pulumi v${version} from its Go modules; the first time, that takes some minutes`);
  let state = "Downloading the Go modules";
  const work = async (): Promise<void> => {
    const packages = (await run(["go", "list", "-mod=readonly", "-deps", program])).trim().split("\n").length;
    let compiled = 0;
    const tell = (): void => {
      state = `Building Pulumi: ${compiled} of at most ${packages} packages`;
    };
    tell();
    // Without the version's stamp, the Automation API would refuse it.
    const flags = ["-mod=readonly", "-v", "-ldflags", `-s -w -X ${versionVariable}=v${version}`];
    await run(["go", "build", ...flags, "-o", path.join(directory, "bin", "pulumi"), program], () => {
      compiled += 1;
      tell();
    });
  };
  await withElapsed((seconds) => {
    progress(`${state}, ${seconds} s`);
  }, work());
}

/** Has `make` fill a folder of its own, and puts that in its place only when it is whole. */
async function publish(target: string, make: (directory: string) => Promise<void>): Promise<void> {
  const draft = `${target}.partial-${process.pid}`;
  fs.mkdirSync(draft, { recursive: true });
  try {
    await make(draft);
    const said = (await run([path.join(draft, "bin", "pulumi"), "version"])).trim();
    if (path.basename(target) !== `pulumi-${said}`) throw new Error(`it calls itself Pulumi ${said}`);
    fs.rmSync(target, { recursive: true, force: true });
    fs.renameSync(draft, target);
  } finally {
    fs.rmSync(draft, { recursive: true, force: true });
  }
}

/** Removes what cut-off runs left; only for the holder of the lock. */
function removeDrafts(): void {
  for (const name of fs.readdirSync(cacheDirectory())) {
    if (/^pulumi-v.*\.partial-\d+$/.test(name)) {
      fs.rmSync(path.join(cacheDirectory(), name), { recursive: true, force: true });
    }
  }
}

/**
 * Finds an engine or gets one: from PATH, from the cache, by the official download, or by a build from Go modules.
 *
 * @param progress told what is skipped, and at least every ten seconds what is being done
 * @throws an error that names the ways to get an engine, if none of them is open here
 */
export async function ensureEngine(progress: Progress): Promise<Engine> {
  const found = await findEngine(progress);
  if (found !== undefined) return found;

  const { engine: version, go } = wantedVersions();
  const target = installation(version);
  const onWait = (holder: number): void => {
    progress(`Waiting for process ${holder}, which is getting Pulumi v${version}`);
  };
  return withFileLock(path.join(cacheDirectory(), "engine.lock"), onWait, async () => {
    const made = engineIn(target, version, "cache");
    if (made !== undefined) return made;
    removeDrafts();

    const attempts: [Engine["source"], (directory: string) => Promise<void>][] = [
      ["download", (directory) => download(directory, version, progress)],
      ["build", (directory) => checkGo(go).then(() => build(directory, version, progress))],
    ];
    const failures: string[] = [];
    for (const [source, make] of attempts) {
      try {
        await publish(target, make);
        const engine = engineIn(target, version, source);
        if (engine !== undefined) return engine;
      } catch (error) {
        failures.push(`${source}: ${messageOf(error)}`);
        progress(`No Pulumi by ${source}: ${messageOf(error)}`);
      }
    }
    throw new Error(
      [
        "No Pulumi CLI is installed, and none could be downloaded or built:",
        ...failures.map((failure) => `  ${failure}`),
        "Do one of these:",
        "  - install Pulumi so that `pulumi` is on PATH (https://www.pulumi.com/docs/install/);",
        `  - let this machine reach ${releases}, for the official download of v${version};`,
        `  - put Go ${go} or later on PATH, with access to a Go module proxy, to build it.`,
      ].join("\n"),
    );
  });
}
