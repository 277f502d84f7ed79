/**
 * The folder in which one run of the tests keeps all that it makes for a while. A test takes away what it made, but one that
 * is killed can't: then the run does, or else the next one, and knows by the folder what is its own to end.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stopMachine } from "../../rehearsal/machine/machine";
import { chooseSubnet, removeBridge } from "../../rehearsal/machine/network";

const PREFIX = "docker-host-tests-";

/** Makes the folder of this process. */
export function makeOwnFolder(): string {
  const folder = join(tmpdir(), `${PREFIX}${process.pid}`);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

/** Takes away what runs left that were killed. */
export async function removeStaleFolders(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(PREFIX))) {
    if (!isRunning(Number(name.slice(PREFIX.length)))) await removeFolder(join(tmpdir(), name));
  }
}

/** Takes a run's folder away, with the processes of that run, the machines whose disks it has, and their networks. */
export async function removeFolder(folder: string): Promise<void> {
  for (const pid of processesOf(folder)) process.kill(pid, "SIGKILL");
  for (const name of subfolders(folder)) {
    const machines = machinesBelow(join(folder, name), 3);
    for (const machine of machines) await stopMachine(machine, { keepDisk: false });
    if (machines.length > 0) await removeBridge(chooseSubnet(join(folder, name)).bridge);
  }
  rmSync(folder, { recursive: true, force: true });
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Finds the processes of a run: each of them has the folder in its environment. */
function processesOf(folder: string): number[] {
  if (!existsSync("/proc")) return [];
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        return pid > 0 && readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(`TMPDIR=${folder}`);
      } catch {
        return false;
      }
    });
}

function subfolders(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

/** The machines' folders; nothing of what is in them is looked at. */
function machinesBelow(folder: string, depth: number): string[] {
  if (readdirSync(folder).includes("spec.json")) return [folder];
  if (depth === 0) return [];
  return subfolders(folder).flatMap((name) => machinesBelow(join(folder, name), depth - 1));
}
