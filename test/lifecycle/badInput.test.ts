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
  "no source": { config: {}, messages: [/dockerSources: none given, .*allowed: a list/] },
  "a name that is no setting": {
    config: { dockerPrt: "4243" },
    messages: [/dockerPrt: no such setting; known are: dockerSources, /],
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
      /dockerSources: "office" is neither a CIDR nor a service tag; allowed: a CIDR/,
      /dockerSources: "0\.0\.0\.0\/0" is open to the Internet; .*openToInternet/,
      /dockerPort: 22 is not allowed; .*but 22 \(SSH\)/,
      /dnsLabel: "My_Host" .*allowed: 3 to 63/,
      /adminUsername: "admin" is reserved/,
      /image: "ubuntu" is neither a URN nor/,
      /vmSize: "Standard_D2ps_v5" has an Arm processor, .*allowed: an x64 size/,
      /clients: "Ann" is not allowed; allowed: a list of/,
    ],
  },
  "other forms of the same": {
    config: { dockerPort: "abc", adminUsername: "9 lives" },
    messages: [/dockerPort: "abc" .*from 1 to 65535/, /adminUsername: "9 lives" is no Linux user name/],
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
      /adminPassword: the value given \(not shown\) needs 12 to 72 characters \(it has 5\)/,
      /subnetId: "default" is no subnet's resource ID; allowed: "\/subscriptions\//,
      /sshPublicKey: a key of type ECDSA is not accepted|sshPublicKey: the value given/,
      /clientCaCerts\[0\]: the value given \(not shown\) is not allowed; allowed: PEM/,
      /caStack: "organization\/azure-docker-host\/rehearsal" is this stack itself/,
    ],
  },
  "what goes with something else alone": {
    config: { adminPassword: "Correct-horse1!", publicIp: "false", caPrivateKeyPem: KEY },
    messages: [
      /adminPassword: given \(not shown\), but passwordLogin is false/,
      /publicIp: false, but the host's own network .*allowed: false with a subnetId, or true/,
      /caCertPem and caPrivateKeyPem: only one of them is given/,
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
  refused(scratch, {}, [/adminPassword: the value \(not shown\) stands unencrypted in the stack's file/]);
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
  const problems = error.startsWith("Wrong settings:") ? error.match(/^ {2}- .*$/gm) : [error.split("\n")[0] ?? ""];
  assert.equal(problems?.length, messages.length, error);
  for (const message of messages) assert.match(error, message);
  assert.doesNotMatch(stdout + stderr, /Correct-horse1!|PRIVATE KEY|^\s+at /m);
  assert.deepEqual(scratch.state(), {});
  assert.ok(!existsSync(join(scratch.directory, "azure")), "Azure was not asked for anything");
}
