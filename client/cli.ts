/** The command line of the client. */
import { Command, CommanderError } from "commander";
import { addAdvise } from "./commands/advise";
import { addCheck } from "./commands/check";
import { addConnect } from "./commands/connect";
import { addDisconnect } from "./commands/disconnect";
import { addDrift } from "./commands/drift";
import { addEnv } from "./commands/env";
import { FAILURES, Failure } from "./lib/failure";
import { remark } from "./lib/output";

/** The whole command. */
function program(): Command {
  const cli = new Command("docker-host")
    .description("Connects this computer to a stack's Docker host.")
    .addHelpText("after", `\n${exitCodeHelp()}`)
    .configureOutput({
      writeErr: (text) => {
        remark(text.trimEnd());
      },
    })
    .exitOverride();
  for (const add of [addConnect, addEnv, addCheck, addDrift, addAdvise, addDisconnect]) add(cli);
  return cli;
}

function exitCodeHelp(): string {
  const lines = Object.values(FAILURES).map(({ code, words }) => `  ${String(code).padStart(2)}  ${words}`);
  return `Exit codes:\n   0  success\n${lines.join("\n")}`;
}

/** Runs the command. Gives its exit code. */
export async function main(args: string[]): Promise<number> {
  // The reader has closed the pipe, as `head` does.
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") process.exit();
  });
  try {
    await program().parseAsync(args, { from: "user" });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : FAILURES.usage.code;
    if (error instanceof Failure) {
      remark(`docker-host: ${error.message}`);
      return FAILURES[error.reason].code;
    }
    remark(`docker-host: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return FAILURES.unexpected.code;
  }
}
