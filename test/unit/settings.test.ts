/** Exact tables for the rules of the settings: for each, what passes, and what fails with which words. */
import assert from "node:assert/strict";
import { type KeyObject, generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import * as sshpk from "sshpk";
import {
  DEFAULTS,
  type Settings,
  SettingsError,
  checkAdminUsername,
  checkArchitecture,
  checkCaGenerations,
  checkClients,
  checkDnsLabel,
  checkDockerSources,
  checkDockerVersion,
  checkForceUpdateTag,
  checkHostCertificates,
  checkImage,
  checkInstaller,
  checkKeyGeneration,
  checkName,
  checkPassword,
  checkPasswordLogin,
  checkPatchReboot,
  checkPem,
  checkPort,
  checkPublicIp,
  checkSource,
  checkSources,
  checkSshPublicKey,
  checkSubnetId,
  checkTags,
  checkTrustedLaunch,
  checkVmSize,
  completeSettings,
  imageReference,
  inboundRules,
  isArmSize,
  patchMode,
  patchSettings,
  refuse,
  subjectAlternativeNames,
  trustFile,
} from "../../components/settings";
import { INSTALLER_BY_NAME } from "../../components/installers";

/** Declares a test of a rule: over values that pass, and over values that fail with exactly one message. */
function table<T>(
  what: string,
  rule: (value: T) => string[],
  passes: readonly T[],
  fails: readonly T[],
  message: (value: T) => string,
): void {
  test(what, () => {
    for (const value of passes) assert.deepEqual(rule(value), [], `passes: ${JSON.stringify(value)}`);
    for (const value of fails) assert.deepEqual(rule(value), [message(value)], `fails: ${JSON.stringify(value)}`);
  });
}

const FORMS =
  'a CIDR ("203.0.113.0/24", "2001:db8::/48"), an address ("203.0.113.7") or a service tag ("VirtualNetwork", "AzureCloud.WestEurope")';

suite("one source", () => {
  const source = (value: unknown): string[] => checkSource("dockerSources", value, false);
  const opened = (value: unknown): string[] => checkSource("dockerSources", value, true);
  const given = (value: unknown): string => `dockerSources: ${JSON.stringify(value)}`;

  const networks = [
    "203.0.113.0/24",
    "203.0.113.7",
    "203.0.113.7/32",
    "255.255.255.255",
    "10.0.0.0/8",
    "11.0.0.0/8",
    "2001:db8::/48",
    "2001:DB8::/32",
    "2001:db8::7",
    "2001:db8::7/128",
    "2001::/16",
    "2002:a00::/24",
    "::ffff:10.0.0.0/104",
    "::1",
  ];
  const tags = [
    "VirtualNetwork",
    "virtualnetwork",
    "VIRTUALNETWORK",
    "AzureLoadBalancer",
    "AzureCloud",
    "AzureCloud.WestEurope",
    "azurecloud.westeurope",
    "AzureCloud.EastUS2",
    "AzureFrontDoor.Backend",
    "azurefrontdoor.backend",
    "AzureDevOps",
    "Storage.NorthEurope",
  ];
  const neither = [
    "office",
    "example.com",
    "",
    " ",
    "010.0.0.1",
    "0x7f.1",
    "0x7f000001",
    "127.1",
    "1",
    "/0",
    "0/0",
    "256.0.0.1",
    "1.2.3.4.5",
    "１０.0.0.0/8",
    "٣.٣.٣.٣",
    " 203.0.113.7",
    "203.0.113.7 ",
    "203.0.113.7\n",
    "1.2.3.4-1.2.3.9",
    "1.2.3.4,1.2.3.5",
    "fe80::1%eth0",
    "fe80::1%eth0/64",
    "[::1]",
    ":::/0",
    " *",
    "*\n",
    "Internet ",
    "\tAny",
    "Storage\n",
    "AzureCloud.",
    "AzureCloud.West Europe",
    "AzureCloud.WestEurope.WestEurope",
    "AzureFrontDoor",
    "AzureFrontDoor.Sidedoor",
    "VirtualNetwork.WestEurope",
    "AzureLoadBalancer.WestEurope",
    "Internet.WestEurope",
    "constructor",
    "__proto__",
  ];
  table(
    "is a CIDR, an address or a service tag",
    source,
    [...networks, ...tags],
    neither,
    (value) => `${given(value)} is neither a CIDR nor a service tag; allowed: ${FORMS}`,
  );
  table(
    "whatever openToInternet says",
    opened,
    [...networks, ...tags],
    neither,
    (value) => `${given(value)} is neither a CIDR nor a service tag; allowed: ${FORMS}`,
  );

  table<unknown>(
    "is a string",
    source,
    ["203.0.113.7"],
    [7, null, undefined, true, [], ["203.0.113.7"], {}],
    (value) => `${given(value)} is not a string; allowed: ${FORMS}`,
  );

  const lengths: [address: string, bits: number, prefixes: string[]][] = [
    [
      "10.0.0.0",
      32,
      ["33", "128", "", "-1", "+8", "08", "008", "8 ", " 8", "8\n", "８", "1e1", "0x8", "8/8", "255.0.0.0"],
    ],
    ["0.0.0.0", 32, ["00", "000", "0\n", "-0", "33"]],
    ["2001:db8::", 128, ["129", "", "-1", "048", "48/48", "1000"]],
    ["::", 128, ["00", "129"]],
  ];
  test("has a prefix length of its family, written plainly", () => {
    for (const [address, bits, prefixes] of lengths) {
      for (const prefix of prefixes) {
        const value = `${address}/${prefix}`;
        const message = `${given(value)} has no valid prefix length; allowed: 0 to ${bits}, as in "${address}/${bits}"`;
        for (const rule of [source, opened]) assert.deepEqual(rule(value), [message]);
      }
    }
  });

  const within: [value: string, network: string, address: string][] = [
    ["10.0.0.5/24", "10.0.0.0/24", "10.0.0.5/32"],
    ["10.0.0.1/31", "10.0.0.0/31", "10.0.0.1/32"],
    ["2001:db8::1/64", "2001:db8:0:0:0:0:0:0/64", "2001:db8::1/128"],
    ["2001:db8::/16", "2001:0:0:0:0:0:0:0/16", "2001:db8::/128"],
  ];
  test("is no address within a network", () => {
    for (const [value, network, address] of within) {
      assert.deepEqual(source(value), [
        `${given(value)} is an address within a network, and could mean either; allowed: "${network}" for the network, "${address}" for the one address`,
      ]);
    }
    assert.deepEqual(
      opened("1.2.3.4/0"),
      [
        `${given("1.2.3.4/0")} is an address within a network, and could mean either; allowed: "0.0.0.0/0" for the network, "1.2.3.4/32" for the one address`,
      ],
      "where everyone may reach it, too",
    );
  });

  const open = [
    "*",
    "Internet",
    "internet",
    "INTERNET",
    "Any",
    "any",
    "0.0.0.0/0",
    "::/0",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "64.0.0.0/2",
    "10.0.0.0/7",
    "0.0.0.0",
    "0.0.0.0/32",
    "::",
    "2000::/3",
    "2000::/15",
    // All of IPv4, in IPv6's forms: as it is, mapped, through NAT64 and 6to4.
    "::/96",
    "::/16",
    "::ffff:0.0.0.0/96",
    "::ffff:0:0/96",
    "::ffff:0.0.0.0/97",
    "::FFFF:0:0/103",
    "64:ff9b::/96",
    "2002::/16",
    "2002::/23",
  ];
  table(
    "is not open to the Internet",
    source,
    networks,
    [...open, "1.2.3.4/0"],
    (value) =>
      `${given(value)} is open to the Internet; name the addresses that may reach the port, or set openToInternet to true if everyone may`,
  );
  test("unless openToInternet is true", () => {
    for (const value of open) {
      assert.deepEqual(opened(value), [], value);
    }
  });
});

suite("lists of sources", () => {
  const none = `dockerSources: none given, so nobody could reach the Docker port; allowed: a list, each entry ${FORMS}`;
  test("there is one for Docker, and there may be none for SSH", () => {
    assert.deepEqual(checkDockerSources([], false), [none]);
    assert.deepEqual(checkDockerSources([], true), [none]);
    assert.deepEqual(checkDockerSources(["203.0.113.7"], false), []);
    assert.deepEqual(checkSources("sshSources", [], false), []);
  });

  table<unknown>(
    "it is a list",
    (value) => checkSources("sshSources", value, false),
    [[], ["203.0.113.7"]],
    ["203.0.113.7", 7, null, undefined, { 0: "203.0.113.7" }],
    (value) => `sshSources: ${JSON.stringify(value)} is not a list; allowed: a list, each entry ${FORMS}`,
  );

  test("nothing stands in it twice", () => {
    const repeated = 'sshSources: "203.0.113.7" stands in the list twice; name it once';
    assert.deepEqual(checkSources("sshSources", ["203.0.113.7", "203.0.113.8"], false), []);
    assert.deepEqual(checkSources("sshSources", ["203.0.113.7", "203.0.113.7"], false), [repeated]);
    assert.deepEqual(checkSources("sshSources", Array<string>(3).fill("203.0.113.7"), false), [repeated]);
  });

  test("each entry that is wrong is named", () => {
    assert.deepEqual(checkSources("sshSources", ["office", "203.0.113.7", 7], false), [
      `sshSources: "office" is neither a CIDR nor a service tag; allowed: ${FORMS}`,
      `sshSources: 7 is not a string; allowed: ${FORMS}`,
    ]);
  });

  test("both together fit into one security group", () => {
    const many = (count: number): string[] =>
      Array.from({ length: count }, (_, index) => `10.0.${Math.floor(index / 256)}.${index % 256}`);
    assert.equal(completeSettings({ dockerSources: many(999) }).dockerSources.length, 999);
    assert.throws(
      () => completeSettings({ dockerSources: many(600), sshSources: many(400) }),
      new SettingsError([
        "dockerSources and sshSources: 1000 sources together; allowed: at most 999, Azure's limit of rules",
      ]),
    );
  });

  test("the rules: one for each source, and one that denies all else", () => {
    const allow = (name: string, priority: number, sourceAddressPrefix: string, destinationPort: string): object => ({
      name,
      priority,
      access: "Allow",
      protocol: "Tcp",
      sourceAddressPrefix,
      destinationPort,
    });
    const denyAllElse = {
      name: "DenyAllElse",
      priority: 4096,
      access: "Deny",
      protocol: "*",
      sourceAddressPrefix: "*",
      destinationPort: "*",
    };
    assert.deepEqual(inboundRules(4243, ["203.0.113.7"], []), [
      allow("AllowDocker1", 100, "203.0.113.7", "4243"),
      denyAllElse,
    ]);
    assert.deepEqual(inboundRules(2376, ["10.0.0.1", "VirtualNetwork"], ["10.0.0.2", "2001:db8::/48"]), [
      allow("AllowDocker1", 100, "10.0.0.1", "2376"),
      allow("AllowDocker2", 101, "VirtualNetwork", "2376"),
      allow("AllowSsh1", 102, "10.0.0.2", "22"),
      allow("AllowSsh2", 103, "2001:db8::/48", "22"),
      denyAllElse,
    ]);
  });
});

suite("port, installer and names", () => {
  table<unknown>(
    "the port is a whole number, and not SSH's",
    checkPort,
    [1, 21, 23, 4243, 65535],
    [0, 65536, 22, 1.5, -1, -0, NaN, Infinity, "4243", "", null, undefined, [4243]],
    (value) =>
      `dockerPort: ${typeof value === "number" ? value : JSON.stringify(value)} is not allowed; allowed: a whole number from 1 to 65535, but 22 (SSH)`,
  );
  table(
    "the installer is known",
    checkInstaller,
    ["DockerExtension", "CustomScript"],
    ["", "dockerextension", "DockerExtension ", "customScript", "apt"],
    (value) => `installer: "${value}" is not known; allowed: DockerExtension, CustomScript`,
  );
  table(
    "a DNS label",
    (value) => checkDnsLabel("dnsLabel", value),
    ["abc", "a-1", "a--b", `a${"b".repeat(62)}`],
    ["", "ab", `a${"b".repeat(63)}`, "1ab", "-ab", "ab-", "aB1", "a_b", "a.b", "abc\n", " abc", "äbc", "ab１"],
    (value) =>
      `dnsLabel: "${value}" is no DNS label of Azure's; allowed: 3 to 63 lower-case letters, digits and hyphens, first a letter, last no hyphen`,
  );
  test("without a public address there is a subnet, and no DNS label", () => {
    assert.deepEqual(checkPublicIp(true, false), []);
    assert.deepEqual(checkPublicIp(true, true, "build-host"), []);
    assert.deepEqual(checkPublicIp(false, true), []);
    const subnet =
      "publicIp: false, but the host's own network has no other way out, and nothing could be installed; allowed: false with a subnetId, or true";
    const label =
      'dnsLabel: "build-host" is for a public address, but publicIp is false; allowed: with publicIp true, or none given';
    assert.deepEqual(checkPublicIp(false, false), [subnet]);
    assert.deepEqual(checkPublicIp(false, true, "build-host"), [label]);
    assert.deepEqual(checkPublicIp(false, false, "build-host"), [subnet, label]);
  });
  const subnet = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/hosts";
  table(
    "a subnet's resource ID",
    checkSubnetId,
    [subnet, subnet.toLowerCase(), subnet.toUpperCase()],
    [
      ...["", "hosts", "10.0.0.0/24", subnet.slice(1), `${subnet}/`, `${subnet} `, `${subnet}\n`, `${subnet}/x`],
      ...[subnet.replace("/subnets/hosts", ""), subnet.replace("Network/", "Compute/"), subnet.replace("/v/", "//")],
    ],
    (value) =>
      `subnetId: ${JSON.stringify(value)} is no subnet's resource ID; allowed: "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Network/virtualNetworks/NETWORK/subnets/NAME"`,
  );
  table(
    "the component's name",
    checkName,
    ["ab", "docker-host", "a1", `a${"b".repeat(55)}`],
    ["", "a", `a${"b".repeat(56)}`, "1a", "a-", "Host", "a_b", "a.b", "ab\n"],
    (value) =>
      `name: "${value}" can't name a host; allowed: 2 to 56 lower-case letters, digits and hyphens, first a letter, last no hyphen`,
  );
  test("the longest name leaves room for the label's random end", () => {
    const name = `a${"b".repeat(55)}`;
    assert.deepEqual(checkDnsLabel("dnsLabel", `${name}-x3k9qa`), []);
    assert.deepEqual(checkDnsLabel("dnsLabel", `${name}b-x3k9qa`).length, 1);
  });

  const azures =
    "administrator admin user user1 test user2 test1 user3 admin1 1 123 a actuser adm admin2 aspnet backup console david " +
    "guest john owner root server sql support support_388945a0 sys test2 test3 user4 user5";
  const ubuntus =
    "_apt bin daemon dhcpcd games irc landscape list lp mail man messagebus news nobody polkitd pollinate proxy sshd sync " +
    "syslog tcpdump tss usbmux uucp uuidd www-data systemd-network systemd-anything audio cdrom dialout dip disk fax " +
    "floppy kmem nogroup operator plugdev sasl shadow src staff sudo tape tty users utmp video voice";
  const reserved = `${azures} ${ubuntus}`.split(" ");
  table(
    "an administrator's name that is taken",
    checkAdminUsername,
    ["azureuser", "admin3", "user6", "roots", "b", "systemd"],
    [...reserved, ...reserved.map((name) => name.toUpperCase()), "Admin", "rOOT"].filter(
      (name, index, all) => all.indexOf(name) === index,
    ),
    (value) => `adminUsername: "${value}" is reserved by Azure or Ubuntu; allowed: any other name, such as "azureuser"`,
  );
  table(
    "an administrator's name that Linux takes",
    checkAdminUsername,
    ["azureuser", "_x", "ops-1", "a_b", "a".repeat(32)],
    ["", "a".repeat(33), "9a", "-a", "a b", "a.b", "abc$", "Ops", "ops\n", " ops", "öps", "ops１", "../x", "a:b"],
    (value) =>
      `adminUsername: "${value}" is no Linux user name; allowed: 1 to 32 lower-case letters, digits, "_" and "-", first a letter or "_"`,
  );
});

suite("clients", () => {
  const allowed =
    'allowed: a list of names, each of 1 to 32 lower-case letters, digits, "-", "_" and ".", first a letter or digit';
  table<unknown>(
    "a client's name",
    (name) => checkClients(["ann", name]),
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
    (name) => `clients: ${JSON.stringify(name)} is not allowed; ${allowed}`,
  );
  table<unknown>(
    "a list of names",
    checkClients,
    [[], ["ann"], ["bob", "ann"]],
    ["ann", null, 7, { 0: "ann" }],
    (value) => `clients: ${JSON.stringify(value)} is not a list; ${allowed}`,
  );
  test("each once", () => {
    assert.deepEqual(checkClients(["ann", "bob", "ann", "ann"]), [
      'clients: "ann" stands in the list twice; name it once',
    ]);
  });
});

suite("password", () => {
  const forbidden =
    "abc@123 P@$$w0rd P@ssw0rd P@ssword123 Pa$$word pass@word1 Password! Password1 Password22 iloveyou!";
  table(
    "none that Azure forbids",
    checkPassword,
    ["Correct-horse1!", "P@ssw0rd-P@ssw0rd"],
    forbidden.split(" "),
    () => "adminPassword: the value given (not shown) is one that Azure forbids; allowed: a less common one",
  );

  const length = (count: number): string => `12 to 72 characters (it has ${count})`;
  const control = "no control characters, such as the end of a line";
  const fails: [password: string, needs: string][] = [
    ["Correct-ho1", `${length(11)}, one of !@#$%^&+=`],
    ["Correct=ho1", length(11)],
    [`Aa1!${"x".repeat(69)}`, length(73)],
    ["correct-horse1!", "an upper-case letter"],
    ["CORRECT-HORSE1!", "a lower-case letter"],
    ["Correct-horse!!", "a digit"],
    ["Correct-horse１!", "a digit"],
    ["Correct-horse-1", "one of !@#$%^&+="],
    ["Correct-horse1!\n", control],
    ["Correct-horse1!\r", control],
    ["\tCorrect-horse1!", control],
    ["Correct-horse1!\0", control],
    ["Correct-horse1!\u0085", control],
    ["            ", "a lower-case letter, an upper-case letter, a digit, one of !@#$%^&+="],
    ["ÄÖÜäöüÄÖÜäöü", "a lower-case letter, an upper-case letter, a digit, one of !@#$%^&+="],
    ["", `${length(0)}, a lower-case letter, an upper-case letter, a digit, one of !@#$%^&+=`],
  ];
  table(
    "both of Azure's rule sets",
    checkPassword,
    [
      "Correct-hor1!",
      "Aa1=aaaaaaaa",
      `Aa1!${"x".repeat(68)}`,
      ..."!@#$%^&+=".split("").map((it) => `Correcthorse1${it}`),
    ],
    fails.map(([password]) => password),
    (value) => `adminPassword: the value given (not shown) needs ${new Map(fails).get(value) ?? ""}`,
  );
  test("it is never shown", () => {
    for (const password of [...fails.map(([each]) => each), ...forbidden.split(" ")]) {
      if (password.trim() !== "") assert.ok(!checkPassword(password).join().includes(password), password);
    }
  });
  test("only where there is a login by it", () => {
    assert.deepEqual(
      [checkPasswordLogin(true, true), checkPasswordLogin(true, false), checkPasswordLogin(false, false)],
      [[], [], []],
    );
    assert.deepEqual(checkPasswordLogin(false, true), [
      "adminPassword: given (not shown), but passwordLogin is false; allowed: with passwordLogin true, or no adminPassword",
    ]);
  });
});

suite("SSH public key", () => {
  const allowed = 'allowed: one line in OpenSSH form, "ssh-ed25519 AAAA…" or "ssh-rsa AAAA…" of 2048 bits or more';
  /** A key's line in OpenSSH form, without a comment. */
  const line = (key: KeyObject): string =>
    sshpk
      .parseKey(key.export({ type: "spki", format: "pem" }).toString(), "pem")
      .toString("ssh")
      .split(" ", 2)
      .join(" ");
  const pair = generateKeyPairSync("ed25519");
  const ed25519 = line(pair.publicKey);
  const base64 = ed25519.split(" ")[1] ?? "";
  const rsa = (modulusLength: number): string => line(generateKeyPairSync("rsa", { modulusLength }).publicKey);
  const rsa2048 = rsa(2048);
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const dsa = line(generateKeyPairSync("dsa", { modulusLength: 1024, divisorLength: 160 }).publicKey);

  const passes = {
    Ed25519: ed25519,
    "RSA of 2048 bits": rsa2048,
    "a line end": `${ed25519}\n`,
    "another system's line end": `${ed25519}\r\n`,
    "a comment with spaces": `${ed25519} me at home, 2026`,
    "spaces around it": `  ${ed25519}  `,
  };
  for (const [what, value] of Object.entries(passes)) {
    test(`passes: ${what}`, () => {
      assert.deepEqual(checkSshPublicKey(value), []);
    });
  }

  const fails: Record<string, { value: string; message: string }> = {
    "RSA of 1024 bits": { value: rsa(1024), message: "sshPublicKey: an RSA key of 1024 bits is too short for Azure" },
    ECDSA: { value: line(ec.publicKey), message: "sshPublicKey: a key of type ECDSA is not accepted by Azure" },
    DSA: { value: dsa, message: "sshPublicKey: a key of type DSA is not accepted by Azure" },
    ...Object.fromEntries(
      [
        pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
        ec.privateKey.export({ type: "sec1", format: "pem" }).toString(),
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        `${ed25519}\n-----BEGIN PRIVATE KEY-----`,
      ].map((value, index) => [
        `a private key (${index + 1})`,
        { value, message: "sshPublicKey: the value given (not shown) is a private key" },
      ]),
    ),
    ...Object.fromEntries(
      Object.entries({
        nothing: "",
        garbage: "ssh-ed25519 garbage",
        "only a type": "ssh-ed25519",
        "only the key": base64,
        "a file's name": "~/.ssh/id_ed25519.pub",
        "two lines": `${ed25519}\n${ed25519}`,
        "two lines of an old Mac": `${ed25519}\r${ed25519}`,
        PEM: pair.publicKey.export({ type: "spki", format: "pem" }).toString(),
        "options before it": `from="10.0.0.1" ${ed25519}`,
        "a comment's sign before it": `# ${ed25519}`,
        "two spaces": `ssh-ed25519  ${base64}`,
        "a tab": `ssh-ed25519\t${base64}`,
        "another key's type": `ssh-rsa ${base64}`,
        "an upper-case type": `SSH-ED25519 ${base64}`,
        "a security key's type": `sk-ssh-ed25519@openssh.com ${base64}`,
        "a certificate's type": `ssh-ed25519-cert-v01@openssh.com ${base64}`,
        "half of it": rsa2048.slice(0, 200),
        "an end cut off": ed25519.slice(0, -4),
        "more after it": `${ed25519}AAAA`,
        "more after it, RSA": `${rsa2048}AAAABBBB`,
        "no base64": `ssh-ed25519 ${base64.slice(0, 20)}!${base64.slice(20)}`,
        "a control character": `${ed25519} me\0`.concat("x"),
        "an escape sequence": `${ed25519} \u001b[31mme`,
      }).map(([what, value]) => [
        what,
        { value, message: `sshPublicKey: the value given (${value.length} characters, not shown) is no public key` },
      ]),
    ),
  };
  for (const [what, { value, message }] of Object.entries(fails)) {
    test(`fails: ${what}`, () => {
      assert.deepEqual(checkSshPublicKey(value), [`${message}; ${allowed}`]);
    });
  }
});

suite("image and size", () => {
  const COMPUTE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute";
  const managed = `${COMPUTE}/images/docker`;
  const gallery = `${COMPUTE}/galleries/team/images/docker`;
  const urns = [
    DEFAULTS.image,
    "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest",
    "a:b:c:1",
    "a:b:c:1.2.3",
    "a:b:c:22.04.202401010",
    "a.b:c_d:e-f:latest",
  ];
  table(
    "an image is a URN or an image's resource ID",
    checkImage,
    [...urns, managed, managed.toUpperCase(), gallery, `${gallery}/versions/1.0.0`, `${gallery}/versions/latest`],
    [
      "",
      "ubuntu",
      "a:b:c",
      "a:b:c:d",
      "a:b:c:newest",
      "a:b:c:1.2.3.4.5",
      "a:b:c:latest:e",
      "a::c:latest",
      " a:b:c:latest",
      "a:b:c:latest\n",
      "a b:b:c:latest",
      "https://example.com/image.vhd",
      `${COMPUTE}/disks/d`,
      `${COMPUTE}/images/`,
      `${managed}/`,
      `${managed}\n`,
      `${COMPUTE}/images/my image`,
      `${gallery}/versions/`,
      `${gallery}/versions/1.0.0\n`,
      `x${managed}`,
      "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/images/i",
    ],
    (value) =>
      `image: "${value}" is neither a URN nor an image's resource ID; allowed: "publisher:offer:sku:version" as in "Canonical:ubuntu-24_04-lts:server:latest", "/subscriptions/…/providers/Microsoft.Compute/images/NAME" or "…/galleries/GALLERY/images/NAME[/versions/VERSION]"`,
  );
  test("its reference, and who patches it", () => {
    assert.deepEqual(imageReference(DEFAULTS.image), {
      publisher: "Canonical",
      offer: "ubuntu-24_04-lts",
      sku: "server",
      version: "latest",
    });
    assert.deepEqual(imageReference(gallery), { id: gallery });
    for (const image of [
      DEFAULTS.image,
      "canonical:UBUNTU-24_04-LTS:Server:24.04.202511010",
      "Canonical:ubuntu-24_04-lts:server-arm64:latest",
      "Canonical:ubuntu-24_04-lts:ubuntu-pro:latest",
      "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest",
      "Canonical:0001-com-ubuntu-pro-jammy:pro-22_04-lts-gen2:latest",
    ]) {
      assert.equal(patchMode(image), "AutomaticByPlatform", image);
    }
    for (const image of [
      "Canonical:ubuntu-24_04-lts:minimal:latest",
      "Canonical:ubuntu-22_04-lts:server:latest",
      "Canonical:ubuntu-25_10:server:latest",
      "Canonical:0001-com-ubuntu-server-jammy-daily:22_04-daily-lts-gen2:latest",
      "Debian:debian-12:12:latest",
      "NotCanonical:ubuntu-24_04-lts:server:latest",
      managed,
      gallery,
    ]) {
      assert.equal(patchMode(image), "ImageDefault", image);
    }
  });
  test("how it is patched: the reboot is named only where the platform patches", () => {
    assert.deepEqual(patchSettings(DEFAULTS.image, "Never"), {
      patchMode: "AutomaticByPlatform",
      assessmentMode: "AutomaticByPlatform",
      automaticByPlatformSettings: { rebootSetting: "Never" },
    });
    assert.deepEqual(patchSettings(gallery, "IfRequired"), {
      patchMode: "ImageDefault",
      assessmentMode: "ImageDefault",
    });
  });
  table(
    "when Azure reboots after patching",
    (value) => checkPatchReboot(value, DEFAULTS.image),
    ["IfRequired", "Never", "Always"],
    ["", "never", "ifRequired", "Unknown", "Never "],
    (value) => `patchReboot must be "IfRequired", "Never" or "Always" (got ${JSON.stringify(value)}).`,
  );
  table(
    "that can't be said of an image that Azure doesn't patch",
    (value) => checkPatchReboot(value, gallery),
    ["IfRequired"],
    ["Never", "Always"],
    (value) =>
      `patchReboot must be left out with an image that Azure doesn't patch (got ${JSON.stringify(value)} with "${gallery}").`,
  );
  table(
    "Trusted Launch can't be had with a managed image",
    (value) => checkTrustedLaunch(value, true),
    [...urns, gallery, `${gallery}/versions/1.0.0`],
    [managed, managed.toUpperCase()],
    (value) =>
      `trustedLaunch: true can't be had with the managed image "${value}"; allowed: trustedLaunch false, or an image of a gallery`,
  );
  // Canonical, "Find Ubuntu images on Azure".
  const gen1 = [
    "Canonical:ubuntu-24_04-lts:server-gen1:latest",
    "canonical:ubuntu-24_04-lts:minimal-gen1:latest",
    "Canonical:0001-com-ubuntu-server-jammy:22_04-lts:latest",
    "Canonical:0001-com-ubuntu-minimal-jammy:minimal-22_04-lts:latest",
    "Canonical:UbuntuServer:18.04-LTS:latest",
  ];
  table(
    "nor with a Gen1 image, where its name tells",
    (value) => checkTrustedLaunch(value, true),
    [
      DEFAULTS.image,
      "Canonical:ubuntu-24_04-lts:server-arm64:latest",
      "Canonical:ubuntu-24_04-lts:cvm:latest",
      "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-arm64:latest",
      "Canonical:0001-com-ubuntu-confidential-vm-jammy:22_04-lts-cvm:latest",
      "Canonical:UbuntuServer:18_04-lts-gen2:latest",
      // Nobody can tell.
      "Debian:debian-12:12:latest",
      "other:ubuntu-24_04-lts:server-gen1:latest",
    ],
    gen1,
    (value) =>
      `trustedLaunch must be false with a Gen1 image (got true with "${value}"). For Trusted Launch, set image to a Gen2 one, such as "Canonical:ubuntu-24_04-lts:server:latest".`,
  );
  test("but such an image can be had without", () => {
    for (const image of [managed, ...gen1]) assert.deepEqual(checkTrustedLaunch(image, false), [], image);
  });

  const x64 = [
    "Standard_B2s_v2",
    "Standard_D2s_v5",
    "Standard_NP10s",
    "Standard_DC2as_v5",
    "Standard_E4-2s_v5",
    "Standard_B2ats_v2",
    "Standard_NC24ads_A100_v4",
    "Standard_ND96isr_H100_v5",
    "Standard_HB120rs_v2",
    "Standard_A1_v2",
    "Basic_A1",
  ];
  const arm = [
    "Standard_D2ps_v5",
    "Standard_d2ps_v5",
    "Standard_D2PS_v5",
    "Standard_B2pts_v2",
    "Standard_D2pds_v6",
    "Standard_D2plds_v5",
    "Standard_E4ps_v6",
    "Standard_E4-2pds_v5",
  ];
  table(
    "a size's name",
    checkVmSize,
    [...x64, ...arm],
    [
      "",
      "B2s",
      "Standard_",
      "Standard_B",
      "standard_b2s",
      "Standard B2s",
      "Standard_B2s\n",
      "Standard_B2s ",
      "Premium_B2s",
      "Standard_2B",
    ],
    (value) => `vmSize: "${value}" is no size of Azure's; allowed: a name such as "Standard_B2s_v2" (az vm list-sizes)`,
  );
  table(
    "a size is x64, as the extension asks",
    (value) => checkArchitecture(DEFAULTS.image, value, "DockerExtension"),
    x64,
    arm,
    (value) =>
      `vmSize: "${value}" has an Arm processor, on which Azure's DockerExtension doesn't run; allowed: an x64 size`,
  );
  table(
    "so is an image",
    (value) => checkArchitecture(value, DEFAULTS.vmSize, "DockerExtension"),
    [...urns, managed, gallery, `${COMPUTE}/images/arm64`],
    ["Canonical:ubuntu-24_04-lts:server-arm64:latest", "Canonical:ubuntu-ARM64:server:latest"],
    (value) => `image: "${value}" is for Arm, on which Azure's DockerExtension doesn't run; allowed: an x64 image`,
  );
  const armImages = [
    "Canonical:ubuntu-24_04-lts:server-arm64:latest",
    "canonical:0001-com-ubuntu-server-jammy:22_04-lts-arm64:latest",
    "Canonical:UbuntuServer:18_04-lts-arm64:latest",
  ];
  // Whose name says nothing of the processor.
  const unknown = [managed, gallery, "Debian:debian-12:12-arm64:latest", "Debian:debian-12:12-gen2:latest"];
  test("another installer runs on Arm and on x64, each with its own image", () => {
    for (const size of arm) {
      for (const image of [...armImages, ...unknown]) {
        assert.deepEqual(checkArchitecture(image, size, "CustomScript"), [], `${image} ${size}`);
      }
    }
    for (const size of x64) {
      for (const image of [DEFAULTS.image, ...gen1, ...unknown]) {
        assert.deepEqual(checkArchitecture(image, size, "CustomScript"), [], `${image} ${size}`);
      }
    }
    assert.deepEqual([x64.some(isArmSize), arm.every(isArmSize)], [false, true]);
  });
  table(
    "no x64 image on an Arm size",
    (value) => checkArchitecture(DEFAULTS.image, value, "CustomScript"),
    x64,
    arm,
    (value) =>
      `image must be an Arm image for the Arm size "${value}" (got "Canonical:ubuntu-24_04-lts:server:latest"). Set image to one such as "Canonical:ubuntu-24_04-lts:server-arm64:latest", or vmSize to an x64 size.`,
  );
  table(
    "no Arm image on an x64 size",
    (value) => checkArchitecture(value, DEFAULTS.vmSize, "CustomScript"),
    [DEFAULTS.image, ...unknown],
    armImages,
    (value) =>
      `vmSize must be an Arm size for the Arm image "${value}" (got "Standard_B2s_v2"). Set vmSize to one such as "Standard_D2ps_v6", or image to an x64 one.`,
  );
});

suite("versions, generations, tags", () => {
  table(
    "dockerVersion",
    checkDockerVersion,
    [
      "28.2.2-0ubuntu1~24.04.1",
      "28.2.*",
      "28.2.2*",
      "28.2.2-*",
      "28*",
      "5:28*",
      "20.10.24+dfsg1-1+deb12u1",
      "5:28.0.1-1~ubuntu.24.04~noble",
    ],
    ["", "*", "newest", "28 2", "28.2.2;reboot", "28.*.2", "$(reboot)", "28'", "5:28.0", "28.2.2-", "28.2.*\n"],
    (version) =>
      `dockerVersion must be one of Ubuntu's package docker.io, such as "28.2.2-0ubuntu1~24.04.1", or the beginning of one with "*", such as "28.2.*" (got ${JSON.stringify(version)}). Leave it out for the newest.`,
  );
  for (const [version, beginning] of [
    ["28", "28.*"],
    ["28.2", "28.2.*"],
    ["v28.2", "28.2.*"],
    ["28.2.2", "28.2.2*"],
    ["v28.2.2", "28.2.2*"],
  ] as const) {
    test(`dockerVersion "${version}" matches no package's version; what to write is said`, () => {
      assert.deepEqual(checkDockerVersion(version), [
        `dockerVersion must be "${beginning}", or a whole version of Ubuntu's package docker.io, such as "28.2.2-0ubuntu1~24.04.1" (got "${version}"). Leave it out for the newest.`,
      ]);
      assert.deepEqual(checkDockerVersion(beginning), []);
    });
  }
  table(
    "forceUpdateTag",
    checkForceUpdateTag,
    ["1", "2026-11-24", "after:upgrade+1", "x".repeat(128)],
    ["", "two words", "x".repeat(129), "a\nb", "a/b"],
    (tag) =>
      `forceUpdateTag: ${JSON.stringify(tag)} is not allowed; allowed: 1 to 128 letters, digits and "_.:+-", such as "2026-11-24"`,
  );
  table<unknown>(
    "keyGeneration",
    checkKeyGeneration,
    [1, 2, 2026],
    [0, -1, 1.5, "x", true, null],
    (value) => `keyGeneration: ${JSON.stringify(value)} is not allowed; allowed: a whole number, 1 or more`,
  );
  table<unknown>(
    "caGenerations",
    checkCaGenerations,
    [[1], [1, 2], [2, 1], [2]],
    [[], [0], [1, 1], ["1"], [1.5], 1, {}],
    (value) =>
      `caGenerations: ${JSON.stringify(value)} is not allowed; allowed: a list of whole numbers, 1 or more, each once; the first one signs, such as [1] or [1, 2]`,
  );
  const many = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag${index}`, ""]));
  test("tags", () => {
    for (const tags of [{}, { team: "build" }, { "cost center": "42", é: "x".repeat(256) }, many(50)]) {
      assert.deepEqual(checkTags(tags), [], JSON.stringify(tags));
    }
    assert.deepEqual(checkTags(many(51)), ["tags: 51 tags; allowed: at most 50"]);
    for (const name of ["", "a/b", "50%", "azure-x", "Microsoft", "windows", "x".repeat(513)]) {
      assert.deepEqual(checkTags({ [name]: "x" }), [
        `tags: the name ${JSON.stringify(name)} is not allowed; allowed: 1 to 512 characters without <>%&\\?/, first not "microsoft", "azure" or "windows"`,
      ]);
    }
    for (const value of ["x".repeat(257), 1, null]) {
      assert.deepEqual(checkTags({ team: value }), [
        `tags.team: ${JSON.stringify(value)} is not allowed; allowed: a text of at most 256 characters`,
      ]);
    }
    assert.deepEqual(checkTags({ Team: "a", team: "b" }), [
      "tags: the name \"team\" stands there twice; to Azure its letters' case doesn't count",
    ]);
  });
});

suite("certificates", () => {
  const pem = (label: string, content = "AA=="): string =>
    `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`;
  const cert = pem("CERTIFICATE");
  const keyPem = pem("EC PRIVATE KEY");
  const all = { trustPem: cert, certPem: pem("CERTIFICATE", "BB=="), keyPem };
  const refused = (part: string): string =>
    `${part}: not a PEM document; a Docker port is never opened without all three certificates`;

  test("what the server's certificate is valid for", () => {
    const fqdn = "web.westeurope.cloudapp.azure.com";
    assert.deepEqual(subjectAlternativeNames(fqdn, ["203.0.113.10", "10.0.0.4"]), {
      dnsNames: [fqdn, "localhost"],
      ipAddresses: ["203.0.113.10", "10.0.0.4"],
    });
    assert.deepEqual(subjectAlternativeNames(undefined, [undefined, "10.0.0.4"]), {
      dnsNames: ["localhost"],
      ipAddresses: ["10.0.0.4"],
    });
    assert.deepEqual(subjectAlternativeNames(fqdn, ["203.0.113.10", undefined, ""]).ipAddresses, ["203.0.113.10"]);
  });

  test("the trust file: one certificate after another, each ended once", () => {
    assert.equal(trustFile([]), "");
    assert.equal(trustFile([cert.trim(), `\n${cert}\n\n`]), `${cert}${cert}`);
  });

  for (const part of ["trustPem", "certPem", "keyPem"] as const) {
    const other = part === "keyPem" ? cert : keyPem;
    const wrongs = {
      nothing: "",
      spaces: " \n",
      "no PEM": "AA==",
      "the wrong kind": other,
      "a request": pem("CERTIFICATE REQUEST"),
    };
    for (const [what, value] of Object.entries(wrongs)) {
      test(`${part} is ${what}: the port is not opened`, () => {
        const certificates = { ...all, [part]: value };
        const error = new SettingsError([refused(part)]);
        assert.deepEqual(checkHostCertificates(certificates), [refused(part)]);
        for (const installer of Object.values(INSTALLER_BY_NAME)) {
          const daemon = { dockerPort: 4243, daemonOptions: {}, adminUsername: "ops", certificates };
          assert.throws(() => installer.protectedSettings(daemon), error);
        }
      });
    }
  }
  test("none at all: each is named", () => {
    assert.deepEqual(
      checkHostCertificates({ trustPem: "", certPem: "", keyPem: "" }),
      ["trustPem", "certPem", "keyPem"].map(refused),
    );
  });
  test("a trust file with a client's key in it never reaches the host", () => {
    assert.deepEqual(checkHostCertificates({ ...all, trustPem: cert + keyPem }), [refused("trustPem")]);
  });

  table<unknown>(
    "a certificate that is given is one, without a key, and is not shown",
    (value) => checkPem("caCertPem", value, "CERTIFICATE"),
    [cert, `Subject: x\n${cert}`, cert + cert],
    [
      "",
      null,
      "ca.pem",
      keyPem,
      cert + keyPem,
      pem("CERTIFICATE REQUEST"),
      // Docker would skip it.
      pem("TRUSTED CERTIFICATE"),
      "-----BEGIN CERTIFICATE",
    ],
    () =>
      `caCertPem: the value given (not shown) is not allowed; allowed: PEM, "-----BEGIN CERTIFICATE-----" and so on`,
  );
  table(
    "so is a private key",
    (value) => checkPem("caPrivateKeyPem", value, "PRIVATE KEY"),
    [keyPem, pem("PRIVATE KEY"), pem("RSA PRIVATE KEY"), pem("EC PARAMETERS") + keyPem],
    ["", "ca-key.pem", cert, keyPem + cert, pem("PUBLIC KEY")],
    () =>
      `caPrivateKeyPem: the value given (not shown) is not allowed; allowed: PEM, "-----BEGIN PRIVATE KEY-----" and so on`,
  );
});

suite("all settings together", () => {
  test("the defaults", () => {
    const defaults = {
      sshSources: [],
      openToInternet: false,
      dockerPort: 4243,
      installer: "DockerExtension",
      daemonOptions: {},
      keyGeneration: 1,
      caGenerations: [1],
      adminUsername: "azureuser",
      passwordLogin: false,
      publicIp: true,
      image: "Canonical:ubuntu-24_04-lts:server:latest",
      vmSize: "Standard_B2s_v2",
      trustedLaunch: true,
      patchReboot: "IfRequired",
      protect: false,
    };
    assert.deepEqual(DEFAULTS, defaults);
    assert.deepEqual(completeSettings({ dockerSources: ["203.0.113.7"] }), {
      ...defaults,
      dockerSources: ["203.0.113.7"],
      clients: undefined,
      dnsLabel: undefined,
      dockerVersion: undefined,
      forceUpdateTag: undefined,
    });
    assert.notEqual(completeSettings({ dockerSources: ["203.0.113.7"] }).sshSources, DEFAULTS.sshSources);
  });

  test("what is set stays", () => {
    const settings: Required<Settings> = {
      dockerSources: ["*"],
      sshSources: ["Internet"],
      openToInternet: true,
      dockerPort: 2376,
      installer: "CustomScript",
      dockerVersion: "28.2.*",
      daemonOptions: { debug: true },
      forceUpdateTag: "2",
      keyGeneration: 2,
      caGenerations: [2, 1],
      clients: ["bob", "ann"],
      adminUsername: "ops",
      passwordLogin: true,
      publicIp: true,
      dnsLabel: "build-host",
      image: "Canonical:ubuntu-24_04-lts:server-gen1:latest",
      vmSize: "Standard_D2s_v5",
      trustedLaunch: false,
      patchReboot: "Never",
      protect: true,
    };
    assert.deepEqual(completeSettings(settings), settings);
  });

  const rules: Record<string, { wrong: Settings; starts: string }> = {
    dockerSources: { wrong: { dockerSources: ["office"] }, starts: 'dockerSources: "office" is neither ' },
    "no dockerSources": { wrong: { dockerSources: undefined }, starts: "dockerSources: none given, " },
    sshSources: { wrong: { sshSources: ["*"] }, starts: 'sshSources: "*" is open ' },
    dockerPort: { wrong: { dockerPort: 22 }, starts: "dockerPort: 22 " },
    installer: { wrong: { installer: "" }, starts: 'installer: "" ' },
    dockerVersion: { wrong: { dockerVersion: "28.2.2" }, starts: 'dockerVersion must be "28.2.2*", ' },
    daemonOptions: { wrong: { daemonOptions: { hosts: [] } }, starts: "daemonOptions.hosts: the program sets it " },
    forceUpdateTag: { wrong: { forceUpdateTag: "" }, starts: 'forceUpdateTag: "" ' },
    keyGeneration: { wrong: { keyGeneration: 0 }, starts: "keyGeneration: 0 " },
    caGenerations: { wrong: { caGenerations: [] }, starts: "caGenerations: [] " },
    clients: { wrong: { clients: [""] }, starts: 'clients: "" is not allowed; ' },
    adminUsername: { wrong: { adminUsername: "" }, starts: 'adminUsername: "" is no ' },
    dnsLabel: { wrong: { dnsLabel: "" }, starts: 'dnsLabel: "" ' },
    image: { wrong: { image: "" }, starts: 'image: "" is neither ' },
    vmSize: { wrong: { vmSize: "" }, starts: 'vmSize: "" is no ' },
    "an image of Arm": {
      wrong: { installer: "CustomScript", image: "Canonical:ubuntu-24_04-lts:server-arm64:latest" },
      starts: "vmSize must be an Arm size ",
    },
    patchReboot: { wrong: { patchReboot: "never" }, starts: "patchReboot must be " },
    "vmSize of Arm": { wrong: { vmSize: "Standard_D2ps_v5" }, starts: 'vmSize: "Standard_D2ps_v5" has an Arm ' },
    trustedLaunch: {
      wrong: { image: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/i" },
      starts: "trustedLaunch: true can't be had ",
    },
  };
  for (const [what, { wrong, starts }] of Object.entries(rules)) {
    test(`checked: ${what}`, () => {
      assert.throws(
        () => completeSettings({ dockerSources: ["203.0.113.7"], ...wrong }),
        (error) => {
          assert.ok(error instanceof SettingsError, String(error));
          assert.deepEqual(
            error.problems.map((problem) => problem.slice(0, starts.length)),
            [starts],
          );
          return true;
        },
      );
    });
  }

  test("all that is wrong is said at once, without a stack trace", () => {
    assert.throws(
      () => completeSettings({ dockerSources: ["203.0.113.7"], dockerPort: 22, installer: "apt" }),
      (error) => {
        assert.ok(error instanceof SettingsError, String(error));
        assert.ok(error instanceof pulumi.RunError, "a RunError");
        assert.ok(pulumi.RunError.isInstance(error), "a RunError to every copy of the SDK");
        assert.equal(
          error.message,
          "Wrong settings:\n" +
            "  - dockerPort: 22 is not allowed; allowed: a whole number from 1 to 65535, but 22 (SSH)\n" +
            '  - installer: "apt" is not known; allowed: DockerExtension, CustomScript',
        );
        return true;
      },
    );
  });

  test("one thing wrong takes one line; nothing wrong, none", () => {
    assert.equal(new SettingsError(["a: b"]).message, "Wrong setting: a: b");
    assert.throws(
      () => {
        refuse(["a: b"]);
      },
      new SettingsError(["a: b"]),
    );
    refuse([]);
  });
});
