/** The contract between the VM agent and the handlers of extensions. */
import type { Machine } from "../machine/machine";

/** The data folder of the agent and the extensions, as on Azure's VMs. */
export const agentFolder = "/var/lib/waagent";

/** One kind of extension, as the machine sees it. */
export interface ExtensionHandler {
  /** The version that is installed, for example "1.2.2". */
  version: string;
  /** How its status reports name the operation, for example "Enable Docker". */
  operation: string;
  /** The message of its status while it runs, for example "Enable Docker". */
  inProgress: string;
  /** Its log's name in its folder under /var/log/azure, for example "docker-extension.log". */
  logFile: string;
  /** Whether the handler has carried out this sequence number before, and keeps its report. By default, it never has. */
  isProcessed?(run: ExtensionRun): Promise<boolean>;
  /** Carries the settings out, and reports in the words of the extension. */
  enable(run: ExtensionRun): Promise<ExtensionStatus>;
  /** Its disable command. It runs before the uninstallation. */
  disable(machine: Machine): Promise<void>;
  /** Its uninstall command. The agent then removes the handler's folder. */
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
