/** The rules of sources: the values that pass, the words of those that fail, and all sources of a list together. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  validateDockerSources,
  validateRuleCount,
  validateSharedServiceTags,
  validateSource,
  validateSources,
} from "../../../components/rules/sources";
import { given, table } from "../../support/rules";

const FORMS =
  'a CIDR ("203.0.113.0/24", "2001:db8::/48"), an address ("203.0.113.7") or a service tag ("VirtualNetwork")';

const CLOSED = { openToInternet: false, sharedServiceTags: [] };
const OPEN = { openToInternet: true, sharedServiceTags: [] };

suite("one source", () => {
  const source = (value: unknown): string[] => validateSource("dockerSources", value, CLOSED);
  const opened = (value: unknown): string[] => validateSource("dockerSources", value, OPEN);
  const got = (value: unknown): string => `(got ${given(value)})`;

  const networks = [
    "203.0.113.0/24",
    "203.0.113.7",
    "203.0.113.7/32",
    "255.255.255.255",
    "10.0.0.0/8",
    "11.0.0.0/8",
    "fc00::/7",
    "fd00::/8",
    "::ffff:203.0.113.7",
    "2001:db8::/48",
    "2001:DB8::/32",
    "2001:db8::7",
    "2001:db8::7/128",
    "2001::/16",
    "2002:a00::/24",
    "::ffff:10.0.0.0/104",
    "::1",
  ];
  const ownTags = ["VirtualNetwork", "virtualnetwork", "VIRTUALNETWORK", "AzureLoadBalancer"];
  const sharedTags = [
    "AzureCloud",
    "AzureCloud.WestEurope",
    "azurecloud.westeurope",
    "AzureCloud.EastUS2",
    "AzureFrontDoor.Backend",
    "azurefrontdoor.backend",
    "AzureDevOps",
    "Storage.NorthEurope",
  ];
  const neither = [
    "office",
    "example.com",
    "",
    " ",
    "010.0.0.1",
    "0x7f.1",
    "0x7f000001",
    "127.1",
    "1",
    "/0",
    "0/0",
    "256.0.0.1",
    "1.2.3.4.5",
    "１０.0.0.0/8",
    "٣.٣.٣.٣",
    " 203.0.113.7",
    "203.0.113.7 ",
    "203.0.113.7\n",
    "1.2.3.4-1.2.3.9",
    "1.2.3.4,1.2.3.5",
    "::ffff:010.0.0.1",
    "::ffff:0x7f.1.1.1",
    "::ffff:1.2.3",
    "1::2::3",
    "00001::",
    "fe80::1%eth0",
    "fe80::1%eth0/64",
    "[::1]",
    ":::/0",
    " *",
    "*\n",
    "Internet ",
    "\tAny",
    "Storage\n",
    "AzureCloud.",
    "AzureCloud.West Europe",
    "AzureCloud.WestEurope.WestEurope",
    "AzureFrontDoor",
    "AzureFrontDoor.Sidedoor",
    "VirtualNetwork.WestEurope",
    "AzureLoadBalancer.WestEurope",
    "Internet.WestEurope",
    "constructor",
    "__proto__",
  ];
  table(
    "is a CIDR, an address or a service tag",
    source,
    [...networks, ...ownTags],
    neither,
    (value) => `dockerSources must hold entries that are ${FORMS} ${got(value)}.`,
  );
  table(
    "whatever openToInternet says",
    opened,
    [...networks, ...ownTags, ...sharedTags],
    neither,
    (value) => `dockerSources must hold entries that are ${FORMS} ${got(value)}.`,
  );

  table<unknown>(
    "is a string",
    source,
    ["203.0.113.7"],
    [7, null, undefined, true, [], ["203.0.113.7"], {}],
    (value) => `dockerSources must hold texts, each ${FORMS} ${got(value)}.`,
  );

  const lengths: [address: string, bits: number, prefixes: string[]][] = [
    [
      "10.0.0.0",
      32,
      ["33", "128", "", "-1", "+8", "08", "008", "8 ", " 8", "8\n", "８", "1e1", "0x8", "8/8", "255.0.0.0"],
    ],
    ["0.0.0.0", 32, ["00", "000", "0\n", "-0", "33"]],
    ["2001:db8::", 128, ["129", "", "-1", "048", "48/48", "1000"]],
    ["::", 128, ["00", "129"]],
  ];
  test("has a prefix length of its family, written plainly", () => {
    for (const [address, bits, prefixes] of lengths) {
      for (const prefix of prefixes) {
        const value = `${address}/${prefix}`;
        const message = `dockerSources must have a prefix length from 0 to ${bits}, such as "${address}/${bits}" ${got(value)}.`;
        for (const rule of [source, opened]) assert.deepEqual(rule(value), [message]);
      }
    }
  });

  const within: [value: string, network: string, address: string][] = [
    ["10.0.0.5/24", "10.0.0.0/24", "10.0.0.5/32"],
    ["10.0.0.1/31", "10.0.0.0/31", "10.0.0.1/32"],
    ["2001:db8::1/64", "2001:db8:0:0:0:0:0:0/64", "2001:db8::1/128"],
    ["2001:db8::/16", "2001:0:0:0:0:0:0:0/16", "2001:db8::/128"],
  ];
  test("is no address within a network", () => {
    for (const [value, network, address] of within) {
      assert.deepEqual(source(value), [
        `dockerSources must name a network by its first address ${got(value)}. Write "${network}" for the network, or "${address}" for the one address.`,
      ]);
    }
    assert.deepEqual(
      opened("1.2.3.4/0"),
      [
        `dockerSources must name a network by its first address (got "1.2.3.4/0"). Write "0.0.0.0/0" for the network, or "1.2.3.4/32" for the one address.`,
      ],
      "where everyone may reach it, too",
    );
  });

  const open = [
    "*",
    "Internet",
    "internet",
    "INTERNET",
    "Any",
    "any",
    "0.0.0.0/0",
    "::/0",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "64.0.0.0/2",
    "10.0.0.0/7",
    "0.0.0.0",
    "0.0.0.0/32",
    "::",
    "2000::/3",
    "2000::/15",
    "fc00::/6",
    // All of IPv4, in IPv6's forms: as it is, mapped, through NAT64 and 6to4.
    "::/96",
    "::/16",
    "::ffff:0.0.0.0/96",
    "::ffff:0:0/96",
    "::ffff:0.0.0.0/97",
    "::FFFF:0:0/103",
    "64:ff9b::/96",
    "2002::/16",
    "2002::/23",
  ];
  table(
    "is not open to the Internet",
    source,
    networks,
    [...open, "1.2.3.4/0"],
    (value) =>
      `dockerSources must not be open to the Internet ${got(value)}. Name the addresses that may reach the port, or set openToInternet to true.`,
  );
  test("unless openToInternet is true", () => {
    for (const value of open) {
      assert.deepEqual(opened(value), [], value);
    }
  });

  const shared = (value: string): string =>
    `dockerSources must not hold a service tag that other Azure customers share (got "${value}"). Add it to sharedServiceTags if all of them may reach the port.`;
  table("is no service tag that other customers share", source, ownTags, sharedTags, shared);
  test("unless sharedServiceTags has exactly that tag, in any case", () => {
    for (const tag of sharedTags) {
      const named = (...sharedServiceTags: string[]): string[] =>
        validateSource("dockerSources", tag, { ...CLOSED, sharedServiceTags });
      assert.deepEqual(named("AzureBackup", tag), [], tag);
      assert.deepEqual([named(tag.toUpperCase()), named(tag.toLowerCase())], [[], []], tag);
    }
    const of = (source: string, tag: string): string[] =>
      validateSource("dockerSources", source, { ...CLOSED, sharedServiceTags: [tag] });
    // A region is less than all regions, and one name doesn't stand for the other.
    assert.deepEqual(of("Storage.NorthEurope", "Storage"), [shared("Storage.NorthEurope")]);
    assert.deepEqual(of("Storage", "Storage.NorthEurope"), [shared("Storage")]);
  });
  test("sharedServiceTags opens nothing else", () => {
    const openness = { ...CLOSED, sharedServiceTags: ["Internet", "*", "0.0.0.0/0", "office"] };
    for (const value of ["*", "Internet", "0.0.0.0/0", "office"]) {
      assert.equal(validateSource("dockerSources", value, openness).length, 1, value);
    }
  });
});

suite("lists of sources", () => {
  const none = `dockerSources must name who may reach the Docker port, at least one entry, each ${FORMS} (got none).`;
  test("there is one for Docker, and there may be none for SSH", () => {
    assert.deepEqual(validateDockerSources([], CLOSED), [none]);
    assert.deepEqual(validateDockerSources([], OPEN), [none]);
    assert.deepEqual(validateDockerSources(["203.0.113.7"], CLOSED), []);
    assert.deepEqual(validateSources("sshSources", [], CLOSED), []);
  });

  table<unknown>(
    "it is a list",
    (value) => validateSources("sshSources", value, CLOSED),
    [[], ["203.0.113.7"]],
    ["203.0.113.7", 7, null, undefined, { 0: "203.0.113.7" }],
    (value) => `sshSources must be a list, each entry ${FORMS} (got ${given(value)}).`,
  );

  test("it names each source once", () => {
    const repeated = 'sshSources must name "203.0.113.7" once, not twice.';
    assert.deepEqual(validateSources("sshSources", ["203.0.113.7", "203.0.113.8"], CLOSED), []);
    assert.deepEqual(validateSources("sshSources", ["203.0.113.7", "203.0.113.7"], CLOSED), [repeated]);
    assert.deepEqual(validateSources("sshSources", Array<string>(3).fill("203.0.113.7"), CLOSED), [repeated]);
  });

  test("the error names each invalid entry", () => {
    assert.deepEqual(validateSources("sshSources", ["office", "203.0.113.7", 7], CLOSED), [
      `sshSources must hold entries that are ${FORMS} (got "office").`,
      `sshSources must hold texts, each ${FORMS} (got 7).`,
    ]);
  });
});

/** The problem of a list that is too large in all. */
const tooLarge = (family: 4 | 6): string =>
  `sshSources must not be open to the Internet: its IPv${family} entries together span more than a network of length ${family === 4 ? 8 : 16}. Name fewer addresses, or set openToInternet to true.`;

suite("all sources of a list together", () => {
  const union = (list: string[]): string[] => validateSources("sshSources", list, CLOSED);
  const numbers = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index);

  const small: Record<string, string[]> = {
    "one network of the largest length": ["11.0.0.0/8"],
    "both halves of it": ["11.0.0.0/9", "11.128.0.0/9"],
    "overlapping networks, each address counted once": ["11.0.0.0/8", "11.0.0.0/9", "11.5.0.0/16", "11.5.6.7"],
    "the same network in several forms": [
      "11.0.0.0/8",
      "::ffff:11.0.0.0/104",
      "::b00:0/104",
      "64:ff9b::b00:0/104",
      "2002:b00::/24",
    ],
    "every private network": [
      "10.0.0.0/8",
      "172.16.0.0/12",
      "192.168.0.0/16",
      "100.64.0.0/10",
      "fc00::/7",
      "::ffff:10.0.0.0/104",
    ],
    "every private network, and one of the largest length": ["10.0.0.0/8", "172.16.0.0/12", "fc00::/7", "11.0.0.0/8"],
    "one of the largest length of each family": ["11.0.0.0/8", "2600::/16"],
    "many addresses": numbers(0, 255).map((last) => `203.0.113.${last}`),
    "tags beside it": ["11.0.0.0/8", "VirtualNetwork", "AzureLoadBalancer"],
  };
  for (const [what, list] of Object.entries(small)) {
    test(`are not the Internet: ${what}`, () => {
      assert.deepEqual(union(list), []);
    });
  }

  const large: Record<string, { list: string[]; families: (4 | 6)[] }> = {
    "255 networks of length 8": { list: numbers(1, 255).map((first) => `${first}.0.0.0/8`), families: [4] },
    "510 networks of length 9": {
      list: numbers(1, 255).flatMap((first) => [`${first}.0.0.0/9`, `${first}.128.0.0/9`]),
      families: [4],
    },
    "two adjacent ones": { list: ["12.0.0.0/8", "13.0.0.0/8"], families: [4] },
    "one, and one address more": { list: ["11.0.0.0/8", "12.0.0.0"], families: [4] },
    "one, and one address more in the form of IPv6": { list: ["11.0.0.0/8", "::ffff:12.0.0.0"], families: [4] },
    "many IPv6 blocks": { list: numbers(0x2400, 0x24ff).map((block) => `${block.toString(16)}::/16`), families: [6] },
    "an IPv6 block, and one address more": { list: ["2600::/16", "2601::"], families: [6] },
    "too much of both families": { list: ["11.0.0.0/8", "12.0.0.0/8", "2600::/16", "2601::/16"], families: [4, 6] },
    "a second network, mapped": { list: ["11.0.0.0/8", "::ffff:12.0.0.0/104"], families: [4] },
    "a second network, mapped, in groups": { list: ["11.0.0.0/8", "::FFFF:c00:0/104"], families: [4] },
    "a second network, compatible": { list: ["11.0.0.0/8", "::c00:0/104"], families: [4] },
    "a second network, through NAT64": { list: ["11.0.0.0/8", "64:ff9b::12.0.0.0/104"], families: [4] },
    "a second network, through 6to4": { list: ["11.0.0.0/8", "2002:c00::/24"], families: [4] },
  };
  for (const [what, { list, families }] of Object.entries(large)) {
    test(`are the Internet: ${what}`, () => {
      assert.deepEqual(union(list), families.map(tooLarge));
      assert.deepEqual(union([...list].reverse()), families.map(tooLarge), "in another order");
      assert.deepEqual(validateSources("sshSources", list, OPEN), [], "with openToInternet");
    });
  }

  test("an invalid entry is the only problem", () => {
    assert.equal(union(["12.0.0.0/8", "13.0.0.0/8", "office"]).length, 1);
  });

  test("agree with a count of each block, one by one", () => {
    const random = generator(7);
    const pick = (below: number): number => Math.floor(random() * below);
    // 16 blocks of length 12 are as many addresses as one network of length 8. The blocks lie around 10.0.0.0/8.
    const isPrivate = (block: number): boolean => block >> 4 === 10;
    const verdicts = { open: 0, closed: 0 };
    for (let round = 0; round < 2000; round++) {
      const blocks = new Set<number>();
      const list = Array.from({ length: 1 + pick(12) }, () => {
        const length = 8 + pick(5);
        const count = 1 << (12 - length);
        const first = (8 << 4) + pick((5 << 4) / count) * count;
        for (let block = first; block < first + count; block++) if (!isPrivate(block)) blocks.add(block);
        return written(first, length, pick(5));
      });
      const wanted = blocks.size > 16 ? [tooLarge(4)] : [];
      verdicts[blocks.size > 16 ? "open" : "closed"]++;
      assert.deepEqual(union([...new Set(list)]), wanted, `round ${round}: ${list.join(" ")}`);
    }
    assert.ok(Math.min(...Object.values(verdicts)) > 200, JSON.stringify(verdicts));
  });
});

/** An IPv4 network by its first block of length 12, as IPv4 or in one of IPv6's forms. */
function written(block: number, length: number, form: number): string {
  const high = (block << 4).toString(16);
  return (
    [
      `${block >> 4}.${(block & 15) << 4}.0.0/${length}`,
      `::ffff:${block >> 4}.${(block & 15) << 4}.0.0/${length + 96}`,
      `::${high}:0/${length + 96}`,
      `64:ff9b::${high}:0/${length + 96}`,
      `2002:${high}::/${length + 16}`,
    ][form] ?? assert.fail()
  );
}

/** Numbers from 0 to 1, the same ones in each run (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

suite("the limit of rules, and shared service tags", () => {
  test("both lists fit into one NSG", () => {
    const many = (count: number): string[] => Array<string>(count).fill("203.0.113.7");
    assert.deepEqual(validateRuleCount(many(999), []), []);
    assert.deepEqual(validateRuleCount(many(599), many(400)), []);
    assert.deepEqual(validateRuleCount(many(600), many(400)), [
      "dockerSources and sshSources must hold at most 999 entries together, Azure's limit of NSG rules (got 1000).",
    ]);
  });

  table<unknown>(
    "sharedServiceTags is a list",
    validateSharedServiceTags,
    [[], ["AzureDevOps"]],
    ["AzureDevOps", null, undefined, 7, {}],
    (value) => `sharedServiceTags must be a list of service tags (got ${given(value)}).`,
  );
  table<unknown>(
    "sharedServiceTags holds tags that other customers share",
    (tag) => validateSharedServiceTags([tag]),
    ["AzureDevOps", "azurecloud.westeurope", "Storage.NorthEurope", "AzureFrontDoor.Backend"],
    ["VirtualNetwork", "azureloadbalancer", "Internet", "INTERNET", "*", "203.0.113.7", "office", "", 7, null],
    (tag) =>
      `sharedServiceTags must hold service tags of shared services, such as "AzureDevOps" (got ${JSON.stringify(tag)}).`,
  );
  test("sharedServiceTags names each once", () => {
    assert.deepEqual(validateSharedServiceTags(["AzureDevOps", "AzureDevOps"]), [
      'sharedServiceTags must name "AzureDevOps" once, not twice.',
    ]);
  });
});
