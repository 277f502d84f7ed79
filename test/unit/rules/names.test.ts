/** The rules of names: the values that pass, and the words of those that fail. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  DNS_SUFFIX_LENGTH,
  validateClients,
  validateDnsLabel,
  validateName,
  validatePublicIp,
  validateSomeClient,
  validateStackName,
  validateSubnetId,
} from "../../../components/rules/names";
import { table } from "../../support/rules";

suite("names of the host and its network", () => {
  table(
    "a DNS label",
    (value) => validateDnsLabel(value),
    ["abc", "a-1", "a--b", `a${"b".repeat(62)}`],
    ["", "ab", `a${"b".repeat(63)}`, "1ab", "-ab", "ab-", "aB1", "a_b", "a.b", "abc\n", " abc", "äbc", "ab１"],
    (value) =>
      `dnsLabel must have 3 to 63 lower-case letters, digits and hyphens, begin with a letter, and not end with a hyphen (got ${JSON.stringify(value)}).`,
  );
  test("without a public IP there is a subnet, and no DNS label", () => {
    assert.deepEqual(validatePublicIp(true, false, false), []);
    assert.deepEqual(validatePublicIp(true, true, true), []);
    assert.deepEqual(validatePublicIp(false, true, false), []);
    const subnet =
      "publicIp must be true without a subnetId (got false). The network that this program makes has no other way out, so nothing could be installed.";
    const label = "dnsLabel must be left out when publicIp is false: a private address has no label.";
    assert.deepEqual(validatePublicIp(false, false, false), [subnet]);
    assert.deepEqual(validatePublicIp(false, true, true), [label]);
    assert.deepEqual(validatePublicIp(false, false, true), [subnet, label]);
  });
  const subnet = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/hosts";
  table(
    "a subnet's resource ID",
    validateSubnetId,
    [subnet, subnet.toLowerCase(), subnet.toUpperCase()],
    [
      ...["", "hosts", "10.0.0.0/24", subnet.slice(1), `${subnet}/`, `${subnet} `, `${subnet}\n`, `${subnet}/x`],
      ...[subnet.replace("/subnets/hosts", ""), subnet.replace("Network/", "Compute/"), subnet.replace("/v/", "//")],
    ],
    (value) =>
      `subnetId must be a subnet's resource ID, "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Network/virtualNetworks/NETWORK/subnets/NAME" (got ${JSON.stringify(value)}).`,
  );
  table(
    "the component's name",
    validateName,
    ["ab", "docker-host", "a1", `a${"b".repeat(55)}`],
    ["", "a", `a${"b".repeat(56)}`, "1a", "a-", "Host", "a_b", "a.b", "ab\n"],
    (value) =>
      `The component's name must have 2 to 56 lower-case letters, digits and hyphens, begin with a letter, and not end with a hyphen (got ${JSON.stringify(value)}).`,
  );
  test("the longest name leaves room for the label's random end", () => {
    const name = `a${"b".repeat(55)}`;
    assert.equal("x3k9qa".length, DNS_SUFFIX_LENGTH);
    assert.deepEqual(validateDnsLabel(`${name}-x3k9qa`), []);
    assert.deepEqual(validateDnsLabel(`${name}b-x3k9qa`).length, 1);
  });
});

suite("clients", () => {
  const NAME = '1 to 32 lower-case letters, digits, "-", "_" and ".", beginning with a letter or digit';
  table<unknown>(
    "a client's name",
    (name) => validateClients(["ann", name]),
    ["admin", "a", "7", "007", "ci-runner_2.eu", "a".repeat(32), "constructor"],
    [
      "",
      "a".repeat(33),
      "-ann",
      "_ann",
      ".ann",
      "..",
      "Ann",
      "a b",
      "a/b",
      "a:b",
      "ann\n",
      " ann",
      "änn",
      null,
      7,
      ["b"],
      {},
    ],
    (name) => `clients must hold names of ${NAME} (got ${JSON.stringify(name)}).`,
  );
  table<unknown>(
    "a list of names",
    validateClients,
    [[], ["ann"], ["bob", "ann"]],
    ["ann", null, 7, { 0: "ann" }],
    (value) => `clients must be a list of names, each of ${NAME} (got ${JSON.stringify(value)}).`,
  );
  test("each once", () => {
    assert.deepEqual(validateClients(["ann", "bob", "ann", "ann"]), ['clients must name "ann" once, not twice.']);
  });
  test("somebody can use the host", () => {
    const nobody = { clients: 0, trustedClientCerts: 0, clientCaCerts: 0 };
    assert.deepEqual(validateSomeClient(nobody), [
      "clients must name one client at least, unless trustedClientCerts or clientCaCerts is set (got none).",
    ]);
    for (const one of ["clients", "trustedClientCerts", "clientCaCerts"]) {
      assert.deepEqual(validateSomeClient({ ...nobody, [one]: 1 }), [], one);
    }
  });
});

suite("another stack", () => {
  const rule = (name: string): string[] => validateStackName("caStack", name, "acme/azure-docker-host/dev");
  table(
    "is named in full",
    rule,
    ["acme/azure-docker-host/base", "a.b/c_d/e-f"],
    ["", "base", "azure-docker-host/base", "a/b/c/d", "acme//base", "acme/azure docker/base", "/a/b", "a/b/c\n"],
    (name) =>
      `caStack must be a stack's full name, ORGANIZATION/PROJECT/STACK (got ${JSON.stringify(name)}). To list them: pulumi stack ls --all`,
  );
  table(
    "is not this one",
    rule,
    ["acme/azure-docker-host/dev2"],
    ["acme/azure-docker-host/dev"],
    (name) => `caStack must be another stack than this one (got ${JSON.stringify(name)}).`,
  );
});
