/** Azure's JSON on the wire, and the flattened form that Microsoft's clients and azure-native have of it. */
import { isObject } from "../values";
import { type Body, valuesAt } from "./body";

/** Values that stay as they are. Their keys are the user's, not Azure's. */
const OPAQUE = new Set(["tags", "settings", "protectedSettings"]);

/** The keys beside `properties` in Azure's JSON. All others are inside. */
const TOP_LEVEL = new Set(
  "id name type location tags etag zones sku identity plan kind extendedLocation managedBy resources".split(" "),
);

/** The parts of a resource that have `properties` of their own; `*` is every entry of a list. */
const NESTED = [
  "subnets.*",
  "securityRules.*",
  "defaultSecurityRules.*",
  "ipConfigurations.*",
  "networkProfile.networkInterfaces.*",
];

/** The flattened form: what stands in `properties` is hoisted, at every depth. */
export function flattened(json: unknown): Body {
  return flatten(json) as Body;
}

function flatten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(flatten);
  if (!isObject(value)) return value;
  const { properties, ...rest } = value;
  const own = isObject(properties) ? { ...rest, ...properties } : value;
  return Object.fromEntries(Object.entries(own).map(([key, each]) => [key, OPAQUE.has(key) ? each : flatten(each)]));
}

/** Azure's JSON of a resource that is in the flattened form. */
export function unflattened(flat: Body): Body {
  const copy = structuredClone(flat);
  for (const path of NESTED) {
    for (const part of valuesAt(copy, path)) {
      if (isObject(part)) replace(part, nest(part));
    }
  }
  if (Array.isArray(copy.resources)) copy.resources = (copy.resources as Body[]).map(unflattened);
  return nest(copy);
}

function nest({ properties, typePropertiesType, ...flat }: Body): Body {
  const entries = Object.entries(flat);
  return {
    ...Object.fromEntries(entries.filter(([key]) => TOP_LEVEL.has(key))),
    properties: {
      ...(properties as Body | undefined),
      ...Object.fromEntries(entries.filter(([key]) => !TOP_LEVEL.has(key))),
      // Of an extension, whose type as a resource stands above.
      ...(typePropertiesType !== undefined && { type: typePropertiesType }),
    },
  };
}

function replace(target: Body, source: Body): void {
  for (const key of Object.keys(target)) Reflect.deleteProperty(target, key);
  Object.assign(target, source);
}
