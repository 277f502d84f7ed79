/** Makes certificates and keys as a company's authority has them, for tests of those that are given. */
import { createKey, createSelfSignedCert } from "../../rehearsal/providers/certificates";

/** What an authority is to be. */
export interface AuthorityOptions {
  /** Its key, in the tls provider's words; by default ECDSA on P-256. */
  key?: Record<string, unknown>;
  /** The former one, whose key it has. */
  renewalOf?: Authority;
  commonName?: string;
  /** Whether it is one at all; it is by default. */
  isAuthority?: boolean;
  /** When it begins, hours from now; an hour ago by default. */
  fromHours?: number;
  /** When it ends, hours from now; in a day by default. */
  toHours?: number;
}

/** A certificate and its key, PEM; the key also in the form of PKCS #8. */
export interface Authority {
  certPem: string;
  keyPem: string;
  pkcs8: string;
}

/** Makes a self-signed certificate and its key. */
export async function makeAuthority(options: AuthorityOptions = {}): Promise<Authority> {
  const { key = { algorithm: "ECDSA", ecdsaCurve: "P256" }, commonName = "Acme", isAuthority = true } = options;
  const { fromHours = -1, toHours = 24 } = options;
  const { renewalOf } = options;
  const { properties } = renewalOf
    ? { properties: { privateKeyPem: renewalOf.keyPem, privateKeyPemPkcs8: renewalOf.pkcs8 } }
    : await createKey({ rsaBits: 2048, ...key });
  const certificate = await createSelfSignedCert(
    {
      privateKeyPem: properties.privateKeyPem,
      subject: { commonName, organization: "Acme Inc." },
      isCaCertificate: isAuthority,
      allowedUses: isAuthority ? ["cert_signing"] : ["digital_signature", "client_auth"],
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
