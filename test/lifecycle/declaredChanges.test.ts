/** deploy/declaredChanges.mjs, on the real engine: what changes from one checkout to another, with no secret and no identity. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { type Server, createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { PlainProject } from "../support/plainProject";
import { copyRepository } from "../support/workflows";

const ROOT = join(__dirname, "../..");
const TITLE = `### Changes in the declared resources of the stack dev

Compared without the state: this can't tell whether Azure updates or replaces a resource, and not what drifted.

`;

/** Secrets that a job must not need; a run that used one would fail or show it. */
const GIVEN = {
  ARM_CLIENT_ID: "11111111-1111-4111-8111-111111111111",
  ARM_OIDC_TOKEN: "the job's identity",
  AZURE_CLIENT_ID: "11111111-1111-4111-8111-111111111111",
  PULUMI_ACCESS_TOKEN: "the team's token",
  PULUMI_CONFIG_PASSPHRASE: "the team's passphrase",
};

test("the changes in the declared resources", async (t) => {
  const project = await PlainProject.open(t, { passphrase: true, program: true });
  const requests: string[] = [];
  const azure: Server = createServer((request, response) => {
    requests.push(request.url ?? "");
    response.end();
  }).listen(0, "127.0.0.1");
  await once(azure, "listening");
  t.after(() => azure.close());

  const checkout = (name: string): string => {
    const folder = join(project.directory, name);
    copyRepository(folder);
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    appendFileSync(join(folder, "Pulumi.dev.yaml"), "  azure-docker-host:dockerSources:\n    - 203.0.113.0/24\n");
    return folder;
  };
  const [base, head] = [checkout("base"), checkout("head")];
  const settings = readFileSync(join(base, "Pulumi.dev.yaml"), "utf8");
  const compare = (
    headSettings: string,
    baseSettings = settings,
    environment: Record<string, string> = project.environment,
  ): { status: number | null; output: string } => {
    writeFileSync(join(base, "Pulumi.dev.yaml"), baseSettings);
    writeFileSync(join(head, "Pulumi.dev.yaml"), headSettings);
    const before = [base, head].map((folder) => readdirSync(folder));
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(head, "deploy/declaredChanges.mjs"), base, head, "dev"],
      {
        cwd: project.directory,
        encoding: "utf8",
        env: {
          ...process.env,
          ...environment,
          ARM_METADATA_HOSTNAME: `127.0.0.1:${(azure.address() as AddressInfo).port}`,
          ...GIVEN,
        },
      },
    );
    assert.deepEqual(
      [base, head].map((folder) => readdirSync(folder)),
      before,
      "nothing is written into a checkout",
    );
    for (const value of Object.values(GIVEN)) assert.ok(!(stdout + stderr).includes(value));
    return { status, output: stdout + stderr };
  };

  await t.test("none, with the providers' own plugins, which ask Azure for nothing", () => {
    const { PULUMI_DEBUG_PROVIDERS: served, ...environment } = project.environment;
    assert.ok(served, "the other comparisons have them served");
    assert.deepEqual(compare(settings, settings, environment), {
      status: 0,
      output: `${TITLE}No declared resource changes.\n`,
    });
    assert.deepEqual(requests, []);
  });

  await t.test("a size, and a client more", () => {
    const { status, output } = compare(
      `${settings}  azure-docker-host:vmSize: Standard_D2s_v5\n  azure-docker-host:clients:\n    - admin\n    - ann\n`,
    );
    assert.equal(status, 0, output);
    assert.ok(output.startsWith(`${TITLE}~~~~~diff\n`), output);
    const vm = '-   hardwareProfile.vmSize: "Standard_B2s_v2"\n+   hardwareProfile.vmSize: "Standard_D2s_v5"\n';
    assert.ok(output.includes(`! docker-host-vm azure-native:compute:VirtualMachine\n${vm}`), output);
    assert.match(
      output,
      /^\+ docker-host-client-ann tls:index\/selfSignedCert:SelfSignedCert\n\+ {3}allowedUses\[0\]: /m,
    );
    assert.doesNotMatch(output, /docker-host-nic/, "nothing else is shown");
  });

  await t.test("the same backwards: a resource less", () => {
    const { output } = compare(settings, `${settings}  azure-docker-host:clients:\n    - admin\n    - ann\n`);
    assert.match(output, /^- docker-host-client-ann tls:index\/selfSignedCert:SelfSignedCert$/m);
  });

  await t.test("the program of each checkout is its own", () => {
    const file = join(head, "components/network.ts");
    const good = readFileSync(file, "utf8");
    assert.ok(good.includes("10.0.0.0/24"), "it is there to be changed");
    writeFileSync(file, good.replaceAll("10.0.0.0/24", "10.1.0.0/24"));
    const { status, output } = compare(settings);
    writeFileSync(file, good);
    assert.equal(status, 0, output);
    assert.match(
      output,
      /^-   subnets\[0\]\.addressPrefix: "10\.0\.0\.0\/24"\n\+   subnets\[0\]\.addressPrefix: "10\.1\.0\.0\/24"$/m,
    );
  });

  await t.test("the program is given none of the job's secrets", () => {
    const file = join(head, "index.ts");
    const good = readFileSync(file, "utf8");
    const seen = join(project.directory, "seen");
    writeFileSync(
      file,
      `${good}\nrequire("node:fs").writeFileSync(${JSON.stringify(seen)}, JSON.stringify(process.env));\n`,
    );
    compare(settings);
    writeFileSync(file, good);
    assert.ok(existsSync(seen), "the program ran");
    const environment = readFileSync(seen, "utf8");
    for (const value of Object.values(GIVEN)) assert.ok(!environment.includes(value), value);
  });

  await t.test("secret settings and another stack's are left out, and named", () => {
    const secret = (text: string): string =>
      `encryptionsalt: v1:abc:v1:def\n${settings}  azure-docker-host:passwordLogin: true\n` +
      `  azure-docker-host:adminPassword:\n    secure: ${text}\n  azure-docker-host:caStack: acme/azure-docker-host/base\n`;
    const left =
      "Left out, since each needs a secret or another stack: azure-docker-host:adminPassword, azure-docker-host:caStack.\n\n";
    assert.deepEqual(compare(secret("v1:one"), secret("v1:one")), {
      status: 0,
      output: `${TITLE}${left}No declared resource changes.\n`,
    });
    assert.match(
      compare(secret("v1:two"), secret("v1:one")).output,
      /^Of these, this change sets anew: azure-docker-host:adminPassword\.$/m,
    );
  });

  await t.test("a setting that is wrong fails, with the program's own words", () => {
    const wrong = `${settings}  azure-docker-host:dockerPort: 22\n`;
    const { status, output } = compare(wrong);
    assert.equal(status, 1);
    assert.match(output, /This change can't be previewed\.\n\n~~~~~diff\n[^]*dockerPort/);
    const mended = compare(settings, wrong);
    assert.equal(mended.status, 0, mended.output);
    assert.match(mended.output, /The base can't be previewed\. Everything is shown as new\.[^]*^\+ docker-host-vm /m);
    const both = compare(wrong, wrong);
    assert.equal(both.status, 0, both.output);
    assert.match(both.output, /Neither the base nor this change can be previewed\. Nothing is compared\./);
  });
});
