/** Starts machines: the specification, the folder, and the script that becomes systemd-nspawn. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { plainEnvironment } from "../system/command";
import { controlGroups, identity } from "./controlGroups";
import { bridgeNamespace, innerBridge } from "./network";

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

/** The parts of a machine's folder. Docker's and containerd's data lie beside the overlay, because overlays don't stack. */
export const parts = {
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

export function prepareDisk(spec: MachineSpec): void {
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
export async function launch(spec: MachineSpec): Promise<void> {
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

export function readSpec(directory: string): string | undefined {
  try {
    return fs.readFileSync(path.join(directory, parts.spec), "utf8");
  } catch {
    return undefined;
  }
}
