/** Microsoft's own `az`, from PyPI in a virtual environment in the cache folder. */
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDirectory } from "../../rehearsal/cache";
import { withFileLock } from "../../rehearsal/fileLock";
import { mustRun, plainEnvironment, runCommand, withElapsed } from "../../rehearsal/machine/command";
import { ensureSystemPackages } from "../../rehearsal/machine/systemPackages";

/** The version of azure-cli. */
export const AZURE_CLI_VERSION = "2.91.0";

const NAME = `azure-cli-${AZURE_CLI_VERSION}`;

/**
 * Installs `az` once, and gives back its virtual environment. The first time takes about a minute and 400 MB.
 *
 * @param print Gets a line every few seconds while it is being installed.
 * @throws with what pip said, if it can't be installed.
 */
export async function ensureAzureCli(print: (line: string) => void): Promise<string> {
  const folder = join(cacheDirectory(), NAME);
  // The rename at the end of an installation is what makes this folder: if it is there, it is whole.
  if (existsSync(folder)) return folder;
  let stage = "waiting for another process that installs it";
  const ready = withFileLock(
    join(cacheDirectory(), "azure-cli.lock"),
    () => undefined,
    async () => {
      if (existsSync(folder)) return;
      // Under the lock, what is half installed is a dead process's.
      for (const name of readdirSync(cacheDirectory())) {
        if (/^azure-cli-.*\.installing$/.test(name)) rmSync(join(cacheDirectory(), name), { recursive: true });
      }
      stage = `installing ${AZURE_CLI_VERSION} from PyPI, once`;
      print(`az: ${stage}`);
      const draft = `${folder}.${process.pid}.installing`;
      try {
        await install(draft, print);
        renameSync(draft, folder);
      } finally {
        rmSync(draft, { recursive: true, force: true });
      }
    },
  );
  await withElapsed((seconds) => {
    print(`az: ${stage} (${seconds} s)`);
  }, ready);
  return folder;
}

/**
 * The command `az` of the virtual environment. Its scripts are not used: they name the folder that they were installed in.
 *
 * @param folder What `ensureAzureCli` gave back.
 */
export function azureCli(folder: string): string[] {
  return [join(folder, "bin/python"), "-m", "azure.cli"];
}

async function install(folder: string, print: (line: string) => void): Promise<void> {
  // Debian's python3 has the module that makes virtual environments, and not the one that puts pip into them.
  if ((await runCommand(["python3", "-c", "import ensurepip, venv"])).code !== 0) {
    await ensureSystemPackages(print, { "pip in a virtual environment": "python3-venv" });
  }
  await mustRun(["python3", "-m", "venv", folder]);
  // Python compiles a module when it is first used: to compile all of them would take twice the time and the space.
  const words = ["install", "--quiet", "--no-compile", "--no-input", `azure-cli==${AZURE_CLI_VERSION}`];
  await mustRun([join(folder, "bin/python"), "-m", "pip", ...words], { env: pipEnvironment() });
}

/** A plain environment with what this process's own says to pip, of proxies and of certificates. */
function pipEnvironment(): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) =>
    /^(PIP_\w+|(https?|no|all)_proxy|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE)$/i.test(name),
  );
  return { ...plainEnvironment, ...(Object.fromEntries(own) as Record<string, string>) };
}
