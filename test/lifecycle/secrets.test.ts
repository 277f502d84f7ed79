/** No private key and no password stands in plain text anywhere but with the client that it belongs to. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { filesOf } from "../../rehearsal/files";
import { Scratch } from "../support/scratch";
import { exportSecrets } from "../support/secrets";

test("secrets are nowhere in state, history, logs, previews and the stack's file", async (t) => {
  const scratch = new Scratch(t);
  let rehearsal = await scratch.open({ passwordLogin: "true" });
  const { outputs } = await rehearsal.up();
  const printed = [...scratch.lines];
  rehearsal = await scratch.open({ dockerPort: "4244" });
  await rehearsal.preview();
  await rehearsal.up();
  await rehearsal.refresh();
  printed.push(...scratch.lines);

  const { secrets, needles } = exportSecrets(rehearsal);
  // Authority, server, client and SSH key, and the password: in whatever form and place the state has them.
  assert.ok(secrets.length >= 5, `found ${secrets.length}`);
  assert.ok(secrets.includes(outputs.adminPassword ?? ""), "the password is among them");
  assert.ok(secrets.includes(outputs.clientKey ?? ""), "the client's key is among them");
  assert.ok(needles.length >= secrets.length, "each has a form to search for");

  const { client } = filesOf(scratch.directory);
  const files = readdirSync(scratch.directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const found = files.filter((file) => {
    const text = readFileSync(file, "utf8");
    return needles.some((needle) => text.includes(needle));
  });
  assert.deepEqual(found, [join(client, "key.pem")], "the client's key is with the client");
  assert.ok(files.length > 20, "the search went over the state, its history and the loopback Azure");
  assert.deepEqual(
    printed.filter((line) => needles.some((needle) => line.includes(needle))),
    [],
  );
});
