/** The rehearsal's azure-native provider on a loopback Azure without machines: what it checks, calls a change, previews, waits for, and reads back. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";
import { ArmError } from "../../rehearsal/arm/armError";
import { Behaviour, type Fault } from "../../rehearsal/arm/behaviour";
import { noMachines } from "../../rehearsal/arm/compute";
import { SUBSCRIPTION_ID } from "../../rehearsal/arm/resourceTypes";
import { Store } from "../../rehearsal/arm/store";
import { Subscription } from "../../rehearsal/arm/subscription";
import { AzureNative } from "../../rehearsal/providers/azureNative";
import { PartialFailure, type Properties, type Resource, UNKNOWN } from "../../rehearsal/providers/server";

let directory: string;
let provider: AzureNative;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "azure-native-"));
  provider = open();
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function subscription(faults: Fault[] = []): Subscription {
  const network = { bridge: "", subnet: "203.0.113.0/24", gateway: "203.0.113.1" };
  return new Subscription(new Store(directory), noMachines, new Behaviour({ faults }), network);
}

function open(...faults: Fault[]): AzureNative {
  return new AzureNative(subscription(faults));
}

function resource(type: string): Resource {
  const token = `azure-native:${type}`;
  return { urn: `urn:pulumi:dev::p::${token}::it`, type: token, name: "it" };
}

const GROUP = resource("resources:ResourceGroup");
const IP = resource("network:PublicIPAddress");
const VNET = resource("network:VirtualNetwork");
const NIC = resource("network:NetworkInterface");
const VM = resource("compute:VirtualMachine");
const EXTENSION = resource("compute:VirtualMachineExtension");

const GROUP_ID = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/g`;
const idOf = (path: string): string => `${GROUP_ID}/providers/${path}`;
const IP_ID = idOf("Microsoft.Network/publicIPAddresses/ip");
const NIC_ID = idOf("Microsoft.Network/networkInterfaces/nic");
const VM_ID = idOf("Microsoft.Compute/virtualMachines/vm");

const location = "westeurope";
const PASSWORD = "Correct-horse1!";
const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKNJoFbWT1u9bPQPEKQmNv7Q7TPKmTqYEYFT0Dj1LUt";
const PUT_IP = "PUT Microsoft.Network/publicIPAddresses";

const groupInputs: Properties = { resourceGroupName: "g", location };
const ipInputs: Properties = {
  resourceGroupName: "g",
  publicIpAddressName: "ip",
  location,
  sku: { name: "Standard" },
  publicIPAllocationMethod: "Static",
  dnsSettings: { domainNameLabel: "host-one" },
};
const vnetInputs: Properties = {
  resourceGroupName: "g",
  virtualNetworkName: "vnet",
  location,
  addressSpace: { addressPrefixes: ["10.0.0.0/24"] },
  subnets: [{ name: "default", addressPrefix: "10.0.0.0/24" }],
};
const nicInputs: Properties = {
  resourceGroupName: "g",
  networkInterfaceName: "nic",
  location,
  ipConfigurations: [
    {
      name: "primary",
      subnet: { id: idOf("Microsoft.Network/virtualNetworks/vnet/subnets/default") },
      publicIPAddress: { id: IP_ID },
    },
  ],
};
const vmInputs: Properties = {
  resourceGroupName: "g",
  vmName: "vm",
  location,
  hardwareProfile: { vmSize: "Standard_B2s_v2" },
  networkProfile: { networkInterfaces: [{ id: NIC_ID }] },
  osProfile: {
    computerName: "host",
    adminUsername: "azureuser",
    adminPassword: PASSWORD,
    linuxConfiguration: {
      ssh: { publicKeys: [{ path: "/home/azureuser/.ssh/authorized_keys", keyData: SSH_KEY }] },
    },
  },
  storageProfile: { imageReference: { publisher: "Canonical" }, osDisk: { name: "os" } },
};
const extensionInputs: Properties = {
  resourceGroupName: "g",
  vmName: "vm",
  vmExtensionName: "docker",
  location,
  publisher: "Microsoft.Azure.Extensions",
  type: "DockerExtension",
  typeHandlerVersion: "1.2",
  settings: { docker: { port: "4243" } },
  protectedSettings: { certs: { key: "c2VjcmV0" } },
};

/** Inputs without some of them. */
function except(inputs: Properties, ...names: string[]): Properties {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => !names.includes(name)));
}

/** Creates all up to a machine and its extension. */
async function createAll(): Promise<void> {
  await provider.create(GROUP, groupInputs);
  await provider.create(IP, ipInputs);
  await provider.create(VNET, vnetInputs);
  await provider.create(NIC, nicInputs);
  await provider.create(VM, vmInputs);
  await provider.create(EXTENSION, extensionInputs);
}

suite("check", () => {
  test("whole inputs pass as they are", () => {
    const all: [Resource, Properties][] = [
      [GROUP, groupInputs],
      [IP, ipInputs],
      [VNET, vnetInputs],
      [NIC, nicInputs],
      [VM, vmInputs],
      [EXTENSION, extensionInputs],
    ];
    for (const [each, inputs] of all) assert.deepEqual(provider.check(each, inputs), { inputs, failures: [] });
  });

  test("what Azure needs must be there; what a preview doesn't know yet is", () => {
    const missing = ["resourceGroupName", "vmName", "vmExtensionName", "publisher", "type", "typeHandlerVersion"];
    assert.deepEqual(
      provider.check(EXTENSION, { location }).failures,
      missing.map((property) => ({ property, reason: `missing required property '${property}'` })),
    );
    const unknown = Object.fromEntries(missing.map((property) => [property, UNKNOWN]));
    assert.deepEqual(provider.check(EXTENSION, { location, ...unknown }).failures, []);
  });

  test("the location is the provider's where none is given", () => {
    assert.deepEqual(provider.check(GROUP, { resourceGroupName: "g" }), {
      inputs: { resourceGroupName: "g", location: undefined },
      failures: [
        {
          property: "location",
          reason:
            "missing required property 'location'. Either set it explicitly or configure it with 'pulumi config set azure-native:location <value>'",
        },
      ],
    });
    provider.configure({ location: "northeurope" });
    assert.deepEqual(provider.check(GROUP, { resourceGroupName: "g" }), {
      inputs: { resourceGroupName: "g", location: "northeurope" },
      failures: [],
    });
    assert.deepEqual(provider.check(GROUP, groupInputs), { inputs: groupInputs, failures: [] });
  });

  test("a type that the loopback Azure has not", () => {
    const storage = resource("storage:StorageAccount");
    const message = "the loopback Azure has no azure-native:storage:StorageAccount";
    assert.deepEqual(provider.check(storage, {}).failures, [{ property: "", reason: message }]);
    assert.throws(() => provider.preview(storage, {}), { message });
  });
});

suite("diff", () => {
  const diff = (of: Resource, olds: Properties, news: Properties): unknown =>
    provider.diff(of, "id", { inputs: olds }, news);

  test("nothing changed, and a region's name written otherwise", () => {
    const same = { diffs: {}, deleteBeforeReplace: false };
    assert.deepEqual(diff(IP, ipInputs, { ...ipInputs }), same);
    assert.deepEqual(diff(IP, ipInputs, { ...ipInputs, location: "West Europe" }), same);
    assert.deepEqual(diff(IP, { ...ipInputs, location: "WestEurope" }, ipInputs), same);
  });

  test("another property is an update, even where Azure will refuse it", () => {
    assert.deepEqual(
      diff(IP, ipInputs, { ...ipInputs, dnsSettings: { domainNameLabel: "host-two" }, tags: { team: "build" } }),
      { diffs: { "dnsSettings.domainNameLabel": "update", tags: "add" }, deleteBeforeReplace: false },
    );
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

  const replacing: { of: Resource; olds: Properties; change: Properties }[] = [
    { of: IP, olds: ipInputs, change: { location: "northeurope" } },
    { of: IP, olds: ipInputs, change: { publicIpAddressName: "ip2" } },
    { of: IP, olds: ipInputs, change: { resourceGroupName: "g2" } },
    { of: IP, olds: ipInputs, change: { resourceGroupName: UNKNOWN } },
    { of: GROUP, olds: groupInputs, change: { resourceGroupName: "g2" } },
    { of: GROUP, olds: groupInputs, change: { location: "northeurope" } },
    { of: EXTENSION, olds: extensionInputs, change: { vmName: "vm2" } },
    { of: EXTENSION, olds: extensionInputs, change: { vmExtensionName: "docker2" } },
  ];
  for (const { of, olds, change } of replacing) {
    const [property = ""] = Object.keys(change);
    test(`another ${property} of a ${of.type} is another resource, and the old one goes first`, () => {
      assert.deepEqual(diff(of, olds, { ...olds, ...change }), {
        diffs: { [property]: "update-replace" },
        deleteBeforeReplace: true,
      });
    });
  }
});

suite("preview", () => {
  test("what follows from the inputs is known, what only Azure knows is not claimed, secrets are left out", () => {
    assert.deepEqual(provider.preview(IP, { ...ipInputs, location: "West Europe" }), {
      location,
      sku: { name: "Standard" },
      publicIPAllocationMethod: "Static",
      name: "ip",
    });
    const osProfile = except(vmInputs.osProfile as Properties, "adminPassword");
    assert.deepEqual(provider.preview(VM, vmInputs), {
      ...except(vmInputs, "resourceGroupName", "vmName"),
      osProfile,
      name: "vm",
    });
    assert.equal(provider.preview(IP, { ...ipInputs, publicIpAddressName: UNKNOWN }).name, UNKNOWN);
  });

  test("an update makes unknown what Azure may make anew", async () => {
    await provider.create(GROUP, groupInputs);
    const { properties: state } = await provider.create(IP, ipInputs);
    const olds = { inputs: ipInputs, state };
    assert.deepEqual(provider.previewUpdate(IP, IP_ID, olds, ipInputs), state);
    const tagged = { ...ipInputs, tags: { team: "build" } };
    assert.deepEqual(provider.previewUpdate(IP, IP_ID, olds, tagged), { ...state, tags: { team: "build" } });
    const relabelled = { ...ipInputs, dnsSettings: { domainNameLabel: "host-two" } };
    assert.deepEqual(provider.previewUpdate(IP, IP_ID, olds, relabelled), { ...state, dnsSettings: UNKNOWN });
  });
});

suite("create, update, delete", () => {
  test("an ID, and outputs without names and secrets", async () => {
    await createAll();
    assert.deepEqual(
      await provider.create(IP, {
        ...ipInputs,
        publicIpAddressName: "ip2",
        dnsSettings: undefined,
        location: "West Europe",
      }),
      {
        id: `${IP_ID}2`,
        properties: {
          location,
          sku: { name: "Standard" },
          publicIPAllocationMethod: "Static",
          dnsSettings: undefined,
          ipAddress: "203.0.113.11",
          name: "ip2",
          type: "Microsoft.Network/publicIPAddresses",
          provisioningState: "Succeeded",
        },
      },
    );
    const { properties } = await provider.create(EXTENSION, {
      ...extensionInputs,
      vmExtensionName: "script",
      type: "CustomScript",
    });
    assert.deepEqual(properties, {
      ...except(extensionInputs, "resourceGroupName", "vmName", "vmExtensionName", "protectedSettings"),
      name: "script",
      // As the real provider: the resource's own type covers the handler's.
      type: "Microsoft.Compute/virtualMachines/extensions",
      provisioningState: "Succeeded",
    });
  });

  test("what exists is not taken over", async () => {
    const { id } = await provider.create(GROUP, groupInputs);
    assert.equal(id, GROUP_ID);
    await assert.rejects(provider.create(GROUP, groupInputs), {
      message: `cannot create already existing resource '${GROUP_ID}'`,
    });
    await assert.rejects(provider.create(GROUP, { ...groupInputs, resourceGroupName: "G" }), {
      message: `cannot create already existing resource '${GROUP_ID.slice(0, -1)}G'`,
    });
  });

  test("an update keeps the address", async () => {
    await provider.create(GROUP, groupInputs);
    await provider.create(IP, ipInputs);
    const news = { ...ipInputs, dnsSettings: { domainNameLabel: "host-two" } };
    assert.deepEqual(await provider.update(IP, IP_ID, {}, news), {
      location,
      sku: { name: "Standard" },
      publicIPAllocationMethod: "Static",
      dnsSettings: { domainNameLabel: "host-two", fqdn: "host-two.westeurope.cloudapp.azure.com" },
      ipAddress: "203.0.113.10",
      name: "ip",
      type: "Microsoft.Network/publicIPAddresses",
      provisioningState: "Succeeded",
    });
  });

  test("Azure's refusals come through as they are", async () => {
    await createAll();
    const vmWith = (osProfile: Properties): Properties => ({
      ...vmInputs,
      osProfile: { ...(vmInputs.osProfile as Properties), ...osProfile },
    });
    await assert.rejects(provider.update(VM, VM_ID, {}, vmWith({ adminUsername: "ops" })), {
      message:
        'Status=409 Code="PropertyChangeNotAllowed" Message="Changing property \'osProfile.adminUsername\' is not allowed."',
    });
    await assert.rejects(provider.delete(IP, IP_ID), {
      message: `Status=400 Code="PublicIPAddressCannotBeDeleted" Message="${IP_ID} is in use by ${NIC_ID} and cannot be deleted."`,
    });
  });

  test("a deletion takes it away; one that is gone is no error", async () => {
    await createAll();
    await provider.delete(GROUP, GROUP_ID);
    assert.deepEqual(subscription().store.list(), []);
    await provider.delete(GROUP, GROUP_ID);
  });
});

suite("read", () => {
  test("a refresh finds the inputs as they were, what Azure never tells among them", async () => {
    await createAll();
    for (const [of, id, inputs] of [
      [GROUP, GROUP_ID, groupInputs],
      [IP, IP_ID, ipInputs],
      [VM, VM_ID, vmInputs],
      [EXTENSION, `${VM_ID}/extensions/docker`, extensionInputs],
    ] as const) {
      const found = await provider.read(of, id, { inputs });
      assert.deepEqual([found?.id, found?.inputs], [id, inputs]);
      assert.ok(!JSON.stringify(found?.properties).includes(PASSWORD), "no password in the outputs");
    }
  });

  test("drift is seen", async () => {
    await createAll();
    await subscription().put(IP_ID, {
      ...except(ipInputs, "resourceGroupName", "publicIpAddressName"),
      tags: { by: "hand" },
    });
    const found = await provider.read(IP, IP_ID, { inputs: ipInputs });
    assert.deepEqual(found?.inputs, { ...ipInputs, tags: { by: "hand" } });
    assert.deepEqual(found.properties.tags, { by: "hand" });
  });

  test("an import comes without old inputs, and so without what Azure never tells", async () => {
    await createAll();
    const osProfile = except(vmInputs.osProfile as Properties, "adminPassword");
    assert.deepEqual((await provider.read(VM, VM_ID, { inputs: {} }))?.inputs, { ...vmInputs, osProfile });
    assert.deepEqual(
      (await provider.read(EXTENSION, `${VM_ID}/extensions/docker`, { inputs: {} }))?.inputs,
      except(extensionInputs, "protectedSettings"),
    );
  });

  test("what is gone, or is of no type here", async () => {
    await provider.create(GROUP, groupInputs);
    assert.equal(await provider.read(IP, IP_ID, { inputs: ipInputs }), undefined);
  });
});

suite("what goes wrong", () => {
  beforeEach(async () => {
    await provider.create(GROUP, groupInputs);
  });

  test("a throttled call is made again after as long as Azure asks", async () => {
    provider = open(
      { call: PUT_IP, kind: "throttled", times: 2, retryAfterSeconds: 0.04 },
      { call: "GET Microsoft.Network/publicIPAddresses", kind: "throttled", retryAfterSeconds: 0.04 },
    );
    const start = performance.now();
    const { id } = await provider.create(IP, ipInputs);
    assert.equal(id, IP_ID);
    // A timer may be early by less than a millisecond.
    assert.ok(performance.now() - start >= 3 * 39, "too soon");
  });

  test("but not for ever", async () => {
    provider = open({ call: PUT_IP, kind: "throttled", times: 4, retryAfterSeconds: 0.001 });
    await assert.rejects(provider.create(IP, ipInputs), /^Error: Status=429 Code="TooManyRequests"/);
    assert.equal((await provider.create(IP, ipInputs)).id, IP_ID);
  });

  test("a deletion and a read are tried again too", async () => {
    provider = open(
      { call: "DELETE Microsoft.Network/publicIPAddresses", kind: "throttled", retryAfterSeconds: 0.001 },
      { call: "GET Microsoft.Resources/resourceGroups", kind: "throttled", retryAfterSeconds: 0.001 },
    );
    await provider.create(IP, ipInputs);
    await provider.delete(IP, IP_ID);
    assert.equal((await provider.read(GROUP, GROUP_ID, { inputs: {} }))?.id, GROUP_ID);
  });

  test("a conflict and an internal error come through at once, and nothing was made", async () => {
    provider = open({ call: PUT_IP, kind: "conflict" }, { call: PUT_IP, kind: "internal-error" });
    for (const code of ["AnotherOperationInProgress", "InternalServerError"]) {
      await assert.rejects(provider.create(IP, ipInputs), (error) => error instanceof ArmError && error.code === code);
    }
    assert.equal((await provider.create(IP, ipInputs)).id, IP_ID);
  });

  test("after a lost response the resource is there, and a second create says so", async () => {
    provider = open({ call: PUT_IP, kind: "lost-response" });
    await assert.rejects(provider.create(IP, ipInputs), /connection reset before the response arrived/);
    await assert.rejects(provider.create(IP, ipInputs), {
      message: `cannot create already existing resource '${IP_ID}'`,
    });
  });

  test("a machine that never boots and an extension that fails stay, as failed ones", async () => {
    provider = open(
      { call: "PUT Microsoft.Compute/virtualMachines", kind: "boot-failure" },
      { call: "PUT Microsoft.Compute/virtualMachines/extensions", kind: "extension-failure" },
    );
    await provider.create(IP, ipInputs);
    await provider.create(VNET, vnetInputs);
    await provider.create(NIC, nicInputs);
    const failed = async (action: Promise<unknown>, id: string, inputs: Properties, reason: RegExp): Promise<void> => {
      await assert.rejects(action, (error) => {
        assert.ok(error instanceof PartialFailure, String(error));
        assert.deepEqual([error.id, error.inputs, error.properties.provisioningState], [id, inputs, "Failed"]);
        assert.equal(error.reasons.length, 1);
        assert.match(error.reasons[0] ?? "", reason);
        assert.ok(!JSON.stringify(error.properties).includes(PASSWORD), "no password in the outputs");
        return true;
      });
    };
    await failed(
      provider.create(VM, vmInputs),
      VM_ID,
      vmInputs,
      /^Status=409 Code="OSProvisioningTimedOut" Message="OS Provis/,
    );
    await provider.update(VM, VM_ID, {}, vmInputs);
    const extensionId = `${VM_ID}/extensions/docker`;
    const reason = /^Status=409 Code="VMExtensionProvisioningError" Message="VM has reported/;
    await failed(provider.create(EXTENSION, extensionInputs), extensionId, extensionInputs, reason);
    const { provisioningState } = await provider.update(EXTENSION, extensionId, {}, extensionInputs);
    assert.equal(provisioningState, "Succeeded");
  });
});
