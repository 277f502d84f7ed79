/** `docker-host drift`: tells what changed in a stack since its last `up`. */
import { type Command, Option } from "commander";
import { readDrift } from "../lib/drift/drift";
import { reportLines, reportMarkdown } from "../lib/drift/report";
import { FAILURES } from "../lib/failure";
import { json, parsePeriod, source } from "../lib/options";
import { print, printJson } from "../lib/output";
import { oneLine } from "../lib/plainText.cjs";

export function addDrift(cli: Command): void {
  cli
    .command("drift")
    .description("tell what changed in Azure since the stack's last up, and which certificates end soon")
    .addOption(source.stack)
    .addOption(
      new Option("--within <time>", "report certificates that end within this time, such as 30d or 12h")
        .argParser(parsePeriod)
        .default(parsePeriod("30d"), "30d"),
    )
    .addOption(json().conflicts("markdown"))
    .option("--markdown", "print a table in GitHub's Markdown, for a job's summary or a comment", false)
    .action(runDrift);
}

interface DriftCommand {
  stack?: string;
  within: number;
  json: boolean;
  markdown: boolean;
}

async function runDrift({ stack, within, json: asJson, markdown }: DriftCommand): Promise<void> {
  const drift = await readDrift(stack, within);
  if (asJson) printJson(drift);
  else if (markdown) print(reportMarkdown(drift));
  else for (const line of reportLines(drift)) print(oneLine(line));
  process.exitCode = drift.ok ? 0 : FAILURES.drift.code;
}
