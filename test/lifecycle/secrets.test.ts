/** No private key and no password stands in plain text anywhere but with the client that it belongs to. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeCa } from "../support/ca";
import { ClientComputer } from "../support/client";
import { Scratch } from "../support/scratch";
import { exportSecrets, pulumiStack } from "../support/secrets";

test("secrets are nowhere in state, history, logs, previews and the stack's file", async (t) => {
  const scratch = new Scratch(t);
  let rehearsal = await scratch.open({
    passwordLogin: "true",
    shareCa: "true",
    "clients[0]": "ann",
    "clients[1]": "bob",
  });
  const { outputs } = await rehearsal.up();
  const printed = [...scratch.lines];
  const first = exportSecrets(rehearsal);
  // Then a CA of one's own signs, and is shared.
  const company = await makeCa({ key: { algorithm: "ECDSA", ecdsaCurve: "P384" } });
  rehearsal = await scratch.open({
    dockerPort: "4244",
    caCertPem: company.certPem,
    caPrivateKeyPem: company.keyPem,
  });
  await rehearsal.preview();
  const { outputs: latest } = await rehearsal.up();
  await rehearsal.refresh();
  printed.push(...scratch.lines);

  const second = exportSecrets(rehearsal);
  const [secrets, needles] = [first.secrets.concat(second.secrets), first.needles.concat(second.needles)];
  // Two CAs, server, two clients and SSH key, and the password: in whatever form and place the state has them.
  const known = {
    "the password": outputs.adminPassword,
    "the first client's key": outputs.clientKeys?.ann,
    "the second client's key": outputs.clientKeys?.bob,
    "the CA's key": outputs.caPrivateKey,
    "the company's key": company.keyPem,
    "the company's key as it is shared": latest.caPrivateKey,
    "the SSH key": outputs.sshPrivateKey,
  };
  for (const [what, secret = ""] of Object.entries(known)) assert.ok(secrets.includes(secret), `${what} is among them`);
  assert.ok(needles.length >= secrets.length, "each has a form to search for");

  const computer = new ClientComputer(rehearsal);
  const { status, stdout, stderr } = computer.dockerHost(["connect", "--client", "bob", "--no-context"]);
  assert.equal(status, 0, stderr);
  printed.push(stdout, stderr);
  const files = readdirSync(scratch.directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const found = files.filter((file) => {
    const text = readFileSync(file, "utf8");
    return needles.some((needle) => text.includes(needle));
  });
  assert.deepEqual(found, [realpathSync(join(computer.docker, "key.pem"))], "the client's key is with the client");
  assert.ok(files.length > 20, "the search went over the state, its history and the loopback Azure");
  const shown = ["output", "export"].flatMap((command) => pulumiStack(rehearsal, command).split("\n"));
  printed.push(...shown, ...pulumiStack(rehearsal, "output", "--json").split("\n"));
  assert.ok(
    shown.some((line) => /^ *clientKeys +\[secret\]$/.test(line)),
    "the keys are outputs",
  );
  assert.deepEqual(
    printed.filter((line) => needles.some((needle) => line.includes(needle))),
    [],
  );
});
