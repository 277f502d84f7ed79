// The lock between processes: exclusion, waiting, and taking over from a holder that died.
import assert from "node:assert/strict";
import * as childProcess from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test, type TestContext } from "node:test";
import { withFileLock } from "../../rehearsal/system/fileLock.cjs";

const lockModule = path.join(__dirname, "../../rehearsal/system/fileLock.cjs");

function temporaryDirectory(t: TestContext): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "file-lock-"));
  t.after(() => {
    fs.rmSync(directory, { recursive: true });
  });
  return directory;
}

/** Runs a program in a process of its own, with `withFileLock` and `file` at hand; what it prints. */
function inProcess(file: string, program: string): Promise<string> {
  const script = `const { withFileLock } = require(${JSON.stringify(lockModule)});
    const fs = require("node:fs");
    const file = ${JSON.stringify(file)};
    ${program}`;
  return new Promise((resolve) => {
    childProcess.execFile(process.execPath, ["-e", script], (_error, stdout) => {
      resolve(stdout);
    });
  });
}

function neverWait(): void {
  assert.fail("there is nobody to wait for");
}

test("returns what the function returns and removes the file", async (t) => {
  const file = path.join(temporaryDirectory(t), "made", "for", "it.lock");
  const seen = await withFileLock(file, neverWait, () => fs.readFileSync(file, "utf8").split("\n")[0]);
  assert.equal(seen, String(process.pid));
  assert.deepEqual(fs.readdirSync(path.dirname(file)), []);
});

test("is released when the function fails", async (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, "a.lock");
  await assert.rejects(
    withFileLock(file, neverWait, () => Promise.reject(new Error("no luck"))),
    /no luck/,
  );
  assert.deepEqual(fs.readdirSync(directory), []);
});

test("one at a time among processes", async (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, "a.lock");
  const counter = path.join(directory, "counter");
  fs.writeFileSync(counter, "0");
  // Reads, waits, writes: any overlap would lose a count. A dead holder at the start makes all of them take over.
  await inProcess(file, "withFileLock(file, () => {}, () => process.exit(0));");
  assert.equal(fs.existsSync(file), true);
  const program = `(async () => {
    for (let round = 0; round < 5; round++) await withFileLock(file, () => {}, async () => {
      const count = Number(fs.readFileSync(${JSON.stringify(counter)}, "utf8"));
      await new Promise((resolve) => setTimeout(resolve, 5));
      fs.writeFileSync(${JSON.stringify(counter)}, String(count + 1));
    });
  })();`;
  await Promise.all(Array.from({ length: 4 }, () => inProcess(file, program)));
  assert.equal(fs.readFileSync(counter, "utf8"), "20");
  assert.deepEqual(fs.readdirSync(directory), ["counter"]);
});

test("one at a time within a process, and the waiting one is told once who holds it", async (t) => {
  const file = path.join(temporaryDirectory(t), "a.lock");
  const events: unknown[] = [];
  const first = withFileLock(file, neverWait, async () => {
    await new Promise((resolve) => setTimeout(resolve, 250));
    events.push("first");
  });
  const second = withFileLock(
    file,
    (holder) => events.push(holder),
    () => events.push("second"),
  );
  await Promise.all([first, second]);
  assert.deepEqual(events, [process.pid, "first", "second"]);
});

for (const [what, content] of [
  ["a holder that is gone", "999999999\n1\n"],
  ["a holder whose process ID another process has now", `${process.pid}\n1\n`],
  ["a file that names nobody", ""],
] as const) {
  test(`takes over from ${what}`, async (t) => {
    const file = path.join(temporaryDirectory(t), "a.lock");
    fs.writeFileSync(file, content);
    assert.equal(await withFileLock(file, neverWait, () => "mine"), "mine");
    assert.deepEqual(fs.readdirSync(path.dirname(file)), []);
  });
}
