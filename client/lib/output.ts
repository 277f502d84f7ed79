/** Prints everything that the client prints. Text from others must not act on a terminal or a CI system. */
import { plainJson, plainText } from "./plainText.cjs";

/** A line, or more, on standard output. */
export function print(text: string): void {
  process.stdout.write(`${plainText(text)}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${plainJson(value)}\n`);
}

/** A line that a shell evaluates, unchanged. Its values must come from the user, or be checked. */
export function printForShell(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A message for a person, on standard error. */
export function remark(text: string): void {
  process.stderr.write(`${plainText(text)}\n`);
}

/** The same at a terminal, where it replaces the last one. */
export function remarkInPlace(line: string): void {
  process.stderr.write(`\r\x1b[K${plainText(line).slice(0, process.stderr.columns - 1)}`);
}

/** Removes what `remarkInPlace` wrote. */
export function clearRemark(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
}
