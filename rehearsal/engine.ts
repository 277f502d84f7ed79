// Gets a Pulumi CLI: the one on PATH, else the cached one, else the official download, else a build from Go modules.
import * as childProcess from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import { cacheDirectory } from "./cache";
import { withFileLock } from "./fileLock";

const execFile = promisify(childProcess.execFile);

/** Where the engine's Go modules are named; its `go.mod` is also where the version to download or build is set. */
const sourceDirectory = path.join(__dirname, "engine");
const program = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
const versionVariable = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";
const installer = "https://get.pulumi.com/install.sh";

const reachMilliseconds = 5000;
const progressMilliseconds = 10_000;

export interface Engine {
  /** The executable, e.g. `/usr/local/bin/pulumi`. */
  path: string;
  /** The executable's folder, to be put on a child's PATH. */
  directory: string;
  /** The version without a leading `v`, e.g. `3.259.0`. */
  version: string;
  /** How it was come by. */
  source: "PATH" | "cache" | "download" | "build";
}

/** Takes a line of text about what is being done. */
export type Progress = (line: string) => void;

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

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
  const { PulumiCommand } = await import("@pulumi/pulumi/automation/cmd");
  try {
    const { version } = await PulumiCommand.get();
    return { path: file, directory: path.dirname(file), version: version?.version ?? "unknown", source: "PATH" };
  } catch (error) {
    progress(`Skipping ${file}: ${message(error).trim()}`);
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

/** Waits for `work`, telling how long it has taken so far every ten seconds. */
async function withProgress<T>(progress: Progress, state: () => string, work: Promise<T>): Promise<T> {
  const start = Date.now();
  const timer = setInterval(() => {
    progress(`${state()} (${Math.round((Date.now() - start) / 1000)} s)`);
  }, progressMilliseconds);
  return work.finally(() => {
    clearInterval(timer);
  });
}

/** Runs a command, giving each line of its standard error to `onLine`; fails with the last of them. */
function run(command: string, args: string[], cwd: string, onLine: Progress): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = childProcess.spawn(command, args, { cwd, stdio: ["ignore", "ignore", "pipe"] });
    const lastLines: string[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => {
      onLine(line);
      lastLines.push(line);
      if (lastLines.length > 10) lastLines.shift();
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(lastLines.join("\n")));
    });
  });
}
