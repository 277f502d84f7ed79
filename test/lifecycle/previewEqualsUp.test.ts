/**
 * A preview shows the steps that `up` then does, under azure-native's own rules for previews: each setting, rotation and renewal
 * by itself and all at once, on a stack whose disk, addresses and keys are protected, and then what replaces them.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { makeCa } from "../support/ca";
import { sampled } from "../support/sample";
import { type PropertyChanges, Scratch, rootOf } from "../support/scratch";

const HOURS_A_YEAR = 365 * 24;
const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFzHXvYlc5eKq3CPsGlnQqerkRXSjUReXDfp+TJC9PvF me@laptop";

interface Change {
  change: string;
  config?: Record<string, string>;
  /** A list or text that is taken out of the stack's file. */
  unset?: string;
  changesNothing?: boolean;
  /** By how much the clock of certificates is ahead. */
  hours?: number;
  /** The resources with a disk, an address or a key that are replaced. */
  replaces?: string[];
  /** Where the preview shows more than `up` does: the resource, and why that can't be known before. */
  unknown?: Record<string, string>;
}

/** The resources that hold a disk, an address or a key. */
const HOLDS = /-(vm|ip|nic|key|vnet)$|^group$/;

/** Changes in place, which protection allows. */
function inPlace(company: string): Change[] {
  return [
    { change: "protection on", config: { protect: "true" } },
    { change: "nothing" },
    { change: "azure-native:location", config: { "azure-native:location": "northeurope" }, changesNothing: true },
    { change: "dockerPort", config: { dockerPort: "4244" } },
    { change: "a source more", config: { "dockerSources[1]": "198.51.100.7" } },
    { change: "sshSources", config: { "sshSources[0]": "VirtualNetwork" } },
    { change: "sshSources taken away", unset: "sshSources" },
    { change: "open to the Internet", config: { openToInternet: "true", "dockerSources[1]": "0.0.0.0/0" } },
    { change: "vmSize", config: { vmSize: "Standard_D2s_v5" } },
    { change: "a tag", config: { "tags.team": "build" } },
    { change: "another tag's value", config: { "tags.team": "ops" } },
    { change: "daemonOptions", config: { "daemonOptions.log-level": "warn" } },
    { change: "forceUpdateTag", config: { forceUpdateTag: "1" } },
    { change: "dockerVersion", config: { dockerVersion: "28.2.*" } },
    { change: "patchReboot", config: { patchReboot: "Never" } },
    { change: "a client more", config: { "clients[0]": "admin", "clients[1]": "ann" } },
    { change: "two clients more", config: { "clients[2]": "ci", "clients[3]": "bob" } },
    { change: "clients taken away", unset: "clients" },
    { change: "a company's clients", config: { "clientCaCerts[0]": company } },
    { change: "a company's clients taken away", unset: "clientCaCerts" },
    { change: "a second CA beside", config: { caGenerations: "1,2" } },
    { change: "the second CA away again", config: { caGenerations: "1" } },
    { change: "certificates that are due", hours: HOURS_A_YEAR - 29 * 24 },
    { change: "a DNS label", config: { dnsLabel: "build-host" } },
    { change: "another DNS label", config: { dnsLabel: "build-host-2" } },
    { change: "the other installer", config: { installer: "CustomScript" } },
    { change: "daemonOptions, by the script", config: { "daemonOptions.log-level": "info" } },
    { change: "dockerVersion, by the script", config: { dockerVersion: "28.*" } },
    { change: "the first installer again", config: { installer: "DockerExtension" } },
    {
      change: "many at once",
      config: {
        dockerPort: "4245",
        "tags.cost": "1",
        vmSize: "Standard_B2s_v2",
        "clients[0]": "ann",
        dnsLabel: "build-host-3",
      },
    },
  ];
}

const MACHINE = ["docker-host-vm"];

/** Changes that replace a resource with a disk, an address or a key. */
function replacing(subnetId: string, { certPem, keyPem }: { certPem: string; keyPem: string }): Change[] {
  const keys = ["docker-host-server-key", "docker-host-client-ann-key"];
  return [
    { change: "new keys", config: { keyGeneration: "2" }, replaces: keys },
    { change: "another CA beside", config: { caGenerations: "1,2" } },
    { change: "the other CA signs", config: { caGenerations: "2" } },
    { change: "adminUsername", config: { adminUsername: "ops" }, replaces: MACHINE },
    {
      change: "image",
      config: { image: "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest" },
      replaces: MACHINE,
    },
    { change: "trustedLaunch", config: { trustedLaunch: "false" }, replaces: MACHINE },
    { change: "passwordLogin", config: { passwordLogin: "true" }, replaces: MACHINE },
    { change: "adminPassword", config: { adminPassword: "Correct-horse1!" }, replaces: MACHINE },
    { change: "sshPublicKey", config: { sshPublicKey: SSH_KEY }, replaces: MACHINE },
    {
      change: "an Arm size and image",
      config: {
        installer: "CustomScript",
        vmSize: "Standard_D2ps_v6",
        image: "Canonical:ubuntu-24_04-lts:server-arm64:latest",
      },
      replaces: MACHINE,
    },
    { change: "another's subnet", config: { subnetId }, replaces: ["docker-host-nic", ...MACHINE] },
    { change: "no public address", config: { publicIp: "false", dnsLabel: "" } },
    { change: "a public address again", config: { publicIp: "true" } },
    {
      change: "a company's CA",
      config: { caGenerations: "", caCertPem: certPem, caPrivateKeyPem: keyPem },
    },
  ];
}

const SAMPLE = ["protection on", "dockerPort", "certificates that are due", "many at once"];
const SAMPLE_OF_REPLACING = ["new keys", "adminUsername"];

/** Carries one change out, and compares what is shown with what is done. */
async function carryOut(t: TestContext, scratch: Scratch, each: Change): Promise<void> {
  const {
    change,
    config = {},
    unset,
    hours,
    replaces = [],
    unknown = {},
    changesNothing = change === "nothing",
  } = each;
  await t.test(change, async () => {
    if (unset !== undefined) scratch.removeList(unset);
    if (hours !== undefined) process.env.REHEARSAL_CLOCK_OFFSET_HOURS = String(hours);
    await (await scratch.open(config)).preview();
    const shown = operations(scratch);
    const shownChanges = scratch.changes();
    await (await scratch.open()).up();
    const done = operations(scratch);
    assertSameProperties(shownChanges, scratch.changes());
    for (const name of Object.keys(unknown)) {
      assert.notEqual(shown[name], done[name], `${name} is shown as it is done, and needs no exception`);
      Reflect.deleteProperty(shown, name);
      Reflect.deleteProperty(done, name);
    }
    assert.deepEqual(shown, done);
    const replaced = Object.keys(done).filter((name) => done[name]?.startsWith("+-") === true && HOLDS.test(name));
    assert.deepEqual(replaced.sort(), [...replaces].sort(), "what holds something is replaced only if it must be");
    if (!changesNothing) assert.notDeepEqual(done, {}, "the change changes something");
  });
}

/**
 * Inputs that a preview can't know, because the same `up` makes what they are made of: addresses and names of the public
 * IP, certificates over them, and what carries those to the VM. The preview shows the whole input as changed.
 */
const UNKNOWN_BEFORE = [
  /^docker-host-server-request (dnsNames|ipAddresses|privateKeyPem)$/,
  /^docker-host-server certRequestPem$/,
  /^docker-host-client-\w+ privateKeyPem$/,
  /^docker-host-(prepare|docker) (settings|protectedSettings)$/,
];

/** Compares which properties change and how, except for those inputs. */
function assertSameProperties(shown: Record<string, PropertyChanges>, done: Record<string, PropertyChanges>): void {
  for (const name of new Set([...Object.keys(shown), ...Object.keys(done)])) {
    const { certain = [], unknown = [] } = shown[name] ?? {};
    const unexpected = unknown.filter((input) => !UNKNOWN_BEFORE.some((each) => each.test(`${name} ${input}`)));
    assert.deepEqual(unexpected, [], `what the preview doesn't know of ${name}`);
    const changed = (done[name]?.certain ?? []).filter(
      (change) => !unknown.includes(rootOf(change.split(" ")[1] ?? "")),
    );
    assert.deepEqual(certain, changed, `the properties of ${name}`);
  }
}

/** What is created, updated, replaced and deleted. */
function operations(scratch: Scratch): Record<string, string> {
  return Object.fromEntries(Object.entries(scratch.steps()).map(([name, step]) => [name, step.replace(/ .*/, "")]));
}

/** The network of another stack's, in a group of its own. */
async function otherSubnet(scratch: Scratch): Promise<string> {
  await (await scratch.open({}, "hub")).up();
  return `${scratch.state("hub")["docker-host-vnet"]?.id ?? assert.fail("no network")}/subnets/default`;
}

test("what a preview shows is what up does", async (t) => {
  t.after(() => {
    delete process.env.REHEARSAL_CLOCK_OFFSET_HOURS;
  });
  const scratch = new Scratch(t);
  await (await scratch.open()).up();
  const company = await makeCa({ fromHours: -1, toHours: 20 * HOURS_A_YEAR });
  const changesInPlace = inPlace(company.certPem);
  for (const each of sampled(t, "changes in place", changesInPlace, ({ change }) => change, SAMPLE))
    await carryOut(t, scratch, each);
  // To end protection takes a run of its own, so what is replaced is another host's.
  delete process.env.REHEARSAL_CLOCK_OFFSET_HOURS;
  const other = new Scratch(t);
  await (await other.open({ "clients[0]": "ann" })).up();
  const changes = replacing(await otherSubnet(other), company);
  for (const each of sampled(t, "changes that replace", changes, ({ change }) => change, SAMPLE_OF_REPLACING))
    await carryOut(t, other, each);

  await t.test("after a refresh of what is there, nothing", async () => {
    await (await other.open()).refresh();
    await (await other.open()).preview();
    assert.deepEqual(other.steps(), {});
  });
});
