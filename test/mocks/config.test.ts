/** The stack's configuration: the settings, the form of each, and the words of those that fail. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, beforeEach, suite, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { parse as parseYaml } from "yaml";
import { completeArgs } from "../../components/completeArgs";
import { type Form, type Row, SETTINGS, rowOf } from "../../components/settings";
import { SettingsError } from "../../components/settingsError";
import { PROGRAM_SETTINGS, parseConfig, readConfig } from "../../config";
import { type Ca, makeCa } from "../support/ca";
import { type Samples, asConfig, samplesWith } from "../support/settingSamples";

const PROJECT = "azure-docker-host";
/** The settings that a stack's configuration can hold. */
const CONFIGURED = Object.entries<Row>({ ...SETTINGS, ...PROGRAM_SETTINGS })
  .filter(([, { isProgramOnly }]) => isProgramOnly !== true)
  .map(([name]) => name);
const KNOWN = CONFIGURED.join(", ");
const FORMS =
  'a CIDR ("203.0.113.0/24", "2001:db8::/48"), an address ("203.0.113.7") or a service tag ("VirtualNetwork")';
const SOURCES = { dockerSources: '["VirtualNetwork"]' };
const PASSWORD = "Correct-horse1!";
const SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/hosts";

let acme: Ca;
let leaf: Ca;
before(async () => {
  [acme, leaf] = await Promise.all([makeCa(), makeCa({ commonName: "ann", isCa: false })]);
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

/** One value of each setting. */
const samplesOf = (): Record<string, unknown> & Samples => ({ ...samplesWith(leaf.certPem, acme.certPem) });

/** Values as a stack's configuration holds them. */
function asTexts(values: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, asConfig(name, value)]));
}

/** Whether an encrypted setting stays a secret: all of it, its entries, or not. Undefined for one that is always a secret. */
function secrecyOf(name: string): string | undefined {
  const row = rowOf(name);
  return row?.isSecret === true ? undefined : (row?.takesOutputs ?? "not");
}

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

/** What comes of a value that is wrapped in an output, and whether it is a secret. */
async function valueOf(output: unknown): Promise<{ value: unknown; isSecret: boolean }> {
  assert.ok(pulumi.Output.isInstance(output), `an output: ${String(output)}`);
  const value = await new Promise((resolve) => pulumi.unsecret(output).apply(resolve));
  return { value, isSecret: await pulumi.isSecret(output) };
}

suite("forms", () => {
  const forms: Record<string, [text: string, value: unknown][]> = {
    dockerSources: [
      ['["203.0.113.0/24","VirtualNetwork"]', ["203.0.113.0/24", "VirtualNetwork"]],
      ["[1]", [1]],
      // A value of another form is for the setting's own rule.
      ["203.0.113.0/24", "203.0.113.0/24"],
      ['{"0":"203.0.113.0/24"}', { 0: "203.0.113.0/24" }],
      ["null", "null"],
      ['"203.0.113.0/24"', "203.0.113.0/24"],
      ["", ""],
      ["[", "["],
    ],
    caGenerations: [
      ["1", [1]],
      ["1,2", [1, 2]],
      [" 2 , 1", [2, 1]],
      ["0,0", [0, 0]],
      ...[",", "1,", "1;2", "[1]", "x", "1.5", "-1"].map((text): [string, unknown] => [text, text]),
    ],
    daemonOptions: [
      ['{"debug":true,"log-opts":{"max-file":5}}', { debug: true, "log-opts": { "max-file": 5 } }],
      ...["", "[]", "null", '"x"', "debug"].map((text): [string, unknown] => [text, text]),
    ],
    tags: [
      // A stack's file has the text 42 as a number.
      ['{"team":"build","cost":42,"on":true}', { team: "build", cost: "42", on: "true" }],
      ['{"team":{}}', { team: {} }],
      ...["", "[]", "null", "team"].map((text): [string, unknown] => [text, text]),
    ],
    openToInternet: [
      ["true", true],
      ["false", false],
      ...["", "True", "TRUE", "yes", "1", " true", "true\n"].map((text): [string, unknown] => [text, text]),
    ],
    dockerPort: [
      ["4243", 4243],
      ["-1", -1],
      ["99999", 99999],
      ...["", "1.5", "1e3", "0x10", " 4243", "4243\n", "٤٢٤٣"].map((text): [string, unknown] => [text, text]),
    ],
    adminUsername: ["ops", "true", "42", " "].map((text) => [text, text]),
    adminPassword: [PASSWORD, "", "[1]"].map((text) => [text, text]),
    caStack: [["acme/azure-docker-host/base", "acme/azure-docker-host/base"]],
    shareCa: [
      ["true", true],
      ["yes", "yes"],
    ],
  };
  for (const [name, values] of Object.entries(forms)) {
    test(name, () => {
      for (const [text, value] of values) assert.deepEqual(parse({ [name]: text }), { [name]: value }, text);
    });
  }

  test("an empty text, list or object is not set", () => {
    const texts = Object.entries<Row>({ ...SETTINGS, ...PROGRAM_SETTINGS })
      .filter(([, { form, isSecret }]) => form === "string" && isSecret !== true)
      .map(([name]): [string, string] => [name, ""]);
    const others = { dockerSources: "[]", clients: "[]", daemonOptions: "{}", tags: "{}", caGenerations: "" };
    assert.deepEqual(parse({ ...Object.fromEntries(texts), ...others }), {});
    assert.ok(texts.length > 10, `${texts.length} texts`);
  });

  const wrong: Record<string, { settings: Record<string, string>; problems: string[] }> = {
    "a list as one text": {
      settings: { dockerSources: "203.0.113.0/24" },
      problems: [
        `dockerSources must be a list, each entry ${FORMS} (got "203.0.113.0/24").`,
        "dockerSources must be set entry by entry: pulumi config set --path 'dockerSources[0]' VALUE",
      ],
    },
    "clients as one text": {
      settings: { ...SOURCES, clients: "ann,bob" },
      problems: [
        'clients must be a list of names, each of 1 to 32 lower-case letters, digits, "-", "_" and ".", beginning with a letter or digit (got "ann,bob").',
        "clients must be set entry by entry: pulumi config set --path 'clients[0]' VALUE",
      ],
    },
    "an object as one text": {
      settings: { ...SOURCES, daemonOptions: "debug" },
      problems: [
        'daemonOptions must be an object of daemon.json\'s options, such as { "log-level": "warn" } (got "debug").',
        "daemonOptions must be set name by name: pulumi config set --path daemonOptions.NAME VALUE",
      ],
    },
    "tags as one text": {
      settings: { ...SOURCES, tags: "team" },
      problems: [
        'tags must be texts by name, such as { "team": "build" } (got "team").',
        "tags must be set name by name: pulumi config set --path tags.NAME VALUE",
      ],
    },
    "a list instead of an object": {
      settings: { ...SOURCES, tags: "[1]" },
      problems: [
        'tags must be texts by name, such as { "team": "build" } (got "[1]").',
        "tags must be set name by name: pulumi config set --path tags.NAME VALUE",
      ],
    },
    "generations with a semicolon": {
      settings: { ...SOURCES, caGenerations: "1;2" },
      problems: [
        'caGenerations must be whole numbers, 1 or more, each once, such as [1] or [1, 2] (got "1;2"). The first one signs.',
      ],
    },
    "a port with a decimal point": {
      settings: { ...SOURCES, dockerPort: "1.5" },
      problems: ['dockerPort must be between 1 and 65535, and not 22 (got "1.5").'],
    },
    "an empty port": {
      settings: { ...SOURCES, dockerPort: "" },
      problems: ['dockerPort must be between 1 and 65535, and not 22 (got "").'],
    },
    "neither true nor false": {
      settings: { ...SOURCES, protect: "yes", shareCa: "on" },
      problems: ['protect must be true or false (got "yes").', 'shareCa must be true or false (got "on").'],
    },
  };
  for (const [what, { settings, problems: expected }] of Object.entries(wrong)) {
    test(`fails: ${what}`, () => {
      configure(settings);
      assert.deepEqual(problems(), expected);
    });
  }

  test("settings of other namespaces are ignored", () => {
    const others = {
      "azure-native:location": "westeurope",
      "azure-docker-host-2:dockerPort": "1",
      "docker-host:adminUsername": "root",
    };
    assert.deepEqual(parseConfig(others, PROJECT), {});
    assert.deepEqual(parseConfig({ ...others, [`${PROJECT}:dnsLabel`]: "one" }, PROJECT), { dnsLabel: "one" });
  });

  const unknown = ["dockerPrt", "dockerport", "DockerPort", "", "a:b", "constructor", "toString", "__proto__"];
  for (const name of [...unknown, "resourceGroupName", "location", "trustedClientCerts"]) {
    test(`an unknown name fails with the names of all settings: "${name}"`, () => {
      pulumi.runtime.setAllConfig(
        Object.fromEntries(
          Object.entries(SOURCES)
            .concat([[name, "hush"]])
            .map(([key, value]) => [`${PROJECT}:${key}`, value]),
        ),
      );
      assert.deepEqual(problems(), [`${name} must be one of the settings: ${KNOWN}.`]);
    });
  }

  const former = {
    authorityGenerations: "caGenerations",
    authorityStack: "caStack",
    shareAuthority: "shareCa",
    clientAuthorities: "clientCaCerts",
    clientCertPems: "trustedClientCerts",
    publicAddress: "publicIp",
    production: "protect",
  };
  for (const [name, now] of Object.entries(former)) {
    test(`a former name gets its new one: ${name}`, () => {
      configure({ ...SOURCES, [name]: "true" });
      assert.deepEqual(problems(), [`${name} must be called ${now}. It has a new name.`]);
    });
  }

  test("all problems at once", () => {
    const settings = {
      dockerSources: "1.2.3.4",
      trustedLaunch: "on",
      vmsize: "x",
      dockerPort: "1.5",
      production: "true",
      adminUsername: "root",
      passwordLogin: "true",
      adminPassword: PASSWORD,
      caStack: "base",
    };
    configure(settings, ["adminUsername"]);
    assert.deepEqual(problems(), [
      `vmsize must be one of the settings: ${KNOWN}.`,
      "production must be called protect. It has a new name.",
      `dockerSources must be a list, each entry ${FORMS} (got "1.2.3.4").`,
      'dockerPort must be between 1 and 65535, and not 22 (got "1.5").',
      'adminUsername must be a name that neither Azure nor Ubuntu reserves, such as "azureuser" (got "root").',
      'trustedLaunch must be true or false (got "on").',
      'caStack must be a stack\'s full name, ORGANIZATION/PROJECT/STACK (got "base"). To list them: pulumi stack ls --all',
      "dockerSources must be set entry by entry: pulumi config set --path 'dockerSources[0]' VALUE",
      "adminUsername must not be encrypted, because the state holds it in plain text. Set it again without --secret.",
      "adminPassword must be encrypted (pulumi config set --secret adminPassword; value not shown).",
    ]);
  });
});

suite("reading a stack's configuration", () => {
  test("only settings that are set are there", () => {
    configure({ dockerSources: '["VirtualNetwork"]' });
    assert.deepEqual(readConfig(), { dockerSources: ["VirtualNetwork"] });
  });

  test("the empty defaults of Pulumi.yaml are no values", () => {
    configure({ dockerSources: '["VirtualNetwork"]', sshPublicKey: "", dnsLabel: "", dockerPort: "4243" });
    assert.deepEqual(readConfig(), { dockerSources: ["VirtualNetwork"], dockerPort: 4243 });
  });

  test("every setting arrives, each in its form", async () => {
    const samples = Object.fromEntries(Object.entries(samplesOf()).filter(([name]) => CONFIGURED.includes(name)));
    configure({ ...asTexts(samples), shareCa: "true" }, ["adminPassword"]);
    const { adminPassword, ...arrived } = readConfig();
    assert.deepEqual({ ...arrived, adminPassword: PASSWORD }, { ...samples, shareCa: true });
    assert.deepEqual(await valueOf(adminPassword), { value: PASSWORD, isSecret: true });
  });

  test("a password that is not encrypted is refused, and not shown", () => {
    configure({ dockerSources: '["VirtualNetwork"]', passwordLogin: "true", adminPassword: PASSWORD });
    assert.deepEqual(problems(), [
      "adminPassword must be encrypted (pulumi config set --secret adminPassword; value not shown).",
    ]);
    configure({ dockerSources: '["VirtualNetwork"]', passwordLogin: "true", adminPassword: PASSWORD }, [
      "adminPassword",
    ]);
    assert.deepEqual(problems(), []);
  });

  test("an encrypted value stays a secret", async () => {
    const names = CONFIGURED.filter((name) => name !== "caCertPem" && secrecyOf(name) === "whole");
    const values = Object.entries(samplesOf()).filter(([name]) => names.includes(name));
    assert.deepEqual(values.map(([name]) => name).sort(), names.sort());
    configure({ ...asTexts(Object.fromEntries(values)), installer: "CustomScript" }, names);
    const { installer, ...secrets } = { ...readConfig() } as Record<string, unknown>;
    assert.equal(installer, "CustomScript");
    assert.deepEqual(Object.keys(secrets).sort(), names.sort());
    for (const [name, value] of values) {
      assert.deepEqual(await valueOf(secrets[name]), { value, isSecret: true }, name);
    }
  });

  test("of an encrypted list that the program must count, each entry is a secret", async () => {
    configure({ ...SOURCES, clientCaCerts: JSON.stringify([acme.certPem]) }, ["clientCaCerts"]);
    const { clientCaCerts = [] } = readConfig();
    assert.equal(clientCaCerts.length, 1);
    assert.deepEqual(await valueOf(clientCaCerts[0]), { value: acme.certPem, isSecret: true });
  });

  for (const name of CONFIGURED.filter((each) => secrecyOf(each) === "not")) {
    test(`${name} takes no outputs, so it must not be encrypted`, () => {
      const program = { caStack: "acme/azure-docker-host/base", shareCa: "true" };
      const text = { ...asTexts(samplesOf()), ...program }[name] ?? assert.fail(name);
      configure({ ...SOURCES, ...(name === "caStack" && { clients: '["ann"]' }), [name]: text }, [name]);
      assert.deepEqual(problems(), [
        `${name} must not be encrypted, because the state holds it in plain text. Set it again without --secret.`,
      ]);
      configure({ ...SOURCES, [name]: text });
      assert.deepEqual(problems(), [], "in plain text");
    });
  }

  test("encrypted options of the daemon need the installer that keeps them secret", async () => {
    const settings = { ...SOURCES, daemonOptions: '{"labels":["a=b"]}' };
    configure(settings, ["daemonOptions"]);
    const refused = [
      "daemonOptions must not be a secret with the DockerExtension, which takes them in public settings. Set installer to CustomScript.",
    ];
    assert.deepEqual(problems(), refused);
    configure({ ...settings, installer: "DockerExtension" }, ["daemonOptions"]);
    assert.deepEqual(problems(), refused);
    configure({ ...settings, installer: "CustomScript" }, ["daemonOptions"]);
    assert.deepEqual(await valueOf(readConfig().daemonOptions), { value: { labels: ["a=b"] }, isSecret: true });
    configure(settings);
    assert.deepEqual(problems(), []);
  });

  test("a host without a public IP, in a subnet", () => {
    configure({ dockerSources: '["VirtualNetwork"]', publicIp: "false", subnetId: SUBNET });
    assert.deepEqual(readConfig(), { dockerSources: ["VirtualNetwork"], publicIp: false, subnetId: SUBNET });
  });

  const refused: { what: string; settings: Record<string, string>; problems: string[] }[] = [
    {
      what: "no source",
      settings: { dockerSources: "[]" },
      problems: [
        `dockerSources must name who may reach the Docker port, at least one entry, each ${FORMS} (got none).`,
      ],
    },
    {
      what: "nothing at all",
      settings: {},
      problems: [
        `dockerSources must name who may reach the Docker port, at least one entry, each ${FORMS} (got none).`,
      ],
    },
    {
      what: "a source that is no text",
      settings: { dockerSources: "[1]" },
      problems: [`dockerSources must hold texts, each ${FORMS} (got 1).`],
    },
    {
      what: "a tag that other customers share",
      settings: { dockerSources: '["AzureCloud"]', sharedServiceTags: '["AzureDevOps"]' },
      problems: [
        'dockerSources must not hold a service tag that other Azure customers share (got "AzureCloud"). Add it to sharedServiceTags if all of them may reach the port.',
      ],
    },
    {
      what: "several rules broken",
      settings: { dockerSources: '["*"]', dockerPort: "22", adminUsername: "root", vmSize: "big" },
      problems: [
        'dockerSources must not be open to the Internet (got "*"). Name the addresses that may reach the port, or set openToInternet to true.',
        "dockerPort must be between 1 and 65535, and not 22 (got 22).",
        'adminUsername must be a name that neither Azure nor Ubuntu reserves, such as "azureuser" (got "root").',
        'vmSize must be one of Azure\'s sizes, such as "Standard_B2s_v2" (got "big"). To list them: az vm list-sizes --location REGION',
      ],
    },
    {
      what: "a tag that Azure refuses",
      settings: { ...SOURCES, tags: '{"a/b":"x"}' },
      problems: [
        'tags must have names of 1 to 512 characters, without <>%&\\?/, that don\'t begin with "microsoft", "azure" or "windows" (got "a/b").',
      ],
    },
    {
      what: "a password without login by it",
      settings: { ...SOURCES, adminPassword: PASSWORD },
      problems: [
        "adminPassword must be left out when passwordLogin is false. Set passwordLogin to true to log in by password.",
      ],
    },
    {
      what: "no public IP, and no subnet with another way out",
      settings: { ...SOURCES, publicIp: "false" },
      problems: [
        "publicIp must be true without a subnetId (got false). The network that this program makes has no other way out, so nothing could be installed.",
      ],
    },
    {
      what: "a DNS label for an address that is not public",
      settings: { ...SOURCES, publicIp: "false", subnetId: SUBNET, dnsLabel: "build" },
      problems: ["dnsLabel must be left out when publicIp is false: a private address has no label."],
    },
    {
      what: "an empty password",
      settings: { ...SOURCES, passwordLogin: "true", adminPassword: "" },
      problems: [
        "adminPassword must have 12 to 72 characters (it has 0), a lower-case letter, an upper-case letter, a digit, one of !@#$%^&+= (value not shown).",
      ],
    },
    {
      what: "an SSH key that is none",
      settings: { ...SOURCES, sshPublicKey: "~/.ssh/id_ed25519.pub" },
      problems: [
        'sshPublicKey must be one line in OpenSSH form, "ssh-ed25519 AAAA…" or "ssh-rsa AAAA…" of 2048 bits or more (got 21 characters that are no public key, not shown).',
      ],
    },
  ];
  for (const { what, settings, problems: expected } of refused) {
    test(`fails: ${what}`, () => {
      configure(settings, ["adminPassword"]);
      assert.deepEqual(problems(), expected);
    });
  }
});

suite("clients and CAs", () => {
  const given = (): Record<string, string> => ({ caCertPem: acme.certPem, caPrivateKeyPem: acme.keyPem });
  const BASE = "acme/azure-docker-host/base";

  test("no clients are named: the component's default", () => {
    configure({ ...SOURCES, clients: "[]" });
    assert.deepEqual(readConfig(), { dockerSources: ["VirtualNetwork"] });
    configure({ ...SOURCES, clients: '[null,"ann"]' });
    assert.deepEqual(problems(), [
      'clients must hold names of 1 to 32 lower-case letters, digits, "-", "_" and ".", beginning with a letter or digit (got null).',
    ]);
  });

  test("CAs of clients are checked, and not shown", () => {
    configure({ ...SOURCES, clientCaCerts: JSON.stringify([acme.certPem, acme.keyPem, null]) });
    assert.deepEqual(
      problems(),
      [1, 2].map(
        (index) =>
          `clientCaCerts[${index}] must be PEM, beginning with "-----BEGIN CERTIFICATE-----" (value not shown).`,
      ),
    );
  });

  test("a CA of one's own arrives, its key as a secret, without the generations that Pulumi.yaml has", async () => {
    configure({ ...SOURCES, ...given(), caGenerations: "" }, ["caPrivateKeyPem"]);
    const { caPrivateKeyPem, ...plain } = readConfig();
    assert.deepEqual(plain, { dockerSources: ["VirtualNetwork"], caCertPem: acme.certPem });
    assert.deepEqual(await valueOf(caPrivateKeyPem), { value: acme.keyPem, isSecret: true });
  });

  test("another stack's CA arrives, without the generations that Pulumi.yaml has", () => {
    configure({ ...SOURCES, caStack: BASE, caGenerations: "", clients: "[]" });
    assert.deepEqual(readConfig(), { dockerSources: ["VirtualNetwork"], caStack: BASE });
  });

  test("a key that is not encrypted is refused, and not shown", () => {
    configure({ ...SOURCES, ...given() });
    assert.deepEqual(problems(), [
      "caPrivateKeyPem must be encrypted (pulumi config set --secret caPrivateKeyPem; value not shown).",
    ]);
    configure({ ...SOURCES, ...given() }, ["caPrivateKeyPem"]);
    assert.deepEqual(problems(), []);
  });

  const byStack = "must be left out when caStack is set: that stack's CA signs.";
  const refused: Record<string, { settings: () => Record<string, string>; problems: string[] }> = {
    "a CA without its key": {
      settings: () => ({ caCertPem: acme.certPem }),
      problems: ["caCertPem and caPrivateKeyPem must be set together (got only caCertPem)."],
    },
    "a key without its CA": {
      settings: () => ({ caPrivateKeyPem: acme.keyPem }),
      problems: ["caCertPem and caPrivateKeyPem must be set together (got only caPrivateKeyPem)."],
    },
    "an empty key": {
      settings: () => ({ ...given(), caPrivateKeyPem: "" }),
      problems: ['caPrivateKeyPem must be PEM, beginning with "-----BEGIN PRIVATE KEY-----" (value not shown).'],
    },
    "generations beside a CA": {
      settings: () => ({ ...given(), caGenerations: "1,2" }),
      problems: ["caGenerations must be left out when caCertPem is set: the given CA signs."],
    },
    "a stack that is this one": {
      settings: () => ({ caStack: "acme/azure-docker-host/dev" }),
      problems: ['caStack must be another stack than this one (got "acme/azure-docker-host/dev").'],
    },
    "three CAs": {
      settings: () => ({ ...given(), caStack: BASE, caGenerations: "2" }),
      problems: [
        "caGenerations must be left out when caCertPem is set: the given CA signs.",
        `caGenerations ${byStack}`,
        `caCertPem ${byStack}`,
        `caPrivateKeyPem ${byStack}`,
      ],
    },
    ...Object.fromEntries(
      ["base", "azure-docker-host/base", "a/b/c/d", "acme//base", "acme/azure docker/base", "/a/b"].map((name) => [
        `the stack ${name}`,
        {
          settings: () => ({ caStack: name }),
          problems: [
            `caStack must be a stack's full name, ORGANIZATION/PROJECT/STACK (got "${name}"). To list them: pulumi stack ls --all`,
          ],
        },
      ]),
    ),
  };
  for (const [what, { settings, problems: expected }] of Object.entries(refused)) {
    test(`fails: ${what}`, () => {
      configure({ ...SOURCES, ...settings() }, ["caPrivateKeyPem"]);
      assert.deepEqual(problems(), expected);
    });
  }
});

suite("Pulumi.yaml", () => {
  interface Declared {
    type: string;
    default: unknown;
    description: string;
  }
  const text = readFileSync(join(__dirname, "../../Pulumi.yaml"), "utf8");
  const { config: declared } = parseYaml(text) as { config: Record<string, Declared> };
  const rows: Record<string, Row> = { ...SETTINGS, ...PROGRAM_SETTINGS };

  test("every setting is declared there, and nothing else, but the secrets, which can't be", () => {
    assert.deepEqual(
      Object.keys(declared).sort(),
      KNOWN.split(", ")
        .filter((name) => rows[name]?.isSecret !== true)
        .sort(),
    );
  });

  const EMPTY: Partial<Record<Form, unknown>> = { list: [], object: {}, texts: {}, string: "", integers: "" };
  const TYPES: Partial<Record<Form, string>> = { list: "array", object: "object", texts: "object", boolean: "boolean" };
  for (const [name, { type, default: value, description }] of Object.entries(declared)) {
    test(`${name} has its default, or an empty one, and a description there`, () => {
      const { form, default: own } = rows[name] ?? assert.fail(name);
      // Numbers are texts there, so that the program answers a wrong one.
      const written = form === "integer" ? String(own) : form === "integers" ? "" : (own ?? EMPTY[form]);
      assert.deepEqual([type, value], [TYPES[form] ?? "string", written]);
      assert.match(description, /\S+ \S+/);
    });
  }

  test("its defaults and one source make a host without any other setting", () => {
    const texts = Object.entries(declared).map(([name, { default: value }]): [string, string] => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    configure({ ...Object.fromEntries(texts), ...SOURCES });
    const { shareCa, ...args } = readConfig();
    assert.equal(shareCa, false);
    assert.deepEqual(
      completeArgs("web", { resourceGroupName: "group", ...args }),
      completeArgs("web", { resourceGroupName: "group", dockerSources: ["VirtualNetwork"] }),
    );
  });
});
