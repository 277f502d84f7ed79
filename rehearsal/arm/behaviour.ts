/** Delays and faults of the loopback Azure. */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ArmError } from "./armError";

/** The kinds of faults. */
export type FaultKind =
  /** 429 with Retry-After; the client tries again by itself. */
  | "throttled"
  /** 403, the client may not do this. Nothing was done. */
  | "refused"
  /** 409, another operation is under way; the client tries again by itself. */
  | "conflict"
  /** 409, the region has no such machines for this subscription. */
  | "size-unavailable"
  /** 500; nothing was done; the client tries again by itself. */
  | "internal-error"
  /** Azure did what it was asked, but the answer never arrived; the client tries again by itself. */
  | "lost-response"
  /** The machine never boots. */
  | "boot-failure"
  /** The extension reports an error. */
  | "extension-failure";

/** The faults that refuse a call, and Azure's words. */
const REFUSALS: [FaultKind, status: number, code: string, text: string][] = [
  ["refused", 403, "AuthorizationFailed", "The client does not have authorization to perform this action."],
  ["conflict", 409, "AnotherOperationInProgress", "Another operation on this or a dependent resource is in progress."],
  [
    "size-unavailable",
    409,
    "SkuNotAvailable",
    "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: Standard_B2s_v2' is currently not available in location 'westeurope'. Please try another size or deploy to a different location or different zone.",
  ],
  ["internal-error", 500, "InternalServerError", "An error occurred."],
];

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

/** The file that the endpoint reads at each call; without it, all goes well and at once. */
export interface BehaviourSettings {
  /** Seconds by call, such as { "PUT Microsoft.Compute/virtualMachines": 45 }. */
  latencySeconds?: Record<string, number>;
  faults?: Fault[];
}

/** The answer that never arrives. */
export class LostResponse extends Error {
  constructor(call: string) {
    super(`${call}: connection reset before the response arrived`);
  }
}

/** The delays and faults of each call. */
export class Behaviour {
  private left: Fault[] = [];
  private read = "";

  constructor(
    private settings: BehaviourSettings = {},
    private readonly file?: string,
  ) {
    this.use(settings);
  }

  /** Follows the settings in a JSON file, also when they change. */
  static fromFile(path: string): Behaviour {
    return new Behaviour({}, path);
  }

  private use(settings: BehaviourSettings): void {
    this.settings = settings;
    this.left = (settings.faults ?? []).map((fault) => ({ ...fault }));
  }

  private follow(): void {
    if (this.file === undefined) return;
    const text = existsSync(this.file) ? readFileSync(this.file, "utf8") : "{}";
    if (text === this.read) return;
    this.use(JSON.parse(text) as BehaviourSettings);
    this.read = text;
  }

  /** Whether a fault of that kind is due at this call; it is used up by the question. */
  due(call: string, kind: FaultKind): Fault | undefined {
    const fault = this.left.find((each) => each.call === call && each.kind === kind && (each.times ?? 1) > 0);
    if (fault) fault.times = (fault.times ?? 1) - 1;
    return fault;
  }

  /** The faults that no call has met yet. */
  unused(): Fault[] {
    return this.left.filter(({ times = 1 }) => times > 0);
  }

  /**
   * A call arrives.
   *
   * @throws ArmError if a fault refuses it.
   */
  arrive(call: string): Promise<void> {
    this.follow();
    const throttled = this.due(call, "throttled");
    if (throttled) {
      const wait = throttled.retryAfterSeconds ?? 1;
      throw new ArmError(429, "TooManyRequests", `The request is being throttled. Try after ${wait} s.`, false, wait);
    }
    for (const [kind, status, code, text] of REFUSALS) {
      if (this.due(call, kind)) throw new ArmError(status, code, text);
    }
    return Promise.resolve();
  }

  /** Carries out a call, after its delay. */
  async carryOut<T>(call: string, action: () => Promise<T>): Promise<T> {
    await sleep((this.settings.latencySeconds?.[call] ?? 0) * 1000);
    return action();
  }
}
