/** How long a program takes to load, and how much memory: from the start of Pulumi's launcher to the last resource. */
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as ts from "typescript";
import { type Measured, type Program, ROOT, SCRATCH, forget, launch, ownNodeArguments } from "./launch";
import { startMonitor } from "./monitor";
import type { Figure, Part } from "./report";

const CONFIG = {
  "azure-native:location": "westeurope",
  "azure-docker-host:dockerSources": '["203.0.113.0/24"]',
};

const USUAL_CONFIG = { "azure-native:location": "westeurope", "azure-docker-host:hosts": "1" };

/** The product as plain JavaScript, as a build step would leave it. */
function precompile(): string {
  const directory = join(SCRATCH, "precompiled");
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(join(directory, "components"), { recursive: true });
  cpSync(join(ROOT, "components"), join(directory, "components"), {
    recursive: true,
    filter: (path) => !path.endsWith(".ts"),
  });
  const components = readdirSync(join(ROOT, "components"), { recursive: true, encoding: "utf8" });
  const sources = [...readdirSync(ROOT), ...components.map((name) => `components/${name}`)];
  for (const source of sources.filter((name) => name.endsWith(".ts"))) {
    const { outputText } = ts.transpileModule(readFileSync(join(ROOT, source), "utf8"), {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, esModuleInterop: true },
    });
    writeFileSync(join(directory, source.replace(/ts$/, "js")), outputText);
  }
  writeFileSync(join(directory, "package.json"), '{ "name": "azure-docker-host", "main": "index.js" }\n');
  return directory;
}

/** A program that does nothing but load the SDK and declare one component without anything in it. */
function floor(): string {
  const directory = join(SCRATCH, "floor");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), '{ "name": "azure-docker-host", "main": "index.js" }\n');
  writeFileSync(
    join(directory, "index.js"),
    'const { ComponentResource } = require("@pulumi/pulumi");\nnew ComponentResource("bench:index:Nothing", "nothing");\n',
  );
  return directory;
}

/** Measures all sides in turn, `runs` times. */
export async function load(runs: number): Promise<Part> {
  const programs = {
    own: { directory: ROOT, typescript: false, nodeArguments: ownNodeArguments(), config: CONFIG },
    usual: { directory: join(ROOT, "bench/programs/usual"), typescript: true, config: USUAL_CONFIG },
    precompiled: {
      directory: precompile(),
      typescript: false,
      nodeArguments: ownNodeArguments(),
      config: CONFIG,
    },
    floor: { directory: floor(), typescript: false, config: CONFIG },
  } satisfies Record<string, Program>;
  type Name = keyof typeof programs;
  const names = Object.keys(programs) as Name[];
  const first: Record<Name, Measured[]> = { own: [], usual: [], precompiled: [], floor: [] };
  const again: Record<Name, Measured[]> = { own: [], usual: [], precompiled: [], floor: [] };
  const monitor = await startMonitor();
  try {
    // The first run of each has the disk's caches to fill, which is not what is measured.
    for (let run = -1; run < runs; run++) {
      for (const name of names) {
        const temporary = join(SCRATCH, "temporary", "load", name);
        forget(temporary);
        for (const measured of [first, again]) {
          const result = await launch(programs[name], monitor, temporary);
          if (run >= 0) measured[name].push(result);
        }
      }
      const declared = [first, again].flatMap(({ usual, precompiled, own }) => [usual, precompiled, own]);
      const different = declared.find((side) => side.at(-1)?.types.join() !== first.own.at(-1)?.types.join());
      if (different) throw new Error("the sides don't declare the same resources");
    }
  } finally {
    monitor.close();
    rmSync(join(SCRATCH, "temporary", "load"), { recursive: true, force: true });
  }

  const values = (side: Measured[], what: "seconds" | "mebibytes"): number[] => side.map((each) => each[what]);
  const ratios = (above: Measured[], below: Measured[], what: "seconds" | "mebibytes"): number[] =>
    above.map((each, run) => each[what] / (below[run]?.[what] ?? NaN));
  const absolute = (name: string, side: Measured[]): Figure[] => [
    { name: `${name}: time`, unit: " s", values: values(side, "seconds") },
    { name: `${name}: memory`, unit: " MiB", digits: 0, values: values(side, "mebibytes") },
  ];
  return {
    name: "load",
    title: "Load",
    notes: [],
    figures: [
      {
        name: "usual way / this program, time",
        values: ratios(first.usual, first.own, "seconds"),
        target: { atLeast: 5 },
      },
      {
        name: "usual way / this program, memory",
        values: ratios(first.usual, first.own, "mebibytes"),
        target: { atLeast: 4.5 },
      },
      {
        name: "this program / precompiled, time",
        values: ratios(first.own, first.precompiled, "seconds"),
        target: { atMost: 1.2 },
      },
      {
        name: "again: this program / precompiled, time",
        values: ratios(again.own, again.precompiled, "seconds"),
        target: { atMost: 1.2 },
      },
      { name: "again: usual way / this program, time", values: ratios(again.usual, again.own, "seconds") },
      { name: "this program / the SDK alone, time", values: ratios(first.own, first.floor, "seconds") },
      ...absolute("this program", first.own),
      ...absolute("usual way", first.usual),
      ...absolute("precompiled", first.precompiled),
      ...absolute("the SDK alone", first.floor),
      { name: "again: this program: time", unit: " s", values: values(again.own, "seconds") },
      { name: "again: usual way: time", unit: " s", values: values(again.usual, "seconds") },
    ],
  };
}
