/** A run that is killed, at whatever point, is completed by the next one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DECLARED, Scratch, killRehearsal, runRehearsal } from "../support/scratch";

/** Spread over a run: while it gets ready, makes the stack, and declares the resources. */
const KILLED_AFTER_MS = [600, 1800, 2600, 3300, 4000];

test("killed at any point, completed by the next run, and nothing is orphaned", async (t) => {
  for (const delay of KILLED_AFTER_MS) {
    await t.test(`after ${delay} ms`, async (st) => {
      const scratch = new Scratch(st);
      const args = ["--no-machines", "--directory", scratch.directory];
      await killRehearsal(["up", ...args], delay);

      const { status, stdout, stderr } = runRehearsal(["up", ...args]);
      assert.equal(status, 0, stdout + stderr);
      assert.deepEqual(Object.keys(scratch.state()).sort(), Object.keys(DECLARED).sort());
      const rehearsal = await scratch.open();
      assert.deepEqual(await rehearsal.preview(), { same: 18 });
      const azure = rehearsal.subscription.store.list().map(({ id }) => id);
      const recorded = Object.values(scratch.state()).filter(({ type }) => type.startsWith("azure-native:"));
      assert.deepEqual(azure.sort(), recorded.map(({ id }) => id).sort(), "the state has what Azure has");
    });
  }
});
