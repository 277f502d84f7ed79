/** Plain `pulumi up`, as a person types it: the CLI, Pulumi's own launcher, TypeScript by ts-node, and the same index.ts. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(__dirname, "../..");

test("pulumi up, output, preview, destroy", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "azure-docker-host-plain-"));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  const project = join(directory, "project");
  mkdirSync(join(directory, "backend"));
  mkdirSync(project);
  for (const name of [
    "Pulumi.yaml",
    "Pulumi.dev.yaml",
    "package.json",
    "tsconfig.json",
    "index.ts",
    "config.ts",
    "outputs.ts",
  ]) {
    copyFileSync(join(ROOT, name), join(project, name));
  }
  cpSync(join(ROOT, "components"), join(project, "components"), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(project, "node_modules"));

  const pulumi = (...args: string[]): { status: number | null; output: string } => {
    const { status, stdout, stderr } = spawnSync("pulumi", [...args, "--non-interactive"], {
      cwd: project,
      encoding: "utf8",
      env: {
        ...process.env,
        PATH: [join(__dirname, "languageHost"), join(ROOT, "rehearsal/providers/bin"), process.env.PATH].join(":"),
        PULUMI_HOME: join(directory, "home"),
        PULUMI_BACKEND_URL: `file://${join(directory, "backend")}`,
        PULUMI_CONFIG_PASSPHRASE: "for this test alone",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        REHEARSAL_DIRECTORY: join(directory, "rehearsal"),
      },
    });
    return { status, output: stdout + stderr };
  };
  const ok = (...args: string[]): string => {
    const { status, output } = pulumi(...args);
    assert.equal(status, 0, output);
    return output;
  };

  ok("stack", "init", "dev");
  const without = pulumi("up", "--yes", "--skip-preview");
  assert.notEqual(without.status, 0);
  assert.match(without.output, /error: Wrong setting: dockerSources: none given/);
  assert.doesNotMatch(without.output, /\+ \d+ created.*azure-native|\s+at .*index\.ts/);

  ok("config", "set", "--path", "dockerSources[0]", "203.0.113.7/32");
  const up = ok("up", "--yes");
  assert.match(up, /\+ 18 created|\+ 17 created/);
  assert.match(up, /clientKey *: \[secret\]/);
  assert.doesNotMatch(up, /PRIVATE KEY/);
  assert.match(
    ok("stack", "output", "dockerHost"),
    /^tcp:\/\/docker-host-[a-z0-9]{6}\.westeurope\.cloudapp\.azure\.com:4243\n$/,
  );
  assert.match(ok("preview"), /18 unchanged/);
  assert.match(ok("destroy", "--yes"), /- 18 deleted/);
});
