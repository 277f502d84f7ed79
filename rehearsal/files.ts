/** Where a rehearsal keeps what. */
import { join } from "node:path";

/** The stack of a rehearsal where none is named. */
export const STACK_NAME = "rehearsal";

/** The files in a rehearsal's folder; `stackFile` and `client` are one stack's, the others all stacks'. */
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
    /** Pulumi's own folder, so that the user's ~/.pulumi is not touched. */
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
    /** The docker command's own folder, so that the user's ~/.docker is not touched. */
    dockerConfig: join(directory, "docker-config"),
  };
}
