/** What a failed run's log shows, and what to do next. */
import { plainText } from "../plainText.cjs";
import type { Cause, Details } from "./causes/cause";
import { END_OF_RUN } from "./causes/endOfRun";
import { SET_UP } from "./causes/setUp";
import { SIGN_IN } from "./causes/signIn";
import { STATE } from "./causes/state";
import { SUBSCRIPTION } from "./causes/subscription";
import { VIRTUAL_MACHINE } from "./causes/virtualMachine";

/** The known causes; what goes first must be done first. The README's "Troubleshooting" says the same. */
export const CAUSES: Cause[] = [...SET_UP, ...SIGN_IN, ...STATE, ...SUBSCRIPTION, ...VIRTUAL_MACHINE, ...END_OF_RUN];

/** What is said where no cause is known, and never wrong. */
export const GENERIC =
  "No cause that is known here. What was made is recorded in the state, and nothing need be deleted. Mend what the log's error says, then run pulumi up again: it goes on from where it stopped.";

/** The advice for each cause that a log shows, in the order of the table; the generic one if it shows none. */
export function adviceFor(printed: string): string[] {
  const log = plainText(printed);
  const of: Details = (pattern, otherwise) => pattern.exec(log)?.[1] ?? otherwise;
  const found = CAUSES.filter(({ pattern }) => (pattern instanceof RegExp ? pattern.test(log) : pattern(log)));
  return found.length === 0 ? [GENERIC] : found.map(({ advice }) => advice(of));
}
