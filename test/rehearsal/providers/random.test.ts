// The rehearsal's random provider: every allowed class, every minimum, and the rules of the real one.
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { random } from "../../../rehearsal/providers/random";
import { type CheckFailure, type Resource, UNKNOWN } from "../../../rehearsal/providers/provider";
import type { Properties } from "../../../rehearsal/values";

function resource(type: "RandomPassword" | "RandomString"): Resource {
  const token = `random:index/r${type.slice(1)}:${type}`;
  return { urn: `urn:pulumi:dev::p::${token}::it`, type: token, name: "it" };
}

async function result(inputs: Properties): Promise<string> {
  return String((await random.create(resource("RandomPassword"), inputs)).properties["result"]);
}

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

suite("create", () => {
  test("a password has the real provider's defaults, and no id that would tell it", async () => {
    const { id, properties } = await random.create(resource("RandomPassword"), { length: 24 });
    const { result: password, ...rest } = properties;
    assert.match(String(password), /^[A-Za-z0-9!@#$%&*()\-_=+[\]{}<>:?]{24}$/);
    assert.equal(id, "none");
    assert.deepEqual(rest, {
      id: "none",
      length: 24,
      lower: true,
      minLower: 0,
      minNumeric: 0,
      minSpecial: 0,
      minUpper: 0,
      number: true,
      numeric: true,
      special: true,
      upper: true,
    });
  });

  test("a string's id is the string", async () => {
    const { id, properties } = await random.create(resource("RandomString"), { length: 8, special: false });
    assert.match(id, /^[A-Za-z0-9]{8}$/);
    assert.deepEqual([properties["id"], properties["result"]], [id, id]);
  });

  test("only allowed classes occur, and all of them do", async () => {
    const long = 2000;
    const alone = { lower: false, upper: false, numeric: false, special: false };
    assert.match(await result({ ...alone, length: long, lower: true }), /^[a-z]{2000}$/);
    assert.match(await result({ ...alone, length: long, upper: true }), /^[A-Z]{2000}$/);
    assert.match(await result({ ...alone, length: long, numeric: true }), /^[0-9]{2000}$/);
    assert.match(await result({ length: long, numeric: false }), /^[^0-9]{2000}$/);
    assert.match(await result({ ...alone, length: long, special: true, overrideSpecial: "_%@" }), /^[_%@]{2000}$/);
    const all = new Set(await result({ length: 20_000 }));
    assert.equal(all.size, 26 + 26 + 10 + 21);
  });

  test("every minimum is met, anywhere in the result", async () => {
    const inputs = { length: 8, minUpper: 2, minLower: 2, minNumeric: 2, minSpecial: 2, overrideSpecial: "!" };
    const firsts = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const text = await result(inputs);
      assert.deepEqual(
        [/[A-Z]/g, /[a-z]/g, /[0-9]/g, /!/g].map((it) => count(text, it)),
        [2, 2, 2, 2],
      );
      firsts.add(text.replace(/[A-Z]/, "A").replace(/[a-z]/, "a").replace(/[0-9]/, "0").charAt(0));
    }
    assert.ok(firsts.size > 3);
  });

  test("a minimum holds for a class that is not allowed otherwise, as in the real provider", async () => {
    assert.match(await result({ length: 3, upper: false, minUpper: 3 }), /^[A-Z]{3}$/);
  });

  test("two passwords differ", async () => {
    assert.notEqual(await result({ length: 20 }), await result({ length: 20 }));
  });
});

suite("check", () => {
  const check = async (inputs: Properties): Promise<CheckFailure[]> => {
    const checked = await random.check(resource("RandomPassword"), inputs, {});
    assert.deepEqual(checked.inputs, inputs);
    return checked.failures;
  };
  const none = { lower: false, upper: false, special: false };
  const rules: { rule: string; passes: Properties; fails: Properties; with: CheckFailure }[] = [
    {
      rule: "length is required",
      passes: { length: UNKNOWN },
      fails: {},
      with: { property: "length", reason: "Missing required property 'length'" },
    },
    {
      rule: "length is at least 1",
      passes: { length: 1 },
      fails: { length: 0 },
      with: { property: "length", reason: "Attribute length value must be at least 1, got: 0" },
    },
    {
      rule: "length is at least the sum of the minima",
      passes: { length: 8, minUpper: 2, minLower: 2, minNumeric: 2, minSpecial: 2 },
      fails: { length: 7, minUpper: 2, minLower: 2, minNumeric: 2, minSpecial: 2 },
      with: {
        property: "length",
        reason:
          "Attribute length value must be at least sum of minUpper + minLower + minNumeric + minSpecial (8), got: 7",
      },
    },
    {
      rule: "one class is allowed",
      passes: { length: 8, ...none, numeric: true },
      fails: { length: 8, ...none, numeric: false },
      with: {
        property: "numeric",
        reason: "At least one attribute out of special, upper, lower, numeric must be specified as true",
      },
    },
    {
      rule: "inputs must be known",
      passes: { length: 8, upper: false },
      fails: { length: 8, keeper: "lost" },
      with: {
        property: "keeper",
        reason:
          "Unexpected property 'keeper'; the stand-in knows length, lower, minLower, minNumeric, minSpecial, minUpper, " +
          "numeric, overrideSpecial, special, upper",
      },
    },
  ];
  for (const { rule, passes, fails, with: failure } of rules) {
    test(rule, async () => {
      assert.deepEqual(await check(passes), []);
      assert.deepEqual(await check(fails), [failure]);
    });
  }
});

suite("life", () => {
  const diff = async (olds: Properties, news: Properties): Promise<Properties> =>
    (await random.diff(resource("RandomPassword"), "none", { inputs: olds, state: {} }, news)).diffs;

  test("a change replaces, spelling out a default does not", async () => {
    assert.deepEqual(await diff({ length: 20 }, { length: 20, special: true, numeric: true, minLower: 0 }), {});
    assert.deepEqual(await diff({ length: 20 }, { length: 21 }), { length: "update-replace" });
    assert.deepEqual(await diff({ length: 20 }, { length: 20, overrideSpecial: UNKNOWN }), {
      overrideSpecial: "add-replace",
    });
  });

  test("a preview knows all but the result", async () => {
    const { result: unknown, ...rest } = await random.preview(resource("RandomPassword"), { length: 20 });
    const { properties } = await random.create(resource("RandomPassword"), { length: 20 });
    assert.equal(unknown, UNKNOWN);
    assert.deepEqual({ ...rest, id: "none", result: properties["result"] }, properties);
  });

  test("a refresh changes nothing", async () => {
    const olds = { inputs: { length: 3 }, state: { length: 3, result: "abc" } };
    assert.deepEqual(await random.read(resource("RandomString"), "abc", olds), {
      id: "abc",
      inputs: olds.inputs,
      properties: olds.state,
    });
  });
});
