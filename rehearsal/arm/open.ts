/** Opens the loopback subscription of a rehearsal, for the endpoint's process and for the rehearsal itself. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Subnet, chooseSubnet } from "../machine/network";
import { Behaviour } from "./behaviour";
import { type Compute, RealMachines, noMachines } from "./compute";
import { Store } from "./store";
import { Subscription } from "./subscription";

/** Environment variables that tell the endpoint's process its rehearsal. */
export const ENVIRONMENT = {
  /** The rehearsal's folder. */
  directory: "REHEARSAL_DIRECTORY",
  /** The root file system of its machines; none without machines. */
  rootFileSystem: "REHEARSAL_ROOT_FILE_SYSTEM",
} as const;

/** The loopback Azure's files in a rehearsal's folder. */
export const FOLDERS = {
  azure: "azure",
  access: "access",
  machines: "machines",
  network: "network.json",
  behaviour: "behaviour.json",
} as const;

/** Opens the loopback subscription of a rehearsal's folder; without a root file system, its VMs are machines in name only. */
export function openSubscription(directory: string, rootFileSystem?: string): Subscription {
  const network = rootFileSystem === undefined ? NO_NETWORK : networkOf(directory);
  const compute: Compute = rootFileSystem === undefined ? noMachines : machinesOf(directory, rootFileSystem);
  return new Subscription(
    new Store(join(directory, FOLDERS.azure)),
    compute,
    Behaviour.fromFile(join(directory, FOLDERS.behaviour)),
    network,
  );
}

/** A rehearsal's machines. */
export function machinesOf(directory: string, rootFileSystem: string): RealMachines {
  return new RealMachines(join(directory, FOLDERS.machines), rootFileSystem, networkOf(directory));
}

/** Addresses for a rehearsal without machines. RFC 5737 keeps them for documentation. */
export const NO_NETWORK: Subnet = { bridge: "", subnet: "203.0.113.0/24", gateway: "203.0.113.1" };

/** A rehearsal's network. It is chosen once, so addresses stay when this computer gets other networks. */
export function networkOf(directory: string): Subnet {
  const file = join(directory, FOLDERS.network);
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Subnet;
  const network = chooseSubnet(directory);
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, JSON.stringify(network));
  return network;
}
