/** The life of a stack on the real engine: preview, up, up again, drift, renewal, changes, teardown; the control plane alone. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { belongsToMachine } from "../../rehearsal/arm/disks";
import { leftOut, sampled } from "../support/sample";
import { DECLARED, Scratch } from "../support/scratch";

const CREATED = Object.fromEntries(Object.keys(DECLARED).map((name) => [name, "+"]));

test("from nothing to a host and back", async (t) => {
  const scratch = new Scratch(t);

  let rehearsal = await scratch.open();
  await rehearsal.preview();
  assert.deepEqual(scratch.steps(), CREATED);
  assert.deepEqual(rehearsal.subscription.store.list(), [], "a preview makes nothing");

  const { outputs } = await rehearsal.up();
  assert.deepEqual(
    scratch.lines.filter((line) => /^(warning|error)/.test(line)),
    [],
    "nothing to warn of",
  );
  const declared = Object.entries(scratch.state()).map(([name, { type, parent }]) => {
    const parentName = parent?.split("::").at(-1);
    return [name, [type, parentName === "azure-docker-host-rehearsal" ? "stack" : parentName]];
  });
  assert.deepEqual(Object.fromEntries(declared), DECLARED);
  assert.match(outputs.fqdn ?? "", /^docker-host-[a-z0-9]{6}\.westeurope\.cloudapp\.azure\.com$/);
  assert.deepEqual(
    { ...outputs, caCert: "", sshPrivateKey: "" },
    {
      dockerHost: `tcp://${outputs.fqdn}:4243`,
      fqdn: outputs.fqdn,
      publicIpAddress: "203.0.113.10",
      privateIpAddress: "10.0.0.4",
      vmId: scratch.state()["docker-host-vm"]?.id,
      adminUsername: "azureuser",
      caCert: "",
      clientCert: outputs.clientCerts.admin,
      clientKey: outputs.clientKeys?.admin,
      clientCerts: { admin: outputs.clientCert },
      clientKeys: { admin: outputs.clientKey },
      sshPrivateKey: "",
    },
  );

  rehearsal = await scratch.open();
  assert.deepEqual((await rehearsal.up()).changes, { same: 19 }, "a second up changes nothing");
  assert.deepEqual(scratch.steps(), {});
  // Azure changed them when the interface came: their etags, and those of what lies in them, are others.
  await rehearsal.refresh();
  assert.deepEqual(Object.keys(scratch.steps()).sort(), ["docker-host-nsg", "docker-host-vnet"]);
  rehearsal = await scratch.open();
  assert.deepEqual(await rehearsal.preview(), { same: 19 }, "which is nothing that the program would change back");
  await rehearsal.refresh();
  assert.deepEqual(scratch.steps(), {}, "and nothing has drifted");

  // Somebody opens the port to everyone in the portal.
  const { store } = rehearsal.subscription;
  const group = store.list().find(({ armType }) => armType === "Microsoft.Network/networkSecurityGroups");
  assert.ok(group, "the network security group is there");
  const [rule, ...others] = group.body.securityRules as { sourceAddressPrefix: string }[];
  store.set({ ...group, body: { ...group.body, securityRules: [{ ...rule, sourceAddressPrefix: "*" }, ...others] } });
  rehearsal = await scratch.open();
  await rehearsal.refresh();
  assert.deepEqual(scratch.steps(), { "docker-host-nsg": "~ securityRules" }, "a refresh sees the drift");
  rehearsal = await scratch.open();
  await rehearsal.up();
  assert.deepEqual(scratch.steps(), { "docker-host-nsg": "~ securityRules" }, "and the next up mends it");
  assert.deepEqual(store.get(group.id)?.body, group.body);

  rehearsal = await scratch.open();
  assert.deepEqual(await rehearsal.destroy(), { delete: 19 });
  assert.deepEqual(store.list(), [], "nothing is left in Azure");
  assert.deepEqual(scratch.state(), {});
});

test("near their end, certificates are renewed by preview's own account, and the extension gets them", async (t) => {
  const scratch = new Scratch(t);
  const before = (await (await scratch.open()).up()).outputs;
  const renewed = {
    "docker-host-server": "+- readyForRenewal",
    "docker-host-client-admin": "+- readyForRenewal",
    "docker-host-docker": "~ protectedSettings, settings",
  };
  const hours = (days: number): string => `${days * 24}`;
  process.env.REHEARSAL_CLOCK_OFFSET_HOURS = hours(365 - 31);
  t.after(() => {
    delete process.env.REHEARSAL_CLOCK_OFFSET_HOURS;
  });
  assert.deepEqual((await (await scratch.open()).up()).changes, { same: 19 }, "31 days before the end: nothing");

  process.env.REHEARSAL_CLOCK_OFFSET_HOURS = hours(365 - 29);
  const rehearsal = await scratch.open();
  await rehearsal.preview();
  assert.deepEqual(scratch.steps(), renewed);
  const { outputs } = await rehearsal.up();
  assert.notEqual(outputs.clientCert, before.clientCert);
  assert.equal(outputs.clientKey, before.clientKey, "the key stays");
  assert.equal(outputs.caCert, before.caCert, "the CA stays");
  assert.deepEqual((await (await scratch.open()).up()).changes, { same: 19 });
});

/** The steps of a change of one setting, by resource. `+-` is a replacement. */
const CHANGES: { change: string; config: Record<string, string>; steps: Record<string, string> }[] = [
  {
    change: "dockerPort",
    config: { dockerPort: "4244" },
    steps: { "docker-host-nsg": "~ securityRules", "docker-host-docker": "~ settings" },
  },
  {
    change: "dockerSources",
    config: { "dockerSources[1]": "198.51.100.7" },
    steps: { "docker-host-nsg": "~ securityRules" },
  },
  {
    change: "sshSources",
    config: { "sshSources[0]": "VirtualNetwork" },
    steps: { "docker-host-nsg": "~ securityRules" },
  },
  { change: "vmSize", config: { vmSize: "Standard_D2s_v5" }, steps: { "docker-host-vm": "~ hardwareProfile" } },
  {
    change: "tags",
    config: { "tags.team": "build" },
    steps: Object.fromEntries(
      ["group", ...["ip", "vnet", "nsg", "nic", "vm", "prepare", "docker"].map((part) => `docker-host-${part}`)].map(
        (name) => [name, "~ tags"],
      ),
    ),
  },
  {
    change: "daemonOptions",
    config: { "daemonOptions.log-level": "warn" },
    steps: { "docker-host-docker": "~ settings" },
  },
  {
    change: "forceUpdateTag",
    config: { forceUpdateTag: "1" },
    steps: { "docker-host-prepare": "~ forceUpdateTag", "docker-host-docker": "~ forceUpdateTag" },
  },
  {
    change: "dockerVersion",
    config: { dockerVersion: "27.5.*" },
    steps: { "docker-host-prepare": "~ settings", "docker-host-docker": "~ forceUpdateTag" },
  },
  {
    change: "installer",
    config: { installer: "CustomScript" },
    steps: {
      "docker-host-docker": "-",
      "docker-host-prepare": "+- settings, vmExtensionName, protectedSettings",
    },
  },
  {
    change: "daemonOptions, by the script",
    config: { "daemonOptions.log-level": "info" },
    steps: { "docker-host-prepare": "+- protectedSettings" },
  },
  {
    change: "dockerVersion, by the script",
    config: { dockerVersion: "28.2.*" },
    steps: { "docker-host-prepare": "+- protectedSettings" },
  },
  {
    change: "adminUsername",
    config: { adminUsername: "ops" },
    steps: { "docker-host-vm": "+- osProfile", "docker-host-prepare": "+-" },
  },
  {
    change: "image",
    config: { image: "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest" },
    steps: { "docker-host-vm": "+- storageProfile", "docker-host-prepare": "+-" },
  },
  {
    change: "trustedLaunch",
    config: { trustedLaunch: "false" },
    steps: { "docker-host-vm": "+- securityProfile", "docker-host-prepare": "+-" },
  },
  {
    change: "passwordLogin",
    config: { passwordLogin: "true" },
    steps: { "docker-host-password": "+", "docker-host-vm": "+- osProfile", "docker-host-prepare": "+-" },
  },
  {
    change: "sshPublicKey",
    config: {
      sshPublicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFzHXvYlc5eKq3CPsGlnQqerkRXSjUReXDfp+TJC9PvF me@laptop",
    },
    steps: { "docker-host-vm": "+- osProfile", "docker-host-prepare": "+-", "docker-host-ssh-key": "-" },
  },
];

test("each change is previewed as the update or the replacement that it is, and Azure takes it", async (t) => {
  const scratch = new Scratch(t);
  const first = (await (await scratch.open()).up()).outputs;
  // In Azure: the group and what is in it, with two extensions and then one.
  let resources = 8;
  const sample = ["dockerPort", "vmSize", "tags"];
  for (const { change, config, steps } of sampled(t, "changes of a setting", CHANGES, (each) => each.change, sample)) {
    if (change === "installer") resources = 7;
    await t.test(change, async () => {
      const rehearsal = await scratch.open(config);
      await rehearsal.preview();
      assert.deepEqual(scratch.steps(), steps);
      const { outputs } = await rehearsal.up();
      const azure = rehearsal.subscription.store.list().filter((resource) => !belongsToMachine(resource));
      assert.equal(outputs.publicIpAddress, first.publicIpAddress, "the address stays");
      assert.equal(outputs.clientCert, first.clientCert, "the client stays");
      assert.deepEqual(
        azure.map(({ provisioningState }) => provisioningState),
        Array(resources).fill("Succeeded"),
      );
      if (change !== "tags") return;
      const tags = azure.map(({ body }) => body.tags);
      assert.deepEqual(tags, Array(resources).fill({ team: "build" }), "they are on everything in Azure");
    });
  }
  assert.deepEqual(await (await scratch.open()).destroy().then(() => scratch.state()), {});
});

/** The steps of a rotation. `caCert` counts the CAs that the clients get. */
const ROTATIONS: { step: string; config: Record<string, string>; steps: Record<string, string>; caCert: number }[] = [
  {
    step: "new keys of server and client",
    config: { keyGeneration: "2" },
    steps: {
      "docker-host-server-key": "+-",
      "docker-host-server-request": "+- privateKeyPem",
      "docker-host-server": "+- certRequestPem",
      "docker-host-client-admin-key": "+-",
      "docker-host-client-admin": "+- privateKeyPem",
      "docker-host-docker": "~ protectedSettings, settings",
    },
    caCert: 1,
  },
  {
    step: "the next CA beside the first, which still signs: the host is not touched",
    config: { caGenerations: "1,2" },
    steps: { "docker-host-ca-2-key": "+", "docker-host-ca-2": "+" },
    caCert: 2,
  },
  {
    step: "the next CA signs, and the first one goes",
    config: { caGenerations: "2" },
    steps: {
      "docker-host-server": "+- caCertPem, caPrivateKeyPem",
      "docker-host-docker": "~ protectedSettings, settings",
      "docker-host-ca": "-",
      "docker-host-ca-key": "-",
    },
    caCert: 1,
  },
];

test("keys and CAs are replaced by raising a number, as the preview says", async (t) => {
  if (leftOut(t, "rotations")) return;
  const scratch = new Scratch(t);
  let { outputs } = await (await scratch.open()).up();
  for (const { step, config, steps, caCert } of ROTATIONS) {
    await t.test(step, async () => {
      const before = outputs;
      const rehearsal = await scratch.open(config);
      await rehearsal.preview();
      assert.deepEqual(scratch.steps(), steps);
      ({ outputs } = await rehearsal.up());
      const cas = outputs.caCert.match(/BEGIN CERTIFICATE/g) ?? [];
      assert.equal(cas.length, caCert);
      const clientChanges = "docker-host-client-admin" in steps;
      assert.equal(outputs.clientKey !== before.clientKey, clientChanges);
      assert.equal(outputs.clientCert !== before.clientCert, clientChanges);
    });
  }
});

test("a CA near its end is renewed with its key, so that its old certificate still verifies the servers", async (t) => {
  const scratch = new Scratch(t);
  const { outputs: before } = await (await scratch.open()).up();
  t.after(() => {
    delete process.env.REHEARSAL_CLOCK_OFFSET_HOURS;
  });
  process.env.REHEARSAL_CLOCK_OFFSET_HOURS = `${(9 * 365 + 1) * 24}`;
  const rehearsal = await scratch.open();
  await rehearsal.preview();
  assert.equal(scratch.steps()["docker-host-ca"], "+- readyForRenewal");
  const { outputs } = await rehearsal.up();
  assert.notEqual(outputs.caCert, before.caCert);
  const server = scratch.state()["docker-host-server"]?.outputs?.certPem;
  const [ca, former] = [outputs.caCert, before.caCert].map((pem) => new X509Certificate(pem));
  assert.ok(ca && former && typeof server === "string", "all three are there");
  assert.ok(new X509Certificate(server).verify(ca.publicKey), "signed by the renewed one");
  assert.ok(new X509Certificate(server).verify(former.publicKey), "which has the same key");
});

test("a DNS label of one's own: the name changes, and the server's certificate with it", async (t) => {
  if (leftOut(t, "a DNS label")) return;
  const scratch = new Scratch(t);
  await (await scratch.open()).up();
  const rehearsal = await scratch.open({ dnsLabel: "build-host" });
  await rehearsal.preview();
  assert.deepEqual(scratch.steps(), {
    "docker-host-ip": "~ dnsSettings",
    "docker-host-dns-suffix": "-",
    "docker-host-server-request": "+- dnsNames",
    "docker-host-server": "+- certRequestPem",
    "docker-host-docker": "~ protectedSettings, settings",
  });
  const { outputs } = await rehearsal.up();
  assert.equal(outputs.dockerHost, "tcp://build-host.westeurope.cloudapp.azure.com:4243");
});
