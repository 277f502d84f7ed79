/** A loopback Azure in the measuring process itself: each call is noted, and nothing of it is slowed down by files. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Access } from "../rehearsal/arm/access";
import { Behaviour, type BehaviourSettings } from "../rehearsal/arm/behaviour";
import { noMachines } from "../rehearsal/arm/compute";
import { NO_NETWORK } from "../rehearsal/arm/open";
import { type ArmEndpoint, listen as listenArm } from "../rehearsal/arm/server";
import { Store, type StoredResource } from "../rehearsal/arm/store";
import { Subscription } from "../rehearsal/arm/subscription";
import { AzureNative } from "../rehearsal/providers/azureNative";
import { type Listening, listen } from "../rehearsal/providers/server";

/** One call, with its times by `performance.now()`. */
export interface Call {
  /** Such as "PUT Microsoft.Compute/virtualMachines". */
  call: string;
  begun: number;
  ended: number;
}

class NotedBehaviour extends Behaviour {
  readonly calls: Call[] = [];

  override async carryOut<T>(call: string, action: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    try {
      return await super.carryOut(call, action);
    } finally {
      this.calls.push({ call, begun, ended: performance.now() });
    }
  }
}

/** The rehearsal's store reads all files for each new address, which is the rehearsal's affair and not what is measured. */
class MemoryStore extends Store {
  private readonly resources = new Map<string, StoredResource>();

  constructor() {
    super("");
  }

  override get(id: string): StoredResource | undefined {
    return this.resources.get(id.toLowerCase());
  }

  override set(resource: StoredResource): void {
    this.resources.set(resource.id.toLowerCase(), structuredClone(resource));
  }

  override remove(id: string): void {
    this.resources.delete(id.toLowerCase());
  }

  override list(below = ""): StoredResource[] {
    const prefix = below === "" ? "" : `${below.toLowerCase()}/`;
    return [...this.resources].filter(([id]) => id.startsWith(prefix)).map(([, resource]) => resource);
  }
}

/** The loopback Azure, and its provider where an engine finds it. */
export class Azure {
  private readonly store = new MemoryStore();
  private behaviour = new NotedBehaviour();
  private listening: Listening | undefined;
  private endpoint: ArmEndpoint | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), "azure-docker-host-bench-azure-"));

  /** Starts the provider anew, so that it behaves as is said; gives the engine's environment for it. */
  async start(settings: BehaviourSettings = {}): Promise<Record<string, string>> {
    await this.close();
    this.behaviour = new NotedBehaviour(settings);
    const access = await Access.of(join(this.folder, "access"));
    const subscription = new Subscription(this.store, noMachines, this.behaviour, NO_NETWORK);
    this.endpoint = await listenArm(subscription, access);
    const environment = access.environment(this.endpoint.port);
    this.listening = await listen(new AzureNative({ environment, pollMs: 25 }));
    return { PULUMI_DEBUG_PROVIDERS: `azure-native:${this.listening.port}` };
  }

  /** The calls since `start`. */
  get calls(): Call[] {
    return this.behaviour.calls;
  }

  /** How many resources there are. */
  get size(): number {
    return this.store.list().length;
  }

  async close(): Promise<void> {
    await this.listening?.close();
    await this.endpoint?.close();
    this.listening = this.endpoint = undefined;
  }
}
