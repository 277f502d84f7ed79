/** The resource types that the loopback Azure has, as data: what they refer to, what of them can't be changed, what is never given back. */

/** One resource type, in the flattened form of Microsoft's clients. */
export interface ResourceType {
  /** Azure's name, such as "Microsoft.Network/publicIPAddresses"; a child has its parent's before its own. */
  armType: string;
  /** Changes that Azure refuses on what exists; a VM's are in `manners.ts`. */
  immutable: string[];
  /** What Azure takes and never gives back. */
  writeOnly: string[];
  /** Where the IDs of other resources stand; `*` is every entry of a list. */
  references: string[];
}

const NONE = { immutable: [], writeOnly: [], references: [] };

export const RESOURCE_TYPES: ResourceType[] = [
  { ...NONE, armType: "Microsoft.Resources/resourceGroups" },
  { ...NONE, armType: "Microsoft.Network/virtualNetworks" },
  { ...NONE, armType: "Microsoft.Network/networkSecurityGroups" },
  { ...NONE, armType: "Microsoft.Network/publicIPAddresses", immutable: ["sku.name", "publicIPAddressVersion"] },
  {
    ...NONE,
    armType: "Microsoft.Network/networkInterfaces",
    references: ["networkSecurityGroup.id", "ipConfigurations.*.subnet.id", "ipConfigurations.*.publicIPAddress.id"],
  },
  { ...NONE, armType: "Microsoft.Compute/disks", immutable: ["creationData"] },
  {
    ...NONE,
    armType: "Microsoft.Compute/virtualMachines",
    writeOnly: ["osProfile.adminPassword", "osProfile.customData"],
    references: ["networkProfile.networkInterfaces.*.id"],
  },
  {
    ...NONE,
    armType: "Microsoft.Compute/virtualMachines/extensions",
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
    const type = byArmType("Microsoft.Resources/resourceGroups");
    return type && { type, names: [group] };
  }
  const parts = path.split("/");
  const type = byArmType([namespace, ...parts.filter((_, index) => index % 2 === 0)].join("/"));
  return type && { type, names: [group, ...parts.filter((_, index) => index % 2 === 1)] };
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
