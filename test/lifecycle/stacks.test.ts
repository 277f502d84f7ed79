/** Several stacks in one rehearsal: one backend, one Azure, and no stack touches what is another one's. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import { StackReference } from "@pulumi/pulumi/stackReference.js";
import { filesOf } from "../../rehearsal/files";
import { leftOut } from "../support/sample";
import { DECLARED, Scratch, killRehearsal, runRehearsal } from "../support/scratch";

test("two stacks side by side, one destroyed, then the other", async (t) => {
  const scratch = new Scratch(t);
  const first = (await (await scratch.open()).up()).outputs;
  const rehearsal = await scratch.open({}, "second");
  assert.deepEqual(await rehearsal.preview(), { create: 19 }, "it has nothing of the first one's");
  const second = (await rehearsal.up()).outputs;
  assert.notEqual(second.publicIpAddress, first.publicIpAddress);
  const { store } = rehearsal.subscription;
  const groups = (): string[] =>
    store
      .list()
      .flatMap(({ id, armType }) => (armType.endsWith("/resourceGroups") ? [id.split("/").at(-1) ?? ""] : []));
  assert.deepEqual(groups(), ["azure-docker-host-rehearsal", "azure-docker-host-second"]);

  await t.test("a third program reads both by reference, secrets too", async () => {
    const read = async (stack: string): Promise<Record<string, unknown>> => {
      const reference = new StackReference(`organization/azure-docker-host/${stack}`);
      return { [stack]: reference.getOutput("clientKey") };
    };
    const third = await LocalWorkspace.createStack(
      {
        stackName: "third",
        projectName: "azure-docker-host",
        program: async () => ({ ...(await read("rehearsal")), ...(await read("second")) }),
      },
      { workDir: filesOf(scratch.directory).project, envVars: rehearsal.environment },
    );
    const { outputs } = await third.up();
    assert.deepEqual(outputs, {
      rehearsal: { value: first.clientKey, secret: true },
      second: { value: second.clientKey, secret: true },
    });
    await third.destroy({ remove: true });
  });

  await t.test("what the first one's run left half done is its own to complete", async () => {
    const nic = store.list().find(({ id }) => id.includes("-rehearsal/") && id.endsWith("-nic"));
    assert.ok(nic, "there is an interface");
    store.set({ ...nic, id: `${nic.id}-2` });
    assert.deepEqual((await (await scratch.open({}, "second")).up()).changes, { same: 19 });
    assert.ok(store.get(`${nic.id}-2`), "the second one's run leaves it");
    assert.deepEqual((await (await scratch.open()).up()).changes, { same: 19 });
    assert.equal(store.get(`${nic.id}-2`), undefined, "the first one's takes it away");
  });

  await t.test("the first is destroyed, and the second is what it was", async () => {
    const before = store.list().filter(({ id }) => id.includes("azure-docker-host-second"));
    assert.deepEqual(await (await scratch.open()).destroy(), { delete: 19 });
    assert.deepEqual(store.list(), before);
    const { changes, outputs } = await (await scratch.open({}, "second")).up();
    assert.deepEqual(changes, { same: 19 });
    assert.deepEqual(outputs, second);
  });

  await t.test("the second is destroyed, and nothing is left", async () => {
    assert.deepEqual(await (await scratch.open({}, "second")).destroy(), { delete: 19 });
    assert.deepEqual(store.list(), []);
    assert.deepEqual([scratch.state(), scratch.state("second")], [{}, {}]);
  });
});

test("a run that is killed is completed by its own stack's next run, whatever the other one does meanwhile", async (t) => {
  if (leftOut(t, "a killed run beside another stack")) return;
  const scratch = new Scratch(t);
  const args = (stack: string): string[] => ["--no-machines", "--directory", scratch.directory, "--stack", stack];
  const up = (stack: string): void => {
    const { status, stdout, stderr } = runRehearsal(["up", ...args(stack)]);
    assert.equal(status, 0, stdout + stderr);
    assert.deepEqual(Object.keys(scratch.state(stack)).sort(), Object.keys(DECLARED).sort(), stack);
  };
  await killRehearsal(["up", ...args("first")], "+  docker-host-ca-key");
  up("second");
  up("first");
  for (const stack of ["first", "second"]) {
    assert.deepEqual(await (await scratch.open({}, stack)).preview(), { same: 19 }, stack);
  }
});

test("a name that no resource group could have is refused before a file is made", async (t) => {
  const scratch = new Scratch(t, { spawned: true });
  await assert.rejects(scratch.open({}, "../dev"), {
    message: '--stack must be 1 to 40 lower-case letters, digits and hyphens (got "../dev")',
  });
  assert.deepEqual(readdirSync(scratch.directory), []);
});
