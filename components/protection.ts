/** Marks in the state, by which the engine refuses what a production host must not lose before it does anything else. */
import * as pulumi from "@pulumi/pulumi";

/** The option of what a production host must not lose: the engine neither replaces nor deletes it. */
export function protection(production: boolean): pulumi.ResourceOptions {
  return production ? { protect: true } : {};
}

/** What a run of a production stack says. The engine's own words for a refusal are about the program, not about the run. */
export const PRODUCTION_NOTICE =
  "protect: what would replace or delete the machine, its public address or its authority is refused. " +
  "If you mean it: pulumi up --ignore-protect";

/**
 * The authority that signs. Another one replaces the mark, so what is made or signed for an authority depends on it: an
 * authority that is given is no resource, and one that is left out would be deleted only at the end, after all else.
 */
export function markAuthority(
  name: string,
  authority: pulumi.Input<string>,
  opts: pulumi.CustomResourceOptions,
): pulumi.Resource {
  return mark(`${name}-production-authority`, authority, { ...opts, replaceOnChanges: ["input"] });
}

/** Whether there is a public address. One that is left out would be deleted only at the end; one that comes changes nothing. */
export function markAddress(name: string, publicIp: boolean, opts: pulumi.CustomResourceOptions): pulumi.Resource {
  return mark(`${name}-production-address`, publicIp, {
    ...opts,
    replaceOnChanges: publicIp ? [] : ["input"],
  });
}

/** The whole host. It depends on all of it, so a teardown comes to it first, and keeps what it depends on. */
export function markWhole(name: string, opts: pulumi.CustomResourceOptions): pulumi.Resource {
  return mark(`${name}-production`, true, opts);
}

/** A value that the engine itself keeps, without a provider. */
function mark(name: string, input: unknown, opts: pulumi.CustomResourceOptions): pulumi.Resource {
  return new pulumi.Stash(name, { input }, { ...opts, ...protection(true) });
}
