/** The component: a Docker host on Azure with mutual TLS, from its keys to its daemon. */
import * as pulumi from "@pulumi/pulumi";
import { withoutVersionAliases } from "./aliases";
import { checkClientAuthority, checkGivenAuthority } from "./authorities";
import {
  certificateAuthority,
  clientAuthority,
  clientCertificate,
  givenAuthority,
  givenAuthorityIdentity,
  serverCertificate,
} from "./certificates";
import { declareInstaller } from "./installer";
import { declareNetwork } from "./network";
import { PRODUCTION_NOTICE, markAddress, markAuthority, markWhole, protection } from "./protection";
import {
  type CompleteSettings,
  checkName,
  checkPassword,
  checkPasswordLogin,
  checkPem,
  checkPublicIp,
  checkSshPublicKey,
  checkSubnetId,
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
   * What configures Docker: "DockerExtension", Azure's own, deprecated since 2018, or "CustomScript", a script of this
   * project's in Azure's supported Custom Script Extension. Both have Ubuntu's package `docker.io`, which a script installs
   * before the DockerExtension. Defaults to "DockerExtension".
   */
  installer?: string;

  /**
   * The version of the package `docker.io`, such as "28.2.2-0ubuntu1~24.04.1", or its beginning with "*", such as "28.2.*".
   * It is kept from automatic upgrades, and another one is installed by the next `up`: with the DockerExtension that stops
   * containers. Defaults to the Docker that is there, else to the newest that Ubuntu has.
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
   * The clients, by name, such as ["ann", "ci"]: each gets a key and a certificate of its own. 1 to 32 lower-case letters,
   * digits, "-", "_" and ".", first a letter or digit. A name that is taken away is locked out by the same `up`, and nobody
   * else; the first one is `clientCert` and `clientKey`. May be empty where `trustedClientCerts` or `clientCaCerts` are
   * given. Defaults to ["admin"], with `trustedClientCerts` to none.
   */
  clients?: string[];

  /**
   * The generation of the server's and the clients' private keys, 1 or more. Another one makes new keys and certificates,
   * and locks out whoever has a former client's key. Defaults to 1.
   */
  keyGeneration?: number;

  /**
   * The certificate authorities, each a whole number: the first one signs, all of them are in `caCert`. Such as [1, 2], then
   * [2], to replace the first one without locking any client out. Not with `caCertPem`. Defaults to [1].
   */
  caGenerations?: number[];

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
   * Whether the host has a public address. Without one it is reached at its private address, from its virtual network and
   * what is joined to that; it needs a `subnetId` that has another way out, such as a NAT gateway. Defaults to true.
   */
  publicIp?: boolean;

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

  /**
   * Whether Azure reboots the machine after it has patched it, once a month: "IfRequired" by what was
   * patched, "Never" or "Always". Containers without a restart policy don't come back by themselves. Only with an image that
   * Azure patches. Defaults to "IfRequired".
   */
  patchReboot?: string;

  /**
   * The resource ID of an existing subnet, in the host's region and subscription, such as
   * "/subscriptions/…/virtualNetworks/hub/subnets/hosts". Changing it replaces the machine. Defaults to a virtual network
   * of the host's own.
   */
  subnetId?: pulumi.Input<string>;

  /**
   * An existing authority's certificate (CA:TRUE), PEM, valid now; with `caPrivateKeyPem`. More certificates may follow it,
   * such as its predecessor's: they are handed to the clients. Defaults to an authority of the host's own.
   */
  caCertPem?: pulumi.Input<string>;

  /**
   * That authority's private key, PEM, a secret; with `caCertPem`. RSA of 2048 bits or more, ECDSA on P-256, P-384 or P-521,
   * or Ed25519; without a passphrase.
   */
  caPrivateKeyPem?: pulumi.Input<string>;

  /** Certificates of clients that the host trusts beside its own `clients`, each PEM. Defaults to none. */
  trustedClientCerts?: pulumi.Input<string>[];

  /**
   * Certificates of authorities whose clients the host trusts, each PEM, such as a company's: whoever has a certificate of
   * theirs for clients is root on the host. Each must be an authority's (CA:TRUE) and valid now. Defaults to none.
   */
  clientCaCerts?: pulumi.Input<string>[];

  /** Tags of every resource that takes tags, such as { team: "build" }. Defaults to none. */
  tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;

  /**
   * Whether the engine refuses what would replace or delete the machine, its addresses or the authority that signs, and a
   * teardown, unless the run has `--ignore-protect`. Protect the resource group too, and what else holds the host. To end
   * it takes such a run as well. Defaults to false.
   */
  protect?: boolean;
}

/** The clients that a host has by itself. */
const DEFAULT_CLIENTS = ["admin"];

/**
 * A Docker host on Azure that answers on port 4243 to its own clients alone.
 *
 * @example
 * const host = new DockerHost("docker-host", { resourceGroupName: group.name, dockerSources: ["203.0.113.0/24"] });
 * export const dockerHost = host.dockerHost; // tcp://docker-host-x3k9qa.westeurope.cloudapp.azure.com:4243
 */
export class DockerHost extends pulumi.ComponentResource {
  /** What `DOCKER_HOST` is set to: "tcp://FQDN:4243"; with the private address where there is no public one. */
  public readonly dockerHost: pulumi.Output<string>;
  /** The host's DNS name, "LABEL.REGION.cloudapp.azure.com". Undefined without `publicIp`. */
  public readonly fqdn: pulumi.Output<string | undefined>;
  /** The host's public IPv4 address; it stays the same for the host's life. Undefined without `publicIp`. */
  public readonly publicIpAddress: pulumi.Output<string | undefined>;
  /** The administrator's name on the machine. */
  public readonly adminUsername: pulumi.Output<string>;
  /** The certificates of the authorities, PEM: a client's `ca.pem`, which verifies the server. For everyone. */
  public readonly caCert: pulumi.Output<string>;
  /** The authority's private key, PEM, for other hosts' `caPrivateKeyPem`. A secret: whoever has it can pass for the host. */
  public readonly caPrivateKey: pulumi.Output<string>;
  /** The certificate of the first of `clients`, PEM: its `cert.pem`. For everyone. Undefined where there are none. */
  public readonly clientCert: pulumi.Output<string | undefined>;
  /** The private key of the first of `clients`, PEM: its `key.pem`. A secret: it is root on the host. Undefined where there are none. */
  public readonly clientKey: pulumi.Output<string | undefined>;
  /** The certificates of all `clients` by name, PEM. For everyone. */
  public readonly clientCerts: pulumi.Output<Record<string, string>>;
  /** The private keys of all `clients` by name, PEM. A secret. */
  public readonly clientKeys: pulumi.Output<Record<string, string>>;
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
    refuse([...checkName(name), ...checkInputs(args, settings)]);
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

    const kept = protection(settings.protect);
    const given =
      args.caCertPem !== undefined && args.caPrivateKeyPem !== undefined
        ? { certPem: args.caCertPem, privateKeyPem: args.caPrivateKeyPem }
        : undefined;
    const [signing = 0, ...otherGenerations] = settings.caGenerations;
    const identity = given ? givenAuthorityIdentity(given.privateKeyPem) : `the host's own, generation ${signing}`;
    const authorityMark = settings.protect ? markAuthority(name, identity, child) : undefined;
    const addressMark = settings.protect ? markAddress(name, settings.publicIp, child) : undefined;
    if (settings.protect) void pulumi.log.info(PRODUCTION_NOTICE, this);

    const network = declareNetwork(name, { ...placement, ...settings, subnetId: args.subnetId }, azureChild, {
      ...kept,
      dependsOn: addressMark,
    });

    const signed = { ...child, dependsOn: authorityMark };
    const authority = given
      ? givenAuthority(given.certPem, given.privateKeyPem)
      : certificateAuthority(name, signing, signed, kept);
    const otherAuthorities = given
      ? []
      : otherGenerations.map((generation) => certificateAuthority(name, generation, signed, {}));
    // Apart, so that a preview which can't know the one still knows the other.
    const dnsNames = pulumi.output(network.fqdn).apply((fqdn) => subjectAlternativeNames(fqdn, []).dnsNames);
    const ipAddresses = pulumi
      .all([network.publicIpAddress, network.privateIpAddress])
      .apply((addresses) => subjectAlternativeNames(undefined, addresses).ipAddresses);
    const server = serverCertificate(
      name,
      {
        authority,
        commonName: name,
        dnsNames,
        ipAddresses,
        keyGeneration: settings.keyGeneration,
      },
      signed,
    );
    const clients = clientNames(args).map((clientName) => ({
      clientName,
      ...clientCertificate(name, { clientName, keyGeneration: settings.keyGeneration }, child),
    }));
    // By name, so that another order of the same clients changes nothing on the host.
    const clientsByName = [...clients].sort((a, b) => (a.clientName < b.clientName ? -1 : 1));
    const trusted = [
      ...clientsByName.map(({ certPem }) => certPem),
      ...(args.trustedClientCerts ?? []),
      ...(args.clientCaCerts ?? []).map(clientAuthority),
    ];

    const ssh = sshKey(name, args.sshPublicKey, child);
    const password = settings.passwordLogin ? adminPassword(name, args.adminPassword, child) : undefined;
    const virtualMachine = declareVirtualMachine(
      name,
      {
        ...placement,
        ...settings,
        networkInterface: network.networkInterface,
        sshPublicKey: ssh.publicKey,
        adminPassword: password,
      },
      { ...azureChild, ...kept },
    );

    const extension = declareInstaller(
      name,
      {
        ...placement,
        ...settings,
        virtualMachine,
        certificates: pulumi
          .all([server.certPem, server.privateKeyPem, pulumi.all(trusted)])
          .apply(([certPem, keyPem, pems]) => ({ certPem, keyPem, trustPem: trustFile(pems) })),
      },
      azureChild,
    );
    if (settings.protect) {
      // All else is what the extension depends on.
      const leaves = [...otherAuthorities.map(({ certificate }) => certificate), extension];
      markWhole(name, { ...child, dependsOn: leaves });
    }

    this.dockerHost = pulumi.interpolate`tcp://${network.fqdn ?? network.privateIpAddress}:${settings.dockerPort}`;
    this.fqdn = pulumi.output(network.fqdn);
    this.publicIpAddress = pulumi.output(network.publicIpAddress);
    this.adminUsername = pulumi.output(settings.adminUsername);
    this.caCert = pulumi.all([authority, ...otherAuthorities].map(({ certPem }) => certPem)).apply(trustFile);
    this.caPrivateKey = authority.privateKeyPem;
    this.clientCert = pulumi.output(clients[0]?.certPem);
    this.clientKey = pulumi.output(clients[0]?.privateKeyPem);
    this.clientCerts = pulumi.all(Object.fromEntries(clients.map((client) => [client.clientName, client.certPem])));
    this.clientKeys = pulumi.all(
      Object.fromEntries(clients.map((client) => [client.clientName, client.privateKeyPem])),
    );
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
      clientCerts: this.clientCerts,
      clientKeys: this.clientKeys,
      sshPrivateKey: this.sshPrivateKey,
      adminPassword: this.adminPassword,
    });
  }
}

/** What is wrong with the settings that may be outputs, as far as they are plain values. */
function checkInputs(args: DockerHostArgs, { passwordLogin, publicIp }: CompleteSettings): string[] {
  return [
    ...checkPublicIp(publicIp, args.subnetId !== undefined, args.dnsLabel),
    ...(typeof args.subnetId === "string" ? checkSubnetId(args.subnetId) : []),
    ...checkPasswordLogin(passwordLogin, args.adminPassword !== undefined),
    ...(typeof args.adminPassword === "string" ? checkPassword(args.adminPassword) : []),
    ...(typeof args.sshPublicKey === "string" ? checkSshPublicKey(args.sshPublicKey) : []),
    ...(args.tags !== undefined && isPlain(args.tags) ? checkTags(plainValues(args.tags)) : []),
    ...checkGivenAuthority(args),
    ...(args.trustedClientCerts ?? []).flatMap((pem, index) =>
      isPlain(pem) ? checkPem(`trustedClientCerts[${index}]`, pem, "CERTIFICATE") : [],
    ),
    ...(args.clientCaCerts ?? []).flatMap((pem, index) =>
      isPlain(pem) ? checkClientAuthority(`clientCaCerts[${index}]`, pem) : [],
    ),
    ...([clientNames(args), args.trustedClientCerts, args.clientCaCerts].every((list = []) => list.length === 0)
      ? [
          "clients: [], with no trustedClientCerts and no clientCaCerts, so nobody could use the host; allowed: one name or more, or one of the others",
        ]
      : []),
  ];
}

/** The entries that are plain values. */
function plainValues(record: Record<string, pulumi.Input<string>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => isPlain(value)));
}

function isPlain<T>(value: pulumi.Input<T>): value is T {
  return !pulumi.Output.isInstance(value) && !(value instanceof Promise);
}

/** The clients that the host makes keys and certificates for. */
function clientNames({ clients, trustedClientCerts }: DockerHostArgs): string[] {
  return clients ?? (trustedClientCerts === undefined ? DEFAULT_CLIENTS : []);
}
