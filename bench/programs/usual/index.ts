/**
 * The same resources as one or many `DockerHost`s, written the way most programs are: Pulumi's template for TypeScript on
 * Azure, the whole of azure-native imported, and everything declared on the spot.
 */
import * as azure from "@pulumi/azure-native";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";

const config = new pulumi.Config();
const hosts = config.requireNumber("hosts");

const group = new azure.resources.ResourceGroup("group", { resourceGroupName: "hosts" });

for (let host = 1; host <= hosts; host++) {
  const name = `host-${host}`;

  const vnet = new azure.network.VirtualNetwork(`${name}-vnet`, {
    resourceGroupName: group.name,
    location: group.location,
    virtualNetworkName: `${name}-vnet`,
    addressSpace: { addressPrefixes: ["10.0.0.0/24"] },
    subnets: [{ name: "default", addressPrefix: "10.0.0.0/24", defaultOutboundAccess: false }],
  });
  const nsg = new azure.network.NetworkSecurityGroup(`${name}-nsg`, {
    resourceGroupName: group.name,
    location: group.location,
    networkSecurityGroupName: `${name}-nsg`,
    securityRules: [
      {
        name: "docker",
        priority: 1000,
        direction: "Inbound",
        access: "Allow",
        protocol: "Tcp",
        sourceAddressPrefix: "203.0.113.0/24",
        sourcePortRange: "*",
        destinationAddressPrefix: "*",
        destinationPortRange: "4243",
      },
      {
        name: "deny",
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
  });
  const suffix = new random.RandomString(`${name}-dns-suffix`, { length: 6, upper: false, special: false });
  const ip = new azure.network.PublicIPAddress(`${name}-ip`, {
    resourceGroupName: group.name,
    location: group.location,
    publicIpAddressName: `${name}-ip`,
    sku: { name: "Standard" },
    publicIPAllocationMethod: "Static",
    publicIPAddressVersion: "IPv4",
    dnsSettings: { domainNameLabel: pulumi.interpolate`${name}-${suffix.result}` },
  });
  const nic = new azure.network.NetworkInterface(`${name}-nic`, {
    resourceGroupName: group.name,
    location: group.location,
    networkInterfaceName: `${name}-nic`,
    networkSecurityGroup: { id: nsg.id },
    ipConfigurations: [
      {
        name: "primary",
        primary: true,
        privateIPAllocationMethod: "Dynamic",
        subnet: { id: vnet.subnets.apply((subnets) => subnets?.[0]?.id ?? "") },
        publicIPAddress: { id: ip.id },
      },
    ],
  });

  const caKey = new tls.PrivateKey(`${name}-ca-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" });
  const ca = new tls.SelfSignedCert(`${name}-ca`, {
    privateKeyPem: caKey.privateKeyPem,
    subject: { commonName: `${name} certificate authority` },
    isCaCertificate: true,
    allowedUses: ["cert_signing", "crl_signing"],
    validityPeriodHours: 87600,
  });
  const serverKey = new tls.PrivateKey(`${name}-server-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" });
  const request = new tls.CertRequest(`${name}-server-request`, {
    privateKeyPem: serverKey.privateKeyPem,
    subject: { commonName: name },
    dnsNames: [ip.dnsSettings.apply((dns) => dns?.fqdn ?? ""), "localhost"],
    ipAddresses: [
      ip.ipAddress.apply((address) => address ?? ""),
      nic.ipConfigurations.apply((configurations) => configurations?.[0]?.privateIPAddress ?? ""),
    ],
  });
  const server = new tls.LocallySignedCert(`${name}-server`, {
    certRequestPem: request.certRequestPem,
    caCertPem: ca.certPem,
    caPrivateKeyPem: caKey.privateKeyPem,
    allowedUses: ["digital_signature", "server_auth"],
    validityPeriodHours: 8760,
  });
  const clientKey = new tls.PrivateKey(`${name}-client-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" });
  const client = new tls.SelfSignedCert(`${name}-client`, {
    privateKeyPem: clientKey.privateKeyPem,
    subject: { commonName: "admin" },
    allowedUses: ["digital_signature", "client_auth"],
    validityPeriodHours: 8760,
  });
  const sshKey = new tls.PrivateKey(`${name}-ssh-key`, { algorithm: "ED25519" });

  const vm = new azure.compute.VirtualMachine(`${name}-vm`, {
    resourceGroupName: group.name,
    location: group.location,
    vmName: `${name}-vm`,
    hardwareProfile: { vmSize: "Standard_B2s_v2" },
    networkProfile: { networkInterfaces: [{ id: nic.id, primary: true }] },
    osProfile: {
      computerName: name,
      adminUsername: "azureuser",
      linuxConfiguration: {
        disablePasswordAuthentication: true,
        provisionVMAgent: true,
        ssh: {
          publicKeys: [
            {
              path: "/home/azureuser/.ssh/authorized_keys",
              keyData: sshKey.publicKeyOpenssh.apply((line) => line.trim()),
            },
          ],
        },
      },
    },
    storageProfile: {
      imageReference: {
        publisher: "Canonical",
        offer: "ubuntu-24_04-lts",
        sku: "server",
        version: "latest",
      },
      osDisk: {
        name: `${name}-os`,
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
  });
  const base64 = (pem: pulumi.Output<string>) => pem.apply((text) => Buffer.from(text).toString("base64"));
  const prepare = new azure.compute.VirtualMachineExtension(`${name}-prepare`, {
    resourceGroupName: group.name,
    location: group.location,
    vmName: vm.name,
    vmExtensionName: "prepare",
    publisher: "Microsoft.Azure.Extensions",
    type: "CustomScript",
    typeHandlerVersion: "2.1",
    autoUpgradeMinorVersion: true,
    settings: { commandToExecute: "apt-get -q update && apt-get -q -y install docker.io" },
  });
  new azure.compute.VirtualMachineExtension(
    `${name}-docker`,
    {
      resourceGroupName: group.name,
      location: group.location,
      vmName: vm.name,
      vmExtensionName: "DockerExtension",
      publisher: "Microsoft.Azure.Extensions",
      type: "DockerExtension",
      typeHandlerVersion: "1.2",
      autoUpgradeMinorVersion: true,
      settings: { docker: { port: "4243", options: [] } },
      protectedSettings: {
        certs: {
          ca: base64(client.certPem),
          cert: base64(server.certPem),
          key: base64(serverKey.privateKeyPem),
        },
      },
    },
    { dependsOn: prepare },
  );
}
