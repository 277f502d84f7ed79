/** Whatever a setting holds, its rule answers in words, and a value that passes has no way around the rule. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import * as sshpk from "sshpk";
import { prepareScript } from "../../components/installers/customScript";
import {
  type DaemonOptions,
  commandLine,
  daemonConfiguration,
  validateDaemonOptions,
  validateDaemonOptionsForm,
} from "../../components/installers/daemonOptions";
import { validateSshPublicKey } from "../../components/rules/credentials";
import { validateClients } from "../../components/rules/names";
import { validateTags } from "../../components/rules/tags";

/** Fixed, and part of each failure's message, so that a failure can be repeated. */
const SEED = 20261128;
const runs = { seed: SEED, numRuns: 400 };

const text = fc.string({ unit: "binary", maxLength: 100 });
const json = fc.jsonValue({ maxDepth: 3 });

describe(`hostile settings (seed ${SEED})`, () => {
  test("daemon options: those that pass make a command line of plain words, and none of them opens the port", () => {
    const names = fc.constantFrom(
      ..."hosts host tls tlsverify tlscacert HOSTS host=x bip dns labels debug icc mtu log-opts default-ulimits".split(
        " ",
      ),
      ..."default-address-pools builder features runtimes insecure-registries exec-opts __proto__ constructor".split(
        " ",
      ),
    );
    const word = fc.oneof(
      text,
      fc.stringMatching(/^[\w./:=-]{1,12}$/),
      fc.constantFrom("-H", "x -H=tcp://0.0.0.0", "--tls=0"),
    );
    const value = fc.oneof(
      json,
      word,
      fc.boolean(),
      fc.nat(),
      fc.array(word),
      fc.dictionary(word, fc.oneof(word, fc.integer(), fc.double(), fc.boolean())),
      fc.dictionary(word, fc.record({ Soft: fc.integer(), Hard: fc.integer() })),
      fc.array(fc.record({ base: word, size: fc.integer() })),
    );
    for (const name of ["hosts", "host", "tls", "tlsverify", "tlscacert", "tlscert", "tlskey"]) {
      for (const each of [true, 1, "x", ["x"], {}, { x: "y" }]) {
        assert.equal(validateDaemonOptions({ [name]: each }).length, 1, name);
      }
    }
    let passed = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          { weight: 9, arbitrary: fc.dictionary(fc.oneof(names, text), value, { maxKeys: 2 }) },
          { weight: 1, arbitrary: json },
        ),
        (options) => {
          if (validateDaemonOptions(options).length > 0) return;
          const valid = options as DaemonOptions;
          JSON.stringify(daemonConfiguration(valid, "f"));
          if (validateDaemonOptionsForm(valid, "DockerExtension").length > 0) return;
          passed += 1;
          for (const each of commandLine(daemonConfiguration(valid, "f"))) {
            assert.match(each, /^--[a-z][a-z-]*(=[^\s"'`$\\;&|<>()\p{C}]*)?$/u);
            assert.doesNotMatch(each, /^--(hosts?|tls\w*)(=|$)/);
          }
        },
      ),
      { ...runs, numRuns: 1500 },
    );
    assert.ok(passed > 100, `${passed} passed`);
  });

  test("SSH keys: what passes is one line with one whole key", () => {
    const { publicKey } = generateKeyPairSync("ed25519");
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
    const lines = [publicKey, rsa].map((key) =>
      sshpk.parseKey(key.export({ type: "spki", format: "pem" }).toString(), "pem").toString("ssh"),
    );
    const mutated = fc
      .tuple(fc.constantFrom(...lines), fc.nat(400), fc.nat(3), fc.oneof(text, fc.base64String({ maxLength: 8 })))
      .map(([line, at, cut, put]) => line.slice(0, at) + put + line.slice(at + cut));
    let passed = 0;
    fc.assert(
      fc.property(fc.oneof(text, mutated, fc.constantFrom(...lines)), (line) => {
        const problems = validateSshPublicKey(line);
        if (problems.length > 0) return;
        passed += 1;
        assert.doesNotMatch(line.trim(), /\p{Cc}/u);
        const [type = "", base64 = ""] = line.trim().split(" ");
        const parts: Buffer[] = [];
        let rest = Buffer.from(base64, "base64");
        assert.equal(rest.toString("base64"), base64);
        while (rest.length > 0) {
          const end = 4 + rest.readUInt32BE(0);
          assert.ok(end <= rest.length);
          parts.push(rest.subarray(4, end));
          rest = rest.subarray(end);
        }
        assert.equal(parts[0]?.toString(), type);
        assert.equal(parts.length, type === "ssh-rsa" ? 3 : 2);
        assert.ok((parts.at(-1)?.length ?? 0) >= (type === "ssh-rsa" ? 256 : 32));
      }),
      { ...runs, numRuns: 1000 },
    );
    assert.ok(passed > 50, `${passed} passed`);
  });

  test("tags and clients: any value gets an answer, and a client's name that passes is no path", () => {
    const name = fc.oneof(text, fc.constantFrom("..", "a/b", "a", "ann\n", "-rf", "__proto__"));
    fc.assert(
      fc.property(fc.oneof(json, fc.dictionary(name, json)), fc.oneof(json, fc.array(name)), (tags, clients) => {
        validateTags(tags);
        if (validateClients(clients).length > 0) return;
        for (const client of clients as string[]) assert.match(client, /^[a-z0-9][a-z0-9._-]*$(?!\n)/);
      }),
      runs,
    );
  });

  test("the shell gives any text back as it was", () => {
    const pieces = fc.constantFrom(
      "'",
      "'\\''",
      '"',
      "\\",
      "$(id)",
      "`id`",
      "\n",
      "\r",
      "${x}",
      "!",
      "*",
      "~",
      " ",
      "é",
      "\u{1f512}",
    );
    const texts = fc
      .sample(
        fc.oneof(
          fc.array(pieces).map((all) => all.join("")),
          fc.string({ unit: "binary" }),
        ),
        runs,
      )
      // A shell's text is UTF-8 without NUL.
      .map((each) => Buffer.from(each).toString().replaceAll("\0", ""));
    const words = texts.map((each) => {
      const script = prepareScript({ dockerVersion: each, allowContainerIdentity: false });
      return script.slice("#!/bin/sh\n{\n".length, script.indexOf("\nALLOW_CONTAINER_IDENTITY='false'\n"));
    });
    const input = words.map((word) => `${word}\nprintf '%s\\0' "$DOCKER_VERSION"\n`).join("");
    const { stdout, stderr } = spawnSync("sh", [], { input, encoding: "utf8" });
    assert.equal(stderr, "");
    assert.deepEqual(stdout.split("\0"), [...texts, ""]);
  });
});
