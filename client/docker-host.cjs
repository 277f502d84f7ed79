#!/usr/bin/env node
// The command `docker-host`. It runs the TypeScript that is on disk, with no build step.
require("../register.cjs");
const { main } = require("./cli.ts");
main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
