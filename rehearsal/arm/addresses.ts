/** Which addresses Azure gives: to public IPs, to network interfaces, and through them to VMs. */
import * as ipaddr from "ipaddr.js";
import type { Subnet } from "../machine/network";
import { ArmError } from "./armError";
import { type Body, first, sameName, valuesAt } from "./body";
import type { Store, StoredResource } from "./store";

/** Azure keeps the first addresses of a subnet for itself; so does the rehearsal with those of its bridge. */
const FIRST_PUBLIC_HOST = 10;
const FIRST_PRIVATE_HOST = 4;

export function freePublicAddress(store: Store, { subnet }: Subnet): string {
  const taken = store.list().map(({ computed }) => computed.ipAddress);
  return freeAddress(subnet, FIRST_PUBLIC_HOST, taken);
}

/** An interface's address stays for as long as it is in the same subnet. */
export function privateAddress(
  store: Store,
  existing: StoredResource | undefined,
  index: number,
  configuration: Body,
): unknown {
  const subnetId = String(first(configuration, "subnet.id"));
  const before = valuesAt(existing?.computed, "ipConfigurations.*")[index] as Body | undefined;
  const stays = sameName(String(first(before ?? {}, "subnet.id")), subnetId);
  return (stays && before?.privateIPAddress) || freePrivateAddress(store, subnetId);
}

function freePrivateAddress(store: Store, subnetId: string): string {
  const [, networkId = "", subnetName = ""] = /^(.*)\/subnets\/([^/]+)$/i.exec(subnetId) ?? [];
  const subnets = valuesAt(store.get(networkId)?.body, "subnets.*") as Body[];
  const prefix = subnets.find((subnet) => sameName(String(subnet.name), subnetName))?.addressPrefix;
  // Of every network: all machines are on one bridge, where two with the same address would be taken for each other.
  const taken = store.list().flatMap(({ computed }) => valuesAt(computed, "ipConfigurations.*.privateIPAddress"));
  return freeAddress(String(prefix), FIRST_PRIVATE_HOST, taken);
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

/** A VM's addresses, the public one first; both on the one interface, where Azure would translate between them. */
export function addressesOf(store: Store, machine: StoredResource): string[] {
  const nics = valuesAt(machine.body, "networkProfile.networkInterfaces.*.id").map((id) => store.get(String(id)));
  const ofKind = (path: string): string[] => nics.flatMap((nic) => valuesAt(nic?.computed, path).map(String));
  const publicIps = ofKind("ipConfigurations.*.publicIPAddress.id").map((id) => store.get(id)?.computed.ipAddress);
  const privateIps = ofKind("ipConfigurations.*.privateIPAddress");
  return [...publicIps, ...privateIps].map((address) => `${String(address)}/24`);
}

/** Whether a VM with this interface has other addresses than before. */
export function changesAddresses(before: StoredResource, after: StoredResource): boolean {
  const [one, other] = [before, after].map(({ computed }) =>
    ["publicIPAddress.id", "privateIPAddress"].map((path) => valuesAt(computed, `ipConfigurations.*.${path}`)),
  );
  return JSON.stringify(one) !== JSON.stringify(other);
}
