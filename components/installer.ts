/** Declares the Azure extensions that put Docker on the machine and open its port with TLS. */
import * as compute from "@pulumi/azure-native/compute";
import * as pulumi from "@pulumi/pulumi";
import { type DaemonSettings, type Extension, INSTALLER_BY_NAME, PREPARATION } from "./installers";
import type { Placement } from "./network";
import type { HostCertificates } from "./settings";

/** What decides about the extensions. */
export interface InstallerArgs extends Placement, Omit<DaemonSettings, "certificates"> {
  virtualMachine: compute.VirtualMachine;
  /** A key of `INSTALLER_BY_NAME`. */
  installer: string;
  /** Another one makes Azure run the extensions again. */
  forceUpdateTag?: string;
  /** The three PEM documents; checked as soon as they are known, before the extension is declared to Azure. */
  certificates: pulumi.Input<HostCertificates>;
}

/**
 * Declares the installer, and gives the extension that is done last.
 *
 * A VM takes one extension of a type, and what left the program is deleted at the end of an update. So the one extension
 * of the type CustomScript is always `-prepare`: with the installer CustomScript it is that, whole; with the
 * DockerExtension, which is `-docker`, it goes before it. Its name in Azure differs, so another installer replaces it:
 * the former script goes before the next one comes, and before both goes the DockerExtension.
 *
 * When the machine goes, they need no deletion of their own; the DockerExtension's uninstall would purge a package of
 * another name.
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
  const given = {
    vmExtensionName: args.installer,
    // The server's key is not in the public settings, though they are computed beside it.
    settings: pulumi.unsecret(daemon.apply((all) => installer.settings(all))),
    protectedSettings: pulumi.secret(daemon.apply((all) => installer.protectedSettings(all))),
  };
  const secretly = { ...opts, additionalSecretOutputs: ["protectedSettings"] };
  const script = `${name}-prepare`;
  if (args.installer === "CustomScript") {
    // Under the other name, and with this one in Azure, a host had it until 0.1.
    const former = { aliases: [{ name: `${name}-docker` }] };
    return declareExtension(script, installer, args, given, pulumi.mergeOptions(secretly, former));
  }
  const prepare = declareExtension(
    script,
    PREPARATION,
    args,
    { vmExtensionName: "prepare", settings: PREPARATION.settings(args.dockerVersion) },
    opts,
  );
  return declareExtension(
    `${name}-docker`,
    installer,
    args,
    {
      ...given,
      // Replaced with what prepares, and so before it, also when it has left the program: the engine asks for which
      // properties depend on that. A URN is known in every preview.
      vmName: pulumi.all([args.virtualMachine.name, prepare.urn]).apply(([vmName]) => vmName),
      forceUpdateTag: afterPackage(args),
    },
    pulumi.mergeOptions(secretly, { dependsOn: prepare }),
  );
}

/** Another version of the package brings its own unit file along, which the DockerExtension has to edit again. */
function afterPackage({ forceUpdateTag, dockerVersion }: InstallerArgs): string | undefined {
  if (dockerVersion === undefined) return forceUpdateTag;
  return [...(forceUpdateTag === undefined ? [] : [forceUpdateTag]), `docker.io=${dockerVersion}`].join(",");
}

function declareExtension(
  name: string,
  { publisher, type, typeHandlerVersion, replaceOnChanges }: Extension,
  args: InstallerArgs,
  given: Pick<compute.VirtualMachineExtensionArgs, "vmExtensionName" | "settings"> &
    Partial<compute.VirtualMachineExtensionArgs>,
  opts: pulumi.CustomResourceOptions,
): compute.VirtualMachineExtension {
  return new compute.VirtualMachineExtension(
    name,
    {
      resourceGroupName: args.resourceGroupName,
      location: args.location,
      tags: args.tags,
      vmName: args.virtualMachine.name,
      publisher,
      type,
      typeHandlerVersion,
      autoUpgradeMinorVersion: true,
      forceUpdateTag: args.forceUpdateTag,
      ...given,
    },
    pulumi.mergeOptions(opts, { deletedWith: args.virtualMachine, replaceOnChanges }),
  );
}
