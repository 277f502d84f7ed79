/** Plain `pulumi up`, as a person types it: the CLI, Pulumi's own launcher, TypeScript as Pulumi.yaml has it, and the same index.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PlainProject } from "../support/plainProject";

test("pulumi up, output, preview, destroy", async (t) => {
  const project = await PlainProject.open(t, { passphrase: true, plugins: true, program: true });
  const ok = (...args: string[]): string => project.ok(args);

  ok("stack", "init", "dev");
  const without = project.fails(["up", "--yes", "--skip-preview"]);
  assert.match(without, /error: Invalid setting: dockerSources must name who may reach the Docker port/);
  assert.doesNotMatch(without, /\+ \d+ created.*azure-native|\s+at .*index\.ts/);

  ok("config", "set", "--path", "dockerSources[0]", "203.0.113.7/32");
  const up = ok("up", "--yes");
  assert.match(up, /\+ 19 created|\+ 18 created/);
  assert.match(up, /clientKey *: \[secret\]/);
  assert.doesNotMatch(up, /PRIVATE KEY/);
  assert.match(
    ok("stack", "output", "dockerHost"),
    /^tcp:\/\/docker-host-[a-z0-9]{6}\.westeurope\.cloudapp\.azure\.com:4243\n$/,
  );
  assert.match(ok("preview"), /19 unchanged/);
  // The engine runs the files on disk, and not a copy that Node kept of the last run.
  project.edit("index.ts", (text) => text.replace("    dockerHost: host.dockerHost,", "$&\n    edited: true,"));
  assert.match(ok("preview"), /edited *: true/);
  assert.match(ok("destroy", "--yes"), /- 19 deleted/);
});
