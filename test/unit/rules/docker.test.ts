/** The rules of Docker's port, installer and version, and of generations: the values that pass, and the words of those that fail. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  validateCaGenerations,
  validateDockerPort,
  validateDockerVersion,
  validateForceUpdateTag,
  validateInstaller,
  validateKeyGeneration,
} from "../../../components/rules/docker";
import { given, table } from "../../support/rules";

suite("port and installer", () => {
  table<unknown>(
    "the port is a whole number, and not SSH's",
    validateDockerPort,
    [1, 21, 23, 4243, 65535],
    [0, 65536, 22, 1.5, -1, -0, NaN, Infinity, "4243", "", null, undefined, [4243]],
    (value) =>
      `dockerPort must be between 1 and 65535, and not 22 (got ${typeof value === "number" ? value : given(value)}).`,
  );
  table(
    "the installer is known",
    validateInstaller,
    ["DockerExtension", "CustomScript"],
    ["", "dockerextension", "DockerExtension ", "customScript", "apt"],
    (value) => `installer must be "DockerExtension" or "CustomScript" (got "${value}").`,
  );
});

suite("versions and generations", () => {
  table(
    "dockerVersion",
    validateDockerVersion,
    [
      "28.2.2-0ubuntu1~24.04.1",
      "28.2.*",
      "28.2.2*",
      "28.2.2-*",
      "28*",
      "5:28*",
      "20.10.24+dfsg1-1+deb12u1",
      "5:28.0.1-1~ubuntu.24.04~noble",
    ],
    ["", "*", "newest", "28 2", "28.2.2;reboot", "28.*.2", "$(reboot)", "28'", "5:28.0", "28.2.2-", "28.2.*\n"],
    (version) =>
      `dockerVersion must be one of Ubuntu's package docker.io, such as "28.2.2-0ubuntu1~24.04.1", or the beginning of one with "*", such as "28.2.*" (got ${JSON.stringify(version)}). Leave it out for the newest.`,
  );
  for (const [version, beginning] of [
    ["28", "28.*"],
    ["28.2", "28.2.*"],
    ["v28.2", "28.2.*"],
    ["28.2.2", "28.2.2*"],
    ["v28.2.2", "28.2.2*"],
  ] as const) {
    test(`dockerVersion "${version}" matches no version of the package, and the error tells what to write`, () => {
      assert.deepEqual(validateDockerVersion(version), [
        `dockerVersion must be "${beginning}", or a whole version of Ubuntu's package docker.io, such as "28.2.2-0ubuntu1~24.04.1" (got "${version}"). Leave it out for the newest.`,
      ]);
      assert.deepEqual(validateDockerVersion(beginning), []);
    });
  }
  table(
    "forceUpdateTag",
    validateForceUpdateTag,
    ["1", "2026-11-24", "after:upgrade+1", "x".repeat(128)],
    ["", "two words", "x".repeat(129), "a\nb", "a/b"],
    (tag) =>
      `forceUpdateTag must have 1 to 128 letters, digits and "_.:+-", such as "2026-11-24" (got ${JSON.stringify(tag)}).`,
  );
  table<unknown>(
    "keyGeneration",
    validateKeyGeneration,
    [1, 2, 2026],
    [0, -1, 1.5, "x", true, null],
    (value) => `keyGeneration must be a whole number, 1 or more (got ${JSON.stringify(value)}).`,
  );
  table<unknown>(
    "caGenerations",
    validateCaGenerations,
    [[1], [1, 2], [2, 1], [2]],
    [[], [0], [1, 1], ["1"], [1.5], 1, {}],
    (value) =>
      `caGenerations must be whole numbers, 1 or more, each once, such as [1] or [1, 2] (got ${JSON.stringify(value)}). The first one signs.`,
  );
});
