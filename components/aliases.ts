/** Leaves out the aliases of azure-native's resources. A stack of many hosts spends most of its time on them. */
import type * as pulumi from "@pulumi/pulumi";

/**
 * Leaves out the aliases that a class of azure-native adds by itself: the 25 to 60 names of its type in Azure's API versions.
 * They are for a state that has the resource under such a name ("azure-native:compute/v20240301:VirtualMachine"). No state
 * of a `DockerHost` has one. The SDK resolves them for each resource, and the engine compares each.
 * Without them, a resource of such a type can't move from another program into a `DockerHost` as it is. To move it, declare
 * it once without its version before, or give the component a transformation of your own, which comes after this one.
 * Aliases of any other form stay.
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
