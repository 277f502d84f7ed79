/** The values of options: valid and invalid ones. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { openDirectory } from "../../../client/lib/certificateDirectory";
import { validateContextName } from "../../../client/lib/dockerContext";
import { parseAddress, parseDuration, parsePeriod } from "../../../client/lib/options";

describe("options", () => {
  test("an address", () => {
    assert.deepEqual(parseAddress("198.51.100.7"), { host: "198.51.100.7" });
    assert.deepEqual(parseAddress("localhost:14243"), { host: "localhost", port: "14243" });
    assert.deepEqual(parseAddress("[::1]:4243"), { host: "[::1]", port: "4243" });
    for (const wrong of ["", "a b", "tcp://host", "host:", "host:0", "host:65536", "::1"]) {
      assert.throws(() => parseAddress(wrong), /It must be an address or a name, with or without a port/, wrong);
    }
  });

  test("a duration", () => {
    assert.deepEqual(["90s", "10m", "1h", "5"].map(parseDuration), [90, 600, 3600, 5]);
    for (const wrong of ["", "m", "1d", "-1s", "1.5m"]) {
      assert.throws(() => parseDuration(wrong), /It must be a duration, such as "90s", "10m" or "1h"/, wrong);
    }
  });

  test("a certificate directory", () => {
    assert.equal(openDirectory("/nowhere/it's é").path, "/nowhere/it's é");
    for (const path of ["/nowhere\n/a", "/nowhere/\u001b[0m", "/nowhere/\u0085"]) {
      assert.throws(() => openDirectory(path), {
        message: `--cert-dir must have no control characters (got ${JSON.stringify(path)}).`,
        reason: "usage",
      });
    }
  });

  test("a context's name", () => {
    for (const name of ["dev", "acme.dev-1", "a_"]) assert.deepEqual(validateContextName(name), []);
    for (const name of ["d", "default", "-dev", "a b"]) {
      assert.deepEqual(validateContextName(name), [
        `--context must be 2 or more letters, digits and "_.+-", begin with a letter or digit, and not be "default" (got ${JSON.stringify(name)}).`,
      ]);
    }
  });

  test("a period", () => {
    assert.deepEqual(["30d", "12h", "90s", "5"].map(parsePeriod), [2_592_000, 43_200, 90, 5]);
    for (const wrong of ["", "d", "1w", "-1d", "1.5d"]) {
      assert.throws(() => parsePeriod(wrong), /It must be a period, such as "30d" or "12h"/, wrong);
    }
  });
});
