/** A refusal in the words of Azure Resource Manager. */

/** An error answer: its HTTP status, Azure's error code and its message. */
export class ArmError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    /** Whether Azure took the request on and failed later: then there is a resource, in the state "Failed". */
    readonly accepted = false,
    /** How long Azure asks to wait before another try (the header Retry-After), in seconds. */
    readonly retryAfterSeconds?: number,
    /** What of the request Azure names as the culprit, such as a property. */
    readonly target?: string,
  ) {
    super(`Status=${status} Code="${code}" Message="${detail}"`);
  }
}
