/** Reads a stack's outputs, by the `pulumi` command or from a file, and takes one client's certificates out of them. */
import { X509Certificate, createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import type { StackOutputs } from "../../outputs";
import { pemCertificates } from "./certificate";
import { isDockerHost } from "./dockerHost";
import { Failure } from "./failure";
import { run } from "./run";

/** The source of a stack's outputs. */
export interface StackSource {
  /** The stack's name, as `pulumi --stack` takes it. Defaults to the selected stack. */
  stack?: string;
  /** A file with the output of `pulumi stack output --json --show-secrets`, or "-" for standard input. */
  outputs?: string;
}

/** One client of one host, with all that it needs to connect. */
export interface Client {
  /** Its name in the stack's setting `clients`, such as "admin". */
  name: string;
  /** The stack's name without organization and project, such as "dev"; undefined for outputs from a file. */
  stack?: string;
  /** The value of `DOCKER_HOST`: "tcp://FQDN:4243". */
  dockerHost: string;
  /** The address that the name must resolve to, if it is known. */
  publicIpAddress?: string;
  caCert: string;
  cert: string;
  key: string;
}

/**
 * Reads a client from a stack's outputs: the one of that name, or by default the stack's first one.
 * With `caStack`, it reads the client's key from that stack.
 *
 * @throws Failure if it can't read the outputs, or if they have no such client.
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

/** The longest chain of stacks by `caStack`. */
const MOST_CA_STACKS = 8;

interface Credentials {
  name: string;
  cert: string;
  key: string;
}

async function chooseClient(outputs: StackOutputs, source: StackSource, wanted?: string): Promise<Credentials> {
  const all = new Map<string, Credentials>();
  let first: string | undefined;
  let current: StackOutputs | undefined = outputs;
  for (let depth = 0; current !== undefined && depth < MOST_CA_STACKS; depth++) {
    const keys = Object.entries(current.clientKeys ?? {});
    for (const [name, key] of keys) {
      // This host's own output has the certificate that it trusts. The CA's stack may have renewed it since the last `up` here.
      const cert = outputs.clientCerts[name];
      if (cert === undefined || all.has(name)) continue;
      all.set(name, { name, cert, key });
      // Outputs with a single key are for that client.
      if (current.clientCert === current.clientCerts[name] || keys.length === 1) first ??= name;
    }
    const found = all.get(wanted ?? first ?? "");
    if (found) return found;
    const { caStack }: StackOutputs = current;
    // The keys of clients that stacks share are outputs of the stack that made them.
    current = caStack !== undefined && source.outputs === undefined ? await stackOutputs(caStack) : undefined;
  }
  const others = Object.keys(outputs.clientCerts).filter((name) => !all.has(name));
  const elsewhere =
    others.length === 0
      ? ""
      : ` The keys of ${others.join(", ")} are outputs of the stack ${outputs.caStack ?? "that made them"}.`;
  const known = [...all.keys()].join(", ") || "none";
  const given = wanted === undefined ? "nothing" : JSON.stringify(wanted);
  throw new Failure(
    "outputs",
    `--client must name a client whose key is in the outputs: ${known} (got ${given}).${elsewhere}`,
  );
}

/** Refuses certificates and keys that can't work, before anything is written. It shows nothing of them. */
function checkPair({ name, cert, key, caCert }: Client): void {
  const problem = (what: string): Failure => new Failure("outputs", `the stack's outputs: ${what}`);
  try {
    for (const pem of pemCertificates(caCert)) new X509Certificate(pem);
    if (pemCertificates(caCert).length === 0) throw new Error("none");
  } catch {
    throw problem("caCert must be a PEM certificate (value not shown).");
  }
  let pair = false;
  try {
    pair = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    throw problem(`the certificate and the key of client ${name} must be PEM (values not shown).`);
  }
  if (!pair) {
    throw problem(
      `the certificate and the key of client ${name} must belong together. Run pulumi up, which brings the stack up to date.`,
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

/** The arguments that name the stack, and that keep pulumi from asking questions. */
export function stackArgs(stack?: string): string[] {
  return ["--non-interactive", ...(stack === undefined ? [] : ["--stack", stack])];
}

async function pulumi(args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run("pulumi", args);
  if (code === undefined) {
    throw new Failure(
      "outputs",
      "The command pulumi must be on PATH, because it reads the stack. Install it, or use --outputs FILE.",
    );
  }
  // Its standard output may hold a secret. Its standard error doesn't.
  if (code !== 0) throw new Failure("outputs", `pulumi ${args.slice(0, 2).join(" ")} failed:\n${stderr.trim()}`);
  return stdout;
}

function readText(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw new Failure(
      "outputs",
      `--outputs must be a readable file (got ${file}: ${(error as NodeJS.ErrnoException).code ?? "?"}).`,
    );
  }
}

/** @throws Failure that names the problem, and shows no value. */
export function parseOutputs(text: string, from: string): StackOutputs {
  const problem = (what: string): Failure => new Failure("outputs", `the outputs of ${from}: ${what}`);
  let outputs: Record<string, unknown>;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) throw new Error("no object");
    outputs = value as Record<string, unknown>;
  } catch {
    throw problem("they must be the JSON that pulumi stack output --json --show-secrets prints.");
  }
  if (Object.keys(outputs).length === 0) throw problem("there are none. Run pulumi up first.");
  const { dockerHost, clientCerts, clientKeys = {} } = outputs;
  for (const name of ["dockerHost", "caCert"]) {
    if (typeof outputs[name] !== "string") throw problem(`${name} is missing. Is this a stack of azure-docker-host?`);
  }
  if (!isDockerHost(dockerHost)) throw problem("dockerHost must have the form tcp://NAME:PORT.");
  if (clientKeys === SECRET) throw problem("the secrets are hidden. Print the outputs with --show-secrets.");
  for (const [name, map] of Object.entries({ clientCerts, clientKeys })) {
    if (typeof map !== "object" || map === null || !Object.values(map).every((each) => typeof each === "string")) {
      throw problem(`${name} must map names to PEM texts.`);
    }
  }
  return outputs as unknown as StackOutputs;
}

/** `pulumi stack output` prints this instead of a secret. */
const SECRET = "[secret]";
