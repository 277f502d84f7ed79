/** Runs every layer of tests, and first gets what they need: an engine, and for real machines the system's packages and a root file system. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ensureEngine } from "../rehearsal/engine";
import { ensureRootFileSystem } from "../rehearsal/machine/rootFileSystem";
import { ensureSystemPackages, machineSupport } from "../rehearsal/machine/systemPackages";
import { makeOwnFolder, removeFolder, removeStaleFolders } from "./support/ownFolder";

async function main(): Promise<void> {
  const engine = await ensureEngine(print);
  const support = machineSupport();
  if (support.supported) {
    await ensureSystemPackages(print);
    await ensureSystemPackages(print, { shellcheck: "shellcheck", fish: "fish", pip3: "python3-pip" });
    await ensureRootFileSystem(print);
  } else {
    print(`\nTHE LAYER OF REAL MACHINES IS NOT RUN: ${support.reason}\n`);
    if (process.env.CI === "true") throw new Error("in CI every layer must run");
  }
  await removeStaleFolders();
  const layers = [...(support.supported ? ["machine"] : []), "lifecycle", "processes"];
  const files = alternate(layers.map(filesOf));
  const folder = makeOwnFolder();
  try {
    const results = [
      await run(["--require", "sucrase/register/ts"], UNIT_LAYERS),
      await run(["--import", "tsx"], files),
    ];
    process.exitCode = results.find((status) => status !== 0) ?? 0;
  } finally {
    await removeFolder(folder);
  }

  /** Runs the files' tests, unless somebody has said that it is enough. */
  async function run(compiler: string[], files: string[]): Promise<number> {
    if (stopped !== undefined) return 1;
    const child = spawn(
      process.execPath,
      [...compiler, ...["--test", "--test-concurrency=3", "--test-timeout=900000", "--test-reporter=spec"], ...files],
      {
        stdio: ["ignore", "inherit", "inherit"],
        env: { ...process.env, TMPDIR: folder, PATH: [engine.directory, process.env.PATH].join(delimiter) },
      },
    );
    current = child;
    const [status] = (await once(child, "exit")) as [number | null];
    return status ?? 1;
  }
}

/** What runs the tests now, and the signal to end it. What they leave is taken away before this process ends. */
let current: ChildProcess | undefined;
let stopped: NodeJS.Signals | undefined;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    stopped = signal;
    current?.kill(signal);
  });
}

/** Those that need nothing but Node; each runs in one process. */
const UNIT_LAYERS = ["rehearsal", "unit", "mocks"].map((name) => join(__dirname, `${name}.ts`));

function filesOf(layer: string): string[] {
  return readdirSync(join(__dirname, layer))
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join(__dirname, layer, name));
}

/** One of each layer in turn: real machines wait much, and engines compute while they do. */
function alternate(layers: string[][]): string[] {
  const longest = Math.max(...layers.map(({ length }) => length));
  return Array.from({ length: longest }, (_, index) => layers.flatMap((files) => files[index] ?? [])).flat();
}

function print(line: string): void {
  console.log(line);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
