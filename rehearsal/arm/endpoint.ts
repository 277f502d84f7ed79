/** Starts and stops the process of a rehearsal's loopback Azure. It runs between the commands, until nothing is left in it. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Access } from "./access";
import { ENVIRONMENT, FOLDERS, openSubscription } from "./open";
import { type ArmEndpoint, listen } from "./server";
import type { Subscription } from "./subscription";
import { withFileLock } from "../system/fileLock.cjs";
import { writePrivately } from "../system/privateFile";
import { runs } from "../system/processes";

const PROGRAM = join(__dirname, "endpointProcess.ts");

/** The time limits for its start and for its end. */
const [START_SECONDS, END_SECONDS] = [30, 120];

/** The record of a running endpoint. */
interface Recorded {
  port: number;
  pid: number;
  /** The code and the root file system that it was started with. When they change, it is restarted. */
  build: string;
}

const recordOf = (directory: string): string => join(directory, "endpoint.json");

function recorded(directory: string): Recorded | undefined {
  const file = recordOf(directory);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Recorded) : undefined;
}

/** A name of the code of the endpoint, and of what stands behind its VMs. */
function buildOf(rootFileSystem: string | undefined): string {
  const hash = createHash("sha256").update(rootFileSystem ?? "");
  for (const folder of ["arm", "guest", "machine", "system"].map((name) => join(__dirname, "..", name))) {
    for (const name of readdirSync(folder).sort()) hash.update(`${name} ${statSync(join(folder, name)).mtimeMs}\n`);
  }
  return hash.digest("hex").slice(0, 16);
}

/** Serves a rehearsal's loopback Azure in this process, at its former port if that is free, and records the port. */
export async function serveEndpoint(
  directory: string,
  rootFileSystem?: string,
  subscription: Subscription = openSubscription(directory, rootFileSystem),
): Promise<ArmEndpoint & { environment: Record<string, string> }> {
  const access = await Access.of(join(directory, FOLDERS.access));
  const before = recorded(directory)?.port;
  const endpoint = await listen(subscription, access, before).catch(() => listen(subscription, access));
  const record: Recorded = { port: endpoint.port, pid: process.pid, build: buildOf(rootFileSystem) };
  writePrivately(recordOf(directory), JSON.stringify(record));
  return { ...endpoint, environment: access.environment(endpoint.port) };
}

/** Whether the record names this process. Another one may have taken its place, or the folder may be gone. */
export function isServing(directory: string): boolean {
  return recorded(directory)?.pid === process.pid;
}

/**
 * Gives a client's environment for a rehearsal's loopback Azure, and starts the endpoint if it doesn't run.
 *
 * @throws with the process's output, if it doesn't start.
 */
export async function ensureEndpoint(directory: string, rootFileSystem?: string): Promise<Record<string, string>> {
  const access = await Access.of(join(directory, FOLDERS.access));
  return withFileLock(
    join(directory, "endpoint.lock"),
    () => undefined,
    async () => {
      const found = recorded(directory);
      if (found !== undefined && (await doesAnswer(found.port, access))) {
        if (found.build === buildOf(rootFileSystem)) return access.environment(found.port);
        await stopEndpoint(directory);
      }
      return access.environment(await start(directory, rootFileSystem, access));
    },
  );
}

async function start(directory: string, rootFileSystem: string | undefined, access: Access): Promise<number> {
  const log = join(directory, "endpoint.log");
  const output = openSync(log, "w", 0o600);
  const child = spawn(process.execPath, ["--require", join(__dirname, "../../register.cjs"), PROGRAM], {
    // It outlives this run, also when the run is killed.
    detached: true,
    stdio: ["ignore", output, output],
    env: {
      ...process.env,
      [ENVIRONMENT.directory]: directory,
      ...(rootFileSystem !== undefined && { [ENVIRONMENT.rootFileSystem]: rootFileSystem }),
    },
  });
  child.unref();
  closeSync(output);
  for (let waited = 0; waited < START_SECONDS && child.exitCode === null; waited += 0.02) {
    const found = recorded(directory);
    if (found !== undefined && found.pid === child.pid && (await doesAnswer(found.port, access))) return found.port;
    await sleep(20);
  }
  child.kill();
  throw new Error(`the loopback Azure doesn't start:\n${readFileSync(log, "utf8")}`);
}

/** Stops the endpoint's process when its operations have ended. An endpoint inside another program's process stays. */
export async function stopEndpoint(directory: string): Promise<void> {
  const found = recorded(directory);
  if (found === undefined || found.pid === process.pid || !runs(found.pid, PROGRAM)) return;
  process.kill(found.pid, "SIGTERM");
  for (let waited = 0; waited < END_SECONDS && runs(found.pid, PROGRAM); waited += 0.02) await sleep(20);
  rmSync(recordOf(directory), { force: true });
}

function doesAnswer(port: number, access: Access): Promise<boolean> {
  return new Promise((resolve) => {
    const path = "/metadata/endpoints?api-version=2022-09-01";
    const asked = request(
      { host: "127.0.0.1", port, path, ca: access.caPem, agent: false, timeout: 5000 },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    );
    asked.on("error", () => {
      resolve(false);
    });
    asked.on("timeout", () => asked.destroy());
    asked.end();
  });
}
