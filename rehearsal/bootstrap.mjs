/**
 * Starts a TypeScript script in a bare clone: installs the dependencies if need be, then runs the script.
 *
 *     node rehearsal/bootstrap.mjs SCRIPT.ts [ARGUMENTS…]
 *
 * It runs before anything is installed, so it is plain JavaScript on Node's own modules.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const modules = path.join(root, "node_modules");
const stampFile = path.join(modules, ".bootstrap.json");
/** The platform that an installation is for: some packages hold machine code. */
const runtime = `node ${process.versions.node.split(".")[0]} ${process.platform} ${process.arch}`;

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"));
  } catch {
    // Missing, or cut off while it was written.
    return undefined;
  }
}

/** The dependencies' lock file as it is now, by its sum. */
function lockSum() {
  return createHash("sha256")
    .update(fs.readFileSync(path.join(root, "package-lock.json")))
    .digest("hex");
}

/** True if npm's own record of what it installed says what the lock file asks for: somebody ran npm by hand. */
function isInstalledByHand() {
  const wanted = readJson(path.join(root, "package-lock.json"))?.packages ?? {};
  const installed = readJson(path.join(modules, ".package-lock.json"))?.packages ?? {};
  return (
    Object.entries(installed).every(([name, entry]) => entry.version === wanted[name]?.version) &&
    Object.entries(wanted).every(([name, entry]) => name === "" || entry.optional || installed[name] !== undefined)
  );
}

/** True if nothing has to be installed. */
function isInstalled(manifest) {
  const names = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  if (!names.every((name) => fs.existsSync(path.join(modules, name, "package.json")))) return false;
  const stamp = readJson(stampFile);
  if (stamp !== undefined && stamp.runtime !== runtime) return false;
  return stamp?.lock === lockSum() || isInstalledByHand();
}

/** Runs a command to its end; its exit code, or 128 and the number of the signal that ended it, as shells have it. */
function run(command, args, stdio) {
  // At a terminal, Ctrl-C reaches every process of the foreground group, the child too: to pass it on would be a second
  // one. Anywhere else the child gets a group of its own, so that a signal reaches it through this process only.
  const atTerminal = process.stdin.isTTY === true;
  const child = spawn(command, args, { cwd: process.cwd(), stdio, detached: !atTerminal });
  const forwarded = atTerminal ? ["SIGTERM"] : ["SIGTERM", "SIGINT", "SIGHUP"];
  const handlers = ["SIGTERM", "SIGINT", "SIGHUP"].map((signal) => {
    const handler = () => forwarded.includes(signal) && child.kill(signal);
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + os.constants.signals[signal]));
  }).finally(() => handlers.forEach((remove) => remove()));
}

/** Installs the dependencies unless another process has just done it; npm's exit code. */
async function install(manifest) {
  // Loaded only here: a run that finds everything in place should lose no time.
  const { withFileLock } = await import("./system/fileLock.cjs");
  const waiting = (pid) => console.error(`Waiting for process ${pid}, which installs the dependencies…`);
  return withFileLock(path.join(root, ".rehearsal", "install.lock"), waiting, async () => {
    if (isInstalled(manifest)) return 0;
    const lock = lockSum();
    console.error("Installing the dependencies (npm ci)…");
    // A half-made folder must not be taken for a whole one if this is cut off.
    fs.rmSync(stampFile, { force: true });
    fs.rmSync(path.join(modules, ".package-lock.json"), { force: true });
    // npm writes to standard error, because its text is not the script's output. `--include=dev` holds also where npm is set
    // to production.
    const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--prefix", root];
    const exitCode = await run("npm", args, ["inherit", 2, 2]);
    if (exitCode === 0) fs.writeFileSync(stampFile, JSON.stringify({ lock, runtime }));
    return exitCode;
  });
}

/** Compares two versions such as 20.19 and 20.20.1; true if the first is the older one. */
function isOlder(version, than) {
  const [left, right] = [version, than].map((text) => text.split(".").map(Number));
  const at = right.findIndex((number, index) => number !== (left[index] ?? 0));
  return at !== -1 && (left[at] ?? 0) < right[at];
}

const [script, ...args] = process.argv.slice(2);
const manifest = readJson(path.join(root, "package.json"));
const required = manifest.engines.node.replace(/^>=/, "");

if (script === undefined) {
  console.error("usage: node rehearsal/bootstrap.mjs SCRIPT.ts [ARGUMENTS…]");
  process.exitCode = 2;
} else if (isOlder(process.versions.node, required)) {
  console.error(`This needs Node.js ${required} or later, and this is Node.js ${process.versions.node}.`);
  process.exitCode = 1;
} else {
  try {
    process.exitCode = isInstalled(manifest) ? 0 : await install(manifest);
    if (process.exitCode === 0) {
      const loader = path.join(root, "register.cjs");
      process.exitCode = await run(process.execPath, ["--require", loader, script, ...args], "inherit");
    } else {
      console.error(`npm ci ended with ${process.exitCode}; the next run starts it again.`);
    }
  } catch (error) {
    console.error(
      error.code === "ENOENT" && error.path === "npm" ? "npm is not on PATH; it comes with Node.js." : error,
    );
    process.exitCode = 1;
  }
}
