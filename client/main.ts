/** The command line of the client: connect, env, check, drift, advise, disconnect. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { adviceFor, readLog } from "./advice";
import { type Answer, type CheckResult, type CheckTarget, check, checkUntil } from "./check";
import { connect, disconnect, dockerDirectory, hostName, openDirectory } from "./connect";
import { readDrift } from "./drift";
import { reportLines, reportMarkdown } from "./driftReport";
import { SHELLS, type Shell, VARIABLE_NAMES, evalHint, ownShell, setLine, unsetLine, variables } from "./environment";
import { FAILURES, Failure } from "./failure";
import { type Client, readClient } from "./stack";

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What is for a person who watches, and not for what reads standard output. */
function remark(line: string): void {
  process.stderr.write(`${line}\n`);
}

// Options that several verbs have ------------------------------------------------------------------------------------

interface SourceOptions {
  stack?: string;
  outputs?: string;
  client?: string;
  address?: Address;
}

interface Address {
  host: string;
  port?: string;
}

const source = {
  stack: new Option("-s, --stack <name>", "the stack, as pulumi takes it (default: the selected one)"),
  outputs: new Option(
    "--outputs <file>",
    'a file with what "pulumi stack output --json --show-secrets" printed, or "-" for standard input',
  ).conflicts("stack"),
  client: new Option("--client <name>", "one of the stack's clients (default: its first)"),
  address: new Option(
    "--address <host[:port]>",
    "how this computer reaches the host, where not by its name: its address, or localhost:PORT of a tunnel",
  ).argParser(parseAddress),
};

function certDirOption(): Option {
  return new Option("--cert-dir <folder>", "the directory of ca.pem, cert.pem and key.pem").default(
    dockerDirectory(),
    "~/.docker, where Docker looks",
  );
}

const json = (): Option => new Option("--json", "print JSON, for machines").default(false, "no");

/** "NAME", "NAME:PORT", "[V6]:PORT". */
export function parseAddress(text: string): Address {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[^:[\]/\s]+)(?::(\d{1,5}))?$/i.exec(text) ?? [];
  if (host === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65535) {
    throw new InvalidArgumentError(`allowed: an address or a name, with or without a port, such as "localhost:14243".`);
  }
  return port === undefined ? { host } : { host, port };
}

/** Seconds: "90s", "10m", "1h", or a number alone. */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d+)([smh]?)$/.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('allowed: a duration such as "90s", "10m" or "1h".');
  return Number(amount) * (unit === "h" ? 3600 : unit === "m" ? 60 : 1);
}

/** Seconds: what `parseDuration` takes, and days, "30d". */
export function parsePeriod(text: string): number {
  const [, days] = /^(\d+)d$/.exec(text) ?? [];
  if (days !== undefined) return Number(days) * 24 * 60 * 60;
  if (!/^\d+[smh]?$/.test(text)) throw new InvalidArgumentError('allowed: a period such as "30d" or "12h".');
  return parseDuration(text);
}

async function clientOf({ address, ...options }: SourceOptions): Promise<Client> {
  const client = await readClient(options, options.client);
  if (address === undefined) return client;
  const port = address.port ?? new URL(client.dockerHost).port;
  return { ...client, dockerHost: `tcp://${address.host}:${port}`, publicIpAddress: undefined };
}

// Verbs --------------------------------------------------------------------------------------------------------------

interface ConnectCommand extends SourceOptions {
  certDir: string;
  context?: string | false;
  force: boolean;
  json: boolean;
}

async function runConnect(options: ConnectCommand): Promise<void> {
  const done = await connect(await clientOf(options), options);
  if (options.json) {
    print(JSON.stringify(done, null, 2));
    return;
  }
  const { client, stack, certificate, certDir, context, contextState, tryLine } = done;
  const from = stack === undefined ? "" : ` of stack ${stack}`;
  print(`client ${client}${from}, until ${certificate.notAfter.slice(0, 10)} (${certificate.daysLeft} days)`);
  print(`files    ca.pem, cert.pem, key.pem in ${certDir}`);
  print(`context  ${context === undefined ? `none: ${contextState}` : `${context}, ${contextState}`}`);
  print("");
  print(tryLine);
}

interface EnvCommand {
  certDir: string;
  shell?: Shell;
  unset: boolean;
  json: boolean;
}

function runEnv({ certDir, shell = ownShell(), unset, json: asJson }: EnvCommand): void {
  const directory = openDirectory(certDir);
  const isDefault = certDir === dockerDirectory();
  const words = `npx docker-host env${shell === ownShell() ? "" : ` --shell ${shell}`}${isDefault ? "" : ` --cert-dir ${directory.path}`}`;
  if (unset) {
    if (asJson) print(JSON.stringify(Object.fromEntries(VARIABLE_NAMES.map((name) => [name, null])), null, 2));
    else [...VARIABLE_NAMES.map((name) => unsetLine(shell, name)), evalHint(shell, `${words} --unset`)].forEach(print);
    return;
  }
  const connection = directory.connection();
  if (connection === undefined) throw notConnected(directory.path);
  const values = variables(connection, directory.path);
  if (asJson) print(JSON.stringify(values, null, 2));
  else {
    for (const [name, value] of Object.entries(values)) print(setLine(shell, name, value));
    print(evalHint(shell, words));
  }
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
  if (options.json) print(JSON.stringify({ host: target.host, port: target.port, ...result }, null, 2));
  else printAnswers(result);
  const failed = result.answers.find(({ holds }) => holds === false);
  process.exitCode = failed === undefined ? 0 : FAILURES[failed.reason].code;
}

function targetOf({ name, dockerHost, publicIpAddress, caCert, cert, key }: Client): CheckTarget {
  return {
    host: bareHost(dockerHost),
    port: Number(new URL(dockerHost).port),
    client: name,
    caCert,
    cert,
    key,
    ...(publicIpAddress !== undefined && { expectedAddress: publicIpAddress }),
  };
}

/** What `connect` put into a directory. */
function connectedTarget(certDir: string): CheckTarget {
  const directory = openDirectory(certDir);
  const connection = directory.connection();
  const { "ca.pem": caCert, "cert.pem": cert, "key.pem": key } = directory.files();
  if (connection === undefined || caCert === undefined || cert === undefined || key === undefined) {
    throw notConnected(directory.path);
  }
  const { dockerHost, client } = connection;
  return { host: bareHost(dockerHost), port: Number(new URL(dockerHost).port), client, caCert, cert, key };
}

/** A version 6 address has brackets in a URL, and none elsewhere. */
function bareHost(dockerHost: string): string {
  return hostName(dockerHost).replace(/^\[|\]$/g, "");
}

function notConnected(path: string): Failure {
  return new Failure("notConnected", `--cert-dir: nothing is connected in ${path}; docker-host connect does that`);
}

/** Says what is waited for: at a terminal in one line, elsewhere when it changes, and every half minute. */
function progress(): (what: Answer, elapsed: number) => void {
  let said = "";
  let last = 0;
  return ({ question, detail }, elapsed) => {
    const text = `${question}: ${detail}`;
    const line = `waiting, ${elapsed.toFixed(0)} s  ${text}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line.slice(0, process.stderr.columns - 1)}`);
    else if (text !== said || elapsed - last >= 30) {
      remark(line);
      said = text;
      last = elapsed;
    }
  };
}

function printAnswers({ answers }: CheckResult): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  for (const { question, holds, detail, remedy } of answers) {
    const sign = holds === undefined ? "–" : holds ? "✓" : "✗";
    print(`  ${sign} ${question.padEnd(22)} ${detail}`);
    if (remedy !== undefined) print(`    ${"".padEnd(22)} ${remedy}`);
  }
}

interface DriftCommand {
  stack?: string;
  within: number;
  json: boolean;
  markdown: boolean;
}

async function runDrift({ stack, within, json: asJson, markdown }: DriftCommand): Promise<void> {
  const drift = await readDrift(stack, within);
  if (asJson) print(JSON.stringify(drift, null, 2));
  else if (markdown) print(reportMarkdown(drift));
  else reportLines(drift).forEach(print);
  process.exitCode = drift.ok ? 0 : FAILURES.drift.code;
}

async function runAdvise(file: string): Promise<void> {
  if (file === "-" && process.stdin.isTTY) remark("reading a log from the terminal, up to Ctrl-D");
  print(adviceFor(await readLog(file)).join("\n\n"));
}

async function runDisconnect({ certDir, json: asJson }: { certDir: string; json: boolean }): Promise<void> {
  const done = await disconnect(certDir);
  if (asJson) print(JSON.stringify(done, null, 2));
  else if (!done.connected) print(`nothing is connected in ${done.certDir}`);
  else {
    print(`files    of ${done.certDir} taken back`);
    print(`contexts ${done.contexts.length === 0 ? "none" : `${done.contexts.join(", ")} removed`}`);
  }
}

// The command --------------------------------------------------------------------------------------------------------

/** The whole command, for `--help` and for tests. */
export function program(): Command {
  const cli = new Command("docker-host")
    .description("Makes this computer a client of a Docker host that the stack made.")
    .addHelpText("after", `\n${exitCodeHelp()}`)
    .exitOverride();
  cli
    .command("connect")
    .description("write the client's certificates, make a docker context, and say how to use it")
    .addOption(source.stack)
    .addOption(source.outputs)
    .addOption(source.client)
    .addOption(source.address)
    .addOption(certDirOption())
    .option("--context <name>", "the docker context's name (default: the stack's)")
    .option("--no-context", "make no docker context")
    .option("--force", "replace what connect didn't make; files are kept for disconnect to put back", false)
    .addOption(json())
    .action(runConnect);
  cli
    .command("env")
    .description("print the lines that make a shell's docker a client of the connected host")
    .addOption(certDirOption())
    .addOption(new Option("--shell <name>", "the shell (default: yours)").choices(SHELLS))
    .option("--unset", "take the variables away again", false)
    .addOption(json())
    .action(runEnv);
  cli
    .command("check")
    .description("ask the host whether all is as it should be")
    .addOption(source.stack)
    .addOption(source.outputs)
    .addOption(source.client)
    .addOption(source.address)
    .addOption(
      new Option("--cert-dir <folder>", "check what connect put there, and read no stack").conflicts([
        "stack",
        "outputs",
        "client",
        "address",
      ]),
    )
    .option("--wait <time>", "keep asking while a host is still being installed, such as 10m", parseDuration)
    .addOption(json())
    .action(runCheck);
  cli
    .command("drift")
    .description("say what of the stack isn't as its last up left it, and which certificates are near their end")
    .addOption(source.stack)
    .addOption(
      new Option("--within <time>", "how near the end of a certificate is told, such as 30d or 12h")
        .argParser(parsePeriod)
        .default(parsePeriod("30d"), "30d"),
    )
    .addOption(json().conflicts("markdown"))
    .option("--markdown", "print a table in GitHub's Markdown, for a job's summary or a comment", false)
    .action(runDrift);
  cli
    .command("advise")
    .description("read the log of a pulumi run that failed, and say what to do next")
    .argument("[file]", "what the run printed", "-")
    .addHelpText("after", "\nWithout FILE, standard input: pulumi up 2>&1 | tee up.log; npx docker-host advise up.log")
    .action(runAdvise);
  cli
    .command("disconnect")
    .description("take back what connect made, and nothing else")
    .addOption(certDirOption())
    .addOption(json())
    .action(runDisconnect);
  return cli;
}

function exitCodeHelp(): string {
  const lines = Object.values(FAILURES).map(({ code, words }) => `  ${String(code).padStart(2)}  ${words}`);
  return `Exit codes:\n   0  all is well\n${lines.join("\n")}`;
}

/** Runs the command; gives its exit code. */
export async function main(args: string[]): Promise<number> {
  // Whoever reads the output has read enough of it.
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
