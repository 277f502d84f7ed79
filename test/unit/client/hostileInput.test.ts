/** Whatever others write, the client's parsers answer or refuse in words: no TypeError, no hang, no control characters. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { adviceFor } from "../../../client/lib/advice/advice";
import { describeCertificate, pemCertificates } from "../../../client/lib/certificate";
import { parseDirectoryBefore, parseSetRecord } from "../../../client/lib/connection";
import { judge } from "../../../client/lib/drift/drift";
import { parseExported, parseRefresh } from "../../../client/lib/drift/pulumi";
import { reportLines, reportMarkdown } from "../../../client/lib/drift/report";
import { Failure } from "../../../client/lib/failure";
import { oneLine, plainJson, plainText } from "../../../client/lib/plainText.cjs";
import { parseOutputs } from "../../../client/lib/stack";

/** Fixed, and part of each failure's message, so that a failure can be repeated. */
const SEED = 20261128;
const runs = { seed: SEED, numRuns: 150 };

const text = fc.string({ unit: "binary", maxLength: 200 });
const json = fc.jsonValue({ maxDepth: 3 });

/** An object with the names that are read: nearly always what is expected, else anything; those that are optional may be absent. */
function objectWith(values: Record<string, fc.Arbitrary<unknown>>, optional: string[] = []): fc.Arbitrary<unknown> {
  const each = Object.entries(values).map(([name, value]) => [
    name,
    fc.oneof({ weight: 60, arbitrary: value }, { weight: 1, arbitrary: json }),
  ]);
  const model = Object.fromEntries(each) as Record<string, fc.Arbitrary<unknown>>;
  return fc.record(model, { requiredKeys: Object.keys(values).filter((name) => !optional.includes(name)) });
}

const pem = text.map((inside) => `-----BEGIN CERTIFICATE-----\n${inside}\n-----END CERTIFICATE-----`);
const urn = text.map((name) => `urn:pulumi:dev::p::azure-native:network:NetworkSecurityGroup::${name}`);
const type = fc.constantFrom("pulumi:pulumi:Stack", "tls:index:Cert", "azure-native:resources:ResourceGroup");
const properties = fc.dictionary(fc.constantFrom("a", "certPem", "caCert", "clientCerts"), fc.oneof(json, pem));
const state = objectWith(
  {
    custom: fc.boolean(),
    id: text,
    type,
    inputs: properties,
    outputs: properties,
    replaceOnChanges: fc.array(text),
  },
  ["id", "inputs", "outputs", "replaceOnChanges"],
);
const step = objectWith(
  {
    op: fc.constantFrom("delete", "update", "refresh"),
    urn,
    oldState: state,
    newState: state,
    detailedDiff: fc.dictionary(text, objectWith({ kind: text, inputDiff: fc.boolean() }, ["inputDiff"])),
  },
  ["oldState", "newState", "detailedDiff"],
);
const refresh = objectWith(
  {
    steps: fc.array(step, { minLength: 1, maxLength: 5 }),
    config: fc.dictionary(
      fc.constantFrom("p:clientCaCerts", "p:x"),
      fc.oneof(
        text,
        fc.array(pem).map((all) => JSON.stringify(all)),
      ),
    ),
  },
  ["config"],
);
const exported = objectWith({
  deployment: objectWith({
    pending_operations: fc.array(objectWith({ type: text, resource: objectWith({ urn }) })),
  }),
});

/** Refusing in words is an answer too. */
function unlessRefused<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    assert.ok(error instanceof Failure, String((error as Error).stack));
    return undefined;
  }
}

describe(`hostile input (seed ${SEED})`, () => {
  test("pulumi's JSON, from drift to its report", () => {
    let answered = 0;
    fc.assert(
      fc.property(refresh, exported, (one, other) => {
        const drift = unlessRefused(() => judge(parseRefresh(one), parseExported(other), 1e9));
        if (drift === undefined) return;
        answered += 1;
        for (const line of reportLines(drift)) assert.doesNotMatch(oneLine(line), /[^\t\P{Cc}]/u);
        reportMarkdown(drift);
        assert.deepEqual(JSON.parse(plainJson(drift)), JSON.parse(JSON.stringify(drift)));
      }),
      runs,
    );
    assert.ok(answered > 20, `${answered} of ${runs.numRuns} were answered, the others refused`);
  });

  test("a stack's outputs", () => {
    const outputs = objectWith({
      dockerHost: fc.oneof(
        text,
        fc.nat().map((port) => `tcp://a.example:${port}`),
      ),
      caCert: pem,
      clientCert: pem,
      clientCerts: fc.dictionary(text, pem),
      clientKeys: fc.dictionary(text, text),
    });
    fc.assert(
      fc.property(
        fc.oneof(
          outputs.map((value) => JSON.stringify(value)),
          text,
        ),
        (printed) => {
          unlessRefused(() => parseOutputs(printed, "a file"));
        },
      ),
      runs,
    );
  });

  test("certificates, and the records of connect", () => {
    fc.assert(
      fc.property(fc.oneof(text, pem, fc.json()), (anything) => {
        describeCertificate(anything);
        pemCertificates(anything);
        parseSetRecord(anything);
        parseDirectoryBefore(anything);
      }),
      runs,
    );
  });

  test("logs for advise: nothing of them but plain text is printed", () => {
    const words = fc.constantFrom(
      "no stack named '",
      "already existing resource '",
      "\u001b[31m",
      "::error::",
      "urn:pulumi:",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(words, text)), (parts) => {
        for (const advice of adviceFor(parts.join(""))) {
          assert.equal(plainText(advice), advice);
          assert.doesNotMatch(advice, /[^\t\P{Cc}]/u);
        }
      }),
      runs,
    );
  });

  test("advise is linear: a log that repeats what its patterns look for", () => {
    const pieces = [
      "urn:pulumi:a::",
      "\u001b;#",
      "\u001b]",
      "/resourceGroups/a",
      "'policyAssignment\\\\",
      '"policyAssignment\\":{\\',
      "dial tcp: a.",
      "Disk a",
      "already exists in resource group a",
      "over scope '/subscriptions/",
      ": created by a (pid 1",
      "publisher 'a",
      " \n",
      "Cannot  ",
      "scope(s) are locked: '/subscriptions/",
    ];
    for (const piece of pieces) {
      const begin = Date.now();
      adviceFor(piece.repeat(Math.ceil(300_000 / piece.length)));
      assert.ok(Date.now() - begin < 2000, `${JSON.stringify(piece)} took ${Date.now() - begin} ms`);
    }
  });
});
