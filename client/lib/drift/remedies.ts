/** What to do about a finding. */

export const GROUP = "ResourceGroup";

export const WAY_BACK = "pulumi up --refresh puts it back";

export function wayBack(type: string): string {
  switch (type) {
    case GROUP:
      return "pulumi up --refresh makes it and all in it anew, the machine with a new disk";
    case "VirtualMachine":
      return "pulumi up --refresh makes it anew, with a new disk: images, containers and volumes are gone";
    case "PublicIPAddress":
      return "pulumi up --refresh makes it anew; the address may be another one, then docker-host connect again";
    case "VirtualMachineExtension":
      return "pulumi up --refresh runs the installer again";
    default:
      return WAY_BACK;
  }
}

export function wayBackReplaced(type: string): string {
  const what = type === "VirtualMachine" ? "REPLACES the machine, with its disk" : "replaces it";
  return `pulumi up --refresh ${what}; look first: pulumi preview --refresh. Or change it back in Azure`;
}

export const WAY_ON = "if no run is under way: pulumi refresh, then pulumi up";
export const WAY_ON_CREATING =
  "if no run is under way: pulumi refresh --clear-pending-creates, then pulumi up; if that meets it, az resource delete --ids ID";
