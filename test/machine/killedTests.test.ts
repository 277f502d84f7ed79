/** A run of the tests removes the leftovers of a killed run, which it finds by that run's folder. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { controlGroups } from "../../rehearsal/machine/controlGroups";
import { chooseSubnet } from "../../rehearsal/machine/network";
import { removeFolder } from "../support/ownFolder";
import { leftOut } from "../support/sample";

test("a machine of a test that was killed goes with its network, and what it started is ended", async (t) => {
  if (leftOut(t, "killed tests")) return;
  const folder = mkdtempSync(join(tmpdir(), "killed-tests-"));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const boot =
    'require("./test/support/scratchMachine").scratchMachine({ after() {} }).then(() => { console.log("up"); setInterval(() => {}, 1e6); });';
  const killed = spawn(process.execPath, ["--require", "./register.cjs", "-e", boot], {
    cwd: join(__dirname, "../.."),
    env: { ...process.env, TMPDIR: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  assert.equal(String((await once(killed.stdout, "data"))[0]), "up\n");
  killed.kill("SIGKILL");
  const worker = spawn("sleep", ["600"], { env: { ...process.env, TMPDIR: folder } });
  const ended = once(worker, "exit");
  const [name = ""] = readdirSync(folder).filter((each) => each.startsWith("machine-test-"));
  const { bridge } = chooseSubnet(join(folder, name));
  const groups = controlGroups(join(folder, name, "machine"));
  const interfaces = (): string[] => readdirSync("/sys/class/net");
  assert.ok(groups.some((group) => existsSync(group)) && interfaces().includes(bridge), "the machine is there");

  await removeFolder(folder);
  assert.deepEqual(
    groups.filter((group) => existsSync(group)),
    [],
  );
  assert.ok(!interfaces().includes(bridge), "its network is gone");
  assert.deepEqual(await ended, [null, "SIGKILL"]);
  assert.ok(!existsSync(folder), "the folder is gone");
});
