/** The NSG's rules, enforced on the packets of a real machine. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { machinesOf, networkOf } from "../../rehearsal/arm/open";
import { mustRun, runCommand } from "../../rehearsal/system/command";
import { runningMachine, stopMachine } from "../../rehearsal/machine/machine";
import { bridgeNamespace, innerBridge, removeBridge } from "../../rehearsal/machine/network";
import { without } from "../../rehearsal/arm/body";
import type { Body } from "../../rehearsal/arm/body";
import { ask } from "../support/ask";
import { Scratch } from "../support/scratch";

/** How a connection begins: "open", the error's code, or "timeout" if nothing comes back within four seconds. */
function knock(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 4000 });
    const end = (result: string): void => {
      socket.destroy();
      resolve(result);
    };
    socket.on("connect", () => {
      end("open");
    });
    socket.on("timeout", () => {
      end("timeout");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      end(error.code ?? error.message);
    });
  });
}

/** The answer to a datagram to a port where nobody listens: the error of a machine that got it, or "timeout". */
async function send(host: string, port: number): Promise<string> {
  const socket = createSocket("udp4");
  socket.connect(port, host);
  await once(socket, "connect");
  const refused = once(socket, "error", { signal: AbortSignal.timeout(1000) });
  socket.send("anybody there?");
  return refused
    .then(
      ([error]) => (error as NodeJS.ErrnoException).code ?? "error",
      () => "timeout",
    )
    .finally(() => socket.close());
}

test("the security group's rules decide who reaches the machine", async (t) => {
  const scratch = new Scratch(t, { machines: true });
  const { bridge, subnet, gateway } = networkOf(scratch.directory);
  const within = (host: number): string => subnet.replace(/0\/24$/, `${host}`);
  const other = within(200);
  const addOther = (): Promise<string> => mustRun(["ip", "address", "add", `${other}/24`, "dev", bridge]);

  let rehearsal = await scratch.open({ "dockerSources[0]": `${gateway}/32` });
  const { outputs } = await rehearsal.up();
  const machineId = rehearsal.subscription.store.list().find(({ armType }) => armType.endsWith("/virtualMachines"))?.id;
  assert.ok(machineId !== undefined && rehearsal.rootFileSystem !== undefined, "a real machine");
  const folder = machinesOf(scratch.directory, rehearsal.rootFileSystem).folder(machineId);
  const machine = runningMachine(folder);
  assert.ok(machine, "it runs");
  const address = outputs.publicIpAddress ?? assert.fail("no address");
  const client = { host: address, port: 4243, ca: outputs.caCert, cert: outputs.clientCert, key: outputs.clientKey };
  const dockerFrom = (localAddress: string): Promise<string> => ask({ ...client, localAddress });
  await addOther();

  // A second service, on every address of the machine's, IPv6's too.
  await machine.mustRun(["systemd-run", "--quiet", "/usr/sbin/sshd", "-D", "-p", "8080"]);
  const bannerInside = (port: number): string =>
    `until exec 3<>/dev/tcp/127.0.0.1/${port}; do sleep 0.1; done; head -1 <&3`;
  for (const port of [22, 8080]) {
    const banner = await machine.mustRun(["bash", "-c", bannerInside(port)], { timeoutMs: 10_000 });
    assert.match(banner, /^SSH-2\.0-/, `port ${port} is served`);
  }

  // A neighbour, by all that Azure knows another machine of the virtual network: an answer to it passes the filter too.
  const { subscription } = rehearsal;
  const [ip, nic] = ["publicIPAddresses", "networkInterfaces"].map((type) =>
    subscription.store.list().find(({ armType }) => armType === `Microsoft.Network/${type}`),
  );
  assert.ok(ip && nic, "an address and an interface");
  const registerNeighbour = async (): Promise<string> => {
    const neighbourIp = await subscription.put(`${ip.id}-2`, without(ip.body, "dnsSettings"));
    const neighbourNic = JSON.stringify(nic.body).replaceAll(ip.id, neighbourIp.id);
    await subscription.put(`${nic.id}-2`, JSON.parse(neighbourNic) as Body);
    return String(neighbourIp.computed.ipAddress);
  };
  const [outside, inside] = [await registerNeighbour(), "10.0.0.5"];
  const neighbour = spawn("unshare", ["--net", "sh", "-c", "echo ready; exec sleep infinity"]);
  t.after(() => neighbour.kill("SIGKILL"));
  await once(neighbour.stdout, "data");
  const pid = `${neighbour.pid ?? 0}`;
  const nextDoor = ["nsenter", `--net=/proc/${pid}/ns/net`];
  const onBridge = ["nsenter", `--net=${bridgeNamespace(bridge)}`, "ip", "link"];
  await mustRun([...onBridge, "add", "neighbour", "type", "veth", "peer", "name", "eth0", "netns", pid]);
  await mustRun([...onBridge, "set", "neighbour", "master", innerBridge, "up"]);
  await mustRun([...nextDoor, "ip", "link", "set", "eth0", "up"]);
  for (const each of [outside, inside])
    await mustRun([...nextDoor, "ip", "address", "add", `${each}/24`, "dev", "eth0"]);

  /** As knock, from the neighbour, at several ports at once. */
  const knockNextDoor = async (host: string, ports: number[], source?: string): Promise<string[]> => {
    if (source !== undefined)
      await mustRun([...nextDoor, "ip", "route", "replace", host, "dev", "eth0", "src", source]);
    const results = ports.map(async (port) => {
      const begin = ["timeout", "5", "bash", "-c", 'exec 3<>"/dev/tcp/$0/$1"', host, `${port}`];
      const { code, stderr } = await runCommand([...nextDoor, ...begin]);
      return code === 0 ? "open" : code === 124 ? "timeout" : stderr;
    });
    return Promise.all(results);
  };

  await t.test("an allowed source reaches the Docker port, another gets no answer", async () => {
    assert.match(await dockerFrom(gateway), /^200 .*ApiVersion/);
    assert.equal(await dockerFrom(other), "timeout");
  });

  await t.test("nothing else is open: neither SSH, nor another service, nor a port for datagrams", async () => {
    assert.deepEqual(await Promise.all([22, 8080, 9999].map((port) => knock(address, port))), Array(3).fill("timeout"));
    assert.equal(await send(address, 4243), "timeout");
  });

  await t.test("nor anything at an address that only the machine knows of", async () => {
    await machine.mustRun(["ip", "address", "add", `${within(99)}/24`, "dev", "host0"]);
    assert.equal(await knock(within(99), 4243), "timeout");
    assert.deepEqual(await knockNextDoor(within(99), [4243], outside), ["timeout"]);
  });

  await t.test("nor to the virtual network, nor by IPv6", async (st) => {
    assert.deepEqual(await knockNextDoor("10.0.0.4", [22, 4243, 8080], inside), Array(3).fill("timeout"));
    const host0 = await machine.mustRun(["ip", "-6", "-oneline", "address", "show", "dev", "host0"]);
    const linkLocal = /inet6 (fe80:[^/]+)/.exec(host0)?.[1];
    if (linkLocal === undefined) {
      st.diagnostic("this computer has no IPv6, and so the machine has none");
      return;
    }
    // Its own address of that kind can't be used for the first seconds.
    await mustRun([...nextDoor, "ip", "-6", "address", "add", "fe80::77/64", "dev", "eth0", "nodad"]);
    assert.deepEqual(await knockNextDoor(`${linkLocal}%eth0`, [8080]), ["timeout"]);
  });

  await t.test("the machine gets an answer to what it begins", async () => {
    const server = createServer((socket) => socket.end("answer"));
    server.listen(0, gateway);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const call = ["bash", "-c", 'exec 3<>"/dev/tcp/$0/$1"; cat <&3', gateway, `${port}`];
    assert.equal(await machine.mustRun(call, { timeoutMs: 5000 }), "answer");
    server.close();
  });

  await t.test("other sources are let in by the up that names them, and the first one no more", async () => {
    rehearsal = await scratch.open({
      "dockerSources[0]": `${other}/32`,
      "dockerSources[1]": "VirtualNetwork",
      "dockerSources[2]": "AzureCloud.WestEurope",
      "sharedServiceTags[0]": "AzureCloud.WestEurope",
      "sshSources[0]": `${outside}/32`,
    });
    await rehearsal.up();
    assert.deepEqual(scratch.steps(), { "docker-host-nsg": "~ securityRules" });
    // No state knows of the neighbour, so the rehearsal has taken it away before the `up`.
    assert.equal(await registerNeighbour(), outside);
    assert.match(await dockerFrom(other), /^200 /);
    assert.equal(await dockerFrom(gateway), "timeout");
    assert.equal(await knock(address, 22), "timeout");
    for (const to of [address, "10.0.0.4"]) {
      const ports = [22, 4243, 8080];
      assert.deepEqual(await knockNextDoor(to, ports, outside), ["open", "timeout", "timeout"], to);
      assert.deepEqual(await knockNextDoor(to, ports, inside), ["timeout", "open", "timeout"], to);
    }
  });

  await t.test("the next run puts the filter back after the computer was switched off", async () => {
    await stopMachine(folder, { keepDisk: true });
    await removeBridge(bridge);
    await scratch.open();
    await addOther();
    assert.ok(runningMachine(folder), "it runs again");
    assert.match(await dockerFrom(other), /^200 /);
    assert.equal(await dockerFrom(gateway), "timeout");
    assert.equal(await knock(address, 22), "timeout");
  });
});
