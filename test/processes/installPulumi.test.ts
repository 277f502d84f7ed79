/** deploy/install-pulumi.sh: it installs the archive whose SHA-256 is pinned, and no other. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";

const ROOT = join(__dirname, "../..");
const SUMS = readFileSync(join(ROOT, "deploy/pulumi.sha256"), "utf8").trim().split("\n");

interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
  /** What was installed, by its path. */
  installed: string[];
  /** The addresses that were asked. */
  asked: string;
}

/** Runs the script beside sums of the test's own, with a `curl` that gives the archive. */
function install(t: TestContext, { pinned = true, onPath }: { pinned?: boolean; onPath?: string } = {}): Ended {
  const folder = mkdtempSync(join(tmpdir(), "install-pulumi-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  for (const name of ["bin", "deploy", "archive/pulumi"]) mkdirSync(join(folder, name), { recursive: true });
  copyFileSync(join(ROOT, "deploy/install-pulumi.sh"), join(folder, "deploy/install-pulumi.sh"));
  writeFileSync(join(folder, "archive/pulumi/pulumi"), "#!/bin/sh\necho v9.9.9\n", { mode: 0o755 });
  const archive = join(folder, "archive.tar.gz");
  assert.equal(spawnSync("tar", ["-czf", archive, "-C", join(folder, "archive"), "pulumi"]).status, 0);
  const sum = createHash("sha256").update(readFileSync(archive)).digest("hex");
  const line = `${pinned ? sum : "0".repeat(64)}  pulumi-v9.9.9-SYSTEM.tar.gz\n`;
  const systems = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"];
  writeFileSync(join(folder, "deploy/pulumi.sha256"), systems.map((name) => line.replace("SYSTEM", name)).join(""));
  const command = (name: string, script: string): void => {
    writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  };
  command(
    "curl",
    `for last; do :; done; echo "$last" >> "${folder}/asked"\nwhile [ "$1" != -o ]; do shift; done\ncp "${archive}" "$2"`,
  );
  if (onPath !== undefined) command("pulumi", `echo ${onPath}`);
  const { status, stdout, stderr } = spawnSync(join(folder, "deploy/install-pulumi.sh"), [join(folder, "to")], {
    encoding: "utf8",
    env: { PATH: `${join(folder, "bin")}:/usr/bin:/bin`, TMPDIR: folder },
  });
  const to = join(folder, "to/bin");
  return {
    status,
    stdout: stdout.replaceAll(folder, "FOLDER"),
    stderr,
    installed: existsSync(to) ? readdirSync(to) : [],
    asked: existsSync(join(folder, "asked")) ? readFileSync(join(folder, "asked"), "utf8").trim() : "",
  };
}

test("the archive with the pinned SHA-256 is installed", (t) => {
  const { asked, ...ended } = install(t);
  assert.deepEqual(ended, {
    status: 0,
    stdout: "Pulumi v9.9.9 is in FOLDER/to/bin\n",
    stderr: "",
    installed: ["pulumi"],
  });
  assert.match(
    asked,
    /^https:\/\/github\.com\/pulumi\/pulumi\/releases\/download\/v9\.9\.9\/pulumi-v9\.9\.9-\w+-\w+\.tar\.gz$/,
  );
});

test("another archive is refused, with both sums", (t) => {
  const { status, stderr, installed } = install(t, { pinned: false });
  assert.deepEqual([status, installed], [1, []]);
  assert.match(
    stderr,
    /^pulumi-v9\.9\.9-\w+-\w+\.tar\.gz must have the SHA-256 0{64} \(got [0-9a-f]{64}\)\. Nothing was installed\.\n$/,
  );
});

test("the pinned version on PATH is taken as it is; another version isn't", (t) => {
  const there = install(t, { onPath: "v9.9.9" });
  assert.deepEqual([there.status, there.stdout, there.installed], [0, "Pulumi v9.9.9 is on PATH\n", []]);
  assert.deepEqual(install(t, { onPath: "v9.9.8" }).installed, ["pulumi"]);
});

test("the pinned version is the one that the rehearsal builds, and each system has a sum of its own", () => {
  const goMod = readFileSync(join(ROOT, "rehearsal/engine/go.mod"), "utf8");
  const [, version = ""] = /pulumi\/pkg\/v3 (v\S+)/.exec(goMod) ?? [];
  assert.deepEqual(
    SUMS.map((line) => /^[0-9a-f]{64} {2}pulumi-(v[\d.]+)-(\w+-\w+)\.tar\.gz$/.exec(line)?.slice(1)),
    ["darwin-x64", "darwin-arm64", "linux-x64", "linux-arm64"].map((system) => [version, system]),
  );
  assert.equal(new Set(SUMS.map((line) => line.split(" ")[0])).size, 4);
});
