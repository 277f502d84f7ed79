/** The error of a command that fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mustRun } from "../../../rehearsal/system/command";

const FAILING = ["/bin/sh", "-c", "echo a secret; echo the reason >&2; exit 3"];

test("the error has what the command printed", async () => {
  await assert.rejects(mustRun(FAILING), {
    message: `${FAILING.join(" ")} … failed with exit code 3:\na secret\n\nthe reason`,
  });
});

test("the error of a command that prints secrets has the reason, and not the secrets", async () => {
  await assert.rejects(mustRun(FAILING, { isSecret: true }), {
    message: `${FAILING.join(" ")} … failed with exit code 3:\nthe reason`,
  });
});
