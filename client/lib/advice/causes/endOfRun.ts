/** How the run ended. */
import type { Cause } from "./cause";

export const END_OF_RUN: Cause[] = [
  {
    name: "busy",
    pattern: /AnotherOperationInProgress|\bRetryableError\b|TooManyRequests|\bStatus=429\b|RESPONSE 429/,
    advice: () =>
      "Azure was busy: too many requests, another operation on the same resource, or an error that Azure calls retryable. Wait some minutes, then run the same command again.",
  },
  {
    name: "destroy failed",
    pattern: (log) => /\bDestroying \(/.test(log) && /\berror:/.test(log),
    advice: () =>
      "A destroy failed. Fix the error that the log shows, then run pulumi destroy again. Don't run pulumi up in between, because the state no longer has the resources in the resource group.",
  },
  {
    name: "cut off",
    pattern: (log) =>
      /\b(Updating|Destroying|Refreshing) \(/.test(log) && !/\berror:|\bDuration:|\bunchanged\b/.test(log),
    advice: () =>
      "The run was cut off: the log ends in the middle. If nobody else runs pulumi on this stack, type pulumi cancel, then run the same command again. If that reports pending operations, give its log to docker-host advise.",
  },
];
