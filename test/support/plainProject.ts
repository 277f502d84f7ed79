/** The project as a person has it, in a temporary folder: the CLI, Pulumi's own launcher, TypeScript as Pulumi.yaml has it, and the same index.ts. */
import assert from "node:assert/strict";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { BehaviourSettings } from "../../rehearsal/arm/behaviour";
import { FOLDERS } from "../../rehearsal/arm/open";
import { Store } from "../../rehearsal/arm/store";
import { ensureEndpoint } from "../../rehearsal/arm/endpoint";
import { KEY_NAME, setClock, startEngineHost } from "./engineHost";
import { type Outcome, cutOff, run, start } from "./run";
import type { StateResource } from "./scratch";

const ROOT = join(__dirname, "../..");

interface State {
  checkpoint: { latest?: { resources?: StateResource[]; pending_operations?: { resource: { urn: string } }[] } };
}

/** How a run ended, and what it printed. */
export interface Ended {
  /** The exit code; null if a signal ended it. */
  status: number | null;
  output: string;
}

/** A run that goes on. */
export interface Running {
  /** Sends a signal to the engine alone, not to its plugins. */
  kill: (signal: NodeJS.Signals) => void;
  /** Kills the engine with all that it started, as a power cut would. */
  cutOff: () => void;
  /** Its output so far. */
  printed: () => string;
  ended: Promise<Ended>;
}

/** How much of a run is started anew each time, as for everybody. */
export interface PlainOptions {
  /** The key to the state's secrets, from a passphrase; without, that process has it. */
  passphrase?: boolean;
  /** The providers' plugins; without, a process that stands beside serves them all the time. */
  plugins?: boolean;
  /** The program, by the language host; without, that process serves it. */
  program?: boolean;
}

/** The commands for which the engine needs the program. */
const WITH_PROGRAM = ["up", "preview"];

/** A copy of the project with a local backend and a loopback Azure of its own, taken away after the test. */
export class PlainProject {
  readonly directory = mkdtempSync(join(tmpdir(), "azure-docker-host-plain-"));
  /** The environment of each run, beside the test's own. A test may change it between runs. */
  readonly environment: Record<string, string> = {
    PATH: [
      join(ROOT, "test/lifecycle/languageHost"),
      join(ROOT, "rehearsal/providers/bin"),
      join(ROOT, "rehearsal/providers/bin/stand-in"),
      process.env.PATH,
    ].join(":"),
    PULUMI_HOME: join(this.directory, "home"),
    PULUMI_BACKEND_URL: this.backendUrl("backend"),
    PULUMI_CONFIG_PASSPHRASE: "for this test alone",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
  private readonly project = join(this.directory, "project");
  private readonly rehearsal = join(this.directory, "rehearsal");
  private client: string | undefined;

  private constructor(test: Pick<TestContext, "after">) {
    test.after(() => {
      rmSync(this.directory, { recursive: true, force: true });
    });
    mkdirSync(join(this.directory, "backend"));
    mkdirSync(this.project);
    mkdirSync(this.rehearsal);
    setClock(this.rehearsal, {});
    for (const name of [
      "Pulumi.yaml",
      "Pulumi.dev.yaml",
      "package.json",
      "tsconfig.json",
      "register.cjs",
      "index.ts",
      "sharedCa.ts",
      "config.ts",
      "outputs.ts",
    ]) {
      copyFileSync(join(ROOT, name), join(this.project, name));
    }
    cpSync(join(ROOT, "components"), join(this.project, "components"), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(this.project, "node_modules"));
  }

  /** Makes one; of its runs, nothing that is not asked for is started anew each time. */
  static async open(
    test: Pick<TestContext, "after">,
    { passphrase = false, plugins = false, program = false }: PlainOptions = {},
  ): Promise<PlainProject> {
    const made = new PlainProject(test);
    if (!passphrase || !plugins || !program) {
      const serving = await startEngineHost(test, { directory: made.rehearsal });
      if (!plugins) Object.assign(made.environment, serving.providers);
      if (!program) made.client = serving.program;
      if (!passphrase) {
        Object.assign(made.environment, serving.keyService, { PULUMI_OPTION_SECRETS_PROVIDER: KEY_NAME });
      }
    }
    // That process serves the loopback Azure too; where there is none, one is started that ends with the folder.
    Object.assign(made.environment, await ensureEndpoint(made.rehearsal));
    return made;
  }

  /** Edits one of its files. */
  edit(file: string, change: (text: string) => string): void {
    const path = join(this.project, file);
    writeFileSync(path, change(readFileSync(path, "utf8")));
  }

  /** The URL of a local backend in the test's folder. */
  backendUrl(name: string): string {
    return `file://${join(this.directory, name)}`;
  }

  /** The resources in the loopback Azure. A change there is drift. */
  get azure(): Store {
    return new Store(join(this.rehearsal, FOLDERS.azure));
  }

  /** Lets the loopback Azure be slow or fail from now on; without settings, all goes well. */
  behave(settings: BehaviourSettings = {}): void {
    writeFileSync(join(this.rehearsal, FOLDERS.behaviour), JSON.stringify(settings));
  }

  private checkpoint(stack: string): State["checkpoint"] {
    const file = join(this.directory, "backend/.pulumi/stacks/azure-docker-host", `${stack}.json`);
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as State).checkpoint : {};
  }

  /** The resources in a stack's state, with secrets encrypted. */
  state(stack: string): StateResource[] {
    return this.checkpoint(stack).latest?.resources ?? [];
  }

  /** The names of the resources that the state of the stack "dev" says are being worked at. */
  pending(): string[] {
    const { latest } = this.checkpoint("dev");
    return (latest?.pending_operations ?? []).map(({ resource }) => resource.urn.split("::").at(-1) ?? "");
  }

  /** The files that lock the stack "dev". */
  locks(): string[] {
    const folder = join(this.directory, "backend/.pulumi/locks/organization/azure-docker-host/dev");
    return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  }

  /** Runs `pulumi` as a person does, with what is on its standard input; gives what it said. */
  pulumi(args: string[], input = "", env: NodeJS.ProcessEnv = {}): Ended {
    const { status, stdout, stderr } = this.run(["pulumi", ...this.words(args)], input, env);
    return { status, output: stdout + stderr };
  }

  private words(args: string[]): string[] {
    const served = this.client !== undefined && WITH_PROGRAM.includes(args[0] ?? "");
    return [
      ...args,
      ...(served ? ["--exec-kind", "auto.inline", "--client", this.client ?? ""] : []),
      "--non-interactive",
    ];
  }

  /** Runs `docker-host` in the project, as a person does. */
  dockerHost(args: string[], input = ""): Outcome {
    return this.run([process.execPath, join(ROOT, "client/docker-host.cjs"), ...args], input);
  }

  private run(argv: string[], input: string, more: NodeJS.ProcessEnv = {}): Outcome {
    const env = { ...process.env, ...this.environment, ...more };
    setClock(this.rehearsal, env);
    return run(argv, { cwd: this.project, input, env });
  }

  /** Starts `pulumi` and goes on. */
  start(args: string[]): Running {
    const env = { ...process.env, ...this.environment };
    setClock(this.rehearsal, env);
    const engine = start(["pulumi", ...this.words(args)], { cwd: this.project, env, detached: true });
    return {
      kill: (signal) => engine.process.kill(signal),
      cutOff: () => {
        cutOff(engine);
      },
      printed: engine.printed,
      ended: engine.ended.then(({ status }) => ({ status, output: engine.printed() })),
    };
  }

  /** The same, which must succeed. */
  ok(args: string[], input?: string): string {
    const { status, output } = this.pulumi(args, input);
    assert.equal(status, 0, output);
    return output;
  }

  /** The same, which must fail. */
  fails(args: string[], env?: NodeJS.ProcessEnv): string {
    const { status, output } = this.pulumi(args, "", env);
    assert.notEqual(status, 0, output);
    return output;
  }
}
