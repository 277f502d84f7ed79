/** A row of the table that `docker-host advise` looks in, and what several rows look for in a log. */

/** A cause that is known, how a log shows it, and what is to be done. */
export interface Cause {
  /** For tests and for whoever reads the table. */
  name: string;
  /** One match is enough. Within one line, since logs break lines, and put times before them. */
  pattern: RegExp | ((log: string) => boolean);
  /** What happened, and what to type; `of` looks for a detail in the log. */
  advice: (of: Details) => string;
}

/** Looks for a detail in the log, the first group of a pattern, else gives what stands for it. */
export type Details = (pattern: RegExp, otherwise: string) => string;

/** The options that name the VM in an `az vm` command, from the URL of a request or an ID in the log. */
export function vmOptions(of: Details): string {
  const group = of(/\/resourceGroups\/([\w.-]+)\/providers\/Microsoft\.Compute\/virtualMachines\//i, "GROUP");
  return `--resource-group ${group} --name ${of(/\/Microsoft\.Compute\/virtualMachines\/([\w.-]*\w)/i, "VM")}`;
}

/** `pulumi up` that makes the VM anew. A log has the URN only sometimes. */
export function replaceVm(of: Details): string {
  const urn = of(/(urn:pulumi:[\w.-]+::\S+azure-native:compute:VirtualMachine::[\w.-]*\w)/, "");
  const where = urn === "" ? " (pulumi stack --show-urns lists the URN)" : "";
  return `pulumi up --replace '${urn === "" ? "URN" : urn}'${where}`;
}
