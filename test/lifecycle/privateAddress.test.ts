/** A host without a public address, in another stack's network: how it comes, changes and goes; the control plane alone. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { leftOut } from "../support/sample";
import { DECLARED, Scratch } from "../support/scratch";

test("a host without a public address", async (t) => {
  if (leftOut(t, "private addresses")) return;
  const scratch = new Scratch(t);
  await (await scratch.open()).up();
  const subnetId = `${scratch.state()["docker-host-vnet"]?.id ?? assert.fail("no network")}/subnets/default`;
  const recertified = {
    "docker-host-server-request": "+- dnsNames, ipAddresses",
    "docker-host-server": "+- certRequestPem",
    "docker-host-docker": "~ protectedSettings, settings",
  };
  const PUBLIC = ["docker-host-ip", "docker-host-dns-suffix"];
  const open = (config: Record<string, string> = {}): ReturnType<Scratch["open"]> => scratch.open(config, "inner");
  const names = (): string[] => Object.keys(scratch.state("inner")).sort();
  const declared = (...gone: string[]): string[] =>
    Object.keys(DECLARED)
      .filter((name) => !gone.includes(name))
      .sort();
  /** Whom the server's certificate is for. */
  const served = (): string | undefined =>
    new X509Certificate(String(scratch.state("inner")["docker-host-server"]?.outputs?.certPem)).subjectAltName;

  await t.test("has neither address, name nor network of its own, and an address beside the first host's", async () => {
    const rehearsal = await open({ publicIp: "false", subnetId });
    const { outputs } = await rehearsal.up();
    assert.deepEqual(names(), declared(...PUBLIC, "docker-host-vnet"));
    assert.equal(outputs.dockerHost, "tcp://10.0.0.5:4243");
    assert.ok(!("fqdn" in outputs) && !("publicIpAddress" in outputs), Object.keys(outputs).join());
    assert.equal(served(), "DNS:localhost, IP Address:10.0.0.5");
    assert.deepEqual(
      scratch.lines.filter((line) => /^(warning|error)/.test(line)),
      [],
      "nothing to warn of",
    );
    assert.deepEqual(Object.keys((await (await open()).up()).changes), ["same"]);
  });

  await t.test("gets a public address by an update, and the certificate that has it", async () => {
    const rehearsal = await open({ publicIp: "true" });
    await rehearsal.preview();
    assert.deepEqual(scratch.steps(), {
      ...recertified,
      "docker-host-dns-suffix": "+",
      "docker-host-ip": "+",
      "docker-host-nic": "~ ipConfigurations",
    });
    const { outputs } = await rehearsal.up();
    assert.deepEqual(names(), declared("docker-host-vnet"));
    assert.equal(served(), `DNS:${outputs.fqdn ?? ""}, DNS:localhost, IP Address:203.0.113.11, IP Address:10.0.0.5`);
  });

  await t.test("gives it up again", async () => {
    const rehearsal = await open({ publicIp: "false" });
    await rehearsal.preview();
    assert.deepEqual(scratch.steps(), {
      ...recertified,
      "docker-host-dns-suffix": "-",
      "docker-host-ip": "-",
      "docker-host-nic": "~ ipConfigurations",
    });
    const { outputs } = await rehearsal.up();
    assert.deepEqual(names(), declared(...PUBLIC, "docker-host-vnet"));
    assert.equal(outputs.dockerHost, "tcp://10.0.0.5:4243", "the private address stays");
    assert.equal(served(), "DNS:localhost, IP Address:10.0.0.5");
  });

  await t.test("the network that it is in can't go before it", async () => {
    const rehearsal = await scratch.open();
    await assert.rejects(rehearsal.destroy(), "the destroy fails");
    assert.match(scratch.lines.join("\n"), /InUseSubnetCannotBeDeleted/);
  });

  await t.test("another network: the interface is replaced, and the machine with it", async () => {
    const rehearsal = await open({ publicIp: "true", subnetId: "" });
    await rehearsal.preview();
    const steps = scratch.steps();
    assert.equal(steps["docker-host-nic"], "+- ipConfigurations");
    assert.equal(steps["docker-host-vm"], "+-");
    await rehearsal.up();
    assert.deepEqual(names(), declared());
  });

  await t.test("then the first one's network can go", async () => {
    await (await scratch.open()).destroy();
    const inner = await open();
    await inner.destroy();
    assert.deepEqual(inner.subscription.store.list(), []);
  });
});
