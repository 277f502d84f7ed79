#!/usr/bin/env node
// The command `docker-host`: what runs is what is on disk, with no build step before it.
require("../register.cjs");
const { main } = require("./cli.ts");
main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
