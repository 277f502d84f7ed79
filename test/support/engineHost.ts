/** Starts and ends the process that stands beside the engines of a test; `engineHostProcess.ts` says what it is for. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** What the process tells when it is ready. */
export interface Serving {
  /** For the engine's option `--client`. */
  program: string;
  /** The engine's environment, by which it finds a rehearsal's providers. */
  providers?: Record<string, string>;
  /** The same, for a key service. */
  keyService?: Record<string, string>;
}

/** The key service's key, as `pulumi stack init --secrets-provider` takes it. */
export const KEY_NAME = "hashivault://rehearsal";

/** In a rehearsal's folder: by how many hours the clock of its certificates is ahead. */
export const CLOCK_FILE = "clock-offset-hours";

/** Tells the process of a rehearsal by how many hours the clock is ahead in its next runs. */
export function setClock(directory: string, { REHEARSAL_CLOCK_OFFSET_HOURS: hours = "0" }: NodeJS.ProcessEnv): void {
  writeFileSync(join(directory, CLOCK_FILE), hours);
}

/** Starts a process that serves the program, and a rehearsal's providers if the environment names one; it ends with the test. */
export async function startEngineHost(
  test: Pick<TestContext, "after">,
  environment: NodeJS.ProcessEnv = {},
): Promise<Serving> {
  const host = fork(join(__dirname, "engineHostProcess.ts"), {
    env: { ...process.env, ...environment },
    // Room for what a run leaves behind: to sweep it up all the time takes as long as the runs themselves.
    execArgv: ["--max-semi-space-size=128", "--require", "tsx/cjs"],
  });
  test.after(async () => {
    if (host.exitCode !== null || host.signalCode !== null) return;
    host.disconnect();
    await once(host, "exit");
  });
  const ended = once(host, "exit").then(([code]) => {
    throw new Error(`the process beside the engines ended with ${String(code)}`);
  });
  ended.catch(() => undefined);
  const [serving] = await Promise.race([once(host, "message") as Promise<[Serving]>, ended]);
  return serving;
}
