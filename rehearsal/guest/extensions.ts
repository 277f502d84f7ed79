// Runs the extensions that a machine is given, as Azure's Linux agent does.
import { createHash } from "node:crypto";
import * as path from "node:path";
import type { Machine } from "../machine/machine";
import { customScript } from "./customScript";
import { dockerExtension } from "./dockerExtension";
import {
  type ExtensionHandler,
  type ExtensionRun,
  type ExtensionSettings,
  type ExtensionStatus,
  agentFolder,
} from "./handler";
import { vmAccess } from "./vmAccess";

export interface ExtensionRequest extends ExtensionSettings {
  publisher: string;
  type: string;
  /** For example "1.2": that minor version or a later one of the same major version. */
  typeHandlerVersion: string;
  /** With another tag than the last one, the same settings count as changed. */
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
 * @throws the error of its disable command. The agent stops there.
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

/** The file with the number and the digest of the last settings. Azure knows them without a file. */
const goalState = "rehearsal-goal-state";

/** Unchanged settings keep their number. A handler that runs each number once then does nothing. */
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
