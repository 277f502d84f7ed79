/** From one form of a resource to another, as azure-native's provider/pkg/convert and provider/pkg/provider have it. */
import { isDeepStrictEqual } from "node:util";
import { UNKNOWN } from "../provider";
import { type Properties, isAbsent, isObject } from "../../values";
import type { Property, Shape } from "./shapes";

type PropertiesByName = Record<string, Property>;

/**
 * The outputs in a preview: the inputs by their types. Everything else is unknown
 * (convert/previewOutputs.go).
 */
export function previewOutputs(outputs: PropertiesByName, inputs: Properties): Properties {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { shape }]) => [name, previewValue(shape, inputs[name])]),
  );
}

function previewValue(shape: Shape, value: unknown): unknown {
  if (value === undefined || value === null) return UNKNOWN;
  if (shape === "any") return value;
  if (typeof shape === "string") return typeof value === shape ? value : UNKNOWN;
  if ("items" in shape && Array.isArray(value)) return value.map((each) => previewValue(shape.items, each));
  if (!isObject(value)) return UNKNOWN;
  if ("properties" in shape) return previewOutputs(shape.properties(), value);
  return "values" in shape ? mapValues(value, (each) => previewValue(shape.values, each)) : UNKNOWN;
}

/**
 * The part of a resource that a form has: of an answer the outputs (convert/responseBodyToSdkOutputs.go), of outputs the
 * inputs without read-only properties (convert/sdkOutputsToSdkInputs.go). Azure has most properties one level deeper, in
 * "properties".
 */
export function project(properties: PropertiesByName, values: Properties): Properties {
  const { properties: inner } = values;
  const deeper = isObject(inner) && !("properties" in properties) ? inner : {};
  const projected: Properties = {};
  for (const [name, { shape }] of Object.entries(properties)) {
    const value = values[name] ?? deeper[name];
    if (value !== undefined && value !== null) projected[name] = projectValue(shape, value);
  }
  return projected;
}

function projectValue(shape: Shape, value: unknown): unknown {
  if (typeof shape === "string") return value;
  if ("items" in shape && Array.isArray(value)) return value.map((each) => projectValue(shape.items, each));
  if (!isObject(value)) return value;
  if ("properties" in shape) return project(shape.properties(), value);
  return "values" in shape ? mapValues(value, (each) => projectValue(shape.values, each)) : value;
}

/** Leaves out lists and objects with nothing in them, for an import (convert/responseToSdkInputs.go). */
export function withoutEmptyCollections(value: unknown): unknown {
  if (Array.isArray(value)) {
    const entries = value.map(withoutEmptyCollections).filter((each) => each !== undefined);
    return entries.length > 0 ? entries : undefined;
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([name, each]) => [name, withoutEmptyCollections(each)] as const);
  const left = entries.filter(([, each]) => each !== undefined);
  return left.length > 0 ? Object.fromEntries(left) : undefined;
}

/**
 * Lists missing inputs and wrong types at every depth (validateType and validateProperty in provider.go). The SDK has
 * neither patterns nor limits of numbers.
 */
export function failuresOf(properties: PropertiesByName, values: Properties, parent = ""): string[] {
  const missing = Object.entries(properties)
    .filter(([name, { required }]) => required && isAbsent(values[name]))
    .map(([name]) => missingProperty(parent + name));
  const wrong = Object.entries(properties).flatMap(([name, { shape }]) =>
    failuresOfValue(shape, values[name], parent + name),
  );
  return [...missing, ...wrong];
}

function failuresOfValue(shape: Shape, value: unknown, path: string): string[] {
  if (isAbsent(value) || value === UNKNOWN || shape === "any") return [];
  if (Array.isArray(value)) {
    if (typeof shape === "string" || !("items" in shape)) return [mismatch(path, shape, "an array")];
    return value.flatMap((each, index) => failuresOfValue(shape.items, each, `${path}[${index}]`));
  }
  if (typeof value === "string") return shape === "string" ? [] : [mismatch(path, shape, "a string")];
  if (typeof value === "number") return shape === "number" ? [] : [mismatch(path, shape, "a number")];
  if (!isObject(value) || typeof shape === "string" || !("properties" in shape)) return [];
  return failuresOf(shape.properties(), value, `${path}.`);
}

function mismatch(path: string, shape: Shape, got: string): string {
  const wanted =
    typeof shape !== "string" ? ("items" in shape ? "array" : "object") : shape.replace("number", "integer");
  return `'${path}' should be of type '${wanted}' but got ${got}`;
}

export function missingProperty(path: string): string {
  const advice =
    path === "location"
      ? ". Either set it explicitly or configure it with 'pulumi config set azure-native:location <value>'."
      : "";
  return `missing required property '${path}'${advice}`;
}

/**
 * Inputs after a refresh: what differs between two projections of outputs, applied to the inputs there were (applyDiff in
 * diff.go).
 */
export function applyDiff(inputs: Properties, before: Properties, after: Properties): Properties {
  const kept = Object.entries(inputs).filter(([name]) => isAbsent(before[name]) || !isAbsent(after[name]));
  const changed = Object.entries(after)
    .filter(([name, value]) => !isDeepStrictEqual(before[name], value))
    .map(([name, value]) => {
      const change = name in before && name in inputs;
      return [name, change ? applyValueDiff(inputs[name], before[name], value) : value] as const;
    });
  return Object.fromEntries([...kept, ...changed]);
}

function applyValueDiff(input: unknown, before: unknown, after: unknown): unknown {
  if (isObject(input) && isObject(before) && isObject(after)) return applyDiff(input, before, after);
  if (!Array.isArray(input) || !Array.isArray(before) || !Array.isArray(after)) return after;
  return after.map((each, index) =>
    index < input.length && index < before.length
      ? applyValueDiff(input[index], before[index], each)
      : (each as unknown),
  );
}

function mapValues(values: Properties, change: (value: unknown) => unknown): Properties {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}
