/** Reads a stack's outputs, by the `pulumi` command or from a file, and takes one client's certificates out of them. */
import { X509Certificate, createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import type { StackOutputs } from "../../outputs";
import { pemCertificates } from "./certificate";
import { isDockerHost } from "./dockerHost";
import { Failure } from "./failure";
import { run } from "./run";

/** Where a stack's outputs are read from. */
export interface StackSource {
  /** The stack's name, as `pulumi --stack` takes it; the selected one if none is given. */
  stack?: string;
  /** A file with what `pulumi stack output --json --show-secrets` printed, or "-" for standard input. */
  outputs?: string;
}

/** One client of one host: what it needs to connect. */
export interface Client {
  /** Its name in the stack's setting `clients`, such as "admin". */
  name: string;
  /** The stack's name without organization and project, such as "dev"; undefined for outputs from a file. */
  stack?: string;
  /** What `DOCKER_HOST` is set to: "tcp://FQDN:4243". */
  dockerHost: string;
  /** The address that the name must resolve to, where there is one. */
  publicIpAddress?: string;
  caCert: string;
  cert: string;
  key: string;
}

/**
 * Reads the outputs and takes a client out of them: the one that is named, else the stack's first one.
 * A stack whose authority is another stack's has its clients' keys there: they are read from it.
 *
 * @throws Failure if the outputs can't be read, or have no such client.
 */
export async function readClient(source: StackSource, clientName?: string): Promise<Client> {
  const [outputs, stack] =
    source.outputs === undefined
      ? await Promise.all([stackOutputs(source.stack), stackName(source.stack)])
      : [parseOutputs(readText(source.outputs), source.outputs === "-" ? "standard input" : source.outputs)];
  const { name, cert, key } = await chooseClient(outputs, source, clientName);
  const client = { name, stack, cert, key, caCert: outputs.caCert, dockerHost: outputs.dockerHost };
  checkPair(client);
  return outputs.publicIpAddress === undefined ? client : { ...client, publicIpAddress: outputs.publicIpAddress };
}

/** How many stacks may stand one behind another. */
const MOST_AUTHORITY_STACKS = 8;

interface Credentials {
  name: string;
  cert: string;
  key: string;
}

async function chooseClient(outputs: StackOutputs, source: StackSource, wanted?: string): Promise<Credentials> {
  const all = new Map<string, Credentials>();
  let first: string | undefined;
  let current: StackOutputs | undefined = outputs;
  for (let depth = 0; current !== undefined && depth < MOST_AUTHORITY_STACKS; depth++) {
    const keys = Object.entries(current.clientKeys ?? {});
    for (const [name, key] of keys) {
      // The certificate is the one that this host trusts: the authority's stack may have renewed it since the last `up` here.
      const cert = outputs.clientCerts[name];
      if (cert === undefined || all.has(name)) continue;
      all.set(name, { name, cert, key });
      // Who was handed one key alone has no other.
      if (current.clientCert === current.clientCerts[name] || keys.length === 1) first ??= name;
    }
    const found = all.get(wanted ?? first ?? "");
    if (found) return found;
    const { caStack }: StackOutputs = current;
    // The keys of clients that two stacks share are with the one that made them.
    current = caStack !== undefined && source.outputs === undefined ? await stackOutputs(caStack) : undefined;
  }
  const others = Object.keys(outputs.clientCerts).filter((name) => !all.has(name));
  const elsewhere =
    others.length === 0
      ? ""
      : `; the keys of ${others.join(", ")} are with the stack ${outputs.caStack ?? "that made them"}`;
  const allowed = `allowed: ${[...all.keys()].join(", ") || "none"}${elsewhere}`;
  throw new Failure(
    "outputs",
    wanted === undefined
      ? `--client: none given, and the outputs don't say which is the first; ${allowed}`
      : `--client: ${JSON.stringify(wanted)} is no client whose key the outputs have; ${allowed}`,
  );
}

/** Refuses what could not work, before anything is written. Nothing of it is shown. */
function checkPair({ name, cert, key, caCert }: Client): void {
  const problem = (what: string): Failure => new Failure("outputs", `the stack's outputs: ${what}`);
  try {
    for (const pem of pemCertificates(caCert)) new X509Certificate(pem);
    if (pemCertificates(caCert).length === 0) throw new Error("none");
  } catch {
    throw problem("caCert is no certificate");
  }
  let pair = false;
  try {
    pair = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    throw problem(`the certificate or the key of client ${name} is not PEM (not shown)`);
  }
  if (!pair) {
    throw problem(
      `the certificate and the key of client ${name} don't belong together; pulumi up brings the stack up to date`,
    );
  }
}

async function stackOutputs(stack?: string): Promise<StackOutputs> {
  const args = ["stack", "output", "--json", "--show-secrets", ...stackArgs(stack)];
  return parseOutputs(await pulumi(args), stack === undefined ? "the selected stack" : `stack ${stack}`);
}

/** A stack's name alone: "dev" of "acme/azure-docker-host/dev". */
async function stackName(stack?: string): Promise<string> {
  const name = stack ?? (await pulumi(["stack", "--show-name", ...stackArgs(stack)])).trim();
  return name.split("/").at(-1) ?? name;
}

/** What says which stack, and that nobody answers questions. */
export function stackArgs(stack?: string): string[] {
  return ["--non-interactive", ...(stack === undefined ? [] : ["--stack", stack])];
}

async function pulumi(args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run("pulumi", args);
  if (code === undefined) {
    throw new Failure(
      "outputs",
      "pulumi: no such command on PATH; it reads the stack. Without it, give --outputs FILE",
    );
  }
  // Its standard error has no secret; its standard output has.
  if (code !== 0) throw new Failure("outputs", `pulumi ${args.slice(0, 2).join(" ")} failed:\n${stderr.trim()}`);
  return stdout;
}

function readText(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new Failure("outputs", `--outputs: ${file} can't be read: ${(error as NodeJS.ErrnoException).code ?? "?"}`);
  }
}

/** @throws Failure which says what is missing, and shows nothing of what is there. */
export function parseOutputs(text: string, from: string): StackOutputs {
  const problem = (what: string): Failure => new Failure("outputs", `the outputs of ${from}: ${what}`);
  let outputs: Record<string, unknown>;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) throw new Error("no object");
    outputs = value as Record<string, unknown>;
  } catch {
    throw problem("not the JSON that pulumi stack output --json --show-secrets prints");
  }
  if (Object.keys(outputs).length === 0) throw problem("there are none; bring the stack up with pulumi up");
  const { dockerHost, clientCerts, clientKeys = {} } = outputs;
  for (const name of ["dockerHost", "caCert"]) {
    if (typeof outputs[name] !== "string") throw problem(`${name} is missing; is this a stack of azure-docker-host?`);
  }
  if (!isDockerHost(dockerHost)) throw problem("dockerHost is not of the form tcp://NAME:PORT");
  if (clientKeys === SECRET) throw problem("the secrets are hidden; make them with --show-secrets");
  for (const [name, map] of Object.entries({ clientCerts, clientKeys })) {
    if (typeof map !== "object" || map === null || !Object.values(map).every((each) => typeof each === "string")) {
      throw problem(`${name} is missing or no map of names to PEM texts`);
    }
  }
  return outputs as unknown as StackOutputs;
}

/** What `pulumi stack output` prints instead of a secret. */
const SECRET = "[secret]";
