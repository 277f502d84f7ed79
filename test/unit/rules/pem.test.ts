/** The rules of PEM texts and certificates: the values that pass, and the words of those that fail. */
import assert from "node:assert/strict";
import { X509Certificate, webcrypto } from "node:crypto";
import { suite, test } from "node:test";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { scriptProtectedSettings } from "../../../components/installers/customScript";
import { extensionProtectedSettings } from "../../../components/installers/dockerExtension";
import {
  subjectOf,
  trustFile,
  validateHostCertificates,
  validatePem,
  validateTrustedClientCert,
} from "../../../components/rules/pem";
import { SettingsError } from "../../../components/settingsError";
import { type Ca, type CaOptions, inVersion1, makeCa } from "../../support/ca";
import { table } from "../../support/rules";

suite("PEM texts", () => {
  const cert = pem("CERTIFICATE");
  const keyPem = pem("EC PRIVATE KEY");
  const all = { trustPem: cert, certPem: pem("CERTIFICATE", "BB=="), keyPem };
  const refused = (part: string): string =>
    `${part} must be PEM. A Docker port is never opened without all three certificates.`;

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
        assert.deepEqual(validateHostCertificates(certificates), [refused(part)]);
        const daemon = {
          dockerPort: 4243,
          daemonOptions: {},
          allowContainerIdentity: false,
          adminUsername: "ops",
          certificates,
        };
        assert.throws(() => scriptProtectedSettings(daemon), error);
        assert.throws(() => extensionProtectedSettings(certificates), error);
      });
    }
  }
  test("none at all: each is named", () => {
    assert.deepEqual(
      validateHostCertificates({ trustPem: "", certPem: "", keyPem: "" }),
      ["trustPem", "certPem", "keyPem"].map(refused),
    );
  });
  test("a trust file with a client's key in it never reaches the host", () => {
    assert.deepEqual(validateHostCertificates({ ...all, trustPem: cert + keyPem }), [refused("trustPem")]);
  });

  table<unknown>(
    "a certificate that is given is one, without a key, and is not shown",
    (value) => validatePem("caCertPem", value, "CERTIFICATE"),
    [cert, `Subject: x\n${cert}`, cert + cert],
    [
      "",
      null,
      "ca.pem",
      keyPem,
      cert + keyPem,
      cert + keyPem.toLowerCase(),
      cert.replace("-----\n", "-----BEGIN PRIVATE KEY-----\n"),
      pem("CERTIFICATE REQUEST"),
      // Docker would skip it.
      pem("TRUSTED CERTIFICATE"),
      "-----BEGIN CERTIFICATE",
    ],
    () => 'caCertPem must be PEM, beginning with "-----BEGIN CERTIFICATE-----" (value not shown).',
  );
  table(
    "so is a private key",
    (value) => validatePem("caPrivateKeyPem", value, "PRIVATE KEY"),
    [keyPem, pem("PRIVATE KEY"), pem("RSA PRIVATE KEY"), pem("EC PARAMETERS") + keyPem],
    ["", "ca-key.pem", cert, keyPem + cert, pem("PUBLIC KEY")],
    () => 'caPrivateKeyPem must be PEM, beginning with "-----BEGIN PRIVATE KEY-----" (value not shown).',
  );
});

suite("a client's certificate that the host trusts", () => {
  const MUST = "trustedClientCerts[0] must be the PEM of one client certificate";
  const ANN = '(got the certificate of "O=Acme Inc., CN=ann")';
  const NO_USE = `${MUST}, with the extended key usage clientAuth ${ANN}.`;
  const validate = (pem: unknown): string[] => validateTrustedClientCert("trustedClientCerts[0]", pem);
  /** Ann's certificate, which is a client's and valid now if nothing else is said. */
  const ann = async (options: CaOptions = {}): Promise<Ca> => makeCa({ commonName: "ann", isCa: false, ...options });

  test("passes: one that a client has", async () => {
    const { certPem } = await ann();
    for (const pem of [certPem, `Subject: ann\n${certPem}\n`, certPem.replaceAll("\n", "\r\n")]) {
      assert.deepEqual(validate(pem), [], pem);
    }
  });

  const uses: Record<string, { uses: string[]; problems: string[] }> = {
    clientAuth: { uses: ["client_auth"], problems: [] },
    "clientAuth and serverAuth": { uses: ["server_auth", "client_auth"], problems: [] },
    "serverAuth alone": { uses: ["digital_signature", "server_auth"], problems: [NO_USE] },
    "codeSigning alone": { uses: ["code_signing"], problems: [NO_USE] },
    "none at all": { uses: ["digital_signature"], problems: [NO_USE] },
  };
  for (const [what, { uses: allowed, problems }] of Object.entries(uses)) {
    test(`${problems.length === 0 ? "passes" : "fails"}: the extended key usage ${what}`, async () => {
      assert.deepEqual(validate((await ann({ uses: allowed })).certPem), problems);
    });
  }

  test("passes: anyExtendedKeyUsage, which stands for every use", async () => {
    const keys = await webcrypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned(
      {
        name: "CN=ann",
        keys,
        notBefore: new Date(Date.now() - 60_000),
        notAfter: new Date(Date.now() + 3_600_000),
        extensions: [new x509.ExtendedKeyUsageExtension(["2.5.29.37.0"])],
      },
      webcrypto,
    );
    assert.deepEqual(validate(certificate.toString("pem")), []);
  });

  test("fails: a CA's, whatever its key may be used for", async () => {
    const aCa = `${MUST}, not of a CA ${ANN}. Set clientCaCerts to trust all clients of a CA.`;
    const { certPem } = await ann({ isCa: true, uses: ["cert_signing", "client_auth"] });
    assert.deepEqual(validate(certPem), [aCa]);
    assert.deepEqual(validate((await ann({ isCa: true })).certPem), [aCa, NO_USE]);
  });

  test("fails: X.509 version 1, which Go takes for a CA's", async () => {
    const { certPem } = await ann();
    assert.deepEqual(validate(inVersion1(certPem)), [`${MUST} of X.509 version 3 ${ANN}.`, NO_USE]);
  });

  test("fails: version 2, whatever stands in it", async () => {
    const { raw } = new X509Certificate((await ann()).certPem);
    const version = raw.indexOf(Buffer.from([0xa0, 3, 2, 1, 2]));
    raw[version + 4] = 1;
    assert.deepEqual(validate(pem("CERTIFICATE", raw.toString("base64"))), [`${MUST} of X.509 version 3 ${ANN}.`]);
  });

  test("fails: one that isn't valid now", async () => {
    const [former, next] = [await ann({ fromHours: -48, toHours: -24 }), await ann({ fromHours: 24, toHours: 48 })];
    const given = ANN.slice(1, -1);
    assert.deepEqual(validate(former.certPem), [
      `trustedClientCerts[0] must be valid now (${given}, expired on ${new X509Certificate(former.certPem).validTo}).`,
    ]);
    assert.deepEqual(validate(next.certPem), [
      `trustedClientCerts[0] must be valid now (${given}, valid from ${new X509Certificate(next.certPem).validFrom}).`,
    ]);
  });

  test("fails: one whose times can't be read", async () => {
    for (const [time, words] of [
      [0, "valid from"],
      [1, "expired on"],
    ] as const) {
      const { raw } = new X509Certificate((await ann()).certPem);
      // Both times are a UTCTime of 13 characters, one after the other (RFC 5280, 4.1.2.5).
      raw[raw.indexOf(Buffer.from([0x17, 13])) + 4 + time * 15] = 0;
      assert.deepEqual(validate(pem("CERTIFICATE", raw.toString("base64"))), [
        `trustedClientCerts[0] must be valid now (${ANN.slice(1, -1)}, ${words} Bad time value).`,
      ]);
    }
  });

  test("fails: one with more after it in its block, which Go refuses", async () => {
    const { raw } = new X509Certificate((await ann()).certPem);
    const more = pem("CERTIFICATE", Buffer.concat([raw, Buffer.from([0])]).toString("base64"));
    assert.deepEqual(validate(more), [`${MUST}, and it can't be read (value not shown).`]);
  });

  test("fails: more than one, or none", async () => {
    const { certPem, keyPem, pkcs8 } = await ann();
    assert.deepEqual(validate(certPem + certPem), [`${MUST} (got 2 certificates).`]);
    const none = ["", "ann.pem", null, 7, [certPem], keyPem, certPem + keyPem, pkcs8 + certPem];
    for (const value of [...none, certPem.replaceAll(" CERTIFICATE", " TRUSTED CERTIFICATE")]) {
      assert.deepEqual(validate(value), [`${MUST} (value not shown).`], String(value));
    }
    for (const value of [pem("CERTIFICATE"), "-----BEGIN CERTIFICATE-----\n", certPem.slice(0, -40)]) {
      assert.deepEqual(validate(value), [`${MUST}, and it can't be read (value not shown).`], value);
    }
  });

  test("a certificate without a subject is named so", async () => {
    const { certPem } = await ann({ isCa: true, uses: ["client_auth"] });
    assert.equal(subjectOf({ subject: undefined } as unknown as X509Certificate), '""');
    assert.equal(subjectOf(new X509Certificate(certPem)), '"O=Acme Inc., CN=ann"');
  });
});

function pem(label: string, content = "AA=="): string {
  return `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`;
}
