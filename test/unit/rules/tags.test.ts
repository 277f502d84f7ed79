/** The rules of tags: the values that pass, and the words of those that fail. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { validateTags } from "../../../components/rules/tags";

const many = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag${index}`, ""]));
test("tags", () => {
  for (const tags of [{}, { team: "build" }, { "cost center": "42", é: "x".repeat(256) }, many(50)]) {
    assert.deepEqual(validateTags(tags), [], JSON.stringify(tags));
  }
  assert.deepEqual(validateTags(many(51)), ["tags must be 50 at most (got 51)."]);
  for (const name of ["", "a/b", "50%", "azure-x", "Microsoft", "windows", "x".repeat(513)]) {
    assert.deepEqual(validateTags({ [name]: "x" }), [
      `tags must have names of 1 to 512 characters, without <>%&\\?/, that don't begin with "microsoft", "azure" or "windows" (got ${JSON.stringify(name)}).`,
    ]);
  }
  for (const value of ["x".repeat(257), 1, null]) {
    assert.deepEqual(validateTags({ team: value }), [
      `tags.team must be a text of at most 256 characters (got ${JSON.stringify(value)}).`,
    ]);
  }
  assert.deepEqual(validateTags({ Team: "a", team: "b" }), [
    'tags must name "team" once. Azure takes upper and lower case for the same.',
  ]);
});
