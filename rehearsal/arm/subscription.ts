/** The loopback subscription: creates, changes and deletes resources as Azure Resource Manager does. */
import type { Subnet } from "../machine/network";
import { isAlive } from "../system/processes";
import { changesAddresses } from "./addresses";
import { ArmError } from "./armError";
import { type Behaviour, LostResponse } from "./behaviour";
import { type Body, valuesAt, without } from "./body";
import type { Compute } from "./compute";
import { computedAtCreation, computedAtPut, nextEtag, touchedBy } from "./filledIn";
import { refuseDiskDeletion, releaseDisk } from "./disks";
import { refuseImageAndSize } from "./images";
import { refuseBusy, refuseMachineChange, refuseReserved, refuseStopped, reservation } from "./manners";
import {
  DISK,
  EXTENSION,
  NETWORK_INTERFACE,
  PUBLIC_IP,
  type ResourceType,
  SECURITY_GROUP,
  VIRTUAL_MACHINE,
  VIRTUAL_NETWORK,
  parseId,
} from "./resourceTypes";
import { refuseDelete, refusePut } from "./rules";
import type { Store, StoredResource } from "./store";
import { type PowerVerb, VirtualMachines } from "./virtualMachines";

/** The types whose resources decide which packets reach a machine. */
const DECIDES_ON_PACKETS = [SECURITY_GROUP, NETWORK_INTERFACE, PUBLIC_IP, VIRTUAL_NETWORK];

/** A request that Azure took on. */
export interface Accepted<T> {
  /** The result. Rejects with an ArmError if the operation fails half-way. */
  done: Promise<T>;
}

/** One subscription, in one region's worth of addresses. */
export class Subscription {
  private readonly machines: VirtualMachines;

  constructor(
    readonly store: Store,
    compute: Compute,
    private readonly behaviour: Behaviour,
    private readonly network: Subnet,
  ) {
    this.machines = new VirtualMachines(store, compute, behaviour);
  }

  async get(id: string): Promise<StoredResource | undefined> {
    const accepted = await this.accept(`GET ${typeOf(id).armType}`, () => Promise.resolve(this.store.get(id)));
    return accepted.done;
  }

  /**
   * Creates the resource or changes it to what is asked.
   *
   * @throws ArmError with Azure's code if it is refused, or, marked as accepted, if it fails half-way.
   */
  async put(id: string, body: Body): Promise<StoredResource> {
    return (await this.beginPut(id, body)).done;
  }

  /**
   * Accepts the request. The resource exists when this returns, and is complete when `done` resolves.
   *
   * @throws ArmError with Azure's code if it is refused.
   */
  async beginPut(id: string, body: Body): Promise<Accepted<StoredResource>> {
    const type = typeOf(id);
    const call = `PUT ${type.armType}`;
    let existing: StoredResource | undefined;
    const resource: StoredResource = {
      id,
      armType: type.armType,
      provisioningState: "Creating",
      body: type.writeOnly.reduce(without, body),
      computed: {},
    };
    const begin = (): void => {
      existing = this.store.get(id);
      if (existing) refuseWorking(existing);
      refusePut(this.store, { id, type, body }, existing);
      refuseStopped(this.store, resource);
      if (type.armType === VIRTUAL_MACHINE) this.refuseMachine(id, body, existing);
      // The body alone decides on the FQDN, so the former one doesn't stay.
      const before = without(existing?.computed ?? {}, "dnsSettings");
      const kept = existing ? { ...before, ...nextEtag(existing) } : computedAtCreation(resource);
      resource.computed = { ...kept, ...computedAtPut(resource, body, existing, this.store, this.network) };
      // A change that is cut off has not happened, so the former resource stays until the end.
      const worker = process.pid;
      const { etag } = resource.computed;
      const during = existing && {
        ...existing,
        computed: { ...existing.computed, ...(etag !== undefined && { etag }) },
      };
      this.store.set({ ...(during ? { ...during, provisioningState: "Updating" } : resource), worker });
    };
    return this.accept(call, () => this.finishPut(resource, body, existing), begin);
  }

  private async finishPut(
    resource: StoredResource,
    body: Body,
    existing: StoredResource | undefined,
  ): Promise<StoredResource> {
    try {
      await this.machines.realize(resource, body, existing);
      resource.provisioningState = "Succeeded";
      if (resource.armType === VIRTUAL_MACHINE) this.reserveInterfaces(resource, undefined);
    } catch (error) {
      resource.provisioningState = "Failed";
      if (resource.armType === VIRTUAL_MACHINE) this.reserveInterfaces(resource, new Date());
      throw error;
    } finally {
      // Another resource's change may have changed its etag meanwhile.
      const { etag = resource.computed.etag } = this.store.get(resource.id)?.computed ?? {};
      const computed = { ...resource.computed, ...(resource.computed.etag !== undefined && { etag }) };
      this.store.set(Object.assign(resource, { computed }));
      this.touch(touchedBy(resource, this.store));
      if (existing) this.touch(touchedBy(existing, this.store));
    }
    if (DECIDES_ON_PACKETS.includes(resource.armType)) await this.machines.filterPackets();
    // A machine whose addresses have changed is booted again. Azure translates addresses outside of the VM, without a boot.
    if (existing && changesAddresses(existing, resource)) await this.machines.bootMissing();
    return resource;
  }

  /**
   * Deletes the resource and its children. One that doesn't exist is no error. The handler of a deleted extension is
   * disabled and uninstalled on its VM, unless the VM is deleted too.
   *
   * @throws ArmError with Azure's code if something uses it, or if an extension can't be disabled.
   */
  async delete(id: string): Promise<void> {
    await (
      await this.beginDelete(id)
    ).done;
  }

  /** Accepts the request. `existed` tells at once whether there is anything to delete. */
  async beginDelete(id: string): Promise<Accepted<void> & { existed: boolean }> {
    let resource: StoredResource | undefined;
    const begin = (): void => {
      resource = this.store.get(id);
      if (!resource) return;
      refuseWorking(resource);
      refuseDelete(this.store, resource);
      refuseStopped(this.store, resource);
      refuseReserved(resource, new Date());
      if (resource.armType === DISK) refuseDiskDeletion(resource);
      this.store.set({ ...resource, provisioningState: "Deleting", worker: process.pid });
    };
    const finish = async (): Promise<void> => {
      if (resource) await this.finishDelete(resource);
    };
    const accepted = await this.accept(`DELETE ${typeOf(id).armType}`, finish, begin);
    return { ...accepted, existed: resource !== undefined };
  }

  private async finishDelete(resource: StoredResource): Promise<void> {
    const within = this.store.list(resource.id);
    const machines = [...within, resource].filter((each) => each.armType === VIRTUAL_MACHINE);
    await Promise.all(machines.map((machine) => this.machines.remove(machine.id)));
    const touched = touchedBy(resource, this.store);
    if (resource.armType === EXTENSION) await this.machines.removeExtension(resource);
    for (const child of this.store.list(resource.id)) this.store.remove(child.id);
    this.store.remove(resource.id);
    if (resource.armType === VIRTUAL_MACHINE) releaseDisk(this.store, resource);
    this.touch(touched);
    if (DECIDES_ON_PACKETS.includes(resource.armType)) await this.machines.filterPackets();
  }

  /** Azure's refusals for a VM, beside the rules of its type. */
  private refuseMachine(id: string, body: Body, existing: StoredResource | undefined): void {
    refuseImageAndSize(body);
    if (existing?.provisioningState === "Succeeded") refuseMachineChange(existing, body, this.store);
    for (const nic of this.interfacesOf(body)) refuseReserved(nic, new Date(), id);
  }

  private interfacesOf(body: Body): StoredResource[] {
    return valuesAt(body, "networkProfile.networkInterfaces.*.id")
      .map((id) => this.store.get(String(id)))
      .filter((nic) => nic !== undefined);
  }

  /** Azure reserves the NICs of a failed VM for a while. */
  private reserveInterfaces({ id, body }: StoredResource, failed: Date | undefined): void {
    for (const nic of this.interfacesOf(body)) {
      const others = ["reservedFor", "reservedUntil"].reduce(without, nic.computed);
      this.store.set({ ...nic, computed: { ...others, ...(failed && reservation(id, failed)) } });
    }
  }

  /** Azure changed these by itself, and so their etags. */
  private touch(ids: string[]): void {
    for (const each of ids.map((id) => this.store.get(id))) {
      if (each) this.store.set({ ...each, computed: { ...each.computed, ...nextEtag(each) } });
    }
  }

  /** Receives a call and begins its work. A call whose answer gets lost is carried out all the same. */
  private async accept<T>(call: string, work: () => Promise<T>, begin?: () => void): Promise<Accepted<T>> {
    await this.behaviour.arrive(call);
    begin?.();
    const done = this.behaviour.carryOut(call, work);
    // A caller that only needs the acceptance doesn't wait for the end.
    done.catch(() => undefined);
    if (this.behaviour.due(call, "lost-response")) {
      await done;
      throw new LostResponse(call);
    }
    return { done };
  }

  /** Starts, stops or restarts a VM; one that is off keeps its disk and its addresses. */
  async power(id: string, verb: PowerVerb): Promise<Accepted<void>> {
    return this.accept(`POST ${VIRTUAL_MACHINE}/${verb}`, async () => {
      const vm = this.store.get(id);
      if (vm) await this.machines.power(vm, verb);
    });
  }

  /** Boots the machines that should run and don't, as after this computer was switched off. */
  async bootMissing(): Promise<void> {
    await this.machines.bootMissing();
  }
}

/** Throws if another operation on the resource is in progress. An operation ends with its process. */
function refuseWorking(resource: StoredResource): void {
  if (resource.worker !== undefined && isAlive(resource.worker)) {
    refuseBusy(resource, `https://management.azure.com${resource.id}`);
  }
}

function typeOf(id: string): ResourceType {
  const parsed = parseId(id);
  if (!parsed)
    throw new ArmError(400, "NoRegisteredProviderFound", `No registered resource provider found for '${id}'.`);
  return parsed.type;
}
