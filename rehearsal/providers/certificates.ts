// Makes keys, certificate requests and certificates as the real tls provider does, which leaves them to Go's crypto/x509.
import "reflect-metadata";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  webcrypto,
} from "node:crypto";
import { isIP } from "node:net";
import { promisify } from "node:util";
import * as x509 from "@peculiar/x509";
import * as ipaddr from "ipaddr.js";
import * as sshpk from "sshpk";
import type { Properties } from "../values";
import { CURVES, EXTENDED_KEY_USAGES, KEY_USAGES, SUBJECT_OIDS } from "./tlsNames";

export interface Created {
  id: string;
  /** The properties that the resource has beside its inputs. */
  properties: Properties;
}

export async function createKey(inputs: Properties): Promise<Created> {
  const { algorithm, ecdsaCurve } = inputs;
  const { privateKey, publicKey } = await generate(inputs);
  const pkcs8 = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  // Node's labels for these are the real provider's: RSA PRIVATE KEY and EC PRIVATE KEY.
  const traditional = algorithm === "RSA" ? "pkcs1" : algorithm === "ECDSA" ? "sec1" : "pkcs8";
  return {
    id: sha1(publicKey.export({ type: "spki", format: "der" })),
    properties: {
      privateKeyPem: privateKey.export({ type: traditional, format: "pem" }).toString(),
      privateKeyPemPkcs8: pkcs8,
      publicKeyPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
      ...(algorithm === "ECDSA" && ecdsaCurve === "P224" ? NO_OPENSSH : opensshForms(pkcs8)),
    },
  };
}

function generate(inputs: Properties): Promise<{ privateKey: KeyObject; publicKey: KeyObject }> {
  const pair = promisify(generateKeyPair);
  if (inputs["algorithm"] === "RSA") return pair("rsa", { modulusLength: inputs["rsaBits"] as number });
  if (inputs["algorithm"] === "ED25519") return pair("ed25519");
  return pair("ec", { namedCurve: CURVES[inputs["ecdsaCurve"] as string] ?? "" });
}

/** OpenSSH has no P224. */
const NO_OPENSSH: Properties = {
  privateKeyOpenssh: "",
  publicKeyOpenssh: "",
  publicKeyFingerprintMd5: "",
  publicKeyFingerprintSha256: "",
};

function opensshForms(pkcs8: string): Properties {
  const key = sshpk.parsePrivateKey(pkcs8, "pkcs8");
  key.comment = "";
  const publicKey = key.toPublic();
  return {
    privateKeyOpenssh: withNewline(key.toString("ssh")),
    publicKeyOpenssh: withNewline(publicKey.toString("ssh").trim()),
    publicKeyFingerprintMd5: publicKey.fingerprint("md5").toString("hex"),
    publicKeyFingerprintSha256: publicKey.fingerprint("sha256").toString("base64"),
  };
}

export async function createSelfSignedCert(inputs: Properties, notBefore: Date): Promise<Created> {
  const key = await parsePrivateKey(inputs["privateKeyPem"], "private key");
  const subject = subjectName(inputs);
  const { id, properties } = await issue(inputs, notBefore, {
    subject,
    altNames: altNames(inputs),
    publicKey: key.publicKey,
    issuer: { subject, key },
  });
  return { id, properties: { ...properties, keyAlgorithm: key.algorithm } };
}

export async function createCertRequest(inputs: Properties): Promise<Created> {
  const { algorithm, keys, signing } = await parsePrivateKey(inputs["privateKeyPem"], "private key");
  const name = subjectName(inputs);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    extensions: altNameExtension(altNames(inputs)),
    keys,
    signingAlgorithm: signing,
  });
  return {
    id: sha1(Buffer.from(request.rawData)),
    properties: { certRequestPem: withNewline(request.toString("pem")), keyAlgorithm: algorithm },
  };
}

export async function createLocallySignedCert(inputs: Properties, notBefore: Date): Promise<Created> {
  const request = parse(inputs["certRequestPem"], "CERTIFICATE REQUEST", "certificate request", (der) => {
    return new x509.Pkcs10CertificateRequest(der);
  });
  const key = await parsePrivateKey(inputs["caPrivateKeyPem"], "CA private key");
  const authority = parse(inputs["caCertPem"], "CERTIFICATE", "CA certificate", (der) => new x509.X509Certificate(der));
  if (!key.publicKey.equals(Buffer.from(authority.publicKey.rawData))) {
    throw new Error("Failed to create certificate: x509: provided PrivateKey doesn't match parent's PublicKey");
  }
  const requested = request.extensions.find((it) => it instanceof x509.SubjectAlternativeNameExtension);
  const { id, properties } = await issue(inputs, notBefore, {
    subject: distinguishedName((_field, oid) => request.subjectName.getField(oid)),
    altNames: requested?.names.toJSON() ?? [],
    publicKey: Buffer.from(request.publicKey.rawData),
    issuer: {
      subject: authority.subjectName,
      key,
      keyId: authority.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId,
    },
  });
  return { id, properties: { ...properties, caKeyAlgorithm: key.algorithm } };
}

async function issue(
  inputs: Properties,
  notBefore: Date,
  {
    subject,
    altNames,
    publicKey,
    issuer,
  }: {
    subject: x509.Name;
    altNames: x509.JsonGeneralNames;
    publicKey: Buffer;
    issuer: { subject: x509.Name; key: SigningKey; keyId?: string | undefined };
  },
): Promise<Created> {
  const uses = inputs["allowedUses"] as string[];
  const isCa = inputs["isCaCertificate"] === true;
  const subjectKeyId = isCa || inputs["setSubjectKeyId"] === true ? await keyId(publicKey) : undefined;
  const isSelfIssued = derOf(issuer.subject).equals(derOf(subject));
  const authorityKeyId = isSelfIssued ? undefined : issuer.keyId;

  let keyUsage: x509.KeyUsageFlags | undefined;
  for (const use of uses) {
    const name = KEY_USAGES[use];
    if (name) keyUsage = x509.KeyUsageFlags[name] | (keyUsage ?? x509.KeyUsageFlags[name]);
  }
  const extendedKeyUsage = uses.flatMap((use) => EXTENDED_KEY_USAGES[use] ?? []);
  const extensions = [
    ...(keyUsage ? [new x509.KeyUsagesExtension(keyUsage, true)] : []),
    ...(extendedKeyUsage.length > 0 ? [new x509.ExtendedKeyUsageExtension(extendedKeyUsage)] : []),
    // The real provider leaves out a path length of 0, since Go wants to be told apart that it is meant. It has no other here.
    new x509.BasicConstraintsExtension(isCa, undefined, true),
    ...(subjectKeyId ? [new x509.SubjectKeyIdentifierExtension(subjectKeyId)] : []),
    ...(authorityKeyId ? [new x509.AuthorityKeyIdentifierExtension(authorityKeyId)] : []),
    ...altNameExtension(altNames),
  ];
  const serialNumber = randomBytes(16).toString("hex");
  const notAfter = new Date(notBefore.getTime() + Number(inputs["validityPeriodHours"]) * 3_600_000);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber,
    subject,
    issuer: issuer.subject,
    notBefore,
    notAfter,
    publicKey,
    signingKey: issuer.key.keys.privateKey,
    signingAlgorithm: issuer.key.signing,
    extensions,
  });
  return {
    id: BigInt(`0x${serialNumber}`).toString(),
    properties: {
      certPem: withNewline(certificate.toString("pem")),
      validityStartTime: notBefore.toISOString(),
      validityEndTime: notAfter.toISOString(),
    },
  };
}

interface SigningKey {
  algorithm: "RSA" | "ECDSA" | "ED25519";
  /** As DER of a SubjectPublicKeyInfo. */
  publicKey: Buffer;
  keys: webcrypto.CryptoKeyPair;
  signing: { name: string; namedCurve?: string; hash?: string };
}

async function parsePrivateKey(pem: unknown, what: string): Promise<SigningKey> {
  const block = pemBlock(pem);
  if (!block) throw new Error(`Failed to parse ${what} PEM: failed to decode PEM block`);
  if (!["RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY"].includes(block.label)) {
    throw new Error(`Failed to parse ${what} PEM: unsupported PEM preamble/type: ${block.label}`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(block.pem);
  } catch {
    throw new Error(`Failed to parse ${what} PEM: failed to parse private key given PEM preamble '${block.label}'`);
  }
  const publicKey = createPublicKey(key);
  const { algorithm, signing } = signingAlgorithm(key);
  const pkcs8 = key.export({ type: "pkcs8", format: "der" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  return {
    algorithm,
    signing,
    publicKey: spki,
    keys: {
      privateKey: await webcrypto.subtle.importKey("pkcs8", pkcs8, signing, true, ["sign"]),
      publicKey: await webcrypto.subtle.importKey("spki", spki, signing, true, ["verify"]),
    },
  };
}

function signingAlgorithm(key: KeyObject): Pick<SigningKey, "algorithm" | "signing"> {
  const ecdsa = (namedCurve: string, hash: string): Pick<SigningKey, "algorithm" | "signing"> => {
    return { algorithm: "ECDSA", signing: { name: "ECDSA", namedCurve, hash } };
  };
  const { asymmetricKeyType: type, asymmetricKeyDetails: { namedCurve } = {} } = key;
  if (type === "rsa") return { algorithm: "RSA", signing: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } };
  if (type === "ed25519") return { algorithm: "ED25519", signing: { name: "Ed25519" } };
  if (namedCurve === CURVES["P256"]) return ecdsa("P-256", "SHA-256");
  if (namedCurve === CURVES["P384"]) return ecdsa("P-384", "SHA-384");
  if (namedCurve === CURVES["P521"]) return ecdsa("P-521", "SHA-512");
  throw new Error(`Unsupported private key type: ${namedCurve ?? type ?? "unknown"}`);
}

function pemBlock(text: unknown): { label: string; pem: string; der: Buffer } | undefined {
  const [pem, label, data] = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([\s\S]+?)-----END \1-----/.exec(String(text)) ?? [];
  return pem && label && data ? { label, pem, der: Buffer.from(data, "base64") } : undefined;
}

function parse<T>(text: unknown, label: string, what: string, build: (der: Buffer) => T): T {
  const block = pemBlock(text);
  const failure = `Failed to parse ${what} PEM`;
  if (!block) throw new Error(`${failure}: failed to decode PEM of expected type "${label}" from bytes`);
  if (block.label !== label) {
    throw new Error(`${failure}: invalid PEM type - expected "${label}", got "${block.label}"`);
  }
  try {
    return build(block.der);
  } catch {
    throw new Error(`${failure}: failed to parse ${what}`);
  }
}

function subjectName(inputs: Properties): x509.Name {
  const subject = (inputs["subject"] ?? {}) as Record<string, string>;
  return distinguishedName((field) => [subject[field] ?? ""]);
}

function distinguishedName(valuesOf: (field: string, oid: string) => string[]): x509.Name {
  const encode = (value: string): x509.JsonAttributeObject =>
    /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? { printableString: value } : { utf8String: value };
  const parts = Object.entries(SUBJECT_OIDS).flatMap(([field, oid]) => {
    const values = valuesOf(field, oid).filter((value) => value !== "");
    return values.length > 0 ? [{ [oid]: values.map(encode) }] : [];
  });
  return new x509.Name(parts);
}

function altNames(inputs: Properties): x509.JsonGeneralNames {
  const list = (name: string): string[] => (inputs[name] ?? []) as string[];
  const dns = list("dnsNames").map((value) => {
    if (/[^\x00-\x7f]/.test(value)) throw new Error(`x509: "${value}" cannot be encoded as an IA5String`);
    return { type: "dns" as const, value };
  });
  const ips = list("ipAddresses").map((value) => {
    if (!isIP(value)) throw new Error(`Invalid IP address: Failed to parse "${value}"`);
    return { type: "ip" as const, value: ipaddr.process(value).toString() };
  });
  return [...dns, ...ips];
}

function altNameExtension(names: x509.JsonGeneralNames): x509.Extension[] {
  return names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [];
}

function derOf(name: x509.Name): Buffer {
  return Buffer.from(name.toArrayBuffer());
}

/** The subject key identifier as the real provider computes it: for Ed25519 it hashes the key as an OCTET STRING. */
async function keyId(publicKey: Buffer): Promise<string> {
  const key = createPublicKey({ key: publicKey, type: "spki", format: "der" });
  if (key.asymmetricKeyType === "ed25519") return sha1(Buffer.concat([Buffer.of(4, 32), publicKey.subarray(-32)]));
  return Buffer.from(await new x509.PublicKey(publicKey).getKeyIdentifier()).toString("hex");
}

function sha1(data: Buffer): string {
  return createHash("sha1").update(data).digest("hex");
}

function withNewline(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}
