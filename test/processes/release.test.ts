/** The workflow of a release, played through: the source, its list of packages and their sums are those of the tag. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { Runner, WORKFLOWS, copyRepository, scriptsIn } from "../support/workflows";

interface Lock {
  version: string;
  packages: Record<string, { version: string; name?: string }>;
}

test("a release", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "release-"));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  const commit = join(directory, "commit");
  copyRepository(commit);
  const run = (command: string, args: string[], cwd = commit): string => {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 2 ** 26 });
    assert.equal(status, 0, stdout + stderr);
    return stdout;
  };
  const git = (...args: string[]): string =>
    run("git", ["-c", "user.name=Ann", "-c", "user.email=ann@example.com", ...args]);
  git("init", "--quiet");
  git("add", "--all");
  git("commit", "--quiet", "--message", "A release");
  const lock = JSON.parse(readFileSync(join(commit, "package-lock.json"), "utf8")) as Lock;
  const runner = new Runner({
    directory,
    vars: {},
    secrets: {},
    environment: { PATH: process.env.PATH ?? "" },
    names: () => ({}),
  });
  const push = (tag: string): ReturnType<Runner["run"]> => runner.run("release.yml", { name: "push", tag, commit });

  await t.test("a tag that isn't the version is refused", async () => {
    const { release } = await push("v0.0.0");
    assert.equal(release?.result, "failure");
    assert.match(release.log, /^The tag must be v and the version in package\.json \(got v0\.0\.0\)\.$/m);
    assert.deepEqual(runner.released(), {});
    assert.deepEqual(await push("nightly"), {}, "and another tag starts nothing");
  });

  await t.test("the tag of the version is released with its parts", async () => {
    const { release } = await push(`v${lock.version}`);
    assert.equal(release?.result, "success", release?.log);
    assert.match(release.log, /^gh release create v[\d.]+ --repo acme\/hosts --verify-tag --generate-notes dist\//m);
    const files = runner.released();
    const name = `azure-docker-host-v${lock.version}`;
    assert.deepEqual(Object.keys(files).sort(), [
      "SHA256SUMS",
      `${name}.cdx.json`,
      `${name}.spdx.json`,
      `${name}.tar.gz`,
    ]);
    const folder = dirname(files.SHA256SUMS ?? "");
    assert.equal(run("sha256sum", ["--check", "SHA256SUMS"], folder).trim().split("\n").length, 3);
    const packed = run("tar", ["-tzf", `${name}.tar.gz`], folder)
      .trim()
      .split("\n");
    assert.deepEqual(
      packed.filter((path) => !path.endsWith("/")).sort(),
      git("ls-files")
        .trim()
        .split("\n")
        .map((path) => `${name}/${path}`)
        .sort(),
    );
    const sbom = JSON.parse(readFileSync(files[`${name}.cdx.json`] ?? "", "utf8")) as {
      components: { purl: string }[];
    };
    const listed = new Set(sbom.components.map(({ purl }) => decodeURIComponent(purl)));
    const wanted = Object.entries(lock.packages)
      .filter(([path]) => path !== "")
      .map(([path, each]) => `pkg:npm/${each.name ?? path.split("node_modules/").at(-1) ?? ""}@${each.version}`);
    assert.ok(wanted.length > 100, "there are packages");
    assert.deepEqual(
      wanted.filter((purl) => !listed.has(purl)),
      [],
    );
  });

  await t.test("every script of the workflow was run", () => {
    const all = scriptsIn(commit, WORKFLOWS["processes/release"]).filter((script) => script.startsWith("release.yml"));
    assert.deepEqual(
      all.filter((script) => !runner.scripts.has(script)),
      [],
    );
  });
});
