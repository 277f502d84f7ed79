/** Which azure-native serves a rehearsal: the one that is wanted, the real one where it is, the stand-in where it isn't. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { chooseProvider } from "../../../rehearsal/providers/choice";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "provider-choice-"));
  process.env.XDG_CACHE_HOME = join(home, "cache");
});
afterEach(() => {
  delete process.env.XDG_CACHE_HOME;
  rmSync(home, { recursive: true });
});

function install(folder: string, mode = 0o755): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "pulumi-resource-azure-native"), "#!/bin/sh\n", { mode });
  return folder;
}

const offline = (): Promise<void> => Promise.reject(new Error("nobody answers"));
const environment = (extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  PATH: join(home, "bin"),
  PULUMI_HOME: home,
  ...extra,
});

test("the plugin in Pulumi's own folder, the newest; one on PATH before it", async () => {
  install(join(home, "plugins/resource-azure-native-v3.9.0"));
  const newest = install(join(home, "plugins/resource-azure-native-v3.28.0"));
  install(join(home, "plugins/resource-azure-native-v3.30.0"), 0o644);
  const chosen = await chooseProvider({ environment: environment(), download: offline });
  assert.deepEqual(chosen, { provider: "real", folder: newest, notice: `azure-native: the real plugin, ${newest}` });
  const onPath = install(join(home, "bin"));
  assert.equal((await chooseProvider({ environment: environment(), download: offline })).folder, onPath);
});

test("it is downloaded into the cache where it isn't, once", async () => {
  let downloads = 0;
  const download = (folder: string, version: string): Promise<void> => {
    downloads += 1;
    assert.match(version, /^3\.\d+\.\d+$/);
    install(join(folder, `plugins/resource-azure-native-v${version}`));
    return Promise.resolve();
  };
  const chosen = [await chooseProvider({ environment: environment(), download })];
  chosen.push(await chooseProvider({ environment: environment(), download }));
  assert.deepEqual(
    chosen.map(({ provider }) => provider),
    ["real", "real"],
  );
  assert.equal(downloads, 1);
});

test("where it can't be had, the stand-in, and it is said why; who wants the real one is told so", async () => {
  const { provider, folder, notice } = await chooseProvider({ environment: environment(), download: offline });
  assert.equal(provider, "stand-in");
  assert.match(folder, /providers\/bin\/stand-in$/);
  assert.equal(
    notice,
    "azure-native: a stand-in on Microsoft's own clients (its plugin isn't installed and can't be downloaded: nobody answers)",
  );
  await assert.rejects(
    chooseProvider({ wanted: "real", environment: environment(), download: offline }),
    /^Error: azure-native's plugin isn't installed and can't be downloaded: nobody answers$/,
  );
});

test("the stand-in where it is wanted, whatever is installed", async () => {
  install(join(home, "bin"));
  const chosen = await chooseProvider({ wanted: "stand-in", environment: environment(), download: offline });
  assert.equal(chosen.provider, "stand-in");
});
