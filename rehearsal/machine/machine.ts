// Boots a real Linux machine (systemd-nspawn on an overlay), finds it again from any process, runs commands in it, stops it.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type CommandResult, mustRun, plainEnvironment, runCommand } from "../system/command";
import { bridgeNamespace, innerBridge } from "./network";
import { controlGroups, identity, kill, processes, removeGroup, waitUntilEmpty } from "./controlGroups";

export interface MachineSpec {
  /** Holds all of the machine's state: its disk, Docker's data, the console's log. */
  directory: string;
  /** The root file system that its disk starts from; it is only read. */
  rootFileSystem: string;
  hostName: string;
  /** The bridge that it is plugged into (see network.ts). */
  bridge: string;
  /** With prefix length, for example ["198.18.3.4/24", "10.0.0.4/24"]. */
  addresses: string[];
}

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

/** The parts of a machine's folder. Docker's and containerd's data lie beside the overlay, because overlays don't stack. */
const parts = {
  upper: "disk/upper",
  work: "disk/work",
  docker: "disk/docker",
  containerd: "disk/containerd",
  root: "root",
  console: "console.log",
  lock: "lock",
  launch: "launch",
  spec: "spec.json",
} as const;

// Starts a machine, in a session of its own. The lock lasts until the script is in the machine's control group. Under the
// lock, the script sees whether it is still wanted. A process that removes the launch file and then gets the lock once
// finds every running script in the group, however late it started. The overlay is mounted in a mount namespace of the
// machine's own, so it goes with the machine, however that ends.
const launchScript = `set -eu
directory=$1 launch=$2 lower=$3 namespace=$4 bridge=$5 name=$6 host=$7
shift 7
exec 9> "$directory/${parts.lock}"
flock 9
[ "$(cat "$directory/${parts.launch}")" = "$launch" ]
mkdir -p "$@"
for group; do echo $$ > "$group/cgroup.procs"; done
exec 9>&-
# As the machine has cgroup2 to itself: systemd-nspawn gives v1's controllers read-only, and Docker can't run on that.
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
exec nsenter --net="$namespace" unshare --mount sh -c 'set -e
  mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/${parts.upper},workdir=$1/${parts.work}" "$1/${parts.root}"
  # The three system calls beyond the usual ones are for what runs containers: session keys, and device rules in BPF.
  exec systemd-nspawn --quiet --boot --directory="$1/${parts.root}" --machine="$4" --hostname="$5" --network-bridge="$3" \\
    --register=no --keep-unit --capability=all --system-call-filter="add_key keyctl bpf" \\
    --bind="$1/${parts.docker}:/var/lib/docker" --bind="$1/${parts.containerd}:/var/lib/containerd" \\
    --resolv-conf=off --timezone=off --link-journal=no --console=read-only --setenv=TERM=dumb
' sh "$directory" "$lower" "$bridge" "$name" "$host"`;

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

function prepareDisk(spec: MachineSpec): void {
  for (const part of [parts.upper, parts.work, parts.docker, parts.containerd, parts.root]) {
    fs.mkdirSync(path.join(spec.directory, part), { recursive: true });
  }
  const etc = path.join(spec.directory, parts.upper, "etc");
  fs.mkdirSync(etc, { recursive: true });
  const hosts = [
    "127.0.0.1 localhost",
    "::1 localhost ip6-localhost ip6-loopback",
    ...spec.addresses.map((address) => `${address.split("/")[0] ?? ""} ${spec.hostName}`),
  ];
  fs.writeFileSync(path.join(etc, "hostname"), `${spec.hostName}\n`);
  fs.writeFileSync(path.join(etc, "hosts"), `${hosts.join("\n")}\n`);
  fs.writeFileSync(path.join(etc, "rehearsal-addresses"), `${spec.addresses.join("\n")}\n`);
}

/** Starts the machine so that it outlives this process and holds nothing of it: no pipe, no session, no environment. */
async function launch(spec: MachineSpec): Promise<void> {
  const id = randomUUID();
  fs.writeFileSync(path.join(spec.directory, parts.launch), id);
  const log = fs.openSync(path.join(spec.directory, parts.console), "w", 0o600);
  try {
    const words = [
      ...[spec.directory, id, spec.rootFileSystem, bridgeNamespace(spec.bridge), innerBridge],
      ...[identity(spec.directory), spec.hostName, ...controlGroups(spec.directory)],
    ];
    await new Promise<void>((resolve, reject) => {
      const child = spawn("setsid", ["--fork", "sh", "-c", launchScript, "sh", ...words], {
        stdio: ["ignore", log, log],
        env: plainEnvironment,
        cwd: "/",
      });
      child.on("error", reject);
      child.on("exit", () => {
        resolve();
      });
    });
  } finally {
    fs.closeSync(log);
  }
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

function readSpec(directory: string): string | undefined {
  try {
    return fs.readFileSync(path.join(directory, parts.spec), "utf8");
  } catch {
    return undefined;
  }
}
