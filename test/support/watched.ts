/** Wraps providers, so that a test sees and stops each of their calls. */
import { setTimeout as sleep } from "node:timers/promises";
import { Behaviour, type Fault } from "../../rehearsal/arm/behaviour";
import type { ResourceProvider } from "../../rehearsal/providers/provider";

/** By how much calls of the same time may be apart on a machine that has other things to do. */
const MOST_SECONDS_APART = 20;

/** Tells of each call as it begins and ends, and does what is to be done at the run at hand. */
export class WatchedBehaviour extends Behaviour {
  behaviour = new Behaviour();
  /** How long each call took. */
  seconds: Record<string, number> = {};
  private awaited = new Set<string>();
  private allBegun = Promise.resolve();
  private resolveAllBegun = (): void => undefined;

  constructor(private readonly reach: (point: string) => void) {
    super();
  }

  /** Begins a run: none of the calls in `together` goes on before all of them have begun. */
  start(behaviour: Behaviour, together: string[] = []): void {
    this.behaviour = behaviour;
    this.seconds = {};
    this.awaited = new Set(together);
    this.allBegun = new Promise((resolve) => (this.resolveAllBegun = resolve));
  }

  override due(...what: Parameters<Behaviour["due"]>): Fault | undefined {
    return this.behaviour.due(...what);
  }

  override async arrive(call: string): Promise<void> {
    this.reach(`before ${call}`);
    if (this.awaited.delete(call)) {
      if (this.awaited.size === 0) this.resolveAllBegun();
      await Promise.race([this.allBegun, sleep(MOST_SECONDS_APART * 1000, undefined, { ref: false })]);
      if (this.awaited.size > 0) throw new Error(`not made at the same time: ${[...this.awaited].join(", ")}`);
    }
    await this.behaviour.arrive(call);
  }

  override async carryOut<T>(call: string, action: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await this.behaviour.carryOut(call, action);
    this.seconds[call] = (performance.now() - start) / 1000;
    this.reach(`after ${call}`);
    return result;
  }
}

/** A provider that makes the same of the same inputs each time, so that two runs' results can be compared. */
export function steady(provider: ResourceProvider): ResourceProvider {
  const made = new Map<string, ReturnType<ResourceProvider["create"]>>();
  return {
    ...provider,
    create: (resource, inputs) => {
      const key = JSON.stringify([resource.urn, inputs]);
      const result = made.get(key) ?? provider.create(resource, inputs);
      made.set(key, result);
      return result;
    },
  };
}
