/** `docker-host connect`: writes a client's certificates where Docker looks, and makes a docker context. */
import { join } from "node:path";
import type { Command } from "commander";
import { type CertificateFacts, certificateFacts } from "../lib/certificate";
import { openDirectory } from "../lib/certificateDirectory";
import { FILE_NAMES } from "../lib/connection";
import { validateContextName, contextState, writeContext } from "../lib/dockerContext";
import { hostName } from "../lib/dockerHost";
import { Failure } from "../lib/failure";
import { checkContext, checkFiles } from "../lib/inTheWay";
import { type SourceOptions, certDirOption, clientOf, json, source } from "../lib/options";
import { print, printJson } from "../lib/output";
import { oneLine } from "../lib/plainText.cjs";
import { quoted } from "../lib/shell";
import type { Client } from "../lib/stack";

export function addConnect(cli: Command): void {
  cli
    .command("connect")
    .description("write the client's certificates, make a docker context, and show how to use it")
    .addOption(source.stack)
    .addOption(source.outputs)
    .addOption(source.client)
    .addOption(source.address)
    .addOption(certDirOption())
    .option("--context <name>", "the docker context's name (default: the stack's)")
    .option("--no-context", "make no docker context")
    .option(
      "--force",
      "replace files of another client or host (disconnect puts back those that connect didn't write)",
      false,
    )
    .addOption(json())
    .action(runConnect);
}

interface ConnectCommand extends SourceOptions {
  certDir: string;
  context?: string | false;
  force: boolean;
  json: boolean;
}

async function runConnect(options: ConnectCommand): Promise<void> {
  const done = await connect(await clientOf(options), options);
  if (options.json) {
    printJson(done);
    return;
  }
  const { client, stack, certificate, certDir, context, contextState, tryLine } = done;
  const from = stack === undefined ? "" : ` of stack ${stack}`;
  print(oneLine(`client ${client}${from}, until ${certificate.notAfter.slice(0, 10)} (${certificate.daysLeft} days)`));
  print(`files    ca.pem, cert.pem, key.pem in ${certDir}`);
  print(`context  ${context === undefined ? `none: ${contextState}` : `${context}, ${contextState}`}`);
  print("");
  print(tryLine);
}

/** The options of `connect`. */
interface ConnectOptions {
  certDir: string;
  /** The docker context's name. Defaults to the stack's name, else to the first label of the host's name. */
  context?: string | false;
  /** Whether to replace files of another client or host. */
  force: boolean;
}

/** The result of `connect`. */
interface Connected {
  dockerHost: string;
  client: string;
  stack?: string;
  certDir: string;
  files: string[];
  /** The docker context. Absent if there is none. */
  context?: string;
  /** Whether the context was made, or why not. */
  contextState: "made" | "updated" | "no docker command on PATH" | "not wanted";
  certificate: CertificateFacts;
  /** A line to try. */
  tryLine: string;
}

/**
 * Writes the client's files and makes or updates the docker context.
 *
 * @throws Failure before it writes anything, if other files or another docker context is in the way.
 */
async function connect(client: Client, options: ConnectOptions): Promise<Connected> {
  const directory = openDirectory(options.certDir);
  const name = options.context === false ? undefined : (options.context ?? defaultContext(client));
  if (name !== undefined) {
    const [problem] = validateContextName(name);
    if (problem !== undefined) throw new Failure("usage", problem);
  }
  const state = name === undefined ? undefined : await contextState(name);
  const former = directory.connection();
  if (!options.force) checkFiles(directory, client);
  if (name !== undefined && state !== undefined) {
    checkContext(name, state, options.force, [client.dockerHost, former?.contexts[name]]);
  }

  const hasContext = name !== undefined && state?.kind !== "no docker";
  const { dockerHost, stack } = client;
  directory.write(
    { "ca.pem": client.caCert, "cert.pem": client.cert, "key.pem": client.key },
    {
      dockerHost,
      client: client.name,
      ...(stack !== undefined && { stack }),
      contexts: { ...former?.contexts, ...(hasContext && { [name]: dockerHost }) },
    },
  );
  const paths = FILE_NAMES.map((file) => join(directory.path, file));
  if (hasContext) {
    const [ca = "", cert = "", key = ""] = paths;
    const description = `client ${client.name} of ${stack === undefined ? "a stack" : `stack ${stack}`}`;
    await writeContext(state?.kind === "none" ? "create" : "update", { name, description, dockerHost, ca, cert, key });
  }
  return {
    dockerHost,
    client: client.name,
    ...(stack !== undefined && { stack }),
    certDir: directory.path,
    files: paths,
    ...(hasContext && { context: name }),
    contextState:
      name === undefined
        ? "not wanted"
        : state?.kind === "no docker"
          ? "no docker command on PATH"
          : state?.kind === "none"
            ? "made"
            : "updated",
    certificate: certificateFacts(client.cert),
    tryLine: hasContext
      ? `docker --context ${name} info`
      : `DOCKER_HOST=${dockerHost} DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=${quoted(directory.path)} docker info`,
  };
}

function defaultContext({ stack, dockerHost }: Client): string {
  return stack ?? hostName(dockerHost).split(".")[0] ?? "";
}
