/** The client's own rules: outputs, clients, options, shells' words; and `connect` from outputs to files. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { type TestContext, before, describe, test } from "node:test";
import { checkContextName } from "../../client/dockerContext";
import { type Shell, ownShell, setLine, unsetLine } from "../../client/environment";
import { FAILURES, Failure } from "../../client/failure";
import { parseAddress, parseDuration } from "../../client/main";
import { parseOutputs, readClient } from "../../client/stack";
import type { StackOutputs } from "../../outputs";
import { scratchFolder } from "../support/certificateDirectories";
import { type Issued, authorityOf, clientOf } from "../support/pki";

let caCert: string;
let admin: Issued;
let ci: Issued;
before(async () => {
  caCert = (await authorityOf("docker-host certificate authority")).cert;
  admin = await clientOf("admin");
  ci = await clientOf("ci");
});

function outputsOf(more: Partial<StackOutputs> = {}): StackOutputs {
  return {
    dockerHost: "tcp://docker-host-x3k9qa.westeurope.cloudapp.azure.com:4243",
    fqdn: "docker-host-x3k9qa.westeurope.cloudapp.azure.com",
    publicIpAddress: "203.0.113.10",
    adminUsername: "azureuser",
    caCert,
    clientCert: ci.cert,
    clientKey: ci.key,
    // In the order in which the engine gives them, which is that of the alphabet.
    clientCerts: { admin: admin.cert, ci: ci.cert },
    clientKeys: { admin: admin.key, ci: ci.key },
    ...more,
  };
}

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
    const outputs = fileOf(t, { ...shared, authorityStack: "acme/azure-docker-host/base" });
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

describe("the command", () => {
  /** Runs it as a person does; nothing of a person's own is touched, and there is no docker. */
  function run(t: TestContext, args: string[], input = ""): { status: number | null; stdout: string; stderr: string } {
    const home = scratchFolder(t);
    return spawnSync(process.execPath, [join(__dirname, "../../client/docker-host.cjs"), ...args], {
      encoding: "utf8",
      input,
      env: { PATH: "/nowhere", HOME: home, SHELL: "/bin/bash" },
    });
  }

  test("--help of each verb; a wrong option", (t) => {
    const all = run(t, ["--help"]);
    assert.equal(all.status, 0, all.stderr);
    for (const { code, words } of Object.values(FAILURES)) {
      assert.ok(all.stdout.includes(`${String(code).padStart(4)}  ${words}`), words);
    }
    for (const verb of ["connect", "env", "check", "disconnect"]) {
      const { status, stdout } = run(t, [verb, "--help"]);
      assert.equal(status, 0, verb);
      assert.match(stdout, new RegExp(`Usage: docker-host ${verb}`));
    }
    assert.equal(run(t, ["connect", "--colour"]).status, FAILURES.usage.code);
    const duration = run(t, ["check", "--wait", "soon"]);
    assert.equal(duration.status, FAILURES.usage.code);
    assert.match(duration.stderr, /--wait <time>' argument 'soon' is invalid\. allowed: a duration/);
  });

  test("a reader that stops reading is no failure", () => {
    const words = [process.execPath, join(__dirname, "../../client/docker-host.cjs"), "env", "--unset"];
    const { stderr } = spawnSync("sh", ["-c", '"$@" | true', "sh", ...words], { encoding: "utf8" });
    assert.equal(stderr, "");
  });

  test("the exit codes are the README's", () => {
    const readme = fs.readFileSync(join(__dirname, "../../README.md"), "utf8").replaceAll("`", "");
    const rows = [...readme.matchAll(/^\| (\d+) +\| (.+?) +\|$/gm)].map(([, code, words]) => [Number(code), words]);
    assert.deepEqual(
      rows,
      Object.values(FAILURES).map(({ code, words }) => [code, words]),
    );
  });

  test("no pulumi; nothing connected", (t) => {
    const folder = scratchFolder(t);
    const connect = run(t, ["connect", "--cert-dir", folder]);
    assert.equal(connect.status, FAILURES.outputs.code);
    assert.match(connect.stderr, /^docker-host: pulumi: no such command on PATH/);
    const env = run(t, ["env", "--cert-dir", folder]);
    assert.equal(env.status, FAILURES.notConnected.code);
    assert.equal(
      env.stderr,
      `docker-host: --cert-dir: nothing is connected in ${folder}; docker-host connect does that\n`,
    );
    assert.deepEqual(fs.readdirSync(folder), []);
  });

  test("connect from standard input, env, connect again after a renewal, another client, disconnect", async (t) => {
    const certDir = join(scratchFolder(t), "it's");
    const words = ["connect", "--outputs", "-", "--cert-dir", certDir];
    const connect = run(t, words, JSON.stringify(outputsOf()));
    assert.equal(connect.status, 0, connect.stderr);
    const until = new Date(Date.now() + 365 * 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
    assert.equal(
      connect.stdout,
      [
        `client ci, until ${until} (364 days)`,
        `files    ca.pem, cert.pem, key.pem in ${certDir}`,
        "context  none: no docker command on PATH",
        "",
        `DOCKER_HOST=${outputsOf().dockerHost} DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH='${certDir.replace("'", "'\\''")}' docker info`,
        "",
      ].join("\n"),
    );
    assert.equal(fs.readFileSync(join(certDir, "key.pem"), "utf8"), ci.key);
    assert.equal(fs.readFileSync(join(certDir, "ca.pem"), "utf8"), caCert);

    const env = run(t, ["env", "--cert-dir", certDir]);
    const shown = spawnSync("bash", ["-c", `${env.stdout}\nenv | grep ^DOCKER_ | sort`], { encoding: "utf8" });
    assert.deepEqual(shown.stdout.trim().split("\n"), [
      `DOCKER_CERT_PATH=${certDir}`,
      `DOCKER_HOST=${outputsOf().dockerHost}`,
      "DOCKER_TLS_VERIFY=1",
    ]);
    assert.deepEqual(JSON.parse(run(t, ["env", "--cert-dir", certDir, "--json"]).stdout), {
      DOCKER_HOST: outputsOf().dockerHost,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: certDir,
    });

    // The same client of the same host has a new certificate: nothing is asked.
    const renewed = await clientOf("ci");
    const after = outputsOf({
      clientCert: renewed.cert,
      clientCerts: { admin: admin.cert, ci: renewed.cert },
      clientKeys: { admin: admin.key, ci: renewed.key },
    });
    assert.equal(run(t, words, JSON.stringify(after)).status, 0);
    assert.equal(fs.readFileSync(join(certDir, "key.pem"), "utf8"), renewed.key);

    // Another client's is not put in its place unasked.
    const other = run(t, [...words, "--client", "admin"], JSON.stringify(after));
    assert.equal(other.status, FAILURES.inTheWay.code);
    assert.equal(
      other.stderr,
      `docker-host: --cert-dir: ${certDir} has other files: cert.pem, key.pem (certificate of ci of docker-host, until ${until}); client ci of ${outputsOf().dockerHost}; allowed: another --cert-dir, or --force, which replaces them\n`,
    );
    assert.equal(fs.readFileSync(join(certDir, "key.pem"), "utf8"), renewed.key);
    const forced = run(t, [...words, "--client", "admin", "--force", "--json"], JSON.stringify(after));
    assert.equal(forced.status, 0, forced.stderr);
    assert.equal((JSON.parse(forced.stdout) as { client: string }).client, "admin");

    const disconnect = run(t, ["disconnect", "--cert-dir", certDir]);
    assert.equal(disconnect.stdout, `files    of ${certDir} taken back\ncontexts none\n`);
    assert.equal(fs.existsSync(certDir), false);
    const again = run(t, ["disconnect", "--cert-dir", certDir]);
    assert.equal(again.status, 0);
    assert.equal(again.stdout, `nothing is connected in ${certDir}\n`);
    for (const { stdout, stderr } of [connect, env, other, forced, disconnect]) {
      assert.doesNotMatch(stdout + stderr, /PRIVATE KEY/);
    }
  });

  test("somebody's own files are not replaced unasked, and are put back", async (t) => {
    const certDir = scratchFolder(t);
    const theirs = await clientOf("somebody");
    fs.writeFileSync(join(certDir, "cert.pem"), theirs.cert);
    fs.writeFileSync(join(certDir, "key.pem"), theirs.key, { mode: 0o600 });
    const words = ["connect", "--outputs", "-", "--cert-dir", certDir];
    const refused = run(t, words, JSON.stringify(outputsOf()));
    assert.equal(refused.status, FAILURES.inTheWay.code);
    assert.match(
      refused.stderr,
      /has other files: cert\.pem, key\.pem \(certificate of somebody of docker-host, until/,
    );
    assert.deepEqual(fs.readdirSync(certDir).sort(), ["cert.pem", "key.pem"]);
    assert.equal(run(t, [...words, "--force"], JSON.stringify(outputsOf())).status, 0);
    assert.equal(fs.readFileSync(join(certDir, "key.pem"), "utf8"), ci.key);
    assert.equal(run(t, ["disconnect", "--cert-dir", certDir]).status, 0);
    assert.deepEqual(fs.readdirSync(certDir).sort(), ["cert.pem", "key.pem"]);
    assert.equal(fs.readFileSync(join(certDir, "key.pem"), "utf8"), theirs.key);
  });

  test("two hosts behind tunnels of the same name are two hosts", async (t) => {
    const certDir = scratchFolder(t);
    const words = ["connect", "--outputs", "-", "--cert-dir", certDir, "--address", "localhost:14243"];
    assert.equal(run(t, words, JSON.stringify(outputsOf())).status, 0);
    const other = await clientOf("ci");
    const strangers = outputsOf({
      caCert: (await authorityOf("another authority")).cert,
      clientCert: other.cert,
      clientCerts: { ci: other.cert },
      clientKeys: { ci: other.key },
    });
    assert.equal(run(t, words, JSON.stringify(strangers)).status, FAILURES.inTheWay.code);
    assert.equal(fs.readFileSync(join(certDir, "key.pem"), "utf8"), ci.key);
  });

  test("check of a port that is closed: the exit code says so, in words and in JSON", (t) => {
    const outputs = fileOf(t, outputsOf({ publicIpAddress: "127.0.0.1" }));
    const { status, stdout } = run(t, ["check", "--outputs", outputs, "--address", "localhost:1"]);
    assert.equal(status, FAILURES.port.code);
    assert.match(stdout, /^localhost:1\n {2}✓ name +localhost resolves to \S+\n {2}✗ port +1: it is closed/);
    const machine = run(t, ["check", "--outputs", outputs, "--address", "localhost:1", "--json"]);
    assert.equal(machine.status, FAILURES.port.code);
    const result = JSON.parse(machine.stdout) as { ok: boolean; answers: { question: string; holds?: boolean }[] };
    assert.equal(result.ok, false);
    assert.deepEqual(
      result.answers.filter(({ holds }) => holds === false).map(({ question }) => question),
      ["port"],
    );
    assert.doesNotMatch(machine.stdout, /PRIVATE KEY/);
  });
});
