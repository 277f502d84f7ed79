/** A stack on the real engine: what a person types, and what it takes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { ensureEngine } from "../rehearsal/engine/engine";
import { Azure, type Call } from "./azure";
import { Meter, ROOT, SCRATCH } from "./launch";
import { STACK } from "./monitor";

export type Verb = "preview" | "up" | "refresh" | "destroy";

export interface Ran {
  /** The whole command, from its start to its end. */
  seconds: number;
  /** The program's process; absent where there is none. */
  program?: { mebibytes: number; processorSeconds: number };
  calls: Call[];
}

/** One program's stack, with a backend of its own. */
export class BenchStack {
  private readonly azure = new Azure();
  private readonly home = join(SCRATCH, "home");
  private readonly backend = join(SCRATCH, "backend");

  private constructor(
    private readonly directory: string,
    private readonly engine: string,
  ) {}

  /** Makes an empty stack of a program that declares so many hosts. */
  static async open(program: "hosts" | "usual", hosts: number): Promise<BenchStack> {
    const { directory: engine } = await ensureEngine(console.error);
    const stack = new BenchStack(join(ROOT, "bench", "programs", program), engine);
    for (const folder of [stack.home, stack.backend]) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
    }
    mkdirSync(stack.temporary, { recursive: true });
    stack.removeFiles();
    symlinkSync(join(ROOT, "node_modules"), stack.modules);
    await stack.pulumi(["stack", "init", STACK.stack]);
    const salt = readFileSync(stack.stackFile, "utf8");
    writeFileSync(
      stack.stackFile,
      `${salt}config:\n  azure-native:location: westeurope\n  ${STACK.project}:hosts: ${hosts}\n`,
    );
    return stack;
  }

  private get stackFile(): string {
    return join(this.directory, `Pulumi.${STACK.stack}.yaml`);
  }

  /** The language host looks for packages beside the program. */
  private get modules(): string {
    return join(this.directory, "node_modules");
  }

  private removeFiles(): void {
    for (const file of [this.stackFile, this.modules]) rmSync(file, { force: true });
  }

  /** Where ts-node keeps what it compiled, from one stack of the program to the next. */
  private get temporary(): string {
    return join(SCRATCH, "temporary", basename(this.directory));
  }

  /** Runs one command; by default Azure answers at once. */
  async run(
    verb: Verb,
    { latencySeconds = {}, parallel }: { latencySeconds?: Record<string, number>; parallel?: number } = {},
  ): Promise<Ran> {
    const environment = await this.azure.start({ latencySeconds });
    const meter = new Meter();
    const start = performance.now();
    await this.pulumi(
      [
        verb,
        ...(verb === "preview" ? [] : ["--yes", "--skip-preview"]),
        ...(parallel === undefined ? [] : ["--parallel", parallel.toString()]),
        ...["--stack", STACK.stack],
      ],
      { ...environment, ...meter.environment },
    );
    const seconds = (performance.now() - start) / 1000;
    return {
      seconds,
      calls: this.azure.calls,
      ...(verb !== "destroy" && verb !== "refresh" && { program: meter.read() }),
    };
  }

  /** The size of the state, in bytes. */
  get stateSize(): number {
    return statSync(join(this.backend, ".pulumi", "stacks", STACK.project, `${STACK.stack}.json`)).size;
  }

  /** How many resources the loopback Azure has. */
  get azureSize(): number {
    return this.azure.size;
  }

  async close(): Promise<void> {
    await this.azure.close();
    this.removeFiles();
    for (const folder of [this.home, this.backend]) rmSync(folder, { recursive: true, force: true });
  }

  private async pulumi(args: string[], environment: Record<string, string> = {}): Promise<void> {
    const child = spawn(join(this.engine, "pulumi"), [...args, "--non-interactive"], {
      cwd: this.directory,
      env: {
        HOME: process.env.HOME,
        TMPDIR: this.temporary,
        PATH: [
          join(ROOT, "test/lifecycle/languageHost"),
          join(ROOT, "rehearsal/providers/bin"),
          join(ROOT, "rehearsal/providers/bin/stand-in"),
          this.engine,
          process.env.PATH,
        ].join(delimiter),
        PULUMI_HOME: this.home,
        PULUMI_BACKEND_URL: `file://${this.backend}?metadata=skip`,
        PULUMI_CONFIG_PASSPHRASE: "for these measurements alone",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        ...environment,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const [status] = (await once(child, "close")) as [number | null];
    if (status !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${String(status)}\n${output.slice(-3000)}`);
  }
}
