/** Values that become known later, with a problem: they end the program before the resource that takes them is declared. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { before, suite, test } from "node:test";
import { makeCa } from "../support/ca";

/** A value that the program gets as an output, or as a secret. */
const later = (value: unknown): object => ({ later: value });
const secret = (value: unknown): object => ({ secret: value });

const ARM_IMAGE = "Canonical:ubuntu-24_04-lts:server-arm64:latest";
const ARM_SIZE = "Standard_D2ps_v6";
const many = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `10.0.${index >> 8}.${index & 255}`);

interface Case {
  args: Record<string, unknown>;
  /** The beginning of the one problem. */
  starts: string;
  /** The resource that must not be declared. */
  not: string;
}

async function casesOf(): Promise<Record<string, Case>> {
  const [acme, leaf, ca] = await Promise.all([
    makeCa(),
    makeCa({ commonName: "ann", isCa: false }),
    makeCa({ uses: ["cert_signing", "client_auth"] }),
  ]);
  return {
    "a CA that is none": {
      args: { caCertPem: later(leaf.certPem), caPrivateKeyPem: later(leaf.keyPem) },
      starts: 'caCertPem must be a CA\'s certificate, CA:TRUE (got the certificate of "O=Acme Inc., CN=ann").',
      not: "web-server",
    },
    "another CA's key": {
      args: { caCertPem: later(acme.certPem), caPrivateKeyPem: later(leaf.keyPem) },
      starts: "caPrivateKeyPem must be the private key of the first certificate in caCertPem, ",
      not: "web-server",
    },
    "another CA's key beside a plain certificate": {
      args: { caCertPem: acme.certPem, caPrivateKeyPem: secret(leaf.keyPem) },
      starts: "caPrivateKeyPem must be the private key of the first certificate in caCertPem, ",
      not: "web-server",
    },
    "a client's CA that is none": {
      args: { clientCaCerts: [acme.certPem, later(leaf.certPem)] },
      starts: "clientCaCerts[1] must be a CA's certificate, CA:TRUE ",
      not: "web-docker",
    },
    "a trusted client's certificate that is a CA's": {
      args: { trustedClientCerts: [leaf.certPem, later(ca.certPem)] },
      starts: "trustedClientCerts[1] must be the PEM of one client certificate, not of a CA ",
      not: "web-docker",
    },
    "a source for everyone": {
      args: { dockerSources: ["203.0.113.7", later("*")] },
      starts: 'dockerSources must not be open to the Internet (got "*"). ',
      not: "web-nsg",
    },
    "a source for everyone, for SSH": {
      args: { sshSources: later(["0.0.0.0/0"]) },
      starts: 'sshSources must not be open to the Internet (got "0.0.0.0/0"). ',
      not: "web-nsg",
    },
    "more rules than Azure takes": {
      args: { dockerSources: later(many(600)), sshSources: many(400) },
      starts: "dockerSources and sshSources must hold at most 999 entries together, ",
      not: "web-nsg",
    },
    "a DNS label": {
      args: { dnsLabel: later("My_Host") },
      starts: "dnsLabel must have 3 to 63 lower-case letters, ",
      not: "web-ip",
    },
    "a subnet": {
      args: { subnetId: later("hosts") },
      starts: "subnetId must be a subnet's resource ID, ",
      not: "web-nic",
    },
    "a size": { args: { vmSize: later("big") }, starts: "vmSize must be one of Azure's sizes, ", not: "web-vm" },
    "an image": { args: { image: later("ubuntu") }, starts: "image must be a URN ", not: "web-vm" },
    "an image that Azure doesn't patch": {
      args: { image: later("Debian:debian-12:12:latest"), patchReboot: "Never" },
      starts: "patchReboot must be left out with an image that Azure doesn't patch ",
      not: "web-vm",
    },
    "an x64 image for an Arm size that is known later": {
      args: { vmSize: later(ARM_SIZE), installer: "CustomScript" },
      starts: `image must be an Arm image for the Arm size "${ARM_SIZE}" `,
      not: "web-vm",
    },
    "an Arm image that is known later for an x64 size": {
      args: { image: later(ARM_IMAGE), installer: "CustomScript" },
      starts: `vmSize must be an Arm size for the Arm image "${ARM_IMAGE}" `,
      not: "web-vm",
    },
    "a version": {
      args: { dockerVersion: later("28.2") },
      starts: 'dockerVersion must be "28.2.*", ',
      not: "web-prepare",
    },
    "an update tag": {
      args: { forceUpdateTag: later("a b") },
      starts: "forceUpdateTag must have 1 to 128 ",
      not: "web-prepare",
    },
    "an option that would open the port": {
      args: { daemonOptions: later({ tlsverify: false }) },
      starts: "daemonOptions.tlsverify must be left out. ",
      not: "web-docker",
    },
    "secret options with the DockerExtension": {
      args: { daemonOptions: secret({ labels: ["a=b"] }) },
      starts:
        "daemonOptions must not be a secret with the DockerExtension, which takes them in public settings. Set installer to CustomScript.",
      not: "web-docker",
    },
    "an option that is a secret": {
      args: { daemonOptions: { labels: [secret("a=b")] } },
      starts: "daemonOptions must not be a secret with the DockerExtension, ",
      not: "web-docker",
    },
    tags: {
      args: { tags: { "a/b": later("x") } },
      starts: "tags must have names of 1 to 512 characters, ",
      not: "web-vm",
    },
  };
}

/** Declares one host after the other, and tells the problems and the declared resources of each. */
const PROGRAM = `
  const { setTimeout: sleep } = require("node:timers/promises");
  const pulumi = require("@pulumi/pulumi");
  const { DockerHost } = require("./components/dockerHost");
  // A problem is told of again for each output that waits for the value.
  let problems = [];
  process.on("unhandledRejection", (error) => {
    problems = error.problems ?? [String(error)];
  });
  const revive = (key, value) =>
    typeof value !== "object" || value === null ? value
    : "later" in value ? pulumi.output(value.later)
    : "secret" in value ? pulumi.secret(value.secret)
    : value;
  const main = async () => {
    const results = [];
    for (const args of JSON.parse(require("node:fs").readFileSync(0, "utf8"), revive)) {
      const declared = [];
      problems = [];
      const newResource = ({ name, inputs }) => {
        declared.push(name);
        return { id: name, state: { ...inputs, ...JSON.parse(process.env.MADE) } };
      };
      await pulumi.runtime.setMocks({ call: () => ({}), newResource }, "azure-docker-host", "dev");
      new DockerHost("web", { resourceGroupName: "group", dockerSources: ["VirtualNetwork"], ...args });
      for (let waited = 0; waited < 2000 && problems.length === 0 && !declared.includes("web-docker"); waited += 20) await sleep(20);
      await sleep(150);
      results.push({ problems, declared });
    }
    console.log(JSON.stringify(results));
    process.exit();
  };
  main();`;

const pem = (label: string): string => `-----BEGIN ${label}-----\nAA==\n-----END ${label}-----\n`;
const MADE = {
  ...{ certPem: pem("CERTIFICATE"), privateKeyPem: pem("PRIVATE KEY"), publicKeyOpenssh: "x", certRequestPem: "x" },
  ...{ result: "x", name: "x", ipConfigurations: [{ privateIPAddress: "10.0.0.4" }], ipAddress: "203.0.113.10" },
  dnsSettings: { fqdn: "web-x3k9qa.westeurope.cloudapp.azure.com" },
};

suite("a value that is known later, with a problem", () => {
  let cases: Record<string, Case>;
  let results: { problems: string[]; declared: string[] }[];
  before(async () => {
    cases = await casesOf();
    const fine = { dockerSources: later(["VirtualNetwork"]), vmSize: later("Standard_B2s_v2") };
    const { stdout, stderr } = spawnSync(process.execPath, ["--require", "./register.cjs", "--eval", PROGRAM], {
      cwd: join(__dirname, "../.."),
      encoding: "utf8",
      input: JSON.stringify([fine, ...Object.values(cases).map(({ args }) => args)]),
      env: { ...process.env, MADE: JSON.stringify(MADE) },
    });
    assert.ok(stdout.startsWith("["), stderr);
    results = JSON.parse(stdout) as typeof results;
  });

  test("a value without a problem: everything is declared", () => {
    const [{ problems, declared } = assert.fail()] = results;
    assert.deepEqual(problems, []);
    for (const part of ["nsg", "ip", "nic", "vm", "prepare", "docker"])
      assert.ok(declared.includes(`web-${part}`), part);
  });

  test("every other value ends the program before it is used", () => {
    assert.equal(results.length, Object.keys(cases).length + 1);
    for (const [index, [what, { args, starts, not }]] of Object.entries(cases).entries()) {
      const { problems, declared } = results[index + 1] ?? assert.fail(what);
      assert.deepEqual(
        problems.map((problem) => problem.slice(0, starts.length)),
        [starts],
        what,
      );
      assert.ok(!declared.includes(not), `${what}: ${not} is not declared`);
      const other = "trustedClientCerts" in args ? "web-ca" : "web-client-admin";
      assert.ok(declared.includes(other), `${what}: ${other} is declared`);
    }
  });
});
