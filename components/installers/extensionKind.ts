/** The common parts of both installers: the kind of an Azure extension, and the daemon that it configures. */
import { createHash } from "node:crypto";
import type { HostCertificates } from "../rules/pem";
import { type DaemonOptions, daemonConfiguration } from "./daemonOptions";

/** A kind of Azure extension. */
export interface Extension {
  publisher: string;
  type: string;
  typeHandlerVersion: string;
  /** The changes for which the extension is taken off and put on again. "*" is every change, and a run that failed. */
  replaceOnChanges: string[];
}

/** The certificates that a label of the daemon names. */
export type PublicCertificates = Pick<HostCertificates, "trustPem" | "certPem">;

/**
 * A short name of a host's certificates. It differs whenever one of them does. The private key isn't in it: the certificate
 * stands for it.
 */
export function certificatesFingerprint({ trustPem, certPem }: PublicCertificates): string {
  return createHash("sha256").update(trustPem).update("\0").update(certPem).digest("hex").slice(0, 32);
}

/** The daemon's configuration in the form of `daemon.json`. */
export function configurationOf(options: DaemonOptions, certificates: PublicCertificates): DaemonOptions {
  return daemonConfiguration(options, certificatesFingerprint(certificates));
}

/** A text in base64, as both extensions take it. */
export function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
