/** Reads the stack's configuration, which is text, into the arguments of the host and the settings of the program. */
import * as pulumi from "@pulumi/pulumi";
import { validateArgs } from "./components/completeArgs";
import type { DockerHostArgs } from "./components/dockerHostArgs";
import { SECRET_OPTIONS } from "./components/installers/createInstaller";
import { validateStackName } from "./components/rules/names";
import { got, isObject } from "./components/rules/values";
import { type Form, type Row, SETTINGS, rowOf, unknownName } from "./components/settings";
import { throwProblems } from "./components/settingsError";

/** The settings of the program that are no arguments of the host. */
export interface ProgramSettings {
  /**
   * Another stack of this program whose CA and clients this one has too, by its full name ORGANIZATION/PROJECT/STACK, such as
   * "acme/azure-docker-host/base". That stack needs `shareCa`. Defaults to none: the stack has a CA of its own.
   * Changing it makes a new server certificate and restarts Docker.
   */
  caStack?: string;

  /**
   * Whether the outputs hold the CA's private key, a secret, for stacks with `caStack`. Defaults to false.
   * Changing it changes nothing in Azure.
   */
  shareCa?: boolean;
}

/** The rows of the program's settings, as `SETTINGS` has those of the host's. */
export const PROGRAM_SETTINGS = {
  caStack: {
    topic: "certificates",
    form: "string",
    defaultText: "a CA of the stack's own",
    example: "acme/azure-docker-host/base",
    change: "restarts Docker",
  },
  shareCa: {
    topic: "certificates",
    form: "boolean",
    default: false,
    example: "true",
    change: "nothing by itself",
  },
} as const satisfies { [Name in keyof Required<ProgramSettings>]: Row };

/** A stack's configuration. A setting that isn't set is absent. */
export type StackConfig = Omit<DockerHostArgs, "resourceGroupName" | "location"> & ProgramSettings;

/** The settings that a stack's configuration can hold, each with its form. */
const FORMS = new Map<string, Form>(
  Object.entries<Row>({ ...SETTINGS, ...PROGRAM_SETTINGS }).flatMap(([name, { form, isProgramOnly }]) =>
    isProgramOnly ? [] : [[name, form]],
  ),
);

/**
 * Reads the configuration of the running stack, in the project's namespace.
 *
 * @throws SettingsError with all problems: the setting, the value, and what it must be.
 */
export function readConfig(): StackConfig {
  const project = pulumi.getProject();
  const values = parseConfig(pulumi.runtime.allConfig(), project);
  const names = Object.keys(values);
  const { caStack, shareCa, ...rest } = values as Partial<StackConfig>;
  const args = Object.fromEntries(Object.entries(rest).filter(([name]) => FORMS.has(name))) as typeof rest;
  const encrypted = names.filter((name) => isConfigSecret(`${project}:${name}`));
  throwProblems([
    ...names.filter((name) => !FORMS.has(name)).map((name) => unknownName(name, [...FORMS.keys()])),
    ...validateArgs(args),
    ...(caStack === undefined ? [] : validateCaStack(caStack, args)),
    ...(shareCa === undefined || typeof shareCa === "boolean"
      ? []
      : [`shareCa must be true or false ${got(shareCa)}.`]),
    ...names.flatMap((name) => validatePath(name, values[name])),
    ...names.flatMap((name) => validateSecrecy(name, encrypted.includes(name), args)),
  ]);
  const kept = Object.entries(args).map(([name, value]) => [
    name,
    encrypted.includes(name) ? asSecret(name, value) : value,
  ]);
  return {
    ...(Object.fromEntries(kept) as Omit<StackConfig, keyof ProgramSettings>),
    ...(caStack !== undefined && { caStack }),
    ...(shareCa !== undefined && { shareCa }),
  };
}

/**
 * The settings of one namespace, each in its form. A text that doesn't have its setting's form stays as it is: the setting's rule
 * then says what it must be. An empty text or list stands for "not set", since Pulumi.yaml must give every setting a default.
 */
export function parseConfig(all: Record<string, string>, namespace: string): Record<string, unknown> {
  const entries = Object.entries(all)
    .filter(([key]) => key.startsWith(`${namespace}:`))
    .map(([key, text]): [name: string, text: string] => [key.slice(namespace.length + 1), text]);
  return Object.fromEntries(
    entries
      .map(([name, text]): [string, unknown] => [name, parseValue(text, FORMS.get(name), isSecretSetting(name))])
      .filter(([, value]) => value !== undefined),
  );
}

/** A value in its form; undefined if it is empty. The engine gives text, and JSON for a value that is no text. */
function parseValue(text: string, form: Form | undefined, isSecret: boolean): unknown {
  switch (form) {
    case "boolean":
      return text === "true" ? true : text === "false" ? false : text;
    case "integer":
      return /^-?\d+$/.test(text) ? Number(text) : text;
    case "integers":
      if (text === "") return undefined;
      return /^ *\d+ *(, *\d+ *)*$/.test(text) ? text.split(",").map(Number) : text;
    case "list": {
      const list = parseJson(text);
      return Array.isArray(list) && list.length === 0 ? undefined : (list ?? text);
    }
    case "object":
    case "texts": {
      const object = parseJson(text);
      if (!isObject(object)) return text;
      if (Object.keys(object).length === 0) return undefined;
      return form === "object"
        ? object
        : Object.fromEntries(Object.entries(object).map(([key, value]) => [key, asText(value)]));
    }
    default:
      // An empty secret is a mistake: Pulumi.yaml declares no default for a secret.
      return text === "" && !isSecret ? undefined : text;
  }
}

/** In a stack's file, a text that looks like a number or a boolean is one. */
function asText(value: unknown): unknown {
  return typeof value === "number" || typeof value === "boolean" ? value.toString() : value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Validates that a list or an object isn't set as one text, the most common mistake. Its own rule says what it must hold. */
function validatePath(name: string, value: unknown): string[] {
  if (typeof value !== "string") return [];
  switch (FORMS.get(name)) {
    case "list":
      return [`${name} must be set entry by entry: pulumi config set --path '${name}[0]' VALUE`];
    case "object":
    case "texts":
      return [`${name} must be set name by name: pulumi config set --path ${name}.NAME VALUE`];
    default:
      return [];
  }
}

/** Validates the stack that the CA is from. */
function validateCaStack(caStack: string, args: Partial<StackConfig>): string[] {
  const ownName = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  const others = (["caGenerations", "caCertPem", "caPrivateKeyPem"] as const).filter(
    (name) => args[name] !== undefined,
  );
  return [
    ...validateStackName("caStack", caStack, ownName),
    ...others.map((name) => `${name} must be left out when caStack is set: that stack's CA signs.`),
  ];
}

/**
 * Validates how a value is kept. A secret must be encrypted. A setting that decides which resources there are can't be: the
 * state names them in plain text.
 */
function validateSecrecy(name: string, isEncrypted: boolean, args: Partial<StackConfig>): string[] {
  if (isSecretSetting(name)) {
    return isEncrypted ? [] : [`${name} must be encrypted (pulumi config set --secret ${name}; value not shown).`];
  }
  if (!isEncrypted || !FORMS.has(name)) return [];
  if ((rowOf(name)?.takesOutputs ?? "not") === "not") {
    return [`${name} must not be encrypted, because the state holds it in plain text. Set it again without --secret.`];
  }
  return name === "daemonOptions" && (args.installer ?? SETTINGS.installer.default) === "DockerExtension"
    ? [SECRET_OPTIONS]
    : [];
}

function isSecretSetting(name: string): boolean {
  return rowOf(name)?.isSecret ?? false;
}

/** A value as a secret; of a list that the program must count, each entry. */
function asSecret(name: string, value: unknown): unknown {
  return rowOf(name)?.takesOutputs === "entries"
    ? (value as unknown[]).map((entry) => pulumi.secret(entry))
    : pulumi.secret(value);
}

/** Whether a value is encrypted in the stack's file. Pulumi's SDK has the function, but its types don't show it. */
function isConfigSecret(key: string): boolean {
  return (pulumi.runtime as unknown as { isConfigSecret: (key: string) => boolean }).isConfigSecret(key);
}
