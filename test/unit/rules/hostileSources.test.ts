/** Whatever a list of sources holds, its rule answers in words, and a list that passes is no wider than it may be. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { validateSource, validateSources } from "../../../components/rules/sources";

/** Fixed, and part of each failure's message, so that a failure can be repeated. */
const SEED = 20261128;
const runs = { seed: SEED, numRuns: 1000 };

const CLOSED = { openToInternet: false, sharedServiceTags: [] };
const dotted = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join(".");

/** An IPv4 network of length 4 to 32, in each of the forms that hold one: its first 16 bits, its length, and its text. */
const ipv4Network = fc
  .tuple(
    fc.oneof(fc.nat(0xffff), fc.constantFrom(0x0a00, 0xac10, 0xc0a8, 0x6440)),
    fc.integer({ min: 4, max: 16 }),
    fc.nat(4),
  )
  .map(([any, length, form]) => {
    const high = any & (0xffff << (16 - length)) & 0xffff;
    const hex = high.toString(16);
    const cidr =
      [
        `${dotted(high, 0)}/${length}`,
        `::ffff:${dotted(high, 0)}/${96 + length}`,
        `0:0:0:0:0:FFFF:${hex}:0/${96 + length}`,
        `64:ff9b::${hex}:0/${96 + length}`,
        `2002:${hex}::/${16 + length}`,
      ][form] ?? "";
    return { high, length, cidr };
  });

const ipv6Network = fc
  .tuple(fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 }), fc.nat(128))
  .map(([groups, length]) => {
    const kept = groups.map((group, index) => group & (0xffff << Math.min(16, Math.max(0, 16 * (index + 1) - length))));
    return { groups: kept, length, cidr: `${kept.map((each) => (each & 0xffff).toString(16)).join(":")}/${length}` };
  });

/** How many of the 65,536 IPv4 networks of length 16 are in a list, without the private ones. A /8 has 256 of them. */
function publicBlocks(networks: { high: number; length: number }[]): number {
  const blocks = new Set(
    networks.flatMap(({ high, length }) => Array.from({ length: 2 ** (16 - length) }, (_, index) => high + index)),
  );
  const isPrivate = (block: number): boolean =>
    block >> 8 === 10 || block >> 4 === 0xac1 || block === 0xc0a8 || block >> 6 === 0x6440 >> 6;
  return [...blocks].filter((block) => !isPrivate(block)).length;
}

describe(`hostile sources (seed ${SEED})`, () => {
  test("any text gets an answer", () => {
    const pieces = fc.constantFrom(
      "::",
      ":",
      "/",
      "1",
      "255",
      "ffff",
      ".",
      "%eth0",
      "*",
      "Internet",
      "AzureCloud",
      " ",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue({ maxDepth: 3 }),
          fc.string({ unit: "binary" }),
          fc.array(pieces).map((all) => all.join("")),
        ),
        (source) => {
          const problems = validateSource("dockerSources", source, CLOSED);
          validateSources("dockerSources", source, CLOSED);
          validateSources("dockerSources", [source, source], CLOSED);
          if (problems.length === 0) assert.match(source as string, /^[\w.:/]+$/);
        },
      ),
      runs,
    );
  });

  test("a list that passes holds no more public IPv4 addresses than a /8, whatever the forms", () => {
    let passed = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.array(ipv4Network, { minLength: 1, maxLength: 6 }), (networks) => {
        const sources = [...new Set(networks.map(({ cidr }) => cidr))];
        if (validateSources("dockerSources", sources, CLOSED).length > 0) {
          refused += 1;
          return;
        }
        passed += 1;
        assert.ok(publicBlocks(networks) <= 256, `${publicBlocks(networks)} networks of length 16`);
      }),
      runs,
    );
    assert.ok(passed > 100 && refused > 100, `${passed} passed, ${refused} were refused`);
  });

  test("a network that passes is no larger than a /16 of IPv6, or it is private", () => {
    fc.assert(
      fc.property(ipv6Network, ({ groups, length, cidr }) => {
        if (validateSource("dockerSources", cidr, CLOSED).length > 0) return;
        const isPrivate = ((groups[0] ?? 0) & 0xfe00) === 0xfc00 && length >= 7;
        assert.ok(length >= 16 || isPrivate, cidr);
      }),
      runs,
    );
  });
});
