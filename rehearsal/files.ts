/** The files in a rehearsal's folder. */
import { join } from "node:path";

/** The stack of a rehearsal where none is named. */
export const STACK_NAME = "rehearsal";

/** Their paths. `stackFile` and `client` belong to one stack, the others to all. */
export function filesOf(
  directory: string,
  stack = STACK_NAME,
): Record<
  "backend" | "home" | "project" | "stackFile" | "passphrase" | "clients" | "client" | "commands" | "dockerConfig",
  string
> {
  return {
    /** Pulumi's local backend: state, history, locks. */
    backend: join(directory, "backend"),
    /** Pulumi's own folder, in place of the user's ~/.pulumi. */
    home: join(directory, "home"),
    /** A copy of Pulumi.yaml, and beside it the stacks' files. */
    project: join(directory, "project"),
    stackFile: join(directory, "project", `Pulumi.${stack}.yaml`),
    passphrase: join(directory, "passphrase"),
    /** Of each stack's client: ca.pem, cert.pem and key.pem. */
    clients: join(directory, "client"),
    client: join(directory, "client", stack),
    /** Commands that this computer may lack. */
    commands: join(directory, "commands"),
    /** The docker command's own folder, in place of the user's ~/.docker. */
    dockerConfig: join(directory, "docker-config"),
  };
}
