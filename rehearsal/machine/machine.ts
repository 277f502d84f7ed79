// Boots a real Linux machine (systemd-nspawn on an overlay), finds it again from any process, runs commands in it, stops it.
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type CommandResult, mustRun, plainEnvironment, runCommand } from "../system/command";
import { type MachineSpec, launch, parts, prepareDisk, readSpec } from "./launch";
import { bridgeNamespace } from "./network";
import { controlGroups, identity, kill, processes, removeGroup, waitUntilEmpty } from "./controlGroups";

export interface RunOptions {
  /** Standard input of the command. Secrets must go this way. */
  input?: string | Buffer;
  /** The command and what it started is killed after so long, and `run` rejects. Defaults to no limit. */
  timeoutMs?: number;
  /** Added to a plain environment. */
  env?: Record<string, string>;
}

const bootTimeoutMs = 60_000;
const shutdownTimeoutMs = 20_000;
/** SIGRTMIN+3: systemd's signal to power off. */
const powerOffSignal = 37;

// A new file under another name, then the rename: nobody ever reads half of it, or reads it with too wide a mode.
const writeScript = `set -eu
umask 077
draft=$(mktemp "$1.XXXXXX")
trap 'rm -f "$draft"' EXIT
cat > "$draft"
if [ -n "$3" ]; then chown "$3" "$draft"; fi
chmod "$2" "$draft"
mv -fT "$draft" "$1"`;

// A new file gets the mode; one that is there is emptied, keeps its mode, and is left with what fits on the disk.
const overwriteScript = `set -eu
[ -e "$1" ] || install -m "$2" /dev/null "$1"
cat > "$1"`;

export class Machine {
  constructor(readonly directory: string) {}

  /** Runs a command in the machine, as root. */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
    // timeout(1) runs inside: to kill only what entered the machine would leave the command itself running there.
    const limit = options.timeoutMs === undefined ? [] : ["timeout", "--signal=KILL", `${options.timeoutMs / 1000}`];
    const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"];
    // nsenter's own way to wait for the command stops nsenter for good when the machine's shutdown stops all processes;
    // the command would stay a zombie then, and the machine with it. A shell between the two just waits.
    const wait = ["--no-fork", "--", "sh", "-c", '"$@"; exit "$?"', "sh"];
    const result = await runCommand(
      ["nsenter", `--target=${this.leader()}`, ...namespaces, ...wait, ...limit, ...argv],
      {
        env: { ...plainEnvironment, ...options.env },
        ...(options.input === undefined ? {} : { input: options.input }),
      },
    );
    if (options.timeoutMs !== undefined && result.code === 137) {
      throw new Error(
        `${argv.slice(0, 2).join(" ")} in ${this.directory} did not end within ${options.timeoutMs / 1000} s`,
      );
    }
    return result;
  }

  /** As run, but an exit code other than 0 throws an error with what the command said. Gives back standard output. */
  async mustRun(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    const result = await this.run(argv, options);
    if (result.code !== 0) {
      throw new Error(
        `in the machine: ${argv.slice(0, 3).join(" ")} failed with exit code ${result.code}: ${result.stderr.trim()}`,
      );
    }
    return result.stdout;
  }

  /** Writes a file whole or not at all; its folder must be there. `owner` as chown takes it, for example "ann:ann". */
  async writeFile(file: string, content: string | Buffer, attributes: { mode: number; owner?: string }): Promise<void> {
    const words = [file, attributes.mode.toString(8), attributes.owner ?? ""];
    await this.mustRun(["sh", "-c", writeScript, "sh", ...words], { input: content });
  }

  /**
   * Writes over a file, as Go's os.WriteFile does: on a full disk, half of it or nothing is left of the old one and the new.
   * @throws in Go's words, for example "write /etc/docker/key.pem: no space left on device".
   */
  async overwriteFile(file: string, content: string | Buffer, { mode }: { mode: number }): Promise<void> {
    const words = [file, mode.toString(8)];
    const result = await this.run(["sh", "-c", overwriteScript, "sh", ...words], { input: content });
    if (result.code === 0) return;
    const reason = result.stderr.trim().split(": ").at(-1) ?? "";
    throw new Error(`write ${file}: ${reason.toLowerCase()}`);
  }

  async readFile(file: string): Promise<string> {
    return this.mustRun(["cat", file]);
  }

  /** Reboots it; what is on its disk stays. */
  async restart(): Promise<void> {
    const spec = readSpec(this.directory);
    if (spec === undefined) throw new Error(`${this.directory} holds no machine`);
    await stopMachine(this.directory, { keepDisk: true });
    await bootMachine(JSON.parse(spec) as MachineSpec);
  }

  private leader(): number {
    const leader = processes(this.directory).leader;
    if (leader === undefined) throw new Error(`the machine in ${this.directory} is not running`);
    return leader;
  }
}

/**
 * Boots the machine and waits until its systemd has started everything. Completes or replaces what a boot that was cut
 * off left behind; a machine that runs to the same specification is left running.
 * @throws with the console's last lines, if it isn't up within a minute.
 */
export async function bootMachine(spec: MachineSpec): Promise<Machine> {
  const wanted = `${JSON.stringify(spec, undefined, 2)}\n`;
  if (runningMachine(spec.directory) === undefined || readSpec(spec.directory) !== wanted) {
    await stopMachine(spec.directory, { keepDisk: true });
    prepareDisk(spec);
    fs.writeFileSync(path.join(spec.directory, parts.spec), wanted);
    await launch(spec);
  }
  const machine = new Machine(spec.directory);
  const problem = await waitUntilUp(machine);
  if (problem === undefined) return machine;
  const log = consoleTail(spec.directory);
  await stopMachine(spec.directory, { keepDisk: true });
  throw new Error(`the machine ${spec.hostName} did not boot: ${problem}. Its console's last lines:\n${log}`);
}

/** The machine that runs in this folder, whichever process started it. */
export function runningMachine(directory: string): Machine | undefined {
  const { supervisor, leader } = processes(directory);
  return supervisor === undefined || leader === undefined ? undefined : new Machine(directory);
}

/** Shuts the machine down, if there is one, and keeps its disk; or without `keepDisk`, ends it at once and removes the folder. */
export async function stopMachine(directory: string, { keepDisk }: { keepDisk: boolean }): Promise<void> {
  if (fs.existsSync(directory)) {
    fs.rmSync(path.join(directory, parts.launch), { force: true });
    await mustRun(["flock", path.join(directory, parts.lock), "true"]);
  }
  if (keepDisk) {
    const deadline = Date.now() + shutdownTimeoutMs;
    for (
      let { leader } = processes(directory);
      leader !== undefined && Date.now() < deadline;
      { leader } = processes(directory)
    ) {
      // Again and again: a systemd that has only just begun to boot doesn't hear it yet.
      kill(leader, powerOffSignal);
      await waitUntilEmpty(directory, 500);
    }
  }
  const { leader } = processes(directory);
  if (leader !== undefined) {
    // The kernel ends all that runs in the machine with its first process, and systemd-nspawn then tidies up after itself.
    kill(leader, "SIGKILL");
    await waitUntilEmpty(directory, 5_000);
  }
  for (let left = processes(directory).all; left.length > 0; left = processes(directory).all) {
    for (const pid of left) kill(pid, "SIGKILL");
    await sleep(20);
  }
  for (const group of controlGroups(directory)) await removeGroup(group);
  await removeInterface(directory);
  // systemd-nspawn leaves this folder when it is killed.
  fs.rmSync(`/run/systemd/nspawn/propagate/${identity(directory)}`, { recursive: true, force: true });
  if (!keepDisk) fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** The kernel takes a dead machine's interface away in its own time, and the next boot's needs the name. */
async function removeInterface(directory: string): Promise<void> {
  const spec = readSpec(directory);
  if (spec === undefined) return;
  const { bridge } = JSON.parse(spec) as MachineSpec;
  // Usually the interface is gone already.
  await runCommand([
    "nsenter",
    `--net=${bridgeNamespace(bridge)}`,
    "ip",
    "link",
    "delete",
    `vb-${identity(directory)}`,
  ]);
}

/** Waits for the boot's end; what went wrong, if anything did. */
async function waitUntilUp(machine: Machine): Promise<string | undefined> {
  const deadline = Date.now() + bootTimeoutMs;
  let seen = false;
  let state = "";
  while (Date.now() < deadline) {
    const { all, leader } = processes(machine.directory);
    seen ||= all.length > 0;
    if (seen && all.length === 0) return "it ended";
    if (leader !== undefined) {
      // The bus takes connections only some way into the boot; until then this fails at once.
      const result = await machine
        .run(["systemctl", "is-system-running", "--wait"], { timeoutMs: Math.max(1, deadline - Date.now()) })
        .catch((error: unknown) => ({ stdout: String(error) }));
      state = result.stdout.trim();
      // A degraded system is up; which of its services failed is for whoever needs them to say.
      if (state === "running" || state === "degraded") return undefined;
    }
    await sleep(25);
  }
  return `it was not up after ${bootTimeoutMs / 1000} s${state === "" ? "" : ` (systemd says: ${state})`}`;
}

function consoleTail(directory: string): string {
  const log = fs.readFileSync(path.join(directory, parts.console), "utf8");
  return log
    .replace(/\x1b\[[0-9;?]*[A-Za-z]|\r/g, "")
    .trim()
    .split("\n")
    .slice(-15)
    .join("\n");
}
