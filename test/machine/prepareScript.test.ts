/** The script before the DockerExtension by itself, on a real machine without Docker: what it installs, waits for, takes back and leaves alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { installScript, prepareScript } from "../../components/installers/customScript";
import type { CommandResult } from "../../rehearsal/system/command";
import { leftOut } from "../support/sample";
import { scratchMachine } from "../support/scratchMachine";

test("the script before the DockerExtension", async (t) => {
  if (leftOut(t, "the preparing script")) return;
  const { machine } = await scratchMachine(t);
  const run = (version?: string): Promise<CommandResult> =>
    machine.run(["sh", "-s"], { input: prepareScript({ dockerVersion: version, allowContainerIdentity: false }) });
  const succeeds = async (version: string | undefined, said: RegExp): Promise<void> => {
    const { code, stdout, stderr } = await run(version);
    assert.equal(code, 0, stderr);
    assert.match(stdout, said);
  };
  const shell = (text: string): Promise<string> => machine.mustRun(["sh", "-c", text]);
  const pid = (): Promise<string> => shell("systemctl show --property=MainPID --value docker");
  const installed = (): Promise<string> =>
    shell("dpkg-query --show --showformat='${db:Status-Abbrev}${Version}' docker.io");
  const held = (): Promise<string> => shell("apt-mark showhold");
  const startLine = (): Promise<string> => shell("grep ^ExecStart= /lib/systemd/system/docker.service");
  // As the first boot's automatic upgrades do.
  const holdLock = (seconds: number): Promise<string> =>
    machine.mustRun([
      ...["perl", "-e"],
      `use Fcntl; open(F, ">>", "/var/lib/dpkg/lock-frontend"); $l = pack("s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; sleep ${seconds}`,
    ]);

  await t.test(
    "waits for the lock of the first boot, installs the newest, and leaves the daemon as it is",
    async () => {
      const locked = holdLock(4);
      await sleep(300);
      await succeeds(
        undefined,
        /^Installing docker\.io\nWaiting for the lock of apt or dpkg\nDocker \S+ is installed\n$/,
      );
      await locked;
      assert.match(await installed(), /^ii .*\+rehearsal1$/);
      assert.equal(await shell("systemctl is-active docker; command -v docker"), "active\n/usr/bin/docker\n");
      const files = "cd /etc && ls docker/daemon.json systemd/system/docker.service.d/* 2>/dev/null || true";
      assert.equal(await shell(files), "systemd/system/docker.service.d/docker-host-fence.conf\n");
      assert.equal(
        await shell("cd /etc/docker && stat --format='%a %U:%G %s %n' *.pem"),
        "444 root:root 0 ca.pem\n444 root:root 0 cert.pem\n400 root:root 0 key.pem\n",
      );
      assert.equal(await held(), "");
    },
  );

  await t.test("again, and twice at once: nothing is touched", async () => {
    const before = await pid();
    for (const { code, stdout } of await Promise.all([run(), run()])) {
      assert.equal(code, 0);
      assert.match(stdout, /^Docker \S+ is installed\n$/);
    }
    assert.equal(await pid(), before);
  });

  await t.test("a version: installed and held, then another one, then none", async () => {
    const newest = (await installed()).replace(/^ii /, "");
    const former = newest.replace("+rehearsal1", "");
    const packaged = await startLine();
    await succeeds(former, /^Installing docker\.io \S+ \(installed: \S+\+rehearsal1\)\nDocker \S+ is installed\n$/);
    assert.equal(await installed(), `hi ${former}`);
    assert.equal(await held(), "docker.io\n");
    await succeeds(former, /^Docker \S+ is installed\n$/);
    await shell("sed -i 's/^ExecStart=.*/& --label=edited=yes/' /lib/systemd/system/docker.service");
    await succeeds(newest, /^Installing docker\.io \S+\+rehearsal1 \(installed: \S+\)\nDocker/);
    assert.equal(await installed(), `hi ${newest}`);
    // So the DockerExtension has to run again after it.
    assert.equal(await startLine(), packaged, "the package brings its own unit file");
    await succeeds(newest.replace(/\..*/, ".*"), /^Docker \S+ is installed\n$/);
    await succeeds(undefined, /^Docker \S+ is installed\n$/);
    assert.equal(await installed(), `ii ${newest}`);
    assert.equal(await held(), "");
  });

  await t.test("a version that there is none of: apt's words, and the Docker that was", async () => {
    const before = await pid();
    const { code, stderr } = await run("99.*");
    assert.equal(code, 1);
    assert.match(stderr, /Version '99\.\*' for 'docker\.io' was not found/);
    assert.match(stderr, /ERROR: apt-get .* install docker\.io=99\.\* failed\n$/);
    assert.equal(await pid(), before);
    assert.equal(await held(), "");
  });

  await t.test("a daemon without its client: refused, as the extension would run get.docker.com's script", async () => {
    await shell("mv /usr/bin/docker /usr/bin/docker.aside");
    const { code, stderr } = await run();
    assert.equal(code, 1);
    assert.match(stderr, /^ERROR: there is a dockerd on this machine, but no docker command on \S+\n$/);
    await shell("mv /usr/bin/docker.aside /usr/bin/docker");
  });

  await t.test("what the installer CustomScript configured is taken back, and the daemon goes on", async () => {
    const pems = await shell(
      'cd "$(mktemp -d)" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=one -keyout key -out cert 2>/dev/null && cat key cert',
    );
    const at = pems.indexOf("-----BEGIN CERTIFICATE");
    const [keyPem, certPem] = [pems.slice(0, at), pems.slice(at)];
    const certificates = { trustPem: certPem, certPem, keyPem };
    const script = installScript({
      dockerPort: 4243,
      daemonOptions: {},
      allowContainerIdentity: false,
      adminUsername: "root",
      certificates,
    });
    const dropin = "/etc/systemd/system/docker.service.d/docker-host.conf";
    for (const former of ["", '{"debug": true}\n']) {
      await shell("rm -f /etc/docker/daemon.json");
      if (former !== "") await machine.writeFile("/etc/docker/daemon.json", former, { mode: 0o644 });
      await machine.mustRun(["sh", "-s"], { input: script });
      const before = await pid();
      await succeeds(undefined, /^Taking back the configuration of the installer CustomScript\nDocker/);
      assert.equal(await pid(), before);
      assert.equal((await machine.run(["ls", dropin])).code, 2);
      assert.equal((await machine.run(["cat", "/etc/docker/daemon.json"])).stdout, former, "its owner's");
      assert.equal(await shell("systemctl show --property=NeedDaemonReload --value docker"), "no\n");
    }
  });

  await t.test("killed at any point of the installation, completed by the next run", async () => {
    for (const delay of [300, 900, 1500, 2500, 4000]) {
      await machine.mustRun(["apt-get", "-q", "-y", "purge", "docker.io"], {
        env: { DEBIAN_FRONTEND: "noninteractive" },
      });
      await machine.writeFile("/root/script.sh", prepareScript({ allowContainerIdentity: false }), { mode: 0o500 });
      // All of it, as when the machine loses its power.
      const running = machine.run([
        "systemd-run",
        "--quiet",
        "--collect",
        "--wait",
        "--unit=prepare",
        "/root/script.sh",
      ]);
      await sleep(delay);
      await machine.run(["systemctl", "kill", "--signal=KILL", "prepare"]);
      await running;
      await succeeds(undefined, /Docker \S+ is installed\n$/);
      assert.match(await installed(), /^ii /, `killed after ${delay} ms`);
      await shell("systemctl reset-failed docker docker.socket; systemctl start docker && docker version >/dev/null");
    }
  });
});
