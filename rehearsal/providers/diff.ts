/** Finds what differs between two sets of properties. */
import { type Properties, isAbsent, isObject } from "../values";
import type { DiffKind } from "./provider";

/**
 * Compares two sets of properties, deep. Keys of the result are property paths, such as "securityRules[0].priority".
 * UNKNOWN differs from every value but itself. `replaceOn` names the paths, without list indices, whose change needs a
 * new resource; it holds for everything below such a path, and for a whole that is set or unset with such a path in it.
 * `keys` names the lists whose entries are told apart by some of their properties, and not by their place.
 */
export function diffProperties(
  olds: Properties,
  news: Properties,
  { replaceOn = [], keys = {} }: { replaceOn?: string[]; keys?: Record<string, string[]> } = {},
): Record<string, DiffKind> {
  const diffs: Record<string, DiffKind> = {};
  const report = (path: string, kind: "add" | "delete" | "update"): void => {
    const plain = withoutIndices(path);
    const replaces = replaceOn.some((it) => isWithin(plain, it) || isWithin(it, plain));
    diffs[path] = replaces ? `${kind}-replace` : kind;
  };
  const compare = (path: string, before: unknown, after: unknown): void => {
    if (before === after || (isAbsent(before) && isAbsent(after))) return;
    if (isAbsent(before)) report(path, "add");
    else if (isAbsent(after)) report(path, "delete");
    else if (Array.isArray(before) && Array.isArray(after)) {
      const key = keys[withoutIndices(path)];
      if (key) {
        compareByKey(path, before, after, key);
        return;
      }
      for (let i = 0; i < Math.max(before.length, after.length); i++) {
        compare(`${path}[${i}]`, (before as unknown[])[i], (after as unknown[])[i]);
      }
    } else if (isObject(before) && isObject(after)) compareAll(path, before, after);
    else report(path, "update");
  };
  const compareByKey = (path: string, before: unknown[], after: unknown[], key: string[]): void => {
    const keyOf = (entry: Properties): string => JSON.stringify(key.map((name) => entry[name]));
    const former = new Map(before.flatMap((entry, index) => (isObject(entry) ? [[keyOf(entry), index]] : [])));
    after.forEach((entry, index) => {
      // As azure-native does, what has no key is passed over.
      if (!isObject(entry)) return;
      compare(`${path}[${index}]`, before[former.get(keyOf(entry)) ?? -1], entry);
      former.delete(keyOf(entry));
    });
    for (const index of former.values()) report(`${path}[${index}]`, "delete");
  };
  const compareAll = (path: string, before: Properties, after: Properties): void => {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(joinPath(path, key), before[key], after[key]);
    }
  };
  compareAll("", olds, news);
  return diffs;
}

function withoutIndices(path: string): string {
  return path.replace(/\[\d+\]/g, "");
}

function isWithin(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(`${ancestor}.`) || path.startsWith(`${ancestor}[`);
}

function joinPath(parent: string, key: string): string {
  if (!/^[^.[\]"]+$/.test(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === "" ? key : `${parent}.${key}`;
}
