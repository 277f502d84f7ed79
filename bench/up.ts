/** How long an `up` and a `destroy` take where Azure takes its time: beside what Azure itself dictates. */
import { CRITICAL_PATH_SECONDS, latencySeconds, oneAfterAnotherSeconds } from "./latencies";
import type { Figure, Part } from "./report";
import { BenchStack, type Ran } from "./stack";

/** How many operations the engine may have under way: its default, four for each processor, would make hosts queue. */
const PARALLEL = 256;

/**
 * How many hosts, what is wanted of them, and by what Azure's latencies are multiplied so that nobody waits for hours: for
 * many hosts less, since the engine is at work for some of them while Azure is for others, which is what is measured.
 */
const HOSTS = [
  { hosts: 1, most: 1.03, usualScale: 0.1 },
  { hosts: 20, most: 1.15, usualScale: 0.5 },
];

/** From the first call's begin to the last one's end. */
function span({ calls }: Ran): number {
  return (Math.max(...calls.map(({ ended }) => ended)) - Math.min(...calls.map(({ begun }) => begun))) / 1000;
}

/** Measures both, `runs` times, with Azure's latencies multiplied by `givenScale`, if one is given. */
export async function up(runs: number, givenScale?: number): Promise<[up: Part, teardown: Part]> {
  const figures: Figure[] = [];
  const teardown: Figure[] = [];
  const notes: string[] = [];
  for (const { hosts, most, usualScale } of HOSTS) {
    const scale = givenScale ?? usualScale;
    const overheads: number[] = [];
    const [idle, spans, serial, calls, teardownCalls, teardownSeconds, left]: number[][] = [[], [], [], [], [], [], []];
    const stack = await BenchStack.open("hosts", hosts);
    try {
      for (let run = 0; run < runs; run++) {
        idle?.push((await stack.run("up", { parallel: PARALLEL })).seconds);
        await stack.run("destroy");
        const ran = await stack.run("up", { parallel: PARALLEL, latencySeconds: latencySeconds(scale) });
        overheads.push(ran.seconds - CRITICAL_PATH_SECONDS * scale);
        spans?.push(span(ran) / (CRITICAL_PATH_SECONDS * scale));
        calls?.push(ran.calls.length);
        const destroyed = await stack.run("destroy", { latencySeconds: latencySeconds(scale) });
        teardownCalls?.push(destroyed.calls.length);
        teardownSeconds?.push(destroyed.seconds - span(destroyed));
        left?.push(stack.azureSize);
        if (hosts === 1) {
          // As docker-machine does it: one call after another.
          serial?.push((await stack.run("up", { parallel: 1, latencySeconds: latencySeconds(scale) })).seconds);
          await stack.run("destroy");
        }
      }
    } finally {
      await stack.close();
    }
    const name = hosts === 1 ? "1 host" : `${hosts} hosts`;
    notes.push(
      `${name}: Azure's latencies times ${scale}, so that its critical path of ${CRITICAL_PATH_SECONDS.toFixed(1)} s took ${(CRITICAL_PATH_SECONDS * scale).toFixed(1)} s; \`--parallel ${PARALLEL}\`.`,
    );
    // The engine's own time doesn't shrink with Azure's latencies, so it is added to their full length.
    const full = overheads.map((overhead) => CRITICAL_PATH_SECONDS + overhead);
    figures.push(
      {
        name: `${name}: up / critical path`,
        digits: 3,
        values: full.map((seconds) => seconds / CRITICAL_PATH_SECONDS),
        target: { atMost: most },
      },
      {
        name: `${name}: one call after another / up`,
        values: full.map((seconds) => oneAfterAnotherSeconds(hosts) / seconds),
        // One host is a chain by nature.
        ...(hosts > 1 && { target: { atLeast: 2 } }),
      },
      { name: `${name}: what is not Azure's critical path`, unit: " s", values: overheads },
      { name: `${name}: up where Azure answers at once`, unit: " s", values: idle ?? [] },
      {
        name: `${name}: first call to last / critical path, at this scale`,
        digits: 3,
        values: spans ?? [],
      },
      { name: `${name}: calls`, digits: 0, values: calls ?? [] },
    );
    if (hosts === 1)
      figures.push({ name: "1 host: up with --parallel 1, at this scale", unit: " s", values: serial ?? [] });
    teardown.push(
      { name: `${name}: calls to delete`, digits: 0, values: teardownCalls ?? [], target: { atMost: 1 }, exact: true },
      { name: `${name}: what is left in Azure`, digits: 0, values: left ?? [], target: { atMost: 0 }, exact: true },
      { name: `${name}: destroy without Azure's own time`, unit: " s", values: teardownSeconds ?? [] },
    );
  }
  return [
    { name: "up", title: "Up, with Azure's latencies", figures, notes },
    { name: "teardown", title: "Teardown", figures: teardown, notes: [] },
  ];
}
