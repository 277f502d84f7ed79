/** Reads the stack's configuration into typed, checked settings; nothing is declared before all of it holds. */
import * as pulumi from "@pulumi/pulumi";
import { checkClientAuthority, checkGivenAuthority } from "./components/authorities";
import {
  DEFAULTS,
  checkPassword,
  checkPasswordLogin,
  checkPublicIp,
  checkSshPublicKey,
  checkSubnetId,
  checkTags,
  completeSettings,
  refuse,
} from "./components/settings";

/** The forms that a setting's value can have. */
type Form = "list" | "integers" | "object" | "texts" | "boolean" | "integer" | "string" | "secret";

/** Every setting, by the name that `pulumi config set` takes; `Pulumi.yaml` describes each. */
const SETTINGS = {
  dockerSources: "list",
  sshSources: "list",
  openToInternet: "boolean",
  dockerPort: "integer",
  installer: "string",
  dockerVersion: "string",
  daemonOptions: "object",
  forceUpdateTag: "string",
  clients: "list",
  clientCaCerts: "list",
  keyGeneration: "integer",
  caGenerations: "integers",
  caCertPem: "string",
  caPrivateKeyPem: "secret",
  caStack: "string",
  shareCa: "boolean",
  adminUsername: "string",
  sshPublicKey: "string",
  passwordLogin: "boolean",
  adminPassword: "secret",
  publicIp: "boolean",
  subnetId: "string",
  dnsLabel: "string",
  image: "string",
  vmSize: "string",
  trustedLaunch: "boolean",
  patchReboot: "string",
  tags: "texts",
  protect: "boolean",
} as const satisfies Record<string, Form>;

interface FormTypes {
  list: string[];
  integers: number[];
  object: Record<string, unknown>;
  texts: Record<string, string>;
  boolean: boolean;
  integer: number;
  string: string;
  secret: pulumi.Output<string>;
}

type Values<Types> = {
  -readonly [Name in keyof typeof SETTINGS]?: Types[(typeof SETTINGS)[Name] & keyof Types];
} & { dockerSources: string[] };

/** A stack's configuration; what the user didn't set is absent. */
export type StackConfig = Values<FormTypes>;

/** The same while it is checked, with its secrets in plain text. */
type PlainConfig = Values<Omit<FormTypes, "secret"> & { secret: string }>;

/**
 * Reads the configuration of the stack that runs, in the project's own namespace.
 *
 * @throws SettingsError naming each setting that is unknown or wrong, its value and what is allowed.
 */
export function readConfig(): StackConfig {
  const { values, problems } = parseConfig(pulumi.runtime.allConfig(), pulumi.getProject());
  refuse(problems);
  refuse(checkEncrypted());
  // A required list has no sensible default; the empty one is refused with the reason.
  const config = withoutDefaults({ dockerSources: [], ...values });
  completeSettings(config);
  refuse([
    ...checkPasswordLogin(config.passwordLogin ?? false, config.adminPassword !== undefined),
    ...(config.adminPassword === undefined ? [] : checkPassword(config.adminPassword)),
    ...checkPublicIp(config.publicIp ?? true, config.subnetId !== undefined, config.dnsLabel),
    ...(config.subnetId === undefined ? [] : checkSubnetId(config.subnetId)),
    ...(config.sshPublicKey === undefined ? [] : checkSshPublicKey(config.sshPublicKey)),
    ...(config.tags === undefined ? [] : checkTags(config.tags)),
    ...checkGivenAuthority(config),
    ...(config.clientCaCerts ?? []).flatMap((pem, index) => checkClientAuthority(`clientCaCerts[${index}]`, pem)),
    ...checkCaStack(config, `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}`),
  ]);
  const { adminPassword, caPrivateKeyPem, ...plain } = config;
  return {
    ...plain,
    ...(adminPassword !== undefined && { adminPassword: pulumi.secret(adminPassword) }),
    ...(caPrivateKeyPem !== undefined && { caPrivateKeyPem: pulumi.secret(caPrivateKeyPem) }),
  };
}

/** Without those defaults of Pulumi.yaml's that stand for "not given": an authority that is given takes the place of generations. */
function withoutDefaults({ clients = [], caGenerations, ...config }: PlainConfig): PlainConfig {
  const given = config.caCertPem !== undefined || config.caStack !== undefined;
  const isDefault = caGenerations?.join() === DEFAULTS.caGenerations.join();
  return {
    ...config,
    ...(clients.length > 0 && { clients }),
    ...(caGenerations !== undefined && !(given && isDefault) && { caGenerations }),
  };
}

/** What is wrong with the stack that the authority is from. */
function checkCaStack(config: PlainConfig, ownName: string): string[] {
  const { caStack, caGenerations, caCertPem, caPrivateKeyPem } = config;
  if (caStack === undefined) return [];
  const given = `caStack: ${JSON.stringify(caStack)}`;
  const others = Object.entries({ caGenerations, caCertPem, caPrivateKeyPem });
  return [
    ...(/^[\w.-]+\/[\w.-]+\/[\w.-]+$/.test(caStack)
      ? []
      : [`${given} is no stack's full name; allowed: ORGANIZATION/PROJECT/STACK (pulumi stack ls --all)`]),
    ...(caStack === ownName ? [`${given} is this stack itself; allowed: another stack of this program`] : []),
    ...others
      .filter(([, value]) => value !== undefined)
      .map(([name]) => `${name}: given with caStack, which is another authority; allowed: one of the two`),
  ];
}

/** The settings of one namespace, each in its form, and what is wrong with them. */
export function parseConfig(
  all: Record<string, string>,
  namespace: string,
): { values: Record<string, unknown>; problems: string[] } {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [key, text] of Object.entries(all)) {
    if (!key.startsWith(`${namespace}:`)) continue;
    const name = key.slice(namespace.length + 1);
    const form = Object.hasOwn(SETTINGS, name) ? (SETTINGS as Record<string, Form>)[name] : undefined;
    // An optional text has no other default in Pulumi.yaml than the empty one.
    if (form === "string" && text === "") continue;
    if (form === undefined) {
      problems.push(`${name}: no such setting; known are: ${Object.keys(SETTINGS).join(", ")}`);
      continue;
    }
    const value = parseValue(text, form);
    if (value === undefined) problems.push(`${name}: ${JSON.stringify(text)} is not allowed; allowed: ${FORMS[form]}`);
    else values[name] = value;
  }
  return { values, problems };
}

/** What is wrong with how a secret is kept. Pulumi's SDK knows which values are encrypted, but its types don't show it. */
function checkEncrypted(): string[] {
  const { isConfigSecret } = pulumi.runtime as { isConfigSecret?: (key: string) => boolean };
  return Object.entries(SETTINGS)
    .filter(([name, form]) => {
      const key = `${pulumi.getProject()}:${name}`;
      return form === "secret" && pulumi.runtime.getConfig(key) !== undefined && isConfigSecret?.(key) === false;
    })
    .map(
      ([name]) =>
        `${name}: the value (not shown) stands unencrypted in the stack's file; allowed: an encrypted one (pulumi config set --secret ${name})`,
    );
}

const FORMS: Record<Form, string> = {
  list: "a list of strings (pulumi config set --path 'NAME[0]' VALUE)",
  integers: 'whole numbers with commas between them, such as "1" or "1,2"',
  object: "an object (pulumi config set --path NAME.KEY VALUE)",
  texts: "texts by name (pulumi config set --path NAME.KEY VALUE)",
  boolean: "true or false",
  integer: "a whole number",
  string: "a text",
  secret: "a text (pulumi config set --secret NAME)",
};

/** A value in its form; undefined if it can't have that form. What the engine hands over is text, and JSON for what is no text. */
function parseValue(text: string, form: Form): unknown {
  switch (form) {
    case "string":
    case "secret":
      return text;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "integer":
      // What is no number is left as it is: the setting's own rule says which numbers it takes.
      return /^-?\d+$/.test(text) ? Number(text) : text;
    case "integers":
      return /^ *\d+ *(, *\d+ *)*$/.test(text) ? text.split(",").map(Number) : undefined;
    case "list": {
      const list = parseJson(text);
      return Array.isArray(list) ? list : undefined;
    }
    case "object": {
      const object = parseJson(text);
      return isObject(object) ? object : undefined;
    }
    case "texts": {
      const object = parseJson(text);
      // A stack's file has a text that looks like a number as a number.
      return isObject(object)
        ? Object.fromEntries(
            Object.entries(object).map(([name, value]) => [
              name,
              typeof value === "number" || typeof value === "boolean" ? value.toString() : value,
            ]),
          )
        : undefined;
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
