// Boots real machines and does to them all that the rehearsal does: provisioning, DockerExtension, reboots, cut-off boots.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import * as os from "node:os";
import * as path from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { mustRun, runCommand } from "../../rehearsal/system/command";
import { dockerExtension } from "../../rehearsal/guest/dockerExtension";
import { extensionHandlers, removeExtension, runExtension } from "../../rehearsal/guest/extensions";
import { type OsProfile, provision } from "../../rehearsal/guest/provision";
import { controlGroups } from "../../rehearsal/machine/controlGroups";
import type { MachineSpec } from "../../rehearsal/machine/launch";
import { bootMachine, Machine, runningMachine, stopMachine } from "../../rehearsal/machine/machine";
import { bridgeNamespace, chooseSubnet, ensureBridge, removeBridge } from "../../rehearsal/machine/network";
import { dockerClient, ensureRootFileSystem } from "../../rehearsal/machine/rootFileSystem";
import { ensureSystemPackages, machineSupport } from "../../rehearsal/machine/systemPackages";
import { notInSample } from "../support/sample";
import { installDocker } from "../support/scratchMachine";
import { SSH_OPTIONS } from "../support/ssh";

const support = machineSupport();
const repository = path.resolve(__dirname, "../..");

describe("a real machine", { skip: support.supported ? false : support.reason, timeout: 600_000 }, () => {
  const state = fs.mkdtempSync(path.join(os.tmpdir(), "machine-test-"));
  const machines = path.join(state, "machines");
  const network = chooseSubnet(state);
  const address = network.gateway.replace(/1$/, "4");
  let rootFileSystem = "";
  let spec: MachineSpec;
  let machine: Machine;

  before(async () => {
    fs.mkdirSync(machines);
    const progress = (line: string) => {
      console.error(line);
    };
    await ensureSystemPackages(progress);
    rootFileSystem = await ensureRootFileSystem(progress);
    await ensureBridge(network.bridge, `${network.gateway}/24`);
    spec = specOf("first", [`${address}/24`, "10.0.0.4/24"]);
    machine = await bootMachine(spec);
  });

  after(async () => {
    for (const name of fs.readdirSync(machines)) await stopMachine(path.join(machines, name), { keepDisk: false });
    await removeBridge(network.bridge);
    fs.rmSync(state, { recursive: true });
    assert.deepEqual(await leftBehind(), []);
  });

  function specOf(name: string, addresses: string[]): MachineSpec {
    return { directory: path.join(machines, name), rootFileSystem, hostName: name, bridge: network.bridge, addresses };
  }

  /** The traces of the test's machines and network outside of their own folders. */
  async function leftBehind(): Promise<string[]> {
    const links = await mustRun(["ip", "-oneline", "link"]);
    const mounts = fs.readFileSync("/proc/self/mounts", "utf8");
    const groups = ["first", "second", "victim"].flatMap((name) => controlGroups(path.join(machines, name)));
    const commands = (await mustRun(["ps", "-eo", "args"])).split("\n").filter((line) => !line.startsWith("ps "));
    return [
      ...links.split("\n").filter((line) => line.includes(network.bridge)),
      ...mounts.split("\n").filter((line) => line.includes(state) || line.includes(network.bridge)),
      ...groups.filter((group) => fs.existsSync(group)),
      ...commands.filter((line) => line.includes(state)),
      ...(fs.existsSync(bridgeNamespace(network.bridge)) ? [bridgeNamespace(network.bridge)] : []),
    ];
  }

  /** Another Node process with this project's code; `body` is the body of an async function. */
  function otherProcess(body: string) {
    const code = `const machines = require("./rehearsal/machine/machine.ts"); (async () => { ${body} })()`;
    const child = spawn(process.execPath, ["--require", "./register.cjs", "--eval", code], {
      cwd: repository,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    const closed = new Promise<string>((resolve) =>
      child.on("close", () => {
        resolve(said.trim());
      }),
    );
    const begun = new Promise<void>((resolve) =>
      child.stdout.once("data", () => {
        resolve();
      }),
    );
    return { child, begun, closed };
  }

  it("is up, with its services, name, addresses and an identity of its own", async () => {
    assert.equal(await machine.mustRun(["systemctl", "is-system-running"]), "running\n");
    assert.equal(await machine.mustRun(["systemctl", "is-active", "ssh"]), "active\n");
    const none = await machine.run(["sh", "-c", "command -v docker || command -v dockerd || systemctl cat docker"]);
    assert.equal(none.code, 1, "no Docker, as on Azure's image");
    assert.equal(await machine.mustRun(["hostname"]), "first\n");
    assert.match(await machine.mustRun(["getent", "hosts", "first"]), new RegExp(`^${address} +first\n`));
    const addresses = await machine.mustRun(["ip", "-4", "-oneline", "address", "show", "dev", "host0"]);
    assert.deepEqual(
      [...addresses.matchAll(/inet (\S+)/g)].map((match) => match[1]),
      spec.addresses,
    );
    assert.match(await machine.readFile("/etc/machine-id"), /^[0-9a-f]{32}\n$/);
    assert.equal((await machine.run(["ls", "/etc/ssh/ssh_host_ed25519_key"])).code, 0);
  });

  it("has nothing of this process: no environment, no stream, no parent, no way out", async () => {
    const pid = (await mustRun(["pgrep", "-f", `^systemd-nspawn .*--directory=${spec.directory}/`])).trim();
    const files = [0, 1, 2].map((descriptor) => fs.readlinkSync(`/proc/${pid}/fd/${descriptor}`));
    const log = path.join(spec.directory, "console.log");
    assert.deepEqual(files, ["/dev/null", log, log]);
    assert.equal(/^PPid:\t(.*)$/m.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1], "1");
    assert.doesNotMatch(fs.readFileSync(`/proc/${pid}/environ`, "utf8"), /NODE|npm_/);
    assert.equal((await machine.run(["ip", "route", "get", "192.0.2.1"])).code, 2);
  });

  it("hands back exit code, both streams, and what a command reads; and ends one that takes too long", async () => {
    const result = await machine.run(["sh", "-c", "cat; echo $WORD >&2; exit 3"], {
      input: "typed",
      env: { WORD: "given" },
    });
    assert.deepEqual(result, { code: 3, stdout: "typed", stderr: "given\n" });
    await assert.rejects(machine.run(["sh", "-c", "sleep 97 & wait"], { timeoutMs: 200 }), /did not end within 0.2 s/);
    assert.equal((await machine.run(["pgrep", "-f", "sleep 97"])).code, 1);
    await machine.writeFile("/root/secret", "content", { mode: 0o600, owner: "daemon:daemon" });
    assert.equal(await machine.mustRun(["stat", "-c", "%a %U %G", "/root/secret"]), "600 daemon daemon\n");
    assert.equal(await machine.readFile("/root/secret"), "content");
  });

  it("is found by another process, which ends although the machine runs on", async () => {
    const directory = JSON.stringify(spec.directory);
    const { closed } = otherProcess(
      `const found = machines.runningMachine(${directory}); console.log((await found.run(["hostname"])).stdout)`,
    );
    assert.equal(await closed, "first");
    const second = specOf("second", [network.gateway.replace(/1$/, "5/24")]);
    const booter = otherProcess(`await machines.bootMachine(${JSON.stringify(second)}); console.log("up")`);
    assert.equal(await booter.closed, "up");
    const found = runningMachine(second.directory);
    assert.ok(found);
    const banner = await found.run(["curl", "-s", "--max-time", "1", `telnet://${address}:22`]);
    assert.match(banner.stdout, /^SSH-2.0-/, "machines reach each other");
    await stopMachine(second.directory, { keepDisk: false });
    assert.equal(runningMachine(second.directory), undefined);
    assert.ok(!fs.existsSync(second.directory));
  });

  describe("provisioned by the agent", () => {
    const password = "Not-A-Real-1-Secret";
    let key = "";
    let profile: OsProfile;

    before(async () => {
      key = path.join(state, "ssh-key");
      await mustRun(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key]);
      const keyData = fs.readFileSync(`${key}.pub`, "utf8");
      profile = {
        computerName: "docker-host",
        adminUsername: "azureuser",
        adminPassword: password,
        sshPublicKeys: [{ path: "/home/azureuser/.ssh/authorized_keys", keyData }],
        disablePasswordAuthentication: true,
        customData: Buffer.from("#cloud-config\n").toString("base64"),
      };
      await provision(machine, profile);
    });

    const ssh = (...options: string[]) => {
      return runCommand(["ssh", ...SSH_OPTIONS, ...options, `azureuser@${address}`, "hostname"]);
    };

    it("lets the key in and no password", async () => {
      assert.deepEqual(await ssh("-i", key), { code: 0, stdout: "docker-host\n", stderr: "" });
      const refused = await ssh("-o", "PubkeyAuthentication=no", "-o", "BatchMode=yes");
      assert.equal(refused.code, 255);
      assert.match(refused.stderr, /Permission denied \(publickey\)/);
    });

    it("writes what the extensions read, without the password", async () => {
      const environment = await machine.readFile("/var/lib/waagent/ovf-env.xml");
      assert.match(environment, /<UserName>azureuser<\/UserName>/);
      assert.doesNotMatch(environment, new RegExp(password));
      assert.equal(
        await machine.mustRun(["stat", "-c", "%a %U", "/home/azureuser/.ssh/authorized_keys"]),
        "600 azureuser\n",
      );
      assert.match(await machine.readFile("/etc/shadow"), /^azureuser:\$/m);
      const sudo = await machine.run(["runuser", "-u", "azureuser", "--", "sudo", "-S", "-p", "", "id", "-u"], {
        input: `${password}\n`,
      });
      assert.equal(sudo.stdout, "0\n");
    });

    it("can be provisioned again, then to the other way to log in", async () => {
      const before = await machine.mustRun(["systemctl", "show", "ssh", "--property=ExecReload,MainPID"]);
      await provision(machine, profile);
      assert.equal(await machine.mustRun(["systemctl", "show", "ssh", "--property=ExecReload,MainPID"]), before);
      await provision(machine, { ...profile, disablePasswordAuthentication: false });
      assert.match(
        (await ssh("-o", "PubkeyAuthentication=no", "-o", "BatchMode=yes")).stderr,
        /Permission denied \(publickey,password\)/,
      );
      await provision(machine, profile);
    });

    describe("and configured by DockerExtension", { skip: notInSample("the DockerExtension handler") }, () => {
      let ca = "";
      let server: Pair;
      let client: Pair;
      const port = 4243;
      const request = { publisher: "Microsoft.Azure.Extensions", type: "DockerExtension", typeHandlerVersion: "1.2" };
      const pack = (text: string) => Buffer.from(text).toString("base64");
      const certs = (pair: Pair) => ({
        certs: { ca: pack(ca + client.cert), cert: pack(pair.cert), key: pack(pair.key) },
      });
      const options = ["--live-restore", "--userland-proxy=false", "--no-new-privileges", "--label=certificates=one"];
      const daemonPid = () => machine.mustRun(["systemctl", "show", "docker", "--property=MainPID"]);
      const enable = (settings: unknown, protectedSettings?: unknown) =>
        runExtension(machine, { ...request, settings, protectedSettings });

      before(async () => {
        const folder = fs.mkdtempSync(path.join(state, "certificates-"));
        await openssl(folder, "ca", "/CN=authority", [
          "basicConstraints=critical,CA:TRUE,pathlen:0",
          "keyUsage=critical,keyCertSign",
        ]);
        server = await openssl(
          folder,
          "server",
          "/CN=server",
          [`subjectAltName=IP:${address}`, "extendedKeyUsage=serverAuth"],
          "ca",
        );
        client = await openssl(folder, "client", "/CN=client", [
          "basicConstraints=critical,CA:FALSE",
          "keyUsage=critical,digitalSignature",
          "extendedKeyUsage=clientAuth",
        ]);
        ca = fs.readFileSync(path.join(folder, "ca.pem"), "utf8");
      });

      /** Docker's answer at its port: the status code, or the error. */
      const ask = (scheme: typeof http | typeof https, identity?: Pair) =>
        new Promise<string>((resolve) => {
          const keys = identity === undefined ? {} : { cert: identity.cert, key: identity.key };
          const call = scheme.request(
            { host: address, port, path: "/info", ca, agent: false, timeout: 5000, ...keys },
            (answer) => {
              answer.resume();
              resolve(`${answer.statusCode ?? 0}`);
            },
          );
          call.on("error", (error) => {
            resolve(error.message);
          });
          call.end();
        });
      const serialNumber = async () => {
        const said = await runCommand(["openssl", "s_client", "-connect", `${address}:${port}`, "-showcerts"]);
        return mustRun(["openssl", "x509", "-noout", "-serial"], { input: said.stdout });
      };

      it("fails as without the Internet where Docker is missing", async () => {
        const quick = {
          "Microsoft.Azure.Extensions/DockerExtension": dockerExtension({ installRetryMs: 1, startMs: 1 }),
        };
        const given = { settings: {}, protectedSettings: certs(server) };
        // curl's failure is lost in the pipe to sh, in the extension too: it goes on to the group that isn't there.
        assert.deepEqual(await runExtension(machine, { ...request, ...given }, quick), {
          status: "error",
          code: "VMExtensionProvisioningError",
          message: "Enable Docker failed: ERROR: executing usermod failed: exit status 6",
        });
        await installDocker(machine);
      });

      it("answers its client over TLS, and nobody else", async () => {
        const result = await enable({ docker: { port: `${port}`, options } }, certs(server));
        assert.deepEqual(result, { status: "success", message: "Enable Docker succeeded" });
        assert.equal(await ask(https, client), "200");
        assert.match(await ask(https), /certificate required|bad certificate|ECONNRESET/);
        assert.equal(await ask(http), "400");
        assert.equal(
          await machine.mustRun(["sh", "-c", "stat -c '%a %U %n' /etc/docker/*.pem"]),
          "444 root /etc/docker/ca.pem\n444 root /etc/docker/cert.pem\n400 root /etc/docker/key.pem\n",
        );
        assert.match(await machine.mustRun(["id", "-nG", "azureuser"]), /\bdocker\b/);
        assert.match(
          await machine.readFile("/usr/lib/systemd/system/docker.service"),
          /^ExecStart=\/usr\/bin\/dockerd -H=fd:\/\/ --tlsverify --tlscacert=\/etc\/docker\/ca.pem --tlscert=\/etc\/docker\/cert.pem --tlskey=\/etc\/docker\/key.pem -H=0.0.0.0:4243 --live-restore /m,
        );
      });

      it("answers the docker command, which runs a container", async () => {
        const folder = fs.mkdtempSync(path.join(state, "client-"));
        for (const [name, text] of [
          ["ca.pem", ca],
          ["cert.pem", client.cert],
          ["key.pem", client.key],
        ] as const) {
          fs.writeFileSync(path.join(folder, name), text, { mode: 0o600 });
        }
        const onPath = (await runCommand(["sh", "-c", "command -v docker"])).stdout.trim();
        const docker = [onPath || dockerClient(rootFileSystem), "--tlsverify", "-H", `tcp://${address}:${port}`];
        const env = {
          DOCKER_CERT_PATH: folder,
          PATH: process.env["PATH"] ?? "",
          HOME: folder,
        };
        assert.match(await mustRun([...docker, "info"], { env }), /Labels:\n +certificates=one/);
        const bundle =
          'cd "$(mktemp -d)" && for f in /bin/sh $(ldd /bin/sh | grep -o "/[^ ]*"); do cp --parents -L "$f" .; done && tar c . | docker import - local:sh';
        await machine.mustRun(["sh", "-c", bundle]);
        const limited = ["--rm", "--memory=64m", "-p", "8080:80", "local:sh", "/bin/sh", "-c", "echo hello from $$"];
        assert.equal(await mustRun([...docker, "run", ...limited], { env }), "hello from 1\n");
      });

      it("goes on with the old certificate while its options are the same, and with the new one when a label differs", async () => {
        const folder = fs.mkdtempSync(path.join(state, "renewed-"));
        fs.cpSync(
          path.join(state, fs.readdirSync(state).find((name) => name.startsWith("certificates-")) ?? ""),
          folder,
          { recursive: true },
        );
        const renewed = await openssl(
          folder,
          "server",
          "/CN=server",
          [`subjectAltName=IP:${address}`, "extendedKeyUsage=serverAuth"],
          "ca",
        );
        const [pid, serial] = [await daemonPid(), await serialNumber()];
        assert.equal((await enable({ docker: { port: `${port}`, options } }, certs(renewed))).status, "success");
        assert.equal(await machine.readFile("/etc/docker/cert.pem"), renewed.cert);
        assert.equal(await daemonPid(), pid);
        assert.equal(await serialNumber(), serial);
        await machine.mustRun([
          "docker",
          "run",
          "--detach",
          "--name=kept",
          "local:sh",
          "/bin/sh",
          "-c",
          "while read x; do :; done < /dev/zero",
        ]);
        const other = [...options.slice(0, -1), "--label=certificates=two"];
        assert.equal((await enable({ docker: { port: `${port}`, options: other } }, certs(renewed))).status, "success");
        assert.notEqual(await serialNumber(), serial);
        assert.equal(await ask(https, client), "200");
        assert.equal(
          await machine.mustRun(["docker", "inspect", "--format={{.State.Running}} {{.RestartCount}}", "kept"]),
          "true 0\n",
        );
        await machine.mustRun(["docker", "rm", "--force", "kept"]);
      });

      it("says it succeeded although Docker is down", async () => {
        const broken = { docker: { port: `${port}`, options: ["--no-such-option"] } };
        const first = await enable(broken, certs(server));
        assert.equal(
          first.message,
          "Enable Docker failed: ERROR: executing systemctl [restart docker] failed: exit status 1",
        );
        assert.equal((await enable(broken, certs(server))).status, "success");
        assert.equal((await machine.run(["systemctl", "is-active", "docker"])).stdout, "failed\n");
        await machine.mustRun(["systemctl", "reset-failed", "docker"]);
      });

      it("opens the daemon to everyone when a port comes without all three certificates", async () => {
        const { ca: onlyCa, cert } = certs(server).certs;
        const opened = await enable({ docker: { port: `${port}` } }, { certs: { ca: onlyCa, cert } });
        // Daemons wait fifteen seconds before they do it, and announce that some later version refuses to start like this.
        if (opened.status === "success") assert.equal(await ask(http), "200");
        else assert.match(opened.message, /executing systemctl \[restart docker\] failed/);
        await machine.mustRun(["systemctl", "reset-failed"]);
        assert.equal((await enable({ docker: { port: `${port}`, options } }, certs(server))).status, "success");
        assert.equal(await ask(http), "400");
      });

      it("refuses what it cannot read, in its own words", async () => {
        const message = async (settings: unknown, protectedSettings?: unknown) =>
          (await enable(settings, protectedSettings)).message;
        const parsing = "Enable Docker failed: ERROR: error parsing handler settings: failed to unmarshal";
        assert.equal(
          await message({ docker: { port } }),
          `${parsing} public settings: failed to unmarshal json: json: cannot unmarshal number into Go struct field dockerEngineSettings.port of type string`,
        );
        assert.equal(
          await message({}, { certs: "none" }),
          `${parsing} protected settings: failed to unmarshal json: json: cannot unmarshal string into Go struct field protectedSettings.certs of type main.dockerCertSettings`,
        );
        const login = { login: { username: "ann", password: "a-password-of-ann" } };
        assert.equal(
          await message({ docker: { port: `${port}`, options } }, { ...certs(server), ...login }),
          "Enable Docker failed: ERROR: the rehearsal's DockerExtension doesn't carry out login",
        );
        const unknown = await runExtension(machine, {
          ...request,
          type: "NoSuch",
          settings: {},
          protectedSettings: {},
        });
        assert.deepEqual(unknown, {
          status: "error",
          code: "ArtifactNotFound",
          message:
            "Extension with publisher 'Microsoft.Azure.Extensions', type 'NoSuch', and type handler version '1.2' could not be found in the extension repository.",
        });
      });

      it("keeps its status and log where Azure's agent has them, and no secret in them", async () => {
        assert.equal((await enable({ docker: { port: `${port}`, options } }, certs(server))).status, "success");
        const folder = "/var/lib/waagent/Microsoft.Azure.Extensions.DockerExtension-1.2.2";
        const sequence = (await machine.readFile(`${folder}/rehearsal-goal-state`)).split(" ")[0] ?? "";
        assert.match(await machine.readFile(`${folder}/status/${sequence}.status`), /"status": "success"/);
        const log = "/var/log/azure/Microsoft.Azure.Extensions.DockerExtension/docker-extension.log";
        assert.match(await machine.readFile(log), /seqnum: 0\n[^]*restart needed: true/);
        const secrets = [password, "a-password-of-ann", pack(server.key).slice(0, 60), server.key.split("\n")[1] ?? ""];
        const places = ["/var/lib/waagent", "/var/log"];
        const found = await machine.run(["grep", "-rlF", "-f", "-", ...places], { input: `${secrets.join("\n")}\n` });
        assert.deepEqual(found, { code: 1, stdout: "", stderr: "" });
      });

      it("is as it was after a reboot", async () => {
        const identity = await machine.readFile("/etc/machine-id");
        assert.equal((await enable({ docker: { port: `${port}`, options } }, certs(server))).status, "success");
        await machine.restart();
        assert.equal(await machine.readFile("/etc/machine-id"), identity);
        assert.equal(await ask(https, client), "200");
        assert.equal((await ssh("-i", key)).code, 0);
        assert.ok(Object.keys(extensionHandlers).includes("Microsoft.Azure.Extensions/DockerExtension"));
      });

      it("leaves half a certificate and half a unit on a full disk, and later stumbles over the unit", async () => {
        const unit = "/lib/systemd/system/docker.service";
        const long = { cert: server.cert + "#".repeat(5000), key: server.key };
        const before = await machine.readFile(unit);
        // One page of memory as a disk, over the folder and the file that are written.
        await machine.mustRun([
          "sh",
          "-ec",
          `mkdir /small && mount -t tmpfs -o size=4k tmpfs /small && cp ${unit} /small && mount --bind /small/docker.service ${unit}`,
        ]);
        await machine.mustRun(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", "/etc/docker"]);
        assert.equal(
          (await enable({ docker: { port: `${port}`, options } }, certs(long))).message,
          "Enable Docker failed: ERROR: error installing docker certs: error writing certificate: write /etc/docker/cert.pem: no space left on device",
        );
        assert.equal(await machine.readFile("/etc/docker/cert.pem"), long.cert.slice(0, 4096));
        assert.equal((await machine.run(["test", "-e", "/etc/docker/key.pem"])).code, 1);
        await machine.mustRun(["umount", "/etc/docker"]);
        const wide = { docker: { port: `${port}`, options: [...options, `--label=long=${"x".repeat(5000)}`] } };
        assert.equal(
          (await enable(wide, certs(server))).message,
          `Enable Docker failed: ERROR: failed to update dockeropts: error updating DOCKER_OPTS: error writing to ${unit}: write ${unit}: no space left on device`,
        );
        assert.equal((await machine.readFile(unit)).length, 4096);
        await machine.mustRun(["truncate", "--size=0", "/small/docker.service"]);
        assert.equal(
          (await enable({ docker: { port: `${port}`, options } }, certs(server))).message,
          `Enable Docker failed: ERROR: failed to update dockeropts: error updating DOCKER_OPTS: error updating settings at ${unit}: systemd unit editor could not find ExecStart`,
        );
        await machine.mustRun(["sh", "-ec", `umount ${unit} && umount /small && rmdir /small`]);
        assert.equal(await machine.readFile(unit), before);
      });

      it("keeps the mode of a certificate that is there", async () => {
        await machine.mustRun(["chmod", "644", "/etc/docker/ca.pem"]);
        assert.equal((await enable({ docker: { port: `${port}`, options } }, certs(server))).status, "success");
        assert.equal(await machine.mustRun(["stat", "-c", "%a", "/etc/docker/ca.pem"]), "644\n");
        await machine.mustRun(["chmod", "444", "/etc/docker/ca.pem"]);
      });

      it("removed, it stops the daemon until somebody calls at its socket, and takes nothing of its own away", async () => {
        await machine.mustRun([
          ...["docker", "run", "--detach", "--name=left", "local:sh", "/bin/sh", "-c"],
          "while read x; do :; done < /dev/zero",
        ]);
        const container = await machine.mustRun(["docker", "inspect", "--format={{.State.Pid}}", "left"]);
        assert.equal(await ask(https, client), "200");
        await removeExtension(machine, request);
        assert.equal(
          (await machine.run(["systemctl", "is-active", "docker", "docker.socket"])).stdout,
          "inactive\nactive\n",
        );
        assert.equal(await machine.mustRun(["systemctl", "is-enabled", "docker"]), "enabled\n");
        assert.match(await ask(https, client), /ECONNREFUSED/);
        // With live-restore the containers go on without it.
        assert.equal((await machine.run(["test", "-d", `/proc/${container.trim()}`])).code, 0);
        const log = "/var/log/azure/Microsoft.Azure.Extensions.DockerExtension/docker-extension.log";
        assert.match(
          await machine.readFile(log),
          /ERROR: Error: executing apt-get \[-qqy purge docker-engine\] failed: exit status 100\n$/,
        );
        assert.equal((await machine.run(["ls", "/usr/local/bin/docker-compose"])).code, 0);
        assert.match(await machine.readFile("/lib/systemd/system/docker.service"), /--tlsverify/);
        assert.equal(
          (await machine.run(["ls", "-d", "/var/lib/waagent/Microsoft.Azure.Extensions.DockerExtension-1.2.2"])).code,
          2,
        );
        assert.equal(await machine.mustRun(["docker", "inspect", "--format={{.State.Pid}}", "left"]), container);
        assert.equal(await ask(https, client), "200");
        await machine.mustRun(["docker", "rm", "--force", "left"]);
        await removeExtension(machine, request);
        assert.equal(await ask(https, client), "200");
      });
    });
  });

  it("is whole after boots that were cut off", async () => {
    const victim = specOf("victim", [network.gateway.replace(/1$/, "6/24")]);
    for (const [index, delay] of [0, 5, 20, 60, 200, 600, 1200].entries()) {
      const { child, begun, closed } = otherProcess(
        `console.log("begun"); await machines.bootMachine(${JSON.stringify(victim)})`,
      );
      await begun;
      await sleep(delay);
      child.kill("SIGKILL");
      await closed;
      // Every other time, what the killed process had begun is stopped instead of completed.
      if (index % 2 === 1) await stopMachine(victim.directory, { keepDisk: true });
      const booted = await bootMachine(victim);
      assert.equal(await booted.mustRun(["systemctl", "is-active", "ssh"]), "active\n", `after ${delay} ms`);
      await stopMachine(victim.directory, { keepDisk: false });
    }
    const left = await leftBehind();
    assert.deepEqual(
      left.filter((line) => line.includes(victim.directory)),
      [],
    );
  });
});

interface Pair {
  cert: string;
  key: string;
}

/** A P-256 key and a certificate for it, signed by `issuer` of the same folder or by itself. */
async function openssl(
  folder: string,
  name: string,
  subject: string,
  extensions: string[],
  issuer?: string,
): Promise<Pair> {
  const file = (stem: string, ending: string) => path.join(folder, `${stem}${ending}`);
  const signer = issuer === undefined ? [] : ["-CA", file(issuer, ".pem"), "-CAkey", file(issuer, "-key.pem")];
  await mustRun([
    ...[
      "openssl",
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "2",
      "-subj",
      subject,
    ],
    ...extensions.flatMap((extension) => ["-addext", extension]),
    ...[...signer, "-keyout", file(name, "-key.pem"), "-out", file(name, ".pem")],
  ]);
  return { cert: fs.readFileSync(file(name, ".pem"), "utf8"), key: fs.readFileSync(file(name, "-key.pem"), "utf8") };
}
