/** Creates the Ubuntu VM, and the key and the password that let its administrator in. */
import * as compute from "@pulumi/azure-native/compute";
import type * as network from "@pulumi/azure-native/network";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { type CompleteArgs, mapInput } from "./completeArgs";
import { placementOf } from "./network";
import { PASSWORD_SPECIALS } from "./rules/credentials";
import { imageReference, patchSettings, validateArchitecture } from "./rules/image";
import { replaceOnChanges } from "./settings";
import { throwProblems } from "./settingsError";

/**
 * The properties that Azure refuses to change on a VM (409 `PropertyChangeNotAllowed`). The provider's schema doesn't have
 * them (pulumi-azure-native issues 577 and 1117), so without this list the preview says "update", and the `up` fails.
 *
 * A replacement takes the disk along, so each path is as narrow as Azure's rule. A refresh or an import brings the values that
 * Azure fills in, and changes beside them, into the state. That must not replace the VM. The first NIC is in
 * `replaceWith`.
 */
const REPLACE_ON_CHANGES = ["osProfile.computerName", ...replaceOnChanges("vm")];

/**
 * The writable properties that Azure leaves out of its answer while a VM is deallocated, and has again once it runs
 * (azure-powershell issue 13213; the request in azure-cli issue 15765 shows both missing). A refresh in between takes
 * them for changes. After such a refresh the size or the type of the disk isn't in the state. A VM that is replaced before
 * the next refresh gets Azure's default for them.
 */
const HIDDEN_WHILE_DEALLOCATED = [
  "storageProfile.osDisk.diskSizeGB",
  "storageProfile.osDisk.managedDisk.storageAccountType",
];

/** The arguments of a VM, beside the host's arguments. */
export interface Access {
  nic: network.NetworkInterface;
  sshPublicKey: pulumi.Input<string>;
  /** The administrator can log in by password if there is one. */
  adminPassword?: pulumi.Input<string>;
}

/** Creates a VM whose disk goes with it, with Trusted Launch unless the user turned it off. */
export function createVirtualMachine(
  name: string,
  args: CompleteArgs,
  { nic, sshPublicKey, adminPassword }: Access,
  opts: pulumi.CustomResourceOptions,
): compute.VirtualMachine {
  return new compute.VirtualMachine(
    `${name}-vm`,
    {
      ...placementOf(args),
      vmName: `${name}-vm`,
      hardwareProfile: { vmSize: checkedSize(args) },
      networkProfile: { networkInterfaces: [{ id: nic.id, primary: true }] },
      osProfile: {
        computerName: name,
        adminUsername: args.adminUsername,
        adminPassword,
        linuxConfiguration: {
          disablePasswordAuthentication: adminPassword === undefined,
          provisionVMAgent: true,
          patchSettings: mapInput(args.image, (image) => patchSettings(image, args.patchReboot)),
          ssh: {
            publicKeys: [{ path: `/home/${args.adminUsername}/.ssh/authorized_keys`, keyData: sshPublicKey }],
          },
        },
      },
      storageProfile: {
        imageReference: mapInput(args.image, imageReference),
        osDisk: {
          // Azure makes a unique name. Under a fixed name, a VM that is created again can meet the disk of its predecessor,
          // which may go later: `ConflictingUserInput` (terraform-provider-azurerm issue 23038). On a VM that exists, the name
          // stays: Azure refuses only another name (terraform-provider-azurerm issue 16323).
          createOption: "FromImage",
          caching: "ReadWrite",
          // Azure's default is Detach, which leaves a disk that costs money.
          deleteOption: "Delete",
          managedDisk: { storageAccountType: "StandardSSD_LRS" },
        },
      },
      // An empty object, because without one the provider shows the change as one of `securityProfile` (diff.go), which no
      // path in REPLACE_ON_CHANGES matches.
      securityProfile: args.trustedLaunch
        ? { securityType: "TrustedLaunch", uefiSettings: { secureBootEnabled: true, vTpmEnabled: true } }
        : {},
      // Without a storage account, Azure keeps the log in storage that it manages.
      diagnosticsProfile: { bootDiagnostics: { enabled: true } },
    },
    pulumi.mergeOptions(opts, {
      replaceOnChanges: REPLACE_ON_CHANGES,
      // Azure can't delete a NIC that a VM uses, so the VM must go first. The NIC's ID in `replaceOnChanges` would be too
      // late: to find what must go first, the engine asks the provider with the whole `networkProfile` unknown.
      replaceWith: [nic],
      ignoreChanges: HIDDEN_WHILE_DEALLOCATED,
      additionalSecretOutputs: adminPassword === undefined ? [] : ["osProfile"],
    }),
  );
}

/** The VM's size, checked against the image as soon as both are known. */
function checkedSize({ vmSize, image }: CompleteArgs): pulumi.Input<string> {
  return mapInput({ vmSize, image }, (known) => {
    throwProblems(validateArchitecture(known.image, known.vmSize));
    return known.vmSize;
  });
}

/** The administrator's SSH key: the given one, or a new one, whose private half is a secret. */
export function createSshKey(
  name: string,
  { sshPublicKey }: CompleteArgs,
  opts: pulumi.CustomResourceOptions,
): { publicKey: pulumi.Input<string>; privateKey?: pulumi.Output<string> } {
  // A line end would become a part of the key in Azure. The provider writes one too.
  const withoutLineEnd = (key: pulumi.Input<string>): pulumi.Input<string> => mapInput(key, (line) => line.trim());
  if (sshPublicKey !== undefined) return { publicKey: withoutLineEnd(sshPublicKey) };
  const key = new tls.PrivateKey(`${name}-ssh-key`, { algorithm: "ED25519" }, opts);
  return { publicKey: withoutLineEnd(key.publicKeyOpenssh), privateKey: key.privateKeyOpenssh };
}

/** The administrator's password: the given one, or a generated one. Undefined without `passwordLogin`. */
export function createAdminPassword(
  name: string,
  { passwordLogin, adminPassword }: CompleteArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> | undefined {
  if (!passwordLogin) return undefined;
  if (adminPassword !== undefined) return pulumi.secret(adminPassword);
  return new random.RandomPassword(
    `${name}-password`,
    { length: 24, minLower: 1, minUpper: 1, minNumeric: 1, minSpecial: 1, overrideSpecial: PASSWORD_SPECIALS },
    opts,
  ).result;
}
