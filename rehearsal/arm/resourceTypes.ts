/** The resource types that the program declares, as data: their names, what they refer to, what of them can't be changed. */

/** One resource type of Azure's, in the flattened form that azure-native gives it. */
export interface ResourceType {
  /** Azure's name, such as "Microsoft.Network/publicIPAddresses"; a child has its parent's before its own. */
  armType: string;
  /** The inputs that name the resource, from the outside in; they are the path, and changing one is another resource. */
  nameProperties: string[];
  /** Whether it lies in a region. */
  hasLocation: boolean;
  /** Whether it takes tags. */
  hasTags: boolean;
  /** Inputs that Azure refuses to be without. */
  required: string[];
  /** Changes that azure-native itself turns into a replacement, beside the names and the location. */
  replacing: string[];
  /** Changes that Azure refuses on what exists, though azure-native would send them. */
  immutable: string[];
  /** What Azure takes and never gives back. */
  writeOnly: string[];
  /** Outputs of which only Azure knows the whole, as it adds IDs and addresses to what was asked. */
  computed: string[];
  /** Where the IDs of other resources stand; `*` is every entry of a list. */
  references: string[];
}

/** By the token that azure-native registers. */
export const RESOURCE_TYPES: Record<string, ResourceType> = {
  "azure-native:resources:ResourceGroup": {
    armType: "Microsoft.Resources/resourceGroups",
    nameProperties: ["resourceGroupName"],
    hasLocation: true,
    hasTags: true,
    required: [],
    replacing: [],
    immutable: [],
    writeOnly: [],
    computed: [],
    references: [],
  },
  "azure-native:network:VirtualNetwork": {
    armType: "Microsoft.Network/virtualNetworks",
    nameProperties: ["resourceGroupName", "virtualNetworkName"],
    hasLocation: true,
    hasTags: true,
    required: ["addressSpace"],
    replacing: [],
    immutable: [],
    writeOnly: [],
    computed: ["subnets"],
    references: [],
  },
  "azure-native:network:NetworkSecurityGroup": {
    armType: "Microsoft.Network/networkSecurityGroups",
    nameProperties: ["resourceGroupName", "networkSecurityGroupName"],
    hasLocation: true,
    hasTags: true,
    required: [],
    replacing: [],
    immutable: [],
    writeOnly: [],
    computed: [],
    references: [],
  },
  "azure-native:network:PublicIPAddress": {
    armType: "Microsoft.Network/publicIPAddresses",
    nameProperties: ["resourceGroupName", "publicIpAddressName"],
    hasLocation: true,
    hasTags: true,
    required: [],
    replacing: [],
    immutable: ["sku.name", "publicIPAddressVersion"],
    writeOnly: [],
    computed: ["ipAddress", "dnsSettings"],
    references: [],
  },
  "azure-native:network:NetworkInterface": {
    armType: "Microsoft.Network/networkInterfaces",
    nameProperties: ["resourceGroupName", "networkInterfaceName"],
    hasLocation: true,
    hasTags: true,
    required: ["ipConfigurations"],
    replacing: [],
    immutable: [],
    writeOnly: [],
    computed: ["ipConfigurations"],
    references: ["networkSecurityGroup.id", "ipConfigurations.*.subnet.id", "ipConfigurations.*.publicIPAddress.id"],
  },
  "azure-native:compute:Disk": {
    armType: "Microsoft.Compute/disks",
    nameProperties: ["resourceGroupName", "diskName"],
    hasLocation: true,
    hasTags: true,
    required: [],
    replacing: [],
    immutable: ["creationData"],
    writeOnly: [],
    computed: [],
    references: [],
  },
  "azure-native:compute:VirtualMachine": {
    armType: "Microsoft.Compute/virtualMachines",
    nameProperties: ["resourceGroupName", "vmName"],
    hasLocation: true,
    hasTags: true,
    required: ["hardwareProfile", "networkProfile", "osProfile", "storageProfile"],
    replacing: [],
    immutable: [],
    writeOnly: ["osProfile.adminPassword", "osProfile.customData"],
    computed: ["vmId"],
    references: ["networkProfile.networkInterfaces.*.id"],
  },
  "azure-native:compute:VirtualMachineExtension": {
    armType: "Microsoft.Compute/virtualMachines/extensions",
    nameProperties: ["resourceGroupName", "vmName", "vmExtensionName"],
    hasLocation: true,
    hasTags: true,
    required: ["publisher", "type", "typeHandlerVersion"],
    replacing: [],
    immutable: ["publisher", "type"],
    writeOnly: ["protectedSettings"],
    computed: [],
    references: [],
  },
};

/** The type with a given name of Azure's, and its token. */
export function byArmType(armType: string): { token: string; type: ResourceType } | undefined {
  const found = Object.entries(RESOURCE_TYPES).find(([, type]) => type.armType.toLowerCase() === armType.toLowerCase());
  return found && { token: found[0], type: found[1] };
}

/** The subscription that the loopback Azure has. */
export const SUBSCRIPTION_ID = "00000000-0000-0000-0000-000000000000";

/** A resource's ID, from its type and its names, from the outside in. */
export function resourceId(type: ResourceType, names: string[]): string {
  const [group = "", ...rest] = names;
  const groupId = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/${group}`;
  if (rest.length === 0) return groupId;
  const [namespace = "", ...kinds] = type.armType.split("/");
  return `${groupId}/providers/${namespace}/${kinds.map((kind, index) => `${kind}/${rest[index] ?? ""}`).join("/")}`;
}

/** The type and the names of an ID; undefined if the loopback Azure has no such type. */
export function parseId(id: string): { token: string; type: ResourceType; names: string[] } | undefined {
  const match = /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)(?:\/providers\/([^/]+)\/(.+))?$/i.exec(id);
  if (!match) return undefined;
  const [, group = "", namespace, path] = match;
  if (namespace === undefined || path === undefined) {
    const found = byArmType("Microsoft.Resources/resourceGroups");
    return found && { ...found, names: [group] };
  }
  const parts = path.split("/");
  const found = byArmType([namespace, ...parts.filter((_, index) => index % 2 === 0)].join("/"));
  return found && { ...found, names: [group, ...parts.filter((_, index) => index % 2 === 1)] };
}

/** The values at a path such as "ipConfigurations.*.subnet.id". */
export function valuesAt(value: unknown, path: string): unknown[] {
  return path.split(".").reduce<unknown[]>(
    (values, part) =>
      values
        .flatMap((each): unknown[] => {
          if (part === "*") return Array.isArray(each) ? (each as unknown[]) : [];
          return typeof each === "object" && each !== null ? [(each as Record<string, unknown>)[part]] : [];
        })
        .filter((each) => each !== undefined),
    [value],
  );
}

/** The text at a path, if there is one. */
export function textAt(value: unknown, path: string): string | undefined {
  const found = valuesAt(value, path)[0];
  return typeof found === "string" ? found : undefined;
}

/** A copy without the value at a path such as "osProfile.adminPassword". */
export function without(value: Record<string, unknown>, path: string): Record<string, unknown> {
  const [part = "", ...rest] = path.split(".");
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      if (key !== part) return [[key, inner]];
      if (rest.length === 0) return [];
      const isObject = typeof inner === "object" && inner !== null && !Array.isArray(inner);
      return [[key, isObject ? without(inner as Record<string, unknown>, rest.join(".")) : inner]];
    }),
  );
}
