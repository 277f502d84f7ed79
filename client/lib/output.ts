/** Everything that the client prints goes through here: text of others must not act on a terminal or a CI system. */
import { plainJson, plainText } from "./plainText.cjs";

/** A line, or more, on standard output. */
export function print(text: string): void {
  process.stdout.write(`${plainText(text)}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${plainJson(value)}\n`);
}

/** A line that a shell evaluates: exactly as it is. Its values must come from the user or from a checked form. */
export function printForShell(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A message for the person who watches, and not for a program that reads standard output. */
export function remark(text: string): void {
  process.stderr.write(`${plainText(text)}\n`);
}

/** The same at a terminal, in place of the last one. */
export function remarkInPlace(line: string): void {
  process.stderr.write(`\r\x1b[K${plainText(line).slice(0, process.stderr.columns - 1)}`);
}

/** Removes what `remarkInPlace` wrote. */
export function clearRemark(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
}
