/** The resource types that the program declares: what azure-native's metadata says of them and its SDK does not. */
import type { ComputeManagementClient } from "@azure/arm-compute";
import type { NetworkManagementClient } from "@azure/arm-network";
import type { ResourceManagementClient } from "@azure/arm-resources";

/** Microsoft's clients, by the module of azure-native that they serve. */
interface Clients {
  compute: ComputeManagementClient;
  network: NetworkManagementClient;
  resources: ResourceManagementClient;
}

export interface ResourceType {
  /** The group of the client's operations. */
  operations: { [Module in keyof Clients]: keyof Clients[Module] }[keyof Clients];
  /** The path of a resource, as azure-native writes it. The names in it are inputs. Changing one replaces the resource. */
  path: string;
  /** Properties whose change needs a new resource (provider/pkg/gen/replacement.go, or x-ms-mutability without "update"). */
  forceNew: string[];
  /** Lists whose entries are told apart by a property and not by their place (x-ms-identifiers). */
  keys?: Record<string, string[]>;
  /** Default values. Setting an input to its default is no change. */
  defaults?: Record<string, unknown>;
  /** Inputs that the client calls otherwise. */
  renamed?: Record<string, string>;
}

const GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}";

/** By the token that azure-native registers; its module is the client's name. */
export const RESOURCE_TYPES: Record<string, ResourceType> = {
  "azure-native:resources:ResourceGroup": { operations: "resourceGroups", path: GROUP, forceNew: ["location"] },
  "azure-native:network:VirtualNetwork": {
    operations: "virtualNetworks",
    path: `${GROUP}/providers/Microsoft.Network/virtualNetworks/{virtualNetworkName}`,
    forceNew: ["location"],
    defaults: { enableDdosProtection: false, enableVmProtection: false },
  },
  "azure-native:network:NetworkSecurityGroup": {
    operations: "networkSecurityGroups",
    path: `${GROUP}/providers/Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}`,
    forceNew: [],
  },
  "azure-native:network:PublicIPAddress": {
    operations: "publicIPAddresses",
    path: `${GROUP}/providers/Microsoft.Network/publicIPAddresses/{publicIpAddressName}`,
    forceNew: ["location", "publicIPAddressVersion", "publicIPPrefix", "sku"],
  },
  "azure-native:network:NetworkInterface": {
    operations: "networkInterfaces",
    path: `${GROUP}/providers/Microsoft.Network/networkInterfaces/{networkInterfaceName}`,
    forceNew: [],
  },
  "azure-native:compute:VirtualMachine": {
    operations: "virtualMachines",
    path: `${GROUP}/providers/Microsoft.Compute/virtualMachines/{vmName}`,
    // Of common-types' TrackedResource, whose location has the mutability "read" and "create".
    forceNew: ["location"],
    keys: { "osProfile.linuxConfiguration.ssh.publicKeys": ["path"], "storageProfile.dataDisks": ["lun"] },
  },
  "azure-native:compute:VirtualMachineExtension": {
    operations: "virtualMachineExtensions",
    path: `${GROUP}/providers/Microsoft.Compute/virtualMachines/{vmName}/extensions/{vmExtensionName}`,
    forceNew: ["location"],
    renamed: { type: "typePropertiesType" },
  },
};

/** The inputs that name a resource, from the outside in. */
export function pathParameters(type: ResourceType): string[] {
  return [...type.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name).filter((name) => name !== "subscriptionId");
}

/** A resource's ID (crud.PrepareAzureRESTIdAndQuery). */
export function idOf(type: ResourceType, values: Record<string, unknown>): string {
  return type.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name])));
}

/**
 * The names in an ID (resources.ParseResourceID).
 *
 * @throws if it is an ID of another type
 */
export function namesIn(type: ResourceType, id: string): string[] {
  const pattern = type.path.replaceAll(/\{\w+\}/g, "([^/]+)");
  const match = new RegExp(`^${pattern}$`, "i").exec(id);
  if (!match) throw new Error(`failed to parse '${id}' against the path '${type.path}'`);
  return match.slice(2).map(decodeURIComponent);
}
