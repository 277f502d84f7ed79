/** The command `docker-host` and docker itself, as a person runs them who has a home, a stack and names that resolve. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesOf } from "../../rehearsal/files";
import type { Rehearsal } from "../../rehearsal/rehearsal";
import { type Outcome, run, start } from "./run";

const DOCKER_HOST = join(__dirname, "../../client/docker-host.cjs");

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
    return this.run([process.execPath, DOCKER_HOST, ...args], input);
  }

  run(command: string[], input: string | Buffer = ""): Outcome {
    return run(this.within(command), { cwd: this.project, env: this.environment, input });
  }

  /** Starts `docker-host` and goes on. */
  start(args: string[]): Promise<Outcome> {
    const command = this.within([process.execPath, DOCKER_HOST, ...args]);
    return start(command, { cwd: this.project, env: this.environment }).ended;
  }

  /** In a mount namespace of its own, whose /etc/hosts has the names: it goes with the process. */
  private within(command: string[]): string[] {
    if (!this.hasNames) return command;
    return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', this.hosts, ...command];
  }
}
