/** An authority that another stack shares: what is read of it, and what is refused with which words. */
import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { type SharedAuthority, readSharedAuthority } from "../../authority";
import { SettingsError } from "../../components/settings";
import { type Authority, makeAuthority } from "../support/authorities";

const BASE = "acme/azure-docker-host/base";
const GIVEN = `caStack: "${BASE}"`;
const certPem = (name: string): string => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`;

let acme: Authority;
let leaf: Authority;
before(async () => {
  acme = await makeAuthority();
  leaf = await makeAuthority({ commonName: "ann", isAuthority: false });
});

/** The outputs of a stack that shares all there is to share. */
const shared = (): Record<string, unknown> => ({
  dockerHost: "tcp://base.westeurope.cloudapp.azure.com:4243",
  caCert: acme.certPem,
  caPrivateKey: acme.pkcs8,
  clientCerts: { bob: certPem("bob"), ann: certPem("ann") },
});

/** Reads a stack that has these outputs, in a preview or not. */
async function read(
  outputs: Record<string, unknown>,
  { clients = [] as string[], secrets = ["caPrivateKey"], preview = false } = {},
): Promise<SharedAuthority> {
  const references: unknown[] = [];
  await pulumi.runtime.setMocks(
    {
      call: ({ token }) => {
        throw new Error(`unexpected call of ${token}`);
      },
      newResource: ({ type, name, id, inputs }) => {
        references.push([type, name, id, (inputs as Record<string, unknown>).name]);
        return { id: BASE, state: { name: BASE, outputs, secretOutputNames: secrets } };
      },
    },
    "azure-docker-host",
    "dev",
    preview,
  );
  const authority = await readSharedAuthority(BASE, clients);
  assert.deepEqual(references, [["pulumi:pulumi:StackReference", "authority", BASE, BASE]]);
  return authority;
}

/** What reading is refused with. */
async function problems(...args: Parameters<typeof read>): Promise<string[]> {
  const error = await read(...args).then(
    () => assert.fail("not refused"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SettingsError, String(error));
  const keyLines = [acme, leaf].map(({ keyPem }) => keyPem.split("\n")[1] ?? "");
  assert.ok(!keyLines.some((line) => error.message.includes(line)), "no key is shown");
  return error.problems;
}

suite("what another stack shares", () => {
  for (const preview of [false, true]) {
    test(`is known at once, ${preview ? "in a preview too" : "the key a secret"}`, async () => {
      const { host, clientCerts } = await read(shared(), { preview });
      const { caPrivateKeyPem, ...plain } = host;
      // The certificates by name, so that another order changes nothing on the host.
      assert.deepEqual(plain, { caCertPem: acme.certPem, trustedClientCerts: [certPem("ann"), certPem("bob")] });
      assert.deepEqual(clientCerts, { ann: certPem("ann"), bob: certPem("bob") });
      assert.equal(await pulumi.isSecret(caPrivateKeyPem), true);
      const value = await new Promise((resolve) => pulumi.unsecret(caPrivateKeyPem).apply(resolve));
      assert.equal(value, acme.pkcs8);
    });
  }

  const missing = (output: string): string =>
    `${GIVEN} has no output ${output}; allowed: a stack of this program with shareCa true (there: pulumi config set shareCa true, pulumi up)`;
  const outputs = { caCert: "caCert", caPrivateKey: "caPrivateKey, a secret", clientCerts: "clientCerts" };
  for (const [name, words] of Object.entries(outputs)) {
    test(`is all there: ${name}`, async () => {
      assert.deepEqual(await problems({ ...shared(), [name]: undefined }), [missing(words)]);
    });
  }

  test("is there at all", async () => {
    assert.deepEqual(await problems({}), Object.values(outputs).map(missing));
  });

  test("has its key as a secret", async () => {
    assert.deepEqual(await problems(shared(), { secrets: [] }), [missing("caPrivateKey, a secret")]);
  });

  const wrong: Record<string, { outputs: () => Record<string, unknown>; starts: string[] }> = {
    "no authority": {
      outputs: () => ({ caCert: leaf.certPem, caPrivateKey: leaf.keyPem }),
      starts: [`${GIVEN}: caCert: the certificate of "O=Acme Inc., CN=ann" is no authority's; `],
    },
    "another authority's key": {
      outputs: () => ({ caPrivateKey: leaf.keyPem }),
      starts: [`${GIVEN}: caPrivateKey: the value given (not shown) is not the key of `],
    },
    "no texts": {
      outputs: () => ({ caCert: 7, caPrivateKey: {}, clientCerts: { ann: 7 } }),
      starts: ["caCert", "caPrivateKey", "clientCerts.ann"].map(
        (output) => `${GIVEN}: ${output}: the value given (not shown) is not allowed; `,
      ),
    },
    "a client's key in its certificate's place": {
      outputs: () => ({ clientCerts: { ann: acme.keyPem, bob: certPem("bob") } }),
      starts: [`${GIVEN}: clientCerts.ann: the value given (not shown) is not allowed; `],
    },
  };
  for (const [what, { outputs, starts }] of Object.entries(wrong)) {
    test(`is refused: ${what}`, async () => {
      const found = await problems({ ...shared(), ...outputs() });
      assert.deepEqual(
        found.map((problem, index) => problem.slice(0, starts[index]?.length)),
        starts,
      );
    });
  }

  test("are clients of other names than this stack's own", async () => {
    assert.ok(await read(shared(), { clients: ["carl", "constructor"] }), "names that are not there");
    assert.deepEqual(await problems(shared(), { clients: ["carl", "ann"] }), [
      `clients: "ann" is a client of "${BASE}" (caStack), which this host trusts by that name; allowed: another name`,
    ]);
  });
});
