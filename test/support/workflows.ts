/**
 * Runs the workflows of `.github` as GitHub's runner does, from the files themselves: their events, conditions, expressions
 * and each `run:` step. In place of somebody else's action stands what that action leaves: a checkout, a sign-in.
 */
import assert from "node:assert/strict";
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
import { createRequire } from "node:module";
import { join } from "node:path";
import type * as Library from "@actions/expressions" with { "resolution-mode": "import" };
import { parse } from "yaml";
import { mustRun, run } from "./run";

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

interface Concurrency {
  group: string;
  "cancel-in-progress": boolean;
}

interface Job {
  if?: string | boolean;
  needs?: string;
  strategy?: { matrix: Record<string, unknown[]> };
  "runs-on": string;
  "timeout-minutes": number;
  environment?: string;
  permissions?: Record<string, string>;
  concurrency?: Concurrency;
  env?: Record<string, unknown>;
  steps: Step[];
}

export interface Workflow {
  name: string;
  on: Record<
    string,
    { branches?: string[]; tags?: string[]; types?: string[]; inputs?: Record<string, { default?: unknown }> } | null
  >;
  permissions: Record<string, string>;
  concurrency?: Concurrency;
  env?: Record<string, unknown>;
  defaults?: { run: { shell: string } };
  jobs: Record<string, Job>;
}

interface Action {
  inputs: Record<string, { default?: unknown }>;
  runs: { using: string; steps: Step[] };
}

/** An event in the repository, as GitHub tells it to a workflow. */
export interface Happening {
  name: "pull_request" | "pull_request_target" | "push" | "schedule" | "workflow_dispatch";
  /** The event's own data: `github.event`. */
  event?: Context;
  /** The branch that was pushed to. */
  branch?: string;
  /** The tag that was pushed. */
  tag?: string;
  inputs?: Record<string, unknown>;
  /** The folder that a checkout gives. */
  commit: string;
  /** The folder that a checkout of the base gives; by default the same. */
  base?: string;
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
  /** Each environment's secrets; "" has those of the repository, which every job gets. */
  secrets: Record<string, Record<string, string>>;
  /** The environment of the runner itself: PATH and what stands for Azure. */
  environment: Record<string, string>;
  /** The names that resolve, and their addresses; asked before each step. */
  names: () => Record<string, string>;
}

/** What somebody else's action needs, and what it leaves. */
interface OtherAction {
  needs: string[];
  leaves?: (workspace: string, options: Record<string, string>, happening: Happening) => void;
}

const ACTIONS: Record<string, OtherAction> = {
  "actions/attest": { needs: ["subject-path"] },
  "actions/checkout": {
    needs: ["persist-credentials"],
    leaves: (workspace, { ref, path = "." }, { commit, base = commit }) => {
      cpSync(ref === undefined ? commit : base, join(workspace, path), { recursive: true });
    },
  },
  "actions/setup-node": { needs: ["node-version"] },
  "azure/login": { needs: ["client-id", "tenant-id", "subscription-id"] },
};

/** A copy of what is in the repository, as a commit has it. */
export function copyRepository(to: string): void {
  const root = join(__dirname, "../..");
  const files = mustRun(["git", "ls-files", "-co", "--exclude-standard"], { cwd: root });
  for (const file of files.trim().split("\n")) {
    if (existsSync(join(root, file))) cpSync(join(root, file), join(to, file));
  }
}

/** Every workflow, by the test that runs all of its scripts. */
export const WORKFLOWS = {
  "machine/workflows": ["daily.yml", "preview.yml", "review.yml", "reviewTeardown.yml", "teardown.yml", "up.yml"],
  "processes/release": ["release.yml"],
  // Their scripts are the tests themselves, and CodeQL's own.
  none: ["ci.yml", "codeql.yml"],
};

/** Every script of some workflows and of the local action, such as "up.yml, up: Check the host". */
export function scriptsIn(repository: string, workflows: string[]): string[] {
  const folder = join(repository, ".github/workflows");
  const named = (where: string, steps: Step[]): string[] =>
    steps.flatMap(({ run, name = "" }) => (run === undefined ? [] : [`${where}: ${name}`]));
  const action = readAction(repository, SET_UP);
  return [
    ...workflows.flatMap((file) =>
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
    // GitHub's own command, as far as it is used: a pull request is looked at, or has its comment rewritten; a release is made.
    const gh = `#!/bin/sh
[ -n "$GH_TOKEN" ] || { echo "gh: no GH_TOKEN" >&2; exit 4; }
[ "$1 $2 $4 $6 $7" = "pr view --repo --json state,labels" ] && exec cat "${this.comments}/$3.json"
[ "$1 $2" = "release create" ] && { mkdir -p "${this.comments}/release"; echo "gh $*"; exec cp dist/* "${this.comments}/release"; }
[ "$1 $2 $4 $6 $7 $8" = "pr comment --repo --edit-last --create-if-none --body-file" ] || { echo "gh $*" >&2; exit 2; }
exec cp "$9" "${this.comments}/$3.md"
`;
    writeFileSync(join(this.tools, "gh"), gh, { mode: 0o755 });
  }

  /** The comment at a pull request. */
  comment(pullRequest: number): string {
    return readFileSync(join(this.comments, `${pullRequest}.md`), "utf8");
  }

  /** The files of the release that was made, by name. */
  released(): Record<string, string> {
    const folder = join(this.comments, "release");
    if (!existsSync(folder)) return {};
    return Object.fromEntries(readdirSync(folder).map((name) => [name, join(folder, name)]));
  }

  /** Says how a pull request is: what GitHub answers a workflow that asks. */
  setPullRequest(number: number, state: "OPEN" | "CLOSED" | "MERGED", labels: string[]): void {
    const answer = { state, labels: labels.map((name) => ({ name })) };
    writeFileSync(join(this.comments, `${number}.json`), JSON.stringify(answer));
  }

  /** The groups of jobs that would wait for each other, by job: of every job of a workflow that the happening starts. */
  async groups(file: string, happening: Happening): Promise<Record<string, string>> {
    const workflow = readWorkflow(join(happening.commit, ".github/workflows", file));
    const groups: Record<string, string> = {};
    if (!isStarted(workflow, happening)) return groups;
    const contexts = this.contexts(workflow, happening);
    for (const [name, { concurrency }] of Object.entries(workflow.jobs)) {
      const { group } = concurrency ?? workflow.concurrency ?? { group: "" };
      groups[name] = await interpolate(group, contexts);
      assert.ok(groups[name], "a group for jobs that must not run at one time");
    }
    return groups;
  }

  /** Runs those jobs of a workflow that the happening starts; none if it isn't the workflow's. */
  async run(file: string, happening: Happening): Promise<Record<string, JobResult>> {
    const workflow = readWorkflow(join(happening.commit, ".github/workflows", file));
    const started: Record<string, JobResult> = {};
    if (!isStarted(workflow, happening)) return started;
    await this.groups(file, happening);
    const contexts = this.contexts(workflow, happening);
    for (const [name, job] of Object.entries(workflow.jobs)) {
      const failed = job.needs !== undefined && started[job.needs]?.result !== "success";
      if (await holds(job.if, contexts, { workspace: "", failed })) {
        const secrets = { ...this.options.secrets[""], ...this.options.secrets[job.environment ?? ""] };
        started[name] = await this.job(workflow, job, { ...contexts, secrets }, happening, `${file}, ${name}`);
      }
    }
    return started;
  }

  private contexts(workflow: Workflow, happening: Happening): Context {
    const declared = workflow.on[happening.name]?.inputs ?? {};
    return {
      github: {
        event_name: happening.name,
        event: happening.event ?? {},
        repository: "acme/hosts",
        ref: happening.tag === undefined ? `refs/heads/${happening.branch ?? "main"}` : `refs/tags/${happening.tag}`,
        ref_name: happening.tag ?? happening.branch ?? "main",
        run_id: "1001",
        token: "a token of the run",
      },
      vars: this.options.vars,
      inputs: { ...defaultsOf(declared), ...happening.inputs },
    };
  }

  private async job(
    workflow: Workflow,
    job: Job,
    contexts: Context,
    happening: Happening,
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
          const inputs = { ...defaultsOf(action.inputs), ...(await allOf(step.with, within)) };
          await runSteps(action.runs.steps, { ...within, inputs }, "", step.uses);
        } else if (step.uses !== undefined) {
          useAction(step.uses, await allOf(step.with, within), workspace, happening);
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
    const env = { ...(await allOf(workflow.env, contexts)), ...(await allOf(job.env, contexts)) };
    await runSteps(job.steps, { ...contexts, env }, workflow.defaults?.run.shell ?? "", where);
    done.summary = readFileSync(summary, "utf8");
    this.printed += done.log + done.summary;
    for (const comment of readdirSync(this.comments).filter((name) => name !== "release")) {
      this.printed += readFileSync(join(this.comments, comment), "utf8");
    }
    rmSync(folder, { recursive: true });
    return done;
  }

  private step(
    { run: text = "" }: Step,
    env: Record<string, string>,
    shell: string,
    folder: string,
    summary: string,
  ): { status: number | null; output: string } {
    assert.equal(shell, "bash", "with a shell named, a pipe fails if one of its commands does");
    const workspace = join(folder, "workspace");
    const kept = join(this.packages, "node_modules");
    // The same packages each time: they are installed once, and then found in place.
    const installs = /^npm ci --ignore-scripts(?: --prefix (\w+))?$/.exec(text.trim());
    if (installs && existsSync(kept)) {
      symlinkSync(kept, join(workspace, installs[1] ?? ".", "node_modules"));
      return { status: 0, output: "" };
    }
    const script = join(folder, "step.sh");
    writeFileSync(script, text);
    const names = Object.entries({ localhost: "127.0.0.1", ...this.options.names() });
    writeFileSync(this.hosts, names.map(([name, address]) => `${address} ${name}\n`).join(""));
    // Names resolve where the host is asked. Whatever makes a machine runs without: the network that it makes must outlive the step.
    const within = text.includes("docker-host check")
      ? ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', this.hosts]
      : [];
    const { PATH = "", ...environment } = this.options.environment;
    const added = join(folder, "path");
    const more = existsSync(added) ? readFileSync(added, "utf8").trim().split("\n") : [];
    const bash = ["bash", "--noprofile", "--norc", "-eo", "pipefail", script];
    const { status, stdout } = run([...within, "sh", "-c", 'exec "$@" 2>&1', "sh", ...bash], {
      cwd: workspace,
      env: {
        ...environment,
        PATH: [...more, this.tools, PATH].join(":"),
        HOME: join(this.options.directory, "home"),
        CI: "true",
        GITHUB_ACTIONS: "true",
        GITHUB_REPOSITORY: "acme/hosts",
        GITHUB_STEP_SUMMARY: summary,
        GITHUB_PATH: added,
        ...env,
      },
    });
    if (installs && status === 0) {
      renameSync(join(workspace, "node_modules"), kept);
      symlinkSync(kept, join(workspace, "node_modules"));
    }
    return { status, output: stdout };
  }
}

function defaultsOf(inputs: Record<string, { default?: unknown }>): Context {
  return Object.fromEntries(Object.entries(inputs).map(([name, { default: value }]) => [name, value]));
}

function isStarted({ on }: Workflow, { name, event, branch = "", tag }: Happening): boolean {
  if (!(name in on)) return false;
  const { branches, tags, types } = on[name] ?? {};
  if (tag !== undefined) return tags?.includes(tag.replace(/^v.*/, "v*")) ?? branches === undefined;
  // Where none are named, GitHub takes these of a pull request.
  const wanted = types ?? (name.startsWith("pull_request") ? ["opened", "synchronize", "reopened"] : undefined);
  return (
    (branches === undefined || branches.includes(branch)) &&
    (wanted === undefined || wanted.includes(String(event?.action)))
  );
}

function useAction(uses: string, options: Record<string, string>, workspace: string, happening: Happening): void {
  const [, name = ""] = /^([\w.-]+\/[\w.-]+)@[0-9a-f]{40}$/.exec(uses) ?? [];
  const action = ACTIONS[name];
  assert.ok(action, `an action pinned by its commit, known here: ${uses}`);
  for (const option of action.needs) assert.ok(options[option], `${name} is given ${option}`);
  action.leaves?.(workspace, options, happening);
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

/** The library's type of a function. */
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

/**
 * GitHub's own evaluator. The package lets nobody but an `import` find it, and sucrase makes each `import` a `require`, so
 * it is named by its path.
 */
function expressions(): typeof Library {
  return createRequire(__filename)(
    join(__dirname, "../../node_modules/@actions/expressions/dist/index.js"),
  ) as typeof Library;
}

/** The value of a GitHub expression, by GitHub's own evaluator. */
async function evaluate(
  expression: string,
  contexts: Context,
  { workspace, failed }: JobState = { workspace: "", failed: false },
): Promise<Library.data.ExpressionData> {
  const { Lexer, Parser, Evaluator, data } = expressions();
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
