/**
 * What azure-native's stand-in says before anything happens: checks, previews, differences. The files named are those of
 * pulumi/pulumi-azure-native, in which each was read.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { AzureNative } from "../../../rehearsal/providers/azureNative";
import { applyDiff, withoutEmptyCollections } from "../../../rehearsal/providers/azureNative/convert";
import { RESOURCE_TYPES, idOf, namesIn } from "../../../rehearsal/providers/azureNative/resourceTypes";
import { type Resource, UNKNOWN } from "../../../rehearsal/providers/provider";
import { isObject, type Properties } from "../../../rehearsal/values";
import {
  ALL,
  EXTENSION,
  GROUP,
  IP,
  IP_ID,
  NIC,
  NSG,
  PASSWORD,
  VM,
  VNET,
  extensionInputs,
  groupInputs,
  ipInputs,
  location,
  nicInputs,
  nsgInputs,
  ruleInputs,
  vmInputs,
  vnetInputs,
} from "../../support/azureInputs";
import { except, openAzure, resourceOf } from "../../support/loopbackAzure";

// There is no Azure to ask: nothing here may need one.
const provider = new AzureNative({ environment: {} });
const reasonsOf = async (resource: Resource, inputs: Properties): Promise<string[]> =>
  (await provider.check(resource, inputs, {})).failures.map(({ reason }) => reason);

suite("check (provider/pkg/provider/provider.go: Check, applyDefaults, validateType)", () => {
  test("whole inputs pass as they are", async () => {
    for (const [each, , inputs] of ALL)
      assert.deepEqual(await provider.check(each, inputs, {}), { inputs, failures: [] });
  });

  test("the API version is an input of the provider's own", async () => {
    const { inputs } = await provider.check(IP, except(ipInputs, "azureApiVersion"), {});
    assert.equal(inputs.azureApiVersion, "2024-05-01");
  });

  test("missing inputs at every depth are named, and an unknown value isn't missing", async () => {
    const rule = except(ruleInputs, "access");
    assert.deepEqual(await reasonsOf(NSG, { ...nsgInputs, securityRules: [rule] }), [
      "missing required property 'securityRules[0].access'",
    ]);
    assert.deepEqual(await reasonsOf(NSG, { ...nsgInputs, securityRules: [{ ...rule, access: UNKNOWN }] }), []);
    assert.deepEqual(await reasonsOf(NSG, { ...nsgInputs, securityRules: UNKNOWN }), []);
    assert.deepEqual(await reasonsOf(EXTENSION, except(extensionInputs, "vmName", "resourceGroupName")), [
      "missing required property 'resourceGroupName'",
      "missing required property 'vmName'",
    ]);
  });

  test("a value of another kind", async () => {
    assert.deepEqual(await reasonsOf(IP, { ...ipInputs, sku: "Standard", zones: "1", idleTimeoutInMinutes: "4" }), [
      "'idleTimeoutInMinutes' should be of type 'integer' but got a string",
      "'sku' should be of type 'object' but got a string",
      "'zones' should be of type 'array' but got a string",
    ]);
    assert.deepEqual(await reasonsOf(IP, { ...ipInputs, publicIPAllocationMethod: ["Static"], ipAddress: 1 }), [
      "'ipAddress' should be of type 'string' but got a number",
      "'publicIPAllocationMethod' should be of type 'string' but got an array",
    ]);
  });

  test("a missing name is generated and kept, and its resource is replaced without a gap", async () => {
    const nameless = except(ipInputs, "publicIpAddressName");
    const { inputs } = await provider.check(IP, nameless, {});
    assert.match(String(inputs.publicIpAddressName), /^it[0-9a-f]{8}$/);
    assert.equal(inputs.__createBeforeDelete, true);
    assert.deepEqual((await provider.check(IP, nameless, inputs)).inputs, inputs);
    const { inputs: taken } = await provider.check(IP, nameless, ipInputs);
    assert.deepEqual([taken.publicIpAddressName, taken.__createBeforeDelete], ["ip", undefined]);
  });

  test("a location: the former one, the provider's, the group's, in this order", async (t) => {
    const placeless = except(ipInputs, "location");
    const azure = await openAzure(t);
    const locationOf = async (inputs: Properties, olds: Properties = {}): Promise<unknown> =>
      (await azure.provider.check(IP, inputs, olds)).inputs.location;
    assert.equal(await locationOf({ ...placeless, resourceGroupName: UNKNOWN }), UNKNOWN);
    assert.equal(await locationOf(placeless), undefined, "there is no such group");
    await azure.provider.create(GROUP, groupInputs);
    assert.equal(await locationOf(placeless), "westeurope");
    azure.provider.configure({ location: "northeurope" });
    assert.equal(await locationOf(placeless), "northeurope");
    assert.equal(await locationOf(placeless, { location: "uksouth" }), "uksouth");
    assert.equal(await locationOf(ipInputs, { location: "uksouth" }), location);
  });

  // getDefaultLocation in provider/pkg/provider/provider.go: the location of the old inputs goes before the configured one.
  test("another location in the provider's configuration changes nothing that exists", async (t) => {
    const { provider: configured } = await openAzure(t);
    const placeless = except(groupInputs, "location");
    configured.configure({ location: "westeurope" });
    const { inputs } = await configured.check(GROUP, placeless, {});
    assert.equal(inputs.location, "westeurope", "Check fills it in, so it is one of the inputs");
    configured.configure({ location: "northeurope" });
    assert.equal((await configured.check(GROUP, placeless, {})).inputs.location, "northeurope");
    const again = (await configured.check(GROUP, placeless, inputs)).inputs;
    const { diffs } = await configured.diff(GROUP, "", { inputs, state: inputs }, again);
    assert.deepEqual(diffs, {});
  });

  test("a missing location is an error where the specification requires it", async () => {
    const advice = "Either set it explicitly or configure it with 'pulumi config set azure-native:location <value>'.";
    for (const [each, , inputs] of ALL.filter(([{ type }]) => !type.includes(":network:"))) {
      const placeless = each === GROUP ? except(inputs, "location") : except(inputs, "location", "resourceGroupName");
      const reasons = await reasonsOf(each, placeless);
      assert.equal(reasons.at(-1), `missing required property 'location'. ${advice}`);
    }
  });

  test("an unknown type is an error", async () => {
    const message = "Resource type azure-native:storage:StorageAccount not found";
    await assert.rejects(provider.check(resourceOf("storage:StorageAccount"), {}, {}), { message });
  });
});

suite("preview of a creation (provider/pkg/convert/previewOutputs.go)", () => {
  test("the inputs, and everything else is unknown, at every depth of objects and of the entries of lists", () => {
    const preview = provider.preview(VNET, vnetInputs);
    assert.deepEqual(preview.addressSpace, { addressPrefixes: ["10.0.0.0/24"], ipamPoolPrefixAllocations: UNKNOWN });
    const [subnet] = preview.subnets as Properties[];
    assert.deepEqual([subnet?.name, subnet?.addressPrefix], ["default", "10.0.0.0/24"]);
    assert.deepEqual([subnet?.id, subnet?.etag, subnet?.delegations], [UNKNOWN, UNKNOWN, UNKNOWN]);
    assert.deepEqual([preview.name, preview.id, preview.etag], [UNKNOWN, UNKNOWN, UNKNOWN]);
    assert.ok(!("virtualNetworkName" in preview), "a name in the path is no output");
  });

  test("values of type any are as given, maps and lists by their entries", () => {
    const settings = { docker: { port: UNKNOWN } };
    const tags = { team: "build", owner: UNKNOWN };
    const preview = provider.preview(EXTENSION, { ...extensionInputs, settings, tags });
    assert.deepEqual([preview.settings, preview.tags], [settings, tags]);
    assert.deepEqual(preview.protectedSettings, extensionInputs.protectedSettings);
    assert.equal(provider.preview(IP, { ...ipInputs, zones: ["1", UNKNOWN] }).zones?.toString(), `1,${UNKNOWN}`);
  });

  test("a value of another kind than the output's is unknown", () => {
    assert.equal(provider.preview(IP, { ...ipInputs, idleTimeoutInMinutes: "4" }).idleTimeoutInMinutes, UNKNOWN);
    assert.equal(provider.preview(IP, { ...ipInputs, sku: UNKNOWN }).sku, UNKNOWN);
  });

  test("a password is as given: the engine knows that it is a secret", () => {
    const { osProfile } = provider.preview(VM, vmInputs);
    assert.equal((osProfile as Properties).adminPassword, PASSWORD);
  });
});

suite("preview of an update (provider/pkg/provider/provider.go: Update)", () => {
  test("the new inputs, and of the state only the name and the location", async (t) => {
    const azure = await openAzure(t);
    await azure.provider.create(GROUP, groupInputs);
    const { properties: state } = await azure.provider.create(IP, ipInputs);
    assert.equal(state.ipAddress, "203.0.113.10");
    const news = { ...ipInputs, tags: { team: "build" }, location: "West Europe" };
    const preview = provider.previewUpdate(IP, IP_ID, { inputs: ipInputs, state }, news);
    assert.deepEqual(preview, { ...provider.preview(IP, news), name: "ip", location: "westeurope" });
    const { ipAddress, dnsSettings }: Properties = provider.previewUpdate(IP, IP_ID, { inputs: ipInputs, state }, news);
    assert.deepEqual([ipAddress, (dnsSettings as Properties).fqdn], [UNKNOWN, UNKNOWN]);
  });
});

suite("diff (provider/pkg/provider/diff.go)", () => {
  const diff = (of: Resource, olds: Properties, news: Properties, state: Properties = {}): unknown =>
    provider.diff(of, "id", { inputs: olds, state }, news);
  const same = { diffs: {}, deleteBeforeReplace: false };

  test("nothing changed, or a region or a group's name is written otherwise", () => {
    assert.deepEqual(diff(IP, ipInputs, { ...ipInputs }), same);
    assert.deepEqual(diff(IP, ipInputs, { ...ipInputs, location: "West Europe" }), same);
    assert.deepEqual(diff(IP, { ...ipInputs, location: "WestEurope" }, ipInputs), same);
    assert.deepEqual(diff(IP, ipInputs, { ...ipInputs, resourceGroupName: "G" }), same);
    assert.deepEqual(diff(IP, { ...ipInputs, __createBeforeDelete: true }, ipInputs), same);
  });

  test("the API version is compared with the state's where the inputs are an import's", () => {
    const imported = except(ipInputs, "azureApiVersion");
    assert.deepEqual(diff(IP, imported, ipInputs, { azureApiVersion: "2024-05-01" }), same);
    const later = diff(IP, imported, ipInputs, { azureApiVersion: "2023-02-01" });
    assert.deepEqual(later, { diffs: { azureApiVersion: "update" }, deleteBeforeReplace: false });
  });

  test("another property is an update, even where Azure will refuse it", () => {
    const change = { dnsSettings: { domainNameLabel: "host-two" }, tags: { team: "build" } };
    assert.deepEqual(diff(IP, ipInputs, { ...ipInputs, ...change }), {
      diffs: { "dnsSettings.domainNameLabel": "update", tags: "add" },
      deleteBeforeReplace: false,
    });
    const osProfile = { ...(vmInputs.osProfile as Properties), adminUsername: "ops" };
    assert.deepEqual(diff(VM, vmInputs, { ...vmInputs, osProfile }), {
      diffs: { "osProfile.adminUsername": "update" },
      deleteBeforeReplace: false,
    });
    assert.deepEqual(diff(EXTENSION, extensionInputs, { ...extensionInputs, type: "CustomScript" }), {
      diffs: { type: "update" },
      deleteBeforeReplace: false,
    });
  });

  // provider/pkg/gen/replacement.go; for compute, common-types' TrackedResource, whose location can't be updated.
  const replacing: { of: Resource; olds: Properties; change: Properties; path?: string }[] = [
    { of: IP, olds: ipInputs, change: { location: "northeurope" } },
    { of: IP, olds: ipInputs, change: { publicIpAddressName: "ip2" } },
    { of: IP, olds: ipInputs, change: { resourceGroupName: "g2" } },
    { of: IP, olds: ipInputs, change: { resourceGroupName: UNKNOWN } },
    { of: IP, olds: ipInputs, change: { sku: { name: "Basic" } }, path: "sku.name" },
    {
      of: IP,
      olds: { ...ipInputs, publicIPAddressVersion: "IPv4" },
      change: { publicIPAddressVersion: "IPv6" },
    },
    {
      of: IP,
      olds: { ...ipInputs, publicIPPrefix: { id: "a" } },
      change: { publicIPPrefix: { id: "b" } },
      path: "publicIPPrefix.id",
    },
    { of: GROUP, olds: groupInputs, change: { resourceGroupName: "g2" } },
    { of: GROUP, olds: groupInputs, change: { location: "northeurope" } },
    { of: VNET, olds: vnetInputs, change: { location: "northeurope" } },
    { of: VM, olds: vmInputs, change: { location: "northeurope" } },
    { of: EXTENSION, olds: extensionInputs, change: { vmName: "vm2" } },
    { of: EXTENSION, olds: extensionInputs, change: { vmExtensionName: "docker2" } },
  ];
  for (const { of, olds, change, path } of replacing) {
    const [property = ""] = Object.keys(change);
    test(`another ${path ?? property} of a ${of.type} is another resource, and the old one goes first`, () => {
      const expected = { diffs: { [path ?? property]: "update-replace" }, deleteBeforeReplace: true };
      assert.deepEqual(diff(of, olds, { ...olds, ...change }), expected);
    });
  }

  test("a resource with a name of the provider's own is replaced before it is deleted", () => {
    const olds = { ...ipInputs, __createBeforeDelete: true };
    assert.deepEqual(diff(IP, olds, { ...olds, location: "northeurope" }), {
      diffs: { location: "update-replace" },
      deleteBeforeReplace: false,
    });
  });

  test("an NSG and a NIC go to another region in place, if Azure lets them", () => {
    for (const [of, inputs] of [[NSG, nsgInputs] as const, [NIC, nicInputs] as const]) {
      const expected = { diffs: { location: "update" }, deleteBeforeReplace: false };
      assert.deepEqual(diff(of, inputs, { ...inputs, location: "northeurope" }), expected);
    }
  });

  test("setting or unsetting a whole value replaces, and adding to it or taking from it doesn't", () => {
    const none = except(ipInputs, "sku");
    assert.deepEqual(diff(IP, none, ipInputs), { diffs: { sku: "add-replace" }, deleteBeforeReplace: true });
    assert.deepEqual(diff(IP, ipInputs, none), { diffs: { sku: "delete-replace" }, deleteBeforeReplace: true });
    const tiered = { ...ipInputs, sku: { name: "Standard", tier: "Regional" } };
    assert.deepEqual(diff(IP, ipInputs, tiered), { diffs: { "sku.tier": "add" }, deleteBeforeReplace: false });
    assert.deepEqual(diff(IP, tiered, ipInputs), { diffs: { "sku.tier": "delete" }, deleteBeforeReplace: false });
  });

  test("setting a value that Azure has filled in replaces nothing", () => {
    const news = { ...ipInputs, publicIPAddressVersion: "IPv4" };
    assert.deepEqual(diff(IP, ipInputs, news, { publicIPAddressVersion: "IPv4" }), {
      diffs: { publicIPAddressVersion: "add" },
      deleteBeforeReplace: false,
    });
    const expected = { diffs: { publicIPAddressVersion: "add-replace" }, deleteBeforeReplace: true };
    assert.deepEqual(diff(IP, ipInputs, news, { publicIPAddressVersion: "IPv6" }), expected);
  });

  test("a default that the SDK sets is no change", () => {
    assert.deepEqual(diff(VNET, vnetInputs, { ...vnetInputs, enableVmProtection: false }), same);
    assert.deepEqual(diff(VNET, vnetInputs, { ...vnetInputs, enableVmProtection: true }), {
      diffs: { enableVmProtection: "add" },
      deleteBeforeReplace: false,
    });
  });

  test("entries of a list are compared by their place, and never replace", () => {
    const rules = (...names: string[]): Properties => ({
      ...nsgInputs,
      securityRules: names.map((name) => ({ ...ruleInputs, name })),
    });
    assert.deepEqual(diff(NSG, rules("a", "b"), rules("b", "c", "d")), {
      diffs: { "securityRules[0].name": "update", "securityRules[1].name": "update", "securityRules[2]": "add" },
      deleteBeforeReplace: false,
    });
    const fewer = { diffs: { "securityRules[1]": "delete" }, deleteBeforeReplace: false };
    assert.deepEqual(diff(NSG, rules("a", "b"), rules("a")), fewer);
  });

  test("entries of a list with x-ms-identifiers are compared by their keys (diffKeyedArrays)", () => {
    const withKeys = (...keys: [path: string, keyData: string][]): Properties => ({
      ...vmInputs,
      osProfile: { linuxConfiguration: { ssh: { publicKeys: keys.map(([path, keyData]) => ({ path, keyData })) } } },
    });
    const at = "osProfile.linuxConfiguration.ssh.publicKeys";
    assert.deepEqual(diff(VM, withKeys(["/a", "1"], ["/b", "2"]), withKeys(["/b", "2"], ["/a", "1"])), same);
    assert.deepEqual(diff(VM, withKeys(["/a", "1"], ["/b", "2"]), withKeys(["/b", "3"], ["/c", "1"])), {
      diffs: { [`${at}[0].keyData`]: "update", [`${at}[1]`]: "add", [`${at}[0]`]: "delete" },
      deleteBeforeReplace: false,
    });
  });
});

suite("inputs after a refresh (provider/pkg/provider/diff.go: applyDiff)", () => {
  const inputs = { name: "a", tags: { team: "x" }, rules: [{ name: "r" }] };
  const before = { name: "a", tags: { team: "x" }, rules: [{ name: "r", etag: "1" }], timeout: 4 };

  test("what is the same in both outputs changes nothing, whatever Azure has filled in", () => {
    assert.deepEqual(applyDiff(inputs, before, before), inputs);
  });

  test("only what differs is taken over, deep", () => {
    const after = { name: "a", tags: { team: "y", by: "hand" }, rules: [{ name: "r", etag: "2" }], timeout: 5 };
    assert.deepEqual(applyDiff(inputs, before, after), {
      name: "a",
      tags: { team: "y", by: "hand" },
      rules: [{ name: "r", etag: "2" }],
      timeout: 5,
    });
  });

  test("what is gone or new in Azure is so in the inputs", () => {
    assert.deepEqual(applyDiff(inputs, before, { name: "a", rules: [{ name: "r", etag: "1" }, { name: "s" }] }), {
      name: "a",
      rules: [{ name: "r" }, { name: "s" }],
    });
    assert.deepEqual(applyDiff(inputs, before, { ...before, rules: [] }), { ...inputs, rules: [] });
  });
});

test("an import leaves out what is empty (provider/pkg/convert/responseToSdkInputs.go)", () => {
  const value = {
    list: [],
    object: {},
    nested: { list: [], deeper: { object: {} } },
    no: false,
    text: "",
    keep: [{ a: [] }, 1],
  };
  assert.deepEqual(withoutEmptyCollections(value), { no: false, text: "", keep: [1] });
});

test("an ID from inputs and back (provider/pkg/provider/crud/crud.go, provider/pkg/resources)", () => {
  const type = RESOURCE_TYPES["azure-native:network:PublicIPAddress"];
  assert.ok(type);
  const values = { subscriptionId: "s", resourceGroupName: "g 1", publicIpAddressName: "ip" };
  const id = "/subscriptions/s/resourceGroups/g%201/providers/Microsoft.Network/publicIPAddresses/ip";
  assert.equal(idOf(type, values), id);
  assert.deepEqual(namesIn(type, id), ["g 1", "ip"]);
  assert.deepEqual(namesIn(type, id.toLowerCase()), ["g 1", "ip"]);
  const other = id.replace("publicIPAddresses", "networkInterfaces");
  assert.throws(() => namesIn(type, other), {
    message: `failed to parse '${other}' against the path '${type.path}'`,
  });
});

test("no preview of anything claims to know what only Azure does", () => {
  for (const [each, , inputs] of ALL) {
    const told = provider.preview(each, inputs);
    const known = Object.keys(told).filter((name) => JSON.stringify(told[name]) !== JSON.stringify(UNKNOWN));
    assert.deepEqual(
      known.filter((name) => !(name in inputs)),
      [],
      each.type,
    );
    assert.ok(isObject(told));
  }
});
