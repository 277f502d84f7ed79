/** Keeps an update's preview from hiding what Azure computed: an address or a name that `up` won't change. */
import * as pulumi from "@pulumi/pulumi";

/**
 * A computed output of a resource, known in the preview of the resource's update too.
 *
 * azure-native makes every output unknown in the preview of an update, except the inputs, `name` and `location`
 * (pulumi-azure-native, provider/pkg/provider/provider.go, `Update`). A new tag on the public IP would then preview a new
 * server certificate. So a preview asks Azure for the value that it has now.
 *
 * A value that was asked for is never used by an `up`: there, the resource's own output is returned as it is. In a
 * preview it is used only if the own output is unknown and the resource's ID is known. A resource that is created or
 * replaced has no ID yet, and one that doesn't change has all of its outputs.
 *
 * @param own The resource's own output.
 * @param resource The resource that the output is of.
 * @param args What the question takes. While any of it is unknown, so is the value, and Azure is not asked.
 * @param ask Asks Azure. Its answer must hold for the resource as `up` will leave it. If there is none (undefined, or an
 * error), the value stays unknown.
 */
export function settled<Args>(
  own: pulumi.Output<string | undefined>,
  resource: pulumi.CustomResource,
  args: pulumi.Input<Args>,
  ask: (args: pulumi.Unwrap<Args>) => Promise<string | undefined>,
): pulumi.Output<string | undefined> {
  if (!pulumi.runtime.isDryRun()) return own;
  const asked = (): pulumi.Output<string | undefined> => {
    // The ID makes the answer depend on its resource, as the own output does.
    const answer = pulumi.all([args, resource.id]).apply(([question]) => ask(question).catch(() => undefined));
    return pulumi.all([answer, pulumi.isSecret(own)]).apply<string | undefined>(([value, isSecret]) => {
      if (value === undefined) return own;
      return isSecret ? pulumi.secret(value) : pulumi.output(value);
    });
  };
  return pulumi.output(isKnown(own)).apply<string | undefined>((known) => (known ? own : asked()));
}

/** Whether an output has a value in this preview. The SDK's outputs tell, but its types don't show it. */
function isKnown(output: pulumi.Output<unknown>): Promise<boolean> {
  return (output as unknown as { isKnown: Promise<boolean> }).isKnown;
}
