/**
 * A rehearsal whose providers run in the test's own process, to which each engine is attached: so a test sees every call,
 * lets it go wrong, or kills the engine in the midst of it; and no run waits for plugins to start.
 */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { createDecipheriv, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Behaviour, BehaviourSettings, type Fault } from "../../rehearsal/arm/behaviour";
import { noMachines } from "../../rehearsal/arm/compute";
import { belongsToMachine } from "../../rehearsal/arm/disks";
import { FOLDERS, NO_NETWORK } from "../../rehearsal/arm/open";
import { serveEndpoint } from "../../rehearsal/arm/endpoint";
import { Store, type StoredResource } from "../../rehearsal/arm/store";
import { Subscription } from "../../rehearsal/arm/subscription";
import { filesOf } from "../../rehearsal/files";
import { AzureNative } from "../../rehearsal/providers/azureNative";
import { RESOURCE_TYPES } from "../../rehearsal/providers/azureNative/resourceTypes";
import { random } from "../../rehearsal/providers/random";
import { type ResourceProvider } from "../../rehearsal/providers/provider";
import { type Listening, listen } from "../../rehearsal/providers/server";
import { isObject } from "../../rehearsal/values";
import { tls } from "../../rehearsal/providers/tls";
import { type Recovery, recover, removeUnrecorded } from "../../rehearsal/recovery";
import { startEngineHost } from "./engineHost";
import { start } from "./run";
import { Scratch, type StateResource } from "./scratch";
import { secretsIn } from "./secrets";
import { WatchedBehaviour, steady } from "./watched";

/** The commands that a person types. */
export type Verb = "up" | "preview" | "refresh" | "destroy";

/** How a run ended, and what it printed. */
export interface Ended {
  /** The exit code; null if it was killed. */
  status: number | null;
  output: string;
}

/** The trouble that a run meets. */
export interface Trouble extends BehaviourSettings {
  /** The moment at which the engine is killed; see `points`. */
  killAt?: string;
  /** Calls that are under way at the same time: none of them goes on before all of them have begun. */
  together?: string[];
}

/** The state and the loopback Azure at one time. */
export interface Snapshot {
  state: string;
  azure: StoredResource[];
}

interface State {
  checkpoint: {
    latest: {
      resources?: StateResource[];
      pending_operations?: unknown[];
    };
  };
}

/** With a password, since it is one secret more. */
const SETTINGS = { dockerSources: '["203.0.113.0/24"]', passwordLogin: "true" };

/**
 * The engine gets the key to the state's secrets from a key service, as it would from Azure Key Vault: to derive it from
 * the passphrase takes a third of each run's time.
 */
const KEY = randomBytes(32);
const VAULT = `secretsprovider: hashivault://rehearsal\nencryptedkey: ${Buffer.from("sealed").toString("base64")}\n`;

/** The tokens of the types that the program declares, by Azure's own names of them. */
export const TOKENS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(RESOURCE_TYPES).map(([token, { path }]) => {
    const [, namespace = "Microsoft.Resources", rest = "resourceGroups/{name}"] =
      /\/providers\/([^/]+)\/(.+)$/.exec(path) ?? [];
    return [[namespace, ...rest.split("/").filter((_, index) => index % 2 === 0)].join("/"), token];
  }),
);

/** Values that Azure makes anew each time, by their names in the state and in the store. */
const MADE_ANEW = new Set(
  ["etag", "resourceGuid", "vmId", "uniqueId", "timeCreated", "macAddress", "osDiskName"].concat(
    "internalDomainNameSuffix",
  ),
);

/** The same with what Azure makes anew each time masked. */
export function steadied<T>(value: T): T {
  const text = JSON.stringify(value).replaceAll(/_OsDisk_1_[0-9a-f]{32}/g, "_OsDisk_1_…");
  return JSON.parse(text, (key, each: unknown) => (MADE_ANEW.has(key) && each !== undefined ? "…" : each)) as T;
}

/** Inputs without what a refresh takes over from Azure, though nobody asked for it: etags, and what is empty. */
function withoutFilledIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutFilledIn);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, each]) => [key, withoutFilledIn(each)] as const);
  const isEmpty = (each: unknown): boolean =>
    typeof each === "object" && each !== null && Object.keys(each).length === 0;
  return Object.fromEntries(entries.filter(([key, each]) => key !== "etag" && !isEmpty(each)));
}

/** A rehearsal with its providers attached. */
export class Attached {
  /** The moments that the last run came to: "before PUT Microsoft.Network/virtualNetworks", "after docker-host-ca-key" and so on. */
  points: string[] = [];
  /** All that was printed since the last `restore`. */
  printed = "";
  readonly store: Store;
  private readonly azure = new WatchedBehaviour((point) => {
    this.reach(point);
  });
  private readonly subscription: Subscription;
  private listening: Listening[] = [];
  private client = "";
  private engine: ChildProcess | undefined;
  private killAt: string | undefined;
  private needles: string[] = [];

  readonly environment: Record<string, string> = {};

  private constructor(readonly directory: string) {
    this.store = new Store(join(directory, FOLDERS.azure));
    this.subscription = new Subscription(this.store, noMachines, this.azure, NO_NETWORK);
  }

  /** Opens one in a temporary folder; all of it goes after the test. */
  static async open(test: Pick<TestContext, "after">): Promise<Attached> {
    const scratch = new Scratch(test, { spawned: true });
    const attached = new Attached(scratch.directory);
    // Before the rehearsal is opened, which would start a process for it.
    const { close } = await serveEndpoint(scratch.directory, undefined, attached.subscription);
    test.after(close);
    const { environment } = await scratch.open();
    Object.assign(attached.environment, environment, { PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS: "true" });
    await attached.start(test);
    return attached;
  }

  private async start(test: Pick<TestContext, "after">): Promise<void> {
    const providers = {
      "azure-native": new AzureNative({ environment: this.environment, retryDelayMs: 1, pollMs: 25 }),
      tls: steady(tls),
      random: steady(random),
    };
    const ports: string[] = [];
    for (const [name, provider] of Object.entries(providers)) {
      const listening = await listen(this.watched(name, provider));
      test.after(listening.close);
      this.listening.push(listening);
      ports.push(`${name}:${listening.port}`);
    }
    this.environment.PULUMI_DEBUG_PROVIDERS = ports.join(",");

    this.client = (await startEngineHost(test)).program;

    const vault = createServer((_request, response) => {
      response.end(JSON.stringify({ data: { plaintext: KEY.toString("base64") } }));
    }).listen(0, "127.0.0.1");
    test.after(() => {
      vault.closeAllConnections();
      vault.close();
    });
    await once(vault, "listening");
    this.environment.VAULT_SERVER_URL = `http://127.0.0.1:${(vault.address() as AddressInfo).port}`;
    this.configure({});
    const { checkpoint, ...rest } = this.readState();
    writeFileSync(this.stateFile, JSON.stringify({ ...rest, checkpoint: { ...checkpoint, latest: undefined } }));
  }

  private get stateFile(): string {
    return join(filesOf(this.directory).backend, ".pulumi/stacks/azure-docker-host/rehearsal.json");
  }

  private readState(): State {
    return JSON.parse(readFileSync(this.stateFile, "utf8")) as State;
  }

  /** Sets the stack's settings, beside those that it always has. */
  configure(settings: Record<string, string>): void {
    const { stackFile } = filesOf(this.directory);
    const lines = Object.entries({ ...SETTINGS, ...settings }).map(
      ([name, value]) => `  azure-docker-host:${name}: ${value}\n`,
    );
    writeFileSync(stackFile, `${VAULT}config:\n  azure-native:location: westeurope\n${lines.join("")}`);
  }

  private watched(name: string, provider: ResourceProvider): ResourceProvider {
    const overrides: Partial<ResourceProvider> = {
      configure: async (config) => {
        this.reach(`before configuring ${name}`);
        await provider.configure?.(config);
      },
      create: async (resource, inputs) => {
        // Of these, Azure's calls are the moments.
        if (provider instanceof AzureNative) return provider.create(resource, inputs);
        this.reach(`before ${resource.name}`);
        const created = await provider.create(resource, inputs);
        this.reach(`after ${resource.name}`);
        return created;
      },
    };
    return Object.assign(Object.create(provider) as ResourceProvider, overrides);
  }

  private reach(point: string): void {
    this.points.push(point);
    if (point !== this.killAt) return;
    this.engine?.kill("SIGKILL");
    if (point.startsWith("before ")) throw new Error("the engine was killed before this was asked");
  }

  /** From now on the engine starts the plugins itself, each in a process of its own, as it does for everybody. */
  spawnPlugins(): void {
    delete this.environment.PULUMI_DEBUG_PROVIDERS;
  }

  /** The kinds of calls that the last run made, such as "GET Microsoft.Network/virtualNetworks". */
  get calls(): string[] {
    const calls = this.points.flatMap((point) => /^before ((?:GET|PUT|DELETE) .*)$/.exec(point)?.[1] ?? []);
    return [...new Set(calls)];
  }

  /** How long each of them took. */
  get seconds(): Record<string, number> {
    return this.azure.seconds;
  }

  /** The faults that the last run did not meet. */
  get unmet(): Fault[] {
    return this.azure.behaviour.unused();
  }

  /** Runs the engine as a person does, without a look at what the run before left. */
  async run(verb: Verb, { killAt, together = [], ...behaviour }: Trouble = {}): Promise<Ended> {
    this.points = [];
    this.killAt = killAt;
    this.azure.start(new Behaviour(behaviour), together);
    writeFileSync(join(this.directory, FOLDERS.behaviour), JSON.stringify(behaviour));
    const confirm = verb === "preview" ? [] : ["--yes", "--skip-preview"];
    const ended = await this.pulumi([verb, ...confirm, "--exec-kind", "auto.inline", "--client", this.client]);
    // As Azure does, the provider ends what it was asked when the engine is gone.
    await Promise.all(this.listening.map(({ idle }) => idle()));
    return ended;
  }

  /** Does what a rehearsal's next run does: clears what the last one left, and tells of each step; then runs. */
  async next(verb: Verb, trouble: Trouble = {}): Promise<Ended & { steps: string[] }> {
    const steps: string[] = [];
    this.killAt = undefined;
    this.azure.start(new Behaviour());
    const recovery: Recovery = {
      backend: filesOf(this.directory).backend,
      projectName: "azure-docker-host",
      stackName: "rehearsal",
      subscription: this.subscription,
      print: (line) => steps.push(line),
      pulumi: async (args) => {
        const { status, output } = await this.pulumi(args);
        assert.equal(status, 0, output);
        return output;
      },
    };
    await recover(recovery);
    if (verb === "up") await removeUnrecorded(recovery);
    const ended = await this.run(verb, trouble);
    if (verb === "destroy") await removeUnrecorded(recovery);
    this.printed += steps.join("\n");
    return { ...ended, steps };
  }

  /** Runs the CLI on the stack. */
  async pulumi(args: string[]): Promise<Ended> {
    const engine = start(["pulumi", ...args, "--stack", "rehearsal", "--non-interactive"], {
      cwd: filesOf(this.directory).project,
      env: { ...process.env, ...this.environment },
    });
    this.engine = engine.process;
    const { status } = await engine.ended;
    this.printed += engine.printed();
    return { status, output: engine.printed() };
  }

  /** The leftovers of a killed run: the number of pending operations, and the resources in Azure that the state doesn't have. */
  leftovers(): { pending: number; unrecorded: string[] } {
    const { resources = [], pending_operations: pending = [] } = this.readState().checkpoint.latest;
    const recorded = resources.map(({ id }) => id);
    const unrecorded = this.asked().map(({ id }) => id);
    return { pending: pending.length, unrecorded: unrecorded.filter((id) => !recorded.includes(id)) };
  }

  /** The resources in Azure that a program asked for, without those that Azure made with a VM. */
  private asked(): StoredResource[] {
    return this.store.list().filter((resource) => !belongsToMachine(resource));
  }

  /** Keeps what there is, for `restore`. */
  snapshot(): Snapshot {
    return { state: readFileSync(this.stateFile, "utf8"), azure: this.store.list() };
  }

  /** Makes all as it was. */
  restore({ state, azure }: Snapshot): void {
    this.printed = "";
    rmSync(join(filesOf(this.directory).backend, ".pulumi/locks"), { recursive: true, force: true });
    writeFileSync(this.stateFile, state);
    rmSync(this.store.directory, { recursive: true, force: true });
    for (const resource of azure) this.store.set(resource);
  }

  /** The state and the loopback Azure in a form that is the same whenever they are, whatever the order and the time of what led to them. */
  reached(): { resources: unknown[]; azure: StoredResource[] } {
    const { resources = [], pending_operations: pending = [] } = this.readState().checkpoint.latest;
    assert.deepEqual(pending, [], "no operation is pending");
    const ids = resources.filter(({ type }) => type.startsWith("azure-native:")).map(({ id }) => id);
    const azure = this.asked();
    assert.deepEqual(ids.sort(), azure.map(({ id }) => id).sort(), "the state has what Azure has");
    assert.deepEqual(
      azure.filter(({ provisioningState }) => provisioningState !== "Succeeded"),
      [],
    );
    // A provider's ID is random, and stands in what it made.
    const providers = resources.filter(({ type }) => type.startsWith("pulumi:providers:"));
    const text = providers.reduce((all, { id = "", type }) => all.replaceAll(id, type), JSON.stringify(resources));
    const plain = JSON.parse(text, (key, value: unknown) => {
      if (key === "created" || key === "modified") return undefined;
      if (isObject(value) && typeof value.ciphertext === "string") return { plaintext: decrypt(value.ciphertext) };
      return Array.isArray(value) && value.every(isUrn) ? value.sort() : value;
    }) as StateResource[];
    // What Azure answered, and when a refresh took it over, depends on the way; what Azure has is compared by itself.
    for (const resource of plain.filter(({ type }) => type.startsWith("azure-native:"))) {
      Reflect.deleteProperty(resource, "outputs");
      resource.inputs = withoutFilledIn(resource.inputs ?? {}) as Record<string, unknown>;
    }
    return steadied({ resources: plain.sort((one, other) => one.urn.localeCompare(other.urn)), azure });
  }

  /** Learns the secrets that the state has now. */
  learnSecrets(): void {
    const { secrets, needles } = secretsIn(this.reached());
    assert.ok(secrets.length >= 5, `found ${secrets.length}`);
    this.needles = needles;
  }

  /** Fails if a secret was printed since the last `restore`. */
  assertNoSecretShown(): void {
    assert.ok(this.needles.length > 0, "the secrets are known");
    assert.deepEqual(
      this.needles.filter((needle) => this.printed.includes(needle)),
      [],
      "no secret is shown",
    );
  }
}

function decrypt(ciphertext: string): string {
  const [nonce, sealed] = ciphertext
    .split(":")
    .slice(1)
    .map((part) => Buffer.from(part, "base64"));
  assert.ok(nonce && sealed, "a ciphertext is v1:NONCE:SEALED");
  const decipher = createDecipheriv("aes-256-gcm", KEY, nonce).setAuthTag(sealed.subarray(-16));
  return `${decipher.update(sealed.subarray(0, -16), undefined, "utf8")}${decipher.final("utf8")}`;
}

/** The line that a rehearsal prints when it removes a resource that Azure has and the state doesn't have. */
export function removal(id: string): string {
  const group = /^\/subscriptions\/[^/]+\/resourceGroups\/([^/]+)$/.exec(id)?.[1];
  return `In Azure, but not in the state: az ${group === undefined ? `resource delete --ids ${id}` : `group delete --name ${group}`}`;
}

/** Fails if a step that a rehearsal takes is not one that docs/recovery.md tells a user to take. */
export function assertInRecovery(steps: string[]): void {
  const page = readFileSync(join(__dirname, "../../docs/recovery.md"), "utf8");
  for (const step of steps) {
    const [, command] = /: (pulumi .*|az \w+ delete --\w+ )/.exec(step) ?? [];
    assert.ok(command !== undefined && page.includes(command), `docs/recovery.md does not tell of: ${step}`);
  }
}

function isUrn(value: unknown): value is string {
  return typeof value === "string" && value.startsWith("urn:pulumi:");
}
