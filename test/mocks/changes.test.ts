/** What a change of each setting costs, by the table of settings, is what the declared resources change. */
import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import type { DockerHostArgs } from "../../components/dockerHostArgs";
import { type AnyRow, type Change, SETTINGS, type SettingName } from "../../components/settings";
import { type Ca, makeCa } from "../support/ca";
import { type Recorder, declare } from "../support/recorder";
import { samplesWith } from "../support/settingSamples";

/** Values that differ, beside a base that both have. */
interface Pair {
  base?: Partial<DockerHostArgs>;
  from?: Partial<DockerHostArgs>;
  to: Partial<DockerHostArgs>;
}

let acme: Ca;
let other: Ca;
let renewed: Ca;
let leaf: Ca;
before(async () => {
  [acme, other, leaf] = await Promise.all([
    makeCa(),
    makeCa({ commonName: "Other" }),
    makeCa({ commonName: "ann", isCa: false }),
  ]);
  renewed = await makeCa({ renewalOf: acme, toHours: 48 });
});

/** The changes for which a sample beside the base isn't enough. A function each, because the certificates are made first. */
const special: Partial<Record<SettingName, () => Pair>> = {
  caCertPem: () => ({
    base: { caPrivateKeyPem: acme.keyPem },
    from: { caCertPem: acme.certPem },
    to: { caCertPem: renewed.certPem },
  }),
  // A key changes with its certificate only.
  caPrivateKeyPem: () => ({
    from: { caCertPem: acme.certPem, caPrivateKeyPem: acme.keyPem },
    to: { caCertPem: other.certPem, caPrivateKeyPem: other.keyPem },
  }),
  trustedClientCerts: () => ({ base: { clients: ["ann"] }, to: { trustedClientCerts: [leaf.certPem] } }),
  adminPassword: () => ({ base: { passwordLogin: true }, to: { adminPassword: "Correct-horse1!" } }),
  publicIp: () => ({ base: { subnetId: samplesWith("", "").subnetId }, to: { publicIp: false } }),
};

/** One change of a setting. */
function changeOf(name: SettingName): Pair {
  const { [name]: sample } = samplesWith(leaf.certPem, acme.certPem) as Partial<DockerHostArgs>;
  return special[name]?.() ?? { to: { [name]: sample } };
}

/** The paths of the properties that differ, as azure-native's detailed diff names them: "a.b[0].c". */
function differences(one: unknown, two: unknown, path = ""): string[] {
  if (!isNested(one) || !isNested(two)) return JSON.stringify(one) === JSON.stringify(two) ? [] : [path];
  return [...new Set([...Object.keys(one), ...Object.keys(two)])].flatMap((key) => {
    const step = Array.isArray(one) ? `[${key}]` : path === "" ? key : `.${key}`;
    return differences(one[key], two[key], path + step);
  });
}

function isNested(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Whether a path is one of the others, or lies within one, as the engine's `PropertyPath.Contains` has it. */
function isWithin(path: string, outer: string[]): boolean {
  return outer.some((each) => path === each || [".", "["].some((next) => path.startsWith(each + next)));
}

/** What the daemon's configuration and certificates are made of. With a new key or certificate, the extension runs again. */
const SERVER = ["web-server", "web-server-key", "web-server-request"];
/** The inputs of an extension with which Azure runs it again. */
const RUNS = ["settings", "protectedSettings", "forceUpdateTag", "vmExtensionName", "type", "typeHandlerVersion"];

/** The effect of the change of one resource. */
function effectOf(name: string, from: Recorder, to: Recorder): Change {
  const [one, two] = [from.declared[name], to.declared[name]];
  const { type = "", options = {} } = one ?? two ?? {};
  const paths = differences(one?.inputs, two?.inputs);
  const keyReplaced = one?.options.replacementTrigger !== two?.options.replacementTrigger;
  if (SERVER.includes(name) && (paths.length > 0 || keyReplaced)) return "restarts Docker";
  if (!type.startsWith("azure-native:") || paths.length === 0) return "nothing by itself";
  // azure-native's own rule for every resource.
  if (paths.some((path) => path === "resourceGroupName" || path === "location")) return "replaces everything";
  if (one === undefined || two === undefined) {
    return type.endsWith(":VirtualMachineExtension") ? "restarts Docker" : "in place";
  }
  const replaces = (options.replaceOnChanges as string[] | undefined) ?? [];
  if (["web-vm", "web-nic"].includes(name) && paths.some((path) => isWithin(path, replaces))) return "replaces the VM";
  if (name === "web-vm" && paths.includes("hardwareProfile.vmSize")) return "reboots the VM";
  // The script before the DockerExtension doesn't restart Docker by itself.
  if (name === "web-docker" && paths.some((path) => isWithin(path, RUNS))) return "restarts Docker";
  return "in place";
}

/** From the cheapest to the most expensive. */
const ORDER: Change[] = [
  "nothing by itself",
  "in place",
  "restarts Docker",
  "reboots the VM",
  "replaces the VM",
  "replaces everything",
];

suite("a change of", () => {
  for (const [name, { change, replaces }] of Object.entries<AnyRow>(SETTINGS)) {
    test(`${name}: ${change}`, async () => {
      const { base = {}, from = {}, to } = changeOf(name as SettingName);
      const one = (await declare({ ...base, ...from })).recorder;
      const two = (await declare({ ...base, ...to })).recorder;
      const names = [...new Set([...Object.keys(one.declared), ...Object.keys(two.declared)])];
      const effects = names.filter((each) => each !== "web").map((each) => effectOf(each, one, two));
      const greatest = Math.max(...effects.map((effect) => ORDER.indexOf(effect)));
      assert.equal(ORDER[greatest], change, JSON.stringify(effects));
      for (const [resource, wanted = []] of Object.entries(replaces ?? {})) {
        const paths = differences(one.declared[`web-${resource}`]?.inputs, two.declared[`web-${resource}`]?.inputs);
        assert.ok(
          paths.some((path) => isWithin(path, wanted)),
          `${resource}: ${paths.join()}`,
        );
      }
    });
  }
});
