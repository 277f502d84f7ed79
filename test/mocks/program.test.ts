/** The program itself: what goes with the resource group when that goes, so that a teardown is one deletion in Azure. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import program from "../../index";

const PROJECT = "azure-docker-host";
const EXTENSION = "azure-native:compute:VirtualMachineExtension";

/** A resource as the engine is told of it. */
interface Declared {
  type: string;
  /** The name of the resource with which it goes. */
  deletedWith: string;
}

const pem = (label: string): string => `-----BEGIN ${label}-----\nAA==\n-----END ${label}-----\n`;

/** The providers' outputs that other resources read. */
const MADE: Record<string, unknown> = {
  result: "x3k9qa",
  name: "name",
  location: "westeurope",
  privateKeyPem: pem("PRIVATE KEY"),
  privateKeyOpenssh: pem("OPENSSH PRIVATE KEY"),
  publicKeyOpenssh: "ssh-ed25519 AAAA",
  certRequestPem: pem("CERTIFICATE REQUEST"),
  certPem: pem("CERTIFICATE"),
  ipAddress: "203.0.113.10",
  dnsSettings: { fqdn: "build.westeurope.cloudapp.azure.com" },
  ipConfigurations: [{ privateIPAddress: "10.0.0.4" }],
};

/** The engine's end of the program. */
class Recorder extends MockMonitor {
  readonly declared: Record<string, Declared> = {};

  constructor() {
    super({
      call: ({ token }) => {
        throw new Error(`unexpected call of ${token}`);
      },
      newResource: ({ name, inputs }) => ({ id: `${name}-id`, state: { ...(inputs as object), ...MADE } }),
    });
  }

  override async registerResource(
    request: RegisterResourceRequest,
    callback: Parameters<MockMonitor["registerResource"]>[1],
  ): Promise<void> {
    const [deletedWith = ""] = request.getDeletedwith().split("::").slice(-1);
    this.declared[request.getName()] = { type: request.getType(), deletedWith };
    await super.registerResource(request, callback);
  }
}

/** The resources that the program declares for a stack of these settings. */
async function declare(settings: Record<string, string>): Promise<Record<string, Declared>> {
  const recorder = new Recorder();
  await pulumi.runtime.setMocks(recorder.mocks, PROJECT, "dev", false, "acme");
  // Not the recorder itself in the monitor's place: only setMocks knows how to turn on all that an engine can do.
  Object.assign(pulumi.runtime.getMonitor() ?? assert.fail("no monitor"), {
    registerResource: recorder.registerResource.bind(recorder),
    registerResourceOutputs: recorder.registerResourceOutputs.bind(recorder),
  });
  pulumi.runtime.setAllConfig(
    Object.fromEntries(Object.entries(settings).map(([name, value]) => [`${PROJECT}:${name}`, value])),
  );
  await program();
  await pulumi.runtime.disconnect();
  return recorder.declared;
}

const stacks: Record<string, Record<string, string>> = {
  "of the defaults": {},
  "of another installer": { installer: "CustomScript", dockerVersion: "28.2.*" },
  "of production": { protect: "true" },
};
for (const [what, settings] of Object.entries(stacks)) {
  test(`a teardown of a stack ${what} deletes only the group, and everything else in Azure goes with it`, async () => {
    const declared = await declare({ dockerSources: '["VirtualNetwork"]', ...settings });
    const inAzure = Object.entries(declared).filter(([, { type }]) => type.startsWith("azure-native:"));
    const names = inAzure.map(([name]) => name);
    // With the script, there is no extension beside `-prepare`.
    const extensions = settings.installer === "CustomScript" ? ["prepare"] : ["prepare", "docker"];
    const parts = ["ip", "nsg", "vnet", "nic", "vm", ...extensions].map((part) => `docker-host-${part}`);
    assert.deepEqual(names.sort(), ["group", ...parts].sort());
    for (const [name, { type, deletedWith }] of inAzure) {
      // The extensions go with the machine.
      const container = type === EXTENSION ? "docker-host-vm" : "group";
      assert.equal(deletedWith, name === "group" ? "" : container, name);
    }
  });
}
