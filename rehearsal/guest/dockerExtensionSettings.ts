/** Reads the settings of DockerExtension as its handler does, which leaves it to Go's encoding/json. */
import { isObject } from "../values";
import type { ExtensionSettings } from "./handler";

export interface Settings {
  port: string;
  options: string[];
  certificates: Record<"ca" | "cert" | "key", string>;
}

/** The other settings that the handler knows. The program sends none of them, and the rehearsal carries none out. */
const NOT_CARRIED_OUT = ["compose", "compose-environment", "azure-environment", "login", "environment"];

/** @throws in the extension's words, which name the place and the types and never a value. */
export function parseSettings({ settings, protectedSettings }: ExtensionSettings): Settings {
  const docker = objectIn("public", settings, "docker", "dockerEngineSettings");
  const certs = objectIn("protected", protectedSettings, "certs", "dockerCertSettings");
  const options = docker.value("options") ?? [];
  if (!Array.isArray(options)) throw docker.mismatch("options", options, "[]string");
  return {
    port: docker.text("port"),
    options: options.map((option: unknown) => docker.asText("options", option)),
    certificates: { ca: certs.text("ca"), cert: certs.text("cert"), key: certs.text("key") },
  };
}

/**
 * An object in one part of the settings, as Go reads it into a struct: a key's case doesn't count, what is missing or null
 * is the empty value, unknown keys are passed over, and another type than the declared one is an error.
 */
function objectIn(part: "public" | "protected", settings: unknown, key: string, struct: string): GoStruct {
  const outer = new GoStruct(part, `${part}Settings`, settings);
  const unsupported = NOT_CARRIED_OUT.find((name) => outer.value(name) !== undefined);
  if (unsupported !== undefined) throw new Error(`the rehearsal's DockerExtension doesn't carry out ${unsupported}`);
  return new GoStruct(part, struct, outer.value(key), `${part}Settings.${key}`);
}

class GoStruct {
  private readonly entries: [string, unknown][];

  constructor(
    private readonly part: string,
    private readonly struct: string,
    value: unknown,
    place?: string,
  ) {
    if (!isObject(value) && value !== undefined && value !== null) throw this.wrong(value, `main.${struct}`, place);
    this.entries = Object.entries(value ?? {});
  }

  value(key: string): unknown {
    return this.entries.filter(([name]) => name.toLowerCase() === key).at(-1)?.[1];
  }

  text(key: string): string {
    return this.asText(key, this.value(key));
  }

  asText(key: string, value: unknown): string {
    const text = value ?? "";
    if (typeof text !== "string") throw this.mismatch(key, value, "string");
    return text;
  }

  mismatch(key: string, value: unknown, type: string): Error {
    return this.wrong(value, type, `${this.struct}.${key}`);
  }

  private wrong(value: unknown, type: string, place?: string): Error {
    const kind = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
    const where = place === undefined ? `value of type ${type}` : `struct field ${place} of type ${type}`;
    return new Error(
      `error parsing handler settings: failed to unmarshal ${this.part} settings: failed to unmarshal json: ` +
        `json: cannot unmarshal ${kind} into Go ${where}`,
    );
  }
}

/** Base64, or else the text as it is. */
export function decode(content: string): Buffer {
  const text = content.trim();
  const packed = text.replace(/[\r\n]/g, "");
  const isBase64 = packed.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(packed);
  return isBase64 ? Buffer.from(packed, "base64") : Buffer.from(text);
}
