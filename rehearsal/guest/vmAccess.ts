// Carries out what Azure's VMAccess 1.5 does on a machine: the way back in by `az vm user update`.
//
// Written after the behaviour of https://github.com/Azure/azure-linux-extensions (b7eecd4, VMAccess 1.5.25) on Ubuntu. It
// leaves out what that command doesn't send: reset_ssh, remove_user, expiration and disk checks are refused.
import type { ExtensionHandler, ExtensionRun, ExtensionStatus } from "./handler";
import type { Machine } from "../machine/machine";
import { messageOf } from "../values";

const SUDOERS = "/etc/sudoers.d/waagent";
/** cloud-init's file goes before the other, since sshd takes the first value that it reads. */
const SSHD_CONFIGS = ["/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/50-cloud-init.conf"];
/** The last sequence number that was carried out, in the handler's folder. */
const SEQUENCE_FILE = "mrseq";
const SETTINGS = ["username", "password", "ssh_key"];

/** The handler for Microsoft.OSTCExtensions/VMAccessForLinux. */
export function vmAccess(): ExtensionHandler {
  return {
    version: "1.5.25",
    operation: "Enable",
    inProgress: "Enable",
    logFile: "extension.log",
    async isProcessed({ machine, folder, sequence, log }) {
      const last = await machine.run(["cat", `${folder}/${SEQUENCE_FILE}`]);
      if (last.code !== 0 || Number(last.stdout) < sequence) return false;
      log(`Current sequence number, ${sequence}, is not greater than the sequence number of the most recent executed`);
      return true;
    },
    async enable(run) {
      await run.machine.writeFile(`${run.folder}/${SEQUENCE_FILE}`, `${run.sequence}`, { mode: 0o600 });
      try {
        await enable(run);
        return { status: "success", message: "Enable succeeded." };
      } catch (error) {
        return failed(run, messageOf(error));
      }
    },
    disable: () => Promise.resolve(),
    uninstall: () => Promise.resolve(),
  };
}

function failed({ log }: ExtensionRun, reason: string): ExtensionStatus {
  log(`Failed to enable the extension with error: ${reason}`);
  return { status: "error", message: `Enable failed: ${reason}` };
}

async function enable({ machine, settings, log }: ExtensionRun): Promise<void> {
  const given = (settings.protectedSettings ?? {}) as Record<string, string | undefined>;
  const unknown = Object.keys(given).find((name) => !SETTINGS.includes(name));
  if (unknown !== undefined) throw new Error(`the rehearsal's VMAccess doesn't carry out ${unknown}`);
  const { username: user, ssh_key: key } = given;
  const password = given.password === "" ? undefined : given.password;
  if (user === undefined) return;
  await setAccount(machine, user, password);
  log("Succeeded in creating the account or setting the password.");
  if (key !== undefined && key !== "") {
    await addKey(machine, user, key);
    log("Succeeded in resetting ssh_key.");
  }
  if (password !== undefined) for (const file of SSHD_CONFIGS) await allowPasswords(machine, file);
  await machine.mustRun(["systemctl", "restart", "ssh.service"]);
}

/** Makes the user if there is none. With a password, sudo asks for it from then on; without one, it asks for none. */
async function setAccount(machine: Machine, user: string, password: string | undefined): Promise<void> {
  const id = await machine.run(["id", "--user", "--", user]);
  if (id.code === 0 && Number(id.stdout) < 1000) {
    throw new Error(
      `Failed to create the account or set the password with Failed to set password for system user: ${user} (0x06).`,
    );
  }
  if (id.code !== 0 && (await machine.run(["useradd", "-m", "--", user])).code !== 0) {
    throw new Error(
      `Failed to create the account or set the password with Failed to create user account: ${user} (0x07).`,
    );
  }
  if (password !== undefined) await machine.mustRun(["chpasswd"], { input: `${user}:${password}\n` });
  const others = (await machine.run(["cat", SUDOERS])).stdout
    .split("\n")
    .filter((line) => line.split(/\s/, 1)[0] !== user);
  const own = `${user} ALL = (ALL) ${password === undefined ? "NOPASSWD: " : ""}ALL\n`;
  await machine.writeFile(SUDOERS, own + others.join("\n"), { mode: 0o440 });
}

/** Beside the keys that are there, which go on letting in. */
async function addKey(machine: Machine, user: string, key: string): Promise<void> {
  if (!/^\s*ssh-(rsa|ed25519)/i.test(key)) throw new Error("Failed to generate public key file.");
  const folder = `/home/${user}/.ssh`;
  const file = `${folder}/authorized_keys`;
  await machine.mustRun(["install", "-d", "-m", "0700", "-o", user, folder]);
  const before = (await machine.run(["cat", file])).stdout;
  await machine.writeFile(file, `${before}${key.endsWith("\n") ? key : `${key}\n`}`, { mode: 0o600, owner: user });
}

async function allowPasswords(machine: Machine, file: string): Promise<void> {
  const config = await machine.run(["cat", file]);
  if (config.code !== 0) return;
  const lines = config.stdout.split("\n");
  const end = lines.findIndex((line) => line.startsWith("Match"));
  const index = lines.findIndex((line) => line.startsWith("PasswordAuthentication"));
  const isThere = index !== -1 && (end === -1 || index < end);
  lines.splice(isThere ? index : end === -1 ? lines.length - 1 : end, isThere ? 1 : 0, "PasswordAuthentication yes");
  await machine.writeFile(file, lines.join("\n"), { mode: 0o644 });
}
