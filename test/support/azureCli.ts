/** Microsoft's own `az`, from PyPI in a virtual environment in the cache folder. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { cacheDirectory } from "../../rehearsal/system/cache";
import { withFileLock } from "../../rehearsal/system/fileLock.cjs";
import { type CommandResult, mustRun, plainEnvironment, runCommand, withElapsed } from "../../rehearsal/system/command";
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

/** An `az` that is signed in to a loopback Azure, and can reach nothing else. Its folder goes with the test. */
export class Az {
  private constructor(
    /** The virtual environment, as `ensureAzureCli` gives it. */
    private readonly folder: string,
    private readonly environment: Record<string, string>,
  ) {}

  /** Tells it where the loopback Azure is, from the environment of its other clients. */
  static async open(
    test: Pick<TestContext, "after">,
    folder: string,
    { ARM_METADATA_HOSTNAME = "", SSL_CERT_FILE = "" }: Record<string, string>,
  ): Promise<Az> {
    const home = mkdtempSync(join(tmpdir(), "az-"));
    test.after(() => {
      rmSync(home, { recursive: true });
    });
    const az = new Az(folder, {
      ...plainEnvironment,
      HOME: home,
      AZURE_CONFIG_DIR: home,
      AZURE_CORE_COLLECT_TELEMETRY: "no",
      AZURE_CORE_NO_COLOR: "yes",
      // Entra's own address would be asked whether this authority is one of its own.
      AZURE_CORE_INSTANCE_DISCOVERY: "no",
      REQUESTS_CA_BUNDLE: SSL_CERT_FILE,
      // Nobody listens there: what is for another host than this one fails.
      HTTPS_PROXY: "http://127.0.0.1:9",
      HTTP_PROXY: "http://127.0.0.1:9",
      NO_PROXY: "127.0.0.1",
    });
    const origin = `https://${ARM_METADATA_HOSTNAME}`;
    const endpoints = ["resource-manager", "active-directory"].map((name) => `--endpoint-${name} ${origin}`);
    const audiences = ["active-directory-resource-id", "active-directory-graph-resource-id"];
    await az.ok(
      `az cloud register -n Loopback ${[...endpoints, ...audiences.map((name) => `--endpoint-${name} ${origin}/`)].join(" ")}`,
    );
    await az.ok("az cloud set -n Loopback");
    return az;
  }

  /** Signs in as a service principal, with its secret. */
  signIn({ ARM_CLIENT_ID, ARM_CLIENT_SECRET = "", ARM_TENANT_ID }: Record<string, string>): Promise<CommandResult> {
    // From a file, as everybody on this computer sees the words of a command.
    const file = join(this.environment.HOME ?? "", "secret");
    writeFileSync(file, ARM_CLIENT_SECRET, { mode: 0o600 });
    return this.run(`az login --service-principal -u ${ARM_CLIENT_ID} -p @${file} --tenant ${ARM_TENANT_ID}`);
  }

  /** Runs a line of a shell in which `az` is this one. */
  run(line: string): Promise<CommandResult> {
    // Not the script of the virtual environment: it names the folder that it was installed in, before the rename.
    const script = `az() { '${this.folder}/bin/python' -m azure.cli "$@"; }\n${line}`;
    return runCommand(["sh", "-c", script], { env: this.environment });
  }

  /** The same, for a command that must succeed; what it printed on standard output. */
  async ok(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(line);
    assert.equal(code, 0, `${line}\n${stdout}${stderr}`);
    return stdout;
  }
}
