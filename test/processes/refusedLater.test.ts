/** What is wrong with values that become known later: a program of its own, which that ends. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { before, suite, test } from "node:test";
import { type Authority, makeAuthority } from "../support/authorities";

let acme: Authority;
let leaf: Authority;
before(async () => {
  acme = await makeAuthority();
  leaf = await makeAuthority({ commonName: "ann", isAuthority: false });
});

suite("what is wrong and becomes known later ends the program before it is used", () => {
  const wrong: Record<string, { args: () => Record<string, unknown>; starts: string; not: string }> = {
    "an authority that is none": {
      args: () => ({ caCertPem: leaf.certPem, caPrivateKeyPem: leaf.keyPem }),
      starts: 'caCertPem: the certificate of "O=Acme Inc., CN=ann" is no authority\'s; ',
      not: "web-server",
    },
    "another authority's key": {
      args: () => ({ caCertPem: acme.certPem, caPrivateKeyPem: leaf.keyPem }),
      starts: "caPrivateKeyPem: the value given (not shown) is not the key of ",
      not: "web-server",
    },
    "a client's authority that is none": {
      args: () => ({ clientCaCerts: [acme.certPem, leaf.certPem] }),
      starts: 'clientCaCerts[1]: the certificate of "O=Acme Inc., CN=ann" is no authority\'s; ',
      not: "web-docker",
    },
  };
  /** Declares a host whose arguments are all outputs, and tells what it was refused with and what had been declared. */
  const PROGRAM = `
    const pulumi = require("@pulumi/pulumi");
    const { DockerHost } = require("./components/dockerHost");
    const declared = [];
    // One is told of again for each output that waits for it.
    process.on("unhandledRejection", ({ problems }) => {
      setTimeout(() => {
        console.log(JSON.stringify({ problems, declared }));
        process.exit();
      }, 200);
    });
    const newResource = ({ name, inputs }) => {
      declared.push(name);
      return { id: name, state: { ...inputs, ...JSON.parse(process.env.MADE) } };
    };
    pulumi.runtime.setMocks({ call: () => ({}), newResource }, "azure-docker-host", "dev").then(() => {
      const args = JSON.parse(process.env.ARGS, (key, value) => typeof value === "string" ? pulumi.output(value) : value);
      new DockerHost("web", { resourceGroupName: "group", dockerSources: ["VirtualNetwork"], ...args });
    });`;
  const made = {
    ...{ certPem: "x", privateKeyPem: "x", publicKeyOpenssh: "x", certRequestPem: "x", result: "x" },
    ipConfigurations: [{ privateIPAddress: "10.0.0.4" }],
    ...{
      ipAddress: "203.0.113.10",
      dnsSettings: { fqdn: "web-x3k9qa.westeurope.cloudapp.azure.com" },
      subnets: [{ id: "x" }],
      name: "x",
    },
  };
  for (const [what, { args, starts, not }] of Object.entries(wrong)) {
    test(what, () => {
      const { stdout } = spawnSync(process.execPath, ["--import", "tsx", "--eval", PROGRAM], {
        cwd: join(__dirname, "../.."),
        encoding: "utf8",
        env: { ...process.env, ARGS: JSON.stringify(args()), MADE: JSON.stringify(made) },
      });
      const { problems, declared } = JSON.parse(stdout) as { problems: string[]; declared: string[] };
      assert.deepEqual(
        problems.map((problem) => problem.slice(0, starts.length)),
        [starts],
      );
      assert.ok(declared.includes("web-server-request"), `the rest is declared: ${declared.join()}`);
      assert.ok(!declared.includes(not), `${not} is not`);
    });
  }
});
