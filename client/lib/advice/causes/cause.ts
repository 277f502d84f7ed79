/** A row of the table of causes, and details that several rows look for in a log. */

/** A known cause: how a log shows it, and what to do. */
export interface Cause {
  /** For tests, and for readers of the table. */
  name: string;
  /** One match is enough. It lies within one line, because pipelines put a time before each line. */
  pattern: RegExp | ((log: string) => boolean);
  /** Tells what happened, then what to type. `of` looks for a detail in the log. */
  advice: (of: Details) => string;
}

/** Looks for a detail in the log, which is the first group of a pattern. Gives a placeholder if there is none. */
export type Details = (pattern: RegExp, otherwise: string) => string;

/** The options that name the VM in an `az vm` command, from the URL of a request or an ID in the log. */
export function vmOptions(of: Details): string {
  const group = of(/\/resourceGroups\/([\w.-]+)\/providers\/Microsoft\.Compute\/virtualMachines\//i, "GROUP");
  return `--resource-group ${group} --name ${of(/\/Microsoft\.Compute\/virtualMachines\/([\w.-]*\w)/i, "VM")}`;
}

/** The `pulumi up` that replaces the VM. Not every log has the URN. */
export function replaceVm(of: Details): string {
  const urn = of(/(urn:pulumi:[\w.-]+::\S+azure-native:compute:VirtualMachine::[\w.-]*\w)/, "");
  const where = urn === "" ? " (pulumi stack --show-urns lists the URN)" : "";
  return `pulumi up --replace '${urn === "" ? "URN" : urn}'${where}`;
}
