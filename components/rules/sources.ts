/** The rules of sources: the addresses and service tags that may reach a port. */
import { isIPv6 } from "node:net";
import * as ipaddr from "ipaddr.js";
import { isServiceTag } from "./serviceTags";
import { got, validateUnique } from "./values";

/** What one source can be. */
const SOURCE_FORMS =
  'a CIDR ("203.0.113.0/24", "2001:db8::/48"), an address ("203.0.113.7") or a service tag ("VirtualNetwork")';

/** The sources that may be as wide as the Internet, and as a crowd. */
export interface Openness {
  /** See `DockerHostArgs.openToInternet`. */
  openToInternet: boolean;
  /** See `DockerHostArgs.sharedServiceTags`. */
  sharedServiceTags: string[];
}

/** Names that Azure and its portal have for every address. */
const EVERYONE = ["*", "internet", "any"];

/** Service tags that hold no other customer's addresses. Every other tag holds addresses that all Azure customers share. */
const OWN_TAGS = ["azureloadbalancer", "virtualnetwork"];

/** A shorter prefix stands for the Internet: 1/256 of the IPv4 space, or an Internet registry's block of IPv6. */
const SHORTEST_PREFIX = { ipv4: 8, ipv6: 16 };

/** The IPv6 networks that hold all of IPv4, with the length of the part before the IPv4 address (RFC 4291, 6052, 3056). */
const IPV4_IN_IPV6: [network: string, length: number][] = [
  ["::", 96],
  ["::ffff:0:0", 96],
  ["64:ff9b::", 96],
  ["2002::", 16],
];

/** Networks that no one reaches from the Internet (RFC 1918, 6598, 4193). They don't count towards how open a list is. */
const PRIVATE_NETWORKS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/** Validates one entry of `dockerSources` or `sshSources`. */
export function validateSource(setting: string, source: unknown, openness: Openness): string[] {
  if (typeof source !== "string") return [`${setting} must hold texts, each ${SOURCE_FORMS} ${got(source)}.`];
  const { openToInternet, sharedServiceTags } = openness;
  const open = [
    `${setting} must not be open to the Internet ${got(source)}. Name the addresses that may reach the port, or set openToInternet to true.`,
  ];
  if (EVERYONE.includes(source.toLowerCase())) return openToInternet ? [] : open;

  const [address = "", prefix, ...rest] = source.split("/");
  const isV4 = ipaddr.IPv4.isValidFourPartDecimal(address);
  // The parser alone would take "::ffff:010.0.0.1", which other programs read as octal.
  if (isV4 || (isIPv6(address) && !address.includes("%"))) {
    const bits = isV4 ? 32 : 128;
    const length = prefix === undefined ? bits : Number(prefix);
    if (rest.length > 0 || (prefix !== undefined && !/^(0|[1-9]\d{0,2})$/.test(prefix)) || length > bits) {
      return [`${setting} must have a prefix length from 0 to ${bits}, such as "${address}/${bits}" ${got(source)}.`];
    }
    if (isOpen(address, length) && !openToInternet) return open;
    const network = networkAddress(address, length);
    if (ipaddr.parse(address).toNormalizedString() !== network) {
      return [
        `${setting} must name a network by its first address ${got(source)}. Write "${network}/${length}" for the network, or "${address}/${bits}" for the one address.`,
      ];
    }
    return [];
  }
  if (!isServiceTag(source)) return [`${setting} must hold entries that are ${SOURCE_FORMS} ${got(source)}.`];
  return isShared(source) && !openToInternet && !includesTag(sharedServiceTags, source)
    ? [
        `${setting} must not hold a service tag that other Azure customers share ${got(source)}. Add it to sharedServiceTags if all of them may reach the port.`,
      ]
    : [];
}

/** Whether a service tag holds addresses of other Azure customers. */
function isShared(tag: string): boolean {
  return !OWN_TAGS.includes(tag.toLowerCase());
}

/** Whether `sharedServiceTags` names a tag. Its own problems are for its own rule. */
function includesTag(tags: unknown, tag: string): boolean {
  return (
    Array.isArray(tags) && tags.some((each) => typeof each === "string" && each.toLowerCase() === tag.toLowerCase())
  );
}

/** Whether a network is so large that it stands for the Internet. Many programs read the unspecified address as every address. */
function isOpen(address: string, length: number): boolean {
  const isV4 = ipaddr.IPv4.isValid(address);
  if (isPrivate(address, length)) return false;
  if (length < SHORTEST_PREFIX[isV4 ? "ipv4" : "ipv6"] || ipaddr.parse(address).range() === "unspecified") return true;
  if (isV4) return false;
  return IPV4_IN_IPV6.some(([within, bits]) => {
    const overlaps = ipaddr.IPv6.parse(address).match(ipaddr.IPv6.parse(within), Math.min(bits, length));
    return overlaps && length < bits + SHORTEST_PREFIX.ipv4;
  });
}

/** Whether a network lies within a private one. */
function isPrivate(address: string, length: number): boolean {
  const parsed = ipaddr.parse(address);
  return PRIVATE_NETWORKS.map((each) => ipaddr.parseCIDR(each)).some(
    ([network, bits]) => parsed.kind() === network.kind() && length >= bits && parsed.match(network, bits),
  );
}

function networkAddress(address: string, length: number): string {
  return ipaddr.IPv4.isValid(address)
    ? ipaddr.IPv4.networkAddressFromCIDR(`${address}/${length}`).toNormalizedString()
    : ipaddr.IPv6.networkAddressFromCIDR(`${address}/${length}`).toNormalizedString();
}

/** Validates a list of sources: each entry by itself, then all of them together. */
export function validateSources(setting: string, sources: unknown, openness: Openness): string[] {
  if (!Array.isArray(sources)) return [`${setting} must be a list, each entry ${SOURCE_FORMS} ${got(sources)}.`];
  const problems = sources.flatMap((source) => validateSource(setting, source, openness));
  if (problems.length > 0 || openness.openToInternet) return [...problems, ...validateUnique(setting, sources)];
  return [...validateUnique(setting, sources), ...validateUnion(setting, sources as string[])];
}

/** Validates `dockerSources`: as any list of sources, with one entry at least. */
export function validateDockerSources(sources: unknown, openness: Openness): string[] {
  return Array.isArray(sources) && sources.length === 0
    ? [`dockerSources must name who may reach the Docker port, at least one entry, each ${SOURCE_FORMS} (got none).`]
    : validateSources("dockerSources", sources, openness);
}

/** Azure's limit of rules in one NSG (Azure subscription and service limits), less the one that denies everything else. */
const MAX_RULES = 999;

/** Validates how many rules all lists of sources make together. */
export function validateRuleCount(dockerSources: unknown[], sshSources: unknown[]): string[] {
  const count = dockerSources.length + sshSources.length;
  return count > MAX_RULES
    ? [
        `dockerSources and sshSources must hold at most ${MAX_RULES} entries together, Azure's limit of NSG rules (got ${count}).`,
      ]
    : [];
}

/** Validates `sharedServiceTags`. */
export function validateSharedServiceTags(tags: unknown): string[] {
  if (!Array.isArray(tags)) return [`sharedServiceTags must be a list of service tags ${got(tags)}.`];
  return [
    ...tags
      .filter(
        (tag) => typeof tag !== "string" || !isServiceTag(tag) || !isShared(tag) || tag.toLowerCase() === "internet",
      )
      .map((tag) => `sharedServiceTags must hold service tags of shared services, such as "AzureDevOps" ${got(tag)}.`),
    ...validateUnique("sharedServiceTags", tags),
  ];
}

// All sources together -----------------------------------------------------------------------------------------------

/** A range of addresses, both ends included. */
interface Range {
  first: bigint;
  last: bigint;
}

/** The most public addresses that a list may name: as many as the largest single network that is not open. */
const MAX_ADDRESSES = { 32: 1n << BigInt(32 - SHORTEST_PREFIX.ipv4), 128: 1n << BigInt(128 - SHORTEST_PREFIX.ipv6) };

/** Validates that many networks together don't make up the Internet. Addresses that overlap count once, private ones don't count. */
function validateUnion(setting: string, sources: string[]): string[] {
  const networks = sources.filter((source) => ipaddr.isValid(source.split("/")[0] ?? ""));
  return ([32, 128] as const).flatMap((bits) => {
    const ranges = networks.map(rangeOf).filter((range) => range.bits === bits);
    const hidden = PRIVATE_NETWORKS.map(rangeOf).filter((range) => range.bits === bits);
    const count = size([...ranges, ...hidden]) - size(hidden);
    return count > MAX_ADDRESSES[bits]
      ? [
          `${setting} must not be open to the Internet: its IPv${bits === 32 ? 4 : 6} entries together span more than a network of length ${bits === 32 ? SHORTEST_PREFIX.ipv4 : SHORTEST_PREFIX.ipv6}. Name fewer addresses, or set openToInternet to true.`,
        ]
      : [];
  });
}

/** The addresses of a network. An IPv4 network in IPv6's form counts as IPv4. */
function rangeOf(network: string): Range & { bits: 32 | 128 } {
  const [text = "", prefix] = network.split("/");
  const address = ipaddr.parse(text);
  const bytes = address.toByteArray();
  const bits: 32 | 128 = bytes.length === 4 ? 32 : 128;
  const length = prefix === undefined ? bits : Number(prefix);
  const within = bits === 128 && IPV4_IN_IPV6.find(([of, least]) => length >= least && matches(address, of, least));
  const start = within ? within[1] : 0;
  const width = within ? 32 : bits;
  const value = BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  const mapped = within ? (value >> BigInt(Math.max(0, bits - start - 32))) & 0xffff_ffffn : value;
  const free = BigInt(Math.max(0, width - (length - start)));
  return { bits: width, first: (mapped >> free) << free, last: mapped | ((1n << free) - 1n) };
}

function matches(address: ipaddr.IPv4 | ipaddr.IPv6, network: string, length: number): boolean {
  return (address as ipaddr.IPv6).match(ipaddr.IPv6.parse(network), length);
}

/** How many addresses ranges have, each address counted once. */
function size(ranges: Range[]): bigint {
  let total = 0n;
  let end = -1n;
  for (const { first, last } of [...ranges].sort((a, b) => (a.first < b.first ? -1 : 1))) {
    if (last > end) total += last - (first > end ? first : end + 1n) + 1n;
    end = last > end ? last : end;
  }
  return total;
}
