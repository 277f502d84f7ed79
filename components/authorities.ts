/** The rules of authorities that are given, to sign the server or to vouch for clients; pure, so that each has an exact test. */
import { type KeyObject, X509Certificate, createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { checkPem } from "./settings";

/** The settings that give a host an authority; what is an output is not known yet, and not looked at. */
export interface GivenAuthority {
  caCertPem?: unknown;
  caPrivateKeyPem?: unknown;
  caGenerations?: unknown;
}

/** What is wrong with the settings that give a host an authority, as far as they are plain values. */
export function checkGivenAuthority({ caCertPem, caPrivateKeyPem, caGenerations }: GivenAuthority): string[] {
  return [
    ...(caCertPem !== undefined && caGenerations !== undefined
      ? ["caGenerations: given with caCertPem, which is another authority; allowed: one of the two"]
      : []),
    ...((caCertPem === undefined) === (caPrivateKeyPem === undefined)
      ? []
      : ["caCertPem and caPrivateKeyPem: only one of them is given; allowed: both, or neither"]),
    ...(typeof caCertPem === "string" && typeof caPrivateKeyPem === "string"
      ? checkAuthority(caCertPem, caPrivateKeyPem)
      : [
          ...(typeof caCertPem === "string" ? checkAuthorityCertificate("caCertPem", caCertPem) : []),
          ...(typeof caPrivateKeyPem === "string" ? checkSigningKey("caPrivateKeyPem", caPrivateKeyPem) : []),
        ]),
  ];
}

/** What is wrong with an authority's certificate and private key: each by itself, then the two together. */
export function checkAuthority(
  certPem: unknown,
  privateKeyPem: unknown,
  { cert, key } = { cert: "caCertPem", key: "caPrivateKeyPem" },
): string[] {
  const problems = [...checkAuthorityCertificate(cert, certPem), ...checkSigningKey(key, privateKeyPem)];
  if (problems.length > 0) return problems;
  const certificate = new X509Certificate(String(certPem));
  return certificate.checkPrivateKey(createPrivateKey(String(privateKeyPem)))
    ? []
    : [
        `${key}: the value given (not shown) is not the key of ${nameOf(certificate)}; allowed: the private key of the first certificate in ${cert}`,
      ];
}

/** What is wrong with the certificate of an authority that signs, the first one: its predecessors may follow, and may have expired. */
export function checkAuthorityCertificate(setting: string, pem: unknown): string[] {
  return checkCertificates(setting, pem, 1);
}

/** What is wrong with the certificates of an authority that vouches for clients: each of them would be trusted. */
export function checkClientAuthority(setting: string, pem: unknown): string[] {
  return checkCertificates(setting, pem, Infinity);
}

function checkCertificates(setting: string, pem: unknown, most: number): string[] {
  const problems = checkPem(setting, pem, "CERTIFICATE");
  if (problems.length > 0) return problems;
  const all = String(pem).match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [""];
  return all.slice(0, most).flatMap((each) => checkCertificate(setting, each));
}

function checkCertificate(setting: string, pem: string): string[] {
  const allowed = "allowed: PEM of an authority's certificate (CA:TRUE) that is valid now";
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch {
    return [`${setting}: the value given (not shown) can't be read as a certificate; ${allowed}`];
  }
  const { ca, validFrom, validTo } = certificate;
  const given = `${setting}: the certificate of ${nameOf(certificate)}`;
  return [
    ...(ca ? [] : [`${given} is no authority's; ${allowed}`]),
    ...(Date.now() < Date.parse(validFrom) ? [`${given} is valid only from ${validFrom} on; ${allowed}`] : []),
    ...(Date.now() > Date.parse(validTo) ? [`${given} expired on ${validTo}; ${allowed}`] : []),
  ];
}

/** The curves that the tls provider signs with, by OpenSSL's names. */
const CURVES = ["prime256v1", "secp384r1", "secp521r1"];

/** What is wrong with an authority's private key. */
export function checkSigningKey(setting: string, pem: unknown): string[] {
  const allowed =
    "allowed: PEM of a private key, RSA of 2048 bits or more, ECDSA on P-256, P-384 or P-521, or Ed25519, without a passphrase";
  const problems = checkPem(setting, pem, "PRIVATE KEY");
  if (problems.length > 0) return problems;
  if (/[ ,]ENCRYPTED/.test(String(pem))) {
    return [`${setting}: the key given (not shown) is encrypted with a passphrase; ${allowed}`];
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(String(pem));
  } catch {
    return [`${setting}: the value given (not shown) can't be read as a private key; ${allowed}`];
  }
  const { modulusLength = 0, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType ?? "";
  if (type === "ed25519" || (type === "rsa" && modulusLength >= 2048) || CURVES.includes(namedCurve)) return [];
  const size = modulusLength > 0 ? ` of ${modulusLength} bits` : namedCurve === "" ? "" : ` on ${namedCurve}`;
  return [`${setting}: a key of type ${type}${size} can't sign here; ${allowed}`];
}

/** The name of whom a certificate is for, on one line. */
function nameOf({ subject }: X509Certificate): string {
  return JSON.stringify(subject.split("\n").join(", "));
}

/** An authority's private key in the one form that every key has: the tls provider reads the first PEM block alone, and OpenSSL writes a curve's parameters before the key. */
export function signingKey(pem: string): string {
  return createPrivateKey(pem).export({ type: "pkcs8", format: "pem" }).toString();
}

/** The SHA-256 of a private key's public half, in hexadecimal digits. */
export function publicKeyDigest(privateKeyPem: string): string {
  const publicKey = createPublicKey(privateKeyPem).export({ type: "spki", format: "der" });
  return createHash("sha256").update(publicKey).digest("hex");
}
