/** `docker-host env`: prints the shell lines that point docker at the connected host. */
import { type Command, Option } from "commander";
import { dockerDirectory, openDirectory } from "../lib/certificateDirectory";
import { certDirOption, json, notConnected } from "../lib/options";
import { printForShell, printJson } from "../lib/output";
import { SHELLS, type Shell, VARIABLE_NAMES, evalHint, ownShell, setLine, unsetLine, variables } from "../lib/shell";

export function addEnv(cli: Command): void {
  cli
    .command("env")
    .description("print the shell lines that point docker at the connected host")
    .addOption(certDirOption())
    .addOption(new Option("--shell <name>", "the shell (default: yours)").choices(SHELLS))
    .option("--unset", "print the lines that unset the variables", false)
    .addOption(json())
    .action(runEnv);
}

interface EnvCommand {
  certDir: string;
  shell?: Shell;
  unset: boolean;
  json: boolean;
}

function runEnv({ certDir, shell = ownShell(), unset, json: asJson }: EnvCommand): void {
  const directory = openDirectory(certDir);
  const hint = evalHint(shell, [
    ...(shell === ownShell() ? [] : ["--shell", shell]),
    ...(certDir === dockerDirectory() ? [] : ["--cert-dir", directory.path]),
    ...(unset ? ["--unset"] : []),
  ]);
  if (unset) {
    if (asJson) printJson(Object.fromEntries(VARIABLE_NAMES.map((name) => [name, null])));
    else for (const line of [...VARIABLE_NAMES.map((name) => unsetLine(shell, name)), hint]) printForShell(line);
    return;
  }
  const connection = directory.connection();
  if (connection === undefined) throw notConnected(directory.path);
  const values = variables(connection, directory.path);
  if (asJson) printJson(values);
  else {
    for (const [name, value] of Object.entries(values)) printForShell(setLine(shell, name, value));
    printForShell(hint);
  }
}
