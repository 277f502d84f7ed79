/** `start` on a real machine, killed while the machine boots and while the extension runs: the next one ends with the daemon's answer. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Scratch, killRehearsal, runRehearsal } from "../support/scratch";

/** From the preview to the last seconds of the extension, on a machine that needs 12 s for all. */
const KILLED_AFTER_MS = [5500, 7000, 9000];

test("killed on a real machine, completed by the next start", async (t) => {
  for (const delay of KILLED_AFTER_MS) {
    await t.test(`after ${delay} ms`, async (st) => {
      const scratch = new Scratch(st, { machines: true });
      const args = ["--directory", scratch.directory];
      await killRehearsal(["start", ...args], delay);
      const { status, stdout, stderr } = runRehearsal(["start", ...args]);
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /Server Version: \d+/);
      assert.equal(readdirSync(join(scratch.directory, "machines")).length, 1, "one machine, not two");
      const again = runRehearsal(["up", ...args]);
      assert.match(again.stdout, /^ {2}18 same$/m, again.stdout + again.stderr);
      assert.equal(runRehearsal(["destroy", ...args]).status, 0);
    });
  }
});
