/** Certificates as a host, its clients and their CA have them, made on the spot, for tests of who is trusted. */
import {
  createCertRequest,
  createKey,
  createLocallySignedCert,
  createSelfSignedCert,
} from "../../rehearsal/providers/certificates";

/** A certificate and its private key, PEM. */
export interface Issued {
  cert: string;
  key: string;
}

/** When a certificate begins and ends, in days from now; by default yesterday, and in a year. */
export interface Validity {
  from?: number;
  until?: number;
}

/** A self-signed CA. */
export async function caOf(name: string): Promise<Issued> {
  return selfSigned({ commonName: name }, { isCaCertificate: true, allowedUses: ["cert_signing"] }, {});
}

/** A client's self-signed certificate, as a stack makes it. */
export async function clientOf(name: string, validity: Validity = {}): Promise<Issued> {
  return selfSigned({ commonName: name, organization: "docker-host" }, { allowedUses: ["client_auth"] }, validity);
}

/** A server's certificate for DNS names and IPv4 addresses. */
export async function serverOf(ca: Issued, names: string[], validity: Validity = {}): Promise<Issued> {
  const dnsNames = names.filter((name) => !/^[\d.]+$/.test(name));
  const ipAddresses = names.filter((name) => /^[\d.]+$/.test(name));
  return signed(ca, { subject: { commonName: "server" }, dnsNames, ipAddresses }, "server_auth", validity);
}

/** A client's certificate that a CA signed, as a company has them. */
export async function memberOf(ca: Issued, name: string): Promise<Issued> {
  return signed(ca, { subject: { commonName: name, organization: "Acme Inc." } }, "client_auth", {});
}

async function signed(ca: Issued, request: object, use: string, validity: Validity): Promise<Issued> {
  const privateKeyPem = await key();
  const { properties } = await createCertRequest({ privateKeyPem, ...request });
  const { hours, notBefore } = span(validity);
  const cert = await createLocallySignedCert(
    {
      certRequestPem: properties.certRequestPem,
      caCertPem: ca.cert,
      caPrivateKeyPem: ca.key,
      allowedUses: [use],
      validityPeriodHours: hours,
    },
    notBefore,
  );
  return { cert: String(cert.properties.certPem), key: privateKeyPem };
}

async function selfSigned(subject: object, what: object, validity: Validity): Promise<Issued> {
  const privateKeyPem = await key();
  const { hours, notBefore } = span(validity);
  const { properties } = await createSelfSignedCert(
    { privateKeyPem, subject, ...what, validityPeriodHours: hours },
    notBefore,
  );
  return { cert: String(properties.certPem), key: privateKeyPem };
}

async function key(): Promise<string> {
  return String((await createKey({ algorithm: "ECDSA", ecdsaCurve: "P256" })).properties.privateKeyPem);
}

function span({ from = -1, until = 365 }: Validity): { hours: number; notBefore: Date } {
  return { hours: (until - from) * 24, notBefore: new Date(Date.now() + from * 24 * 60 * 60 * 1000) };
}
