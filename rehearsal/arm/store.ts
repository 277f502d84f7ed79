/** The resources of the loopback subscription: one JSON file each, in folders that follow its ID. */
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Body } from "./body";

/** One resource. */
export interface StoredResource {
  id: string;
  armType: string;
  /** "Succeeded", or the state of an operation. */
  provisioningState: "Creating" | "Updating" | "Deleting" | "Succeeded" | "Failed";
  /** The process that works on it, while the state ends in "ing". */
  worker?: number;
  /** The body of the last PUT. */
  body: Body;
  /** Values that Azure adds, such as an address. */
  computed: Body;
}

/** Azure's IDs are the same in upper and lower case; so are the files' names. */
export class Store {
  constructor(readonly directory: string) {}

  private file(id: string): string {
    return join(this.directory, `${id.toLowerCase()}.json`);
  }

  get(id: string): StoredResource | undefined {
    const file = this.file(id);
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as StoredResource) : undefined;
  }

  /** Written beside and renamed: a run that is cut off leaves the old or the new, nothing between. */
  set(resource: StoredResource): void {
    const file = this.file(resource.id);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.${process.pid}.tmp`, JSON.stringify(resource, undefined, 2), { mode: 0o600 });
    renameSync(`${file}.${process.pid}.tmp`, file);
  }

  remove(id: string): void {
    const file = this.file(id);
    rmSync(file, { force: true });
    // Empty folders go too. Nothing is left of an empty subscription.
    for (let folder = dirname(file); folder !== this.directory; folder = dirname(folder)) {
      if (existsSync(folder) && readdirSync(folder).length > 0) break;
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Every resource, or those below an ID. */
  list(below = ""): StoredResource[] {
    const root = join(this.directory, below.toLowerCase());
    if (!existsSync(root)) return [];
    return readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".json"))
      .map((name) => this.get(`/${relative(this.directory, join(root, name)).slice(0, -".json".length)}`))
      .filter((resource): resource is StoredResource => resource !== undefined)
      .sort((one, other) => one.id.localeCompare(other.id));
  }
}
