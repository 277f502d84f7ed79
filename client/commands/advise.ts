/** `docker-host advise`: explains a failed `pulumi` run from its log, and tells what to type. */
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { adviceFor } from "../lib/advice/advice";
import { Failure } from "../lib/failure";
import { print, remark } from "../lib/output";

export function addAdvise(cli: Command): void {
  cli
    .command("advise")
    .description("explain a failed pulumi run from its log, and tell what to type")
    .argument("[file]", "the log of the run, or - for standard input", "-")
    .addHelpText("after", "\nExample:\n  pulumi up --yes 2>&1 | tee up.log\n  npx --no -- docker-host advise up.log")
    .action(runAdvise);
}

async function runAdvise(file: string): Promise<void> {
  if (file === "-" && process.stdin.isTTY) remark("Reading a log from the terminal. End it with Ctrl-D.");
  print(adviceFor(await readLog(file)).join("\n\n"));
}

/**
 * Reads a log.
 *
 * @param file Its path, or "-" for standard input.
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
      `FILE must be a readable log of a pulumi run, or "-" for standard input (got ${JSON.stringify(file)}: ${code}).`,
    );
  }
}
