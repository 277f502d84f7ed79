/** The client's own rules: outputs, clients, options, shells' words; and `connect` from outputs to files. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { type TestContext, before, describe, test } from "node:test";
import { checkContextName } from "../../client/dockerContext";
import { type Shell, ownShell, setLine, unsetLine } from "../../client/environment";
import { Failure } from "../../client/failure";
import { parseAddress, parseDuration } from "../../client/main";
import { parseOutputs, readClient } from "../../client/stack";
import { scratchFolder } from "../support/certificateDirectories";
import type { Issued } from "../support/pki";
import { type SampleStack, sampleStack } from "../support/sampleStack";

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

describe("options", () => {
  test("an address", () => {
    assert.deepEqual(parseAddress("198.51.100.7"), { host: "198.51.100.7" });
    assert.deepEqual(parseAddress("localhost:14243"), { host: "localhost", port: "14243" });
    assert.deepEqual(parseAddress("[::1]:4243"), { host: "[::1]", port: "4243" });
    for (const wrong of ["", "a b", "tcp://host", "host:", "host:0", "host:65536", "::1"]) {
      assert.throws(() => parseAddress(wrong), /allowed: an address or a name, with or without a port/, wrong);
    }
  });

  test("a duration", () => {
    assert.deepEqual(["90s", "10m", "1h", "5"].map(parseDuration), [90, 600, 3600, 5]);
    for (const wrong of ["", "m", "1d", "-1s", "1.5m"]) {
      assert.throws(() => parseDuration(wrong), /allowed: a duration such as "90s", "10m" or "1h"/, wrong);
    }
  });

  test("a context's name", () => {
    for (const name of ["dev", "acme.dev-1", "a_"]) assert.deepEqual(checkContextName(name), []);
    for (const name of ["d", "default", "-dev", "a b"]) {
      assert.deepEqual(checkContextName(name), [
        `--context: ${JSON.stringify(name)} can't name a docker context; allowed: 2 letters, digits and "_.+-" or more, first a letter or digit, not "default"`,
      ]);
    }
  });
});

describe("shells", () => {
  const NASTY = `/home/o'neil/$(id) \`id\` "x" \\ é`;

  test("bash reads what was meant", () => {
    const script = `${setLine("bash", "DOCKER_CERT_PATH", NASTY)}\nprintf %s "$DOCKER_CERT_PATH"\n`;
    for (const shell of ["bash", "dash"]) {
      assert.equal(spawnSync(shell, ["-c", script], { encoding: "utf8" }).stdout, NASTY, shell);
    }
    const unset = `A=1; ${unsetLine("bash", "A")}; printf %s "\${A-none}"`;
    assert.equal(spawnSync("bash", ["-c", unset], { encoding: "utf8" }).stdout, "none");
  });

  test("fish reads what was meant", (t) => {
    const script = `${setLine("fish", "A", NASTY)}\nsh -c 'printf %s "$A"'\n${unsetLine("fish", "A")}\nset -q A; or echo -n .`;
    const { stdout, error } = spawnSync("fish", ["--no-config", "-c", script], { encoding: "utf8" });
    if (error && process.env.CI !== "true") {
      t.skip("NOT RUN: there is no fish here");
      return;
    }
    assert.equal(stdout, `${NASTY}.`);
  });

  const lines: [Shell, string, string, string][] = [
    ["bash", "it's", `export A='it'\\''s'`, "unset A"],
    ["fish", `it's \\n`, `set -gx A 'it\\'s \\\\n';`, "set -e A;"],
    ["powershell", "it's $x", `$Env:A = 'it''s $x'`, "Remove-Item Env:A -ErrorAction SilentlyContinue"],
  ];
  for (const [shell, value, setting, unsetting] of lines) {
    test(`${shell}'s words`, () => {
      assert.equal(setLine(shell, "A", value), setting);
      assert.equal(unsetLine(shell, "A"), unsetting);
    });
  }

  test("the user's own", () => {
    assert.equal(ownShell({ SHELL: "/usr/bin/fish" }, "linux"), "fish");
    assert.equal(ownShell({ SHELL: "/bin/zsh" }, "darwin"), "bash");
    assert.equal(ownShell({ SHELL: "/opt/pwsh" }, "linux"), "powershell");
    assert.equal(ownShell({}, "linux"), "bash");
    assert.equal(ownShell({}, "win32"), "powershell");
  });
});
