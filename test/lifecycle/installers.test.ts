/** The extensions on the real engine: from one installer to the other, from hosts of before `-prepare`, and after a failure; the control plane alone. */
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FOLDERS } from "../../rehearsal/arm/open";
import { filesOf } from "../../rehearsal/files";
import type { Changes, Rehearsal } from "../../rehearsal/rehearsal";
import { leftOut } from "../support/sample";
import { Scratch } from "../support/scratch";

const PREPARED = { prepare: "CustomScript", DockerExtension: "DockerExtension" };
const SCRIPT = { CustomScript: "CustomScript" };

/** The steps of a change to the other installer, for a host of this version. */
const TO_SCRIPT = {
  "docker-host-docker": "-",
  "docker-host-prepare": "+- protectedSettings, settings, vmExtensionName",
};
const TO_EXTENSION = {
  "docker-host-prepare": "+- protectedSettings, settings, vmExtensionName",
  "docker-host-docker": "+",
};

/** A host's rehearsal, with what a test of its extensions looks at. */
class Extensions {
  private readonly scratch: Scratch;

  constructor(test: ConstructorParameters<typeof Scratch>[0]) {
    this.scratch = new Scratch(test);
  }

  open(config: Record<string, string> = {}): Promise<Rehearsal> {
    return this.scratch.open(config);
  }

  /** The machine's extensions in Azure: each one's type by its name. */
  async inAzure(): Promise<Record<string, unknown>> {
    const all = (await this.open()).subscription.store.list();
    const found = all.filter(({ armType }) => armType.endsWith("/extensions"));
    return Object.fromEntries(found.map(({ id, body }) => [id.split("/").at(-1) ?? "", body.type]));
  }

  /** The steps by resource, with what changed in the order of its letters. */
  private steps(): Record<string, string> {
    const sorted = (step: string): string => {
      const [sign = "", ...changed] = step.split(/,? /);
      return [sign, changed.sort().join(", ")].join(" ").trim();
    };
    return Object.fromEntries(Object.entries(this.scratch.steps()).map(([name, step]) => [name, sorted(step)]));
  }

  /** The engine's operations in their order, such as "delete-replaced docker-host-docker". */
  private operations(): string[] {
    return this.scratch.lines.flatMap((line) => /^ {2}… {2}((?:create|delete).*)/.exec(line)?.[1] ?? []);
  }

  /** Previews these steps, and carries them out; gives what was done and in what order. */
  async change(config: Record<string, string>, steps: Record<string, string>): Promise<string[]> {
    await (await this.open(config)).preview();
    assert.deepEqual(this.steps(), steps, "previewed");
    await (await this.open()).up();
    assert.deepEqual(this.steps(), steps, "done");
    const operations = this.operations();
    await this.settled();
    return operations;
  }

  /** Nothing is left to do. */
  async settled(): Promise<Changes> {
    const { changes } = await (await this.open()).up();
    assert.deepEqual(Object.keys(changes), ["same"]);
    return changes;
  }

  async fails(config: Record<string, string>): Promise<string> {
    await assert.rejects((await this.open(config)).up());
    return this.scratch.lines.join("\n");
  }

  /** Makes the next calls for an extension fail. */
  failing(times: number): void {
    const fault = { call: "PUT Microsoft.Compute/virtualMachines/extensions", kind: "extension-failure", times };
    const file = join(this.scratch.directory, FOLDERS.behaviour);
    if (times > 0) writeFileSync(file, JSON.stringify({ faults: [fault] }));
    else rmSync(file);
  }

  /** Makes the host what it was before there was a `-prepare`: one extension, under the name `-docker`. */
  async asBefore(): Promise<void> {
    const file = join(filesOf(this.scratch.directory).backend, ".pulumi/stacks/azure-docker-host/rehearsal.json");
    const state = JSON.parse(readFileSync(file, "utf8")) as {
      checkpoint: { latest: { resources: Record<string, unknown>[] } };
    };
    const { latest } = state.checkpoint;
    const isPrepare = (urn: unknown): boolean => String(urn).endsWith("::docker-host-prepare");
    if ("prepare" in (await this.inAzure())) {
      const { store } = (await this.open()).subscription;
      for (const { id } of store.list()) if (id.endsWith("/extensions/prepare")) store.remove(id);
      latest.resources = latest.resources.filter(({ urn }) => !isPrepare(urn));
      for (const resource of latest.resources) {
        const { propertyDependencies = {} } = resource as { propertyDependencies?: Record<string, string[]> };
        for (const [property, urns] of Object.entries(propertyDependencies))
          propertyDependencies[property] = urns.filter((urn) => !isPrepare(urn));
        const { dependencies = [] } = resource as { dependencies?: string[] };
        resource.dependencies = dependencies.filter((urn) => !isPrepare(urn));
      }
    }
    writeFileSync(file, JSON.stringify(state).replaceAll("::docker-host-prepare", "::docker-host-docker"));
  }
}

test("to the script and back: what is of the former installer goes before what is of the next one comes", async (t) => {
  const host = new Extensions(t);
  await (await host.open()).up();
  assert.deepEqual(await host.inAzure(), PREPARED);
  // The DockerExtension's uninstall stops Docker: it must be over before the script begins.
  assert.deepEqual(await host.change({ installer: "CustomScript" }, TO_SCRIPT), [
    "delete-replaced docker-host-docker",
    "delete-replaced docker-host-prepare",
    "create-replacement docker-host-prepare",
  ]);
  assert.deepEqual(await host.inAzure(), SCRIPT);
  assert.deepEqual(await host.change({ installer: "DockerExtension" }, TO_EXTENSION), [
    "delete-replaced docker-host-prepare",
    "create-replacement docker-host-prepare",
    "create docker-host-docker",
  ]);
  assert.deepEqual(await host.inAzure(), PREPARED);
});

test("a DockerExtension of before -prepare: it stays as it is, or goes before the script comes", async (t) => {
  if (leftOut(t, "other ways from one installer to another")) return;
  const host = new Extensions(t);
  await (await host.open()).up();
  await host.asBefore();
  assert.deepEqual(await host.inAzure(), { DockerExtension: "DockerExtension" });
  assert.deepEqual(await host.change({}, { "docker-host-prepare": "+" }), ["create docker-host-prepare"]);
  assert.deepEqual(await host.inAzure(), PREPARED);

  await host.asBefore();
  const steps = {
    "docker-host-docker": "-",
    "docker-host-prepare": "+- protectedSettings, settings, type, typeHandlerVersion, vmExtensionName",
  };
  assert.deepEqual(await host.change({ installer: "CustomScript" }, steps), [
    "delete-replaced docker-host-docker",
    "create-replacement docker-host-prepare",
  ]);
  assert.deepEqual(await host.inAzure(), SCRIPT);
});

test("a script of before -prepare: taken over by its former name, and then to the DockerExtension", async (t) => {
  if (leftOut(t, "other ways from one installer to another")) return;
  const host = new Extensions(t);
  await (await host.open({ installer: "CustomScript" })).up();
  await host.asBefore();
  assert.deepEqual(await host.change({}, {}), [], "nothing is to do");
  assert.deepEqual(await host.inAzure(), SCRIPT);

  await host.change({ installer: "DockerExtension" }, TO_EXTENSION);
  assert.deepEqual(await host.inAzure(), PREPARED);
});

test("a script of before -prepare, to the DockerExtension in one step: refused, with the host as it was", async (t) => {
  if (leftOut(t, "other ways from one installer to another")) return;
  const host = new Extensions(t);
  await (await host.open({ installer: "CustomScript" })).up();
  await host.asBefore();
  const said = await host.fails({ installer: "DockerExtension" });
  assert.match(said, /Multiple VMExtensions per handler not supported for OS type 'Linux'/);
  assert.deepEqual(await host.inAzure(), SCRIPT);
  // One `up` with the former installer gives it the new name.
  await host.change({ installer: "CustomScript" }, {});
  await host.change({ installer: "DockerExtension" }, TO_EXTENSION);
  assert.deepEqual(await host.inAzure(), PREPARED);
});

test("a preparation that failed is run again by the next up, as Azure runs the same settings only once", async (t) => {
  const host = new Extensions(t);
  host.failing(1);
  assert.match(await host.fails({}), /VMExtensionProvisioningError/);
  assert.deepEqual(await host.inAzure(), { prepare: "CustomScript" }, "nothing comes after it");
  host.failing(0);
  const steps = { "docker-host-prepare": "+-", "docker-host-docker": "+" };
  assert.deepEqual(await host.change({}, steps), [
    "delete-replaced docker-host-prepare",
    "create-replacement docker-host-prepare",
    "create docker-host-docker",
  ]);
  assert.deepEqual(await host.inAzure(), PREPARED);
});

test("another version of the package: both are updated in place, one after the other", async (t) => {
  if (leftOut(t, "other ways from one installer to another")) return;
  const host = new Extensions(t);
  await (await host.open()).up();
  const steps = { "docker-host-prepare": "~ settings", "docker-host-docker": "~ forceUpdateTag" };
  await host.change({ dockerVersion: "28.2.*" }, steps);
  await host.change({ dockerVersion: "27.5.*" }, steps);
  const tag = (await host.open()).subscription.store.list().find(({ id }) => id.endsWith("/DockerExtension"));
  assert.equal(tag?.body.forceUpdateTag, "docker.io=27.5.*");
  await host.change(
    { forceUpdateTag: "1" },
    {
      "docker-host-prepare": "~ forceUpdateTag",
      "docker-host-docker": "~ forceUpdateTag",
    },
  );
});
