/** Values that Azure computes, in a preview under azure-native's own rules: unknown on every creation and update. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Provider } from "@pulumi/azure-native";
import * as pulumi from "@pulumi/pulumi";
import { getAllResources } from "@pulumi/pulumi/output";
import { DockerHost } from "../../components/dockerHost";
import type { DockerHostArgs } from "../../components/dockerHostArgs";
import { knownInPreview } from "../../components/previewOutputs";

type Values = Record<string, unknown>;

/** The engine's operation on a resource in this preview. */
type Step = "create" | "update" | "same";

/** A question to Azure. */
interface Call {
  token: string;
  inputs: Values;
  /** The name of the provider resource; empty for the default provider. */
  provider: string;
}

const UNKNOWN = pulumi.runtime.unknownValue;
const GROUP = "/subscriptions/s/resourceGroups/group/providers/Microsoft.Network";
const IDS: Record<string, string> = {
  "web-ip": `${GROUP}/publicIPAddresses/web-ip`,
  "web-nic": `${GROUP}/networkInterfaces/web-nic`,
  "web-vnet": `${GROUP}/virtualNetworks/web-vnet`,
};
const SUBNET = `${GROUP}/virtualNetworks/web-vnet/subnets/default`;
const FQDN = "build.westeurope.cloudapp.azure.com";

/** The resources in Azure. */
const ADDRESS = { ipAddress: "203.0.113.10", dnsSettings: { domainNameLabel: "build", fqdn: FQDN } };
const INTERFACE = { ipConfigurations: [{ privateIPAddress: "10.0.0.4", subnet: { id: SUBNET } }] };
const AZURE: Record<string, Values> = {
  "azure-native:network:getPublicIPAddress": ADDRESS,
  "azure-native:network:getNetworkInterface": INTERFACE,
};

const pem = (label: string): string => `-----BEGIN ${label}-----\nAA==\n-----END ${label}-----\n`;

/** The outputs of the resources in question, by what is done with them (provider/pkg/provider/provider.go, `Create` and `Update`). */
function outputs(type: string, step: Step, inputs: Values): Values {
  if (step === "same") {
    switch (type) {
      case "azure-native:network:PublicIPAddress":
        return ADDRESS;
      case "azure-native:network:NetworkInterface":
        return INTERFACE;
      case "tls:index/privateKey:PrivateKey":
        return { privateKeyPem: pem("PRIVATE KEY"), publicKeyOpenssh: "ssh-ed25519 AAAA" };
      case "tls:index/certRequest:CertRequest":
        return { certRequestPem: pem("CERTIFICATE REQUEST") };
      case "tls:index/selfSignedCert:SelfSignedCert":
      case "tls:index/locallySignedCert:LocallySignedCert":
        return { certPem: pem("CERTIFICATE") };
      case "azure-native:compute:VirtualMachine":
        return { name: inputs.vmName };
    }
    return {};
  }
  switch (type) {
    case "azure-native:network:PublicIPAddress":
      return { ipAddress: UNKNOWN, dnsSettings: { ...(inputs.dnsSettings as Values), fqdn: UNKNOWN } };
    case "azure-native:network:NetworkInterface":
      return {
        ipConfigurations: (inputs.ipConfigurations as Values[]).map((entry) => ({
          ...entry,
          privateIPAddress: UNKNOWN,
        })),
      };
    case "azure-native:network:VirtualNetwork":
      return { subnets: (inputs.subnets as Values[]).map((subnet) => ({ ...subnet, id: UNKNOWN })) };
  }
  return {};
}

/** How a run goes; by default the preview of an update of everything. */
interface Run {
  /** The operation on each resource, by name. All others are updated. */
  steps?: Record<string, Step>;
  every?: Step;
  /** Azure's answers. All other calls are refused. */
  azure?: Record<string, Values>;
  /** Whether it is a preview. */
  preview?: boolean;
}

/** Runs a program, and tells what was asked and what was declared; an unknown input is "unknown". */
async function run(
  program: () => void,
  { steps = {}, every = "update", azure = AZURE, preview = true }: Run = {},
): Promise<{ calls: Call[]; declared: Record<string, Values> }> {
  const calls: Call[] = [];
  const declared: Record<string, Values> = {};
  await pulumi.runtime.setMocks(
    {
      call: ({ token, inputs, provider = "" }) => {
        calls.push({ token, inputs: inputs as Values, provider: /::([^:]*)::[^:]*$/.exec(provider)?.[1] ?? "" });
        const answer = azure[token];
        if (!answer) throw new Error("AuthorizationFailed");
        return answer;
      },
      newResource: ({ type, name, inputs }) => {
        declared[name] = shown(inputs) as Values;
        const step = preview ? (steps[name] ?? every) : "same";
        return {
          // A resource that is created, or made anew, has no ID in a preview.
          id: step === "create" ? undefined : (IDS[name] ?? `${name}-id`),
          state: { ...(inputs as Values), ...outputs(type, step, inputs as Values) },
        };
      },
    },
    "azure-docker-host",
    "dev",
    preview,
  );
  program();
  await pulumi.runtime.disconnect();
  return { calls, declared };
}

/** A value with "unknown" for what is unknown. */
function shown(value: unknown): unknown {
  if (pulumi.isUnknown(value)) return "unknown";
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shown(inner)]));
}

const ARGS: DockerHostArgs = {
  resourceGroupName: "group",
  location: "westeurope",
  dockerSources: ["203.0.113.0/24"],
  dnsLabel: "build",
};

/** A host, and what its server's certificate request says. */
async function declare(
  how: Run = {},
  args: Partial<DockerHostArgs> = {},
  opts?: () => pulumi.ComponentResourceOptions,
): Promise<{ calls: Call[]; names: unknown; addresses: unknown; declared: Record<string, Values> }> {
  const { calls, declared } = await run(() => new DockerHost("web", { ...ARGS, ...args }, opts?.()), how);
  const { dnsNames: names, ipAddresses: addresses } = declared["web-server-request"] ?? {};
  return { calls, names, addresses, declared };
}

const asked = (provider = ""): Call[] => [
  {
    token: "azure-native:network:getNetworkInterface",
    inputs: { networkInterfaceName: "web-nic", resourceGroupName: "group" },
    provider,
  },
  {
    token: "azure-native:network:getPublicIPAddress",
    inputs: { publicIpAddressName: "web-ip", resourceGroupName: "group" },
    provider,
  },
];
const sorted = (calls: Call[]): Call[] => [...calls].sort((a, b) => (a.token < b.token ? -1 : 1));

const NAMES = [FQDN, "localhost"];
const ADDRESSES = ["203.0.113.10", "10.0.0.4"];
const NO_NAMES = ["unknown", "localhost"];
const NO_ADDRESSES = ["unknown", "unknown"];

suite("the server's names and addresses", () => {
  test("of a host that is created are unknown, and Azure is not asked", async () => {
    const { calls, names, addresses } = await declare({ every: "create" });
    assert.deepEqual([calls, names, addresses], [[], NO_NAMES, NO_ADDRESSES]);
  });

  test("of a host that doesn't change are its own, and Azure is not asked", async () => {
    const { calls, names, addresses } = await declare({ every: "same" });
    assert.deepEqual([calls, names, addresses], [[], NAMES, ADDRESSES]);
  });

  test("of a host with another tag are those that Azure has, asked once for each", async () => {
    const { calls, names, addresses } = await declare({}, { tags: { team: "build" } });
    assert.deepEqual([sorted(calls), names, addresses], [asked(), NAMES, ADDRESSES]);
  });

  test("only those of an updated resource are asked from Azure", async () => {
    const nic = await declare({ every: "same", steps: { "web-nic": "update" } });
    assert.deepEqual([nic.calls, nic.names, nic.addresses], [asked().slice(0, 1), NAMES, ADDRESSES]);
    const ip = await declare({ every: "same", steps: { "web-ip": "update" } });
    assert.deepEqual([ip.calls, ip.names, ip.addresses], [asked().slice(1), NAMES, ADDRESSES]);
  });

  test("are asked for by the component's own provider", async () => {
    const { calls, names } = await declare({}, {}, () => ({ providers: [new Provider("other")] }));
    assert.deepEqual([sorted(calls), names], [asked("other"), NAMES]);
  });

  test("are unknown under another label, which `up` gives another name", async () => {
    const { names, addresses } = await declare({}, { dnsLabel: "other" });
    assert.deepEqual([names, addresses], [NO_NAMES, ADDRESSES]);
  });

  test("are unknown if the NIC is in another subnet than the wanted one", async () => {
    const subnetId = SUBNET.replace("web-vnet", "hub");
    const { names, addresses } = await declare({}, { subnetId });
    assert.deepEqual([names, addresses], [NAMES, ["203.0.113.10", "unknown"]]);
  });

  test("are known whatever the case of the subnet's ID", async () => {
    const { names, addresses } = await declare({}, { subnetId: SUBNET.toUpperCase() });
    assert.deepEqual([names, addresses], [NAMES, ADDRESSES]);
  });

  test("are unknown if the NIC is replaced, and Azure is not asked", async () => {
    const { calls, addresses } = await declare({ steps: { "web-nic": "create" } });
    assert.deepEqual([calls, addresses], [asked().slice(1), ["203.0.113.10", "unknown"]]);
  });

  test("are unknown if the resource group's name is, and Azure is not asked", async () => {
    const { calls, declared } = await run(() => {
      const group = new (class extends pulumi.CustomResource {
        declare readonly made: pulumi.Output<string>;
      })("test:index:Group", "group", { made: undefined });
      new DockerHost("web", { ...ARGS, resourceGroupName: group.made });
    });
    assert.deepEqual([calls, declared["web-server-request"]?.dnsNames], [[], NO_NAMES]);
  });

  const silent: Record<string, Record<string, Values>> = {
    "refuses to answer": {},
    "answers nothing": {
      "azure-native:network:getPublicIPAddress": {},
      "azure-native:network:getNetworkInterface": {},
    },
    "has no address yet": {
      "azure-native:network:getPublicIPAddress": { dnsSettings: { domainNameLabel: "build" } },
      "azure-native:network:getNetworkInterface": { ipConfigurations: [{ subnet: { id: SUBNET } }] },
    },
  };
  for (const [what, azure] of Object.entries(silent)) {
    test(`are unknown if Azure ${what}; the preview goes on`, async () => {
      const { calls, names, addresses, declared } = await declare({ azure });
      assert.deepEqual([sorted(calls), names, addresses], [asked(), NO_NAMES, NO_ADDRESSES]);
      assert.ok(declared["web-docker"], "the extension is declared");
    });
  }

  test("in an `up` are the resources' own, and Azure is never asked", async () => {
    const { calls, names, addresses } = await declare({ preview: false });
    assert.deepEqual([calls, names, addresses], [[], NAMES, ADDRESSES]);
  });
});

suite("an argument that is unknown in a preview", () => {
  /** What a host's resources are told of, where one argument is another resource's output. */
  async function declaredWith(name: string): Promise<Record<string, Values>> {
    const { declared } = await run(
      () => {
        const other = new (class extends pulumi.CustomResource {
          declare readonly made: pulumi.Output<string>;
        })("test:index:Other", "other", { made: undefined });
        new DockerHost("web", { ...ARGS, [name]: other.made });
      },
      { every: "same" },
    );
    return declared;
  }

  test("vmSize: the image stays known, so nothing previews another VM", async () => {
    const { "web-vm": vm } = await declaredWith("vmSize");
    assert.deepEqual(vm?.hardwareProfile, { vmSize: "unknown" });
    const { imageReference } = vm.storageProfile as Values;
    const [publisher, offer, sku, version] = "Canonical:ubuntu-24_04-lts:server:latest".split(":");
    assert.deepEqual(imageReference, { publisher, offer, sku, version });
  });

  test("dockerVersion: only values made from it are unknown", async () => {
    const { "web-prepare": prepare, "web-docker": docker } = await declaredWith("dockerVersion");
    assert.deepEqual([prepare?.settings, docker?.forceUpdateTag], ["unknown", "unknown"]);
    assert.notEqual(docker?.settings, "unknown");
  });

  test("sshSources: the NSG's rules are unknown, and nothing else", async () => {
    const { other, ...declared } = await declaredWith("sshSources");
    assert.ok(other);
    const unknown = Object.entries(declared).filter(([, inputs]) => Object.values(inputs).includes("unknown"));
    assert.deepEqual(
      unknown.map(([name]) => name).filter((name) => name !== "web"),
      ["web-nsg"],
    );
  });
});

test("the subnet of the host's own network is known while the network is updated", async () => {
  const { declared } = await declare();
  const [configuration] = declared["web-nic"]?.ipConfigurations as Values[];
  assert.deepEqual(configuration?.subnet, { id: SUBNET });
});

suite("a settled value", () => {
  /** A resource with one output that Azure computes. */
  class Thing extends pulumi.CustomResource {
    declare readonly computed: pulumi.Output<string>;
    constructor(name: string, computed: pulumi.Input<string> | undefined) {
      super("test:index:Thing", name, { computed });
    }
  }

  /** An output's value, whether it is a secret, and its dependencies. */
  async function settle(preview: boolean, own: pulumi.Input<string>): Promise<Values> {
    let result: Promise<Values> | undefined;
    await run(
      () => {
        const thing = new Thing("thing", own);
        const value = knownInPreview(thing.computed, thing, {}, () => Promise.resolve("asked"));
        if (!preview) assert.equal(value, thing.computed, "the output itself");
        result = (async () => ({
          value: await new Promise((resolve) => pulumi.unsecret(value).apply(resolve)),
          isSecret: await pulumi.isSecret(value),
          of: [...(await getAllResources(value))].map((resource) => resource === thing),
        }))();
      },
      { preview },
    );
    return (await result) ?? assert.fail();
  }

  test("from Azure depends on its resource, and is as secret as the resource's own output", async () => {
    assert.deepEqual(await settle(true, UNKNOWN), { value: "asked", isSecret: false, of: [true] });
    assert.deepEqual(await settle(true, pulumi.secret(UNKNOWN)), { value: "asked", isSecret: true, of: [true] });
  });

  test("of an `up` is the resource's own output, unchanged", async () => {
    assert.deepEqual(await settle(false, "own"), { value: "own", isSecret: false, of: [true] });
  });
});
