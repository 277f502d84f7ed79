/** Finds a stack's secrets, and the forms in which one might be written somewhere. */
import { filesOf } from "../../rehearsal/files";
import type { Rehearsal } from "../../rehearsal/rehearsal";
import { mustRun } from "./run";

/** Every private key and password in a stack's state, decrypted, and the forms in which each might be written. */
export function exportSecrets(rehearsal: Rehearsal): {
  secrets: string[];
  needles: string[];
} {
  return secretsIn(JSON.parse(pulumiStack(rehearsal, "export", "--show-secrets")));
}

/** The output of a `pulumi stack` command for the rehearsal's stack. */
export function pulumiStack(rehearsal: Rehearsal, ...args: string[]): string {
  const { project } = filesOf(rehearsal.directory);
  const env = { ...process.env, ...rehearsal.environment };
  return mustRun(["pulumi", "stack", ...args, "--stack", "rehearsal"], { cwd: project, env });
}

/** The same, of a state whose secrets are decrypted: JSON under the name "plaintext". */
export function secretsIn(state: unknown): { secrets: string[]; needles: string[] } {
  const secrets = new Set<string>();
  const publicTexts: string[] = [];
  const visit = (value: unknown, name: string): void => {
    if (typeof value === "string") {
      // A secret's plain text is JSON in the export.
      if (name.startsWith("public")) publicTexts.push(value);
      const text = name === "plaintext" ? String(JSON.parse(value) as unknown) : value;
      if (text.includes("PRIVATE KEY") || (name === "plaintext" && text !== "[object Object]")) secrets.add(text);
    } else if (typeof value === "object" && value !== null) {
      for (const [key, inner] of Object.entries(value)) visit(inner, key);
    }
  };
  visit(state, "");
  // A document of a private key has the public key in it too.
  const needles = [...secrets]
    .flatMap(needlesOf)
    .filter((needle) => !publicTexts.some((text) => text.includes(needle)));
  return { secrets: [...secrets], needles };
}

/** How a secret may look where it doesn't belong: as it is, as a line of its document, in base64 as the extension has it. */
function needlesOf(secret: string): string[] {
  const base64 = Buffer.from(secret).toString("base64");
  const lines = secret.split("\n").filter((line) => line.length >= 40 && !line.startsWith("-----"));
  // The line that has the private number in it; the others are the public key, which certificates have too.
  if (secret.includes("EC PRIVATE KEY")) return [lines[0] ?? secret, base64.slice(44, 100)];
  if (secret.includes("OPENSSH PRIVATE KEY")) return [lines[3] ?? secret];
  if (secret.includes("PRIVATE KEY")) return [lines[0] ?? secret];
  return [secret, JSON.stringify(secret).slice(1, -1), base64];
}
