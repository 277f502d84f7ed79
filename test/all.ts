/**
 * Runs every layer of tests; with `--sample`, a sample of the long tables. First it gets what they need: an engine, and for
 * real machines the system's packages, a root file system and Microsoft's `az`.
 */
import { readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { ensureEngine } from "../rehearsal/engine/engine";
import { ensureRootFileSystem } from "../rehearsal/machine/rootFileSystem";
import { ensureSystemPackages, machineSupport } from "../rehearsal/machine/systemPackages";
import { ensureAzureCli } from "./support/azureCli";
import { makeOwnFolder, removeFolder, removeStaleFolders } from "./support/ownFolder";
import { LEFT_OUT, SAMPLE, SAMPLE_VARIABLE } from "./support/sample";

const isSample = process.argv.includes("--sample");

async function main(): Promise<void> {
  const engine = await ensureEngine(print);
  const support = machineSupport();
  if (support.supported) {
    await ensureSystemPackages(print);
    await ensureSystemPackages(print, { shellcheck: "shellcheck", fish: "fish", pip3: "python3-pip" });
    await ensureRootFileSystem(print);
    await ensureAzureCli(print);
  } else {
    print(`\nTHE LAYER OF REAL MACHINES IS NOT RUN: ${support.reason}\n`);
    if (process.env.CI === "true") throw new Error("in CI every layer must run");
  }
  await removeStaleFolders();
  const folder = makeOwnFolder();
  Object.assign(process.env, {
    TMPDIR: folder,
    PATH: [engine.directory, process.env.PATH].join(delimiter),
    // The engine lives too short to have to sweep up its memory.
    GOGC: "400",
    ...(isSample && { [SAMPLE_VARIABLE]: SAMPLE }),
  });
  const layers = [...(support.supported ? ["machine"] : []), "lifecycle", "processes"];
  try {
    await runFiles(UNIT_LAYERS);
    await runFiles(longestFirst(alternate(layers.map(filesOf))));
  } finally {
    await removeFolder(folder);
  }
  if (leftOut.size > 0) print(`Left out, and run by npm run test:all: ${[...leftOut].join("; ")}`);
}

/** The cases that a sample leaves out, in the tests' words. */
const leftOut = new Set<string>();

function noteLeftOut(message: unknown): void {
  if (typeof message === "string" && message.startsWith(LEFT_OUT)) leftOut.add(message.slice(LEFT_OUT.length));
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    process.exitCode = 1;
    stop.abort();
  });
}

/** Runs the files, in the order that is given: three at a time, each in a process that is started as this one was. */
async function runFiles(files: string[]): Promise<void> {
  const tests = run({ files, concurrency: 3, timeout: 900_000, signal: stop.signal });
  tests.on("test:fail", () => {
    process.exitCode = 1;
  });
  tests.on("test:diagnostic", ({ message }) => {
    noteLeftOut(message);
  });
  tests.on("test:pass", ({ skip }) => {
    noteLeftOut(skip);
  });
  await pipeline(tests, new spec(), process.stdout, { end: false });
}

/** The layers that need nothing but Node. Each runs in one process. */
const UNIT_LAYERS = ["rehearsal", "unit", "mocks"].map((name) => join(__dirname, `${name}.ts`));

function filesOf(layer: string): string[] {
  return readdirSync(join(__dirname, layer))
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join(__dirname, layer, name));
}

/** The files that take longest, which must not begin last. */
const LONGEST = ["machine/workflows", "machine/events", "lifecycle/faults", "lifecycle/kills"];

function longestFirst(files: string[]): string[] {
  const rank = (file: string): number => {
    const index = LONGEST.findIndex((name) => file.endsWith(`${name}.test.ts`));
    return index === -1 ? LONGEST.length : index;
  };
  return [...files].sort((one, other) => rank(one) - rank(other));
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
