/** Azure's JSON on the wire, and the flattened form that Microsoft's clients and azure-native have of it. */
import { valuesAt } from "./resourceTypes";
import type { Body } from "./store";

/** Values that are handed on as they are: their keys are their owner's, not Azure's. */
const OPAQUE = new Set(["tags", "settings", "protectedSettings"]);

/** What stands beside `properties` in Azure's JSON; all else is within. */
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

/** Azure's JSON of a resource, from its flattened form; `named` are its ID, name and type, which an extension's own `type` would hide. */
export function unflattened(body: Body, named: { id: string; name: string; type: string }): Body {
  const copy = structuredClone(body);
  for (const path of NESTED) {
    for (const part of valuesAt(copy, path)) {
      if (isObject(part)) replace(part, nest(part));
    }
  }
  const { id: _id, name: _name, ...rest } = copy;
  // An extension's own type is one of its properties.
  const { type: ownType, ...others } = rest;
  const json = nest(others) as Body & { properties: Body };
  if (ownType !== undefined && ownType !== named.type) json.properties.type = ownType;
  return { ...named, ...json };
}

function nest(flat: Body): Body {
  const entries = Object.entries(flat);
  const inside = entries.filter(([key]) => !TOP_LEVEL.has(key));
  return {
    ...Object.fromEntries(entries.filter(([key]) => TOP_LEVEL.has(key))),
    properties: Object.fromEntries(inside),
  };
}

function replace(target: Body, source: Body): void {
  for (const key of Object.keys(target)) Reflect.deleteProperty(target, key);
  Object.assign(target, source);
}

function isObject(value: unknown): value is Body {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
