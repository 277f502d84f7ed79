/** The options of several verbs, and how their values are read. */
import { InvalidArgumentError, Option } from "commander";
import { dockerDirectory } from "./certificateDirectory";
import { portOf } from "./dockerHost";
import { Failure } from "./failure";
import { type Client, readClient } from "./stack";

export interface SourceOptions {
  stack?: string;
  outputs?: string;
  client?: string;
  address?: Address;
}

export interface Address {
  host: string;
  port?: string;
}

export const source = {
  stack: new Option("-s, --stack <name>", "the stack, as pulumi takes it (default: the selected one)"),
  outputs: new Option(
    "--outputs <file>",
    'a file with the output of "pulumi stack output --json --show-secrets", or "-" for standard input',
  ).conflicts("stack"),
  client: new Option("--client <name>", "one of the stack's clients (default: its first)"),
  address: new Option(
    "--address <host[:port]>",
    "the address by which this computer reaches the host, such as its IP or localhost:PORT of a tunnel",
  ).argParser(parseAddress),
};

export function certDirOption(): Option {
  return new Option("--cert-dir <folder>", "the directory of ca.pem, cert.pem and key.pem").default(
    dockerDirectory(),
    "~/.docker, where Docker looks",
  );
}

export const json = (): Option => new Option("--json", "print JSON, for machines").default(false, "no");

/** "NAME", "NAME:PORT", "[V6]:PORT". */
export function parseAddress(text: string): Address {
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i.exec(text) ?? [];
  if (host === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65535) {
    throw new InvalidArgumentError(
      'It must be an address or a name, with or without a port, such as "localhost:14243".',
    );
  }
  return port === undefined ? { host } : { host, port };
}

/** Seconds: "90s", "10m", "1h", or a number alone. */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d+)([smh]?)$/.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('It must be a duration, such as "90s", "10m" or "1h".');
  return Number(amount) * (unit === "h" ? 3600 : unit === "m" ? 60 : 1);
}

/** Seconds: the forms of `parseDuration`, and days such as "30d". */
export function parsePeriod(text: string): number {
  const [, days] = /^(\d+)d$/.exec(text) ?? [];
  if (days !== undefined) return Number(days) * 24 * 60 * 60;
  if (!/^\d+[smh]?$/.test(text)) throw new InvalidArgumentError('It must be a period, such as "30d" or "12h".');
  return parseDuration(text);
}

export async function clientOf({ address, ...options }: SourceOptions): Promise<Client> {
  const client = await readClient(options, options.client);
  if (address === undefined) return client;
  const port = address.port ?? portOf(client.dockerHost);
  return { ...client, dockerHost: `tcp://${address.host}:${port}`, publicIpAddress: undefined };
}

/** The failure of `env` and `check` for a directory without a connection. */
export function notConnected(path: string): Failure {
  return new Failure(
    "notConnected",
    `--cert-dir must be a directory that connect wrote (got ${path}). Run docker-host connect.`,
  );
}
