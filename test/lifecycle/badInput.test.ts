/** Bad input on the real engine: an error that names the setting, the value and the rule, before anything is created. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sampled } from "../support/sample";
import { Scratch, runRehearsal } from "../support/scratch";

const KEY = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();

/** Wrong settings, by the time at which the program checks them. It reports all problems of one time at once. */
const BAD: Record<string, { config: Record<string, string>; messages: RegExp[] }> = {
  "no source": { config: {}, messages: [/dockerSources must name who may reach the Docker port, .* \(got none\)/] },
  "a name that is no setting": {
    config: { dockerPrt: "4243" },
    messages: [/dockerPrt must be one of the settings: dockerSources, /],
  },
  "settings of the host": {
    config: {
      "dockerSources[0]": "office",
      "dockerSources[1]": "0.0.0.0/0",
      dockerPort: "22",
      dnsLabel: "My_Host",
      adminUsername: "admin",
      image: "ubuntu",
      vmSize: "Standard_D2ps_v5",
      "clients[0]": "Ann",
    },
    messages: [
      /dockerSources must hold entries that are a CIDR .* \(got "office"\)/,
      /dockerSources must not be open to the Internet \(got "0\.0\.0\.0\/0"\)\. .*openToInternet/,
      /dockerPort must be between 1 and 65535, and not 22 \(got 22\)\./,
      /dnsLabel must have 3 to 63 .* \(got "My_Host"\)/,
      /adminUsername must be a name that neither Azure nor Ubuntu reserves, .* \(got "admin"\)/,
      /image must be a URN .* \(got "ubuntu"\)/,
      /vmSize must be an x64 size \(got "Standard_D2ps_v5"\)/,
      /clients must hold names of .* \(got "Ann"\)/,
    ],
  },
  "other forms of the same": {
    config: { dockerPort: "abc", adminUsername: "9 lives" },
    messages: [/dockerPort must be .* \(got "abc"\)/, /adminUsername must have .* \(got "9 lives"\)/],
  },
  "keys, passwords and networks": {
    config: {
      passwordLogin: "true",
      adminPassword: "short",
      sshPublicKey:
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBF6zeTBIk4BeRoLmU2a04YgELkPqjkqZYIGTZXSeWFI70xWbXBmQOZsi6TDI+3ZBVVVzQOJAkV4ZHJ4y2XfCIbs=",
      subnetId: "default",
      "clientCaCerts[0]": KEY,
      caStack: "organization/azure-docker-host/rehearsal",
    },
    messages: [
      /adminPassword must have 12 to 72 characters \(it has 5\), .* \(value not shown\)/,
      /subnetId must be a subnet's resource ID, "\/subscriptions\/.* \(got "default"\)/,
      /sshPublicKey must be a key that Azure accepts, .* \(got ECDSA\)/,
      /clientCaCerts\[0\] must be PEM, .* \(value not shown\)/,
      /caStack must be another stack than this one \(got "organization\/azure-docker-host\/rehearsal"\)/,
    ],
  },
  "what goes with something else alone": {
    config: { adminPassword: "Correct-horse1!", publicIp: "false", caPrivateKeyPem: KEY },
    messages: [
      /adminPassword must be left out when passwordLogin is false/,
      /publicIp must be true without a subnetId \(got false\)/,
      /caCertPem and caPrivateKeyPem must be set together \(got only caPrivateKeyPem\)/,
    ],
  },
};

test("bad input is refused before anything is made", async (t) => {
  const cases = sampled(t, "cases of bad input", Object.entries(BAD), ([what]) => what, ["settings of the host"]);
  for (const [what, { config, messages }] of cases) {
    await t.test(what, async (st) => {
      const scratch = new Scratch(st, { spawned: true });
      await scratch.open();
      // A new rehearsal's stack file has a good source, which the first case takes away.
      if (what === "no source") scratch.removeList("dockerSources");
      refused(scratch, config, messages);
    });
  }
});

test("a password that stands in plain text in the stack's file is refused", async (t) => {
  const scratch = new Scratch(t, { spawned: true });
  await scratch.open();
  scratch.appendToStackFile(
    "  azure-docker-host:passwordLogin: true\n  azure-docker-host:adminPassword: Correct-horse1!\n",
  );
  refused(scratch, {}, [
    /adminPassword must be encrypted \(pulumi config set --secret adminPassword; value not shown\)/,
  ]);
});

/** Asserts the output that a person sees: each message once, no stack trace, an exit code. Nothing was created. */
function refused(scratch: Scratch, config: Record<string, string>, messages: RegExp[]): void {
  const settings = Object.entries(config).flatMap(([name, value]) => ["--config", `${name}=${value}`]);
  const { status, stdout, stderr } = runRehearsal([
    "up",
    "--no-machines",
    "--directory",
    scratch.directory,
    ...settings,
  ]);
  assert.equal(status, 1);
  const [, error = "", ...again] = stdout.split(/^error: /m);
  assert.deepEqual(again, [], "said once");
  // One stands in the line itself, several in a line each.
  const problems = error.startsWith("Invalid settings:") ? error.match(/^ {2}- .*$/gm) : [error.split("\n")[0] ?? ""];
  assert.equal(problems?.length, messages.length, error);
  for (const message of messages) assert.match(error, message);
  assert.doesNotMatch(stdout + stderr, /Correct-horse1!|PRIVATE KEY|^\s+at /m);
  assert.deepEqual(scratch.state(), {});
  assert.ok(!existsSync(join(scratch.directory, "azure")), "Azure was not asked for anything");
}
