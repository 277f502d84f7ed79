/** The other ways in, on real machines: a host without a public address, from a machine beside it and through a tunnel; Docker over SSH. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { StackOutputs } from "../../outputs";
import { networkOf } from "../../rehearsal/arm/open";
import { filesOf } from "../../rehearsal/files";
import { mustRun, plainEnvironment, runCommand } from "../../rehearsal/system/command";
import { runningMachine } from "../../rehearsal/machine/machine";
import { ask } from "../support/ask";
import { machineOf } from "../support/host";
import { leftOut } from "../support/sample";
import { Scratch } from "../support/scratch";
import { SSH_OPTIONS } from "../support/ssh";

const VERSION = ["version", "--format", "{{.Server.Version}}"];

test("a host without a public address", async (t) => {
  if (leftOut(t, "private addresses")) return;
  const scratch = new Scratch(t, { machines: true });
  const folder = mkdtempSync(join(tmpdir(), "azure-docker-host-private-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const { bridge, subnet, gateway } = networkOf(scratch.directory);
  const first = await scratch.open({ "sshSources[0]": subnet });
  const { outputs: base } = await first.up();
  const jump = machineOf(first);
  const subnetId = `${scratch.state()["docker-host-vnet"]?.id ?? assert.fail("no network")}/subnets/default`;
  const second = await scratch.open({ publicIp: "false", subnetId, "dockerSources[0]": "10.0.0.0/24" }, "inner");
  const { outputs } = await second.up();
  const inner = machineOf(second, "inner");

  /** The client's three files and SSH key, where this computer's commands find them. */
  const files = {
    ca: join(folder, "ca.pem"),
    cert: join(folder, "cert.pem"),
    key: join(folder, "key.pem"),
    ssh: join(folder, "ssh-key"),
  };
  const { caCert, clientCert, clientKey }: StackOutputs = outputs;
  const contents = { ca: caCert, cert: clientCert, key: clientKey, ssh: base.sshPrivateKey };
  for (const name of ["ca", "cert", "key", "ssh"] as const)
    writeFileSync(files[name], contents[name] ?? assert.fail(name), { mode: 0o600 });
  const PATH = `${plainEnvironment.PATH ?? ""}:${filesOf(scratch.directory).commands}`;
  const environment = { ...plainEnvironment, PATH, DOCKER_CONFIG: join(folder, "docker") };
  const tls = ["--tlsverify", "--tlscacert", files.ca, "--tlscert", files.cert, "--tlskey", files.key];
  const sshOptions = [...SSH_OPTIONS, "-i", files.ssh, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"];
  const login = `${base.adminUsername}@${base.publicIpAddress ?? ""}`;

  await t.test("is its private address, and the machine has no other", async () => {
    assert.equal(outputs.dockerHost, "tcp://10.0.0.5:4243");
    const addresses = await inner.mustRun(["ip", "-4", "-oneline", "address", "show", "dev", "host0"]);
    assert.deepEqual(
      [...addresses.matchAll(/inet (\S+)/g)].map(([, address]) => address),
      ["10.0.0.5/24"],
    );
  });

  await t.test("answers its client on a machine of the same network", async () => {
    const temporary = (await jump.mustRun(["mktemp", "--directory"])).trim();
    for (const [name, pem] of Object.entries({ ca: caCert, cert: clientCert, key: clientKey }))
      await jump.writeFile(`${temporary}/${name}.pem`, pem ?? "", { mode: 0o600 });
    const env = { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: temporary, DOCKER_HOST: outputs.dockerHost };
    const name = await jump.mustRun(["docker", "info", "--format", "{{.ID}}"], { env });
    assert.equal(name, await inner.mustRun(["docker", "info", "--format", "{{.ID}}"]), "it is the inner daemon");
    const without = await jump.run(["docker", "--tls", "version"], { env: { DOCKER_HOST: outputs.dockerHost } });
    assert.notEqual(without.code, 0, "nobody without its client's certificate");
    await jump.mustRun(["rm", "-r", temporary]);
  });

  await t.test("has no way to it from this computer, nor with a route made for it", async () => {
    const route = ["10.0.0.5/32", "dev", bridge, "src", gateway];
    assert.equal((await mustRun(["ip", "-4", "route", "show", "dev", bridge])).split("\n").length, 2, "one route");
    await mustRun(["ip", "route", "add", ...route]);
    try {
      const client = { host: "10.0.0.5", ca: caCert, cert: clientCert, key: clientKey };
      assert.equal(await ask({ ...client, port: 4243 }), "timeout");
    } finally {
      await mustRun(["ip", "route", "delete", ...route]);
    }
  });

  await t.test("answers on this computer through a tunnel, as localhost", async () => {
    const port = await freePort();
    const forward = `127.0.0.1:${port}:10.0.0.5:4243`;
    const words = [...sshOptions, "-o", "ExitOnForwardFailure=yes", "-N", "-L", forward, login];
    const tunnel = spawn("ssh", words, { stdio: "ignore" });
    const ended = once(tunnel, "exit");
    try {
      const host = `tcp://localhost:${port}`;
      let answer = await runCommand(["docker", ...tls, "--host", host, ...VERSION], { env: environment });
      for (let tries = 0; answer.code !== 0 && tries < 50; tries++) {
        await sleep(200);
        answer = await runCommand(["docker", ...tls, "--host", host, ...VERSION], { env: environment });
      }
      assert.equal(answer.code, 0, answer.stderr);
      assert.equal(answer.stdout, await inner.mustRun(["docker", ...VERSION]));
    } finally {
      tunnel.kill();
      await ended;
    }
  });

  await t.test("Docker over SSH, without any certificate: as -H, and as a context", async () => {
    // In the place of ssh-agent and of an entry in ~/.ssh/config.
    const real = (await mustRun(["sh", "-c", "command -v ssh"])).trim();
    const bin = join(folder, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "ssh"), `#!/bin/sh\nexec ${[real, ...sshOptions].join(" ")} "$@"\n`);
    chmodSync(join(bin, "ssh"), 0o755);
    const env = { ...environment, PATH: `${bin}:${PATH}` };
    const version = await jump.mustRun(["docker", ...VERSION]);
    const host = `ssh://${login}`;
    assert.equal(await mustRun(["docker", "--host", host, ...VERSION], { env }), version);
    await mustRun(["docker", "context", "create", "azure", "--docker", `host=${host}`], { env });
    assert.equal(await mustRun(["docker", "--context", "azure", ...VERSION], { env }), version);
  });

  await t.test("gets a public address, and answers there to the same client", async () => {
    const rehearsal = await scratch.open({ publicIp: "true", "dockerSources[1]": subnet }, "inner");
    const { publicIpAddress } = (await rehearsal.up()).outputs;
    assert.ok(publicIpAddress !== undefined, "it has one");
    const client = { host: publicIpAddress, port: 4243, ca: caCert, cert: clientCert, key: clientKey };
    assert.match(await ask(client), /^200 /);
    await (await scratch.open({ publicIp: "false" }, "inner")).up();
    assert.notEqual((await ask(client)).slice(0, 3), "200", "and not once it has none");
    assert.equal(await inner.mustRun(["docker", ...VERSION]), await jump.mustRun(["docker", ...VERSION]), "it runs");
  });

  await t.test("goes, and the machine beside it stays; then that one goes too", async () => {
    const [jumpFolder, innerFolder] = [jump.directory, inner.directory];
    await (await scratch.open({}, "inner")).destroy();
    assert.equal(runningMachine(innerFolder), undefined);
    assert.ok(runningMachine(jumpFolder), "the first one's machine runs");
    const client = { host: base.publicIpAddress, port: 4243, ca: base.caCert };
    assert.match(await ask({ ...client, cert: base.clientCert, key: base.clientKey }), /^200 /);
    await (await scratch.open()).destroy();
    assert.equal(runningMachine(jumpFolder), undefined);
    assert.notEqual((await runCommand(["ip", "link", "show", bridge])).code, 0, "the network is gone");
  });
});

/** A TCP port of this computer that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
