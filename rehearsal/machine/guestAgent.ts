// What Azure's Linux agent does in a machine: provisions it at its first boot, and runs the extensions it is given.
import { createHash } from "node:crypto";
import * as path from "node:path";
import { customScript } from "./customScript";
import { dockerExtension } from "./dockerExtension";
import type { Machine } from "./machine";
import { vmAccess } from "./vmAccess";

export interface OsProfile {
  computerName: string;
  adminUsername: string;
  adminPassword?: string;
  sshPublicKeys: { path: string; keyData: string }[];
  disablePasswordAuthentication: boolean;
  /** Base64, as Azure hands it over. */
  customData?: string;
}

/** Where the agent and the extensions keep what they know, as on Azure's machines. */
export const agentFolder = "/var/lib/waagent";
/** Where cloud-init puts them on Ubuntu's images, and other extensions look for them. */
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

/** One kind of extension, as the machine sees it. */
export interface ExtensionHandler {
  /** The version that is installed, for example "1.2.2". */
  version: string;
  /** How its status reports name the operation, for example "Enable Docker". */
  operation: string;
  /** What its status says until it is done, for example "Enable Docker". */
  inProgress: string;
  /** Its log's name in its folder under /var/log/azure, for example "docker-extension.log". */
  logFile: string;
  /** Whether it has dealt with this sequence number, and leaves its report as it is. Without this, it never has. */
  isProcessed?(run: ExtensionRun): Promise<boolean>;
  /** Carries the settings out, and reports in the words of the extension. */
  enable(run: ExtensionRun): Promise<ExtensionStatus>;
  /** What it does before it is uninstalled. */
  disable(machine: Machine): Promise<void>;
  /** What it does to be gone, as far as that is not the agent's doing. */
  uninstall(machine: Machine): Promise<void>;
}

/** One call of a handler. */
export interface ExtensionRun {
  machine: Machine;
  settings: ExtensionSettings;
  /** The number of this set of settings. */
  sequence: number;
  /** The handler's own folder. */
  folder: string;
  log: (line: string) => void;
}

export interface ExtensionStatus {
  /** "transitioning" where it went on for longer than Azure waits. */
  status: "transitioning" | "success" | "error";
  message: string;
}

export interface ExtensionSettings {
  settings: unknown;
  /** Never to be written to a log, an error or an argument list. */
  protectedSettings: unknown;
}

export interface ExtensionRequest extends ExtensionSettings {
  publisher: string;
  type: string;
  /** For example "1.2": that minor version or a later one of the same major version. */
  typeHandlerVersion: string;
  /** Where it differs from the last one, the same settings count as changed. */
  forceUpdateTag?: string;
  /** The number of this set of settings. Defaults to the last one's if it is the same set, else to one more. */
  sequence?: number;
}

export type ExtensionResult =
  | { status: "success"; message: string }
  | {
      status: "error";
      code: "ArtifactNotFound" | "VMExtensionProvisioningError" | "VMExtensionProvisioningTimeout";
      message: string;
    };

/** By publisher and type, as Azure names them; their letters' case doesn't count there. */
export const extensionHandlers: Readonly<Record<string, ExtensionHandler>> = {
  "Microsoft.Azure.Extensions/DockerExtension": dockerExtension(),
  "Microsoft.Azure.Extensions/CustomScript": customScript(),
  "Microsoft.OSTCExtensions/VMAccessForLinux": vmAccess(),
};

/** Runs an extension with its settings, as a PUT of it on Azure does, and gives back the status that it reports. */
export async function runExtension(
  machine: Machine,
  request: ExtensionRequest,
  handlers: Readonly<Record<string, ExtensionHandler>> = extensionHandlers,
): Promise<ExtensionResult> {
  const found = findHandler(request, handlers);
  if (found === undefined || !satisfies(found.handler.version, request.typeHandlerVersion)) {
    const asked = `publisher '${request.publisher}', type '${request.type}', and type handler version '${request.typeHandlerVersion}'`;
    return {
      status: "error",
      code: "ArtifactNotFound",
      message: `Extension with ${asked} could not be found in the extension repository.`,
    };
  }
  const { name, handler, folder, logFolder } = found;
  await machine.mustRun(["mkdir", "-p", `${folder}/config`, `${folder}/status`, logFolder]);
  const environment = [{ version: 1.0, name, handlerEnvironment: handlerEnvironment(folder, logFolder) }];
  await machine.writeFile(`${folder}/HandlerEnvironment.json`, JSON.stringify(environment), { mode: 0o600 });

  const sequence = request.sequence ?? (await nextSequence(machine, folder, request));
  await machine.writeFile(`${folder}/${goalState}`, `${sequence} ${digestOf(request)}\n`, { mode: 0o600 });
  // The agent's own file also holds the protected settings, encrypted; what is not written here can't be read here.
  const runtimeSettings = [{ handlerSettings: { publicSettings: request.settings ?? {} } }];
  await machine.writeFile(`${folder}/config/${sequence}.settings`, JSON.stringify({ runtimeSettings }), {
    mode: 0o600,
  });

  const lines: string[] = [];
  const log = (line: string): void => {
    lines.push(`[${request.type}] ${timestamp()} ${line}\n`);
  };
  const { settings, protectedSettings } = request;
  const run: ExtensionRun = { machine, settings: { settings, protectedSettings }, sequence, folder, log };
  const earlier = await readStatus(machine, folder, sequence);
  const isReported = earlier !== undefined && earlier.status !== "transitioning";
  log(`seqnum: ${sequence}`);
  let status: ExtensionStatus;
  if (isReported && (await handler.isProcessed?.(run)) === true) {
    status = earlier;
  } else {
    await writeStatus(run, handler, { status: "transitioning", message: handler.inProgress });
    status = await handler.enable(run);
    await writeStatus(run, handler, status);
  }
  await writeLog(machine, found, lines);
  switch (status.status) {
    case "success":
      return { status: "success", message: status.message };
    case "error":
      return { status: "error", code: "VMExtensionProvisioningError", message: status.message };
    case "transitioning":
      return {
        status: "error",
        code: "VMExtensionProvisioningTimeout",
        message: `Extension provisioning has taken too long to complete. The extension last reported "${status.message}".`,
      };
  }
}

/**
 * Takes an extension off a running machine, as a DELETE of it on Azure does; one that is not there is no error.
 * @throws what its disable command failed with: the agent doesn't go on from there.
 */
export async function removeExtension(
  machine: Machine,
  extension: Pick<ExtensionRequest, "publisher" | "type">,
  handlers: Readonly<Record<string, ExtensionHandler>> = extensionHandlers,
): Promise<void> {
  const found = findHandler(extension, handlers);
  if (found === undefined || (await machine.run(["test", "-d", found.folder])).code !== 0) return;
  await found.handler.disable(machine);
  try {
    await found.handler.uninstall(machine);
  } catch (error) {
    // Logged and no more, by the agent too.
    await writeLog(machine, found, [`[${extension.type}] ${timestamp()} ERROR: ${String(error)}\n`]);
  }
  await machine.mustRun(["rm", "-rf", found.folder]);
}

interface FoundHandler {
  name: string;
  handler: ExtensionHandler;
  folder: string;
  logFolder: string;
}

function findHandler(
  { publisher, type }: Pick<ExtensionRequest, "publisher" | "type">,
  handlers: Readonly<Record<string, ExtensionHandler>>,
): FoundHandler | undefined {
  const wanted = `${publisher}/${type}`.toLowerCase();
  const found = Object.entries(handlers).find(([key]) => key.toLowerCase() === wanted);
  if (found === undefined) return undefined;
  const [key, handler] = found;
  const name = key.replace("/", ".");
  const folder = path.posix.join(agentFolder, `${name}-${handler.version}`);
  return { name, handler, folder, logFolder: path.posix.join("/var/log/azure", name) };
}

/** Which set of settings the handler was given last: its number and its digest. Azure knows that without a file. */
const goalState = "rehearsal-goal-state";

/** What was not changed keeps its number, so that it makes a handler that runs each number once do nothing. */
async function nextSequence(machine: Machine, folder: string, request: ExtensionRequest): Promise<number> {
  const last = await machine.run(["cat", `${folder}/${goalState}`]);
  const [, sequence, digest] = /^(\d+) (\w+)\n$/.exec(last.stdout) ?? [];
  if (sequence === undefined) return 0;
  return digest === digestOf(request) ? Number(sequence) : Number(sequence) + 1;
}

function digestOf({ settings, protectedSettings, forceUpdateTag }: ExtensionRequest): string {
  return createHash("sha256")
    .update(JSON.stringify([settings ?? {}, protectedSettings ?? {}, forceUpdateTag ?? ""]))
    .digest("hex");
}

interface StatusReport {
  status: { status: ExtensionStatus["status"]; formattedMessage: { message: string } };
}

async function readStatus(machine: Machine, folder: string, sequence: number): Promise<ExtensionStatus | undefined> {
  const file = await machine.run(["cat", `${folder}/status/${sequence}.status`]);
  if (file.code !== 0) return undefined;
  const [report] = JSON.parse(file.stdout) as StatusReport[];
  return report && { status: report.status.status, message: report.status.formattedMessage.message };
}

async function writeStatus(
  { machine, folder, sequence }: ExtensionRun,
  { operation }: ExtensionHandler,
  { status, message }: ExtensionStatus,
): Promise<void> {
  const item = { operation, status, formattedMessage: { lang: "en", message } };
  const reports = [{ version: 1, timestampUTC: timestamp(), status: item }];
  await machine.writeFile(`${folder}/status/${sequence}.status`, JSON.stringify(reports, undefined, "\t"), {
    mode: 0o600,
  });
}

async function writeLog(machine: Machine, { handler, logFolder }: FoundHandler, lines: string[]): Promise<void> {
  await machine.mustRun(["sh", "-c", 'cat >> "$0"', `${logFolder}/${handler.logFile}`], { input: lines.join("") });
}

/** Whether `installed` is of the version that `asked` names, or a later minor one. */
function satisfies(installed: string, asked: string): boolean {
  const [major, minor = 0] = installed.split(".").map(Number);
  const [askedMajor, askedMinor = 0] = asked.split(".").map(Number);
  return major === askedMajor && minor >= askedMinor;
}

function handlerEnvironment(folder: string, logFolder: string): Record<string, string> {
  return {
    heartbeatFile: `${folder}/heartbeat.log`,
    statusFolder: `${folder}/status`,
    configFolder: `${folder}/config`,
    logFolder,
  };
}

function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}
