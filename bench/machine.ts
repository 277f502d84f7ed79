/** The waits of a user on a real machine: for the daemon's first answer, and while a certificate is renewed. */
import { setTimeout as sleep } from "node:timers/promises";
import * as tls from "node:tls";
import { INSTALLERS } from "../components/rules/docker";
import { machineSupport } from "../rehearsal/machine/systemPackages";
import type { Rehearsal } from "../rehearsal/rehearsal";
import { Host } from "../test/support/host";
import { Scratch } from "../test/support/scratch";
import type { Figure, Part } from "./report";

const PORT = 4243;

/** So much older than it is, a server's certificate is due to be renewed. */
const RENEWAL_HOURS = 336 * 24;

/** Measures both installers; undefined where there can be no machines, and says so. */
export async function machine(runs: number): Promise<Part | undefined> {
  const support = machineSupport();
  if (!support.supported) {
    console.error(`\nNOTHING IS MEASURED ON A MACHINE: ${support.reason}\n`);
    return undefined;
  }
  const figures: Figure[] = [];
  for (const installer of INSTALLERS) {
    const starts: number[] = [];
    for (let run = 0; run < runs; run++) starts.push(await start(installer));
    figures.push(
      { name: `${installer}: from its start to the first handshake`, unit: " s", values: starts },
      {
        name: `${installer}: API away for a renewal`,
        unit: " s",
        values: await renewals(installer, runs),
        target: { atMost: 1 },
      },
    );
  }
  return { name: "machine", title: "On the machine", figures, notes: [] };
}

/** Does something with what is to be taken away afterwards, whatever happens. */
async function tidily<T>(work: (tidy: { after: (step: () => unknown) => void }) => Promise<T>): Promise<T> {
  const steps: (() => unknown)[] = [];
  try {
    return await work({ after: (step) => steps.push(step) });
  } finally {
    delete process.env.REHEARSAL_CLOCK_OFFSET_HOURS;
    for (const step of steps.reverse()) await step();
  }
}

/** From the moment at which Azure begins with the extension. */
function start(installer: string): Promise<number> {
  return tidily(async (tidy) => {
    const rehearsal = await new Scratch(tidy, { machines: true }).open({ installer });
    const upped = new AbortController();
    const measured = firstHandshake(rehearsal, upped.signal);
    await rehearsal.up().finally(() => {
      upped.abort();
    });
    return measured;
  });
}

async function firstHandshake({ subscription: { store } }: Rehearsal, end: AbortSignal): Promise<number> {
  const find = (armType: string): Record<string, unknown> | undefined =>
    store.list().find((each) => each.armType === armType)?.computed;
  while (!find("Microsoft.Compute/virtualMachines/extensions")) {
    if (end.aborted) throw new Error("no extension was seen");
    await sleep(5);
  }
  const begun = performance.now();
  const host = String(find("Microsoft.Network/publicIPAddresses")?.ipAddress);
  while (!(await handshake(host))) await sleep(5);
  return (performance.now() - begun) / 1000;
}

function handshake(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    // Whom the daemon trusts is not the question here.
    const socket = tls.connect({ host, port: PORT, rejectUnauthorized: false, timeout: 2000 });
    const end = (answered: boolean) => (): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.on("secureConnect", end(true)).on("timeout", end(false)).on("error", end(false));
  });
}

/** One host that grows older by a year at a time; each `up` renews its certificates. */
function renewals(installer: string, runs: number): Promise<number[]> {
  return tidily(async (tidy) => {
    const host = new Host(tidy);
    const away: number[] = [];
    for (let year = 0; year <= runs; year++) {
      process.env.REHEARSAL_CLOCK_OFFSET_HOURS = (year * RENEWAL_HOURS).toString();
      if (year === 0) {
        await host.up({ installer });
        continue;
      }
      const before = host.outputs.clientCert;
      const renew = async (): Promise<void> => {
        await host.up();
      };
      away.push(await host.away([PORT], renew));
      if (host.outputs.clientCert === before) throw new Error("nothing was renewed");
    }
    return away;
  });
}
