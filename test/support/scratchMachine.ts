/** A real machine in a temporary folder, for one test: on a network of its own, and nothing left of it afterwards. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { prepareScript } from "../../components/installers/customScript";
import { type Machine, bootMachine, stopMachine } from "../../rehearsal/machine/machine";
import { chooseSubnet, ensureBridge, removeBridge } from "../../rehearsal/machine/network";
import { ensureRootFileSystem } from "../../rehearsal/machine/rootFileSystem";
import { ensureSystemPackages } from "../../rehearsal/machine/systemPackages";

/** Boots it, and takes it away after the test. */
export async function scratchMachine(
  test: Pick<TestContext, "after">,
): Promise<{ machine: Machine; reboot: () => Promise<Machine>; bridge: string; address: string }> {
  const progress = (line: string): void => {
    console.error(line);
  };
  await ensureSystemPackages(progress);
  const rootFileSystem = await ensureRootFileSystem(progress);
  const state = mkdtempSync(join(tmpdir(), "machine-test-"));
  const { bridge, gateway } = chooseSubnet(state);
  const directory = join(state, "machine");
  test.after(async () => {
    await stopMachine(directory, { keepDisk: false });
    await removeBridge(bridge);
    rmSync(state, { recursive: true });
  });
  await ensureBridge(bridge, `${gateway}/24`);
  const address = gateway.replace(/1$/, "4");
  const boot = (): Promise<Machine> =>
    bootMachine({
      directory,
      rootFileSystem,
      hostName: "docker-host",
      bridge,
      addresses: [`${address}/24`, "10.0.0.4/24"],
    });
  const reboot = async (): Promise<Machine> => {
    await stopMachine(directory, { keepDisk: true });
    return boot();
  };
  return { machine: await boot(), reboot, bridge, address };
}

/** Installs Docker as a host's machine gets it, from the image's own archive; `version` as the setting dockerVersion. */
export async function installDocker(machine: Machine, version?: string): Promise<void> {
  await machine.mustRun(["sh", "-s"], {
    input: prepareScript({ dockerVersion: version, allowContainerIdentity: false }),
  });
}
