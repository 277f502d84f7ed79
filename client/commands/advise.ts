/** `docker-host advise`: reads the log of a `pulumi` run that failed, and says what to do next. */
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { adviceFor } from "../lib/advice/advice";
import { Failure } from "../lib/failure";
import { print, remark } from "../lib/output";

export function addAdvise(cli: Command): void {
  cli
    .command("advise")
    .description("read the log of a pulumi run that failed, and say what to do next")
    .argument("[file]", "what the run printed", "-")
    .addHelpText("after", "\nWithout FILE, standard input: pulumi up 2>&1 | tee up.log; npx docker-host advise up.log")
    .action(runAdvise);
}

async function runAdvise(file: string): Promise<void> {
  if (file === "-" && process.stdin.isTTY) remark("reading a log from the terminal, up to Ctrl-D");
  print(adviceFor(await readLog(file)).join("\n\n"));
}

/**
 * Reads a log.
 *
 * @param file Its path; "-" is standard input.
 * @throws Failure if it can't be read.
 */
export async function readLog(file: string): Promise<string> {
  // A pipe may have nothing in it yet.
  if (file === "-") return text(process.stdin);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "?";
    throw new Failure(
      "usage",
      `FILE: ${JSON.stringify(file)} can't be read: ${code}; allowed: a file with what pulumi printed, or "-" for standard input`,
    );
  }
}
