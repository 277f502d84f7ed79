// The network on which the rehearsal's machines see each other and this computer, and nothing else.
//
// The bridge lies in a network namespace of its own, and one veth pair leads from it to this computer. Were the bridge
// among this computer's own interfaces, a firewall of its own (Docker's drops what is forwarded) would also judge what
// passes between two machines, and allowing it would mean to change that firewall.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mustRun, plainEnvironment, runCommand } from "../system/command";

export interface Subnet {
  /** The interface's name on this computer, at most 15 characters, for example "adh1f0c22aa". */
  bridge: string;
  /** For example "198.18.7.0/24". */
  subnet: string;
  /** This computer's own address in it, for example "198.18.7.1". */
  gateway: string;
}

/**
 * The folder of the network namespaces. It is not /run/netns: the first `ip netns add` on a computer mounts that folder over
 * itself (iproute2's ip/ipnetns.c), which hides the mounts in it, and a hidden mount can be neither unmounted nor removed.
 */
const namespaceDirectory = "/run/azure-docker-host";

/** The network namespace that holds the bridge; the machines' interfaces are plugged in there. */
export function bridgeNamespace(name: string): string {
  return `${namespaceDirectory}/${name}`;
}

/** The bridge's name inside its namespace. */
export const innerBridge = "bridge0";

/** The bridge's port that leads to this computer. */
const uplink = "uplink";

// Both scripts run under a lock. Two processes that start at once make one bridge.
const ensureScript = `set -eu
name=$1 namespace=$2 address=$3 bridge=${innerBridge}
inside() { nsenter --net="$namespace" "$@"; }
if ! inside true 2>/dev/null; then
  : > "$namespace"
  unshare --net="$namespace" true
fi
inside ip link show "$bridge" >/dev/null 2>&1 || inside ip link add "$bridge" type bridge
# A pair whose other end lies elsewhere is the left-over of a namespace that is gone.
inside ip link show ${uplink} >/dev/null 2>&1 || ip link delete "$name" 2>/dev/null || true
ip link show "$name" >/dev/null 2>&1 || ip link add "$name" type veth peer name ${uplink} netns "$namespace"
inside ip link set ${uplink} master "$bridge" up
inside ip link set "$bridge" up
ip address replace "$address" dev "$name"
ip link set "$name" up`;

const removeScript = `set -eu
name=$1 namespace=$2
if ip link show "$name" >/dev/null 2>&1; then ip link delete "$name"; fi
if [ -e "$namespace" ]; then
  while umount "$namespace" 2>/dev/null; do :; done
  rm -f "$namespace"
fi`;

/** Makes the bridge, or completes one that was left half made. `cidrOfHost`: this computer's address, for example "198.18.7.1/24". */
export async function ensureBridge(name: string, cidrOfHost: string): Promise<void> {
  await locked(`make the network ${name}`, ensureScript, name, bridgeNamespace(name), cidrOfHost);
}

/** Removes the bridge and its namespace; one that is not there is no error. */
export async function removeBridge(name: string): Promise<void> {
  await locked(`remove the network ${name}`, removeScript, name, bridgeNamespace(name));
}

/**
 * Replaces the packet filter, at once. Only packets that the rules accept reach the machines; the rules are nftables' for a
 * bridge. All other packets are dropped, IPv6 too. Packets from machines to this computer pass. The filter stands where no
 * machine's root can change it.
 */
export async function filterPackets(name: string, rules: readonly string[]): Promise<void> {
  // The first of the two lines is for the second, which fails where there is no table.
  const filter = `table bridge filter
delete table bridge filter
table bridge filter {
  chain forward {
    type filter hook forward priority filter; policy drop;
    oifname "${uplink}" accept
    ether type arp accept
    ${rules.join("\n    ")}
  }
}
`;
  await mustRun(["nsenter", `--net=${bridgeNamespace(name)}`, "nft", "--file", "-"], { input: filter });
}

/** @throws "can't …", with what the script's commands said. */
async function locked(task: string, script: string, ...words: string[]): Promise<void> {
  const lock = `mkdir -p ${namespaceDirectory} && exec flock ${namespaceDirectory} sh -c "$0" sh "$@"`;
  const { code, stderr } = await runCommand(["sh", "-c", lock, script, ...words]);
  if (code !== 0) throw new Error(`can't ${task}: ${stderr.trim() || `exit code ${code}`}`);
}

/**
 * The network for a rehearsal: the same for the same seed, 198.18.N.0/24 of the range that RFC 2544 keeps for test benches.
 * Moves on to the next one, up to 198.19.255.0/24, while another interface of this computer has an address or a route in it.
 * @throws if all 512 are taken.
 */
export function chooseSubnet(seed: string): Subnet {
  const hash = createHash("sha256").update(seed).digest();
  const bridge = `adh${hash.toString("hex", 0, 4)}`;
  const taken = otherRanges(bridge);
  const first = hash.readUInt8(4);
  for (let step = 0; step < 512; step++) {
    const base = toNumber(198, 18, 0, 0) + ((first + step) % 512) * 256;
    if (taken.some((range) => range.first <= base + 255 && base <= range.last)) continue;
    const prefix = `198.${Math.floor(base / 65536) % 256}.${Math.floor(base / 256) % 256}`;
    return { bridge, subnet: `${prefix}.0/24`, gateway: `${prefix}.1` };
  }
  throw new Error("every network of 198.18.0.0/15 is in use by another interface of this computer");
}

interface Range {
  first: number;
  last: number;
}

function otherRanges(bridge: string): Range[] {
  const said = spawnSync("ip", ["-4", "-oneline", "route", "show", "table", "all"], {
    encoding: "utf8",
    env: plainEnvironment,
  });
  if (said.status !== 0) throw new Error(`ip route failed: ${said.stderr}`);
  return said.stdout
    .split("\n")
    .filter((line) => !line.includes(` dev ${bridge} `))
    .flatMap((line) => {
      const match = /^(?:[a-z]+ )?(\d+)\.(\d+)\.(\d+)\.(\d+)(?:\/(\d+))?/.exec(line);
      if (!match) return [];
      const [a = 0, b = 0, c = 0, d = 0] = match.slice(1, 5).map(Number);
      const bits = Number(match[5] ?? 32);
      // Half of the Internet in one route is a VPN's way to say "default": a more specific route goes before it.
      if (bits < 8) return [];
      const start = toNumber(a, b, c, d);
      return [{ first: start, last: start + 2 ** (32 - bits) - 1 }];
    });
}

function toNumber(a: number, b: number, c: number, d: number): number {
  return ((a * 256 + b) * 256 + c) * 256 + d;
}
