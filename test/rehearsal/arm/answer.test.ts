/** How the loopback Azure's answers look, and which resources change with which. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";
import { answered } from "../../../rehearsal/arm/answer";
import { computedAtCreation, nextEtag, touchedBy } from "../../../rehearsal/arm/filledIn";
import { diskId, putDisk, refuseDisk, refuseDiskDeletion, releaseDisk } from "../../../rehearsal/arm/disks";
import { ArmError } from "../../../rehearsal/arm/armError";
import { type Body } from "../../../rehearsal/arm/body";
import { Store, type StoredResource } from "../../../rehearsal/arm/store";

let store: Store;
beforeEach(() => {
  store = new Store(mkdtempSync(join(tmpdir(), "answer-")));
});
afterEach(() => {
  rmSync(store.directory, { recursive: true });
});

const GROUP = "/subscriptions/s/resourceGroups/g";
const NETWORK = `${GROUP}/providers/Microsoft.Network`;
const VNET = `${NETWORK}/virtualNetworks/vnet`;
const SUBNET = `${VNET}/subnets/subnet`;
const NSG = `${NETWORK}/networkSecurityGroups/nsg`;
const IP = `${NETWORK}/publicIPAddresses/ip`;
const NIC = `${NETWORK}/networkInterfaces/nic`;
const VM = `${GROUP}/providers/Microsoft.Compute/virtualMachines/vm`;
const DISK = `${GROUP}/providers/Microsoft.Compute/disks/vm_OsDisk_1_0`;
const EXTENSION = `${VM}/extensions/docker`;

const GUID = "9759e2eb-219f-4b76-aea2-80c9770473ff";
const ETAG = `W/"${GUID}"`;
const state = { provisioningState: "Succeeded" };

function put(id: string, body: Body, computed: Body = {}): StoredResource {
  const kinds = id.split("/providers/")[1]?.split("/");
  const armType = kinds
    ? [kinds[0], ...kinds.slice(1).filter((_, index) => index % 2 === 0)].join("/")
    : "Microsoft.Resources/resourceGroups";
  const made = armType.includes(".Network/") ? { etag: GUID, resourceGuid: GUID } : {};
  const resource: StoredResource = {
    id,
    armType,
    ...state,
    body,
    computed: { ...made, ...computed },
  } as StoredResource;
  store.set(resource);
  return resource;
}

const answer = (id: string): Body => answered(store.get(id) ?? assert.fail(id), store);
const machine = (computed: Body = {}): StoredResource =>
  put(
    VM,
    {
      location: "westus2",
      hardwareProfile: { vmSize: "Standard_A0" },
      networkProfile: { networkInterfaces: [{ id: NIC.toUpperCase() }] },
      osProfile: { adminUsername: "someusername", computerName: "mycomputer" },
      storageProfile: {
        imageReference: { offer: "UbuntuServer", publisher: "Canonical", sku: "18.04-LTS", version: "latest" },
      },
    },
    {
      etag: "1",
      vmId: GUID,
      timeCreated: "2024-12-09T15:22:33.9499709+00:00",
      osDiskName: "vm_OsDisk_1_0",
      powerState: "running",
      ...computed,
    },
  );
const putInterface = (): StoredResource =>
  put(NIC, {
    location: "westus2",
    networkSecurityGroup: { id: NSG },
    ipConfigurations: [
      { name: "one", privateIPAllocationMethod: "Dynamic", subnet: { id: SUBNET }, publicIPAddress: { id: IP } },
      { name: "two", subnet: { id: SUBNET.toUpperCase() } },
    ],
  });
const putNetwork = (): void => {
  put(VNET, {
    location: "West US 2",
    addressSpace: { addressPrefixes: ["10.1.0.0/16"] },
    subnets: [{ name: "subnet", addressPrefix: "10.1.0.0/24" }],
  });
  put(NSG, {
    location: "westus2",
    securityRules: [
      { name: "ssh", priority: 100, access: "Allow", direction: "Inbound", sourceAddressPrefixes: ["::/0"] },
    ],
  });
  put(
    IP,
    { location: "westus2", sku: { name: "standard" }, publicIPAllocationMethod: "Static" },
    { ipAddress: "1.2.3.4" },
  );
};

suite("answers", () => {
  test("a resource group", () => {
    put(GROUP, { location: "westus2", tags: { a: "b" } });
    const type = "Microsoft.Resources/resourceGroups";
    assert.deepEqual(answer(GROUP), {
      id: GROUP,
      name: "g",
      type,
      location: "westus2",
      tags: { a: "b" },
      properties: state,
    });
  });

  test("a network, alone and with an interface in its subnet", () => {
    putNetwork();
    const subnet = {
      name: "subnet",
      id: SUBNET,
      type: "Microsoft.Network/virtualNetworks/subnets",
      etag: ETAG,
      addressPrefix: "10.1.0.0/24",
      delegations: [],
      privateEndpointNetworkPolicies: "Disabled",
      privateLinkServiceNetworkPolicies: "Enabled",
      ...state,
    };
    const network = {
      id: VNET,
      name: "vnet",
      type: "Microsoft.Network/virtualNetworks",
      location: "westus2",
      etag: ETAG,
      resourceGuid: GUID,
      addressSpace: { addressPrefixes: ["10.1.0.0/16"] },
      enableDdosProtection: false,
      privateEndpointVNetPolicies: "Disabled",
      virtualNetworkPeerings: [],
      ...state,
    };
    assert.deepEqual(answer(VNET), { ...network, subnets: [subnet] });
    putInterface();
    const ipConfigurations = ["one", "two"].map((name) => ({ id: `${NIC}/ipConfigurations/${name}` }));
    assert.deepEqual(answer(VNET), { ...network, subnets: [{ ...subnet, ipConfigurations }] });
  });

  test("an NSG has its rules, the six default rules and its NICs", () => {
    putNetwork();
    putInterface();
    const { securityRules, defaultSecurityRules, networkInterfaces, ...rest } = answer(NSG);
    const type = "Microsoft.Network/networkSecurityGroups";
    assert.deepEqual(rest, {
      id: NSG,
      name: "nsg",
      type,
      location: "westus2",
      etag: ETAG,
      resourceGuid: GUID,
      ...state,
    });
    assert.deepEqual(securityRules, [
      {
        name: "ssh",
        id: `${NSG}/securityRules/ssh`,
        type: `${type}/securityRules`,
        etag: ETAG,
        priority: 100,
        access: "Allow",
        direction: "Inbound",
        sourcePortRanges: [],
        destinationPortRanges: [],
        sourceAddressPrefixes: ["::/0"],
        destinationAddressPrefixes: [],
        ...state,
      },
    ]);
    assert.deepEqual(networkInterfaces, [{ id: NIC }]);
    const rules = defaultSecurityRules as Body[];
    assert.deepEqual(
      rules.map(({ name, priority, access, direction }) => [name, priority, access, direction]),
      [
        ["AllowVnetInBound", 65000, "Allow", "Inbound"],
        ["AllowAzureLoadBalancerInBound", 65001, "Allow", "Inbound"],
        ["DenyAllInBound", 65500, "Deny", "Inbound"],
        ["AllowVnetOutBound", 65000, "Allow", "Outbound"],
        ["AllowInternetOutBound", 65001, "Allow", "Outbound"],
        ["DenyAllOutBound", 65500, "Deny", "Outbound"],
      ],
    );
    assert.deepEqual(rules[1], {
      name: "AllowAzureLoadBalancerInBound",
      id: `${NSG}/defaultSecurityRules/AllowAzureLoadBalancerInBound`,
      type: `${type}/defaultSecurityRules`,
      etag: ETAG,
      description: "Allow inbound traffic from azure load balancer",
      protocol: "*",
      sourcePortRange: "*",
      destinationPortRange: "*",
      sourceAddressPrefix: "AzureLoadBalancer",
      destinationAddressPrefix: "*",
      access: "Allow",
      priority: 65001,
      direction: "Inbound",
      sourcePortRanges: [],
      destinationPortRanges: [],
      sourceAddressPrefixes: [],
      destinationAddressPrefixes: [],
      ...state,
    });
  });

  test("an address", () => {
    putNetwork();
    const ip = {
      id: IP,
      name: "ip",
      type: "Microsoft.Network/publicIPAddresses",
      location: "westus2",
      etag: ETAG,
      resourceGuid: GUID,
      ddosSettings: { protectionMode: "VirtualNetworkInherited" },
      idleTimeoutInMinutes: 4,
      ipTags: [],
      ipAddress: "1.2.3.4",
      publicIPAddressVersion: "IPv4",
      publicIPAllocationMethod: "Static",
      sku: { name: "Standard", tier: "Regional" },
      ...state,
    };
    assert.deepEqual(answer(IP), ip);
    putInterface();
    assert.deepEqual(answer(IP), { ...ip, ipConfiguration: { id: `${NIC}/ipConfigurations/one` } });
  });

  test("an interface, before and after it has a VM", () => {
    putNetwork();
    putInterface();
    const configuration = (name: string, primary: boolean, more: Body): Body => ({
      name,
      id: `${NIC}/ipConfigurations/${name}`,
      type: "Microsoft.Network/networkInterfaces/ipConfigurations",
      etag: ETAG,
      primary,
      privateIPAddressVersion: "IPv4",
      privateIPAllocationMethod: "Dynamic",
      ...state,
      ...more,
    });
    const { dnsSettings, ...rest } = answer(NIC);
    const nic = {
      id: NIC,
      name: "nic",
      type: "Microsoft.Network/networkInterfaces",
      location: "westus2",
      etag: ETAG,
      resourceGuid: GUID,
      auxiliaryMode: "None",
      auxiliarySku: "None",
      disableTcpStateTracking: false,
      enableAcceleratedNetworking: false,
      enableIPForwarding: false,
      hostedWorkloads: [],
      nicType: "Standard",
      tapConfigurations: [],
      vnetEncryptionSupported: false,
      networkSecurityGroup: { id: NSG },
      ipConfigurations: [
        configuration("one", true, { subnet: { id: SUBNET }, publicIPAddress: { id: IP } }),
        configuration("two", false, { subnet: { id: SUBNET.toUpperCase() } }),
      ],
      ...state,
    };
    assert.deepEqual(rest, nic);
    const { internalDomainNameSuffix, ...lists } = dnsSettings as Body;
    assert.deepEqual(lists, { appliedDnsServers: [], dnsServers: [] });
    assert.match(String(internalDomainNameSuffix), /^[a-z0-9]{26}\.xx\.internal\.cloudapp\.net$/);
    machine();
    const attached = { macAddress: "00-0D-3A-97-59-E2", primary: true, virtualMachine: { id: VM } };
    assert.deepEqual(answer(NIC), { ...nic, dnsSettings, ...attached });
  });

  const vm = (more: Body = {}): Body => ({
    id: VM,
    name: "vm",
    type: "Microsoft.Compute/virtualMachines",
    location: "westus2",
    etag: '"1"',
    vmId: GUID,
    timeCreated: "2024-12-09T15:22:33.9499709+00:00",
    hardwareProfile: { vmSize: "Standard_A0" },
    networkProfile: { networkInterfaces: [{ id: NIC.toUpperCase() }] },
    osProfile: {
      adminUsername: "someusername",
      allowExtensionOperations: true,
      computerName: "mycomputer",
      linuxConfiguration: {
        disablePasswordAuthentication: false,
        patchSettings: { assessmentMode: "ImageDefault", patchMode: "ImageDefault" },
        provisionVMAgent: true,
      },
      requireGuestProvisionSignal: true,
      secrets: [],
    },
    storageProfile: {
      dataDisks: [],
      imageReference: {
        exactVersion: "18.04.202401161",
        offer: "UbuntuServer",
        publisher: "Canonical",
        sku: "18.04-LTS",
        version: "latest",
      },
      osDisk: {
        caching: "ReadWrite",
        createOption: "FromImage",
        deleteOption: "Detach",
        diskSizeGB: 30,
        managedDisk: { id: DISK, storageAccountType: "Standard_LRS" },
        name: "vm_OsDisk_1_0",
        osType: "Linux",
      },
    },
    ...state,
    ...more,
  });

  test("a VM as in the recording, off, and with inputs that include a secret", () => {
    machine();
    assert.deepEqual(answer(VM), vm());
    for (const powerState of ["stopped", "deallocated"]) {
      machine({ powerState, digests: { "osProfile.customData": "d" } });
      const { osDisk } = answer(VM).storageProfile as { osDisk: Body };
      assert.deepEqual(osDisk.managedDisk, { id: DISK });
    }
    const { body, computed } = machine();
    const osProfile = { ...(body.osProfile as Body), adminPassword: "p", customData: "c" };
    put(VM, { ...body, osProfile, hardwareProfile: { vmSize: "Standard_D2s_v5" } }, computed);
    const { osProfile: os, storageProfile } = answer(VM) as Record<string, Body>;
    assert.deepEqual(os, vm().osProfile);
    assert.equal(storageProfile?.diskControllerType, "SCSI");
    assert.deepEqual((storageProfile.osDisk as Body).managedDisk, { id: DISK, storageAccountType: "Premium_LRS" });
  });

  test("an extension has its handler's type beside the resource's, and never its protected settings", () => {
    machine();
    const body = { location: "westus2", publisher: "p", typeHandlerVersion: "1.2", settings: { a: [null] } };
    put(EXTENSION, { ...body, type: "DockerExtension", protectedSettings: { key: "k" } });
    const expected = {
      ...body,
      id: EXTENSION,
      name: "docker",
      type: "Microsoft.Compute/virtualMachines/extensions",
      typePropertiesType: "DockerExtension",
      ...state,
    };
    assert.deepEqual(answer(EXTENSION), expected);
    assert.deepEqual(answer(VM), vm({ resources: [expected] }));
  });

  test("the states while something is under way: a network resource is Updating from the first", () => {
    for (const provisioningState of ["Creating", "Updating", "Deleting", "Failed"] as const) {
      const shown = (resource: StoredResource): unknown =>
        answered({ ...resource, provisioningState }, store).provisioningState;
      const network = provisioningState === "Creating" ? "Updating" : provisioningState;
      assert.deepEqual([shown(put(VNET, {})), shown(machine())], [network, provisioningState]);
    }
  });
});

suite("values that Azure adds", () => {
  test("once", () => {
    const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
    const network = computedAtCreation(put(NIC, {}));
    assert.deepEqual(Object.keys(network), ["etag", "resourceGuid"]);
    for (const value of Object.values(network)) assert.match(String(value), guid);
    const { vmId, timeCreated, osDiskName, ...rest } = computedAtCreation(machine());
    assert.match(String(vmId), guid);
    assert.match(String(timeCreated), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00$/);
    assert.match(String(osDiskName), /^vm_OsDisk_1_[0-9a-f]{32}$/);
    assert.deepEqual(rest, { etag: "1", powerState: "running" });
    assert.equal(computedAtCreation(put(VM, { storageProfile: { osDisk: { name: "os" } } })).osDiskName, "os");
    assert.deepEqual([computedAtCreation(put(GROUP, {})), computedAtCreation(put(EXTENSION, {}))], [{}, {}]);
  });

  test("an etag after a change", () => {
    const { etag } = nextEtag(put(IP, {}));
    assert.notEqual(etag, GUID);
    assert.deepEqual(nextEtag(machine()), { etag: "2" });
    assert.deepEqual(nextEtag(put(EXTENSION, {})), {});
  });

  test("a change of one resource changes others", () => {
    putNetwork();
    const nic = putInterface();
    assert.deepEqual(touchedBy(nic, store), [VNET, NSG, IP]);
    assert.deepEqual(touchedBy(machine(), store), [NIC]);
    store.remove(NSG);
    assert.deepEqual(touchedBy(nic, store), [VNET, IP]);
    assert.deepEqual(touchedBy(put(IP, {}), store), []);
  });
});

suite("a VM's disk", () => {
  const asking = (osDisk: Body): StoredResource => {
    const { body, computed } = machine();
    return put(
      VM,
      { ...body, storageProfile: { osDisk } },
      { ...computed, osDiskName: osDisk.name ?? "vm_OsDisk_1_0" },
    );
  };

  test("is a resource", () => {
    putDisk(store, machine());
    const { uniqueId, ...rest } = answer(DISK);
    assert.match(String(uniqueId), /^[0-9a-f-]{36}$/);
    const disk = {
      id: DISK,
      name: "vm_OsDisk_1_0",
      type: "Microsoft.Compute/disks",
      location: "westus2",
      managedBy: VM,
      sku: { name: "Standard_LRS", tier: "Standard" },
      osType: "Linux",
      diskSizeGB: 30,
      diskSizeBytes: 32212254720,
      diskState: "Attached",
      timeCreated: "2024-12-09T15:22:33.9499709+00:00",
      creationData: { createOption: "FromImage" },
      encryption: { type: "EncryptionAtRestWithPlatformKey" },
      networkAccessPolicy: "AllowAll",
      publicNetworkAccess: "Enabled",
      ...state,
    };
    assert.deepEqual(rest, disk);
    putDisk(store, machine({ powerState: "deallocated" }));
    assert.deepEqual(answer(DISK), { ...disk, uniqueId, diskState: "Reserved" });
  });

  test("a deleted VM's disk is deleted if deleteOption says so, and else detached", () => {
    for (const [osDisk, left] of [
      [{ deleteOption: "Delete" }, undefined],
      [{ deleteOption: "Detach" }, "Unattached"],
      [{}, "Unattached"],
    ] as const) {
      const vm = asking(osDisk);
      putDisk(store, vm);
      store.remove(VM);
      releaseDisk(store, vm);
      assert.equal(store.get(DISK) && answer(DISK).diskState, left);
    }
  });

  test("a taken name fails after Azure has accepted the request", () => {
    const id = diskId(VM, "os");
    const vm = asking({ name: "os" });
    refuseDisk(store, vm);
    putDisk(store, vm);
    refuseDisk(store, vm);
    refuseDisk(store, asking({}));
    releaseDisk(store, vm);
    refuseDisk(store, asking({ name: "os", createOption: "Attach" }));
    const text = "Disk os already exists in resource group G. Only CreateOption.Attach is supported.";
    const expected = new ArmError(409, "ConflictingUserInput", text, true, undefined, id);
    assert.throws(() => {
      refuseDisk(store, vm);
    }, expected);
    const before = store.get(id);
    releaseDisk(store, vm);
    assert.deepEqual(store.get(id), before);
  });

  test("is not deleted while a VM has it", () => {
    putDisk(store, machine());
    const disk = store.get(DISK) ?? assert.fail();
    const text = `Disk vm_OsDisk_1_0 is attached to VM ${VM}.`;
    assert.throws(
      () => {
        refuseDiskDeletion(disk);
      },
      new ArmError(409, "OperationNotAllowed", text),
    );
    refuseDiskDeletion({ ...disk, computed: {} });
  });
});
