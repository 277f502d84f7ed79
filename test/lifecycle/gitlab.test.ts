/** The jobs of .gitlab-ci.yml, their scripts taken from the file itself, played through on the real engine. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { PlainProject } from "../support/plainProject";
import { leftOut } from "../support/sample";
import { secretsIn } from "../support/secrets";
import { copyRepository } from "../support/workflows";

const ROOT = join(__dirname, "../..");

interface Job {
  extends?: string;
  id_tokens?: Record<string, unknown>;
  environment?: { name: string };
  before_script?: (string | string[])[];
  script?: string[];
  after_script?: (string | string[])[];
  variables?: Record<string, string>;
}

interface Note {
  id: number;
  body: string;
}

/** The passphrase of each environment; a variable's scope may end in "*". */
const PASSPHRASES: Record<string, string> = {
  "docker-host": "the passphrase of the stack dev",
  "docker-host-preview": "the passphrase of the stack dev",
  "review/": "the passphrase of review stacks",
};

test("the jobs of GitLab's pipeline", async (t) => {
  if (leftOut(t, "the jobs of GitLab")) return;
  const project = await PlainProject.open(t, { passphrase: true, program: true });
  project.environment.PULUMI_CONFIG_PASSPHRASE = PASSPHRASES["docker-host"] ?? "";
  const file = parse(readFileSync(join(ROOT, ".gitlab-ci.yml"), "utf8"), { merge: true }) as Record<string, Job>;
  const commit = join(project.directory, "commit");
  copyRepository(commit);
  const sources = "  azure-docker-host:dockerSources:\n    - 203.0.113.0/24\n";
  for (const name of ["Pulumi.dev.yaml", "Pulumi.review.yaml"]) {
    writeFileSync(join(commit, name), readFileSync(join(commit, name), "utf8") + sources);
  }
  const git = (...args: string[]): string => {
    const identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"];
    const { status, stdout, stderr } = spawnSync("git", [...identity, ...args], { cwd: commit, encoding: "utf8" });
    assert.equal(status, 0, stderr);
    return stdout.trim();
  };
  git("init", "--quiet");
  git("add", "--all");
  git("commit", "--quiet", "--message", "The base");
  git("remote", "add", "origin", `file://${commit}`);
  const base = git("rev-parse", "HEAD");

  // GitLab's API for notes and merge requests, as far as it is used.
  const notes: Note[] = [];
  const mergeRequests: Record<string, { state: string; labels: string[] }> = {};
  const gitlab = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      assert.equal(request.headers["private-token"], "a project's token");
      const [, iid] = /^\/projects\/1\/merge_requests\/(\d+)$/.exec(request.url ?? "") ?? [];
      if (iid !== undefined) {
        response.statusCode = mergeRequests[iid] ? 200 : 404;
        response.end(JSON.stringify(mergeRequests[iid] ?? {}));
        return;
      }
      const [, id] = /^\/projects\/1\/merge_requests\/7\/notes(?:\/(\d+))?(?:\?.*)?$/.exec(request.url ?? "") ?? [];
      const { body } = (text === "" ? { body: "" } : JSON.parse(text)) as { body: string };
      if (request.method === "POST") notes.push({ id: notes.length + 1, body });
      const own = notes.find((note) => String(note.id) === id);
      if (request.method === "PUT" && own) own.body = body;
      response.end(JSON.stringify(request.method === "GET" ? notes : {}));
    });
  }).listen(0, "127.0.0.1");
  t.after(() => {
    gitlab.closeAllConnections();
    gitlab.close();
  });
  await once(gitlab, "listening");

  let printed = "";
  /** Runs a job as GitLab's runner does: on a fresh copy, its script, and what comes after it however that ended. */
  const run = async (name: string, more: Record<string, string> = {}): Promise<{ status: number; log: string }> => {
    const job = withParents(file, name);
    assert.ok(job.script, `there is a job ${name}`);
    const workspace = join(project.directory, "build");
    rmSync(workspace, { recursive: true, force: true });
    mkdirSync(workspace);
    cpSync(commit, workspace, { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(workspace, "node_modules"));
    const environment = (job.environment?.name ?? "").replace("$CI_MERGE_REQUEST_IID", "7");
    const [, passphrase] =
      Object.entries(PASSPHRASES).find(
        ([scope]) => environment === scope || (environment.startsWith(scope) && scope.endsWith("/")),
      ) ?? [];
    // A project's variables win over a file's: https://docs.gitlab.com/ci/variables/#cicd-variable-precedence
    const all: Record<string, string> = {
      ...(file.variables as Record<string, string>),
      ...job.variables,
      GITLAB_CI: "true",
      CI_API_V4_URL: `http://127.0.0.1:${(gitlab.address() as AddressInfo).port}`,
      CI_PROJECT_ID: "1",
      CI_MERGE_REQUEST_IID: "7",
      CI_MERGE_REQUEST_DIFF_BASE_SHA: base,
      CI_COMMIT_SHORT_SHA: "01234567",
      HOME: project.directory,
      AZURE_CLIENT_ID: "the identity of main",
      AZURE_PREVIEW_CLIENT_ID: "the identity of previews",
      AZURE_REVIEW_CLIENT_ID: "the identity of reviews",
      AZURE_TENANT_ID: "tenant",
      AZURE_SUBSCRIPTION_ID: "subscription",
      PULUMI_STACK: "dev",
      STACK: "dev",
      PULUMI_BACKEND_URL: project.backendUrl("backend"),
      PULUMI_REVIEW_BACKEND_URL: project.backendUrl("reviews"),
      ...(job.id_tokens && { ARM_OIDC_TOKEN: "the job's token" }),
      ...(passphrase !== undefined && { PULUMI_CONFIG_PASSPHRASE: passphrase, GITLAB_TOKEN: "a project's token" }),
      ...more,
    };
    const runner = { ...project.environment };
    delete runner.PULUMI_CONFIG_PASSPHRASE;
    let log = "";
    const bash = async (lines: string[], status: string): Promise<number> => {
      const child = spawn("bash", ["-e", "-c", `exec 2>&1\n${lines.join("\n")}`], {
        cwd: workspace,
        env: { ...process.env, ...runner, ...all, CI_JOB_STATUS: status },
        stdio: ["ignore", "pipe", "inherit"],
      });
      child.stdout.on("data", (chunk: Buffer) => (log += chunk.toString()));
      const [code] = (await once(child, "close")) as [number];
      return code;
    };
    // The packages are in place already.
    const lines = [...(job.before_script ?? []), ...job.script].flat().flatMap((line) => {
      if (!line.startsWith("npm ci --ignore-scripts")) return [line];
      return line.includes("--prefix base") ? [`ln -s '${join(ROOT, "node_modules")}' base/node_modules`] : [];
    });
    const status = await bash(lines, "running");
    await bash((job.after_script ?? []).flat(), status === 0 ? "success" : "failed");
    printed += log;
    return { status, log };
  };
  const ok = async (name: string, more?: Record<string, string>): Promise<string> => {
    const { status, log } = await run(name, more);
    assert.equal(status, 0, log);
    return log;
  };

  project.ok(["stack", "init", "dev"]);
  await t.test("up, then nothing to renew and no drift", async () => {
    assert.match(await ok("up"), /\+ 19 created/);
    assert.match(await ok("renew"), /19 unchanged/);
    assert.match(await ok("drift"), /✓ resources/);
  });
  await t.test("a merge request shows its declared changes, with no secret and no identity", async () => {
    assert.match(await ok("declared"), /No declared resource changes\./);
    const dev = join(commit, "Pulumi.dev.yaml");
    const before = readFileSync(dev, "utf8");
    writeFileSync(dev, `${before}  azure-docker-host:dockerPort: 4244\n`);
    const log = await ok("declared");
    writeFileSync(dev, before);
    assert.match(log, /^-   dockerPort: 4243\n\+   dockerPort: 4244$/m);
    const { id_tokens, environment } = withParents(file, "declared");
    assert.deepEqual([id_tokens, environment], [undefined, undefined]);
  });
  await t.test("a merge request's preview is its note, which the next push rewrites", async () => {
    await ok("preview");
    assert.match(notes[0]?.body ?? "", /^<!-- preview of dev -->\n### Preview of the stack dev at 01234567: success\n/);
    const dev = join(commit, "Pulumi.dev.yaml");
    const before = readFileSync(dev, "utf8");
    writeFileSync(dev, `${before}  azure-docker-host:dockerPort: 22\n`);
    const { status, log } = await run("preview");
    writeFileSync(dev, before);
    assert.equal(status, 1, log);
    assert.equal(notes.length, 1);
    assert.match(notes[0]?.body ?? "", /: failed\n[^]*Invalid setting: dockerPort/);
  });
  await t.test("a review stack comes and goes in a backend of its own, and leaves nothing", async () => {
    mkdirSync(join(project.directory, "reviews"));
    const reviews = { PULUMI_BACKEND_URL: project.backendUrl("reviews") };
    const names = (): string[] => {
      const { status, output } = project.pulumi(["stack", "ls", "--json"], "", reviews);
      assert.equal(status, 0, output);
      return (JSON.parse(output) as { name: string }[]).map(({ name }) => name).sort();
    };
    const dev = project.azure.list();
    assert.match(await ok("review"), /\+ 19 created/);
    assert.match(await ok("review"), /19 unchanged/);
    assert.deepEqual(names(), ["review-7"]);
    assert.match(project.ok(["stack", "ls", "--json"]), /"dev"/);
    await ok("review-stop");
    assert.deepEqual(project.azure.list(), dev);
    assert.deepEqual(names(), []);

    const env = { ...reviews, PULUMI_CONFIG_PASSPHRASE: PASSPHRASES["review/"] ?? "" };
    for (const number of [7, 8, 9]) {
      assert.equal(project.pulumi(["stack", "init", `review-${number}`], "", env).status, 0);
    }
    Object.assign(mergeRequests, {
      7: { state: "opened", labels: ["review"] },
      8: { state: "merged", labels: ["review"] },
    });
    const { status, log } = await run("review-sweep");
    assert.equal(status, 1, log);
    assert.match(log, /^review-9 stays: nobody can tell whether its pull request is open\. GET .*: 404$/m);
    assert.deepEqual(names(), ["review-7", "review-9"]);
  });
  await t.test("a rule that was opened and an extension that is gone fail the job, which says so", async () => {
    const list = project.azure.list();
    const rules = list.find(({ armType }) => armType.endsWith("/networkSecurityGroups"));
    const extension = list.find(({ id }) => id.endsWith("/DockerExtension"));
    assert.ok(rules && extension, "both are there");
    project.azure.set(JSON.parse(JSON.stringify(rules).replaceAll("203.0.113.0/24", "*")) as typeof rules);
    project.azure.remove(extension.id);
    const { status, log } = await run("drift");
    assert.equal(status, 16);
    assert.match(log, /missing +docker-host-docker/);
    assert.match(log, /changed +docker-host-nsg.*"203\.0\.113\.0\/24" → "\*"/);
  });
  await t.test("a teardown takes the stack's name; no log has a secret", async () => {
    const { needles } = secretsIn(JSON.parse(project.ok(["stack", "export", "--show-secrets", "--stack", "dev"])));
    const refused = await run("teardown", { TEARDOWN: "prod" });
    assert.equal(refused.status, 1);
    assert.match(refused.log, /must be the stack's name, "dev" \(got "prod"\)\. Nothing was deleted\./);
    await ok("teardown", { TEARDOWN: "dev" });
    assert.deepEqual(project.azure.list(), []);
    assert.ok(needles.length >= 4, "the secrets are known");
    for (const text of [printed, ...notes.map(({ body }) => body)]) {
      assert.deepEqual(
        needles.filter((needle) => text.includes(needle)),
        [],
      );
    }
  });
});

/** A job with what it takes from the jobs that it extends. */
function withParents(file: Record<string, Job>, name: string): Job {
  const job = file[name];
  assert.ok(job, `there is a job ${name}`);
  return { ...(job.extends !== undefined && withParents(file, job.extends)), ...job };
}
