// Tells whether this computer can run the rehearsal's machines, and installs the tools that it lacks for it.
import { spawnSync } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import path from "node:path";
import { mustRun, plainEnvironment, runCommand, withElapsed } from "../system/command";

export type MachineSupport = { supported: true } | { supported: false; reason: string };

/** The commands that the machines need, and the package of Debian and Ubuntu that brings each. */
const requiredCommands: Readonly<Record<string, string>> = {
  "systemd-nspawn": "systemd-container",
  mmdebstrap: "mmdebstrap",
  ip: "iproute2",
  nft: "nftables",
  nsenter: "util-linux",
  unshare: "util-linux",
  setsid: "util-linux",
  flock: "util-linux",
  setpriv: "util-linux",
  mount: "mount",
  // For whoever logs in to a machine, as Azure's users do.
  ssh: "openssh-client",
};

/** Whether real machines can run here: as root of a Linux that lets root mount and make namespaces and cgroups. */
export function machineSupport(): MachineSupport {
  const no = (reason: string): MachineSupport => ({ supported: false, reason });
  if (process.platform !== "linux") return no(`the machines need Linux, and this is ${process.platform}`);
  if (process.getuid?.() !== 0) return no("the machines need root");
  if (process.arch !== "x64" && process.arch !== "arm64")
    return no(`the machines need amd64 or arm64, and this is ${process.arch}`);
  if (!hasCommand("unshare")) return no("the command unshare (package util-linux) is missing");
  const probe = spawnSync(
    "unshare",
    [
      "--mount",
      "--pid",
      "--net",
      "--uts",
      "--ipc",
      "--cgroup",
      "--fork",
      "sh",
      "-c",
      "mount -t tmpfs none /tmp && grep -qw cgroup2 /proc/mounts",
    ],
    { encoding: "utf8", env: plainEnvironment },
  );
  if (probe.status !== 0) {
    return no(
      `this system lets root make no namespaces and mounts, or has no cgroup2: ${probe.stderr.trim() || "no cgroup2 is mounted"}`,
    );
  }
  const group = cgroupMount();
  try {
    accessSync(group, constants.W_OK);
  } catch {
    return no(`${group} cannot be written to`);
  }
  return { supported: true };
}

/**
 * Installs with apt-get what is missing of the tools, and says what; `commands` names others than the machines', as above.
 * @throws where there is no apt-get: names the missing commands and their packages.
 */
export async function ensureSystemPackages(
  progress: (line: string) => void,
  commands = requiredCommands,
): Promise<void> {
  const missing = Object.keys(commands).filter((command) => !hasCommand(command));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((command) => commands[command] ?? command))];
  if (!hasCommand("apt-get")) {
    throw new Error(
      `missing commands: ${missing.join(", ")}; this system has no apt-get: install the equivalents of Debian's packages ${packages.join(", ")}`,
    );
  }
  progress(`installing ${packages.join(", ")} (for the commands ${missing.join(", ")})`);
  // Ten minutes: unattended upgrades of a freshly booted cloud machine hold the lock for about that long.
  const aptGet = (...words: string[]) => ["apt-get", "-y", "-o", "DPkg::Lock::Timeout=600", ...words];
  const env = { ...aptEnvironment(), DEBIAN_FRONTEND: "noninteractive" };
  const install = aptGet("install", "--no-install-recommends", ...packages);
  const work = async () => {
    // The package lists that are there usually do; those of a container image are empty, and old ones name files that are gone.
    if ((await runCommand(install, { env })).code === 0) return;
    progress("refreshing the package lists");
    await mustRun(aptGet("update"), { env });
    await mustRun(install, { env });
  };
  await withElapsed((seconds) => {
    progress(`installing ${packages.join(", ")} (${seconds} s)`);
  }, work());
}

/** The environment for apt: a plain one with the proxies and certificates of this process's own. */
export function aptEnvironment(): Record<string, string> {
  const own = Object.entries(process.env).filter(
    ([name, value]) => /^(https?|ftp|no|all)_proxy$|^SSL_CERT_(FILE|DIR)$/i.test(name) && value !== undefined,
  );
  return { ...plainEnvironment, ...(Object.fromEntries(own) as Record<string, string>) };
}

/** Where the cgroup2 tree is mounted: /sys/fs/cgroup, or a folder in it where cgroup v1 still has the controllers. */
function cgroupMount(): string {
  return mountsOf("cgroup2")[0] ?? "/sys/fs/cgroup";
}

/** The cgroup trees in which systemd keeps its groups: cgroup2, and v1's named tree where there still is one. */
export function systemdCgroupMounts(): string[] {
  return [cgroupMount(), ...mountsOf("cgroup", "name=systemd")];
}

function mountsOf(type: string, option?: string): string[] {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter((fields) => fields[2] === type && (option === undefined || fields[3]?.split(",").includes(option)))
    .map((fields) => fields[1] ?? "");
}

function hasCommand(name: string): boolean {
  return (plainEnvironment.PATH ?? "").split(":").some((folder) => {
    try {
      accessSync(path.join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
