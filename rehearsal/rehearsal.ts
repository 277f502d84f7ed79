/** A rehearsal: the program on the real engine, against the loopback Azure, in one folder. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { PulumiCommand, Stack } from "@pulumi/pulumi/automation";
import type { StackOutputs } from "../outputs";
import { FOLDERS, machinesOf, networkOf, openSubscription } from "./arm/open";
import type { Subscription } from "./arm/subscription";
import { Display, type Print } from "./display";
import { ensureEndpoint, stopEndpoint } from "./arm/endpoint";
import { type Engine, ensureEngine } from "./engine/engine";
import { STACK_NAME, filesOf } from "./files";
import { mustRun } from "./system/command";
import { writePrivately } from "./system/privateFile";
import { dockerClient, ensureRootFileSystem } from "./machine/rootFileSystem";
import { ensureSystemPackages, machineSupport } from "./machine/systemPackages";
import { type Provider, chooseProvider } from "./providers/choice";
import { type Recovery, recover, removeUnrecorded } from "./recovery";

const PROJECT = resolve(__dirname, "..");
const PROJECT_NAME = "azure-docker-host";
const DOCKER_HOST = join(PROJECT, "client/docker-host.cjs");

/** The settings that the program takes encrypted alone. */
const SECRET_SETTINGS = ["adminPassword", "caPrivateKeyPem"];

/** Options of a rehearsal. */
export interface RehearsalOptions {
  /** The folder that holds all of it; made if it is not there. Several stacks may be in it, of one Azure and one network. */
  directory: string;
  /** The stack. Defaults to "rehearsal". */
  stack?: string;
  /** Whether VMs are real machines. Where they can't be, the rehearsal says why and runs without them. */
  machines: boolean;
  /** Which azure-native serves it; by default the real plugin where it can be had, else the stand-in. */
  provider?: Provider;
  /** Takes the lines that tell what is done. */
  print: Print;
  /** Takes the engine's events as well. */
  onEvent?: OnEvent;
  /** Settings of the stack, by their names in `pulumi config set --path`; they stay from one run to the next, secrets encrypted. */
  config?: Record<string, string>;
  /** More environment variables for the engine; for tests. */
  environment?: Record<string, string>;
  /** The secrets provider of a new stack, such as "hashivault://key"; a passphrase of this rehearsal's own by default. */
  secretsProvider?: string;
}

/** How many resources an operation created, updated, replaced, deleted, or left as they were. */
export type Changes = Record<string, number>;

/** An open rehearsal. */
export class Rehearsal {
  private constructor(
    readonly directory: string,
    /** The root file system of its machines; absent without machines. */
    readonly rootFileSystem: string | undefined,
    /** The environment of everything that the engine starts, and of a person who uses the stack. */
    readonly environment: Record<string, string>,
    readonly subscription: Subscription,
    /** The stack's name. */
    readonly stackName: string,
    private readonly stack: Stack,
    private readonly recovery: Recovery,
    private readonly print: Print,
    private readonly onEvent: OnEvent = () => undefined,
  ) {}

  /**
   * Gets everything that a rehearsal needs, and recovers from a run that was cut off.
   *
   * @throws if something can't be had, if the stack's name is invalid, or if another run in this folder hasn't ended.
   */
  static async open(options: RehearsalOptions): Promise<Rehearsal> {
    const { print, stack: stackName = STACK_NAME } = options;
    if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(stackName)) {
      throw new Error(
        `--stack must be 1 to 40 lower-case letters, digits and hyphens (got ${JSON.stringify(stackName)})`,
      );
    }
    const directory = resolve(options.directory);
    const withMachines = options.machines && supported(print);
    const [{ engine, command }, rootFileSystem] = await Promise.all([
      engineAndCommand(print),
      withMachines ? ensureSystemPackages(print).then(() => ensureRootFileSystem(print)) : undefined,
    ]);
    const files = filesOf(directory, stackName);
    for (const folder of [files.backend, files.home, files.project])
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    copyFileSync(join(PROJECT, "Pulumi.yaml"), join(files.project, "Pulumi.yaml"));
    if (!existsSync(files.passphrase)) writePrivately(files.passphrase, randomBytes(24).toString("base64"));
    if (rootFileSystem !== undefined) provideDocker(files.commands, rootFileSystem);
    if (!existsSync(files.stackFile)) writePrivately(files.stackFile, firstConfig(directory, withMachines));

    const chosen = await chooseProvider({ ...(options.provider && { wanted: options.provider }) });
    print(chosen.notice);
    const environment = {
      PATH: [chosen.folder, join(__dirname, "providers/bin"), engine.directory, process.env.PATH, files.commands].join(
        ":",
      ),
      PULUMI_HOME: files.home,
      // Without files for metadata: the engine does not write those whole or not at all, and one that is cut off hides the state.
      PULUMI_BACKEND_URL: `file://${files.backend}?metadata=skip`,
      PULUMI_CONFIG_PASSPHRASE: readFileSync(files.passphrase, "utf8"),
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      DOCKER_CONFIG: files.dockerConfig,
      ...(await ensureEndpoint(directory, rootFileSystem)),
      ...options.environment,
    };
    const subscription = openSubscription(directory, rootFileSystem);
    const recovery: Recovery = {
      backend: files.backend,
      projectName: PROJECT_NAME,
      stackName,
      subscription,
      print,
      pulumi: (args) =>
        mustRun([engine.path, ...args, "--stack", stackName, "--non-interactive"], {
          cwd: files.project,
          env: { ...process.env, ...environment },
          isSecret: args.includes("--show-secrets"),
        }),
    };
    await recover(recovery);

    const { LocalWorkspace } = await import("@pulumi/pulumi/automation/index.js");
    const stack = await LocalWorkspace.createOrSelectStack(
      { stackName, projectName: PROJECT_NAME, program },
      {
        workDir: files.project,
        envVars: environment,
        pulumiCommand: command,
        ...(options.secretsProvider !== undefined && { secretsProvider: options.secretsProvider }),
      },
    );
    // After each operation the Automation API asks the CLI three times for what the events have said, or nobody wants.
    stack.info = () => Promise.resolve(undefined);
    stack.outputs = () => Promise.resolve({});
    // One command for all names, and one for all paths.
    for (const isPath of [false, true]) {
      const settings = Object.entries(options.config ?? {})
        .filter(([name]) => /[.[]/.test(name) === isPath)
        .map(([name, value]) => [name, { value, secret: SECRET_SETTINGS.includes(name) }] as const);
      if (settings.length > 0) await stack.setAllConfig(Object.fromEntries(settings), isPath);
    }
    return new Rehearsal(
      directory,
      rootFileSystem,
      environment,
      subscription,
      stackName,
      stack,
      recovery,
      print,
      options.onEvent,
    );
  }

  /** Shows what `up` would do; changes nothing. */
  async preview(): Promise<Changes> {
    return this.operate((options) => this.stack.preview(options));
  }

  /** Makes the stack what the program says. */
  async up(): Promise<{ changes: Changes; outputs: StackOutputs }> {
    await removeUnrecorded(this.recovery);
    const changes = await this.operate((options) => this.stack.up(options));
    const outputs = await this.outputs();
    if (!outputs) throw new Error("the stack has no outputs");
    return { changes, outputs };
  }

  /** Reads what is there, and takes it into the state. */
  async refresh(): Promise<Changes> {
    return this.operate((options) => this.stack.refresh(options));
  }

  /** Takes the stack's resources away, the machine too; the last stack to go takes the network along. */
  async destroy(): Promise<Changes> {
    const changes = await this.operate((options) => this.stack.destroy(options));
    // The engine takes away what the state has.
    await removeUnrecorded(this.recovery);
    if (this.subscription.store.list().length === 0) await sweep(this.directory);
    return changes;
  }

  /** Runs an operation of the engine and shows it. */
  private async operate(operation: (options: { onEvent: OnEvent }) => Promise<unknown>): Promise<Changes> {
    const display = new Display(this.print);
    let changes: Changes = {};
    const onEvent: OnEvent = (event) => {
      display.onEvent(event);
      this.onEvent(event);
      if (event.summaryEvent) changes = event.summaryEvent.resourceChanges;
    };
    await unlessRejected(operation({ onEvent }));
    return changes;
  }

  /** The stack's outputs, secrets in plain text; undefined before the first `up`. */
  async outputs(): Promise<StackOutputs | undefined> {
    const printed = await this.recovery.pulumi(["stack", "output", "--json", "--show-secrets"]);
    const outputs = JSON.parse(printed) as Partial<StackOutputs>;
    return outputs.dockerHost === undefined ? undefined : (outputs as StackOutputs);
  }

  /** Runs `docker-host` or another command as a person does who uses the stack, in its project; gives its exit code. */
  runAsClient(command: string, args: string[]): number {
    const [file, ...words] = command === "docker-host" ? [process.execPath, DOCKER_HOST, ...args] : [command, ...args];
    const options = { cwd: filesOf(this.directory).project, env: { ...process.env, ...this.environment } };
    const { status, error } = spawnSync(file, words, { ...options, stdio: ["ignore", "inherit", "inherit"] });
    if (error) throw error;
    return status ?? 1;
  }
}

type OnEvent = Display["onEvent"];

/** The engine and its command, by the PATH that they were found with: to look takes a while, and a process may have many rehearsals. */
const engines = new Map<string | undefined, Promise<{ engine: Engine; command: PulumiCommand }>>();

function engineAndCommand(print: Print): Promise<{ engine: Engine; command: PulumiCommand }> {
  const find = async (): Promise<{ engine: Engine; command: PulumiCommand }> => {
    const engine = await ensureEngine(print);
    const { PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
    const command = await PulumiCommand.get(engine.source === "PATH" ? {} : { root: dirname(engine.directory) });
    return { engine, command };
  };
  const path = process.env.PATH;
  const found = engines.get(path) ?? find();
  engines.set(path, found);
  found.catch(() => engines.delete(path));
  return found;
}

/** The docker command of the machines' package, for a computer that has none of its own. */
function provideDocker(folder: string, rootFileSystem: string): void {
  const link = join(folder, "docker");
  mkdirSync(folder, { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(dockerClient(rootFileSystem), link);
}

/** Removes everything of a rehearsal outside of its folder, and its clients' certificates and contexts. */
export async function sweep(directory: string): Promise<void> {
  const root = resolve(directory);
  await stopEndpoint(root);
  if (existsSync(join(root, FOLDERS.network))) await machinesOf(root, "").removeAll();
  rmSync(join(root, FOLDERS.network), { force: true });
  const { clients, dockerConfig } = filesOf(root);
  for (const folder of [clients, dockerConfig]) rmSync(folder, { recursive: true, force: true });
}

/** The program, loaded when the engine asks for it: nothing else of a rehearsal needs azure-native. */
async function program(): Promise<Record<string, unknown>> {
  // As in Pulumi.yaml: the SDK notes where each of its promises was made, and to follow that far back takes long.
  Error.stackTraceLimit = 3;
  const declare = module.require("../index") as () => Promise<Record<string, unknown>>;
  return declare();
}

/** How long an operation may go on after the program failed in the midst of it. */
const FAILED_PROGRAM_SECONDS = 10;

/**
 * Waits for the operation. If the program fails in an `apply`, rejects with that failure after a while: inside our process,
 * the SDK would wait forever for a resource that never comes.
 */
async function unlessRejected<T>(operation: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const failure = new Promise<never>((_resolve, reject) => {
    const onRejection = (reason: unknown): void => {
      setTimeout(reject, FAILED_PROGRAM_SECONDS * 1000, reason).unref();
    };
    process.on("unhandledRejection", onRejection);
    stop.signal.addEventListener("abort", () => process.off("unhandledRejection", onRejection));
  });
  return Promise.race([operation, failure]).finally(() => {
    stop.abort();
  });
}

function supported(print: Print): boolean {
  const support = machineSupport();
  if (!support.supported) {
    print(
      `NO REAL MACHINES: ${support.reason}. Only the control plane is rehearsed: nothing is installed, and no daemon answers.`,
    );
  }
  return support.supported;
}

/** The stack file of a new rehearsal: this computer alone may reach the host. */
function firstConfig(directory: string, withMachines: boolean): string {
  const source = withMachines ? networkOf(directory).subnet : "203.0.113.0/24";
  return `config:\n  azure-native:location: westeurope\n  ${PROJECT_NAME}:dockerSources:\n    - ${source}\n`;
}
