/** The script of the installer CustomScript by itself, on a real machine: what it refuses, two at once, killed half-way, and where its secrets are seen. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Daemon, installScript } from "../../components/installers/customScript";
import type { HostCertificates } from "../../components/rules/pem";
import type { CommandResult } from "../../rehearsal/system/command";
import { leftOut } from "../support/sample";
import { scratchMachine } from "../support/scratchMachine";

test("the script on a machine", async (t) => {
  const { machine } = await scratchMachine(t);

  /** A key and its own certificate, made on the machine. */
  const pair = async (name: string): Promise<{ cert: string; key: string }> => {
    const made = await machine.mustRun([
      "sh",
      "-c",
      'cd "$(mktemp -d)" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$0" -keyout key -out cert 2>/dev/null && cat key cert && rm key cert',
      name,
    ]);
    const at = made.indexOf("-----BEGIN CERTIFICATE");
    return { key: made.slice(0, at), cert: made.slice(at) };
  };
  const [client, first, second] = [await pair("client"), await pair("first"), await pair("second")];
  const daemon = (certificates: Partial<HostCertificates> = {}): Daemon => ({
    dockerPort: 4243,
    daemonOptions: {},
    allowContainerIdentity: false,
    adminUsername: "root",
    certificates: { trustPem: client.cert, certPem: first.cert, keyPem: first.key, ...certificates },
  });
  /** Runs a script as the extension does, from a file that root alone can read. */
  const run = async (script: string): Promise<CommandResult> => {
    const file = "/root/script.sh";
    await machine.writeFile(file, script, { mode: 0o500 });
    return machine.run(["/bin/sh", "-c", file]);
  };
  const fails = async (script: string, message: RegExp): Promise<void> => {
    const { code, stderr } = await run(script);
    assert.equal(code, 1);
    assert.match(stderr, message);
  };
  const pid = async (): Promise<string> => machine.mustRun(["systemctl", "show", "--property=MainPID", "docker"]);
  const served = async (): Promise<string> =>
    machine.mustRun(["sh", "-c", "openssl s_client -connect 127.0.0.1:4243 </dev/null 2>/dev/null | openssl x509"]);
  const leftovers = async (): Promise<string> =>
    machine.mustRun([
      "sh",
      "-c",
      "ls -d /run/docker-host /etc/docker/*.new /etc/systemd/system/docker.service.d/*.new 2>/dev/null || true",
    ]);

  await t.test("without any one of the certificates, no port is opened", async () => {
    const script = installScript(daemon());
    const before = await pid();
    for (const name of ["TRUST_PEM", "CERT_PEM", "KEY_PEM"]) {
      // The program refuses to make such a script at all.
      const without = script.replace(new RegExp(`^${name}='[^']*'$`, "m"), `${name}=''`);
      assert.notEqual(without, script);
      await fails(without, new RegExp(`ERROR: ${name}: no .*; the Docker port is never opened without`));
    }
    await fails(script.replace("DOCKER_PORT='4243'", "DOCKER_PORT='4243 -H tcp://0.0.0.0:2375'"), /is no port/);
    assert.equal(await pid(), before);
    assert.equal((await machine.run(["ls", "/etc/systemd/system/docker.service.d"])).code, 2, "no drop-in");
  });

  await t.test("what is wrong with a certificate is said before anything is touched", async () => {
    const broken = first.cert.replace(/\n.{20}/, "\nAAAA");
    await fails(installScript(daemon({ certPem: broken })), /ERROR: CERT_PEM: not a certificate: /);
    await fails(installScript(daemon({ trustPem: broken })), /ERROR: TRUST_PEM: not a list of certificates: /);
    await fails(
      installScript(daemon({ keyPem: first.key.replace(/\n.{20}/, "\nAAAA") })),
      /ERROR: KEY_PEM: not a private key/,
    );
    await fails(installScript(daemon({ keyPem: second.key })), /ERROR: CERT_PEM and KEY_PEM don't belong together/);
    assert.equal((await machine.run(["ls", "/etc/docker/key.pem"])).code, 2, "nothing was written");
  });

  await t.test("a daemon.json that was there is kept beside its own", async () => {
    await machine.mustRun(["mkdir", "-p", "/etc/docker"]);
    await machine.writeFile("/etc/docker/daemon.json", '{"debug": true}\n', { mode: 0o644 });
    const { code, stdout, stderr } = await run(installScript(daemon()));
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^Restarting Docker\nDocker \S+ answers on port 4243 with its certificate\n$/);
    assert.equal(await machine.readFile("/etc/docker/daemon.json.before-docker-host"), '{"debug": true}\n');
    assert.equal((await served()).trim(), first.cert.trim());
    const modes = await machine.mustRun(["sh", "-c", "cd /etc/docker && stat -c '%a %U:%G %n' *.pem daemon.json"]);
    assert.equal(
      modes,
      "444 root:root ca.pem\n444 root:root cert.pem\n400 root:root key.pem\n600 root:root daemon.json\n",
    );
  });

  await t.test("again, and twice at once: nothing is restarted, nothing is left", async () => {
    const before = await pid();
    const results = await Promise.all([run(installScript(daemon())), run(installScript(daemon()))]);
    assert.deepEqual(
      results.map(({ code }) => code),
      [0, 0],
    );
    assert.equal(await pid(), before);
    assert.equal(await leftovers(), "");
  });

  await t.test("no process shows the key, in its arguments or its environment", async () => {
    const needle = (second.key.split("\n")[1] ?? "").slice(0, 40);
    // As fast as it can, over all processes, until it is told to stop; the count of looks shows that it looked.
    const watch =
      'n=0; while [ -e /run/watch ]; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n" | grep -c -F -f /run/watch && exit 1; n=$((n+1)); done; echo "$n looks"';
    await machine.writeFile("/run/watch", `${needle}\n`, { mode: 0o600 });
    const watcher = machine.run(["sh", "-c", watch]);
    const { code, stderr } = await run(installScript(daemon({ certPem: second.cert, keyPem: second.key })));
    await machine.mustRun(["rm", "/run/watch"]);
    assert.equal(code, 0, stderr);
    const seen = await watcher;
    assert.equal(seen.code, 0, seen.stdout);
    assert.ok(Number(/(\d+) looks/.exec(seen.stdout)?.[1]) > 10, seen.stdout);
    assert.equal((await served()).trim(), second.cert.trim());
  });

  await t.test("killed at any point, completed by the next run", async (st) => {
    if (leftOut(st, "kills of the install script")) return;
    const pairs = [first, second];
    for (let point = 0; point < 12; point++) {
      const { cert, key } = pairs[point % 2] ?? first;
      const script = installScript(daemon({ certPem: cert, keyPem: key }));
      await machine.writeFile("/root/script.sh", script, { mode: 0o500 });
      const running = machine.run(["sh", "-c", "/root/script.sh & echo $! > /run/script.pid; wait $!"]);
      await sleep(50 + 100 * point);
      await machine.run(["sh", "-c", 'kill -KILL "$(cat /run/script.pid)"']);
      await running;
      const { code, stderr } = await run(script);
      assert.equal(code, 0, stderr);
      assert.equal((await served()).trim(), cert.trim(), `killed after ${50 + 100 * point} ms`);
    }
    assert.equal(await leftovers(), "");
  });
});
