/**
 * Measures what this project promises of its speed; see docs/performance.md, which it writes.
 *
 *     npm run bench -- [load] [growth] [up] [machine] [--quick]
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { growth } from "./growth";
import { ROOT } from "./launch";
import { load } from "./load";
import { machine } from "./machine";
import { type Part, measureUntilJudged, plot, replaceSection, table, verdictOf } from "./report";
import { up } from "./up";

interface Options {
  quick: boolean;
  runs?: number;
  sizes?: number[];
  largest?: number;
  scale?: number;
  write: boolean;
}

/** How often a part is measured at most: again only while noise hides whether a figure meets its target. */
const MOST_TIMES = 4;

/** The parts in the order in which they are measured. */
const PARTS: Record<string, (options: Options) => Promise<Part[]>> = {
  load: async ({ quick, runs = quick ? 1 : 5 }) => [await load(runs)],
  growth: async ({
    quick,
    runs = quick ? 1 : 3,
    sizes = quick ? [1, 10, 20] : [1, 10, 30, 100],
    largest = quick ? 0 : 500,
  }) => [await growth(runs, sizes, largest)],
  up: async ({ quick, runs = quick ? 1 : 3, scale = quick ? 0.02 : undefined }) => up(runs, scale),
  machine: async ({ quick, runs = quick ? 1 : 5 }) => {
    const part = await machine(runs);
    return part ? [part] : [];
  },
};

function number(text: string): number {
  const value = Number(text);
  if (!(value >= 0)) throw new InvalidArgumentError("a number is wanted");
  return value;
}

async function main(): Promise<void> {
  const command = new Command("npm run bench --")
    .argument("[parts...]", `which parts: ${Object.keys(PARTS).join(", ")}`, Object.keys(PARTS))
    .option("--quick", "small sizes and one run, to try it; docs/performance.md stays as it is", false)
    .option("--runs <number>", "how often each thing is measured before it is judged", number)
    .option("--sizes <numbers>", "growth: how many hosts", (text) => text.split(",").map(number))
    .option("--largest <number>", "growth: how many hosts must fit into the default heap; 0 leaves it out", number)
    .option("--scale <number>", "up: by what Azure's latencies are multiplied", number)
    .option("--no-write", "leave docs/performance.md as it is")
    .parse();
  const options = command.opts<Options>();
  const chosen = command.args.length === 0 ? Object.keys(PARTS) : command.args;
  const unknown = chosen.filter((name) => !(name in PARTS));
  if (unknown.length > 0)
    command.error(`no such part: ${unknown.join(", ")}; there are ${Object.keys(PARTS).join(", ")}`);

  const missed: string[] = [];
  for (const name of chosen) {
    const measure = async (): Promise<Part[]> => (await PARTS[name]?.(options)) ?? [];
    for (const part of await measureUntilJudged(measure, options.quick ? 1 : MOST_TIMES)) {
      console.log(`\n${part.title}\n\n${table(part)}\n\n${part.notes.join("\n")}`);
      missed.push(...part.figures.filter((figure) => verdictOf(figure) === "missed").map((figure) => figure.name));
      if (options.write && !options.quick) write(part);
    }
  }
  if (missed.length > 0) throw new Error(`targets missed: ${missed.join("; ")}`);
}

/** Puts the part's figures into the document, whose other texts stay. */
function write(part: Part): void {
  const file = join(ROOT, "docs/performance.md");
  const [{ model } = { model: "?" }] = cpus();
  const gibibytes = Math.round(totalmem() / 2 ** 30);
  const machine = `Read on ${cpus().length} × ${model}, ${gibibytes} GiB, ${type()} ${release()}, Node ${process.version}${inContainer()}.`;
  const text = [table(part), ...part.notes, machine].join("\n\n");
  writeFileSync(file, replaceSection(readFileSync(file, "utf8"), part.name, text));
  if (part.curves) writeFileSync(join(ROOT, "docs/performance.svg"), plot(part.curves));
}

function inContainer(): string {
  return existsSync("/.dockerenv") ? ", in a container" : "";
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
