/** Which azure-native serves a rehearsal: the real plugin where it can be had, else the stand-in. */
import { accessSync, constants, existsSync, readFileSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { cacheDirectory } from "../system/cache";
import { mustRun } from "../system/command";
import { messageOf } from "../values";

/** The values of `--provider`. */
export const PROVIDERS = ["real", "stand-in"] as const;
export type Provider = (typeof PROVIDERS)[number];

/** The chosen provider, the folder where the engine finds it, and the line that tells a person. */
export interface Chosen {
  provider: Provider;
  folder: string;
  notice: string;
}

export interface ChoiceOptions {
  /** The one that is wanted; by default the real one where it can be had. */
  wanted?: Provider;
  environment?: NodeJS.ProcessEnv;
  /** Gets the plugin into a folder that works as PULUMI_HOME; for tests. */
  download?: (home: string, version: string) => Promise<void>;
}

const COMMAND = "pulumi-resource-azure-native";
const STAND_IN = join(__dirname, "bin/stand-in");
const SOURCE = "https://get.pulumi.com/";
/** Reaching it is what tells whether there is an internet at all, so it must not take long. */
const REACH_MILLISECONDS = 3000;

/**
 * Chooses the provider, and downloads the real one's plugin into the cache if that is what it takes.
 *
 * @throws if the real one is wanted and can't be had.
 */
export async function chooseProvider(options: ChoiceOptions = {}): Promise<Chosen> {
  const { wanted, environment = process.env, download = downloadPlugin } = options;
  const standIn = (why: string): Chosen => ({
    provider: "stand-in",
    folder: STAND_IN,
    notice: `azure-native: a stand-in on Microsoft's own clients (${why})`,
  });
  if (wanted === "stand-in") return standIn("as asked");
  const home = join(cacheDirectory(), "plugins-home");
  const real = (folder: string): Chosen => ({
    provider: "real",
    folder,
    notice: `azure-native: the real plugin, ${folder}`,
  });
  const found = findPlugin(environment, home);
  if (found !== undefined) return real(found);
  try {
    await download(home, sdkVersion());
    const folder = findPlugin(environment, home);
    if (folder === undefined) throw new Error("the download left no plugin");
    return real(folder);
  } catch (error) {
    const reason = messageOf(error);
    if (wanted === "real") throw new Error(`azure-native's plugin isn't installed and can't be downloaded: ${reason}`);
    return standIn(`its plugin isn't installed and can't be downloaded: ${reason}`);
  }
}

/** The folder of an installed plugin: on PATH, in Pulumi's own folder, or in the cache. */
function findPlugin(environment: NodeJS.ProcessEnv, cachedHome: string): string | undefined {
  const onPath = (environment.PATH ?? "").split(delimiter).filter((folder) => folder !== STAND_IN);
  const homes = [environment.PULUMI_HOME ?? join(homedir(), ".pulumi"), cachedHome];
  return [...onPath, ...homes.flatMap(pluginsIn)].find(
    (folder) => folder !== "" && isExecutable(join(folder, COMMAND)),
  );
}

/** The newest first. */
function pluginsIn(home: string): string[] {
  const folder = join(home, "plugins");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^resource-azure-native-v[\d.]+$/.test(name))
    .sort((one, other) => other.localeCompare(one, "en", { numeric: true }))
    .map((name) => join(folder, name));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The plugin that the program's SDK asks for. */
function sdkVersion(): string {
  const manifest = readFileSync(require.resolve("@pulumi/azure-native/package.json"), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

async function downloadPlugin(home: string, version: string): Promise<void> {
  const response = await fetch(SOURCE, { method: "HEAD", signal: AbortSignal.timeout(REACH_MILLISECONDS) }).catch(
    () => undefined,
  );
  if (!response) throw new Error(`${SOURCE} can't be reached`);
  await mustRun(["pulumi", "plugin", "install", "resource", "azure-native", version], {
    env: { ...process.env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" },
    onLine: console.error,
  });
}
