/** The rules of the administrator's name, password and SSH key: the values that pass, and the words of those that fail. */
import assert from "node:assert/strict";
import { type KeyObject, generateKeyPairSync } from "node:crypto";
import { suite, test } from "node:test";
import * as sshpk from "sshpk";
import {
  validateAdminUsername,
  validatePassword,
  validatePasswordLogin,
  validateSshPublicKey,
} from "../../../components/rules/credentials";
import { table } from "../../support/rules";

suite("administrator's name", () => {
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
    validateAdminUsername,
    ["azureuser", "admin3", "user6", "roots", "b", "systemd"],
    [...reserved, ...reserved.map((name) => name.toUpperCase()), "Admin", "rOOT"].filter(
      (name, index, all) => all.indexOf(name) === index,
    ),
    (value) =>
      `adminUsername must be a name that neither Azure nor Ubuntu reserves, such as "azureuser" (got "${value}").`,
  );
  table(
    "an administrator's name that Linux takes",
    validateAdminUsername,
    ["azureuser", "_x", "ops-1", "a_b", "a".repeat(32)],
    ["", "a".repeat(33), "9a", "-a", "a b", "a.b", "abc$", "Ops", "ops\n", " ops", "öps", "ops１", "../x", "a:b"],
    (value) =>
      `adminUsername must have 1 to 32 lower-case letters, digits, "_" and "-", and begin with a letter or "_" (got ${JSON.stringify(value)}).`,
  );
});

suite("password", () => {
  const forbidden =
    "abc@123 P@$$w0rd P@ssw0rd P@ssword123 Pa$$word pass@word1 Password! Password1 Password22 iloveyou!";
  table(
    "none that Azure forbids",
    validatePassword,
    ["Correct-horse1!", "P@ssw0rd-P@ssw0rd"],
    forbidden.split(" "),
    () => "adminPassword must not be one of the common passwords that Azure forbids (value not shown).",
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
    validatePassword,
    [
      "Correct-hor1!",
      "Aa1=aaaaaaaa",
      `Aa1!${"x".repeat(68)}`,
      ..."!@#$%^&+=".split("").map((it) => `Correcthorse1${it}`),
    ],
    fails.map(([password]) => password),
    (value) => `adminPassword must have ${new Map(fails).get(value) ?? ""} (value not shown).`,
  );
  test("it is never shown", () => {
    for (const password of [...fails.map(([each]) => each), ...forbidden.split(" ")]) {
      if (password.trim() !== "") assert.ok(!validatePassword(password).join().includes(password), password);
    }
  });
  test("only with passwordLogin", () => {
    assert.deepEqual(
      [validatePasswordLogin(true, true), validatePasswordLogin(true, false), validatePasswordLogin(false, false)],
      [[], [], []],
    );
    assert.deepEqual(validatePasswordLogin(false, true), [
      "adminPassword must be left out when passwordLogin is false. Set passwordLogin to true to log in by password.",
    ]);
  });
});

suite("SSH public key", () => {
  const FORM = 'one line in OpenSSH form, "ssh-ed25519 AAAA…" or "ssh-rsa AAAA…" of 2048 bits or more';
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
      assert.deepEqual(validateSshPublicKey(value), []);
    });
  }

  const fails: Record<string, { value: string; message: string }> = {
    "RSA of 1024 bits": {
      value: rsa(1024),
      message: `sshPublicKey must be a key that Azure accepts, ${FORM} (got RSA of 1024 bits).`,
    },
    ECDSA: {
      value: line(ec.publicKey),
      message: `sshPublicKey must be a key that Azure accepts, ${FORM} (got ECDSA).`,
    },
    DSA: { value: dsa, message: `sshPublicKey must be a key that Azure accepts, ${FORM} (got DSA).` },
    ...Object.fromEntries(
      [
        pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
        ec.privateKey.export({ type: "sec1", format: "pem" }).toString(),
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        `${ed25519}\n-----BEGIN PRIVATE KEY-----`,
      ].map((value, index) => [
        `a private key (${index + 1})`,
        { value, message: `sshPublicKey must be a public key, ${FORM} (got a private key, not shown).` },
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
        {
          value,
          message: `sshPublicKey must be ${FORM} (got ${value.length} characters that are no public key, not shown).`,
        },
      ]),
    ),
  };
  for (const [what, { value, message }] of Object.entries(fails)) {
    test(`fails: ${what}`, () => {
      assert.deepEqual(validateSshPublicKey(value), [message]);
    });
  }
});
