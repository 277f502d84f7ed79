/** A production stack, by plain `pulumi` as the README has it: what is refused, with nothing changed, and how a run says that it means it. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { makeCa } from "../support/ca";
import { PlainProject } from "../support/plainProject";
import { leftOut } from "../support/sample";
import { Scratch, type StateResource } from "../support/scratch";

const UP = ["up", "--yes", "--skip-preview"];
const MEANT = [...UP, "--ignore-protect"];
const NOTICE = /protect: Pulumi refuses to replace or delete .*\. If you mean it: pulumi up --ignore-protect/;

const NEEDED = { "azure-native:location": "westeurope", "dockerSources[0]": "203.0.113.7/32" };

/** Words of the command line that set the stack's configuration before a run. */
function settings(config: Record<string, string>): string[] {
  return ["--config-path", ...Object.entries(config).flatMap((pair) => ["--config", pair.join("=")])];
}

/** One stack of a project, and what must stay as it is where a run is refused. */
class Stack {
  constructor(
    private readonly project: PlainProject,
    readonly name: string,
  ) {
    project.ok(["stack", "init", name]);
  }

  ok(...args: string[]): string {
    return this.project.ok([...args, "--stack", this.name]);
  }

  fails(...args: string[]): string {
    return this.project.fails([...args, "--stack", this.name]);
  }

  /** Gives a CA to the stack. */
  give({ certPem, keyPem }: { certPem: string; keyPem: string }): void {
    this.ok("config", "set-all", "--plaintext", `caCertPem=${certPem}`, "--secret", `caPrivateKeyPem=${keyPem}`);
  }

  /** The names of what is protected. */
  protected(): string[] {
    const kept = this.project.state(this.name).filter(({ protect }) => protect);
    return kept.map(({ urn }) => nameOf(urn)).sort();
  }

  resource(name: string): StateResource {
    return this.project.state(this.name).find(({ urn }) => nameOf(urn) === name) ?? assert.fail(`no ${name}`);
  }

  /** All that there is, but for what the program says of itself: the component's inputs and the stack's outputs. */
  private all(): unknown {
    const state = this.project
      .state(this.name)
      .filter(({ type }) => !["pulumi:pulumi:Stack", "azure-docker-host:index:DockerHost"].includes(type))
      .map(({ urn, id, protect, inputs, outputs }) => ({ urn, id, protect, inputs, outputs }))
      .sort((a, b) => (a.urn < b.urn ? -1 : 1));
    // The engine encrypts the same secrets anew each time; their public halves are in clear.
    const clear = JSON.stringify(state, (name, value: unknown) => (name === "ciphertext" ? "" : value));
    return { state: JSON.parse(clear) as unknown, azure: this.project.azure.list() };
  }

  /** A run is refused because of a resource, and changes nothing. */
  refuses(resource: string, args: string[]): void {
    const before = this.all();
    const output = this.fails(...args);
    assert.match(output, new RegExp(`::${resource}" *(cannot be deleted)?\\s.*(marked for protection|is protected)`));
    if (args[0] !== "destroy") assert.match(output, NOTICE);
    assert.deepEqual(this.all(), before, "nothing changed");
  }
}

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? "";
}

const MARKS = ["docker-host-production", "docker-host-production-address", "docker-host-production-authority"];
const ADDRESSES = ["docker-host-ip", "docker-host-nic"];
/** The protected resources, for a key of the host's own CA. */
const kept = (...keys: string[]): string[] => [...keys, ...ADDRESSES, ...MARKS, "docker-host-vm", "group"].sort();

test("a host with a CA of its own", async (t) => {
  const project = await PlainProject.open(t);
  const stack = new Stack(project, "prod");
  assert.match(stack.ok(...UP, ...settings({ ...NEEDED, protect: "true" })), NOTICE);
  assert.deepEqual(stack.protected(), kept("docker-host-ca-key"));

  await t.test("what replaces the machine is refused", () => {
    stack.refuses("docker-host-vm", ["preview", ...settings({ adminUsername: "ops" })]);
    stack.refuses("docker-host-vm", UP);
    const image = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest";
    stack.refuses("docker-host-vm", [...UP, ...settings({ adminUsername: "azureuser", image })]);
  });

  await t.test("another CA is refused, at once and as the second of two steps", () => {
    const mark = "docker-host-production-authority";
    stack.refuses(mark, ["preview", ...settings({ caGenerations: "2", image: "" })]);
    stack.refuses(mark, UP);
    stack.ok(...UP, ...settings({ caGenerations: "1,2" }));
    assert.deepEqual(stack.protected(), kept("docker-host-ca-key"), "the one that signs");
    stack.refuses(mark, [...UP, ...settings({ caGenerations: "2" })]);
  });

  await t.test("a teardown is refused", () => {
    stack.refuses("docker-host-production", ["destroy", "--yes"]);
    stack.refuses("docker-host-production", ["destroy", "--yes", "--skip-preview", "--remove"]);
  });

  await t.test("what is meant is done, and all is protected again", () => {
    const up = stack.ok(...MEANT, ...settings({ adminUsername: "ops" }));
    assert.match(up, /docker-host-ca-key deleted/);
    assert.match(up, /docker-host-vm replaced/);
    assert.deepEqual(stack.protected(), kept("docker-host-ca-2-key"));
    stack.refuses("docker-host-vm", [...UP, ...settings({ adminUsername: "ops2" })]);
  });

  await t.test("what is done in place goes on, renewals too", (t) => {
    const inPlace = {
      ...{ vmSize: "Standard_D2s_v5", dockerPort: "4244", "sshSources[0]": "203.0.113.7", keyGeneration: "2" },
      ...{ "clients[0]": "ann", installer: "CustomScript", "tags.team": "build", dnsLabel: "build-host" },
    };
    const up = stack.ok(...UP, ...settings({ ...inPlace, adminUsername: "ops" }));
    assert.match(up, /docker-host-prepare replaced/);
    assert.doesNotMatch(up, /docker-host-(vm|ip|nic) replaced/);
    t.after(() => {
      delete process.env.REHEARSAL_CLOCK_OFFSET_HOURS;
    });
    process.env.REHEARSAL_CLOCK_OFFSET_HOURS = `${(9 * 365 + 1) * 24}`;
    const renewed = stack.ok(...UP);
    for (const part of ["ca-2", "server", "client-ann"]) assert.match(renewed, new RegExp(`-${part} replaced`));
  });

  await t.test("to end it is refused, unless it is meant", () => {
    assert.match(stack.fails("preview", ...settings({ protect: "false" })), /::docker-host-production" cannot be/);
    assert.match(stack.ok(...MEANT), /- 3 deleted/);
    assert.deepEqual(stack.protected(), []);
  });
});

test("a host with a CA that is given, in a subnet that is there", async (t) => {
  if (leftOut(t, "a protected host in a given network")) return;
  const project = await PlainProject.open(t);
  const hub = new Stack(project, "hub");
  hub.ok(...UP, ...settings(NEEDED));
  const subnetId = `${hub.resource("docker-host-vnet").id ?? ""}/subnets/default`;
  const [acme, other] = [await makeCa(), await makeCa({ commonName: "Other" })];
  const stack = new Stack(project, "prod");
  stack.give(acme);
  stack.ok(...UP, ...settings({ ...NEEDED, protect: "true", subnetId }));
  assert.deepEqual(stack.protected(), kept());

  await t.test("another key is refused, a renewed certificate of the same key is not", async () => {
    stack.give(other);
    stack.refuses("docker-host-production-authority", ["preview"]);
    stack.refuses("docker-host-production-authority", UP);
    const renewed = await makeCa({ renewalOf: acme, toHours: 48 });
    stack.give(renewed);
    assert.match(stack.ok(...UP), /docker-host-server replaced/);
    const server = new X509Certificate(String(stack.resource("docker-host-server").outputs?.certPem));
    assert.ok(server.checkIssued(new X509Certificate(renewed.certPem)), "signed by the renewed one");
  });

  await t.test("the public address is kept", () => {
    stack.refuses("docker-host-production-address", [...UP, ...settings({ publicIp: "false" })]);
  });

  await t.test("what is meant is done: a network of its own, another key", () => {
    stack.give(other);
    const own = settings({ publicIp: "true", subnetId: "" });
    assert.match(stack.ok(...MEANT, ...own), /docker-host-vm replaced/);
    stack.refuses("docker-host-nic", [...UP, ...settings({ subnetId })]);
  });

  await t.test("without a public address one may come, but not go", () => {
    assert.match(stack.ok(...MEANT, ...settings({ publicIp: "false" })), /docker-host-ip deleted/);
    stack.ok(...UP, ...settings({ publicIp: "true" }));
    assert.deepEqual(stack.protected(), kept());
    stack.refuses("docker-host-production-address", [...UP, ...settings({ publicIp: "false" })]);
  });

  await t.test("from a given CA to one of its own: refused; meant in the way that an older pulumi has too", () => {
    stack.ok("config", "rm-all", "caCertPem", "caPrivateKeyPem");
    stack.refuses("docker-host-production-authority", [...UP, ...settings({ publicIp: "true" })]);
    stack.ok("state", "unprotect", "--all", "--yes");
    stack.ok(...UP);
    assert.deepEqual(stack.protected(), kept("docker-host-ca-key"));
    stack.give(acme);
    stack.refuses("docker-host-production-authority", UP);
  });

  await t.test("a teardown that is meant leaves nothing", () => {
    stack.ok("destroy", "--yes", "--skip-preview", "--ignore-protect", "--remove");
    hub.ok("destroy", "--yes", "--skip-preview");
    assert.deepEqual(project.azure.list(), []);
  });
});

test("in the rehearsal: a run is refused, and the environment says that it is meant", async (t) => {
  const scratch = new Scratch(t);
  await (await scratch.open({ protect: "true" })).up();
  const count = Object.keys(scratch.state()).length;
  await assert.rejects((await scratch.open()).destroy());
  assert.match(scratch.lines.join("\n"), /docker-host-production" cannot be deleted/);
  assert.equal(Object.keys(scratch.state()).length, count, "nothing is deleted");
  t.after(() => {
    delete process.env.PULUMI_OPTION_IGNORE_PROTECT;
  });
  process.env.PULUMI_OPTION_IGNORE_PROTECT = "true";
  const rehearsal = await scratch.open();
  await rehearsal.destroy();
  assert.deepEqual([scratch.state(), rehearsal.subscription.store.list()], [{}, []]);
});
