/** Exact tables for the rules of the settings: for each, what passes and what fails with which words. */
import assert from "node:assert/strict";
import { type KeyObject, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import * as sshpk from "sshpk";
import {
  DEFAULTS,
  SettingsError,
  certificatesFingerprint,
  checkAdminUsername,
  checkArchitecture,
  checkDnsLabel,
  checkDockerSources,
  checkImage,
  checkName,
  checkPassword,
  checkPasswordLogin,
  checkPort,
  checkSource,
  checkSources,
  checkSshPublicKey,
  checkTrustedLaunch,
  checkVmSize,
  completeSettings,
  extensionProtectedSettings,
  extensionSettings,
  inboundRules,
  trustFile,
} from "../../components/settings";

/** Runs a rule over values that pass and over values that fail with a message. */
function table<T>(rule: (value: T) => string[], passes: T[], fails: [T, RegExp][]): void {
  for (const value of passes) assert.deepEqual(rule(value), [], `passes: ${JSON.stringify(value)}`);
  for (const [value, message] of fails) {
    const problems = rule(value);
    assert.equal(problems.length, 1, `fails: ${JSON.stringify(value)}`);
    assert.match(problems[0] ?? "", message);
  }
}

test("a source is a CIDR, an address or a service tag, and not the Internet", () => {
  const open = /is open to the Internet; name the addresses/;
  const none = /is neither a CIDR nor a service tag; allowed: a CIDR/;
  table(
    (source: unknown) => checkSource("dockerSources", source, false),
    ["203.0.113.0/24", "203.0.113.7", "203.0.113.7/32", "10.0.0.0/8", "2001:db8::/48", "2001::/16", "::1"].concat([
      "VirtualNetwork",
      "virtualnetwork",
      "AzureCloud.WestEurope",
      "AzureFrontDoor.Backend",
      "AzureDevOps",
    ]),
    [
      ["office", none],
      ["example.com", none],
      ["", none],
      ["010.0.0.1", none],
      ["0x7f.1", none],
      [" 203.0.113.7", none],
      ["fe80::1%eth0", none],
      [7, /dockerSources: 7 is not a string/],
      [null, /dockerSources: null is not a string/],
      ["10.0.0.0/33", /has no valid prefix length; allowed: 0 to 32/],
      ["1.2.3.4/24/24", /has no valid prefix length/],
      ["203.0.113.7/24", /allowed: "203\.0\.113\.0\/24" for the network, "203\.0\.113\.7\/32" for the one address/],
      ["*", open],
      ["Internet", open],
      ["internet", open],
      ["Any", open],
      ["0.0.0.0/0", open],
      ["1.2.3.4/0", open],
      ["0.0.0.0/00", /has no valid prefix length/],
      ["0.0.0.0/1", open],
      ["2.0.0.0/7", open],
      ["::/0", open],
      ["2000::/3", open],
      ["::ffff:0.0.0.0/96", open],
    ],
  );
  for (const source of ["*", "Internet", "0.0.0.0/0", "::/0"]) assert.deepEqual(checkSource("x", source, true), []);
});

test("lists of sources", () => {
  assert.match(checkDockerSources([], false).join(), /dockerSources: none given/);
  assert.match(checkSources("sshSources", "10.0.0.1", false).join(), /is not a list/);
  assert.match(checkSources("sshSources", ["10.0.0.1", "10.0.0.1"], false).join(), /stands in the list twice/);
  assert.deepEqual(checkSources("sshSources", [], false), []);
});

test("ports, names, labels", () => {
  const port = /is not allowed; allowed: a whole number from 1 to 65535, but 22/;
  table<unknown>(
    checkPort,
    [1, 4243, 65535],
    [0, 65536, 22, 1.5, -1, NaN, "4243"].map((value) => [value, port]),
  );
  table(
    checkDnsLabel.bind(null, "dnsLabel"),
    ["abc", `a${"b".repeat(62)}`, "a-1"],
    [
      ["ab", /dnsLabel: "ab" is no DNS label/],
      [`a${"b".repeat(63)}`, /3 to 63/],
      ["1ab", /first a letter/],
      ["ab-", /last no hyphen/],
      ["aB1", /lower-case/],
      ["abc\n", /is no DNS label/],
    ],
  );
  table(
    checkName,
    ["ab", "docker-host", `a${"b".repeat(55)}`],
    [
      ["a", /name: "a" can't name a host/],
      [`a${"b".repeat(56)}`, /2 to 56/],
      ["Host", /lower-case/],
    ],
  );
  table(
    checkAdminUsername,
    ["azureuser", "_x", "a".repeat(32), "ops-1"],
    [
      ["admin", /"admin" is reserved/],
      ["ROOT", /is reserved/],
      ["support_388945a0", /is reserved/],
      ["sshd", /is reserved/],
      ["a".repeat(33), /1 to 32/],
      ["9a", /first a letter/],
      ["", /is no Linux user name/],
      ["a b", /is no Linux user name/],
    ],
  );
});

test("passwords, by both rule sets, never shown", () => {
  table(
    checkPassword,
    ["Correct-hor1!", `Aa1!${"x".repeat(68)}`, "Aa1=aaaaaaaa"],
    [
      ["Correct-ho1", /11\)/],
      [`Aa1!${"x".repeat(69)}`, /it has 73/],
      ["correct-horse1!", /needs an upper-case letter$/],
      ["CORRECT-HORSE1!", /needs a lower-case letter$/],
      ["Correct-horse!!", /needs a digit$/],
      ["Correct-horse-1", /needs one of !@#\$%\^&\+=$/],
      ["Correct-horse1!\n", /no control characters/],
      ["P@ssw0rd", /one that Azure forbids/],
      ["Password22", /one that Azure forbids/],
    ],
  );
  for (const password of ["Correct-horse-1", "P@ssw0rd"]) assert.ok(!checkPassword(password).join().includes(password));
  assert.deepEqual(checkPasswordLogin(true, true), []);
  assert.match(checkPasswordLogin(false, true).join(), /passwordLogin is false/);
});

test("SSH keys that Azure takes", () => {
  const line = (pem: string): string => sshpk.parsePrivateKey(pem).toPublic().toString("ssh");
  const pemOf = ({ privateKey }: { privateKey: KeyObject }): string =>
    privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const ed25519 = line(pemOf(generateKeyPairSync("ed25519")));
  const rsa = (modulusLength: number): string => line(pemOf(generateKeyPairSync("rsa", { modulusLength })));
  const ec = pemOf(generateKeyPairSync("ec", { namedCurve: "P-256" }));
  table(
    checkSshPublicKey,
    [ed25519, `${ed25519}\n`, rsa(2048)],
    [
      [rsa(1024), /an RSA key of 1024 bits is too short/],
      [line(ec), /a key of type ECDSA is not accepted/],
      [ec, /\(not shown\) is a private key/],
      ["ssh-ed25519", /is no public key/],
      [`${ed25519}\n${ed25519}`, /is no public key/],
      ["", /is no public key/],
    ],
  );
});

test("images, sizes and what doesn't go together", () => {
  const subscription = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute";
  const none = /is neither a URN nor an image's resource ID/;
  table(
    checkImage,
    [DEFAULTS.image, "a:b:c:1.2.3", `${subscription}/images/i`, `${subscription}/galleries/g/images/i`].concat(
      `${subscription}/galleries/g/images/i/versions/1.0.0`,
    ),
    [
      ["ubuntu", none],
      ["a:b:c", none],
      ["a:b:c:newest", none],
      [`${subscription}/disks/d`, none],
    ],
  );
  table(checkVmSize, ["Standard_B2s_v2", "Standard_E4-2s_v5"], [["B2s", /vmSize: "B2s" is no size/]]);
  table(
    (size: string) => checkArchitecture(DEFAULTS.image, size, "DockerExtension"),
    ["Standard_B2s_v2", "Standard_NP10s", "Standard_DC2as_v5", "Standard_E4-2s_v5"],
    ["Standard_D2ps_v5", "Standard_B2pts_v2", "Standard_D2plds_v6"].map((size) => [size, /has an Arm processor/]),
  );
  const arm = checkArchitecture("Canonical:ubuntu-24_04-lts:server-arm64:latest", "Standard_B2s_v2", "DockerExtension");
  assert.match(arm.join(), /is for Arm/);
  assert.match(checkTrustedLaunch(`${subscription}/images/i`, true).join(), /can't be had with the managed image/);
  assert.deepEqual(checkTrustedLaunch(`${subscription}/images/i`, false), []);
});

test("defaults, and all that is wrong at once", () => {
  assert.deepEqual(completeSettings({ dockerSources: ["10.0.0.1"] }), {
    ...DEFAULTS,
    dockerSources: ["10.0.0.1"],
    sshSources: [],
    dnsLabel: undefined,
  });
  assert.throws(
    () => completeSettings({ dockerPort: 22, vmSize: "x", installer: "apt" }),
    (error) => error instanceof SettingsError && error.problems.length === 4,
  );
});

test("the rules of the network security group", () => {
  assert.deepEqual(inboundRules(4243, ["10.0.0.1", "VirtualNetwork"], ["10.0.0.2"]), [
    rule("AllowDocker1", 100, "10.0.0.1", "4243"),
    rule("AllowDocker2", 101, "VirtualNetwork", "4243"),
    rule("AllowSsh1", 102, "10.0.0.2", "22"),
    {
      name: "DenyAllElse",
      priority: 4096,
      access: "Deny",
      protocol: "*",
      sourceAddressPrefix: "*",
      destinationPort: "*",
    },
  ]);
});

function rule(name: string, priority: number, sourceAddressPrefix: string, destinationPort: string): object {
  return { name, priority, access: "Allow", protocol: "Tcp", sourceAddressPrefix, destinationPort };
}

test("the extension's settings: all three certificates or none at all", () => {
  const cert = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
  const keyPem = "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n";
  const all = { trustPem: cert, certPem: cert, keyPem };
  const fingerprint = certificatesFingerprint(all);
  assert.deepEqual(extensionSettings(4243, all), {
    docker: {
      port: "4243",
      options: [
        "--live-restore",
        "--no-new-privileges",
        "--userland-proxy=false",
        "--log-opt=max-size=10m",
        "--log-opt=max-file=5",
        `--label=certificates=${fingerprint}`,
      ],
    },
  });
  assert.equal(Buffer.from(extensionProtectedSettings(all).certs.key, "base64").toString(), keyPem);
  for (const part of ["trustPem", "certPem", "keyPem"] as const) {
    assert.throws(() => extensionSettings(4243, { ...all, [part]: "" }), new RegExp(`${part}: not a PEM document`));
    assert.throws(() => extensionProtectedSettings({ ...all, [part]: "" }), SettingsError);
  }
  assert.notEqual(certificatesFingerprint({ ...all, certPem: `${cert}\n` }), fingerprint);
  assert.notEqual(certificatesFingerprint({ ...all, trustPem: `${cert}${cert}` }), fingerprint);
  assert.equal(trustFile([cert.trim(), `${cert}\n\n`]), `${cert}${cert}`);
});
