/** How time, memory and state grow with the number of hosts, and what one host more costs the usual way. */
import { join } from "node:path";
import { Aborted, type Program, ROOT, SCRATCH, launch, ownNodeArguments } from "./launch";
import { startMonitor } from "./monitor";
import { type Curve, type Figure, type Part, exponent } from "./report";
import { BenchStack, type Ran, type Verb } from "./stack";

/** Growth is read from here on: below it, what is the same for any number of hosts decides. */
const FIRST_OF_GROWTH = 10;

/** From so many hosts on, `up` and `destroy` take minutes for a state of megabytes at each step: they are run once. */
const FIRST_OF_LONG = 31;

interface Seen {
  seconds: number;
  mebibytes: number;
  processorSeconds: number;
}

function seen({ seconds, program }: Ran): Seen {
  if (!program) throw new Error("no program ran");
  return { seconds, ...program };
}

/** Measures each size `runs` times, the usual way at the largest of them only. */
export async function growth(runs: number, sizes: number[], largest: number): Promise<Part> {
  const most = Math.max(...sizes);
  const previews = new Map<number, Seen[]>(sizes.map((hosts) => [hosts, []]));
  const others = new Map<string, number[]>();
  const usual = new Map<number, Seen[]>([...sizes].map((hosts) => [hosts, []]));
  const note = (name: string, value: number): void => {
    others.set(name, [...(others.get(name) ?? []), value]);
  };
  // ts-node compiles the usual way's program once: that is measured elsewhere.
  for (const program of ["hosts", "usual"] as const) await onStack(program, 1, (stack) => stack.run("preview"));

  for (let run = 0; run < runs; run++) {
    for (const hosts of sizes) {
      await onStack("hosts", hosts, async (stack) => {
        previews.get(hosts)?.push(seen(await stack.run("preview")));
        if (hosts >= FIRST_OF_LONG && run > 0) return;
        for (const verb of ["up", "refresh", "destroy"] satisfies Verb[]) {
          note(`${verb}, ${hosts}`, (await stack.run(verb)).seconds);
          if (verb === "up") note(`state, ${hosts}`, stack.stateSize / hosts / 1024);
        }
      });
      await onStack("usual", hosts, async (stack) => usual.get(hosts)?.push(seen(await stack.run("preview"))));
    }
  }

  const large = sizes.filter((hosts) => hosts >= FIRST_OF_GROWTH);
  const perRun = (of: (seen: Seen) => number): number[] =>
    Array.from({ length: runs }, (_, run) =>
      exponent(
        (large.length > 1 ? large : sizes).map((hosts) => [hosts, of(previews.get(hosts)?.[run] ?? fail(hosts))]),
      ),
    );
  const at = (all: Map<number, Seen[]>, hosts: number): Seen[] => all.get(hosts) ?? fail(hosts);
  const ratio = (of: (seen: Seen) => number): number[] =>
    at(previews, most).map((own, run) => of(own) / of(at(usual, most)[run] ?? fail(most)));
  const figures: Figure[] = [
    { name: "preview time, exponent", values: perRun(({ seconds }) => seconds), target: { atMost: 1.1 } },
    { name: "preview memory, exponent", values: perRun(({ mebibytes }) => mebibytes), target: { atMost: 1.1 } },
    {
      name: `preview of ${most} hosts: this component / usual way, time`,
      values: ratio(({ seconds }) => seconds),
      target: { atMost: 0.5 },
    },
    {
      name: `preview of ${most} hosts: this component / usual way, memory`,
      values: ratio(({ mebibytes }) => mebibytes),
    },
    {
      name: `preview of ${most} hosts: the program's share of the time`,
      values: at(previews, most).map(({ seconds, processorSeconds }) => processorSeconds / seconds),
    },
    ...sizes.flatMap((hosts): Figure[] => [
      { name: `preview, ${hosts}`, unit: " s", values: at(previews, hosts).map(({ seconds }) => seconds) },
      { name: `preview, ${hosts}, usual way`, unit: " s", values: at(usual, hosts).map(({ seconds }) => seconds) },
      {
        name: `memory, ${hosts}`,
        unit: " MiB",
        digits: 0,
        values: at(previews, hosts).map(({ mebibytes }) => mebibytes),
      },
      {
        name: `memory, ${hosts}, usual way`,
        unit: " MiB",
        digits: 0,
        values: at(usual, hosts).map(({ mebibytes }) => mebibytes),
      },
      ...["up", "refresh", "destroy"].map((verb) => ({
        name: `${verb}, ${hosts}`,
        unit: " s",
        values: others.get(`${verb}, ${hosts}`) ?? [],
      })),
      { name: `state per host, ${hosts}`, unit: " KiB", digits: 0, values: others.get(`state, ${hosts}`) ?? [] },
    ]),
  ];
  const curve = (name: string, what: string, all: Map<number, Seen[]>, of: (seen: Seen) => number): Curve => ({
    name,
    what,
    points: sizes.map((hosts) => [hosts, at(all, hosts).map(of)]),
  });
  const curves = [
    curve("this component", "preview, s", previews, ({ seconds }) => seconds),
    curve("usual way", "preview, s", usual, ({ seconds }) => seconds),
    curve("this component", "peak memory, MiB", previews, ({ mebibytes }) => mebibytes),
    curve("usual way", "peak memory, MiB", usual, ({ mebibytes }) => mebibytes),
  ];
  const heap = largest > 0 ? await withinHeap(largest) : { figures: [], notes: [] };
  return { name: "growth", title: "Growth", figures: [...figures, ...heap.figures], notes: heap.notes, curves };
}

/** Whether so many hosts can be had within Node's default heap; one run, since it takes a minute or more. */
async function withinHeap(hosts: number): Promise<Pick<Part, "figures" | "notes">> {
  const monitor = await startMonitor();
  const program: Program = {
    directory: join(ROOT, "bench/programs/hosts"),
    typescript: false,
    nodeArguments: ownNodeArguments(),
    config: { "azure-native:location": "westeurope", "azure-docker-host:hosts": hosts.toString() },
  };
  const note = await launch(program, monitor, join(SCRATCH, "temporary", "hosts"))
    .then(({ seconds, mebibytes }) => `it took ${seconds.toFixed(0)} s and ${mebibytes.toFixed(0)} MiB`)
    .catch((error: unknown) => {
      if (!(error instanceof Aborted)) throw error;
      return undefined;
    })
    .finally(() => {
      monitor.close();
    });
  const name = `${hosts} hosts within the default heap (1: yes)`;
  return {
    figures: [{ name, digits: 0, values: [note === undefined ? 0 : 1], target: { atLeast: 1 }, exact: true }],
    notes: [`${hosts} hosts on the small engine: ${note ?? "it did not come to its end"}.`],
  };
}

async function onStack(
  program: "hosts" | "usual",
  hosts: number,
  work: (stack: BenchStack) => Promise<unknown>,
): Promise<void> {
  const stack = await BenchStack.open(program, hosts);
  try {
    await work(stack);
  } finally {
    await stack.close();
  }
}

function fail(hosts: number): never {
  throw new Error(`${hosts} hosts were not measured`);
}
