/** The arguments together: defaults, all problems at once, and outputs, which are checked as soon as they are known. */
import assert from "node:assert/strict";
import { before, suite, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { completeArgs, mapInput, validateArgs } from "../../components/completeArgs";
import type { DockerHostArgs } from "../../components/dockerHostArgs";
import { SettingsError } from "../../components/settingsError";
import { type Ca, makeCa } from "../support/ca";
import { samplesWith } from "../support/settingSamples";

const SOURCES = { dockerSources: ["203.0.113.7"] };
const ARGS = { resourceGroupName: "group", ...SOURCES };
const SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/hosts";
const MANAGED_IMAGE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/i";
const ARM_IMAGE = "Canonical:ubuntu-24_04-lts:server-arm64:latest";
const PASSWORD = "Correct-horse1!";

let acme: Ca;
let leaf: Ca;
before(async () => {
  acme = await makeCa();
  leaf = await makeCa({ commonName: "ann", isCa: false });
});

/** The problems of arguments beside the sources. A value may have any type, as in a program without types. */
const problems = (args: Record<string, unknown>): string[] => validateArgs({ ...SOURCES, ...args });

suite("defaults", () => {
  const DEFAULTS = {
    ...ARGS,
    location: undefined,
    sshSources: [],
    openToInternet: false,
    sharedServiceTags: [],
    dockerPort: 4243,
    installer: "DockerExtension",
    dockerVersion: undefined,
    daemonOptions: {},
    allowContainerIdentity: false,
    forceUpdateTag: undefined,
    clients: ["admin"],
    keyGeneration: 1,
    caGenerations: [1],
    caCertPem: undefined,
    caPrivateKeyPem: undefined,
    trustedClientCerts: [],
    clientCaCerts: [],
    adminUsername: "azureuser",
    sshPublicKey: undefined,
    passwordLogin: false,
    adminPassword: undefined,
    publicIp: true,
    dnsLabel: undefined,
    subnetId: undefined,
    image: "Canonical:ubuntu-24_04-lts:server:latest",
    vmSize: "Standard_B2s_v2",
    trustedLaunch: true,
    patchReboot: "IfRequired",
    tags: undefined,
    protect: false,
  };

  test("of a host without settings", () => {
    assert.deepEqual(completeArgs("web", ARGS), DEFAULTS);
  });

  test("undefined is not set", () => {
    const undefinedArgs = Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, undefined]));
    assert.deepEqual(completeArgs("web", { ...undefinedArgs, ...ARGS }), DEFAULTS);
  });

  test("are new for each host", () => {
    const [one, other] = [completeArgs("web", ARGS), completeArgs("web2", ARGS)];
    for (const name of ["sshSources", "daemonOptions", "caGenerations", "clientCaCerts"] as const) {
      assert.notEqual(one[name], other[name], name);
    }
  });

  test("with other certificates there is no client of the host's own", () => {
    assert.deepEqual(completeArgs("web", { ...ARGS, trustedClientCerts: [leaf.certPem] }).clients, []);
    assert.deepEqual(completeArgs("web", { ...ARGS, clientCaCerts: [acme.certPem] }).clients, ["admin"]);
  });

  test("never take the place of a value that is set", () => {
    const args = samplesWith(leaf.certPem, acme.certPem);
    assert.deepEqual(completeArgs("web", args), { ...args, caCertPem: undefined, caPrivateKeyPem: undefined });
  });
});

suite("plain values", () => {
  const FORMS =
    'a CIDR ("203.0.113.0/24", "2001:db8::/48"), an address ("203.0.113.7") or a service tag ("VirtualNetwork")';
  const image = "Canonical:ubuntu-24_04-lts:server:latest";

  /** For each rule that the arguments have, arguments that pass, and ones that fail with exactly this message. */
  const rules: Record<string, { passes: Record<string, unknown>; fails: Record<string, unknown>; message: string }> = {
    dockerSources: {
      passes: { dockerSources: ["VirtualNetwork"] },
      fails: { dockerSources: ["office"] },
      message: `dockerSources must hold entries that are ${FORMS} (got "office").`,
    },
    "no dockerSources": {
      passes: {},
      fails: { dockerSources: undefined },
      message: `dockerSources must name who may reach the Docker port, at least one entry, each ${FORMS} (got none).`,
    },
    sshSources: {
      passes: { sshSources: ["*"], openToInternet: true },
      fails: { sshSources: ["*"] },
      message:
        'sshSources must not be open to the Internet (got "*"). Name the addresses that may reach the port, or set openToInternet to true.',
    },
    "sources together": {
      passes: { sshSources: ["11.0.0.0/8"], dockerSources: ["12.0.0.0/8"] },
      fails: { sshSources: ["11.0.0.0/8", "12.0.0.0/8"] },
      message:
        "sshSources must not be open to the Internet: its IPv4 entries together span more than a network of length 8. Name fewer addresses, or set openToInternet to true.",
    },
    sharedServiceTags: {
      passes: { dockerSources: ["AzureDevOps"], sharedServiceTags: ["azuredevops"] },
      fails: { dockerSources: ["AzureDevOps"], sharedServiceTags: ["AzureBackup"] },
      message:
        'dockerSources must not hold a service tag that other Azure customers share (got "AzureDevOps"). Add it to sharedServiceTags if all of them may reach the port.',
    },
    "a shared tag for SSH": {
      passes: { sshSources: ["AzureDevOps"], openToInternet: true },
      fails: { sshSources: ["AzureDevOps"] },
      message:
        'sshSources must not hold a service tag that other Azure customers share (got "AzureDevOps"). Add it to sharedServiceTags if all of them may reach the port.',
    },
    "the number of rules": {
      passes: { dockerSources: many(599), sshSources: many(400) },
      fails: { dockerSources: many(600), sshSources: many(400) },
      message:
        "dockerSources and sshSources must hold at most 999 entries together, Azure's limit of NSG rules (got 1000).",
    },
    openToInternet: {
      passes: { openToInternet: true },
      fails: { openToInternet: "yes" },
      message: 'openToInternet must be true or false (got "yes").',
    },
    dockerPort: {
      passes: { dockerPort: 2376 },
      fails: { dockerPort: 22 },
      message: "dockerPort must be between 1 and 65535, and not 22 (got 22).",
    },
    installer: {
      passes: { installer: "CustomScript" },
      fails: { installer: "apt" },
      message: 'installer must be "DockerExtension" or "CustomScript" (got "apt").',
    },
    dockerVersion: {
      passes: { dockerVersion: "28.2.2*" },
      fails: { dockerVersion: "28.2.2" },
      message:
        'dockerVersion must be "28.2.2*", or a whole version of Ubuntu\'s package docker.io, such as "28.2.2-0ubuntu1~24.04.1" (got "28.2.2"). Leave it out for the newest.',
    },
    daemonOptions: {
      passes: { daemonOptions: { debug: true } },
      fails: { daemonOptions: { hosts: [] } },
      message: "daemonOptions.hosts must be left out. The program sets it, from dockerPort and the certificates.",
    },
    "daemonOptions and installer": {
      passes: { daemonOptions: { features: {} }, installer: "CustomScript" },
      fails: { daemonOptions: { features: {} } },
      message:
        "daemonOptions.features must be left out with the DockerExtension, as dockerd has no such flag. Set installer to CustomScript, which writes daemon.json.",
    },
    forceUpdateTag: {
      passes: { forceUpdateTag: "2" },
      fails: { forceUpdateTag: "" },
      message: 'forceUpdateTag must have 1 to 128 letters, digits and "_.:+-", such as "2026-11-24" (got "").',
    },
    keyGeneration: {
      passes: { keyGeneration: 2 },
      fails: { keyGeneration: 0 },
      message: "keyGeneration must be a whole number, 1 or more (got 0).",
    },
    caGenerations: {
      passes: { caGenerations: [2] },
      fails: { caGenerations: [] },
      message:
        "caGenerations must be whole numbers, 1 or more, each once, such as [1] or [1, 2] (got []). The first one signs.",
    },
    clients: {
      passes: { clients: ["ann"] },
      fails: { clients: ["Ann"] },
      message:
        'clients must hold names of 1 to 32 lower-case letters, digits, "-", "_" and ".", beginning with a letter or digit (got "Ann").',
    },
    "no clients": {
      passes: { clients: [], clientCaCerts: [pulumi.output("")] },
      fails: { clients: [] },
      message: "clients must name one client at least, unless trustedClientCerts or clientCaCerts is set (got none).",
    },
    "no trusted certificates": {
      passes: { trustedClientCerts: [], clients: ["ann"] },
      fails: { trustedClientCerts: [] },
      message: "clients must name one client at least, unless trustedClientCerts or clientCaCerts is set (got none).",
    },
    trustedClientCerts: {
      passes: { trustedClientCerts: [pulumi.output("")] },
      fails: { trustedClientCerts: [pulumi.output(""), "bob.pem"] },
      message: "trustedClientCerts[1] must be the PEM of one client certificate (value not shown).",
    },
    clientCaCerts: {
      passes: { clientCaCerts: [pulumi.output("")] },
      fails: { clientCaCerts: ["ca.pem"] },
      message: 'clientCaCerts[0] must be PEM, beginning with "-----BEGIN CERTIFICATE-----" (value not shown).',
    },
    "a list of outputs": {
      passes: { clientCaCerts: [pulumi.output("")] },
      fails: { clientCaCerts: pulumi.output([""]) },
      message: "clientCaCerts must be a list (got an output).",
    },
    "a CA's certificate without its key": {
      passes: { caCertPem: pulumi.output(""), caPrivateKeyPem: pulumi.output("") },
      fails: { caCertPem: pulumi.output("") },
      message: "caCertPem and caPrivateKeyPem must be set together (got only caCertPem).",
    },
    "a CA and generations": {
      passes: { caGenerations: [1, 2] },
      fails: { caCertPem: pulumi.output(""), caPrivateKeyPem: pulumi.output(""), caGenerations: [1] },
      message: "caGenerations must be left out when caCertPem is set: the given CA signs.",
    },
    adminUsername: {
      passes: { adminUsername: "ops" },
      fails: { adminUsername: "root" },
      message: 'adminUsername must be a name that neither Azure nor Ubuntu reserves, such as "azureuser" (got "root").',
    },
    sshPublicKey: {
      passes: { sshPublicKey: pulumi.output("") },
      fails: { sshPublicKey: "ssh-dss AAAA" },
      message:
        'sshPublicKey must be one line in OpenSSH form, "ssh-ed25519 AAAA…" or "ssh-rsa AAAA…" of 2048 bits or more (got 12 characters that are no public key, not shown).',
    },
    adminPassword: {
      passes: { passwordLogin: true, adminPassword: PASSWORD },
      fails: { passwordLogin: true, adminPassword: "Correct-hor1" },
      message: "adminPassword must have one of !@#$%^&+= (value not shown).",
    },
    "adminPassword and passwordLogin": {
      passes: { passwordLogin: true, adminPassword: pulumi.secret(PASSWORD) },
      fails: { adminPassword: pulumi.secret(PASSWORD) },
      message:
        "adminPassword must be left out when passwordLogin is false. Set passwordLogin to true to log in by password.",
    },
    "publicIp and subnetId": {
      passes: { publicIp: false, subnetId: SUBNET },
      fails: { publicIp: false },
      message:
        "publicIp must be true without a subnetId (got false). The network that this program makes has no other way out, so nothing could be installed.",
    },
    "publicIp and dnsLabel": {
      passes: { subnetId: pulumi.output(SUBNET), dnsLabel: "build-host" },
      fails: { publicIp: false, subnetId: pulumi.output(SUBNET), dnsLabel: "build-host" },
      message: "dnsLabel must be left out when publicIp is false: a private address has no label.",
    },
    dnsLabel: {
      passes: { dnsLabel: "build-host" },
      fails: { dnsLabel: "My_Host" },
      message:
        'dnsLabel must have 3 to 63 lower-case letters, digits and hyphens, begin with a letter, and not end with a hyphen (got "My_Host").',
    },
    subnetId: {
      passes: { subnetId: SUBNET },
      fails: { subnetId: "hosts" },
      message:
        'subnetId must be a subnet\'s resource ID, "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Network/virtualNetworks/NETWORK/subnets/NAME" (got "hosts").',
    },
    image: {
      passes: { image: "Debian:debian-12:12:latest" },
      fails: { image: "ubuntu" },
      message: `image must be a URN "publisher:offer:sku:version", such as "${image}", or a resource ID, "/subscriptions/…/providers/Microsoft.Compute/images/NAME" or "…/galleries/GALLERY/images/NAME[/versions/VERSION]" (got "ubuntu").`,
    },
    vmSize: {
      passes: { vmSize: "Standard_D2s_v5" },
      fails: { vmSize: "big" },
      message:
        'vmSize must be one of Azure\'s sizes, such as "Standard_B2s_v2" (got "big"). To list them: az vm list-sizes --location REGION',
    },
    "vmSize and installer": {
      passes: { vmSize: "Standard_D2ps_v5", image: ARM_IMAGE, installer: "CustomScript" },
      fails: { vmSize: "Standard_D2ps_v5" },
      message:
        "vmSize must be an x64 size (got \"Standard_D2ps_v5\"). Set vmSize to one, or installer to CustomScript: Azure's DockerExtension doesn't run on Arm.",
    },
    "image and vmSize": {
      passes: { image: ARM_IMAGE, vmSize: "Standard_D2ps_v6", installer: "CustomScript" },
      fails: { image: ARM_IMAGE, installer: "CustomScript" },
      message: `vmSize must be an Arm size for the Arm image "${ARM_IMAGE}" (got "Standard_B2s_v2"). Set vmSize to one such as "Standard_D2ps_v6", or image to an x64 one.`,
    },
    trustedLaunch: {
      passes: { image: MANAGED_IMAGE, trustedLaunch: false },
      fails: { image: MANAGED_IMAGE },
      message: `trustedLaunch must be false with a managed image (got true with "${MANAGED_IMAGE}"). For Trusted Launch, set image to a Gen2 one, such as "${image}", or to a gallery's.`,
    },
    patchReboot: {
      passes: { patchReboot: "Always" },
      fails: { patchReboot: "never" },
      message: 'patchReboot must be "IfRequired", "Never" or "Always" (got "never").',
    },
    "patchReboot and image": {
      passes: { patchReboot: "IfRequired", image: "Debian:debian-12:12:latest" },
      fails: { patchReboot: "Never", image: "Debian:debian-12:12:latest" },
      message:
        'patchReboot must be left out with an image that Azure doesn\'t patch (got "Never" with "Debian:debian-12:12:latest").',
    },
    tags: {
      passes: { tags: { team: "build" } },
      fails: { tags: { "a/b": "x" } },
      message:
        'tags must have names of 1 to 512 characters, without <>%&\\?/, that don\'t begin with "microsoft", "azure" or "windows" (got "a/b").',
    },
    "an unknown name": {
      passes: { protect: true },
      fails: { protected: true },
      message: `protected must be one of the settings: ${Object.keys(completeArgs("web", ARGS)).join(", ")}.`,
    },
    "an output that must be known": {
      passes: { dockerPort: 2376 },
      fails: { dockerPort: pulumi.output(2376) },
      message: "dockerPort must be a plain value, not an output.",
    },
  };
  for (const [what, { passes, fails, message }] of Object.entries(rules)) {
    test(what, () => {
      assert.deepEqual(problems(passes), [], "passes");
      assert.deepEqual(problems(fails), [message], "fails");
    });
  }

  test("a CA's key that belongs to another certificate", () => {
    const { certPem: caCertPem, keyPem: caPrivateKeyPem } = acme;
    assert.deepEqual(problems({ caCertPem, caPrivateKeyPem }), []);
    assert.deepEqual(problems({ caCertPem, caPrivateKeyPem: leaf.keyPem }), [
      'caPrivateKeyPem must be the private key of the first certificate in caCertPem, of "O=Acme Inc., CN=Acme" (value not shown).',
    ]);
    // Each by itself before both together.
    assert.equal(problems({ caCertPem: leaf.certPem, caPrivateKeyPem: acme.keyPem }).length, 1);
  });

  test("a private key in the place of another value isn't shown", () => {
    assert.deepEqual(problems({ dnsLabel: acme.keyPem, clients: [acme.pkcs8, acme.pkcs8] }), [
      'clients must hold names of 1 to 32 lower-case letters, digits, "-", "_" and ".", beginning with a letter or digit (got a private key that is not shown).',
      'clients must hold names of 1 to 32 lower-case letters, digits, "-", "_" and ".", beginning with a letter or digit (got a private key that is not shown).',
      "clients must name a private key that is not shown once, not twice.",
      "dnsLabel must have 3 to 63 lower-case letters, digits and hyphens, begin with a letter, and not end with a hyphen (got a private key that is not shown).",
    ]);
  });

  test("control characters are written out: they don't act on a terminal", () => {
    const error = new SettingsError(["tags.\u001b[31m must be a text.", "a\u009b\u007f\n"]);
    assert.deepEqual(error.problems, ["tags.\\u001b[31m must be a text.", "a\\u009b\\u007f\\u000a"]);
    assert.equal(error.message, "Invalid settings:\n  - tags.\\u001b[31m must be a text.\n  - a\\u009b\\u007f\\u000a");
  });

  test("all problems at once, the name's too", () => {
    const wrong = { ...ARGS, dockerPort: 22, adminUsername: "root", publicIp: false, production: true };
    assert.throws(
      () => completeArgs("My_Host", wrong),
      (error) => {
        assert.ok(error instanceof SettingsError, String(error));
        assert.deepEqual(error.problems, [
          'The component\'s name must have 2 to 56 lower-case letters, digits and hyphens, begin with a letter, and not end with a hyphen (got "My_Host").',
          "production must be called protect. It has a new name.",
          "dockerPort must be between 1 and 65535, and not 22 (got 22).",
          'adminUsername must be a name that neither Azure nor Ubuntu reserves, such as "azureuser" (got "root").',
          "publicIp must be true without a subnetId (got false). The network that this program makes has no other way out, so nothing could be installed.",
        ]);
        return true;
      },
    );
  });

  test("a value of a wrong type is a problem, not a crash, and isn't shown", () => {
    const texts = ["adminUsername", "dnsLabel", "dockerVersion", "forceUpdateTag", "image", "installer", "vmSize"];
    for (const name of [...texts, "caCertPem", "sshPublicKey", "subnetId"]) {
      const [first = ""] = problems({ [name]: 7 });
      assert.equal(first, `${name} must be a text (got number).`);
      assert.equal(problems({ [name]: null })[0], `${name} must be a text (got null).`);
    }
    assert.deepEqual(problems({ passwordLogin: true, adminPassword: ["hush"] }), [
      "adminPassword must be a text (got a list).",
    ]);
    for (const name of ["clients", "trustedClientCerts", "clientCaCerts", "sshSources", "sharedServiceTags"]) {
      for (const value of [null, 7, "ann", {}]) assert.equal(problems({ [name]: value }).length, 1, name);
    }
    for (const sharedServiceTags of ["AzureDevOps", [7], null]) {
      assert.equal(problems({ dockerSources: ["AzureDevOps"], sharedServiceTags }).length, 2);
    }
  });
});

suite("outputs", () => {
  /** What comes of an input: its value, or its problems. */
  async function settled(input: unknown): Promise<unknown> {
    const output = pulumi.output(input);
    for (const each of [input, output]) if (pulumi.Output.isInstance(each)) ignoreRejections(each);
    return promiseOf(output).catch((error: unknown) => {
      assert.ok(error instanceof SettingsError, String(error));
      return error.problems;
    });
  }

  /** For each argument that takes an output, one that passes, and one that fails with a message that begins so. */
  const late: Record<string, { passes: unknown; fails: unknown; starts: string }> = {
    dockerSources: {
      passes: ["203.0.113.7"],
      fails: ["*"],
      starts: 'dockerSources must not be open to the Internet (got "*"). ',
    },
    sshSources: {
      passes: [],
      fails: ["11.0.0.0/8", "12.0.0.0/8"],
      starts: "sshSources must not be open to the Internet: its IPv4 entries together ",
    },
    dockerVersion: { passes: "28.2.*", fails: "28.2", starts: 'dockerVersion must be "28.2.*", ' },
    daemonOptions: { passes: { debug: true }, fails: { tls: false }, starts: "daemonOptions.tls must be left out. " },
    forceUpdateTag: { passes: "2", fails: "", starts: "forceUpdateTag must have 1 to 128 " },
    dnsLabel: { passes: "build", fails: "My_Host", starts: "dnsLabel must have 3 to 63 " },
    subnetId: { passes: SUBNET, fails: "hosts", starts: "subnetId must be a subnet's resource ID, " },
    image: {
      passes: "Debian:debian-12:12:latest",
      fails: MANAGED_IMAGE,
      starts: "trustedLaunch must be false with a managed image ",
    },
    vmSize: { passes: "Standard_D2s_v5", fails: "big", starts: "vmSize must be one of Azure's sizes, " },
    tags: { passes: { a: "b" }, fails: { "a/b": "c" }, starts: "tags must have names of 1 to 512 characters, " },
    sshPublicKey: {
      passes: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKNJoFbWT1u9bPQPEKQmNv7Q7TPKmTqYEYFT0Dj1LUt",
      fails: "ssh-dss AAAA",
      starts: "sshPublicKey must be one line in OpenSSH form, ",
    },
  };
  for (const [name, { passes, fails, starts }] of Object.entries(late)) {
    test(`${name} is checked as soon as it is known`, async () => {
      const complete = (value: unknown): unknown =>
        completeArgs("web", { ...ARGS, [name]: pulumi.output(value) })[name as keyof DockerHostArgs];
      assert.deepEqual(await settled(complete(passes)), passes);
      const [problem = "", ...others] = (await settled(complete(fails))) as string[];
      assert.deepEqual([problem.slice(0, starts.length), others], [starts, []]);
    });
  }

  test("an entry that is an output is checked as soon as it is known, under its own name", async () => {
    const certs = [leaf.certPem, pulumi.output(leaf.certPem), pulumi.output(acme.certPem)];
    const { trustedClientCerts } = completeArgs("web", { ...ARGS, trustedClientCerts: certs });
    assert.deepEqual(await Promise.all(trustedClientCerts.slice(0, 2).map(settled)), [leaf.certPem, leaf.certPem]);
    const [problem = ""] = (await settled(trustedClientCerts[2])) as string[];
    assert.ok(
      problem.startsWith("trustedClientCerts[2] must be the PEM of one client certificate, not of a CA "),
      problem,
    );
    const sources = ["203.0.113.7", pulumi.output("*")];
    assert.deepEqual(await settled(completeArgs("web", { ...ARGS, dockerSources: sources }).dockerSources), [
      'dockerSources must not be open to the Internet (got "*"). Name the addresses that may reach the port, or set openToInternet to true.',
    ]);
    const { clientCaCerts } = completeArgs("web", { ...ARGS, clientCaCerts: [pulumi.output(leaf.certPem)] });
    assert.deepEqual(await settled(clientCaCerts[0]), [
      'clientCaCerts[0] must be a CA\'s certificate, CA:TRUE (got the certificate of "O=Acme Inc., CN=ann").',
    ]);
  });

  test("a secret stays a secret, and its problem doesn't show it", async () => {
    const args = { ...ARGS, passwordLogin: true, adminPassword: pulumi.secret("hush") };
    const { adminPassword } = completeArgs("web", args);
    const [problem = ""] = (await settled(adminPassword)) as string[];
    assert.match(problem, /^adminPassword must have 12 to 72 characters \(it has 4\), .* \(value not shown\)\.$/);
    const fine = completeArgs("web", { ...args, adminPassword: pulumi.secret(PASSWORD) }).adminPassword;
    assert.equal(await pulumi.isSecret(fine as pulumi.Output<string>), true);
  });

  test("an output without a value is a problem where it is used", async () => {
    const dnsLabel = pulumi.output(undefined as unknown as string);
    assert.deepEqual(await settled(completeArgs("web", { ...ARGS, dnsLabel }).dnsLabel), [
      "dnsLabel must be a text (got undefined).",
    ]);
  });

  test("computed from an input: at once if it is plain, else an output", async () => {
    const double = (value: number): number => value * 2;
    assert.equal(mapInput(21, double), 42);
    assert.equal(await settled(mapInput(pulumi.output(21), double)), 42);
    assert.equal(await settled(mapInput(Promise.resolve(21), double)), 42);
    const sum = mapInput({ a: 1, b: pulumi.output(2) }, ({ a, b }) => a + b);
    assert.ok(pulumi.Output.isInstance(sum), "an output at any depth");
    assert.equal(await settled(sum), 3);
  });
});

/** An output's promises, which the SDK's types don't show. */
interface Promises {
  promise: () => Promise<unknown>;
  allResources: () => Promise<unknown>;
  isKnown: Promise<unknown>;
  isSecret: Promise<unknown>;
}

function promiseOf(output: unknown): Promise<unknown> {
  return (output as Promises).promise();
}

/** Keeps the other promises of an output that fails from ending the process. */
function ignoreRejections(output: unknown): void {
  const { isKnown, isSecret } = output as Promises;
  for (const each of [promiseOf(output), (output as Promises).allResources(), isKnown, isSecret]) {
    each.catch(() => undefined);
  }
}

function many(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
}
