/** Reads DockerExtension's settings as its handler does, which leaves it to Go's encoding/json. */
import { isObject } from "../values";
import type { ExtensionSettings } from "./handler";

export interface Settings {
  port: string;
  options: string[];
  environment: string;
  compose: Record<string, unknown>;
  composeVariables: Record<string, string>;
  ca: string;
  cert: string;
  key: string;
  login: Record<"server" | "username" | "password" | "email", string>;
}

/** @throws in the extension's words, which name the place and the types and never a value. */
export function parseSettings(given: ExtensionSettings): Settings {
  const publicPart = new GoObject("public", "publicSettings", given.settings);
  const docker = publicPart.object("docker", "dockerEngineSettings");
  const settings = {
    port: docker.string("port"),
    options: docker.strings("options"),
    compose: publicPart.map("compose"),
    publicVariables: publicPart.stringMap("compose-environment"),
    environment: publicPart.string("azure-environment"),
  };
  const protectedPart = new GoObject("protected", "protectedSettings", given.protectedSettings);
  const certs = protectedPart.object("certs", "dockerCertSettings");
  const login = protectedPart.object("login", "dockerLoginSettings");
  return {
    ...settings,
    composeVariables: { ...settings.publicVariables, ...protectedPart.stringMap("environment") },
    ca: certs.string("ca"),
    cert: certs.string("cert"),
    key: certs.string("key"),
    login: {
      server: login.string("server"),
      username: login.string("username"),
      password: login.string("password"),
      email: login.string("email"),
    },
  };
}

/**
 * Reads a JSON object as Go's encoding/json reads it into a struct: a key's case doesn't count, what is missing or null
 * is the type's zero value, unknown keys are passed over, and another type than the declared one is an error.
 */
class GoObject {
  private readonly entries: readonly (readonly [string, unknown])[];

  constructor(
    private readonly part: "public" | "protected",
    private readonly struct: string,
    value: unknown,
    place?: string,
  ) {
    if (!isObject(value) && value !== undefined && value !== null) throw this.mismatch(value, `main.${struct}`, place);
    this.entries = Object.entries(value ?? {});
  }

  object(key: string, struct: string): GoObject {
    return new GoObject(this.part, struct, this.value(key), `${this.struct}.${key}`);
  }

  string(key: string): string {
    const value = this.value(key) ?? "";
    if (typeof value !== "string") throw this.mismatch(value, "string", `${this.struct}.${key}`);
    return value;
  }

  strings(key: string): string[] {
    const value = this.value(key) ?? [];
    if (!Array.isArray(value)) throw this.mismatch(value, "[]string", `${this.struct}.${key}`);
    return value.map((item: unknown) => this.item(item, key));
  }

  map(key: string): Record<string, unknown> {
    const value = this.value(key) ?? {};
    if (!isObject(value)) throw this.mismatch(value, "map[string]interface {}", `${this.struct}.${key}`);
    return value;
  }

  stringMap(key: string): Record<string, string> {
    const value = this.value(key) ?? {};
    if (!isObject(value)) throw this.mismatch(value, "map[string]string", `${this.struct}.${key}`);
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.item(item, key)]));
  }

  private item(item: unknown, key: string): string {
    if (typeof (item ?? "") !== "string") throw this.mismatch(item, "string", `${this.struct}.${key}`);
    return (item ?? "") as string;
  }

  private value(key: string): unknown {
    return this.entries.filter(([name]) => name.toLowerCase() === key).at(-1)?.[1];
  }

  /** Names the types and the place, never the value, which may be a secret. */
  private mismatch(value: unknown, type: string, place?: string): Error {
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
