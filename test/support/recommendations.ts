/** Docker's own recommendations for the daemon, read on a machine: its settings, and the modes of its files. */
import assert from "node:assert/strict";
import type { Host } from "./host";

/** The owner of each file, and the widest mode that it may have (CIS Docker Benchmark 1.6, section 3; the number is its own). */
const FILES: [number: string, file: string, owner: string, widest: number][] = [
  ["3.1", "/lib/systemd/system/docker.service", "root:root", 0o644],
  ["3.3", "/lib/systemd/system/docker.socket", "root:root", 0o644],
  ["3.5", "/etc/docker", "root:root", 0o755],
  ["3.9", "/etc/docker/ca.pem", "root:root", 0o444],
  ["3.11", "/etc/docker/cert.pem", "root:root", 0o444],
  ["3.13", "/etc/docker/key.pem", "root:root", 0o400],
  ["3.15", "/run/docker.sock", "root:docker", 0o660],
  ["3.17", "/etc/docker/daemon.json", "root:root", 0o644],
  ["3.19", "/etc/default/docker", "root:root", 0o644],
  ["3.23", "/run/containerd/containerd.sock", "root:root", 0o660],
];

/** Files whose owner or mode is not as recommended, as "3.13 /etc/docker/key.pem root:root 600". */
export async function unrecommendedFiles({ machine }: Host): Promise<string[]> {
  const found: string[] = [];
  for (const [number, file, owner, widest] of FILES) {
    const { code, stdout } = await machine.run(["stat", "--dereference", "--format=%U:%G %a", file]);
    if (code !== 0) continue;
    const [actualOwner = "", mode = ""] = stdout.trim().split(" ");
    if (actualOwner !== owner || (Number.parseInt(mode, 8) & ~widest) !== 0) {
      found.push(`${number} ${file} ${actualOwner} ${mode}`);
    }
  }
  return found;
}

/** Asserts what section 2 of the benchmark and Docker's documentation say of the daemon's settings, by what the daemon does. */
export async function assertDaemonSettings({ machine }: Host): Promise<void> {
  const docker = (...words: string[]): Promise<string> => machine.mustRun(["docker", ...words]);
  const info = JSON.parse(await docker("info", "--format={{json .}}")) as {
    LiveRestoreEnabled: boolean;
    Debug: boolean;
    Driver: string;
    ExperimentalBuild: boolean;
    SecurityOptions: string[];
    RegistryConfig: { InsecureRegistryCIDRs: string[]; IndexConfigs: Record<string, { Secure: boolean }> };
  };
  assert.equal(info.LiveRestoreEnabled, true, "2.15 live-restore");
  assert.equal(info.Debug, false, "2.3 log level");
  assert.notEqual(info.Driver, "aufs", "2.6 storage driver");
  // The default profile is called "builtin" from Docker 23 on.
  assert.ok(
    info.SecurityOptions.some((option) => /^name=seccomp,profile=(default|builtin)$/.test(option)),
    "2.17 seccomp profile",
  );
  assert.equal(info.ExperimentalBuild, false, "2.18 no experimental features");
  assert.deepEqual(
    [
      info.RegistryConfig.InsecureRegistryCIDRs,
      Object.values(info.RegistryConfig.IndexConfigs).map(({ Secure }) => Secure),
    ],
    [["127.0.0.0/8"], [true]],
    "2.5 no insecure registries",
  );
  // The defaults that a container gets.
  await docker("run", "--detach", "--name=plain", "--publish=127.0.0.1:8099:80", "local:sh", "/bin/sleep", "60");
  const status = await docker("exec", "plain", "/bin/cat", "/proc/1/status");
  assert.match(status, /^NoNewPrivs:\t1$/m, "2.14 no-new-privileges");
  assert.deepEqual(
    JSON.parse(await docker("inspect", "--format={{json .HostConfig.LogConfig}}", "plain")),
    { Type: "json-file", Config: { "max-file": "5", "max-size": "10m" } },
    "logs are bounded",
  );
  assert.equal((await machine.run(["pgrep", "-x", "docker-proxy"])).stdout, "", "2.16 no userland proxy");
  await docker("rm", "--force", "plain");
  const daemon = await machine.mustRun(["sh", "-c", "tr '\\0' ' ' < /proc/$(pidof dockerd)/cmdline"]);
  for (const word of ["--tlsverify", "--tlscacert=", "--tlscert=", "--tlskey="]) {
    assert.ok(daemon.includes(word), `2.7 ${word}`);
  }
}

/** The state of a host, by either installer: the daemon's answers, the ports, the users of the socket, and the services at boot. */
export async function daemonState({ machine, outputs }: Host): Promise<Record<string, unknown>> {
  const info = JSON.parse(await machine.mustRun(["docker", "info", "--format={{json .}}"])) as Record<string, unknown>;
  const listening = await machine.mustRun(["ss", "--listening", "--tcp", "--numeric", "--no-header", "--processes"]);
  const read = async (file: string): Promise<string> => (await machine.readFile(file)).trim();
  return {
    ...Object.fromEntries(
      ["LiveRestoreEnabled", "LoggingDriver", "SecurityOptions", "Driver", "Debug", "ExperimentalBuild", "Swarm"].map(
        (name) => [name, info[name]],
      ),
    ),
    labels: (info.Labels as string[]).map((label) => label.replace(/=[0-9a-f]{32}$/, "=FINGERPRINT")),
    listening: [...listening.matchAll(/^\S+ +\S+ +\S+ +(\S+) .*"dockerd"/gm)].map(([, address]) => address),
    group: (await machine.mustRun(["getent", "group", "docker"])).replace(/:\d+:/, ":GID:"),
    enabled: await machine.mustRun(["systemctl", "is-enabled", "docker.service", "docker.socket"]),
    trusts: (await read("/etc/docker/ca.pem")) === outputs.clientCert?.trim(),
    files: await machine.mustRun(["sh", "-c", "ls /etc/docker/*.pem"]),
  };
}
