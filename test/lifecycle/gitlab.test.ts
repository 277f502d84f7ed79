/** The jobs of .gitlab-ci.yml, their scripts taken from the file itself, played through on the real engine. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { PlainProject } from "../support/plainProject";
import { secretsIn } from "../support/secrets";
import { copyRepository } from "../support/workflows";

const ROOT = join(__dirname, "../..");

interface Job {
  before_script?: string[];
  script?: string[];
  after_script?: (string | string[])[];
  variables?: Record<string, string>;
}

interface Note {
  id: number;
  body: string;
}

test("the jobs of GitLab's pipeline", async (t) => {
  const project = await PlainProject.open(t, { passphrase: true, program: true });
  const file = parse(readFileSync(join(ROOT, ".gitlab-ci.yml"), "utf8"), { merge: true }) as Record<string, Job>;
  const commit = join(project.directory, "commit");
  copyRepository(commit);
  const sources = "  azure-docker-host:dockerSources:\n    - 203.0.113.0/24\n";
  for (const name of ["Pulumi.dev.yaml", "Pulumi.review.yaml"]) {
    writeFileSync(join(commit, name), readFileSync(join(commit, name), "utf8") + sources);
  }

  // GitLab's API for notes, as far as it is used.
  const notes: Note[] = [];
  const gitlab = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      assert.equal(request.headers["private-token"], "a project's token");
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
    const job = file[name];
    assert.ok(job?.script, `there is a job ${name}`);
    const workspace = join(project.directory, "build");
    rmSync(workspace, { recursive: true, force: true });
    mkdirSync(workspace);
    cpSync(commit, workspace, { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(workspace, "node_modules"));
    const given: Record<string, string> = {
      CI_API_V4_URL: `http://127.0.0.1:${(gitlab.address() as AddressInfo).port}`,
      CI_PROJECT_ID: "1",
      CI_MERGE_REQUEST_IID: "7",
      CI_COMMIT_SHORT_SHA: "01234567",
      GITLAB_TOKEN: "a project's token",
      HOME: project.directory,
      ARM_OIDC_TOKEN: "the job's token",
      AZURE_CLIENT_ID: "client",
      AZURE_TENANT_ID: "tenant",
      AZURE_SUBSCRIPTION_ID: "subscription",
    };
    const all: Record<string, string> = { ...given };
    for (const [key, value] of Object.entries({
      ...(file.variables as Record<string, string>),
      ...job.variables,
      ...more,
    })) {
      all[key] = value.replace(/\$(\w+)/g, (_whole, variable: string) => all[variable] ?? "");
    }
    let log = "";
    const bash = async (lines: string[], status: string): Promise<number> => {
      const child = spawn("bash", ["-e", "-c", `exec 2>&1\n${lines.join("\n")}`], {
        cwd: workspace,
        env: { ...process.env, ...project.environment, ...all, CI_JOB_STATUS: status },
        stdio: ["ignore", "pipe", "inherit"],
      });
      child.stdout.on("data", (chunk: Buffer) => (log += chunk.toString()));
      const [code] = (await once(child, "close")) as [number];
      return code;
    };
    // The packages are in place already.
    const before = (file.default?.before_script ?? []).filter((line) => !line.startsWith("npm ci"));
    const status = await bash([...before, ...job.script], "running");
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
    assert.match(notes[0]?.body ?? "", /: failed\n[^]*Wrong setting: dockerPort/);
  });
  await t.test("a review stack comes and goes, and leaves nothing", async () => {
    const dev = project.azure.list();
    assert.match(await ok("review"), /\+ 19 created/);
    assert.match(await ok("review"), /19 unchanged/);
    await ok("review-stop");
    assert.deepEqual(project.azure.list(), dev);
    assert.doesNotMatch(project.ok(["stack", "ls", "--json"]), /review-7/);
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
    assert.match(refused.log, /"prod" given; allowed is the stack's name, "dev"\. Nothing was deleted\./);
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
