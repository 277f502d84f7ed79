/** The error for wrong settings: all problems in one message. */
import { RunError } from "@pulumi/pulumi/errors";

/** Wrong settings. Pulumi prints the message without a stack trace. */
export class SettingsError extends RunError {
  /** @param problems One sentence for each problem: the setting, what it must be, and the value given. */
  constructor(public readonly problems: string[]) {
    super(
      problems.length === 1
        ? `Invalid setting: ${problems.join()}`
        : `Invalid settings:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
    );
  }
}

/**
 * Throws if there is a problem.
 *
 * @throws SettingsError with all problems.
 */
export function throwProblems(problems: string[]): void {
  if (problems.length > 0) throw new SettingsError(problems);
}
