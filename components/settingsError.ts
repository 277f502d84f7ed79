/** The error for wrong settings: all problems in one message. */
import { RunError } from "@pulumi/pulumi/errors";

/** Wrong settings. Pulumi prints the message without a stack trace. */
export class SettingsError extends RunError {
  /** The problems, without control characters. */
  readonly problems: string[];

  /** @param problems One sentence for each problem: the setting, what it must be, and the value given. */
  constructor(problems: string[]) {
    const lines = problems.map(withoutControlCharacters);
    super(
      lines.length === 1
        ? `Invalid setting: ${lines.join()}`
        : `Invalid settings:\n${lines.map((line) => `  - ${line}`).join("\n")}`,
    );
    this.problems = lines;
  }
}

/** A text whose control characters are written out, such as "\u001b". A name or a certificate's subject can't act on a terminal. */
function withoutControlCharacters(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * Throws if there is a problem.
 *
 * @throws SettingsError with all problems.
 */
export function throwProblems(problems: string[]): void {
  if (problems.length > 0) throw new SettingsError(problems);
}
