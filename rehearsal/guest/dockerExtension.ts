// Carries out what Azure's DockerExtension 1.2.2 does on a machine: the same steps in the same order, with the same traps.
//
// Written after the behaviour of https://github.com/Azure/azure-docker-extension (d1d2547) on Ubuntu with systemd. It
// leaves out what can't differ here (the check of the distribution's name, and the seqnum file against two runs at once)
// and what the program doesn't send: docker-compose, a registry's login, Azure in China.
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../values";
import { type Settings, decode, parseSettings } from "./dockerExtensionSettings";
import type { ExtensionHandler, ExtensionRun } from "./handler";
import type { Machine } from "../machine/machine";

export interface DockerExtensionTimes {
  /** Between two tries to install Docker. Defaults to the extension's own minute. */
  installRetryMs?: number;
  /** After the daemon's (re)start. Defaults to the extension's own three seconds. */
  startMs?: number;
}

const composeFile = "/usr/local/bin/docker-compose";
const unitFile = "/lib/systemd/system/docker.service";
const certificateFolder = "/etc/docker";

const installScript = "curl -sSL https://get.docker.com/ | sh";
const composeUrl = "https://github.com/docker/compose/releases/download/1.6.2/docker-compose-Linux-x86_64";

/** The handler for Microsoft.Azure.Extensions/DockerExtension. */
export function dockerExtension({
  installRetryMs = 60_000,
  startMs = 3_000,
}: DockerExtensionTimes = {}): ExtensionHandler {
  return {
    version: "1.2.2",
    operation: "Enable Docker",
    inProgress: "Enable Docker",
    logFile: "docker-extension.log",
    async enable(run) {
      try {
        await enable(run, installRetryMs, startMs);
        return { status: "success", message: "Enable Docker succeeded" };
      } catch (error) {
        const reason = `ERROR: ${messageOf(error)}`;
        run.log(reason);
        return { status: "error", message: `Enable Docker failed: ${reason}` };
      }
    },
    // The socket stays. A connection to it, or the next boot, starts the daemon again.
    disable: (machine) => execute(machine, ["systemctl", "stop", "docker"]),
    async uninstall(machine) {
      // Nothing is called docker-engine any more: what this purges depends on what apt knows of the name.
      await execute(machine, ["apt-get", "-qqy", "purge", "docker-engine"]);
      await execute(machine, ["apt-get", "-qqy", "autoremove"]);
      await machine.mustRun(["rm", "-rf", composeFile]);
    },
  };
}

async function enable(
  { machine, settings: given, log }: ExtensionRun,
  installRetryMs: number,
  startMs: number,
): Promise<void> {
  const settings = parseSettings(given);
  await installDocker(machine, installRetryMs, log);
  await installCompose(machine, log);
  await addUserToGroup(machine);
  await installCertificates(machine, settings, log);
  const changed = await changeDaemonArguments(machine, daemonArguments(settings), log);
  log(`restart needed: ${changed}`);
  if (changed) {
    await execute(machine, ["systemctl", "daemon-reload"]);
    await execute(machine, ["systemctl", "restart", "docker"]);
  } else {
    // The handler ignores the result, and so doesn't notice a daemon that is down.
    await machine.run(["systemctl", "start", "docker"]);
  }
  await sleep(startMs);
}

async function installDocker(machine: Machine, retryMs: number, log: (line: string) => void): Promise<void> {
  if ((await machine.run(["sh", "-c", "command -v docker"])).code === 0) {
    log("docker already installed. not re-installing");
    return;
  }
  for (let remaining = 5; ; remaining--) {
    try {
      await execute(machine, ["/bin/sh", "-c", installScript]);
      return;
    } catch (error) {
      if (remaining === 0) throw error;
      log(`install failed. remaining attempts=${remaining}. error=${String(error)}`);
      await sleep(retryMs);
    }
  }
}

async function installCompose(machine: Machine, log: (line: string) => void): Promise<void> {
  if ((await machine.run(["test", "-e", composeFile])).code === 0) {
    log(`docker-compose is already installed at ${composeFile}`);
    return;
  }
  const draft = `${composeFile}.part`;
  const download = await machine.run(["curl", "-fsSL", "--create-dirs", "-o", draft, composeUrl]);
  if (download.code !== 0) {
    throw new Error(`error installing docker-compose: error downloading docker-compose: ${download.stderr.trim()}`);
  }
  await machine.mustRun(["sh", "-c", 'chmod 755 "$0" && mv "$0" "$1"', draft, composeFile]);
}

async function addUserToGroup(machine: Machine): Promise<void> {
  const provisioning = await machine.readFile("/var/lib/waagent/ovf-env.xml").catch((error: unknown) => {
    throw new Error(`failed to get provisioned user: ${String(error)}`);
  });
  const user = /<UserName>([^<]*)<\/UserName>/.exec(provisioning)?.[1] ?? "";
  const result = await machine.run(["usermod", "-aG", "docker", user]);
  if (result.code !== 0) throw new Error(`executing usermod failed: exit status ${result.code}`);
}

async function installCertificates(
  machine: Machine,
  { certificates }: Settings,
  log: (line: string) => void,
): Promise<void> {
  const files = Object.entries(certificates).map(([name, content]) => [`${name}.pem`, content] as const);
  const missing = files.find(([, content]) => content === "");
  if (missing !== undefined) {
    log(
      `Docker certificate ${missing[0]} is not provided in the extension settings, skipping docker certs installation`,
    );
    return;
  }
  await machine.mustRun(["mkdir", "-p", certificateFolder]);
  for (const [name, content] of files) {
    await machine
      .overwriteFile(path.posix.join(certificateFolder, name), decode(content), { mode: 0o600 })
      .catch((error: unknown) => {
        throw new Error(`error installing docker certs: error writing certificate: ${messageOf(error)}`);
      });
  }
}

/** The handler also opens a port without certificates. The program must never ask for that. */
function daemonArguments(settings: Settings): string {
  const hasCertificates = !Object.values(settings.certificates).includes("");
  return [
    "-H=fd://",
    ...(hasCertificates
      ? [
          "--tlsverify",
          `--tlscacert=${certificateFolder}/ca.pem`,
          `--tlscert=${certificateFolder}/cert.pem`,
          `--tlskey=${certificateFolder}/key.pem`,
        ]
      : []),
    ...(settings.port === "" ? [] : [`-H=0.0.0.0:${settings.port}`]),
    ...settings.options,
  ].join(" ");
}

/** Edits the unit in place. Only a changed unit leads to a restart. Changed certificates don't. */
async function changeDaemonArguments(machine: Machine, words: string, log: (line: string) => void): Promise<boolean> {
  const failed = "failed to update dockeropts: error updating DOCKER_OPTS:";
  log(`Updating daemon args to: ${words}`);
  const unit = await machine.readFile(unitFile).catch((error: unknown) => {
    throw new Error(`${failed} error reading ${unitFile}: ${String(error)}`);
  });
  // It is the replacement of a regular expression without groups: of "$NAME" in an option, nothing is left.
  const replacement = words.replace(/\$(?:\$|\w+|\{\w+\})/g, (found) => (found === "$$" ? "$" : ""));
  const edited = unit.replace(/ExecStart=.*/g, () => `ExecStart=/usr/bin/dockerd ${replacement}`);
  if (!/ExecStart=/.test(unit)) {
    throw new Error(`${failed} error updating settings at ${unitFile}: systemd unit editor could not find ExecStart`);
  }
  if (edited === unit) return false;
  await machine.overwriteFile(unitFile, edited, { mode: 0o644 }).catch((error: unknown) => {
    throw new Error(`${failed} error writing to ${unitFile}: ${messageOf(error)}`);
  });
  return true;
}

async function execute(machine: Machine, [program = "", ...words]: string[]): Promise<void> {
  const result = await machine.run([program, ...words]);
  if (result.code !== 0)
    throw new Error(`executing ${program} [${words.join(" ")}] failed: exit status ${result.code}`);
}
