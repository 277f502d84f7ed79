/** A resource's properties, and how to read them. */
import { type Properties, isObject } from "../values";

/** In the flattened form of azure-native, without write-only properties. */
export type Body = Properties;

/** The values at a path such as "ipConfigurations.*.subnet.id". */
export function valuesAt(value: unknown, path: string): unknown[] {
  return path.split(".").reduce<unknown[]>(
    (values, part) =>
      values
        .flatMap((each): unknown[] => {
          if (part === "*") return Array.isArray(each) ? (each as unknown[]) : [];
          return typeof each === "object" && each !== null ? [(each as Body)[part]] : [];
        })
        .filter((each) => each !== undefined),
    [value],
  );
}

/** The text at a path, if there is one. */
export function textAt(value: unknown, path: string): string | undefined {
  const found = valuesAt(value, path)[0];
  return typeof found === "string" ? found : undefined;
}

/** A copy without the value at a path such as "osProfile.adminPassword". */
export function without(value: Body, path: string): Body {
  const [part = "", ...rest] = path.split(".");
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      if (key !== part) return [[key, inner]];
      if (rest.length === 0) return [];
      return [[key, isObject(inner) ? without(inner, rest.join(".")) : inner]];
    }),
  );
}

/** The first value at a path. */
export function first(body: Body, path: string): unknown {
  return valuesAt(body, path)[0];
}

/** Names and IDs of Azure's are the same in upper and lower case. */
export function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
