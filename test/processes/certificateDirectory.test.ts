/** The client's certificate directory: the files that `connect` writes, keeps and puts back. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { CertificateDirectory } from "../../client/lib/certificateDirectory";
import { FILE_NAMES } from "../../client/lib/connection";
import type { Failure } from "../../client/lib/failure";
import { CONNECTION, open, putFiles, scratchFolder, set } from "../support/certificateDirectories";

function modeOf(path: string): string {
  return (fs.statSync(path).mode & 0o7777).toString(8);
}

describe("write", () => {
  test("into a new directory, which only its owner can read", (t) => {
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

  test("again: the former files are deleted from the disk", (t) => {
    const path = scratchFolder(t);
    open(path).write(set("1"), CONNECTION);
    open(path).write(set("2"), { ...CONNECTION, client: "ci" });
    assert.deepEqual(open(path).files(), set("2"));
    assert.equal(open(path).connection()?.client, "ci");
    assert.equal(spawnSync("grep", ["-r", "key 1", path]).status, 1);
  });

  test("a directory without other files is closed to others, and one with other files keeps its mode", (t) => {
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

  test("a full disk leaves the former files", (t) => {
    if (process.getuid?.() !== 0) {
      t.skip("NOT RUN: mounting takes root");
      return;
    }
    const path = scratchFolder(t);
    // A mount namespace of its own leaves nothing behind, whatever happens.
    const script = `mount -t tmpfs -o size=64k,mode=700 tmpfs "$0" && exec "$@"`;
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
    assert.match(stdout, /^\S+ can't be written: ENOSPC\. Docker still finds what it found before\.\n/, stderr);
    assert.deepEqual(JSON.parse(stdout.split("\n")[1] ?? ""), set("1"));
    assert.equal(stdout.split("\n")[2], "other");
  });
});

describe("the user's own files", () => {
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

  test("that replaced a link are never lost", (t) => {
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
  test("deletes the directory if `write` made it and nothing else is in it", (t) => {
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

describe("files that another user can change are refused", () => {
  const NOBODY = 65534;
  /** The messages with which each use of a directory refuses it. */
  function refusals(path: string): string[] {
    const uses = [
      () => {
        open(path).write(set("1"), CONNECTION);
      },
      () => open(path).connection(),
      () => open(path).files(),
      () => {
        open(path).remove();
      },
    ];
    return uses.map((use) => {
      try {
        use();
      } catch (error) {
        assert.equal((error as Failure).reason, "files");
        return (error as Failure).message;
      }
      return "not refused";
    });
  }
  /** Four times the same. */
  const each = (message: string): string[] => Array<string>(4).fill(message);

  for (const mode of [0o777, 0o1777, 0o775, 0o702]) {
    test(`a directory of mode ${mode.toString(8)}`, (t) => {
      const path = scratchFolder(t);
      fs.chmodSync(path, mode);
      const message = `--cert-dir: ${path} must not be writable by others (got mode ${mode.toString(8)}). Run chmod go-w on it.`;
      assert.deepEqual(refusals(path), each(message));
      assert.deepEqual(fs.readdirSync(path), []);
    });
  }

  test("a parent directory in which others can replace the directory is refused, but not with the sticky bit", (t) => {
    const above = scratchFolder(t);
    const path = join(above, "docker");
    fs.chmodSync(above, 0o777);
    const message = `--cert-dir: ${above} must not be writable by others (got mode 777). Run chmod go-w on it.`;
    assert.deepEqual(refusals(path), each(message));
    fs.chmodSync(above, 0o1777);
    open(path).write(set("1"), CONNECTION);
    assert.deepEqual(open(path).files(), set("1"));
  });

  test("a file of the user's own that others can write, and a link to one", (t) => {
    const path = scratchFolder(t);
    putFiles(path, { "ca.pem": "mine", elsewhere: "mine" });
    const message = (name: string): string =>
      `--cert-dir: ${join(path, name)} must not be writable by others (got mode 666). Run chmod go-w on it.`;
    fs.chmodSync(join(path, "ca.pem"), 0o666);
    assert.deepEqual(refusals(path), each(message("ca.pem")));
    fs.rmSync(join(path, "ca.pem"));
    fs.symlinkSync("elsewhere", join(path, "ca.pem"));
    open(path).write(set("1"), CONNECTION);
    open(path).remove();
    fs.rmSync(join(path, "ca.pem"));
    fs.symlinkSync("elsewhere", join(path, "ca.pem"));
    fs.chmodSync(join(path, "elsewhere"), 0o666);
    assert.deepEqual(refusals(path), each(message("elsewhere")));
  });

  /** Plants a file of another user in a directory that they could once write to. Gives the path that is refused. */
  const planted: Record<string, (path: string) => string> = {
    "the directory itself": (path) => path,
    "a folder .docker-host": (path) => {
      const own = join(path, ".docker-host");
      fs.mkdirSync(own);
      return own;
    },
    "a link .docker-host": (path) => {
      const own = join(path, ".docker-host");
      fs.mkdirSync(join(path, "theirs"));
      fs.symlinkSync("theirs", own);
      return own;
    },
    "a link ca.pem to a file of yours": (path) => {
      putFiles(path, { mine: "secret" });
      fs.symlinkSync("mine", join(path, "ca.pem"));
      return join(path, "ca.pem");
    },
    "a file key.pem": (path) => {
      putFiles(path, { "key.pem": "theirs" });
      return join(path, "key.pem");
    },
    "the link current": (path) => {
      open(path).write(set("1"), CONNECTION);
      return join(path, ".docker-host", "current");
    },
    "a file of the set": (path) => {
      open(path).write(set("1"), CONNECTION);
      const own = join(path, ".docker-host");
      return join(own, fs.readlinkSync(join(own, "current")), "connection.json");
    },
  };
  for (const [what, plant] of Object.entries(planted)) {
    test(`another user's: ${what}`, (t) => {
      if (process.getuid?.() !== 0) {
        t.skip("NOT RUN: files of another user take root");
        return;
      }
      const path = scratchFolder(t);
      const theirs = plant(path);
      fs.lchownSync(theirs, NOBODY, NOBODY);
      const message = `--cert-dir: ${theirs} must belong to you or root (got owner ${NOBODY}). Choose a directory of your own.`;
      assert.deepEqual(refusals(path), each(message));
    });
  }

  test("another user's: a link on the way to the directory", (t) => {
    if (process.getuid?.() !== 0) {
      t.skip("NOT RUN: files of another user take root");
      return;
    }
    const above = scratchFolder(t);
    fs.mkdirSync(join(above, "mine"), { mode: 0o700 });
    fs.symlinkSync("mine", join(above, "theirs"));
    fs.symlinkSync(join(above, "theirs"), join(above, "docker"));
    open(join(above, "docker")).write(set("1"), CONNECTION);
    fs.lchownSync(join(above, "theirs"), NOBODY, NOBODY);
    const message = `--cert-dir: ${join(above, "theirs")} must belong to you or root (got owner ${NOBODY}). Choose a directory of your own.`;
    assert.deepEqual(refusals(join(above, "docker")), each(message));
  });

  test("a record that is damaged", (t) => {
    const path = scratchFolder(t);
    open(path).write(set("1"), CONNECTION);
    const file = join(path, ".docker-host", "current", "connection.json");
    for (const text of [
      "",
      "null",
      "{}",
      `{"kept":{"ca.pem":["../.."]}}`,
      `{"kept":{},"connection":{"dockerHost":"x"}}`,
    ]) {
      fs.writeFileSync(file, text);
      assert.throws(() => open(path).connection(), {
        message: `--cert-dir: ${file} must be as connect wrote it. Move ${join(path, ".docker-host")} to another place, then run docker-host connect.`,
      });
    }
  });
});
