/** Clients that come and go, and a company's CAs, on the real engine; the control plane alone. */
import assert from "node:assert/strict";
import { X509Certificate, createPrivateKey } from "node:crypto";
import { test } from "node:test";
import { certificatesFingerprint } from "../../components/installers/extensionKind";
import { makeCa } from "../support/ca";
import { Scratch } from "../support/scratch";

/** The certificate of the host's server. */
function serverCert(scratch: Scratch): string {
  return String(scratch.state()["docker-host-server"]?.outputs?.certPem);
}

/** The host trusts these certificates in this order, and no others: the daemon's label is made of them. */
function assertTrusted(scratch: Scratch, certs: (string | undefined)[]): void {
  const { docker } = scratch.state()["docker-host-docker"]?.inputs?.settings as { docker: { options: string[] } };
  const certificates = { trustPem: certs.join(""), certPem: serverCert(scratch) };
  const label = `--label=certificates=${certificatesFingerprint(certificates)}`;
  assert.ok(docker.options.includes(label), `${label} is in: ${docker.options.join(" ")}`);
}

/** The steps of a change of the clients. */
const CHANGES: { change: string; clients: string[]; steps: Record<string, string> }[] = [
  {
    change: "one comes",
    clients: ["bob", "ann", "zoe"],
    steps: {
      "docker-host-client-zoe-key": "+",
      "docker-host-client-zoe": "+",
      "docker-host-docker": "~ protectedSettings, settings",
    },
  },
  { change: "their order, which is no matter to the host", clients: ["zoe", "bob", "ann"], steps: {} },
  {
    change: "one goes",
    clients: ["zoe", "ann"],
    steps: {
      "docker-host-client-bob-key": "-",
      "docker-host-client-bob": "-",
      "docker-host-docker": "~ protectedSettings, settings",
    },
  },
];

test("a client comes and goes in one up, and nothing changes for the others", async (t) => {
  const scratch = new Scratch(t);
  let { outputs } = await (await scratch.open({ "clients[0]": "bob", "clients[1]": "ann" })).up();
  assert.deepEqual(Object.keys(outputs.clientCerts).sort(), ["ann", "bob"]);
  assert.deepEqual([outputs.clientCert, outputs.clientKey], [outputs.clientCerts.bob, outputs.clientKeys?.bob]);
  assertTrusted(scratch, [outputs.clientCerts.ann, outputs.clientCerts.bob]);

  for (const { change, clients, steps } of CHANGES) {
    await t.test(change, async () => {
      const before = outputs;
      scratch.removeList("clients");
      const rehearsal = await scratch.open(
        Object.fromEntries(clients.map((name, index) => [`clients[${index}]`, name])),
      );
      await rehearsal.preview();
      assert.deepEqual(scratch.steps(), steps);
      ({ outputs } = await rehearsal.up());
      assert.deepEqual(scratch.steps(), steps);
      const { clientCerts, clientKeys = {} } = outputs;
      assert.deepEqual(
        [Object.keys(clientCerts).sort(), Object.keys(clientKeys).sort()],
        [[...clients].sort(), [...clients].sort()],
      );
      for (const name of clients.filter((each) => each in before.clientCerts)) {
        assert.equal(clientCerts[name], before.clientCerts[name], `${name}'s certificate stays`);
        assert.equal(clientKeys[name], before.clientKeys?.[name], `${name}'s key stays`);
      }
      for (const name of clients) {
        const pair = new X509Certificate(clientCerts[name] ?? "");
        assert.ok(pair.checkPrivateKey(createPrivateKey(clientKeys[name] ?? "")), `${name}'s key is its own`);
        assert.match(pair.subject, new RegExp(`CN=${name}$`));
      }
      const [first = ""] = clients;
      assert.deepEqual([outputs.clientCert, outputs.clientKey], [clientCerts[first], clientKeys[first]]);
      assertTrusted(
        scratch,
        [...clients].sort().map((name) => clientCerts[name]),
      );
    });
  }
});

for (const [kind, key] of Object.entries({
  "RSA of 2048 bits": { algorithm: "RSA" },
  "P-384": { algorithm: "ECDSA", ecdsaCurve: "P384" },
})) {
  test(`a company's CA, ${kind}: it signs the server, and its clients are trusted`, async (t) => {
    const scratch = new Scratch(t);
    const company = await makeCa({ key });
    const rehearsal = await scratch.open({
      caCertPem: company.certPem,
      caPrivateKeyPem: company.keyPem,
      "clientCaCerts[0]": company.certPem,
    });
    const { outputs } = await rehearsal.up();
    assert.equal(outputs.caCert, company.certPem);
    const [server, ca] = [serverCert(scratch), company.certPem].map((pem) => new X509Certificate(pem));
    assert.ok(server && ca, "both are there");
    assert.ok(server.checkIssued(ca) && server.verify(ca.publicKey), "it signed the server");
    assert.equal(server.checkHost(outputs.fqdn ?? ""), outputs.fqdn);
    assertTrusted(scratch, [outputs.clientCert, company.certPem]);
    assert.deepEqual(
      Object.keys(scratch.state()).filter((name) => name.startsWith("docker-host-ca")),
      [],
      "none is made",
    );
    await (await scratch.open()).up();
    assert.deepEqual(scratch.steps(), {}, "a second up changes nothing");
  });
}
