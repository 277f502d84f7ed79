/** A host on a real machine, for tests: what it answers, how long it was away, and a container that lives on it. */
import assert from "node:assert/strict";
import type * as https from "node:https";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import * as tls from "node:tls";
import { machinesOf } from "../../rehearsal/arm/open";
import { STACK_NAME } from "../../rehearsal/files";
import { type Machine, runningMachine } from "../../rehearsal/machine/machine";
import type { Changes, Rehearsal } from "../../rehearsal/rehearsal";
import type { StackOutputs } from "../../outputs";
import { ask } from "./ask";
import { Scratch } from "./scratch";

/** The machine of a rehearsal's stack. */
export function machineOf(rehearsal: Rehearsal, stack = STACK_NAME): Machine {
  const id = rehearsal.subscription.store
    .list()
    .find(({ id, armType }) => id.includes(`-${stack}/`) && armType.endsWith("/virtualMachines"))?.id;
  assert.ok(id !== undefined && rehearsal.rootFileSystem !== undefined, "there is a real machine");
  const machine = runningMachine(machinesOf(rehearsal.directory, rehearsal.rootFileSystem).folder(id));
  assert.ok(machine, "the machine runs");
  return machine;
}

/** The fate of a container: it went on, its restart policy started it anew, or it is gone. */
export type Fate = "lived" | "started again" | "gone";

/** One host, by its own scratch rehearsal. */
export class Host {
  readonly scratch: Scratch;
  private rehearsal: Rehearsal | undefined;
  private latest: StackOutputs | undefined;
  private container: { pid: string; begun: string } | undefined;

  constructor(test: Pick<TestContext, "after">) {
    this.scratch = new Scratch(test, { machines: true });
  }

  get outputs(): StackOutputs {
    return this.latest ?? assert.fail("not up yet");
  }

  get machine(): Machine {
    return machineOf(this.rehearsal ?? assert.fail("not up yet"));
  }

  /** Sets what is to be set and brings the stack up, as one command does. */
  async up(config: Record<string, string> = {}): Promise<Changes> {
    this.rehearsal = await this.scratch.open(config);
    const { changes, outputs } = await this.rehearsal.up();
    this.latest = outputs;
    return changes;
  }

  /** Brings the stack up, which must fail; gives what was said. */
  async upFails(config: Record<string, string> = {}): Promise<string> {
    this.rehearsal = await this.scratch.open(config);
    await assert.rejects(this.rehearsal.up(), "the run fails");
    return this.scratch.lines.join("\n");
  }

  get port(): number {
    return Number(new URL(this.outputs.dockerHost).port);
  }

  /** Asks the daemon as the stack's client does; what is named takes the place of what the stack has now. */
  ask(options: https.RequestOptions = {}): Promise<string> {
    const { publicIpAddress, caCert, clientCert, clientKey } = this.outputs;
    return ask({ host: publicIpAddress, port: this.port, ca: caCert, cert: clientCert, key: clientKey, ...options });
  }

  /** The daemon's process: another one after each restart. */
  async daemonPid(): Promise<string> {
    return (await this.machine.mustRun(["systemctl", "show", "--property=MainPID", "--value", "docker"])).trim();
  }

  /** Makes an image of the machine's own shell and runs a container of it, which starts again with the daemon if it ended. */
  async startContainer(): Promise<void> {
    const bundle =
      'cd "$(mktemp -d)" && for f in /bin/sh /bin/sleep /bin/cat $(ldd /bin/sh /bin/sleep | grep -o "/[^ ]*[^ :]$\\|/[^ ]* (" | tr -d " ("); ' +
      'do cp --parents -L "$f" .; done && tar c . | docker import - local:sh';
    await this.machine.mustRun(["sh", "-c", bundle]);
    // With an init process, which ends when the machine says so.
    const words = ["docker", "run", "--detach", "--init", "--name=probe", "--restart=always", "local:sh"];
    await this.machine.mustRun([...words, "/bin/sleep", "infinity"]);
    await this.remember();
  }

  private async remember(): Promise<void> {
    const pid = (await this.machine.mustRun(["docker", "inspect", "--format={{.State.Pid}}", "probe"])).trim();
    this.container = { pid, begun: await this.begun(pid) };
  }

  /** When a process of the machine began, in the kernel's ticks; empty if there is none. */
  private async begun(pid: string): Promise<string> {
    const { stdout } = await this.machine.run(["cat", `/proc/${pid}/stat`]);
    return /\) (?:\S+ ){19}(\d+)/.exec(stdout)?.[1] ?? "";
  }

  /** The container's fate since the last call. It reads the machine's processes, because the daemon may be down. */
  async fate(): Promise<Fate> {
    const { pid, begun } = this.container ?? assert.fail("no container was started");
    if ((await this.begun(pid)) === begun) return "lived";
    for (let tries = 0; tries < 50; tries++) {
      const { stdout } = await this.machine.run(["docker", "inspect", "--format={{.State.Running}}", "probe"]);
      if (stdout.trim() === "true") {
        await this.remember();
        return "started again";
      }
      await sleep(200);
    }
    return "gone";
  }

  /** Watches the ports while something is done; gives the longest time, in seconds, in which none of them completed a TLS handshake. */
  async away(ports: number[], action: () => Promise<void>): Promise<number> {
    const host = this.outputs.publicIpAddress;
    let last = Date.now();
    let longest = 0;
    const seen = (): void => {
      longest = Math.max(longest, Date.now() - last);
      last = Date.now();
    };
    const timer = setInterval(() => {
      for (const port of ports) {
        // Whom the daemon trusts is not the question here: the handshake is complete for the client before it knows that.
        const socket = tls.connect({ host, port, rejectUnauthorized: false, timeout: 2000 }, () => {
          seen();
          socket.destroy();
        });
        socket.on("timeout", () => socket.destroy());
        socket.on("error", () => socket.destroy());
      }
    }, 40);
    try {
      await action();
      // The last question must still get its answer.
      await sleep(200);
    } finally {
      clearInterval(timer);
    }
    seen();
    return longest / 1000;
  }
}
