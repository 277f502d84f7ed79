/**
 * A lock between processes, as a file: plain JavaScript, because the bootstrap needs it before anything is installed.
 *
 * The file names its holder by process ID and start time, so that a lock whose holder died, even if another process has
 * the ID since, is taken over. It must lie on a local disk: the holder is looked up among this machine's processes.
 */
"use strict";

const { execFileSync } = require("node:child_process");
const { randomUUID } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { setTimeout: sleep } = require("node:timers/promises");

const pollMilliseconds = 100;

/** When a process started, in whatever form the system tells it; undefined if there is no such process. */
function startOf(pid) {
  try {
    if (process.platform !== "linux") {
      return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
    }
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name, in parentheses, may itself contain spaces and parentheses.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie holds nothing any more. Field 22 of the line is the start time.
    return state === "Z" ? undefined : fields[18];
  } catch {
    return undefined;
  }
}

/** The holder that a lock file names; undefined if there is no file, and without an ID if it cannot be read as one. */
function holderOf(file) {
  try {
    const [pid, started] = fs.readFileSync(file, "utf8").split("\n");
    return { pid: Number(pid), started };
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function isAlive(holder) {
  return holder.started !== undefined && startOf(holder.pid) === holder.started;
}

/** Makes the lock file, with its content from the first moment; false if there is one already. */
function tryToLock(file) {
  const draft = `${file}.${randomUUID()}`;
  fs.writeFileSync(draft, `${process.pid}\n${startOf(process.pid)}\n`);
  try {
    fs.linkSync(draft, file);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    fs.unlinkSync(draft);
  }
}

async function withFileLock(file, onWait, fn) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  let told = false;
  while (!tryToLock(file)) {
    const holder = holderOf(file);
    if (holder === undefined) continue;
    if (isAlive(holder)) {
      if (!told) onWait(holder.pid);
      told = true;
      await sleep(pollMilliseconds);
      continue;
    }
    // Only one may clear a dead holder's lock, and only after another look: else a slower one would clear the lock of
    // the faster one that took over.
    await withFileLock(
      `${file}.takeover`,
      () => {},
      () => {
        const current = holderOf(file);
        if (current !== undefined && !isAlive(current)) fs.unlinkSync(file);
      },
    );
  }
  try {
    return await fn();
  } finally {
    fs.unlinkSync(file);
  }
}

module.exports = { withFileLock };
