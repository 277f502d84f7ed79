/** What the loopback Azure knows of images and sizes, and refuses for what is going on or was once chosen: with Azure's texts. */
import assert from "node:assert/strict";
import { replaceOnChanges } from "../../../components/settings";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";
import { ArmError } from "../../../rehearsal/arm/armError";
import { computeCatalogue, exactVersion, refuseImageAndSize, sizeTraits } from "../../../rehearsal/arm/images";
import {
  refuseBusy,
  refuseMachineChange,
  refuseReserved,
  refuseStopped,
  reservation,
  secretDigests,
} from "../../../rehearsal/arm/manners";
import { type Body } from "../../../rehearsal/arm/body";
import { Store, type StoredResource } from "../../../rehearsal/arm/store";

const JAMMY = "0001-com-ubuntu-server-jammy";
const NOBLE = "ubuntu-24_04-lts";
const VM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm";

/** Asserts that a call is refused with exactly this. */
function refused(call: () => void, status: number, code: string, text: string, target?: string): void {
  assert.throws(call, new ArmError(status, code, text, false, undefined, target));
}

suite("images and sizes", () => {
  const vm = (vmSize: string, offer: string, sku: string, securityType?: string): Body => ({
    hardwareProfile: { vmSize },
    storageProfile: { imageReference: { publisher: "Canonical", offer, sku, version: "latest" } },
    ...(securityType !== undefined && { securityProfile: { securityType } }),
  });

  const sizes: [size: string, architecture: string, generations: string, premium: boolean, trustedLaunch: boolean][] = [
    ["Standard_A0", "x64", "V1", false, false],
    ["Basic_A0", "x64", "V1", false, false],
    ["Standard_A1_v2", "x64", "V1", false, false],
    ["Standard_D1_v2", "x64", "V1", false, false],
    ["Standard_D2_v3", "x64", "V1", false, false],
    ["Standard_DS2_v2", "x64", "V1,V2", true, true],
    ["Standard_D2s_v3", "x64", "V1,V2", true, true],
    ["Standard_D2_v5", "x64", "V1,V2", false, true],
    ["Standard_B2s", "x64", "V1,V2", true, true],
    ["standard_b2ats_v2", "x64", "V1,V2", true, true],
    ["Standard_B2pts_v2", "Arm64", "V2", true, false],
    ["Standard_D2PS_v5", "Arm64", "V2", true, false],
    ["Standard_D2plds_v5", "Arm64", "V2", true, false],
    ["Standard_D2pds_v6", "Arm64", "V2", true, true],
    ["Standard_E4ps_v6", "Arm64", "V2", true, true],
    ["Standard_D2ads_v6", "x64", "V2", true, true],
    ["Standard_DC2s_v3", "x64", "V2", true, false],
    ["Standard_M208ms_v2", "x64", "V2", true, false],
    ["Standard_NC6_Promo", "x64", "V1", false, false],
    ["Standard_NC24ads_A100_v4", "x64", "V2", true, true],
    ["Standard_DS11-1_v2", "x64", "V1,V2", true, true],
  ];
  for (const [size, architecture, generations, premium, trustedLaunch] of sizes) {
    test(size, () => {
      const traits = sizeTraits(size);
      assert.deepEqual(traits && { ...traits, generations: traits.generations.join() }, {
        architecture,
        generations,
        premium,
        trustedLaunch,
      });
    });
  }

  test("matching sizes and images, and unknown ones", () => {
    for (const body of [
      vm("Standard_B2s", NOBLE, "server", "TrustedLaunch"),
      vm("Standard_D2ps_v5", NOBLE, "server-arm64"),
      vm("Standard_D2ps_v6", NOBLE, "SERVER-ARM64", "TrustedLaunch"),
      vm("Standard_A1_v2", JAMMY, "22_04-lts"),
      vm("Standard_D2s_v5", JAMMY, "22_04-lts", "Standard"),
      vm("Standard_D2s_v6", "some-offer", "some-sku"),
      { hardwareProfile: { vmSize: "Standard_D2ps_v5" }, storageProfile: { imageReference: { id: "/some/image" } } },
    ])
      refuseImageAndSize(body);
  });

  const architecture = (size: string, wants: string, given: string): string =>
    `Cannot create a VM of size '${size}' because this VM size only supports a CPU Architecture of '${wants}', but an image or disk with CPU Architecture '${given}' was given. Please check that the CPU Architecture of the image or disk is compatible with that of the VM size.`;
  const generation = (size: string, number: string): string =>
    `The selected VM size '${size}' cannot boot Hypervisor Generation '${number}'. If this was a Create operation please check that the Hypervisor Generation of the Image matches the Hypervisor Generation of the selected VM Size. If this was an Update operation please select a Hypervisor Generation '${number}' VM Size. For more information, see https://aka.ms/azuregen2vm`;
  const failures: [body: Body, text: string][] = [
    [vm("Standard_B2pts_v2", NOBLE, "server"), architecture("Standard_B2pts_v2", "Arm64", "x64")],
    [vm("Standard_B2s", NOBLE, "server-arm64"), architecture("Standard_B2s", "x64", "Arm64")],
    [vm("Standard_D2ads_v6", JAMMY, "22_04-lts"), generation("Standard_D2ads_v6", "1")],
    [vm("Standard_D1_v2", NOBLE, "server"), generation("Standard_D1_v2", "2")],
    [
      vm("Standard_B2s", NOBLE, "server-gen1", "TrustedLaunch"),
      "Use of TrustedLaunch setting is not supported for the provided image. Please select Trusted Launch Supported Gen2 OS Image. For more information, see https://aka.ms/TrustedLaunch-FAQ.",
    ],
    [
      vm("Standard_D2ps_v5", NOBLE, "server-arm64", "TrustedLaunch"),
      "The VM size 'Standard_D2ps_v5' is not supported for creation of VMs and Virtual Machine Scale Set with 'TrustedLaunch' security type. For more information, see https://aka.ms/TrustedLaunch-FAQ",
    ],
  ];
  for (const [body, text] of failures) {
    test(text.slice(0, 100), () => {
      refused(
        () => {
          refuseImageAndSize(body);
        },
        400,
        "BadRequest",
        text,
      );
    });
  }

  test("no such image, no such size", () => {
    refused(
      () => {
        refuseImageAndSize(vm("Standard_B2s", NOBLE, "24_04-lts"));
      },
      404,
      "PlatformImageNotFound",
      `The platform image 'Canonical:${NOBLE}:24_04-lts:latest' is not available. Verify that all fields in the storage profile are correct. For more details about storage profile information, please refer to https://aka.ms/storageprofile`,
      "imageReference",
    );
    assert.throws(
      () => {
        refuseImageAndSize(vm("B1ls", NOBLE, "server"));
      },
      ({ code, target, detail }: ArmError) => {
        assert.deepEqual([code, target], ["InvalidParameter", "vmSize"]);
        assert.match(detail, /^The value B1ls provided for the VM size is not valid\. The valid sizes in the current /);
        return true;
      },
    );
  });

  test("latest stands for one version", () => {
    const of = (offer: string, version: string): unknown => exactVersion({ publisher: "Canonical", offer, version });
    assert.equal(of(NOBLE.toUpperCase(), "latest"), "24.04.202510010");
    assert.equal(of(NOBLE, "24.04.202404230"), "24.04.202404230");
    assert.equal(of("other", "latest"), undefined);
  });

  test("lists", () => {
    const names = (path: string): unknown => (computeCatalogue(path) as Body[] | undefined)?.map(({ name }) => name);
    const extensions = "locations/westeurope/publishers/Microsoft.Azure.Extensions/artifacttypes/vmextension/types";
    assert.deepEqual(names("locations/westeurope/publishers"), [
      "Microsoft.Azure.Extensions",
      "Microsoft.OSTCExtensions",
      "Microsoft.Azure.ActiveDirectory",
    ]);
    assert.deepEqual(names(extensions), ["CustomScript", "DockerExtension"]);
    assert.deepEqual(names(`${extensions}/DockerExtension/versions`), ["1.2.2"]);
    for (const path of [`${extensions}/x/versions`, extensions.replace("Azure.Extensions", "None"), "x"])
      assert.equal(computeCatalogue(path), undefined, path);
    const skus = computeCatalogue("skus") as { value: { name: string; capabilities: Body[] }[] };
    const arm = skus.value.find(({ name }) => name === "Standard_D2ps_v5");
    assert.deepEqual(arm?.capabilities, [
      { name: "vCPUs", value: "2" },
      { name: "MemoryGB", value: "8" },
      { name: "HyperVGenerations", value: "V2" },
      { name: "CpuArchitectureType", value: "Arm64" },
      { name: "PremiumIO", value: "True" },
      { name: "TrustedLaunchDisabled", value: "True" },
    ]);
  });
});

suite("manners", () => {
  let store: Store;
  beforeEach(() => {
    store = new Store(mkdtempSync(join(tmpdir(), "manners-")));
  });
  afterEach(() => {
    rmSync(store.directory, { recursive: true });
  });

  const resource = (more: Partial<StoredResource> = {}): StoredResource => ({
    id: VM,
    armType: "Microsoft.Compute/virtualMachines",
    provisioningState: "Succeeded",
    body: {},
    computed: {},
    ...more,
  });
  const machine = (body: Body, computed: Body = {}): StoredResource =>
    resource({ body, computed: { osDiskName: "os", powerState: "running", ...computed } });

  test("an extension of a VM that isn't running", () => {
    const asked = { id: `${VM.toUpperCase()}/extensions/e`, armType: "Microsoft.Compute/virtualMachines/extensions" };
    refuseStopped(store, asked);
    store.set(machine({}));
    refuseStopped(store, asked);
    for (const powerState of ["stopped", "deallocated"]) {
      store.set(machine({}, { powerState }));
      refuseStopped(store, resource());
      const text = "Cannot modify extensions in the VM when the VM is not running.";
      refused(
        () => {
          refuseStopped(store, asked);
        },
        409,
        "OperationNotAllowed",
        text,
      );
    }
  });

  test("an interface of a VM that failed, for 180 seconds", () => {
    const start = new Date("2026-01-01T00:00:00Z");
    const after = (seconds: number): Date => new Date(start.getTime() + seconds * 1000);
    const nic = resource({ computed: reservation(VM, start) });
    const text = `Nic(s) in request is reserved for another Virtual Machine for 180 seconds. Please provide another nic(s) or retry after 180 seconds. Reserved VM: ${VM}`;
    for (const asker of [undefined, `${VM}2`]) {
      refused(
        () => {
          refuseReserved(nic, after(179), asker);
        },
        400,
        "NicReservedForAnotherVm",
        text,
      );
      refuseReserved(nic, after(180), asker);
      refuseReserved(resource(), start, asker);
    }
    refuseReserved(nic, start, VM.toUpperCase());
  });

  test("a resource with another operation in progress", () => {
    const uri = "https://localhost/subscriptions/s/providers/Microsoft.Network/locations/l/operations/o?api-version=v";
    const conflict =
      "The request failed due to conflict with a concurrent request. To resolve it, please refer to https://aka.ms/activitylog to get more details on the conflicting requests.";
    const another = `Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: ${uri}.`;
    const gone = "The resource group 'vm' is in deprovisioning state and cannot perform this operation.";
    const cases: [armType: string, state: "Updating" | "Deleting", code?: string, text?: string][] = [
      ["Microsoft.Network/virtualNetworks", "Updating", "AnotherOperationInProgress", another],
      ["Microsoft.Compute/virtualMachines", "Updating", "Conflict", conflict],
      ["Microsoft.Compute/virtualMachines/extensions", "Deleting", "Conflict", conflict],
      ["Microsoft.Resources/resourceGroups", "Deleting", "ResourceGroupBeingDeleted", gone],
      ["Microsoft.Resources/resourceGroups", "Updating"],
    ];
    for (const [armType, provisioningState, code, text] of cases) {
      const call = (): void => {
        refuseBusy(resource({ armType, provisioningState }), uri);
      };
      if (code === undefined || text === undefined) call();
      else refused(call, 409, code, text);
      for (const settled of ["Succeeded", "Failed"] as const)
        refuseBusy(resource({ armType, provisioningState: settled }), uri);
    }
  });

  const image = { publisher: "Canonical", offer: NOBLE, sku: "server", version: "latest" };
  const body = (): Body => ({
    hardwareProfile: { vmSize: "Standard_B2s" },
    osProfile: {
      computerName: "host",
      adminUsername: "azureuser",
      adminPassword: "p",
      customData: "c",
      linuxConfiguration: { ssh: { publicKeys: [{ path: "p", keyData: "k" }] } },
    },
    storageProfile: { imageReference: image, osDisk: { createOption: "FromImage" } },
    securityProfile: { securityType: "TrustedLaunch", uefiSettings: { secureBootEnabled: true, vTpmEnabled: true } },
  });
  const os = (osProfile: Body): Body => ({ osProfile });
  /** With the source of each text. */
  const changes: [change: Body, property: string, source: string][] = [
    [os({ computerName: "other" }), "osProfile.computerName", "by the form of the next"],
    [os({ adminUsername: "other" }), "osProfile.adminUsername", "notes of a user"],
    [os({ customData: "other" }), "osProfile.customData", "azure-sdk-for-node 2297, notes of users"],
    [os({ adminPassword: "other" }), "osProfile.adminPassword", "by the form of the others"],
    [
      os({ linuxConfiguration: { disablePasswordAuthentication: true } }),
      "linuxConfiguration.disablePasswordAuthentication",
      "Azure/bicep 15273",
    ],
    [
      os({ linuxConfiguration: { ssh: { publicKeys: [] } } }),
      "linuxConfiguration.ssh.publicKeys",
      "Azure/azure-cli 11840, with the target",
    ],
    [{ storageProfile: { imageReference: { ...image, sku: "minimal" } } }, "imageReference", "AKS's FAQ"],
    [{ storageProfile: { osDisk: { name: "other" } } }, "osDisk.name", "terraform-provider-azurerm 16323"],
    [{ storageProfile: { osDisk: { createOption: "Attach" } } }, "osDisk.createOption", "azure-sdk-for-net 37285"],
    [
      { securityProfile: { securityType: "Standard" } },
      "securityProfile.securityType",
      "azure-powershell 24253, of a disk",
    ],
  ];
  for (const [change, property, source] of changes) {
    test(`${property} can't be changed (${source})`, () => {
      const existing = machine(
        { ...body(), osProfile: { ...(body().osProfile as Body), adminPassword: undefined } },
        secretDigests(VM, body()),
      );
      refused(
        () => {
          refuseMachineChange(existing, change, store);
        },
        409,
        "PropertyChangeNotAllowed",
        `Changing property '${property}' is not allowed.`,
        property,
      );
    });
  }

  test("the program replaces the VM for these only", () => {
    const refusedProperties = changes.map(([, property]) => property);
    for (const path of replaceOnChanges("vm")) {
      const known = refusedProperties.some((property) => path.includes(property));
      assert.ok(known, `the loopback Azure refuses to change ${path}`);
    }
  });

  test("other properties can change, filled-in values can be sent back, and omitted ones stay", () => {
    const existing = machine(body(), secretDigests(VM, body()));
    for (const change of [
      body(),
      {},
      { ...body(), tags: { a: "b" }, hardwareProfile: { vmSize: "Standard_D2s_v5" }, osProfile: null },
      { ...body(), diagnosticsProfile: { bootDiagnostics: { enabled: true } } },
      { securityProfile: { securityType: "TrustedLaunch", uefiSettings: { secureBootEnabled: false } } },
      { securityProfile: { encryptionAtHost: true } },
      os({ linuxConfiguration: { patchSettings: { patchMode: "AutomaticByPlatform" } } }),
      { storageProfile: { imageReference: { ...image, exactVersion: "24.04.202510010" }, osDisk: { name: "os" } } },
      { storageProfile: { osDisk: { deleteOption: "Delete" } } },
    ])
      refuseMachineChange(existing, change, store);
    refuseMachineChange(
      machine(body(), { powerState: "deallocated" }),
      { securityProfile: { securityType: "Standard" } },
      store,
    );
  });

  test("no digest tells a secret, and the same one has another on another VM", () => {
    assert.deepEqual(Object.keys(secretDigests(VM, body()).digests as Body), [
      "osProfile.adminPassword",
      "osProfile.customData",
    ]);
    assert.doesNotMatch(JSON.stringify(secretDigests(VM, os({ adminPassword: "Correct-horse1!" }))), /horse/);
    assert.notDeepEqual(secretDigests(VM, body()), secretDigests(`${VM}2`, body()));
    assert.deepEqual(secretDigests(VM, {}), { digests: {} });
  });
});
