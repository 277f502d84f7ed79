/** The project as a person has it, in a temporary folder: the CLI, Pulumi's own launcher, TypeScript as Pulumi.yaml has it, and the same index.ts. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { BehaviourSettings } from "../../rehearsal/azure/behaviour";
import { FOLDERS } from "../../rehearsal/azure/open";
import { Store } from "../../rehearsal/azure/store";
import type { StateResource } from "./scratch";

const ROOT = join(__dirname, "../..");

/** A copy of the project with a local backend and a loopback Azure of its own, taken away after the test. */
export class PlainProject {
  private readonly directory = mkdtempSync(join(tmpdir(), "azure-docker-host-plain-"));
  private readonly project = join(this.directory, "project");

  constructor(test: Pick<TestContext, "after">) {
    test.after(() => {
      rmSync(this.directory, { recursive: true, force: true });
    });
    mkdirSync(join(this.directory, "backend"));
    mkdirSync(this.project);
    for (const name of [
      "Pulumi.yaml",
      "Pulumi.dev.yaml",
      "package.json",
      "tsconfig.json",
      "index.ts",
      "authority.ts",
      "config.ts",
      "outputs.ts",
    ]) {
      copyFileSync(join(ROOT, name), join(this.project, name));
    }
    cpSync(join(ROOT, "components"), join(this.project, "components"), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(this.project, "node_modules"));
  }

  /** What is in the loopback Azure; a change there is one behind the program's back. */
  get azure(): Store {
    return new Store(join(this.directory, "rehearsal", FOLDERS.azure));
  }

  /** Lets the loopback Azure be slow or fail from now on; without settings, all goes well. */
  behave(settings: BehaviourSettings = {}): void {
    mkdirSync(join(this.directory, "rehearsal"), { recursive: true });
    writeFileSync(join(this.directory, "rehearsal", FOLDERS.behaviour), JSON.stringify(settings));
  }

  /** What a person's shell has set. */
  get environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      PATH: [join(ROOT, "test/lifecycle/languageHost"), join(ROOT, "rehearsal/providers/bin"), process.env.PATH].join(
        ":",
      ),
      PULUMI_HOME: join(this.directory, "home"),
      PULUMI_BACKEND_URL: `file://${join(this.directory, "backend")}`,
      PULUMI_CONFIG_PASSPHRASE: "for this test alone",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
      REHEARSAL_DIRECTORY: join(this.directory, "rehearsal"),
    };
  }

  /** Runs `pulumi` as a person does, with what is on its standard input; gives what it said. */
  pulumi(args: string[], input = "", env: NodeJS.ProcessEnv = {}): { status: number | null; output: string } {
    const { status, stdout, stderr } = this.run("pulumi", [...args, "--non-interactive"], input, env);
    return { status, output: stdout + stderr };
  }

  /** What a stack's state has, secrets encrypted. */
  state(stack: string): StateResource[] {
    const file = join(this.directory, "backend/.pulumi/stacks/azure-docker-host", `${stack}.json`);
    const { checkpoint } = JSON.parse(readFileSync(file, "utf8")) as {
      checkpoint: { latest?: { resources?: StateResource[] } };
    };
    return checkpoint.latest?.resources ?? [];
  }

  /** Runs `docker-host` in the project, as a person does. */
  dockerHost(args: string[], input = ""): { status: number | null; stdout: string; stderr: string } {
    return this.run(process.execPath, [join(ROOT, "client/docker-host.cjs"), ...args], input);
  }

  /** Starts `pulumi` in a group of processes of its own, which can be killed as one. */
  start(args: string[]): ChildProcess {
    return spawn("pulumi", [...args, "--non-interactive"], {
      cwd: this.project,
      detached: true,
      env: this.environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  private run(
    command: string,
    args: string[],
    input: string,
    env: NodeJS.ProcessEnv = {},
  ): { status: number | null; stdout: string; stderr: string } {
    const options = { cwd: this.project, encoding: "utf8", input, maxBuffer: 2 ** 26 } as const;
    return spawnSync(command, args, { ...options, env: { ...this.environment, ...env } });
  }

  /** The same, which must succeed. */
  ok(args: string[], input?: string): string {
    const { status, output } = this.pulumi(args, input);
    assert.equal(status, 0, output);
    return output;
  }

  /** The same, which must fail. */
  fails(args: string[], env?: NodeJS.ProcessEnv): string {
    const { status, output } = this.pulumi(args, "", env);
    assert.notEqual(status, 0, output);
    return output;
  }
}
