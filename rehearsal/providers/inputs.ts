// The rules that a resource's inputs must keep, written as data, with the check and the defaults that follow from them.
import { type CheckFailure, UNKNOWN } from "./provider";
import { isObject, type Properties } from "../values";

interface InputRule {
  type: "string" | "integer" | "boolean" | "strings" | "object";
  required?: true;
  default?: string | number | boolean;
  /** The values allowed for a string, or for each string of a list. */
  oneOf?: readonly string[];
  /** The lowest value allowed for an integer. */
  atLeast?: number;
  /** The rules of an object's own properties. */
  fields?: InputRules;
}

export type InputRules = Record<string, InputRule>;

/** Lists what is wrong with the inputs. A value that a preview does not know yet is taken as right. */
export function checkInputs(rules: InputRules, inputs: Properties, parent = ""): CheckFailure[] {
  const unexpected = Object.keys(inputs)
    .filter((name) => !(name in rules))
    .map((name) => ({
      property: parent + name,
      reason: `Unexpected property '${name}'; the stand-in knows ${Object.keys(rules).join(", ")}`,
    }));
  const wrong = Object.entries(rules).flatMap(([name, rule]) => {
    const value = inputs[name] ?? undefined;
    if (value !== undefined) return checkValue(rule, value, parent + name);
    return rule.required ? [{ property: parent + name, reason: `Missing required property '${name}'` }] : [];
  });
  return [...unexpected, ...wrong];
}

function checkValue(rule: InputRule, value: unknown, property: string): CheckFailure[] {
  // Messages name values only where these come from a fixed list: others may be secrets.
  const fail = (reason: string): CheckFailure[] => [{ property, reason: `Attribute ${property} ${reason}` }];
  const item: InputRule = { type: "string", ...(rule.oneOf && { oneOf: rule.oneOf }) };
  if (value === UNKNOWN) return [];
  switch (rule.type) {
    case "string":
      if (typeof value !== "string") return fail("must be a string");
      if (!rule.oneOf || rule.oneOf.includes(value)) return [];
      return fail(`value must be one of: ${rule.oneOf.join(", ")}; got: ${value}`);
    case "integer":
      if (!Number.isInteger(value)) return fail("must be a whole number");
      if (rule.atLeast === undefined || (value as number) >= rule.atLeast) return [];
      return fail(`value must be at least ${rule.atLeast}, got: ${value as number}`);
    case "boolean":
      return typeof value === "boolean" ? [] : fail("must be a boolean");
    case "strings":
      if (!Array.isArray(value)) return fail("must be a list of strings");
      return value.flatMap((it, i) => checkValue(item, it, `${property}[${i}]`));
    case "object":
      if (!isObject(value)) return fail("must be an object");
      return checkInputs(rule.fields ?? {}, value, `${property}.`);
  }
}

/** The inputs, completed by the defaults of those that are not set. */
export function withDefaults(rules: InputRules, inputs: Properties): Properties {
  const defaults = Object.entries(rules).flatMap(([name, rule]) =>
    rule.default === undefined ? [] : [[name, rule.default] as const],
  );
  const given = Object.entries(inputs).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries([...defaults, ...given]);
}
