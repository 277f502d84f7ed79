/** The endpoints of Azure's platform on a real machine: the host reaches them, and a container doesn't. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { prepareScript } from "../../components/installers/customScript";
import { mustRun } from "../../rehearsal/system/command";
import type { Machine } from "../../rehearsal/machine/machine";
import { bridgeNamespace, innerBridge } from "../../rehearsal/machine/network";
import { scratchMachine } from "../support/scratchMachine";

/** WireServer with its DNS, and the instance metadata service. */
const WIRE_SERVER = "168.63.129.16";
const METADATA = "169.254.169.254";
const ENDPOINTS = {
  wireServer: [WIRE_SERVER, 80],
  wireServerPlugin: [WIRE_SERVER, 32526],
  metadata: [METADATA, 80],
  dns: [WIRE_SERVER, 53],
};

const SERVERS = `
const servers = ${JSON.stringify(Object.values(ENDPOINTS))}.map(([host, port]) =>
  require("node:http").createServer((_request, response) => response.end("here")).listen(port, host));
Promise.all(servers.map((server) => require("node:events").once(server, "listening"))).then(() => console.log("listening"));`;

test("the endpoints of Azure's platform", async (t) => {
  const { machine, reboot, bridge, address } = await scratchMachine(t);
  const onBridge = ["nsenter", `--net=${bridgeNamespace(bridge)}`];
  const addRoutes = (to: Machine): Promise<string> =>
    to.mustRun(["sh", "-c", `for host in ${WIRE_SERVER} ${METADATA}; do ip route add $host dev host0; done`]);
  for (const host of [WIRE_SERVER, METADATA]) {
    await mustRun([...onBridge, "ip", "address", "add", `${host}/32`, "dev", innerBridge]);
  }
  await addRoutes(machine);
  await mustRun([...onBridge, "ip", "route", "add", `${address}/32`, "dev", innerBridge]);
  const servers = spawn("nsenter", [...onBridge.slice(1), process.execPath, "-e", SERVERS], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => servers.kill());
  await once(servers.stdout, "data");

  const install = (allowContainerIdentity: boolean): Promise<string> =>
    machine.mustRun(["sh", "-s"], { input: prepareScript({ allowContainerIdentity }) });
  await install(false);
  await machine.mustRun(["sh", "-c", IMAGE]);
  const closed = { wireServer: false, wireServerPlugin: false, metadata: false, dns: true };

  await t.test("the host reaches all of them, a container only DNS", async () => {
    assert.deepEqual(await reached(machine, HOST), {
      wireServer: true,
      wireServerPlugin: true,
      metadata: true,
      dns: true,
    });
    assert.deepEqual(await reached(machine, CONTAINER), closed);
  });

  await t.test("a network of its own and a running container make no difference", async () => {
    await machine.mustRun(["docker", "network", "create", "other"]);
    assert.deepEqual(
      await reached(machine, [...CONTAINER.slice(0, -3), "--network", "other", ...CONTAINER.slice(-3)]),
      closed,
    );
    await machine.mustRun([
      "docker",
      "run",
      "--detach",
      "--name",
      "running",
      "local:bash",
      "bash",
      "-c",
      "while :; do sleep 1; done",
    ]);
    assert.deepEqual(await reached(machine, ["docker", "exec", "running", "bash", "-c"]), closed);
  });

  const events: Record<string, string[]> = {
    "Docker restarts": ["systemctl", "restart", "docker"],
    "Docker is killed": ["sh", "-c", "kill -9 $(pidof dockerd); sleep 3; systemctl start docker"],
    "somebody flushes the packet filter and restarts Docker": [
      "sh",
      "-c",
      "iptables -t mangle -F; iptables -F; systemctl restart docker",
    ],
    "the package is installed again": [
      ...["sh", "-c"],
      "DEBIAN_FRONTEND=noninteractive apt-get -q -y --reinstall install docker.io >/dev/null 2>&1 && systemctl restart docker",
    ],
  };
  for (const [event, command] of Object.entries(events)) {
    await t.test(`closed after: ${event}`, async () => {
      await machine.mustRun(command);
      assert.deepEqual(await reached(machine, CONTAINER), closed);
    });
  }

  await t.test("Docker doesn't start without the fence", async () => {
    await machine.mustRun(["sh", "-c", "mv /usr/local/lib/docker-host/fence /tmp/fence"]);
    const { code } = await machine.run(["systemctl", "restart", "docker"]);
    assert.notEqual(code, 0);
    await machine.mustRun([
      "sh",
      "-c",
      "mv /tmp/fence /usr/local/lib/docker-host/fence; systemctl reset-failed; systemctl start docker",
    ]);
    assert.deepEqual(await reached(machine, CONTAINER), closed);
  });

  await t.test("allowContainerIdentity opens the metadata service, and taking it back closes it", async () => {
    await install(true);
    assert.deepEqual(await reached(machine, CONTAINER), { ...closed, metadata: true });
    await install(false);
    assert.deepEqual(await reached(machine, CONTAINER), closed);
  });

  await t.test("closed after a reboot", async () => {
    const rebooted = await reboot();
    await addRoutes(rebooted);
    assert.deepEqual(await reached(rebooted, CONTAINER), closed);
  });
});

/** An image made on the spot: bash, which can connect by itself. */
const IMAGE =
  'cd "$(mktemp -d)" && for f in /bin/bash /usr/bin/timeout /usr/bin/sleep $(ldd /bin/bash /usr/bin/timeout | grep -o "/[^ :]*"); ' +
  'do cp --parents -L "$f" . 2>/dev/null; done; tar c . | docker import - local:bash';

const HOST = ["bash", "-c"];
const CONTAINER = ["docker", "run", "--rm", "local:bash", "bash", "-c"];

/** The endpoints that a shell reaches. */
async function reached(machine: Machine, shell: string[]): Promise<Record<string, boolean>> {
  const answers = await Promise.all(
    Object.entries(ENDPOINTS).map(async ([name, [host, port]]) => {
      const { code } = await machine.run([...shell, `timeout 3 bash -c 'exec 3<>/dev/tcp/${host}/${port}'`]);
      assert.ok([0, 1, 124].includes(code), `${name}: exit code ${code}`);
      return [name, code === 0];
    }),
  );
  return Object.fromEntries(answers) as Record<string, boolean>;
}
