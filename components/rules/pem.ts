/** The rules of PEM texts and certificates: the host's own, those of its clients, and those of CAs. */
import { X509Certificate } from "node:crypto";

/** The kinds of PEM texts. */
export type PemKind = "CERTIFICATE" | "PRIVATE KEY";

/** The three PEM texts of a host's TLS. */
export interface HostCertificates {
  /** The certificates that the daemon trusts, its clients', one after another. */
  trustPem: string;
  /** The daemon's certificate. */
  certPem: string;
  /** The daemon's private key. */
  keyPem: string;
}

/** The daemon's trust file: certificates one after another, each ended by one line end. */
export function trustFile(certPems: string[]): string {
  return certPems.map((pem) => `${pem.trim()}\n`).join("");
}

/** Validates a host's certificates. With any of them missing, the Docker port would be open to everyone, as root. */
export function validateHostCertificates(certificates: HostCertificates): string[] {
  const kinds = { trustPem: "CERTIFICATE", certPem: "CERTIFICATE", keyPem: "PRIVATE KEY" } as const;
  return (Object.keys(kinds) as (keyof typeof kinds)[])
    .filter((part) => !isPem(certificates[part], kinds[part]))
    .map((part) => `${part} must be PEM. A Docker port is never opened without all three certificates.`);
}

/** Validates that a text is PEM of one kind. The value is not shown, because it may be a private key in the wrong place. */
export function validatePem(setting: string, pem: unknown, kind: PemKind): string[] {
  return typeof pem === "string" && isPem(pem, kind)
    ? []
    : [`${setting} must be PEM, beginning with "-----BEGIN ${kind}-----" (value not shown).`];
}

/** Whether a text holds PEM of that kind and of no other: above all, no private key beside a certificate. */
function isPem(text: string, kind: PemKind): boolean {
  // Not every private key stands in a block with a correct label.
  if (kind === "CERTIFICATE" && /PRIVATE KEY/i.test(text)) return false;
  const labels = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map(([, label = ""]) => label);
  // A key's label names its kind. Docker would skip OpenSSL's "TRUSTED CERTIFICATE".
  const isOne = (label: string): boolean => (kind === "PRIVATE KEY" ? label.endsWith(kind) : label === kind);
  // OpenSSL writes a key's parameters before it.
  const others = labels.filter((label) => !isOne(label) && label !== "EC PARAMETERS");
  return labels.some(isOne) && others.length === 0;
}

/** The PEM texts of the certificates that a text holds. */
export function certificatesIn(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
}

/** The OIDs of extended key usages that let a certificate identify a client (RFC 5280, 4.2.1.12). */
const CLIENT_USES = ["1.3.6.1.5.5.7.3.2", "2.5.29.37.0"];

/**
 * Validates one of `trustedClientCerts`: exactly one certificate, a client's, valid now.
 *
 * The daemon is written in Go, whose TLS takes every certificate in the trust file as an anchor. A CA's certificate, or one of
 * X.509 version 1, would make everything that it signed a client (Go, crypto/x509, `Certificate.isValid`).
 */
export function validateTrustedClientCert(setting: string, pem: unknown): string[] {
  const must = `${setting} must be the PEM of one client certificate`;
  if (typeof pem !== "string" || !isPem(pem, "CERTIFICATE")) return [`${must} (value not shown).`];
  const { length } = [...pem.matchAll(/-----BEGIN /g)];
  if (length !== 1) return [`${must} (got ${length} certificates).`];
  const certificate = parseCertificate(pem);
  if (certificate === undefined) return [`${must}, and it can't be read (value not shown).`];
  const given = `(got the certificate of ${subjectOf(certificate)})`;
  const uses = certificate.keyUsage as string[] | undefined;
  return [
    ...(versionOf(certificate) === 3 ? [] : [`${must} of X.509 version 3 ${given}.`]),
    ...(certificate.ca ? [`${must}, not of a CA ${given}. Set clientCaCerts to trust all clients of a CA.`] : []),
    ...(uses?.some((use) => CLIENT_USES.includes(use)) === true
      ? []
      : [`${must}, with the extended key usage clientAuth ${given}.`]),
    ...validateValidity(setting, certificate),
  ];
}

/** Validates that a certificate is valid now. */
export function validateValidity(setting: string, certificate: X509Certificate): string[] {
  const { validFrom, validTo } = certificate;
  const must = `${setting} must be valid now`;
  const given = `got the certificate of ${subjectOf(certificate)}`;
  return [
    // A time that can't be read is NaN, and no comparison with NaN is true.
    ...(Date.parse(validFrom) <= Date.now() ? [] : [`${must} (${given}, valid from ${validFrom}).`]),
    ...(Date.now() <= Date.parse(validTo) ? [] : [`${must} (${given}, expired on ${validTo}).`]),
  ];
}

/** A certificate; undefined if the text is none. */
export function parseCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** The name of a certificate's holder, on one line. */
export function subjectOf({ subject }: X509Certificate): string {
  // A certificate may have an empty subject, which Node gives as undefined.
  return JSON.stringify(((subject as string | undefined) ?? "").split("\n").join(", "));
}

/** A certificate's X.509 version. In DER, versions 2 and 3 stand first in the inner sequence, under the tag [0] (RFC 5280, 4.1). */
function versionOf({ raw }: X509Certificate): number {
  const body = contentAt(raw, contentAt(raw, 0));
  if (raw[body] !== 0xa0) return 1;
  return (raw[contentAt(raw, contentAt(raw, body))] ?? 0) + 1;
}

/** Where the content of the DER element at a place begins: after its tag and its length. */
function contentAt(der: Buffer, place: number): number {
  const length = der[place + 1] ?? 0;
  return place + 2 + (length < 0x80 ? 0 : length & 0x7f);
}
