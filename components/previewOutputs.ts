/** Keeps the preview of an update from hiding what Azure computed before: an address or a name that `up` won't change. */
import * as pulumi from "@pulumi/pulumi";

/**
 * A computed output of a resource that is known in the preview of the resource's update too.
 *
 * In the preview of an update, azure-native makes every output unknown, except the inputs, `name` and `location`
 * (pulumi-azure-native, provider/pkg/provider/provider.go, `Update`). A new tag on the public IP would then preview a new
 * server certificate. So a preview asks Azure for the current value.
 *
 * An `up` never uses the answer: it has the resource's own output. A preview uses it only if the output is unknown and the
 * resource's ID is known. A resource that is created or replaced has no ID yet, and one that doesn't change has all outputs.
 *
 * @param own The resource's own output.
 * @param resource The resource.
 * @param args The arguments of the question. While any of them is unknown, the value is unknown and Azure isn't asked.
 * @param ask Asks Azure. The answer must hold for the resource as `up` will leave it. Without an answer (undefined, or an
 * error), the value stays unknown.
 */
export function knownInPreview<Args>(
  own: pulumi.Output<string | undefined>,
  resource: pulumi.CustomResource,
  args: pulumi.Input<Args>,
  ask: (args: pulumi.Unwrap<Args>) => Promise<string | undefined>,
): pulumi.Output<string | undefined> {
  if (!pulumi.runtime.isDryRun()) return own;
  const asked = (): pulumi.Output<string | undefined> => {
    // With the ID, the answer depends on its resource, as the own output does.
    const answer = pulumi.all([args, resource.id]).apply(([question]) => ask(question).catch(() => undefined));
    return pulumi.all([answer, pulumi.isSecret(own)]).apply<string | undefined>(([value, isSecret]) => {
      if (value === undefined) return own;
      return isSecret ? pulumi.secret(value) : pulumi.output(value);
    });
  };
  return pulumi.output(isKnown(own)).apply<string | undefined>((known) => (known ? own : asked()));
}

/** Whether an output has a value in this preview. The SDK's outputs have the property, but its types don't show it. */
function isKnown(output: pulumi.Output<unknown>): Promise<boolean> {
  return (output as unknown as { isKnown: Promise<boolean> }).isKnown;
}
