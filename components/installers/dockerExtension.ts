/** The settings of Azure's DockerExtension: the daemon's options as public settings, the certificates as protected settings. */
import { type HostCertificates, validateHostCertificates } from "../rules/pem";
import { throwProblems } from "../settingsError";
import { type DaemonOptions, commandLine } from "./daemonOptions";
import { type Extension, type PublicCertificates, base64, configurationOf } from "./extensionKind";

/** Azure's DockerExtension. */
export const DOCKER_EXTENSION: Extension = {
  publisher: "Microsoft.Azure.Extensions",
  type: "DockerExtension",
  typeHandlerVersion: "1.2",
  // To take it off would stop the daemon.
  replaceOnChanges: [],
};

/** The daemon, as far as it is public. */
export interface PublicDaemon extends PublicCertificates {
  dockerPort: number;
  daemonOptions: DaemonOptions;
}

/** The public settings. The extension restarts the daemon only if its command line changed, so a label names the certificates. */
export function extensionSettings({ dockerPort, daemonOptions, ...certificates }: PublicDaemon): {
  docker: { port: string; options: string[] };
} {
  return {
    docker: { port: dockerPort.toString(), options: commandLine(configurationOf(daemonOptions, certificates)) },
  };
}

/**
 * The protected settings.
 *
 * @throws SettingsError if any certificate is missing.
 */
export function extensionProtectedSettings(certificates: HostCertificates): {
  certs: { ca: string; cert: string; key: string };
} {
  throwProblems(validateHostCertificates(certificates));
  const { trustPem, certPem, keyPem } = certificates;
  return { certs: { ca: base64(trustPem), cert: base64(certPem), key: base64(keyPem) } };
}
