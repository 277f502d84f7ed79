/**
 * The control groups of machines. A machine is known by its group, whose name follows from its folder: whatever runs in
 * that group is the machine, whichever process started it and however far it got; the kernel keeps the list, and no process ID can mislead.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemdCgroupMounts } from "./systemPackages";

/** Eight digits, so that the name of its network interface (15 characters at most) still tells machines apart. */
export function identity(directory: string): string {
  return `adh-${createHash("sha256").update(path.resolve(directory)).digest("hex").slice(0, 8)}`;
}

/** The control groups that the machine of this folder runs in, whether or not it does. */
export function controlGroups(directory: string): string[] {
  return systemdCgroupMounts().map((mount) => path.join(mount, identity(directory)));
}

interface Processes {
  /** systemd-nspawn itself. */
  supervisor?: number;
  /** The machine's first process. */
  leader?: number;
  all: number[];
}

export function processes(directory: string): Processes {
  const group = controlGroups(directory)[0] ?? "";
  const all = groupsBelow(group).flatMap(pidsOf);
  const supervisor = pidsOf(path.join(group, "supervisor"))[0];
  const leader = all.find(isFirstOfMachine);
  return { all, ...(supervisor === undefined ? {} : { supervisor }), ...(leader === undefined ? {} : { leader }) };
}

/** Whether the process is number 1 one namespace further in; the first of a container is two further in. */
function isFirstOfMachine(pid: number): boolean {
  const own = namespacePids("self").length;
  const pids = namespacePids(`${pid}`);
  return pids.length === own + 1 && pids[own] === "1";
}

function namespacePids(pid: string): string[] {
  return /^NSpid:\t(.*)$/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1]?.split("\t") ?? [];
}

function pidsOf(group: string): number[] {
  return readOrEmpty(path.join(group, "cgroup.procs")).split("\n").filter(Boolean).map(Number);
}

/** The group and all below it, a parent before its children. */
function groupsBelow(group: string): string[] {
  let children: fs.Dirent[];
  try {
    children = fs.readdirSync(group, { withFileTypes: true });
  } catch {
    return [];
  }
  return [
    group,
    ...children.filter((entry) => entry.isDirectory()).flatMap((entry) => groupsBelow(path.join(group, entry.name))),
  ];
}

/** Files in /proc and in control groups vanish with what they tell of. */
function readOrEmpty(file: string): string {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

export function kill(pid: number, signal: NodeJS.Signals | number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

export async function waitUntilEmpty(directory: string, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (processes(directory).all.length > 0 && Date.now() < deadline) await sleep(20);
}

export async function removeGroup(group: string): Promise<void> {
  for (const below of groupsBelow(group).reverse()) {
    for (let attempt = 0; ; attempt++) {
      try {
        fs.rmdirSync(below);
        break;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === "ENOENT") break;
        // A process that has ended keeps its group busy for a moment.
        if (code !== "EBUSY" || attempt === 100) throw error;
        await sleep(20);
      }
    }
  }
}
