/** Finds the properties of a resource that changed since the last `up`. */
import { type JsonObject, isObject } from "../json";
import type { ChangedProperty } from "./findings";

/** pulumi prints this instead of a secret. */
const SECRET = "[secret]";

/** Properties that Azure fills in by itself, at any depth. No program declares them. */
const FILLED_IN = /(^|[.\]])(etag|provisioningState|resourceGuid)$/;

/** Properties that Azure adds to each entry of a list, such as an NSG rule. */
const ADDED_TO_ENTRIES = /\]\.(id|type)$/;

/** Properties that Azure doesn't report while a VM is stopped (azure-powershell issue 13213). */
const HIDDEN_WHILE_OFF = /^storageProfile\.osDisk\.(managedDisk\.storageAccountType|diskSizeGB)$/;

/** Whether a change is Azure's own: Azure filled it in, or leaves it out for a while. */
function isAzures({ path, old, new: now }: ChangedProperty): boolean {
  if (FILLED_IN.test(path)) return true;
  if (old === undefined) return ADDED_TO_ENTRIES.test(path) || isEmpty(now);
  return now === undefined && HIDDEN_WHILE_OFF.test(path);
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** An entry that others added, without the properties that Azure filled in. */
function withoutAzures(change: ChangedProperty): ChangedProperty {
  if (change.old !== undefined || !isObject(change.new)) return change;
  const { path } = change;
  const own = Object.entries(change.new).filter(([name, value]) => !isAzures({ path: `${path}.${name}`, new: value }));
  return { path, new: Object.fromEntries(own) };
}

/** The changes of the inputs. Changes of outputs are no drift, because Azure sets them. */
export function changedProperties(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  detailedDiff: Record<string, { inputDiff?: boolean }>,
): ChangedProperty[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => {
    const [old, now] = [before[name], after[name]];
    // A secret can come back unmarked, at any depth, so the whole property is hidden.
    if (secretsIn(old) !== secretsIn(now) && old !== undefined && now !== undefined) return [hidden(name)];
    const found = differences(name, old, now)
      .filter((change) => !isAzures(change))
      .map(withoutAzures);
    // Two secrets look the same here. Only the engine knows whether they differ.
    const changed = Object.entries(detailedDiff)
      .filter(([path, { inputDiff }]) => inputDiff === true && isWithin(path, name))
      .map(([path]) => path);
    return found.length === 0 && secretsIn(old) > 0 ? changed.map(hidden) : found;
  });
}

const hidden = (path: string): ChangedProperty => ({ path, old: SECRET, new: SECRET });

function secretsIn(value: unknown): number {
  if (value === SECRET) return 1;
  return typeof value === "object" && value !== null
    ? Object.values(value).reduce<number>((sum, each) => sum + secretsIn(each), 0)
    : 0;
}

/** Whether a path equals another one, or is below it. */
export function isWithin(path: string, other: string): boolean {
  return path === other || path.startsWith(`${other}.`) || path.startsWith(`${other}[`);
}

function differences(path: string, old: unknown, now: unknown): ChangedProperty[] {
  if (JSON.stringify(old) === JSON.stringify(now)) return [];
  if (Array.isArray(old) && Array.isArray(now) && [...(old as unknown[]), ...(now as unknown[])].every(isObject)) {
    return pairs(old as JsonObject[], now as JsonObject[]).flatMap(([index, one, other]) =>
      differences(`${path}[${index}]`, one, other),
    );
  }
  if (isObject(old) && isObject(now)) {
    return [...new Set([...Object.keys(old), ...Object.keys(now)])].flatMap((name) =>
      differences(`${path}${/^\w+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`}`, old[name], now[name]),
    );
  }
  return [{ path, ...(old !== undefined && { old }), ...(now !== undefined && { new: now }) }];
}

/** Pairs the entries of two lists: by name if all have one, as NSG rules do, else by place. */
function pairs(
  old: JsonObject[],
  now: JsonObject[],
): [index: number, old: JsonObject | undefined, now: JsonObject | undefined][] {
  const named = [old, now].every((list) => {
    const names = list.map(({ name }) => name);
    return names.every((name) => typeof name === "string") && new Set(names).size === names.length;
  });
  if (!named) {
    const longer = old.length > now.length ? old : now;
    return longer.map((_, index) => [index, old[index], now[index]]);
  }
  return [
    ...old.map((one, index): [number, JsonObject, JsonObject | undefined] => [
      index,
      one,
      now.find((o) => o.name === one.name),
    ]),
    ...now.flatMap((other, index): [number, undefined, JsonObject][] =>
      old.some((one) => one.name === other.name) ? [] : [[index, undefined, other]],
    ),
  ];
}
