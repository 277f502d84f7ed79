/** `docker-host check`: checks a host's name, port, certificates and Docker. */
import { type Command, Option } from "commander";
import { openDirectory } from "../lib/certificateDirectory";
import type { Answer, CheckTarget } from "../lib/check/answer";
import { type CheckResult, check, checkUntil } from "../lib/check/check";
import { bareHost, portOf } from "../lib/dockerHost";
import { FAILURES } from "../lib/failure";
import { type SourceOptions, clientOf, json, notConnected, parseDuration, source } from "../lib/options";
import { clearRemark, print, printJson, remark, remarkInPlace } from "../lib/output";
import { oneLine } from "../lib/plainText.cjs";
import type { Client } from "../lib/stack";

export function addCheck(cli: Command): void {
  cli
    .command("check")
    .description("check the host: its name, port, certificates and Docker")
    .addOption(source.stack)
    .addOption(source.outputs)
    .addOption(source.client)
    .addOption(source.address)
    .addOption(
      new Option("--cert-dir <folder>", "use the files that connect wrote there, and read no stack").conflicts([
        "stack",
        "outputs",
        "client",
        "address",
      ]),
    )
    .option(
      "--wait <time>",
      "repeat the check for up to this time while the host is being installed, such as 10m",
      parseDuration,
    )
    .addOption(json())
    .action(runCheck);
}

interface CheckCommand extends SourceOptions {
  certDir?: string;
  wait?: number;
  json: boolean;
}

async function runCheck(options: CheckCommand): Promise<void> {
  const target = options.certDir === undefined ? targetOf(await clientOf(options)) : connectedTarget(options.certDir);
  if (!options.json) print(`${target.host}:${target.port}`);
  const result = options.wait === undefined ? await check(target) : await checkUntil(target, options.wait, progress());
  if (options.json) printJson({ host: target.host, port: target.port, ...result });
  else printAnswers(result);
  const failed = result.answers.find(({ holds }) => holds === false);
  process.exitCode = failed === undefined ? 0 : FAILURES[failed.reason].code;
}

function targetOf({ name, dockerHost, publicIpAddress, caCert, cert, key }: Client): CheckTarget {
  return {
    host: bareHost(dockerHost),
    port: portOf(dockerHost),
    client: name,
    caCert,
    cert,
    key,
    ...(publicIpAddress !== undefined && { expectedAddress: publicIpAddress }),
  };
}

/** The host and the client that `connect` recorded in a directory. */
function connectedTarget(certDir: string): CheckTarget {
  const directory = openDirectory(certDir);
  const connection = directory.connection();
  const { "ca.pem": caCert, "cert.pem": cert, "key.pem": key } = directory.files();
  if (connection === undefined || caCert === undefined || cert === undefined || key === undefined) {
    throw notConnected(directory.path);
  }
  const { dockerHost, client } = connection;
  return { host: bareHost(dockerHost), port: portOf(dockerHost), client, caCert, cert, key };
}

/** Shows the answer that `check --wait` waits for: in one line of a terminal, or in a log at each change and every half minute. */
function progress(): (what: Answer, elapsed: number) => void {
  let said = "";
  let last = 0;
  return ({ question, detail }, elapsed) => {
    const text = `${question}: ${detail}`;
    const line = `waiting, ${elapsed.toFixed(0)} s  ${text}`;
    if (process.stderr.isTTY) remarkInPlace(line);
    else if (text !== said || elapsed - last >= 30) {
      remark(line);
      said = text;
      last = elapsed;
    }
  };
}

function printAnswers({ answers }: CheckResult): void {
  clearRemark();
  for (const { question, holds, detail, remedy } of answers) {
    const sign = holds === undefined ? "–" : holds ? "✓" : "✗";
    print(`  ${sign} ${question.padEnd(22)} ${oneLine(detail)}`);
    if (remedy !== undefined) print(`    ${"".padEnd(22)} ${remedy}`);
  }
}
