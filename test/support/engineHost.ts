/** The process that stands beside the engines of a file of tests; `engineHostProcess.ts` says what it is for. */
import { type ChildProcess, fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";

/** The addresses at which the process serves. */
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

/** A request: to serve, for a rehearsal if it names a folder, or to end that. */
export interface Asked {
  id: number;
  close?: true;
  directory?: string | undefined;
  rootFileSystem?: string | undefined;
}

/** Its answer to the request of the same number. */
export interface Answered {
  id: number;
  serving?: Serving;
  error?: string;
}

/** One for all tests of this process: to load the program and the providers takes longer than most runs. */
let host: ChildProcess | undefined;
let requests = 0;

function runningHost(): ChildProcess {
  if (host?.connected === true) return host;
  host = fork(join(__dirname, "engineHostProcess.ts"), {
    // Room for what a run leaves behind: to sweep it up all the time takes as long as the runs themselves.
    execArgv: ["--max-semi-space-size=128", "--require", join(__dirname, "../../register.cjs")],
  });
  // It ends when this process does, which doesn't wait for it.
  host.unref();
  host.channel?.unref();
  return host;
}

function ask(engineHost: ChildProcess, asked: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    // While it waits, this process goes on.
    const stay = setInterval(() => undefined, 60_000);
    const end = (settle: () => void): void => {
      clearInterval(stay);
      engineHost.off("message", onMessage).off("exit", onExit);
      settle();
    };
    const onMessage = (answer: Answered): void => {
      if (answer.id === asked.id) {
        end(() => {
          resolve(answer);
        });
      }
    };
    const onExit = (code: number | null): void => {
      end(() => {
        reject(new Error(`the process beside the engines ended with ${String(code)}`));
      });
    };
    engineHost.on("message", onMessage).on("exit", onExit).send(asked);
  });
}

/** Lets that process serve the program, and a rehearsal's providers if a folder is named, until the test ends. */
export async function startEngineHost(
  test: Pick<TestContext, "after">,
  rehearsal: Pick<Asked, "directory" | "rootFileSystem"> = {},
): Promise<Serving> {
  const engineHost = runningHost();
  const id = ++requests;
  const { serving, error } = await ask(engineHost, { id, ...rehearsal });
  if (serving === undefined) throw new Error(error);
  test.after(async () => {
    if (engineHost.connected) await ask(engineHost, { id, close: true });
  });
  return serving;
}
