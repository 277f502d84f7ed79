/** Runs commands of this computer. */
import { spawn } from "node:child_process";

export interface CommandResult {
  /** Exit code; 128 + the signal's number where a signal ended it, as a shell has it. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  /** Standard input. Secrets must go this way, because others can see arguments and the environment. */
  input?: string | Buffer;
  /** The whole environment. Defaults to a plain PATH and locale, without this process's secrets. */
  env?: NodeJS.ProcessEnv;
  /** Defaults to the root folder. */
  cwd?: string;
  /** Whether standard output holds secrets, and so stays out of errors. */
  isSecret?: boolean;
  /** Called with each line as it comes, of both streams. */
  onLine?: (line: string) => void;
}

export const plainEnvironment: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  LANG: "C.UTF-8",
  LC_ALL: "C.UTF-8",
};

/** Runs `argv` to its end. Rejects only if it cannot be started at all. */
export function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file = "", ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, rest, {
      stdio: ["pipe", "pipe", "pipe"],
      env: options.env ?? plainEnvironment,
      cwd: options.cwd ?? "/",
    });
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      let partial = "";
      child[name].setEncoding("utf8").on("data", (chunk: string) => {
        texts[name] += chunk;
        const lines = (partial + chunk).split(/[\r\n]+/);
        partial = lines.pop() ?? "";
        lines.filter((line) => line !== "").forEach((line) => options.onLine?.(line));
      });
    }
    // A command that ends without reading its input is no error: its exit code says what there is to say.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({ code: code ?? 128 + (signal === "SIGKILL" ? 9 : 15), ...texts });
    });
  });
}

/** As runCommand, but throws on an exit code other than 0, with the end of the output. */
export async function mustRun(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await runCommand(argv, options);
  if (result.code !== 0) {
    const all = options.isSecret === true ? result.stderr : `${result.stdout}\n${result.stderr}`;
    const said = all.trim().split("\n").slice(-30).join("\n");
    throw new Error(`${argv.slice(0, 3).join(" ")} … failed with exit code ${result.code}:\n${said}`);
  }
  return result.stdout;
}

/** Calls `report` every five seconds with the seconds gone by, until `work` is done. */
export async function withElapsed<T>(report: (seconds: number) => void, work: Promise<T>): Promise<T> {
  const started = Date.now();
  const timer = setInterval(() => {
    report(Math.round((Date.now() - started) / 1000));
  }, 5000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
