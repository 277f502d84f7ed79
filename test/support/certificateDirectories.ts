/** Certificate directories for tests. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { CertificateDirectory } from "../../client/lib/certificateDirectory";
import type { Connection, FILE_NAMES } from "../../client/lib/connection";

/** A temporary folder, taken away after the test. */
export function scratchFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(join(tmpdir(), "azure-docker-host-test-"));
  t.after(() => {
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

export function open(path: string): CertificateDirectory {
  return new CertificateDirectory(path, false);
}

/** Three files that show which set they are of. */
export function set(which: string): Record<(typeof FILE_NAMES)[number], string> {
  return { "ca.pem": `ca ${which}`, "cert.pem": `cert ${which}`, "key.pem": `key ${which}` };
}

/** Files that somebody else put there. */
export function putFiles(path: string, files: Record<string, string>): void {
  fs.mkdirSync(path, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(join(path, name), text, { mode: 0o600 });
}

export const CONNECTION: Connection = {
  dockerHost: "tcp://host.example:4243",
  client: "admin",
  stack: "dev",
  contexts: {},
};
