/** The process of a rehearsal's loopback Azure. It ends by a signal, or when its rehearsal's folder is gone. */
import { setTimeout as sleep } from "node:timers/promises";
import { isServing, serveEndpoint } from "./endpoint";
import { ENVIRONMENT } from "./open";

async function main(): Promise<void> {
  const directory = process.env[ENVIRONMENT.directory];
  if (directory === undefined) throw new Error(`${ENVIRONMENT.directory} must name a rehearsal's folder (got nothing)`);
  const endpoint = await serveEndpoint(directory, process.env[ENVIRONMENT.rootFileSystem]);
  const told = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      told.abort();
    });
  }
  while (!told.signal.aborted && isServing(directory)) {
    await sleep(200, undefined, { signal: told.signal }).catch(() => undefined);
  }
  while (endpoint.busy()) await sleep(50);
  await endpoint.close();
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
