/**
 * The directory in which Docker looks for a client's ca.pem, cert.pem and key.pem.
 *
 * The three files change together: a command that is killed at any point leaves the old ones or the new ones. So they are
 * links into a folder that is complete before `current` names it, and `current` changes by one rename:
 *
 *     ca.pem, cert.pem, key.pem -> .docker-host/current/…
 *     .docker-host/current      -> set-x3k9qa       the three files and connection.json
 *     .docker-host/directory.json                   the state of the directory before `connect`
 *
 * Files of the user's own that were in the way are kept in a set of their own, and `remove` puts them back.
 */
import * as fs from "node:fs";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import {
  type Connection,
  type DirectoryBefore,
  FILE_NAMES,
  type FileName,
  type SetRecord,
  parseDirectoryBefore,
  parseSetRecord,
} from "./connection";
import { Failure } from "./failure";
import { readIfThere, writePrivately } from "./files";
import { validateTrust } from "./trust";

const OWN_FOLDER = ".docker-host";

/** A set without a name in `current` was left by a killed run once it is this old. */
const ABANDONED_MS = 10 * 60 * 1000;

/** A client's certificate directory. Every method refuses one that another user can change. */
export class CertificateDirectory {
  private readonly own: string;
  private readonly current: string;
  private readonly before: string;

  constructor(
    readonly path: string,
    /** Whether it is Docker's own directory. Only its owner may read that, whatever else is in it. */
    private readonly isDockers: boolean,
  ) {
    this.own = join(path, OWN_FOLDER);
    this.current = join(this.own, "current");
    this.before = join(this.own, "directory.json");
  }

  /** The record of the last `connect`. Undefined without one, and after `remove`. */
  connection(): Connection | undefined {
    return this.guarded("read", () => {
      this.refuseUntrusted();
      return this.record().connection;
    });
  }

  /** The three files as Docker reads them. A missing one is absent. */
  files(): Partial<Record<FileName, string>> {
    return this.guarded("read", () => {
      this.refuseUntrusted();
      const read = FILE_NAMES.map((name) => [name, readIfThere(join(this.path, name))] as const);
      return Object.fromEntries(read.filter(([, text]) => text !== undefined));
    });
  }

  /** The files that are there, and that `connect` didn't write. */
  foreign(): FileName[] {
    return FILE_NAMES.filter((name) => this.isThere(name) && !this.isOurs(name));
  }

  /**
   * Puts the three files in place, all at once. Files of the user's own are kept for `remove`.
   *
   * @throws Failure if it can't write a file. The former files are still in place then.
   */
  write(files: Record<FileName, string>, connection: Connection): void {
    this.guarded("written", () => {
      this.prepare();
      this.adopt();
      const former = this.currentSet();
      this.switchTo(this.makeSet(files, { connection, kept: this.record().kept }), () => {
        // Before `current` names the first set these lead nowhere, and Docker finds no file.
        for (const name of FILE_NAMES) this.link(name);
      });
      this.sweep(former);
    });
  }

  /**
   * Undoes every `write`: puts back the files that were in the way, and leaves files that this command didn't write. The
   * next call completes one that was cut off.
   */
  remove(): void {
    this.guarded("written", () => {
      this.refuseUntrusted();
      if (!fs.existsSync(this.own)) return;
      const { kept } = this.record();
      const originals = Object.fromEntries(
        FILE_NAMES.map((name) => [name, this.keptText(name, kept[name]?.at(-1))]).filter(
          ([, text]) => text !== undefined,
        ),
      ) as Partial<Record<FileName, string>>;
      // From here on, Docker reads the files from before `connect`, so the rest can be done in steps.
      this.switchTo(this.makeSet(originals, { kept }));
      for (const name of FILE_NAMES) this.putBack(name, kept[name] ?? [], originals[name]);
      const { made, mode } = parseDirectoryBefore(readIfThere(this.before) ?? "");
      fs.rmSync(this.own, { recursive: true });
      if (mode !== undefined) fs.chmodSync(this.path, mode);
      if (made === true && fs.readdirSync(this.path).length === 0) fs.rmdirSync(this.path);
    });
  }

  private putBack(name: FileName, kept: string[], original: string | undefined): void {
    const ours = this.isOurs(name);
    // A file that was in the way earlier, or that has replaced a link, is the user's own, and is never deleted.
    for (const [index, set] of (ours ? kept.slice(0, -1) : kept).entries()) {
      const text = this.keptText(name, set);
      if (text === undefined || text === readIfThere(join(this.path, name))) continue;
      fs.renameSync(join(this.own, set, name), join(this.path, `${name}.before-${index + 1}`));
    }
    if (ours && original === undefined) fs.rmSync(join(this.path, name));
    else if (ours && original !== undefined)
      this.place(name, (draft) => {
        writePrivately(draft, original);
      });
  }

  private keptText(name: FileName, set: string | undefined): string | undefined {
    return set === undefined ? undefined : readIfThere(join(this.own, set, name));
  }

  private record(): SetRecord {
    const file = join(this.current, "connection.json");
    const text = readIfThere(file);
    if (text === undefined) return { kept: {} };
    const record = parseSetRecord(text);
    if (record) return record;
    throw new Failure(
      "files",
      `--cert-dir: ${file} must be as connect wrote it. Move ${this.own} to another place, then run docker-host connect.`,
    );
  }

  /** Refuses the directory if another user can change the files that Docker reads, or lead this command to other files. */
  private refuseUntrusted(): void {
    this.refuse([this.path, ...[OWN_FOLDER, ...FILE_NAMES].map((name) => join(this.path, name))]);
    if (!fs.existsSync(this.own)) return;
    const inside = fs.readdirSync(this.own, { recursive: true, withFileTypes: true });
    this.refuse(inside.map(({ parentPath, name }) => join(parentPath, name)));
  }

  private refuse(paths: string[]): void {
    const [problem] = paths.flatMap((path) => validateTrust(path));
    if (problem !== undefined) throw new Failure("files", `--cert-dir: ${problem}`);
  }

  private currentSet(): string | undefined {
    return fs.lstatSync(this.current, { throwIfNoEntry: false }) && fs.readlinkSync(this.current);
  }

  private isThere(name: FileName): boolean {
    return fs.lstatSync(join(this.path, name), { throwIfNoEntry: false }) !== undefined;
  }

  /** A link that leads into the current set. */
  private isOurs(name: FileName): boolean {
    const stat = fs.lstatSync(join(this.path, name), { throwIfNoEntry: false });
    return stat?.isSymbolicLink() === true && fs.readlinkSync(join(this.path, name)) === linkTarget(name);
  }

  /** Makes the directory for its owner alone, and notes its state before. */
  private prepare(): void {
    const made = fs.mkdirSync(this.path, { recursive: true, mode: 0o700 }) !== undefined;
    this.refuseUntrusted();
    const { mode } = fs.statSync(this.path);
    const others = fs.readdirSync(this.path).some((name) => name !== OWN_FOLDER && !isFileName(name));
    const toClose = (mode & 0o077) !== 0 && (this.isDockers || !others);
    fs.mkdirSync(this.own, { recursive: true, mode: 0o700 });
    if (!fs.existsSync(this.before)) {
      const before: DirectoryBefore = { ...(made && { made }), ...(toClose && { mode: mode & 0o7777 }) };
      writePrivately(`${this.before}.tmp`, JSON.stringify(before));
      fs.renameSync(`${this.before}.tmp`, this.before);
    }
    if (toClose) fs.chmodSync(this.path, 0o700);
  }

  /** Moves the user's own files into a set that is kept. Docker then reads the same files through links. */
  private adopt(): void {
    const foreign = this.foreign();
    if (foreign.length === 0) return;
    const { connection, kept } = this.record();
    const set = this.makeSet(this.files(), (name) => ({
      connection,
      kept: { ...kept, ...Object.fromEntries(foreign.map((file) => [file, [...(kept[file] ?? []), name]])) },
    }));
    this.switchTo(set);
    for (const name of foreign) this.link(name);
  }

  /** Makes a complete set, which nothing names yet. */
  private makeSet(files: Partial<Record<FileName, string>>, record: SetRecord | ((set: string) => SetRecord)): string {
    const folder = fs.mkdtempSync(join(this.own, "set-"));
    const set = basename(folder);
    try {
      for (const [name, text] of Object.entries(files)) writePrivately(join(folder, name), text);
      const text = JSON.stringify(typeof record === "function" ? record(set) : record);
      writePrivately(join(folder, "connection.json"), text);
    } catch (error) {
      fs.rmSync(folder, { recursive: true, force: true });
      throw error;
    }
    return set;
  }

  private switchTo(set: string, prepare?: () => void): void {
    const draft = `${this.current}.${process.pid}.tmp`;
    fs.rmSync(draft, { force: true });
    fs.symlinkSync(set, draft);
    prepare?.();
    fs.renameSync(draft, this.current);
  }

  private link(name: FileName): void {
    if (this.isOurs(name)) return;
    this.place(name, (draft) => {
      fs.symlinkSync(linkTarget(name), draft);
    });
  }

  /** Makes a file beside its place and moves it there. */
  private place(name: FileName, make: (draft: string) => void): void {
    const draft = join(this.own, `${name}.${process.pid}.tmp`);
    fs.rmSync(draft, { force: true });
    make(draft);
    fs.renameSync(draft, join(this.path, name));
  }

  /** Removes the former set, and the sets and drafts of killed runs. */
  private sweep(former: string | undefined): void {
    const inUse = [this.currentSet(), ...Object.values(this.record().kept).flat()];
    for (const name of fs.readdirSync(this.own).filter((each) => /^set-|\.tmp$/.test(each))) {
      const path = join(this.own, name);
      const age = Date.now() - (fs.lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
      if (!inUse.includes(name) && (name === former || age > ABANDONED_MS)) {
        fs.rmSync(path, { recursive: true, force: true });
      }
    }
  }

  private guarded<T>(what: "read" | "written", action: () => T): T {
    try {
      return action();
    } catch (error) {
      const { code, path } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      const rest = what === "read" ? "" : " Docker still finds what it found before.";
      throw new Failure("files", `${path ?? this.path} can't be ${what}: ${code}.${rest}`);
    }
  }
}

function linkTarget(name: FileName): string {
  return join(OWN_FOLDER, "current", name);
}

function isFileName(name: string): name is FileName {
  return (FILE_NAMES as readonly string[]).includes(name);
}

/** Docker's own directory: where it looks for a client's files. */
export function dockerDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return environment.DOCKER_CONFIG ?? join(homedir(), ".docker");
}

/**
 * Opens a certificate directory, which may not exist yet.
 *
 * @throws Failure if its path has control characters: `env` prints it for a shell.
 */
export function openDirectory(certDir: string): CertificateDirectory {
  const path = resolve(certDir);
  if (/\p{Cc}/u.test(path)) {
    throw new Failure("usage", `--cert-dir must have no control characters (got ${JSON.stringify(path)}).`);
  }
  return new CertificateDirectory(path, path === resolve(dockerDirectory()));
}
