/** `docker-host drift` on the real engine: what changes behind the program's back is told, nothing else is, and what it says puts it back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Drift } from "../../client/lib/drift/findings";
import { FAILURES } from "../../client/lib/failure";
import { belongsToMachine } from "../../rehearsal/arm/disks";
import type { StoredResource } from "../../rehearsal/arm/store";
import { PlainProject } from "../support/plainProject";
import { secretsIn } from "../support/secrets";

const DAYS = 24;

test("drift, and the way back", async (t) => {
  const project = await PlainProject.open(t);
  const printed: string[] = [];
  const drift = (...args: string[]): { status: number | null; stdout: string } => {
    const { status, stdout, stderr } = project.dockerHost(["drift", ...args]);
    printed.push(stdout, stderr);
    assert.equal(stderr, "");
    return { status, stdout };
  };
  const found = (...args: string[]): Drift => {
    const { status, stdout } = drift("--json", ...args);
    const result = JSON.parse(stdout) as Drift;
    assert.equal(status, result.ok ? 0 : FAILURES.drift.code);
    return result;
  };
  const resource = (end: string): StoredResource =>
    project.azure.list().find(({ id }) => id.endsWith(end)) ?? assert.fail(`there is no ${end}`);
  const change = (end: string, changes: (body: Record<string, unknown>) => Partial<StoredResource>): void => {
    const found = resource(end);
    project.azure.set({ ...found, ...changes(found.body) });
  };
  /** Everything in Azure as the program put it. */
  const bodies = (): unknown => {
    const asked = project.azure.list().filter((resource) => !belongsToMachine(resource));
    return asked.map(({ id, body }) => ({ id, body }));
  };

  project.ok(["stack", "init", "dev"]);
  project.ok(["config", "set", "--path", "dockerSources[0]", "203.0.113.7/32"]);
  project.ok(["config", "set", "--path", "tags.team", "build"]);
  project.ok(["config", "set", "passwordLogin", "true"]);
  const { status, output } = project.pulumi(["up", "--yes", "--skip-preview"], "", {
    REHEARSAL_CLOCK_OFFSET_HOURS: String(-340 * DAYS),
  });
  assert.equal(status, 0, output);

  await t.test("a certificate that is due; the next up renews it, and then there is nothing", () => {
    const { certificates, missing, changed, pending } = found();
    assert.deepEqual(
      certificates.map(({ name, due, daysLeft, remedy }) => [name, due, daysLeft, remedy]).sort(),
      ["docker-host-client-admin", "docker-host-server"].map((name) => [
        name,
        true,
        24,
        "due: the next pulumi up renews it",
      ]),
    );
    assert.deepEqual([missing, changed, pending], [[], [], []]);
    project.ok(["up", "--yes", "--skip-preview"]);
    const nothing = drift();
    assert.equal(nothing.status, 0, nothing.stdout);
    assert.match(
      nothing.stdout,
      /^dev\n {2}✓ resources +18, all as the last up left them\n {2}✓ certificates +3, the first to end is \S+ on [\d-]+ \(364 days\)\n {2}✓ operations +none cut off\n$/,
    );
  });

  const wanted = bodies();
  await t.test("rules and tags that others changed, and an extension that is gone; not what Azure fills in", () => {
    const OPEN = { name: "Mine", priority: 200, access: "Allow", description: "a|b\nc" };
    change("-nsg", (body) => {
      const [first, ...rest] = body.securityRules as object[];
      const securityRules = [OPEN, { ...first, sourceAddressPrefix: "*" }, ...rest];
      return { body: { ...body, securityRules, etag: "W/1" } };
    });
    change("/azure-docker-host-dev", (body) => ({ body: { ...body, tags: { team: "ops", cost: "1" } } }));
    change("-vm", () => ({ provisioningState: "Failed", computed: { ...resource("-vm").computed, vmId: "another" } }));
    project.azure.remove(resource("/DockerExtension").id);

    const { missing, changed, certificates } = found();
    assert.deepEqual(
      missing.map(({ name, remedy }) => [name, remedy]),
      [["docker-host-docker", "pulumi up --refresh runs the installer again"]],
    );
    const remedy = "pulumi up --refresh puts it back";
    assert.deepEqual(
      changed.map(({ name, properties, remedy }) => ({ name, properties, remedy })),
      [
        {
          name: "group",
          properties: [
            { path: "tags.team", old: "build", new: "ops" },
            { path: "tags.cost", new: "1" },
          ],
          remedy,
        },
        {
          name: "docker-host-nsg",
          properties: [
            { path: "securityRules[0].sourceAddressPrefix", old: "203.0.113.7/32", new: "*" },
            { path: "securityRules[0]", new: OPEN },
          ],
          remedy,
        },
      ],
    );
    assert.deepEqual(certificates, []);
    project.ok(["up", "--refresh", "--yes", "--skip-preview"]);
    assert.deepEqual(bodies(), wanted);
  });

  await t.test("a stack that was refreshed, and a VM that is switched off: nothing", () => {
    project.ok(["refresh", "--yes", "--skip-preview"]);
    assert.equal(drift().status, 0);
    for (const powerState of ["deallocated", "stopped", "running"]) {
      change("-vm", () => ({ computed: { ...resource("-vm").computed, powerState } }));
      const { status, stdout } = drift();
      assert.equal(status, 0, stdout);
    }
  });

  await t.test("a property that Azure can't change back: drift says that up would replace the VM", () => {
    change("-vm", (body) => ({ body: { ...body, securityProfile: {} } }));
    const { status, stdout } = drift("--markdown");
    assert.equal(status, FAILURES.drift.code);
    assert.match(
      stdout,
      /^\| changed \| `docker-host-vm` \| `securityProfile\.securityType: removed "TrustedLaunch"`.* \| pulumi up --refresh REPLACES the VM and its disk\. Look first/m,
    );
    assert.match(project.ok(["preview", "--refresh"]), /VirtualMachine docker-host-vm .*replace/);
  });

  await t.test("a resource group that is gone: first the group, then what went with it", () => {
    project.azure.list().forEach(({ id }) => {
      project.azure.remove(id);
    });
    const { status, stdout } = drift();
    assert.equal(status, FAILURES.drift.code);
    const lines = stdout.split("\n").filter((line) => line.startsWith("  missing"));
    assert.match(lines[0] ?? "", /^ {2}missing {6}group +ResourceGroup, is gone$/);
    assert.equal(lines.slice(1).filter((line) => line.endsWith(", gone with group")).length, 7);
    assert.equal(lines.length, 8);
    project.ok(["up", "--refresh", "--yes", "--skip-preview"]);
    assert.deepEqual(bodies(), wanted);
  });

  await t.test("pulumi's own words where pulumi fails; the stack that is named", () => {
    const none = project.dockerHost(["drift", "--stack", "nope"]);
    assert.equal(none.status, FAILURES.outputs.code);
    assert.match(none.stderr, /^docker-host: pulumi (refresh|stack) failed:\nerror: no stack named 'nope' found\n$/);
    project.behave({ faults: [{ call: "GET Microsoft.Compute/virtualMachines", kind: "refused" }] });
    const refused = project.dockerHost(["drift", "--stack", "dev"]);
    assert.equal(refused.status, FAILURES.outputs.code);
    assert.match(refused.stderr, /error: Preview failed: Status=403 Code="AuthorizationFailed"/);
    printed.push(refused.stderr);
  });

  const { secrets, needles } = secretsIn(JSON.parse(project.ok(["stack", "export", "--show-secrets"])));
  assert.ok(secrets.length >= 6 && needles.length >= 6, "keys and password are among them");
  assert.deepEqual(
    needles.filter((needle) => printed.some((text) => text.includes(needle))),
    [],
  );
});
