/** The stack's configuration: which settings there are, in which form each comes, and what is refused with which words. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, beforeEach, suite, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { DEFAULTS, SettingsError } from "../../components/settings";
import { parseConfig, readConfig } from "../../config";
import { type Authority, makeAuthority } from "../support/authorities";

const PROJECT = "azure-docker-host";
const KNOWN =
  "dockerSources, sshSources, openToInternet, dockerPort, installer, dockerVersion, daemonOptions, forceUpdateTag, " +
  "clients, clientCaCerts, keyGeneration, caGenerations, caCertPem, caPrivateKeyPem, caStack, " +
  "shareCa, adminUsername, sshPublicKey, passwordLogin, adminPassword, publicIp, subnetId, dnsLabel, image, " +
  "vmSize, trustedLaunch, patchReboot, tags, protect";
const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKNJoFbWT1u9bPQPEKQmNv7Q7TPKmTqYEYFT0Dj1LUt me@laptop";
const PASSWORD = "Correct-horse1!";
const SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/hosts";

let acme: Authority;
before(async () => {
  acme = await makeAuthority();
});

beforeEach(async () => {
  await pulumi.runtime.setMocks(
    {
      call: ({ token }) => {
        throw new Error(`unexpected call of ${token}`);
      },
      newResource: ({ name }) => {
        throw new Error(`unexpected resource ${name}`);
      },
    },
    PROJECT,
    "dev",
    false,
    "acme",
  );
});

/** Sets the stack's configuration, by names in the project's own namespace. */
function configure(settings: Record<string, string>, secrets: string[] = []): void {
  pulumi.runtime.setAllConfig(
    Object.fromEntries(Object.entries(settings).map(([name, value]) => [`${PROJECT}:${name}`, value])),
    secrets.map((name) => `${PROJECT}:${name}`),
  );
}

/** The problems that reading refuses with. */
function problems(): string[] {
  try {
    readConfig();
  } catch (error) {
    assert.ok(error instanceof SettingsError, String(error));
    return error.problems;
  }
  return [];
}

const parse = (settings: Record<string, string>): ReturnType<typeof parseConfig> =>
  parseConfig(
    Object.fromEntries(Object.entries(settings).map(([name, value]) => [`${PROJECT}:${name}`, value])),
    PROJECT,
  );

suite("forms", () => {
  const list = "a list of strings (pulumi config set --path 'NAME[0]' VALUE)";
  const pairs: { name: string; passes: [text: string, value: unknown][]; fails: [text: string, allowed: string][] }[] =
    [
      {
        name: "dockerSources",
        passes: [
          ["[]", []],
          ['["203.0.113.0/24","VirtualNetwork"]', ["203.0.113.0/24", "VirtualNetwork"]],
          // What stands in the list is for the setting's own rule.
          ["[1]", [1]],
        ],
        fails: [
          ["203.0.113.0/24", list],
          ['{"0":"203.0.113.0/24"}', list],
          ["null", list],
          ['"203.0.113.0/24"', list],
          ["", list],
          ["[", list],
        ],
      },
      {
        name: "caGenerations",
        passes: [
          ["1", [1]],
          ["1,2", [1, 2]],
          [" 2 , 1", [2, 1]],
          ["0,0", [0, 0]],
        ],
        fails: ["", ",", "1,", "1;2", "[1]", "x", "1.5", "-1"].map((text) => [
          text,
          'whole numbers with commas between them, such as "1" or "1,2"',
        ]),
      },
      {
        name: "daemonOptions",
        passes: [
          ["{}", {}],
          ['{"debug":true,"log-opts":{"max-file":5}}', { debug: true, "log-opts": { "max-file": 5 } }],
        ],
        fails: ["", "[]", "null", '"x"', "debug"].map((text) => [
          text,
          "an object (pulumi config set --path NAME.KEY VALUE)",
        ]),
      },
      {
        name: "tags",
        passes: [
          ["{}", {}],
          // A stack's file has the text 42 as a number.
          ['{"team":"build","cost":42,"on":true}', { team: "build", cost: "42", on: "true" }],
          ['{"team":{}}', { team: {} }],
        ],
        fails: ["", "[]", "null", "team"].map((text) => [
          text,
          "texts by name (pulumi config set --path NAME.KEY VALUE)",
        ]),
      },
      {
        name: "protect",
        passes: [
          ["true", true],
          ["false", false],
        ],
        fails: [["yes", "true or false"]],
      },
      {
        name: "openToInternet",
        passes: [
          ["true", true],
          ["false", false],
        ],
        fails: ["", "True", "TRUE", "yes", "1", " true", "true\n"].map((text) => [text, "true or false"]),
      },
      {
        name: "dockerPort",
        passes: [
          ["4243", 4243],
          ["-1", -1],
          ["99999", 99999],
          // What is no whole number stays a text, which the setting's own rule refuses.
          ["", ""],
          ["1.5", "1.5"],
          ["1e3", "1e3"],
          ["0x10", "0x10"],
          [" 4243", " 4243"],
          ["4243\n", "4243\n"],
          ["٤٢٤٣", "٤٢٤٣"],
        ],
        fails: [],
      },
      {
        name: "adminUsername",
        passes: [
          ["ops", "ops"],
          ["true", "true"],
          ["42", "42"],
          [" ", " "],
        ],
        fails: [],
      },
      {
        name: "adminPassword",
        passes: [
          [PASSWORD, PASSWORD],
          ["", ""],
          ["[1]", "[1]"],
        ],
        fails: [],
      },
    ];
  for (const { name, passes, fails } of pairs) {
    test(name, () => {
      for (const [text, value] of passes) {
        assert.deepEqual(parse({ [name]: text }), { values: { [name]: value }, problems: [] }, text);
      }
      for (const [text, allowed] of fails) {
        assert.deepEqual(
          parse({ [name]: text }),
          { values: {}, problems: [`${name}: ${JSON.stringify(text)} is not allowed; allowed: ${allowed}`] },
          text,
        );
      }
    });
  }

  test("an empty text is none given", () => {
    const texts = [
      "installer",
      "dockerVersion",
      "forceUpdateTag",
      "caCertPem",
      "caStack",
      "adminUsername",
      "sshPublicKey",
      "dnsLabel",
      "image",
      "vmSize",
    ];
    assert.deepEqual(parse(Object.fromEntries(texts.map((name) => [name, ""]))), { values: {}, problems: [] });
  });

  test("what is in other namespaces is others'", () => {
    const others = {
      "azure-native:location": "westeurope",
      "azure-docker-host-2:dockerPort": "1",
      "docker-host:adminUsername": "root",
    };
    assert.deepEqual(parseConfig(others, PROJECT), { values: {}, problems: [] });
    assert.deepEqual(parseConfig({ ...others, [`${PROJECT}:dnsLabel`]: "one" }, PROJECT), {
      values: { dnsLabel: "one" },
      problems: [],
    });
  });

  for (const name of ["dockerPrt", "dockerport", "DockerPort", "", "a:b", "constructor", "toString", "__proto__"]) {
    test(`a name that is not known lists those that are: "${name}"`, () => {
      // An object's own entries, since a literal's __proto__ would be its prototype.
      const all = Object.fromEntries([[`${PROJECT}:${name}`, "hush"]]);
      assert.deepEqual(parseConfig(all, PROJECT), {
        values: {},
        problems: [`${name}: no such setting; known are: ${KNOWN}`],
      });
    });
  }

  test("all that is wrong is said at once", () => {
    assert.deepEqual(parse({ dockerSources: "1.2.3.4", trustedLaunch: "on", vmsize: "x", dockerPort: "1" }), {
      values: { dockerPort: 1 },
      problems: [
        `dockerSources: "1.2.3.4" is not allowed; allowed: ${list}`,
        'trustedLaunch: "on" is not allowed; allowed: true or false',
        `vmsize: no such setting; known are: ${KNOWN}`,
      ],
    });
  });
});

suite("reading a stack's configuration", () => {
  test("only what is set is there", () => {
    configure({ dockerSources: '["VirtualNetwork"]' });
    assert.deepEqual(readConfig(), { dockerSources: ["VirtualNetwork"] });
  });

  test("what Pulumi.yaml has for what is not set is none given", () => {
    configure({ dockerSources: '["VirtualNetwork"]', sshPublicKey: "", dnsLabel: "", dockerPort: "4243" });
    assert.deepEqual(readConfig(), { dockerSources: ["VirtualNetwork"], dockerPort: 4243 });
  });

  test("every setting arrives, each in its form", async () => {
    configure(
      {
        dockerSources: '["203.0.113.0/24","VirtualNetwork"]',
        sshSources: '["0.0.0.0/0"]',
        openToInternet: "true",
        dockerPort: "2376",
        installer: "CustomScript",
        dockerVersion: "28.2.*",
        daemonOptions: '{"log-level":"warn"}',
        forceUpdateTag: "2",
        clients: '["ann","bob"]',
        clientCaCerts: JSON.stringify([acme.certPem]),
        keyGeneration: "3",
        caGenerations: "1,2",
        shareCa: "true",
        adminUsername: "ops",
        sshPublicKey: SSH_KEY,
        passwordLogin: "true",
        adminPassword: PASSWORD,
        publicIp: "true",
        subnetId: SUBNET,
        dnsLabel: "build-host",
        image: "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest",
        vmSize: "Standard_D2s_v5",
        trustedLaunch: "false",
        patchReboot: "Never",
        tags: '{"team":"build"}',
        protect: "true",
      },
      ["adminPassword"],
    );
    const { adminPassword, ...plain } = readConfig();
    assert.deepEqual(plain, {
      dockerSources: ["203.0.113.0/24", "VirtualNetwork"],
      sshSources: ["0.0.0.0/0"],
      openToInternet: true,
      dockerPort: 2376,
      installer: "CustomScript",
      dockerVersion: "28.2.*",
      daemonOptions: { "log-level": "warn" },
      forceUpdateTag: "2",
      clients: ["ann", "bob"],
      clientCaCerts: [acme.certPem],
      keyGeneration: 3,
      caGenerations: [1, 2],
      shareCa: true,
      adminUsername: "ops",
      sshPublicKey: SSH_KEY,
      passwordLogin: true,
      publicIp: true,
      subnetId: SUBNET,
      dnsLabel: "build-host",
      image: "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest",
      vmSize: "Standard_D2s_v5",
      trustedLaunch: false,
      patchReboot: "Never",
      tags: { team: "build" },
      protect: true,
    });
    assert.ok(adminPassword, "the password arrives");
    assert.equal(await pulumi.isSecret(adminPassword), true);
    const value = await new Promise((resolve) => pulumi.unsecret(adminPassword).apply(resolve));
    assert.equal(value, PASSWORD);
  });

  test("a password that is not encrypted is refused, and not shown", () => {
    configure({ dockerSources: '["VirtualNetwork"]', passwordLogin: "true", adminPassword: PASSWORD });
    assert.deepEqual(problems(), [
      "adminPassword: the value (not shown) stands unencrypted in the stack's file; allowed: an encrypted one (pulumi config set --secret adminPassword)",
    ]);
    configure({ dockerSources: '["VirtualNetwork"]', passwordLogin: "true", adminPassword: PASSWORD }, [
      "adminPassword",
    ]);
    assert.deepEqual(problems(), []);
  });

  test("any other setting may be encrypted too", () => {
    configure({ dockerSources: '["VirtualNetwork"]', dnsLabel: "quiet-host" }, ["dockerSources", "dnsLabel"]);
    assert.deepEqual(readConfig(), { dockerSources: ["VirtualNetwork"], dnsLabel: "quiet-host" });
  });

  test("a host without a public address, in a subnet", () => {
    configure({ dockerSources: '["VirtualNetwork"]', publicIp: "false", subnetId: SUBNET });
    assert.deepEqual(readConfig(), { dockerSources: ["VirtualNetwork"], publicIp: false, subnetId: SUBNET });
  });

  const refused: { what: string; settings: Record<string, string>; starts: string[] }[] = [
    { what: "no source", settings: { dockerSources: "[]" }, starts: ["dockerSources: none given, "] },
    { what: "nothing at all", settings: {}, starts: ["dockerSources: none given, "] },
    { what: "an unknown setting", settings: { dockerPrt: "1" }, starts: ["dockerPrt: no such setting; "] },
    {
      what: "an empty port",
      settings: { dockerSources: '["VirtualNetwork"]', dockerPort: "" },
      starts: ['dockerPort: "" is not allowed; '],
    },
    {
      what: "a source that is no text",
      settings: { dockerSources: "[1]" },
      starts: ["dockerSources: 1 is not a string; "],
    },
    {
      what: "several rules broken",
      settings: { dockerSources: '["*"]', dockerPort: "22", adminUsername: "root", vmSize: "big" },
      starts: [
        'dockerSources: "*" is open to the Internet; ',
        "dockerPort: 22 is not allowed; ",
        'adminUsername: "root" is reserved ',
        'vmSize: "big" is no size ',
      ],
    },
    {
      what: "a tag that Azure refuses",
      settings: { dockerSources: '["VirtualNetwork"]', tags: '{"a/b":"x"}' },
      starts: ['tags: the name "a/b" is not allowed; '],
    },
    {
      what: "a password without login by it",
      settings: { dockerSources: '["VirtualNetwork"]', adminPassword: PASSWORD },
      starts: ["adminPassword: given (not shown), but passwordLogin is false; "],
    },
    {
      what: "no public address, and no subnet with another way out",
      settings: { dockerSources: '["VirtualNetwork"]', publicIp: "false" },
      starts: ["publicIp: false, but the host's own network has no other way out, "],
    },
    {
      what: "a name for an address that is not public",
      settings: { dockerSources: '["VirtualNetwork"]', publicIp: "false", subnetId: SUBNET, dnsLabel: "build" },
      starts: ['dnsLabel: "build" is for a public address, but publicIp is false; '],
    },
    {
      what: "a subnet that is none",
      settings: { dockerSources: '["VirtualNetwork"]', subnetId: "default" },
      starts: ['subnetId: "default" is no subnet\'s resource ID; '],
    },
    {
      what: "an empty password",
      settings: { dockerSources: '["VirtualNetwork"]', passwordLogin: "true", adminPassword: "" },
      starts: ["adminPassword: the value given (not shown) needs 12 to 72 characters (it has 0), "],
    },
    {
      what: "an SSH key that is none",
      settings: { dockerSources: '["VirtualNetwork"]', sshPublicKey: "~/.ssh/id_ed25519.pub" },
      starts: ["sshPublicKey: the value given (21 characters, not shown) is no public key; "],
    },
  ];
  for (const { what, settings, starts } of refused) {
    test(`refused: ${what}`, () => {
      configure(settings, ["adminPassword"]);
      const found = problems();
      assert.deepEqual(
        found.map((problem, index) => problem.slice(0, starts[index]?.length)),
        starts,
      );
      assert.ok(!found.join().includes(PASSWORD), "the password is not shown");
    });
  }
});

suite("clients and authorities", () => {
  const SOURCES = { dockerSources: '["VirtualNetwork"]' };
  const given = (): Record<string, string> => ({ caCertPem: acme.certPem, caPrivateKeyPem: acme.keyPem });
  const BASE = "acme/azure-docker-host/base";

  test("no clients are named: the component's default", () => {
    configure({ ...SOURCES, clients: "[]" });
    assert.deepEqual(readConfig(), { dockerSources: ["VirtualNetwork"] });
    configure({ ...SOURCES, clients: '[null,"ann"]' });
    assert.deepEqual(
      problems().map((problem) => problem.slice(0, 29)),
      ["clients: null is not allowed;"],
    );
  });

  test("authorities of clients are checked, and not shown", () => {
    const starts = [
      "clientCaCerts[1]: the value given (not shown) is not allowed; ",
      "clientCaCerts[2]: the value given (not shown) is not allowed; ",
    ];
    configure({ ...SOURCES, clientCaCerts: JSON.stringify([acme.certPem, acme.keyPem, null]) });
    const found = problems();
    assert.deepEqual(
      found.map((problem, index) => problem.slice(0, starts[index]?.length)),
      starts,
    );
    assert.ok(!found.join().includes("BEGIN EC"), "the key is not shown");
  });

  test("an authority of one's own arrives, its key as a secret, without the generations that Pulumi.yaml has", async () => {
    configure({ ...SOURCES, ...given(), caGenerations: "1" }, ["caPrivateKeyPem"]);
    const { caPrivateKeyPem, ...plain } = readConfig();
    assert.deepEqual(plain, { dockerSources: ["VirtualNetwork"], caCertPem: acme.certPem });
    assert.ok(caPrivateKeyPem, "the key arrives");
    assert.equal(await pulumi.isSecret(caPrivateKeyPem), true);
    const value = await new Promise((resolve) => pulumi.unsecret(caPrivateKeyPem).apply(resolve));
    assert.equal(value, acme.keyPem);
  });

  test("another stack's authority arrives, without the generations that Pulumi.yaml has", () => {
    configure({ ...SOURCES, caStack: BASE, caGenerations: "1", clients: "[]" });
    assert.deepEqual(readConfig(), { dockerSources: ["VirtualNetwork"], caStack: BASE });
  });

  test("a key that is not encrypted is refused, and not shown", () => {
    configure({ ...SOURCES, ...given() });
    assert.deepEqual(problems(), [
      "caPrivateKeyPem: the value (not shown) stands unencrypted in the stack's file; allowed: an encrypted one (pulumi config set --secret caPrivateKeyPem)",
    ]);
    configure({ ...SOURCES, ...given() }, ["caPrivateKeyPem"]);
    assert.deepEqual(problems(), []);
  });

  const other = "which is another authority; allowed: one of the two";
  const refused: Record<string, { settings: () => Record<string, string>; problems: string[] }> = {
    "an authority without its key": {
      settings: () => ({ caCertPem: acme.certPem }),
      problems: ["caCertPem and caPrivateKeyPem: only one of them is given; allowed: both, or neither"],
    },
    "a key without its authority": {
      settings: () => ({ caPrivateKeyPem: acme.keyPem }),
      problems: ["caCertPem and caPrivateKeyPem: only one of them is given; allowed: both, or neither"],
    },
    "an empty key": {
      settings: () => ({ ...given(), caPrivateKeyPem: "" }),
      problems: [
        'caPrivateKeyPem: the value given (not shown) is not allowed; allowed: PEM, "-----BEGIN PRIVATE KEY-----" and so on',
      ],
    },
    "generations beside an authority": {
      settings: () => ({ ...given(), caGenerations: "1,2" }),
      problems: [`caGenerations: given with caCertPem, ${other}`],
    },
    "a stack that is this one": {
      settings: () => ({ caStack: "acme/azure-docker-host/dev" }),
      problems: ['caStack: "acme/azure-docker-host/dev" is this stack itself; allowed: another stack of this program'],
    },
    "three authorities": {
      settings: () => ({ ...given(), caStack: BASE, caGenerations: "2" }),
      problems: [
        `caGenerations: given with caCertPem, ${other}`,
        `caGenerations: given with caStack, ${other}`,
        `caCertPem: given with caStack, ${other}`,
        `caPrivateKeyPem: given with caStack, ${other}`,
      ],
    },
    ...Object.fromEntries(
      ["base", "azure-docker-host/base", "a/b/c/d", "acme//base", "acme/azure docker/base", "/a/b"].map((name) => [
        `the stack ${name}`,
        {
          settings: () => ({ caStack: name }),
          problems: [
            `caStack: "${name}" is no stack's full name; allowed: ORGANIZATION/PROJECT/STACK (pulumi stack ls --all)`,
          ],
        },
      ]),
    ),
  };
  for (const [what, { settings, problems: expected }] of Object.entries(refused)) {
    test(`refused: ${what}`, () => {
      configure({ ...SOURCES, ...settings() }, ["caPrivateKeyPem"]);
      assert.deepEqual(problems(), expected);
    });
  }
});

suite("Pulumi.yaml", () => {
  /** What is declared there: by name the default as it is written, and whether there is a description. */
  const declared = Object.fromEntries(
    readFileSync(join(__dirname, "../../Pulumi.yaml"), "utf8")
      .replace(/^[^]*\nconfig:\n/, "")
      .split(/^(?= {2}\w+:$)/m)
      .map((block) => [
        /^ {2}(\w+):$/m.exec(block)?.[1] ?? "",
        {
          type: /^ {4}type: (.*)$/m.exec(block)?.[1],
          default: /^ {4}default: (.*)$/m.exec(block)?.[1],
          described: /^ {4}description: (>-\n {6})?\S+ \S+/m.test(block),
        },
      ]),
  );
  const written = (value: unknown): string =>
    typeof value === "string" && !/^[\d]*$/.test(value) ? value : JSON.stringify(value);

  test("every setting is declared there, and nothing else, but the secrets, which can't be", () => {
    assert.deepEqual(
      Object.keys(declared).sort(),
      KNOWN.split(", ")
        .filter((name) => !["adminPassword", "caPrivateKeyPem"].includes(name))
        .sort(),
    );
  });

  const NONE_GIVEN: Record<string, unknown> = {
    dockerSources: [],
    dockerVersion: "",
    forceUpdateTag: "",
    clients: [],
    clientCaCerts: [],
    caCertPem: "",
    caStack: "",
    shareCa: false,
    sshPublicKey: "",
    subnetId: "",
    dnsLabel: "",
    tags: {},
  };
  /** Numbers are texts there: see the comment beside the port. */
  const AS_TEXTS = {
    dockerPort: String(DEFAULTS.dockerPort),
    keyGeneration: String(DEFAULTS.keyGeneration),
    caGenerations: String(DEFAULTS.caGenerations),
  };
  for (const [name, { type, default: text, described }] of Object.entries(declared)) {
    test(`${name} has its default and a description there`, () => {
      const value = ({ ...NONE_GIVEN, ...DEFAULTS, ...AS_TEXTS } as Record<string, unknown>)[name];
      assert.notEqual(value, undefined);
      assert.equal(text, written(value));
      assert.equal(type, Array.isArray(value) ? "array" : typeof value);
      assert.ok(described, "described");
    });
  }

  test("with its defaults and one source, the configuration holds", () => {
    const unquoted = (text = ""): string => (text.startsWith('"') ? String(JSON.parse(text)) : text);
    configure({
      ...Object.fromEntries(Object.entries(declared).map(([name, { default: text }]) => [name, unquoted(text)])),
      dockerSources: '["VirtualNetwork"]',
    });
    assert.deepEqual(readConfig(), {
      ...DEFAULTS,
      dockerSources: ["VirtualNetwork"],
      clientCaCerts: [],
      shareCa: false,
      tags: {},
    });
  });
});
