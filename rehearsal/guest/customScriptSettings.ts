/** Reads the settings of CustomScript as its handler does: the JSON schemas, and the script in base64. */
import { isObject } from "../values";
import type { ExtensionSettings } from "./handler";

const LARGEST_SCRIPT = 256 * 1024;

/** The other settings that the handler's schemas have. The program sends none of them, and the rehearsal carries none out. */
const NOT_CARRIED_OUT = {
  public: ["commandToExecute", "fileUris", "skipDos2Unix", "timestamp"],
  protected: ["commandToExecute", "fileUris", "storageAccountName", "storageAccountKey", "managedIdentity"],
};

/**
 * Gives the script as the settings have it. Without one, the handler runs nothing and succeeds.
 * @throws with the handler's words, which name keys and types and never a value.
 */
export function parseSettings({ settings, protectedSettings }: ExtensionSettings): string {
  const [open, closed] = [scriptIn("public", settings), scriptIn("protected", protectedSettings)];
  return open === "" ? closed : open;
}

function scriptIn(part: "public" | "protected", value: unknown): string {
  const settings = value ?? {};
  if (!isObject(settings)) {
    throw new Error(
      `error reading extension configuration: error parsing settings file: the ${part} settings are no JSON object`,
    );
  }
  const refuse = (place: string, problem: string): never => {
    throw new Error(`json validation error: invalid ${part} settings JSON: ${place}: ${problem}`);
  };
  const { script = "", ...others } = settings;
  for (const key of Object.keys(others)) {
    if (NOT_CARRIED_OUT[part].includes(key)) throw new Error(`the rehearsal's CustomScript doesn't carry out ${key}`);
    refuse("(root)", `Additional property ${key} is not allowed`);
  }
  if (typeof script === "string") return script;
  return refuse("script", `Invalid type. Expected: string, given: ${typeOf(script)}`);
}

/** A value's type in the words of JSON schemas. */
function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

/**
 * Decodes a script. The handler also unpacks gzip and changes DOS line ends and UTF-16; the program's scripts have none of it.
 * @throws with the handler's words.
 */
export function decodeScript(script: string): Buffer {
  if (script.length > LARGEST_SCRIPT) {
    throw new Error(`The script's length (${script.length}) exceeded the maximum allowed length of ${LARGEST_SCRIPT}!`);
  }
  const packed = script.replace(/[\r\n]/g, "");
  if (packed.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(packed)) {
    const at = packed.search(/[^A-Za-z0-9+/]/);
    throw new Error(`failed to decode script: illegal base64 data at input byte ${at < 0 ? packed.length : at}`);
  }
  return Buffer.from(packed, "base64");
}
