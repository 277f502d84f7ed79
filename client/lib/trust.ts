/** Checks whether another user can change or replace a file or a folder. */
import * as fs from "node:fs";
import { isAbsolute, join, parse, sep } from "node:path";

/**
 * Checks a path and each folder and link on the way to it, as OpenSSH's StrictModes does for ~/.ssh. Each must belong to
 * you or root. Nobody else may write to the last one. On the way, others may write only to a folder with the sticky bit.
 *
 * @returns The problems, in whole sentences. A path that doesn't exist yet has none if its folders are safe.
 */
export function validateTrust(path: string, user = process.getuid?.()): string[] {
  // Windows has neither owners as numbers nor modes.
  if (user === undefined) return [];
  const steps = stepsTo(path);
  return steps.flatMap((step, index) => {
    const stat = fs.lstatSync(step, { throwIfNoEntry: false });
    if (stat === undefined) return [];
    if (stat.uid !== user && stat.uid !== 0) {
      return [`${step} must belong to you or root (got owner ${stat.uid}). Choose a directory of your own.`];
    }
    const isWritable = index === steps.length - 1 ? (stat.mode & 0o022) !== 0 : canReplaceIn(stat, user);
    if (stat.isSymbolicLink() || !isWritable) return [];
    const mode = (stat.mode & 0o7777).toString(8);
    return [`${step} must not be writable by others (got mode ${mode}). Run chmod go-w on it.`];
  });
}

/** Whether others can rename or replace the files of a folder. */
function canReplaceIn({ mode, gid }: fs.Stats, user: number): boolean {
  if ((mode & 0o1000) !== 0) return false;
  // Debian and Fedora give each user a group of the same number, with nobody else in it.
  return (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== user);
}

/** Linux follows no more in one path. */
const MOST_LINKS = 40;

/** Each folder and link that the system goes through on the way to a path, and the path's own end. */
function stepsTo(path: string): string[] {
  const { root } = parse(path);
  const steps = [root];
  let rest = path.slice(root.length).split(sep);
  let at = root;
  for (let links = 0; rest.length > 0;) {
    const [name = "", ...others] = rest;
    rest = others;
    if (name === "" || name === ".") continue;
    const step = join(at, name);
    steps.push(step);
    const target = fs.lstatSync(step, { throwIfNoEntry: false })?.isSymbolicLink() ? fs.readlinkSync(step) : undefined;
    if (target === undefined) at = step;
    else if (++links > MOST_LINKS) break;
    else {
      if (isAbsolute(target)) at = root;
      rest = [...target.split(sep), ...rest];
    }
  }
  return steps;
}
