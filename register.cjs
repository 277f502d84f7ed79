// How Node loads the program (nodeargs in Pulumi.yaml): what is on disk is what runs, with no build step before it.
"use strict";
const { enableCompileCache } = require("node:module");
const path = require("node:path");

// From 22.8 on, Node keeps what it compiled of a file and uses it as long as the file's content is the same. Beside the
// packages, and not in the system's temporary folder, where others could put something in its place.
enableCompileCache?.(path.join(__dirname, "node_modules", ".cache", "node"));
require("sucrase/register/ts");
