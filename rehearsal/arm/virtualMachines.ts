/** Carries out the PUT and DELETE of VMs and extensions on the machines behind them. */
import type { OsProfile } from "../guest/provision";
import { messageOf } from "../values";
import { addressesOf } from "./addresses";
import { ArmError } from "./armError";
import type { Behaviour } from "./behaviour";
import { type Body, first, textAt, valuesAt } from "./body";
import type { Compute } from "./compute";
import { putDisk, refuseDisk } from "./disks";
import { packetFilter } from "./packetFilter";
import { EXTENSION, VIRTUAL_MACHINE, nameOf, parentOf } from "./resourceTypes";
import type { Store, StoredResource } from "./store";

/** The power operations of a VM. */
export type PowerVerb = "start" | "powerOff" | "deallocate" | "restart";

export class VirtualMachines {
  /** Done when the packet filter is as the last call wanted it. */
  private filtered: Promise<void> = Promise.resolve();

  constructor(
    private readonly store: Store,
    private readonly compute: Compute,
    private readonly behaviour: Behaviour,
  ) {}

  /** Brings the machine into the state that the resource describes. */
  async realize(resource: StoredResource, body: Body, existing: StoredResource | undefined): Promise<void> {
    if (resource.armType === VIRTUAL_MACHINE) {
      if (existing?.provisioningState !== "Succeeded") {
        await this.createMachine(resource, body);
      } else if (first(existing.body, "hardwareProfile.vmSize") !== first(body, "hardwareProfile.vmSize")) {
        await this.compute.restart(resource.id);
      }
    }
    if (resource.armType === EXTENSION) await this.runExtension(resource, body);
  }

  private async createMachine(resource: StoredResource, body: Body): Promise<void> {
    if (this.behaviour.due(`PUT ${VIRTUAL_MACHINE}`, "boot-failure")) {
      throw new ArmError(
        409,
        "OSProvisioningTimedOut",
        `OS Provisioning for VM '${nameOf(resource.id)}' did not finish in the allotted time.`,
        true,
      );
    }
    refuseDisk(this.store, resource);
    putDisk(this.store, resource);
    try {
      await this.bootMachine(resource);
      await this.compute.provision(resource.id, osProfile(body));
    } catch (error) {
      throw new ArmError(409, "OSProvisioningInternalError", messageOf(error), true);
    }
  }

  /** Filters one after the other. Each reads the store when its turn comes, so the last one knows all changes. */
  filterPackets(): Promise<void> {
    const turn = this.filtered.then(async () => {
      const resources = this.store.list();
      const isThere = ({ armType, provisioningState }: StoredResource): boolean =>
        armType === VIRTUAL_MACHINE && provisioningState !== "Deleting";
      // Without a machine there is no network to filter on.
      if (resources.some(isThere)) await this.compute.filterPackets(packetFilter(resources));
    });
    this.filtered = turn.catch(() => undefined);
    return turn;
  }

  async bootMachine(resource: StoredResource): Promise<void> {
    // Before the boot, because no packet may reach a machine unfiltered.
    await this.filterPackets();
    await this.compute.boot({
      id: resource.id,
      hostName: String(first(resource.body, "osProfile.computerName")),
      addresses: addressesOf(this.store, resource),
    });
  }

  async power(vm: StoredResource, verb: PowerVerb): Promise<void> {
    const powerState = verb === "deallocate" ? "deallocated" : verb === "powerOff" ? "stopped" : "running";
    if (verb === "restart") await this.compute.restart(vm.id);
    if (powerState !== "running") await this.compute.stop(vm.id);
    const changed = { ...vm, computed: { ...vm.computed, powerState } };
    this.store.set(changed);
    if (verb === "start") await this.bootMachine(changed);
  }

  async remove(id: string): Promise<void> {
    await this.compute.remove(id);
  }

  /** Boots the machines that should run and don't, such as after this computer was off. */
  async bootMissing(): Promise<void> {
    for (const machine of this.store.list()) {
      if (machine.armType === VIRTUAL_MACHINE && machine.provisioningState === "Succeeded" && isRunning(machine))
        await this.bootMachine(machine);
    }
  }

  private async runExtension(resource: StoredResource, body: Body): Promise<void> {
    const { machine, name } = partsOfExtension(resource);
    const failed = (code: string, message: string): ArmError => new ArmError(409, code, message, true);
    if (this.behaviour.due(`PUT ${EXTENSION}`, "extension-failure")) {
      throw failed("VMExtensionProvisioningError", `VM has reported a failure when processing extension '${name}'.`);
    }
    const result = await this.compute
      .runExtension(machine, {
        publisher: String(body.publisher),
        type: String(body.type),
        typeHandlerVersion: String(body.typeHandlerVersion),
        ...(typeof body.forceUpdateTag === "string" && { forceUpdateTag: body.forceUpdateTag }),
        settings: body.settings,
        protectedSettings: body.protectedSettings,
      })
      .catch((error: unknown) => ({
        status: "error" as const,
        code: "VMAgentStatusCommunicationError",
        message: messageOf(error),
      }));
    if (result.status === "error") {
      const report = `VM has reported a failure when processing extension '${name}'. Error message: '${result.message}'`;
      const timeout = `Provisioning of VM extension ${name} has timed out. ${result.message}`;
      throw failed(result.code, result.code === "VMExtensionProvisioningTimeout" ? timeout : report);
    }
  }

  async removeExtension(resource: StoredResource): Promise<void> {
    const { machine, name } = partsOfExtension(resource);
    const [publisher, type] = [String(resource.body.publisher), String(resource.body.type)];
    try {
      await this.compute.removeExtension(machine, { publisher, type });
    } catch (error) {
      this.store.set({ ...resource, provisioningState: "Failed" });
      throw new ArmError(
        409,
        "VMExtensionHandlerNonTransientError",
        `The handler for VM extension type '${publisher}.${type}' has reported terminal failure for VM extension '${name}' with error message: '${messageOf(error)}'`,
        true,
      );
    }
  }
}

/** A VM runs unless it was stopped. */
function isRunning({ computed }: StoredResource): boolean {
  return (computed.powerState ?? "running") === "running";
}

function partsOfExtension({ id }: StoredResource): { machine: string; name: string } {
  return { machine: parentOf(id), name: nameOf(id) };
}

function osProfile(body: Body): OsProfile {
  const [adminPassword, customData] = [textAt(body, "osProfile.adminPassword"), textAt(body, "osProfile.customData")];
  return {
    computerName: textAt(body, "osProfile.computerName") ?? "",
    adminUsername: textAt(body, "osProfile.adminUsername") ?? "",
    ...(adminPassword !== undefined && { adminPassword }),
    ...(customData !== undefined && { customData }),
    sshPublicKeys: valuesAt(body, "osProfile.linuxConfiguration.ssh.publicKeys.*") as OsProfile["sshPublicKeys"],
    disablePasswordAuthentication: first(body, "osProfile.linuxConfiguration.disablePasswordAuthentication") === true,
  };
}
