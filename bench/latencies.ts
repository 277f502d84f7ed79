/** How long Azure takes for what an `up` asks of it, and what has to wait for what; pure. */

/** The seconds that Azure takes for each type of resource, and the types that must exist before. */
interface Step {
  seconds: number;
  /** By Azure itself: what it refuses to make the resource without. */
  after: string[];
  /** The times that users saw, with their sources. */
  seen: string;
}

const GROUP = "Microsoft.Resources/resourceGroups";
const NETWORK = "Microsoft.Network/virtualNetworks";
const SECURITY_GROUP = "Microsoft.Network/networkSecurityGroups";
const ADDRESS = "Microsoft.Network/publicIPAddresses";
const INTERFACE = "Microsoft.Network/networkInterfaces";
const MACHINE = "Microsoft.Compute/virtualMachines";
const EXTENSION = "Microsoft.Compute/virtualMachines/extensions";

const LOGS = {
  azureVmTable: "https://github.com/turbot/steampipe-plugin-azure/pull/421",
  azureVmEncryption: "https://github.com/turbot/steampipe-plugin-azure/pull/88",
  azureVmExtensions: "https://github.com/turbot/steampipe-plugin-azure/pull/229",
  azureNetwork: "https://github.com/turbot/steampipe-plugin-azure/pull/259",
  azureScaleSet: "https://github.com/turbot/steampipe-plugin-azure/pull/249",
  firewalls: "https://github.com/PaloAltoNetworks/terraform-azurerm-vmseries-modules/pull/92",
  thirtyDays: "https://github.com/chechiachang/terraform-30-days/pull/6",
  harmony: "https://github.com/harmony-one/experiment-deploy/pull/318",
};

/**
 * As Terraform's logs of Azure's users have it ("Creation complete after …"). Each figure is at the lower end of what was
 * seen or below it: the shorter Azure's part is, the more the engine's own counts.
 */
const CREATION: Record<string, Step> = {
  [GROUP]: {
    seconds: 2,
    after: [],
    seen: `2 s: ${LOGS.azureVmEncryption}; 3 s: ${LOGS.azureNetwork}; 8 s: ${LOGS.harmony}`,
  },
  [NETWORK]: {
    seconds: 5,
    after: [GROUP],
    seen: `7 s: ${LOGS.azureVmExtensions}, ${LOGS.thirtyDays}; 8 s: ${LOGS.azureNetwork}; 9 s: ${LOGS.azureVmEncryption}`,
  },
  [SECURITY_GROUP]: { seconds: 2, after: [GROUP], seen: `7 s: ${LOGS.thirtyDays}; 11 s: ${LOGS.harmony}` },
  [ADDRESS]: {
    seconds: 4,
    after: [GROUP],
    seen: `4 s: ${LOGS.firewalls}, ${LOGS.thirtyDays}; 10 s: ${LOGS.azureScaleSet}`,
  },
  [INTERFACE]: {
    seconds: 2,
    after: [NETWORK, SECURITY_GROUP, ADDRESS],
    seen: `6 s: ${LOGS.azureVmEncryption}; 12 s: ${LOGS.azureVmTable}`,
  },
  [MACHINE]: { seconds: 50, after: [INTERFACE], seen: `55 s: ${LOGS.azureVmTable}` },
  // Each of the two: the one that installs the package, and the DockerExtension after it.
  [EXTENSION]: {
    seconds: 35,
    after: [MACHINE],
    seen: "an assumption, the only one here: no log was found of an extension that installs packages and of how long it took",
  },
};

/** To delete a resource group: 45 s, https://github.com/jenkins-infra/azure/pull/77; more with a machine in it. */
const GROUP_DELETION_SECONDS = 60;

/** The time of any read. No log was found, so it is the longest time of a call over an ocean. */
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

/** The extra time of a second extension. */
const SECOND_EXTENSION_SECONDS = READ_SECONDS + (CREATION[EXTENSION]?.seconds ?? 0);

/** The longest chain of what waits for each other, in seconds: however many hosts there are, nothing can be faster. */
export const CRITICAL_PATH_SECONDS = readyAfter(EXTENSION) + SECOND_EXTENSION_SECONDS;

/** All calls of so many hosts in one resource group, one after the other, in seconds. */
export function oneAfterAnotherSeconds(hosts: number): number {
  return Object.entries(CREATION).reduce(
    (sum, [type, { seconds }]) => sum + (READ_SECONDS + seconds) * (type === GROUP ? 1 : hosts),
    hosts * SECOND_EXTENSION_SECONDS,
  );
}
