/** Drift, found in pulumi's output, and its report. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { judge } from "../../../client/lib/drift/drift";
import type { Drift } from "../../../client/lib/drift/findings";
import type { Refresh } from "../../../client/lib/drift/pulumi";
import { code, escaped, reportLines, reportMarkdown } from "../../../client/lib/drift/report";
import { caOf, clientOf, serverOf } from "../../support/pki";

const MONTH = 30 * 24 * 60 * 60;
const STACK = "urn:pulumi:dev::azure-docker-host::pulumi:pulumi:Stack::azure-docker-host-dev";

type Step = NonNullable<Refresh["steps"]>[number];
type Inputs = Record<string, unknown>;

function step(type: string, name: string, old: Inputs, now: Inputs | undefined, more: Partial<Step> = {}): Step {
  const state = (inputs: Inputs): Step["oldState"] => ({ custom: true, type, id: `/groups/g/${name}`, inputs });
  return {
    op: now === undefined ? "delete" : "update",
    urn: `urn:pulumi:dev::azure-docker-host::${type}::${name}`,
    oldState: state(old),
    ...(now && { newState: state(now) }),
    ...more,
  };
}

const certificate = (name: string, certPem: string, earlyRenewalHours: number, ready = false): Step => {
  const state = {
    custom: true,
    type: "tls:index/selfSignedCert:SelfSignedCert",
    id: "1",
    inputs: { earlyRenewalHours },
    outputs: { certPem, readyForRenewal: ready },
  };
  return { op: "refresh", urn: `urn:pulumi:dev::p::${state.type}::${name}`, oldState: state, newState: state };
};

function stackStep(outputs: Inputs = {}): Step {
  const state = { custom: false, type: "pulumi:pulumi:Stack", outputs };
  return { op: "refresh", urn: STACK, oldState: state, newState: state };
}

function driftOf(steps: Step[], config: Record<string, string> = {}, within = MONTH): Drift {
  return judge({ steps: [stackStep(), ...steps], config }, {}, within);
}

const NSG = "azure-native:network:NetworkSecurityGroup";

describe("properties", () => {
  const properties = (old: Inputs, now: Inputs, more: Partial<Step> = {}): unknown =>
    driftOf([step(NSG, "nsg", old, now, more)]).changed[0]?.properties;

  test("values, additions, removals; names with dots; a list of texts as one", () => {
    assert.deepEqual(
      properties(
        { a: 1, tags: { "team.a": "x", b: "y" }, rules: [{ prefixes: ["1", "2"] }] },
        { a: 2, tags: { "team.a": "z", c: "w" }, rules: [{ prefixes: ["1"] }, { n: 1 }] },
      ),
      [
        { path: "a", old: 1, new: 2 },
        { path: 'tags["team.a"]', old: "x", new: "z" },
        { path: "tags.b", old: "y" },
        { path: "tags.c", new: "w" },
        { path: "rules[0].prefixes", old: ["1", "2"], new: ["1"] },
        { path: "rules[1]", new: { n: 1 } },
      ],
    );
  });

  test("rules belong together by name, in whatever order", () => {
    const [a, b] = [
      { name: "a", port: 1 },
      { name: "b", port: 2 },
    ];
    assert.equal(properties({ rules: [a, b] }, { rules: [b, a] }), undefined);
    assert.deepEqual(properties({ rules: [a, b] }, { rules: [{ name: "c" }, { ...b, port: 3 }] }), [
      { path: "rules[0]", old: a },
      { path: "rules[1].port", old: 2, new: 3 },
      { path: "rules[0]", new: { name: "c" } },
    ]);
  });

  test("none: equal ones, and those that Azure fills in", () => {
    assert.equal(properties({ a: { b: [1] } }, { a: { b: [1] } }), undefined);
    assert.equal(
      properties(
        { rules: [{ name: "a" }] },
        { etag: "1", provisioningState: "Failed", rules: [{ name: "a", etag: "1" }] },
      ),
      undefined,
    );
    assert.equal(driftOf([step(NSG, "nsg", {}, {}, { detailedDiff: { etag: { kind: "add" } } })]).ok, true);
  });

  test("a secret is hidden, even if it comes back unmarked", () => {
    const diff: Step["detailedDiff"] = { "os.password": { kind: "update", inputDiff: true } };
    const secret = { os: { password: "[secret]", user: "ann" } };
    const whole = [{ path: "os", old: "[secret]", new: "[secret]" }];
    assert.deepEqual(properties(secret, { os: { password: "hunter2", user: "ann" } }), whole);
    assert.deepEqual(properties(secret, { os: { pass: "hunter2" } }), whole);
    assert.deepEqual(properties({ os: "[secret]" }, { os: "hunter2" }), whole);
    assert.deepEqual(properties(secret, secret, { detailedDiff: diff }), [
      { path: "os.password", old: "[secret]", new: "[secret]" },
    ]);
    assert.deepEqual(properties(secret, { os: { password: "[secret]", user: "bob" } }, { detailedDiff: diff }), [
      { path: "os.user", old: "ann", new: "bob" },
    ]);
  });
});

describe("resources", () => {
  test("a change that replaces a resource, by the program or by the provider, is reported so", () => {
    const old = step("azure-native:compute:VirtualMachine", "vm", { a: { b: 1 }, c: 1 }, { a: { b: 2 }, c: 1 });
    assert.ok(old.oldState, "there is one");
    old.oldState.replaceOnChanges = ["a"];
    assert.match(driftOf([old]).changed[0]?.remedy ?? "", /^pulumi up --refresh REPLACES the VM and its disk/);
    old.oldState.replaceOnChanges = ["c"];
    assert.equal(driftOf([old]).changed[0]?.remedy, "pulumi up --refresh puts it back");
    old.detailedDiff = { "a.b": { kind: "update-replace", inputDiff: true } };
    assert.equal(driftOf([old]).changed[0]?.replaced, true);
  });

  test("missing ones: a VM with its disk, and a resource group before its resources", () => {
    const vm = step("azure-native:compute:VirtualMachine", "vm", {}, undefined);
    assert.equal(
      driftOf([vm]).missing[0]?.remedy,
      "pulumi up --refresh creates it again with a new disk. Images, containers and volumes are gone",
    );
    const group = step("azure-native:resources:ResourceGroup", "group", {}, undefined);
    assert.ok(group.oldState, "there is one");
    group.oldState.id = "/Groups/g";
    assert.deepEqual(
      driftOf([vm, group]).missing.map(({ name, goneWith }) => [name, goneWith]),
      [
        ["group", undefined],
        ["vm", "group"],
      ],
    );
  });

  test("an operation that was cut off", () => {
    const operations = [
      { type: "creating", resource: { urn: "urn:pulumi:dev::p::t::vm" } },
      { type: "updating", resource: { urn: "urn:pulumi:dev::p::t::nsg" } },
    ];
    const drift = judge({ steps: [stackStep()] }, { deployment: { pending_operations: operations } }, MONTH);
    assert.equal(drift.ok, false);
    assert.deepEqual(
      drift.pending.map(({ name, operation, remedy }) => [name, operation, /--clear-pending-creates/.test(remedy)]),
      [
        ["vm", "creating", true],
        ["nsg", "updating", false],
      ],
    );
  });

  test("fails: a stack without resources", () => {
    for (const nothing of [{}, { steps: [] }]) {
      assert.throws(() => judge(nothing, {}, MONTH), {
        message: "the stack has no resources. Run pulumi up first.",
        reason: "outputs",
      });
    }
  });
});

describe("certificates", () => {
  let [year, twenty, gone, ca] = ["", "", "", ""];
  before(async () => {
    year = (await clientOf("year")).cert;
    twenty = (await clientOf("twenty", { until: 20.5 })).cert;
    gone = (await clientOf("gone", { from: -3, until: -1.5 })).cert;
    ca = (await caOf("Acme")).cert;
  });
  const told = (drift: Drift): unknown =>
    drift.certificates.map(({ name, due, daysLeft, remedy }) => [name, due, daysLeft, remedy]);

  test("the stack's own: due by its hours or by the provider, near the end by --within, else not reported", () => {
    const DUE = "due: the next pulumi up renews it";
    assert.deepEqual(told(driftOf([certificate("leaf", year, 720)])), []);
    assert.deepEqual(told(driftOf([certificate("leaf", twenty, 720)])), [["leaf", true, 20, DUE]]);
    assert.deepEqual(told(driftOf([certificate("ca", year, 8760)])), [["ca", true, 364, DUE]]);
    assert.deepEqual(told(driftOf([certificate("leaf", year, 0, true)])), [["leaf", true, 364, DUE]]);
    assert.deepEqual(told(driftOf([certificate("leaf", gone, 720)])), [["leaf", true, -2, DUE]]);
    const [[, due, , remedy] = []] = told(driftOf([certificate("leaf", twenty, 240)])) as [
      string,
      boolean,
      number,
      string,
    ][];
    assert.equal(due, false);
    assert.match(remedy ?? "", /^from \d{4}-\d\d-\d\d on pulumi up renews it$/);
    assert.deepEqual(told(driftOf([certificate("leaf", twenty, 240)], {}, 24 * 60 * 60)), []);
  });

  test("given ones: the CA, its predecessors, another stack's clients, the clients' CAs, each once", () => {
    const config = { "p:clientCaCerts": JSON.stringify([ca, `${year}${gone}`]) };
    const outputs = { caCert: `${twenty}${gone}`, clientCerts: { leaf: year } };
    const drift = judge({ steps: [stackStep(outputs), certificate("leaf", year, 720)], config }, {}, MONTH);
    assert.equal(drift.looked, 4);
    assert.deepEqual(told(drift), [
      ["caCert[0]", false, 20, "set caCertPem and caPrivateKeyPem to a new CA, then run pulumi up"],
      ["caCert[1]", false, -2, "remove it from caCertPem, then run pulumi up"],
    ]);
    const other = judge({ steps: [stackStep({ ...outputs, caStack: "acme/p/base" })] }, {}, MONTH);
    assert.deepEqual(
      other.certificates.map(({ remedy }) => remedy),
      Array(2).fill("pulumi up of acme/p/base renews it. Then run pulumi up here"),
    );
    const ofClients = judge(
      { steps: [stackStep()], config: { "p:clientCaCerts": JSON.stringify([year, gone]) } },
      {},
      MONTH,
    );
    assert.deepEqual(told(ofClients), [
      [
        "clientCaCerts[1]",
        false,
        -2,
        "set a new one with pulumi config set --path 'clientCaCerts[1]' < ca.pem, then run pulumi up",
      ],
    ]);
  });

  test("fails: a text that is no certificate between its BEGIN and END", () => {
    const caCert = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----";
    assert.throws(() => judge({ steps: [stackStep({ caCert })] }, {}, MONTH), {
      message: "caCert[0] must be a PEM certificate (got something else between its BEGIN and END).",
    });
  });

  test("secrets and values that are no certificate are skipped", async () => {
    const server = await serverOf(await caOf("Acme"), ["a.example"]);
    const drift = judge(
      {
        steps: [stackStep({ caCert: "[secret]", clientCerts: { a: 1, b: server.cert } })],
        config: { "p:clientCaCerts": "[secret]" },
      },
      {},
      MONTH,
    );
    assert.equal(drift.looked, 1);
  });
});

describe("the report", () => {
  const drift = (): Drift =>
    driftOf([
      step(NSG, "a-nsg", { t: "old" }, { t: "a|b\n`c`\u001b[31m" }),
      step(NSG, "b", {}, undefined),
      step(NSG, "long", {}, { t: "x".repeat(500) }),
    ]);

  test("as lines: each finding stays on its own line", () => {
    assert.deepEqual(reportLines(drift()), [
      "dev",
      "  ✗ resources              3 of 3 not as the last up left them",
      "  ✓ certificates           0",
      "  ✓ operations             none cut off",
      "  missing      b      NetworkSecurityGroup, is gone",
      "                      pulumi up --refresh puts it back",
      '  changed      a-nsg  t: "old" → "a|b\\n`c`\\u001b[31m"',
      "                      pulumi up --refresh puts it back",
      `  changed      long   t: added "${"x".repeat(199)}…`,
      "                      pulumi up --refresh puts it back",
    ]);
  });

  test("as Markdown: no value ends a cell, a line or its code", () => {
    const lines = reportMarkdown(drift()).split("\n");
    assert.equal(lines[0], "### Drift: stack `dev`");
    assert.equal(
      lines[9],
      '| changed | `a-nsg` | `` t: "old" → "a\\|b\\n`c`\\u001b[31m" `` | pulumi up --refresh puts it back |',
    );
    assert.equal(lines.length, 11);
    assert.equal(reportMarkdown(driftOf([])).split("\n")[0], "### No drift: stack `dev`");
    assert.equal(escaped("a|b\n<b> *x*"), String.raw`a\|b \<b\> \*x\*`);
    assert.equal(code("a\n|`"), "`` a \\|` ``");
  });
});
