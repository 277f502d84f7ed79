/** How the loopback Azure behaves beside its rules: how long it takes, and what goes wrong. */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ArmError } from "./armError";

/** What can go wrong at a call. */
export type FaultKind =
  /** 429 with Retry-After; the client tries again by itself. */
  | "throttled"
  /** 403, whoever asks may not; nothing was done. */
  | "refused"
  /** 409, another operation is under way; the client doesn't try again. */
  | "conflict"
  /** 409, the region has no such machines for this subscription. */
  | "size-unavailable"
  /** 500; nothing was done. */
  | "internal-error"
  /** Azure did what it was asked, but the answer never arrived. */
  | "lost-response"
  /** The machine never boots. */
  | "boot-failure"
  /** The extension reports an error. */
  | "extension-failure";

/** A fault at the first calls of one kind. */
export interface Fault {
  /** The call, such as "PUT Microsoft.Compute/virtualMachines". */
  call: string;
  kind: FaultKind;
  /** At how many calls. Defaults to 1. */
  times?: number;
  /** For "throttled": the wait that Azure asks for, in seconds. Defaults to 1. */
  retryAfterSeconds?: number;
}

/** The file that a rehearsal reads at each operation; without it, all goes well and at once. */
export interface BehaviourSettings {
  /** Seconds by call, such as { "PUT Microsoft.Compute/virtualMachines": 45 }. */
  latencySeconds?: Record<string, number>;
  faults?: Fault[];
}

/** What happens at each call. */
export class Behaviour {
  private readonly left: Fault[];

  constructor(private readonly settings: BehaviourSettings = {}) {
    this.left = (settings.faults ?? []).map((fault) => ({ ...fault }));
  }

  /** Reads the settings from a JSON file, if it is there. */
  static fromFile(path: string): Behaviour {
    return new Behaviour(existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as BehaviourSettings) : {});
  }

  /** Whether a fault of that kind is due at this call; it is used up by the question. */
  due(call: string, kind: FaultKind): Fault | undefined {
    const fault = this.left.find((each) => each.call === call && each.kind === kind && (each.times ?? 1) > 0);
    if (fault) fault.times = (fault.times ?? 1) - 1;
    return fault;
  }

  /** The faults that are still to come: those that no call has met. */
  unused(): Fault[] {
    return this.left.filter(({ times = 1 }) => times > 0);
  }

  /** Takes a call's time, does it, and lets go wrong what is to go wrong. */
  async during<T>(call: string, action: () => Promise<T>): Promise<T> {
    await sleep((this.settings.latencySeconds?.[call] ?? 0) * 1000);
    const throttled = this.due(call, "throttled");
    if (throttled) {
      const wait = throttled.retryAfterSeconds ?? 1;
      throw new ArmError(429, "TooManyRequests", `The request is being throttled. Try after ${wait} s.`, false, wait);
    }
    if (this.due(call, "refused")) {
      throw new ArmError(403, "AuthorizationFailed", "The client does not have authorization to perform this action.");
    }
    if (this.due(call, "conflict")) {
      throw new ArmError(
        409,
        "AnotherOperationInProgress",
        "Another operation on this or a dependent resource is in progress.",
      );
    }
    if (this.due(call, "size-unavailable")) {
      throw new ArmError(
        409,
        "SkuNotAvailable",
        "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: Standard_B2s_v2' is currently not available in location 'westeurope'. Please try another size or deploy to a different location or different zone.",
      );
    }
    if (this.due(call, "internal-error")) throw new ArmError(500, "InternalServerError", "An error occurred.");
    const result = await action();
    if (this.due(call, "lost-response")) throw new Error(`${call}: connection reset before the response arrived`);
    return result;
  }
}
