/** The loopback Azure Resource Manager, as Microsoft's own clients meet it: signing in, what it asks of a request, long-running operations, power. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { ComputeManagementClient } from "@azure/arm-compute";
import { NetworkManagementClient } from "@azure/arm-network";
import { ResourceManagementClient } from "@azure/arm-resources";
import { ClientAssertionCredential, ClientSecretCredential, type TokenCredential } from "@azure/identity";
import { Access } from "../../../rehearsal/arm/access";
import { Behaviour } from "../../../rehearsal/arm/behaviour";
import { noMachines } from "../../../rehearsal/arm/compute";
import { NO_NETWORK } from "../../../rehearsal/arm/open";
import { SUBSCRIPTION_ID } from "../../../rehearsal/arm/resourceTypes";
import { type ArmEndpoint, listen } from "../../../rehearsal/arm/server";
import { Store } from "../../../rehearsal/arm/store";
import { Subscription } from "../../../rehearsal/arm/subscription";

const location = "westeurope";
const SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKNJoFbWT1u9bPQPEKQmNv7Q7TPKmTqYEYFT0Dj1LUt";
const VM_PATH = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm`;

let directory: string;
let access: Access;
let endpoint: ArmEndpoint;
let subscription: Subscription;
let environment: Record<string, string>;
let origin: string;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "arm-server-"));
  access = await Access.of(join(directory, "access"));
  subscription = new Subscription(new Store(join(directory, "azure")), noMachines, new Behaviour(), NO_NETWORK);
  endpoint = await listen(subscription, access);
  environment = access.environment(endpoint.port);
  origin = `https://127.0.0.1:${endpoint.port}`;
});
after(async () => {
  await endpoint.close();
  rmSync(directory, { recursive: true });
});

const clientOptions = () => ({ endpoint: origin, tlsOptions: { ca: access.caPem }, updateIntervalInMs: 20 });
const identityOptions = () => ({
  authorityHost: origin,
  disableInstanceDiscovery: true,
  tlsOptions: { ca: access.caPem },
  retryOptions: { maxRetries: 0 },
});

function secret(value = environment.ARM_CLIENT_SECRET ?? ""): TokenCredential {
  const { ARM_TENANT_ID = "", ARM_CLIENT_ID = "" } = environment;
  return new ClientSecretCredential(ARM_TENANT_ID, ARM_CLIENT_ID, value, identityOptions());
}

function clients(credential = secret()): {
  compute: ComputeManagementClient;
  network: NetworkManagementClient;
  resources: ResourceManagementClient;
} {
  return {
    compute: new ComputeManagementClient(credential, SUBSCRIPTION_ID, clientOptions()),
    network: new NetworkManagementClient(credential, SUBSCRIPTION_ID, clientOptions()),
    resources: new ResourceManagementClient(credential, SUBSCRIPTION_ID, {
      ...clientOptions(),
      apiVersion: "2024-03-01",
    }),
  };
}

interface Raw {
  status: number;
  headers: Record<string, unknown>;
  body: Record<string, unknown>;
}

/** A request as it goes over the wire, with a valid token unless another one is named. */
async function raw(method: string, path: string, body?: unknown, token?: string): Promise<Raw> {
  const bearer = token ?? (await secret().getToken(`${origin}/.default`))?.token ?? "";
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
    const call = request(`${origin}${path}`, { method, headers, ca: access.caPem }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        const json = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: json });
      });
    });
    call.on("error", reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const codeOf = ({ body }: Raw): unknown => (body.error as { code?: string } | undefined)?.code;

suite("signing in", () => {
  test("a service principal's secret, and a workload's own token in its place", async () => {
    const assertion = new ClientAssertionCredential(
      environment.ARM_TENANT_ID ?? "",
      environment.ARM_CLIENT_ID ?? "",
      () => Promise.resolve(access.federatedToken()),
      identityOptions(),
    );
    for (const credential of [secret(), assertion]) {
      const groups = [];
      for await (const group of clients(credential).resources.resourceGroups.list()) groups.push(group);
      assert.deepEqual(groups, []);
    }
  });

  test("a wrong secret and an expired workload token are refused in Entra's words", async () => {
    const scope = `${origin}/.default`;
    await assert.rejects(secret("wrong").getToken(scope), /AADSTS7000215/);
    const expired = new ClientAssertionCredential(
      environment.ARM_TENANT_ID ?? "",
      environment.ARM_CLIENT_ID ?? "",
      () => Promise.resolve(access.federatedToken(-1)),
      identityOptions(),
    );
    await assert.rejects(expired.getToken(scope), /AADSTS700024/);
  });

  test("a request without a token of this endpoint is refused", async () => {
    const forged = `${Buffer.from("{}").toString("base64url")}.${Buffer.from('{"exp":9999999999}').toString("base64url")}.AAAA`;
    const other = await Access.of(join(directory, "other"));
    const foreign = other.federatedToken();
    for (const token of [forged, foreign, access.federatedToken(), "x"]) {
      const answer = await raw("GET", "/subscriptions?api-version=2022-12-01", undefined, token);
      assert.deepEqual([answer.status, codeOf(answer)], [401, "InvalidAuthenticationToken"]);
    }
  });

  test("key, secret and tokens are their owner's alone", () => {
    for (const file of readdirSync(join(directory, "access"))) {
      assert.equal(statSync(join(directory, "access", file)).mode & 0o777, 0o600, file);
    }
    const stored = readdirSync(join(directory), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== "secrets.json")
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
    assert.ok(!stored.join("").includes(environment.ARM_CLIENT_SECRET ?? "-"), "the secret stands in one file");
  });
});

suite("Azure's manners", () => {
  test("api-version is required, and any is taken", async () => {
    assert.equal(codeOf(await raw("GET", "/subscriptions")), "MissingApiVersionParameter");
    assert.equal((await raw("GET", "/subscriptions?api-version=2014-04-01")).status, 200);
  });

  test("a path ignores case, and a missing resource is not found in Azure's words", async () => {
    const { resources } = clients();
    await resources.resourceGroups.createOrUpdate("g", { location });
    const path = `/SUBSCRIPTIONS/${SUBSCRIPTION_ID}/resourcegroups/G`;
    assert.equal(
      (await raw("GET", `${path}?api-version=2024-03-01`)).body.id,
      `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/g`,
    );
    const none = await raw("GET", `${VM_PATH.replace("/vm", "/none")}?api-version=2024-11-01`);
    assert.deepEqual([none.status, codeOf(none)], [404, "ResourceNotFound"]);
    const noGroup = await raw("GET", `${path}x?api-version=2024-03-01`);
    assert.deepEqual([noGroup.status, codeOf(noGroup)], [404, "ResourceGroupNotFound"]);
  });

  test("a host by Microsoft's clients, its power, and its end", async () => {
    const { compute, network, resources } = clients();
    await resources.resourceGroups.createOrUpdate("g", { location });
    const vnet = await network.virtualNetworks.beginCreateOrUpdateAndWait("g", "vnet", {
      location,
      addressSpace: { addressPrefixes: ["10.0.0.0/24"] },
      subnets: [{ name: "default", addressPrefix: "10.0.0.0/24", defaultOutboundAccess: false }],
    });
    const subnet = vnet.subnets?.[0];
    assert.ok(subnet, "there is a subnet");
    assert.equal(subnet.id, `${String(vnet.id)}/subnets/default`);
    assert.equal(subnet.defaultOutboundAccess, false);
    const nsg = await network.networkSecurityGroups.beginCreateOrUpdateAndWait("g", "nsg", { location });
    const ip = await network.publicIPAddresses.beginCreateOrUpdateAndWait("g", "ip", {
      location,
      sku: { name: "Standard" },
      publicIPAllocationMethod: "Static",
    });
    assert.equal(ip.ipAddress, "203.0.113.10");
    const nic = await network.networkInterfaces.beginCreateOrUpdateAndWait("g", "nic", {
      location,
      networkSecurityGroup: { id: nsg.id },
      ipConfigurations: [{ name: "primary", subnet: { id: subnet.id }, publicIPAddress: { id: ip.id } }],
    });
    assert.equal(nic.ipConfigurations?.[0]?.privateIPAddress, "10.0.0.4");
    const after = await network.virtualNetworks.get("g", "vnet");
    assert.notEqual(after.etag, vnet.etag, "Azure changed the network when the interface came");
    assert.equal(after.subnets?.[0]?.etag, after.etag, "and its subnet with it");

    const vm = await compute.virtualMachines.beginCreateOrUpdateAndWait("g", "vm", {
      location,
      hardwareProfile: { vmSize: "Standard_B2s_v2" },
      networkProfile: { networkInterfaces: [{ id: nic.id, primary: true }] },
      osProfile: {
        computerName: "host",
        adminUsername: "azureuser",
        linuxConfiguration: {
          disablePasswordAuthentication: true,
          ssh: { publicKeys: [{ path: "/home/azureuser/.ssh/authorized_keys", keyData: SSH_KEY }] },
        },
      },
      storageProfile: {
        imageReference: { publisher: "Canonical", offer: "ubuntu-24_04-lts", sku: "server", version: "latest" },
        osDisk: {
          createOption: "FromImage",
          deleteOption: "Delete",
          managedDisk: { storageAccountType: "StandardSSD_LRS" },
        },
      },
    });
    assert.equal(vm.provisioningState, "Succeeded");
    assert.equal(vm.networkProfile?.networkInterfaces?.[0]?.primary, true);
    const extension = {
      location,
      publisher: "Microsoft.Azure.Extensions",
      typePropertiesType: "CustomScript",
      typeHandlerVersion: "2.1",
    };
    const put = await compute.virtualMachineExtensions.beginCreateOrUpdateAndWait("g", "vm", "script", extension);
    assert.equal(put.typePropertiesType, "CustomScript");

    const power = async (): Promise<unknown> =>
      (await compute.virtualMachines.instanceView("g", "vm")).statuses?.map(({ code }) => code);
    assert.deepEqual(await power(), ["ProvisioningState/succeeded", "PowerState/running"]);
    assert.equal(vm.storageProfile?.osDisk?.managedDisk?.storageAccountType, "StandardSSD_LRS");
    await compute.virtualMachines.beginDeallocateAndWait("g", "vm");
    assert.deepEqual(await power(), ["ProvisioningState/succeeded", "PowerState/deallocated"]);
    const off = await compute.virtualMachines.get("g", "vm");
    assert.equal(off.storageProfile?.osDisk?.managedDisk?.storageAccountType, undefined);
    await assert.rejects(
      compute.virtualMachineExtensions.beginCreateOrUpdateAndWait("g", "vm", "script", {
        ...extension,
        tags: { a: "b" },
      }),
      (error: { code?: string; message: string }) =>
        error.code === "OperationNotAllowed" && error.message.includes("when the VM is not running"),
    );
    await compute.virtualMachines.beginStartAndWait("g", "vm");
    assert.deepEqual(await power(), ["ProvisioningState/succeeded", "PowerState/running"]);

    const names: unknown[] = [];
    for await (const { name } of resources.resources.listByResourceGroup("g")) names.push(name);
    assert.equal(names.length, 6, names.join());
    await resources.resourceGroups.beginDeleteAndWait("g");
    assert.deepEqual(subscription.store.list(), []);
  });

  test("a long-running operation has the URLs to poll and the time to wait", async () => {
    await raw("PUT", `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/lro?api-version=2024-03-01`, { location });
    const path = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/lro/providers/Microsoft.Network/virtualNetworks/v?api-version=2024-05-01`;
    const put = await raw("PUT", path, {
      location,
      properties: { addressSpace: { addressPrefixes: ["10.0.0.0/24"] } },
    });
    assert.equal(put.status, 201);
    assert.equal((put.body.properties as Record<string, unknown>).provisioningState, "Updating");
    assert.equal(put.headers["retry-after"], "1");
    const poll = String(put.headers["azure-asyncoperation"]).replace(origin, "");
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal((await raw("GET", poll)).body.status, "Succeeded");
    assert.equal((await raw("PUT", path, { location, properties: {} })).status, 200, "a change of what is there");
    const deleted = await raw("DELETE", path);
    assert.equal(deleted.status, 202);
    assert.ok(deleted.headers.location !== undefined && deleted.headers["azure-asyncoperation"] !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal((await raw("GET", (deleted.headers.location as string).replace(origin, ""))).status, 204);
    assert.equal((await raw("DELETE", path)).status, 204, "what isn't there");
  });
});
