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
  const layers = ["unit", "processes", "lifecycle", ...(support.supported ? ["machine"] : [])];
  const files = layers.flatMap((layer) =>
    readdirSync(join(__dirname, layer))
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => join(__dirname, layer, name)),
  );
  const { status } = spawnSync(
    process.execPath,
    ["--import", "tsx", "--test", "--test-concurrency=2", "--test-timeout=900000", "--test-reporter=spec", ...files],
    {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, PATH: [engine.directory, process.env.PATH].join(delimiter) },
    },
  );
  process.exitCode = status ?? 1;
}

function print(line: string): void {
  console.log(line);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
