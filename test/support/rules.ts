/** Tests of rules by tables: the values that pass, and the values that fail with exactly one message. */
import assert from "node:assert/strict";
import { test } from "node:test";

/** Declares a test of a rule: over values that pass, and over values that fail with exactly one message. */
export function table<T>(
  what: string,
  rule: (value: T) => string[],
  passes: readonly T[],
  fails: readonly T[],
  message: (value: T) => string,
): void {
  test(what, () => {
    for (const value of passes) assert.deepEqual(rule(value), [], `passes: ${JSON.stringify(value)}`);
    for (const value of fails) assert.deepEqual(rule(value), [message(value)], `fails: ${JSON.stringify(value)}`);
  });
}

/** A value as an error shows it. */
export function given(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
