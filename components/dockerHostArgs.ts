/** The arguments of a `DockerHost`, each with its words. `settings.ts` has one row for each; the docs are generated from both. */
import type * as pulumi from "@pulumi/pulumi";
import type { DaemonOptions } from "./installers/daemonOptions";
import type { InstallerName } from "./rules/docker";
import type { PatchReboot } from "./rules/image";

/** The arguments of a `DockerHost`. */
export interface DockerHostArgs {
  /**
   * The resource group that holds the host, such as "docker-host-dev". Required.
   * Changing it replaces everything.
   */
  resourceGroupName: pulumi.Input<string>;

  /**
   * The Azure region, such as "westeurope". Defaults to the provider's `azure-native:location`.
   * Changing it replaces everything.
   */
  location?: pulumi.Input<string>;

  /**
   * The sources that may reach the Docker port. Each is a CIDR, an address or a service tag, such as "203.0.113.0/24",
   * "203.0.113.7" or "VirtualNetwork". Required.
   * Sources that stand for the Internet, alone or together, need `openToInternet`.
   * Changing it changes the NSG rules in place.
   */
  dockerSources: pulumi.Input<pulumi.Input<string>[]>;

  /**
   * The sources that may reach the SSH port 22, in the same forms as `dockerSources`, such as "203.0.113.7".
   * Defaults to none: there is no rule for port 22. Changing it changes the NSG rules in place.
   */
  sshSources?: pulumi.Input<pulumi.Input<string>[]>;

  /**
   * Whether sources may stand for the Internet, such as `*` or `0.0.0.0/0`. Defaults to false.
   * Changing it has no effect of its own.
   */
  openToInternet?: boolean;

  /**
   * The service tags that are shared with other Azure customers and may still be sources, such as "AzureDevOps" or
   * "AzureCloud.WestEurope". Everyone who uses such a service can reach the port. Defaults to none.
   * Changing it has no effect of its own.
   */
  sharedServiceTags?: string[];

  /**
   * The TCP port of the Docker daemon, between 1 and 65535, and not 22, such as 2376. Defaults to 4243.
   * Changing it restarts Docker.
   */
  dockerPort?: number;

  /**
   * The way to install and configure Docker: "DockerExtension" or "CustomScript". Azure's DockerExtension is deprecated since
   * 2018. CustomScript is a script of this project, in an extension that Microsoft supports. Both have Ubuntu's package
   * `docker.io`. Defaults to "DockerExtension".
   * Changing it takes one installer off and puts the other on, which restarts Docker.
   */
  installer?: InstallerName;

  /**
   * The version of Ubuntu's package `docker.io`, such as `28.2.2-0ubuntu1~24.04.1`, or the beginning of one with `*`, such as
   * `28.2.*`. Automatic upgrades leave it as it is. Defaults to the Docker that is there, else to the newest version.
   * Changing it installs that version and restarts Docker. With the DockerExtension, containers stop.
   */
  dockerVersion?: pulumi.Input<string>;

  /**
   * Options of the Docker daemon in the form of `daemon.json`, such as { "log-level": "warn" }. They take precedence over the
   * hardened defaults. Options that open the port (`hosts`, `tls…`) are refused. Defaults to none.
   * Changing it restarts Docker.
   */
  daemonOptions?: pulumi.Input<DaemonOptions>;

  /**
   * Whether containers may get tokens of the VM's managed identity from 169.254.169.254. Containers with `--network host` can in
   * any case. Defaults to false. Changing it changes the packet filter of the VM in place.
   */
  allowContainerIdentity?: boolean;

  /**
   * A text that makes Azure run the installer again when it changes, such as "2026-11-24". The installer puts back what a
   * person or a package's upgrade changed on the VM. 1 to 128 letters, digits and "_.:+-". Defaults to none.
   * Changing it runs the installer, which restarts Docker if something is different.
   */
  forceUpdateTag?: pulumi.Input<string>;

  /**
   * The clients by name, such as "ann" and "ci". Each gets a key and a certificate of its own. A name has 1 to 32 lower-case
   * letters, digits, "-", "_" and ".", and begins with a letter or digit. The first one is `clientCert` and `clientKey`. The
   * list may be empty if `trustedClientCerts` or `clientCaCerts` is set. In a stack's configuration, an empty list stands for the
   * default.
   * Defaults to "admin", or to none if `trustedClientCerts` is set.
   * Changing it restarts Docker. A client that you remove is locked out by the same `up`, and the others stay.
   */
  clients?: string[];

  /**
   * The generation of the server's and the clients' keys, 1 or more. Defaults to 1.
   * Changing it makes new keys and certificates and restarts Docker. Every former client key is locked out.
   */
  keyGeneration?: number;

  /**
   * The generations of the host's own CAs, each a whole number, such as 1, or 1 and 2. The first one signs the server's
   * certificate, and `caCert` holds all of them. Set 1 and 2, then 2 alone, to replace a CA without locking a client out.
   * Not with `caCertPem`. Defaults to 1.
   * Changing the first one makes a new server certificate and restarts Docker.
   */
  caGenerations?: number[];

  /**
   * The certificate of a CA of your own (CA:TRUE), PEM, valid now. It signs the server's certificate. More certificates may
   * follow it, such as its predecessor's: clients get all of them. Only with `caPrivateKeyPem`.
   * Defaults to a CA that the host makes.
   * Changing it makes a new server certificate and restarts Docker.
   */
  caCertPem?: pulumi.Input<string>;

  /**
   * The private key of `caCertPem`, PEM, a secret: RSA of 2048 bits or more, ECDSA on P-256, P-384 or P-521, or Ed25519,
   * without a passphrase. Only with `caCertPem`. Defaults to the key of a CA that the host makes.
   * Changing it makes a new server certificate and restarts Docker.
   */
  caPrivateKeyPem?: pulumi.Input<string>;

  /**
   * Certificates of more clients that the host trusts, each the PEM of exactly one client certificate, valid now.
   * Defaults to none. Changing it restarts Docker.
   */
  trustedClientCerts?: pulumi.Input<string>[];

  /**
   * Certificates of CAs whose clients the host trusts, each PEM, such as your company's. A CA's clients are root on the host.
   * Each must be a CA's certificate (CA:TRUE), valid now. Defaults to none. Changing it restarts Docker.
   */
  clientCaCerts?: pulumi.Input<string>[];

  /**
   * The administrator's name on the VM, such as "ops": a Linux user name of 1 to 32 characters that Azure doesn't reserve.
   * Defaults to "azureuser". Changing it replaces the VM.
   */
  adminUsername?: string;

  /**
   * The administrator's SSH public key, one line in OpenSSH form, such as "ssh-ed25519 AAAA… me@laptop": Ed25519, or RSA of
   * 2048 bits or more. Defaults to a new Ed25519 key, whose private half is `sshPrivateKey`. Changing it replaces the VM.
   */
  sshPublicKey?: pulumi.Input<string>;

  /** Whether the administrator may also log in by password. Defaults to false. Changing it replaces the VM. */
  passwordLogin?: boolean;

  /**
   * The administrator's password, a secret: 12 to 72 characters, with a lower-case and an upper-case letter, a digit and one
   * of `!@#$%^&+=`. Only with `passwordLogin`. Defaults to a generated one. Changing it replaces the VM.
   */
  adminPassword?: pulumi.Input<string>;

  /**
   * Whether the host has a public IP. Without one you reach it at its private address, from its virtual network. It then needs
   * a `subnetId` that has another way out, such as a NAT gateway. Defaults to true.
   * Changing it makes a new server certificate and restarts Docker. The VM and its private address stay.
   */
  publicIp?: boolean;

  /**
   * The label in the DNS name `LABEL.REGION.cloudapp.azure.com`, such as "build-host": 3 to 63 lower-case letters, digits and
   * hyphens, beginning with a letter and not ending with a hyphen, unique in its region. Only with `publicIp`. Defaults to the host's name with a random suffix, such as
   * "docker-host-x3k9qa".
   * Changing it makes a new server certificate and restarts Docker.
   */
  dnsLabel?: pulumi.Input<string>;

  /**
   * The resource ID of an existing subnet in the host's region and subscription, such as
   * "/subscriptions/…/virtualNetworks/hub/subnets/hosts". Defaults to a virtual network of the host's own.
   * Changing it replaces the VM.
   */
  subnetId?: pulumi.Input<string>;

  /**
   * The VM's image: a URN "publisher:offer:sku:version", or the resource ID of an image or a gallery's image.
   * Defaults to Ubuntu 24.04 LTS, "Canonical:ubuntu-24_04-lts:server:latest". Changing it replaces the VM.
   */
  image?: pulumi.Input<string>;

  /**
   * The VM's size, such as "Standard_D2s_v5". With the DockerExtension it must be an x64 size.
   * Defaults to "Standard_B2s_v2". Changing it reboots the VM.
   */
  vmSize?: pulumi.Input<string>;

  /**
   * Whether the VM boots with Trusted Launch (secure boot and a virtual TPM). It needs a Gen2 image and a size that supports
   * it, and no managed image (`…/Microsoft.Compute/images/…`). Defaults to true. Changing it replaces the VM.
   */
  trustedLaunch?: boolean;

  /**
   * Whether Azure reboots the VM after its monthly patches: "IfRequired", "Never" or "Always". Only with an image that Azure
   * patches. After a reboot, a container comes back only if it has a restart policy. Defaults to "IfRequired".
   * Changing it changes the VM in place.
   */
  patchReboot?: PatchReboot;

  /** Tags of every resource that takes tags, such as { team: "build" }. Defaults to none. Changing it changes the tags in place. */
  tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;

  /**
   * Whether Pulumi refuses to replace or delete the VM, its addresses and the CA that signs, and to tear the host down, unless
   * the run has `--ignore-protect`. Protect the resource group too. To set it back to false takes such a run as well.
   * Defaults to false. Changing it changes nothing in Azure.
   */
  protect?: boolean;
}
