// Provisions a machine at its first boot, as Azure's Linux agent and cloud-init do.
import * as path from "node:path";
import type { Machine } from "../machine/machine";
import { agentFolder } from "./handler";

export interface OsProfile {
  computerName: string;
  adminUsername: string;
  adminPassword?: string;
  sshPublicKeys: { path: string; keyData: string }[];
  disablePasswordAuthentication: boolean;
  /** Base64, as Azure hands it over. */
  customData?: string;
}

/** cloud-init's file on Ubuntu's images. VMAccess edits it, too. */
const sshdSettings = "/etc/ssh/sshd_config.d/50-cloud-init.conf";

/** Makes the machine what its OS profile says: host name, user, keys, password, sshd. Doing it twice changes nothing more. */
export async function provision(machine: Machine, profile: OsProfile): Promise<void> {
  const { adminUsername: user, adminPassword: password } = profile;
  await machine.mustRun(["mkdir", "-p", "-m", "0700", agentFolder]);
  await machine.writeFile(path.posix.join(agentFolder, "ovf-env.xml"), ovfEnvironment(profile), { mode: 0o600 });
  if (profile.customData !== undefined) {
    await machine.writeFile(path.posix.join(agentFolder, "CustomData"), profile.customData, { mode: 0o600 });
  }
  await machine.writeFile("/etc/hostname", `${profile.computerName}\n`, { mode: 0o644 });
  await machine.mustRun(["hostname", profile.computerName]);

  if ((await machine.run(["id", "--user", user])).code !== 0) {
    await machine.mustRun(["useradd", "--create-home", "--shell", "/bin/bash", user]);
  }
  if (password !== undefined) await machine.mustRun(["chpasswd"], { input: `${user}:${password}\n` });
  const sudoer = `${user} ALL=(ALL) ${password === undefined ? "NOPASSWD: " : ""}ALL\n`;
  await machine.writeFile("/etc/sudoers.d/waagent", sudoer, { mode: 0o440 });

  const keysByFile = new Map<string, string[]>();
  for (const key of profile.sshPublicKeys) {
    keysByFile.set(key.path, [...(keysByFile.get(key.path) ?? []), `${key.keyData.trim()}\n`]);
  }
  for (const [file, keys] of keysByFile) {
    await machine.mustRun(["install", "-d", "-m", "0700", "-o", user, "-g", user, path.posix.dirname(file)]);
    await machine.writeFile(file, keys.join(""), { mode: 0o600, owner: `${user}:${user}` });
  }

  const login = profile.disablePasswordAuthentication ? "no" : "yes";
  const sshd = `PasswordAuthentication ${login}\nKbdInteractiveAuthentication no\nClientAliveInterval 180\n`;
  if ((await machine.run(["cat", sshdSettings])).stdout !== sshd) {
    await machine.writeFile(sshdSettings, sshd, { mode: 0o644 });
    // Not a reload: after a restart, sshd is known to listen.
    await machine.mustRun(["systemctl", "restart", "ssh.service"]);
  }
}

/** The file from which an extension learns the user's name. The agent leaves no password in it. */
function ovfEnvironment(profile: OsProfile): string {
  const keys = profile.sshPublicKeys.map(
    (key) => `<PublicKey><Path>${xml(key.path)}</Path><Value>${xml(key.keyData.trim())}</Value></PublicKey>`,
  );
  return `<?xml version="1.0" encoding="utf-8"?>
<ns0:Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:ns0="http://schemas.dmtf.org/ovf/environment/1" xmlns:ns1="http://schemas.microsoft.com/windowsazure">
  <ns1:ProvisioningSection>
    <ns1:Version>1.0</ns1:Version>
    <ns1:LinuxProvisioningConfigurationSet xmlns="http://schemas.microsoft.com/windowsazure">
      <ConfigurationSetType>LinuxProvisioningConfiguration</ConfigurationSetType>
      <HostName>${xml(profile.computerName)}</HostName>
      <UserName>${xml(profile.adminUsername)}</UserName>
      ${profile.adminPassword === undefined ? "" : "<UserPassword>REDACTED</UserPassword>"}
      <DisableSshPasswordAuthentication>${profile.disablePasswordAuthentication}</DisableSshPasswordAuthentication>
      <SSH><PublicKeys>${keys.join("")}</PublicKeys></SSH>
    </ns1:LinuxProvisioningConfigurationSet>
  </ns1:ProvisioningSection>
</ns0:Environment>
`;
}

function xml(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
