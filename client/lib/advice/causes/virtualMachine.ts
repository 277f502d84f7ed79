/** The VM: its size, image, disk, first boot and extensions. */
import { type Cause, replaceVm, vmOptions } from "./cause";

export const VIRTUAL_MACHINE: Cause[] = [
  {
    name: "processor",
    pattern: /\bCPU Architecture\b/,
    advice: (of) =>
      `The size and the image are for different processors. The size ${of(/VM of size '(\w+)'/, "in vmSize")} is for ${of(/only supports a CPU Architecture of '(\w+)'/, "another processor")}, and the image is for ${of(/disk with CPU Architecture '(\w+)'/, "another one")}. Choose another size with pulumi config set vmSize SIZE, or another image with pulumi config set image IMAGE. Then run pulumi up.`,
  },
  {
    name: "hypervisor generation",
    pattern: /cannot boot Hypervisor Generation/,
    advice: (of) => {
      const generation = of(/cannot boot Hypervisor Generation ['‘](\d)/, "");
      return `The size ${of(/VM [Ss]ize ['‘](\w+)/, "in vmSize")} can't boot the image, which is of generation ${generation === "" ? "1 or 2" : generation}. Choose a size that can (https://aka.ms/azuregen2vm) with pulumi config set vmSize SIZE, or an image of the other generation with pulumi config set image IMAGE. Then run pulumi up.`;
    },
  },
  {
    name: "Trusted Launch and the image",
    pattern: /Use of TrustedLaunch setting is not supported for the provided image/,
    advice: () =>
      "The image doesn't support Trusted Launch. Turn it off with pulumi config set trustedLaunch false, or choose another image with pulumi config set image IMAGE. Then run pulumi up.",
  },
  {
    name: "Trusted Launch and the size",
    pattern: /is not supported for creation of VMs and Virtual Machine Scale Sets? with 'TrustedLaunch' security type/,
    advice: (of) =>
      `The size ${of(/The VM size '(\w+)/, "in vmSize")} doesn't support Trusted Launch. Choose another size with pulumi config set vmSize SIZE, or turn Trusted Launch off with pulumi config set trustedLaunch false. Then run pulumi up.`,
  },
  {
    name: "image for Trusted Launch only",
    pattern: /only supports creation of VMs and VM Scale Sets with 'TrustedLaunch' security type/,
    advice: () =>
      "The image only boots with Trusted Launch. Turn it on with pulumi config set trustedLaunch true, then run pulumi up.",
  },
  {
    name: "size not available",
    pattern: /SkuNotAvailable/,
    advice: (of) =>
      `The region doesn't have this VM size for you. Type az vm list-skus --resource-type virtualMachines --location ${of(/in location '(\w+)'/, "REGION")} --output table to see the sizes that it has. Choose one with pulumi config set vmSize SIZE, or another region with pulumi config set azure-native:location REGION. Then run pulumi up.`,
  },
  {
    name: "no capacity",
    pattern: /\b(Zonal|Overconstrained)?AllocationFailed\b|OverconstrainedAllocationRequest/,
    advice: () =>
      "The region has no room for this VM size at the moment. Run pulumi up again later. Or choose another size with pulumi config set vmSize SIZE, or another region with pulumi config set azure-native:location REGION, then run pulumi up.",
  },
  {
    name: "not changeable",
    pattern: /PropertyChangeNotAllowed/,
    advice: (of) =>
      `Azure can't change this property of an existing resource. Undo the change, or replace the resource with pulumi up --replace '${of(/(urn:pulumi:[\w.-]+::\S+::[\w.-]+)/, "URN")}'. Replacing a VM also replaces its disk.`,
  },
  {
    name: "disk already there",
    pattern: /\bConflictingUserInput\b/,
    advice: (of) =>
      `A disk of that name is still there, from a VM that was deleted. If Azure is still deleting it, wait some minutes, then run pulumi up. If it stays and you need nothing on it, type az disk delete --resource-group ${of(/already exists in resource group ([\w.-]*\w)/, "GROUP")} --name ${of(/\bDisk ([\w.-]+) already exists/, "DISK")}, then run pulumi up.`,
  },
  {
    name: "NIC reserved",
    pattern: /\bNicReservedForAnotherVm\b/,
    advice: () =>
      "Azure reserves the NIC for 180 seconds for a VM that failed or was just deleted. Wait three minutes, then run the same command again.",
  },
  {
    name: "first boot timed out",
    pattern: /\bOSProvisioningTimedOut\b/,
    advice: (of) =>
      `The VM's first boot took longer than Azure waits. It may still finish. Wait some minutes, then run pulumi up. If that fails too, az vm boot-diagnostics get-boot-log ${vmOptions(of)} shows why, and ${replaceVm(of)} makes a new VM with a new disk.`,
  },
  {
    name: "first boot failed",
    pattern: /\bOSProvisioningClientError\b/,
    advice: (of) =>
      `The VM's first boot failed: its system didn't report to Azure that it is set up. az vm boot-diagnostics get-boot-log ${vmOptions(of)} shows why. An image of your own must be generalized (https://aka.ms/LinuxVMLifecycle). Otherwise ${replaceVm(of)} makes a new VM with a new disk.`,
  },
  {
    name: "VM not running",
    pattern: /Cannot\s+modify extensions in the VM when the VM is not running/,
    advice: (of) =>
      `The VM isn't running, so Azure refuses any change to its extensions, a tag too. Type az vm start ${vmOptions(of)}, then run the same command again.`,
  },
  {
    name: "extension not in the region",
    pattern: /\bArtifact(Version)?NotFound\b/,
    advice: (of) => {
      const publisher = of(/publisher '([\w.-]+)'/, "PUBLISHER");
      const type = of(/, type '([\w.-]+)'/, "TYPE");
      return `The region doesn't have this version of the extension ${type}. az vm extension image list --location REGION --publisher ${publisher} --name ${type} --output table shows the versions that it has. If it has none, use the other installer with pulumi config set installer CustomScript, or another region with pulumi config set azure-native:location REGION. Then run pulumi up.`;
    },
  },
  {
    name: "installer",
    pattern:
      /VMExtension(ProvisioningError|ProvisioningTimeout|HandlerNonTransientError)|VMAgentStatusCommunicationError/,
    advice: () =>
      'The installer failed on the VM. Its own message is in the log, after "Error message". Fix what it says. With the DockerExtension, also type pulumi config set forceUpdateTag TEXT with a new text, because Azure doesn\'t run the same settings twice. Then run pulumi up.',
  },
];
