/** What the rehearsal's page says of commands that were never run. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { NOT_RUN } from "../support/azCommands";

test("the page names each command of az that can't be run, and what it lacks", () => {
  const page = readFileSync(join(__dirname, "../../rehearsal/README.md"), "utf8");
  const [, section = ""] = page.split("## Commands of `az` that were never run\n");
  const rows = [...section.matchAll(/^\| `(az [^`]+)` +\| (.*?) +\|$/gm)].map(([, command, lack]) => [command, lack]);
  assert.deepEqual(Object.fromEntries(rows), NOT_RUN);
});
