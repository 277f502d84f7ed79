/** Reads and writes small files. */
import * as fs from "node:fs";

/** A file's text; undefined if there is no such file. */
export function readIfThere(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes a new file for its owner alone, and to the disk before it returns. */
export function writePrivately(file: string, text: string): void {
  fs.writeFileSync(file, text, { mode: 0o600, flush: true });
}
