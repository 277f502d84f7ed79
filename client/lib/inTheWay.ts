/** Finds the files and the docker context that are in the way of `connect`, and decides whether it may replace them. */
import { X509Certificate } from "node:crypto";
import { describeCertificate, pemCertificates } from "./certificate";
import type { CertificateDirectory } from "./certificateDirectory";
import { FILE_NAMES } from "./connection";
import type { ContextState } from "./dockerContext";
import { hostName } from "./dockerHost";
import { Failure } from "./failure";
import type { Client } from "./stack";

/**
 * Checks whether `connect` may use the context's name. It never replaces a context that it didn't make, because
 * that may hold the only copy of a key.
 *
 * @throws Failure if the context is not one that `connect` made for this host.
 */
export function checkContext(name: string, state: ContextState, force: boolean, hosts: (string | undefined)[]): void {
  if (state.kind === "somebody else's") {
    throw new Failure(
      "inTheWay",
      `--context must name a new docker context, or one that connect made (got ${name}). Choose another name.`,
    );
  }
  const names = hosts.filter((host) => host !== undefined).map(hostName);
  if (state.kind !== "ours" || names.includes(hostName(state.dockerHost)) || force) return;
  throw new Failure(
    "inTheWay",
    `--context must name a docker context of this host (got ${name}, which leads to ${state.dockerHost}). Choose another name, or replace it with --force.`,
  );
}

/**
 * Checks whether `connect` may replace the files: they are the same, or this client's from before a renewal or a rotation.
 *
 * @throws Failure that tells whose they are.
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
  const whose =
    files["cert.pem"] === undefined ? "" : ` The certificate there: ${describeCertificate(files["cert.pem"])}.`;
  const from =
    connection === undefined
      ? ""
      : ` The last connect there was for client ${connection.client} of ${connection.stack === undefined ? connection.dockerHost : `stack ${connection.stack}`}.`;
  const force =
    foreign.length === 0 ? "replace them with --force" : "use --force, which keeps them for disconnect to put back";
  throw new Failure(
    "inTheWay",
    `--cert-dir must hold no files of another client or host (got ${different.join(", ")} in ${directory.path}).${whose}${from} Choose another --cert-dir, or ${force}.`,
  );
}

const LOOPBACK = /^(localhost|127\..*|\[::1\])$/;

/** Whether it is the same host. It may have a new name or a new CA, but not both at once. */
function isSameHost(
  connection: { dockerHost: string; stack?: string },
  client: Client,
  caCert: string | undefined,
): boolean {
  if (connection.stack !== undefined && client.stack !== undefined && connection.stack !== client.stack) return false;
  const host = hostName(client.dockerHost);
  // A tunnel may lead to any host.
  if (host === hostName(connection.dockerHost) && !LOOPBACK.test(host)) return true;
  const keys = (text: string): string[] =>
    pemCertificates(text).map((pem) =>
      new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" }).toString("base64"),
    );
  const known = keys(caCert ?? "");
  return keys(client.caCert).some((key) => known.includes(key));
}
