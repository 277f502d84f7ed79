/** What bad input gets, on the real engine: an error that names the setting, the value and what is allowed, before anything is made. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Scratch, runRehearsal } from "../support/scratch";

const KEY = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();

const BAD: { what: string; config: Record<string, string>; message: RegExp }[] = [
  { what: "no source", config: {}, message: /Wrong setting: dockerSources: none given, .*allowed: a list/ },
  {
    what: "a source that is no CIDR or service tag",
    config: { "dockerSources[0]": "office" },
    message: /dockerSources: "office" is neither a CIDR nor a service tag; allowed: a CIDR/,
  },
  {
    what: "a source open to the Internet",
    config: { "dockerSources[0]": "0.0.0.0/0" },
    message: /dockerSources: "0\.0\.0\.0\/0" is open to the Internet; .*openToInternet/,
  },
  { what: "a port that is no number", config: { dockerPort: "abc" }, message: /dockerPort: "abc" .*from 1 to 65535/ },
  { what: "SSH's port", config: { dockerPort: "22" }, message: /dockerPort: 22 is not allowed; .*but 22 \(SSH\)/ },
  { what: "a bad DNS label", config: { dnsLabel: "My_Host" }, message: /dnsLabel: "My_Host" .*allowed: 3 to 63/ },
  {
    what: "no public address, and no subnet with another way out",
    config: { publicAddress: "false" },
    message: /publicAddress: false, but the host's own network .*allowed: false with a subnetId, or true/,
  },
  {
    what: "a subnet that is none",
    config: { subnetId: "default" },
    message: /subnetId: "default" is no subnet's resource ID; allowed: "\/subscriptions\//,
  },
  { what: "a reserved name", config: { adminUsername: "admin" }, message: /adminUsername: "admin" is reserved/ },
  {
    what: "a malformed name",
    config: { adminUsername: "9 lives" },
    message: /adminUsername: "9 lives" is no Linux user name/,
  },
  {
    what: "a weak password",
    config: { passwordLogin: "true", adminPassword: "short" },
    message: /adminPassword: the value given \(not shown\) needs 12 to 72 characters \(it has 5\)/,
  },
  {
    what: "a password that nobody asked for",
    config: { adminPassword: "Correct-horse1!" },
    message: /adminPassword: given \(not shown\), but passwordLogin is false/,
  },
  {
    what: "an SSH key that Azure doesn't take",
    config: {
      sshPublicKey:
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBF6zeTBIk4BeRoLmU2a04YgELkPqjkqZYIGTZXSeWFI70xWbXBmQOZsi6TDI+3ZBVVVzQOJAkV4ZHJ4y2XfCIbs=",
    },
    message: /sshPublicKey: a key of type ECDSA is not accepted|sshPublicKey: the value given/,
  },
  { what: "an image that is none", config: { image: "ubuntu" }, message: /image: "ubuntu" is neither a URN nor/ },
  {
    what: "an Arm size",
    config: { vmSize: "Standard_D2ps_v5" },
    message: /vmSize: "Standard_D2ps_v5" has an Arm processor, .*allowed: an x64 size/,
  },
  {
    what: "a client's name",
    config: { "clients[0]": "Ann" },
    message: /clients: "Ann" is not allowed; allowed: a list of/,
  },
  {
    what: "a key in the place of a client's authority",
    config: { "clientAuthorities[0]": KEY },
    message: /clientAuthorities\[0\]: the value given \(not shown\) is not allowed; allowed: PEM/,
  },
  {
    what: "an authority's key without its certificate",
    config: { caPrivateKeyPem: KEY },
    message: /caCertPem and caPrivateKeyPem: only one of them is given/,
  },
  {
    what: "a stack that is this one",
    config: { authorityStack: "organization/azure-docker-host/rehearsal" },
    message: /authorityStack: "organization\/azure-docker-host\/rehearsal" is this stack itself/,
  },
  {
    what: "an unknown setting",
    config: { dockerPrt: "4243" },
    message: /dockerPrt: no such setting; known are: dockerSources, /,
  },
];

test("bad input is refused before anything is made", async (t) => {
  for (const { what, config, message } of BAD) {
    await t.test(what, async (st) => {
      const scratch = new Scratch(st);
      await scratch.open();
      // A new rehearsal's stack file has a good source, which the first case takes away.
      if (what === "no source") scratch.removeList("dockerSources");
      refused(scratch, config, message);
    });
  }
});

test("a password that stands in plain text in the stack's file is refused", async (t) => {
  const scratch = new Scratch(t);
  await scratch.open();
  scratch.appendToStackFile(
    "  azure-docker-host:passwordLogin: true\n  azure-docker-host:adminPassword: Correct-horse1!\n",
  );
  refused(scratch, {}, /adminPassword: the value \(not shown\) stands unencrypted in the stack's file/);
});

/** What a person sees who runs it: the message once, no stack trace, an exit code; and nothing was made. */
function refused(scratch: Scratch, config: Record<string, string>, message: RegExp): void {
  const settings = Object.entries(config).flatMap(([name, value]) => ["--config", `${name}=${value}`]);
  const { status, stdout, stderr } = runRehearsal([
    "up",
    "--no-machines",
    "--directory",
    scratch.directory,
    ...settings,
  ]);
  const errors = stdout.split("\n").filter((line) => line.startsWith("error: "));
  assert.equal(status, 1);
  assert.equal(errors.length, 1, "said once");
  assert.match(errors[0] ?? "", message);
  assert.doesNotMatch(stdout + stderr, /Correct-horse1!|PRIVATE KEY|^\s+at /m);
  assert.deepEqual(scratch.state(), {});
  assert.ok(!existsSync(join(scratch.directory, "azure")), "Azure was not asked for anything");
}
