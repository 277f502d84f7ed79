/** Runs a command for a test: to its end, or beside the test. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";

export interface RunOptions {
  cwd?: string;
  /** The whole environment. Defaults to the test's own. */
  env?: NodeJS.ProcessEnv;
}

/** How a command ended, and what it printed. */
export interface Outcome {
  /** The exit code; null if a signal ended it. */
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A command that runs beside the test. */
export interface Started {
  process: ChildProcess;
  /** Its output so far, of both streams. */
  printed: () => string;
  /** Settles when the command has ended and its streams are closed. */
  ended: Promise<Outcome>;
}

/** Runs a command to its end, while the test's process waits. Throws if it can't be started. */
export function run(
  [file = "", ...args]: readonly string[],
  { input = "", ...options }: RunOptions & { input?: string | Buffer } = {},
): Outcome {
  const { error, status, stdout, stderr } = spawnSync(file, args, {
    ...options,
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  assert.ifError(error);
  return { status, stdout, stderr };
}

/** Runs a command that must succeed; gives what it printed on standard output. */
export function mustRun(argv: readonly string[], options?: Parameters<typeof run>[1]): string {
  const { status, stdout, stderr } = run(argv, options);
  assert.equal(status, 0, `${argv.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

/**
 * Starts a command and goes on.
 *
 * @param options.detached gives it a process group of its own, so that a test can kill it with all that it started.
 */
export function start(
  [file = "", ...args]: readonly string[],
  options: RunOptions & { detached?: boolean } = {},
): Started {
  const child = spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  let output = "";
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
      output += text;
    });
  }
  const ended = once(child, "close").then(([status]) => ({ status: status as number | null, ...texts }));
  return { process: child, printed: () => output, ended };
}

/** Kills a detached command with all that it started, as a power cut would. */
export function cutOff({ process: { pid } }: Started): void {
  assert.ok(pid !== undefined, "it was started");
  process.kill(-pid, "SIGKILL");
}
