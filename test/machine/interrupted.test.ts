/** `start` on a real machine, killed while the machine boots and while the extension runs: the next one ends with the daemon's answer. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Scratch, killRehearsal, runRehearsal } from "../support/scratch";

/** When it says that it begins the machine, and that it begins the extension. */
const KILLED_AT = ["create docker-host-vm", "create docker-host-docker"];

test("killed on a real machine, completed by the next start", async (t) => {
  for (const when of KILLED_AT) {
    await t.test(`at ${when}`, async (st) => {
      const scratch = new Scratch(st, { machines: true });
      const args = ["--directory", scratch.directory];
      await killRehearsal(["start", ...args], when);
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
