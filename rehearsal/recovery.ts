/** Recovers a rehearsal that was cut off, by the steps that a user of Azure takes. The next `up` completes it. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { belongsToMachine } from "./arm/disks";
import { parseId } from "./arm/resourceTypes";
import type { Subscription } from "./arm/subscription";
import type { Print } from "./display";
import { runs } from "./system/processes";

/** How long an engine whose caller is gone may take to end by itself. */
const ENGINE_END_SECONDS = 60;

interface State {
  resources?: { id?: string; pendingReplacement?: boolean }[];
  pending_operations?: unknown[];
}

/** The parts of a rehearsal that recovery needs. */
export interface Recovery {
  backend: string;
  projectName: string;
  stackName: string;
  subscription: Subscription;
  print: Print;
  /** Runs `pulumi` on the stack; gives what it prints. */
  pulumi: (args: string[]) => Promise<string>;
}

/** Cleans up the backend after a run that was cut off. */
export async function recover(recovery: Recovery): Promise<void> {
  await clearLock(recovery);
  await awaitAzure(recovery);
  await settlePending(recovery);
  await recovery.subscription.bootMissing();
}

/**
 * Waits for other runs and removes this stack's lock. The backend's locks name their processes. All stacks share one
 * network, so this waits for any stack's run, but removes only this stack's lock.
 *
 * @throws if another run doesn't end.
 */
async function clearLock({ backend, projectName, stackName, print, pulumi }: Recovery): Promise<void> {
  const folder = join(backend, ".pulumi/locks/organization", projectName);
  const holders = (): number[] =>
    lockFiles(folder).map((file) => (JSON.parse(readFileSync(file, "utf8")) as { pid: number }).pid);
  for (let waited = 0; waited < ENGINE_END_SECONDS && holders().some((pid) => runs(pid, "pulumi")); waited++) {
    if (waited % 10 === 0) print(`Waiting for another run of this rehearsal to end (process ${holders().join(", ")})`);
    await sleep(1000);
  }
  const running = holders().filter((pid) => runs(pid, "pulumi"));
  if (running.length > 0) throw new Error(`another run of this rehearsal hasn't ended (process ${running.join(", ")})`);
  if (lockFiles(join(folder, stackName)).length > 0) {
    print("The last run was cut off: pulumi cancel");
    await pulumi(["cancel", "--yes"]);
  }
}

function lockFiles(folder: string): string[] {
  return existsSync(folder)
    ? readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".json"))
        .map((name) => join(folder, name))
    : [];
}

/** How long Azure may take to end what a run that is gone asked of it. */
const AZURE_END_SECONDS = 120;

/** Waits for operations of a run that was cut off. Azure completes them, and so does the endpoint's process. */
async function awaitAzure({ subscription, print }: Recovery): Promise<void> {
  const busy = (): string[] =>
    subscription.store
      .list()
      .filter(({ worker }) => worker !== undefined && runs(worker, "arm/endpointProcess"))
      .map(({ id }) => id.split("/").at(-1) ?? id);
  const first = busy();
  if (first.length > 0) print(`Waiting for Azure to end what the last run asked of it: ${first.join(", ")}`);
  for (let waited = 0; waited < AZURE_END_SECONDS && busy().length > 0; waited += 0.2) await sleep(200);
}

/**
 * Deletes resources that Azure has and the state hasn't. A run that was cut off has created them, or a `destroy` that failed
 * has left them. The next `up` would fail with "cannot create already existing resource". Resources in another stack's
 * group are left to that stack's next run.
 * Importing them doesn't work: `pulumi refresh --import-pending-creates` of v3.259 forgets them without importing.
 */
export async function removeUnrecorded(recovery: Recovery): Promise<void> {
  const { subscription, print } = recovery;
  const { resources = [] } = readState(recovery);
  // A resource that waits for its replacement is gone already. Its ID belongs to its successor.
  const recorded = resources.filter(({ pendingReplacement }) => pendingReplacement !== true).map(({ id }) => id);
  const unrecorded = subscription.store
    .list()
    .filter((resource) => !belongsToMachine(resource))
    .map(({ id }) => id)
    .filter((id) => !recorded.includes(id) && !otherGroups(recovery).includes(parseId(id)?.names[0] ?? ""));
  // Children are deleted with their parent. In the order of IDs, a resource comes before the ones that it uses.
  for (const id of unrecorded.filter((each) => !unrecorded.some((other) => each.startsWith(`${other}/`)))) {
    print(`In Azure, but not in the state: ${deleteCommand(id)}`);
    await subscription.delete(id);
  }
}

/** The resource groups of the backend's other stacks. */
function otherGroups({ backend, projectName, stackName }: Recovery): string[] {
  const folder = stateFolder(backend, projectName);
  return (existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => name.endsWith(".json") && name !== `${stackName}.json`)
    .map((name) => `${projectName}-${name.slice(0, -".json".length)}`);
}

function stateFolder(backend: string, projectName: string): string {
  return join(backend, ".pulumi/stacks", projectName);
}

/** The command that a user of Azure types. */
function deleteCommand(id: string): string {
  const [group, ...rest] = parseId(id)?.names ?? [];
  return rest.length === 0 && group !== undefined
    ? `az group delete --name ${group}`
    : `az resource delete --ids ${id}`;
}

/** Forgets the operations of a run that was cut off. If Azure carried one out, `removeUnrecorded` finds its resource. */
async function settlePending(recovery: Recovery): Promise<void> {
  const { pending_operations: pending = [] } = readState(recovery);
  if (pending.length === 0) return;
  recovery.print(
    `The last run was cut off with ${pending.length} operations under way: pulumi refresh --clear-pending-creates`,
  );
  await recovery.pulumi(["refresh", "--yes", "--skip-preview", "--clear-pending-creates"]);
}

function readState({ backend, projectName, stackName }: Recovery): State {
  const file = join(stateFolder(backend, projectName), `${stackName}.json`);
  if (!existsSync(file)) return {};
  const { checkpoint } = JSON.parse(readFileSync(file, "utf8")) as { checkpoint?: { latest?: State } };
  return checkpoint?.latest ?? {};
}
