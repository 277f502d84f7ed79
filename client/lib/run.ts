/** Runs the commands pulumi and docker. */
import { spawn } from "node:child_process";

/** The outcome of a command. It has no exit code if PATH has no such command. */
export interface Outcome {
  code?: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end. Its output doesn't go to the terminal, because it may hold a secret. */
export function run(command: string, args: string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") resolve({ stdout, stderr });
      else reject(error);
    });
    // A command that a signal ended has failed.
    child.once("close", (code) => {
      resolve({ code: code ?? 1, stdout, stderr });
    });
  });
}
