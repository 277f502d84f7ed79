/** What the VM agent and the handlers of extensions agree on. */
import type { Machine } from "../machine/machine";

/** Where the agent and the extensions keep what they know, as on Azure's machines. */
export const agentFolder = "/var/lib/waagent";

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
