/** The rules of authorities that are given: for each, what passes, and what fails with which words; and that no key is ever shown. */
import assert from "node:assert/strict";
import { X509Certificate, createHash, createPrivateKey, generateKeyPairSync } from "node:crypto";
import { before, suite, test } from "node:test";
import {
  checkAuthority,
  checkAuthorityCertificate,
  checkClientAuthority,
  checkGivenAuthority,
  publicKeyDigest,
  signingKey,
} from "../../components/authorities";
import { type Authority, makeAuthority } from "../support/authorities";

const CERT_FORM = "allowed: PEM of an authority's certificate (CA:TRUE) that is valid now";
const KEY_FORM =
  "allowed: PEM of a private key, RSA of 2048 bits or more, ECDSA on P-256, P-384 or P-521, or Ed25519, without a passphrase";
const NO_CERT = 'the value given (not shown) is not allowed; allowed: PEM, "-----BEGIN CERTIFICATE-----" and so on';
const NO_KEY = 'the value given (not shown) is not allowed; allowed: PEM, "-----BEGIN PRIVATE KEY-----" and so on';
const pem = (label: string, content = "AAAA"): string =>
  `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`;

let acme: Authority;
let other: Authority;
let expired: Authority;
let future: Authority;
let leaf: Authority;
before(async () => {
  [acme, other, expired, future, leaf] = await Promise.all([
    makeAuthority(),
    makeAuthority({ commonName: "Other" }),
    makeAuthority({ commonName: "Former", fromHours: -48, toHours: -24 }),
    makeAuthority({ commonName: "Next", fromHours: 24, toHours: 48 }),
    makeAuthority({ commonName: "ann", isAuthority: false }),
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
  [pem("CERTIFICATE"), `the value given (not shown) can't be read as a certificate; ${CERT_FORM}`],
  ["-----BEGIN CERTIFICATE-----\n", `the value given (not shown) can't be read as a certificate; ${CERT_FORM}`],
  [leaf.certPem, `the certificate of "O=Acme Inc., CN=ann" is no authority's; ${CERT_FORM}`],
  [
    expired.certPem,
    `the certificate of "O=Acme Inc., CN=Former" expired on ${new X509Certificate(expired.certPem).validTo}; ${CERT_FORM}`,
  ],
  [
    future.certPem,
    `the certificate of "O=Acme Inc., CN=Next" is valid only from ${new X509Certificate(future.certPem).validFrom} on; ${CERT_FORM}`,
  ],
];

suite("certificates", () => {
  test("of an authority that signs: the first one counts", () => {
    for (const value of [acme.certPem, `Subject: Acme\n${acme.certPem}`, acme.certPem + expired.certPem]) {
      assert.deepEqual(checkAuthorityCertificate("caCertPem", value), [], value);
    }
    for (const [value, message] of wrongCertificates()) {
      assert.deepEqual(checkAuthorityCertificate("caCertPem", value), [`caCertPem: ${message}`], String(value));
    }
    assert.equal(checkAuthorityCertificate("caCertPem", expired.certPem + acme.certPem).length, 1);
  });

  test("of an authority that vouches for clients: each one counts", () => {
    for (const value of [acme.certPem, acme.certPem + other.certPem]) {
      assert.deepEqual(checkClientAuthority("clientCaCerts[0]", value), [], value);
    }
    for (const [value, message] of wrongCertificates()) {
      const problems = [`clientCaCerts[0]: ${message}`];
      assert.deepEqual(checkClientAuthority("clientCaCerts[0]", value), problems, String(value));
      if (typeof value === "string" && value.includes("END CERTIFICATE")) {
        assert.deepEqual(checkClientAuthority("clientCaCerts[0]", acme.certPem + value), problems, value);
      }
    }
  });
});

suite("an authority's key", () => {
  const check = (certPem: unknown, keyPem: unknown): string[] => checkAuthority(certPem, keyPem);

  const kinds: Record<string, Record<string, unknown>> = {
    "RSA of 2048 bits": { algorithm: "RSA" },
    "P-256": { algorithm: "ECDSA", ecdsaCurve: "P256" },
    "P-384": { algorithm: "ECDSA", ecdsaCurve: "P384" },
    "P-521": { algorithm: "ECDSA", ecdsaCurve: "P521" },
    Ed25519: { algorithm: "ED25519" },
  };
  for (const [kind, key] of Object.entries(kinds)) {
    test(`passes: ${kind}, in either form`, async () => {
      const { certPem, keyPem, pkcs8 } = await makeAuthority({ key });
      assert.deepEqual([check(certPem, keyPem), check(certPem, pkcs8)], [[], []]);
    });
  }

  const fails: Record<string, () => [keyPem: unknown, message: string]> = {
    nothing: () => ["", NO_KEY],
    "no text": () => [null, NO_KEY],
    "a file's name": () => ["key.pem", NO_KEY],
    "a certificate": () => [acme.certPem, NO_KEY],
    "a certificate beside it": () => [acme.keyPem + acme.certPem, NO_KEY],
    garbage: () => [pem("PRIVATE KEY"), `the value given (not shown) can't be read as a private key; ${KEY_FORM}`],
    "a passphrase": () => [
      createPrivateKey(acme.keyPem)
        .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "hush" })
        .toString(),
      `the key given (not shown) is encrypted with a passphrase; ${KEY_FORM}`,
    ],
    "a passphrase in the former form": () => [
      createPrivateKey(acme.keyPem)
        .export({ type: "sec1", format: "pem", cipher: "aes-256-cbc", passphrase: "hush" })
        .toString(),
      `the key given (not shown) is encrypted with a passphrase; ${KEY_FORM}`,
    ],
    "RSA of 1024 bits": () => [
      pkcs8Of(generateKeyPairSync("rsa", { modulusLength: 1024 })),
      `a key of type rsa of 1024 bits can't sign here; ${KEY_FORM}`,
    ],
    "RSA-PSS": () => [
      pkcs8Of(generateKeyPairSync("rsa-pss", { modulusLength: 2048 })),
      `a key of type rsa-pss of 2048 bits can't sign here; ${KEY_FORM}`,
    ],
    "another curve": () => [
      pkcs8Of(generateKeyPairSync("ec", { namedCurve: "secp256k1" })),
      `a key of type ec on secp256k1 can't sign here; ${KEY_FORM}`,
    ],
    "P-224": () => [
      pkcs8Of(generateKeyPairSync("ec", { namedCurve: "P-224" })),
      `a key of type ec on secp224r1 can't sign here; ${KEY_FORM}`,
    ],
    Ed448: () => [pkcs8Of(generateKeyPairSync("ed448")), `a key of type ed448 can't sign here; ${KEY_FORM}`],
    "another certificate's": () => [
      other.keyPem,
      'the value given (not shown) is not the key of "O=Acme Inc., CN=Acme"; allowed: the private key of the first certificate in caCertPem',
    ],
  };
  for (const [what, wrong] of Object.entries(fails)) {
    test(`fails: ${what}`, () => {
      const [keyPem, message] = wrong();
      assert.deepEqual(check(acme.certPem, keyPem), [`caPrivateKeyPem: ${message}`]);
    });
  }

  test("the certificate that it belongs to is the first", () => {
    assert.deepEqual(check(acme.certPem + other.certPem, acme.keyPem), []);
    assert.equal(check(other.certPem + acme.certPem, acme.keyPem).length, 1);
  });

  test("both are named by what they are called where they are from", () => {
    const names = { cert: "the cert", key: "the key" };
    const starts = (problems: string[]): string[] => problems.map((problem) => problem.slice(0, 9));
    assert.deepEqual(starts(checkAuthority("", "", names)), ["the cert:", "the key: "]);
    assert.match(
      checkAuthority(acme.certPem, other.keyPem, names).join(),
      /^the key: .* first certificate in the cert$/,
    );
  });

  test("what is wrong is never shown", () => {
    for (const value of [acme.keyPem, acme.pkcs8, pem("EC PRIVATE KEY", "SGlkZGVu")]) {
      const said = [...check(value, value), ...check(acme.certPem, value), ...checkClientAuthority("x", value)].join();
      for (const line of value.split("\n").filter((each) => !each.startsWith("---") && each !== "")) {
        assert.ok(!said.includes(line), `${line} is not in: ${said}`);
      }
    }
  });

  test("it is signed with in one form, whichever it is given in", () => {
    const parameters = pem("EC PARAMETERS", "BggqhkjOPQMBBw==");
    assert.deepEqual([acme.keyPem, acme.pkcs8, parameters + acme.keyPem].map(signingKey), Array(3).fill(acme.pkcs8));
    assert.deepEqual(check(acme.certPem, parameters + acme.keyPem), []);
  });

  test("its digest stands for its public half, in whichever form the key is", async () => {
    const digest = publicKeyDigest(acme.keyPem);
    assert.match(digest, /^[0-9a-f]{64}$/);
    assert.equal(publicKeyDigest(acme.pkcs8), digest);
    const publicKey = new X509Certificate(acme.certPem).publicKey.export({ type: "spki", format: "der" });
    assert.equal(digest, createHash("sha256").update(publicKey).digest("hex"));
    assert.notEqual(publicKeyDigest((await makeAuthority()).keyPem), digest);
  });
});

suite("the settings together", () => {
  const alone = "caCertPem and caPrivateKeyPem: only one of them is given; allowed: both, or neither";
  test("both or neither", () => {
    const { certPem: caCertPem, keyPem: caPrivateKeyPem } = acme;
    assert.deepEqual(checkGivenAuthority({}), []);
    assert.deepEqual(checkGivenAuthority({ caCertPem, caPrivateKeyPem }), []);
    assert.deepEqual(checkGivenAuthority({ caCertPem }), [alone]);
    assert.deepEqual(checkGivenAuthority({ caPrivateKeyPem }), [alone]);
  });

  test("no generations beside them", () => {
    assert.deepEqual(checkGivenAuthority({ caGenerations: [1, 2] }), []);
    assert.deepEqual(
      checkGivenAuthority({ caCertPem: acme.certPem, caPrivateKeyPem: acme.keyPem, caGenerations: [1, 2] }),
      ["caGenerations: given with caCertPem, which is another authority; allowed: one of the two"],
    );
  });

  test("what is no plain value is not looked at, but the other one is", () => {
    const unknown = {};
    assert.deepEqual(checkGivenAuthority({ caCertPem: unknown, caPrivateKeyPem: unknown }), []);
    assert.deepEqual(checkGivenAuthority({ caCertPem: "", caPrivateKeyPem: unknown }), [`caCertPem: ${NO_CERT}`]);
    assert.deepEqual(checkGivenAuthority({ caCertPem: unknown, caPrivateKeyPem: "" }), [`caPrivateKeyPem: ${NO_KEY}`]);
    assert.deepEqual(checkGivenAuthority({ caCertPem: "", caPrivateKeyPem: "" }), [
      `caCertPem: ${NO_CERT}`,
      `caPrivateKeyPem: ${NO_KEY}`,
    ]);
  });
});

function pkcs8Of({ privateKey }: { privateKey: ReturnType<typeof createPrivateKey> }): string {
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}
