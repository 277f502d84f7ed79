/** Declares Azure's DockerExtension, which installs Docker on the machine and opens its port with TLS. */
import * as compute from "@pulumi/azure-native/compute";
import * as pulumi from "@pulumi/pulumi";
import { Placement } from "./network";
import { HostCertificates, extensionProtectedSettings, extensionSettings } from "./settings";

/** What decides about the extension. */
export interface DockerExtensionArgs extends Placement {
  virtualMachine: compute.VirtualMachine;
  dockerPort: number;
  /** The three PEM documents; checked as soon as they are known, before the extension is declared to Azure. */
  certificates: pulumi.Input<HostCertificates>;
}

/** The extension; when the machine goes it needs no deletion of its own, and its own uninstall would purge a package of another name. */
export function declareDockerExtension(
  name: string,
  args: DockerExtensionArgs,
  opts: pulumi.CustomResourceOptions,
): compute.VirtualMachineExtension {
  const certificates = pulumi.output(args.certificates);
  return new compute.VirtualMachineExtension(
    `${name}-docker`,
    {
      resourceGroupName: args.resourceGroupName,
      location: args.location,
      tags: args.tags,
      vmName: args.virtualMachine.name,
      vmExtensionName: "DockerExtension",
      publisher: "Microsoft.Azure.Extensions",
      type: "DockerExtension",
      typeHandlerVersion: "1.2",
      autoUpgradeMinorVersion: true,
      // The server's key is not in the public settings, though they are computed beside it.
      settings: pulumi.unsecret(certificates.apply((all) => extensionSettings(args.dockerPort, all))),
      protectedSettings: pulumi.secret(certificates.apply(extensionProtectedSettings)),
    },
    pulumi.mergeOptions(opts, {
      deletedWith: args.virtualMachine,
      additionalSecretOutputs: ["protectedSettings"],
    }),
  );
}
