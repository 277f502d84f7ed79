/** What `npm test` leaves out of long tables, and that it says so. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type * as Sample from "../support/sample";

const TABLE = ["one", "two", "three"];

/** The module as it is in a run of this kind. */
function sampleIn(kind: string | undefined): typeof Sample {
  const path = require.resolve("../support/sample");
  const before = process.env.TESTS;
  Reflect.deleteProperty(require.cache, path);
  if (kind === undefined) delete process.env.TESTS;
  else process.env.TESTS = kind;
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the module reads the variable when it is loaded
    return require(path) as typeof Sample;
  } finally {
    if (before === undefined) delete process.env.TESTS;
    else process.env.TESTS = before;
    Reflect.deleteProperty(require.cache, path);
  }
}

/** Notes what a test is told. */
function notes(): { said: string[]; test: Pick<TestContext, "diagnostic" | "skip"> } {
  const said: string[] = [];
  const note = (message?: string): void => {
    said.push(message ?? "");
  };
  return { said, test: { diagnostic: note, skip: note } };
}

test("a sample has the named cases in the table's order, and says how many it leaves out", () => {
  const { said, test } = notes();
  assert.deepEqual(sampleIn("sample").sampled(test, "numbers", TABLE, String, ["three", "one"]), ["one", "three"]);
  assert.deepEqual(said, ["left out: 1 of 3 numbers"]);
});

test("without a sample all cases run, and nothing is said", () => {
  const { said, test } = notes();
  const { sampled, leftOut, notInSample } = sampleIn(undefined);
  assert.deepEqual(sampled(test, "numbers", TABLE, String, ["one"]), TABLE);
  assert.equal(leftOut(test, "words"), false);
  assert.equal(notInSample("words"), false);
  assert.deepEqual(said, []);
});

for (const kind of [undefined, "sample"]) {
  test(`a name that is not in the table is refused, ${kind === undefined ? "also where all cases run" : "in a sample"}`, () => {
    assert.throws(
      () => sampleIn(kind).sampled(notes().test, "numbers", TABLE, String, ["four"]),
      /the sample of numbers/,
    );
  });
}

test("a test that a sample leaves out is skipped with what it is", () => {
  const { said, test } = notes();
  const { leftOut, notInSample } = sampleIn("sample");
  assert.equal(leftOut(test, "words"), true);
  assert.deepEqual([...said, notInSample("words")], ["left out: words", "left out: words"]);
});
