/** CustomScript on a real machine: what it runs and where, what it reports, what it leaves behind, and what it never does twice. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { mustRun } from "../../rehearsal/system/command";
import { customScript } from "../../rehearsal/guest/customScript";
import { type ExtensionResult, removeExtension, runExtension } from "../../rehearsal/guest/extensions";
import { machineSupport } from "../../rehearsal/machine/systemPackages";
import { leftOut } from "../support/sample";
import { scratchMachine } from "../support/scratchMachine";

const support = machineSupport();
const EXTENSION = { publisher: "Microsoft.Azure.Extensions", type: "CustomScript", typeHandlerVersion: "2.1" };
const HANDLER = "/var/lib/waagent/Microsoft.Azure.Extensions.CustomScript-2.1.19";
const DATA = "/var/lib/waagent/custom-script";
const LOG = "/var/log/azure/Microsoft.Azure.Extensions.CustomScript/handler.log";
const SECRET = "MC4CAQAwBQYDK2VwBCIEIHVtc2VjcmV0";

const pack = (script: string | Buffer): string => Buffer.from(script).toString("base64");
const code = "VMExtensionProvisioningError";

test("CustomScript", { skip: support.supported ? false : support.reason, timeout: 300_000 }, async (t) => {
  if (leftOut(t, "the CustomScript handler")) return;
  const { machine } = await scratchMachine(t);
  let sequence = -1;

  /** Runs it with a set of settings of its own. */
  function run(settings: object, protectedSettings: object, limitMs?: number): Promise<ExtensionResult> {
    sequence += 1;
    return again({ sequence, settings, protectedSettings }, limitMs);
  }
  function again(
    request: { sequence?: number; settings?: object; protectedSettings?: object; forceUpdateTag?: string },
    limitMs?: number,
  ): Promise<ExtensionResult> {
    return runExtension(
      machine,
      { ...EXTENSION, settings: {}, protectedSettings: {}, ...request },
      { "Microsoft.Azure.Extensions/CustomScript": customScript(limitMs) },
    );
  }
  const script = (text: string | Buffer): object => ({ script: pack(text) });
  const stat = async (...files: string[]): Promise<string[]> =>
    (await machine.mustRun(["stat", "-c", "%a %U %n", ...files])).trim().split("\n");

  await t.test("runs a script where the handler does, and says what it said", async () => {
    const text = `#!/bin/sh
# ${SECRET}
echo "in $PWD as $(id -un)"
echo "$ConfigSequenceNumber $AZURE_GUEST_AGENT_EXTENSION_PATH $AZURE_GUEST_AGENT_EXTENSION_VERSION" >&2
cat
`;
    assert.deepEqual(await run({}, script(text)), {
      status: "success",
      message: `Enable succeeded: \n[stdout]\nin ${DATA}/download/0 as root\n\n[stderr]\n0 ${HANDLER} 2.1.19\n`,
    });
    assert.equal(await machine.readFile(`${DATA}/download/0/script.sh`), text);
    const folder = `${DATA}/download/0`;
    assert.deepEqual(
      await stat(DATA, `${DATA}/download`, folder, `${folder}/script.sh`, `${folder}/stdout`, `${folder}/stderr`),
      [
        `755 root ${DATA}`,
        `700 root ${DATA}/download`,
        `700 root ${folder}`,
        `500 root ${folder}/script.sh`,
        `600 root ${folder}/stdout`,
        `600 root ${folder}/stderr`,
      ],
    );
    assert.deepEqual(await stat(`${HANDLER}/mrseq`, `${HANDLER}/status/0.status`), [
      `600 root ${HANDLER}/mrseq`,
      `600 root ${HANDLER}/status/0.status`,
    ]);
    assert.equal(await machine.readFile(`${HANDLER}/mrseq`), "0");
    assert.match(
      await machine.readFile(`${HANDLER}/status/0.status`),
      /"operation": "Enable",\n\t+"status": "success"/,
    );
  });

  await t.test("has no more of an environment than a service of systemd's", async () => {
    const result = await run({}, script("echo ${HOME-no home}; umask; echo $PATH; env -u PWD | grep -c TERM\n"));
    assert.match(result.message, /\[stdout\]\nno home\n0022\n\/usr\/local\/sbin:\/usr\/local\/bin:.*\n0\n/);
  });

  await t.test(
    "a failing script's exit status and streams are in the error, after which the reason comes again",
    async () => {
      const failing = script("#!/bin/bash\necho some [[ -n out ]]\necho E: no such package >&2\nexit 100\n");
      const reason = "failed to execute command: command terminated with exit status=100";
      const streams = "\n[stdout]\nsome [[ -n out ]]\n\n[stderr]\nE: no such package\n";
      assert.deepEqual(await run({}, failing), { status: "error", code, message: `${reason}${streams}: ${reason}` });
    },
  );

  await t.test("a signal to the script is the shell's to report", async () => {
    const ended = "failed to execute command: command terminated with exit status=";
    const killed = await run({}, script("kill -KILL $$\n"));
    assert.equal(killed.message, `${ended}137\n[stdout]\n\n[stderr]\nKilled\n: ${ended}137`);
  });

  await t.test("a script may make systemd read its units anew", async () => {
    assert.match((await run({}, script("systemctl daemon-reload && echo reloaded\n"))).message, /\nreloaded\n/);
  });

  await t.test("has the last 4096 bytes of each stream", async () => {
    const long = script("#!/bin/bash\nfor i in {1..3000}; do printf 'o%05d\\n' $i; printf 'é%04d\\n' $i >&2; done\n");
    const { message } = await run({}, long);
    const lines = (line: (number: string) => string): string =>
      Array.from({ length: 3000 }, (_, index) => line(`${index + 1}`.padStart(4, "0"))).join("");
    const [stdout, stderr] = [lines((number) => `o0${number}\n`), lines((number) => `é${number}\n`)];
    // The cut may go through the letter's two bytes.
    const end = (text: string): string => Buffer.from(text).subarray(-4096).toString();
    assert.equal(message, `Enable succeeded: \n[stdout]\n${end(stdout)}\n[stderr]\n${end(stderr)}`);
  });

  await t.test("an unknown key and one of the wrong type are refused", async () => {
    const refusal = (problem: string): string => {
      const reason = `failed to get configuration: json validation error: invalid ${problem}`;
      return `${reason}: ${reason}`;
    };
    const unknown = await run({ commandToExecuteX: SECRET }, script("true"));
    const message = refusal("public settings JSON: (root): Additional property commandToExecuteX is not allowed");
    assert.deepEqual(unknown, { status: "error", code, message });
    assert.equal(
      (await run({}, { script: [SECRET] })).message,
      refusal("protected settings JSON: script: Invalid type. Expected: string, given: array"),
    );
    assert.equal(await machine.readFile(`${HANDLER}/mrseq`), `${sequence}`);
    assert.equal((await machine.run(["test", "-e", `${DATA}/download/${sequence}`])).code, 1);
  });

  await t.test("a script that can't be decoded counts as a success", async () => {
    assert.deepEqual(await run({}, { script: `${SECRET}?` }), {
      status: "success",
      message: "Enable succeeded: \n[stdout]\n\n[stderr]\n",
    });
  });

  await t.test("nothing is run twice: the same settings, or a number that was there", async () => {
    const counting = script("echo $ConfigSequenceNumber >> /root/count; echo counted; exit 3\n");
    const first = await run({}, counting);
    assert.equal(first.status, "error");
    assert.deepEqual(await again({ protectedSettings: counting }), first);
    assert.deepEqual(await again({ protectedSettings: counting, sequence }), first);
    assert.equal(await machine.readFile("/root/count"), `${sequence}\n`);
    assert.match(await machine.readFile(LOG), /has already been processed, will not run again/);
    const changed = await again({ protectedSettings: counting, forceUpdateTag: "1" });
    sequence += 1;
    assert.equal(changed.message, first.message);
    assert.equal(await machine.readFile("/root/count"), `${sequence - 1}\n${sequence}\n`);
  });

  await t.test("the last script stays, those before it go, and their settings are emptied", async () => {
    assert.equal(await machine.mustRun(["ls", `${DATA}/download`]), `${sequence}\n`);
    const sizes = await machine.mustRun(["find", `${HANDLER}/config`, "-size", "+0", "-printf", "%f\n"]);
    assert.deepEqual(sizes.trim().split("\n").sort(), [`${sequence}.settings`, "config"].sort());
  });

  await t.test("what a script leaves running goes on", async () => {
    await run({}, script("sleep 4321 &\n"));
    assert.equal((await machine.run(["pkill", "-f", "^sleep 4321"])).code, 0);
  });

  await t.test(
    "after the limit Azure gives up, and the script goes on to its end, which the next call reports",
    async () => {
      const slow = script("sleep 2; echo done\n");
      const late = await run({}, slow, 300);
      assert.deepEqual(late, {
        status: "error",
        code: "VMExtensionProvisioningTimeout",
        message:
          'Extension provisioning has taken too long to complete. The extension last reported "Enable in progress".',
      });
      assert.deepEqual(await again({ protectedSettings: slow }), {
        status: "success",
        message: "Enable succeeded: \n[stdout]\ndone\n\n[stderr]\n",
      });
    },
  );

  await t.test("a killed client doesn't end the script: the next call waits for it", async () => {
    const protectedSettings = script("echo $ConfigSequenceNumber >> /root/survived; sleep 4; echo survived\n");
    const request = { ...EXTENSION, settings: {}, protectedSettings };
    const client = spawn(
      process.execPath,
      [
        ...["--require", "./register.cjs", "--eval"],
        `const { Machine } = require("./rehearsal/machine/machine.ts");
         const { runExtension } = require("./rehearsal/guest/extensions.ts");
         runExtension(new Machine(${JSON.stringify(machine.directory)}), ${JSON.stringify(request)});`,
      ],
      { cwd: join(__dirname, "../.."), detached: true, stdio: "ignore" },
    );
    const ended = new Promise((resolve) => client.once("exit", resolve));
    while ((await machine.run(["test", "-s", "/root/survived"])).code !== 0) await sleep(50);
    assert.ok(client.pid !== undefined, "it was started");
    process.kill(-client.pid, "SIGKILL");
    await ended;
    sequence += 1;
    assert.match((await again({ protectedSettings })).message, /^Enable succeeded: \n\[stdout\]\nsurvived\n/);
    assert.equal(await machine.readFile("/root/survived"), `${sequence}\n`);
  });

  await t.test("a reboot in the middle: it is not run again, and Azure waits in vain", async () => {
    const protectedSettings = script("echo begun >> /root/rebooted; sleep 60\n");
    await run({}, protectedSettings, 1000);
    await machine.restart();
    const result = await again({ protectedSettings });
    assert.equal(result.status === "error" && result.code, "VMExtensionProvisioningTimeout");
    assert.equal(await machine.readFile("/root/rebooted"), "begun\n");
  });

  await t.test("on a full disk it runs what it could write of the script, and calls that a success", async () => {
    sequence += 1;
    const folder = `${DATA}/download/${sequence}`;
    await machine.mustRun(["mkdir", "-p", folder]);
    await machine.mustRun(["mount", "-t", "tmpfs", "-o", "size=4k,mode=700", "tmpfs", folder]);
    const long = `echo begun > /root/full\n# ${"x".repeat(4096)}\necho ended > /root/full\n`;
    const result = await again({ sequence, protectedSettings: script(long) });
    assert.deepEqual(result, { status: "success", message: "Enable succeeded: \n[stdout]\n\n[stderr]\n" });
    assert.equal(await machine.readFile("/root/full"), "begun\n");
    await machine.mustRun(["umount", folder]);
  });

  await t.test("no secret is in a log, a status, a setting, a journal, or a process's arguments", async () => {
    const text = `#!/bin/sh\n# ${SECRET}\ntouch /root/at-it; sleep 1\n`;
    const running = run({}, script(text));
    while ((await machine.run(["test", "-e", "/root/at-it"])).code !== 0) await sleep(20);
    const processes = await mustRun(["ps", "-eo", "args"]);
    assert.match(processes, new RegExp(`^/bin/sh .*/download/${sequence}/script.sh$`, "m"));
    assert.ok(!processes.includes(SECRET) && !processes.includes(pack(text).slice(0, 40)), "in arguments");
    await running;
    await machine.mustRun(["rm", `${DATA}/download/${sequence}/script.sh`]);
    const places = ["/var/lib/waagent", "/var/log", "/run", "/etc"];
    const found = await machine.run(["grep", "-rlF", "-e", SECRET, "-e", pack(SECRET).slice(0, 40), ...places]);
    assert.equal(found.stdout, "");
    assert.doesNotMatch(await machine.mustRun(["journalctl", "--no-pager", "--output=export"]), new RegExp(SECRET));
    assert.equal((await machine.mustRun(["systemctl", "is-system-running"])).trim(), "running");
  });

  await t.test("uninstalled: its data and its handler's folder go, its log stays, and numbers start anew", async () => {
    await removeExtension(machine, EXTENSION);
    await removeExtension(machine, EXTENSION);
    assert.equal((await machine.run(["ls", "-d", DATA, HANDLER])).stdout, "");
    assert.match(await machine.readFile(LOG), /seqnum: 0/);
    assert.match(
      (await again({ protectedSettings: script("echo $ConfigSequenceNumber\n") })).message,
      /\[stdout\]\n0\n/,
    );
  });
});
