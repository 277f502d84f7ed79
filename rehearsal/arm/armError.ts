/** Errors of Azure Resource Manager. */

/** An error answer: its HTTP status, Azure's error code and its message. */
export class ArmError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    /** Whether Azure accepted the request and failed later. The resource is "Failed" then. */
    readonly accepted = false,
    /** How long Azure asks to wait before another try (the header Retry-After), in seconds. */
    readonly retryAfterSeconds?: number,
    /** The part of the request that Azure names, such as a property. */
    readonly target?: string,
  ) {
    super(`Status=${status} Code="${code}" Message="${detail}"`);
  }
}
