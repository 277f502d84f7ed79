// Carries out what Azure's CustomScript 2.1 does on a machine: the same files, rules and messages, with the same traps.
//
// Written after the behaviour of https://github.com/Azure/custom-script-extension-linux (56a1e6f, and 5f53229 for the
// release before). It leaves out downloads, since the machines have no network, and the signing policy.
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import type { ExtensionHandler, ExtensionRun, ExtensionSettings, ExtensionStatus } from "./guestAgent";
import type { Machine } from "./machine";

/** 2.1.17 and 2.1.18 are left out: they crash whenever something succeeds. */
export type CustomScriptRelease = "2.1.16" | "2.1.19";

export interface CustomScriptOptions {
  /** Which release's rules and messages; defaults to the latest. */
  release?: CustomScriptRelease;
  /** How long Azure waits for the script's end; defaults to its 90 minutes. The script itself runs on. */
  limitMs?: number;
}

const dataFolder = "/var/lib/waagent/custom-script";
const largestScript = 256 * 1024;
/** How many bytes of each stream a status has. */
const tailBytes = 4 * 1024;

/** The handler for Microsoft.Azure.Extensions/CustomScript. */
export function customScript({
  release = "2.1.19",
  limitMs = 90 * 60_000,
}: CustomScriptOptions = {}): ExtensionHandler {
  return {
    version: release,
    operation: "Enable",
    inProgress: "Enable in progress",
    logFile: "handler.log",
    async isProcessed({ machine, folder, sequence, log }) {
      if (!(await hasBegun(machine, folder, sequence))) return false;
      log("the script configuration has already been processed, will not run again");
      await clearEarlier(machine, folder, sequence);
      return true;
    },
    enable: (run) => enable(run, release, limitMs),
    disable: () => Promise.resolve(),
    uninstall: async (machine) => {
      await machine.mustRun(["rm", "-rf", dataFolder]);
    },
  };
}

async function enable(run: ExtensionRun, release: CustomScriptRelease, limitMs: number): Promise<ExtensionStatus> {
  const { machine, sequence, folder, log } = run;
  const failed = (reason: string, output = ""): ExtensionStatus => {
    log(`failed to handle: ${reason}`);
    // The later release has the reason twice, with the output between.
    const message = release === "2.1.16" ? `Enable failed: ${reason}${output}` : `${reason}${output}: ${reason}`;
    return { status: "error", message };
  };
  let problem: string | undefined;
  // An earlier call that was cut off may have begun: what it began runs on, as on Azure, where no client can stop it.
  if (!(await hasBegun(machine, folder, sequence))) {
    let settings: CustomScriptSettings;
    try {
      settings = parseSettings(run.settings, release);
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
    if (settings.fileUris.length > 0) {
      await markBegun(machine, folder, sequence);
      return failed(
        "processing file downloads failed: failed to download file[0]: the rehearsal's machines have no network",
      );
    }
    problem = await begin(run, settings);
  }
  if (problem === undefined) {
    const exitStatus = await waitForEnd(machine, sequence, limitMs);
    if (exitStatus === undefined) return { status: "transitioning", message: "Enable in progress" };
    if (exitStatus !== 0) problem = `failed to execute command: command terminated with exit status=${exitStatus}`;
  } else {
    log(problem);
    // The later release forgets that it could not make the script, and goes on as if it had run.
    if (release === "2.1.19") problem = undefined;
  }
  const output = `\n[stdout]\n${await tail(machine, sequence, "stdout")}\n[stderr]\n${await tail(machine, sequence, "stderr")}`;
  await clearEarlier(machine, folder, sequence);
  log(problem === undefined ? "enabled" : "enable failed");
  return problem === undefined
    ? { status: "success", message: `Enable succeeded: ${output}` }
    : failed(problem, output);
}

/** What is to be run, and how. */
export interface CustomScriptSettings {
  /** A command for /bin/sh, or a script as the settings have it: in base64, of gzip or plain. */
  run: { command: string } | { script: string };
  skipDos2Unix: boolean;
  fileUris: string[];
}

interface Rule {
  type: "string" | "boolean" | "integer" | "array" | "object";
  pattern?: string;
}

const sharedRules: Readonly<Record<string, Rule>> = {
  commandToExecute: { type: "string" },
  script: { type: "string" },
  fileUris: { type: "array" },
};
const publicRules: Readonly<Record<string, Rule>> = {
  ...sharedRules,
  skipDos2Unix: { type: "boolean" },
  timestamp: { type: "integer" },
};
const protectedRules: Readonly<Record<string, Rule>> = {
  ...sharedRules,
  storageAccountName: { type: "string", pattern: "^[a-z0-9]{3,24}$" },
  storageAccountKey: {
    type: "string",
    pattern: "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$",
  },
  managedIdentity: { type: "object" },
};

/**
 * Reads the settings as the handler does.
 * @throws with the handler's words, which name keys and types and never a value.
 */
export function parseSettings(given: ExtensionSettings, release: CustomScriptRelease = "2.1.19"): CustomScriptSettings {
  const open = checked("public", given.settings, publicRules);
  const closed = checked("protected", given.protectedSettings, protectedRules);
  // The later release works out the same refusals, and then looks at another variable: none of them ever takes effect.
  if (release === "2.1.16") refuseContradictions(open, closed);
  const command = text(open, "commandToExecute") || text(closed, "commandToExecute");
  const script = text(open, "script") || text(closed, "script");
  const uris = [open.fileUris, closed.fileUris].find((list) => Array.isArray(list) && list.length > 0) ?? [];
  return {
    // With neither, /bin/sh is given nothing to do, which succeeds.
    run: command === "" && script !== "" ? { script } : { command },
    skipDos2Unix: open.skipDos2Unix === true,
    fileUris: uris as string[],
  };
}

type Settings = Record<string, unknown>;

function checked(part: "public" | "protected", value: unknown, rules: Readonly<Record<string, Rule>>): Settings {
  const refuse = (place: string, problem: string): never => {
    throw new Error(`json validation error: invalid ${part} settings JSON: ${place}: ${problem}`);
  };
  const settings = value ?? {};
  if (typeOf(settings) !== "object") {
    throw new Error(
      `error reading extension configuration: error parsing settings file: the ${part} settings are no JSON object`,
    );
  }
  const entries = Object.entries(settings);
  const unknown = entries.find(([key]) => !Object.hasOwn(rules, key));
  if (unknown !== undefined) refuse("(root)", `Additional property ${unknown[0]} is not allowed`);
  for (const [key, item] of entries) {
    const rule = rules[key];
    if (rule === undefined) continue;
    if (typeOf(item) !== rule.type) refuse(key, `Invalid type. Expected: ${rule.type}, given: ${typeOf(item)}`);
    if (rule.pattern !== undefined && !new RegExp(rule.pattern).test(item as string)) {
      refuse(key, `Does not match pattern '${rule.pattern}'`);
    }
    if (rule.type !== "array") continue;
    for (const [index, uri] of (item as unknown[]).entries()) {
      if (typeof uri !== "string") refuse(`${key}.${index}`, `Invalid type. Expected: string, given: ${typeOf(uri)}`);
      else if (!/^[a-z][a-z0-9+.-]*:[^\\]*$/i.test(uri)) refuse(`${key}.${index}`, "Does not match format 'uri'");
    }
  }
  return settings as Settings;
}

/** A value's type in the words of JSON schemas. */
function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

function refuseContradictions(open: Settings, closed: Settings): void {
  const refuse = (problem: string): never => {
    throw new Error(`invalid configuration: ${problem}`);
  };
  const given = (key: string): Settings[] => [open, closed].filter((settings) => text(settings, key) !== "");
  const [commands, scripts] = [given("commandToExecute"), given("script")];
  if (commands.length + scripts.length === 0) refuse("'commandToExecute' is not specified");
  const twice = "both in public and protected settings; it must be specified only once";
  if (commands.length === 2) refuse(`'commandToExecute' was specified ${twice}`);
  if (scripts.length === 2) refuse(`'script' was specified ${twice}`);
  if (commands.length + scripts.length === 2) {
    refuse("'commandToExecute' and 'script' were both specified, but only one is validate at a time");
  }
  const [name, key] = [text(closed, "storageAccountName"), text(closed, "storageAccountKey")];
  if ((name === "") !== (key === "")) refuse("both 'storageAccountName' and 'storageAccountKey' must be specified");
  if (name !== "" && closed.managedIdentity !== undefined) {
    refuse("'storageAccountName' or 'storageAccountKey' must not be specified with 'managedServiceIdentity'");
  }
}

function text(settings: Settings, key: string): string {
  return (settings[key] ?? "") as string;
}

/**
 * The script's file, from the script as the settings have it.
 * @throws with the handler's words.
 */
export function decodeScript(script: string, skipDos2Unix: boolean): Buffer {
  if (script.length > largestScript) {
    throw new Error(`The script's length (${script.length}) exceeded the maximum allowed length of ${largestScript}!`);
  }
  const packed = script.replace(/[\r\n]/g, "");
  if (packed.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(packed)) {
    const at = packed.search(/[^A-Za-z0-9+/]/);
    throw new Error(`failed to decode script: illegal base64 data at input byte ${at < 0 ? packed.length : at}`);
  }
  const bytes = Buffer.from(packed, "base64");
  const content = isGzip(bytes) ? gunzip(bytes) : bytes;
  return skipDos2Unix ? content : toUnix(content);
}

function isGzip(bytes: Buffer): boolean {
  return bytes.length >= 10 && bytes.subarray(0, 3).equals(Buffer.from([0x1f, 0x8b, 8]));
}

function gunzip(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes);
  } catch {
    throw new Error("failed to decompress script: unexpected EOF");
  }
}

/** Without a byte order mark, in UTF-8 where that mark said UTF-16, and with the line ends of Unix. */
function toUnix(bytes: Buffer): Buffer {
  const mark = bytes.subarray(0, 2).toString("hex");
  const even = bytes.subarray(2, bytes.length - (bytes.length % 2));
  let content = bytes;
  if (mark === "fffe") content = Buffer.from(even.toString("utf16le"));
  else if (mark === "feff") content = Buffer.from(Buffer.from(even).swap16().toString("utf16le"));
  else if (bytes.subarray(0, 3).toString("hex") === "efbbbf") content = bytes.subarray(3);
  return Buffer.from(content.toString("latin1").replace(/\r\n/g, "\n"), "latin1");
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
async function begin(
  { machine, folder, sequence }: ExtensionRun,
  { run, skipDos2Unix }: CustomScriptSettings,
): Promise<string | undefined> {
  const file = path.posix.join(folderOf(sequence), "script.sh");
  let command = file;
  if ("script" in run) {
    let content: Buffer;
    try {
      content = decodeScript(run.script, skipDos2Unix);
    } catch (error) {
      await markBegun(machine, folder, sequence);
      return messageOf(error);
    }
    await machine.mustRun(["sh", "-c", writeScript, "sh", file], { input: content });
  } else {
    command = run.command;
  }
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
    // What a script leaves running, the handler leaves running too.
    "--property=KillMode=process",
    ...Object.entries(environment).map(([name, value]) => `--setenv=${name}=${value}`),
    ...["/bin/sh", "-c", runScript, "sh", `${sequence}`, folder, folderOf(sequence), commandFile, endFileOf(sequence)],
  ]);
  return undefined;
}

/** The exit status; undefined if it goes on after Azure's limit, or if nothing will ever report it. */
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
