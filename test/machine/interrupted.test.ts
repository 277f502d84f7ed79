/** `start` on a real machine, killed while the machine boots and while the extension runs: the next one ends with the daemon's answer. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FOLDERS } from "../../rehearsal/arm/open";
import { filesOf } from "../../rehearsal/files";
import { leftOut } from "../support/sample";
import { Scratch, killRehearsal, runRehearsal } from "../support/scratch";

/** When it says that it begins the machine, and that it begins each extension. */
const KILLED_AT = ["create docker-host-vm", "create docker-host-prepare", "create docker-host-docker"];

test("killed on a real machine, completed by the next start", async (t) => {
  if (leftOut(t, "kills on a real machine")) return;
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
      assert.match(again.stdout, /^ {2}19 same$/m, again.stdout + again.stderr);

      // A teardown that is refused leaves the client connected.
      const behaviour = join(scratch.directory, FOLDERS.behaviour);
      const fault = { call: "DELETE Microsoft.Resources/resourceGroups", kind: "refused" };
      writeFileSync(behaviour, JSON.stringify({ faults: [fault] }));
      const refused = runRehearsal(["destroy", ...args]);
      assert.equal(refused.status, 1, refused.stdout + refused.stderr);
      const { clients } = filesOf(scratch.directory);
      assert.deepEqual(readdirSync(clients), ["rehearsal"], "its certificates are there");
      rmSync(behaviour);
      const gone = runRehearsal(["destroy", ...args]);
      assert.equal(gone.status, 0, gone.stdout + gone.stderr);
      assert.ok(!existsSync(clients), "nothing is left of the client");
    });
  }
});
