/** Declares the authority, the server's and the clients' keys and certificates; and takes those that are given. */
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import {
  checkAuthority,
  checkAuthorityCertificate,
  checkClientAuthority,
  checkSigningKey,
  publicKeyDigest,
  signingKey,
} from "./authorities";
import { refuse } from "./settings";

/** Hours in a year of 365 days, the unit of a certificate's validity. */
const YEAR_HOURS = 365 * 24;

/** A leaf is renewed by the first `up` in its last 30 days. */
const LEAF = { validityPeriodHours: YEAR_HOURS, earlyRenewalHours: 30 * 24 };

/** The authority is renewed a year before its end, so that no server's certificate outlives it. */
const AUTHORITY = { validityPeriodHours: 10 * YEAR_HOURS, earlyRenewalHours: YEAR_HOURS };

/** A certificate and its private key, each a PEM document; the key is a secret. */
export interface KeyPair {
  certPem: pulumi.Output<string>;
  privateKeyPem: pulumi.Output<string>;
}

/** An authority of the host's own. */
export interface OwnAuthority extends KeyPair {
  certificate: pulumi.Resource;
}

/** P-256 is small, fast to make, and understood by every Docker client; named, since the provider's default is P-224. */
function privateKey(name: string, opts: pulumi.CustomResourceOptions): tls.PrivateKey {
  return new tls.PrivateKey(name, { algorithm: "ECDSA", ecdsaCurve: "P256" }, opts);
}

/**
 * A certificate authority: it signs servers, and nothing below it may sign.
 * Each generation is an authority of its own, with its own key and its own name, so that two can stand side by side.
 *
 * @param keyOpts Options of the key alone: its certificate is replaced when it is renewed.
 */
export function certificateAuthority(
  name: string,
  generation: number,
  opts: pulumi.CustomResourceOptions,
  keyOpts: pulumi.CustomResourceOptions,
): OwnAuthority {
  const [suffix, ordinal] = generation === 1 ? ["", ""] : [`-${generation}`, ` ${generation}`];
  const key = privateKey(`${name}-ca${suffix}-key`, { ...opts, ...keyOpts });
  const cert = new tls.SelfSignedCert(
    `${name}-ca${suffix}`,
    {
      privateKeyPem: key.privateKeyPem,
      subject: { commonName: `${name} certificate authority${ordinal}` },
      isCaCertificate: true,
      maxPathLength: 0,
      allowedUses: ["cert_signing", "crl_signing"],
      setSubjectKeyId: true,
      ...AUTHORITY,
    },
    opts,
  );
  return { certPem: cert.certPem, privateKeyPem: key.privateKeyPem, certificate: cert };
}

/** An authority that is given, checked as soon as it is known: nothing is signed before. */
export function givenAuthority(caCertPem: pulumi.Input<string>, caPrivateKeyPem: pulumi.Input<string>): KeyPair {
  const certPem = pulumi.output(caCertPem).apply((pem) => {
    refuse(checkAuthorityCertificate("caCertPem", pem));
    return pem;
  });
  const privateKeyPem = pulumi.all([certPem, pulumi.secret(caPrivateKeyPem)]).apply(([cert, key]) => {
    refuse(checkAuthority(cert, key));
    return signingKey(key);
  });
  return { certPem, privateKeyPem };
}

/** What stands for an authority that is given: the same for a renewed certificate of the same key, which may not be known yet. */
export function givenAuthorityIdentity(caPrivateKeyPem: pulumi.Input<string>): pulumi.Output<string> {
  return pulumi.unsecret(
    pulumi.output(caPrivateKeyPem).apply((pem) => {
      refuse(checkSigningKey("caPrivateKeyPem", pem));
      return `given, public key ${publicKeyDigest(pem)}`;
    }),
  );
}

/** One of `clientCaCerts`, checked as soon as it is known. */
export function clientAuthority(certPem: pulumi.Input<string>, index: number): pulumi.Output<string> {
  return pulumi.output(certPem).apply((pem) => {
    refuse(checkClientAuthority(`clientCaCerts[${index}]`, pem));
    return pem;
  });
}

/** What a server's certificate says, and who signs it. */
export interface ServerCertificateArgs {
  authority: { certPem: pulumi.Input<string>; privateKeyPem: pulumi.Input<string> };
  dnsNames: pulumi.Input<string[]>;
  ipAddresses: pulumi.Input<string[]>;
  commonName: pulumi.Input<string>;
  /** Another one replaces the key. */
  keyGeneration: number;
}

/** The Docker daemon's key and certificate, signed by the authority. */
export function serverCertificate(
  name: string,
  { authority, dnsNames, ipAddresses, commonName, keyGeneration }: ServerCertificateArgs,
  opts: pulumi.CustomResourceOptions,
): KeyPair {
  const key = privateKey(`${name}-server-key`, { ...opts, replacementTrigger: keyGeneration });
  const request = new tls.CertRequest(
    `${name}-server-request`,
    { privateKeyPem: key.privateKeyPem, subject: { commonName }, dnsNames, ipAddresses },
    opts,
  );
  const cert = new tls.LocallySignedCert(
    `${name}-server`,
    {
      certRequestPem: request.certRequestPem,
      caCertPem: authority.certPem,
      caPrivateKeyPem: authority.privateKeyPem,
      allowedUses: ["digital_signature", "server_auth"],
      ...LEAF,
    },
    opts,
  );
  return { certPem: cert.certPem, privateKeyPem: key.privateKeyPem };
}

/** A client's key and self-signed certificate: the host trusts the certificate itself, as SSH does with `authorized_keys`. */
export function clientCertificate(
  name: string,
  { clientName, keyGeneration }: { clientName: string; keyGeneration: number },
  opts: pulumi.CustomResourceOptions,
): KeyPair {
  const key = privateKey(`${name}-client-${clientName}-key`, { ...opts, replacementTrigger: keyGeneration });
  const cert = new tls.SelfSignedCert(
    `${name}-client-${clientName}`,
    {
      privateKeyPem: key.privateKeyPem,
      subject: { commonName: clientName, organization: name },
      allowedUses: ["digital_signature", "client_auth"],
      ...LEAF,
    },
    opts,
  );
  return { certPem: cert.certPem, privateKeyPem: key.privateKeyPem };
}
