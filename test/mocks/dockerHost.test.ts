/** The component's resources, as the engine gets them. With a wrong setting there are none. */
import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { DockerHost } from "../../components/dockerHost";
import type { DockerHostArgs } from "../../components/dockerHostArgs";
import { type Daemon, PREPARATION } from "../../components/installers/customScript";
import type { DaemonOptions } from "../../components/installers/daemonOptions";
import { publicKeyDigest } from "../../components/rules/ca";
import type { InstallerName } from "../../components/rules/docker";
import { SettingsError } from "../../components/settingsError";
import { type Ca, makeCa } from "../support/ca";
import { installerExtension } from "../support/installers";
import {
  ARGS,
  GENERATED_PASSWORD,
  type Recorder,
  type Values,
  certPem,
  declare,
  keyPem,
  pem,
  run,
} from "../support/recorder";

const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKNJoFbWT1u9bPQPEKQmNv7Q7TPKmTqYEYFT0Dj1LUt";
const SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/hosts";
const PASSWORD = "Correct-horse1!";

const secret = (value: unknown): { secret: unknown } => ({ secret: value });
const KEY_SECRETS = ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"];
const CERT_SECRETS = ["privateKeyPem", "privateKeyPemWo"];
const PLACEMENT = { resourceGroupName: "group", location: "westeurope" };
const FQDN = "web-x3k9qa.westeurope.cloudapp.azure.com";

/** The resources of the host "web" with only the required settings: each one's type, inputs and options. */
const HOST: Record<string, [type: string, inputs: Values, options: Values]> = {
  "web-dns-suffix": [
    "random:index/randomString:RandomString",
    { length: 6, upper: false, special: false },
    { deleteBeforeReplace: true },
  ],
  "web-ip": [
    "azure-native:network:PublicIPAddress",
    {
      ...PLACEMENT,
      publicIpAddressName: "web-ip",
      sku: { name: "Standard" },
      publicIPAllocationMethod: "Static",
      publicIPAddressVersion: "IPv4",
      dnsSettings: { domainNameLabel: "web-x3k9qa" },
    },
    { deleteBeforeReplace: true },
  ],
  "web-nsg": [
    "azure-native:network:NetworkSecurityGroup",
    {
      ...PLACEMENT,
      networkSecurityGroupName: "web-nsg",
      securityRules: [
        {
          name: "AllowDocker1",
          priority: 100,
          direction: "Inbound",
          access: "Allow",
          protocol: "Tcp",
          sourceAddressPrefix: "203.0.113.0/24",
          sourcePortRange: "*",
          destinationAddressPrefix: "*",
          destinationPortRange: "4243",
        },
        {
          name: "DenyAllElse",
          priority: 4096,
          direction: "Inbound",
          access: "Deny",
          protocol: "*",
          sourceAddressPrefix: "*",
          sourcePortRange: "*",
          destinationAddressPrefix: "*",
          destinationPortRange: "*",
        },
      ],
    },
    { deleteBeforeReplace: true, ignoreChanges: ["securityRules[*].etag"] },
  ],
  "web-vnet": [
    "azure-native:network:VirtualNetwork",
    {
      ...PLACEMENT,
      virtualNetworkName: "web-vnet",
      addressSpace: { addressPrefixes: ["10.0.0.0/24"] },
      subnets: [{ name: "default", addressPrefix: "10.0.0.0/24", defaultOutboundAccess: false }],
      // The SDK's own defaults.
      enableDdosProtection: false,
      enableVmProtection: false,
    },
    { deleteBeforeReplace: true, ignoreChanges: ["subnets[0].etag"] },
  ],
  "web-nic": [
    "azure-native:network:NetworkInterface",
    {
      ...PLACEMENT,
      networkInterfaceName: "web-nic",
      networkSecurityGroup: { id: "web-nsg-id" },
      ipConfigurations: [
        {
          name: "primary",
          primary: true,
          privateIPAllocationMethod: "Dynamic",
          subnet: { id: "web-vnet-id/subnets/default" },
          publicIPAddress: { id: "web-ip-id" },
        },
      ],
    },
    { deleteBeforeReplace: true, replaceOnChanges: ["ipConfigurations[0].subnet.id"] },
  ],
  "web-ca-key": [
    "tls:index/privateKey:PrivateKey",
    { algorithm: "ECDSA", ecdsaCurve: "P256" },
    { additionalSecretOutputs: KEY_SECRETS },
  ],
  "web-ca": [
    "tls:index/selfSignedCert:SelfSignedCert",
    {
      privateKeyPem: secret(keyPem("web-ca-key")),
      subject: { commonName: "web certificate authority" },
      isCaCertificate: true,
      maxPathLength: 0,
      allowedUses: ["cert_signing", "crl_signing"],
      setSubjectKeyId: true,
      validityPeriodHours: 87600,
      earlyRenewalHours: 8760,
    },
    { additionalSecretOutputs: CERT_SECRETS },
  ],
  "web-server-key": [
    "tls:index/privateKey:PrivateKey",
    { algorithm: "ECDSA", ecdsaCurve: "P256" },
    { additionalSecretOutputs: KEY_SECRETS, replacementTrigger: 1 },
  ],
  "web-server-request": [
    "tls:index/certRequest:CertRequest",
    {
      privateKeyPem: secret(keyPem("web-server-key")),
      subject: { commonName: "web" },
      dnsNames: [FQDN, "localhost"],
      ipAddresses: ["203.0.113.10", "10.0.0.4"],
    },
    { additionalSecretOutputs: CERT_SECRETS },
  ],
  "web-server": [
    "tls:index/locallySignedCert:LocallySignedCert",
    {
      certRequestPem: pem("CERTIFICATE REQUEST", "web-server-request"),
      caCertPem: certPem("web-ca"),
      caPrivateKeyPem: secret(keyPem("web-ca-key")),
      allowedUses: ["digital_signature", "server_auth"],
      validityPeriodHours: 8760,
      earlyRenewalHours: 720,
    },
    { additionalSecretOutputs: ["caPrivateKeyPem", "caPrivateKeyPemWo"] },
  ],
  "web-client-admin-key": [
    "tls:index/privateKey:PrivateKey",
    { algorithm: "ECDSA", ecdsaCurve: "P256" },
    { additionalSecretOutputs: KEY_SECRETS, replacementTrigger: 1 },
  ],
  "web-client-admin": [
    "tls:index/selfSignedCert:SelfSignedCert",
    {
      privateKeyPem: secret(keyPem("web-client-admin-key")),
      subject: { commonName: "admin", organization: "web" },
      allowedUses: ["digital_signature", "client_auth"],
      validityPeriodHours: 8760,
      earlyRenewalHours: 720,
    },
    { additionalSecretOutputs: CERT_SECRETS },
  ],
  "web-ssh-key": [
    "tls:index/privateKey:PrivateKey",
    { algorithm: "ED25519" },
    { additionalSecretOutputs: KEY_SECRETS },
  ],
  "web-vm": [
    "azure-native:compute:VirtualMachine",
    {
      ...PLACEMENT,
      vmName: "web-vm",
      hardwareProfile: { vmSize: "Standard_B2s_v2" },
      networkProfile: { networkInterfaces: [{ id: "web-nic-id", primary: true }] },
      osProfile: {
        computerName: "web",
        adminUsername: "azureuser",
        linuxConfiguration: {
          disablePasswordAuthentication: true,
          provisionVMAgent: true,
          patchSettings: {
            patchMode: "AutomaticByPlatform",
            assessmentMode: "AutomaticByPlatform",
            automaticByPlatformSettings: { rebootSetting: "IfRequired" },
          },
          ssh: {
            publicKeys: [{ path: "/home/azureuser/.ssh/authorized_keys", keyData: "ssh-ed25519 web-ssh-key" }],
          },
        },
      },
      storageProfile: {
        imageReference: { publisher: "Canonical", offer: "ubuntu-24_04-lts", sku: "server", version: "latest" },
        osDisk: {
          createOption: "FromImage",
          caching: "ReadWrite",
          deleteOption: "Delete",
          managedDisk: { storageAccountType: "StandardSSD_LRS" },
        },
      },
      securityProfile: {
        securityType: "TrustedLaunch",
        uefiSettings: { secureBootEnabled: true, vTpmEnabled: true },
      },
      diagnosticsProfile: { bootDiagnostics: { enabled: true } },
    },
    {
      deleteBeforeReplace: true,
      // As narrow as what Azure refuses to change: whatever else a refresh or an import brings must not cost the disk.
      replaceOnChanges: [
        "osProfile.computerName",
        "osProfile.adminUsername",
        "osProfile.linuxConfiguration.ssh.publicKeys",
        "osProfile.linuxConfiguration.disablePasswordAuthentication",
        "osProfile.adminPassword",
        "storageProfile.imageReference.id",
        "storageProfile.imageReference.publisher",
        "storageProfile.imageReference.offer",
        "storageProfile.imageReference.sku",
        "storageProfile.imageReference.version",
        "securityProfile.securityType",
      ],
      replaceWith: ["web-nic"],
      ignoreChanges: ["storageProfile.osDisk.diskSizeGB", "storageProfile.osDisk.managedDisk.storageAccountType"],
    },
  ],
  "web-prepare": [
    "azure-native:compute:VirtualMachineExtension",
    {
      ...PLACEMENT,
      vmName: "web-vm",
      vmExtensionName: "prepare",
      publisher: "Microsoft.Azure.Extensions",
      type: "CustomScript",
      typeHandlerVersion: "2.1",
      autoUpgradeMinorVersion: true,
      settings: PREPARATION.settings({ allowContainerIdentity: false }),
    },
    { deletedWith: "web-vm", deleteBeforeReplace: true, replaceOnChanges: ["#initerror"] },
  ],
  "web-docker": [
    "azure-native:compute:VirtualMachineExtension",
    {
      ...PLACEMENT,
      vmName: "web-vm",
      vmExtensionName: "DockerExtension",
      publisher: "Microsoft.Azure.Extensions",
      type: "DockerExtension",
      typeHandlerVersion: "1.2",
      autoUpgradeMinorVersion: true,
      ...certificateSettings(certPem("web-client-admin")),
    },
    { deletedWith: "web-vm", deleteBeforeReplace: true, additionalSecretOutputs: ["protectedSettings"] },
  ],
};

/** The extension's settings for a trust file, the rest being as it is by default; what they are exactly is for the settings' own tests. */
function certificateSettings(trustPem: string, port = 4243): { settings: unknown; protectedSettings: unknown } {
  const certificates = { trustPem, certPem: certPem("web-server"), keyPem: keyPem("web-server-key") };
  return installerSettings("DockerExtension", { dockerPort: port, certificates });
}

/** The input of an installer, with defaults for all that isn't named. */
function installerSettings(
  installer: InstallerName,
  daemon: Partial<Daemon> & Pick<Daemon, "certificates">,
): { settings: unknown; protectedSettings: unknown } {
  const defaults = { dockerPort: 4243, daemonOptions: {}, allowContainerIdentity: false, adminUsername: "azureuser" };
  const all = { ...defaults, ...daemon };
  const { settings, protectedSettings } = installerExtension(installer, all);
  return { settings, protectedSettings: secret(protectedSettings) };
}

/** Resources by name, as `HOST` has them. */
function resources({ declared }: Recorder): Record<string, [type: string, inputs: unknown, options: Values]> {
  return Object.fromEntries(
    Object.entries(declared)
      .filter(([, { parent }]) => parent !== "")
      .map(([name, { type, inputs, options }]) => [name, [type, inputs, options]]),
  );
}

/** `HOST`, with some inputs replaced, and without some resources. */
function expected(inputs: Record<string, Values> = {}, gone: string[] = []): typeof HOST {
  return Object.fromEntries(
    Object.entries(HOST)
      .filter(([name]) => !gone.includes(name))
      .map(([name, [type, usual, options]]) => [name, [type, { ...usual, ...inputs[name] }, options]]),
  );
}

/** An output's value and whether it is a secret. */
async function valueOf<T>(output: pulumi.Output<T>): Promise<{ value: T; isSecret: boolean }> {
  const value = await new Promise<T>((resolve) => {
    pulumi.unsecret(output).apply((known) => {
      resolve(known);
    });
  });
  return { value, isSecret: await pulumi.isSecret(output) };
}

let acme: Ca;
let leaf: Ca;
let zoe: Ca;
before(async () => {
  acme = await makeCa();
  leaf = await makeCa({ commonName: "ann", isCa: false });
  zoe = await makeCa({ commonName: "zoe", isCa: false });
});

/** A host's registered outputs, as one reads them of the component. */
async function outputsOf(host: DockerHost): Promise<Record<string, { value: unknown; isSecret: boolean }>> {
  return {
    dockerHost: await valueOf(host.dockerHost),
    fqdn: await valueOf(host.fqdn),
    publicIpAddress: await valueOf(host.publicIpAddress),
    privateIpAddress: await valueOf(host.privateIpAddress),
    vmId: await valueOf(host.vmId),
    adminUsername: await valueOf(host.adminUsername),
    caCert: await valueOf(host.caCert),
    clientCert: await valueOf(host.clientCert),
    clientKey: await valueOf(host.clientKey),
    clientCerts: await valueOf(host.clientCerts),
    clientKeys: await valueOf(host.clientKeys),
    sshPrivateKey: await valueOf(host.sshPrivateKey),
    adminPassword: await valueOf(host.adminPassword),
  };
}

const open = (value: unknown): { value: unknown; isSecret: boolean } => ({ value, isSecret: false });
const hidden = (value: unknown): { value: unknown; isSecret: boolean } => ({ value, isSecret: true });

const OUTPUTS = {
  dockerHost: open(`tcp://${FQDN}:4243`),
  fqdn: open(FQDN),
  publicIpAddress: open("203.0.113.10"),
  privateIpAddress: open("10.0.0.4"),
  vmId: open("web-vm-id"),
  adminUsername: open("azureuser"),
  caCert: open(certPem("web-ca")),
  clientCert: open(certPem("web-client-admin")),
  clientKey: hidden(keyPem("web-client-admin-key")),
  clientCerts: open({ admin: certPem("web-client-admin") }),
  clientKeys: hidden({ admin: keyPem("web-client-admin-key") }),
  sshPrivateKey: hidden(pem("OPENSSH PRIVATE KEY", "web-ssh-key")),
  adminPassword: open(undefined),
};

/** A value with a word in the place of each secret. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null) return value;
  return "secret" in value
    ? "secret"
    : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSecrets(inner)]));
}

/** The outputs that are registered with the engine: those that have a value. */
function registered(outputs: Record<string, { value: unknown; isSecret: boolean }>): Values {
  return Object.fromEntries(
    Object.entries(outputs)
      .filter(([, { value }]) => value !== undefined)
      .map(([name, { value, isSecret }]) => [name, isSecret ? secret(value) : value]),
  );
}

suite("alone", () => {
  let host: DockerHost;
  let recorder: Recorder;
  before(async () => {
    ({ host, recorder } = await declare());
  });

  test("everything is declared, exactly", () => {
    assert.deepEqual(resources(recorder), HOST);
  });

  test("the component is the parent of every resource, and has its arguments as inputs", () => {
    const { web, ...children } = recorder.declared;
    assert.deepEqual(web, {
      type: "azure-docker-host:index:DockerHost",
      parent: "",
      urn: "urn:pulumi:dev::azure-docker-host::azure-docker-host:index:DockerHost::web",
      inputs: ARGS,
      options: {},
      dependsOn: [],
    });
    assert.deepEqual(
      Object.fromEntries(Object.entries(children).map(([name, { parent, urn }]) => [name, { parent, urn }])),
      Object.fromEntries(
        Object.entries(HOST).map(([name, [type]]) => [
          name,
          {
            parent: "web",
            urn: `urn:pulumi:dev::azure-docker-host::azure-docker-host:index:DockerHost$${type}::${name}`,
          },
        ]),
      ),
    );
  });

  test("its outputs, and which of them are secrets; the CA's key is not registered", async () => {
    assert.deepEqual(await outputsOf(host), OUTPUTS);
    assert.deepEqual(recorder.outputs, { web: registered(OUTPUTS) });
    assert.deepEqual(await valueOf(host.caPrivateKey), hidden(keyPem("web-ca-key")));
  });

  test("no private key or password is in plain text anywhere", async () => {
    const { recorder } = await declare({ passwordLogin: true, adminPassword: PASSWORD });
    const clear = JSON.stringify(withoutSecrets([recorder.declared, recorder.outputs]));
    assert.match(clear, /BEGIN CERTIFICATE/);
    const key = Buffer.from(keyPem("web-server-key")).toString("base64");
    for (const needle of ["PRIVATE KEY", PASSWORD, key]) assert.ok(!clear.includes(needle), needle);
  });
});

suite("settings", () => {
  test("sources, port and label", async () => {
    const { host, recorder } = await declare({
      dockerSources: ["VirtualNetwork", "203.0.113.7"],
      sshSources: ["2001:db8::/48"],
      dockerPort: 2376,
      dnsLabel: "build-host",
    });
    const fqdn = "build-host.westeurope.cloudapp.azure.com";
    const rule = (
      name: string,
      priority: number,
      sourceAddressPrefix: string,
      destinationPortRange: string,
    ): Values => ({
      name,
      priority,
      direction: "Inbound",
      access: "Allow",
      protocol: "Tcp",
      sourceAddressPrefix,
      sourcePortRange: "*",
      destinationAddressPrefix: "*",
      destinationPortRange,
    });
    assert.deepEqual(
      resources(recorder),
      expected(
        {
          "web-ip": { dnsSettings: { domainNameLabel: "build-host" } },
          "web-nsg": {
            securityRules: [
              rule("AllowDocker1", 100, "VirtualNetwork", "2376"),
              rule("AllowDocker2", 101, "203.0.113.7", "2376"),
              rule("AllowSsh1", 102, "2001:db8::/48", "22"),
              { ...rule("DenyAllElse", 4096, "*", "*"), access: "Deny", protocol: "*" },
            ],
          },
          "web-server-request": { dnsNames: [fqdn, "localhost"] },
          "web-docker": certificateSettings(certPem("web-client-admin"), 2376),
        },
        ["web-dns-suffix"],
      ),
    );
    assert.deepEqual(await outputsOf(host), { ...OUTPUTS, fqdn: open(fqdn), dockerHost: open(`tcp://${fqdn}:2376`) });
  });

  test("every resource that takes tags has them", async () => {
    const tags = { team: "build" };
    const { recorder } = await declare({ tags });
    const tagged = ["ip", "nsg", "vnet", "nic", "vm", "prepare", "docker"].map((part) => [`web-${part}`, { tags }]);
    assert.deepEqual(resources(recorder), expected(Object.fromEntries(tagged) as Record<string, Values>));
  });

  test("with the other installer there is one extension, under the name of the first, and its script has the settings", async () => {
    const daemonOptions = { "log-level": "warn" };
    const { recorder } = await declare({
      installer: "CustomScript",
      dockerVersion: "28.2.*",
      daemonOptions,
      adminUsername: "ops",
      forceUpdateTag: "2",
    });
    const certificates = {
      trustPem: certPem("web-client-admin"),
      certPem: certPem("web-server"),
      keyPem: keyPem("web-server-key"),
    };
    const [type, inputs, options] = HOST["web-docker"] ?? assert.fail();
    assert.equal(resources(recorder)["web-docker"], undefined);
    assert.deepEqual(resources(recorder)["web-prepare"], [
      type,
      {
        ...inputs,
        vmExtensionName: "CustomScript",
        type: "CustomScript",
        typeHandlerVersion: "2.1",
        forceUpdateTag: "2",
        ...installerSettings("CustomScript", {
          certificates,
          daemonOptions,
          dockerVersion: "28.2.*",
          adminUsername: "ops",
        }),
      },
      // One alias: the name that a host had it under before.
      { ...options, replaceOnChanges: ["*"], aliases: 1 },
    ]);
  });

  test("another version of the package changes the preparation, and makes the DockerExtension run again", async () => {
    for (const [tag, wanted] of [
      [undefined, "docker.io=28.2.*"],
      ["2", "2,docker.io=28.2.*"],
    ]) {
      const { recorder } = await declare({
        dockerVersion: "28.2.*",
        ...(tag !== undefined && { forceUpdateTag: tag }),
      });
      const prepare = {
        settings: PREPARATION.settings({ dockerVersion: "28.2.*", allowContainerIdentity: false }),
        ...(tag !== undefined && { forceUpdateTag: tag }),
      };
      assert.deepEqual(
        resources(recorder),
        expected({ "web-prepare": prepare, "web-docker": { forceUpdateTag: wanted } }),
      );
    }
  });

  test("the DockerExtension waits for the preparation", async () => {
    const { recorder } = await declare();
    assert.ok(recorder.declared["web-docker"]?.dependsOn.includes("web-prepare"));
  });

  test("the daemon's options reach Azure's DockerExtension", async () => {
    const { recorder } = await declare({ daemonOptions: { debug: true } });
    const [, inputs] = resources(recorder)["web-docker"] ?? assert.fail();
    assert.ok(JSON.stringify(inputs).includes('"--debug"'), "as a word of the command line");
  });

  test("the DockerExtension's public settings are no secret, and are made without the server's key", async () => {
    const { recorder } = await declare({ trustedClientCerts: [pulumi.output(leaf.certPem)], clients: ["ann"] });
    const { settings, protectedSettings } = recorder.declared["web-docker"]?.inputs as Values;
    const trustPem = certPem("web-client-ann") + leaf.certPem;
    assert.deepEqual({ settings, protectedSettings }, certificateSettings(trustPem));
    assert.ok(!JSON.stringify(settings).includes("secret"), "no secret at any depth");
  });

  test("secret options of the daemon stay a secret with the script", async () => {
    const daemonOptions = { "log-opts": { tag: "hush" } };
    const { recorder } = await declare({ installer: "CustomScript", daemonOptions: pulumi.secret(daemonOptions) });
    const { settings, protectedSettings } = recorder.declared["web-prepare"]?.inputs as Values;
    const certificates = {
      trustPem: certPem("web-client-admin"),
      certPem: certPem("web-server"),
      keyPem: keyPem("web-server-key"),
    };
    assert.deepEqual(
      { settings, protectedSettings },
      installerSettings("CustomScript", { certificates, daemonOptions }),
    );
    assert.deepEqual(recorder.declared.web?.inputs, {
      ...ARGS,
      installer: "CustomScript",
      daemonOptions: secret(daemonOptions),
    });
    const clear = JSON.stringify(withoutSecrets([recorder.declared, recorder.outputs]));
    assert.ok(!clear.includes("hush"), "nowhere in the clear");
  });

  test("another generation of keys replaces the server's and the client's", async () => {
    const { recorder } = await declare({ keyGeneration: 7 });
    const triggers = Object.entries(recorder.declared)
      .map(([name, { options }]) => [name, options.replacementTrigger])
      .filter(([, trigger]) => trigger !== undefined);
    assert.deepEqual(Object.fromEntries(triggers), { "web-server-key": 7, "web-client-admin-key": 7 });
  });

  test("several CAs: the first signs, the clients get all of them", async () => {
    const { host, recorder } = await declare({ caGenerations: [2, 1] });
    const { "web-ca-key": key, "web-ca": cert } = HOST;
    assert.ok(key && cert, "the first generation is known");
    assert.deepEqual(resources(recorder), {
      ...expected({
        "web-server": { caCertPem: certPem("web-ca-2"), caPrivateKeyPem: secret(keyPem("web-ca-2-key")) },
      }),
      "web-ca-2-key": key,
      "web-ca-2": [
        cert[0],
        {
          ...cert[1],
          privateKeyPem: secret(keyPem("web-ca-2-key")),
          subject: { commonName: "web certificate authority 2" },
        },
        cert[2],
      ],
    });
    assert.deepEqual((await outputsOf(host)).caCert, open(certPem("web-ca-2") + certPem("web-ca")));
  });

  test("without a location, each resource leaves it to the provider", async () => {
    const { recorder } = await run(
      () => new DockerHost("web", { resourceGroupName: "group", dockerSources: ["203.0.113.0/24"] }),
    );
    const without = Object.entries(HOST).map(([name, [type, inputs, options]]) => {
      const rest = Object.entries(inputs).filter(([input]) => input !== "location");
      return [name, [type, Object.fromEntries(rest), options]];
    });
    assert.deepEqual(resources(recorder), Object.fromEntries(without));
  });

  test("an existing subnet: no network is created", async () => {
    const { recorder } = await declare({ subnetId: pulumi.output(SUBNET) });
    const ipConfigurations = [
      {
        name: "primary",
        primary: true,
        privateIPAllocationMethod: "Dynamic",
        subnet: { id: SUBNET },
        publicIPAddress: { id: "web-ip-id" },
      },
    ];
    assert.deepEqual(resources(recorder), expected({ "web-nic": { ipConfigurations } }, ["web-vnet"]));
  });

  for (const [what, subnetId] of Object.entries({ text: SUBNET, output: pulumi.output(SUBNET) })) {
    test(`no public IP, and the subnet as ${what}: no DNS name, and clients use the private address`, async () => {
      const { host, recorder } = await declare({ publicIp: false, subnetId });
      const ipConfigurations = [
        { name: "primary", primary: true, privateIPAllocationMethod: "Dynamic", subnet: { id: SUBNET } },
      ];
      assert.deepEqual(
        resources(recorder),
        expected(
          {
            "web-nic": { ipConfigurations },
            "web-server-request": { dnsNames: ["localhost"], ipAddresses: ["10.0.0.4"] },
          },
          ["web-vnet", "web-ip", "web-dns-suffix"],
        ),
      );
      const outputs = {
        ...OUTPUTS,
        dockerHost: open("tcp://10.0.0.4:4243"),
        fqdn: open(undefined),
        publicIpAddress: open(undefined),
      };
      assert.deepEqual(await outputsOf(host), outputs);
      assert.deepEqual(recorder.outputs, { web: registered(outputs) });
    });
  }

  for (const [what, wrap] of Object.entries({ texts: String, outputs: pulumi.output<string> })) {
    test(`an existing CA given as ${what} signs, and no other is created`, async () => {
      const { certPem: caCertPem, keyPem: caPrivateKeyPem, pkcs8 } = acme;
      const { host, recorder } = await declare({
        caCertPem: wrap(caCertPem),
        caPrivateKeyPem: wrap(caPrivateKeyPem),
      });
      assert.deepEqual(
        resources(recorder),
        expected({ "web-server": { caCertPem, caPrivateKeyPem: secret(pkcs8) } }, ["web-ca", "web-ca-key"]),
      );
      assert.deepEqual(recorder.declared.web?.inputs, {
        ...ARGS,
        caCertPem,
        caPrivateKeyPem: secret(caPrivateKeyPem),
      });
      assert.deepEqual(await outputsOf(host), { ...OUTPUTS, caCert: open(caCertPem) });
      assert.deepEqual(await valueOf(host.caPrivateKey), hidden(pkcs8));
    });
  }

  /** A named client's key and certificate, as the default one's are. */
  function client(name: string): typeof HOST {
    const { "web-client-admin-key": key, "web-client-admin": cert } = HOST;
    assert.ok(key && cert, "the default client is known");
    return {
      [`web-client-${name}-key`]: key,
      [`web-client-${name}`]: [
        cert[0],
        {
          ...cert[1],
          privateKeyPem: secret(keyPem(`web-client-${name}-key`)),
          subject: { commonName: name, organization: "web" },
        },
        cert[2],
      ],
    };
  }
  const NO_ADMIN = ["web-client-admin", "web-client-admin-key"];

  test("several clients: each has its own key, clientKey is the first one's, and their order doesn't change the host", async () => {
    const { host, recorder } = await declare({ clients: ["eve", "bob", "ann"] });
    const [ann, bob, eve] = ["ann", "bob", "eve"].map((name) => certPem(`web-client-${name}`));
    assert.deepEqual(resources(recorder), {
      ...expected({ "web-docker": certificateSettings(`${ann}${bob}${eve}`) }, NO_ADMIN),
      ...client("ann"),
      ...client("bob"),
      ...client("eve"),
    });
    assert.ok(
      Object.entries(recorder.declared).every(([name, { parent }]) => parent === (name === "web" ? "" : "web")),
      "the component is the parent of all",
    );
    const outputs = {
      ...OUTPUTS,
      clientCert: open(eve),
      clientKey: hidden(keyPem("web-client-eve-key")),
      clientCerts: open({ ann, bob, eve }),
      clientKeys: hidden(
        Object.fromEntries(["ann", "bob", "eve"].map((name) => [name, keyPem(`web-client-${name}-key`)])),
      ),
    };
    assert.deepEqual(await outputsOf(host), outputs);
    assert.deepEqual(recorder.outputs, { web: registered(outputs) });
  });

  test("clients of its own, clients' certificates and CAs together: trusted in this order", async () => {
    const { recorder } = await declare({
      clients: ["bob", "ann"],
      trustedClientCerts: [zoe.certPem, leaf.certPem],
      clientCaCerts: [pulumi.output(acme.certPem)],
    });
    const own = ["web-client-ann", "web-client-bob"].map(certPem);
    const trusted = [...own, zoe.certPem, leaf.certPem, acme.certPem].join("");
    assert.deepEqual(resources(recorder), {
      ...expected({ "web-docker": certificateSettings(trusted) }, NO_ADMIN),
      ...client("ann"),
      ...client("bob"),
    });
  });

  test("clients' CAs beside the default client", async () => {
    const { recorder } = await declare({ clientCaCerts: [acme.certPem] });
    const trusted = certPem("web-client-admin") + acme.certPem;
    assert.deepEqual(resources(recorder), expected({ "web-docker": certificateSettings(trusted) }));
  });

  test("clients' CAs alone", async () => {
    const { recorder } = await declare({ clients: [], clientCaCerts: [acme.certPem] });
    assert.deepEqual(resources(recorder), expected({ "web-docker": certificateSettings(acme.certPem) }, NO_ADMIN));
  });

  test("given clients' certificates: exactly those are trusted, and none is created", async () => {
    const trustedClientCerts = [leaf.certPem, pulumi.output(`${zoe.certPem.trim()}\r\n\r\n`)];
    const { host, recorder } = await declare({ trustedClientCerts });
    assert.deepEqual(
      resources(recorder),
      expected({ "web-docker": certificateSettings(leaf.certPem + zoe.certPem) }, NO_ADMIN),
    );
    const outputs = {
      ...OUTPUTS,
      ...{ clientCert: open(undefined), clientKey: open(undefined), clientCerts: open({}), clientKeys: open({}) },
    };
    assert.deepEqual(await outputsOf(host), outputs);
    assert.deepEqual(recorder.outputs, { web: registered(outputs) });
  });

  for (const [what, given] of Object.entries({
    "a text": `${SSH_KEY} me@laptop\n`,
    "an output": pulumi.output(`  ${SSH_KEY} me@laptop\n`),
  })) {
    test(`an SSH key given as ${what}: no key is created, and the VM has it without its line end`, async () => {
      const { host, recorder } = await declare({ sshPublicKey: given });
      const osProfile = HOST["web-vm"]?.[1].osProfile as { linuxConfiguration: Values };
      const publicKeys = [{ path: "/home/azureuser/.ssh/authorized_keys", keyData: `${SSH_KEY} me@laptop` }];
      const linuxConfiguration = { ...osProfile.linuxConfiguration, ssh: { publicKeys } };
      assert.deepEqual(
        resources(recorder),
        expected({ "web-vm": { osProfile: { ...osProfile, linuxConfiguration } } }, ["web-ssh-key"]),
      );
      assert.deepEqual(await outputsOf(host), { ...OUTPUTS, sshPrivateKey: open(undefined) });
    });
  }

  test("the VM has the administrator's name, also in the path of the key", async () => {
    const { host, recorder } = await declare({ adminUsername: "ops" });
    const osProfile = HOST["web-vm"]?.[1].osProfile as { linuxConfiguration: Values };
    const ssh = { publicKeys: [{ path: "/home/ops/.ssh/authorized_keys", keyData: "ssh-ed25519 web-ssh-key" }] };
    const linuxConfiguration = { ...osProfile.linuxConfiguration, ssh };
    assert.deepEqual(
      resources(recorder),
      expected({ "web-vm": { osProfile: { ...osProfile, adminUsername: "ops", linuxConfiguration } } }),
    );
    assert.deepEqual(await outputsOf(host), { ...OUTPUTS, adminUsername: open("ops") });
  });

  /** `HOST` with a login by password. */
  function withPassword(password: string): typeof HOST {
    const osProfile = HOST["web-vm"]?.[1].osProfile as { linuxConfiguration: Values };
    const linuxConfiguration = { ...osProfile.linuxConfiguration, disablePasswordAuthentication: false };
    const host = expected({
      "web-vm": { osProfile: { ...osProfile, adminPassword: secret(password), linuxConfiguration } },
    });
    const [type, inputs, options] = host["web-vm"] ?? assert.fail();
    return { ...host, "web-vm": [type, inputs, { ...options, additionalSecretOutputs: ["osProfile"] }] };
  }

  for (const [what, given] of Object.entries({
    "a text": PASSWORD,
    "an output": pulumi.output(PASSWORD),
    "a secret": pulumi.secret(PASSWORD),
  })) {
    test(`login by a password given as ${what}`, async () => {
      const { host, recorder } = await declare({ passwordLogin: true, adminPassword: given });
      assert.deepEqual(resources(recorder), withPassword(PASSWORD));
      assert.deepEqual(recorder.declared.web?.inputs, {
        ...ARGS,
        passwordLogin: true,
        adminPassword: secret(PASSWORD),
      });
      const outputs = { ...OUTPUTS, adminPassword: hidden(PASSWORD) };
      assert.deepEqual(await outputsOf(host), outputs);
      assert.deepEqual(recorder.outputs, { web: registered(outputs) });
    });
  }

  test("login by a generated password", async () => {
    const { host, recorder } = await declare({ passwordLogin: true });
    assert.deepEqual(resources(recorder), {
      ...withPassword(GENERATED_PASSWORD),
      "web-password": [
        "random:index/randomPassword:RandomPassword",
        {
          length: 24,
          minLower: 1,
          minUpper: 1,
          minNumeric: 1,
          minSpecial: 1,
          overrideSpecial: "!@#$%^&+=",
        },
        { additionalSecretOutputs: ["bcryptHash", "result"] },
      ],
    });
    assert.deepEqual(await outputsOf(host), { ...OUTPUTS, adminPassword: hidden(GENERATED_PASSWORD) });
  });

  const IMAGES = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute";
  const images: Record<string, { image: string; reference: Values; trustedLaunch: boolean }> = {
    "another publisher's": {
      image: "Debian:debian-12:12-gen2:latest",
      reference: { publisher: "Debian", offer: "debian-12", sku: "12-gen2", version: "latest" },
      trustedLaunch: true,
    },
    "a gallery's": {
      image: `${IMAGES}/galleries/team/images/docker/versions/1.0.0`,
      reference: { id: `${IMAGES}/galleries/team/images/docker/versions/1.0.0` },
      trustedLaunch: true,
    },
    "a managed": {
      image: `${IMAGES}/images/docker`,
      reference: { id: `${IMAGES}/images/docker` },
      trustedLaunch: false,
    },
  };
  for (const [what, { image, reference, trustedLaunch }] of Object.entries(images)) {
    test(`${what} image patches itself`, async () => {
      const { recorder } = await declare({ image, trustedLaunch, vmSize: "Standard_D2s_v5" });
      const [, usual] = HOST["web-vm"] ?? assert.fail();
      const osProfile = usual.osProfile as { linuxConfiguration: Values };
      const patchSettings = { patchMode: "ImageDefault", assessmentMode: "ImageDefault" };
      const wanted = expected({
        "web-vm": {
          hardwareProfile: { vmSize: "Standard_D2s_v5" },
          osProfile: { ...osProfile, linuxConfiguration: { ...osProfile.linuxConfiguration, patchSettings } },
          storageProfile: { ...(usual.storageProfile as Values), imageReference: reference },
        },
      });
      // Empty, not absent: so the preview of another choice names the `securityType`, which replaces the machine.
      if (!trustedLaunch) Object.assign(wanted["web-vm"]?.[1] ?? {}, { securityProfile: {} });
      assert.deepEqual(resources(recorder), wanted);
    });
  }

  test("the VM has patchReboot", async () => {
    const { recorder } = await declare({ patchReboot: "Never" });
    const [, inputs] = resources(recorder)["web-vm"] ?? assert.fail();
    const { osProfile } = inputs as { osProfile: { linuxConfiguration: { patchSettings: Values } } };
    assert.deepEqual(osProfile.linuxConfiguration.patchSettings, {
      patchMode: "AutomaticByPlatform",
      assessmentMode: "AutomaticByPlatform",
      automaticByPlatformSettings: { rebootSetting: "Never" },
    });
  });

  /** Changed properties as azure-native's detailed diff names them (provider/pkg/provider/diff.go), and whether the machine is replaced. */
  const changes: Record<string, boolean> = {
    "securityProfile.securityType": true,
    "securityProfile.encryptionAtHost": false,
    "securityProfile.uefiSettings.secureBootEnabled": false,
    "storageProfile.imageReference.version": true,
    "storageProfile.imageReference.id": true,
    "storageProfile.imageReference.exactVersion": false,
    // Of a host that was made when the disk still had a name: Azure keeps it.
    "storageProfile.osDisk.name": false,
    "storageProfile.osDisk.diskSizeGB": false,
    "storageProfile.osDisk.managedDisk.id": false,
    "osProfile.computerName": true,
    "osProfile.adminUsername": true,
    "osProfile.adminPassword": true,
    "osProfile.allowExtensionOperations": false,
    "osProfile.requireGuestProvisionSignal": false,
    "osProfile.linuxConfiguration.disablePasswordAuthentication": true,
    "osProfile.linuxConfiguration.ssh.publicKeys[0].keyData": true,
    "osProfile.linuxConfiguration.patchSettings.patchMode": false,
    "osProfile.linuxConfiguration.enableVMAgentPlatformUpdates": false,
    // Another first interface comes with the interface's own replacement.
    "networkProfile.networkInterfaces[0].id": false,
    "networkProfile.networkInterfaces[1]": false,
    "networkProfile.networkApiVersion": false,
    "hardwareProfile.vmSize": false,
    tags: false,
  };
  for (const [path, replaced] of Object.entries(changes)) {
    test(`another ${path}: the VM is ${replaced ? "replaced" : "kept"}`, async () => {
      const { recorder } = await declare();
      const paths = recorder.declared["web-vm"]?.options.replaceOnChanges as string[];
      // As the engine's PropertyPath.Contains has it.
      const within = (outer: string): boolean =>
        path === outer || [".", "["].some((next) => path.startsWith(outer + next));
      assert.equal(paths.some(within), replaced);
    });
  }

  test("a resource that goes with its container says so, and an extension goes with its VM", async () => {
    const { recorder } = await run(() => {
      const group = new pulumi.ComponentResource("test:index:Group", "group");
      return new DockerHost("web", ARGS, { deletedWith: group });
    });
    const deletedWith = Object.fromEntries(
      Object.entries(recorder.declared).map(([name, { options }]) => [name, options.deletedWith]),
    );
    assert.deepEqual(deletedWith, {
      group: undefined,
      web: "group",
      ...Object.fromEntries(Object.keys(HOST).map((name) => [name, undefined])),
      ...Object.fromEntries(["dns-suffix", "ip", "nsg", "vnet", "nic", "vm"].map((part) => [`web-${part}`, "group"])),
      "web-prepare": "web-vm",
      "web-docker": "web-vm",
    });
  });

  test("two hosts in one program have no name in common", async () => {
    const { result, recorder } = await run(() => [
      new DockerHost("web", ARGS),
      new DockerHost("web2", { ...ARGS, dnsLabel: "second" }),
    ]);
    const renamed = (value: unknown): unknown => {
      if (typeof value === "string") return value.replaceAll("web-x3k9qa", "second").replaceAll(/\bweb\b/g, "web2");
      if (Array.isArray(value)) return value.map(renamed);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [renamed(key), renamed(inner)]));
    };
    const { "web2-docker": extension, ...second } = renamed(expected({}, ["web-dns-suffix"])) as typeof HOST;
    const { "web2-docker": declaredExtension, ...declared } = resources(recorder);
    const secondNames = Object.keys(second);
    assert.deepEqual(
      Object.fromEntries(Object.entries(declared).filter(([name]) => secondNames.includes(name))),
      second,
    );
    assert.deepEqual(
      Object.fromEntries(Object.entries(resources(recorder)).filter(([name]) => !name.startsWith("web2-"))),
      HOST,
    );
    const certificates = {
      trustPem: certPem("web2-client-admin"),
      certPem: certPem("web2-server"),
      keyPem: keyPem("web2-server-key"),
    };
    // Base64 and a digest can't be renamed.
    assert.deepEqual(declaredExtension, [
      extension?.[0],
      {
        ...extension?.[1],
        ...installerSettings("DockerExtension", { certificates }),
      },
      extension?.[2],
    ]);
    assert.equal((await outputsOf(result[1] ?? assert.fail())).fqdn?.value, "second.westeurope.cloudapp.azure.com");
  });
});

suite("a protected host", () => {
  const STASH = "pulumi:index:Stash";
  /** The host "web" with what is kept protected, and the marks beside it. */
  function production(identity: string, address = true): typeof HOST {
    const kept = ["web-ip", "web-nic", "web-vm", "web-ca-key"];
    const marks: typeof HOST = {
      "web-production-authority": [STASH, { input: identity }, { protect: true, replaceOnChanges: ["input"] }],
      "web-production-address": [
        STASH,
        { input: address },
        { protect: true, ...(!address && { replaceOnChanges: ["input"] }) },
      ],
      "web-production": [STASH, { input: true }, { protect: true }],
    };
    return {
      ...Object.fromEntries(
        Object.entries(HOST).map(([name, [type, inputs, options]]) => [
          name,
          [type, inputs, { ...options, ...(kept.includes(name) && { protect: true }) }],
        ]),
      ),
      ...marks,
    };
  }
  /** The resources that wait for a mark. */
  function waiting({ declared }: Recorder, mark: string): string[] {
    return Object.keys(declared)
      .filter((name) => declared[name]?.dependsOn.includes(mark))
      .sort();
  }

  test("the VM, the addresses, the CA's key and the marks are protected, and the rest waits for the marks", async () => {
    const { recorder } = await declare({ protect: true });
    assert.deepEqual(resources(recorder), production("the host's own, generation 1"));
    const server = ["web-server", "web-server-key", "web-server-request"];
    assert.deepEqual(waiting(recorder, "web-production-authority"), ["web-ca", "web-ca-key", ...server]);
    assert.deepEqual(waiting(recorder, "web-production-address"), ["web-ip", "web-nic"]);
    assert.deepEqual(recorder.declared["web-production"]?.dependsOn, ["web-docker"], "the last of all");
  });

  test("without protect: no option and no mark", async () => {
    const { recorder } = await declare({ protect: false });
    assert.deepEqual(resources(recorder), HOST);
  });

  test("of several CAs the one that signs is kept", async () => {
    const { recorder } = await declare({ protect: true, caGenerations: [2, 1] });
    const { declared } = recorder;
    assert.deepEqual(declared["web-production-authority"]?.inputs, { input: "the host's own, generation 2" });
    assert.deepEqual(
      ["web-ca-key", "web-ca-2-key"].map((name) => declared[name]?.options.protect),
      [undefined, true],
    );
    assert.deepEqual(declared["web-production"]?.dependsOn, ["web-ca", "web-docker"]);
  });

  test("the mark of a given CA is its public key, whatever its certificate is", async () => {
    const { certPem: caCertPem, keyPem: caPrivateKeyPem } = acme;
    for (const key of [caPrivateKeyPem, pulumi.secret(caPrivateKeyPem)]) {
      const { recorder } = await declare({ protect: true, caCertPem, caPrivateKeyPem: key });
      const own = ["web-ca", "web-ca-key", "web-server"];
      const wanted = Object.entries(production(`given, public key ${publicKeyDigest(caPrivateKeyPem)}`));
      const { "web-server": server, ...others } = resources(recorder);
      assert.ok(server, "the server's certificate is declared");
      assert.deepEqual(others, Object.fromEntries(wanted.filter(([name]) => !own.includes(name))));
      assert.ok(waiting(recorder, "web-production-authority").includes("web-server"), "nothing is signed before");
    }
  });

  test("without a public IP: adding one changes nothing, and removing one is refused", async () => {
    const { recorder } = await declare({ protect: true, publicIp: false, subnetId: SUBNET });
    const { "web-production-address": mark } = production("", false);
    assert.deepEqual(resources(recorder)["web-production-address"], mark);
  });
});

suite("with wrong arguments nothing is declared", () => {
  const nobody = "clients must name one client at least, unless trustedClientCerts or clientCaCerts is set (got none).";
  const wrong: Record<
    string,
    { args: Partial<DockerHostArgs> | (() => Partial<DockerHostArgs>); name?: string; starts: string }
  > = {
    "no source": { args: { dockerSources: [] }, starts: "dockerSources must name who may reach the Docker port, " },
    "a tag that Azure refuses": {
      args: { tags: { "a/b": "x" } },
      starts: "tags must have names of 1 to 512 characters, ",
    },
    "two CAs": {
      args: () => ({ caCertPem: acme.certPem, caPrivateKeyPem: acme.keyPem, caGenerations: [1] }),
      starts: "caGenerations must be left out when caCertPem is set: ",
    },
    "an option that would open the port": {
      args: { daemonOptions: { hosts: ["tcp://0.0.0.0:2375"] } as DaemonOptions },
      starts: "daemonOptions.hosts must be left out. ",
    },
    "an open source": {
      args: { dockerSources: ["*"] },
      starts: 'dockerSources must not be open to the Internet (got "*"). ',
    },
    "an open source for SSH": {
      args: { sshSources: ["Internet"] },
      starts: 'sshSources must not be open to the Internet (got "Internet"). ',
    },
    "a port": { args: { dockerPort: 22 }, starts: "dockerPort must be between 1 and 65535, and not 22 (got 22)." },
    "an installer": {
      args: { installer: "apt" as InstallerName },
      starts: 'installer must be "DockerExtension" or "CustomScript" (got "apt").',
    },
    "a reserved user": {
      args: { adminUsername: "root" },
      starts: "adminUsername must be a name that neither Azure nor Ubuntu reserves, ",
    },
    "a DNS label": { args: { dnsLabel: "My_Host" }, starts: "dnsLabel must have 3 to 63 lower-case letters, " },
    "no public IP, and no other way out": {
      args: { publicIp: false },
      starts: "publicIp must be true without a subnetId (got false). ",
    },
    "a DNS label without a public IP": {
      args: { publicIp: false, subnetId: pulumi.output(SUBNET), dnsLabel: "build-host" },
      starts: "dnsLabel must be left out when publicIp is false: ",
    },
    "a subnet": { args: { subnetId: "hosts" }, starts: "subnetId must be a subnet's resource ID, " },
    "an image": { args: { image: "ubuntu" }, starts: 'image must be a URN "publisher:offer:sku:version", ' },
    "a size": { args: { vmSize: "big" }, starts: "vmSize must be one of Azure's sizes, " },
    "an Arm size": {
      args: { vmSize: "Standard_D2ps_v5" },
      starts: 'vmSize must be an x64 size (got "Standard_D2ps_v5"). ',
    },
    "Trusted Launch with a managed image": {
      args: { image: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/i" },
      starts: "trustedLaunch must be false with a managed image ",
    },
    "a former name": {
      args: { production: true } as Partial<DockerHostArgs>,
      starts: "production must be called protect. It has a new name.",
    },
    "an unknown name": {
      args: { vmsize: "Standard_B2s" } as Partial<DockerHostArgs>,
      starts: "vmsize must be one of the settings: resourceGroupName, location, ",
    },
    "a service tag that other customers share": {
      args: { dockerSources: ["AzureCloud"] },
      starts: "dockerSources must not hold a service tag that other Azure customers share ",
    },
    "a list that makes up the Internet": {
      args: { dockerSources: ["11.0.0.0/8", "12.0.0.0/8"] },
      starts: "dockerSources must not be open to the Internet: its IPv4 entries together ",
    },
    "the component's name": {
      args: {},
      name: "My_Host",
      starts: "The component's name must have 2 to 56 lower-case letters, ",
    },
    "a password": {
      args: { passwordLogin: true, adminPassword: "short" },
      starts: "adminPassword must have 12 to 72 characters (it has 5), ",
    },
    "a password without passwordLogin": {
      args: { adminPassword: PASSWORD },
      starts: "adminPassword must be left out when passwordLogin is false. ",
    },
    "a password without passwordLogin, as an output": {
      args: { adminPassword: pulumi.secret(PASSWORD) },
      starts: "adminPassword must be left out when passwordLogin is false. ",
    },
    "an SSH key": { args: { sshPublicKey: "ssh-dss AAAA" }, starts: "sshPublicKey must be one line in OpenSSH form, " },
    "a CA without its key": {
      args: () => ({ caCertPem: acme.certPem }),
      starts: "caCertPem and caPrivateKeyPem must be set together (got only caCertPem).",
    },
    "a CA's key without its certificate": {
      args: () => ({ caPrivateKeyPem: acme.keyPem }),
      starts: "caCertPem and caPrivateKeyPem must be set together (got only caPrivateKeyPem).",
    },
    "a CA's certificate that isn't PEM": {
      args: () => ({ caCertPem: keyPem("ca"), caPrivateKeyPem: acme.keyPem }),
      starts: 'caCertPem must be PEM, beginning with "-----BEGIN CERTIFICATE-----" ',
    },
    "a CA's key that isn't PEM": {
      args: () => ({ caCertPem: acme.certPem, caPrivateKeyPem: certPem("ca") }),
      starts: 'caPrivateKeyPem must be PEM, beginning with "-----BEGIN PRIVATE KEY-----" ',
    },
    "a CA's certificate that isn't PEM, with an output as key": {
      args: () => ({ caCertPem: leaf.certPem, caPrivateKeyPem: pulumi.secret(leaf.keyPem) }),
      starts: "caCertPem must be a CA's certificate, CA:TRUE ",
    },
    "another CA's key": {
      args: () => ({ caCertPem: acme.certPem, caPrivateKeyPem: leaf.keyPem }),
      starts: "caPrivateKeyPem must be the private key of the first certificate in caCertPem, ",
    },
    "a client's name": {
      args: { clients: ["Ann"] },
      starts: "clients must hold names of 1 to 32 lower-case letters, ",
    },
    "a client named twice": { args: { clients: ["ann", "ann"] }, starts: 'clients must name "ann" once, not twice.' },
    "no client": { args: { clients: [] }, starts: nobody },
    "no client's certificate": { args: { trustedClientCerts: [] }, starts: nobody },
    "none of all": { args: { clients: [], trustedClientCerts: [], clientCaCerts: [] }, starts: nobody },
    "a clients' CA that isn't one": {
      args: () => ({ clientCaCerts: [acme.certPem, leaf.certPem] }),
      starts: "clientCaCerts[1] must be a CA's certificate, CA:TRUE ",
    },
    "a client's certificate that isn't one": {
      args: () => ({ trustedClientCerts: [leaf.certPem, "bob.pem"] }),
      starts: "trustedClientCerts[1] must be the PEM of one client certificate ",
    },
  };
  for (const [what, { args, name, starts }] of Object.entries(wrong)) {
    test(what, async () => {
      const { result, recorder } = await run(() => {
        try {
          new DockerHost(name ?? "web", { ...ARGS, ...(typeof args === "function" ? args() : args) });
        } catch (error) {
          return error;
        }
        return undefined;
      });
      assert.ok(result instanceof SettingsError, String(result));
      assert.deepEqual(
        result.problems.map((problem) => problem.slice(0, starts.length)),
        [starts],
      );
      assert.doesNotMatch(result.message, /Correct-horse1!|BEGIN EC/);
      assert.deepEqual([recorder.declared, recorder.outputs], [{}, {}]);
    });
  }
});
