/** The remedies of findings. */

export const GROUP = "ResourceGroup";

export const WAY_BACK = "pulumi up --refresh puts it back";

export function wayBack(type: string): string {
  switch (type) {
    case GROUP:
      return "pulumi up --refresh creates it again with everything in it. The VM gets a new disk";
    case "VirtualMachine":
      return "pulumi up --refresh creates it again with a new disk. Images, containers and volumes are gone";
    case "PublicIPAddress":
      return "pulumi up --refresh creates it again. If its address changes, run docker-host connect again";
    case "VirtualMachineExtension":
      return "pulumi up --refresh runs the installer again";
    default:
      return WAY_BACK;
  }
}

export function wayBackReplaced(type: string): string {
  const what = type === "VirtualMachine" ? "REPLACES the VM and its disk" : "replaces it";
  return `pulumi up --refresh ${what}. Look first with pulumi preview --refresh, or undo the change in Azure`;
}

export const WAY_ON = "if no run is under way, type pulumi refresh, then pulumi up";
export const WAY_ON_CREATING =
  "if no run is under way, type pulumi refresh --clear-pending-creates, then pulumi up. If that finds it in Azure, type az resource delete --ids ID, then pulumi up";
