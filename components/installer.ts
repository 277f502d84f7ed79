/** Declares the Azure extension that puts Docker on the machine and opens its port with TLS. */
import * as compute from "@pulumi/azure-native/compute";
import * as pulumi from "@pulumi/pulumi";
import { type DaemonSettings, INSTALLER_BY_NAME } from "./installers";
import type { Placement } from "./network";
import type { HostCertificates } from "./settings";

/** What decides about the extension. */
export interface InstallerArgs extends Placement, Omit<DaemonSettings, "certificates"> {
  virtualMachine: compute.VirtualMachine;
  /** A key of `INSTALLER_BY_NAME`. */
  installer: string;
  /** Another one makes Azure run the installer again. */
  forceUpdateTag?: string;
  /** The three PEM documents; checked as soon as they are known, before the extension is declared to Azure. */
  certificates: pulumi.Input<HostCertificates>;
}

/**
 * One extension whichever the installer, so that another installer replaces it.
 * When the machine goes it needs no deletion of its own; the DockerExtension's uninstall would purge a package of another name.
 */
export function declareInstaller(
  name: string,
  args: InstallerArgs,
  opts: pulumi.CustomResourceOptions,
): compute.VirtualMachineExtension {
  const installer = INSTALLER_BY_NAME[args.installer];
  if (!installer) throw new Error(`no installer ${args.installer}`);
  const daemon = pulumi.output(args.certificates).apply((certificates) => ({
    dockerPort: args.dockerPort,
    daemonOptions: args.daemonOptions,
    dockerVersion: args.dockerVersion,
    adminUsername: args.adminUsername,
    certificates,
  }));
  return new compute.VirtualMachineExtension(
    `${name}-docker`,
    {
      resourceGroupName: args.resourceGroupName,
      location: args.location,
      tags: args.tags,
      vmName: args.virtualMachine.name,
      vmExtensionName: args.installer,
      publisher: installer.publisher,
      type: installer.type,
      typeHandlerVersion: installer.typeHandlerVersion,
      autoUpgradeMinorVersion: true,
      forceUpdateTag: args.forceUpdateTag,
      // The server's key is not in the public settings, though they are computed beside it.
      settings: pulumi.unsecret(daemon.apply((all) => installer.settings(all))),
      protectedSettings: pulumi.secret(daemon.apply((all) => installer.protectedSettings(all))),
    },
    pulumi.mergeOptions(opts, {
      deletedWith: args.virtualMachine,
      replaceOnChanges: installer.replaceOnChanges,
      additionalSecretOutputs: ["protectedSettings"],
    }),
  );
}
