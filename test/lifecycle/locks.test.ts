/** Two people at once, and runs that are cut off: what the backend's lock says, what clears it, and what completes the run. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PlainProject, type Running } from "../support/plainProject";
import { leftOut } from "../support/sample";

const PAGE = readFileSync(join(__dirname, "../../docs/recovery.md"), "utf8");
const UP = ["up", "--yes", "--skip-preview"];
const GROUP = "docker-host-nsg";
const SECONDS = 3;
const LOCKED =
  "the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.";

/** A stack that is made. */
async function madeProject(t: TestContext): Promise<PlainProject> {
  const project = await PlainProject.open(t, { passphrase: true, plugins: true, program: true });
  project.ok(["stack", "init", "dev"]);
  project.ok(["config", "set", "--path", "dockerSources[0]", "203.0.113.7/32"]);
  project.ok(UP);
  return project;
}

let changes = 0;

/** Starts an `up` that changes the security group, for which Azure takes its time, and waits until it is at that. */
async function startUp(project: PlainProject): Promise<Running> {
  project.ok(["config", "set", "--path", "dockerSources[1]", `203.0.113.${100 + ++changes}/32`]);
  project.behave({ latencySeconds: { "PUT Microsoft.Network/networkSecurityGroups": SECONDS } });
  const running = project.start(UP);
  for (let waited = 0; !project.pending().includes(GROUP); waited += 0.05) {
    assert.ok(waited < 30, "the run comes to the security group");
    await sleep(50);
  }
  return running;
}

/** Waits until Azure has ended what a run that is gone asked of it; what is left of that run is then completed by an `up`. */
async function assertUpCompletes(project: PlainProject): Promise<void> {
  await sleep((SECONDS + 1) * 1000);
  project.behave();
  assert.match(project.ok(UP), /with 1 pending operations .*\n.*::docker-host-nsg, interrupted while updating/);
  assert.deepEqual(project.pending(), [], "nothing is pending");
}

test("runs at once, and runs that are cut off", async (t) => {
  if (leftOut(t, "locks and signals")) return;
  assert.ok(PAGE.includes(LOCKED), "docs/recovery.md quotes the words");
  const project = await madeProject(t);

  await t.test("a second up is refused, a preview is not, and the first goes on", async () => {
    const first = await startUp(project);
    const second = project.fails(UP);
    assert.ok(second.includes(`error: ${LOCKED}`), second);
    assert.match(second, /\/locks\/.*\.json\S*: created by \S+@\S+ \(pid \d+\) at \d{4}-/);
    const preview = project.start(["preview"]);
    const { status, output } = await first.ended;
    assert.equal(status, 0, output);
    assert.match(output, /~ [12] updated/);
    assert.equal((await preview.ended).status, 0, "a preview takes no lock");
    assert.deepEqual(project.locks(), [], "the lock is gone");
  });

  await t.test("pulumi cancel takes the lock away, and ends nothing", async () => {
    const first = await startUp(project);
    project.ok(["cancel", "--yes"]);
    assert.deepEqual(project.locks(), [], "another run could begin");
    const { status, output } = await first.ended;
    assert.equal(status, 0, output);
    assert.match(output, /there was a problem deleting the lock/);
  });

  await t.test("SIGINT once: what is under way is ended, and nothing is left to clear", async () => {
    const run = await startUp(project);
    run.kill("SIGINT");
    const { status, output } = await run.ended;
    assert.equal(status, 1, output);
    assert.match(output, /\^C received; cancelling/);
    assert.match(output, /docker-host-nsg updated/);
    assert.match(output, /error: (update canceled|an unhandled error occurred: Program exited)/);
    assert.deepEqual([project.locks(), project.pending()], [[], []], "no lock, and nothing pending");
    project.behave();
    assert.doesNotMatch(project.ok(UP), /pending operations/);
  });

  await t.test("SIGINT twice: no lock, but an operation is pending", async () => {
    const run = await startUp(project);
    run.kill("SIGINT");
    await sleep(500);
    run.kill("SIGINT");
    const { status, output } = await run.ended;
    assert.equal(status, 8, output);
    assert.match(output, /docker-host-nsg updating \(interrupted\)/);
    assert.deepEqual([project.locks(), project.pending()], [[], [GROUP]], "no lock, but the security group is pending");
    await assertUpCompletes(project);
  });

  await t.test("SIGKILL: the lock stays until pulumi cancel", async () => {
    const run = await startUp(project);
    run.kill("SIGKILL");
    assert.equal((await run.ended).status, null, "the signal ended it");
    const refused = project.fails(UP);
    assert.ok(refused.includes(`error: ${LOCKED}`), refused);
    assert.match(project.ok(["cancel", "--yes"]), /The currently running update for 'dev' has been canceled!/);
    await assertUpCompletes(project);
  });

  await t.test("SIGHUP, as from a terminal that is closed: the lock stays", async () => {
    const run = await startUp(project);
    run.kill("SIGHUP");
    assert.equal((await run.ended).status, null, "the signal ended it");
    assert.equal(project.locks().length, 1, "the lock is there");
    // The provider's process ends what it is at, and then itself: before the test's folder goes.
    await sleep((SECONDS + 2) * 1000);
  });
});
