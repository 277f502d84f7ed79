/** Keys and certificates for tests, made on the spot. */
import "reflect-metadata";
import { KeyObject, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

/** A certificate and its private key, PEM. */
export interface Issued {
  cert: string;
  key: string;
}

/** An authority that signs for tests. */
export interface Authority extends Issued {
  algorithm: Algorithm;
  keys: webcrypto.CryptoKeyPair;
}

type Algorithm = "P-256" | "P-384" | "RSA";

/** In days from now; by default a year. */
export interface Validity {
  from?: number;
  until?: number;
}

/** An authority of its own; with `isAuthority` false, a certificate that says it may not sign. */
export async function authorityOf(
  name: string,
  {
    algorithm = "P-256",
    isAuthority = true,
    ...validity
  }: Validity & { algorithm?: Algorithm; isAuthority?: boolean } = {},
): Promise<Authority> {
  const keys = await generate(algorithm);
  const extensions = [
    new x509.BasicConstraintsExtension(isAuthority, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags[isAuthority ? "keyCertSign" : "digitalSignature"], true),
  ];
  return { ...(await selfSigned(`CN=${name}`, keys, algorithm, validity, extensions)), algorithm, keys };
}

/** A client's self-signed certificate, as a stack makes it. */
export async function clientOf(name: string, validity: Validity = {}): Promise<Issued> {
  const use = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]);
  return selfSigned(`CN=${name}, O=docker-host`, await generate("P-256"), "P-256", validity, [use]);
}

/** A server's certificate for DNS names and IPv4 addresses. */
export async function serverOf(issuer: Authority, names: string[], validity: Validity = {}): Promise<Issued> {
  const keys = await generate("P-256");
  const cert = await x509.X509CertificateGenerator.create({
    subject: "CN=server",
    issuer: new x509.X509Certificate(issuer.cert).subject,
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: signing(issuer.algorithm),
    ...dates(validity),
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: /^[\d.]+$/.test(value) ? "ip" : "dns", value })),
      ),
    ],
  });
  return issued(cert, keys);
}

async function selfSigned(
  name: string,
  keys: webcrypto.CryptoKeyPair,
  algorithm: Algorithm,
  validity: Validity,
  extensions: x509.Extension[],
): Promise<Issued> {
  const signingAlgorithm = signing(algorithm);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ name, keys, signingAlgorithm, extensions },
    ...dates(validity),
  });
  return issued(cert, keys);
}

function issued(cert: x509.X509Certificate, { privateKey }: webcrypto.CryptoKeyPair): Issued {
  const key = KeyObject.from(privateKey).export({ type: "pkcs8", format: "pem" });
  return { cert: `${cert.toString("pem")}\n`, key: key.toString() };
}

async function generate(algorithm: Algorithm): Promise<webcrypto.CryptoKeyPair> {
  const parameters =
    algorithm === "RSA"
      ? { ...signing("RSA"), modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
      : { name: "ECDSA", namedCurve: algorithm };
  return webcrypto.subtle.generateKey(parameters, true, ["sign", "verify"]);
}

function signing(algorithm: Algorithm): { name: string; hash: string } {
  if (algorithm === "RSA") return { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  return { name: "ECDSA", hash: algorithm === "P-384" ? "SHA-384" : "SHA-256" };
}

function dates({ from = -1, until = 365 }: Validity): { notBefore: Date; notAfter: Date } {
  const inDays = (days: number): Date => new Date(Date.now() + days * 24 * 60 * 60 * 1000);
  return { notBefore: inDays(from), notAfter: inDays(until) };
}
