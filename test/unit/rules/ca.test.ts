/** The rules of CAs that are given: the values that pass, and the words of those that fail. No error shows a key. */
import assert from "node:assert/strict";
import { X509Certificate, createHash, createPrivateKey, generateKeyPairSync } from "node:crypto";
import { before, suite, test } from "node:test";
import {
  publicKeyDigest,
  signingKey,
  validateCaCert,
  validateCaChoice,
  validateCaPair,
  validateCaPrivateKey,
  validateClientCaCert,
} from "../../../components/rules/ca";
import { type Ca, makeCa } from "../../support/ca";

const KEY_FORM =
  "must be a private key without a passphrase, RSA of 2048 bits or more, ECDSA on P-256, P-384 or P-521, or Ed25519";
const NO_CERT = 'must be PEM, beginning with "-----BEGIN CERTIFICATE-----" (value not shown).';
const NO_KEY = 'must be PEM, beginning with "-----BEGIN PRIVATE KEY-----" (value not shown).';
const UNREADABLE = "must be the PEM of a CA's certificate, and it can't be read (value not shown).";
const pem = (label: string, content = "AAAA"): string =>
  `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`;

let acme: Ca;
let other: Ca;
let expired: Ca;
let future: Ca;
let leaf: Ca;
before(async () => {
  [acme, other, expired, future, leaf] = await Promise.all([
    makeCa(),
    makeCa({ commonName: "Other" }),
    makeCa({ commonName: "Former", fromHours: -48, toHours: -24 }),
    makeCa({ commonName: "Next", fromHours: 24, toHours: 48 }),
    makeCa({ commonName: "ann", isCa: false }),
  ]);
});

/** What both rules of certificates refuse, with which words after the setting's name. */
const wrongCertificates = (): [pem: unknown, message: string][] => [
  ["", NO_CERT],
  [null, NO_CERT],
  [7, NO_CERT],
  ["ca.pem", NO_CERT],
  [acme.keyPem, NO_CERT],
  [acme.certPem + acme.keyPem, NO_CERT],
  [acme.certPem.replaceAll(" CERTIFICATE", " TRUSTED CERTIFICATE"), NO_CERT],
  [pem("CERTIFICATE"), UNREADABLE],
  ["-----BEGIN CERTIFICATE-----\n", UNREADABLE],
  [leaf.certPem, 'must be a CA\'s certificate, CA:TRUE (got the certificate of "O=Acme Inc., CN=ann").'],
  [
    expired.certPem,
    `must be valid now (got the certificate of "O=Acme Inc., CN=Former", expired on ${new X509Certificate(expired.certPem).validTo}).`,
  ],
  [
    future.certPem,
    `must be valid now (got the certificate of "O=Acme Inc., CN=Next", valid from ${new X509Certificate(future.certPem).validFrom}).`,
  ],
];

suite("certificates", () => {
  test("of a CA that signs: the first one counts", () => {
    for (const value of [acme.certPem, `Subject: Acme\n${acme.certPem}`, acme.certPem + expired.certPem]) {
      assert.deepEqual(validateCaCert("caCertPem", value), [], value);
    }
    for (const [value, message] of wrongCertificates()) {
      assert.deepEqual(validateCaCert("caCertPem", value), [`caCertPem ${message}`], String(value));
    }
    assert.equal(validateCaCert("caCertPem", expired.certPem + acme.certPem).length, 1);
  });

  test("of a CA that vouches for clients: each one counts", () => {
    for (const value of [acme.certPem, acme.certPem + other.certPem]) {
      assert.deepEqual(validateClientCaCert("clientCaCerts[0]", value), [], value);
    }
    for (const [value, message] of wrongCertificates()) {
      const problems = [`clientCaCerts[0] ${message}`];
      assert.deepEqual(validateClientCaCert("clientCaCerts[0]", value), problems, String(value));
      if (typeof value === "string" && value.includes("END CERTIFICATE")) {
        assert.deepEqual(validateClientCaCert("clientCaCerts[0]", acme.certPem + value), problems, value);
      }
    }
  });
});

suite("a CA's key", () => {
  /** The problems of a key by itself, else of the key and its certificate. */
  const check = (certPem: string, keyPem: unknown): string[] => {
    const problems = validateCaPrivateKey("caPrivateKeyPem", keyPem);
    return problems.length > 0 ? problems : validateCaPair(certPem, String(keyPem));
  };

  const kinds: Record<string, Record<string, unknown>> = {
    "RSA of 2048 bits": { algorithm: "RSA" },
    "P-256": { algorithm: "ECDSA", ecdsaCurve: "P256" },
    "P-384": { algorithm: "ECDSA", ecdsaCurve: "P384" },
    "P-521": { algorithm: "ECDSA", ecdsaCurve: "P521" },
    Ed25519: { algorithm: "ED25519" },
  };
  for (const [kind, key] of Object.entries(kinds)) {
    test(`passes: ${kind}, in either form`, async () => {
      const { certPem, keyPem, pkcs8 } = await makeCa({ key });
      assert.deepEqual([check(certPem, keyPem), check(certPem, pkcs8)], [[], []]);
    });
  }

  const fails: Record<string, () => [keyPem: unknown, message: string]> = {
    nothing: () => ["", NO_KEY],
    "no text": () => [null, NO_KEY],
    "a file's name": () => ["key.pem", NO_KEY],
    "a certificate": () => [acme.certPem, NO_KEY],
    "a certificate beside it": () => [acme.keyPem + acme.certPem, NO_KEY],
    garbage: () => [pem("PRIVATE KEY"), `${KEY_FORM} (got one that can't be read, not shown).`],
    "a passphrase": () => [
      createPrivateKey(acme.keyPem)
        .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "hush" })
        .toString(),
      `${KEY_FORM} (got one with a passphrase, not shown).`,
    ],
    "a passphrase in the former form": () => [
      createPrivateKey(acme.keyPem)
        .export({ type: "sec1", format: "pem", cipher: "aes-256-cbc", passphrase: "hush" })
        .toString(),
      `${KEY_FORM} (got one with a passphrase, not shown).`,
    ],
    "RSA of 1024 bits": () => [
      pkcs8Of(generateKeyPairSync("rsa", { modulusLength: 1024 })),
      `${KEY_FORM} (got a key of type rsa of 1024 bits).`,
    ],
    "RSA-PSS": () => [
      pkcs8Of(generateKeyPairSync("rsa-pss", { modulusLength: 2048 })),
      `${KEY_FORM} (got a key of type rsa-pss of 2048 bits).`,
    ],
    "another curve": () => [
      pkcs8Of(generateKeyPairSync("ec", { namedCurve: "secp256k1" })),
      `${KEY_FORM} (got a key of type ec on secp256k1).`,
    ],
    "P-224": () => [
      pkcs8Of(generateKeyPairSync("ec", { namedCurve: "P-224" })),
      `${KEY_FORM} (got a key of type ec on secp224r1).`,
    ],
    Ed448: () => [pkcs8Of(generateKeyPairSync("ed448")), `${KEY_FORM} (got a key of type ed448).`],
    "another certificate's": () => [
      other.keyPem,
      'must be the private key of the first certificate in caCertPem, of "O=Acme Inc., CN=Acme" (value not shown).',
    ],
  };
  for (const [what, wrong] of Object.entries(fails)) {
    test(`fails: ${what}`, () => {
      const [keyPem, message] = wrong();
      assert.deepEqual(check(acme.certPem, keyPem), [`caPrivateKeyPem ${message}`]);
    });
  }

  test("it must belong to the first certificate", () => {
    assert.deepEqual(check(acme.certPem + other.certPem, acme.keyPem), []);
    assert.equal(check(other.certPem + acme.certPem, acme.keyPem).length, 1);
  });

  test("an error names both by their settings", () => {
    const names = { cert: "the cert", key: "the key" };
    assert.deepEqual(validateCaPair(acme.certPem, other.keyPem, names), [
      'the key must be the private key of the first certificate in the cert, of "O=Acme Inc., CN=Acme" (value not shown).',
    ]);
  });

  test("an invalid key is never shown", () => {
    for (const value of [acme.keyPem, acme.pkcs8, pem("EC PRIVATE KEY", "SGlkZGVu")]) {
      const said = [
        ...validateCaCert("x", value),
        ...check(other.certPem, value),
        ...validateClientCaCert("x", value),
      ].join();
      for (const line of value.split("\n").filter((each) => !each.startsWith("---") && each !== "")) {
        assert.ok(!said.includes(line), `${line} is not in: ${said}`);
      }
    }
  });

  test("every form becomes the one form that signs", () => {
    const parameters = pem("EC PARAMETERS", "BggqhkjOPQMBBw==");
    assert.deepEqual([acme.keyPem, acme.pkcs8, parameters + acme.keyPem].map(signingKey), Array(3).fill(acme.pkcs8));
    assert.deepEqual(check(acme.certPem, parameters + acme.keyPem), []);
  });

  test("its digest stands for its public half, in every form", async () => {
    const digest = publicKeyDigest(acme.keyPem);
    assert.match(digest, /^[0-9a-f]{64}$/);
    assert.equal(publicKeyDigest(acme.pkcs8), digest);
    const publicKey = new X509Certificate(acme.certPem).publicKey.export({ type: "spki", format: "der" });
    assert.equal(digest, createHash("sha256").update(publicKey).digest("hex"));
    assert.notEqual(publicKeyDigest((await makeCa()).keyPem), digest);
  });
});

suite("the settings together", () => {
  const nothing = { caCertPem: false, caPrivateKeyPem: false, caGenerations: false };
  test("both or neither", () => {
    const alone = (name: string): string[] => [
      `caCertPem and caPrivateKeyPem must be set together (got only ${name}).`,
    ];
    assert.deepEqual(validateCaChoice(nothing), []);
    assert.deepEqual(validateCaChoice({ ...nothing, caCertPem: true, caPrivateKeyPem: true }), []);
    assert.deepEqual(validateCaChoice({ ...nothing, caCertPem: true }), alone("caCertPem"));
    assert.deepEqual(validateCaChoice({ ...nothing, caPrivateKeyPem: true }), alone("caPrivateKeyPem"));
  });

  test("no generations beside them", () => {
    assert.deepEqual(validateCaChoice({ ...nothing, caGenerations: true }), []);
    assert.deepEqual(validateCaChoice({ caCertPem: true, caPrivateKeyPem: true, caGenerations: true }), [
      "caGenerations must be left out when caCertPem is set: the given CA signs.",
    ]);
  });
});

function pkcs8Of({ privateKey }: { privateKey: ReturnType<typeof createPrivateKey> }): string {
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
