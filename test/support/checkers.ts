/** Gets the checkers of pipeline files, each at one version, into the cache: actionlint, and the published schemas. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../../rehearsal/system/cache";
import { type RunOptions, mustRun, run } from "./run";

/** https://github.com/rhysd/actionlint, built from its Go module: its npm packages are old, or download a binary. */
const ACTIONLINT = "1.7.12";

/** https://github.com/python-jsonschema/check-jsonschema brings the schemas that SchemaStore and GitLab publish. */
const CHECK_JSONSCHEMA = "0.39.0";

/** The output of a command, and its exit code. */
export interface Checked {
  status: number | null;
  output: string;
}

/** Whether it can be had: without go it can't be built. */
export function canBuildActionlint(): boolean {
  return existsSync(actionlintFolder()) || run(["sh", "-c", "command -v go"]).status === 0;
}

/** Runs actionlint on a repository's files; with shellcheck on PATH it looks into each script too. */
export function actionlint(repository: string): Checked {
  const folder = kept(actionlintFolder(), (draft) => {
    mustRun(["go", "install", `github.com/rhysd/actionlint/cmd/actionlint@v${ACTIONLINT}`], {
      env: { ...process.env, GOBIN: draft, GOFLAGS: "" },
    });
  });
  return checked([join(folder, "actionlint")], { cwd: repository });
}

/** Checks files by a published schema, such as "gitlab-ci", "github-workflows" or "github-actions". */
export function checkSchema(schema: string, files: string[]): Checked {
  const folder = kept(join(cacheDirectory(), `check-jsonschema-${CHECK_JSONSCHEMA}`), (draft) => {
    mustRun(["python3", "-m", "pip", "install", "--quiet", "--target", draft, `check-jsonschema==${CHECK_JSONSCHEMA}`]);
  });
  const command = ["python3", "-m", "check_jsonschema", "--builtin-schema", `vendor.${schema}`, ...files];
  return checked(command, { env: { PYTHONPATH: folder } });
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

function checked(argv: string[], { cwd, env }: RunOptions = {}): Checked {
  const { status, stdout, stderr } = run(argv, { cwd, env: { ...process.env, ...env } });
  return { status, output: stdout + stderr };
}
