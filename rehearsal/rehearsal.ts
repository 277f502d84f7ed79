/** A rehearsal: the program on the real engine, against the loopback Azure, in one folder. */
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { OutputMap, Stack } from "@pulumi/pulumi/automation";
import type { StackOutputs } from "../outputs";
import { ENVIRONMENT, FOLDERS, machinesOf, networkOf, openSubscription } from "./azure/open";
import type { Subscription } from "./azure/subscription";
import { Display, type Print } from "./display";
import { ensureEngine } from "./engine";
import { STACK_NAME, filesOf, writePrivately } from "./files";
import { ensureRootFileSystem } from "./machine/rootFileSystem";
import { ensureSystemPackages, machineSupport } from "./machine/systemPackages";
import { type Recovery, recover, removeUnrecorded, runQuietly } from "./recovery";

const PROJECT = resolve(__dirname, "..");
const PROJECT_NAME = "azure-docker-host";

/** The settings that the program takes encrypted alone. */
const SECRET_SETTINGS = ["adminPassword", "caPrivateKeyPem"];

/** What a rehearsal is to be. */
export interface RehearsalOptions {
  /** The folder that holds all of it; made if it is not there. */
  directory: string;
  /** Whether virtual machines are real ones. Where they can't be, the rehearsal says why and goes on without. */
  machines: boolean;
  /** Takes the lines that tell what is done. */
  print: Print;
  /** Settings of the stack, by their names in `pulumi config set --path`; they stay from one run to the next, secrets encrypted. */
  config?: Record<string, string>;
}

/** How many resources an operation created, updated, replaced, deleted, or left as they were. */
export type Changes = Record<string, number>;

/** An open rehearsal. */
export class Rehearsal {
  private constructor(
    readonly directory: string,
    /** The root file system of its machines; absent without machines. */
    readonly rootFileSystem: string | undefined,
    /** The environment of everything that the engine starts. */
    readonly environment: Record<string, string>,
    readonly subscription: Subscription,
    private readonly stack: Stack,
    private readonly recovery: Recovery,
    private readonly print: Print,
  ) {}

  /**
   * Gets whatever a rehearsal needs, and completes what a run that was cut off left half done.
   *
   * @throws what can't be had, or that another run goes on in this folder.
   */
  static async open(options: RehearsalOptions): Promise<Rehearsal> {
    const { print } = options;
    const directory = resolve(options.directory);
    const withMachines = options.machines && supported(print);
    const [engine, rootFileSystem] = await Promise.all([
      ensureEngine(print),
      withMachines ? ensureSystemPackages(print).then(() => ensureRootFileSystem(print)) : undefined,
    ]);
    const files = filesOf(directory);
    for (const folder of [files.backend, files.home, files.project])
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    copyFileSync(join(PROJECT, "Pulumi.yaml"), join(files.project, "Pulumi.yaml"));
    if (!existsSync(files.passphrase)) writePrivately(files.passphrase, randomBytes(24).toString("base64"));
    if (!existsSync(files.stackFile)) writePrivately(files.stackFile, firstConfig(directory, withMachines));

    const environment = {
      PATH: [join(__dirname, "providers/bin"), engine.directory, process.env.PATH].join(":"),
      PULUMI_HOME: files.home,
      // Without files for metadata: the engine does not write those whole or not at all, and one that is cut off hides the state.
      PULUMI_BACKEND_URL: `file://${files.backend}?metadata=skip`,
      PULUMI_CONFIG_PASSPHRASE: readFileSync(files.passphrase, "utf8"),
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      [ENVIRONMENT.directory]: directory,
      ...(rootFileSystem !== undefined && { [ENVIRONMENT.rootFileSystem]: rootFileSystem }),
    };
    const subscription = openSubscription(environment);
    const recovery: Recovery = {
      backend: files.backend,
      projectName: PROJECT_NAME,
      stackName: STACK_NAME,
      subscription,
      print,
      pulumi: (args) =>
        runQuietly(engine.path, [...args, "--stack", STACK_NAME, "--non-interactive"], {
          cwd: files.project,
          env: { ...process.env, ...environment },
        }),
    };
    await recover(recovery);

    const { LocalWorkspace, PulumiCommand } = await import("@pulumi/pulumi/automation/index.js");
    const stack = await LocalWorkspace.createOrSelectStack(
      { stackName: STACK_NAME, projectName: PROJECT_NAME, program },
      {
        workDir: files.project,
        envVars: environment,
        pulumiCommand: await PulumiCommand.get(engine.source === "PATH" ? {} : { root: dirname(engine.directory) }),
      },
    );
    for (const [name, value] of Object.entries(options.config ?? {})) {
      await stack.setConfig(name, { value, secret: SECRET_SETTINGS.includes(name) }, /[.[]/.test(name));
    }
    return new Rehearsal(directory, rootFileSystem, environment, subscription, stack, recovery, print);
  }

  /** Shows what `up` would do; changes nothing. */
  async preview(): Promise<Changes> {
    return (await unlessRejected(this.stack.preview({ onEvent: new Display(this.print).onEvent }))).changeSummary;
  }

  /** Makes the stack what the program says, and writes the client's certificates. */
  async up(): Promise<{ changes: Changes; outputs: StackOutputs }> {
    await removeUnrecorded(this.recovery);
    const result = await unlessRejected(this.stack.up({ onEvent: new Display(this.print).onEvent }));
    const outputs = plainOutputs(result.outputs);
    if (!outputs) throw new Error("the stack has no outputs");
    this.writeClient(outputs);
    return { changes: result.summary.resourceChanges ?? {}, outputs };
  }

  /** Reads what is there, and takes it into the state. */
  async refresh(): Promise<Changes> {
    return (await this.stack.refresh({ onEvent: new Display(this.print).onEvent })).summary.resourceChanges ?? {};
  }

  /** Takes all of it away: the stack's resources, every machine, the network, the client's certificates. */
  async destroy(): Promise<Changes> {
    const result = await this.stack.destroy({ onEvent: new Display(this.print).onEvent });
    // The engine takes away what the state has.
    await removeUnrecorded(this.recovery);
    await sweep(this.directory);
    return result.summary.resourceChanges ?? {};
  }

  /** The stack's outputs, secrets in plain text; undefined before the first `up`. */
  async outputs(): Promise<StackOutputs | undefined> {
    return plainOutputs(await this.stack.outputs());
  }

  /** The docker command with the arguments that make it a client of this host. */
  dockerCommand(outputs: StackOutputs): { command: string; args: string[] } {
    const { client, dockerConfig } = filesOf(this.directory);
    const pem = (name: string): string => join(client, `${name}.pem`);
    // The name is Azure's to resolve; the address is in the certificate too.
    const host = outputs.dockerHost.replace(outputs.fqdn ?? "", outputs.publicIpAddress ?? "");
    const onPath = (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, "docker")));
    return {
      command: onPath ? "docker" : join(this.rootFileSystem ?? "", "usr/bin/docker"),
      args: [
        ...["--config", dockerConfig, "--tlsverify"],
        ...["--tlscacert", pem("ca"), "--tlscert", pem("cert"), "--tlskey", pem("key")],
        ...["--host", host],
      ],
    };
  }

  private writeClient(outputs: StackOutputs): void {
    const { client } = filesOf(this.directory);
    writePrivately(join(client, "ca.pem"), outputs.caCert);
    writePrivately(join(client, "cert.pem"), outputs.clientCert ?? "");
    writePrivately(join(client, "key.pem"), outputs.clientKey ?? "");
  }
}

/** Takes away what a rehearsal left on this computer beside its own folder, and the client's certificates. */
export async function sweep(directory: string): Promise<void> {
  const root = resolve(directory);
  if (existsSync(join(root, FOLDERS.network))) await machinesOf(root, "").removeAll();
  rmSync(join(root, FOLDERS.network), { force: true });
  rmSync(filesOf(root).client, { recursive: true, force: true });
}

/** The program, loaded when the engine asks for it: nothing else of a rehearsal needs azure-native. */
async function program(): Promise<Record<string, unknown>> {
  const { default: declare } = (await import("../index.js")) as unknown as {
    default: () => Promise<Record<string, unknown>>;
  };
  return declare();
}

/** How long an operation may go on after the program failed in the midst of it. */
const FAILED_PROGRAM_SECONDS = 10;

/**
 * What the operation gives; or, if the program fails in an `apply`, that failure after a while: the SDK, inside a process
 * of ours, would wait for ever for what depends on the resource that never came.
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

function plainOutputs(outputs: OutputMap): StackOutputs | undefined {
  if (outputs.dockerHost === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(outputs).map(([name, output]) => [name, output.value as unknown]),
  ) as unknown as StackOutputs;
}
