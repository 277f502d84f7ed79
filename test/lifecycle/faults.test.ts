/** Every call to Azure that a stack's life makes goes wrong in every way: the next run ends as if nothing had been. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Fault } from "../../rehearsal/arm/behaviour";
import { FOLDERS } from "../../rehearsal/arm/open";
import type { StoredResource } from "../../rehearsal/arm/store";
import { Attached, TOKENS, type Verb, assertInRecovery, removal, steadied } from "../support/attached";
import { leftOut, sampled } from "../support/sample";
import { Scratch, runRehearsal } from "../support/scratch";

const GROUP = "Microsoft.Resources/resourceGroups";
const NETWORK = "Microsoft.Network/virtualNetworks";
const NSG = "Microsoft.Network/networkSecurityGroups";
const IP = "Microsoft.Network/publicIPAddresses";
const NIC = "Microsoft.Network/networkInterfaces";
const VM = "Microsoft.Compute/virtualMachines";
const EXTENSION = "Microsoft.Compute/virtualMachines/extensions";
const ALL = Object.keys(TOKENS);

const callsOf = (method: string, ...armTypes: string[]): string[] => armTypes.map((armType) => `${method} ${armType}`);

/** The kinds of calls of a run: after each PUT the provider reads what came of it. */
function callsIn(calls: string[]): string[] {
  const reads = calls.filter((call) => call.startsWith("PUT ")).map((call) => call.replace("PUT ", "GET "));
  return [...new Set([...calls, ...reads])].sort();
}

/** The provider looks first, so as not to take over what it didn't make. */
const creationOf = (...armTypes: string[]): string[][] => [callsOf("GET", ...armTypes), callsOf("PUT", ...armTypes)];

const CHANGED = { dockerPort: "4244", vmSize: "Standard_D2s_v5", dnsLabel: "build-host" };
const REPLACED = { ...CHANGED, adminUsername: "ops" };

/** A stack's life from nothing to nothing, and the calls of each part of it, stage by stage; a stage's calls are made at the same time. */
const LIFE: { part: string; verb: Verb; settings: Record<string, string>; stages: string[][] }[] = [
  {
    part: "up from nothing",
    verb: "up",
    settings: {},
    stages: [GROUP, [NETWORK, NSG, IP], NIC, VM, EXTENSION].flatMap((armTypes) => creationOf(...[armTypes].flat())),
  },
  {
    part: "up that changes",
    verb: "up",
    settings: CHANGED,
    stages: [callsOf("PUT", NSG, IP), callsOf("PUT", VM), callsOf("PUT", EXTENSION)],
  },
  {
    part: "up that replaces",
    verb: "up",
    settings: REPLACED,
    stages: [callsOf("DELETE", EXTENSION), callsOf("DELETE", VM), ...creationOf(VM), ...creationOf(EXTENSION)],
  },
  { part: "refresh", verb: "refresh", settings: REPLACED, stages: [callsOf("GET", ...ALL)] },
  // Azure deletes a group's resources with it.
  { part: "destroy", verb: "destroy", settings: REPLACED, stages: [callsOf("DELETE", GROUP)] },
];

/** A preview without a change. */
const UNCHANGED = /^Resources:\n +\d+ unchanged\n+$/m;

interface Failure extends Omit<Fault, "call"> {
  /** The message that a person reads. */
  error: RegExp;
}

/** As azure-native tells of a refusal, also where it only looks whether the resource is there. */
function refusal(status: number, code: string): RegExp {
  return new RegExp(`Status=${status} Code="${code}"|status code ${status}, \\{"error":\\{"code":"${code}"`);
}

/** The ways in which any call can fail. */
const FAILURES: Failure[] = [
  // Of all but a refusal, the provider tries three times more.
  { kind: "throttled", times: 4, retryAfterSeconds: 0.001, error: refusal(429, "TooManyRequests") },
  { kind: "conflict", times: 4, error: refusal(409, "AnotherOperationInProgress") },
  { kind: "refused", error: refusal(403, "AuthorizationFailed") },
  { kind: "internal-error", times: 4, error: refusal(500, "InternalServerError") },
  { kind: "lost-response", times: 4, error: /socket hang up/ },
];

const LATER_KINDS: Fault["kind"][] = ["boot-failure", "extension-failure"];

/** The failures that come after Azure accepted a call: of a machine that boots, and of an extension that runs. */
function failuresLater(stage: string[], calls: string[]): Failure[] {
  return [
    ...(stage.includes(`PUT ${VM}`) && calls.includes(`GET ${VM}`)
      ? [{ kind: "boot-failure" as const, error: /Status=200 Code="OSProvisioningTimedOut"/ }]
      : []),
    ...(stage.includes(`PUT ${EXTENSION}`)
      ? [{ kind: "extension-failure" as const, error: /Status=200 Code="VMExtensionProvisioningError"/ }]
      : []),
  ];
}

/** The failures that a run overcomes by itself, at each of its calls. */
const NUISANCES: { nuisance: string; fault?: Omit<Fault, "call">; seconds?: number }[] = [
  { nuisance: "throttled", fault: { kind: "throttled", times: 3, retryAfterSeconds: 0.001 } },
  { nuisance: "met by another operation", fault: { kind: "conflict", times: 3 } },
  { nuisance: "met by an internal error", fault: { kind: "internal-error", times: 3 } },
  { nuisance: "answered in vain", fault: { kind: "lost-response", times: 3 } },
  { nuisance: "delayed", seconds: 0.05 },
];

type Step = (Failure & { call: string })[];

/**
 * A part's chains of failures, stage by stage: each run overcomes the last one's failure and meets its own, at each call of
 * a stage another one; and over all chains each failure is met at each call.
 */
function chainsOf(stages: string[][]): Step[][] {
  const calls = stages.flat();
  const chains = FAILURES.map((_, row) =>
    stages.map((stage) =>
      stage.flatMap((call, column) => {
        const failure = FAILURES[(row + column) % FAILURES.length];
        return failure ? [{ call, ...failure }] : [];
      }),
    ),
  );
  const later = stages.flatMap((stage) =>
    failuresLater(stage, calls).map((failure) => stage.map((call) => ({ call, ...failure }))),
  );
  return later.length > 0 ? [...chains, later] : chains;
}

/** Those resources that are of one of these types. */
function of(resources: StoredResource[], armTypes: string[]): StoredResource[] {
  return resources.filter(({ armType }) => armTypes.includes(armType));
}

/** The CLI's diagnostics at the end, of the resource that a call was for. */
function diagnosticOf(call: string, output: string): string {
  const token = TOKENS[call.replace(/^\S+ /, "")] ?? "";
  const blocks = output.slice(output.lastIndexOf("Diagnostics:")).split(/\n\n| {2}(?=\S+ \(\S+\):\n)/);
  return blocks.find((block) => block.includes(`${token} (`)) ?? "";
}

test("whatever goes wrong at whatever call, the next run mends it", async (t) => {
  const attached = await Attached.open(t);
  const parts = sampled(t, "parts of a life in which calls fail", LIFE, ({ part }) => part, ["up from nothing"]);
  for (const { part, verb, settings, stages } of parts) {
    await t.test(part, async (st) => {
      attached.configure(settings);
      const before = attached.snapshot();
      const calls = stages.flat();
      const { status, output } = await attached.run(verb);
      assert.equal(status, 0, output);
      assert.deepEqual(attached.calls.sort(), callsIn(calls), "these are all the calls");
      const wanted = attached.reached();
      const after = attached.snapshot();
      if (verb === "destroy") assert.deepEqual(wanted, { resources: [], azure: [] });
      else {
        assert.match((await attached.run("preview")).output, UNCHANGED);
        assert.deepEqual(attached.calls, [], "a preview asks Azure nothing");
        attached.learnSecrets();
      }

      const nuisances = sampled(st, "nuisances", NUISANCES, ({ nuisance }) => nuisance, ["throttled"]);
      for (const { nuisance, fault, seconds = 0 } of nuisances) {
        await st.test(`each call ${nuisance}`, async () => {
          attached.restore(before);
          const ended = await attached.run(verb, {
            faults: fault && calls.map((call) => ({ call, ...fault })),
            latencySeconds: Object.fromEntries(calls.map((call) => [call, seconds])),
          });
          assert.equal(ended.status, 0, ended.output);
          assert.deepEqual(attached.unmet, []);
          for (const call of calls) {
            // A timer may be early by less than a millisecond.
            assert.ok((attached.seconds[call] ?? 0) >= seconds - 0.001, `${call} was not delayed`);
          }
          assert.deepEqual(attached.reached(), wanted);
          attached.assertNoSecretShown();
        });
      }

      // The first chain has each kind of failure.
      const chains = [...chainsOf(stages).entries()];
      for (const [index, chain] of sampled(st, "chains of failures", chains, ([at]) => String(at), ["0"])) {
        await st.test(`chain ${index + 1}`, async (chained) => {
          attached.restore(before);
          // The steps before the next run: it removes the resources that Azure made and that the state doesn't have.
          let removals: string[] = [];
          const done: string[] = [];
          for (const [position, step] of chain.entries()) {
            const isFirst = position === 0;
            await chained.test(step.map(({ kind, call }) => `${kind} at ${call}`).join(", "), async () => {
              const trouble = { faults: step, together: step.map(({ call }) => call) };
              const failed = isFirst ? await attached.run(verb, trouble) : await attached.next(verb, trouble);
              assert.notEqual(failed.status, 0, failed.output);
              if ("steps" in failed) assert.deepEqual(failed.steps, removals);
              assert.deepEqual(attached.unmet, []);
              const told = step.filter(({ call, error }) => error.test(diagnosticOf(call, failed.output)));
              // A refresh ends with its first error, and doesn't wait for those that are tried again.
              assert.equal(verb === "refresh" ? told.length > 0 : told.length === step.length, true, failed.output);
              // A resource that failed after Azure accepted it exists, and the state has it.
              const broken = attached.store.list().filter(({ provisioningState }) => provisioningState === "Failed");
              assert.deepEqual(
                broken.map(({ armType }) => `PUT ${armType}`),
                step.filter(({ kind }) => LATER_KINDS.includes(kind)).map(({ call }) => call),
              );
              for (const { id } of broken) {
                assert.ok(!attached.leftovers().unrecorded.includes(id), `${id} is recorded`);
              }
              assert.deepEqual(
                steadied(of(attached.store.list(), done)),
                steadied(of(after.azure, done)),
                "the last one is overcome",
              );

              const unheard = step.filter(({ kind, call }) => kind === "lost-response" && call.startsWith("PUT "));
              const made = after.azure.filter(
                ({ armType, id }) =>
                  // Of the two extensions, the first call is for one alone.
                  attached.store.get(id) !== undefined &&
                  calls.includes(`GET ${armType}`) &&
                  unheard.some(({ call }) => call === `PUT ${armType}`),
              );
              removals = made.map(({ id }) => removal(id));
              assertInRecovery(removals);
              done.push(...step.flatMap(({ call }) => (call.startsWith("PUT ") ? [call.slice(4)] : [])));
            });
          }
          const next = await attached.next(verb);
          assert.equal(next.status, 0, next.output);
          assert.deepEqual(next.steps, removals);
          assert.deepEqual(attached.reached(), wanted);
          attached.assertNoSecretShown();
        });
      }
      attached.restore(after);
    });
  }
});

test("a destroy that failed, and then an up: what the state has forgotten goes first", async (t) => {
  const attached = await Attached.open(t);
  await attached.run("up");
  const { azure } = attached.reached();
  await attached.run("destroy", { faults: [{ call: `DELETE ${GROUP}`, kind: "conflict", times: 4 }] });
  const { unrecorded } = attached.leftovers();
  assert.ok(unrecorded.length > 0, "the state has forgotten what lies in the group");

  const { status, output, steps } = await attached.next("up");
  assert.equal(status, 0, output);
  // A resource that goes with another is not named, and a resource that another uses comes after it.
  const named = unrecorded.filter((id) => !id.includes("/extensions/"));
  assert.deepEqual(steps.sort(), named.map(removal).sort());
  assertInRecovery(steps);
  assert.deepEqual(attached.reached().azure, azure);
  assert.match((await attached.run("preview")).output, UNCHANGED);
});

/** One run after the other: each overcomes the last one's failure and meets its own, at a call that no other one goes beside. */
const CHAIN: [call: string, kind: Fault["kind"]][] = [
  [`PUT ${GROUP}`, "refused"],
  [`GET ${NIC}`, "conflict"],
  [`PUT ${NIC}`, "internal-error"],
  [`GET ${VM}`, "throttled"],
  [`PUT ${VM}`, "boot-failure"],
  [`PUT ${EXTENSION}`, "lost-response"],
  [`PUT ${EXTENSION}`, "extension-failure"],
];

test("and so with the provider in a process of its own", async (t) => {
  if (leftOut(t, "faults of a spawned provider")) return;
  const attached = await Attached.open(t);
  attached.spawnPlugins();
  const overcome: Fault = { call: `GET ${GROUP}`, kind: "throttled", times: 3, retryAfterSeconds: 0.001 };
  const latencySeconds = Object.fromEntries(ALL.map((armType) => [`PUT ${armType}`, 0.05]));
  let removals: string[] = [];
  for (const [call, kind] of CHAIN) {
    const failure = [...FAILURES, ...failuresLater([call], creationOf(VM).flat())].find((each) => each.kind === kind);
    assert.ok(failure, `${kind} is one of the failures`);
    const failed = await attached.next("up", { latencySeconds, faults: [overcome, { call, ...failure }] });
    assert.notEqual(failed.status, 0, failed.output);
    assert.match(diagnosticOf(call, failed.output), failure.error);
    assert.deepEqual(failed.steps, removals);
    removals = attached.leftovers().unrecorded.map(removal);
    assert.equal(removals.length, kind === "lost-response" ? 1 : 0);
  }
  const { status, output } = await attached.next("up");
  assert.equal(status, 0, output);
  attached.reached();
  assert.match((await attached.run("preview")).output, UNCHANGED);
});

test("by the command that a person types: what is to be done is said and done", async (t) => {
  const scratch = new Scratch(t);
  const args = ["up", "--no-machines", "--directory", scratch.directory];
  const file = join(scratch.directory, FOLDERS.behaviour);
  writeFileSync(file, JSON.stringify({ faults: [{ call: `PUT ${NIC}`, kind: "lost-response", times: 4 }] }));
  const failed = runRehearsal(args);
  assert.equal(failed.status, 1, failed.stdout + failed.stderr);
  assert.match(failed.stdout, /^error: .*socket hang up/m);
  rmSync(file);
  const next = runRehearsal(args);
  assert.equal(next.status, 0, next.stdout + next.stderr);
  assert.match(next.stdout, /^In Azure, but not in the state: az resource delete --ids \S+-nic$/m);
});
