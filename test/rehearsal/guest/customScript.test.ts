/** CustomScript's rules for its settings and its script, in the handler's words. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { decodeScript, parseSettings } from "../../../rehearsal/guest/customScriptSettings";

const SCRIPT = { script: "dHJ1ZQ==" };

suite("the script is", () => {
  const rows: [what: string, open: unknown, closed: unknown, expected: string][] = [
    ["a protected one", {}, SCRIPT, SCRIPT.script],
    ["without public settings", undefined, SCRIPT, SCRIPT.script],
    ["a public one, without protected settings", SCRIPT, null, SCRIPT.script],
    ["the protected one if the public one is empty", { script: "" }, SCRIPT, SCRIPT.script],
    ["the public one of two", { script: "b25l" }, { script: "dHdv" }, "b25l"],
    ["empty if there is none", {}, {}, ""],
  ];
  for (const [what, settings, protectedSettings, expected] of rows) {
    test(what, () => {
      assert.equal(parseSettings({ settings, protectedSettings }), expected);
    });
  }
});

suite("refused", () => {
  const of = (part: string, problem: string): string =>
    `json validation error: invalid ${part} settings JSON: ${problem}`;
  const rows: [open: unknown, closed: unknown, expected: string][] = [
    [{ alien: 1 }, SCRIPT, of("public", "(root): Additional property alien is not allowed")],
    [{}, { ...SCRIPT, alien: 1 }, of("protected", "(root): Additional property alien is not allowed")],
    [{ Script: "dHJ1ZQ==" }, {}, of("public", "(root): Additional property Script is not allowed")],
    [{}, { ...SCRIPT, skipDos2Unix: true }, of("protected", "(root): Additional property skipDos2Unix is not allowed")],
    [{ managedIdentity: {} }, SCRIPT, of("public", "(root): Additional property managedIdentity is not allowed")],
    [{ script: 5 }, {}, of("public", "script: Invalid type. Expected: string, given: integer")],
    [{ script: 5.5 }, {}, of("public", "script: Invalid type. Expected: string, given: number")],
    [{ script: {} }, {}, of("public", "script: Invalid type. Expected: string, given: object")],
    [{}, { script: null }, of("protected", "script: Invalid type. Expected: string, given: null")],
    [{}, { script: ["a secret"] }, of("protected", "script: Invalid type. Expected: string, given: array")],
    [{ skipDos2Unix: true }, SCRIPT, "the rehearsal's CustomScript doesn't carry out skipDos2Unix"],
    [{}, { commandToExecute: "true" }, "the rehearsal's CustomScript doesn't carry out commandToExecute"],
    [
      "text",
      {},
      "error reading extension configuration: error parsing settings file: the public settings are no JSON object",
    ],
  ];
  for (const [settings, protectedSettings, message] of rows) {
    test(message, () => {
      assert.throws(() => parseSettings({ settings, protectedSettings }), { message });
    });
  }
});

suite("the script's file", () => {
  const pack = (bytes: Buffer | string): string => Buffer.from(bytes).toString("base64");
  const rows: [what: string, script: string, expected: string][] = [
    ["base64", pack("echo é\n"), "echo é\n"],
    ["base64 in lines", pack("#!/bin/sh\necho one\n").replace(/(.{8})/g, "$1\r\n"), "#!/bin/sh\necho one\n"],
    ["the largest", pack("x".repeat(196_608)), "x".repeat(196_608)],
  ];
  for (const [what, script, expected] of rows) {
    test(what, () => {
      assert.deepEqual(decodeScript(script), Buffer.from(expected));
    });
  }

  const refusals: [what: string, script: string, message: string][] = [
    [
      "one byte too much",
      "A".repeat(262_145),
      "The script's length (262145) exceeded the maximum allowed length of 262144!",
    ],
    ["no base64", "echo hello", "failed to decode script: illegal base64 data at input byte 4"],
    ["no padding", "dHJ1ZQ", "failed to decode script: illegal base64 data at input byte 6"],
  ];
  for (const [what, script, message] of refusals) {
    test(`refused: ${what}`, () => {
      assert.throws(() => decodeScript(script), { message });
    });
  }
});
