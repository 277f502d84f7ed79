/** Runs that fail on the real engine, and what `docker-host advise` says of what they printed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Drift } from "../../client/lib/drift/findings";
import { FAILURES } from "../../client/lib/failure";
import type { StoredResource } from "../../rehearsal/arm/store";
import { PlainProject } from "../support/plainProject";
import { leftOut } from "../support/sample";

const UP = ["up", "--yes", "--skip-preview"];
const VM = "Microsoft.Compute/virtualMachines";

test("failed runs, and what is to be done", async (t) => {
  if (leftOut(t, "advice on failed runs")) return;
  const project = await PlainProject.open(t, { passphrase: true, program: true });
  /** The beginnings of what is said of a log. */
  const advice = (log: string): string[] => {
    const { status, stdout, stderr } = project.dockerHost(["advise"], log);
    assert.equal(status, 0, stderr);
    return stdout.split("\n\n").map((paragraph) => paragraph.split(/[.:;]/, 1)[0]?.trim() ?? "");
  };

  project.ok(["stack", "init", "dev"]);
  await t.test("before anything is asked of Azure", () => {
    assert.deepEqual(advice(project.fails(UP)), ["A setting is invalid, so the run stopped"]);
    assert.deepEqual(advice(project.fails(["preview", "--stack", "nope"])), ["The backend has no such stack"]);
    const passphrase = (PULUMI_CONFIG_PASSPHRASE?: string): string => project.fails(UP, { PULUMI_CONFIG_PASSPHRASE });
    assert.deepEqual(advice(passphrase("another")), [
      "The passphrase isn't the stack's, so pulumi can't read the stack's secrets",
    ]);
    assert.deepEqual(advice(passphrase()), ["The passphrase is missing"]);
  });

  project.ok(["config", "set", "--path", "dockerSources[0]", "203.0.113.7/32"]);
  await t.test("Azure refuses: it is busy, then the size", () => {
    const throttled = { kind: "throttled", times: 4, retryAfterSeconds: 0.001 } as const;
    project.behave({ faults: [{ call: "PUT Microsoft.Resources/resourceGroups", ...throttled }] });
    assert.deepEqual(advice(project.fails(UP)), ["Azure was busy"]);
    project.behave({ faults: [{ call: `PUT ${VM}`, kind: "size-unavailable" }] });
    const { stdout } = project.dockerHost(["advise", "-"], project.fails(UP));
    assert.match(stdout, /^The region doesn't have this VM size for you\. .* --location westeurope /);
  });

  await t.test("a second run beside the first; the first is killed; what it was at", async () => {
    project.behave({ latencySeconds: { [`PUT ${VM}`]: 20 } });
    const first = project.start(UP);
    for (let waited = 0; !first.printed().includes("docker-host-vm creating"); waited++) {
      assert.ok(waited < 300, `the machine is being made: ${first.printed()}`);
      await sleep(100);
    }
    const second = project.dockerHost(["advise"], project.fails(UP)).stdout;
    assert.match(
      second,
      /^Another run has locked the stack: created by \S+ \(pid \d+\) at \S+Z\. .* nobody else runs pulumi on this stack, type pulumi cancel/,
    );
    first.cutOff();
    assert.deepEqual(advice((await first.ended).output), ["The run was cut off"]);

    project.behave();
    project.ok(["cancel", "--yes"]);
    const drift = project.dockerHost(["drift", "--json"]);
    assert.equal(drift.status, FAILURES.drift.code, drift.stderr);
    assert.deepEqual(
      (JSON.parse(drift.stdout) as Drift).pending.map(({ name, operation }) => [name, operation]),
      [["docker-host-vm", "creating"]],
    );
    // Azure goes on with what it was asked, and the next run meets it.
    const vm = (): StoredResource | undefined => project.azure.list().find(({ armType }) => armType === VM);
    for (let waited = 0; vm()?.provisioningState !== "Succeeded"; waited++) {
      assert.ok(waited < 300, "Azure makes the VM");
      await sleep(100);
    }
    assert.deepEqual(advice(project.fails(UP)), [
      "An earlier run was cut off in the middle of an operation",
      "Azure has a resource that the state doesn't have, because an earlier run created it and lost Azure's answer",
    ]);
    project.azure.remove(vm()?.id ?? assert.fail());
    const next = project.ok(UP);
    assert.deepEqual(advice(next), ["An earlier run was cut off in the middle of an operation"]);
    // The advised command ends the problem, and removes nothing.
    project.ok(["refresh", "--yes", "--skip-preview", "--clear-pending-creates"]);
    assert.match(project.ok(["preview"]), /19 unchanged/);
  });

  await t.test("a destroy that fails", () => {
    project.behave({ faults: [{ call: "DELETE Microsoft.Resources/resourceGroups", kind: "conflict", times: 4 }] });
    assert.deepEqual(advice(project.fails(["destroy", "--yes", "--skip-preview"])), [
      "Azure was busy",
      "A destroy failed",
    ]);
    project.behave();
    project.ok(["destroy", "--yes", "--skip-preview"]);
  });

  await t.test("a log that isn't there", () => {
    const { status, stderr } = project.dockerHost(["advise", "up.log"]);
    assert.equal(status, FAILURES.usage.code);
    assert.match(stderr, /^docker-host: FILE must be a readable log .* \(got "up\.log": ENOENT\)\.$/m);
  });
});
