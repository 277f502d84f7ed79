/** `docker-host disconnect`: removes the files and the docker contexts that `connect` made. */
import type { Command } from "commander";
import { openDirectory } from "../lib/certificateDirectory";
import { contextState, removeContext } from "../lib/dockerContext";
import { certDirOption, json } from "../lib/options";
import { print, printJson } from "../lib/output";

export function addDisconnect(cli: Command): void {
  cli
    .command("disconnect")
    .description("remove the files and docker contexts that connect made, and nothing else")
    .addOption(certDirOption())
    .addOption(json())
    .action(runDisconnect);
}

async function runDisconnect({ certDir, json: asJson }: { certDir: string; json: boolean }): Promise<void> {
  const done = await disconnect(certDir);
  if (asJson) printJson(done);
  else if (!done.connected) print(`nothing is connected in ${done.certDir}`);
  else {
    print(`files    ${done.certDir} is as it was before connect`);
    print(`contexts ${done.contexts.length === 0 ? "none" : `${done.contexts.join(", ")} removed`}`);
  }
}

/** The result of `disconnect`. */
interface Disconnected {
  certDir: string;
  /** The docker contexts that it removed. */
  contexts: string[];
  /** Whether there was a connection to remove. */
  connected: boolean;
}

/** Removes what `connect` made in a directory, and the docker contexts of its connection. */
async function disconnect(certDir: string): Promise<Disconnected> {
  const directory = openDirectory(certDir);
  const connection = directory.connection();
  // The contexts go first, because the files hold their names.
  const contexts: string[] = [];
  for (const [name, dockerHost] of Object.entries(connection?.contexts ?? {})) {
    const state = await contextState(name);
    if (state.kind !== "ours" || state.dockerHost !== dockerHost) continue;
    await removeContext(name);
    contexts.push(name);
  }
  directory.remove();
  return { certDir: directory.path, contexts, connected: connection !== undefined };
}
