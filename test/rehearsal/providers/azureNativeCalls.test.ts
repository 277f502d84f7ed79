/**
 * What azure-native's stand-in does in Azure, over HTTPS: creations, updates, refreshes, imports, deletions, and what goes
 * wrong with them. The files named are those of pulumi/pulumi-azure-native, in which each was read.
 */
import assert from "node:assert/strict";
import { type TestContext, suite, test } from "node:test";
import type { BehaviourSettings, Fault } from "../../../rehearsal/arm/behaviour";
import { AzureNative } from "../../../rehearsal/providers/azureNative";
import { PartialFailure, type Resource } from "../../../rehearsal/providers/provider";
import type { Properties } from "../../../rehearsal/values";
import {
  ALL,
  EXTENSION,
  EXTENSION_ID,
  GROUP,
  GROUP_ID,
  IP,
  IP_ID,
  NIC_ID,
  NSG,
  NSG_ID,
  PASSWORD,
  VM,
  VM_ID,
  VNET,
  VNET_ID,
  extensionInputs,
  groupInputs,
  ipInputs,
  nsgInputs,
  ruleInputs,
  vmInputs,
  vnetInputs,
} from "../../support/azureInputs";
import { type LoopbackAzure, except, openAzure } from "../../support/loopbackAzure";

const PUT_IP = "PUT Microsoft.Network/publicIPAddresses";
const GET_IP = "GET Microsoft.Network/publicIPAddresses";

/** What a resource is remembered by. */
type States = Map<Resource, Properties>;

/** Opens an Azure that has what comes before a resource, and that resource too. */
async function openWith(
  t: TestContext,
  last: Resource,
  settings?: BehaviourSettings,
): Promise<LoopbackAzure & { states: States }> {
  const azure = await openAzure(t, settings);
  const states: States = new Map();
  for (const [each, , inputs] of ALL) {
    states.set(each, (await azure.provider.create(each, inputs)).properties);
    if (each === last) break;
  }
  azure.calls.length = 0;
  return { ...azure, states };
}

const faults = (...all: Fault[]): BehaviourSettings => ({ faults: all });

suite("create (provider/pkg/provider/provider.go: Create, defaultCreate, readAfterWrite)", () => {
  test("create sends GET, PUT, GET", async (t) => {
    const { provider, calls } = await openWith(t, GROUP);
    const { id, properties } = await provider.create(IP, ipInputs);
    assert.equal(id, IP_ID);
    assert.deepEqual([calls[0], calls[1], calls.at(-1)], [GET_IP, PUT_IP, GET_IP]);
    // The recordings of the real provider have these, on real Azure (testdata/recorded/TestProviderUpgrade/upgrade-networked-vm).
    assert.deepEqual(except(properties, "etag", "resourceGuid", "ddosSettings"), {
      id: IP_ID,
      name: "ip",
      type: "Microsoft.Network/publicIPAddresses",
      azureApiVersion: "2024-05-01",
      location: "westeurope",
      provisioningState: "Succeeded",
      publicIPAllocationMethod: "Static",
      publicIPAddressVersion: "IPv4",
      sku: { name: "Standard", tier: "Regional" },
      idleTimeoutInMinutes: 4,
      ipTags: [],
      ipAddress: "203.0.113.10",
      dnsSettings: { domainNameLabel: "host-one", fqdn: "host-one.westeurope.cloudapp.azure.com" },
    });
  });

  test("a group's state is not flattened, as a group has properties of its own", async (t) => {
    const { states } = await openWith(t, GROUP);
    assert.deepEqual(states.get(GROUP), {
      id: GROUP_ID,
      name: "g",
      type: "Microsoft.Resources/resourceGroups",
      azureApiVersion: "2024-03-01",
      location: "westeurope",
      properties: { provisioningState: "Succeeded" },
    });
  });

  test("an extension's output has the resource's type, its input the handler's, and no answer has secrets", async (t) => {
    const { states } = await openWith(t, EXTENSION);
    const extension = states.get(EXTENSION);
    assert.equal(extension?.type, "Microsoft.Compute/virtualMachines/extensions");
    assert.deepEqual([extension.settings, extension.protectedSettings], [extensionInputs.settings, undefined]);
    assert.ok(!JSON.stringify([...states.values()]).includes(PASSWORD));
  });

  test("create refuses an existing resource", async (t) => {
    const { provider } = await openWith(t, GROUP);
    await assert.rejects(provider.create(GROUP, groupInputs), {
      message: `cannot create already existing resource '${GROUP_ID}'`,
    });
    await assert.rejects(provider.create(GROUP, { ...groupInputs, resourceGroupName: "G" }), {
      message: `cannot create already existing resource '${GROUP_ID.slice(0, -1)}G'`,
    });
  });

  test("if it can't be told whether it exists, nothing is made", async (t) => {
    const { provider } = await openWith(t, GROUP, faults({ call: GET_IP, kind: "refused" }));
    const message = "The client does not have authorization to perform this action.";
    await assert.rejects(provider.create(IP, ipInputs), {
      message: `cannot check existence of resource '${IP_ID}': status code 403, ${JSON.stringify({ error: { code: "AuthorizationFailed", message } })}`,
    });
  });

  test("a body arrives whole, a password and an extension's secrets with it", async (t) => {
    const { provider, subscription } = await openWith(t, ALL[4][0]);
    const put = t.mock.method(subscription, "beginPut");
    await provider.create(VM, vmInputs);
    await provider.create(EXTENSION, extensionInputs);
    const [vm, extension] = put.mock.calls.map(({ arguments: [, body] }) => body);
    assert.deepEqual(vm, except(vmInputs, "resourceGroupName", "vmName", "azureApiVersion"));
    assert.deepEqual(
      extension,
      except(extensionInputs, "resourceGroupName", "vmName", "vmExtensionName", "azureApiVersion"),
    );
  });
});

suite("update (provider/pkg/provider/provider.go: Update, defaultUpdate)", () => {
  test("update sends PUT with the whole body and GET, and the address stays", async (t) => {
    const { provider, calls, states } = await openWith(t, IP);
    const news = { ...ipInputs, dnsSettings: { domainNameLabel: "host-two" } };
    const properties = await provider.update(IP, IP_ID, { inputs: ipInputs, state: states.get(IP) ?? {} }, news);
    assert.deepEqual([calls[0], calls.at(-1)], [PUT_IP, GET_IP]);
    assert.equal(properties.ipAddress, states.get(IP)?.ipAddress);
    const fqdn = "host-two.westeurope.cloudapp.azure.com";
    assert.deepEqual(properties.dnsSettings, { domainNameLabel: "host-two", fqdn });
  });

  test("lists whose entries can be resources of their own are left alone (crud/crud.go: MaintainSubResourcePropertiesIfNotSet)", async (t) => {
    const { provider, subscription } = await openWith(t, NSG);
    const olds = { inputs: {}, state: {} };
    const vnet = await provider.update(VNET, VNET_ID, olds, except(vnetInputs, "subnets"));
    assert.deepEqual(
      (vnet.subnets as Properties[]).map(({ name, addressPrefix }) => [name, addressPrefix]),
      [["default", "10.0.0.0/24"]],
    );
    const nsg = await provider.update(NSG, NSG_ID, olds, except(nsgInputs, "securityRules"));
    assert.deepEqual(
      (nsg.securityRules as Properties[]).map(({ name, priority }) => [name, priority]),
      [["docker", 100]],
    );
    assert.deepEqual((await provider.update(NSG, NSG_ID, olds, { ...nsgInputs, securityRules: [] })).securityRules, []);
    await provider.delete(NSG, NSG_ID);
    await assert.rejects(provider.update(NSG, NSG_ID, olds, except(nsgInputs, "securityRules")), {
      message:
        /^failed maintaining unset sub-resource properties: reading cloud state: Status=404 Code="ResourceNotFound"/,
    });
    assert.equal(subscription.store.get(NSG_ID), undefined);
  });

  test("a creation sends them empty (crud/crud.go: SetUnsetSubresourcePropertiesToDefaults)", async (t) => {
    const { provider, subscription } = await openWith(t, GROUP);
    await provider.create(VNET, except(vnetInputs, "subnets"));
    await provider.create(NSG, except(nsgInputs, "securityRules"));
    const bodyOf = (id: string): Properties => subscription.store.get(id)?.body ?? {};
    assert.deepEqual([bodyOf(VNET_ID).subnets, bodyOf(VNET_ID).virtualNetworkPeerings], [[], []]);
    assert.deepEqual(bodyOf(NSG_ID).securityRules, []);
  });

  test("Azure's refusals come through in azure-native's form (azure/client_azcore.go: PulumiAzcoreResponseError)", async (t) => {
    const { provider } = await openWith(t, VM);
    const osProfile = { ...(vmInputs.osProfile as Properties), adminUsername: "ops" };
    await assert.rejects(provider.update(VM, VM_ID, { inputs: {}, state: {} }, { ...vmInputs, osProfile }), {
      message:
        /^Status=409 Code="PropertyChangeNotAllowed" Message="Changing property 'osProfile\.adminUsername' is not allowed\."$/,
    });
    await assert.rejects(provider.delete(IP, IP_ID), (error: Error) => {
      assert.ok(error.message.startsWith(`Status=400 Code="PublicIPAddressCannotBeDeleted" Message="`), error.message);
      assert.ok(error.message.includes(NIC_ID), error.message);
      return true;
    });
  });
});

suite("refresh (provider/pkg/provider/provider.go: Read)", () => {
  test("without a change, the inputs stay, also those that Azure never returns", async (t) => {
    const { provider } = await openWith(t, EXTENSION);
    for (const [each, id, inputs] of ALL) {
      const state = (await provider.read(each, id, { inputs, state: {} }))?.properties ?? {};
      const found = await provider.read(each, id, { inputs, state });
      assert.deepEqual([found?.id, found?.inputs], [id, inputs], each.type);
    }
  });

  test("a change by hand becomes an input, and nothing else does", async (t) => {
    const { provider, subscription, states } = await openWith(t, IP);
    const other = new Map(Object.entries({ ...ipInputs, tags: { by: "hand" } }));
    for (const name of ["resourceGroupName", "publicIpAddressName", "azureApiVersion"]) other.delete(name);
    await subscription.put(IP_ID, Object.fromEntries(other));
    const found = await provider.read(IP, IP_ID, { inputs: ipInputs, state: states.get(IP) ?? {} });
    assert.deepEqual(found?.inputs, { ...ipInputs, tags: { by: "hand" } });
    assert.deepEqual(found.properties.tags, { by: "hand" });
  });

  test("a change by Azure becomes one too: the ETags of a network's subnets (issue 4722)", async (t) => {
    const { provider, states } = await openWith(t, EXTENSION);
    const found = await provider.read(VNET, VNET_ID, { inputs: vnetInputs, state: states.get(VNET) ?? {} });
    const [subnet] = found?.inputs.subnets as Properties[];
    const [before] = states.get(VNET)?.subnets as Properties[];
    assert.notEqual(subnet?.etag, before?.etag);
    assert.deepEqual(subnet, { name: "default", addressPrefix: "10.0.0.0/24", etag: found?.properties.etag });
  });

  test("lists that the inputs leave out stay out (removeUnsetSubResourceProperties)", async (t) => {
    const { provider, subscription } = await openWith(t, GROUP);
    const inputs = except(nsgInputs, "securityRules");
    const { properties: state } = await provider.create(NSG, inputs);
    await subscription.put(NSG_ID, { location: "westeurope", securityRules: [ruleInputs] });
    const found = await provider.read(NSG, NSG_ID, { inputs, state });
    assert.equal((found?.properties.securityRules as unknown[]).length, 1);
    assert.deepEqual(found?.inputs, inputs);
  });

  test("refreshing a missing resource is no error", async (t) => {
    const { provider } = await openWith(t, GROUP);
    assert.equal(await provider.read(IP, IP_ID, { inputs: ipInputs, state: {} }), undefined);
  });
});

suite("import (provider/pkg/convert/responseToSdkInputs.go)", () => {
  const imported = async (azure: LoopbackAzure, of: Resource, id: string): Promise<Properties | undefined> =>
    (await azure.provider.read(of, id, { inputs: {}, state: {} }))?.inputs;

  test("every writable property is an input, also a filled-in one, but not empty collections and secrets", async (t) => {
    const azure = await openWith(t, EXTENSION);
    const vm = (await imported(azure, VM, VM_ID)) ?? {};
    assert.deepEqual([vm.resourceGroupName, vm.vmName, vm.azureApiVersion, vm.vmId], ["g", "vm", undefined, undefined]);
    const { adminPassword, ...osProfile } = vm.osProfile as Properties;
    assert.equal(adminPassword, undefined);
    assert.deepEqual([osProfile.allowExtensionOperations, osProfile.secrets], [true, undefined]);
    assert.deepEqual((vm.storageProfile as Properties).dataDisks, undefined);
    const { ipAddress, dnsSettings } = (await imported(azure, IP, IP_ID)) ?? {};
    assert.ok(typeof ipAddress === "string" && ipAddress.startsWith("203.0.113."));
    assert.deepEqual(dnsSettings, { domainNameLabel: "host-one", fqdn: "host-one.westeurope.cloudapp.azure.com" });
  });

  test("an extension's type is its handler's", async (t) => {
    const azure = await openWith(t, EXTENSION);
    const inputs = await imported(azure, EXTENSION, EXTENSION_ID);
    assert.deepEqual(
      [inputs?.type, inputs?.protectedSettings, inputs?.vmName, inputs?.vmExtensionName],
      ["DockerExtension", undefined, "vm", "docker"],
    );
  });

  test("the next preview of it replaces nothing, if the program says which version a public IP is of", async (t) => {
    const azure = await openWith(t, EXTENSION);
    const replacing = async (change: Properties): Promise<string[]> => {
      const all = ALL.map(async ([each, id, inputs]) => {
        const { inputs: olds = {}, properties: state = {} } =
          (await azure.provider.read(each, id, { inputs: {}, state: {} })) ?? {};
        const news = each === IP ? { ...inputs, ...change } : inputs;
        const { diffs } = await azure.provider.diff(each, id, { inputs: olds, state }, news);
        return Object.keys(diffs).filter((path) => diffs[path]?.endsWith("-replace"));
      });
      return (await Promise.all(all)).flat();
    };
    assert.deepEqual(await replacing({ publicIPAddressVersion: "IPv4" }), []);
    // It is among what Azure fills in, and to leave it out takes it away: diff.go's DELETE_REPLACE.
    assert.deepEqual(await replacing({}), ["publicIPAddressVersion"]);
  });
});

suite("delete (azure/client_azcore.go: Delete)", () => {
  test("delete removes a resource and its children, and a missing one is no error", async (t) => {
    const { provider, subscription } = await openWith(t, EXTENSION);
    await provider.delete(GROUP, GROUP_ID);
    assert.deepEqual(
      subscription.store.list().map(({ id }) => id),
      [],
    );
    await provider.delete(GROUP, GROUP_ID);
    await provider.delete(IP, IP_ID);
  });
});

suite("functions (provider/pkg/provider/provider.go: Invoke)", () => {
  test("getX returns the outputs of X", async (t) => {
    const { provider } = await openWith(t, EXTENSION);
    for (const [each, id, inputs] of ALL) {
      const name = Object.keys(inputs).filter((input) => input.endsWith("Name"));
      const args = Object.fromEntries(name.map((input) => [input, inputs[input]]));
      const found = await provider.invoke(each.type.replace(/:(\w+)$/, ":get$1"), args);
      const read = await provider.read(each, id, { inputs: {}, state: {} });
      assert.deepEqual(found, read?.properties);
    }
  });

  test("a missing resource and an unknown function are errors", async (t) => {
    const { provider } = await openWith(t, GROUP);
    const token = "azure-native:network:getPublicIPAddress";
    await assert.rejects(
      provider.invoke(token, { resourceGroupName: "g", publicIpAddressName: "ip" }),
      (error: Error) => {
        assert.ok(error.message.startsWith(`request failed ${IP_ID}: Status=404 Code="ResourceNotFound" Message="`));
        return true;
      },
    );
    const none = "azure-native:storage:getStorageAccount";
    await assert.rejects(provider.invoke(none, {}), { message: `Invoke type ${none} not found` });
  });
});

suite("errors (azure/client_azcore.go)", () => {
  test("a throttled call is made again after as long as Azure asks", async (t) => {
    const throttled: Fault = { call: PUT_IP, kind: "throttled", times: 2, retryAfterSeconds: 0.04 };
    const { provider } = await openWith(t, GROUP, faults(throttled, { ...throttled, call: GET_IP, times: 1 }));
    const start = performance.now();
    assert.equal((await provider.create(IP, ipInputs)).id, IP_ID);
    // A timer may be early by less than a millisecond.
    assert.ok(performance.now() - start >= 3 * 39, "too soon");
  });

  test("but not for ever: three times", async (t) => {
    const throttled: Fault = { call: PUT_IP, kind: "throttled", times: 4, retryAfterSeconds: 0.001 };
    const { provider, calls } = await openWith(t, GROUP, faults(throttled));
    await assert.rejects(provider.create(IP, ipInputs), { message: /^Status=429 Code="TooManyRequests" Message="/ });
    assert.deepEqual(calls, [GET_IP, PUT_IP, PUT_IP, PUT_IP, PUT_IP]);
    assert.equal((await provider.create(IP, ipInputs)).id, IP_ID);
  });

  for (const kind of ["conflict", "internal-error", "lost-response"] as const) {
    test(`a call is made again after a ${kind}`, async (t) => {
      const { provider, calls } = await openWith(t, GROUP, faults({ call: PUT_IP, kind, times: 3 }));
      assert.equal((await provider.create(IP, ipInputs)).id, IP_ID);
      assert.equal(calls.filter((call) => call === PUT_IP).length, 4);
    });
  }

  test("a refused PUT leaves nothing in the state", async (t) => {
    const { provider } = await openWith(t, GROUP, faults({ call: PUT_IP, kind: "refused" }));
    await assert.rejects(provider.create(IP, ipInputs), (error: Error) => {
      assert.ok(!(error instanceof PartialFailure));
      assert.match(error.message, /^Status=403 Code="AuthorizationFailed" Message="/);
      return true;
    });
  });

  test("an accepted PUT that fails is saved as failed, and the next update completes it", async (t) => {
    const { provider } = await openWith(
      t,
      ALL[4][0],
      faults(
        { call: "PUT Microsoft.Compute/virtualMachines", kind: "boot-failure" },
        { call: "PUT Microsoft.Compute/virtualMachines/extensions", kind: "extension-failure" },
      ),
    );
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
    const olds = { inputs: {}, state: {} };
    // The operation failed, the question about it was answered: 200.
    const timedOut = /^Status=200 Code="OSProvisioningTimedOut" Message="OS Provis/;
    await failed(provider.create(VM, vmInputs), VM_ID, vmInputs, timedOut);
    await provider.update(VM, VM_ID, olds, vmInputs);
    const reason = /^Status=200 Code="VMExtensionProvisioningError" Message="VM has reported/;
    await failed(provider.create(EXTENSION, extensionInputs), EXTENSION_ID, extensionInputs, reason);
    const { provisioningState } = await provider.update(EXTENSION, EXTENSION_ID, olds, extensionInputs);
    assert.equal(provisioningState, "Succeeded");
  });
});

suite("the cloud and the credential", () => {
  test("a wrong secret is told of in Entra's words", async (t) => {
    const { environment } = await openAzure(t);
    const provider = new AzureNative({ environment: { ...environment, ARM_CLIENT_SECRET: "wrong" }, retryDelayMs: 1 });
    await assert.rejects(provider.create(GROUP, groupInputs), /AADSTS7000215: Invalid client secret provided/);
  });

  test("nobody is trusted without the CA's certificate, and nobody is asked without a cloud's name", async (t) => {
    const { environment } = await openAzure(t);
    const open = (change: Record<string, undefined>): AzureNative =>
      new AzureNative({ environment: { ...environment, ...change }, retryDelayMs: 1 });
    await assert.rejects(open({ SSL_CERT_FILE: undefined }).create(GROUP, groupInputs), /certificate/);
    for (const name of ["ARM_METADATA_HOSTNAME", "ARM_TENANT_ID", "ARM_CLIENT_ID", "ARM_CLIENT_SECRET"]) {
      await assert.rejects(open({ [name]: undefined }).create(GROUP, groupInputs), {
        message: `the stand-in for azure-native needs ${name}`,
      });
    }
  });
});
