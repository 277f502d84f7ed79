/** Creates the CAs and the keys and certificates of the server and the clients, or takes the given CA. */
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { CompleteArgs } from "./completeArgs";
import { publicKeyDigest, signingKey, validateCaPair } from "./rules/ca";
import { trustFile } from "./rules/pem";
import { throwProblems } from "./settingsError";

/** Hours in a year of 365 days. The provider counts validity in hours. */
const YEAR_HOURS = 365 * 24;

/** The first `up` in a leaf's last 30 days renews it. */
const LEAF = { validityPeriodHours: YEAR_HOURS, earlyRenewalHours: 30 * 24 };

/** A CA is renewed a year before its end, so that no server certificate outlives it. */
const CA = { validityPeriodHours: 10 * YEAR_HOURS, earlyRenewalHours: YEAR_HOURS };

/** A certificate and its private key, each PEM. The key is a secret. */
export interface KeyPair {
  certPem: pulumi.Output<string>;
  privateKeyPem: pulumi.Output<string>;
}

/** A client's certificate and key. */
export interface Client extends KeyPair {
  clientName: string;
}

/** The CAs of a host. */
export interface Cas {
  /** The one that signs the server's certificate. */
  signing: KeyPair;
  /** The certificates of all of them, one after another: a client's `ca.pem`. */
  certPems: pulumi.Output<string>;
  /** The certificates of the host's own CAs that don't sign. */
  others: pulumi.Resource[];
}

/** P-256 keys are small, fast to make, and known to every Docker client. The provider's default is P-224. */
function createKey(name: string, opts: pulumi.CustomResourceOptions): tls.PrivateKey {
  return new tls.PrivateKey(name, { algorithm: "ECDSA", ecdsaCurve: "P256" }, opts);
}

/**
 * Creates the host's own CAs, or takes the given one.
 *
 * @param keyOpts More options of the signing CA's key. Its certificate is replaced when it is renewed, its key is not.
 */
export function createCas(
  name: string,
  args: CompleteArgs,
  opts: pulumi.CustomResourceOptions,
  keyOpts: pulumi.CustomResourceOptions,
): Cas {
  if (args.caCertPem !== undefined && args.caPrivateKeyPem !== undefined) {
    const signing = givenCa(args.caCertPem, args.caPrivateKeyPem);
    return { signing, certPems: signing.certPem.apply((pem) => trustFile([pem])), others: [] };
  }
  const [first = 1, ...rest] = args.caGenerations;
  const signing = createCa(name, first, opts, keyOpts);
  const others = rest.map((generation) => createCa(name, generation, opts, {}));
  const certPems = pulumi.all([signing, ...others].map(({ certPem }) => certPem)).apply(trustFile);
  return { signing, certPems, others: others.map(({ certificate }) => certificate) };
}

/**
 * Creates a CA. It signs servers only, and nothing below it may sign.
 * Each generation is a CA of its own, with its own key and name, so that two can stand side by side.
 */
function createCa(
  name: string,
  generation: number,
  opts: pulumi.CustomResourceOptions,
  keyOpts: pulumi.CustomResourceOptions,
): KeyPair & { certificate: pulumi.Resource } {
  const [suffix, ordinal] = generation === 1 ? ["", ""] : [`-${generation}`, ` ${generation}`];
  const key = createKey(`${name}-ca${suffix}-key`, { ...opts, ...keyOpts });
  const certificate = new tls.SelfSignedCert(
    `${name}-ca${suffix}`,
    {
      privateKeyPem: key.privateKeyPem,
      subject: { commonName: `${name} certificate authority${ordinal}` },
      isCaCertificate: true,
      maxPathLength: 0,
      allowedUses: ["cert_signing", "crl_signing"],
      setSubjectKeyId: true,
      ...CA,
    },
    opts,
  );
  return { certPem: certificate.certPem, privateKeyPem: key.privateKeyPem, certificate };
}

/** The given CA. Nothing is signed before its certificate and its key are known to belong together. */
function givenCa(caCertPem: pulumi.Input<string>, caPrivateKeyPem: pulumi.Input<string>): KeyPair {
  const certPem = pulumi.output(caCertPem);
  const privateKeyPem = pulumi.all([certPem, pulumi.secret(caPrivateKeyPem)]).apply(([cert, key]) => {
    throwProblems(validateCaPair(cert, key));
    return signingKey(key);
  });
  return { certPem, privateKeyPem };
}

/** A text that stands for the CA that signs. A renewed certificate of the same key has the same text, even while it is unknown. */
export function caIdentity(args: CompleteArgs): pulumi.Input<string> {
  if (args.caPrivateKeyPem === undefined) return `the host's own, generation ${args.caGenerations[0] ?? 1}`;
  const key = pulumi.output(args.caPrivateKeyPem);
  return pulumi.unsecret(key.apply((pem) => `given, public key ${publicKeyDigest(pem)}`));
}

/** The arguments of a server's certificate. */
export interface ServerCertificateArgs {
  ca: KeyPair;
  fqdn?: pulumi.Input<string>;
  ipAddresses: pulumi.Input<string>[];
  /** Another generation replaces the key. */
  keyGeneration: number;
}

/** Creates the Docker daemon's key and certificate, signed by the CA. */
export function createServerCertificate(
  name: string,
  { ca, fqdn, ipAddresses, keyGeneration }: ServerCertificateArgs,
  opts: pulumi.CustomResourceOptions,
): KeyPair {
  const key = createKey(`${name}-server-key`, { ...opts, replacementTrigger: keyGeneration });
  const request = new tls.CertRequest(
    `${name}-server-request`,
    {
      privateKeyPem: key.privateKeyPem,
      subject: { commonName: name },
      // Two lists, so that a preview that doesn't know the one still knows the other.
      dnsNames: fqdn === undefined ? ["localhost"] : [fqdn, "localhost"],
      ipAddresses,
    },
    opts,
  );
  const certificate = new tls.LocallySignedCert(
    `${name}-server`,
    {
      certRequestPem: request.certRequestPem,
      caCertPem: ca.certPem,
      caPrivateKeyPem: ca.privateKeyPem,
      allowedUses: ["digital_signature", "server_auth"],
      ...LEAF,
    },
    opts,
  );
  return { certPem: certificate.certPem, privateKeyPem: key.privateKeyPem };
}

/** Creates a key and a self-signed certificate for each client. The host trusts the certificate itself, as SSH does with `authorized_keys`. */
export function createClients(name: string, args: CompleteArgs, opts: pulumi.CustomResourceOptions): Client[] {
  return args.clients.map((clientName) => {
    const key = createKey(`${name}-client-${clientName}-key`, { ...opts, replacementTrigger: args.keyGeneration });
    const certificate = new tls.SelfSignedCert(
      `${name}-client-${clientName}`,
      {
        privateKeyPem: key.privateKeyPem,
        subject: { commonName: clientName, organization: name },
        allowedUses: ["digital_signature", "client_auth"],
        ...LEAF,
      },
      opts,
    );
    return { clientName, certPem: certificate.certPem, privateKeyPem: key.privateKeyPem };
  });
}

/** The daemon's trust file. The clients stand in it by name, so another order of the same clients changes nothing on the host. */
export function clientTrust(
  clients: Client[],
  { trustedClientCerts, clientCaCerts }: CompleteArgs,
): pulumi.Output<string> {
  const byName = [...clients].sort((a, b) => (a.clientName < b.clientName ? -1 : 1));
  return pulumi
    .all([...byName.map(({ certPem }) => certPem), ...trustedClientCerts, ...clientCaCerts])
    .apply(trustFile);
}
