/** The engine is killed before and after each thing that an `up` does: the next run completes it, after the steps that a user is told of. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Attached, TOKENS, assertInRecovery, removal } from "../support/attached";
import { sampled } from "../support/sample";
import { DECLARED } from "../support/scratch";

const CALLS = Object.keys(TOKENS).flatMap((armType) => [`GET ${armType}`, `PUT ${armType}`]);
const MADE_HERE = Object.keys(DECLARED).filter((name) => /^(tls|random):/.test(DECLARED[name]?.[0] ?? ""));
const POINTS = [
  ...["azure-native", "tls", "random"].map((provider) => `before configuring ${provider}`),
  ...[...CALLS, ...MADE_HERE, "docker-host-password"].flatMap((what) => [`before ${what}`, `after ${what}`]),
];

/** Before anything is made, in the midst of keys, and where Azure has made what nobody heard of. */
const SAMPLE = [
  "before configuring azure-native",
  "after docker-host-ca-key",
  "after PUT Microsoft.Compute/virtualMachines",
];

test("killed anywhere, an up is completed by the next run", async (t) => {
  const attached = await Attached.open(t);
  const nothing = attached.snapshot();
  const { status, output } = await attached.run("up");
  assert.equal(status, 0, output);
  assert.deepEqual([...new Set(attached.points)].sort(), [...POINTS].sort(), "these are all the points");
  assert.ok(POINTS.length >= 50, `${POINTS.length} points`);
  const wanted = attached.reached();
  attached.learnSecrets();

  for (const point of sampled(t, "points of a kill", POINTS, String, SAMPLE)) {
    await t.test(point, async () => {
      attached.restore(nothing);
      const killed = await attached.run("up", { killAt: point });
      assert.equal(killed.status, null, killed.output);

      const { pending, unrecorded } = attached.leftovers();
      assert.ok(!point.startsWith("after PUT ") || unrecorded.length > 0, "Azure made it, and nobody heard of it");

      const next = await attached.next("up");
      assert.equal(next.status, 0, next.output);
      assert.deepEqual(next.steps, [
        "The last run was cut off: pulumi cancel",
        ...(pending === 0
          ? []
          : [`The last run was cut off with ${pending} operations under way: pulumi refresh --clear-pending-creates`]),
        ...unrecorded.map(removal),
      ]);
      assertInRecovery(next.steps);
      assert.deepEqual(attached.reached(), wanted);
      attached.assertNoSecretShown();
    });
  }
});

test("without these steps, a user is told what is wrong", async (t) => {
  const attached = await Attached.open(t);
  await attached.run("up", { killAt: `after PUT Microsoft.Compute/virtualMachines` });
  assert.match((await attached.run("up")).output, /error: the stack is currently locked .*`pulumi cancel`/);
  assert.equal((await attached.pulumi(["cancel", "--yes"])).status, 0);
  assert.match((await attached.run("up")).output, /pending operations/);
  assert.equal((await attached.pulumi(["refresh", "--yes", "--skip-preview", "--clear-pending-creates"])).status, 0);
  assert.match(
    (await attached.run("up")).output,
    /error: cannot create already existing resource '\/subscriptions\/.*-vm'/,
  );
  assert.equal((await attached.next("up")).status, 0);
});
