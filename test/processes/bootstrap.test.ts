// The bootstrap's decisions, on a small project of its own with an npm that only pretends.
import assert from "node:assert/strict";
import * as childProcess from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, test } from "node:test";

const rehearsal = path.join(__dirname, "..", "..", "rehearsal");

/** Stands in for `npm ci`: notes that it ran, wipes, breaks off if told to, and installs a loader that does nothing. */
const fakeNpm = `#!/bin/sh
echo "$@" >> npm.log
sleep 0.2
rm -rf node_modules
mkdir -p node_modules/sucrase/register
if [ -e fail ]; then exit 5; fi
echo '{ "name": "sucrase", "version": "1.0.0" }' > node_modules/sucrase/package.json
echo > node_modules/sucrase/register/ts.js
cp package-lock.json node_modules/.package-lock.json
`;

let project = "";

beforeEach(() => {
  project = fs.mkdtempSync(path.join(os.tmpdir(), "bootstrap-"));
  fs.mkdirSync(path.join(project, "rehearsal/system"), { recursive: true });
  fs.mkdirSync(path.join(project, "bin"));
  fs.copyFileSync(path.join(rehearsal, "..", "register.cjs"), path.join(project, "register.cjs"));
  for (const file of ["bootstrap.mjs", "system/fileLock.cjs"]) {
    fs.copyFileSync(path.join(rehearsal, file), path.join(project, "rehearsal", file));
  }
  fs.writeFileSync(path.join(project, "bin", "npm"), fakeNpm, { mode: 0o755 });
  writePackage(">=20.19");
  writeLock("1.0.0");
  fs.writeFileSync(
    path.join(project, "script.cjs"),
    `console.log(JSON.stringify(process.argv.slice(2)));
     const [what] = process.argv.slice(2);
     if (what === "exit") process.exit(7);
     if (what === "die") process.kill(process.pid, "SIGKILL");
     if (what === "wait") {
       setInterval(() => {}, 1000);
       process.on("SIGINT", () => console.log("interrupted"));
       process.on("SIGTERM", () => { console.log("terminated"); setTimeout(() => process.exit(3), 100); });
       console.log("waiting");
     }`,
  );
});

afterEach(() => {
  fs.rmSync(project, { recursive: true });
});

function writePackage(node: string): void {
  const manifest = { engines: { node }, dependencies: { sucrase: "^1.0.0" } };
  fs.writeFileSync(path.join(project, "package.json"), JSON.stringify(manifest));
}

function writeLock(sucrase: string): void {
  const packages = {
    "": {},
    "node_modules/sucrase": { version: sucrase },
    "node_modules/elsewhere": { version: "1.0.0", optional: true },
  };
  fs.writeFileSync(path.join(project, "package-lock.json"), JSON.stringify({ packages }));
}

function start(...args: string[]): childProcess.ChildProcessWithoutNullStreams {
  return childProcess.spawn(process.execPath, ["rehearsal/bootstrap.mjs", ...args], {
    cwd: project,
    env: { ...process.env, PATH: `${path.join(project, "bin")}:${process.env["PATH"] ?? ""}` },
  });
}

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

function ended(child: childProcess.ChildProcessWithoutNullStreams): Promise<Ended> {
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
  return new Promise((resolve) => {
    child.once("close", (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}

function bootstrap(...args: string[]): Promise<Ended> {
  return ended(start(...args));
}

function installations(): number {
  const log = path.join(project, "npm.log");
  return fs.existsSync(log) ? fs.readFileSync(log, "utf8").trim().split("\n").length : 0;
}

test("installs when nothing is installed, says so, runs the script, and does not install again", async () => {
  const first = await bootstrap("script.cjs", "a", "b c");
  assert.equal(first.code, 0);
  assert.equal(first.stdout, '["a","b c"]\n');
  assert.equal(first.stderr, "Installing the dependencies (npm ci)…\n");
  assert.match(fs.readFileSync(path.join(project, "npm.log"), "utf8"), /^ci --include=dev /);

  const second = await bootstrap("script.cjs");
  assert.deepEqual(second, { code: 0, stdout: "[]\n", stderr: "" });
  assert.equal(installations(), 1);
});

test("installs again when the lock file has changed, or when a dependency is gone", async () => {
  await bootstrap("script.cjs");
  writeLock("1.0.1");
  await bootstrap("script.cjs");
  assert.equal(installations(), 2);
  fs.rmSync(path.join(project, "node_modules", "sucrase"), { recursive: true });
  assert.equal((await bootstrap("script.cjs")).code, 0);
  assert.equal(installations(), 3);
});

test("installs again for another Node.js or another machine", async () => {
  await bootstrap("script.cjs");
  const stamp = path.join(project, "node_modules", ".bootstrap.json");
  fs.writeFileSync(stamp, fs.readFileSync(stamp, "utf8").replace(process.arch, "abacus"));
  await bootstrap("script.cjs");
  assert.equal(installations(), 2);
});

test("accepts what somebody installed by hand", async () => {
  childProcess.execFileSync(path.join(project, "bin", "npm"), ["ci"], { cwd: project });
  assert.equal((await bootstrap("script.cjs")).code, 0);
  assert.equal(installations(), 1);
});

test("an installation that was cut off is completed by the next run", async () => {
  fs.writeFileSync(path.join(project, "fail"), "");
  const failed = await bootstrap("script.cjs");
  assert.equal(failed.code, 5);
  assert.equal(failed.stdout, "");
  assert.match(failed.stderr, /npm ci ended with 5; the next run starts it again\./);

  fs.rmSync(path.join(project, "fail"));
  assert.equal((await bootstrap("script.cjs")).code, 0);
  assert.equal(installations(), 2);
});

test("two at once install once", async () => {
  const both = await Promise.all([bootstrap("script.cjs"), bootstrap("script.cjs")]);
  assert.deepEqual(
    both.map(({ code, stdout }) => ({ code, stdout })),
    [
      { code: 0, stdout: "[]\n" },
      { code: 0, stdout: "[]\n" },
    ],
  );
  assert.equal(installations(), 1);
});

test("passes the script's exit code on, and 128 and the signal's number if a signal ended it", async () => {
  assert.equal((await bootstrap("script.cjs", "exit")).code, 7);
  assert.equal((await bootstrap("script.cjs", "die")).code, 128 + os.constants.signals.SIGKILL);
});

test("forwards signals once and waits for the script", async () => {
  await bootstrap("script.cjs");
  const child = start("script.cjs", "wait");
  const end = ended(child);
  const printed = (line: string): Promise<void> =>
    new Promise((resolve) => {
      child.stdout.on("data", (data: Buffer) => {
        if (data.toString().includes(line)) resolve();
      });
    });
  await printed("waiting");
  child.kill("SIGINT");
  await printed("interrupted");
  child.kill("SIGTERM");
  const { code, stdout } = await end;
  assert.equal(stdout, '["wait"]\nwaiting\ninterrupted\nterminated\n');
  assert.equal(code, 3);
});

test("refuses a Node.js that is too old, naming both versions", async () => {
  writePackage(">=99.1");
  const { code, stderr } = await bootstrap("script.cjs");
  assert.equal(code, 1);
  assert.equal(stderr, `This needs Node.js 99.1 or later, and this is Node.js ${process.versions.node}.\n`);
  assert.equal(installations(), 0);
});

test("says how it is used when there is no script", async () => {
  const { code, stderr } = await bootstrap();
  assert.equal(code, 2);
  assert.match(stderr, /^usage: /);
});
