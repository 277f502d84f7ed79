/** A loopback Azure without machines for a test, with its endpoint, and azure-native's stand-in as its client. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Access } from "../../rehearsal/arm/access";
import { Behaviour, type BehaviourSettings } from "../../rehearsal/arm/behaviour";
import { noMachines } from "../../rehearsal/arm/compute";
import { NO_NETWORK } from "../../rehearsal/arm/open";
import { listen } from "../../rehearsal/arm/server";
import { Store } from "../../rehearsal/arm/store";
import { Subscription } from "../../rehearsal/arm/subscription";
import { AzureNative } from "../../rehearsal/providers/azureNative";
import type { Resource } from "../../rehearsal/providers/provider";
import type { Properties } from "../../rehearsal/values";

/** Of all tests of a process, as certificates take a while to make. */
let access: Promise<Access> | undefined;

/** Notes what it is asked, and goes wrong as a test says. */
class NotedBehaviour extends Behaviour {
  readonly calls: string[] = [];

  override arrive(call: string): Promise<void> {
    this.calls.push(call);
    return super.arrive(call);
  }
}

export interface LoopbackAzure {
  provider: AzureNative;
  subscription: Subscription;
  /** The settings of a client of it. */
  environment: Record<string, string>;
  /** The calls that came, such as "PUT Microsoft.Network/virtualNetworks". */
  calls: string[];
}

/** Opens one; all of it goes after the test. */
export async function openAzure(
  test: Pick<TestContext, "after">,
  settings: BehaviourSettings = {},
): Promise<LoopbackAzure> {
  const directory = mkdtempSync(join(tmpdir(), "loopback-azure-"));
  access ??= Access.of(join(directory, "access"));
  const behaviour = new NotedBehaviour(settings);
  const subscription = new Subscription(new Store(join(directory, "azure")), noMachines, behaviour, NO_NETWORK);
  const endpoint = await listen(subscription, await access);
  test.after(async () => {
    await endpoint.close();
    rmSync(join(directory, "azure"), { recursive: true, force: true });
  });
  const environment = (await access).environment(endpoint.port);
  const provider = new AzureNative({ environment, retryDelayMs: 1, pollMs: 1 });
  return { provider, subscription, environment, calls: behaviour.calls };
}

/** A resource that a program declares, such as one of type "network:VirtualNetwork". */
export function resourceOf(type: string, name = "it"): Resource {
  const token = `azure-native:${type}`;
  return { urn: `urn:pulumi:dev::p::${token}::${name}`, type: token, name };
}

/** A copy without some properties. */
export function except(value: Properties, ...names: string[]): Properties {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}
