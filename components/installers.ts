/** What Azure's extensions are handed that put Docker on the machine and configure it; pure, so that each has an exact test. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type DaemonOptions, commandLine, daemonConfiguration } from "./daemonOptions";
import { type HostCertificates, checkHostCertificates, refuse } from "./settings";

/** What the daemon is to be. */
export interface DaemonSettings {
  /** The TCP port that it listens on. */
  dockerPort: number;
  /** The user's options, in the form of `daemon.json`. */
  daemonOptions: DaemonOptions;
  /** The version of the package `docker.io`; undefined for the one that Ubuntu has. The scripts alone know it. */
  dockerVersion?: string;
  /** The user who may use Docker on the machine itself. */
  adminUsername: string;
  certificates: HostCertificates;
}

/** A kind of Azure's extensions. */
export interface Extension {
  publisher: string;
  type: string;
  typeHandlerVersion: string;
  /** Changes for which the extension is taken away and put again; "*" is all of them, and a run that failed. */
  replaceOnChanges: string[];
}

/** An extension that makes the machine's Docker what it is to be, and what it is handed. */
export interface Installer extends Extension {
  /** @throws SettingsError if any certificate is missing. */
  settings: (daemon: DaemonSettings) => Record<string, unknown>;
  /** @throws SettingsError if any certificate is missing. */
  protectedSettings: (daemon: DaemonSettings) => Record<string, unknown>;
}

const CUSTOM_SCRIPT = { publisher: "Microsoft.Azure.Extensions", type: "CustomScript", typeHandlerVersion: "2.1" };

/** What runs before the DockerExtension, so that it finds a Docker and doesn't run get.docker.com's script. */
export const PREPARATION: Extension & { settings: (dockerVersion?: string) => { script: string } } = {
  ...CUSTOM_SCRIPT,
  // After a run that failed, the same settings would never be run again. That alone is a reason: to replace it takes the
  // DockerExtension away for a while. The name is the engine's for an initialization error (step_generator.go).
  replaceOnChanges: ["#initerror"],
  // In public, as there is no secret in it: so a person, a preview and a refresh see it.
  settings: (dockerVersion) => ({ script: base64(prepareScript(dockerVersion)) }),
};

/** By the names that the setting `installer` takes. */
export const INSTALLER_BY_NAME: Record<string, Installer> = {
  DockerExtension: {
    publisher: "Microsoft.Azure.Extensions",
    type: "DockerExtension",
    typeHandlerVersion: "1.2",
    // To take it away would stop the daemon.
    replaceOnChanges: [],
    settings: extensionSettings,
    protectedSettings: extensionProtectedSettings,
  },
  CustomScript: {
    ...CUSTOM_SCRIPT,
    // It runs each set of settings once: after a run that failed, the same settings would never be run again. To take it
    // away runs nothing on the machine, and removes its copies of the script, which hold former keys of the server's.
    replaceOnChanges: ["*"],
    settings: () => ({}),
    protectedSettings: scriptProtectedSettings,
  },
};

/** A short name of these certificates: another one whenever any of them changes. The private key is not in it: the certificate stands for it. */
export function certificatesFingerprint({ trustPem, certPem }: HostCertificates): string {
  return createHash("sha256").update(trustPem).update("\0").update(certPem).digest("hex").slice(0, 32);
}

/** The daemon's configuration as `daemon.json` has it. */
function configurationOf({ daemonOptions, certificates }: DaemonSettings): DaemonOptions {
  return daemonConfiguration(daemonOptions, certificatesFingerprint(certificates));
}

/** The extension restarts the daemon only if its command line changed: the label that names the certificates sees to that. */
function extensionSettings(daemon: DaemonSettings): { docker: { port: string; options: string[] } } {
  refuse(checkHostCertificates(daemon.certificates));
  return { docker: { port: daemon.dockerPort.toString(), options: commandLine(configurationOf(daemon)) } };
}

/** The extension takes each PEM document as base64. */
function extensionProtectedSettings({ certificates }: DaemonSettings): {
  certs: { ca: string; cert: string; key: string };
} {
  refuse(checkHostCertificates(certificates));
  return {
    certs: {
      ca: base64(certificates.trustPem),
      cert: base64(certificates.certPem),
      key: base64(certificates.keyPem),
    },
  };
}

/** Azure's limit for a script, in its encoded form (documentation of the Custom Script Extension for Linux). */
const MOST_SCRIPT_BYTES = 256 * 1024;

/** The script in the protected settings, since it holds the server's key. */
function scriptProtectedSettings(daemon: DaemonSettings): { script: string } {
  const script = base64(installScript(daemon));
  refuse(
    script.length > MOST_SCRIPT_BYTES
      ? [
          `trustedClientCerts, daemonOptions: together too long for Azure's CustomScript, ${script.length} bytes; allowed: ${MOST_SCRIPT_BYTES}`,
        ]
      : [],
  );
  return { script };
}

/**
 * The script of the installer CustomScript, with the values that it needs.
 *
 * @throws SettingsError if any certificate is missing.
 */
export function installScript(daemon: DaemonSettings): string {
  const { certificates, dockerPort, dockerVersion = "", adminUsername } = daemon;
  refuse(checkHostCertificates(certificates));
  const values = {
    DOCKER_PORT: dockerPort.toString(),
    DOCKER_VERSION: dockerVersion,
    ADMIN_USERNAME: adminUsername,
    DAEMON_JSON: JSON.stringify(configurationOf(daemon), undefined, 2),
    TRUST_PEM: certificates.trustPem.trim(),
    CERT_PEM: certificates.certPem.trim(),
    KEY_PEM: certificates.keyPem.trim(),
  };
  return scriptOf(values, ["packages.sh", "installDocker.sh"]);
}

/** The script that runs before the DockerExtension: it is handed the version of the package, and nothing else. */
export function prepareScript(dockerVersion = ""): string {
  return scriptOf({ DOCKER_VERSION: dockerVersion }, ["packages.sh", "prepareDocker.sh"]);
}

/**
 * A whole script: the values, as variables of the shell, which no other process sees, before the texts that use them.
 * In braces, since a full disk could cut it short, and the extension would run what there is: half of it is no program.
 */
function scriptOf(values: Record<string, string>, files: string[]): string {
  const assignments = Object.entries(values).map(([name, value]) => `${name}=${quoted(value)}\n`);
  const texts = files.map((file) => readFileSync(join(__dirname, file), "utf8"));
  return `#!/bin/sh\n{\n${assignments.join("")}\n${texts.join("\n")}\n}\n`;
}

/** A word of the shell's that means just this text. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
