/** What is said of a command that failed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runQuietly } from "../../rehearsal/recovery";

const SHELL = "/bin/sh";
const SCRIPT = "echo a secret; echo the reason >&2; exit 3";
const options = { cwd: "/", env: {} };

test("a command that fails: what it printed is in the error", async () => {
  await assert.rejects(runQuietly(SHELL, ["-c", SCRIPT], options), {
    message: "/bin/sh -c failed with exit code 3:\na secret\nthe reason\n",
  });
});

test("a command that was asked for secrets and fails: the reason, and not the secrets", async () => {
  await assert.rejects(runQuietly(SHELL, ["-c", SCRIPT, "sh", "--show-secrets"], options), {
    message: "/bin/sh -c failed with exit code 3:\nthe reason\n",
  });
});
