/** The pipelines' files pass actionlint and the published schemas, and these find a mistake that is put in. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { actionlint, canBuildActionlint, checkSchema } from "../support/checkers";
import { readWorkflow } from "../support/workflows";

const ROOT = join(__dirname, "../..");
const FOLDER = join(ROOT, ".github/workflows");
const WORKFLOWS = readdirSync(FOLDER);

test("actionlint, with shellcheck, finds nothing in the workflows, and finds what is put in", (t) => {
  if (process.env.CI !== "true" && !canBuildActionlint()) {
    t.skip("NOT RUN: actionlint is built by go, and there is none on PATH");
    return;
  }
  assert.deepEqual(actionlint(ROOT), { status: 0, output: "" });
  const broken = mkdtempSync(join(tmpdir(), "workflows-"));
  t.after(() => {
    rmSync(broken, { recursive: true });
  });
  mkdirSync(join(broken, ".git"));
  cpSync(join(ROOT, ".github"), join(broken, ".github"), { recursive: true });
  const file = join(broken, ".github/workflows/up.yml");
  writeFileSync(file, readFileSync(file, "utf8").replace('up --stack "$STACK"', "up --stack $STACK"));
  const { status, output } = actionlint(broken);
  assert.equal(status, 1);
  assert.match(output, /SC2086/);
});

for (const [schema, files] of [
  ["gitlab-ci", [".gitlab-ci.yml"]],
  ["github-workflows", WORKFLOWS.map((name) => `.github/workflows/${name}`)],
  ["github-actions", [".github/actions/set-up/action.yml"]],
] as const) {
  test(`${files.join(", ")}: what the published schema ${schema} says, which refuses what it doesn't`, (t) => {
    const { status, output } = checkSchema(
      schema,
      files.map((file) => join(ROOT, file)),
    );
    assert.equal(status, 0, output);
    const folder = mkdtempSync(join(tmpdir(), "schema-"));
    t.after(() => {
      rmSync(folder, { recursive: true });
    });
    const [first = ""] = files;
    const broken = join(folder, "broken.yml");
    writeFileSync(
      broken,
      `${readFileSync(join(ROOT, first), "utf8")}\nruns: 1\njobs: 1\nstages: 1\n`.replace(
        /^(runs|jobs|stages):(?=[^]*^\1: 1$)/gm,
        "x-$1:",
      ),
    );
    assert.equal(checkSchema(schema, [broken]).status, 1, "it is refused");
  });
}

const CI = "ci.yml";

test("ci.yml checks every push and pull request on each Node, without a secret or an identity", () => {
  const text = readFileSync(join(FOLDER, CI), "utf8");
  const { on, jobs } = readWorkflow(join(FOLDER, CI));
  assert.deepEqual(on, { push: null, pull_request: null });
  assert.doesNotMatch(text, /secrets\.|vars\.|azure\/login/i);
  const { engines, scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    engines: { node: string };
    scripts: Record<string, string>;
  };
  const nodes = jobs.quick?.strategy?.matrix.node ?? [];
  assert.deepEqual(nodes, [20, 22, 24]);
  assert.ok(engines.node.startsWith(`>=${String(nodes[0])}`), "the oldest is the one that package.json names");
  const called = [...`${text}${readFileSync(join(ROOT, ".ci/run"), "utf8")}`.matchAll(/npm run (\S+)/g)];
  for (const [, script = ""] of called) assert.ok(script in scripts, `package.json has the script ${script}`);
  assert.ok(
    called.some(([, script]) => script === "test:all"),
    ".ci/run runs every test",
  );
});

test(".gitlab-ci.yml: the job of the tests gets no token and no variable of Azure's", () => {
  const { test: job } = parse(readFileSync(join(ROOT, ".gitlab-ci.yml"), "utf8")) as Record<string, GitLabJob>;
  assert.deepEqual(job?.inherit, { default: ["cache"], variables: false });
  assert.equal(job.id_tokens, undefined);
  assert.deepEqual(job.parallel, { matrix: [{ NODE: ["20", "22", "24"] }] });
});

interface GitLabJob {
  inherit?: unknown;
  id_tokens?: unknown;
  parallel?: unknown;
}
