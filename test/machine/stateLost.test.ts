/** The stack's state is lost: by the steps in docs/state-lost.md the machine is taken over, with its containers, and gets new certificates. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { textAt, valuesAt } from "../../rehearsal/arm/body";
import { SUBSCRIPTION_ID } from "../../rehearsal/arm/resourceTypes";
import { STACK_NAME, filesOf } from "../../rehearsal/files";
import { Host } from "../support/host";
import { mustRun } from "../support/run";
import { leftOut } from "../support/sample";

/** The import file that the document shows, for this stack. */
function importFile(): string {
  const document = readFileSync(join(__dirname, "../../docs/state-lost.md"), "utf8");
  const json = /```json\n([^]*?)```/.exec(document)?.[1] ?? assert.fail("no import file in the document");
  return json
    .replaceAll("SUBSCRIPTION", SUBSCRIPTION_ID)
    .replaceAll("azure-docker-host-dev", `azure-docker-host-${STACK_NAME}`);
}

test("the state is lost, the machine is not", async (t) => {
  if (leftOut(t, "a lost state")) return;
  const host = new Host(t);
  await host.up();
  await host.startContainer();
  const before = host.outputs;
  const { directory } = host.scratch;
  const { backend, project } = filesOf(directory);

  rmSync(backend, { recursive: true });
  const rehearsal = await host.scratch.open();
  const pulumi = (...words: string[]): void => {
    // The CLI asks for a language host even where it generates no code.
    mkdirSync(join(project, "node_modules"), { recursive: true });
    const PATH = [join(__dirname, "../lifecycle/languageHost"), rehearsal.environment.PATH].join(":");
    const env = { ...process.env, ...rehearsal.environment, PATH };
    mustRun(["pulumi", ...words, "--non-interactive", "--stack", STACK_NAME], { cwd: project, env });
  };
  const all = rehearsal.subscription.store.list();
  const find = (kind: string): Record<string, unknown> =>
    all.find(({ armType }) => armType.endsWith(`/${kind}`))?.body ?? assert.fail(kind);
  const label = textAt(find("publicIPAddresses"), "dnsSettings.domainNameLabel") ?? "";
  const [key] = valuesAt(find("virtualMachines"), "osProfile.linuxConfiguration.ssh.publicKeys.*.keyData");
  pulumi("config", "set", "azure-docker-host:dnsLabel", label);
  pulumi("config", "set", "azure-docker-host:sshPublicKey", String(key));
  writeFileSync(join(project, "import.json"), importFile());
  pulumi("import", "--file", "import.json", "--yes", "--skip-preview", "--generate-code=false", "--protect=false");

  await t.test("a refresh finds all of it", async () => {
    const changes = Object.keys(await (await host.scratch.open()).refresh());
    assert.deepEqual(
      changes.filter((change) => !["same", "update"].includes(change)),
      [],
      "nothing is gone",
    );
  });

  await t.test(
    "the preview creates keys and certificates, and updates what the document says; nothing is replaced",
    async () => {
      await (await host.scratch.open()).preview();
      const { "docker-host-docker": extension, ...others } = host.scratch.steps();
      assert.match(extension ?? "", /^~ .*protectedSettings/);
      const document = readFileSync(join(__dirname, "../../docs/state-lost.md"), "utf8");
      const documented = [...document.matchAll(/^ *\| `(\S+)` +\| `([^`]+)` +\|$/gm)];
      assert.deepEqual(
        Object.fromEntries(
          Object.entries(others).filter(([name, step]) => step !== "+" || !/-(ca|server|client)/.test(name)),
        ),
        Object.fromEntries(documented.map(([, name = "", properties = ""]) => [name, `~ ${properties}`])),
      );
    },
  );

  await t.test("the next up gives it new certificates; its container lives", async () => {
    await host.up();
    assert.equal(host.outputs.fqdn, before.fqdn);
    assert.equal(host.outputs.publicIpAddress, before.publicIpAddress);
    assert.match(await host.ask(), /^200 /);
    assert.match(await host.ask({ cert: before.clientCert, key: before.clientKey }), /^refused: /);
    assert.equal(await host.fate(), "lived");
    assert.deepEqual(Object.keys(await host.up()), ["same"]);
  });
});
