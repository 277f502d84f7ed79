/** Declares the Ubuntu machine, and the key and password that let its administrator in. */
import * as compute from "@pulumi/azure-native/compute";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { Placement } from "./network";
import { PASSWORD_SPECIALS, checkPassword, checkSshPublicKey, imageReference, patchMode, refuse } from "./settings";

/** What decides about the machine. */
export interface VirtualMachineArgs extends Placement {
  networkInterfaceId: pulumi.Input<string>;
  adminUsername: string;
  sshPublicKey: pulumi.Input<string>;
  /** Login by password is on where there is one. */
  adminPassword?: pulumi.Input<string>;
  image: string;
  vmSize: string;
  trustedLaunch: boolean;
}

/**
 * What Azure can't change on a machine that exists (`PropertyChangeNotAllowed`), though the provider's schema doesn't
 * know it: pulumi-azure-native issues 577 and 1117. So the preview says "replace", and the `up` does it.
 */
const REPLACE_ON_CHANGES = [
  "networkProfile",
  "osProfile.computerName",
  "osProfile.adminUsername",
  "osProfile.adminPassword",
  "osProfile.linuxConfiguration.disablePasswordAuthentication",
  "osProfile.linuxConfiguration.ssh",
  "storageProfile.imageReference",
  "storageProfile.osDisk.name",
  "securityProfile",
];

/** A Gen2 machine with Trusted Launch, whose disk goes with it. */
export function declareVirtualMachine(
  name: string,
  args: VirtualMachineArgs,
  opts: pulumi.CustomResourceOptions,
): compute.VirtualMachine {
  const patching = patchMode(args.image);
  return new compute.VirtualMachine(
    `${name}-vm`,
    {
      resourceGroupName: args.resourceGroupName,
      location: args.location,
      tags: args.tags,
      vmName: `${name}-vm`,
      hardwareProfile: { vmSize: args.vmSize },
      networkProfile: { networkInterfaces: [{ id: args.networkInterfaceId, primary: true }] },
      osProfile: {
        computerName: name,
        adminUsername: args.adminUsername,
        adminPassword: args.adminPassword,
        linuxConfiguration: {
          disablePasswordAuthentication: args.adminPassword === undefined,
          provisionVMAgent: true,
          patchSettings: { patchMode: patching, assessmentMode: patching },
          ssh: {
            publicKeys: [{ path: `/home/${args.adminUsername}/.ssh/authorized_keys`, keyData: args.sshPublicKey }],
          },
        },
      },
      storageProfile: {
        imageReference: imageReference(args.image),
        osDisk: {
          name: `${name}-os`,
          createOption: "FromImage",
          caching: "ReadWrite",
          // Azure's default is Detach: a disk that nobody uses and somebody pays for.
          deleteOption: "Delete",
          managedDisk: { storageAccountType: "StandardSSD_LRS" },
        },
      },
      securityProfile: args.trustedLaunch
        ? { securityType: "TrustedLaunch", uefiSettings: { secureBootEnabled: true, vTpmEnabled: true } }
        : undefined,
      // Without a storage account named, Azure keeps the log in storage that it manages.
      diagnosticsProfile: { bootDiagnostics: { enabled: true } },
    },
    pulumi.mergeOptions(opts, {
      replaceOnChanges: REPLACE_ON_CHANGES,
      additionalSecretOutputs: args.adminPassword === undefined ? [] : ["osProfile"],
    }),
  );
}

/** The administrator's SSH key: the one given, checked; else one that is made, whose private half is a secret. */
export function sshKey(
  name: string,
  given: pulumi.Input<string> | undefined,
  opts: pulumi.CustomResourceOptions,
): { publicKey: pulumi.Output<string>; privateKey?: pulumi.Output<string> } {
  if (given !== undefined) {
    return {
      publicKey: pulumi.output(given).apply((line) => {
        refuse(checkSshPublicKey(line));
        return line.trim();
      }),
    };
  }
  const key = new tls.PrivateKey(`${name}-ssh-key`, { algorithm: "ED25519" }, opts);
  // The provider ends the line with a line end, which Azure would keep as part of the key.
  return { publicKey: key.publicKeyOpenssh.apply((line) => line.trim()), privateKey: key.privateKeyOpenssh };
}

/** The administrator's password: the one given, checked; else one made to Azure's rules and the stricter ones of old. */
export function adminPassword(
  name: string,
  given: pulumi.Input<string> | undefined,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  if (given !== undefined) {
    return pulumi.secret(given).apply((password) => {
      refuse(checkPassword(password));
      return password;
    });
  }
  return new random.RandomPassword(
    `${name}-password`,
    { length: 24, minLower: 1, minUpper: 1, minNumeric: 1, minSpecial: 1, overrideSpecial: PASSWORD_SPECIALS },
    opts,
  ).result;
}
