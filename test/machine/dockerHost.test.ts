/** The whole thing on a real machine: the program, the engine, the extension, and a daemon that answers its own client alone. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { machinesOf, networkOf } from "../../rehearsal/arm/open";
import { runningMachine } from "../../rehearsal/machine/machine";
import { ask } from "../support/ask";
import { mustRun, run } from "../support/run";
import { Scratch } from "../support/scratch";
import { exportSecrets } from "../support/secrets";
import { SSH_OPTIONS } from "../support/ssh";

test("a host on a real machine", async (t) => {
  const scratch = new Scratch(t, { machines: true });
  // SSH is closed where nobody asks for it.
  let rehearsal = await scratch.open({ "sshSources[0]": networkOf(scratch.directory).subnet });
  let { outputs } = await rehearsal.up();
  const machineId = rehearsal.subscription.store.list().find(({ armType }) => armType.endsWith("/virtualMachines"))?.id;
  assert.ok(machineId !== undefined && rehearsal.rootFileSystem !== undefined, "a real machine");
  const folder = machinesOf(scratch.directory, rehearsal.rootFileSystem).folder(machineId);
  const machine = runningMachine(folder);
  assert.ok(machine, "it runs");
  const server = { host: outputs.publicIpAddress, port: 4243, ca: outputs.caCert };
  const client = { cert: outputs.clientCert, key: outputs.clientKey };

  await t.test("the server's certificate has the name and the addresses", async () => {
    const { subjectAltName } = new X509Certificate((await machine.readFile("/etc/docker/cert.pem")).trim());
    assert.equal(
      subjectAltName,
      `DNS:${outputs.fqdn}, DNS:localhost, IP Address:${outputs.publicIpAddress}, IP Address:10.0.0.4`,
    );
    assert.match(await ask({ ...server, ...client, servername: outputs.fqdn }), /^200 /);
  });

  await t.test("refused: no certificate, another CA's, the server's own as a client's, plain HTTP", async (st) => {
    assert.match(await ask({ ...server, ...client }), /^200 .*ApiVersion/);
    assert.match(await ask(server), /^refused: /);
    const other = new Scratch(st);
    const stranger = (await (await other.open()).up()).outputs;
    assert.match(await ask({ ...server, cert: stranger.clientCert, key: stranger.clientKey }), /^refused: /);
    const serverCert = await machine.readFile("/etc/docker/cert.pem");
    const serverKey = await machine.readFile("/etc/docker/key.pem");
    assert.match(await ask({ ...server, cert: serverCert, key: serverKey }), /^refused: /);
    assert.match(await ask({ host: server.host, port: 4243 }, true), /^400 |^refused: /);
    // And the client in turn refuses a server that another CA vouches for.
    assert.match(await ask({ ...server, ...client, ca: stranger.caCert }), /^refused: /);
  });

  await t.test("on the machine: the server's key alone, for root alone", async () => {
    assert.equal((await machine.mustRun(["stat", "-c", "%a %U", "/etc/docker/key.pem"])).trim(), "400 root");
    const { secrets, needles } = exportSecrets(rehearsal);
    const serverKey = await machine.readFile("/etc/docker/key.pem");
    assert.ok(secrets.includes(serverKey) && secrets.includes(outputs.clientKey ?? ""), "both keys are known");
    const serverBase64 = Buffer.from(serverKey).toString("base64");
    const foreign = needles.filter((needle) => !serverKey.includes(needle) && !serverBase64.includes(needle));
    const found = await machine.run(
      [
        "grep",
        "--recursive",
        "--files-with-matches",
        "--fixed-strings",
        "--file=-",
        "/etc",
        "/var",
        "/home",
        "/root",
        "/tmp",
        "/run",
      ],
      { input: `${foreign.join("\n")}\n` },
    );
    assert.equal(found.stdout, "");
    assert.match(
      await machine.mustRun(["grep", "-rlF", serverKey.split("\n")[1] ?? "", "/etc", "/var", "/home", "/root", "/tmp"]),
      /^\/etc\/docker\/key\.pem\n$/,
    );
  });

  await t.test("SSH with the generated key", () => {
    const key = join(scratch.directory, "ssh-key");
    writeFileSync(key, outputs.sshPrivateKey ?? "", { mode: 0o600 });
    const login = ["-o", "BatchMode=yes", "-i", key, `azureuser@${outputs.publicIpAddress}`];
    assert.match(mustRun(["ssh", ...SSH_OPTIONS, ...login, "id -Gn"]), /\bdocker\b/);
  });

  await t.test("another port is applied by the next up; a second one changes nothing", async () => {
    rehearsal = await scratch.open({ dockerPort: "4244" });
    ({ outputs } = await rehearsal.up());
    assert.match(await ask({ ...server, ...client, port: 4244 }), /^200 /);
    assert.equal(await ask({ ...server, ...client }), "timeout");
    rehearsal = await scratch.open();
    assert.deepEqual((await rehearsal.up()).changes, { same: 19 });
  });

  await t.test("destroy leaves no process, no network and no file of the machine", async () => {
    const { bridge } = networkOf(scratch.directory);
    await rehearsal.destroy();
    assert.equal(runningMachine(folder), undefined);
    assert.notEqual(run(["ip", "link", "show", bridge]).status, 0);
    assert.ok(!mustRun(["ps", "-eo", "args"]).includes(folder), "a process is left");
    assert.ok(!readFileSync("/proc/self/mounts", "utf8").includes(scratch.directory), "a mount is left");
  });
});
