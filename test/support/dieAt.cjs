// Loaded before a program: kills it at its n-th change of the file system, before or after it, as a power cut would.
// DIE_AT="before 3"; each change is counted that a program can make by node:fs's own functions.
const fs = require("node:fs");
const changes =
  "writeFileSync mkdirSync mkdtempSync symlinkSync renameSync rmSync rmdirSync unlinkSync chmodSync copyFileSync".split(
    " ",
  );
const [when, at] = (process.env.DIE_AT ?? "").split(" ");
let count = 0;
let depth = 0;
for (const name of changes) {
  const original = fs[name];
  fs[name] = (...args) => {
    // What one of them calls is a part of it.
    if (depth > 0 || !String(args[0]).includes(process.env.DIE_WITHIN)) return original(...args);
    count += 1;
    const now = count === Number(at);
    if (now && when === "before") process.kill(process.pid, "SIGKILL");
    depth += 1;
    try {
      return original(...args);
    } finally {
      depth -= 1;
      if (now && when === "after") process.kill(process.pid, "SIGKILL");
    }
  };
}
