/** What the rules share: how an error shows the value given, and checks of a value's form. */

/** The value given, for the end of an error: `(got 70000)`. */
export function got(value: unknown): string {
  return `(got ${typeof value === "number" ? value : value === undefined ? "nothing" : shown(value)})`;
}

/** A value as an error shows it. A private key in the wrong setting isn't shown. */
export function shown(value: unknown): string {
  const json = JSON.stringify(value);
  return /PRIVATE KEY/i.test(json) ? "a private key that is not shown" : json;
}

/** Whether a value is an object, and neither a list nor null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Each entry that a list holds twice, for lists that must not repeat one. */
export function validateUnique(setting: string, list: unknown[]): string[] {
  const repeated = list.filter((entry, index) => list.indexOf(entry) !== index);
  return [...new Set(repeated)].map((entry) => `${setting} must name ${shown(entry)} once, not twice.`);
}

/** Whether a setting is one of the words that it can be. */
export function validateChoice(setting: string, value: unknown, choices: readonly string[]): string[] {
  if (choices.some((choice) => choice === value)) return [];
  const [last = "", ...others] = [...choices].reverse().map((choice) => JSON.stringify(choice));
  return [`${setting} must be ${others.reverse().join(", ")} or ${last} ${got(value)}.`];
}
