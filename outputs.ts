/** The outputs of a stack of this program: the contract with its clients. */

/** The outputs, as `pulumi stack output --json --show-secrets` gives them. */
export interface StackOutputs {
  /** The value for `DOCKER_HOST`: "tcp://FQDN:4243", or "tcp://ADDRESS:4243" with the private address without a public IP. */
  dockerHost: string;
  /** The host's DNS name, "LABEL.REGION.cloudapp.azure.com". Absent without a public IP. */
  fqdn?: string;
  /** The host's public IPv4 address. Absent without a public IP. */
  publicIpAddress?: string;
  /** The host's private IPv4 address. */
  privateIpAddress: string;
  /** The VM's resource ID. */
  vmId: string;
  /** The administrator's name on the VM, for SSH. */
  adminUsername: string;
  /** The CAs' certificates, PEM: a client's `ca.pem`. */
  caCert: string;
  /** The certificate of the first of `clients`, PEM: its `cert.pem`. Absent if the stack has no clients of its own. */
  clientCert?: string;
  /** The private key of the first of `clients`, PEM: its `key.pem`. A secret. Absent if the stack has no clients of its own. */
  clientKey?: string;
  /** The certificates of all clients that the host trusts by name, PEM, with those of `caStack`. */
  clientCerts: Record<string, string>;
  /** The private keys of the stack's own clients by name, PEM. A secret. Absent if it has none. */
  clientKeys?: Record<string, string>;
  /** The stack that the CA is from, and that holds the keys of its clients, such as "acme/azure-docker-host/base". */
  caStack?: string;
  /** The CA's private key, PEM, for the stacks that share it. A secret. Absent without `shareCa`. */
  caPrivateKey?: string;
  /** The generated SSH key's private half, OpenSSH form. A secret. Absent if `sshPublicKey` is set. */
  sshPrivateKey?: string;
  /** The administrator's password. A secret. Absent without `passwordLogin`. */
  adminPassword?: string;
}
