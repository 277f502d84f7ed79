/** How long Azure takes for what an `up` asks of it, and what has to wait for what; pure. */

/** What Azure takes for each type of resource, in seconds, and what must be there before. */
interface Step {
  seconds: number;
  /** By Azure itself: what it refuses to make the resource without. */
  after: string[];
  /** What users saw, and where. */
  seen: string;
}

const GROUP = "Microsoft.Resources/resourceGroups";
const NETWORK = "Microsoft.Network/virtualNetworks";
const SECURITY_GROUP = "Microsoft.Network/networkSecurityGroups";
const ADDRESS = "Microsoft.Network/publicIPAddresses";
const INTERFACE = "Microsoft.Network/networkInterfaces";
const MACHINE = "Microsoft.Compute/virtualMachines";
const EXTENSION = "Microsoft.Compute/virtualMachines/extensions";

/**
 * As Terraform's and OpenTofu's logs of Azure's users have it ("Creation complete after …"). Where they differ, a figure at
 * the lower end: the shorter Azure's part is, the more the engine's own counts.
 */
const CREATION: Record<string, Step> = {
  [GROUP]: {
    seconds: 2,
    after: [],
    seen: "2 s, 22 s; 8 s: https://github.com/harmony-one/experiment-deploy/pull/318",
  },
  [NETWORK]: { seconds: 5, after: [GROUP], seen: "3 s, 5 s" },
  [SECURITY_GROUP]: {
    seconds: 2,
    after: [GROUP],
    seen: "2 s; 11 s: https://github.com/harmony-one/experiment-deploy/pull/318",
  },
  [ADDRESS]: {
    seconds: 4,
    after: [GROUP],
    seen: "2 s; 4 s: https://github.com/PaloAltoNetworks/terraform-azurerm-vmseries-modules/pull/92",
  },
  [INTERFACE]: { seconds: 2, after: [NETWORK, SECURITY_GROUP, ADDRESS], seen: "2 s, 2 s, 3 s, 12 s, 14 s" },
  [MACHINE]: { seconds: 50, after: [INTERFACE], seen: "Linux: 47 s, 49 s, 51 s, 53 s, 53 s, 54 s; 13 s, 19 s at best" },
  [EXTENSION]: {
    seconds: 70,
    after: [MACHINE],
    seen: "more than 70 s, CustomScript that installs a web server; none of the DockerExtension was found",
  },
};

/** To delete a resource group with a machine in it: 45 s to 80 s in five logs. */
const GROUP_DELETION_SECONDS = 60;

/** What any question takes, for which no log was found: what a call over an ocean takes at most. */
const READ_SECONDS = 0.2;

/** The latencies as the loopback Azure takes them, so many times as long. */
export function latencySeconds(scale: number): Record<string, number> {
  return Object.fromEntries([
    ...Object.entries(CREATION).flatMap(([type, { seconds }]): [string, number][] => [
      [`GET ${type}`, READ_SECONDS * scale],
      [`PUT ${type}`, seconds * scale],
    ]),
    [`DELETE ${GROUP}`, GROUP_DELETION_SECONDS * scale],
  ]);
}

/** How long it takes at least until a resource of that type is there: the provider looks first whether it is. */
function readyAfter(type: string): number {
  const { seconds, after } = CREATION[type] ?? { seconds: 0, after: [] };
  return READ_SECONDS + seconds + Math.max(0, ...after.map(readyAfter));
}

/** The longest chain of what waits for each other, in seconds: however many hosts there are, nothing can be faster. */
export const CRITICAL_PATH_SECONDS = Math.max(...Object.keys(CREATION).map(readyAfter));

/** All calls of so many hosts in one resource group, one after the other, in seconds. */
export function oneAfterAnotherSeconds(hosts: number): number {
  return Object.entries(CREATION).reduce(
    (sum, [type, { seconds }]) => sum + (READ_SECONDS + seconds) * (type === GROUP ? 1 : hosts),
    0,
  );
}
