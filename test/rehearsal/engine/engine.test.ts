// Where the rehearsal's engine comes from: PATH, the cache, and what is said when there is no way to get one.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { cacheDirectory } from "../../../rehearsal/system/cache";
import { ensureEngine, findEngine } from "../../../rehearsal/engine/engine";

const goMod = fs.readFileSync(path.join(__dirname, "../../../rehearsal/engine/go.mod"), "utf8");
const version = /pulumi\/pkg\/v3 v(\S+)/.exec(goMod)?.[1] ?? "";

const before = { ...process.env };
const realFetch = globalThis.fetch;
let home = "";
let bin = "";

beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "engine-"));
  bin = path.join(home, "bin");
  fs.mkdirSync(bin);
  process.env["XDG_CACHE_HOME"] = path.join(home, "cache");
  process.env["PATH"] = bin;
  globalThis.fetch = () => Promise.reject(new Error("no internet"));
});

afterEach(() => {
  process.env = { ...before };
  globalThis.fetch = realFetch;
  fs.rmSync(home, { recursive: true });
});

/** Puts a command into a folder that prints a line, whatever it is asked. */
function command(directory: string, name: string, prints: string): string {
  const file = path.join(directory, name);
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(file, `#!/bin/sh\necho '${prints}'\n`, { mode: 0o755 });
  return file;
}

function cached(): string {
  return command(path.join(home, "cache", "azure-docker-host", `pulumi-v${version}`, "bin"), "pulumi", `v${version}`);
}

test("the cache folder follows XDG_CACHE_HOME if that is absolute", () => {
  assert.equal(cacheDirectory(), path.join(home, "cache", "azure-docker-host"));
  for (const ignored of ["", "relative/folder"]) {
    process.env["XDG_CACHE_HOME"] = ignored;
    process.env["HOME"] = "/home/ann";
    assert.equal(cacheDirectory(), "/home/ann/.cache/azure-docker-host");
  }
});

test("takes the pulumi on PATH before the cached one", async () => {
  cached();
  const file = command(bin, "pulumi", "v3.250.1");
  assert.deepEqual(await findEngine(), { path: file, directory: bin, version: "3.250.1", source: "PATH" });
});

test("skips a pulumi on PATH that is too old, says so, and takes the cached one", async () => {
  const old = command(bin, "pulumi", "v3.1.0");
  const file = cached();
  const lines: string[] = [];
  const engine = await ensureEngine((line) => lines.push(line));
  assert.deepEqual(engine, { path: file, directory: path.dirname(file), version, source: "cache" });
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", new RegExp(`^Skipping ${old}: .*minimum.*3\\.2\\.0.*3\\.1\\.0`));
});

test("finds none where there is none", async () => {
  assert.equal(await findEngine(), undefined);
});

test("without internet and go, names the ways to get an engine, and leaves nothing behind", async () => {
  await assert.rejects(
    ensureEngine(() => undefined),
    (error: Error) => {
      assert.match(error.message, /download: https:\/\/github\.com\/pulumi\/pulumi\/releases cannot be reached/);
      assert.match(error.message, /build: there is no go on PATH/);
      assert.match(error.message, /install Pulumi so that `pulumi` is on PATH/);
      assert.match(error.message, /let this machine reach https:\/\/github\.com\/pulumi\/pulumi\/releases/);
      assert.match(error.message, /put Go 1\.25\.11 or later on PATH/);
      return true;
    },
  );
  assert.deepEqual(fs.readdirSync(cacheDirectory()), []);
});

test("refuses a download whose SHA-256 is another than the pinned one, and leaves nothing behind", async () => {
  globalThis.fetch = () => Promise.resolve(new Response());
  process.env["PATH"] = `${bin}:/usr/bin:/bin`;
  const script = '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho "not Pulumi" > "$2"\n';
  fs.writeFileSync(path.join(bin, "curl"), script, { mode: 0o755 });
  const go = path.join(bin, "go");
  fs.writeFileSync(go, "#!/bin/sh\necho go1.19.8\n", { mode: 0o755 });
  await assert.rejects(
    ensureEngine(() => undefined),
    /download: [^]*pulumi-v[\d.]+-\w+-\w+\.tar\.gz must have the SHA-256 [0-9a-f]{64} \(got [0-9a-f]{64}\)\. Nothing was installed\./,
  );
  assert.deepEqual(fs.readdirSync(cacheDirectory()), []);
});

test("does not build with a go that is too old", async () => {
  command(bin, "go", "go1.19.8");
  await assert.rejects(
    ensureEngine(() => undefined),
    /build: go 1\.19\.8 is older than 1\.25\.11/,
  );
});

/** A `go` that "builds" a pulumi of the given version. */
function fakeGo(built: string): void {
  const script = `#!/bin/sh
PATH=/usr/bin:/bin
case "$1" in
  env) echo go1.99.0 ;;
  list) echo one; echo two ;;
  build)
    while [ "$1" != -o ]; do shift; done
    mkdir -p "\${2%/*}"
    printf '#!/bin/sh\\necho v${built}\\n' > "$2"
    chmod +x "$2" ;;
esac
`;
  fs.writeFileSync(path.join(bin, "go"), script, { mode: 0o755 });
}

test("builds it where there is a go, clears what a cut-off build left, and finds it in the cache from then on", async () => {
  fakeGo(version);
  fs.mkdirSync(path.join(cacheDirectory(), `pulumi-v${version}.partial-1`, "bin"), { recursive: true });
  const engine = await ensureEngine(() => undefined);
  assert.equal(engine.source, "build");
  assert.deepEqual(fs.readdirSync(cacheDirectory()), [`pulumi-v${version}`]);
  assert.deepEqual(await findEngine(), { ...engine, source: "cache" });
});

test("does not keep an engine of another version than asked for", async () => {
  fakeGo("3.0.1");
  await assert.rejects(
    ensureEngine(() => undefined),
    /build: it calls itself Pulumi v3\.0\.1/,
  );
  assert.deepEqual(fs.readdirSync(cacheDirectory()), []);
});
