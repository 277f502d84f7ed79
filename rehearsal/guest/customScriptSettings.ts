/** Reads CustomScript's settings as its handler does: its JSON schemas, its refusals, and the forms that a script can have. */
import { gunzipSync } from "node:zlib";
import type { ExtensionSettings } from "./handler";

/** 2.1.17 and 2.1.18 are left out: they crash whenever something succeeds. */
export type CustomScriptRelease = "2.1.16" | "2.1.19";

const largestScript = 256 * 1024;

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
