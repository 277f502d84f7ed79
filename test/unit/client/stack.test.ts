/** What the client reads of a stack: its outputs, and one client of it. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { type TestContext, before, describe, test } from "node:test";
import { Failure } from "../../../client/lib/failure";
import { parseOutputs, readClient } from "../../../client/lib/stack";
import { scratchFolder } from "../../support/certificateDirectories";
import type { Issued } from "../../support/pki";
import { type SampleStack, sampleStack } from "../../support/sampleStack";

let caCert: string;
let admin: Issued;
let ci: Issued;
let outputsOf: SampleStack["outputsOf"];
before(async () => {
  ({ caCert, admin, ci, outputsOf } = await sampleStack());
});

function fileOf(t: TestContext, content: unknown): string {
  const file = join(scratchFolder(t), "outputs.json");
  fs.writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

describe("outputs", () => {
  test("of a stack", () => {
    assert.deepEqual(parseOutputs(JSON.stringify(outputsOf()), "dev"), outputsOf());
  });

  const SECRET_KEY = "-----BEGIN PRIVATE KEY-----";
  const refused: [title: string, text: () => string, message: string][] = [
    ["no JSON", () => SECRET_KEY, "not the JSON that pulumi stack output --json --show-secrets prints"],
    ["no object", () => "null", "not the JSON that pulumi stack output --json --show-secrets prints"],
    ["none", () => "{}", "there are none; bring the stack up with pulumi up"],
    [
      "of another program",
      () => JSON.stringify({ url: "https://example.com" }),
      "dockerHost is missing; is this a stack of azure-docker-host?",
    ],
    [
      "hidden secrets",
      () => JSON.stringify({ ...outputsOf(), clientKeys: "[secret]" }),
      "the secrets are hidden; make them with --show-secrets",
    ],
    [
      "an endpoint of another kind",
      () => JSON.stringify(outputsOf({ dockerHost: "ssh://x" })),
      "dockerHost is not of the form tcp://NAME:PORT",
    ],
    [
      "an endpoint with a command in it",
      () => JSON.stringify(outputsOf({ dockerHost: "tcp://$(id):4243" })),
      "dockerHost is not of the form tcp://NAME:PORT",
    ],
    [
      "certificates that are none",
      () => JSON.stringify({ ...outputsOf(), clientCerts: [1] }),
      "clientCerts is missing or no map of names to PEM texts",
    ],
  ];
  for (const [title, text, message] of refused) {
    test(`refused: ${title}`, () => {
      assert.throws(
        () => parseOutputs(text(), "the selected stack"),
        (error: Failure) => {
          assert.equal(error.message, `the outputs of the selected stack: ${message}`);
          assert.equal(error.reason, "outputs");
          return true;
        },
      );
    });
  }
});

describe("which client", () => {
  test("the first of the stack's, where none is named; else the one that is", async (t) => {
    const outputs = fileOf(t, outputsOf());
    const first = await readClient({ outputs });
    assert.deepEqual(first, {
      name: "ci",
      stack: undefined,
      ...ci,
      caCert,
      dockerHost: outputsOf().dockerHost,
      publicIpAddress: "203.0.113.10",
    });
    assert.equal((await readClient({ outputs }, "admin")).cert, admin.cert);
  });

  test("the only one whose key was handed on", async (t) => {
    const { dockerHost, adminUsername, clientCerts } = outputsOf();
    const handed = { dockerHost, adminUsername, caCert, clientCerts, clientKeys: { admin: admin.key } };
    assert.equal((await readClient({ outputs: fileOf(t, handed) })).cert, admin.cert);
    const both = { ...handed, clientKeys: outputsOf().clientKeys };
    await assert.rejects(readClient({ outputs: fileOf(t, both) }), {
      message: "--client: none given, and the outputs don't say which is the first; allowed: admin, ci",
    });
  });

  test("refused: one that isn't there; a key that belongs to another; no certificate", async (t) => {
    const unknown = readClient({ outputs: fileOf(t, outputsOf()) }, "laptop");
    await assert.rejects(unknown, {
      message: '--client: "laptop" is no client whose key the outputs have; allowed: admin, ci',
    });
    const mixed = outputsOf({ clientKeys: { ci: admin.key } });
    await assert.rejects(readClient({ outputs: fileOf(t, mixed) }), {
      message:
        "the stack's outputs: the certificate and the key of client ci don't belong together; pulumi up brings the stack up to date",
    });
    await assert.rejects(readClient({ outputs: fileOf(t, outputsOf({ clientKeys: { ci: "-----BEGIN" } })) }), {
      message: "the stack's outputs: the certificate or the key of client ci is not PEM (not shown)",
    });
    await assert.rejects(readClient({ outputs: fileOf(t, outputsOf({ caCert: "none" })) }), {
      message: "the stack's outputs: caCert is no certificate",
    });
    await assert.rejects(readClient({ outputs: "/nowhere/outputs.json" }), {
      message: "--outputs: /nowhere/outputs.json can't be read: ENOENT",
    });
  });

  test("refused: a file without keys, whose clients are another stack's", async (t) => {
    const shared = outputsOf({ clientCert: undefined, clientKey: undefined, clientKeys: undefined });
    const outputs = fileOf(t, { ...shared, caStack: "acme/azure-docker-host/base" });
    await assert.rejects(readClient({ outputs }), {
      message:
        "--client: none given, and the outputs don't say which is the first; allowed: none; the keys of admin, ci are with the stack acme/azure-docker-host/base",
    });
  });
});
