/**
 * Runs the workflows of `.github` as GitHub's runner does, from the files themselves: the events, conditions, expressions
 * and each `run:` step are theirs. An action of somebody else's is what it would leave: a checkout, a tool on PATH, a sign-in.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type * as Library from "@actions/expressions" with { "resolution-mode": "import" };
import { parse } from "yaml";

type Context = Record<string, unknown>;

interface Step {
  name?: string;
  if?: string | boolean;
  uses?: string;
  with?: Record<string, unknown>;
  run?: string;
  shell?: string;
  env?: Record<string, unknown>;
}

interface Job {
  if?: string | boolean;
  "runs-on": string;
  "timeout-minutes": number;
  steps: Step[];
}

export interface Workflow {
  name: string;
  on: Record<string, { branches?: string[]; types?: string[]; inputs?: Record<string, { default?: unknown }> } | null>;
  permissions: Record<string, string>;
  concurrency: { group: string; "cancel-in-progress": boolean };
  env: Record<string, unknown>;
  defaults: { run: { shell: string } };
  jobs: Record<string, Job>;
}

interface Action {
  inputs: Record<string, { default?: unknown }>;
  runs: { using: string; steps: Step[] };
}

/** What happened in the repository, as GitHub tells a workflow of it. */
export interface Happening {
  name: "pull_request" | "push" | "schedule" | "workflow_dispatch";
  /** The event's own data: `github.event`. */
  event?: Context;
  /** The branch that was pushed to. */
  branch?: string;
  inputs?: Record<string, unknown>;
  /** The folder that a checkout gives. */
  commit: string;
}

/** How a job went. */
export interface JobResult {
  result: "success" | "failure";
  /** Each step that was run, by its name, and how it ended. */
  steps: Record<string, string>;
  /** All that the steps printed. */
  log: string;
  /** The job's summary. */
  summary: string;
}

/** A repository and its runners. */
export interface RunnerOptions {
  /** The folder that it works in. */
  directory: string;
  vars: Record<string, string>;
  secrets: Record<string, string>;
  /** The environment of the runner itself: PATH and what stands for Azure. */
  environment: Record<string, string>;
  /** The names that resolve, and their addresses; asked before each step. */
  names: () => Record<string, string>;
}

/** Of somebody else's actions: what they need, and what they leave. */
const ACTIONS: Record<string, { needs: string[]; leaves?: (workspace: string, commit: string) => void }> = {
  "actions/checkout": {
    needs: ["persist-credentials"],
    leaves: (workspace, commit) => {
      cpSync(commit, workspace, { recursive: true });
    },
  },
  "actions/setup-node": { needs: ["node-version"] },
  "pulumi/actions": { needs: ["pulumi-version"] },
  "azure/login": { needs: ["client-id", "tenant-id", "subscription-id"] },
};

/** A copy of what is in the repository, as a commit has it. */
export function copyRepository(to: string): void {
  const root = join(__dirname, "../..");
  const files = spawnSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: root, encoding: "utf8" });
  for (const file of files.stdout.trim().split("\n")) {
    if (existsSync(join(root, file))) cpSync(join(root, file), join(to, file));
  }
}

/** Every script in a workflow's or a local action's file, such as "up.yml, up: Check the host". */
export function scriptsIn(repository: string): string[] {
  const folder = join(repository, ".github/workflows");
  const named = (where: string, steps: Step[]): string[] =>
    steps.flatMap(({ run, name = "" }) => (run === undefined ? [] : [`${where}: ${name}`]));
  const action = readAction(repository, SET_UP);
  return [
    ...readdirSync(folder).flatMap((file) =>
      Object.entries(readWorkflow(join(folder, file)).jobs).flatMap(([job, { steps }]) =>
        named(`${file}, ${job}`, steps),
      ),
    ),
    ...named(SET_UP, action.runs.steps),
  ];
}

/** The repository's own action. */
const SET_UP = "./.github/actions/set-up";

function readAction(repository: string, uses: string): Action {
  return parse(readFileSync(join(repository, uses, "action.yml"), "utf8")) as Action;
}

/** Reads one of the repository's workflows. */
export function readWorkflow(file: string): Workflow {
  return parse(readFileSync(file, "utf8")) as Workflow;
}

/** A runner of the repository's workflows. */
export class Runner {
  /** All that was printed, summed up and commented in all runs. */
  printed = "";
  /** Each script that was run, by where it stands; see `scriptsIn`. */
  readonly scripts = new Set<string>();
  private readonly tools: string;
  private readonly hosts: string;
  private readonly packages: string;
  readonly comments: string;

  constructor(private readonly options: RunnerOptions) {
    const { directory } = options;
    [this.tools, this.comments, this.packages, this.hosts] = ["tools", "comments", "packages", "hosts"].map((name) =>
      join(directory, name),
    ) as [string, string, string, string];
    for (const folder of [this.tools, this.comments, this.packages]) mkdirSync(folder, { recursive: true });
    // GitHub's own command, as far as it is used: a comment of one author at one pull request is written or rewritten.
    const gh = `#!/bin/sh
[ "$1 $2 $4 $6 $7 $8" = "pr comment --repo --edit-last --create-if-none --body-file" ] && [ -n "$GH_TOKEN" ] || { echo "gh $*" >&2; exit 2; }
exec cp "$9" "${this.comments}/$3.md"
`;
    writeFileSync(join(this.tools, "gh"), gh, { mode: 0o755 });
  }

  /** The comment at a pull request. */
  comment(pullRequest: number): string {
    return readFileSync(join(this.comments, `${pullRequest}.md`), "utf8");
  }

  /** Runs those jobs of a workflow that the happening starts; none if it isn't the workflow's. */
  async run(file: string, happening: Happening): Promise<Record<string, JobResult>> {
    const workflow = readWorkflow(join(happening.commit, ".github/workflows", file));
    const started: Record<string, JobResult> = {};
    if (!isStarted(workflow, happening)) return started;
    const declared = workflow.on[happening.name]?.inputs ?? {};
    const contexts: Context = {
      github: {
        event_name: happening.name,
        event: happening.event ?? {},
        repository: "acme/hosts",
        ref: `refs/heads/${happening.branch ?? "main"}`,
        token: "a token of the run",
      },
      vars: this.options.vars,
      secrets: this.options.secrets,
      inputs: {
        ...Object.fromEntries(Object.entries(declared).map(([name, { default: value }]) => [name, value])),
        ...happening.inputs,
      },
    };
    assert.ok(await interpolate(workflow.concurrency.group, contexts), "a group for what may not run at one time");
    for (const [name, job] of Object.entries(workflow.jobs)) {
      if (await holds(job.if, contexts)) {
        started[name] = await this.job(workflow, job, contexts, happening.commit, `${file}, ${name}`);
      }
    }
    return started;
  }

  private async job(
    workflow: Workflow,
    job: Job,
    contexts: Context,
    commit: string,
    where: string,
  ): Promise<JobResult> {
    const folder = mkdtempSync(join(this.options.directory, "job-"));
    const workspace = join(folder, "workspace");
    const summary = join(folder, "summary.md");
    mkdirSync(workspace);
    writeFileSync(summary, "");
    const done: JobResult = { result: "success", steps: {}, log: "", summary: "" };
    const runSteps = async (steps: Step[], outer: Context, shell: string, where: string): Promise<void> => {
      for (const step of steps) {
        const now = { ...outer, job: { status: done.result } };
        const within = { ...now, env: { ...(outer.env as Context), ...(await allOf(step.env, now)) } };
        if (!(await holds(step.if, within, { workspace, failed: done.result === "failure" }))) continue;
        if (step.uses?.startsWith("./") === true) {
          const action = readAction(workspace, step.uses);
          await runSteps(action.runs.steps, { ...within, inputs: await allOf(step.with, within) }, "", step.uses);
        } else if (step.uses !== undefined) {
          useAction(step.uses, await allOf(step.with, within), workspace, commit);
        } else {
          const { status, output } = this.step(
            step,
            within.env as Record<string, string>,
            step.shell ?? shell,
            folder,
            summary,
          );
          this.scripts.add(`${where}: ${step.name ?? ""}`);
          done.log += output;
          done.steps[step.name ?? ""] = status === 0 ? "success" : "failure";
          if (status !== 0) done.result = "failure";
        }
      }
    };
    const env = await allOf(workflow.env, contexts);
    await runSteps(job.steps, { ...contexts, env }, workflow.defaults.run.shell, where);
    done.summary = readFileSync(summary, "utf8");
    this.printed += done.log + done.summary;
    for (const comment of readdirSync(this.comments))
      this.printed += readFileSync(join(this.comments, comment), "utf8");
    rmSync(folder, { recursive: true });
    return done;
  }

  private step(
    { run = "" }: Step,
    env: Record<string, string>,
    shell: string,
    folder: string,
    summary: string,
  ): { status: number | null; output: string } {
    assert.equal(shell, "bash", "with a shell named, a pipe fails if one of its commands does");
    const workspace = join(folder, "workspace");
    const kept = join(this.packages, "node_modules");
    // The same packages each time: they are installed once, and then found in place.
    if (run.trim() === "npm ci" && existsSync(kept)) {
      symlinkSync(kept, join(workspace, "node_modules"));
      return { status: 0, output: "" };
    }
    const script = join(folder, "step.sh");
    writeFileSync(script, run);
    const names = Object.entries({ localhost: "127.0.0.1", ...this.options.names() });
    writeFileSync(this.hosts, names.map(([name, address]) => `${address} ${name}\n`).join(""));
    // Names resolve where the host is asked. Whatever makes a machine runs without: the network that it makes must outlive the step.
    const within = run.includes("docker-host check")
      ? ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', this.hosts]
      : [];
    const { PATH = "", ...environment } = this.options.environment;
    const bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", script];
    const [command = "", ...args] = [...within, "sh", "-c", 'exec "$@" 2>&1', "sh", ...bash];
    const { status, stdout } = spawnSync(command, args, {
      cwd: workspace,
      encoding: "utf8",
      maxBuffer: 2 ** 26,
      env: {
        ...environment,
        PATH: `${this.tools}:${PATH}`,
        HOME: join(this.options.directory, "home"),
        CI: "true",
        GITHUB_ACTIONS: "true",
        GITHUB_REPOSITORY: "acme/hosts",
        GITHUB_STEP_SUMMARY: summary,
        ...env,
      },
    });
    if (run.trim() === "npm ci" && status === 0) {
      renameSync(join(workspace, "node_modules"), kept);
      symlinkSync(kept, join(workspace, "node_modules"));
    }
    return { status, output: stdout };
  }
}

function isStarted({ on }: Workflow, { name, event, branch = "" }: Happening): boolean {
  if (!(name in on)) return false;
  const { branches, types } = on[name] ?? {};
  // Where none are named, GitHub takes these of a pull request.
  const wanted = types ?? (name === "pull_request" ? ["opened", "synchronize", "reopened"] : undefined);
  return (
    (branches === undefined || branches.includes(branch)) &&
    (wanted === undefined || wanted.includes(String(event?.action)))
  );
}

function useAction(uses: string, options: Record<string, string>, workspace: string, commit: string): void {
  const [, name = ""] = /^([\w.-]+\/[\w.-]+)@[0-9a-f]{40}$/.exec(uses) ?? [];
  const action = ACTIONS[name];
  assert.ok(action, `an action pinned by its commit, known here: ${uses}`);
  for (const option of action.needs) assert.ok(options[option], `${name} is given ${option}`);
  action.leaves?.(workspace, commit);
}

/** Every value with its expressions replaced, as text. */
async function allOf(values: Record<string, unknown> = {}, contexts: Context): Promise<Record<string, string>> {
  const all: Record<string, string> = {};
  for (const [name, value] of Object.entries(values)) all[name] = await interpolate(String(value), contexts);
  return all;
}

async function interpolate(text: string, contexts: Context): Promise<string> {
  let result = text;
  for (const [whole, expression = ""] of text.matchAll(/\$\{\{(.*?)\}\}/gs)) {
    result = result.replace(whole, (await evaluate(expression, contexts)).coerceString().replaceAll("$", "$$$$"));
  }
  return result;
}

/** What the library asks of a function. */
type FunctionDefinition =
  NonNullable<ConstructorParameters<typeof Library.Evaluator>[2]> extends Map<string, infer Definition>
    ? Definition
    : never;

interface JobState {
  workspace: string;
  failed: boolean;
}

async function holds(
  condition: string | boolean | undefined,
  contexts: Context,
  state: JobState = { workspace: "", failed: false },
): Promise<boolean> {
  const text = String(condition ?? "success()").replace(/^\$\{\{(.*)\}\}$/s, "$1");
  const asksForState = /\b(success|failure|always|cancelled)\(/.test(text);
  const whole = asksForState ? text : `success() && (${text})`;
  return !["", "0", "false"].includes((await evaluate(whole, contexts, state)).coerceString());
}

/** GitHub's own evaluator; it comes as an ES module alone. */
async function expressions(): Promise<typeof Library> {
  return import("@actions/expressions");
}

/** The value of a GitHub expression, by GitHub's own evaluator. */
async function evaluate(
  expression: string,
  contexts: Context,
  { workspace, failed }: JobState = { workspace: "", failed: false },
): Promise<Library.data.ExpressionData> {
  const { Lexer, Parser, Evaluator, data } = await expressions();
  const answer = (
    name: string,
    call: (...args: Library.data.ExpressionData[]) => Library.data.ExpressionData,
    arity = 0,
  ): FunctionDefinition => ({ name, minArgs: arity, maxArgs: arity, call });
  const yes = (is: boolean) => (): Library.data.BooleanData => new data.BooleanData(is);
  const hash = (file?: Library.data.ExpressionData): Library.data.StringData =>
    new data.StringData(existsSync(join(workspace, file?.coerceString() ?? "")) ? "a hash" : "");
  const functions = [
    ...[answer("success", yes(!failed)), answer("failure", yes(failed))],
    ...[answer("always", yes(true)), answer("cancelled", yes(false)), answer("hashFiles", hash, 1)],
  ];
  const parsed = new Parser(new Lexer(expression.trim()).lex().tokens, Object.keys(contexts), functions).parse();
  const context = JSON.parse(JSON.stringify(contexts), data.reviver) as Library.data.Dictionary;
  // Without regard to upper and lower case, as GitHub has it.
  const byName = new Map(functions.map((each) => [each.name.toLowerCase(), each]));
  return new Evaluator(parsed, context, byName).evaluate();
}
