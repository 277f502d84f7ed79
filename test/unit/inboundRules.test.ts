/** The NSG's inbound rules, exactly. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type InboundRule, type Service, inboundRules } from "../../components/inboundRules";

const docker = (port: number, ...sources: string[]): Service => ({ name: "Docker", protocol: "Tcp", port, sources });
const ssh = (...sources: string[]): Service => ({ name: "Ssh", protocol: "Tcp", port: 22, sources });

const allow = (name: string, priority: number, sourceAddressPrefix: string, port: string): InboundRule => ({
  name,
  priority,
  direction: "Inbound",
  access: "Allow",
  protocol: "Tcp",
  sourceAddressPrefix,
  sourcePortRange: "*",
  destinationAddressPrefix: "*",
  destinationPortRange: port,
});
const denyAllElse: InboundRule = {
  ...allow("DenyAllElse", 4096, "*", "*"),
  access: "Deny",
  protocol: "*",
};

test("one rule for each source, and one that denies everything else", () => {
  assert.deepEqual(inboundRules([docker(4243, "203.0.113.7"), ssh()]), [
    allow("AllowDocker1", 100, "203.0.113.7", "4243"),
    denyAllElse,
  ]);
  assert.deepEqual(inboundRules([docker(2376, "10.0.0.1", "VirtualNetwork"), ssh("10.0.0.2", "2001:db8::/48")]), [
    allow("AllowDocker1", 100, "10.0.0.1", "2376"),
    allow("AllowDocker2", 101, "VirtualNetwork", "2376"),
    allow("AllowSsh1", 102, "10.0.0.2", "22"),
    allow("AllowSsh2", 103, "2001:db8::/48", "22"),
    denyAllElse,
  ]);
});

test("without a source, everything is denied", () => {
  assert.deepEqual(inboundRules([docker(4243), ssh()]), [denyAllElse]);
});

test("the portal's name of every address is written as the API has it", () => {
  const prefixes = inboundRules([docker(4243, "any", "Any", "Internet", "*")]).map((rule) => rule.sourceAddressPrefix);
  assert.deepEqual(prefixes, ["*", "*", "Internet", "*", "*"]);
});

test("as many rules as Azure takes have priorities that Azure takes, each its own", () => {
  const sources = Array.from({ length: 999 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  const priorities = inboundRules([docker(4243, ...sources)]).map(({ priority }) => priority);
  assert.deepEqual([priorities.length, priorities[0], priorities[998], priorities[999]], [1000, 100, 1098, 4096]);
  assert.equal(new Set(priorities).size, 1000);
});

test("another protocol reaches its rule", () => {
  const [rule] = inboundRules([{ name: "Udp", protocol: "Udp", port: 53, sources: ["VirtualNetwork"] }]);
  assert.deepEqual(rule, { ...allow("AllowUdp1", 100, "VirtualNetwork", "53"), protocol: "Udp" });
});
