/** CustomScript's rules for its settings and its script, in the words and with the traps of both releases. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import { type CustomScriptRelease, decodeScript, parseSettings } from "../../../rehearsal/guest/customScriptSettings";

const RELEASES: CustomScriptRelease[] = ["2.1.16", "2.1.19"];
const COMMAND = { commandToExecute: "true" };
const SCRIPT = { script: "dHJ1ZQ==" };
const KEY = "c3RvcmFnZQ==";

function message(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return "";
}

suite("what is to be run", () => {
  const rows: [what: string, open: unknown, closed: unknown, expected: unknown][] = [
    ["a protected script", {}, SCRIPT, { run: SCRIPT, skipDos2Unix: false, fileUris: [] }],
    ["no public settings at all", undefined, SCRIPT, { run: SCRIPT, skipDos2Unix: false, fileUris: [] }],
    ["no protected settings at all", SCRIPT, null, { run: SCRIPT, skipDos2Unix: false, fileUris: [] }],
    ["a public command", COMMAND, {}, { run: { command: "true" }, skipDos2Unix: false, fileUris: [] }],
    ["a protected command", {}, COMMAND, { run: { command: "true" }, skipDos2Unix: false, fileUris: [] }],
    [
      "an empty one does not count",
      { script: "" },
      COMMAND,
      { run: { command: "true" }, skipDos2Unix: false, fileUris: [] },
    ],
    ["with skipDos2Unix", { skipDos2Unix: true }, SCRIPT, { run: SCRIPT, skipDos2Unix: true, fileUris: [] }],
    ["with a timestamp", { timestamp: -7 }, SCRIPT, { run: SCRIPT, skipDos2Unix: false, fileUris: [] }],
    [
      "with public files",
      { fileUris: ["https://a/b"] },
      SCRIPT,
      { run: SCRIPT, skipDos2Unix: false, fileUris: ["https://a/b"] },
    ],
    [
      "with protected files",
      {},
      { ...SCRIPT, fileUris: ["x:y"] },
      { run: SCRIPT, skipDos2Unix: false, fileUris: ["x:y"] },
    ],
    [
      "with a storage account",
      {},
      { ...SCRIPT, storageAccountName: "abc", storageAccountKey: KEY },
      { run: SCRIPT, skipDos2Unix: false, fileUris: [] },
    ],
  ];
  for (const [what, settings, protectedSettings, expected] of rows) {
    for (const release of RELEASES) {
      test(`${what}, ${release}`, () => {
        assert.deepEqual(parseSettings({ settings, protectedSettings }, release), expected);
      });
    }
  }
});

suite("refused by the schemas", () => {
  const of = (part: string, problem: string): string =>
    `json validation error: invalid ${part} settings JSON: ${problem}`;
  const rows: [open: unknown, closed: unknown, expected: string][] = [
    [{ alien: 1 }, SCRIPT, of("public", "(root): Additional property alien is not allowed")],
    [{}, { ...SCRIPT, alien: 1 }, of("protected", "(root): Additional property alien is not allowed")],
    [{ Script: "dHJ1ZQ==" }, {}, of("public", "(root): Additional property Script is not allowed")],
    [{}, { ...SCRIPT, skipDos2Unix: true }, of("protected", "(root): Additional property skipDos2Unix is not allowed")],
    [{}, { ...SCRIPT, timestamp: 1 }, of("protected", "(root): Additional property timestamp is not allowed")],
    [
      { storageAccountName: "abc" },
      SCRIPT,
      of("public", "(root): Additional property storageAccountName is not allowed"),
    ],
    [{ managedIdentity: {} }, SCRIPT, of("public", "(root): Additional property managedIdentity is not allowed")],
    [{ script: 5 }, {}, of("public", "script: Invalid type. Expected: string, given: integer")],
    [{ script: 5.5 }, {}, of("public", "script: Invalid type. Expected: string, given: number")],
    [{}, { script: null }, of("protected", "script: Invalid type. Expected: string, given: null")],
    [{}, { script: ["a secret"] }, of("protected", "script: Invalid type. Expected: string, given: array")],
    [{ commandToExecute: {} }, {}, of("public", "commandToExecute: Invalid type. Expected: string, given: object")],
    [{ timestamp: "1" }, SCRIPT, of("public", "timestamp: Invalid type. Expected: integer, given: string")],
    [{ timestamp: 1.5 }, SCRIPT, of("public", "timestamp: Invalid type. Expected: integer, given: number")],
    [{ skipDos2Unix: "yes" }, SCRIPT, of("public", "skipDos2Unix: Invalid type. Expected: boolean, given: string")],
    [{ fileUris: "https://a/b" }, SCRIPT, of("public", "fileUris: Invalid type. Expected: array, given: string")],
    [{ fileUris: [1] }, SCRIPT, of("public", "fileUris.0: Invalid type. Expected: string, given: integer")],
    [{ fileUris: ["https://a/b", "c"] }, SCRIPT, of("public", "fileUris.1: Does not match format 'uri'")],
    [{ fileUris: ["https://a\\b"] }, SCRIPT, of("public", "fileUris.0: Does not match format 'uri'")],
    [{}, { storageAccountName: "A" }, of("protected", "storageAccountName: Does not match pattern '^[a-z0-9]{3,24}$'")],
    [{}, { managedIdentity: "x" }, of("protected", "managedIdentity: Invalid type. Expected: object, given: string")],
    [
      "text",
      {},
      "error reading extension configuration: error parsing settings file: the public settings are no JSON object",
    ],
  ];
  for (const [settings, protectedSettings, expected] of rows) {
    test(expected, () => {
      for (const release of RELEASES) {
        assert.equal(
          message(() => parseSettings({ settings, protectedSettings }, release)),
          expected,
        );
      }
    });
  }
});

suite("contradictions: refused by 2.1.16, overlooked by 2.1.19", () => {
  const twice = (key: string): string =>
    `invalid configuration: '${key}' was specified both in public and protected settings; it must be specified only once`;
  const rows: [open: object, closed: object, refusal: string, run: object][] = [
    [{}, {}, "invalid configuration: 'commandToExecute' is not specified", { command: "" }],
    [{ commandToExecute: "one" }, { commandToExecute: "two" }, twice("commandToExecute"), { command: "one" }],
    [{ script: "b25l" }, { script: "dHdv" }, twice("script"), { script: "b25l" }],
    [
      SCRIPT,
      COMMAND,
      "invalid configuration: 'commandToExecute' and 'script' were both specified, but only one is validate at a time",
      { command: "true" },
    ],
    [
      {},
      { ...SCRIPT, storageAccountName: "abc" },
      "invalid configuration: both 'storageAccountName' and 'storageAccountKey' must be specified",
      SCRIPT,
    ],
    [
      {},
      { ...SCRIPT, storageAccountName: "abc", storageAccountKey: KEY, managedIdentity: {} },
      "invalid configuration: 'storageAccountName' or 'storageAccountKey' must not be specified with 'managedServiceIdentity'",
      SCRIPT,
    ],
  ];
  for (const [settings, protectedSettings, refusal, run] of rows) {
    test(refusal, () => {
      const given = { settings, protectedSettings };
      assert.equal(
        message(() => parseSettings(given, "2.1.16")),
        refusal,
      );
      assert.deepEqual(parseSettings(given, "2.1.19").run, run);
      assert.deepEqual(parseSettings(given).run, run);
    });
  }
});

suite("the script's file", () => {
  const pack = (bytes: Buffer | string): string => Buffer.from(bytes).toString("base64");
  const marked = (mark: string, bytes: Buffer): string => pack(Buffer.concat([Buffer.from(mark, "hex"), bytes]));
  const rows: [what: string, script: string, expected: Buffer | string, skipDos2Unix?: boolean][] = [
    ["base64", pack("echo é\n"), "echo é\n"],
    ["base64 in lines", pack("#!/bin/sh\necho one\n").replace(/(.{8})/g, "$1\r\n"), "#!/bin/sh\necho one\n"],
    ["gzip", pack(gzipSync("echo zipped\r\n")), "echo zipped\n"],
    ["gzip's mark alone", pack(Buffer.from("1f8b08", "hex")), Buffer.from("1f8b08", "hex")],
    ["DOS line ends", pack("one\r\ntwo\rthree\n\r\n"), "one\ntwo\rthree\n\n"],
    ["DOS line ends kept", pack("one\r\ntwo"), "one\r\ntwo", true],
    ["bytes of no text", pack(Buffer.from("00ff0d0a80", "hex")), Buffer.from("00ff0a80", "hex")],
    ["UTF-8 with its mark", marked("efbbbf", Buffer.from("#!/bin/sh\n")), "#!/bin/sh\n"],
    ["its mark kept", marked("efbbbf", Buffer.from("x")), Buffer.from("efbbbf78", "hex"), true],
    ["UTF-16, little end first", marked("fffe", Buffer.from("é\r\n", "utf16le")), "é\n"],
    ["UTF-16, big end first", marked("feff", Buffer.from("é\r\n", "utf16le").swap16()), "é\n"],
    ["the largest", pack("x".repeat(196_608)), "x".repeat(196_608)],
  ];
  for (const [what, script, expected, skipDos2Unix = false] of rows) {
    test(what, () => {
      assert.deepEqual(decodeScript(script, skipDos2Unix), Buffer.from(expected));
    });
  }

  const refusals: [what: string, script: string, expected: string][] = [
    [
      "one byte too much",
      "A".repeat(262_145),
      "The script's length (262145) exceeded the maximum allowed length of 262144!",
    ],
    ["no base64", "echo hello", "failed to decode script: illegal base64 data at input byte 4"],
    ["no padding", "dHJ1ZQ", "failed to decode script: illegal base64 data at input byte 6"],
    ["half a gzip", pack(gzipSync("x".repeat(99)).subarray(0, 14)), "failed to decompress script: unexpected EOF"],
  ];
  for (const [what, script, expected] of refusals) {
    test(`refused: ${what}`, () => {
      assert.equal(
        message(() => decodeScript(script, false)),
        expected,
      );
    });
  }
});
