/** What `connect` meets in its way, and whether it may replace that. */
import { X509Certificate } from "node:crypto";
import { describeCertificate, pemCertificates } from "./certificate";
import type { CertificateDirectory } from "./certificateDirectory";
import { FILE_NAMES } from "./connection";
import type { ContextState } from "./dockerContext";
import { hostName } from "./dockerHost";
import { Failure } from "./failure";
import type { Client } from "./stack";

/**
 * Whether the context's name may be used. One of somebody else's is never replaced: it may hold the only copy of a key.
 *
 * @throws Failure if the context is not one that `connect` made for this host.
 */
export function checkContext(name: string, state: ContextState, force: boolean, hosts: (string | undefined)[]): void {
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
export function checkFiles(directory: CertificateDirectory, client: Client): void {
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
