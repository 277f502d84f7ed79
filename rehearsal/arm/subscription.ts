/** The loopback subscription: takes, changes and gives up resources as Azure Resource Manager does. */
import * as ipaddr from "ipaddr.js";
import type { OsProfile } from "../machine/guestAgent";
import type { Subnet } from "../machine/network";
import { computedAtCreation, nextEtag, touchedBy } from "./answer";
import { ArmError } from "./armError";
import { type Behaviour, LostResponse } from "./behaviour";
import type { Compute } from "./compute";
import { putDisk, refuseDisk, refuseDiskDeletion, releaseDisk } from "./disks";
import { refuseImageAndSize } from "./images";
import { refuseBusy, refuseMachineChange, refuseReserved, refuseStopped, reservation, secretDigests } from "./manners";
import { packetFilter } from "./packetFilter";
import { type ResourceType, parseId, textAt, valuesAt, without } from "./resourceTypes";
import { first, refuseDelete, refusePut, sameName } from "./rules";
import type { Body, Store, StoredResource } from "./store";

const VIRTUAL_MACHINE = "Microsoft.Compute/virtualMachines";
const EXTENSION = "Microsoft.Compute/virtualMachines/extensions";
const DISK = "Microsoft.Compute/disks";
const PUBLIC_IP = "Microsoft.Network/publicIPAddresses";
const NETWORK_INTERFACE = "Microsoft.Network/networkInterfaces";
const VIRTUAL_NETWORK = "Microsoft.Network/virtualNetworks";

/** The types whose resources decide which packets reach a machine. */
const DECIDES_ON_PACKETS = ["Microsoft.Network/networkSecurityGroups", NETWORK_INTERFACE, PUBLIC_IP, VIRTUAL_NETWORK];

/** Azure keeps the first addresses of a subnet for itself; so does the rehearsal with those of its bridge. */
const FIRST_PUBLIC_HOST = 10;
const FIRST_PRIVATE_HOST = 4;

/** A request that Azure took on. */
export interface Accepted<T> {
  /** What came of it; rejected with an ArmError if it failed half-way. */
  done: Promise<T>;
}

/** What a VM can be told. */
export type PowerVerb = "start" | "powerOff" | "deallocate" | "restart";

/** One subscription, in one region's worth of addresses. */
export class Subscription {
  /** Done when the packet filter is as the last call wanted it. */
  private filtered: Promise<void> = Promise.resolve();

  constructor(
    readonly store: Store,
    private readonly compute: Compute,
    private readonly behaviour: Behaviour,
    private readonly network: Subnet,
  ) {}

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
   * Takes the request on: the resource is there when this returns, and as it is to be when `done` is.
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
      // What follows from the body alone doesn't outlive it.
      const before = without(existing?.computed ?? {}, "dnsSettings");
      const kept = existing ? { ...before, ...nextEtag(existing) } : computedAtCreation(resource);
      resource.computed = { ...kept, ...this.computed(resource, body, existing) };
      // A change that is cut off has not happened: until its end, what was there before is what is there.
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
      await this.realize(resource, body, existing);
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
    if (DECIDES_ON_PACKETS.includes(resource.armType)) await this.filterPackets();
    // A machine whose addresses are others now is booted with them; Azure translates them outside of it, without a boot.
    if (existing && addressesIn(existing) !== addressesIn(resource)) await this.bootMissing();
    return resource;
  }

  /**
   * Takes the resource away, and what lies in it; one that is not there is no error. An extension that goes while its
   * machine stays is disabled and uninstalled there; nothing is done on a machine that goes itself.
   *
   * @throws ArmError with Azure's code if something uses it, or if an extension can't be disabled.
   */
  async delete(id: string): Promise<void> {
    await (
      await this.beginDelete(id)
    ).done;
  }

  /** The same; `existed` tells at once whether there is anything to take away. */
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
    await Promise.all(machines.map((machine) => this.compute.remove(machine.id)));
    const touched = touchedBy(resource, this.store);
    if (resource.armType === EXTENSION) await this.removeExtension(resource);
    for (const child of this.store.list(resource.id)) this.store.remove(child.id);
    this.store.remove(resource.id);
    if (resource.armType === VIRTUAL_MACHINE) releaseDisk(this.store, resource);
    this.touch(touched);
    if (DECIDES_ON_PACKETS.includes(resource.armType)) await this.filterPackets();
  }

  /** What Azure refuses of a VM beside the rules of its type. */
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

  /** Azure keeps the interfaces of a VM that failed for it, for a while; those of one that was made are its own. */
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

  /** Lets a call arrive, and begins what it asks for; a call whose answer is lost is carried out all the same. */
  private async accept<T>(call: string, work: () => Promise<T>, begin?: () => void): Promise<Accepted<T>> {
    await this.behaviour.arrive(call);
    begin?.();
    const done = this.behaviour.carryOut(call, work);
    // Whoever only wants to know that it was accepted doesn't wait for its end.
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
      if (!vm) return;
      const powerState = verb === "deallocate" ? "deallocated" : verb === "powerOff" ? "stopped" : "running";
      if (verb === "restart") await this.compute.restart(id);
      if (powerState !== "running") await this.compute.stop(id);
      const changed = { ...vm, computed: { ...vm.computed, powerState } };
      this.store.set(changed);
      if (verb === "start") await this.bootMachine(changed);
    });
  }

  /** Boots the machines that should run and don't, as after this computer was switched off. */
  async bootMissing(): Promise<void> {
    for (const machine of this.store.list()) {
      if (machine.armType === VIRTUAL_MACHINE && machine.provisioningState === "Succeeded" && isRunning(machine))
        await this.bootMachine(machine);
    }
  }

  /** What Azure makes of a resource: what it had before stays, as an address does. */
  private computed(resource: StoredResource, full: Body, existing: StoredResource | undefined): Body {
    const { id, body } = resource;
    switch (resource.armType) {
      case PUBLIC_IP: {
        const label = textAt(body, "dnsSettings.domainNameLabel");
        return {
          ipAddress: existing?.computed.ipAddress ?? this.freePublicAddress(),
          ...(label !== undefined && {
            dnsSettings: {
              ...(body.dnsSettings as Body),
              fqdn: `${label}.${String(body.location)}.cloudapp.azure.com`,
            },
          }),
        };
      }
      case VIRTUAL_NETWORK:
        return {
          subnets: (valuesAt(body, "subnets.*") as Body[]).map((subnet) => ({
            ...subnet,
            id: `${id}/subnets/${String(subnet.name)}`,
          })),
        };
      case NETWORK_INTERFACE:
        return {
          ipConfigurations: (valuesAt(body, "ipConfigurations.*") as Body[]).map((configuration, index) => ({
            ...configuration,
            id: `${id}/ipConfigurations/${String(configuration.name)}`,
            privateIPAddress:
              keptPrivateAddress(existing, index, configuration) ??
              this.freePrivateAddress(String(first(configuration, "subnet.id"))),
          })),
        };
      case VIRTUAL_MACHINE:
        return existing?.provisioningState === "Succeeded" ? {} : secretDigests(id, full);
      default:
        return {};
    }
  }

  /** Does on the machines what the resource says. */
  private async realize(resource: StoredResource, body: Body, existing: StoredResource | undefined): Promise<void> {
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
        `OS Provisioning for VM '${resource.id.split("/").at(-1) ?? ""}' did not finish in the allotted time.`,
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

  /** One after the other, each by what is stored when its turn comes: of changes at the same time, the last to be done knows all. */
  private filterPackets(): Promise<void> {
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

  private async bootMachine(resource: StoredResource): Promise<void> {
    // First, so that no packet reaches a machine unjudged.
    await this.filterPackets();
    await this.compute.boot({
      id: resource.id,
      hostName: String(first(resource.body, "osProfile.computerName")),
      addresses: this.addressesOf(resource),
    });
  }

  /** The public address first; both on the one interface, where Azure would translate between them. */
  private addressesOf(machine: StoredResource): string[] {
    const nics = valuesAt(machine.body, "networkProfile.networkInterfaces.*.id").map((id) =>
      this.store.get(String(id)),
    );
    const ofKind = (path: string): string[] => nics.flatMap((nic) => valuesAt(nic?.computed, path).map(String));
    const publicIps = ofKind("ipConfigurations.*.publicIPAddress.id").map(
      (id) => this.store.get(id)?.computed.ipAddress,
    );
    const privateIps = ofKind("ipConfigurations.*.privateIPAddress");
    return [...publicIps, ...privateIps].map((address) => `${String(address)}/24`);
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

  private async removeExtension(resource: StoredResource): Promise<void> {
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

  private freePublicAddress(): string {
    const taken = this.store.list().filter((each) => each.armType === PUBLIC_IP);
    return freeAddress(
      this.network.subnet,
      FIRST_PUBLIC_HOST,
      taken.map((each) => each.computed.ipAddress),
    );
  }

  private freePrivateAddress(subnetId: string): string {
    const [, networkId = "", subnetName = ""] = /^(.*)\/subnets\/([^/]+)$/i.exec(subnetId) ?? [];
    const subnets = valuesAt(this.store.get(networkId)?.body, "subnets.*") as Body[];
    const prefix = subnets.find((subnet) => sameName(String(subnet.name), subnetName))?.addressPrefix;
    // Of every network: all machines are on one bridge, where two with the same address would be taken for each other.
    const taken = this.store
      .list()
      .filter((each) => each.armType === NETWORK_INTERFACE)
      .flatMap((each) => valuesAt(each.computed, "ipConfigurations.*.privateIPAddress"));
    return freeAddress(String(prefix), FIRST_PRIVATE_HOST, taken);
  }
}

/** Throws if another operation on it goes on; one whose process is gone goes on no more. */
function refuseWorking(resource: StoredResource): void {
  if (resource.worker !== undefined && isAlive(resource.worker)) {
    refuseBusy(resource, `https://management.azure.com${resource.id}`);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A VM runs unless it was told to stop. */
export function isRunning({ computed }: StoredResource): boolean {
  return (computed.powerState ?? "running") === "running";
}

function partsOfExtension({ id }: StoredResource): { machine: string; name: string } {
  const parts = id.split("/");
  return { machine: parts.slice(0, -2).join("/"), name: parts.at(-1) ?? "" };
}

/** What an interface's machine has its addresses by. */
function addressesIn({ computed }: StoredResource): string {
  const paths = ["publicIPAddress.id", "privateIPAddress"];
  return JSON.stringify(paths.map((path) => valuesAt(computed, `ipConfigurations.*.${path}`)));
}

/** An interface's address stays for as long as it is in the same subnet. */
function keptPrivateAddress(existing: StoredResource | undefined, index: number, configuration: Body): unknown {
  const before = valuesAt(existing?.computed, "ipConfigurations.*")[index] as Body | undefined;
  const stays = sameName(String(first(before ?? {}, "subnet.id")), String(first(configuration, "subnet.id")));
  return stays ? before?.privateIPAddress : undefined;
}

function typeOf(id: string): ResourceType {
  const parsed = parseId(id);
  if (!parsed)
    throw new ArmError(400, "NoRegisteredProviderFound", `No registered resource provider found for '${id}'.`);
  return parsed.type;
}

/** The first address of a network, from a host number on, that nobody has. */
function freeAddress(network: string, firstHost: number, taken: unknown[]): string {
  const [address, bits] = ipaddr.IPv4.parseCIDR(network);
  const size = 2 ** (32 - bits);
  for (let host = firstHost; host < size - 1; host++) {
    const number = address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0) + host;
    const candidate = [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".");
    if (!taken.includes(candidate)) return candidate;
  }
  throw new ArmError(409, "SubnetIsFull", `Network ${network} does not have enough capacity for another IP address.`);
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
