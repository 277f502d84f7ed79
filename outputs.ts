/** What a stack of this program returns, and so what a client of it may rely on. */

/** The outputs of a stack, as `pulumi stack output --json --show-secrets` gives them. */
export interface StackOutputs {
  /** What `DOCKER_HOST` is set to: "tcp://FQDN:4243"; with the private address where there is no public one. */
  dockerHost: string;
  /** The host's DNS name, "LABEL.REGION.cloudapp.azure.com". Absent without a public address. */
  fqdn?: string;
  /** The host's public IPv4 address. Absent without one. */
  publicIpAddress?: string;
  /** The administrator's name on the machine, for SSH. */
  adminUsername: string;
  /** The authorities' certificates, PEM: a client's `ca.pem`. */
  caCert: string;
  /** The certificate of the first of `clients`, PEM: its `cert.pem`. Absent where the stack has no clients of its own. */
  clientCert?: string;
  /** The private key of the first of `clients`, PEM: its `key.pem`. A secret. Absent where the stack has no clients of its own. */
  clientKey?: string;
  /** The certificates of all clients that the host trusts by name, PEM; those of `caStack` too. */
  clientCerts: Record<string, string>;
  /** The private keys of the stack's own clients by name, PEM. A secret. Absent where it has none. */
  clientKeys?: Record<string, string>;
  /** The stack that the authority is from, and the keys of its clients are in, such as "acme/azure-docker-host/base". */
  caStack?: string;
  /** The authority's private key, PEM, for the stacks that share it. A secret. Absent without `shareCa`. */
  caPrivateKey?: string;
  /** The generated SSH key's private half, OpenSSH form. A secret. Absent where `sshPublicKey` is given. */
  sshPrivateKey?: string;
  /** The administrator's password. A secret. Absent without `passwordLogin`. */
  adminPassword?: string;
}
