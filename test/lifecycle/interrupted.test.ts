/** A run that is killed, at whatever point, is completed by the next one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { belongsToMachine } from "../../rehearsal/arm/disks";
import { sampled } from "../support/sample";
import { DECLARED, Scratch, killRehearsal, runRehearsal } from "../support/scratch";

/** While it gets ready, in milliseconds; and when it says that it has made the first key, and that it begins the machine. */
const KILLED_AT = [600, "+  docker-host-ca-key", "create docker-host-vm"];

test("killed at any point, completed by the next run, and nothing is orphaned", async (t) => {
  const moments = sampled(t, "kills of the command line", KILLED_AT, String, ["create docker-host-vm"]);
  for (const when of moments) {
    await t.test(`at ${when}`, async (st) => {
      const scratch = new Scratch(st);
      const args = ["--no-machines", "--directory", scratch.directory];
      await killRehearsal(["up", ...args], when);

      const { status, stdout, stderr } = runRehearsal(["up", ...args]);
      assert.equal(status, 0, stdout + stderr);
      assert.deepEqual(Object.keys(scratch.state()).sort(), Object.keys(DECLARED).sort());
      const rehearsal = await scratch.open();
      assert.deepEqual(await rehearsal.preview(), { same: 19 });
      const azure = rehearsal.subscription.store
        .list()
        .filter((resource) => !belongsToMachine(resource))
        .map(({ id }) => id);
      const recorded = Object.values(scratch.state()).filter(({ type }) => type.startsWith("azure-native:"));
      assert.deepEqual(azure.sort(), recorded.map(({ id }) => id).sort(), "the state has what Azure has");
    });
  }
});
