/** Whatever a PEM setting holds, its rule answers in words, shows no key, and passes nothing that others would read differently. */
import assert from "node:assert/strict";
import { X509Certificate, createPrivateKey } from "node:crypto";
import { before, describe, test } from "node:test";
import * as fc from "fast-check";
import {
  publicKeyDigest,
  signingKey,
  validateCaCert,
  validateCaPair,
  validateCaPrivateKey,
  validateClientCaCert,
} from "../../../components/rules/ca";
import {
  certificatesIn,
  validateHostCertificates,
  validatePem,
  validateTrustedClientCert,
} from "../../../components/rules/pem";
import { SettingsError } from "../../../components/settingsError";
import { type Ca, makeCa } from "../../support/ca";

/** Fixed, and part of each failure's message, so that a failure can be repeated. */
const SEED = 20261128;
const runs = { seed: SEED, numRuns: 1500 };

let acme: Ca;
let leaf: Ca;
before(async () => {
  acme = await makeCa();
  leaf = await makeCa({ commonName: "ann", isCa: false });
});

const derOf = (pem: string): Buffer => Buffer.from(pem.replaceAll(/-----[^-]+-----/g, ""), "base64");
const pemOf = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${der.toString("base64")}\n-----END ${label}-----\n`;

/** The bytes with some of them changed, and cut short or with more after them. */
function mutated(der: Buffer): fc.Arbitrary<Buffer> {
  const change = fc.tuple(fc.nat(der.length - 1), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x80, 0xff, 0x30)));
  return fc
    .tuple(
      fc.array(change, { maxLength: 3 }),
      fc.oneof({ weight: 4, arbitrary: fc.constant(der.length) }, fc.nat(der.length)),
      fc.oneof({ weight: 4, arbitrary: fc.constant(new Uint8Array()) }, fc.uint8Array({ maxLength: 8 })),
    )
    .map(([changes, length, more]) => {
      const bytes = Buffer.from(der);
      for (const [at, byte] of changes) bytes[at] = byte;
      return Buffer.concat([bytes.subarray(0, length), more]);
    });
}

/** Texts of certificates and keys: whole, changed, in each other's place, beside each other, and no PEM at all. */
function pems(): fc.Arbitrary<string> {
  const labels = [
    "CERTIFICATE",
    "TRUSTED CERTIFICATE",
    "PRIVATE KEY",
    "EC PRIVATE KEY",
    "EC PARAMETERS",
    "private key",
  ];
  const one = fc.oneof(
    fc.constantFrom(acme.certPem, leaf.certPem, acme.keyPem, leaf.keyPem, acme.pkcs8),
    fc.oneof(mutated(derOf(acme.certPem)), mutated(derOf(leaf.certPem))).map((der) => pemOf("CERTIFICATE", der)),
    mutated(derOf(acme.pkcs8)).map((der) => pemOf("PRIVATE KEY", der)),
    fc.tuple(fc.constantFrom(...labels), mutated(derOf(acme.pkcs8))).map(([label, der]) => pemOf(label, der)),
    fc.constantFrom(...labels.map((label) => `-----BEGIN ${label}-----`)),
    fc.string({ unit: "binary", maxLength: 40 }),
  );
  return fc.oneof(
    { weight: 3, arbitrary: one },
    { weight: 1, arbitrary: fc.array(one, { maxLength: 4 }).map((all) => all.join("")) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(one, fc.nat(600), fc.string({ maxLength: 6 }))
        .map(([text, at, put]) => text.slice(0, at) + put + text.slice(at)),
    },
  );
}

/** The lines of a key's base64, none of which an error may show. */
const secretLines = (): string[] =>
  [acme.keyPem, acme.pkcs8, leaf.keyPem].flatMap((pem) =>
    pem.split("\n").filter((line) => /^[\w+/=]{20,}$/.test(line)),
  );

/** The problems of a rule, which are words that show no key. */
function problemsOf(rule: (setting: string, value: string) => string[], value: string): string[] {
  const { problems } = new SettingsError(rule("x", value));
  for (const problem of problems) {
    assert.doesNotMatch(problem, /\p{Cc}/u);
    for (const line of secretLines()) assert.ok(!problem.includes(line), problem);
  }
  return problems;
}

describe(`hostile PEM (seed ${SEED})`, () => {
  test("a client's certificate that passes is one, whole, valid now, and has no key beside it", () => {
    let passed = 0;
    fc.assert(
      fc.property(pems(), (pem) => {
        if (problemsOf(validateTrustedClientCert, pem).length > 0) return;
        passed += 1;
        assertWhole(pem);
        const certificate = new X509Certificate(pem);
        assert.equal(certificate.ca, false);
        assertValidNow(certificate);
      }),
      runs,
    );
    assert.ok(passed > 20, `${passed} passed`);
  });

  test("a CA's certificates that pass are CAs', whole, valid now, and have no key beside them", () => {
    let passed = 0;
    fc.assert(
      fc.property(pems(), (pem) => {
        problemsOf(validateCaCert, pem);
        if (problemsOf(validateClientCaCert, pem).length > 0) return;
        passed += 1;
        assertWhole(pem);
        for (const each of certificatesIn(pem)) {
          assert.equal(new X509Certificate(each).ca, true);
          assertValidNow(new X509Certificate(each));
        }
      }),
      runs,
    );
    assert.ok(passed > 20, `${passed} passed`);
  });

  test("a CA's key that passes can sign, and its pair with any certificate that passes gets an answer", () => {
    let passed = 0;
    fc.assert(
      fc.property(pems(), pems(), (key, cert) => {
        problemsOf((setting, value) => validatePem(setting, value, "PRIVATE KEY"), key);
        if (problemsOf(validateCaPrivateKey, key).length > 0) return;
        passed += 1;
        createPrivateKey(signingKey(key));
        assert.match(publicKeyDigest(key), /^[0-9a-f]{64}$/);
        if (validateCaCert("x", cert).length === 0) {
          problemsOf((_setting, value) => validateCaPair(cert, value), key);
        }
        problemsOf(() => validateHostCertificates({ trustPem: cert, certPem: cert, keyPem: key }), key);
      }),
      runs,
    );
    assert.ok(passed > 20, `${passed} passed`);
  });
});

/** Every certificate ends where its block ends: Go, whose TLS the daemon has, takes none with more after it. */
function assertWhole(pem: string): void {
  assert.doesNotMatch(pem, /PRIVATE KEY/i);
  for (const each of certificatesIn(pem)) {
    assert.equal(new X509Certificate(each).raw.toString("hex"), derOf(each).toString("hex"));
  }
}

function assertValidNow({ validFrom, validTo }: X509Certificate): void {
  assert.ok(Date.parse(validFrom) <= Date.now() && Date.now() <= Date.parse(validTo), `${validFrom} to ${validTo}`);
}
