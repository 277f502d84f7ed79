/** Which aliases a component's children keep. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as compute from "@pulumi/azure-native/compute";
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { MockMonitor, setMocks } from "@pulumi/pulumi/runtime/mocks";
import { withoutVersionAliases } from "../../components/aliases";

const TYPE = "azure-native:compute:VirtualMachine";

/** The aliases of a resource. */
function left(type: string, aliases: pulumi.Input<string | pulumi.Alias>[] | undefined): unknown {
  const resource = Object.create(compute.VirtualMachine.prototype) as pulumi.Resource;
  const result = withoutVersionAliases({ resource, type, name: "web-vm", props: { a: 1 }, opts: { aliases } });
  if (result === undefined) return aliases;
  assert.deepEqual(result.props, { a: 1 });
  return result.opts.aliases;
}

test("a bare type of azure-native goes", () => {
  assert.deepEqual(left(TYPE, [{ type: "azure-native:compute/v20240301:VirtualMachine" }]), []);
});

test("every other alias stays", () => {
  const kept = [
    "urn:pulumi:dev::azure-docker-host::azure-native:compute/v20240301:VirtualMachine::vm",
    { name: "vm" },
    { name: "vm", type: "azure-native:compute/v20240301:VirtualMachine" },
    { type: "azure:compute/virtualMachine:VirtualMachine" },
    { parent: pulumi.rootStackResource },
    Promise.resolve("urn:pulumi:dev::azure-docker-host::other"),
  ];
  assert.deepEqual(left(TYPE, kept), kept);
  assert.deepEqual(left(TYPE, undefined), undefined);
});

test("so do those of other providers' resources", () => {
  const aliases = [{ type: "azure-native:compute/v20240301:VirtualMachine" }];
  assert.deepEqual(left("tls:index/privateKey:PrivateKey", aliases), aliases);
});

test("azure-native's classes have such aliases, and a component's own transformation comes after", async () => {
  const registered: Record<string, number> = {};
  class Recorder extends MockMonitor {
    override async registerResource(
      request: RegisterResourceRequest,
      callback: Parameters<MockMonitor["registerResource"]>[1],
    ): Promise<void> {
      registered[request.getName()] = request.getAliasesList().length;
      await super.registerResource(request, callback);
    }
  }
  const mocks = {
    call: () => ({}),
    newResource: ({ name, inputs }: pulumi.runtime.MockResourceArgs) => ({ id: name, state: inputs as object }),
  };
  await setMocks(mocks, "azure-docker-host", "dev");
  const recorder = new Recorder(mocks);
  Object.assign(pulumi.runtime.getMonitor() ?? assert.fail("no monitor"), {
    registerResource: recorder.registerResource.bind(recorder),
  });
  const again: pulumi.ResourceTransformation = ({ props, opts }) => ({
    props,
    opts: { ...opts, aliases: [{ type: "azure-native:compute/v20240301:VirtualMachine" }] },
  });
  const args = { resourceGroupName: "group" };
  const resources = [
    new compute.VirtualMachine("as-it-is", args),
    new compute.VirtualMachine("without", args, { transformations: [withoutVersionAliases] }),
    new compute.VirtualMachine("again", args, { transformations: [withoutVersionAliases, again] }),
  ];
  await Promise.all(resources.map(({ urn }) => new Promise((resolve) => urn.apply(resolve))));
  assert.ok((registered["as-it-is"] ?? 0) >= 20, `has ${registered["as-it-is"] ?? 0}`);
  assert.equal(registered.without, 0);
  assert.equal(registered.again, 1);
});
