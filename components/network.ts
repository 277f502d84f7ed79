/** Creates the host's connections: its network, NSG, public IP and NIC. */
import * as network from "@pulumi/azure-native/network";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { type CompleteArgs, mapInput } from "./completeArgs";
import { type Service, inboundRules } from "./inboundRules";
import { knownInPreview } from "./previewOutputs";
import { DNS_SUFFIX_LENGTH } from "./rules/names";
import { validateRuleCount } from "./rules/sources";
import { replaceOnChanges } from "./settings";
import { throwProblems } from "./settingsError";

/** The place where a part of the host is created. */
export type Placement = Pick<CompleteArgs, "resourceGroupName" | "location" | "tags">;

/** The arguments that every part takes. */
export function placementOf({ resourceGroupName, location, tags }: Placement): Placement {
  return { resourceGroupName, location, tags };
}

/** A host's NIC and addresses. */
export interface HostNetwork {
  nic: network.NetworkInterface;
  privateIpAddress: pulumi.Output<string>;
  /** Undefined without a public IP, as the DNS name is. */
  publicIpAddress?: pulumi.Output<string>;
  fqdn?: pulumi.Output<string>;
}

/**
 * Creates the network, the NSG and the public IP, which don't wait for each other, and the NIC, which joins them.
 *
 * @param keptOpts More options of the public IP and the NIC, which hold the host's addresses.
 */
export function createNetwork(
  name: string,
  args: CompleteArgs,
  opts: pulumi.CustomResourceOptions,
  keptOpts: pulumi.CustomResourceOptions,
): HostNetwork {
  const publicIp = args.publicIp ? createPublicIp(name, args, opts, keptOpts) : undefined;
  const subnetId = args.subnetId ?? createSubnet(name, args, opts);
  const nic = new network.NetworkInterface(
    `${name}-nic`,
    {
      ...placementOf(args),
      networkInterfaceName: `${name}-nic`,
      networkSecurityGroup: { id: createNsg(name, args, opts).id },
      ipConfigurations: [
        {
          name: "primary",
          primary: true,
          privateIPAllocationMethod: "Dynamic",
          subnet: { id: subnetId },
          publicIPAddress: publicIp && { id: publicIp.id },
        },
      ],
    },
    pulumi.mergeOptions(opts, { ...keptOpts, replaceOnChanges: replaceOnChanges("nic") }),
  );
  return { nic, ...publicIp, privateIpAddress: privateAddress(name, args, nic, subnetId, opts) };
}

/** The NIC's private address. A NIC keeps it as long as it stays in its subnet. */
function privateAddress(
  name: string,
  { resourceGroupName }: CompleteArgs,
  nic: network.NetworkInterface,
  subnetId: pulumi.Input<string>,
  { parent }: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  return knownInPreview(
    nic.ipConfigurations.apply((configurations) => configurations?.[0]?.privateIPAddress),
    nic,
    { resourceGroupName, subnetId },
    async (wanted) => {
      const { ipConfigurations } = await network.getNetworkInterface(
        { resourceGroupName: wanted.resourceGroupName, networkInterfaceName: `${name}-nic` },
        { parent },
      );
      const [primary] = ipConfigurations ?? [];
      // Case doesn't count in a resource ID.
      const stays = primary?.subnet?.id?.toLowerCase() === wanted.subnetId.toLowerCase();
      return stays ? primary.privateIPAddress : undefined;
    },
  ).apply((address) => present(address, `${name}-nic`, "private address"));
}

/** A static address and a DNS name exist as soon as the public IP does, a private address as soon as the NIC does. */
function present(value: string | undefined, resource: string, what: string): string {
  if (value === undefined || value === "") throw new pulumi.RunError(`Azure gave ${resource} no ${what}.`);
  return value;
}

/** Creates a Standard, static public IP. Azure retired Basic, and a dynamic address isn't known before the VM runs. */
function createPublicIp(
  name: string,
  args: CompleteArgs,
  opts: pulumi.CustomResourceOptions,
  keptOpts: pulumi.CustomResourceOptions,
): { id: pulumi.Output<string>; publicIpAddress: pulumi.Output<string>; fqdn: pulumi.Output<string> } {
  const { resourceGroupName } = args;
  const { parent } = opts;
  const label = args.dnsLabel ?? createSuffixedLabel(name, opts);
  const publicIp = new network.PublicIPAddress(
    `${name}-ip`,
    {
      ...placementOf(args),
      publicIpAddressName: `${name}-ip`,
      sku: { name: "Standard" },
      publicIPAllocationMethod: "Static",
      publicIPAddressVersion: "IPv4",
      dnsSettings: { domainNameLabel: label },
    },
    { ...opts, ...keptOpts },
  );
  let asked: Promise<network.GetPublicIPAddressResult> | undefined;
  const ask = (groupName: string): Promise<network.GetPublicIPAddressResult> =>
    (asked ??= network.getPublicIPAddress(
      { resourceGroupName: groupName, publicIpAddressName: `${name}-ip` },
      { parent },
    ));
  return {
    id: publicIp.id,
    // A static address stays the same until it is deleted.
    publicIpAddress: knownInPreview(
      publicIp.ipAddress,
      publicIp,
      { resourceGroupName },
      async (wanted) => (await ask(wanted.resourceGroupName)).ipAddress,
    ).apply((address) => present(address, `${name}-ip`, "address")),
    // Another label is another name.
    fqdn: knownInPreview(
      publicIp.dnsSettings.apply((dns) => dns?.fqdn),
      publicIp,
      { resourceGroupName, label },
      async (wanted) => {
        const { dnsSettings } = await ask(wanted.resourceGroupName);
        return dnsSettings?.domainNameLabel === wanted.label ? dnsSettings.fqdn : undefined;
      },
    ).apply((fqdn) => present(fqdn, `${name}-ip`, "DNS name")),
  };
}

/** Creates a DNS label with a random suffix: a label is unique in its region, over all Azure customers. */
function createSuffixedLabel(name: string, opts: pulumi.CustomResourceOptions): pulumi.Output<string> {
  const suffix = new random.RandomString(
    `${name}-dns-suffix`,
    { length: DNS_SUFFIX_LENGTH, upper: false, special: false },
    opts,
  );
  return pulumi.interpolate`${name}-${suffix.result}`;
}

/** The services that sources may reach, in the order of the NSG's rules. */
function servicesOf({
  dockerPort,
  dockerSources,
  sshSources,
}: pulumi.Unwrap<Pick<CompleteArgs, "dockerPort" | "dockerSources" | "sshSources">>): Service[] {
  throwProblems(validateRuleCount(dockerSources, sshSources));
  return [
    { name: "Docker", protocol: "Tcp", port: dockerPort, sources: dockerSources },
    { name: "Ssh", protocol: "Tcp", port: 22, sources: sshSources },
  ];
}

/** Creates the NSG. Its rules are inline, so `up` takes away a rule that somebody else added. */
function createNsg(name: string, args: CompleteArgs, opts: pulumi.CustomResourceOptions): network.NetworkSecurityGroup {
  const { dockerPort, dockerSources, sshSources } = args;
  return new network.NetworkSecurityGroup(
    `${name}-nsg`,
    {
      ...placementOf(args),
      networkSecurityGroupName: `${name}-nsg`,
      securityRules: mapInput({ dockerPort, dockerSources, sshSources }, (all) => inboundRules(servicesOf(all))),
    },
    // Azure changes a rule's etag whenever it changes the NSG. Nested etags are writable, so a refresh would make them changed
    // inputs (pulumi-azure-native issue 4722).
    pulumi.mergeOptions(opts, { ignoreChanges: ["securityRules[*].etag"] }),
  );
}

/** Creates a virtual network with its subnet inline, which saves one call to Azure, and gives the subnet's ID. */
function createSubnet(name: string, args: CompleteArgs, opts: pulumi.CustomResourceOptions): pulumi.Output<string> {
  const virtualNetwork = new network.VirtualNetwork(
    `${name}-vnet`,
    {
      ...placementOf(args),
      virtualNetworkName: `${name}-vnet`,
      addressSpace: { addressPrefixes: ["10.0.0.0/24"] },
      // The only way out is the public IP.
      subnets: [{ name: "default", addressPrefix: "10.0.0.0/24", defaultOutboundAccess: false }],
    },
    // As in the NSG, Azure changes the etag.
    pulumi.mergeOptions(opts, { ignoreChanges: ["subnets[0].etag"] }),
  );
  // The subnet's own `id` is unknown in the preview of any update of the network. The NIC, the VM and its disk would be
  // previewed as replaced.
  return pulumi.interpolate`${virtualNetwork.id}/subnets/default`;
}
