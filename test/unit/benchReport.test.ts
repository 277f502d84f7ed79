/** How the measurements are judged: a figure has a verdict only where noise can't hide it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Figure, type Part, measureUntilJudged, table, verdictOf } from "../../bench/report";

const AT_MOST = { name: "ratio", target: { atMost: 1.2 } };

const partOf = (...figures: Figure[]): Part => ({ name: "part", title: "Part", figures, notes: [] });

for (const [what, figure, verdict] of [
  ["no target", { name: "time", values: [1, 2, 3] }, undefined],
  ["three runs that agree", { ...AT_MOST, values: [1, 1.1, 1.2] }, "met"],
  ["three runs that agree on the other side", { ...AT_MOST, values: [1.21, 1.3, 1.4] }, "missed"],
  ["two runs", { ...AT_MOST, values: [1, 1] }, "too noisy to tell"],
  [
    "a median that misses by 0.01 among scattered values",
    { ...AT_MOST, values: [0.88, 1.1, 1.21, 1.23, 1.26] },
    "too noisy to tell",
  ],
  ["one outlier of five", { ...AT_MOST, values: [1, 1, 1, 1, 9] }, "too noisy to tell"],
  ["one outlier of six", { ...AT_MOST, values: [1, 1, 1, 1, 1, 9] }, "met"],
  ["one lucky run of six", { ...AT_MOST, values: [1, 9, 9, 9, 9, 9] }, "missed"],
  [
    "six outliers of twenty",
    { ...AT_MOST, values: [...Array<number>(14).fill(1), ...Array<number>(6).fill(9)] },
    "met",
  ],
  [
    "seven outliers of twenty",
    { ...AT_MOST, values: [...Array<number>(13).fill(1), ...Array<number>(7).fill(9)] },
    "too noisy to tell",
  ],
  ["at least", { name: "ratio", values: [5, 6, 7], target: { atLeast: 5 } }, "met"],
  ["too small", { name: "ratio", values: [4.9, 4, 3], target: { atLeast: 5 } }, "missed"],
  ["a count, once", { name: "calls", values: [1], target: { atMost: 1 }, exact: true }, "met"],
  [
    "a count that is wrong once",
    { name: "calls", values: [1, 1, 1, 1, 2], target: { atMost: 1 }, exact: true },
    "missed",
  ],
] satisfies [string, Figure, string | undefined][]) {
  test(`the verdict on ${what}: ${verdict ?? "none"}`, () => {
    assert.equal(verdictOf(figure), verdict);
  });
}

/** Gives one list of values after the other, and then fails. */
function measurements(...all: number[][]): () => Promise<Part[]> {
  return async () => {
    const values = all.shift() ?? assert.fail("measured once too often");
    const curves = [{ name: "curve", what: "time, s", points: [[1, values]] as [number, number[]][] }];
    return [{ ...partOf({ ...AT_MOST, values }, { name: "time", values }), curves }];
  };
}

test("a part is measured until noise no longer hides the answer, and all values count", async () => {
  const [part] = await measureUntilJudged(measurements([1, 1.1, 1.3], [1, 1.1, 1.15]), 4);
  assert.deepEqual(part?.figures[0]?.values, [1, 1.1, 1.3, 1, 1.1, 1.15]);
  assert.deepEqual(part.figures[1]?.values, part.figures[0].values);
  assert.deepEqual(part.curves?.[0]?.points, [[1, part.figures[0].values]]);
  assert.equal(verdictOf(part.figures[0]), "met");
});

test("a part that is clear at once is measured once", async () => {
  const [part] = await measureUntilJudged(measurements([1, 1, 1]), 4);
  assert.deepEqual(part?.figures[0]?.values, [1, 1, 1]);
});

test("a part that stays noisy is measured as often as the bound says, and the table says so", async () => {
  const [part] = await measureUntilJudged(measurements([1, 9], [1, 9], [1, 9]), 3);
  assert.equal(part?.figures[0]?.values.length, 6);
  assert.match(table(part), /^\| ratio \|.*\| at most 1.2 \| too noisy to tell \|$/m);
});
