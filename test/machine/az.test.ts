/** The commands of `az` that are given to people, run by Microsoft's own `az` against the loopback Azure, with a real machine behind it. */
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FOLDERS, networkOf } from "../../rehearsal/arm/open";
import { SUBSCRIPTION_ID } from "../../rehearsal/arm/resourceTypes";
import { ensureEndpoint } from "../../rehearsal/arm/endpoint";
import { STACK_NAME } from "../../rehearsal/files";
import { plainEnvironment } from "../../rehearsal/system/command";
import { ensureRootFileSystem } from "../../rehearsal/machine/rootFileSystem";
import { machineSupport } from "../../rehearsal/machine/systemPackages";
import { NOT_RUN, commandsInMarkdown, commandsInProse, givenCommands } from "../support/azCommands";
import { Az, ensureAzureCli } from "../support/azureCli";
import { type Outcome, mustRun, run } from "../support/run";
import { leftOut } from "../support/sample";
import { Scratch } from "../support/scratch";
import { SSH_OPTIONS } from "../support/ssh";

const support = machineSupport();
const GROUP = `azure-docker-host-${STACK_NAME}`;
const VM = "docker-host-vm";

/** The commands that this file runs. */
const RUN = [
  "az login",
  "az account list --all --output table",
  "az account set --subscription NAME",
  "az disk delete --resource-group GROUP --name DISK",
  "az group create -n pulumi-state -l westeurope",
  "az group delete --name GROUP",
  "az group wait --deleted --name GROUP",
  "az network public-ip list --output table",
  "az network public-ip show -g azure-docker-host-dev -n docker-host-ip --query dnsSettings.domainNameLabel -o tsv",
  "az resource delete --ids ID",
  "az vm extension image list --location REGION --publisher PUBLISHER --name TYPE --output table",
  "az vm list-skus --resource-type virtualMachines --location REGION --output table",
  "az vm show -g azure-docker-host-dev -n docker-host-vm --query osProfile.linuxConfiguration.ssh.publicKeys[0].keyData -o tsv",
  "az vm start --resource-group GROUP --name VM",
  "az vm user update",
  "az vm user update -g GROUP -n docker-host-vm -u azureuser --ssh-key-value KEY.pub",
];

test("every command that is given is run below, or on the list of those that can't be", () => {
  const given = givenCommands().filter(
    (command) => !Object.keys(NOT_RUN).some((begin) => command.startsWith(`${begin} `)),
  );
  assert.deepEqual(given, [...RUN].sort());
  const unused = Object.keys(NOT_RUN).filter(
    (begin) => !givenCommands().some((command) => command.startsWith(`${begin} `)),
  );
  assert.deepEqual(unused, []);
});

test("how commands are found", () => {
  const markdown = [
    "Type `az one -g G`, or not `bz two`.",
    "   ```sh",
    "   az three -n N \\",
    `     --ids "$(az four --query 'a|b;c')" # a remark`,
    "   X=$(az five); jaz six",
    "   ```",
    "```text\naz seven\n```",
  ].join("\n");
  assert.deepEqual(commandsInMarkdown(markdown), [
    `az three -n N --ids "$(az four --query 'a|b;c')"`,
    "az four --query 'a|b;c'",
    "az five",
    "az one -g G",
  ]);
  assert.deepEqual(
    commandsInProse("A person: az login. az a list --all --output table shows it, az b --id X, then go."),
    ["az login", "az a list --all --output table", "az b --id X"],
  );
});

const options = { skip: support.supported ? false : support.reason, timeout: 600_000 };

test("az, on a host that runs", options, async (t) => {
  if (leftOut(t, "the commands of az")) return;
  const folder = await ensureAzureCli((line) => {
    console.error(line);
  });
  const scratch = new Scratch(t, { machines: true });
  const { directory } = scratch;
  const { gateway } = networkOf(directory);
  const rehearsal = await scratch.open({ "sshSources[0]": `${gateway}/32` });
  const { outputs } = await rehearsal.up();
  const { store } = rehearsal.subscription;
  const environment = await ensureEndpoint(directory, await ensureRootFileSystem(() => undefined));
  const az = await Az.open(t, folder, environment);

  /** Runs a command of the list, with what its user would fill in. */
  const given = (command: string, filledIn: Record<string, string>, more = ""): Promise<string> => {
    assert.ok(RUN.includes(command), command);
    const filled = Object.entries(filledIn).reduce((text, [word, value]) => text.replaceAll(word, value), command);
    return az.ok(`${filled}${more}`);
  };

  /** Logs in to the machine with a key, or with a password, and runs a command there. */
  const login = (how: { key: string } | { password: string }, command: string): Outcome => {
    const askpass = join(directory, "askpass");
    writeFileSync(askpass, '#!/bin/sh\nprintf "%s\\n" "$PASSWORD"\n');
    chmodSync(askpass, 0o700);
    const words = "key" in how ? ["-i", how.key, "-o", "PasswordAuthentication=no"] : ["-o", "PubkeyAuthentication=no"];
    const to = ["-o", "IdentitiesOnly=yes", ...words, `azureuser@${outputs.publicIpAddress}`];
    return run(["ssh", ...SSH_OPTIONS, ...to, command], {
      env: {
        ...plainEnvironment,
        SSH_ASKPASS: askpass,
        SSH_ASKPASS_REQUIRE: "force",
        PASSWORD: "password" in how ? how.password : "",
      },
    });
  };

  await t.test("sign-in as a service principal, and a wrong secret", async () => {
    const wrong = await az.signIn({ ...environment, ARM_CLIENT_SECRET: "wrong" });
    assert.match(wrong.stderr, /AADSTS7000215/);
    const { code, stderr } = await az.signIn(environment);
    assert.equal(code, 0, stderr);
    assert.match(await given("az account list --all --output table", {}), /^Rehearsal +Loopback .* Enabled +True$/m);
    assert.equal(await given("az account set --subscription NAME", { NAME: "Rehearsal" }), "");
  });

  await t.test("state lost: what must stay the same is read from Azure", async () => {
    const names = { "azure-docker-host-dev": GROUP };
    const [show, key] = RUN.filter((command) => command.includes("azure-docker-host-dev"));
    const label = (await given(show ?? "", names)).trim();
    assert.equal(outputs.fqdn, `${label}.westeurope.cloudapp.azure.com`);
    const own = join(directory, "own-key");
    writeFileSync(own, outputs.sshPrivateKey ?? "", { mode: 0o600 });
    assert.equal(keyOf(await given(key ?? "", names)), keyOf(mustRun(["ssh-keygen", "-y", "-f", own])));
  });

  await t.test("lists: sizes, versions of an extension, addresses", async () => {
    const sizes = await given("az vm list-skus --resource-type virtualMachines --location REGION --output table", {
      REGION: "westeurope",
    });
    assert.match(sizes, /Standard_B2s_v2/);
    const versions = await given(
      "az vm extension image list --location REGION --publisher PUBLISHER --name TYPE --output table",
      { REGION: "westeurope", PUBLISHER: "Microsoft.Azure.Extensions", TYPE: "CustomScript" },
    );
    assert.match(versions, /^CustomScript +Microsoft\.Azure\.Extensions +2\.1\./m);
    assert.match(
      await given("az network public-ip list --output table", {}),
      new RegExp(`^docker-host-ip .*${outputs.publicIpAddress}`, "m"),
    );
  });

  const own = { key: join(directory, "own-key") };
  const other = { key: join(directory, "other-key") };
  const update = "az vm user update -g GROUP -n docker-host-vm -u azureuser --ssh-key-value KEY.pub";

  await t.test("the SSH key is lost: another one lets in, beside the one that is there", async () => {
    mustRun(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other.key]);
    assert.equal(login(other, "true").status, 255);
    await given(update, { GROUP: GROUP, "KEY.pub": `${other.key}.pub` });
    for (const each of [own, other]) {
      const { status, stdout, stderr } = login(each, "sudo -n id -un");
      assert.deepEqual([status, stdout], [0, "root\n"], stderr);
    }
  });

  await t.test("a password: login by password is on from then on, and sudo asks for it", async () => {
    const password = { password: "Two-words, 1 space" };
    assert.match(login(password, "true").stderr, /Permission denied \(publickey\)/);
    writeFileSync(join(directory, "password"), password.password, { mode: 0o600 });
    const words = update.replace("--ssh-key-value KEY.pub", `--password @${join(directory, "password")}`);
    await az.ok(words.replace("GROUP", GROUP));
    const { status, stderr } = login(password, "true");
    assert.equal(status, 0, stderr);
    assert.notEqual(login(password, "sudo -n true").status, 0);
    const sudo = `printf '%s\\n' '${password.password}' | sudo -S -p '' id -un`;
    assert.equal(login(own, sudo).stdout, "root\n");
  });

  await t.test("what VMAccess can't do is told in its words, and no secret is in what az says", async () => {
    const { code, stderr } = await az.run(update.replace("GROUP", GROUP).replace("KEY.pub", "ecdsa-sha2-nistp256"));
    assert.notEqual(code, 0);
    assert.match(stderr, /VMExtensionProvisioningError.*Enable failed: Failed to generate public key file\./s);
    const log = join(directory, FOLDERS.azure);
    assert.deepEqual(run(["grep", "-r", "Two-words", log]), { status: 1, stdout: "", stderr: "" });
  });

  await t.test("Pulumi leaves the extension, the key and the password", async () => {
    await rehearsal.refresh();
    assert.deepEqual(Object.keys(await rehearsal.preview()), ["same"]);
    assert.equal(login(other, "true").status, 0);
  });

  await t.test("a VM that is off is started", async () => {
    await az.ok(`az vm deallocate -g ${GROUP} -n ${VM}`);
    const refused = await az.run(update.replace("GROUP", GROUP).replace("KEY.pub", `${other.key}.pub`));
    assert.match(refused.stderr, /OperationNotAllowed.*when the VM is not running/s);
    await given("az vm start --resource-group GROUP --name VM", { GROUP, VM });
    assert.equal(login(own, "true").status, 0);
  });

  await t.test("recovery: what was made and isn't known is deleted", async () => {
    const group = `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/${GROUP}`;
    const vm = `${group}/providers/Microsoft.Compute/virtualMachines/${VM}`;
    const resource = (ID: string): Promise<string> => given("az resource delete --ids ID", { ID });
    await resource(`${vm}/extensions/DockerExtension`);
    assert.equal(store.get(`${vm}/extensions/DockerExtension`), undefined);
    await resource(vm);
    assert.equal(store.get(vm), undefined);
    await given("az disk delete --resource-group GROUP --name DISK", { GROUP, DISK: "docker-host-os" }, " --yes");
    await given("az group create -n pulumi-state -l westeurope", {});
    await given("az group delete --name GROUP", { GROUP }, " --yes");
    await given("az group wait --deleted --name GROUP", { GROUP });
    assert.deepEqual(
      store.list().map(({ id }) => id.split("/").at(-1)),
      ["pulumi-state"],
    );
  });
});

/** A public key without its comment. */
function keyOf(line: string): string {
  return line.trim().split(" ").slice(0, 2).join(" ");
}
