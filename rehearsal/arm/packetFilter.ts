/** The NSGs' rules as rules of nftables. */
//
// Azure's NSGs are stateful: packets of an accepted connection pass, and of a connection that the VM began. Some kernels
// have no conntrack for bridges. So the filter judges only the first packet of a TCP connection, the one with SYN and
// without ACK. A stray packet of no connection passes, and its receiver refuses it. The filter judges every packet of UDP
// and ICMP, so an answer by them needs a rule of its own.
import * as ipaddr from "ipaddr.js";
import { type Body, first, sameName, textAt, valuesAt } from "./body";
import type { StoredResource } from "./store";
import { DEFAULT_RULES } from "./defaultRules";
import { NETWORK_INTERFACE } from "./resourceTypes";

/** The address of Azure's load balancer and platform. */
const AZURE_LOAD_BALANCER = "168.63.129.16/32";

/** A network interface's place, as rules see it. */
interface Place {
  /** Also what comes to the public address is for this one: Azure translates before it judges. */
  privateAddress: string;
  /** The address prefixes of the virtual network. */
  network: string[];
}

/**
 * The rules for packets to the NICs' addresses. The first match decides. A packet without a match must be dropped. Without
 * an NSG, a public IP (Standard) is closed.
 */
export function packetFilter(resources: readonly StoredResource[]): string[] {
  const find = (id: unknown): StoredResource | undefined => resources.find((each) => sameName(each.id, String(id)));
  const interfaces = resources.filter((each) => each.armType === NETWORK_INTERFACE);
  const privateAddresses = interfaces.flatMap((nic) =>
    (valuesAt(nic.computed, "ipConfigurations.*") as Body[]).map((configuration) => ({
      address: String(configuration.privateIPAddress),
      networkId: networkIdOf(configuration),
    })),
  );
  return interfaces.flatMap((nic) => {
    const group = find(first(nic.body, "networkSecurityGroup.id"));
    // No group is without the default rules.
    const rules = [...valuesAt(group?.body, "securityRules.*"), ...DEFAULT_RULES] as Body[];
    const inbound = rules
      .filter((rule) => sameName(String(rule.direction), "Inbound"))
      .sort((one, other) => Number(one.priority) - Number(other.priority));
    return (valuesAt(nic.computed, "ipConfigurations.*") as Body[]).flatMap((configuration) => {
      const privateAddress = String(configuration.privateIPAddress);
      const publicAddress = group && textAt(find(first(configuration, "publicIPAddress.id"))?.computed, "ipAddress");
      const virtualNetwork = find(networkIdOf(configuration));
      const strangers = privateAddresses
        .filter(({ networkId }) => !sameName(networkId, networkIdOf(configuration)))
        .map(({ address }) => address);
      const network = valuesAt(virtualNetwork?.body, "addressSpace.addressPrefixes.*").map(String).filter(isV4);
      const addresses = [publicAddress, privateAddress].filter((address) => address !== undefined).join(", ");
      return [
        // Virtual networks don't see each other, though the bridge is one.
        ...(strangers.length === 0 ? [] : [`ip saddr { ${strangers.join(", ")} } drop`]),
        "tcp flags & (syn | ack) != syn accept",
        ...inbound.flatMap((rule) => matchesOf(rule, { privateAddress, network })),
      ].map((match) => `ip daddr { ${addresses} } ${match}`);
    });
  });
}

function networkIdOf(configuration: Body): string {
  return String(first(configuration, "subnet.id")).replace(/\/subnets\/[^/]+$/i, "");
}

/** One line for each packet that the rule is about: sets of nftables would refuse what overlaps. */
function matchesOf(rule: Body, place: Place): string[] {
  if (!textsAt(rule, "destinationAddressPrefix", "destinationAddressPrefixes").some((prefix) => isIn(place, prefix)))
    return [];
  const verdict = sameName(String(rule.access), "Allow") ? "accept" : "drop";
  return textsAt(rule, "sourceAddressPrefix", "sourceAddressPrefixes")
    .flatMap((prefix) => sourceMatches(prefix, place.network))
    .flatMap((source) => protocolMatches(rule).map((protocol) => words(source, protocol, verdict)));
}

function isIn({ privateAddress }: Place, prefix: string): boolean {
  if (prefix === "*" || sameName(prefix, "VirtualNetwork")) return true;
  return isV4(prefix) && ipaddr.IPv4.parse(privateAddress).match(ipaddr.IPv4.parseCIDR(cidr(prefix)));
}

/** A source in nftables' words. Service tags whose addresses only Azure knows, and IPv6, match nothing. */
function sourceMatches(prefix: string, network: string[]): string[] {
  switch (prefix.toLowerCase()) {
    case "*":
      return [""];
    case "internet":
      return [network.map((each) => `ip saddr != ${each}`).join(" ")];
    case "virtualnetwork":
      return network.map((each) => `ip saddr ${each}`);
    case "azureloadbalancer":
      return [`ip saddr ${AZURE_LOAD_BALANCER}`];
    default:
      return isV4(prefix) ? [`ip saddr ${cidr(prefix)}`] : [];
  }
}

function protocolMatches(rule: Body): string[] {
  const protocol = String(rule.protocol).toLowerCase();
  if (["icmp", "esp", "ah"].includes(protocol)) return [`ip protocol ${protocol}`];
  if (!["*", "tcp", "udp"].includes(protocol)) return [];
  return textsAt(rule, "sourcePortRange", "sourcePortRanges").flatMap((source) =>
    textsAt(rule, "destinationPortRange", "destinationPortRanges").map((destination) => {
      const ports = words(portMatch("sport", source), portMatch("dport", destination));
      if (protocol !== "*") return words(`ip protocol ${protocol}`, ports);
      return ports === "" ? "" : `ip protocol { tcp, udp } ${ports}`;
    }),
  );
}

function portMatch(field: string, range: string): string {
  return range === "*" ? "" : `th ${field} ${range}`;
}

/** One value and a list of them are two properties to Azure, and the one that is not used may be empty. */
function textsAt(rule: Body, singular: string, plural: string): string[] {
  return [...valuesAt(rule, singular), ...valuesAt(rule, `${plural}.*`)].map(String).filter((text) => text !== "");
}

function isV4(prefix: string): boolean {
  return ipaddr.IPv4.isValidCIDRFourPartDecimal(cidr(prefix));
}

function cidr(prefix: string): string {
  return prefix.includes("/") ? prefix : `${prefix}/32`;
}

function words(...parts: string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}
