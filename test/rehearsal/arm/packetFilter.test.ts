/** Exact tables of what Azure's rules are to the packet filter: which lines, in which order, for which addresses. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { packetFilter } from "../../../rehearsal/arm/packetFilter";
import type { Body } from "../../../rehearsal/arm/body";
import type { StoredResource } from "../../../rehearsal/arm/store";

const id = (type: string, name: string): string =>
  `/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/${type}/${name}`;
const resource = (type: string, name: string, body: Body, computed: Body = {}): StoredResource => ({
  id: id(type, name),
  armType: `Microsoft.Network/${type}`,
  provisioningState: "Succeeded",
  body,
  computed,
});

const address = (ipAddress: string, name = "ip"): StoredResource =>
  resource("publicIPAddresses", name, {}, { ipAddress });
const network = (...addressPrefixes: string[]): StoredResource =>
  resource("virtualNetworks", "vnet", { addressSpace: { addressPrefixes } });
const otherNetwork = (): StoredResource => ({ ...network("10.0.0.0/24"), id: id("virtualNetworks", "vnet2") });
const group = (...securityRules: Body[]): StoredResource => resource("networkSecurityGroups", "nsg", { securityRules });
const nic = (
  parts: { nsg?: string; name?: string; privateIPAddress?: string; ip?: string; vnet?: string } = {},
): StoredResource => {
  const { nsg = id("networkSecurityGroups", "nsg"), name = "nic", privateIPAddress = "10.0.0.4", ip = "ip" } = parts;
  const { vnet = "vnet" } = parts;
  const configuration = {
    subnet: { id: `${id("virtualNetworks", vnet)}/subnets/default` },
    ...(ip !== "" && { publicIPAddress: { id: id("publicIPAddresses", ip) } }),
  };
  return resource(
    "networkInterfaces",
    name,
    { ...(nsg !== "" && { networkSecurityGroup: { id: nsg } }), ipConfigurations: [configuration] },
    { ipConfigurations: [{ ...configuration, privateIPAddress }] },
  );
};
const rule = (parts: Body = {}): Body => ({
  priority: 100,
  direction: "Inbound",
  access: "Allow",
  protocol: "*",
  sourceAddressPrefix: "*",
  sourcePortRange: "*",
  destinationAddressPrefix: "*",
  destinationPortRange: "*",
  ...parts,
});

const BEGUN = "tcp flags & (syn | ack) != syn accept";
const DEFAULTS = ["ip saddr 10.0.0.0/24 accept", "ip saddr 168.63.129.16/32 accept", "drop"];
const to = (addresses: string, lines: string[]): string[] => lines.map((line) => `ip daddr { ${addresses} } ${line}`);

/** What a group's rules become, without what is there in any case. */
function linesOf(rules: Body[], prefixes = ["10.0.0.0/24"]): string[] {
  const before = "ip daddr { 198.18.7.10, 10.0.0.4 } ";
  const lines = packetFilter([group(...rules), address("198.18.7.10"), network(...prefixes), nic()]);
  assert.ok(
    lines.every((line) => line.startsWith(before)),
    `each line is about the interface's addresses: ${lines.join("\n")}`,
  );
  const [begun, ...rest] = lines.map((line) => line.slice(before.length));
  assert.equal(begun, BEGUN);
  return rest.slice(0, -DEFAULTS.length);
}

suite("one rule", () => {
  const table: [what: string, parts: Body, lines: string[]][] = [
    ["everything", {}, ["accept"]],
    ["access: Deny", { access: "Deny" }, ["drop"]],
    ["access in another case", { access: "allow" }, ["accept"]],
    ["direction: Outbound", { direction: "Outbound" }, []],

    ["source: a network", { sourceAddressPrefix: "203.0.113.0/24" }, ["ip saddr 203.0.113.0/24 accept"]],
    ["source: an address", { sourceAddressPrefix: "203.0.113.7" }, ["ip saddr 203.0.113.7/32 accept"]],
    ["source: all of IPv4", { sourceAddressPrefix: "0.0.0.0/0" }, ["ip saddr 0.0.0.0/0 accept"]],
    ["source: VirtualNetwork", { sourceAddressPrefix: "VirtualNetwork" }, ["ip saddr 10.0.0.0/24 accept"]],
    ["source: a tag in another case", { sourceAddressPrefix: "virtualnetwork" }, ["ip saddr 10.0.0.0/24 accept"]],
    ["source: Internet", { sourceAddressPrefix: "Internet" }, ["ip saddr != 10.0.0.0/24 accept"]],
    ["source: AzureLoadBalancer", { sourceAddressPrefix: "AzureLoadBalancer" }, ["ip saddr 168.63.129.16/32 accept"]],
    ["source: a tag that only Azure knows", { sourceAddressPrefix: "AzureCloud.WestEurope" }, []],
    ["source: IPv6", { sourceAddressPrefix: "2001:db8::/48" }, []],
    ["source: all of IPv6", { sourceAddressPrefix: "::/0" }, []],
    ["source: what is no address", { sourceAddressPrefix: "10.0.0.0/24 accept" }, []],
    ["source: a number", { sourceAddressPrefix: "10" }, []],
    [
      "sources, in their order",
      {
        sourceAddressPrefix: undefined,
        sourceAddressPrefixes: ["203.0.113.0/24", "2001:db8::/48", "203.0.113.7", "VirtualNetwork"],
      },
      ["ip saddr 203.0.113.0/24 accept", "ip saddr 203.0.113.7/32 accept", "ip saddr 10.0.0.0/24 accept"],
    ],
    [
      "sources beside an empty one",
      { sourceAddressPrefix: "", sourceAddressPrefixes: ["203.0.113.7/32"] },
      ["ip saddr 203.0.113.7/32 accept"],
    ],
    ["no source", { sourceAddressPrefix: undefined }, []],

    ["destination: the private address", { destinationAddressPrefix: "10.0.0.4" }, ["accept"]],
    ["destination: the subnet", { destinationAddressPrefix: "10.0.0.0/24" }, ["accept"]],
    ["destination: VirtualNetwork", { destinationAddressPrefix: "VirtualNetwork" }, ["accept"]],
    ["destination: another address", { destinationAddressPrefix: "10.0.0.5" }, []],
    ["destination: the public address, which Azure has translated", { destinationAddressPrefix: "198.18.7.10" }, []],
    ["destination: another tag", { destinationAddressPrefix: "Internet" }, []],
    [
      "destinations",
      { destinationAddressPrefix: undefined, destinationAddressPrefixes: ["10.0.9.0/24", "10.0.0.0/29"] },
      ["accept"],
    ],

    ["protocol: Tcp", { protocol: "Tcp" }, ["ip protocol tcp accept"]],
    ["protocol: UDP in another case", { protocol: "UDP" }, ["ip protocol udp accept"]],
    ["protocol: Icmp has no ports", { protocol: "Icmp", destinationPortRange: "80" }, ["ip protocol icmp accept"]],
    ["protocol: Esp", { protocol: "Esp" }, ["ip protocol esp accept"]],
    ["protocol: unknown", { protocol: "Sctp" }, []],
    ["protocol: none", { protocol: undefined }, []],

    ["a port", { protocol: "Tcp", destinationPortRange: "4243" }, ["ip protocol tcp th dport 4243 accept"]],
    ["a range", { protocol: "Udp", destinationPortRange: "80-90" }, ["ip protocol udp th dport 80-90 accept"]],
    ["a port of any protocol", { destinationPortRange: "80" }, ["ip protocol { tcp, udp } th dport 80 accept"]],
    [
      "ports, of which two overlap",
      { protocol: "Tcp", destinationPortRange: undefined, destinationPortRanges: ["22", "80-90", "85"] },
      [
        "ip protocol tcp th dport 22 accept",
        "ip protocol tcp th dport 80-90 accept",
        "ip protocol tcp th dport 85 accept",
      ],
    ],
    ["a source's port", { protocol: "Udp", sourcePortRange: "53" }, ["ip protocol udp th sport 53 accept"]],
    [
      "sources' ports",
      {
        protocol: "Udp",
        sourcePortRange: undefined,
        sourcePortRanges: ["53", "*"],
        destinationPortRange: "1024-65535",
      },
      ["ip protocol udp th sport 53 th dport 1024-65535 accept", "ip protocol udp th dport 1024-65535 accept"],
    ],
    ["no port", { protocol: "Tcp", destinationPortRange: undefined }, []],

    [
      "each source with each port",
      {
        protocol: "Tcp",
        access: "Deny",
        sourceAddressPrefix: undefined,
        sourceAddressPrefixes: ["Internet", "10.0.0.9"],
        destinationPortRange: undefined,
        destinationPortRanges: ["22", "4243"],
      },
      [
        "ip saddr != 10.0.0.0/24 ip protocol tcp th dport 22 drop",
        "ip saddr != 10.0.0.0/24 ip protocol tcp th dport 4243 drop",
        "ip saddr 10.0.0.9/32 ip protocol tcp th dport 22 drop",
        "ip saddr 10.0.0.9/32 ip protocol tcp th dport 4243 drop",
      ],
    ],
  ];
  for (const [what, parts, lines] of table) {
    test(what, () => {
      // A rule before and one behind it show that nothing else comes of it.
      const fence = (priority: number): Body => rule({ priority, sourceAddressPrefix: `192.0.2.${priority}` });
      assert.deepEqual(linesOf([fence(99), rule(parts), fence(101)]), [
        "ip saddr 192.0.2.99/32 accept",
        ...lines,
        "ip saddr 192.0.2.101/32 accept",
      ]);
    });
  }
});

suite("a group", () => {
  test("priority decides, however the rules are listed", () => {
    const of = (priority: unknown, access: string, source: string): Body =>
      rule({ priority, access, sourceAddressPrefix: source });
    assert.deepEqual(
      linesOf([
        of(4096, "Deny", "*"),
        of(1000, "Allow", "203.0.113.0/24"),
        of(200, "Deny", "203.0.113.7"),
        of("150", "Allow", "203.0.113.8"),
      ]),
      ["ip saddr 203.0.113.8/32 accept", "ip saddr 203.0.113.7/32 drop", "ip saddr 203.0.113.0/24 accept", "drop"],
    );
  });

  test("Azure's default rules come last, and an empty NSG has only those", () => {
    const lines = packetFilter([group(), address("198.18.7.10"), network("10.0.0.0/24"), nic()]);
    assert.deepEqual(lines, to("198.18.7.10, 10.0.0.4", [BEGUN, ...DEFAULTS]));
  });

  test("a network of several prefixes: in any, or in none; IPv6's are left out", () => {
    const prefixes = ["10.0.0.0/16", "10.9.0.0/16", "fd00::/48"];
    const of = (sourceAddressPrefix: string): Body[] => [rule({ sourceAddressPrefix, protocol: "Icmp" })];
    assert.deepEqual(linesOf(of("VirtualNetwork"), prefixes).slice(0, 2), [
      "ip saddr 10.0.0.0/16 ip protocol icmp accept",
      "ip saddr 10.9.0.0/16 ip protocol icmp accept",
    ]);
    assert.deepEqual(linesOf(of("Internet"), prefixes).slice(0, 1), [
      "ip saddr != 10.0.0.0/16 ip saddr != 10.9.0.0/16 ip protocol icmp accept",
    ]);
  });
});

suite("interfaces", () => {
  const opened = rule({ protocol: "Tcp", destinationPortRange: "4243" });

  test("the program's NSG opens one port for some sources, and nothing else", () => {
    const lines = packetFilter([
      group(
        rule({ protocol: "Tcp", sourceAddressPrefix: "198.18.7.0/24", destinationPortRange: "4243" }),
        rule({ priority: 4096, access: "Deny" }),
      ),
      address("198.18.7.10"),
      network("10.0.0.0/24"),
      nic(),
    ]);
    assert.deepEqual(
      lines,
      to("198.18.7.10, 10.0.0.4", [
        BEGUN,
        "ip saddr 198.18.7.0/24 ip protocol tcp th dport 4243 accept",
        "drop",
        ...DEFAULTS,
      ]),
    );
  });

  test("without a group: the public address is closed, the private one has Azure's own rules", () => {
    const lines = packetFilter([address("198.18.7.10"), network("10.0.0.0/24"), nic({ nsg: "" })]);
    assert.deepEqual(lines, to("10.0.0.4", [BEGUN, ...DEFAULTS]));
  });

  test("without a public address", () => {
    const lines = packetFilter([group(opened), network("10.0.0.0/24"), nic({ ip: "" })]);
    assert.deepEqual(lines, to("10.0.0.4", [BEGUN, "ip protocol tcp th dport 4243 accept", ...DEFAULTS]));
  });

  test("names in another case are the same", () => {
    const nsg = id("networkSecurityGroups", "nsg").toUpperCase();
    const all = [group(opened), address("198.18.7.10"), network("10.0.0.0/24")];
    assert.deepEqual(packetFilter([...all, nic({ nsg })]), packetFilter([...all, nic()]));
  });

  test("each has its own addresses and its own group's rules", () => {
    const lines = packetFilter([
      group(opened),
      address("198.18.7.10"),
      address("198.18.7.11", "ip2"),
      network("10.0.0.0/24"),
      nic(),
      nic({ name: "nic2", privateIPAddress: "10.0.0.5", ip: "ip2", nsg: "" }),
    ]);
    assert.deepEqual(lines, [
      ...to("198.18.7.10, 10.0.0.4", [BEGUN, "ip protocol tcp th dport 4243 accept", ...DEFAULTS]),
      ...to("10.0.0.5", [BEGUN, ...DEFAULTS]),
    ]);
  });

  test("two in different networks don't see each other's private addresses", () => {
    const lines = packetFilter([
      group(opened),
      ...[network("10.0.0.0/24"), otherNetwork()],
      nic({ ip: "" }),
      nic({ name: "nic2", privateIPAddress: "10.0.0.5", ip: "", vnet: "vnet2" }),
    ]);
    const own = [BEGUN, "ip protocol tcp th dport 4243 accept", ...DEFAULTS];
    assert.deepEqual(lines, [
      ...to("10.0.0.4", ["ip saddr { 10.0.0.5 } drop", ...own]),
      ...to("10.0.0.5", ["ip saddr { 10.0.0.4 } drop", ...own]),
    ]);
  });

  test("none: nothing is let in", () => {
    assert.deepEqual(packetFilter([group(opened), address("198.18.7.10"), network("10.0.0.0/24")]), []);
  });
});
