/** One CA for several stacks, and a company's, by plain `pulumi` as the README has it. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { certificatesFingerprint } from "../../components/installers/extensionKind";
import type { StackOutputs } from "../../outputs";
import { makeCa } from "../support/ca";
import { PlainProject } from "../support/plainProject";

/** The resources in a stack's state, with secrets encrypted. */
interface State {
  deployment: { resources: { urn: string; outputs?: Record<string, unknown> }[] };
}

test("a stack has the CA and the clients of another", async (t) => {
  const project = await PlainProject.open(t);
  const on = (stack: string, ...args: string[]): string => project.ok([...args, "--stack", stack]);
  const up = (stack: string): string => on(stack, "up", "--yes", "--skip-preview");
  const outputs = (stack: string): Partial<StackOutputs> =>
    JSON.parse(on(stack, "stack", "output", "--json", "--show-secrets")) as Partial<StackOutputs>;
  const state = (stack: string): Record<string, Record<string, unknown> | undefined> => {
    const { deployment } = JSON.parse(on(stack, "stack", "export")) as State;
    return Object.fromEntries(deployment.resources.map(({ urn, outputs }) => [urn.split("::").at(-1) ?? "", outputs]));
  };
  /** The host trusts these certificates, exactly. */
  const assertTrusted = (stack: string, certs: (string | undefined)[]): void => {
    const resources = state(stack);
    const certPem = String(resources["docker-host-server"]?.certPem);
    const { docker } = resources["docker-host-docker"]?.settings as { docker: { options: string[] } };
    const fingerprint = certificatesFingerprint({ trustPem: certs.join(""), certPem });
    assert.ok(docker.options.includes(`--label=certificates=${fingerprint}`), `trusted: ${docker.options.join(" ")}`);
  };

  for (const stack of ["base", "two"]) {
    project.ok(["stack", "init", stack]);
    on(stack, "config", "set", "azure-native:location", "westeurope");
    on(stack, "config", "set", "--path", "dockerSources[0]", "203.0.113.7/32");
  }
  on("base", "config", "set", "--path", "clients[0]", "ann");
  on("base", "config", "set", "--path", "clients[1]", "bob");
  up("base");
  assert.deepEqual(
    Object.keys(outputs("base")).sort(),
    [
      ...["adminUsername", "caCert", "clientCert", "clientCerts", "clientKey", "clientKeys"],
      ...["dockerHost", "fqdn", "privateIpAddress", "publicIpAddress", "sshPrivateKey", "vmId"],
    ],
    "nothing of the CA's key",
  );

  on("two", "config", "set", "caStack", "organization/azure-docker-host/base");
  assert.match(
    project.fails(["up", "--yes", "--skip-preview", "--stack", "two"]),
    /error: Invalid setting: caStack must be a stack of this program with shareCa .*"organization\/azure-docker-host\/base".* no output caPrivateKey, a secret.*shareCa true/,
  );
  assert.ok(!("group" in state("two")), "nothing was made");
  on("base", "config", "set", "shareCa", "true");
  const sharing = up("base");
  assert.match(sharing, /caPrivateKey *: \[secret\]/);
  assert.match(sharing, /21 unchanged/, "on the host nothing changes");
  const base = outputs("base");

  const preview = on("two", "preview");
  assert.match(preview, /\+ 14 to create/);
  assert.doesNotMatch(preview, /-client-|docker-host-ca/);
  up("two");
  const two = outputs("two");
  assert.deepEqual(Object.keys(two).sort(), [
    ...["adminUsername", "caCert", "caStack", "clientCerts", "dockerHost", "fqdn"],
    ...["privateIpAddress", "publicIpAddress", "sshPrivateKey", "vmId"],
  ]);
  assert.equal(two.caStack, "organization/azure-docker-host/base");
  assert.deepEqual([two.caCert, two.clientCerts], [base.caCert, base.clientCerts]);
  const server = new X509Certificate(String(state("two")["docker-host-server"]?.certPem));
  const ca = new X509Certificate(two.caCert ?? "");
  assert.ok(server.checkIssued(ca) && server.verify(ca.publicKey), "the CA signed the server");
  assertTrusted("two", [base.clientCerts?.ann, base.clientCerts?.bob]);

  for (const stack of ["base", "two"]) {
    const shown = on(stack, "stack", "output") + on(stack, "stack", "export");
    assert.doesNotMatch(shown, /PRIVATE KEY/, `no key of ${stack} stands in plain text`);
  }

  on("two", "config", "set", "--path", "clients[0]", "ann");
  assert.match(
    project.fails(["preview", "--stack", "two"]),
    /error: Invalid setting: clients must not name "ann": the stack "organization\/azure-docker-host\/base" \(caStack\)/,
  );
  on("two", "config", "set", "--path", "clients[0]", "zoe");
  on("base", "config", "rm", "--path", "clients[1]");
  up("base");
  up("two");
  const { ann, ...others } = base.clientCerts ?? {};
  const { clientCert, clientKeys, clientCerts } = outputs("two");
  assert.deepEqual(Object.keys(others), ["bob"]);
  assert.deepEqual(Object.keys(clientKeys ?? {}), ["zoe"], "the keys are its own clients' alone");
  assert.deepEqual(clientCerts, { ann, zoe: clientCert });
  assertTrusted("two", [clientCert, ann]);

  // In production, the CA is as little to be lost as one of its own.
  const MARK = /::docker-host-production-authority"[^]*(marked for protection|is protected)/;
  const refused = (...args: string[]): void => {
    assert.match(project.fails([...args, "--stack", "two"]), MARK);
  };
  on("two", "config", "set", "protect", "true");
  up("two");
  on("base", "config", "set", "caGenerations", "2");
  up("base");
  refused("up", "--yes", "--skip-preview");
  assert.equal(outputs("two").caCert, base.caCert, "the host has the one that it had");
  on("two", "config", "rm", "caStack");
  refused("preview");

  assert.match(on("two", "destroy", "--yes", "--ignore-protect"), /deleted/);
  assert.match(on("base", "destroy", "--yes"), /deleted/);
});

test("a company's CA is set from files", async (t) => {
  const project = await PlainProject.open(t);
  const company = await makeCa({ key: { algorithm: "RSA" } });
  project.ok(["stack", "init", "dev"]);
  project.ok(["config", "set", "--path", "dockerSources[0]", "203.0.113.7/32"]);
  project.ok(["config", "set", "caCertPem"], company.certPem);
  project.ok(["config", "set", "--secret", "caPrivateKeyPem"], company.keyPem);
  project.ok(["config", "set", "--path", "clientCaCerts[0]"], company.certPem);
  const preview = project.ok(["preview"]);
  assert.match(preview, /\+ 17 to create/);
  assert.doesNotMatch(preview, /docker-host-ca/);
});
