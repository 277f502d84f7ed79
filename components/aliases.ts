/** Leaves out the aliases that azure-native gives its resources: what a stack of many hosts spends most of its time on. */
import type * as pulumi from "@pulumi/pulumi";

/**
 * Leaves out what a class of azure-native says of itself alone: the 25 to 60 names that its type has in Azure's API versions.
 * They are for a stack whose state has the resource under such a name ("azure-native:compute/v20240301:VirtualMachine"),
 * and no state of a `DockerHost` ever had; the SDK resolves them anew for each resource, and the engine compares each.
 * What is lost: a resource of such a type, declared by another program, can't be moved into a `DockerHost` as it is. Who
 * wants to gives the component a transformation of their own, which comes after this one, or declares it without its
 * version once before. Aliases of any other form stay.
 */
export const withoutVersionAliases: pulumi.ResourceTransformation = ({ type, props, opts }) => {
  if (!type.startsWith("azure-native:") || opts.aliases === undefined) return undefined;
  return { props, opts: { ...opts, aliases: opts.aliases.filter((alias) => !isBareType(alias)) } };
};

/** Whether an alias is an earlier type of a resource of azure-native, and nothing else. */
function isBareType(alias: pulumi.Input<pulumi.URN | pulumi.Alias>): boolean {
  if (typeof alias !== "object" || !("type" in alias) || Object.keys(alias).length !== 1) return false;
  return typeof alias.type === "string" && alias.type.startsWith("azure-native:");
}
