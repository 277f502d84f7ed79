/** Finds the causes of a failure in a run's log. */
import { plainText } from "../plainText.cjs";
import type { Cause, Details } from "./causes/cause";
import { END_OF_RUN } from "./causes/endOfRun";
import { SET_UP } from "./causes/setUp";
import { SIGN_IN } from "./causes/signIn";
import { STATE } from "./causes/state";
import { SUBSCRIPTION } from "./causes/subscription";
import { VIRTUAL_MACHINE } from "./causes/virtualMachine";

/** The known causes. The first one must be fixed first. docs/recovery.md tells the same. */
export const CAUSES: Cause[] = [...SET_UP, ...SIGN_IN, ...STATE, ...SUBSCRIPTION, ...VIRTUAL_MACHINE, ...END_OF_RUN];

/** The advice for a log without a known cause. It is right for every log. */
export const GENERIC =
  "The log shows no cause that docker-host advise knows. The state has recorded the resources that were created, so you don't need to delete any. Fix the error that the log shows, then run pulumi up again. It continues where it stopped.";

/** The advice for each cause that a log shows, in the order of the table. The generic one if it shows none. */
export function adviceFor(printed: string): string[] {
  const log = plainText(printed);
  const of: Details = (pattern, otherwise) => pattern.exec(log)?.[1] ?? otherwise;
  const found = CAUSES.filter(({ pattern }) => (pattern instanceof RegExp ? pattern.test(log) : pattern(log)));
  return found.length === 0 ? [GENERIC] : found.map(({ advice }) => advice(of));
}
