/** Declares the Ubuntu machine, and the key and password that let its administrator in. */
import * as compute from "@pulumi/azure-native/compute";
import type * as network from "@pulumi/azure-native/network";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { Placement } from "./network";
import { PASSWORD_SPECIALS, checkPassword, checkSshPublicKey, imageReference, patchSettings, refuse } from "./settings";

/** What decides about the machine. */
export interface VirtualMachineArgs extends Placement {
  networkInterface: network.NetworkInterface;
  adminUsername: string;
  sshPublicKey: pulumi.Input<string>;
  /** Login by password is on where there is one. */
  adminPassword?: pulumi.Input<string>;
  image: string;
  vmSize: string;
  trustedLaunch: boolean;
  /** When Azure reboots the machine after it has patched it. */
  patchReboot: string;
}

/**
 * The properties that Azure refuses to change on a VM (409 `PropertyChangeNotAllowed`). The provider's schema doesn't know
 * them (pulumi-azure-native issues 577 and 1117), so without this list the preview says "update", and the `up` fails.
 *
 * A replacement takes the disk along, so each path is as narrow as Azure's rule. What Azure fills in or what somebody
 * changes beside it (encryption at host, a second interface) comes into the state by a refresh or an import, and must
 * not replace the VM. The first interface is in `replaceWith`.
 */
const REPLACE_ON_CHANGES = [
  "osProfile.computerName",
  "osProfile.adminUsername",
  "osProfile.adminPassword",
  "osProfile.linuxConfiguration.disablePasswordAuthentication",
  "osProfile.linuxConfiguration.ssh.publicKeys",
  "storageProfile.imageReference.id",
  "storageProfile.imageReference.publisher",
  "storageProfile.imageReference.offer",
  "storageProfile.imageReference.sku",
  "storageProfile.imageReference.version",
  "securityProfile.securityType",
];

/**
 * The writable properties that Azure leaves out of its answer while a VM is deallocated, and has again once it runs
 * (azure-powershell issue 13213; the request in azure-cli issue 15765 shows both missing). A refresh in between takes
 * them for changes. After such a refresh the size or the kind of the disk is not in the state; a VM that is replaced
 * before the next refresh gets Azure's own default for them.
 */
const HIDDEN_WHILE_DEALLOCATED = [
  "storageProfile.osDisk.diskSizeGB",
  "storageProfile.osDisk.managedDisk.storageAccountType",
];

/** A Gen2 machine with Trusted Launch, whose disk goes with it. */
export function declareVirtualMachine(
  name: string,
  args: VirtualMachineArgs,
  opts: pulumi.CustomResourceOptions,
): compute.VirtualMachine {
  return new compute.VirtualMachine(
    `${name}-vm`,
    {
      resourceGroupName: args.resourceGroupName,
      location: args.location,
      tags: args.tags,
      vmName: `${name}-vm`,
      hardwareProfile: { vmSize: args.vmSize },
      networkProfile: { networkInterfaces: [{ id: args.networkInterface.id, primary: true }] },
      osProfile: {
        computerName: name,
        adminUsername: args.adminUsername,
        adminPassword: args.adminPassword,
        linuxConfiguration: {
          disablePasswordAuthentication: args.adminPassword === undefined,
          provisionVMAgent: true,
          patchSettings: patchSettings(args.image, args.patchReboot),
          ssh: {
            publicKeys: [{ path: `/home/${args.adminUsername}/.ssh/authorized_keys`, keyData: args.sshPublicKey }],
          },
        },
      },
      storageProfile: {
        imageReference: imageReference(args.image),
        osDisk: {
          // No name: Azure makes a unique one. A VM that is made again under a fixed one can meet the disk of its
          // predecessor, which may go later: `ConflictingUserInput` (terraform-provider-azurerm issue 23038). Left out on a
          // VM that has a name for it, the name stays: Azure refuses another name only (terraform-provider-azurerm 16323).
          createOption: "FromImage",
          caching: "ReadWrite",
          // Azure's default is Detach: a disk that nobody uses and somebody pays for.
          deleteOption: "Delete",
          managedDisk: { storageAccountType: "StandardSSD_LRS" },
        },
      },
      // Never left out as a whole: the provider would then show the change as one of `securityProfile` (diff.go), which the
      // path in REPLACE_ON_CHANGES doesn't match.
      securityProfile: args.trustedLaunch
        ? { securityType: "TrustedLaunch", uefiSettings: { secureBootEnabled: true, vTpmEnabled: true } }
        : {},
      // Without a storage account named, Azure keeps the log in storage that it manages.
      diagnosticsProfile: { bootDiagnostics: { enabled: true } },
    },
    pulumi.mergeOptions(opts, {
      replaceOnChanges: REPLACE_ON_CHANGES,
      // An interface that a VM uses can't be deleted, so the VM must go first. By its own ID in `replaceOnChanges` the
      // engine would see that too late: to find what must go first, it asks with the whole `networkProfile` unknown.
      replaceWith: [args.networkInterface],
      ignoreChanges: HIDDEN_WHILE_DEALLOCATED,
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
