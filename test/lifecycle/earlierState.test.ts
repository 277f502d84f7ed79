/** The state of a stack that an earlier version of the program made: `up` by this one keeps every resource. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { FOLDERS } from "../../rehearsal/arm/open";
import { Store, type StoredResource } from "../../rehearsal/arm/store";
import { filesOf } from "../../rehearsal/files";
import { Scratch } from "../support/scratch";

/**
 * What `rehearse up` left, before the settings had their present names: a protected host with two clients, two CAs, SSH sources
 * and a tag. Its certificates' ends were moved to 2099, so that none is due.
 */
interface Recorded {
  passphrase: string;
  stackFile: string;
  state: unknown;
  azure: StoredResource[];
}

test("up keeps the resources of a stack that an earlier version made", async (t) => {
  const scratch = new Scratch(t, { spawned: true });
  const recorded = JSON.parse(readFileSync(join(__dirname, "../fixtures/stateOf0.1.json"), "utf8")) as Recorded;
  const files = filesOf(scratch.directory);
  const store = new Store(join(scratch.directory, FOLDERS.azure));
  for (const resource of recorded.azure) store.set(resource);
  const stateFile = join(files.backend, ".pulumi/stacks/azure-docker-host/rehearsal.json");
  const texts: Record<string, string> = {
    [files.passphrase]: recorded.passphrase,
    // With the settings' present names.
    [files.stackFile]: recorded.stackFile
      .replace(":production:", ":protect:")
      .replace(":authorityGenerations:", ":caGenerations:"),
    [stateFile]: JSON.stringify(recorded.state),
    [join(files.backend, ".pulumi/meta.yaml")]: "version: 1\n",
  };
  for (const [file, text] of Object.entries(texts)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, text, { mode: 0o600 });
  }

  const before = scratch.state();
  const rehearsal = await scratch.open();
  await rehearsal.preview();
  // The script before the DockerExtension is another text, which Azure runs again.
  const others = Object.entries(scratch.steps()).filter(([name]) => name !== "docker-host-prepare");
  assert.deepEqual(others, [], "nothing is created, changed, replaced or deleted");
  await rehearsal.up();
  const after = scratch.state();
  const identities = (state: typeof before): unknown =>
    Object.fromEntries(Object.entries(state).map(([name, { urn, id }]) => [name, { urn, id }]));
  assert.deepEqual(identities(after), identities(before));
});
