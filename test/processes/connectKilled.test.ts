/** `connect` and `disconnect`, killed before and after each change that they make on the disk: the old files or the new ones. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { type TestContext, before, test } from "node:test";
import * as ts from "typescript";
import { CONNECTION, open, putFiles, scratchFolder, set } from "../support/certificateDirectories";
import { leftOut } from "../support/sample";

/** The modules as JavaScript, so that some hundred runs start fast. */
const compiled: Record<string, string> = {};
before(() => {
  const lib = join(__dirname, "../../client/lib");
  for (const name of fs.readdirSync(lib).flatMap((file) => (file.endsWith(".ts") ? [file.slice(0, -3)] : []))) {
    const source = fs.readFileSync(join(lib, `${name}.ts`), "utf8");
    const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
    compiled[name] = ts.transpileModule(source, { compilerOptions }).outputText;
  }
});

const program = `
  const { CertificateDirectory } = require("./certificateDirectory");
  const [path, verb] = process.argv.slice(2);
  const directory = new CertificateDirectory(path, false);
  if (verb === "remove") directory.remove();
  else {
    const files = { "ca.pem": "ca " + verb, "cert.pem": "cert " + verb, "key.pem": "key " + verb };
    directory.write(files, { dockerHost: "tcp://host.example:4243", client: verb, contexts: {} });
  }`;

const dieAt = join(__dirname, "../support/dieAt.cjs");

/** Kills a run before or after each of its changes, each time in a new directory. Gives the number of changes. */
function killEach(
  t: TestContext,
  verb: string,
  prepare: (path: string) => void,
  look: (path: string, point: string) => void,
): number {
  const folder = scratchFolder(t);
  for (const [name, text] of Object.entries({ ...compiled, main: program })) {
    fs.writeFileSync(join(folder, `${name}.js`), text);
  }
  const main = join(folder, "main.js");
  for (let at = 1; ; at++) {
    for (const when of ["before", "after"]) {
      const path = join(folder, `${when}-${at}`, "docker");
      prepare(path);
      const { signal, status, stderr } = spawnSync(process.execPath, ["--require", dieAt, main, path, verb], {
        encoding: "utf8",
        env: { ...process.env, DIE_AT: `${when} ${at}`, DIE_WITHIN: path },
      });
      if (signal !== "SIGKILL") {
        assert.equal(status, 0, stderr);
        return at - 1;
      }
      look(path, `${when} ${at}`);
    }
  }
}

const SAMPLE = "over a former connection";

const cases: [string, Record<string, string>][] = [
  ["over nothing", {}],
  ["over a former connection", {}],
  ["over the user's own files", set("theirs")],
  ["over one file of the user's own", { "cert.pem": "cert theirs" }],
];
for (const [title, theirs] of cases) {
  test(`write ${title}: a kill leaves the old files or the new ones, and the next write and remove are complete`, (t) => {
    if (title !== SAMPLE && leftOut(t, "kills of connect over other files")) return;
    const connected = title.includes("former");
    const before = connected ? set("1") : theirs;
    const points = killEach(
      t,
      "2",
      (path) => {
        if (connected) open(path).write(set("1"), CONNECTION);
        else if (Object.keys(theirs).length > 0) putFiles(path, theirs);
      },
      (path, point) => {
        const files = open(path).files();
        const isNew = files["key.pem"] === "key 2";
        assert.deepEqual(files, isNew ? set("2") : before, point);
        assert.equal(open(path).connection()?.client, isNew ? "2" : connected ? "admin" : undefined, point);
        open(path).write(set("3"), CONNECTION);
        assert.deepEqual(open(path).files(), set("3"), point);
        open(path).remove();
        assert.deepEqual(open(path).files(), theirs, point);
        const left = fs.existsSync(path) ? fs.readdirSync(path).sort() : [];
        assert.deepEqual(left, Object.keys(theirs).sort(), point);
      },
    );
    assert.ok(points >= (connected ? 7 : 10), `${points} points`);
  });

  test(`remove ${title}: a kill leaves the connection or the files from before it, and the next remove completes it`, (t) => {
    if (title !== SAMPLE && leftOut(t, "kills of connect over other files")) return;
    const points = killEach(
      t,
      "remove",
      (path) => {
        if (Object.keys(theirs).length > 0) putFiles(path, theirs);
        open(path).write(set("1"), CONNECTION);
      },
      (path, point) => {
        const files = open(path).files();
        assert.deepEqual(files, files["key.pem"] === "key 1" ? set("1") : theirs, point);
        open(path).remove();
        assert.deepEqual(open(path).files(), theirs, point);
      },
    );
    assert.ok(points >= 5, `${points} points`);
  });
}
