/** apt and the real packages on a machine without a network: Docker taken away and put back, upgraded, pinned, and what that does to a daemon. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runExtension } from "../../rehearsal/guest/extensions";
import { provision } from "../../rehearsal/guest/provision";
import { machineSupport } from "../../rehearsal/machine/systemPackages";
import { leftOut } from "../support/sample";
import { installDocker, scratchMachine } from "../support/scratchMachine";

const support = machineSupport();

test("Docker's packages", { skip: support.supported ? false : support.reason, timeout: 300_000 }, async (t) => {
  if (leftOut(t, "Docker's packages")) return;
  const { machine } = await scratchMachine(t);
  const aptGet = (...words: string[]): Promise<string> =>
    machine.mustRun(["apt-get", "-y", ...words], { env: { DEBIAN_FRONTEND: "noninteractive" } });
  const installed = (): Promise<string> =>
    machine.mustRun(["dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Version}", "docker.io"]);
  const daemon = async (): Promise<string> => {
    const pid = (await machine.mustRun(["systemctl", "show", "--property=MainPID", "--value", "docker"])).trim();
    return (await machine.readFile(`/proc/${pid}/cmdline`)).split("\0").join(" ").trim();
  };
  const startLine = async (): Promise<string> =>
    /^ExecStart=.*$/m.exec(await machine.readFile("/lib/systemd/system/docker.service"))?.[0] ?? "";

  await aptGet("update");
  const candidates = await machine.mustRun(["apt-cache", "madison", "docker.io"]);
  const [later = "", original = ""] = candidates.split("\n").map((line) => line.split("|")[1]?.trim());
  let packaged = "";

  await t.test("the archive is the only source, and has two versions of docker.io", async () => {
    assert.doesNotMatch(await aptGet("update"), /^(W|E|Err):/m);
    assert.equal(candidates.trim().split("\n").length, 2);
    assert.equal(later, `${original}+rehearsal1`);
    const sources = await machine.mustRun(["apt-get", "indextargets", "--format", "$(REPO_URI)"]);
    assert.deepEqual([...new Set(sources.trim().split("\n"))], ["file:/var/lib/rehearsal-archive/"]);
    assert.equal(
      (await machine.run(["sh", "-c", "command -v openssl && command -v curl"])).stdout,
      "/usr/bin/openssl\n/usr/bin/curl\n",
    );
    assert.equal((await machine.run(["test", "-e", "/usr/sbin/policy-rc.d"])).code, 1);
  });

  await t.test(
    "installed, taken away with all that it needs, and put back: a daemon that runs a container",
    async () => {
      await installDocker(machine);
      assert.equal(await installed(), `ii  ${later}`);
      await aptGet("purge", "docker.io", "containerd", "runc");
      await aptGet("autoremove", "--purge");
      assert.equal(
        (await machine.run(["sh", "-c", "for each in docker containerd runc iptables tini; do command -v $each; done"]))
          .stdout,
        "",
      );
      await aptGet("install", `docker.io=${original}`);
      assert.equal(await installed(), `ii  ${original}`);
      packaged = await startLine();
      assert.equal(await machine.mustRun(["systemctl", "is-active", "docker", "docker.socket"]), "active\nactive\n");
      assert.equal(await machine.mustRun(["systemctl", "is-enabled", "docker"]), "enabled\n");
      const bundle =
        'cd "$(mktemp -d)" && for f in /bin/sh $(ldd /bin/sh | grep -o "/[^ ]*"); do cp --parents -L "$f" .; done && tar c . | docker import - local:sh';
      await machine.mustRun(["sh", "-c", bundle]);
      assert.equal(await machine.mustRun(["docker", "run", "--rm", "local:sh", "/bin/sh", "-c", "echo $$"]), "1\n");
    },
  );

  await t.test("an upgrade gives the unit back its own start line, and restarts the daemon with that", async () => {
    await provision(machine, {
      computerName: "docker-host",
      adminUsername: "azureuser",
      sshPublicKeys: [],
      disablePasswordAuthentication: true,
    });
    const settings = { docker: { options: ["--label=edited=yes"] } };
    const extension = { publisher: "Microsoft.Azure.Extensions", type: "DockerExtension", typeHandlerVersion: "1.2" };
    const result = await runExtension(machine, { ...extension, settings, protectedSettings: {} });
    assert.equal(result.status, "success");
    assert.equal(await startLine(), "ExecStart=/usr/bin/dockerd -H=fd:// --label=edited=yes");
    assert.equal(await daemon(), "/usr/bin/dockerd -H=fd:// --label=edited=yes");
    const said = await aptGet("install", "--only-upgrade", "docker.io");
    assert.doesNotMatch(said, /conffile|Configuration file/);
    assert.equal(await installed(), `ii  ${later}`);
    assert.equal(await startLine(), packaged);
    assert.doesNotMatch(await daemon(), /edited/);
    assert.equal(await machine.mustRun(["systemctl", "is-active", "docker"]), "active\n");
  });

  await t.test("and back to the version that was", async () => {
    await aptGet("install", "--allow-downgrades", `docker.io=${original}`);
    assert.equal(await installed(), `ii  ${original}`);
    await machine.mustRun(["systemctl", "restart", "docker"]);
    assert.match(await machine.mustRun(["docker", "version", "--format", "{{.Server.Version}}"]), /^\d+\./);
  });
});
