/**
 * A resource in an answer: the body of its PUT, and the values that Azure fills in.
 *
 * The form is the flattened one of Microsoft's JavaScript clients: `properties` is hoisted, and the type of an extension's
 * handler is `typePropertiesType`, as `type` is the resource's. Sources stand by each type; "recording" is azure-native's
 * `testdata/recorded/TestProviderUpgrade/upgrade-networked-vm/2.76.0/stack.json`, "examples" are those of
 * azure-rest-api-specs, network 2024-05-01 and compute 2024-11-01.
 */
import { isObject } from "../values";
import { createHash } from "node:crypto";
import { diskAnswer, diskId } from "./disks";
import { DEFAULT_RULES, withLists } from "./defaultRules";
import { exactVersion, takesPremiumDisks } from "./images";
import { type Body, first, sameName, textAt, valuesAt } from "./body";
import type { Store, StoredResource } from "./store";
import {
  DISK,
  EXTENSION,
  GROUP,
  NETWORK,
  NETWORK_INTERFACE,
  PUBLIC_IP,
  SECURITY_GROUP,
  VIRTUAL_MACHINE,
  VIRTUAL_NETWORK,
  nameOf,
} from "./resourceTypes";

/** Keys of `computed` that no answer shows under that name. */
const HIDDEN = ["etag", "osDiskName", "powerState", "digests", "reservedFor", "reservedUntil"];

/** The whole resource as a GET answers it. */
export function answered(resource: StoredResource, store: Store): Body {
  const { id, armType, body, computed } = resource;
  const provisioningState = stateOf(resource);
  const shown = Object.fromEntries(Object.entries(computed).filter(([key]) => !HIDDEN.includes(key)));
  return merged(
    DEFAULTS[armType]?.(resource, store),
    body,
    shown,
    {
      id,
      name: nameOf(id),
      type: armType,
      ...(typeof body.location === "string" && { location: normalized(body.location) }),
    },
    armType === GROUP ? { properties: { provisioningState } } : { provisioningState },
    computed.etag !== undefined && { etag: etagOf(resource) },
    FIXED[armType]?.(resource, store),
  );
}

type Part = (resource: StoredResource, store: Store) => Body;

/** Values that a PUT can override. */
const DEFAULTS: Record<string, Part> = {
  // Recording; privateEndpointVNetPolicies from answers of 2024 on.
  [VIRTUAL_NETWORK]: () => ({
    enableDdosProtection: false,
    privateEndpointVNetPolicies: "Disabled",
    subnets: [],
    virtualNetworkPeerings: [],
  }),
  // Examples, NetworkSecurityGroupCreateWithRule.
  [SECURITY_GROUP]: () => ({ securityRules: [] }),
  // Recording; ddosSettings is in the answers for Standard addresses.
  [PUBLIC_IP]: ({ body }) => ({
    idleTimeoutInMinutes: 4,
    ipTags: [],
    publicIPAddressVersion: "IPv4",
    publicIPAllocationMethod: "Dynamic",
    sku: { name: "Basic", tier: "Regional" },
    ...(/^standard$/i.test(String(first(body, "sku.name"))) && {
      ddosSettings: { protectionMode: "VirtualNetworkInherited" },
    }),
  }),
  // Recording. The DNS zone is the network's.
  [NETWORK_INTERFACE]: ({ body }, store) => ({
    auxiliaryMode: "None",
    auxiliarySku: "None",
    disableTcpStateTracking: false,
    dnsSettings: { appliedDnsServers: [], dnsServers: [], internalDomainNameSuffix: dnsSuffix(body, store) },
    enableAcceleratedNetworking: false,
    enableIPForwarding: false,
    hostedWorkloads: [],
    nicType: "Standard",
    tapConfigurations: [],
    vnetEncryptionSupported: false,
  }),
  // Recording; diskControllerType and Premium_LRS from answers for sizes of today.
  [VIRTUAL_MACHINE]: ({ body }) => {
    const size = String(first(body, "hardwareProfile.vmSize"));
    return {
      osProfile: {
        allowExtensionOperations: true,
        requireGuestProvisionSignal: true,
        secrets: [],
        linuxConfiguration: {
          disablePasswordAuthentication: false,
          provisionVMAgent: true,
          patchSettings: { assessmentMode: "ImageDefault", patchMode: "ImageDefault" },
        },
      },
      storageProfile: {
        dataDisks: [],
        ...(/^Standard_[^A]/i.test(size) && { diskControllerType: /_v([6-9]|\d\d)$/i.test(size) ? "NVMe" : "SCSI" }),
        osDisk: {
          caching: "ReadWrite",
          createOption: "FromImage",
          deleteOption: "Detach",
          diskSizeGB: 30,
          osType: "Linux",
          managedDisk: { storageAccountType: takesPremiumDisks(size) ? "Premium_LRS" : "Standard_LRS" },
        },
      },
    };
  },
};

/** Values that a PUT can't override. */
const FIXED: Record<string, Part> = {
  // Recording (a subnet by itself); the list of those in it from azure-rest-api-specs' VirtualNetworkListSubnet.
  [VIRTUAL_NETWORK]: (resource, store) => ({
    subnets: parts(resource, "subnets", (subnet) => {
      const subnetId = `${resource.id}/subnets/${String(subnet.name)}`;
      const users = interfacesWith(store, "subnet.id", subnetId);
      return {
        delegations: [],
        privateEndpointNetworkPolicies: "Disabled",
        privateLinkServiceNetworkPolicies: "Enabled",
        ...subnet,
        ...(users.length > 0 && { ipConfigurations: users.map(({ configurationId }) => ({ id: configurationId })) }),
      };
    }),
  }),
  // Examples; etag, type and the empty lists from azure-powershell issues 8365 and 8371.
  [SECURITY_GROUP]: (resource, store) => {
    const users = store
      .list()
      .filter(
        (each) =>
          each.armType === NETWORK_INTERFACE &&
          sameName(String(first(each.body, "networkSecurityGroup.id")), resource.id),
      );
    return {
      securityRules: parts(resource, "securityRules", withLists),
      defaultSecurityRules: parts(resource, "defaultSecurityRules", withLists, DEFAULT_RULES),
      ...(users.length > 0 && { networkInterfaces: users.map(({ id }) => ({ id })) }),
    };
  },
  // Recording: "basic" came back as "Basic". The way back from examples, PublicIpAddressGet.
  [PUBLIC_IP]: ({ id, body }, store) => {
    const [user] = interfacesWith(store, "publicIPAddress.id", id);
    const sku = textAt(body, "sku.name");
    return {
      ...(sku !== undefined && { sku: { name: capitalized(sku) } }),
      ...(user && { ipConfiguration: { id: user.configurationId } }),
    };
  },
  // Recording; what an interface has only with a VM from examples, NetworkInterfaceGet.
  [NETWORK_INTERFACE]: (resource, store) => {
    const machine = machineOf(store, resource.id);
    return {
      ipConfigurations: parts(resource, "ipConfigurations", (configuration, index) => ({
        primary: index === 0,
        privateIPAddressVersion: "IPv4",
        privateIPAllocationMethod: "Dynamic",
        ...configuration,
      })),
      ...(machine && { macAddress: macAddress(resource), primary: true, virtualMachine: { id: machine.id } }),
    };
  },
  // Recording; `resources` from examples, VirtualMachine_Get. No type of storage while it doesn't run: azure-powershell issue 13213.
  [VIRTUAL_MACHINE]: (resource, store) => {
    const { id, body, computed } = resource;
    const name = String(computed.osDiskName);
    const extensions = store.list(id).filter((each) => each.armType === EXTENSION);
    const reference = first(body, "storageProfile.imageReference") as Body | undefined;
    const off = computed.powerState !== undefined && computed.powerState !== "running";
    return {
      osProfile: { adminPassword: undefined, customData: undefined },
      storageProfile: {
        ...(reference && { imageReference: { exactVersion: exactVersion(reference) } }),
        osDisk: {
          name,
          managedDisk: { id: diskId(id, name), ...(off && { storageAccountType: undefined }) },
        },
      },
      ...(extensions.length > 0 && { resources: extensions.map((each) => answered(each, store)) }),
    };
  },
  // Examples, VirtualMachineExtension_Get.
  [EXTENSION]: ({ body }) => ({
    typePropertiesType: body.typePropertiesType ?? body.type,
    protectedSettings: undefined,
  }),
  [DISK]: diskAnswer,
};

/** The parts of a resource that have an ID of their own: its etag and state are theirs. */
function parts(
  resource: StoredResource,
  list: string,
  fill: (part: Body, index: number) => Body,
  from = valuesAt(merged(resource.body, resource.computed), `${list}.*`) as Body[],
): Body[] {
  return from.map((part, index) => ({
    ...merged(fill(part, index)),
    id: `${resource.id}/${list}/${String(part.name)}`,
    type: `${resource.armType}/${list}`,
    etag: etagOf(resource),
    provisioningState: stateOf(resource),
  }));
}

/** The configurations of interfaces that refer to an ID. */
function interfacesWith(store: Store, path: string, id: string): { configurationId: string }[] {
  return store.list().flatMap((each) => {
    if (each.armType !== NETWORK_INTERFACE) return [];
    const configurations = valuesAt(each.body, "ipConfigurations.*") as Body[];
    return configurations
      .filter((configuration) => sameName(String(first(configuration, path)), id))
      .map(({ name }) => ({ configurationId: `${each.id}/ipConfigurations/${String(name)}` }));
  });
}

function machineOf(store: Store, interfaceId: string): StoredResource | undefined {
  return store
    .list()
    .find(
      (each) =>
        each.armType === VIRTUAL_MACHINE &&
        valuesAt(each.body, "networkProfile.networkInterfaces.*.id").some((id) => sameName(String(id), interfaceId)),
    );
}

/** "W/"guid"" of network resources (recording), a number in quotes of a VM (examples, VirtualMachine_Get). */
function etagOf({ armType, computed }: StoredResource): string {
  return `${armType.startsWith(NETWORK) ? "W/" : ""}"${String(computed.etag)}"`;
}

/** A network resource that is being created is "Updating" (azure-powershell issue 8365). */
function stateOf({ armType, provisioningState }: StoredResource): string {
  return armType.startsWith(NETWORK) && provisioningState === "Creating" ? "Updating" : provisioningState;
}

/** By the form of the recording's; a network's interfaces have the same. */
function dnsSuffix(body: Body, store: Store): string {
  const network = String(first(body, "ipConfigurations.*.subnet.id")).replace(/\/subnets\/[^/]+$/i, "");
  const digest = createHash("sha256")
    .update(String(store.get(network)?.computed.resourceGuid))
    .digest("hex");
  return `${BigInt(`0x${digest}`).toString(36).slice(0, 26)}.xx.internal.cloudapp.net`;
}

/** Of Microsoft's own range (examples, NetworkInterfaceGet). */
function macAddress({ computed }: StoredResource): string {
  const digits = String(computed.resourceGuid).toUpperCase();
  return ["00-0D-3A", digits.slice(0, 2), digits.slice(2, 4), digits.slice(4, 6)].join("-");
}

/** Merges objects at every depth. Any other value is the last body's. Undefined or null removes a key. */
function merged(...bodies: (Body | false | undefined)[]): Body {
  const result = new Map<string, unknown>();
  for (const [key, value] of bodies.flatMap((body) => Object.entries(body || {}))) {
    const before = result.get(key);
    if (value === undefined || value === null) result.delete(key);
    else result.set(key, isObject(value) ? merged(isObject(before) && before, value) : value);
  }
  return Object.fromEntries(result);
}

/** "West Europe" is "westeurope". */
function normalized(location: string): string {
  return location.toLowerCase().replaceAll(" ", "");
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1).toLowerCase();
}
