/** The rules of given CAs, which sign the server's certificate or vouch for clients. */
import { type KeyObject, createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { certificatesIn, parseCertificate, subjectOf, validatePem, validateValidity } from "./pem";

/** Validates that the CA is given in one way: `caGenerations`, or `caCertPem` with `caPrivateKeyPem`. */
export function validateCaChoice(given: {
  caCertPem: boolean;
  caPrivateKeyPem: boolean;
  caGenerations: boolean;
}): string[] {
  return [
    ...(given.caCertPem && given.caGenerations
      ? ["caGenerations must be left out when caCertPem is set: the given CA signs."]
      : []),
    ...(given.caCertPem === given.caPrivateKeyPem
      ? []
      : [
          `caCertPem and caPrivateKeyPem must be set together (got only ${given.caCertPem ? "caCertPem" : "caPrivateKeyPem"}).`,
        ]),
  ];
}

/** Validates that a CA's private key belongs to its certificate. Each is valid by itself. */
export function validateCaPair(
  certPem: string,
  privateKeyPem: string,
  { cert, key } = { cert: "caCertPem", key: "caPrivateKeyPem" },
): string[] {
  const certificate = parseCertificate(certPem);
  return certificate === undefined || certificate.checkPrivateKey(createPrivateKey(privateKeyPem))
    ? []
    : [
        `${key} must be the private key of the first certificate in ${cert}, of ${subjectOf(certificate)} (value not shown).`,
      ];
}

/** Validates the certificate of a CA that signs, the first in the text. Its predecessors may follow, and may have expired. */
export function validateCaCert(setting: string, pem: unknown): string[] {
  return validateCaCerts(setting, pem, 1);
}

/** Validates the certificates of a CA that vouches for clients. The daemon trusts each of them. */
export function validateClientCaCert(setting: string, pem: unknown): string[] {
  return validateCaCerts(setting, pem, Infinity);
}

function validateCaCerts(setting: string, pem: unknown, count: number): string[] {
  const problems = validatePem(setting, pem, "CERTIFICATE");
  if (problems.length > 0) return problems;
  const all = certificatesIn(String(pem));
  return (all.length === 0 ? [""] : all).slice(0, count).flatMap((each) => {
    const certificate = parseCertificate(each);
    if (certificate === undefined) {
      return [`${setting} must be the PEM of a CA's certificate, and it can't be read (value not shown).`];
    }
    return [
      ...(certificate.ca
        ? []
        : [`${setting} must be a CA's certificate, CA:TRUE (got the certificate of ${subjectOf(certificate)}).`]),
      ...validateValidity(setting, certificate),
    ];
  });
}

/** The curves that the tls provider signs with, by OpenSSL's names. */
const CURVES = ["prime256v1", "secp384r1", "secp521r1"];

const CA_KEY =
  "a private key without a passphrase, RSA of 2048 bits or more, ECDSA on P-256, P-384 or P-521, or Ed25519";

/** Validates a CA's private key. */
export function validateCaPrivateKey(setting: string, pem: unknown): string[] {
  const problems = validatePem(setting, pem, "PRIVATE KEY");
  if (problems.length > 0) return problems;
  const must = `${setting} must be ${CA_KEY}`;
  if (/[ ,]ENCRYPTED/.test(String(pem))) return [`${must} (got one with a passphrase, not shown).`];
  let key: KeyObject;
  try {
    key = createPrivateKey(String(pem));
  } catch {
    return [`${must} (got one that can't be read, not shown).`];
  }
  const { modulusLength = 0, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
  const type = key.asymmetricKeyType ?? "";
  if (type === "ed25519" || (type === "rsa" && modulusLength >= 2048) || CURVES.includes(namedCurve)) return [];
  const size = modulusLength > 0 ? ` of ${modulusLength} bits` : namedCurve === "" ? "" : ` on ${namedCurve}`;
  return [`${must} (got a key of type ${type}${size}).`];
}

/**
 * A CA's private key in PKCS #8, the one form that every key has. The tls provider reads the first PEM block only, and OpenSSL
 * writes a curve's parameters before the key.
 */
export function signingKey(pem: string): string {
  return createPrivateKey(pem).export({ type: "pkcs8", format: "pem" }).toString();
}

/** The SHA-256 of a private key's public half, in hexadecimal digits. */
export function publicKeyDigest(privateKeyPem: string): string {
  const publicKey = createPublicKey(privateKeyPem).export({ type: "spki", format: "der" });
  return createHash("sha256").update(publicKey).digest("hex");
}
