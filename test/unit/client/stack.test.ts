/** The client's reading of a stack: its outputs, and one of its clients. */
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
    ["no JSON", () => SECRET_KEY, "they must be the JSON that pulumi stack output --json --show-secrets prints."],
    ["no object", () => "null", "they must be the JSON that pulumi stack output --json --show-secrets prints."],
    ["none", () => "{}", "there are none. Run pulumi up first."],
    [
      "of another program",
      () => JSON.stringify({ url: "https://example.com" }),
      "dockerHost is missing. Is this a stack of azure-docker-host?",
    ],
    [
      "hidden secrets",
      () => JSON.stringify({ ...outputsOf(), clientKeys: "[secret]" }),
      "the secrets are hidden. Print the outputs with --show-secrets.",
    ],
    [
      "an endpoint of another kind",
      () => JSON.stringify(outputsOf({ dockerHost: "ssh://x" })),
      "dockerHost must have the form tcp://NAME:PORT.",
    ],
    [
      "an endpoint with a command in it",
      () => JSON.stringify(outputsOf({ dockerHost: "tcp://$(id):4243" })),
      "dockerHost must have the form tcp://NAME:PORT.",
    ],
    [
      "certificates that are none",
      () => JSON.stringify({ ...outputsOf(), clientCerts: [1] }),
      "clientCerts must map names to PEM texts.",
    ],
  ];
  for (const [title, text, message] of refused) {
    test(`fails: ${title}`, () => {
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
  test("by default the stack's first one, else the named one", async (t) => {
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

  test("the only one whose key is in the outputs", async (t) => {
    const { dockerHost, adminUsername, clientCerts } = outputsOf();
    const shared = { dockerHost, adminUsername, caCert, clientCerts, clientKeys: { admin: admin.key } };
    assert.equal((await readClient({ outputs: fileOf(t, shared) })).cert, admin.cert);
    const both = { ...shared, clientKeys: outputsOf().clientKeys };
    await assert.rejects(readClient({ outputs: fileOf(t, both) }), {
      message: "--client must name a client whose key is in the outputs: admin, ci (got nothing).",
    });
  });

  test("fails: an unknown name, a key of another certificate, a text that isn't PEM, a missing file", async (t) => {
    const unknown = readClient({ outputs: fileOf(t, outputsOf()) }, "laptop");
    await assert.rejects(unknown, {
      message: '--client must name a client whose key is in the outputs: admin, ci (got "laptop").',
    });
    const mixed = outputsOf({ clientKeys: { ci: admin.key } });
    await assert.rejects(readClient({ outputs: fileOf(t, mixed) }), {
      message:
        "the stack's outputs: the certificate and the key of client ci must belong together. Run pulumi up, which brings the stack up to date.",
    });
    await assert.rejects(readClient({ outputs: fileOf(t, outputsOf({ clientKeys: { ci: "-----BEGIN" } })) }), {
      message: "the stack's outputs: the certificate and the key of client ci must be PEM (values not shown).",
    });
    await assert.rejects(readClient({ outputs: fileOf(t, outputsOf({ caCert: "none" })) }), {
      message: "the stack's outputs: caCert must be a PEM certificate (value not shown).",
    });
    await assert.rejects(readClient({ outputs: "/nowhere/outputs.json" }), {
      message: "--outputs must be a readable file (got /nowhere/outputs.json: ENOENT).",
    });
  });

  test("fails: a file without keys, whose clients are another stack's", async (t) => {
    const shared = outputsOf({ clientCert: undefined, clientKey: undefined, clientKeys: undefined });
    const outputs = fileOf(t, { ...shared, caStack: "acme/azure-docker-host/base" });
    await assert.rejects(readClient({ outputs }), {
      message:
        "--client must name a client whose key is in the outputs: none (got nothing). The keys of admin, ci are outputs of the stack acme/azure-docker-host/base.",
    });
  });
});
