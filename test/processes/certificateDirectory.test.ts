/** The client's certificate directory: what is written, what is kept, and what is put back. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { CertificateDirectory, FILE_NAMES } from "../../client/lib/certificateDirectory";
import { CONNECTION, open, putFiles, scratchFolder, set } from "../support/certificateDirectories";

function modeOf(path: string): string {
  return (fs.statSync(path).mode & 0o7777).toString(8);
}

describe("write", () => {
  test("into a directory that is not there: for its owner alone", (t) => {
    const path = join(scratchFolder(t), "deep", "docker");
    const directory = open(path);
    directory.write(set("1"), CONNECTION);
    assert.deepEqual(directory.files(), set("1"));
    assert.deepEqual(directory.connection(), CONNECTION);
    assert.equal(modeOf(path), "700");
    for (const name of FILE_NAMES) assert.equal(modeOf(join(path, name)), "600", name);
    for (const name of fs.readdirSync(path, { recursive: true, withFileTypes: true })) {
      if (name.isFile()) assert.equal(modeOf(join(name.parentPath, name.name)), "600", name.name);
    }
  });

  test("again: the former set is gone from the disk", (t) => {
    const path = scratchFolder(t);
    open(path).write(set("1"), CONNECTION);
    open(path).write(set("2"), { ...CONNECTION, client: "ci" });
    assert.deepEqual(open(path).files(), set("2"));
    assert.equal(open(path).connection()?.client, "ci");
    assert.equal(spawnSync("grep", ["-r", "key 1", path]).status, 1);
  });

  test("a directory of its own that others can read is closed; one with other files is left as it is", (t) => {
    const own = join(scratchFolder(t), "own");
    fs.mkdirSync(own, { mode: 0o755 });
    open(own).write(set("1"), CONNECTION);
    assert.equal(modeOf(own), "700");
    open(own).remove();
    assert.equal(modeOf(own), "755");

    const shared = join(scratchFolder(t), "shared");
    fs.mkdirSync(shared, { mode: 0o755 });
    fs.writeFileSync(join(shared, "notes.txt"), "");
    open(shared).write(set("1"), CONNECTION);
    assert.equal(modeOf(shared), "755");
    assert.equal(modeOf(join(shared, "key.pem")), "600");

    const dockers = join(scratchFolder(t), "dockers");
    fs.mkdirSync(dockers, { mode: 0o755 });
    fs.writeFileSync(join(dockers, "config.json"), "{}");
    new CertificateDirectory(dockers, true).write(set("1"), CONNECTION);
    assert.equal(modeOf(dockers), "700");
  });

  test("refused where others may write", (t) => {
    const path = scratchFolder(t);
    fs.writeFileSync(join(path, "notes.txt"), "");
    fs.chmodSync(path, 0o777);
    assert.throws(
      () => {
        open(path).write(set("1"), CONNECTION);
      },
      {
        message: `--cert-dir: others may write in ${path} (mode 777, owner ${process.getuid?.() ?? 0}); allowed: a directory of your own`,
      },
    );
    assert.deepEqual(fs.readdirSync(path), ["notes.txt"]);
  });

  test("a full disk leaves what was there", (t) => {
    if (process.getuid?.() !== 0) {
      t.skip("NOT RUN: mounting takes root");
      return;
    }
    const path = scratchFolder(t);
    // In a mount namespace of its own: nothing of it is left, whatever happens.
    const script = `mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"`;
    const program = `
      const { CertificateDirectory } = require("./client/lib/certificateDirectory.ts");
      const directory = new CertificateDirectory(process.argv[1], false);
      const files = (which) => ({ "ca.pem": "ca " + which, "cert.pem": "cert " + which, "key.pem": "key " + which });
      directory.write(files("1"), { dockerHost: "tcp://a:1", client: "admin", contexts: {} });
      require("node:fs").writeFileSync(process.argv[1] + "/other", "");
      try {
        directory.write({ ...files("2"), "key.pem": "2".repeat(100000) }, { dockerHost: "tcp://a:1", client: "admin", contexts: {} });
      } catch (error) {
        console.log(error.message.replace(process.argv[1], "DIR"));
      }
      console.log(JSON.stringify(directory.files()));
      directory.remove();
      console.log(require("node:fs").readdirSync(process.argv[1]).join());`;
    const { stdout, stderr } = spawnSync(
      "unshare",
      ["--mount", "sh", "-c", script, path, process.execPath, "--require", "./register.cjs", "-e", program, path],
      { encoding: "utf8" },
    );
    assert.match(stdout, /^\S+ can't be written: ENOSPC; Docker finds what it found before\n/, stderr);
    assert.deepEqual(JSON.parse(stdout.split("\n")[1] ?? ""), set("1"));
    assert.equal(stdout.split("\n")[2], "other");
  });
});

describe("somebody else's files", () => {
  test("are known, kept and put back", (t) => {
    const path = join(scratchFolder(t), "docker");
    putFiles(path, { ...set("theirs"), "config.json": "{}" });
    const directory = open(path);
    assert.deepEqual(directory.foreign(), [...FILE_NAMES]);
    directory.write(set("1"), CONNECTION);
    assert.deepEqual(directory.foreign(), []);
    directory.write(set("2"), CONNECTION);
    assert.deepEqual(directory.files(), set("2"));
    directory.remove();
    assert.deepEqual(fs.readdirSync(path).sort(), ["ca.pem", "cert.pem", "config.json", "key.pem"]);
    assert.deepEqual(directory.files(), set("theirs"));
    assert.ok(fs.lstatSync(join(path, "key.pem")).isFile(), "a file as before");
  });

  test("put there in the place of a link: none of them is lost", (t) => {
    const path = join(scratchFolder(t), "docker");
    putFiles(path, { "key.pem": "first" });
    open(path).write(set("1"), CONNECTION);
    fs.rmSync(join(path, "key.pem"));
    putFiles(path, { "key.pem": "second" });
    open(path).write(set("2"), CONNECTION);
    assert.deepEqual(open(path).files(), set("2"));
    fs.rmSync(join(path, "key.pem"));
    putFiles(path, { "key.pem": "third" });
    open(path).remove();
    const left = fs.readdirSync(path).map((name) => fs.readFileSync(join(path, name), "utf8"));
    assert.deepEqual(left.sort(), ["first", "second", "third"]);
    assert.equal(fs.readFileSync(join(path, "key.pem"), "utf8"), "third");
  });
});

describe("remove", () => {
  test("takes away the directory if it was made, and nothing else is in it", (t) => {
    const path = join(scratchFolder(t), "docker");
    open(path).write(set("1"), CONNECTION);
    open(path).remove();
    assert.equal(fs.existsSync(path), false);
    open(path).remove();
    open(path).write(set("1"), CONNECTION);
    putFiles(path, { "config.json": "{}" });
    open(path).remove();
    assert.deepEqual(fs.readdirSync(path), ["config.json"]);
  });
});
