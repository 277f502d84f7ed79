/** Asks pulumi for a stack's state and its differences from Azure. */
import { Failure } from "../failure";
import { type JsonObject, isObject, parseJson } from "../json";
import { run } from "../run";

/** A resource before or after, in the output of `pulumi refresh --preview-only --json`. */
export interface State {
  custom?: boolean;
  id?: string;
  type: string;
  inputs?: JsonObject;
  outputs?: JsonObject;
  replaceOnChanges?: string[];
}

/** The used part of the output of `pulumi refresh --preview-only --json`. */
export interface Refresh {
  config?: Record<string, string>;
  steps?: {
    op: string;
    urn: string;
    oldState?: State;
    newState?: State;
    detailedDiff?: Record<string, { kind: string; inputDiff?: boolean }> | null;
  }[];
}

/** The used part of the output of `pulumi stack export`. */
export interface Exported {
  deployment?: { pending_operations?: { type: string; resource: { urn: string } }[] };
}

type Check = (value: unknown) => boolean;
const isText: Check = (value) => typeof value === "string";
const isBoolean: Check = (value) => typeof value === "boolean";
const absentOr =
  (check: Check): Check =>
  (value) =>
    value === undefined || value === null || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const mapOf =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every(check);
const objectWith =
  (checks: Record<string, Check>): Check =>
  (value) =>
    isObject(value) && Object.entries(checks).every(([name, check]) => check(value[name]));

const isState = objectWith({
  custom: absentOr(isBoolean),
  id: absentOr(isText),
  type: isText,
  inputs: absentOr(isObject),
  outputs: absentOr(isObject),
  replaceOnChanges: absentOr(listOf(isText)),
});
const isStep = objectWith({
  op: isText,
  urn: isText,
  oldState: absentOr(isState),
  newState: absentOr(isState),
  detailedDiff: absentOr(mapOf(objectWith({ kind: isText, inputDiff: absentOr(isBoolean) }))),
});
const isRefresh = objectWith({ config: absentOr(mapOf(isText)), steps: absentOr(listOf(isStep)) });
const isOperation = objectWith({ type: isText, resource: objectWith({ urn: isText }) });
const isExported = objectWith({
  deployment: absentOr(objectWith({ pending_operations: absentOr(listOf(isOperation)) })),
});

/** @throws Failure if pulumi printed JSON of another form, because an unknown part could be the drift. */
export function parseRefresh(value: unknown): Refresh {
  if (!isRefresh(value)) throw otherForm("refresh --preview-only");
  return withoutNulls(value) as Refresh;
}

/** @throws Failure if pulumi printed JSON of another form. */
export function parseExported(value: unknown): Exported {
  if (!isExported(value)) throw otherForm("stack export");
  return withoutNulls(value) as Exported;
}

function otherForm(words: string): Failure {
  return new Failure(
    "outputs",
    `pulumi ${words} must print JSON of the form that Pulumi 3.259 prints. Install that version.`,
  );
}

/** Go writes null for an absent property. In the resources' own values, null is a value. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== null);
  return Object.fromEntries(
    entries.map(([name, each]) => [name, ["inputs", "outputs"].includes(name) ? each : withoutNulls(each)]),
  );
}

/** Runs pulumi. Gives the JSON that it printed. */
export async function pulumiJson(args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await run("pulumi", args);
  if (code === undefined)
    throw new Failure("outputs", "The command pulumi must be on PATH, because it asks Azure. Install it.");
  const answer = parseJson(stdout);
  if (code === 0 && answer !== undefined) return answer;
  // With --json, the JSON has the errors of resources. Neither it nor standard error has a secret.
  const diagnostics: unknown = isObject(answer) ? answer.diagnostics : undefined;
  const said = (Array.isArray(diagnostics) ? (diagnostics as unknown[]) : []).flatMap((each) =>
    isObject(each) && each.severity === "error" && typeof each.message === "string" ? [each.message.trim()] : [],
  );
  throw new Failure("outputs", [`pulumi ${args[0] ?? ""} failed:`, ...said, stderr.trim()].join("\n").trim());
}

/** A resource's name in the program. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::") || urn;
}
