/** Inputs of the resources that a host is made of, as tests of the provider give them. */
import { SUBSCRIPTION_ID } from "../../rehearsal/arm/resourceTypes";
import type { Properties } from "../../rehearsal/values";
import { resourceOf } from "./loopbackAzure";

export const GROUP = resourceOf("resources:ResourceGroup");
export const VNET = resourceOf("network:VirtualNetwork");
export const NSG = resourceOf("network:NetworkSecurityGroup");
export const IP = resourceOf("network:PublicIPAddress");
export const NIC = resourceOf("network:NetworkInterface");
export const VM = resourceOf("compute:VirtualMachine");
export const EXTENSION = resourceOf("compute:VirtualMachineExtension");

export const GROUP_ID = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/g`;
const idOf = (path: string): string => `${GROUP_ID}/providers/${path}`;
export const VNET_ID = idOf("Microsoft.Network/virtualNetworks/vnet");
export const NSG_ID = idOf("Microsoft.Network/networkSecurityGroups/nsg");
export const IP_ID = idOf("Microsoft.Network/publicIPAddresses/ip");
export const NIC_ID = idOf("Microsoft.Network/networkInterfaces/nic");
export const VM_ID = idOf("Microsoft.Compute/virtualMachines/vm");
export const EXTENSION_ID = `${VM_ID}/extensions/docker`;

export const location = "westeurope";
export const PASSWORD = "Correct-horse1!";
const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKNJoFbWT1u9bPQPEKQmNv7Q7TPKmTqYEYFT0Dj1LUt";

const network = { resourceGroupName: "g", location, azureApiVersion: "2024-05-01" };
const compute = { resourceGroupName: "g", location, azureApiVersion: "2024-11-01" };

export const groupInputs: Properties = { resourceGroupName: "g", location, azureApiVersion: "2024-03-01" };
export const vnetInputs: Properties = {
  ...network,
  virtualNetworkName: "vnet",
  addressSpace: { addressPrefixes: ["10.0.0.0/24"] },
  subnets: [{ name: "default", addressPrefix: "10.0.0.0/24" }],
};
export const ruleInputs: Properties = {
  name: "docker",
  access: "Allow",
  direction: "Inbound",
  priority: 100,
  protocol: "Tcp",
  sourceAddressPrefix: "203.0.113.0/24",
  sourcePortRange: "*",
  destinationAddressPrefix: "*",
  destinationPortRange: "4243",
};
export const nsgInputs: Properties = { ...network, networkSecurityGroupName: "nsg", securityRules: [ruleInputs] };
export const ipInputs: Properties = {
  ...network,
  publicIpAddressName: "ip",
  sku: { name: "Standard" },
  publicIPAllocationMethod: "Static",
  dnsSettings: { domainNameLabel: "host-one" },
};
export const nicInputs: Properties = {
  ...network,
  networkInterfaceName: "nic",
  networkSecurityGroup: { id: NSG_ID },
  ipConfigurations: [{ name: "primary", subnet: { id: `${VNET_ID}/subnets/default` }, publicIPAddress: { id: IP_ID } }],
};
export const vmInputs: Properties = {
  ...compute,
  vmName: "vm",
  hardwareProfile: { vmSize: "Standard_B2s_v2" },
  networkProfile: { networkInterfaces: [{ id: NIC_ID }] },
  osProfile: {
    computerName: "host",
    adminUsername: "azureuser",
    adminPassword: PASSWORD,
    linuxConfiguration: {
      ssh: { publicKeys: [{ path: "/home/azureuser/.ssh/authorized_keys", keyData: SSH_KEY }] },
    },
  },
  storageProfile: {
    imageReference: { publisher: "Canonical", offer: "ubuntu-24_04-lts", sku: "server", version: "latest" },
    osDisk: { createOption: "FromImage", managedDisk: { storageAccountType: "StandardSSD_LRS" } },
  },
};
export const extensionInputs: Properties = {
  ...compute,
  vmName: "vm",
  vmExtensionName: "docker",
  publisher: "Microsoft.Azure.Extensions",
  type: "DockerExtension",
  typeHandlerVersion: "1.2",
  settings: { docker: { port: "4243" } },
  protectedSettings: { certs: { key: "secret" } },
};

/** All of them, in an order in which they can be made. */
export const ALL = [
  [GROUP, GROUP_ID, groupInputs],
  [VNET, VNET_ID, vnetInputs],
  [NSG, NSG_ID, nsgInputs],
  [IP, IP_ID, ipInputs],
  [NIC, NIC_ID, nicInputs],
  [VM, VM_ID, vmInputs],
  [EXTENSION, EXTENSION_ID, extensionInputs],
] as const;
