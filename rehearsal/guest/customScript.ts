// Carries out what Azure's CustomScript 2.1 does on a machine: the same files, rules and messages, with the same traps.
//
// Written after the behaviour of https://github.com/Azure/custom-script-extension-linux (56a1e6f). It carries out a script
// and nothing else: no command, no downloads, no signing policy.
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../values";
import { decodeScript, parseSettings } from "./customScriptSettings";
import type { ExtensionHandler, ExtensionRun, ExtensionStatus } from "./handler";
import type { Machine } from "../machine/machine";

const dataFolder = "/var/lib/waagent/custom-script";
/** How many bytes of each stream a status has. */
const tailBytes = 4 * 1024;

/**
 * The handler for Microsoft.Azure.Extensions/CustomScript.
 * @param limitMs how long Azure waits for the script's end; its 90 minutes by default. The script itself runs on.
 */
export function customScript(limitMs = 90 * 60_000): ExtensionHandler {
  return {
    version: "2.1.19",
    operation: "Enable",
    inProgress: "Enable in progress",
    logFile: "handler.log",
    async isProcessed({ machine, folder, sequence, log }) {
      if (!(await hasBegun(machine, folder, sequence))) return false;
      log("the script configuration has already been processed, will not run again");
      await clearEarlier(machine, folder, sequence);
      return true;
    },
    enable: (run) => enable(run, limitMs),
    disable: () => Promise.resolve(),
    uninstall: async (machine) => {
      await machine.mustRun(["rm", "-rf", dataFolder]);
    },
  };
}

async function enable(run: ExtensionRun, limitMs: number): Promise<ExtensionStatus> {
  const { machine, sequence, folder, log } = run;
  const failed = (reason: string, output = ""): ExtensionStatus => {
    log(`failed to handle: ${reason}`);
    // This release has the reason twice, with the output between.
    return { status: "error", message: `${reason}${output}: ${reason}` };
  };
  let problem: string | undefined;
  // An earlier call that was cut off may have started the script. It runs on, as on Azure, where no client can stop it.
  if (!(await hasBegun(machine, folder, sequence))) {
    let script: string;
    try {
      script = parseSettings(run.settings);
    } catch (error) {
      await markBegun(machine, folder, sequence);
      return failed(`failed to get configuration: ${messageOf(error)}`);
    }
    await machine.mustRun([
      "sh",
      "-c",
      'mkdir -p "$1" && mkdir -p -m 0700 "$1/download" "$2"',
      "sh",
      dataFolder,
      folderOf(sequence),
    ]);
    problem = await begin(run, script);
  }
  if (problem === undefined) {
    const exitStatus = await waitForEnd(machine, sequence, limitMs);
    if (exitStatus === undefined) return { status: "transitioning", message: "Enable in progress" };
    if (exitStatus !== 0) problem = `failed to execute command: command terminated with exit status=${exitStatus}`;
  } else {
    log(problem);
    // This release forgets that it couldn't write the script, and reports a success.
    problem = undefined;
  }
  const output = `\n[stdout]\n${await tail(machine, sequence, "stdout")}\n[stderr]\n${await tail(machine, sequence, "stderr")}`;
  await clearEarlier(machine, folder, sequence);
  log(problem === undefined ? "enabled" : "enable failed");
  return problem === undefined
    ? { status: "success", message: `Enable succeeded: ${output}` }
    : failed(problem, output);
}

function folderOf(sequence: number): string {
  return path.posix.join(dataFolder, "download", `${sequence}`);
}

function unitOf(sequence: number): string {
  return `custom-script-${sequence}.service`;
}

function endFileOf(sequence: number): string {
  return `/run/${unitOf(sequence)}.end`;
}

/** Whether this sequence number or a later one was begun: each is run once, however it ended. */
async function hasBegun(machine: Machine, folder: string, sequence: number): Promise<boolean> {
  const last = await machine.run(["cat", `${folder}/mrseq`]);
  // The script's own process writes that file, in its first moment.
  return last.code === 0 && Number(last.stdout) >= sequence ? true : unitIsThere(machine, sequence);
}

async function unitIsThere(machine: Machine, sequence: number): Promise<boolean> {
  const said = await machine.mustRun(["systemctl", "show", "--property=LoadState", unitOf(sequence)]);
  return said === "LoadState=loaded\n";
}

async function markBegun(machine: Machine, folder: string, sequence: number): Promise<void> {
  await machine.writeFile(`${folder}/mrseq`, `${sequence}`, { mode: 0o600 });
}

// Writes as the handler does: what it can't write, on a full disk, it doesn't notice, and then runs what there is.
const writeScript = `set -eu
[ -e "$1" ] || install -m 0500 /dev/null "$1"
cat > "$1" || true`;

// The handler's own steps from the sequence number on, in one process of the machine's: begun, it needs nobody's help.
const runScript = `set -eu
umask 077
printf %s "$1" > "$2/mrseq"
cd "$3"
: > stdout
: > stderr
command=$(cat "$4")
rm "$4"
umask 022
code=0
/bin/sh -c "$command" > stdout 2> stderr < /dev/null || code=$?
echo "$code" > "$5"`;

/** Starts the script, apart from this process; gives back what hinders it. */
async function begin({ machine, folder, sequence }: ExtensionRun, script: string): Promise<string | undefined> {
  const command = path.posix.join(folderOf(sequence), "script.sh");
  let content: Buffer;
  try {
    content = decodeScript(script);
  } catch (error) {
    await markBegun(machine, folder, sequence);
    return messageOf(error);
  }
  await machine.mustRun(["sh", "-c", writeScript, "sh", command], { input: content });
  const unit = unitOf(sequence);
  const commandFile = `/run/${unit}.command`;
  await machine.mustRun(["rm", "-f", endFileOf(sequence)]);
  await machine.writeFile(commandFile, command, { mode: 0o600 });
  const environment = {
    ConfigSequenceNumber: `${sequence}`,
    AZURE_GUEST_AGENT_EXTENSION_PATH: folder,
    AZURE_GUEST_AGENT_EXTENSION_VERSION: folder.split("-").at(-1) ?? "",
  };
  await machine.mustRun([
    ...["systemd-run", "--quiet", "--collect", `--unit=${unit}`],
    // The handler leaves background processes of the script running.
    "--property=KillMode=process",
    ...Object.entries(environment).map(([name, value]) => `--setenv=${name}=${value}`),
    ...["/bin/sh", "-c", runScript, "sh", `${sequence}`, folder, folderOf(sequence), commandFile, endFileOf(sequence)],
  ]);
  return undefined;
}

/** The exit status. Undefined if the script runs longer than Azure waits, or if nothing will report its end. */
async function waitForEnd(machine: Machine, sequence: number, limitMs: number): Promise<number | undefined> {
  const deadline = Date.now() + limitMs;
  while (Date.now() < deadline) {
    // In this order: the end is written before the unit goes.
    const isThere = await unitIsThere(machine, sequence);
    const end = await machine.run(["cat", endFileOf(sequence)]);
    const [, status] = /^(\d+)\n$/.exec(end.stdout) ?? [];
    if (status !== undefined) return Number(status);
    // The machine was rebooted under it: the handler won't run it again, and Azure waits in vain.
    if (!isThere) return undefined;
    await sleep(100);
  }
  return undefined;
}

async function tail(machine: Machine, sequence: number, stream: "stdout" | "stderr"): Promise<string> {
  return (await machine.run(["tail", "--bytes", `${tailBytes}`, path.posix.join(folderOf(sequence), stream)])).stdout;
}

/** Takes away the scripts of other sequence numbers and empties their settings. This one's script stays where it is. */
async function clearEarlier(machine: Machine, folder: string, sequence: number): Promise<void> {
  const clear = `cd "$2" && for each in */; do [ "$each" = "$1/" ] || rm -rf "$each"; done
cd "$3" && for each in *[0-9].settings; do [ "$each" = "$1.settings" ] || : > "$each"; done`;
  const words = [`${sequence}`, path.posix.join(dataFolder, "download"), `${folder}/config`];
  await machine.run(["sh", "-c", clear, "sh", ...words]);
}
