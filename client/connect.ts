/** `docker-host connect` and `disconnect`: puts a client's certificates where Docker looks, and takes them away again. */
import { X509Certificate } from "node:crypto";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { type CertificateFacts, certificateFacts, describeCertificate } from "./certificate";
import { CertificateDirectory, FILE_NAMES } from "./certificateDirectory";
import { type ContextState, checkContextName, contextState, removeContext, writeContext } from "./dockerContext";
import { quoted } from "./environment";
import { Failure } from "./failure";
import { type Client, pemCertificates } from "./stack";

/** What `connect` is asked to do. */
export interface ConnectOptions {
  certDir: string;
  /** The docker context's name; by default the stack's, else the first label of the host's name. */
  context?: string | false;
  /** Replace what `connect` didn't make. */
  force: boolean;
}

/** What `connect` did. */
export interface Connected {
  dockerHost: string;
  client: string;
  stack?: string;
  certDir: string;
  files: string[];
  /** The docker context; absent where none was made. */
  context?: string;
  /** What was done with the context. */
  contextState: "made" | "updated" | "no docker command on PATH" | "not wanted";
  certificate: CertificateFacts;
  /** A line to try. */
  tryLine: string;
}

/** Docker's own directory: where it looks for a client's files. */
export function dockerDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return environment.DOCKER_CONFIG ?? join(homedir(), ".docker");
}

/** Opens a certificate directory, which need not be there yet. */
export function openDirectory(certDir: string): CertificateDirectory {
  const path = resolve(certDir);
  return new CertificateDirectory(path, path === resolve(dockerDirectory()));
}

/**
 * Writes the client's files and makes or updates the docker context.
 *
 * @throws Failure if something that `connect` didn't make is in the way, before anything is written.
 */
export async function connect(client: Client, options: ConnectOptions): Promise<Connected> {
  const directory = openDirectory(options.certDir);
  const name = options.context === false ? undefined : (options.context ?? defaultContext(client));
  if (name !== undefined) {
    const [problem] = checkContextName(name);
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

/** What `disconnect` did. */
export interface Disconnected {
  certDir: string;
  /** The docker contexts that were removed. */
  contexts: string[];
  /** Whether there was anything to take back. */
  connected: boolean;
}

/** Takes back what `connect` made in a directory, and the docker contexts made from it; nothing else. */
export async function disconnect(certDir: string): Promise<Disconnected> {
  const directory = openDirectory(certDir);
  const connection = directory.connection();
  // The contexts first: what they are called stands with the files.
  const contexts: string[] = [];
  for (const [name, dockerHost] of Object.entries(connection?.contexts ?? {})) {
    const state = await contextState(name);
    if (state.kind !== "ours" || state.dockerHost !== dockerHost) continue;
    await removeContext(name);
    contexts.push(name);
  }
  directory.remove();
  return { certDir: directory.path, contexts, connected: connection !== undefined };
}

function defaultContext({ stack, dockerHost }: Client): string {
  return stack ?? hostName(dockerHost).split(".")[0] ?? "";
}

/** The name or address in "tcp://NAME:PORT". */
export function hostName(dockerHost: string): string {
  return new URL(dockerHost).hostname;
}

/**
 * Whether the context's name may be used. One of somebody else's is never replaced: it may hold the only copy of a key.
 *
 * @throws Failure if the context is not one that `connect` made for this host.
 */
function checkContext(name: string, state: ContextState, force: boolean, hosts: (string | undefined)[]): void {
  if (state.kind === "somebody else's") {
    throw new Failure(
      "inTheWay",
      `docker context ${name} is there and was not made by connect; allowed: another --context`,
    );
  }
  const names = hosts.filter((host) => host !== undefined).map(hostName);
  if (state.kind !== "ours" || names.includes(hostName(state.dockerHost)) || force) return;
  throw new Failure(
    "inTheWay",
    `docker context ${name} is there and leads to ${state.dockerHost}; allowed: another --context, or --force`,
  );
}

/**
 * Whether the files may be replaced: they are this very client's, of before a renewal or a rotation, or the same.
 *
 * @throws Failure that says whose they are.
 */
function checkFiles(directory: CertificateDirectory, client: Client): void {
  const files = directory.files();
  const wanted = { "ca.pem": client.caCert, "cert.pem": client.cert, "key.pem": client.key };
  const different = FILE_NAMES.filter((name) => files[name] !== undefined && files[name] !== wanted[name]);
  if (different.length === 0) return;
  const connection = directory.connection();
  const foreign = directory.foreign();
  if (
    connection !== undefined &&
    different.every((name) => !foreign.includes(name)) &&
    connection.client === client.name &&
    isSameHost(connection, client, files["ca.pem"])
  ) {
    return;
  }
  const whose = files["cert.pem"] === undefined ? "" : ` (certificate of ${describeCertificate(files["cert.pem"])})`;
  const from =
    connection === undefined
      ? ""
      : `; client ${connection.client} of ${connection.stack === undefined ? connection.dockerHost : `stack ${connection.stack}`}`;
  const force = foreign.length === 0 ? "replaces them" : "keeps them for disconnect to put back";
  throw new Failure(
    "inTheWay",
    `--cert-dir: ${directory.path} has other files: ${different.join(", ")}${whose}${from}; allowed: another --cert-dir, or --force, which ${force}`,
  );
}

const LOOPBACK = /^(localhost|127\..*|\[::1\])$/;

/** The same stack's host, which may have got another name or another authority since, but not both at once. */
function isSameHost(
  connection: { dockerHost: string; stack?: string },
  client: Client,
  caCert: string | undefined,
): boolean {
  if (connection.stack !== undefined && client.stack !== undefined && connection.stack !== client.stack) return false;
  const host = hostName(client.dockerHost);
  // The end of a tunnel may be anybody's.
  if (host === hostName(connection.dockerHost) && !LOOPBACK.test(host)) return true;
  const keys = (text: string): string[] =>
    pemCertificates(text).map((pem) =>
      new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    );
  const known = keys(caCert ?? "");
  return keys(client.caCert).some((key) => known.includes(key));
}
