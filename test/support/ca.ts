/** Makes a company's CAs and certificates, for tests of those in the settings. */
import { X509Certificate } from "node:crypto";
import { createKey, createSelfSignedCert } from "../../rehearsal/providers/certificates";

/** The properties of a CA. */
export interface CaOptions {
  /** Its key, in the tls provider's words; by default ECDSA on P-256. */
  key?: Record<string, unknown>;
  /** The former CA, whose key it has. */
  renewalOf?: Ca;
  commonName?: string;
  /** Whether it is a CA. Defaults to true. */
  isCa?: boolean;
  /** The uses of its key, in the tls provider's words. Defaults to those of a CA or of a client. */
  uses?: string[];
  /** When it begins, hours from now; an hour ago by default. */
  fromHours?: number;
  /** When it ends, hours from now; in a day by default. */
  toHours?: number;
}

/** A certificate and its key, PEM; the key also in the form of PKCS #8. */
export interface Ca {
  certPem: string;
  keyPem: string;
  pkcs8: string;
}

/** Makes a self-signed certificate and its key. */
export async function makeCa(options: CaOptions = {}): Promise<Ca> {
  const { key = { algorithm: "ECDSA", ecdsaCurve: "P256" }, commonName = "Acme", isCa = true } = options;
  const { fromHours = -1, toHours = 24 } = options;
  const { renewalOf } = options;
  const { properties } = renewalOf
    ? { properties: { privateKeyPem: renewalOf.keyPem, privateKeyPemPkcs8: renewalOf.pkcs8 } }
    : await createKey({ rsaBits: 2048, ...key });
  const certificate = await createSelfSignedCert(
    {
      privateKeyPem: properties.privateKeyPem,
      subject: { commonName, organization: "Acme Inc." },
      isCaCertificate: isCa,
      allowedUses: options.uses ?? (isCa ? ["cert_signing"] : ["digital_signature", "client_auth"]),
      validityPeriodHours: toHours - fromHours,
    },
    new Date(Date.now() + fromHours * 3_600_000),
  );
  return {
    certPem: String(certificate.properties.certPem),
    keyPem: String(properties.privateKeyPem),
    pkcs8: String(properties.privateKeyPemPkcs8),
  };
}

/**
 * The same certificate in X.509 version 1: without the version and the extensions, which stand under the tags [0] and [3]
 * (RFC 5280, 4.1). Nobody checks its signature.
 */
export function inVersion1(certPem: string): string {
  const [tbs = Buffer.alloc(0), ...signature] = elements(new X509Certificate(certPem).raw);
  const kept = elements(tbs).filter(([tag]) => tag !== 0xa0 && tag !== 0xa3);
  const der = sequence([sequence(kept), ...signature]);
  return `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`;
}

/** The elements of a DER sequence. */
function elements(der: Buffer): Buffer[] {
  const { start, end } = contentOf(der, 0);
  const found: Buffer[] = [];
  for (let at = start; at < end;) {
    const next = contentOf(der, at).end;
    found.push(der.subarray(at, next));
    at = next;
  }
  return found;
}

/** Where the content of the DER element at a place begins and ends. */
function contentOf(der: Buffer, at: number): { start: number; end: number } {
  const first = der.readUInt8(at + 1);
  const more = first < 0x80 ? 0 : first & 0x7f;
  const start = at + 2 + more;
  return { start, end: start + (more === 0 ? first : der.readUIntBE(at + 2, more)) };
}

function sequence(parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([0x30, 0x82, content.length >> 8, content.length & 0xff]), content]);
}
