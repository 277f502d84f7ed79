/** A stack moves from one backend to another, and from a passphrase to a key service: the secrets stay, and are nowhere in plain text. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startKeyService } from "../support/keyService";
import { PlainProject } from "../support/plainProject";
import { leftOut } from "../support/sample";
import { secretsIn } from "../support/secrets";

const SET_PASSWORD = "Set-by-the-test+1";
const CLIENT_KEY = ["stack", "output", "clientKey", "--show-secrets"];

test("a stack moves to another backend, another passphrase, and a key service", async (t) => {
  if (leftOut(t, "moves of a state")) return;
  const project = await PlainProject.open(t, { passphrase: true });
  const { environment } = project;
  const files = (): string[] =>
    readdirSync(project.directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  for (const folder of ["B", "C"]) mkdirSync(join(project.directory, folder));

  project.ok(["stack", "init", "dev"]);
  project.ok(["config", "set", "--path", "dockerSources[0]", "203.0.113.7/32"]);
  project.ok(["config", "set", "passwordLogin", "true"]);
  project.ok(["config", "set", "--secret", "adminPassword", SET_PASSWORD]);
  project.ok(["up", "--yes", "--skip-preview"]);
  const clientKey = project.ok(CLIENT_KEY);
  assert.match(clientKey, /PRIVATE KEY/);
  const { secrets, needles } = secretsIn(JSON.parse(project.ok(["stack", "export", "--show-secrets"])));
  assert.ok(secrets.includes(SET_PASSWORD), "the password is among the secrets");
  assert.ok(
    needles.some((needle) => clientKey.includes(needle)),
    "what is searched for is what a plain-text key has",
  );
  const unmoved = /19 unchanged/;

  await t.test("to another backend", () => {
    environment.PULUMI_BACKEND_URL = project.backendUrl("B");
    project.ok(["stack", "migrate", project.backendUrl("backend"), "dev", "--yes"]);
    assert.match(project.ok(["preview", "--stack", "dev"]), unmoved);
    assert.equal(project.ok([...CLIENT_KEY, "--stack", "dev"]), clientKey);
  });

  await t.test("the former backend forgets it, but for copies", () => {
    environment.PULUMI_BACKEND_URL = project.backendUrl("backend");
    project.ok(["stack", "rm", "dev", "--force", "--yes", "--preserve-config"]);
    assert.match(project.fails(["preview", "--stack", "dev"]), /no stack named 'dev' found/);
    const left = files().filter((file) => /\/backend\/.*\/dev\.[^/]*json(\.bak)?$/.test(file));
    assert.ok(left.length > 0, "copies are left, which the docs say to delete");
    environment.PULUMI_BACKEND_URL = project.backendUrl("B");
  });

  await t.test("to another passphrase", () => {
    const [former, next] = [environment.PULUMI_CONFIG_PASSPHRASE ?? "", "another one"];
    project.ok(["stack", "change-secrets-provider", "passphrase", "--stack", "dev"], `${next}\n`);
    assert.match(project.fails([...CLIENT_KEY, "--stack", "dev"]), /incorrect passphrase/);
    environment.PULUMI_CONFIG_PASSPHRASE = next;
    assert.equal(project.ok([...CLIENT_KEY, "--stack", "dev"]), clientKey);
    assert.match(project.ok(["preview", "--stack", "dev"]), unmoved);
    const salt = (name: string): string | undefined =>
      /"salt":"([^"]+)"/.exec(
        readFileSync(join(project.directory, "B/.pulumi/stacks/azure-docker-host", name), "utf8"),
      )?.[1];
    assert.notEqual(salt("dev.json.bak"), salt("dev.json"), `the copy still takes ${former}, which the docs say`);
  });

  await t.test("to a backend with a key service", async () => {
    Object.assign(environment, await startKeyService(t), { PULUMI_BACKEND_URL: project.backendUrl("C") });
    const run = async (...args: string[]): Promise<string> => {
      const { status, output } = await project.start([...args, "--stack", "dev"]).ended;
      assert.equal(status, 0, output);
      return output;
    };
    const moved = await project.start([
      "stack",
      "migrate",
      project.backendUrl("B"),
      "dev",
      "--secrets-provider=hashivault://team",
      "--yes",
    ]).ended;
    assert.equal(moved.status, 0, moved.output);
    delete environment.PULUMI_CONFIG_PASSPHRASE;
    assert.match(await run("preview"), unmoved);
    assert.equal(await run(...CLIENT_KEY), clientKey);
    assert.match(await run("up", "--yes", "--skip-preview"), unmoved);
  });

  await t.test("no secret is in plain text in any file of it all", () => {
    const searched = files();
    for (const part of ["/B/", "/C/", "/backend/", "/project/Pulumi.dev.yaml.bak."]) {
      assert.ok(
        searched.some((file) => file.includes(part)),
        `${part} was searched`,
      );
    }
    const found = searched.filter((file) => {
      const text = readFileSync(file, "utf8");
      return needles.some((needle) => text.includes(needle));
    });
    assert.deepEqual(found, []);
  });
});
