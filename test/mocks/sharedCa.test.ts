/** A CA that another stack shares: the values that are read, and the words of those that fail. */
import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { SettingsError } from "../../components/settingsError";
import { type SharedCa, readSharedCa } from "../../sharedCa";
import { type Ca, makeCa } from "../support/ca";

const BASE = "acme/azure-docker-host/base";
/** An output of that stack, as an error names it. */
const from = (output: string): string => `${output} of the stack "${BASE}" (caStack)`;

let acme: Ca;
let leaf: Ca;
/** The certificates of that stack's clients. */
let ann: string;
let bob: string;
let expired: Ca;
let clientsCa: Ca;
before(async () => {
  acme = await makeCa();
  leaf = await makeCa({ commonName: "ann", isCa: false });
  ann = leaf.certPem;
  expired = await makeCa({ commonName: "ann", isCa: false, fromHours: -48, toHours: -24 });
  clientsCa = await makeCa({ uses: ["cert_signing", "client_auth"] });
  bob = (await makeCa({ commonName: "bob", isCa: false })).certPem;
});

/** The outputs of a stack that shares all there is to share. */
const shared = (): Record<string, unknown> => ({
  dockerHost: "tcp://base.westeurope.cloudapp.azure.com:4243",
  caCert: acme.certPem,
  caPrivateKey: acme.pkcs8,
  clientCerts: { bob, ann },
});

/** Reads a stack that has these outputs, in a preview or not. */
async function read(
  outputs: Record<string, unknown>,
  { clients = [] as string[], secrets = ["caPrivateKey"], preview = false } = {},
): Promise<SharedCa> {
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
  const ca = await readSharedCa(BASE, clients);
  assert.deepEqual(references, [["pulumi:pulumi:StackReference", "authority", BASE, BASE]]);
  return ca;
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

suite("the outputs that another stack shares", () => {
  for (const preview of [false, true]) {
    test(`are known at once, ${preview ? "in a preview too" : "the key a secret"}`, async () => {
      const { host, clientCerts } = await read(shared(), { preview });
      const { caPrivateKeyPem, ...plain } = host;
      // The certificates by name, so that another order changes nothing on the host.
      assert.deepEqual(plain, { caCertPem: acme.certPem, trustedClientCerts: [ann, bob] });
      assert.deepEqual(clientCerts, { ann, bob });
      assert.equal(await pulumi.isSecret(caPrivateKeyPem), true);
      const value = await new Promise((resolve) => pulumi.unsecret(caPrivateKeyPem).apply(resolve));
      assert.equal(value, acme.pkcs8);
    });
  }

  const missing = (output: string): string =>
    `caStack must be a stack of this program with shareCa (got "${BASE}", which has no output ${output}). There: pulumi config set shareCa true && pulumi up`;
  const outputs = { caCert: "caCert", caPrivateKey: "caPrivateKey, a secret", clientCerts: "clientCerts" };
  for (const [name, words] of Object.entries(outputs)) {
    test(`are complete: ${name}`, async () => {
      assert.deepEqual(await problems({ ...shared(), [name]: undefined }), [missing(words)]);
    });
  }

  test("are there at all", async () => {
    assert.deepEqual(await problems({}), Object.values(outputs).map(missing));
  });

  test("have its key as a secret", async () => {
    assert.deepEqual(await problems(shared(), { secrets: [] }), [missing("caPrivateKey, a secret")]);
  });

  const wrong: Record<string, { outputs: () => Record<string, unknown>; starts: string[] }> = {
    "no CA": {
      outputs: () => ({ caCert: leaf.certPem, caPrivateKey: leaf.keyPem }),
      starts: [`${from("caCert")} must be a CA's certificate, CA:TRUE (got the certificate of "O=Acme Inc., CN=ann").`],
    },
    "another CA's key": {
      outputs: () => ({ caPrivateKey: leaf.keyPem }),
      starts: [`${from("caPrivateKey")} must be the private key of the first certificate in ${from("caCert")}, of `],
    },
    "no texts": {
      outputs: () => ({ caCert: 7, caPrivateKey: {}, clientCerts: { ann: 7 } }),
      starts: [
        `${from("caCert")} must be PEM, `,
        `${from("caPrivateKey")} must be PEM, `,
        `${from("clientCerts.ann")} must be the PEM of one client certificate (value not shown).`,
      ],
    },
    "a client's key in its certificate's place": {
      outputs: () => ({ clientCerts: { ann: acme.keyPem, bob } }),
      starts: [`${from("clientCerts.ann")} must be the PEM of one client certificate (value not shown).`],
    },
    "a CA's certificate in a client's place": {
      outputs: () => ({ clientCerts: { ann: clientsCa.certPem, bob } }),
      starts: [`${from("clientCerts.ann")} must be the PEM of one client certificate, not of a CA `],
    },
    "a client's certificate that has expired": {
      outputs: () => ({ clientCerts: { ann: expired.certPem, bob } }),
      starts: [
        `${from("clientCerts.ann")} must be valid now (got the certificate of "O=Acme Inc., CN=ann", expired on `,
      ],
    },
  };
  for (const [what, { outputs, starts }] of Object.entries(wrong)) {
    test(`fail: ${what}`, async () => {
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
      `clients must not name "ann": the stack "${BASE}" (caStack) has a client of that name, which this host trusts too.`,
    ]);
  });
});
