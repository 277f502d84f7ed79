/** Runs every layer of tests, and first gets what they need: an engine, and for real machines the system's packages and a root file system. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ensureEngine } from "../rehearsal/engine";
import { ensureRootFileSystem } from "../rehearsal/machine/rootFileSystem";
import { ensureSystemPackages, machineSupport } from "../rehearsal/machine/systemPackages";

async function main(): Promise<void> {
  const engine = await ensureEngine(print);
  const support = machineSupport();
  if (support.supported) {
    await ensureSystemPackages(print);
    await ensureSystemPackages(print, { shellcheck: "shellcheck", fish: "fish" });
    await ensureRootFileSystem(print);
  } else {
    print(`\nTHE LAYER OF REAL MACHINES IS NOT RUN: ${support.reason}\n`);
    if (process.env.CI === "true") throw new Error("in CI every layer must run");
  }
  const layers = [...(support.supported ? ["machine"] : []), "lifecycle", "processes"];
  const files = alternate(layers.map(filesOf));
  process.exitCode = [run(["--require", "sucrase/register/ts"], UNIT_LAYERS), run(["--import", "tsx"], files)].find(
    (status) => status !== 0,
  );

  function run(compiler: string[], files: string[]): number {
    const { status } = spawnSync(
      process.execPath,
      [...compiler, ...["--test", "--test-concurrency=3", "--test-timeout=900000", "--test-reporter=spec"], ...files],
      {
        stdio: ["ignore", "inherit", "inherit"],
        env: { ...process.env, PATH: [engine.directory, process.env.PATH].join(delimiter) },
      },
    );
    return status ?? 1;
  }
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
