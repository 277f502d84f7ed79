/** The hardware behind the loopback Azure's VMs: real machines, or none where only the control plane is rehearsed. */
import { createHash } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type ExtensionRequest, type ExtensionResult, removeExtension, runExtension } from "../guest/extensions";
import { type OsProfile, provision } from "../guest/provision";
import { bootMachine, runningMachine, stopMachine } from "../machine/machine";
import { type Subnet, ensureBridge, filterPackets, removeBridge } from "../machine/network";
import { nameOf } from "./resourceTypes";

/** A VM to boot. */
export interface MachineRequest {
  /** The virtual machine's resource ID. */
  id: string;
  hostName: string;
  /** With prefix length, such as "198.18.7.10/24". */
  addresses: string[];
}

/** The hardware of a region, as the control plane sees it. */
export interface Compute {
  /** Replaces the packet filter by these rules of nftables, and creates the machines' network if it isn't there. */
  filterPackets(rules: string[]): Promise<void>;
  /** Boots the machine on the network that `filterPackets` made, with the disk that it has if it was there before. */
  boot(request: MachineRequest): Promise<void>;
  /** Provisions the machine as the VM agent does at the first boot. */
  provision(id: string, profile: OsProfile): Promise<void>;
  /** Boots it again; what is on its disk stays. */
  restart(id: string): Promise<void>;
  /** Switches it off; what is on its disk stays. */
  stop(id: string): Promise<void>;
  runExtension(id: string, request: ExtensionRequest): Promise<ExtensionResult>;
  /** Has the extension's handler disable and uninstall itself; a machine that is off has nobody to ask. */
  removeExtension(id: string, extension: Pick<ExtensionRequest, "publisher" | "type">): Promise<void>;
  /** Removes the machine and its disk. */
  remove(id: string): Promise<void>;
}

/** No machines: every operation succeeds at once. */
export const noMachines: Compute = {
  filterPackets: () => Promise.resolve(),
  boot: () => Promise.resolve(),
  provision: () => Promise.resolve(),
  restart: () => Promise.resolve(),
  stop: () => Promise.resolve(),
  runExtension: () =>
    Promise.resolve({ status: "success", message: "not run: there are no machines in this rehearsal" }),
  removeExtension: () => Promise.resolve(),
  remove: () => Promise.resolve(),
};

/** Real machines, each in a folder of its own, on one bridge. */
export class RealMachines implements Compute {
  constructor(
    private readonly directory: string,
    private readonly rootFileSystem: string,
    private readonly network: Subnet,
  ) {}

  /** The folder of a virtual machine: its name for people, and a hash, since names are unique only in their group. */
  folder(id: string): string {
    const hash = createHash("sha256").update(id.toLowerCase()).digest("hex").slice(0, 8);
    return join(this.directory, `${nameOf(id)}-${hash}`);
  }

  async filterPackets(rules: string[]): Promise<void> {
    await ensureBridge(this.network.bridge, `${this.network.gateway}/24`);
    await filterPackets(this.network.bridge, rules);
  }

  async boot({ id, hostName, addresses }: MachineRequest): Promise<void> {
    await bootMachine({
      directory: this.folder(id),
      rootFileSystem: this.rootFileSystem,
      hostName,
      bridge: this.network.bridge,
      addresses,
    });
  }

  async provision(id: string, profile: OsProfile): Promise<void> {
    await provision(this.machine(id), profile);
  }

  async restart(id: string): Promise<void> {
    await this.machine(id).restart();
  }

  async stop(id: string): Promise<void> {
    await stopMachine(this.folder(id), { keepDisk: true });
  }

  async runExtension(id: string, request: ExtensionRequest): Promise<ExtensionResult> {
    return runExtension(this.machine(id), request);
  }

  async removeExtension(id: string, extension: Pick<ExtensionRequest, "publisher" | "type">): Promise<void> {
    const machine = runningMachine(this.folder(id));
    if (machine) await removeExtension(machine, extension);
  }

  async remove(id: string): Promise<void> {
    await this.removeFolder(this.folder(id));
  }

  /** Removes every machine, also one that the control plane doesn't know. */
  async removeAll(): Promise<void> {
    for (const name of this.names()) await this.removeFolder(join(this.directory, name));
    await this.removeNetwork();
  }

  private async removeFolder(folder: string): Promise<void> {
    await stopMachine(folder, { keepDisk: false });
    if (this.names().length === 0) await this.removeNetwork();
  }

  private async removeNetwork(): Promise<void> {
    await removeBridge(this.network.bridge);
    rmSync(this.directory, { recursive: true, force: true });
  }

  private names(): string[] {
    try {
      return readdirSync(this.directory);
    } catch {
      return [];
    }
  }

  private machine(id: string): NonNullable<ReturnType<typeof runningMachine>> {
    const machine = runningMachine(this.folder(id));
    if (!machine) throw new Error(`the machine of ${id} does not run`);
    return machine;
  }
}
