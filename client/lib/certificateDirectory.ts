/**
 * The directory in which Docker looks for a client's ca.pem, cert.pem and key.pem.
 *
 * The three must change together, and whoever kills the command at any point must find either the old ones or the new
 * ones. So they are links into a folder that is complete before it is named by `current`, which is renamed at once:
 *
 *     ca.pem, cert.pem, key.pem -> .docker-host/current/…
 *     .docker-host/current      -> set-x3k9qa       the three files and connection.json
 *     .docker-host/directory.json                   what the directory was like before
 *
 * Files of somebody else's that were in the way are kept in a set of their own, and put back by `remove`.
 */
import * as fs from "node:fs";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { Failure } from "./failure";

/** The names by which Docker knows a client's files. */
export const FILE_NAMES = ["ca.pem", "cert.pem", "key.pem"] as const;
type FileName = (typeof FILE_NAMES)[number];

/** What `connect` did, for `env` to tell and `disconnect` to take back. */
export interface Connection {
  /** What `DOCKER_HOST` is set to. */
  dockerHost: string;
  /** The client's name. */
  client: string;
  /** The stack's name; absent where the outputs came from a file. */
  stack?: string;
  /** The docker contexts that were made from here, and the `DOCKER_HOST` of each. */
  contexts: Record<string, string>;
}

/** What lies beside the files of a set. */
interface SetRecord {
  /** Absent while somebody else's files are taken over or put back. */
  connection?: Connection;
  /** In which sets the files are kept that were in the way, the latest last. */
  kept: Partial<Record<FileName, string[]>>;
}

/** What the directory was like before `connect`. */
interface DirectoryBefore {
  /** It was not there. */
  made?: true;
  /** Its mode, where that was changed. */
  mode?: number;
}

const OWN_FOLDER = ".docker-host";

/** A set that no run has named after this long was left by one that was killed. */
const ABANDONED_MS = 10 * 60 * 1000;

/** A client's certificate directory. */
export class CertificateDirectory {
  private readonly own: string;
  private readonly current: string;
  private readonly before: string;

  constructor(
    readonly path: string,
    /** Whether it is Docker's own directory, which is for its owner alone whatever else lies in it. */
    private readonly isDockers: boolean,
  ) {
    this.own = join(path, OWN_FOLDER);
    this.current = join(this.own, "current");
    this.before = join(this.own, "directory.json");
  }

  /** What `connect` last did here; undefined if nothing, or it was taken back. */
  connection(): Connection | undefined {
    return this.record().connection;
  }

  /** The three files as Docker reads them; those that are not there are absent. */
  files(): Partial<Record<FileName, string>> {
    const read = FILE_NAMES.map((name) => [name, readIfThere(join(this.path, name))] as const);
    return Object.fromEntries(read.filter(([, text]) => text !== undefined));
  }

  /** Those of the files that are there, and not by `connect`. */
  foreign(): FileName[] {
    return FILE_NAMES.filter((name) => this.isThere(name) && !this.isOurs(name));
  }

  /**
   * Puts the three files in place, all at once. What is somebody else's is kept for `remove`.
   *
   * @throws Failure if a file can't be written; what was there before is there still.
   */
  write(files: Record<FileName, string>, connection: Connection): void {
    this.guarded(() => {
      this.prepare();
      this.adopt();
      const former = this.currentSet();
      this.switchTo(this.makeSet(files, { connection, kept: this.record().kept }), () => {
        // Before the first set is named these lead nowhere, and Docker finds no file.
        for (const name of FILE_NAMES) this.link(name);
      });
      this.sweep(former);
    });
  }

  /**
   * Takes back what `write` did, however often: the files that were in the way are put back, what is not this command's
   * is left. One that was cut off is completed by the next.
   */
  remove(): void {
    if (!fs.existsSync(this.own)) return;
    this.guarded(() => {
      const { kept } = this.record();
      const latest = (name: FileName): string | undefined => {
        const set = kept[name]?.at(-1);
        return set === undefined ? undefined : readIfThere(join(this.own, set, name));
      };
      const originals = Object.fromEntries(
        FILE_NAMES.map((name) => [name, latest(name)]).filter(([, text]) => text !== undefined),
      ) as Partial<Record<FileName, string>>;
      // From here on Docker reads what was there before `connect`; the rest can be done in steps.
      this.switchTo(this.makeSet(originals, { kept }));
      for (const name of FILE_NAMES) {
        const ours = this.isOurs(name);
        // What was in the way earlier, or was put in the place of a link since, is nobody's to throw away.
        const spare = ours ? (kept[name] ?? []).slice(0, -1) : (kept[name] ?? []);
        for (const [index, set] of spare.entries()) {
          const text = readIfThere(join(this.own, set, name));
          if (text === undefined || text === readIfThere(join(this.path, name))) continue;
          fs.renameSync(join(this.own, set, name), join(this.path, `${name}.before-${index + 1}`));
        }
        const original = originals[name];
        if (ours && original === undefined) fs.rmSync(join(this.path, name));
        else if (ours && original !== undefined)
          this.place(name, (draft) => {
            writePrivately(draft, original);
          });
      }
      const { made, mode } = JSON.parse(readIfThere(this.before) ?? "{}") as DirectoryBefore;
      fs.rmSync(this.own, { recursive: true });
      if (mode !== undefined) fs.chmodSync(this.path, mode);
      if (made === true && fs.readdirSync(this.path).length === 0) fs.rmdirSync(this.path);
    });
  }

  private record(): SetRecord {
    const text = readIfThere(join(this.current, "connection.json"));
    return text === undefined ? { kept: {} } : (JSON.parse(text) as SetRecord);
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

  /** Makes the directory for its owner alone, and notes what it was like before. */
  private prepare(): void {
    const made = fs.mkdirSync(this.path, { recursive: true, mode: 0o700 }) !== undefined;
    const { mode, uid } = fs.statSync(this.path);
    const others = fs.readdirSync(this.path).some((name) => name !== OWN_FOLDER && !isFileName(name));
    const toClose = (mode & 0o077) !== 0 && (this.isDockers || !others);
    // Who may write here could put files of his own in the place of these.
    if (((mode & 0o022) !== 0 && !toClose) || (process.getuid !== undefined && uid !== process.getuid())) {
      throw new Failure(
        "files",
        `--cert-dir: others may write in ${this.path} (mode ${(mode & 0o7777).toString(8)}, owner ${uid}); allowed: a directory of your own`,
      );
    }
    fs.mkdirSync(this.own, { recursive: true, mode: 0o700 });
    if (!fs.existsSync(this.before)) {
      const before: DirectoryBefore = { ...(made && { made }), ...(toClose && { mode: mode & 0o7777 }) };
      writePrivately(`${this.before}.tmp`, JSON.stringify(before));
      fs.renameSync(`${this.before}.tmp`, this.before);
    }
    if (toClose) fs.chmodSync(this.path, 0o700);
  }

  /** Turns somebody else's files into a set that is kept; Docker reads through links then what it read before. */
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

  /** A complete set, which nothing names yet. */
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

  /** Takes away the former set, and what killed runs left. */
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

  private guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      const { code, path } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      throw new Failure("files", `${path ?? this.path} can't be written: ${code}; Docker finds what it found before`);
    }
  }
}

/** Docker's own directory: where it looks for a client's files. */
export function dockerDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return environment.DOCKER_CONFIG ?? join(homedir(), ".docker");
}

/** Opens a certificate directory, which need not be there yet. */
export function openDirectory(certDir: string): CertificateDirectory {
  const path = resolve(certDir);
  return new CertificateDirectory(path, path === resolve(dockerDirectory()));
}

function linkTarget(name: FileName): string {
  return join(OWN_FOLDER, "current", name);
}

function isFileName(name: string): name is FileName {
  return (FILE_NAMES as readonly string[]).includes(name);
}

function readIfThere(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** For its owner alone, and on the disk before it is named. */
function writePrivately(file: string, text: string): void {
  fs.writeFileSync(file, text, { mode: 0o600, flush: true });
}
