/** Runs the ordinary commands that the client stands on: pulumi and docker. */
import { spawn } from "node:child_process";

/** What came of a command; no exit code if there is no such command on PATH. */
export interface Outcome {
  code?: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end. What it prints is kept from the terminal: it may be a secret. */
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
    // A signal's end is a failure like another.
    child.once("close", (code) => {
      resolve({ code: code ?? 1, stdout, stderr });
    });
  });
}
