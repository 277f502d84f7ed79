/** A VM's OS disk, which is a resource of its own. */
import { randomUUID } from "node:crypto";
import { ArmError } from "./armError";
import { takesPremiumDisks } from "./images";
import { type Body, first, sameName, textAt } from "./body";
import type { Store, StoredResource } from "./store";
import { DISK, nameOf } from "./resourceTypes";

/** Whether a VM owns the disk. Nobody created such a disk by itself. */
export function belongsToMachine({ computed }: StoredResource): boolean {
  return computed.managedBy !== undefined;
}

/** The ID of a disk beside a VM. */
export function diskId(machineId: string, name: string): string {
  return `${machineId.replace(/\/virtualMachines\/[^/]+$/i, "")}/disks/${name}`;
}

/**
 * Throws if a new VM names a disk that exists. Azure accepts such a request and fails later. The VM is Failed then.
 *
 * @throws ArmError with Azure's code and text (terraform-provider-azurerm issues 15513 and 23038).
 */
export function refuseDisk(store: Store, { id, body }: Pick<StoredResource, "id" | "body">): void {
  const name = textAt(body, "storageProfile.osDisk.name");
  const taken = name !== undefined && store.get(diskId(id, name));
  if (!taken || first(body, "storageProfile.osDisk.createOption") === "Attach") return;
  const owner = textAt(taken.computed, "managedBy");
  // A VM that failed and is put again has its disk already.
  if (owner !== undefined && sameName(owner, id)) return;
  const group = id.split("/")[4] ?? "";
  throw new ArmError(
    409,
    "ConflictingUserInput",
    `Disk ${name} already exists in resource group ${group.toUpperCase()}. Only CreateOption.Attach is supported.`,
    true,
    undefined,
    taken.id,
  );
}

/** Creates the VM's disk, or updates it. The VM's `computed` must have the disk's name. */
export function putDisk(store: Store, machine: StoredResource): void {
  const name = String(machine.computed.osDiskName);
  const id = diskId(machine.id, name);
  const osDisk = (first(machine.body, "storageProfile.osDisk") ?? {}) as Body;
  const existing = store.get(id);
  const size = String(first(machine.body, "hardwareProfile.vmSize"));
  store.set({
    id,
    armType: DISK,
    provisioningState: "Succeeded",
    body: {
      location: machine.body.location,
      sku: {
        name:
          textAt(osDisk, "managedDisk.storageAccountType") ??
          (takesPremiumDisks(size) ? "Premium_LRS" : "Standard_LRS"),
      },
      osType: "Linux",
      diskSizeGB: osDisk.diskSizeGB ?? 30,
      creationData: { createOption: "FromImage" },
    },
    computed: {
      uniqueId: randomUUID(),
      timeCreated: machine.computed.timeCreated,
      ...existing?.computed,
      managedBy: machine.id,
    },
  });
}

/** Deletes the disk of a deleted VM if its `deleteOption` is Delete. Otherwise detaches it. */
export function releaseDisk(store: Store, machine: StoredResource): void {
  const disk = store.get(diskId(machine.id, String(machine.computed.osDiskName)));
  // A VM that failed for the name of its disk has none; the one there is another's.
  if (!disk || !sameName(String(disk.computed.managedBy), machine.id)) return;
  if (first(machine.body, "storageProfile.osDisk.deleteOption") === "Delete") store.remove(disk.id);
  else store.set({ ...disk, computed: { ...disk.computed, managedBy: undefined } });
}

/** azure-rest-api-specs, DiskRP 2024-03-02, examples Disk_Get and Disk_Create_FromAPlatformImage. */
export function diskAnswer({ body, computed }: StoredResource, store: Store): Body {
  const owner = textAt(computed, "managedBy");
  const off = owner !== undefined && store.get(owner)?.computed.powerState === "deallocated";
  return {
    sku: { tier: String(first(body, "sku.name")).replace(/(SSD)?_.*$/, "") },
    diskSizeBytes: Number(body.diskSizeGB) * 1024 ** 3,
    diskState: owner === undefined ? "Unattached" : off ? "Reserved" : "Attached",
    encryption: { type: "EncryptionAtRestWithPlatformKey" },
    networkAccessPolicy: "AllowAll",
    publicNetworkAccess: "Enabled",
  };
}

/**
 * Throws if a client deletes a disk that is attached to a VM.
 *
 * @throws ArmError with Azure's code and text.
 */
export function refuseDiskDeletion({ id, computed }: StoredResource): void {
  const owner = textAt(computed, "managedBy");
  if (owner === undefined) return;
  throw new ArmError(409, "OperationNotAllowed", `Disk ${nameOf(id)} is attached to VM ${owner}.`);
}
