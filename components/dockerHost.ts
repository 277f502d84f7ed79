/** The component: a Docker host on Azure with mutual TLS, from its keys to its daemon. */
import * as pulumi from "@pulumi/pulumi";
import { withoutVersionAliases } from "./aliases";
import { certificateAuthority, clientCertificate, serverCertificate } from "./certificates";
import { declareInstaller } from "./installer";
import { declareNetwork } from "./network";
import {
  checkName,
  checkPassword,
  checkPasswordLogin,
  checkPem,
  checkSshPublicKey,
  checkTags,
  completeSettings,
  refuse,
  subjectAlternativeNames,
  trustFile,
} from "./settings";
import { adminPassword, declareVirtualMachine, sshKey } from "./virtualMachine";

/** The settings of a `DockerHost`. */
export interface DockerHostArgs {
  /** The resource group that holds the host, such as "docker-host-dev". Required. */
  resourceGroupName: pulumi.Input<string>;

  /** The Azure region, such as "westeurope". Defaults to the provider's `azure-native:location`. */
  location?: pulumi.Input<string>;

  /**
   * Who may reach the Docker port: CIDRs, single addresses or service tags, such as ["203.0.113.0/24", "VirtualNetwork"].
   * Required. "*", "Internet" and networks as large as "0.0.0.0/0" are refused unless `openToInternet` is true.
   */
  dockerSources: string[];

  /** Who may reach port 22, in the same forms, such as ["203.0.113.7"]. Defaults to nobody: there is no rule for 22. */
  sshSources?: string[];

  /** Whether sources may stand for the whole Internet. Defaults to false. */
  openToInternet?: boolean;

  /** The TCP port of the Docker daemon, 1 to 65535 but 22, such as 2376. Defaults to 4243. */
  dockerPort?: number;

  /**
   * What installs Docker: "DockerExtension", Azure's own, deprecated since 2018, or "CustomScript", a script of this
   * project's in Azure's supported Custom Script Extension, with Ubuntu's package `docker.io`. Defaults to "DockerExtension".
   */
  installer?: string;

  /**
   * The version of the package `docker.io`, such as "28.2.2-0ubuntu1~24.04.1", or its beginning with "*", such as "28.2.*";
   * with the installer CustomScript alone. It is kept from automatic upgrades, and another one is installed by the next
   * `up`. Defaults to the Docker that is there, else to the newest that Ubuntu has.
   */
  dockerVersion?: string;

  /**
   * The daemon's options in the form of `daemon.json`, such as { "log-level": "warn", "registry-mirrors": ["https://m.example"] }.
   * They go before the hardened defaults (README). What opens the port (`hosts`, `tls…`) is refused. Defaults to none.
   */
  daemonOptions?: Record<string, unknown>;

  /**
   * Any text, such as "2026-11-24": another one makes Azure run the installer again, which puts back what was changed on
   * the machine by hand or by a package's upgrade. Defaults to none.
   */
  forceUpdateTag?: string;

  /**
   * The generation of the server's and the client's private keys, 1 or more. Another one makes new keys and certificates,
   * and locks out whoever has the former client's key. Defaults to 1.
   */
  keyGeneration?: number;

  /**
   * The certificate authorities, each a whole number: the first one signs, all of them are in `caCert`. Such as [1, 2], then
   * [2], to replace the first one without locking any client out. Not with `caCertPem`. Defaults to [1].
   */
  authorityGenerations?: number[];

  /**
   * The administrator's name on the machine, such as "ops": a Linux user name of 1 to 32 characters, none that Azure
   * reserves. Changing it replaces the machine. Defaults to "azureuser".
   */
  adminUsername?: string;

  /**
   * The administrator's SSH public key, one line in OpenSSH form, such as "ssh-ed25519 AAAA… me@laptop"; Ed25519, or RSA
   * of 2048 bits or more. Changing it replaces the machine. Defaults to a new Ed25519 key, whose private half is `sshPrivateKey`.
   */
  sshPublicKey?: pulumi.Input<string>;

  /** Whether the administrator may log in by password too. Changing it replaces the machine. Defaults to false. */
  passwordLogin?: boolean;

  /**
   * The administrator's password, a secret: 12 to 72 characters, with a lower-case and an upper-case letter, a digit and
   * one of `!@#$%^&+=`. Only with `passwordLogin`. Changing it replaces the machine. Defaults to a generated one.
   */
  adminPassword?: pulumi.Input<string>;

  /**
   * The label in `LABEL.REGION.cloudapp.azure.com`, such as "build-host": 3 to 63 characters, unique in its region.
   * Defaults to the component's name with a random suffix, such as "docker-host-x3k9qa".
   */
  dnsLabel?: string;

  /**
   * The machine's image: a URN "publisher:offer:sku:version", or the resource ID of an image or of a gallery's image.
   * Changing it replaces the machine. Defaults to Ubuntu 24.04 LTS, "Canonical:ubuntu-24_04-lts:server:latest".
   */
  image?: string;

  /** The machine's size, such as "Standard_D2s_v5"; x64, as Azure's DockerExtension asks. Defaults to "Standard_B2s_v2". */
  vmSize?: string;

  /**
   * Whether the machine boots with Trusted Launch (secure boot and a virtual TPM): Gen2 images and supporting sizes only,
   * and no managed image (`…/Microsoft.Compute/images/…`). Changing it replaces the machine. Defaults to true.
   */
  trustedLaunch?: boolean;

  /** The resource ID of an existing subnet. Defaults to a virtual network of the host's own. */
  subnetId?: pulumi.Input<string>;

  /**
   * An existing authority's certificate, PEM; with `caPrivateKeyPem`. More certificates may follow it, such as its
   * predecessor's: they are handed to the clients. Defaults to an authority of the host's own.
   */
  caCertPem?: pulumi.Input<string>;

  /** That authority's private key, PEM, a secret; with `caCertPem`. */
  caPrivateKeyPem?: pulumi.Input<string>;

  /**
   * Certificates of the clients that the host trusts, each PEM. Given these, the host makes none of its own and has no
   * `clientCert` and `clientKey`. Defaults to one new client named "admin".
   */
  clientCertPems?: pulumi.Input<string>[];

  /** Tags of every resource that takes tags, such as { team: "build" }. Defaults to none. */
  tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** The one client that a host has by itself. */
const CLIENT_NAME = "admin";

/**
 * A Docker host on Azure that answers on port 4243 to its own clients alone.
 *
 * @example
 * const host = new DockerHost("docker-host", { resourceGroupName: group.name, dockerSources: ["203.0.113.0/24"] });
 * export const dockerHost = host.dockerHost; // tcp://docker-host-x3k9qa.westeurope.cloudapp.azure.com:4243
 */
export class DockerHost extends pulumi.ComponentResource {
  /** What `DOCKER_HOST` is set to: "tcp://FQDN:4243". */
  public readonly dockerHost: pulumi.Output<string>;
  /** The host's DNS name, "LABEL.REGION.cloudapp.azure.com". */
  public readonly fqdn: pulumi.Output<string>;
  /** The host's IPv4 address; it stays the same for the host's life. */
  public readonly publicIpAddress: pulumi.Output<string>;
  /** The administrator's name on the machine. */
  public readonly adminUsername: pulumi.Output<string>;
  /** The certificates of the authorities, PEM: a client's `ca.pem`, which verifies the server. For everyone. */
  public readonly caCert: pulumi.Output<string>;
  /** The client's certificate, PEM: its `cert.pem`. For everyone. Undefined where `clientCertPems` are given. */
  public readonly clientCert: pulumi.Output<string | undefined>;
  /** The client's private key, PEM: its `key.pem`. A secret: it is root on the host. Undefined where `clientCertPems` are given. */
  public readonly clientKey: pulumi.Output<string | undefined>;
  /** The generated SSH key's private half, OpenSSH form. A secret. Undefined where `sshPublicKey` is given. */
  public readonly sshPrivateKey: pulumi.Output<string | undefined>;
  /** The administrator's password. A secret. Undefined without `passwordLogin`. */
  public readonly adminPassword: pulumi.Output<string | undefined>;

  /**
   * @throws SettingsError before anything is declared, naming each setting that is wrong, its value and what is allowed.
   * What is an output is checked as soon as it is known.
   */
  constructor(name: string, args: DockerHostArgs, opts?: pulumi.ComponentResourceOptions) {
    const settings = completeSettings(args);
    refuse([...checkName(name), ...checkInputs(args, settings.passwordLogin)]);
    // The engine keeps a component's inputs in the state: what is secret must be so from here on.
    super(
      "azure-docker-host:index:DockerHost",
      name,
      {
        ...args,
        adminPassword: args.adminPassword && pulumi.secret(args.adminPassword),
        caPrivateKeyPem: args.caPrivateKeyPem && pulumi.secret(args.caPrivateKeyPem),
      },
      { ...opts, transformations: [withoutVersionAliases, ...(opts?.transformations ?? [])] },
    );

    // Every name in Azure is fixed by the component's: so a run that was cut off meets what it left, instead of making it
    // twice; and what is replaced must go before its successor comes.
    const child: pulumi.CustomResourceOptions = { parent: this };
    const azureChild = { ...child, deletedWith: opts?.deletedWith, deleteBeforeReplace: true };
    const placement = { resourceGroupName: args.resourceGroupName, location: args.location, tags: args.tags };

    const network = declareNetwork(name, { ...placement, ...settings, subnetId: args.subnetId }, azureChild);

    const [authority, ...otherAuthorities] =
      args.caCertPem !== undefined && args.caPrivateKeyPem !== undefined
        ? [{ certPem: pulumi.output(args.caCertPem), privateKeyPem: pulumi.secret(args.caPrivateKeyPem) }]
        : settings.authorityGenerations.map((generation) => certificateAuthority(name, generation, child));
    if (!authority) throw new Error("no authority");
    const names = pulumi
      .all([network.fqdn, network.publicIpAddress, network.privateIpAddress])
      .apply(([fqdn, ...addresses]) => subjectAlternativeNames(fqdn, addresses));
    const server = serverCertificate(
      name,
      {
        authority,
        commonName: name,
        dnsNames: names.dnsNames,
        ipAddresses: names.ipAddresses,
        keyGeneration: settings.keyGeneration,
      },
      child,
    );
    const client =
      args.clientCertPems === undefined
        ? clientCertificate(name, { clientName: CLIENT_NAME, keyGeneration: settings.keyGeneration }, child)
        : undefined;

    const ssh = sshKey(name, args.sshPublicKey, child);
    const password = settings.passwordLogin ? adminPassword(name, args.adminPassword, child) : undefined;
    const virtualMachine = declareVirtualMachine(
      name,
      {
        ...placement,
        ...settings,
        networkInterfaceId: network.networkInterfaceId,
        sshPublicKey: ssh.publicKey,
        adminPassword: password,
      },
      azureChild,
    );

    declareInstaller(
      name,
      {
        ...placement,
        ...settings,
        virtualMachine,
        certificates: pulumi
          .all([
            server.certPem,
            server.privateKeyPem,
            pulumi.all(args.clientCertPems ?? (client ? [client.certPem] : [])),
          ])
          .apply(([certPem, keyPem, clients]) => ({ certPem, keyPem, trustPem: trustFile(clients) })),
      },
      azureChild,
    );

    this.dockerHost = pulumi.interpolate`tcp://${network.fqdn}:${settings.dockerPort}`;
    this.fqdn = network.fqdn;
    this.publicIpAddress = network.publicIpAddress;
    this.adminUsername = pulumi.output(settings.adminUsername);
    this.caCert = pulumi.all([authority, ...otherAuthorities].map(({ certPem }) => certPem)).apply(trustFile);
    this.clientCert = pulumi.output(client?.certPem);
    this.clientKey = pulumi.output(client?.privateKeyPem);
    this.sshPrivateKey = pulumi.output(ssh.privateKey);
    this.adminPassword = pulumi.output(password);
    this.registerOutputs({
      dockerHost: this.dockerHost,
      fqdn: this.fqdn,
      publicIpAddress: this.publicIpAddress,
      adminUsername: this.adminUsername,
      caCert: this.caCert,
      clientCert: this.clientCert,
      clientKey: this.clientKey,
      sshPrivateKey: this.sshPrivateKey,
      adminPassword: this.adminPassword,
    });
  }
}

/** What is wrong with the settings that may be outputs, as far as they are plain values. */
function checkInputs(args: DockerHostArgs, passwordLogin: boolean): string[] {
  return [
    ...checkPasswordLogin(passwordLogin, args.adminPassword !== undefined),
    ...(typeof args.adminPassword === "string" ? checkPassword(args.adminPassword) : []),
    ...(typeof args.sshPublicKey === "string" ? checkSshPublicKey(args.sshPublicKey) : []),
    ...(args.tags !== undefined && !pulumi.Output.isInstance(args.tags) && !(args.tags instanceof Promise)
      ? checkTags(plainValues(args.tags))
      : []),
    ...(args.caCertPem !== undefined && args.authorityGenerations !== undefined
      ? ["authorityGenerations: given with caCertPem, which is another authority; allowed: one of the two"]
      : []),
    ...((args.caCertPem === undefined) === (args.caPrivateKeyPem === undefined)
      ? []
      : ["caCertPem and caPrivateKeyPem: only one of them is given; allowed: both, or neither"]),
    ...(typeof args.caCertPem === "string" ? checkPem("caCertPem", args.caCertPem, "CERTIFICATE") : []),
    ...(typeof args.caPrivateKeyPem === "string"
      ? checkPem("caPrivateKeyPem", args.caPrivateKeyPem, "PRIVATE KEY")
      : []),
    ...(args.clientCertPems ?? []).flatMap((pem, index) =>
      typeof pem === "string" ? checkPem(`clientCertPems[${index}]`, pem, "CERTIFICATE") : [],
    ),
    ...(args.clientCertPems?.length === 0
      ? ["clientCertPems: an empty list, so nobody could use the host; allowed: one certificate or more, or none given"]
      : []),
  ];
}

/** The entries that are plain values. */
function plainValues(record: Record<string, pulumi.Input<string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => !pulumi.Output.isInstance(value) && !(value instanceof Promise)),
  );
}
