/** The component: a Docker host on Azure with mutual TLS, from its keys to its daemon. */
import * as pulumi from "@pulumi/pulumi";
import { withoutVersionAliases } from "./aliases";
import { completeArgs } from "./completeArgs";
import type { DockerHostArgs } from "./dockerHostArgs";
import { createInstaller } from "./installers/createInstaller";
import { createNetwork } from "./network";
import { caIdentity, clientTrust, createCas, createClients, createServerCertificate } from "./pki";
import { PROTECT_NOTICE, createCaMark, createHostMark, createPublicIpMark, protection } from "./protection";
import { rowOf } from "./settings";
import { createAdminPassword, createSshKey, createVirtualMachine } from "./virtualMachine";

/**
 * A Docker host on Azure that answers on port 4243, and only to its own clients.
 *
 * @example
 * const host = new DockerHost("docker-host", { resourceGroupName: group.name, dockerSources: ["203.0.113.0/24"] });
 * export const dockerHost = host.dockerHost; // tcp://docker-host-x3k9qa.westeurope.cloudapp.azure.com:4243
 */
export class DockerHost extends pulumi.ComponentResource {
  /** The value for `DOCKER_HOST`: "tcp://FQDN:4243", or "tcp://ADDRESS:4243" with the private address without a public IP. */
  public readonly dockerHost: pulumi.Output<string>;
  /** The host's DNS name, "LABEL.REGION.cloudapp.azure.com". Undefined without a public IP. */
  public readonly fqdn: pulumi.Output<string | undefined>;
  /** The host's public IPv4 address. It stays the same for the host's life. Undefined without a public IP. */
  public readonly publicIpAddress: pulumi.Output<string | undefined>;
  /** The host's private IPv4 address. It stays the same as long as the host stays in its subnet. */
  public readonly privateIpAddress: pulumi.Output<string>;
  /** The VM's resource ID, as `az vm … --ids` takes it. */
  public readonly vmId: pulumi.Output<string>;
  /** The administrator's name on the VM. */
  public readonly adminUsername: pulumi.Output<string>;
  /** The certificates of the CAs, PEM: a client's `ca.pem`, which verifies the server. Public. */
  public readonly caCert: pulumi.Output<string>;
  /** The CA's private key, PEM, for other hosts' `caPrivateKeyPem`. A secret: its holder can pass for the host. */
  public readonly caPrivateKey: pulumi.Output<string>;
  /** The certificate of the first of `clients`, PEM: its `cert.pem`. Public. Undefined without clients. */
  public readonly clientCert: pulumi.Output<string | undefined>;
  /** The private key of the first of `clients`, PEM: its `key.pem`. A secret: its holder is root on the host. Undefined without clients. */
  public readonly clientKey: pulumi.Output<string | undefined>;
  /** The certificates of all `clients` by name, PEM. Public. */
  public readonly clientCerts: pulumi.Output<Record<string, string>>;
  /** The private keys of all `clients` by name, PEM. A secret. */
  public readonly clientKeys: pulumi.Output<Record<string, string>>;
  /** The generated SSH key's private half, OpenSSH form. A secret. Undefined if `sshPublicKey` is set. */
  public readonly sshPrivateKey: pulumi.Output<string | undefined>;
  /** The administrator's password. A secret. Undefined without `passwordLogin`. */
  public readonly adminPassword: pulumi.Output<string | undefined>;

  /**
   * @param name The beginning of every resource's name, 2 to 56 lower-case letters, digits and hyphens.
   * @throws SettingsError before anything is created, with all problems: the setting, the value, and what it must be.
   * An output with a problem fails as soon as it is known.
   */
  constructor(name: string, args: DockerHostArgs, opts?: pulumi.ComponentResourceOptions) {
    const settings = completeArgs(name, args);
    super("azure-docker-host:index:DockerHost", name, withSecrets(args), {
      ...opts,
      transformations: [withoutVersionAliases, ...(opts?.transformations ?? [])],
    });
    // The component's name fixes every name in Azure. So a run that was cut off meets what it left, instead of creating it
    // twice, and a replaced resource must go before its successor comes.
    const child: pulumi.CustomResourceOptions = { parent: this };
    const azureChild = { ...child, deletedWith: opts?.deletedWith, deleteBeforeReplace: true };
    const kept = protection(settings.protect);
    const caMark = settings.protect ? createCaMark(name, caIdentity(settings), child) : undefined;
    const ipMark = settings.protect ? createPublicIpMark(name, settings.publicIp, child) : undefined;

    const network = createNetwork(name, settings, azureChild, { ...kept, dependsOn: ipMark });
    const { fqdn, publicIpAddress, privateIpAddress, nic } = network;

    const signed = { ...child, dependsOn: caMark };
    const cas = createCas(name, settings, signed, kept);
    const ipAddresses = [...(publicIpAddress ? [publicIpAddress] : []), privateIpAddress];
    const { keyGeneration, dockerPort } = settings;
    const server = createServerCertificate(name, { ca: cas.signing, fqdn, ipAddresses, keyGeneration }, signed);
    const clients = createClients(name, settings, child);
    const certificates = {
      trustPem: clientTrust(clients, settings),
      certPem: server.certPem,
      keyPem: server.privateKeyPem,
    };

    const ssh = createSshKey(name, settings, child);
    const adminPassword = createAdminPassword(name, settings, child);
    const access = { nic, sshPublicKey: ssh.publicKey, adminPassword };
    const virtualMachine = createVirtualMachine(name, settings, access, { ...azureChild, ...kept });
    const installer = createInstaller(name, settings, { virtualMachine, certificates }, azureChild);
    if (settings.protect) {
      // Every other part is one that the installer depends on.
      createHostMark(name, { ...child, dependsOn: [...cas.others, installer] });
      void pulumi.log.info(PROTECT_NOTICE, this);
    }

    this.dockerHost = pulumi.interpolate`tcp://${fqdn ?? privateIpAddress}:${dockerPort}`;
    this.fqdn = pulumi.output(fqdn);
    this.publicIpAddress = pulumi.output(publicIpAddress);
    this.privateIpAddress = privateIpAddress;
    this.vmId = virtualMachine.id;
    this.adminUsername = pulumi.output(settings.adminUsername);
    this.caCert = cas.certPems;
    this.caPrivateKey = cas.signing.privateKeyPem;
    this.clientCert = pulumi.output(clients[0]?.certPem);
    this.clientKey = pulumi.output(clients[0]?.privateKeyPem);
    this.clientCerts = pulumi.all(Object.fromEntries(clients.map((client) => [client.clientName, client.certPem])));
    this.clientKeys = pulumi.all(
      Object.fromEntries(clients.map((client) => [client.clientName, client.privateKeyPem])),
    );
    this.sshPrivateKey = pulumi.output(ssh.privateKey);
    this.adminPassword = pulumi.output(adminPassword);
    this.registerOutputs({
      dockerHost: this.dockerHost,
      fqdn: this.fqdn,
      publicIpAddress: this.publicIpAddress,
      privateIpAddress: this.privateIpAddress,
      vmId: this.vmId,
      adminUsername: this.adminUsername,
      caCert: this.caCert,
      clientCert: this.clientCert,
      clientKey: this.clientKey,
      clientCerts: this.clientCerts,
      clientKeys: this.clientKeys,
      sshPrivateKey: this.sshPrivateKey,
      adminPassword: this.adminPassword,
    });
  }
}

/** The arguments with their secrets marked: the engine keeps a component's inputs in the state. */
function withSecrets(args: DockerHostArgs): pulumi.Inputs {
  const entries = Object.entries(args) as [name: string, value: unknown][];
  return Object.fromEntries(
    entries.map(([name, value]) => [name, rowOf(name)?.isSecret && value !== undefined ? pulumi.secret(value) : value]),
  );
}
