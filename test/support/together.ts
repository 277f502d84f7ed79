/** Runs a folder's test files in this one process, each as a suite of its own: to start a process for each takes longer than most tests. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { suite } from "node:test";

/** Declares the tests of every `*.test.ts` in a folder and below; a file's hooks are hooks of its suite. */
export function together(folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".test.ts"),
  )) {
    suite(name, () => {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded while its suite is declared, not before
      require(join(folder, name));
    });
  }
}
