/** The loopback Azure without machines: what it takes, what it refuses and with which of Azure's codes, what it keeps, and what can go wrong there. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ArmError } from "../../../rehearsal/arm/armError";
import { Behaviour, type BehaviourSettings } from "../../../rehearsal/arm/behaviour";
import { type Compute, noMachines } from "../../../rehearsal/arm/compute";
import { valuesAt, without } from "../../../rehearsal/arm/body";
import { SUBSCRIPTION_ID, parseId, resourceId } from "../../../rehearsal/arm/resourceTypes";
import { type Body } from "../../../rehearsal/arm/body";
import { Store, type StoredResource } from "../../../rehearsal/arm/store";
import { Subscription } from "../../../rehearsal/arm/subscription";

let directory: string;
let azure: Subscription;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "subscription-"));
  azure = open();
  await azure.put(GROUP, { location: "westeurope" });
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function open(settings: BehaviourSettings = {}, compute: Partial<Compute> = {}): Subscription {
  return new Subscription(new Store(directory), { ...noMachines, ...compute }, new Behaviour(settings), {
    bridge: "",
    subnet: "203.0.113.0/24",
    gateway: "203.0.113.1",
  });
}

const GROUP = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/g`;
const id = (path: string): string => `${GROUP}/providers/${path}`;
const IP = id("Microsoft.Network/publicIPAddresses/ip");
const VNET = id("Microsoft.Network/virtualNetworks/vnet");
const NSG = id("Microsoft.Network/networkSecurityGroups/nsg");
const NIC = id("Microsoft.Network/networkInterfaces/nic");
const VM = id("Microsoft.Compute/virtualMachines/vm");
const EXTENSION = `${VM}/extensions/docker`;

const location = "westeurope";
const PASSWORD = "Correct-horse1!";
const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKNJoFbWT1u9bPQPEKQmNv7Q7TPKmTqYEYFT0Dj1LUt";

const ip = (body: Body = {}): Body => ({
  location,
  sku: { name: "Standard" },
  publicIPAllocationMethod: "Static",
  publicIPAddressVersion: "IPv4",
  ...body,
});
const label = (domainNameLabel: string): Body => ip({ dnsSettings: { domainNameLabel } });
const vnet = (): Body => ({
  location,
  addressSpace: { addressPrefixes: ["10.0.0.0/24"] },
  subnets: [{ name: "default", addressPrefix: "10.0.0.0/24" }],
});
const rule = (name: string, priority: unknown, body: Body = {}): Body => ({
  name,
  priority,
  direction: "Inbound",
  sourceAddressPrefix: "*",
  ...body,
});
const nsg = (...securityRules: Body[]): Body => ({ location, securityRules });
const nic = (publicIp = IP, subnet = `${VNET}/subnets/default`): Body => ({
  location,
  networkSecurityGroup: { id: NSG },
  ipConfigurations: [{ name: "primary", subnet: { id: subnet }, publicIPAddress: { id: publicIp } }],
});

interface MachineParts {
  osProfile?: Body;
  keys?: string[];
  security?: Body;
  image?: Body;
  vmSize?: string;
  nicId?: string;
}
const vm = ({ osProfile = {}, keys = [SSH_KEY], security, image, vmSize, nicId }: MachineParts = {}): Body => ({
  location,
  hardwareProfile: { vmSize: vmSize ?? "Standard_B2s_v2" },
  networkProfile: { networkInterfaces: [{ id: nicId ?? NIC }] },
  osProfile: {
    computerName: "host",
    adminUsername: "azureuser",
    linuxConfiguration: {
      disablePasswordAuthentication: true,
      ssh: { publicKeys: keys.map((keyData) => ({ path: "/home/azureuser/.ssh/authorized_keys", keyData })) },
    },
    ...osProfile,
  },
  storageProfile: {
    imageReference: image ?? { publisher: "Canonical" },
    osDisk: { createOption: "FromImage", deleteOption: "Delete" },
  },
  ...(security && { securityProfile: security }),
});
const extension = (body: Body = {}): Body => ({
  location,
  publisher: "Microsoft.Azure.Extensions",
  type: "DockerExtension",
  typeHandlerVersion: "1.2",
  settings: { docker: { port: "4243" } },
  protectedSettings: { certs: { key: "c2VjcmV0" } },
  ...body,
});

/** Puts all that a machine needs, and with `machine` the machine and its extension too. */
async function putAll({ machine = true } = {}): Promise<void> {
  await azure.put(IP, label("host-one"));
  await azure.put(VNET, vnet());
  await azure.put(NSG, nsg(rule("One", 100)));
  await azure.put(NIC, nic());
  if (!machine) return;
  await azure.put(VM, vm());
  await azure.put(EXTENSION, extension());
}

/** Asserts that something is refused with Azure's status and code. */
async function refused(action: Promise<unknown>, status: number, code: string, detail?: RegExp): Promise<void> {
  await assert.rejects(action, (error) => {
    assert.ok(error instanceof ArmError, String(error));
    assert.deepEqual([error.status, error.code, error.accepted], [status, code, false]);
    assert.equal(error.message, `Status=${status} Code="${code}" Message="${error.detail}"`);
    if (detail) assert.match(error.detail, detail);
    return true;
  });
}

/** All that stands in the store's files, and their names. */
function onDisk(): string {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.name}\n${readFileSync(join(entry.parentPath, entry.name), "utf8")}`)
    .join("\n");
}

suite("IDs and paths", () => {
  test("an ID leads to its type and names, in any case, and back", () => {
    for (const each of [GROUP, IP, VNET, NSG, NIC, VM, EXTENSION]) {
      const parsed = parseId(each) ?? assert.fail(each);
      assert.equal(resourceId(parsed.type, parsed.names), each);
      assert.equal(parseId(each.toUpperCase())?.type, parsed.type);
    }
    assert.deepEqual(parseId(EXTENSION)?.names, ["g", "vm", "docker"]);
    assert.equal(parseId(id("Microsoft.Storage/storageAccounts/a")), undefined);
    assert.equal(parseId("/subscriptions/s"), undefined);
  });

  test("paths", () => {
    const body = { a: [{ b: { c: 1 } }, { b: {} }, { b: { c: 2 } }], d: { e: 1, f: 2 }, g: [1] };
    assert.deepEqual(valuesAt(body, "a.*.b.c"), [1, 2]);
    assert.deepEqual(valuesAt(body, "a.*.x"), []);
    assert.deepEqual(valuesAt(body, "d.*"), []);
    assert.deepEqual(without(body, "d.e"), { ...body, d: { f: 2 } });
    assert.deepEqual(without(body, "a"), { d: body.d, g: body.g });
    assert.deepEqual(without(body, "g.e"), body);
    assert.deepEqual(without(body, "x.y"), body);
  });
});

suite("referenced resources must exist", () => {
  test("a type that the subscription knows", async () => {
    await refused(
      azure.put(id("Microsoft.Storage/storageAccounts/a"), { location }),
      400,
      "NoRegisteredProviderFound",
      /No registered resource provider found for '.*storageAccounts\/a'/,
    );
  });

  test("the group, by any case of its name", async () => {
    await refused(
      azure.put(IP.replace("/g/", "/other/"), ip()),
      404,
      "ResourceGroupNotFound",
      /^Resource group 'other' could not be found\.$/,
    );
    await azure.put(IP.replace("/g/", "/G/"), ip());
  });

  test("the parent", async () => {
    await putAll({ machine: false });
    await refused(azure.put(EXTENSION, extension()), 404, "ParentResourceNotFound", /because the parent resource/);
    await azure.put(VM, vm());
    await azure.put(EXTENSION, extension());
  });

  const references: { what: string; missing: string; put: () => Promise<unknown>; mend: () => Promise<unknown> }[] = [
    {
      what: "an interface's NSG",
      missing: NSG,
      put: () => azure.put(NIC, nic()),
      mend: async () => {
        await azure.put(IP, ip());
        await azure.put(VNET, vnet());
      },
    },
    {
      what: "an interface's address",
      missing: IP,
      put: () => azure.put(NIC, nic()),
      mend: async () => {
        await azure.put(NSG, nsg());
        await azure.put(VNET, vnet());
      },
    },
    {
      what: "an interface's subnet",
      missing: `${VNET}/subnets/other`,
      put: () => azure.put(NIC, nic(IP, `${VNET}/subnets/other`)),
      mend: () => putAll({ machine: false }),
    },
    {
      what: "the network of a subnet",
      missing: `${VNET}2/subnets/default`,
      put: () => azure.put(NIC, nic(IP, `${VNET}2/subnets/default`)),
      mend: () => putAll({ machine: false }),
    },
    {
      what: "a machine's interface",
      missing: `${NIC}2`,
      put: () => azure.put(VM, vm({ nicId: `${NIC}2` })),
      mend: () => putAll({ machine: false }),
    },
  ];
  for (const { what, missing, put, mend } of references) {
    test(what, async () => {
      await mend();
      await refused(put(), 400, "InvalidResourceReference", new RegExp(`^Resource ${missing} referenced by `));
    });
  }

  test("a reference in another case is the same", async () => {
    await putAll({ machine: false });
    await azure.put(VM, vm({ nicId: NIC.toUpperCase() }));
    await refused(azure.delete(NIC), 400, "NicInUse");
  });
});

suite("rules of a type", () => {
  test("a Standard address is static", async () => {
    const code = "StandardSkuPublicIPAddressMustBeStatic";
    await refused(azure.put(IP, ip({ publicIPAllocationMethod: "Dynamic" })), 400, code);
    await refused(azure.put(IP, ip({ publicIPAllocationMethod: undefined })), 400, code);
    await azure.put(IP, ip());
    await azure.put(`${IP}2`, ip({ sku: { name: "Basic" }, publicIPAllocationMethod: "Dynamic" }));
  });

  test("a DNS label's form", async () => {
    for (const bad of ["ab", "1ab", "ab-", "aBc", "a_b", `a${"b".repeat(63)}`]) {
      await refused(azure.put(IP, label(bad)), 400, "InvalidDomainNameLabel", new RegExp(`${bad} is invalid`));
    }
    for (const good of ["abc", `a${"b".repeat(62)}`, "a-1"]) await azure.put(IP, label(good));
  });

  test("a DNS label is unique in its region", async () => {
    await azure.put(IP, label("host-one"));
    await azure.put(IP, label("host-one"));
    await refused(
      azure.put(`${IP}2`, label("host-one")),
      400,
      "DnsRecordInUse",
      /^DNS record host-one\.westeurope\.cloudapp\.azure\.com is already used by another public IP\.$/,
    );
    await azure.put(`${IP}2`, { ...label("host-one"), location: "northeurope" });
    await azure.put(`${IP}3`, label("host-three"));
    await azure.delete(IP);
    await azure.put(`${IP}4`, label("host-one"));
  });

  test("security rules: priorities in bounds, unique per direction, with a source", async () => {
    const put = (...rules: Body[]): Promise<unknown> => azure.put(NSG, nsg(...rules));
    for (const priority of [99, 4097, undefined, "high"]) {
      await refused(put(rule("One", priority)), 400, "SecurityRuleInvalidPriority", /^Security rule One has invalid/);
    }
    await put(rule("One", 100), rule("Two", 4096), rule("Three", 100, { direction: "Outbound" }));
    await refused(
      put(rule("One", 100), rule("Two", 100)),
      400,
      "SecurityRuleConflict",
      /^Security rule Two conflicts with rule One\. Rules cannot have the same Priority and Direction\.$/,
    );
    await refused(
      put(rule("One", 100, { sourceAddressPrefix: undefined })),
      400,
      "SecurityRuleParameterNotSpecified",
      /One has no source address/,
    );
    await put(rule("One", 100, { sourceAddressPrefix: undefined, sourceAddressPrefixes: ["10.0.0.0/8"] }));
    await put();
  });

  test("an address is one interface's, an interface one machine's", async () => {
    await putAll();
    await azure.put(NIC, nic());
    await refused(azure.put(`${NIC}2`, nic()), 400, "PublicIPAddressInUse", /which .*\/nic uses/);
    await azure.put(`${IP}2`, ip());
    await azure.put(`${NIC}2`, nic(`${IP}2`));
    await refused(azure.put(`${VM}2`, vm()), 400, "NicInUse", /is used by existing resource .*\/vm\.$/);
    await azure.put(`${VM}2`, vm({ nicId: `${NIC}2` }));
  });

  const INVALID = "InvalidParameter";
  const machines: { what: string; passes: MachineParts[]; fails: [MachineParts, code: string, detail: RegExp][] }[] = [
    {
      what: "the administrator's name",
      passes: ["azureuser", "admin3", "a".repeat(64)].map((adminUsername) => ({ osProfile: { adminUsername } })),
      fails: ["admin", "ROOT", "support_388945a0", "1", "a".repeat(65), undefined].map((adminUsername) => [
        { osProfile: { adminUsername } },
        INVALID,
        /^The Admin Username specified is not allowed\.$/,
      ]),
    },
    {
      what: "the host name",
      passes: ["host", "a.b-C1", "a".repeat(64)].map((computerName) => ({ osProfile: { computerName } })),
      fails: ["", "a_b", "a".repeat(65)].map((computerName) => [
        { osProfile: { computerName } },
        INVALID,
        /^Linux host name is invalid\.$/,
      ]),
    },
    {
      what: "the password",
      passes: [PASSWORD, "Abc12!", "abcde1!", "ABCDEf1", `Aa1${"x".repeat(69)}`].map((adminPassword) => ({
        osProfile: { adminPassword },
      })),
      fails: ["short", "Ab1!x", `Aa1${"x".repeat(70)}`, "lowercase1", "P@ssw0rd", "Password22"].map((adminPassword) => [
        { osProfile: { adminPassword } },
        INVALID,
        /^The supplied password must be between 6-72 characters long/,
      ]),
    },
    {
      what: "a way to log in",
      passes: [{ keys: [], osProfile: { adminPassword: PASSWORD, linuxConfiguration: {} } }, { keys: [SSH_KEY] }],
      fails: [[{ keys: [] }, INVALID, /^Authentication using either SSH or by user name and password must be enabled/]],
    },
    {
      what: "the SSH key",
      passes: [SSH_KEY, `${SSH_KEY} me at home`, "ssh-rsa AAAAB3NzaC1yc2E="].map((key) => ({ keys: [key] })),
      fails: [
        "ecdsa-sha2-nistp256 AAAA",
        "ssh-dss AAAA",
        `${SSH_KEY}\n`,
        `${SSH_KEY}\n${SSH_KEY}`,
        "ssh-ed25519",
        "ssh-ed25519 !",
      ].map((key) => [{ keys: [SSH_KEY, key] }, INVALID, /linuxConfiguration\.ssh\.publicKeys\.keyData is invalid/]),
    },
    {
      what: "Trusted Launch",
      passes: [
        { security: { securityType: "TrustedLaunch" } },
        { security: { securityType: "TrustedLaunch" }, image: { id: id("Microsoft.Compute/galleries/g/images/i") } },
        { image: { id: id("Microsoft.Compute/images/i") } },
      ],
      fails: [
        [
          { security: { securityType: "TrustedLaunch" }, image: { id: id("Microsoft.Compute/images/i") } },
          "BadRequest",
          /^Use of TrustedLaunch setting is not supported for the provided image\. Please select/,
        ],
      ],
    },
    {
      what: "encryption at host",
      passes: [{ security: { encryptionAtHost: false } }, { security: {} }],
      fails: [[{ security: { encryptionAtHost: true } }, INVALID, /EncryptionAtHost' feature is not enabled/]],
    },
  ];
  for (const { what, passes, fails } of machines) {
    test(`a machine: ${what}`, async () => {
      await putAll({ machine: false });
      for (const [parts, code, detail] of fails) {
        await refused(azure.put(VM, vm(parts)), 400, code, detail);
        assert.equal(azure.store.get(VM), undefined, "nothing is left of what is refused");
      }
      for (const parts of passes) {
        await azure.put(VM, vm(parts));
        await azure.delete(VM);
      }
    });
  }

  test("one extension of a handler on a machine", async () => {
    await putAll();
    await azure.put(EXTENSION, extension());
    await refused(
      azure.put(`${EXTENSION}2`, extension()),
      409,
      "OperationNotAllowed",
      /^Multiple VMExtensions per handler not supported for OS type 'Linux'\. VMExtension 'docker' with handler 'Microsoft\.Azure\.Extensions\.DockerExtension' already added/,
    );
    await azure.put(`${EXTENSION}2`, extension({ type: "CustomScript" }));
    await azure.put(`${EXTENSION}3`, extension({ publisher: "Other" }));
  });
});

suite("properties that can't change", () => {
  const os = (adminUsername: string): MachineParts => ({ osProfile: { adminUsername } });
  const changes: { property: string; target: string; to: Body }[] = [
    { property: "sku.name", target: IP, to: { ...label("host-one"), sku: { name: "Basic" } } },
    { property: "publicIPAddressVersion", target: IP, to: { ...label("host-one"), publicIPAddressVersion: "IPv6" } },
    { property: "osProfile.computerName", target: VM, to: vm({ osProfile: { computerName: "other" } }) },
    { property: "osProfile.adminUsername", target: VM, to: vm(os("other")) },
    { property: "linuxConfiguration.ssh.publicKeys", target: VM, to: vm({ keys: [`${SSH_KEY} other`] }) },
    { property: "imageReference", target: VM, to: vm({ image: { publisher: "Debian" } }) },
    {
      property: "osDisk.name",
      target: VM,
      to: { ...vm(), storageProfile: { imageReference: { publisher: "Canonical" }, osDisk: { name: "other" } } },
    },
    {
      property: "linuxConfiguration.disablePasswordAuthentication",
      target: VM,
      to: vm({
        osProfile: {
          linuxConfiguration: {
            disablePasswordAuthentication: false,
            ssh: { publicKeys: [{ path: "/home/azureuser/.ssh/authorized_keys", keyData: SSH_KEY }] },
          },
        },
      }),
    },
    {
      property: "securityProfile.securityType",
      target: VM,
      to: vm({ security: { securityType: "TrustedLaunch" } }),
    },
    { property: "publisher", target: EXTENSION, to: extension({ publisher: "Other" }) },
    { property: "type", target: EXTENSION, to: extension({ type: "CustomScript" }) },
  ];
  for (const { property, target, to } of changes) {
    test(property, async () => {
      await putAll();
      const before = azure.store.get(target);
      await refused(
        azure.put(target, to),
        409,
        "PropertyChangeNotAllowed",
        new RegExp(`^Changing property '${property}' is not allowed\\.$`),
      );
      assert.deepEqual(azure.store.get(target), before);
    });
  }

  test("all else can", async () => {
    await putAll();
    await azure.put(IP, label("host-two"));
    await azure.put(NSG, nsg(rule("Other", 200)));
    await azure.put(VM, { ...vm({ vmSize: "Standard_D2s_v5" }), tags: { team: "build" } });
    await azure.put(EXTENSION, extension({ settings: {}, protectedSettings: {} }));
    assert.equal(azure.store.get(VM)?.provisioningState, "Succeeded");
  });
});

suite("a resource in use can't be deleted", () => {
  const uses: { target: string; code: string; user: string }[] = [
    { target: IP, code: "PublicIPAddressCannotBeDeleted", user: NIC },
    { target: NSG, code: "InUseNetworkSecurityGroupCannotBeDeleted", user: NIC },
    { target: VNET, code: "InUseSubnetCannotBeDeleted", user: NIC },
    { target: NIC, code: "NicInUse", user: VM },
  ];
  for (const { target, code, user } of uses) {
    test(code, async () => {
      await putAll();
      await refused(azure.delete(target), 400, code, new RegExp(`is in use by ${user} and cannot be deleted`));
      assert.equal(azure.store.get(target)?.provisioningState, "Succeeded");
      await azure.delete(VM);
      if (user === NIC) await azure.delete(NIC);
      await azure.delete(target);
      assert.equal(azure.store.get(target), undefined);
    });
  }

  test("a name that begins like the name of a resource in use", async () => {
    await putAll();
    await azure.put(`${IP}2`, ip());
    await azure.put(id("Microsoft.Network/publicIPAddresses/i"), ip());
    await azure.delete(`${IP}2`);
    await azure.delete(id("Microsoft.Network/publicIPAddresses/i"));
  });

  test("a machine takes its extensions and its real machine with it", async () => {
    const removed: string[] = [];
    azure = open(
      {},
      {
        remove: async (machine) => {
          removed.push(machine);
        },
      },
    );
    await putAll();
    await azure.delete(VM);
    assert.deepEqual(
      azure.store.list().map((each) => each.id),
      [GROUP, NIC, NSG, IP, VNET],
    );
    assert.deepEqual(removed, [VM]);
  });

  test("a group in which another's machine is stays, with all within", async () => {
    await putAll({ machine: false });
    const other = NIC.replace(GROUP, `${GROUP}2`);
    await azure.put(`${GROUP}2`, { location });
    await azure.put(other, {
      location,
      ipConfigurations: [{ name: "primary", subnet: { id: `${VNET}/subnets/default` } }],
    });
    const before = azure.store.list();
    await refused(azure.delete(GROUP), 400, "InUseSubnetCannotBeDeleted", new RegExp(`is in use by ${other} `));
    assert.deepEqual(azure.store.list(), before);
    await azure.delete(`${GROUP}2`);
    await azure.delete(GROUP);
    assert.deepEqual(azure.store.list(), []);
  });

  test("deleting a group deletes everything in it, and nothing of another group", async () => {
    const removed: string[] = [];
    azure = open(
      {},
      {
        remove: async (machine) => {
          removed.push(machine);
        },
      },
    );
    await putAll();
    const other = `${GROUP}2`;
    await azure.put(other, { location });
    await azure.put(IP.replace(GROUP, other), ip());
    await azure.delete(GROUP);
    assert.deepEqual(
      azure.store.list().map((each) => each.id),
      [other, IP.replace(GROUP, other)],
    );
    assert.deepEqual(removed, [VM]);
    await azure.delete(other);
    assert.deepEqual(readdirSync(directory), [], "no folder is left of an empty subscription");
  });

  test("deleting a missing resource is no error", async () => {
    await azure.delete(VM);
    await azure.delete(`${GROUP}2`);
  });
});

suite("the store keeps", () => {
  test("a PUT can be read in any case of the ID, and by another process", async () => {
    const put = await azure.put(IP, label("host-one"));
    const expected: StoredResource = {
      id: IP,
      armType: "Microsoft.Network/publicIPAddresses",
      provisioningState: "Succeeded",
      body: label("host-one"),
      computed: {
        ipAddress: "203.0.113.10",
        dnsSettings: { domainNameLabel: "host-one", fqdn: "host-one.westeurope.cloudapp.azure.com" },
      },
    };
    const { etag, resourceGuid, ...others } = put.computed;
    assert.ok(etag !== undefined && resourceGuid !== undefined);
    assert.deepEqual({ ...put, computed: others }, expected);
    assert.deepEqual(await open().get(IP.toUpperCase()), put);
    assert.equal(await azure.get(`${IP}2`), undefined);
  });

  test("IDs of parts, private addresses, a VM's ID", async () => {
    await putAll();
    const made = (target: string): Body => {
      const computed = azure.store.get(target)?.computed ?? assert.fail(target);
      return without(without(computed, "etag"), "resourceGuid");
    };
    assert.deepEqual(made(VNET), {
      subnets: [{ name: "default", addressPrefix: "10.0.0.0/24", id: `${VNET}/subnets/default` }],
    });
    assert.deepEqual(made(NIC), {
      ipConfigurations: [
        {
          ...(valuesAt(nic(), "ipConfigurations.*")[0] as Body),
          id: `${NIC}/ipConfigurations/primary`,
          privateIPAddress: "10.0.0.4",
        },
      ],
    });
    assert.match(String(made(VM).vmId), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.deepEqual([made(GROUP), made(NSG), made(EXTENSION)], [{}, {}, {}]);
  });

  test("an address stays over changes, and is given again once it is free", async () => {
    const addressOf = async (target: string): Promise<unknown> => (await azure.put(target, ip())).computed.ipAddress;
    assert.deepEqual(
      [await addressOf(IP), await addressOf(`${IP}2`), await addressOf(`${IP}3`)],
      ["203.0.113.10", "203.0.113.11", "203.0.113.12"],
    );
    assert.equal((await azure.put(`${IP}2`, label("host-two"))).computed.ipAddress, "203.0.113.11");
    assert.equal((await azure.put(`${IP}2`, ip())).computed.dnsSettings, undefined, "a name goes with its label");
    await azure.delete(`${IP}2`);
    assert.equal(await addressOf(`${IP}3`), "203.0.113.12");
    assert.equal(await addressOf(`${IP}4`), "203.0.113.11");
  });

  test("a private address stays over changes, and two interfaces have two", async () => {
    await putAll({ machine: false });
    await azure.put(`${IP}2`, ip());
    const addressOf = ({ computed }: StoredResource): unknown =>
      valuesAt(computed, "ipConfigurations.*.privateIPAddress")[0];
    assert.equal(addressOf(await azure.put(`${NIC}2`, nic(`${IP}2`))), "10.0.0.5");
    assert.equal(addressOf(await azure.put(NIC, { ...nic(), tags: { a: "b" } })), "10.0.0.4");
    await azure.delete(NIC);
    assert.equal(addressOf(await azure.put(NIC, nic())), "10.0.0.4");
  });

  test("a subnet is the same in any case of its ID", async () => {
    await putAll({ machine: false });
    await azure.put(`${IP}2`, ip());
    const { computed } = await azure.put(`${NIC}2`, nic(`${IP}2`, `${VNET}/subnets/default`.toUpperCase()));
    assert.deepEqual(valuesAt(computed, "ipConfigurations.*.privateIPAddress"), ["10.0.0.5"]);
  });

  test("two networks of the same addresses: no two interfaces have the same one", async () => {
    await putAll({ machine: false });
    await azure.put(`${VNET}2`, vnet());
    await azure.put(`${IP}2`, ip());
    const { computed } = await azure.put(`${NIC}2`, nic(`${IP}2`, `${VNET}2/subnets/default`));
    assert.deepEqual(valuesAt(computed, "ipConfigurations.*.privateIPAddress"), ["10.0.0.5"]);
  });

  test("an interface stays in its network", async () => {
    await putAll({ machine: false });
    await azure.put(`${VNET}2`, vnet());
    const before = azure.store.get(NIC);
    await refused(
      azure.put(NIC, nic(IP, `${VNET}2/subnets/default`)),
      400,
      "SubnetsNotInSameVnet",
      /is in Virtual Network .*\/vnet and can't leave it/,
    );
    assert.deepEqual(azure.store.get(NIC), before);
    await azure.put(NIC, nic(IP, `${VNET}/subnets/default`.toUpperCase()));
  });

  test("an interface in another subnet has another private address", async () => {
    const second = { name: "second", addressPrefix: "10.0.1.0/24" };
    await putAll({ machine: false });
    await azure.put(VNET, { ...vnet(), subnets: [...(vnet().subnets as Body[]), second] });
    const { computed } = await azure.put(NIC, nic(IP, `${VNET}/subnets/second`));
    assert.deepEqual(valuesAt(computed, "ipConfigurations.*.privateIPAddress"), ["10.0.1.4"]);
  });

  test("a network without a free address is full", async () => {
    const small = `${VNET}-small`;
    // Of eight addresses, Azure keeps four at the start and one at the end.
    await azure.put(small, { ...vnet(), subnets: [{ name: "default", addressPrefix: "10.0.0.0/29" }] });
    await azure.put(NSG, nsg());
    const put = (name: string): Promise<StoredResource> =>
      azure.put(`${NIC}${name}`, {
        ...nic(),
        ipConfigurations: [{ name: "primary", subnet: { id: `${small}/subnets/default` } }],
      });
    for (const name of ["1", "2", "3"]) await put(name);
    await refused(put("4"), 409, "SubnetIsFull");
  });

  test("write-only values are in no file", async () => {
    azure = open();
    await putAll({ machine: false });
    const customData = Buffer.from("#cloud-config").toString("base64");
    await azure.put(VM, vm({ osProfile: { adminPassword: PASSWORD, customData } }));
    await azure.put(EXTENSION, extension());
    const files = onDisk();
    assert.match(files, /DockerExtension/);
    for (const needle of [PASSWORD, customData, "c2VjcmV0", "protectedSettings"]) {
      assert.ok(!files.includes(needle), needle);
    }
  });

  test("but the machine and the extension get it", async () => {
    const got: unknown[] = [];
    azure = open(
      {},
      {
        boot: async (request) => {
          got.push(request);
        },
        provision: async (machine, profile) => {
          got.push([machine, profile]);
        },
        runExtension: async (machine, request) => {
          got.push([machine, request]);
          return { status: "success", message: "" };
        },
      },
    );
    await putAll({ machine: false });
    await azure.put(VM, vm({ osProfile: { adminPassword: PASSWORD, customData: "Zm9v" } }));
    await azure.put(EXTENSION, extension());
    const { publisher, type, typeHandlerVersion, settings, protectedSettings } = extension();
    assert.deepEqual(got, [
      { id: VM, hostName: "host", addresses: ["203.0.113.10/24", "10.0.0.4/24"] },
      [
        VM,
        {
          computerName: "host",
          adminUsername: "azureuser",
          adminPassword: PASSWORD,
          customData: "Zm9v",
          sshPublicKeys: [{ path: "/home/azureuser/.ssh/authorized_keys", keyData: SSH_KEY }],
          disablePasswordAuthentication: true,
        },
      ],
      [VM, { publisher, type, typeHandlerVersion, settings, protectedSettings }],
    ]);
  });

  test("a change that is cut off has not happened", async () => {
    await putAll();
    const before = azure.store.get(EXTENSION) ?? assert.fail();
    let cut: StoredResource | undefined;
    azure = open(
      {},
      {
        runExtension: async () => {
          cut = azure.store.get(EXTENSION);
          return noMachines.runExtension(VM, {
            publisher: "",
            type: "",
            typeHandlerVersion: "",
            settings: {},
            protectedSettings: {},
          });
        },
      },
    );
    await azure.put(EXTENSION, extension({ settings: { docker: { port: "2376" } } }));
    assert.deepEqual(cut, { ...before, provisioningState: "Updating", worker: process.pid });
    assert.equal(azure.store.get(EXTENSION)?.worker, undefined, "nobody is at it any more");
    assert.deepEqual(azure.store.get(EXTENSION)?.body.settings, { docker: { port: "2376" } });
  });
});

suite("machines", () => {
  const calls: string[] = [];
  const recording: Partial<Compute> = {
    boot: async () => {
      calls.push("boot");
    },
    provision: async () => {
      calls.push("provision");
    },
    restart: async () => {
      calls.push("restart");
    },
  };

  test("a new machine boots and is provisioned; another size boots it again; all else leaves it alone", async () => {
    calls.length = 0;
    azure = open({}, recording);
    await putAll();
    assert.deepEqual(calls, ["boot", "provision"]);
    await azure.put(VM, { ...vm(), tags: { team: "build" } });
    assert.deepEqual(calls, ["boot", "provision"]);
    await azure.put(VM, vm({ vmSize: "Standard_D2s_v5" }));
    assert.deepEqual(calls, ["boot", "provision", "restart"]);
  });

  test("a deleted extension is uninstalled on its machine, unless its VM or group is deleted too", async () => {
    const removed: unknown[] = [];
    const removal: Partial<Compute> = {
      removeExtension: async (machine, which) => {
        removed.push([machine, which]);
      },
    };
    azure = open({}, removal);
    await putAll();
    await azure.delete(EXTENSION);
    assert.deepEqual(removed, [[VM, { publisher: "Microsoft.Azure.Extensions", type: "DockerExtension" }]]);
    assert.equal(azure.store.get(EXTENSION), undefined);
    await azure.delete(EXTENSION);
    await azure.put(EXTENSION, extension());
    await azure.delete(VM);
    await azure.put(VM, vm());
    await azure.put(EXTENSION, extension());
    await azure.delete(GROUP);
    assert.equal(removed.length, 1);
  });

  test("an extension that can't be disabled is Failed, and the next DELETE removes it", async () => {
    await putAll();
    const broken = open({}, { removeExtension: () => Promise.reject(new Error("systemctl failed")) });
    await assert.rejects(broken.delete(EXTENSION), (error) => {
      assert.ok(error instanceof ArmError, String(error));
      assert.deepEqual([error.status, error.code, error.accepted], [409, "VMExtensionHandlerNonTransientError", true]);
      assert.equal(
        error.detail,
        "The handler for VM extension type 'Microsoft.Azure.Extensions.DockerExtension' has reported terminal failure for VM extension 'docker' with error message: 'systemctl failed'",
      );
      return true;
    });
    assert.equal(azure.store.get(EXTENSION)?.provisioningState, "Failed");
    assert.equal(azure.store.get(EXTENSION)?.worker, undefined, "nobody is at it any more");
    await azure.delete(EXTENSION);
    assert.equal(azure.store.get(EXTENSION), undefined);
  });

  test("an extension's settings reach its machine, with forceUpdateTag if it is set", async () => {
    const requests: unknown[] = [];
    azure = open(
      {},
      {
        runExtension: async (_machine, request) => {
          requests.push(request);
          return { status: "success", message: "" };
        },
      },
    );
    await putAll();
    await azure.put(EXTENSION, extension({ forceUpdateTag: "2" }));
    const request = without(extension(), "location");
    assert.deepEqual(requests, [request, { ...request, forceUpdateTag: "2" }]);
  });

  test("after this computer was off, exactly the running VMs are booted", async () => {
    await putAll();
    await azure.put(`${IP}2`, ip());
    await azure.put(`${NIC}2`, nic(`${IP}2`));
    const broken = open({ faults: [{ call: "PUT Microsoft.Compute/virtualMachines", kind: "boot-failure" }] });
    await assert.rejects(broken.put(`${VM}2`, vm({ nicId: `${NIC}2` })));
    const booted: string[] = [];
    await open(
      {},
      {
        boot: async (request) => {
          booted.push(request.id);
        },
      },
    ).bootMissing();
    assert.deepEqual(booted, [VM]);
  });

  test("the packet filter is set before a machine boots, and follows changes of the network", async () => {
    const seen: string[] = [];
    const filtering: Partial<Compute> = {
      filterPackets: async (rules) => {
        seen.push(rules.filter((each) => each.includes("dport")).join("; "));
      },
      boot: async () => {
        seen.push("boot");
      },
    };
    const opened = (port: string): Body =>
      rule(port, 100, {
        ...{ access: "Allow", protocol: "Tcp", sourcePortRange: "*" },
        ...{ destinationAddressPrefix: "*", destinationPortRange: port },
      });
    const line = (port: string, to = "203.0.113.10, 10.0.0.4"): string =>
      `ip daddr { ${to} } ip protocol tcp th dport ${port} accept`;
    const step = async (what: string, work: () => Promise<unknown>, expected: string[]): Promise<void> => {
      seen.length = 0;
      await work();
      assert.deepEqual(seen, expected, what);
    };
    azure = open({}, filtering);
    await step("without a machine there is nothing to filter", () => putAll({ machine: false }), []);
    await azure.put(NSG, nsg(opened("80")));
    await step("a new machine", () => azure.put(VM, vm()), [line("80"), "boot"]);
    await step("the group", () => azure.put(NSG, nsg(opened("81"))), [line("81")]);
    await step("the network", () => azure.put(VNET, vnet()), [line("81")]);
    await step("the address", () => azure.put(IP, ip()), [line("81")]);
    await step("the interface", () => azure.put(NIC, { ...nic(), networkSecurityGroup: undefined }), [""]);
    await azure.put(NIC, {
      ...nic(),
      ipConfigurations: [{ name: "primary", subnet: { id: `${VNET}/subnets/default` } }],
    });
    await step("an address that a machine gets", () => azure.put(NIC, nic()), [line("81"), line("81"), "boot"]);
    await azure.put(NIC, {
      ...nic(),
      ipConfigurations: [{ name: "primary", subnet: { id: `${VNET}/subnets/default` } }],
    });
    await step("an address that goes", () => azure.delete(IP), [line("81", "10.0.0.4")]);
    await step("after the computer was switched off", () => azure.bootMissing(), [line("81", "10.0.0.4"), "boot"]);
    await step(
      "the machine goes, then the rest",
      async () => {
        for (const each of [VM, NIC, NSG, VNET]) await azure.delete(each);
      },
      [],
    );
  });

  test("after concurrent changes, the last filter has all of them", async () => {
    await putAll();
    const set: number[] = [];
    let running = 0;
    azure = open(
      {},
      {
        filterPackets: async (rules) => {
          assert.equal(++running, 1, "one at a time");
          // The first takes the longest.
          await sleep(set.length === 0 ? 20 : 0);
          set.push(rules.length);
          running--;
        },
      },
    );
    const allow = (name: string, priority: number): Body =>
      rule(name, priority, { access: "Allow", protocol: "Icmp", destinationAddressPrefix: "*" });
    const last = [allow("One", 100), allow("Two", 101), allow("Three", 102)];
    await Promise.all([
      azure.put(VNET, vnet()),
      azure.put(IP, label("host-one")),
      azure.put(NIC, nic()),
      azure.put(NSG, nsg(...last)),
    ]);
    assert.equal(set.at(-1), 4 + last.length);
  });

  test("a filter that can't be set fails the call, and the next call sets it", async () => {
    await putAll();
    let works = false;
    azure = open({}, { filterPackets: () => (works ? Promise.resolve() : Promise.reject(new Error("no nft"))) });
    await assert.rejects(azure.put(NSG, nsg()), /no nft/);
    works = true;
    await azure.put(NSG, nsg());
  });

  const failures: { what: string; compute: Partial<Compute>; target: string; code: string; detail: RegExp }[] = [
    {
      what: "a machine that does not boot",
      compute: { boot: () => Promise.reject(new Error("no such kernel")) },
      target: VM,
      code: "OSProvisioningInternalError",
      detail: /^no such kernel$/,
    },
    {
      what: "an agent that fails",
      compute: { provision: () => Promise.reject(new Error("useradd failed")) },
      target: VM,
      code: "OSProvisioningInternalError",
      detail: /^useradd failed$/,
    },
    {
      what: "an extension that reports an error",
      compute: {
        runExtension: () =>
          Promise.resolve({ status: "error", code: "VMExtensionProvisioningError", message: "no docker" }),
      },
      target: EXTENSION,
      code: "VMExtensionProvisioningError",
      detail: /^VM has reported a failure when processing extension 'docker'\. Error message: 'no docker'$/,
    },
    {
      what: "an extension that takes too long",
      compute: {
        runExtension: () =>
          Promise.resolve({ status: "error", code: "VMExtensionProvisioningTimeout", message: "Too long." }),
      },
      target: EXTENSION,
      code: "VMExtensionProvisioningTimeout",
      detail: /^Provisioning of VM extension docker has timed out\. Too long\.$/,
    },
    {
      what: "an extension on a machine that is gone",
      compute: { runExtension: () => Promise.reject(new Error("does not run")) },
      target: EXTENSION,
      code: "VMAgentStatusCommunicationError",
      detail: /does not run/,
    },
  ];
  for (const { what, compute, target, code, detail } of failures) {
    test(`${what} is there, and Failed; the next try mends it`, async () => {
      await putAll({ machine: false });
      if (target === EXTENSION) await azure.put(VM, vm());
      const put = (subscription: Subscription): Promise<StoredResource> =>
        subscription.put(target, target === VM ? vm() : extension());
      await assert.rejects(put(open({}, compute)), (error) => {
        assert.ok(error instanceof ArmError, String(error));
        assert.deepEqual([error.status, error.code, error.accepted], [409, code, true]);
        assert.match(error.detail, detail);
        return true;
      });
      assert.equal(azure.store.get(target)?.provisioningState, "Failed");
      assert.equal((await put(azure)).provisioningState, "Succeeded");
    });
  }
});

suite("faults", () => {
  const PUT_IP = "PUT Microsoft.Network/publicIPAddresses";

  test("throttled: nothing is done, and Azure says how long to wait", async () => {
    azure = open({ faults: [{ call: PUT_IP, kind: "throttled", retryAfterSeconds: 7 }] });
    await assert.rejects(azure.put(IP, ip()), (error) => {
      assert.ok(error instanceof ArmError, String(error));
      assert.deepEqual([error.status, error.code, error.retryAfterSeconds], [429, "TooManyRequests", 7]);
      return true;
    });
    assert.equal(azure.store.get(IP), undefined);
    await azure.put(IP, ip());
  });

  test("refused, conflict and internal error do nothing", async () => {
    azure = open({
      faults: [
        { call: PUT_IP, kind: "refused" },
        { call: PUT_IP, kind: "conflict" },
        { call: PUT_IP, kind: "internal-error", times: 2 },
      ],
    });
    await refused(azure.put(IP, ip()), 403, "AuthorizationFailed");
    await refused(azure.put(IP, ip()), 409, "AnotherOperationInProgress");
    await refused(azure.put(IP, ip()), 500, "InternalServerError");
    await refused(azure.put(IP, ip()), 500, "InternalServerError");
    assert.equal(azure.store.get(IP), undefined);
    await azure.put(IP, ip());
  });

  test("a lost response: it is done, but nobody hears of it", async () => {
    azure = open({ faults: [{ call: PUT_IP, kind: "lost-response" }] });
    await assert.rejects(azure.put(IP, ip()), /^Error: PUT .*publicIPAddresses: connection reset before the response/);
    assert.equal(azure.store.get(IP)?.provisioningState, "Succeeded");
  });

  test("a VM that never boots and an extension that fails exist, and are Failed", async () => {
    azure = open({
      faults: [
        { call: "PUT Microsoft.Compute/virtualMachines", kind: "boot-failure" },
        { call: "PUT Microsoft.Compute/virtualMachines/extensions", kind: "extension-failure" },
      ],
    });
    await putAll({ machine: false });
    const failed = async (action: Promise<unknown>, code: string): Promise<void> => {
      await assert.rejects(action, (error) => {
        assert.ok(error instanceof ArmError, String(error));
        assert.deepEqual([error.status, error.code, error.accepted], [409, code, true]);
        return true;
      });
    };
    await failed(azure.put(VM, vm()), "OSProvisioningTimedOut");
    assert.equal(azure.store.get(VM)?.provisioningState, "Failed");
    await azure.put(VM, vm());
    await failed(azure.put(EXTENSION, extension()), "VMExtensionProvisioningError");
    assert.equal(azure.store.get(EXTENSION)?.provisioningState, "Failed");
    await azure.put(EXTENSION, extension());
  });

  test("other calls are spared, deletions and reads can be hit too", async () => {
    azure = open({
      faults: [
        { call: "DELETE Microsoft.Network/publicIPAddresses", kind: "conflict" },
        { call: "GET Microsoft.Network/publicIPAddresses", kind: "internal-error" },
      ],
    });
    await azure.put(IP, ip());
    await refused(azure.get(IP), 500, "InternalServerError");
    assert.equal((await azure.get(IP))?.id, IP);
    await refused(azure.delete(IP), 409, "AnotherOperationInProgress");
    await azure.delete(IP);
  });

  test("two changes of one resource at the same time: the second is refused, and may come again", async () => {
    azure = open({ latencySeconds: { [PUT_IP]: 0.02 } });
    const { done } = await azure.beginPut(IP, ip());
    await refused(azure.put(IP, ip()), 409, "AnotherOperationInProgress");
    await refused(azure.delete(IP), 409, "AnotherOperationInProgress");
    await done;
    await azure.put(IP, ip());
    // Of a process that is gone, nothing goes on.
    const stored = azure.store.get(IP) ?? assert.fail();
    azure.store.set({ ...stored, provisioningState: "Updating", worker: 2 ** 22 + 1 });
    await azure.put(IP, ip());
  });

  test("an accepted call takes its delay, and a refusal doesn't", async () => {
    azure = open({ latencySeconds: { [PUT_IP]: 0.05 }, faults: [{ call: PUT_IP, kind: "refused" }] });
    await refused(azure.put(IP, ip()), 403, "AuthorizationFailed");
    const start = performance.now();
    const { done } = await azure.beginPut(IP, ip());
    assert.equal(azure.store.get(IP)?.provisioningState, "Creating", "it is there at once");
    await done;
    // A timer may be early by less than a millisecond.
    assert.ok(performance.now() - start >= 49, "too soon");
  });

  test("the endpoint follows changes of the file of faults", async () => {
    const file = join(directory, "behaviour.json");
    const behaviour = Behaviour.fromFile(file);
    await behaviour.arrive(PUT_IP);
    writeFileSync(file, JSON.stringify({ faults: [{ call: PUT_IP, kind: "refused" }] }));
    assert.throws(() => behaviour.arrive(PUT_IP), /AuthorizationFailed/);
    await behaviour.arrive(PUT_IP);
    rmSync(file);
    await behaviour.arrive(PUT_IP);
  });

  test("unused faults are known", async () => {
    const behaviour = new Behaviour({ faults: [{ call: PUT_IP, kind: "conflict", times: 2 }] });
    behaviour.due("GET Microsoft.Network/publicIPAddresses", "conflict");
    behaviour.due(PUT_IP, "conflict");
    assert.deepEqual(behaviour.unused(), [{ call: PUT_IP, kind: "conflict", times: 1 }]);
    behaviour.due(PUT_IP, "conflict");
    assert.deepEqual(behaviour.unused(), []);
  });
});
