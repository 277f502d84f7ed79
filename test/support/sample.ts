/**
 * `npm test` runs a sample of the long tables, so that it takes minutes. `npm run test:all`, and a file that is run by
 * itself, run all of them.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";

/** The variable by which test/all.ts asks for a sample. Only this file reads it. */
export const SAMPLE_VARIABLE = "TESTS";
export const SAMPLE = "sample";
const IS_SAMPLE = process.env[SAMPLE_VARIABLE] === SAMPLE;

/** How a message begins that says what was left out; test/all.ts collects these messages. */
export const LEFT_OUT = "left out: ";

/**
 * The cases of a table that are to run: all of them, or in a sample those with the given names.
 *
 * @throws if a name is not in the table, also where all run: a case that is renamed must not leave the sample unseen.
 */
export function sampled<T>(
  test: Pick<TestContext, "diagnostic">,
  what: string,
  table: readonly T[],
  nameOf: (each: T) => string,
  names: readonly string[],
): T[] {
  const chosen = table.filter((each) => names.includes(nameOf(each)));
  assert.deepEqual([...new Set(chosen.map(nameOf))].sort(), [...names].sort(), `the sample of ${what}`);
  if (!IS_SAMPLE) return [...table];
  test.diagnostic(`${LEFT_OUT}${table.length - chosen.length} of ${table.length} ${what}`);
  return chosen;
}

/** Whether a sample leaves this test out as a whole; then it is skipped with these words. */
export function leftOut(test: Pick<TestContext, "skip">, what: string): boolean {
  if (IS_SAMPLE) test.skip(`${LEFT_OUT}${what}`);
  return IS_SAMPLE;
}

/** The same, as a suite's option `skip`. */
export function notInSample(what: string): string | false {
  return IS_SAMPLE && `${LEFT_OUT}${what}`;
}
