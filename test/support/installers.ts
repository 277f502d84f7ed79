/** What Azure gets of each installer, for tests and the bench. */
import { CUSTOM_SCRIPT, type Daemon, scriptProtectedSettings } from "../../components/installers/customScript";
import {
  DOCKER_EXTENSION,
  extensionProtectedSettings,
  extensionSettings,
} from "../../components/installers/dockerExtension";
import type { Extension } from "../../components/installers/extensionKind";
import type { InstallerName } from "../../components/rules/docker";

/** The kind of extension that an installer is, and the settings that it gets for a daemon. */
export interface InstallerExtension extends Extension {
  settings: object;
  protectedSettings: object;
}

/** An installer's extension with its settings for a daemon. */
export function installerExtension(installer: InstallerName, daemon: Daemon): InstallerExtension {
  const { dockerPort, daemonOptions, certificates } = daemon;
  if (installer === "CustomScript") {
    return { ...CUSTOM_SCRIPT, settings: {}, protectedSettings: scriptProtectedSettings(daemon) };
  }
  return {
    ...DOCKER_EXTENSION,
    settings: extensionSettings({ dockerPort, daemonOptions, ...certificates }),
    protectedSettings: extensionProtectedSettings(certificates),
  };
}
