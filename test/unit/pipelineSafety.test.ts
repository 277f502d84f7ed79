/** The pipelines keep secrets and identities from code that nobody has reviewed. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, suite, test } from "node:test";
import { parse } from "yaml";
import { type Happening, Runner, WORKFLOWS, copyRepository, readWorkflow } from "../support/workflows";

const ROOT = join(__dirname, "../..");
const FOLDER = join(ROOT, ".github/workflows");
const FILES = readdirSync(FOLDER);
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

/** Each job that has more rights than to read the repository: "file, job", its environment, its other permissions. */
const TRUSTED: Record<string, [environment: string | undefined, more: Record<string, string>]> = {
  "codeql.yml, analyze": [undefined, { "security-events": "write" }],
  "daily.yml, keep": ["docker-host", { "id-token": "write" }],
  "preview.yml, preview": ["docker-host-preview", { "id-token": "write", "pull-requests": "write" }],
  "release.yml, release": [
    "docker-host-release",
    { contents: "write", "id-token": "write", attestations: "write", "artifact-metadata": "write" },
  ],
  "review.yml, up": ["docker-host-review", { "id-token": "write" }],
  "reviewTeardown.yml, down": ["docker-host-review-teardown", { "id-token": "write" }],
  "reviewTeardown.yml, sweep": ["docker-host-review-teardown", { "id-token": "write", "pull-requests": "read" }],
  "teardown.yml, destroy": ["docker-host", { "id-token": "write" }],
  "up.yml, up": ["docker-host", { "id-token": "write" }],
};

/** A secret's value; "secrets.X != ''" tells only whether there is one. */
const SECRET_VALUE = /\bsecrets\.\w+\b(?! != '')/;

test("each workflow is played by a test, or named with the reason", () => {
  const known = Object.values(WORKFLOWS).flat();
  assert.deepEqual(
    FILES.filter((file) => !known.includes(file)),
    [],
  );
});

for (const file of FILES) {
  suite(file, () => {
    const workflow = readWorkflow(join(FOLDER, file));
    const text = readFileSync(join(FOLDER, file), "utf8");
    const jobs = Object.entries(workflow.jobs).map(([name, job]) => ({ name: `${file}, ${name}`, job }));

    test("a job reads the repository, and has more rights only where the table says so", () => {
      assert.deepEqual(workflow.permissions, { contents: "read" });
      for (const { name, job } of jobs) {
        const [environment, more] = TRUSTED[name] ?? [undefined, {}];
        assert.deepEqual(job.permissions ?? { contents: "read" }, { contents: "read", ...more }, name);
        assert.equal(job.environment, environment, name);
      }
    });

    test("a job with an identity or a secret has an environment", () => {
      for (const { name, job } of jobs) {
        const trusted = job.permissions?.["id-token"] !== undefined || SECRET_VALUE.test(JSON.stringify(job));
        if (trusted) assert.ok(job.environment, name);
      }
      assert.doesNotMatch(JSON.stringify({ ...workflow, jobs: {} }), SECRET_VALUE, "no secret for all jobs");
      assert.doesNotMatch(
        text,
        /AZURE_CLIENT_SECRET|ARM_CLIENT_SECRET|AZURE_CREDENTIALS/,
        "no stored secret of Azure's",
      );
    });

    test("an identity or a backend has no fallback", () => {
      assert.doesNotMatch(text, /vars\.\w*(CLIENT_ID|BACKEND_URL|SUBSCRIPTION_ID)\s*\|\|/);
    });

    test("actions are pinned by commit, and a checkout keeps no token", () => {
      for (const [, uses = ""] of text.matchAll(/uses: (.*)$/gm)) {
        assert.match(uses, /^(\.\/\.github\/actions\/set-up|[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/);
      }
      for (const { uses = "", with: options } of jobs.flatMap(({ job }) => job.steps)) {
        if (uses.startsWith("actions/checkout@")) assert.equal(options?.["persist-credentials"], false);
      }
    });

    test("a script has no expression, runs no install script and pipes no download into a shell", () => {
      for (const { run = "" } of jobs.flatMap(({ job }) => job.steps)) {
        assert.doesNotMatch(run, /\$\{\{/, "others' text reaches a script as a variable alone");
        assert.doesNotMatch(run, /npm ci(?! --ignore-scripts)|npm install/);
        assert.doesNotMatch(run, /(curl|wget)[^\n]*\|/);
        assert.doesNotMatch(run, /npx (?!--no -- )/, "npx asks no registry for a name");
      }
    });

    test("a job ends, and none that changes a stack is cut off", () => {
      for (const { name, job } of jobs) {
        assert.ok(job["timeout-minutes"] <= 60, name);
        const { group = "", "cancel-in-progress": cancels } = job.concurrency ?? workflow.concurrency ?? {};
        if (job.environment !== undefined) assert.ok(group, name);
        if (cancels) assert.doesNotMatch(group, /stack-/, name);
      }
    });

    test("with pull_request_target, only the default branch's code runs", () => {
      if (!("pull_request_target" in workflow.on)) return;
      assert.doesNotMatch(text, /ref:|head\.(sha|ref)|refs\/pull/);
    });
  });
}

test("the local action runs no install script and pipes no download into a shell", () => {
  const action = read(".github/actions/set-up/action.yml");
  assert.match(action, /^ +run: npm ci --ignore-scripts$/m);
  assert.doesNotMatch(action, /npm ci(?! --ignore-scripts)|\| *(ba)?sh\b/);
  assert.match(action, /^ +deploy\/install-pulumi\.sh /m);
});

function runnerOf(t: TestContext, secrets: Record<string, Record<string, string>>): { runner: Runner; commit: string } {
  const directory = mkdtempSync(join(tmpdir(), "pipeline-safety-"));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  const commit = join(directory, "commit");
  copyRepository(commit);
  const environment = { PATH: process.env.PATH ?? "" };
  const vars = { AZURE_PREVIEW_CLIENT_ID: "1", AZURE_REVIEW_CLIENT_ID: "1", PULUMI_REVIEW_BACKEND_URL: "file:///x" };
  return { runner: new Runner({ directory, vars, secrets, environment, names: () => ({}) }), commit };
}

const pullRequest = (
  name: "pull_request" | "pull_request_target",
  commit: string,
  { action, labels = [], label, state = "open" }: { action: string; labels?: string[]; label?: string; state?: string },
): Happening => ({
  name,
  commit,
  event: {
    action,
    ...(label !== undefined && { label: { name: label } }),
    pull_request: {
      number: 7,
      state,
      labels: labels.map((each) => ({ name: each })),
      head: { sha: "0123456789abcdef", repo: { full_name: "acme/hosts" } },
      base: { sha: "main" },
    },
  },
});

test("a secret of the whole repository stops the pull request's job before any code of the branch runs", async (t) => {
  const { runner, commit } = runnerOf(t, { "": { PULUMI_CONFIG_PASSPHRASE: "for everybody" } });
  const { declared, ...others } = await runner.run(
    "preview.yml",
    pullRequest("pull_request", commit, { action: "opened" }),
  );
  assert.deepEqual(others, {}, "and no preview follows");
  assert.deepEqual(declared?.steps, { "Refuse secrets without an environment": "failure" });
  assert.equal(
    declared.summary,
    "PULUMI_ACCESS_TOKEN and PULUMI_CONFIG_PASSPHRASE must be secrets of environments (got one of the repository). Move it: docs/pipelines.md.\n",
  );
});

suite(
  "a review stack's group: only what makes or ends the stack waits there, so nothing else can cancel a teardown",
  () => {
    const STACK = "stack-review-7";
    const review = ["review"];
    for (const [what, file, event, expected] of [
      ["the label", "review.yml", { action: "labeled", label: "review", labels: review }, true],
      ["a push", "review.yml", { action: "synchronize", labels: review }, true],
      ["a push without the label", "review.yml", { action: "synchronize" }, false],
      ["another label, after review's went", "review.yml", { action: "labeled", label: "bug", labels: ["bug"] }, false],
      [
        "another label, after the end",
        "review.yml",
        { action: "labeled", label: "bug", labels: ["review", "bug"], state: "closed" },
        false,
      ],
      ["the end", "reviewTeardown.yml", { action: "closed", labels: review, state: "closed" }, true],
      ["the end without the label", "reviewTeardown.yml", { action: "closed", state: "closed" }, false],
      ["the label goes", "reviewTeardown.yml", { action: "unlabeled", label: "review" }, true],
      ["another label goes", "reviewTeardown.yml", { action: "unlabeled", label: "bug", labels: review }, false],
    ] as const) {
      test(`${what}: ${expected ? "in it" : "not in it"}`, async (t) => {
        const { runner, commit } = runnerOf(t, {});
        const name = file === "review.yml" ? "pull_request" : "pull_request_target";
        const groups = await runner.groups(file, pullRequest(name, commit, event as never));
        assert.ok(Object.keys(groups).length > 0, "the workflow starts");
        assert.deepEqual(Object.values(groups).includes(STACK), expected, JSON.stringify(groups));
      });
    }
  },
);

interface GitLabJob {
  extends?: string;
  id_tokens?: unknown;
  environment?: { name: string };
  variables?: Record<string, string>;
  rules?: { if?: string }[];
}

suite(".gitlab-ci.yml", () => {
  const file = parse(read(".gitlab-ci.yml"), { merge: true }) as Record<string, GitLabJob> & {
    default: { image: string; id_tokens?: unknown };
  };
  const whole = (name: string): GitLabJob => {
    const { extends: parent, ...job } = file[name] ?? {};
    return { ...(parent !== undefined && whole(parent)), ...job };
  };
  const jobs = Object.keys(file).filter((name) => !name.startsWith(".") && "script" in (file[name] as object));

  test("a job with an identity has an environment, and a merge request's has an identity of its own", () => {
    assert.equal(file.default.id_tokens, undefined);
    for (const name of jobs) {
      const { id_tokens: tokens, environment, rules = [] } = whole(name);
      if (tokens === undefined) continue;
      assert.ok(environment, name);
      const forMergeRequests = rules.some((rule) => rule.if?.includes("merge_request_event"));
      assert.equal(environment.name === "docker-host", !forMergeRequests && name !== "review-sweep", name);
      if (forMergeRequests) assert.match(rules[0]?.if ?? "", /\$AZURE_(PREVIEW|REVIEW)_CLIENT_ID/, name);
    }
  });

  test("no job sets a variable, since a project's variable would win over it", () => {
    for (const name of jobs) assert.equal(whole(name).variables, undefined, name);
  });

  test("packages run no install script, Pulumi's sum is checked, and nothing is piped into a shell", () => {
    const text = read(".gitlab-ci.yml");
    assert.doesNotMatch(text, /npm ci(?! --ignore-scripts)|\| *(ba)?sh\b|npx (?!--no -- )/);
    assert.match(text, /deploy\/install-pulumi\.sh/);
  });
});

test("images are pinned by digest, or the digest is a blank that must be filled in", () => {
  const { default: byDefault } = parse(read(".gitlab-ci.yml")) as { default: { image: string } };
  assert.match(byDefault.image, /^node:24-bookworm@sha256:[0-9a-f]{64}$/);
  const images = [...read("deploy/operator/stack.yaml").matchAll(/^ +image: (.*)$/gm)].map(([, image]) => image);
  const [, version = ""] = /pulumi-v([\d.]+)-/.exec(read("deploy/pulumi.sha256")) ?? [];
  assert.deepEqual(images, [`pulumi/pulumi:${version}-nonroot@sha256:DIGEST`]);
});

test("docs/pipelines.md names each environment, variable and secret that the pipelines read", () => {
  const docs = read("docs/pipelines.md");
  const text = [...FILES.map((file) => `.github/workflows/${file}`), ".gitlab-ci.yml"].map(read).join("\n");
  const names = [
    ...[...text.matchAll(/\b(?:vars|secrets)\.(\w+)/g)].map(([, name]) => name),
    ...[...text.matchAll(/\$\{?((?:AZURE|PULUMI)_\w+)/g)].map(([, name]) => name),
    ...FILES.flatMap((file) => Object.values(readWorkflow(join(FOLDER, file)).jobs).map((job) => job.environment)),
  ].filter((name) => name !== undefined && name !== "AZURE_FEDERATED_TOKEN_FILE");
  assert.ok(names.length > 20, "they are found");
  assert.deepEqual(
    [...new Set(names)].filter((name) => !docs.includes(`\`${name}\``)),
    [],
  );
});
