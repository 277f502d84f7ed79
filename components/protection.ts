/** Protects a host: options of the parts that must not be lost, and marks in the state that the engine meets before everything else. */
import * as pulumi from "@pulumi/pulumi";

/** The options of a resource that a protected host must not lose. The engine neither replaces nor deletes it. */
export function protection(protect: boolean): pulumi.ResourceOptions {
  return protect ? { protect: true } : {};
}

/** The notice of a protected host's run. The engine's own text for a refusal is about the program, not about the run. */
export const PROTECT_NOTICE =
  "protect: Pulumi refuses to replace or delete the VM, its public IP or its CA. " +
  "If you mean it: pulumi up --ignore-protect";

/**
 * Creates the mark of the CA that signs. Replacing this resource also replaces everything that depends on it, so the engine
 * refuses another CA before it signs anything. Without the mark, it would come to a CA that left the program last: a given CA
 * is no resource, and one that is left out is deleted at the end.
 */
export function createCaMark(
  name: string,
  identity: pulumi.Input<string>,
  opts: pulumi.CustomResourceOptions,
): pulumi.Resource {
  return createMark(`${name}-production-authority`, identity, { ...opts, replaceOnChanges: ["input"] });
}

/** Creates the mark of the public IP. The engine deletes one that leaves the program only at the end. A new one is no loss. */
export function createPublicIpMark(
  name: string,
  publicIp: boolean,
  opts: pulumi.CustomResourceOptions,
): pulumi.Resource {
  return createMark(`${name}-production-address`, publicIp, {
    ...opts,
    replaceOnChanges: publicIp ? [] : ["input"],
  });
}

/** Creates the mark of the whole host. It depends on every part, so a teardown comes to it first and keeps every part. */
export function createHostMark(name: string, opts: pulumi.CustomResourceOptions): pulumi.Resource {
  return createMark(`${name}-production`, true, opts);
}

/** Creates a value that the engine keeps in the state, without a provider. The marks' names are older than the setting's. */
function createMark(name: string, input: unknown, opts: pulumi.CustomResourceOptions): pulumi.Resource {
  return new pulumi.Stash(name, { input }, { ...opts, ...protection(true) });
}
