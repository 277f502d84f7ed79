/** The settings of Azure's CustomScript extension: the script of the installer, or the one that prepares for the DockerExtension. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type HostCertificates, validateHostCertificates } from "../rules/pem";
import { throwProblems } from "../settingsError";
import type { DaemonOptions } from "./daemonOptions";
import { type Extension, base64, configurationOf } from "./extensionKind";

/** The values of both scripts. */
export interface Packages {
  /** The version of the package `docker.io`. Undefined for the newest. */
  dockerVersion?: string;
  /** Whether containers may use the VM's identity. */
  allowContainerIdentity: boolean;
}

/** The daemon that a script installs and configures. */
export interface Daemon extends Packages {
  /** The TCP port that it listens on. */
  dockerPort: number;
  /** The user's options. */
  daemonOptions: DaemonOptions;
  /** The user who may use Docker on the VM itself. */
  adminUsername: string;
  certificates: HostCertificates;
}

const EXTENSION = { publisher: "Microsoft.Azure.Extensions", type: "CustomScript", typeHandlerVersion: "2.1" };

/** The CustomScript extension as the installer. */
export const CUSTOM_SCRIPT: Extension = {
  ...EXTENSION,
  // Azure runs each set of settings once, also after a run that failed. To take the extension off runs nothing on the VM. It
  // removes the extension's copies of the script, which hold former keys of the server.
  replaceOnChanges: ["*"],
};

/** The CustomScript extension before the DockerExtension, which then finds a Docker and doesn't run get.docker.com's script. */
export const PREPARATION: Extension & { settings: (packages: Packages) => { script: string } } = {
  ...EXTENSION,
  // After a run that failed, Azure would never run the same settings again. There is no other reason to replace it, because
  // that takes the DockerExtension off for a while. The name is the engine's for an initialization error
  // (step_generator.go).
  replaceOnChanges: ["#initerror"],
  // Public settings, because the script holds no secret: a person, a preview and a refresh can see it.
  settings: (packages) => ({ script: base64(prepareScript(packages)) }),
};

/** Azure's limit for a script, in base64 (documentation of the Custom Script Extension for Linux). */
const MAX_SCRIPT_BYTES = 256 * 1024;

/**
 * The protected settings of the installer: its script holds the server's key.
 *
 * @throws SettingsError if any certificate is missing, or if the script is too long.
 */
export function scriptProtectedSettings(daemon: Daemon): { script: string } {
  const script = base64(installScript(daemon));
  throwProblems(
    script.length > MAX_SCRIPT_BYTES
      ? [
          `trustedClientCerts, clientCaCerts and daemonOptions must fit into a script of ${MAX_SCRIPT_BYTES} bytes, Azure's limit (got ${script.length}).`,
        ]
      : [],
  );
  return { script };
}

/**
 * The script of the installer CustomScript, with its values.
 *
 * @throws SettingsError if any certificate is missing.
 */
export function installScript(daemon: Daemon): string {
  const { certificates, dockerPort, adminUsername } = daemon;
  throwProblems(validateHostCertificates(certificates));
  const values = {
    DOCKER_PORT: dockerPort.toString(),
    ...packageValues(daemon),
    ADMIN_USERNAME: adminUsername,
    DAEMON_JSON: JSON.stringify(configurationOf(daemon.daemonOptions, certificates), undefined, 2),
    TRUST_PEM: certificates.trustPem.trim(),
    CERT_PEM: certificates.certPem.trim(),
    KEY_PEM: certificates.keyPem.trim(),
  };
  return createScript(values, ["packages.sh", "fence.sh", "installDocker.sh"]);
}

/** The script that runs before the DockerExtension. It gets no secret. */
export function prepareScript(packages: Packages): string {
  return createScript(packageValues(packages), ["packages.sh", "fence.sh", "prepareDocker.sh"]);
}

function packageValues({ dockerVersion = "", allowContainerIdentity }: Packages): Record<string, string> {
  return { DOCKER_VERSION: dockerVersion, ALLOW_CONTAINER_IDENTITY: String(allowContainerIdentity) };
}

/**
 * Creates a script: values as variables of the shell, which no other process sees, then the files that use them.
 * It stands in braces. A full disk can cut it short, and the extension would run the rest. Half of it is a syntax error.
 */
function createScript(values: Record<string, string>, files: string[]): string {
  const assignments = Object.entries(values).map(([name, value]) => `${name}=${quoted(value)}\n`);
  const texts = files.map((file) => readFileSync(join(__dirname, file), "utf8"));
  return `#!/bin/sh\n{\n${assignments.join("")}\n${texts.join("\n")}\n}\n`;
}

/** A word of the shell that stands for exactly this text. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
