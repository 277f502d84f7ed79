/** Completes a host's arguments: fills the defaults in, and checks every value, an output as soon as it is known. */
import * as pulumi from "@pulumi/pulumi";
import type { DockerHostArgs } from "./dockerHostArgs";
import { validateCaChoice, validateCaPair } from "./rules/ca";
import { validatePasswordLogin } from "./rules/credentials";
import { validateArchitecture } from "./rules/image";
import { validateName, validatePublicIp, validateSomeClient } from "./rules/names";
import { validateDockerSources, validateRuleCount } from "./rules/sources";
import { got } from "./rules/values";
import { SETTINGS, type SettingName, rowOf, unknownName } from "./settings";
import { throwProblems } from "./settingsError";

type DefaultName =
  | "clients"
  | {
      [Name in SettingName]: (typeof SETTINGS)[Name] extends { default: unknown } ? Name : never;
    }[SettingName];

/** The arguments with their defaults. An output in it is checked as soon as it is known. */
export type CompleteArgs = Omit<DockerHostArgs, DefaultName> & Required<Pick<DockerHostArgs, DefaultName>>;

/** The clients of a host without a setting for clients or other certificates. */
const DEFAULT_CLIENTS = ["admin"];

/**
 * Finds all problems of the arguments that can be known before anything is created: those of plain values. It skips
 * outputs.
 */
export function validateArgs(args: Partial<DockerHostArgs>): string[] {
  const values = withDefaults(args);
  const isGiven = (name: SettingName): boolean => args[name] !== undefined;
  const unknown = Object.keys(args).filter((name) => rowOf(name) === undefined);
  const missing = isGiven("dockerSources") ? [] : validateDockerSources([], values);
  const single = Object.fromEntries(NAMES.map((name) => [name, problemsOf(name, values)])) as Record<
    SettingName,
    string[]
  >;
  const valid = <Name extends SettingName>(name: Name): PlainOf<Name> | undefined =>
    isPlain(values[name]) && single[name].length === 0 ? (values[name] as PlainOf<Name>) : undefined;
  return [
    ...unknown.map((name) => unknownName(name, NAMES)),
    ...missing,
    ...Object.values(single).flat(),
    ...validateRuleCount(valid("dockerSources") ?? [], valid("sshSources") ?? []),
    ...together(validateArchitecture, valid("image"), valid("vmSize")),
    ...validatePublicIp(values.publicIp, isGiven("subnetId"), isGiven("dnsLabel")),
    ...validatePasswordLogin(values.passwordLogin, isGiven("adminPassword")),
    ...validateCaChoice({
      caCertPem: isGiven("caCertPem"),
      caPrivateKeyPem: isGiven("caPrivateKeyPem"),
      caGenerations: isGiven("caGenerations"),
    }),
    ...together(validateCaPair, valid("caCertPem"), valid("caPrivateKeyPem")),
    ...validateSomeClient({
      clients: countOf(values.clients),
      trustedClientCerts: countOf(values.trustedClientCerts),
      clientCaCerts: countOf(values.clientCaCerts),
    }),
  ];
}

/** How many entries a list has. A value that is no list is a problem by itself, and stands for some. */
function countOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 1;
}

const NAMES = Object.keys(SETTINGS) as SettingName[];

type PlainOf<Name extends SettingName> = pulumi.Unwrap<NonNullable<DockerHostArgs[Name]>>;

/** The problems of values together, once each of them is known and has no problem by itself. */
function together<Values extends unknown[]>(
  rule: (...values: Values) => string[],
  ...values: { [Index in keyof Values]: Values[Index] | undefined }
): string[] {
  return values.includes(undefined) ? [] : rule(...(values as Values));
}

/**
 * The arguments with their defaults, checked.
 *
 * @param name The component's name, which is checked too.
 * @throws SettingsError with all problems that can be known now. An output with a problem fails as soon as it is known.
 */
export function completeArgs(name: string, args: DockerHostArgs): CompleteArgs {
  throwProblems([...validateName(name), ...validateArgs(args)]);
  const complete = withDefaults(args);
  const checked = NAMES.map((setting) => [setting, checkedLater(setting, complete)]);
  return Object.fromEntries(checked) as CompleteArgs;
}

/** The defaults, new for each host, and what is given. */
function withDefaults(args: Partial<DockerHostArgs>): CompleteArgs {
  const defaults = NAMES.map((name) => [name, structuredClone(rowOf(name)?.default)]);
  const clients = args.trustedClientCerts === undefined ? DEFAULT_CLIENTS : [];
  const given = Object.entries<unknown>(args).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(defaults), clients, ...Object.fromEntries(given) } as CompleteArgs;
}

/** The problems of one setting by itself, as far as its value is plain. */
function problemsOf(name: SettingName, values: CompleteArgs): string[] {
  const { form, takesOutputs } = rowOf(name) ?? {};
  const value: unknown = values[name];
  if (value === undefined) return [];
  if (takesOutputs === "entries") {
    if (!Array.isArray(value)) return [`${name} must be a list (got ${kindOf(value)}).`];
    return value.flatMap((entry, index) => (isPlain(entry) ? validateValue(name, entry, values, index) : []));
  }
  if (!isPlain(value)) return takesOutputs === "not" ? [`${name} must be a plain value, not an output.`] : [];
  if (form === "boolean") return typeof value === "boolean" ? [] : [`${name} must be true or false ${got(value)}.`];
  return validateValue(name, value, values);
}

/** The problems of a plain value, or of a plain entry. */
function validateValue(name: SettingName, value: unknown, others: CompleteArgs, index?: number): string[] {
  const { form, validate } = rowOf(name) ?? {};
  // The value isn't shown, because it may be a secret.
  if (form === "string" && typeof value !== "string") return [`${name} must be a text (got ${kindOf(value)}).`];
  return validate?.(value as never, others, index === undefined ? name : `${name}[${index}]`) ?? [];
}

/** A setting's value, whose outputs are checked by the setting's own row as soon as they are known. */
function checkedLater(name: SettingName, values: CompleteArgs): unknown {
  const { takesOutputs, validate } = rowOf(name) ?? {};
  const value: unknown = values[name];
  if (takesOutputs === "not" || validate === undefined) return value;
  const check = (input: unknown, index?: number): unknown =>
    mapInput(input, (known) => {
      throwProblems(validateValue(name, known, values, index));
      return known;
    });
  return takesOutputs === "entries" && Array.isArray(value)
    ? value.map(check)
    : value === undefined
      ? value
      : check(value);
}

/** Whether a value has no output in it, at any depth. */
function isPlain(value: unknown): boolean {
  if (pulumi.Output.isInstance(value) || value instanceof Promise) return false;
  if (typeof value !== "object" || value === null) return true;
  return Object.values(value).every(isPlain);
}

/** The kind of a value that has the wrong one. */
function kindOf(value: unknown): string {
  if (typeof value !== "object") return typeof value;
  return value === null ? "null" : Array.isArray(value) ? "a list" : isPlain(value) ? "an object" : "an output";
}

/** Computes a value from an input: at once if the input is plain, else as soon as it is known. */
export function mapInput<T, R>(input: pulumi.Input<T>, compute: (value: pulumi.Unwrap<T>) => R): pulumi.Input<R> {
  if (isPlain(input)) return compute(input as pulumi.Unwrap<T>);
  return pulumi.output(input).apply<R>(compute);
}
