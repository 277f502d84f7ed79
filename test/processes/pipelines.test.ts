/** The pipelines' files pass actionlint and the published schemas, and these find a mistake that is put in. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { actionlint, canBuildActionlint, checkSchema } from "../support/checkers";

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
