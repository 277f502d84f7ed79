/** Starts a program as Pulumi's language host does, on the small engine, and measures it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { LAUNCHER, type Monitor, STACK } from "./monitor";

export const ROOT = resolve(__dirname, "..");

/** Everything that the measurements write, in a folder that git ignores. */
export const SCRATCH = join(ROOT, ".rehearsal", "bench");

/** A program to start. */
export interface Program {
  /** Its folder. */
  directory: string;
  /** Whether the launcher is to see to TypeScript, which is Pulumi's default. */
  typescript: boolean;
  /** Node's own arguments, as in `runtime.options.nodeargs`. */
  nodeArguments?: string[];
  config: Record<string, string>;
}

export interface Measured {
  /** From the start of the process to its last resource. */
  seconds: number;
  mebibytes: number;
  /** The types of what it declared, sorted; the stack and components aside. */
  types: string[];
}

/** Thrown if a program does not come to its end: out of memory above all. */
export class Aborted extends Error {}

/** The arguments of Node's that the product's own `Pulumi.yaml` has. */
export function ownNodeArguments(): string[] {
  const [, line = ""] = /^ +nodeargs: (.*)$/m.exec(readFileSync(join(ROOT, "Pulumi.yaml"), "utf8")) ?? [];
  return line.split(" ").filter((argument) => argument !== "");
}

/** The memory and the processor time of a program's process. */
export interface Reading {
  mebibytes: number;
  processorSeconds: number;
}

/** Measures the one program that a process starts, be it by way of others. */
export class Meter {
  private readonly file = join(SCRATCH, "meter.json");
  /** To be in the process's environment. */
  readonly environment = {
    NODE_OPTIONS: `--require ${JSON.stringify(join(__dirname, "meter.cjs"))}`,
    BENCH_METER: this.file,
  };

  constructor() {
    mkdirSync(SCRATCH, { recursive: true });
    rmSync(this.file, { force: true });
  }

  read(): Reading {
    return JSON.parse(readFileSync(this.file, "utf8")) as Reading;
  }
}

/** The compile cache of newer Node versions; see register.cjs. */
const COMPILE_CACHE = join(ROOT, "node_modules/.cache/node");

/** Forgets what was kept for the next run of a program: a new machine. */
export function forget(temporary: string): void {
  for (const folder of [temporary, COMPILE_CACHE]) rmSync(folder, { recursive: true, force: true });
}

/**
 * Runs a program's preview. In the temporary folder, ts-node keeps what it made of each file that it compiled: a new one
 * stands for a new machine or an edited program, one that a run left for the next run of the same program.
 */
export async function launch(program: Program, monitor: Monitor, temporary: string): Promise<Measured> {
  mkdirSync(temporary, { recursive: true });
  const meter = new Meter();
  monitor.reset();
  const config = Object.entries(program.config).map(([name, value]) => [name.replace(":", ":config:"), value]);
  const start = performance.now();
  const child = spawn(
    process.execPath,
    [
      ...(program.nodeArguments ?? []),
      LAUNCHER,
      ...["--monitor", monitor.address, "--engine", monitor.address],
      ...["--project", STACK.project, "--stack", STACK.stack, "--organization", "organization"],
      ...["--root-directory", program.directory, "--pwd", program.directory, "--parallel", "32"],
      ...["--dry-run", "."],
    ],
    {
      // By which Node's own arguments name files, as the language host has it.
      cwd: ROOT,
      // Not what this process was started with: no loader of ours, no cache.
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        TMPDIR: temporary,
        ...meter.environment,
        PULUMI_CONFIG: JSON.stringify(Object.fromEntries(config)),
        ...(program.typescript && { PULUMI_NODEJS_TYPESCRIPT: "true" }),
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [status] = (await once(child, "close")) as [number | null];
  const { types, lastAt, complaints } = monitor.declared;
  if (status !== 0)
    throw new Aborted(`${program.directory} ended with ${String(status)}\n${complaints.join("\n")}${output}`);
  return {
    seconds: (lastAt - start) / 1000,
    mebibytes: meter.read().mebibytes,
    types: types.filter((type) => !/^(pulumi:pulumi:|azure-docker-host:)/.test(type)).sort(),
  };
}
