/** The resource types of the loopback Azure, as data, and their IDs. */

/** One resource type, in the flattened form of Microsoft's clients. */
export interface ResourceType {
  /** Azure's name, such as "Microsoft.Network/publicIPAddresses"; a child has its parent's before its own. */
  armType: string;
  /** Properties that can't change. A VM's are in `manners.ts`. */
  immutable: string[];
  /** Properties that Azure never returns. */
  writeOnly: string[];
  /** The paths of other resources' IDs. `*` is every entry of a list. */
  references: string[];
}

export const NETWORK = "Microsoft.Network";
export const GROUP = "Microsoft.Resources/resourceGroups";
export const VIRTUAL_NETWORK = `${NETWORK}/virtualNetworks`;
export const SECURITY_GROUP = `${NETWORK}/networkSecurityGroups`;
export const PUBLIC_IP = `${NETWORK}/publicIPAddresses`;
export const NETWORK_INTERFACE = `${NETWORK}/networkInterfaces`;
export const DISK = "Microsoft.Compute/disks";
export const VIRTUAL_MACHINE = "Microsoft.Compute/virtualMachines";
export const EXTENSION = `${VIRTUAL_MACHINE}/extensions`;

const NONE = { immutable: [], writeOnly: [], references: [] };

export const RESOURCE_TYPES: ResourceType[] = [
  { ...NONE, armType: GROUP },
  { ...NONE, armType: VIRTUAL_NETWORK },
  { ...NONE, armType: SECURITY_GROUP },
  { ...NONE, armType: PUBLIC_IP, immutable: ["sku.name", "publicIPAddressVersion"] },
  {
    ...NONE,
    armType: NETWORK_INTERFACE,
    references: ["networkSecurityGroup.id", "ipConfigurations.*.subnet.id", "ipConfigurations.*.publicIPAddress.id"],
  },
  { ...NONE, armType: DISK, immutable: ["creationData"] },
  {
    ...NONE,
    armType: VIRTUAL_MACHINE,
    writeOnly: ["osProfile.adminPassword", "osProfile.customData"],
    references: ["networkProfile.networkInterfaces.*.id"],
  },
  {
    ...NONE,
    armType: EXTENSION,
    immutable: ["publisher", "type"],
    writeOnly: ["protectedSettings"],
  },
];

/** The type with a given name of Azure's, in any case. */
export function byArmType(armType: string): ResourceType | undefined {
  return RESOURCE_TYPES.find((type) => type.armType.toLowerCase() === armType.toLowerCase());
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
export function parseId(id: string): { type: ResourceType; names: string[] } | undefined {
  const match = /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)(?:\/providers\/([^/]+)\/(.+))?$/i.exec(id);
  if (!match) return undefined;
  const [, group = "", namespace, path] = match;
  if (namespace === undefined || path === undefined) {
    const type = byArmType(GROUP);
    return type && { type, names: [group] };
  }
  const parts = path.split("/");
  const type = byArmType([namespace, ...parts.filter((_, index) => index % 2 === 0)].join("/"));
  return type && { type, names: [group, ...parts.filter((_, index) => index % 2 === 1)] };
}

/** The last part of an ID. */
export function nameOf(id: string): string {
  return id.split("/").at(-1) ?? "";
}

/** The ID of the resource that another one lies in. */
export function parentOf(id: string): string {
  return id.split("/").slice(0, -2).join("/");
}
