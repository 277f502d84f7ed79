/** The shapes of a type's inputs and outputs, read from the declarations of azure-native's own SDK. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The form of one value. A value of type Any, or of one of several types, is "any". */
export type Shape =
  | "string"
  | "number"
  | "boolean"
  | "any"
  | { items: Shape }
  | { values: Shape }
  | { properties: () => Record<string, Property> };

export interface Property {
  shape: Shape;
  required: boolean;
  /** The SDK's comment. */
  description: string;
}

/** The SDK's declaration of one resource type. */
export interface Declared {
  apiVersion: string;
  inputs: Record<string, Property>;
  outputs: Record<string, Property>;
}

const SDK = dirname(require.resolve("@pulumi/azure-native/package.json"));
/** A declaration with its comment; the type may be an inline map, which has a semicolon in it. */
const MEMBER =
  /(?:\/\*\*(?<description>(?:(?!\*\/)[\s\S])*)\*\/\s*)?\n {4,8}(?:readonly )?(?<name>\w+)(?<optional>\??): (?<type>(?:\{[^}]*\}|[^;{])*);/g;

const namespaces = new Map<string, string>();

/** Reads the declarations of a resource such as "azure-native:network:VirtualNetwork". */
export function declared(token: string): Declared {
  const [, module = "", name = ""] = token.split(":");
  const text = read(`${module}/${name.charAt(0).toLowerCase()}${name.slice(1)}.d.ts`).toString();
  const [resource = "", args = ""] = text.split(`export interface ${name}Args {`);
  return {
    apiVersion: /Uses Azure REST API version ([\w-]+)\./.exec(resource)?.[1] ?? "",
    inputs: members(args),
    outputs: { ...members(resource), id: { shape: "string", required: true, description: "" } },
  };
}

function read(file: string): Buffer {
  return readFileSync(join(SDK, file));
}

function members(text: string): Record<string, Property> {
  return Object.fromEntries(
    [...text.matchAll(MEMBER)].map(({ groups: { description = "", name = "", optional = "", type = "" } = {} }) => {
      const shape = shapeOf(
        type
          .replaceAll(/pulumi\.\w+</g, "(")
          .replaceAll(">", ")")
          .replaceAll(/\s/g, ""),
      );
      const required = optional === "" && !/\bundefined\b/.test(type);
      return [name, { shape, required, description }];
    }),
  );
}

/** The shape of a type such as "((string|enums.network.IPVersion)[]|undefined)". */
function shapeOf(type: string): Shape {
  const alternatives = split(type).filter((each) => each !== "undefined");
  const values = alternatives.filter((each) => !each.startsWith("enums."));
  // An enumeration is text to the provider.
  if (values.length === 0) return "string";
  const [only = ""] = values;
  if (values.length > 1) return "any";
  if (only.endsWith("[]")) return { items: shapeOf(only.slice(0, -2)) };
  if (only.startsWith("(")) return shapeOf(only.slice(1, -1));
  if (only.startsWith("{")) return { values: shapeOf(only.slice("{[key:string]:".length, -2)) };
  const [direction, module, name] = only.split(".");
  if (direction === "string" || direction === "number" || direction === "boolean") return direction;
  if (module === undefined || name === undefined) return "any";
  let properties: Record<string, Property> | undefined;
  // Types refer to one another in circles.
  return {
    properties: () => (properties ??= members(interfaceText(`types/${direction?.slice(0, -1)}.d.ts`, module, name))),
  };
}

/** The alternatives of a union. */
function split(type: string): string[] {
  let depth = 0;
  return type
    .replaceAll(/[(){}|]/g, (character) => {
      if (character !== "|") depth += "({".includes(character) ? 1 : -1;
      return character === "|" && depth === 0 ? "\n" : character;
    })
    .split("\n");
}

function interfaceText(file: string, module: string, name: string): string {
  const namespace = namespaceText(file, module);
  const start = namespace.indexOf(`\n    interface ${name} {`);
  if (start < 0) throw new Error(`azure-native's SDK declares no ${module}.${name}`);
  return namespace.slice(start + 1, namespace.indexOf("\n    }", start));
}

/** The part of one of the SDK's big files, 8 MB each, that is about one module. */
function namespaceText(file: string, module: string): string {
  const key = `${file} ${module}`;
  const known = namespaces.get(key);
  if (known !== undefined) return known;
  const all = read(file);
  const start = all.indexOf(`\nexport declare namespace ${module} {`);
  const text = all.subarray(start, all.indexOf("\n}", start)).toString("latin1");
  namespaces.set(key, text);
  return text;
}
