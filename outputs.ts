/** What a stack of this program returns, and so what a client of it may rely on. */

/** The outputs of a stack, as `pulumi stack output --json --show-secrets` gives them. */
export interface StackOutputs {
  /** What `DOCKER_HOST` is set to: "tcp://FQDN:4243". */
  dockerHost: string;
  /** The host's DNS name, "LABEL.REGION.cloudapp.azure.com". */
  fqdn: string;
  /** The host's IPv4 address. */
  publicIpAddress: string;
  /** The administrator's name on the machine, for SSH. */
  adminUsername: string;
  /** The authority's certificate, PEM: a client's `ca.pem`. */
  caCert: string;
  /** The client's certificate, PEM: its `cert.pem`. */
  clientCert: string;
  /** The client's private key, PEM: its `key.pem`. A secret. */
  clientKey: string;
  /** The generated SSH key's private half, OpenSSH form. A secret. Absent where `sshPublicKey` is given. */
  sshPrivateKey?: string;
  /** The administrator's password. A secret. Absent without `passwordLogin`. */
  adminPassword?: string;
}
