/** Another user can't make us run their code: no command loads code from the folder for temporary files. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratchFolder } from "../support/certificateDirectories";

const ROOT = join(__dirname, "../..");
const NOBODY = 65534;

/** Each way to start this project's TypeScript. A provider and the language host end when their input ends. */
const COMMANDS: Record<string, string[]> = {
  "docker-host": [process.execPath, "client/docker-host.cjs", "--help"],
  "npm start, npm test, npm run bench": [process.execPath, "rehearsal/bootstrap.mjs", "rehearsal/cli.ts", "--help"],
  "a provider": ["timeout", "3", "rehearsal/providers/bin/pulumi-resource-random"],
  "the tests' language host": ["timeout", "3", "test/lifecycle/languageHost/pulumi-language-nodejs"],
};

/** Puts a line before all code in a folder, and gives the files to another user. */
function plant(folder: string): void {
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) {
      const text = fs.readFileSync(path, "utf8");
      fs.writeFileSync(path, text.replace('"code":"', '"code":"console.error(`PLANTED`);'));
    }
    fs.chownSync(path, NOBODY, NOBODY);
  }
}

for (const [what, [command = "", ...args]] of Object.entries(COMMANDS)) {
  test(`${what} runs nothing that another user left in the temporary folder`, (t) => {
    if (process.getuid?.() !== 0) {
      t.skip("NOT RUN: files of another user take root");
      return;
    }
    const TMPDIR = scratchFolder(t);
    fs.chmodSync(TMPDIR, 0o1777);
    // tsx would look here for compiled code, whichever user owns it.
    const cache = join(TMPDIR, "tsx-0");
    fs.mkdirSync(cache);
    const run = (): { stdout: string; stderr: string } =>
      spawnSync(command, args, { cwd: ROOT, encoding: "utf8", env: { ...process.env, TMPDIR } });
    const { stdout, stderr } = run();
    assert.match(stdout, /^(Usage: |usage: |\d+\n)/, stderr);
    plant(TMPDIR);
    assert.doesNotMatch(run().stderr, /PLANTED/);
    assert.deepEqual(fs.readdirSync(cache), [], "nothing is kept there");
  });
}
