/** Azure's refusals of changes: while another operation runs, while a VM is off, and of properties that can't change. */
import { createHash } from "node:crypto";
import { answered } from "./answer";
import { ArmError } from "./armError";
import { type Body, sameName, textAt, valuesAt } from "./body";
import type { Store, StoredResource } from "./store";
import { EXTENSION, GROUP, nameOf, parentOf } from "./resourceTypes";

function refuse(status: number, code: string, text: string, target?: string): never {
  throw new ArmError(status, code, text, false, undefined, target);
}

/**
 * Throws for an extension on a VM that isn't running, whatever is asked of it (terraform-provider-azurerm 477, 6098).
 *
 * @throws ArmError with Azure's code and text.
 */
export function refuseStopped(store: Store, { id, armType }: Pick<StoredResource, "id" | "armType">): void {
  if (armType !== EXTENSION) return;
  const power = store.get(parentOf(id))?.computed.powerState;
  if (power === undefined || power === "running") return;
  refuse(409, "OperationNotAllowed", "Cannot modify extensions in the VM when the VM is not running.");
}

const RESERVED_SECONDS = 180;

/** For the `computed` of the interfaces of a VM that failed: kept for it for a while. A VM that succeeds has none. */
export function reservation(machineId: string, now: Date): Body {
  return { reservedFor: machineId, reservedUntil: new Date(now.getTime() + RESERVED_SECONDS * 1000).toISOString() };
}

/**
 * Throws if a NIC is reserved and another VM asks for it, or a client deletes it (gardenlinux 4133, rancher/machine 359).
 *
 * @throws ArmError with Azure's code and text.
 */
export function refuseReserved({ computed }: StoredResource, now: Date, machineId?: string): void {
  const [owner, until] = [textAt(computed, "reservedFor"), textAt(computed, "reservedUntil")];
  if (owner === undefined || until === undefined || now >= new Date(until)) return;
  if (machineId !== undefined && sameName(machineId, owner)) return;
  refuse(
    400,
    "NicReservedForAnotherVm",
    `Nic(s) in request is reserved for another Virtual Machine for ${RESERVED_SECONDS} seconds. Please provide another nic(s) or retry after ${RESERVED_SECONDS} seconds. Reserved VM: ${owner}`,
  );
}

/**
 * Throws for a PUT or DELETE on what has another operation under way: network resources, which azure-native tries again
 * (pulumi-azure-native 903, 1024); resource groups, once they go; and the others, which it doesn't.
 *
 * @param operationUri The URL of the running operation.
 * @throws ArmError with Azure's code and text.
 */
export function refuseBusy({ id, armType, provisioningState }: StoredResource, operationUri: string): void {
  if (!/ing$/.test(provisioningState)) return;
  const name = nameOf(id);
  if (armType.startsWith("Microsoft.Network/")) {
    refuse(
      409,
      "AnotherOperationInProgress",
      `Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: ${operationUri}.`,
    );
  }
  if (armType === GROUP) {
    if (provisioningState !== "Deleting") return;
    refuse(
      409,
      "ResourceGroupBeingDeleted",
      `The resource group '${name}' is in deprovisioning state and cannot perform this operation.`,
    );
  }
  refuse(
    409,
    "Conflict",
    "The request failed due to conflict with a concurrent request. To resolve it, please refer to https://aka.ms/activitylog to get more details on the conflicting requests.",
  );
}

/** The properties of a VM that can't change, and Azure's names for them. Sources: see the test. */
const IMMUTABLE: [path: string, called: string][] = [
  ["osProfile.computerName", "osProfile.computerName"],
  ["osProfile.adminUsername", "osProfile.adminUsername"],
  ["osProfile.linuxConfiguration.disablePasswordAuthentication", "linuxConfiguration.disablePasswordAuthentication"],
  ["osProfile.linuxConfiguration.ssh.publicKeys", "linuxConfiguration.ssh.publicKeys"],
  ...["publisher", "offer", "sku", "version", "id"].map((part): [string, string] => [
    `storageProfile.imageReference.${part}`,
    "imageReference",
  ]),
  ["storageProfile.osDisk.name", "osDisk.name"],
  ["storageProfile.osDisk.createOption", "osDisk.createOption"],
  ["securityProfile.securityType", "securityProfile.securityType"],
];

/** Azure never returns these, so the rehearsal keeps only their digests. */
const SECRET = ["osProfile.adminPassword", "osProfile.customData"];

/** For the `computed` of a VM that is made: by these a change of what is never stored is seen. */
export function secretDigests(id: string, body: Body): Body {
  const digest = (value: string): string => createHash("sha256").update(`${id.toLowerCase()}\n${value}`).digest("hex");
  const found = SECRET.map((path) => [path, textAt(body, path)] as const);
  return {
    digests: Object.fromEntries(found.flatMap(([path, value]) => (value === undefined ? [] : [[path, digest(value)]]))),
  };
}

/**
 * Throws if a VM's PUT changes such a property. A property that is left out stays as it is.
 *
 * @throws ArmError with Azure's code and text.
 */
export function refuseMachineChange(existing: StoredResource, body: Body, store: Store): void {
  const before = answered(existing, store);
  // Trusted Launch can be turned on, and off again, while the VM is deallocated (azure-compute-docs, trusted-launch-existing-vm.md).
  const deallocated = existing.computed.powerState === "deallocated";
  const changed = IMMUTABLE.find(([path]) => {
    const asked = valuesAt(body, path)[0] ?? undefined;
    if (asked === undefined || (deallocated && path.startsWith("securityProfile"))) return false;
    return JSON.stringify(asked) !== JSON.stringify(valuesAt(before, path)[0]);
  })?.[1];
  const [old, now] = [existing.computed.digests as Body | undefined, secretDigests(existing.id, body).digests as Body];
  const property = changed ?? SECRET.find((path) => now[path] !== undefined && now[path] !== old?.[path]);
  if (property === undefined) return;
  refuse(409, "PropertyChangeNotAllowed", `Changing property '${property}' is not allowed.`, property);
}
