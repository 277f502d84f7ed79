/** The command `docker-host` and docker itself, as a person runs them who has a home, a stack and names that resolve. */
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesOf } from "../../rehearsal/files";
import type { Rehearsal } from "../../rehearsal/rehearsal";

/** What came of a command. */
export type Outcome = Pick<SpawnSyncReturns<string>, "status" | "stdout" | "stderr">;

/** A person's computer, in a folder of a rehearsal. */
export class ClientComputer {
  /** Docker's own directory, with the files that `connect` writes. */
  readonly docker: string;
  private readonly hosts: string;
  private hasNames = false;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly project: string;

  constructor(rehearsal: Rehearsal) {
    const home = join(rehearsal.directory, "home-of-client");
    mkdirSync(home, { recursive: true, mode: 0o700 });
    this.docker = join(home, ".docker");
    this.hosts = join(home, "hosts");
    this.project = filesOf(rehearsal.directory).project;
    this.environment = { ...process.env, ...rehearsal.environment, HOME: home, DOCKER_CONFIG: this.docker };
  }

  /** Makes names resolve, as Azure's DNS does, for what is run here alone; takes root. */
  resolve(addresses: Record<string, string>): void {
    const lines = Object.entries({ localhost: "127.0.0.1", ...addresses }).map(
      ([name, address]) => `${address} ${name}`,
    );
    this.hasNames = true;
    writeFileSync(this.hosts, `${lines.join("\n")}\n`);
  }

  dockerHost(args: string[], input = ""): Outcome {
    return this.run([process.execPath, join(__dirname, "../../client/docker-host.cjs"), ...args], input);
  }

  run(command: string[], input: string | Buffer = ""): Outcome {
    const [file = "", ...args] = this.within(command);
    return spawnSync(file, args, { cwd: this.project, env: this.environment, encoding: "utf8", input });
  }

  /** Starts `docker-host` and goes on. */
  start(args: string[]): Promise<Outcome> {
    const [file = "", ...rest] = this.within([
      process.execPath,
      join(__dirname, "../../client/docker-host.cjs"),
      ...args,
    ]);
    const child = spawn(file, rest, { cwd: this.project, env: this.environment, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
    child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status) => {
        resolve({ status, stdout, stderr });
      });
    });
  }

  /** In a mount namespace of its own, whose /etc/hosts has the names: it goes with the process. */
  private within(command: string[]): string[] {
    if (!this.hasNames) return command;
    return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', this.hosts, ...command];
  }
}
