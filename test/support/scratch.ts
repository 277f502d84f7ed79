/** A rehearsal in a temporary folder, for tests: what it printed, what its engine's state holds, and nothing left of it afterwards. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineEvent } from "@pulumi/pulumi/automation";
import { parseDocument } from "yaml";
import { STACK_NAME, filesOf } from "../../rehearsal/files";
import { ensureRootFileSystem } from "../../rehearsal/machine/rootFileSystem";
import { Rehearsal, type RehearsalOptions, sweep } from "../../rehearsal/rehearsal";
import { UNKNOWN } from "../../rehearsal/providers/provider";
import { KEY_NAME, type Serving, setClock, startEngineHost } from "./engineHost";
import { type Outcome, cutOff, run, start } from "./run";

/** A resource in the state file. */
export interface StateResource {
  urn: string;
  type: string;
  id?: string;
  parent?: string;
  protect?: boolean;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
}

/** Which properties of a resource change. */
export interface PropertyChanges {
  /** Each with its kind, as in "update-replace dnsNames[0]". */
  certain: string[];
  /** Inputs that a preview can't know yet. */
  unknown: string[];
}

/** The options of a test's rehearsal. */
export interface ScratchOptions {
  /** Whether virtual machines are real ones. */
  machines?: boolean;
  /** Whether each run starts its providers as plugins and takes its key from the passphrase, as for everybody else: slower. */
  spawned?: boolean;
}

/** A temporary folder for a rehearsal, taken away after the test with everything that stands behind it. */
export class Scratch {
  readonly directory = mkdtempSync(join(tmpdir(), "azure-docker-host-test-"));
  /** The lines that the rehearsal printed. */
  lines: string[] = [];
  /** The engine's events of the same run. */
  private events: EngineEvent[] = [];
  private host: Promise<Serving> | undefined;

  constructor(
    private readonly test: Pick<TestContext, "after">,
    private readonly options: ScratchOptions = {},
  ) {
    test.after(async () => {
      await sweep(this.directory);
      rmSync(this.directory, { recursive: true, force: true });
    });
  }

  /** Opens the rehearsal, anew each time, as each command does. */
  async open(config: RehearsalOptions["config"] = {}, stack = STACK_NAME): Promise<Rehearsal> {
    this.lines = [];
    this.events = [];
    const onEvent = (event: EngineEvent): void => {
      this.events.push(event);
    };
    const print = (line: string): void => {
      this.lines.push(line);
    };
    const { machines = false, spawned = false } = this.options;
    const options = {
      directory: this.directory,
      stack,
      machines,
      provider: "stand-in" as const,
      print,
      onEvent,
      config,
    };
    if (spawned) return Rehearsal.open(options);
    setClock(this.directory, process.env);
    this.host ??= this.startHost(machines);
    const { providers, keyService } = await this.host;
    return Rehearsal.open({ ...options, environment: { ...providers, ...keyService }, secretsProvider: KEY_NAME });
  }

  private async startHost(machines: boolean): Promise<Serving> {
    const rootFileSystem = machines ? await ensureRootFileSystem(() => undefined) : undefined;
    return startEngineHost(this.test, { directory: this.directory, rootFileSystem });
  }

  /** The steps that were shown, by resource: its sign, and for an update or a replacement what changed, as in "~ securityRules". */
  steps(): Record<string, string> {
    const steps: Record<string, string> = {};
    for (const line of this.lines) {
      const [, sign, name, changed] = /^ {2}([-+~=>]{1,2}) +(\S+) +\S+:\S+(?: \[(.*?)\])?/.exec(line) ?? [];
      // The deletion and the creation that make a replacement are shown beside it.
      if (sign === undefined || name === undefined || steps[name]?.startsWith("+-") === true) continue;
      steps[name] = changed === undefined ? sign : `${sign} ${changed}`;
    }
    return steps;
  }

  /** Which properties change, by resource, as the providers' diffs have them. */
  changes(): Record<string, PropertyChanges> {
    const found = this.events.flatMap(({ resourcePreEvent: { metadata } = {} }) =>
      metadata?.detailedDiff && !metadata.type.startsWith("pulumi:") ? [metadata] : [],
    );
    return Object.fromEntries(
      found.map(({ urn, detailedDiff = {}, new: { inputs = {} } = {} }) => {
        const unknown = Object.keys(inputs).filter((name) => inputs[name] === UNKNOWN);
        const certain = Object.entries(detailedDiff).filter(([path]) => !unknown.includes(rootOf(path)));
        return [
          urn.split("::").at(-1) ?? urn,
          { certain: certain.map(([path, { diffKind }]) => `${diffKind} ${path}`).sort(), unknown: unknown.sort() },
        ];
      }),
    );
  }

  /** Takes a list out of the stack's file. */
  removeList(setting: string): void {
    const { stackFile } = filesOf(this.directory);
    const file = parseDocument(readFileSync(stackFile, "utf8"));
    file.deleteIn(["config", `azure-docker-host:${setting}`]);
    writeFileSync(stackFile, file.toString());
  }

  /** Adds lines to the stack's file, as a person with an editor does; its last section is the configuration. */
  appendToStackFile(lines: string): void {
    const { stackFile } = filesOf(this.directory);
    const text = readFileSync(stackFile, "utf8");
    writeFileSync(stackFile, text.replace(/^config:\n/m, `config:\n${lines}`));
  }

  /** The resources of a stack in the engine's state, by name. */
  state(stack = STACK_NAME): Record<string, StateResource> {
    const file = join(filesOf(this.directory).backend, `.pulumi/stacks/azure-docker-host/${stack}.json`);
    const state = JSON.parse(readFileSync(file, "utf8")) as {
      checkpoint: { latest?: { resources?: StateResource[]; pending_operations?: unknown[] } };
    };
    const resources = (state.checkpoint.latest?.resources ?? []).filter(({ type }) => !type.startsWith("pulumi:"));
    return Object.fromEntries(resources.map((resource) => [resource.urn.split("::").at(-1) ?? "", resource]));
  }
}

/** The input that a path such as "settings.docker.port" begins with. */
export function rootOf(path: string): string {
  return path.split(/[.[]/, 1)[0] ?? path;
}

/** The names of the resources that the program declares where nothing is set, each with its type and its parent. */
export const DECLARED: Record<string, [type: string, parent: string | undefined]> = {
  group: ["azure-native:resources:ResourceGroup", "stack"],
  "docker-host": ["azure-docker-host:index:DockerHost", "stack"],
  "docker-host-ip": ["azure-native:network:PublicIPAddress", "docker-host"],
  "docker-host-dns-suffix": ["random:index/randomString:RandomString", "docker-host"],
  "docker-host-vnet": ["azure-native:network:VirtualNetwork", "docker-host"],
  "docker-host-nsg": ["azure-native:network:NetworkSecurityGroup", "docker-host"],
  "docker-host-nic": ["azure-native:network:NetworkInterface", "docker-host"],
  "docker-host-ca-key": ["tls:index/privateKey:PrivateKey", "docker-host"],
  "docker-host-ca": ["tls:index/selfSignedCert:SelfSignedCert", "docker-host"],
  "docker-host-server-key": ["tls:index/privateKey:PrivateKey", "docker-host"],
  "docker-host-server-request": ["tls:index/certRequest:CertRequest", "docker-host"],
  "docker-host-server": ["tls:index/locallySignedCert:LocallySignedCert", "docker-host"],
  "docker-host-client-admin-key": ["tls:index/privateKey:PrivateKey", "docker-host"],
  "docker-host-client-admin": ["tls:index/selfSignedCert:SelfSignedCert", "docker-host"],
  "docker-host-ssh-key": ["tls:index/privateKey:PrivateKey", "docker-host"],
  "docker-host-vm": ["azure-native:compute:VirtualMachine", "docker-host"],
  "docker-host-prepare": ["azure-native:compute:VirtualMachineExtension", "docker-host"],
  "docker-host-docker": ["azure-native:compute:VirtualMachineExtension", "docker-host"],
};

const ROOT = join(__dirname, "../..");

/** The rehearsal's command line, as a person types it. */
function rehearsalCommand(args: string[]): string[] {
  return [process.execPath, "--require", "./register.cjs", "rehearsal/cli.ts", ...args, "--provider", "stand-in"];
}

/** Runs the rehearsal's command line. */
export function runRehearsal(args: string[]): Outcome {
  return run(rehearsalCommand(args), { cwd: ROOT });
}

/** Starts the command line, and cuts it off after some milliseconds, or when it prints the given text. */
export async function killRehearsal(args: string[], when: number | string): Promise<void> {
  const started = start(rehearsalCommand(args), { cwd: ROOT, detached: true });
  const exited = once(started.process, "exit");
  const said = new Promise<void>((resolve) => {
    started.process.stdout?.on("data", () => {
      if (typeof when === "string" && started.printed().includes(when)) resolve();
    });
  });
  await Promise.race([typeof when === "number" ? sleep(when) : said, exited]);
  assert.equal(started.process.exitCode, null, `it goes on until ${when}: ${started.printed()}`);
  cutOff(started);
  await exited;
}
