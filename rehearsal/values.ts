/** JSON values and errors, as every part of the rehearsal meets them. */

/** A JSON object. */
export type Properties = Record<string, unknown>;

export function isObject(value: unknown): value is Properties {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}
