/** The folder of everything that all clones share: the engine, the plugins, the root file system. */
import * as os from "node:os";
import * as path from "node:path";

/**
 * The cache folder, e.g. `/home/ann/.cache/azure-docker-host`; it may not exist yet. Follows the XDG base directory
 * specification, which says to ignore an `XDG_CACHE_HOME` that is not absolute.
 */
export function cacheDirectory(): string {
  const configured = process.env["XDG_CACHE_HOME"] ?? "";
  return path.join(path.isAbsolute(configured) ? configured : path.join(os.homedir(), ".cache"), "azure-docker-host");
}
