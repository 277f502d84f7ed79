/** Declares what connects the host: its network, its firewall rules, its public address and its interface. */
import * as network from "@pulumi/azure-native/network";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { settled } from "./settled";
import { DNS_SUFFIX_LENGTH, checkSubnetId, inboundRules, refuse } from "./settings";

/** Where a part of the host is made. */
export interface Placement {
  resourceGroupName: pulumi.Input<string>;
  location?: pulumi.Input<string>;
  tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** What decides about the network. */
export interface NetworkArgs extends Placement {
  dockerPort: number;
  dockerSources: string[];
  sshSources: string[];
  publicIp: boolean;
  /** A label fixed by the user; else the name with a random suffix. */
  dnsLabel?: string;
  /** An existing subnet; else a virtual network with one subnet is made. */
  subnetId?: pulumi.Input<string>;
}

/** The addresses that came of it. */
export interface Network {
  networkInterface: network.NetworkInterface;
  /** Undefined without a public address, as the name is. */
  publicIpAddress?: pulumi.Output<string>;
  privateIpAddress: pulumi.Output<string>;
  fqdn?: pulumi.Output<string>;
}

/**
 * The network, the rules and the address don't wait for each other; the interface joins them.
 *
 * @param keptOpts More options of the two that hold the host's addresses.
 */
export function declareNetwork(
  name: string,
  args: NetworkArgs,
  opts: pulumi.CustomResourceOptions,
  keptOpts: pulumi.CustomResourceOptions,
): Network {
  const placement = { resourceGroupName: args.resourceGroupName, location: args.location, tags: args.tags };
  const publicIp = args.publicIp ? publicIpAddress(name, placement, args.dnsLabel, opts, keptOpts) : undefined;
  const subnetId = args.subnetId === undefined ? ownSubnetId(name, placement, opts) : checkedId(args.subnetId);
  const networkInterface = new network.NetworkInterface(
    `${name}-nic`,
    {
      ...placement,
      networkInterfaceName: `${name}-nic`,
      networkSecurityGroup: { id: securityGroup(name, placement, args, opts).id },
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
    // Azure doesn't move an interface to another virtual network.
    pulumi.mergeOptions(opts, { ...keptOpts, replaceOnChanges: ["ipConfigurations[0].subnet.id"] }),
  );
  return {
    networkInterface,
    ...publicIp,
    privateIpAddress: privateAddress(name, placement, networkInterface, subnetId, opts),
  };
}

/** An interface keeps its private address as long as it stays in its subnet. */
function privateAddress(
  name: string,
  { resourceGroupName }: Placement,
  networkInterface: network.NetworkInterface,
  subnetId: pulumi.Input<string>,
  { parent }: pulumi.CustomResourceOptions,
): pulumi.Output<string> {
  return settled(
    networkInterface.ipConfigurations.apply((configurations) => configurations?.[0]?.privateIPAddress),
    networkInterface,
    { resourceGroupName, subnetId },
    async (wanted) => {
      const { ipConfigurations } = await network.getNetworkInterface(
        { resourceGroupName: wanted.resourceGroupName, networkInterfaceName: `${name}-nic` },
        { parent },
      );
      const [primary] = ipConfigurations ?? [];
      // The case of an ID's letters doesn't count.
      const stays = primary?.subnet?.id?.toLowerCase() === wanted.subnetId.toLowerCase();
      return stays ? primary.privateIPAddress : undefined;
    },
  ).apply((address) => known(address, `${name}-nic`, "private address"));
}

function checkedId(subnetId: pulumi.Input<string>): pulumi.Output<string> {
  return pulumi.output(subnetId).apply((id) => {
    refuse(checkSubnetId(id));
    return id;
  });
}

/** A static address with a DNS label has both from its creation, an interface its private address; without them no certificate could be made. */
function known(value: string | undefined, resource: string, what: string): string {
  if (value === undefined || value === "") throw new pulumi.RunError(`Azure gave ${resource} no ${what}`);
  return value;
}

/** Standard and static: Basic is retired, and a dynamic address would not be known before the machine runs. */
function publicIpAddress(
  name: string,
  placement: Placement,
  dnsLabel: string | undefined,
  opts: pulumi.CustomResourceOptions,
  keptOpts: pulumi.CustomResourceOptions,
): { id: pulumi.Output<string>; publicIpAddress: pulumi.Output<string>; fqdn: pulumi.Output<string> } {
  const { resourceGroupName } = placement;
  const label = dnsLabel ?? suffixedLabel(name, opts);
  const publicIp = new network.PublicIPAddress(
    `${name}-ip`,
    {
      ...placement,
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
      { parent: opts.parent },
    ));
  return {
    id: publicIp.id,
    // A static address stays the same until it is deleted.
    publicIpAddress: settled(
      publicIp.ipAddress,
      publicIp,
      { resourceGroupName },
      async (wanted) => (await ask(wanted.resourceGroupName)).ipAddress,
    ).apply((address) => known(address, `${name}-ip`, "address")),
    // Another label is another name.
    fqdn: settled(
      publicIp.dnsSettings.apply((dns) => dns?.fqdn),
      publicIp,
      { resourceGroupName, label },
      async (wanted) => {
        const { dnsSettings } = await ask(wanted.resourceGroupName);
        return dnsSettings?.domainNameLabel === wanted.label ? dnsSettings.fqdn : undefined;
      },
    ).apply((fqdn) => known(fqdn, `${name}-ip`, "DNS name")),
  };
}

/** A label is unique in its region, over all of Azure's customers: hence the suffix. */
function suffixedLabel(name: string, opts: pulumi.CustomResourceOptions): pulumi.Output<string> {
  const suffix = new random.RandomString(
    `${name}-dns-suffix`,
    { length: DNS_SUFFIX_LENGTH, upper: false, special: false },
    opts,
  );
  return pulumi.interpolate`${name}-${suffix.result}`;
}

/** Rules inline, never as resources of their own: so a rule that somebody else added is seen, and taken away by the next `up`. */
function securityGroup(
  name: string,
  placement: Placement,
  { dockerPort, dockerSources, sshSources }: NetworkArgs,
  opts: pulumi.CustomResourceOptions,
): network.NetworkSecurityGroup {
  return new network.NetworkSecurityGroup(
    `${name}-nsg`,
    {
      ...placement,
      networkSecurityGroupName: `${name}-nsg`,
      securityRules: inboundRules(dockerPort, dockerSources, sshSources).map((rule) => ({
        name: rule.name,
        priority: rule.priority,
        direction: "Inbound",
        access: rule.access,
        protocol: rule.protocol,
        sourceAddressPrefix: rule.sourceAddressPrefix,
        sourcePortRange: "*",
        destinationAddressPrefix: "*",
        destinationPortRange: rule.destinationPort,
      })),
    },
    // Azure changes a rule's tag whenever it changes the group, at the latest when the interface comes. Nested tags are
    // writable, so a refresh would make them changed inputs (pulumi-azure-native issue 4722).
    pulumi.mergeOptions(opts, { ignoreChanges: ["securityRules[*].etag"] }),
  );
}

/** The subnet inline: one call to Azure less on the way to the machine. Its way out is the public address alone. */
function ownSubnetId(name: string, placement: Placement, opts: pulumi.CustomResourceOptions): pulumi.Output<string> {
  const virtualNetwork = new network.VirtualNetwork(
    `${name}-vnet`,
    {
      ...placement,
      virtualNetworkName: `${name}-vnet`,
      addressSpace: { addressPrefixes: ["10.0.0.0/24"] },
      subnets: [{ name: "default", addressPrefix: "10.0.0.0/24", defaultOutboundAccess: false }],
    },
    // As with the rules of the security group.
    pulumi.mergeOptions(opts, { ignoreChanges: ["subnets[0].etag"] }),
  );
  // Not the subnet's own `id`: in the preview of any update of the network that one is unknown, and the interface, the
  // machine and its disk would be previewed as replaced.
  return pulumi.interpolate`${virtualNetwork.id}/subnets/default`;
}
