// The rehearsal's tls provider: keys, certificates, renewal and strictness, judged by Node, OpenSSL and OpenSSH.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, createPublicKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, mock, suite, test } from "node:test";
import { connect, createServer } from "node:tls";
import { type CheckFailure, type Resource, UNKNOWN } from "../../rehearsal/providers/provider";
import type { Properties } from "../../rehearsal/values";
import { tls } from "../../rehearsal/providers/tls";

type TypeName = "PrivateKey" | "SelfSignedCert" | "CertRequest" | "LocallySignedCert";

function resource(type: TypeName): Resource {
  const token = `tls:index/${type.charAt(0).toLowerCase()}${type.slice(1)}:${type}`;
  return { urn: `urn:pulumi:dev::p::${token}::it`, type: token, name: "it" };
}

async function create(type: TypeName, inputs: Properties): Promise<Record<string, string>> {
  const { id, properties } = await tls.create(resource(type), inputs);
  assert.equal(properties["id"], id);
  return properties as Record<string, string>;
}

async function check(type: TypeName, inputs: Properties): Promise<CheckFailure[]> {
  const checked = await tls.check(resource(type), inputs, {});
  assert.deepEqual(checked.inputs, inputs);
  return checked.failures;
}

async function diff(type: TypeName, olds: Properties, news: Properties, state: Properties = {}): Promise<Properties> {
  return (await tls.diff(resource(type), "1", { inputs: olds, state }, news)).diffs;
}

const keyOf = async (inputs: Properties = { algorithm: "ECDSA", ecdsaCurve: "P256" }): Promise<string> =>
  (await create("PrivateKey", inputs))["privateKeyPem"] ?? "";

const ALLOWED_USES = "cert_signing, client_auth, crl_signing, digital_signature, key_encipherment, server_auth";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "tls-provider-"));
});
after(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string | undefined): string {
  const path = join(folder, name);
  writeFileSync(path, content ?? "", { mode: 0o600 });
  return path;
}

function openssl(...args: string[]): string {
  return execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });
}

const serverUses = ["digital_signature", "server_auth"];
const clientUses = ["digital_signature", "client_auth"];

interface Chain {
  authority: Record<string, string>;
  authorityKey: string;
  leaf: Record<string, string>;
  leafKey: string;
}

async function makeChain(keyInputs?: Properties, leafInputs: Properties = {}): Promise<Chain> {
  const authorityKey = await keyOf(keyInputs);
  const leafKey = await keyOf(keyInputs);
  const authority = await create("SelfSignedCert", {
    privateKeyPem: authorityKey,
    allowedUses: ["cert_signing", "crl_signing"],
    isCaCertificate: true,
    validityPeriodHours: 87600,
    subject: { commonName: "Würzburg authority", organization: "Example, Inc." },
  });
  const request = await create("CertRequest", {
    privateKeyPem: leafKey,
    subject: { commonName: "host.example" },
    dnsNames: ["host.example", "localhost"],
    ipAddresses: ["10.0.0.4", "fd00::4", "127.0.0.1"],
  });
  const leaf = await create("LocallySignedCert", {
    caCertPem: authority["certPem"],
    caPrivateKeyPem: authorityKey,
    certRequestPem: request["certRequestPem"],
    allowedUses: serverUses,
    validityPeriodHours: 8760,
    ...leafInputs,
  });
  return { authority, authorityKey, leaf, leafKey };
}

suite("PrivateKey", () => {
  const kinds = [
    { inputs: { algorithm: "RSA" }, header: "RSA PRIVATE KEY", openssh: "ssh-rsa" },
    { inputs: { algorithm: "RSA", rsaBits: 3072 }, header: "RSA PRIVATE KEY", openssh: "ssh-rsa" },
    { inputs: { algorithm: "ECDSA", ecdsaCurve: "P256" }, header: "EC PRIVATE KEY", openssh: "ecdsa-sha2-nistp256" },
    { inputs: { algorithm: "ECDSA", ecdsaCurve: "P384" }, header: "EC PRIVATE KEY", openssh: "ecdsa-sha2-nistp384" },
    { inputs: { algorithm: "ECDSA", ecdsaCurve: "P521" }, header: "EC PRIVATE KEY", openssh: "ecdsa-sha2-nistp521" },
    { inputs: { algorithm: "ED25519" }, header: "PRIVATE KEY", openssh: "ssh-ed25519" },
  ];
  for (const { inputs, header, openssh } of kinds) {
    test(`${JSON.stringify(inputs)} comes in every form, as OpenSSH sees it`, async () => {
      const key = await create("PrivateKey", inputs);
      assert.equal(key["privateKeyPem"]?.split("\n")[0], `-----BEGIN ${header}-----`);
      assert.equal(key["privateKeyPemPkcs8"]?.split("\n")[0], "-----BEGIN PRIVATE KEY-----");
      const publicKey = createPublicKey(key["publicKeyPem"] ?? "");
      assert.ok(publicKey.equals(createPublicKey(key["privateKeyPem"] ?? "")));
      assert.ok(publicKey.equals(createPublicKey(key["privateKeyPemPkcs8"] ?? "")));
      const der = publicKey.export({ type: "spki", format: "der" });
      assert.equal(key["id"], createHash("sha1").update(der).digest("hex"));

      const path = file("id", key["privateKeyOpenssh"]);
      assert.match(
        key["privateKeyOpenssh"] ?? "",
        /^-----BEGIN OPENSSH PRIVATE KEY-----\n[^]*-----END [A-Z ]+-----\n$/,
      );
      const keygen = (...args: string[]): string => execFileSync("ssh-keygen", args, { encoding: "utf8" });
      const [algorithm = "", data = ""] = keygen("-y", "-f", path).trim().split(" ");
      assert.equal(algorithm, openssh);
      assert.equal(key["publicKeyOpenssh"], `${algorithm} ${data}\n`);
      assert.equal(key["publicKeyFingerprintSha256"], keygen("-lf", path).split(" ")[1]);
      assert.equal(`MD5:${key["publicKeyFingerprintMd5"] ?? ""}`, keygen("-E", "md5", "-lf", path).split(" ")[1]);
    });
  }

  test("has the real provider's defaults: RSA of 2048 bits, and P224, which OpenSSH does not know", async () => {
    const rsa = await create("PrivateKey", { algorithm: "RSA" });
    assert.deepEqual([rsa["rsaBits"], rsa["ecdsaCurve"]], [2048, "P224"]);
    assert.equal(createPublicKey(rsa["publicKeyPem"] ?? "").asymmetricKeyDetails?.modulusLength, 2048);
    const p224 = await create("PrivateKey", { algorithm: "ECDSA" });
    assert.equal(createPublicKey(p224["publicKeyPem"] ?? "").asymmetricKeyDetails?.namedCurve, "secp224r1");
    for (const name of [
      "privateKeyOpenssh",
      "publicKeyOpenssh",
      "publicKeyFingerprintMd5",
      "publicKeyFingerprintSha256",
    ]) {
      assert.equal(p224[name], "");
    }
  });

  test("in a preview tells the defaults and that the rest is unknown", async () => {
    assert.deepEqual(await tls.preview(resource("PrivateKey"), { algorithm: "ED25519" }), {
      algorithm: "ED25519",
      ecdsaCurve: "P224",
      rsaBits: 2048,
      privateKeyOpenssh: UNKNOWN,
      privateKeyPem: UNKNOWN,
      privateKeyPemPkcs8: UNKNOWN,
      publicKeyFingerprintMd5: UNKNOWN,
      publicKeyFingerprintSha256: UNKNOWN,
      publicKeyOpenssh: UNKNOWN,
      publicKeyPem: UNKNOWN,
    });
  });

  test("is replaced by any change, but not by spelling out a default", async () => {
    assert.deepEqual(await diff("PrivateKey", { algorithm: "RSA" }, { algorithm: "RSA", rsaBits: 2048 }), {});
    assert.deepEqual(await diff("PrivateKey", { algorithm: "RSA" }, { algorithm: "ECDSA", ecdsaCurve: "P256" }), {
      algorithm: "update-replace",
      ecdsaCurve: "update-replace",
    });
  });
});

suite("certificates", () => {
  const kinds: (Properties | undefined)[] = [
    { algorithm: "RSA" },
    { algorithm: "ECDSA", ecdsaCurve: "P256" },
    { algorithm: "ECDSA", ecdsaCurve: "P384" },
    { algorithm: "ECDSA", ecdsaCurve: "P521" },
    { algorithm: "ED25519" },
  ];
  for (const kind of kinds) {
    test(`a chain of ${JSON.stringify(kind)} holds for OpenSSL and for Node`, async () => {
      const { authority, leaf, leafKey } = await makeChain(kind);
      assert.equal(authority["keyAlgorithm"], kind?.["algorithm"]);
      assert.equal(leaf["caKeyAlgorithm"], kind?.["algorithm"]);
      const ca = file("ca.pem", authority["certPem"]);
      const server = file("server.pem", leaf["certPem"]);
      assert.equal(
        openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", ca, server),
        `${server}: OK\n`,
      );
      assert.throws(
        () => openssl("verify", "-purpose", "sslclient", "-CAfile", ca, server),
        /unsuitable certificate purpose/,
      );

      const issuer = new X509Certificate(authority["certPem"] ?? "");
      const certificate = new X509Certificate(leaf["certPem"] ?? "");
      assert.ok(certificate.verify(issuer.publicKey) && certificate.checkIssued(issuer));
      assert.ok(certificate.publicKey.equals(createPublicKey(leafKey)));
      assert.equal(certificate.issuer, issuer.subject);
      assert.deepEqual([issuer.ca, certificate.ca], [true, false]);
      assert.equal(certificate.subject, "CN=host.example");
      assert.equal(BigInt(`0x${certificate.serialNumber}`).toString(), leaf["id"]);
      assert.equal(
        certificate.subjectAltName,
        "DNS:host.example, DNS:localhost, IP Address:10.0.0.4, IP Address:FD00:0:0:0:0:0:0:4, " +
          "IP Address:127.0.0.1",
      );
    });
  }

  test("every extension is there, critical where it must be", async () => {
    const { authority, leaf } = await makeChain(undefined, { setSubjectKeyId: true });
    const text = (pem: string | undefined): string =>
      openssl("x509", "-noout", "-in", file("cert.pem", pem), "-ext", EXTENSIONS).replace(/ +\n/g, "\n");
    const [, authorityKeyId = ""] = /Subject Key Identifier:\n +(\S+)/.exec(text(authority["certPem"])) ?? [];
    const [, leafKeyId = ""] = /Subject Key Identifier:\n +(\S+)/.exec(text(leaf["certPem"])) ?? [];
    assert.equal(
      text(authority["certPem"]),
      `X509v3 Key Usage: critical\n    Certificate Sign, CRL Sign\n` +
        `X509v3 Basic Constraints: critical\n    CA:TRUE\n` +
        `X509v3 Subject Key Identifier:\n    ${authorityKeyId}\n`,
    );
    assert.equal(
      text(leaf["certPem"]),
      `X509v3 Key Usage: critical\n    Digital Signature\n` +
        `X509v3 Extended Key Usage:\n    TLS Web Server Authentication\n` +
        `X509v3 Basic Constraints: critical\n    CA:FALSE\n` +
        `X509v3 Subject Key Identifier:\n    ${leafKeyId}\n` +
        `X509v3 Authority Key Identifier:\n    ${authorityKeyId}\n` +
        `X509v3 Subject Alternative Name:\n    DNS:host.example, DNS:localhost, IP Address:10.0.0.4, ` +
        `IP Address:FD00:0:0:0:0:0:0:4, IP Address:127.0.0.1\n`,
    );
  });

  test("the issuer is the authority's subject, byte for byte, even in an encoding that is not our own", async () => {
    const key = file("foreign.key", await keyOf());
    const foreign = file("foreign.pem", "");
    // T61STRING, two values in one part and an unusual order: what a foreign authority may have.
    file("foreign.cnf", "[req]\nstring_mask=MASK:0x4\ndistinguished_name=dn\n[dn]\n");
    openssl(
      "req",
      "-x509",
      "-new",
      "-key",
      key,
      "-config",
      join(folder, "foreign.cnf"),
      "-out",
      foreign,
      "-days",
      "9",
      "-multivalue-rdn",
      "-subj",
      "/CN=T61 authority+OU=one/C=DE",
    );
    const request = await create("CertRequest", { privateKeyPem: await keyOf(), subject: { commonName: "x" } });
    const signed = await create("LocallySignedCert", {
      caCertPem: readFileSync(foreign, "utf8"),
      caPrivateKeyPem: readFileSync(key, "utf8"),
      certRequestPem: request["certRequestPem"],
      allowedUses: serverUses,
      validityPeriodHours: 1,
    });
    const server = file("server.pem", signed["certPem"]);
    assert.equal(openssl("verify", "-CAfile", foreign, server), `${server}: OK\n`);
    const hex = (path: string, field: string): string =>
      openssl("x509", "-noout", `-${field}`, "-nameopt", "RFC2253,dump_der,dump_all", "-in", path)
        .split("=")
        .slice(1)
        .join("=");
    assert.equal(hex(server, "issuer"), hex(foreign, "subject"));
  });

  test("a CA with the path length 0 has none, as in the real provider", async () => {
    const { certPem } = await create("SelfSignedCert", {
      privateKeyPem: await keyOf(),
      allowedUses: ["cert_signing"],
      isCaCertificate: true,
      maxPathLength: 0,
      validityPeriodHours: 1,
      subject: { commonName: "ca" },
    });
    const out = openssl("x509", "-noout", "-ext", "basicConstraints", "-in", file("ca.pem", certPem));
    assert.equal(out.split("\n")[1]?.trim(), "CA:TRUE");
  });

  test("the validity begins now and is the certificate's own", async () => {
    const earliest = Math.floor(Date.now() / 1000) * 1000;
    const { leaf } = await makeChain();
    const { validFrom, validTo } = new X509Certificate(leaf["certPem"] ?? "");
    const start = Date.parse(leaf["validityStartTime"] ?? "");
    const end = Date.parse(leaf["validityEndTime"] ?? "");
    assert.ok(start >= earliest && start <= Date.now());
    assert.equal(end - start, 8760 * 3_600_000);
    assert.equal(Date.parse(validFrom), Math.floor(start / 1000) * 1000);
    assert.equal(Date.parse(validTo), Math.floor(end / 1000) * 1000);
  });

  test("in a TLS handshake a client's self-signed certificate is its own anchor, and another's is refused", async () => {
    const { authority, leaf, leafKey } = await makeChain();
    const client = async (): Promise<{ key: string; cert: string }> => {
      const key = await keyOf();
      const inputs = {
        privateKeyPem: key,
        allowedUses: clientUses,
        validityPeriodHours: 1,
        subject: { commonName: "c" },
      };
      return { key, cert: (await create("SelfSignedCert", inputs))["certPem"] ?? "" };
    };
    const [trusted, stranger] = [await client(), await client()];
    const server = createServer(
      { key: leafKey, cert: leaf["certPem"], ca: trusted.cert, requestCert: true },
      (socket) => {
        socket.on("error", () => undefined).end("welcome");
      },
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    // A server that refuses a client closes without a word, so that what counts is whether it says anything.
    const greet = (identity: { key: string; cert: string }): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect({ host: "127.0.0.1", port, ca: authority["certPem"], ...identity });
        let received = "";
        socket.on("data", (data: Buffer) => (received += data.toString())).on("error", () => undefined);
        socket.on("close", () => {
          resolve(received);
        });
      });
    try {
      assert.equal(await greet(trusted), "welcome");
      assert.equal(await greet(stranger), "");
    } finally {
      server.close();
    }
  });
});

const EXTENSIONS =
  "keyUsage,extendedKeyUsage,basicConstraints,subjectKeyIdentifier,authorityKeyIdentifier,subjectAltName";

suite("renewal", () => {
  const inputs = { allowedUses: clientUses, privateKeyPem: "key", validityPeriodHours: 100, earlyRenewalHours: 24 };
  const state = { validityEndTime: "2030-01-31T00:00:00.000Z", earlyRenewalHours: 24 };
  const renewal = { readyForRenewal: "update-replace" };
  const at = async <T>(time: string, act: () => T | Promise<T>): Promise<T> => {
    mock.timers.enable({ apis: ["Date"], now: new Date(time) });
    try {
      return await act();
    } finally {
      mock.timers.reset();
    }
  };

  for (const type of ["SelfSignedCert", "LocallySignedCert"] as const) {
    test(`${type}: a second before the window nothing, in it and after the end a replacement`, async () => {
      const found = (time: string): Promise<Properties> => at(time, () => diff(type, inputs, inputs, state));
      assert.deepEqual(await found("2030-01-29T23:59:59Z"), {});
      assert.deepEqual(await found("2030-01-30T00:00:00Z"), renewal);
      assert.deepEqual(await found("2030-03-01T00:00:00Z"), renewal);
    });
  }

  test("a longer window is updated in place, or replaces at once if the time is within it", async () => {
    const longer = { ...inputs, earlyRenewalHours: 48 };
    const found = (time: string): Promise<Properties> => at(time, () => diff("SelfSignedCert", inputs, longer, state));
    assert.deepEqual(await found("2030-01-28T23:59:59Z"), { earlyRenewalHours: "update" });
    assert.deepEqual(await found("2030-01-29T00:00:00Z"), { earlyRenewalHours: "update", ...renewal });
    const certificate = { ...state, certPem: "cert", readyForRenewal: false };
    const olds = { inputs, state: certificate };
    assert.deepEqual(await tls.update(resource("SelfSignedCert"), "1", olds, longer), {
      ...longer,
      ...certificate,
      earlyRenewalHours: 48,
      isCaCertificate: false,
      setSubjectKeyId: false,
    });
  });

  test("a refresh shows that a renewal is due", async () => {
    const olds = { inputs, state: { ...state, readyForRenewal: false } };
    const read = (): Promise<unknown> => tls.read(resource("SelfSignedCert"), "1", olds);
    assert.deepEqual(await at("2030-01-29T23:59:59Z", read), { id: "1", inputs, properties: olds.state });
    assert.deepEqual(await at("2030-01-30T00:00:00Z", read), {
      id: "1",
      inputs,
      properties: { ...olds.state, readyForRenewal: true },
    });
  });

  test("the clock can be shifted, for what is issued as for what is due", async () => {
    process.env["REHEARSAL_CLOCK_OFFSET_HOURS"] = "24";
    try {
      const privateKeyPem = await keyOf();
      const { validityStartTime } = await at("2030-01-29T00:00:00Z", () =>
        create("SelfSignedCert", { ...inputs, privateKeyPem }),
      );
      assert.equal(validityStartTime, "2030-01-30T00:00:00.000Z");
      assert.deepEqual(await at("2030-01-28T23:59:59Z", () => diff("SelfSignedCert", inputs, inputs, state)), {});
      assert.deepEqual(await at("2030-01-29T00:00:00Z", () => diff("SelfSignedCert", inputs, inputs, state)), renewal);
    } finally {
      delete process.env["REHEARSAL_CLOCK_OFFSET_HOURS"];
    }
  });

  test("any other change replaces, an unknown one too", async () => {
    const news = { ...inputs, privateKeyPem: UNKNOWN, allowedUses: ["client_auth"], subject: { commonName: "c" } };
    assert.deepEqual(await diff("SelfSignedCert", inputs, news), {
      privateKeyPem: "update-replace",
      "allowedUses[0]": "update-replace",
      "allowedUses[1]": "delete-replace",
      subject: "add-replace",
    });
  });
});

suite("strictness", () => {
  const certificate = { privateKeyPem: "key", allowedUses: clientUses, validityPeriodHours: 1 };
  const signed = {
    ...certificate,
    privateKeyPem: undefined,
    caCertPem: "c",
    caPrivateKeyPem: "k",
    certRequestPem: "r",
  };
  const rules: {
    type: TypeName;
    rule: string;
    base?: Properties;
    passes: Properties;
    fails: Properties;
    with: CheckFailure;
  }[] = [
    {
      type: "PrivateKey",
      rule: "algorithm is required",
      passes: { algorithm: "RSA" },
      fails: {},
      with: { property: "algorithm", reason: "Missing required property 'algorithm'" },
    },
    {
      type: "PrivateKey",
      rule: "algorithm is one of three",
      passes: { algorithm: "ED25519" },
      fails: { algorithm: "Ed25519" },
      with: {
        property: "algorithm",
        reason: "Attribute algorithm value must be one of: RSA, ECDSA, ED25519; got: Ed25519",
      },
    },
    {
      type: "PrivateKey",
      rule: "ecdsaCurve is one of four",
      base: { algorithm: "ECDSA" },
      passes: { ecdsaCurve: "P521" },
      fails: { ecdsaCurve: "P-256" },
      with: {
        property: "ecdsaCurve",
        reason: "Attribute ecdsaCurve value must be one of: P224, P256, P384, P521; got: P-256",
      },
    },
    {
      type: "PrivateKey",
      rule: "inputs have their types",
      base: { algorithm: "RSA" },
      passes: { rsaBits: 4096 },
      fails: { rsaBits: "4096" },
      with: { property: "rsaBits", reason: "Attribute rsaBits must be a whole number" },
    },
    {
      type: "SelfSignedCert",
      rule: "uses are in snake_case",
      base: certificate,
      passes: { allowedUses: ["key_encipherment", "server_auth"] },
      fails: { allowedUses: ["key_encipherment", "serverAuth"] },
      with: {
        property: "allowedUses[1]",
        reason: `Attribute allowedUses[1] value must be one of: ${ALLOWED_USES}; got: serverAuth`,
      },
    },
    {
      type: "SelfSignedCert",
      rule: "inputs must be known",
      base: certificate,
      passes: { subject: { commonName: "c" } },
      fails: { subject: { common_name: "c" } },
      with: {
        property: "subject.common_name",
        reason: "Unexpected property 'common_name'; the stand-in knows organization, commonName",
      },
    },
    {
      type: "SelfSignedCert",
      rule: "hours are not negative",
      base: certificate,
      passes: { earlyRenewalHours: 0 },
      fails: { earlyRenewalHours: -1 },
      with: { property: "earlyRenewalHours", reason: "Attribute earlyRenewalHours value must be at least 0, got: -1" },
    },
    {
      type: "CertRequest",
      rule: "a private key is required",
      passes: { privateKeyPem: "key" },
      fails: {},
      with: { property: "privateKeyPem", reason: "Missing required property 'privateKeyPem'" },
    },
    {
      type: "LocallySignedCert",
      rule: "a request is required",
      base: { allowedUses: clientUses, validityPeriodHours: 1, caCertPem: "c", caPrivateKeyPem: "k" },
      passes: { certRequestPem: UNKNOWN },
      fails: {},
      with: { property: "certRequestPem", reason: "Missing required property 'certRequestPem'" },
    },
    {
      type: "LocallySignedCert",
      rule: "path length is at least -1",
      base: Object.fromEntries(Object.entries(signed).filter(([, value]) => value !== undefined)),
      passes: { maxPathLength: -1 },
      fails: { maxPathLength: -2 },
      with: { property: "maxPathLength", reason: "Attribute maxPathLength value must be at least -1, got: -2" },
    },
  ];
  for (const { type, rule, base, passes, fails, with: failure } of rules) {
    test(`${type}: ${rule}`, async () => {
      assert.deepEqual(await check(type, { ...base, ...passes }), []);
      assert.deepEqual(await check(type, { ...base, ...fails }), [failure]);
    });
  }

  test("an unknown input passes, whatever its type", async () => {
    const inputs = { privateKeyPem: UNKNOWN, allowedUses: UNKNOWN, validityPeriodHours: UNKNOWN, subject: UNKNOWN };
    assert.deepEqual(await check("SelfSignedCert", inputs), []);
  });

  test("what cannot be parsed is refused by name, and not printed", async () => {
    const { authority, authorityKey, leaf } = await makeChain();
    const request = (await create("CertRequest", { privateKeyPem: await keyOf() }))["certRequestPem"];
    const broken = "-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n";
    const good = {
      caCertPem: authority["certPem"],
      caPrivateKeyPem: authorityKey,
      certRequestPem: request,
      allowedUses: serverUses,
      validityPeriodHours: 1,
    };
    const refusals: [Properties, string][] = [
      [{ caPrivateKeyPem: "secret" }, "Failed to parse CA private key PEM: failed to decode PEM block"],
      [
        { caPrivateKeyPem: broken },
        "Failed to parse CA private key PEM: failed to parse private key given PEM preamble 'EC PRIVATE KEY'",
      ],
      [
        { caPrivateKeyPem: leaf["certPem"] },
        "Failed to parse CA private key PEM: unsupported PEM preamble/type: CERTIFICATE",
      ],
      [
        { caPrivateKeyPem: await keyOf() },
        "Failed to create certificate: x509: provided PrivateKey doesn't match parent's PublicKey",
      ],
      [
        { certRequestPem: "secret" },
        'Failed to parse certificate request PEM: failed to decode PEM of expected type "CERTIFICATE REQUEST" from bytes',
      ],
      [
        { certRequestPem: leaf["certPem"] },
        'Failed to parse certificate request PEM: invalid PEM type - expected "CERTIFICATE REQUEST", got "CERTIFICATE"',
      ],
      [
        { caCertPem: "-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n" },
        "Failed to parse CA certificate PEM: failed to parse CA certificate",
      ],
    ];
    await create("LocallySignedCert", good);
    for (const [change, message] of refusals) {
      await assert.rejects(create("LocallySignedCert", { ...good, ...change }), { message });
    }
  });

  test("the signer need not be an authority, as in the real provider", async () => {
    const { leaf, leafKey } = await makeChain();
    const request = (await create("CertRequest", { privateKeyPem: await keyOf(), subject: { commonName: "x" } }))[
      "certRequestPem"
    ];
    const signedByLeaf = await create("LocallySignedCert", {
      caCertPem: leaf["certPem"],
      caPrivateKeyPem: leafKey,
      certRequestPem: request,
      allowedUses: serverUses,
      validityPeriodHours: 1,
    });
    assert.equal(new X509Certificate(signedByLeaf["certPem"] ?? "").issuer, "CN=host.example");
  });

  test("what the certificate itself cannot hold is refused", async () => {
    const inputs = { privateKeyPem: await keyOf(), allowedUses: clientUses, validityPeriodHours: 1 };
    const refusals: [Properties, string][] = [
      [{ ipAddresses: ["10.0.0.256"] }, 'Invalid IP address: Failed to parse "10.0.0.256"'],
      [{ dnsNames: ["würzburg.example"] }, 'x509: "würzburg.example" cannot be encoded as an IA5String'],
    ];
    for (const [change, message] of refusals) {
      await assert.rejects(create("SelfSignedCert", { ...inputs, ...change }), { message });
    }
  });

  test("an unknown type is refused", async () => {
    await assert.rejects(async () => tls.check({ ...resource("PrivateKey"), type: "tls:index:Other" }, {}, {}), {
      message:
        "Unknown resource type tls:index:Other; known are: tls:index/privateKey:PrivateKey, " +
        "tls:index/selfSignedCert:SelfSignedCert, tls:index/certRequest:CertRequest, " +
        "tls:index/locallySignedCert:LocallySignedCert",
    });
  });
});
