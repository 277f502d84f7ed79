// Builds the root file system that all of the rehearsal's machines start from, once, and keeps it in the user's cache.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { cacheDirectory } from "../system/cache";
import { withFileLock } from "../system/fileLock.cjs";
import { mustRun, plainEnvironment, withElapsed } from "../system/command";
import { aptEnvironment } from "./systemPackages";

/** Where a machine's apt finds docker.io and what it depends on: its only source, as there is no network. */
const archive = "/var/lib/rehearsal-archive";
/** Where Docker's client is, for this computer: as on Azure's image, none is on the machine's PATH. */
const client = `${archive}/client/docker`;
/** What follows the version of the archive's later docker.io. */
const laterVersion = "+rehearsal1";

/** Everything that decides what is in the root file system; the cache's name is its hash. */
const recipe = {
  packages: [
    ...["systemd", "systemd-sysv", "dbus", "iproute2", "ca-certificates", "curl", "openssl"],
    ...["openssh-server", "sudo", "procps"],
  ],
  leftOut: ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*"],
  // Run with the new root's path as $1.
  finish: `set -eu
cd "$1"
# Every machine gets an identity of its own at its first boot: machine ID and SSH host keys.
: > etc/machine-id
rm -f etc/ssh/ssh_host_* etc/hostname
mkdir -p etc/systemd/system/ssh.service.d
cat > etc/systemd/system/ssh.service.d/host-keys.conf <<'END'
[Service]
ExecStartPre=
ExecStartPre=/usr/bin/ssh-keygen -A
ExecStartPre=/usr/sbin/sshd -t
END
# The addresses that Azure's DHCP would hand out; here a file names them.
cat > etc/systemd/system/rehearsal-addresses.service <<'END'
[Unit]
Description=Addresses of this machine of the rehearsal
DefaultDependencies=no
Before=network.target network-online.target ssh.service docker.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/xargs -n1 --arg-file=/etc/rehearsal-addresses ip address replace dev host0
ExecStart=/usr/bin/env ip link set host0 up
[Install]
WantedBy=sysinit.target
END
chroot . systemctl enable --quiet rehearsal-addresses.service
# Nobody sits at the console, and nothing but a person or an extension asks for packages.
chroot . systemctl mask --quiet console-getty.service apt-daily.timer apt-daily-upgrade.timer
: > etc/resolv.conf
# For apt to install without a network: docker.io and all that it needs beside what is there.
mkdir -p -m 755 ${archive.slice(1)}/client
(
  cd ${archive.slice(1)}
  export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
  apt-get -qq download $(apt-get --simulate --no-install-recommends install docker.io | awk '$1 == "Inst" { print $2 }')
)
dpkg-deb --fsys-tarfile ${archive.slice(1)}/docker.io_*.deb | tar --extract --directory ${archive.slice(1)}/client --strip-components 3 ./usr/bin/docker
# Where Ubuntu's package has the daemon, and Azure's DockerExtension looks for it; Debian 12 has it in sbin.
dpkg-deb --contents ${archive.slice(1)}/docker.io_*.deb | grep -q ' \./usr/bin/dockerd$' || ln -s ../sbin/dockerd usr/bin/dockerd
# To unpack xz is what an installation would take longest for, so they are packed anew; docker.io twice, the second one a
# later version. Ubuntu's package restarts the daemon at an upgrade, unless its question was answered otherwise; Debian's
# never does.
for deb in ${archive.slice(1)}/*.deb; do
  dpkg-deb --raw-extract "$deb" unpacked
  dpkg-deb --build --nocheck -Znone unpacked "$deb" > /dev/null
  case $deb in */docker.io_*)
    sed -i 's/^Version: .*/&${laterVersion}/' unpacked/DEBIAN/control
    grep -q docker.io/restart unpacked/DEBIAN/postinst || cat >> unpacked/DEBIAN/postinst <<'END'
if [ "$1" = configure ] && [ -n "$2" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	deb-systemd-invoke restart docker.service
fi
END
    dpkg-deb --build --nocheck -Znone unpacked ${archive.slice(1)}/later.deb > /dev/null ;;
  esac
  rm -r unpacked
done
(
  cd ${archive.slice(1)}
  for deb in *.deb; do
    dpkg-deb --field "$deb"
    echo "Filename: ./$deb"
    echo "Size: $(stat --format %s "$deb")"
    echo "SHA256: $(sha256sum "$deb" | cut -d ' ' -f 1)"
    echo
  done > Packages
  chmod 644 *.deb Packages
)
rm -rf etc/apt/sources.list.d
mkdir etc/apt/sources.list.d
echo 'deb [trusted=yes] file:${archive} ./' > etc/apt/sources.list
mkdir -p usr/local/bin
cat > usr/local/bin/docker-compose <<'END'
#!/bin/sh
echo "This is the placeholder of the rehearsal's image: docker-compose itself is not in it." >&2
exit 1
END
chmod 755 usr/local/bin/docker-compose
# What mmdebstrap was told about proxies and certificates is this computer's, not the machines'.
rm -rf etc/apt/apt.conf.d/99mmdebstrap var/lib/apt/lists/* var/cache/apt/*.bin`,
};

/** The docker command of a root file system, for this computer to run. */
export function dockerClient(rootFileSystem: string): string {
  return path.join(rootFileSystem, client);
}

/** The folder of the root file system; builds it first if it isn't there. `progress` gets a line every few seconds. */
export async function ensureRootFileSystem(progress: (line: string) => void): Promise<string> {
  const system = osRelease();
  const key = createHash("sha256")
    .update(JSON.stringify([recipe, system, process.arch]))
    .digest("hex")
    .slice(0, 12);
  const target = path.join(cacheDirectory(), `root-file-system-${key}`);
  // The rename at the end of a build is what makes this folder: if it is there, it is whole.
  if (fs.existsSync(target)) return target;
  let waitingFor = 0;
  const ready = withFileLock(
    path.join(cacheDirectory(), "root-file-system.lock"),
    (holder) => {
      waitingFor = holder;
      progress(`root file system: process ${holder} is building it`);
    },
    async () => {
      waitingFor = 0;
      if (fs.existsSync(target)) return;
      // Under the lock, what is half built is a dead builder's.
      for (const name of fs.readdirSync(cacheDirectory())) {
        if (name.startsWith("root-file-system-") && name.endsWith(".building"))
          removeTree(path.join(cacheDirectory(), name));
      }
      const building = `${target}.${process.pid}.building`;
      try {
        await build(building, system, progress);
        fs.renameSync(building, target);
      } finally {
        removeTree(building);
      }
    },
  );
  await withElapsed((seconds) => {
    if (waitingFor !== 0) progress(`root file system: waiting for process ${waitingFor} (${seconds} s)`);
  }, ready);
  return target;
}

interface System {
  id: string;
  codename: string;
}

function osRelease(): System {
  const text = fs.readFileSync("/etc/os-release", "utf8");
  const value = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(text)?.[1] ?? "";
  return { id: value("ID"), codename: value("VERSION_CODENAME") };
}

async function build(folder: string, system: System, progress: (line: string) => void): Promise<void> {
  const sources = await distributionSources(system);
  progress(`root file system: building it once, of ${system.id} ${system.codename} with ${recipe.packages.join(", ")}`);
  const keyring = `/usr/share/keyrings/${system.id}-archive-keyring.gpg`;
  const argv = [
    // In namespaces of its own, and never without this process: cut off, it leaves neither mounts nor processes.
    ...["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
    ...["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory", "--skip=output/dev"],
    `--include=${recipe.packages.join(",")}`,
    "--dpkgopt=force-unsafe-io",
    ...recipe.leftOut.map((glob) => `--dpkgopt=path-exclude=${glob}`),
    ...(fs.existsSync(keyring) ? [`--keyring=${keyring}`] : []),
    ...acquireOptions().map((option) => `--aptopt=${option}`),
    `--customize-hook=${recipe.finish}`,
    ...[system.codename, folder, "-"],
  ];
  let stage = "starting";
  const onLine = (line: string) => {
    const said = /^I: (.*)/.exec(line)?.[1];
    if (said === undefined || /hook/.test(said)) return;
    stage = said;
    progress(`root file system: ${stage}`);
  };
  await withElapsed(
    (seconds) => {
      progress(`root file system: ${stage} (${seconds} s)`);
    },
    mustRun(argv, { input: sources, env: aptEnvironment(), onLine }),
  );
}

/**
 * The distribution's own archives as this computer's apt is told to use them, as sources for another apt.
 * Other vendors' repositories are left out by the origin that an archive's signed release file names.
 */
async function distributionSources(system: System): Promise<string> {
  const fields = ["REPO_URI", "RELEASE", "COMPONENT", "ORIGIN", "CODENAME"].map((name) => `$(${name})`).join("|");
  const ask = ["apt-get", "indextargets", "--format", fields, "Created-By: Packages"];
  // Without downloaded lists, as in a fresh container, apt knows no archive's origin.
  if ((await mustRun(ask)).trim() === "")
    await mustRun(["apt-get", "-o", "DPkg::Lock::Timeout=600", "update"], { env: aptEnvironment() });
  const said = await mustRun(ask);
  const entries = said.split("\n").flatMap((line) => {
    const [uri = "", suite = "", component = "", origin = "", codename = ""] = line.split("|");
    const own = origin.toLowerCase() === system.id && codename.split("-")[0] === system.codename;
    return own && /^(main|universe)$/.test(component) && !/-(backports|proposed)/.test(suite)
      ? [`Types: deb\nURIs: ${uri}\nSuites: ${suite}\nComponents: ${component}\n`]
      : [];
  });
  if (entries.length === 0) {
    throw new Error(
      `apt has no archive of ${system.id} ${system.codename} among its sources; it lists:\n${said.trim() || "nothing"}`,
    );
  }
  return [...new Set(entries)].join("\n");
}

/** How this computer's apt is told to reach its archives: proxies, certificates, retries, dates. */
function acquireOptions(): string[] {
  const dump = spawnSync("apt-config", ["dump"], { encoding: "utf8", env: plainEnvironment });
  return dump.stdout
    .split("\n")
    .filter(
      (line) => /^Acquire::(https?::|Check-|Retries|ForceIPv|Languages|Allow)/.test(line) && !line.endsWith(' "";'),
    );
}

function removeTree(folder: string): void {
  const below = fs
    .readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((mount) => mount.startsWith(`${folder}/`));
  // To delete through a mount would be to delete what is mounted there.
  for (const mount of below.reverse()) spawnSync("umount", ["--lazy", mount], { env: plainEnvironment });
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
