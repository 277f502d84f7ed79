/** The client on real machines: connect, a docker context, env, check of hosts of every kind, several clients, one CA. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { FAILURES } from "../../client/lib/failure";
import type { Rehearsal } from "../../rehearsal/rehearsal";
import { makeCa } from "../support/ca";
import { ClientComputer } from "../support/client";
import { machineOf } from "../support/host";
import { type Issued, caOf, memberOf } from "../support/pki";
import { type Outcome, mustRun, start } from "../support/run";
import { leftOut } from "../support/sample";
import { Scratch } from "../support/scratch";

/** The lines of `check` by their questions: the sign, and the detail. */
function lines({ stdout }: Outcome): Record<string, string> {
  const rows = [...stdout.matchAll(/^ {2}(\S) (.{22}) (.*)$/gm)];
  return Object.fromEntries(
    rows.map(([, sign = "", question = "", detail = ""]) => [question.trim(), `${sign} ${detail}`]),
  );
}

test("a host and its clients", async (t) => {
  const scratch = new Scratch(t, { machines: true });
  const clients = { "clients[0]": "admin", "clients[1]": "ci" };
  let rehearsal: Rehearsal = await scratch.open({ ...clients, shareCa: "true" });
  const { outputs } = await rehearsal.up();
  const { fqdn = "", publicIpAddress = "" } = outputs;
  const machine = machineOf(rehearsal);
  const computer = new ClientComputer(rehearsal);
  computer.resolve({ [fqdn]: publicIpAddress, "elsewhere.example": publicIpAddress });
  const keys = Object.values(outputs.clientKeys ?? {}).map((key) => key.split("\n")[1] ?? "");
  assert.equal(keys.length, 2);
  const told: Outcome[] = [];
  const dockerHost = (args: string[], input?: string): Outcome => {
    const outcome = computer.dockerHost(args, input);
    told.push(outcome);
    return outcome;
  };
  /** The outputs, with some of them changed. */
  const outputsWith = (more: object): string => JSON.stringify({ ...outputs, ...more });

  await t.test("connect: files, context, and no secret in any process", async () => {
    const needles = join(scratch.directory, "needles");
    fs.writeFileSync(needles, `${keys.join("\n")}\n`, { mode: 0o600 });
    const look =
      'n=0; while [ -e "$0" ]; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | grep -q -F -f "$0" && echo found && exit 1; n=$((n+1)); done; echo "$n looks"';
    const watch = start(["sh", "-c", look, needles]);
    const connect = await computer.start(["connect"]);
    fs.rmSync(needles);
    const seen = await watch.ended;
    told.push(connect);
    assert.match(seen.stdout, /^[1-9]\d* looks\n$/);
    assert.equal(connect.status, 0, connect.stderr);
    assert.match(connect.stdout, /^client admin of stack rehearsal, until \S+ \(36\d days\)\n/);
    assert.match(connect.stdout, /^context {2}rehearsal, made\n\ndocker --context rehearsal info\n$/m);
    const modes = mustRun(["stat", "-L", "-c", "%a %n", ".", "ca.pem", "cert.pem", "key.pem"], {
      cwd: computer.docker,
    });
    assert.equal(modes, "700 .\n600 ca.pem\n600 cert.pem\n600 key.pem\n");
  });

  await t.test("docker by its context: info, an image made on the spot, a container", () => {
    const docker = (args: string[], input: string | Buffer = ""): Outcome =>
      computer.run(["docker", "--context", "rehearsal", ...args], input);
    const info = docker(["info", "--format", "{{.Name}} {{.LiveRestoreEnabled}}"]);
    assert.equal(info.stdout, "docker-host true\n", info.stderr);
    const bundle =
      'cd "$0" && for f in /bin/sh $(ldd /bin/sh | grep -o "/[^ ]*\\.so[^ ]*"); do cp --parents -L "$f" .; done && tar cf ../image.tar .';
    mustRun(["sh", "-c", bundle, fs.mkdtempSync(join(scratch.directory, "image-"))]);
    const image = docker(["import", "-", "local:sh"], fs.readFileSync(join(scratch.directory, "image.tar")));
    assert.match(image.stdout, /^sha256:/, image.stderr);
    const run = docker(["run", "--rm", "local:sh", "/bin/sh", "-c", "echo in a container"]);
    assert.equal(run.stdout, "in a container\n", run.stderr);
  });

  await t.test("env, in bash", () => {
    const words = ["docker", "version", "--format", "{{.Server.Os}}"];
    const node = `"${process.execPath}" "${join(__dirname, "../../client/docker-host.cjs")}"`;
    const script = `eval "$(${node} env)" && ${words.map((word) => `'${word}'`).join(" ")} && eval "$(${node} env --unset)" && echo "$DOCKER_HOST."`;
    const { stdout, stderr } = computer.run(["env", "SHELL=/bin/bash", "bash", "-c", script]);
    assert.equal(stdout, "linux\n.\n", stderr);
  });

  await t.test("check of a good host: by the stack, by the files, for machines", () => {
    const check = dockerHost(["check"]);
    assert.equal(check.status, 0, check.stdout + check.stderr);
    const { Docker, lifetimes, ...rest } = lines(check);
    assert.deepEqual(rest, {
      name: `✓ ${fqdn} resolves to ${publicIpAddress}`,
      port: "✓ 4243 is open",
      "server certificate": `✓ valid for ${fqdn}, signed by "docker-host certificate authority"`,
      "without a certificate": "✓ refused",
      "plain HTTP": "✓ refused",
    });
    assert.match(Docker ?? "", /^✓ \d+\.\d+\S*, API 1\.\d+, linux\/\w+$/);
    assert.match(lifetimes ?? "", /^✓ server 36\d days, client admin 36\d days, CA 36\d\d days$/);
    assert.equal(dockerHost(["check", "--cert-dir", computer.docker]).status, 0);
    const machines = dockerHost(["check", "--json", "--client", "ci", "--address", publicIpAddress]);
    assert.equal(machines.status, 0, machines.stdout);
    assert.equal((JSON.parse(machines.stdout) as { ok: boolean }).ok, true);
  });

  await t.test("check: a closed port, a wrong name, a name of another host, another CA", async () => {
    const closed = dockerHost(["check", "--address", "127.0.0.1:4243"]);
    assert.equal(closed.status, FAILURES.port.code, closed.stdout);
    // A port that the NSG blocks doesn't answer.
    const filtered = dockerHost(["check", "--address", `${publicIpAddress}:4999`]);
    assert.equal(filtered.status, FAILURES.port.code, filtered.stdout);
    assert.match(
      lines(filtered)["port"] ?? "",
      /^✗ nothing answers on 4999, so .* dockerSources lacks this computer's address$/,
    );

    const wrongName = dockerHost(["check", "--address", "elsewhere.example"]);
    assert.equal(wrongName.status, FAILURES.serverCertificate.code, wrongName.stdout);
    assert.match(lines(wrongName)["server certificate"] ?? "", /^✗ not valid for elsewhere\.example, but for DNS:/);

    const otherHost = dockerHost(["check", "--outputs", "-"], outputsWith({ publicIpAddress: "192.0.2.1" }));
    assert.equal(otherHost.status, FAILURES.name.code, otherHost.stdout);

    const { cert } = await caOf("another CA");
    const other = dockerHost(["check", "--outputs", "-"], outputsWith({ caCert: cert }));
    assert.equal(other.status, FAILURES.serverCertificate.code, other.stdout);
    assert.match(lines(other)["server certificate"] ?? "", /^✗ no CA of ca\.pem signed it/);
  });

  await t.test("check: Docker is down, though the installer reported success", async (st) => {
    if (leftOut(st, "more checks of a host")) return;
    await machine.mustRun(["systemctl", "stop", "docker.socket", "docker.service"]);
    const down = dockerHost(["check"]);
    assert.equal(down.status, FAILURES.port.code, down.stdout);
    assert.equal(
      lines(down)["port"],
      "✗ 4243 is closed though the VM is up, so Docker isn't installed yet or doesn't run",
    );
    assert.match(
      down.stdout,
      /^ +If no pulumi up is running, the installer may have reported success although Docker is down\. /m,
    );
    assert.match(
      down.stdout,
      / Set another forceUpdateTag \(pulumi config set forceUpdateTag TEXT\) and run pulumi up\. /,
    );
  });

  await t.test("check --wait while the extension is still at work", async (st) => {
    if (leftOut(st, "more checks of a host")) return;
    const waiting = computer.start(["check", "--wait", "2m"]);
    rehearsal = await scratch.open({ forceUpdateTag: "2" });
    await rehearsal.up();
    const waited = await waiting;
    assert.equal(waited.status, 0, waited.stdout + waited.stderr);
    assert.match(
      waited.stderr,
      /^waiting, \d s {2}port: 4243 is closed though the VM is up, so Docker isn't installed yet or doesn't run\n/,
    );
  });

  await t.test("check of a daemon without TLS, and of one that asks for no certificate", async (st) => {
    if (leftOut(st, "more checks of a host")) return;
    const dropIn = "/etc/systemd/system/docker.service.d/zz-test.conf";
    const daemon = async (options: string): Promise<void> => {
      const dockerd = (await machine.mustRun(["sh", "-c", "command -v dockerd"])).trim();
      await machine.mustRun(["mkdir", "-p", dirname(dropIn)]);
      await machine.writeFile(
        dropIn,
        `[Service]\nExecStart=\nExecStart=${dockerd} -H tcp://0.0.0.0:4243 ${options}\n`,
        { mode: 0o644 },
      );
      await machine.mustRun(["mv", "/etc/docker/daemon.json", "/etc/docker/daemon.json.aside"]).catch(() => undefined);
      await machine.mustRun(["systemctl", "daemon-reload"]);
      await machine.mustRun(["systemctl", "restart", "docker.service"]).catch(async (error: unknown) => {
        throw new Error(await machine.mustRun(["journalctl", "--unit=docker", "--lines=30"]), { cause: error });
      });
    };
    await daemon("--tls=false");
    const plain = dockerHost(["check"]);
    assert.equal(plain.status, FAILURES.serverCertificate.code, plain.stdout);
    assert.match(lines(plain)["server certificate"] ?? "", /^✗ no TLS on 4243 .*Docker without TLS$/);
    assert.match(lines(plain)["plain HTTP"] ?? "", /^✗ ANSWERED \(HTTP 200\)/);
    await daemon("--tls --tlsverify=false --tlscert=/etc/docker/cert.pem --tlskey=/etc/docker/key.pem");
    const open = dockerHost(["check"]);
    assert.equal(open.status, FAILURES.open.code, open.stdout);
    assert.match(lines(open)["without a certificate"] ?? "", /^✗ ANSWERED \(HTTP 200\)/);
    await machine.mustRun(["rm", dropIn]);
    await machine.mustRun(["mv", "/etc/docker/daemon.json.aside", "/etc/docker/daemon.json"]).catch(() => undefined);
    await machine.mustRun(["systemctl", "daemon-reload"]);
    await machine.mustRun(["systemctl", "restart", "docker.service"]);
    assert.equal(dockerHost(["check"]).status, 0);
  });

  await t.test(
    "of two clients, the removed one is locked out, and the other one still works with its files",
    async () => {
      const ci = join(scratch.directory, "ci");
      const words = ["connect", "--client", "ci", "--cert-dir", ci, "--context", "of-ci"];
      const connect = dockerHost(words);
      assert.equal(connect.status, 0, connect.stderr);
      const ask = (context: string): Outcome =>
        computer.run(["docker", "--context", context, "version", "--format", "{{.Server.Os}}"]);
      assert.equal(ask("of-ci").stdout, "linux\n");

      const removed = computer.run(["pulumi", "config", "rm", "--path", "clients[1]", "--stack", "rehearsal"]);
      assert.equal(removed.status, 0, removed.stderr);
      rehearsal = await scratch.open();
      const after = await rehearsal.up();
      assert.deepEqual(Object.keys(after.outputs.clientCerts), ["admin"]);
      assert.notEqual(ask("of-ci").status, 0);
      const check = dockerHost(["check", "--cert-dir", ci]);
      assert.equal(check.status, FAILURES.noAnswer.code, check.stdout);
      assert.match(lines(check)["Docker"] ?? "", /^✗ refuses the certificate of client ci /);
      assert.equal(ask("rehearsal").stdout, "linux\n", "the other's context has its own copy of its files");
      assert.equal(dockerHost(["check", "--cert-dir", computer.docker]).status, 0);
      assert.equal(dockerHost(words).status, FAILURES.outputs.code, "the stack has no such client any more");
      assert.equal(dockerHost(["disconnect", "--cert-dir", ci]).status, 0);
      assert.equal(fs.existsSync(ci), false);
    },
  );

  await t.test("two stacks, one CA: one client certificate and one ca.pem for both", async (st) => {
    if (leftOut(st, "a client of two stacks")) return;
    const caStack = "organization/azure-docker-host/rehearsal";
    const second = await scratch.open({ caStack }, "second");
    const theirs = (await second.up()).outputs;
    const { fqdn: name = "", publicIpAddress: address = "" } = theirs;
    assert.notEqual(name, fqdn);
    computer.resolve({ [fqdn]: publicIpAddress, [name]: address });
    assert.equal(theirs.caCert, outputs.caCert);
    assert.equal(theirs.clientKeys, undefined);
    // The files are the same: nothing is in the way.
    const connect = dockerHost(["connect", "--stack", "second"]);
    assert.equal(connect.status, 0, connect.stderr);
    for (const context of ["rehearsal", "second"]) {
      const version = computer.run(["docker", "--context", context, "version", "--format", "{{.Server.Os}}"]);
      assert.equal(version.stdout, "linux\n", `${context}: ${version.stderr}`);
    }
    for (const stack of ["rehearsal", "second"]) assert.equal(dockerHost(["check", "--stack", stack]).status, 0, stack);

    // A certificate of last year: the provider's clock is set back.
    process.env.REHEARSAL_CLOCK_OFFSET_HOURS = String(-366 * 24);
    try {
      const late = await scratch.open({ keyGeneration: "2" }, "second");
      await late.up();
    } finally {
      delete process.env.REHEARSAL_CLOCK_OFFSET_HOURS;
    }
    const expired = dockerHost(["check", "--stack", "second"]);
    assert.equal(expired.status, FAILURES.lifetimes.code, expired.stdout);
    assert.match(lines(expired)["server certificate"] ?? "", /^✗ it or its CA has expired \(/);
    await (await scratch.open({}, "second")).up();
    assert.equal(dockerHost(["check", "--stack", "second"]).status, 0, "the next up renews it");
  });

  const kinds = { RSA: { algorithm: "RSA" }, "P-384": { algorithm: "ECDSA", ecdsaCurve: "P384" } };
  for (const [kind, key] of Object.entries(kinds)) {
    await t.test(`a company's ${kind} CA signs the server, and the host accepts the CA's clients too`, async (st) => {
      if (leftOut(st, "a company's CA on a machine")) return;
      const { certPem, keyPem } = await makeCa({ key });
      const company = { cert: certPem, key: keyPem };
      const config = { caStack: "", caCertPem: certPem, caPrivateKeyPem: keyPem };
      const theirs = (await (await scratch.open({ ...config, "clientCaCerts[0]": certPem }, "second")).up()).outputs;
      assert.equal(theirs.caCert, certPem);
      const own = dockerHost(["check", "--stack", "second"]);
      assert.equal(own.status, 0, own.stdout);
      const asClient = ({ cert, key: clientKey }: Issued): Outcome => {
        const only = { clientCert: cert, clientKey, clientCerts: { eve: cert }, clientKeys: { eve: clientKey } };
        return dockerHost(["check", "--outputs", "-"], JSON.stringify({ ...theirs, ...only }));
      };
      const member = asClient(await memberOf(company, "eve"));
      assert.equal(member.status, 0, member.stdout);
      const stranger = asClient(await memberOf(await caOf("another company"), "eve"));
      assert.equal(stranger.status, FAILURES.noAnswer.code, stranger.stdout);
    });
  }

  await t.test("disconnect removes the files and contexts that connect made, and nothing else", () => {
    fs.writeFileSync(join(computer.docker, "notes.txt"), "mine");
    const made = computer.run(["docker", "context", "create", "mine", "--docker", "host=unix:///nowhere.sock"]);
    assert.equal(made.status, 0, made.stderr);
    const disconnect = dockerHost(["disconnect"]);
    assert.equal(disconnect.status, 0, disconnect.stderr);
    const contexts = computer.run(["docker", "context", "ls", "--format", "{{.Name}}"]).stdout.trim().split("\n");
    assert.ok(contexts.includes("mine") && !contexts.includes("second"), contexts.join());
    assert.deepEqual(
      fs
        .readdirSync(computer.docker)
        .filter((file) => file !== "contexts" && file !== "config.json" && !file.startsWith(".token")),
      ["notes.txt"],
    );
  });

  const printed = told.map(({ stdout, stderr }) => stdout + stderr).join("\n");
  assert.ok(told.length >= 15, `${told.length} outputs`);
  for (const key of keys) assert.ok(!printed.includes(key), "no key was printed");
});
