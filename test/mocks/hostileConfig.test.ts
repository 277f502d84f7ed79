/** Whatever the stack's configuration holds, reading it gives values or problems in words, and no problem shows a secret. */
import assert from "node:assert/strict";
import { before, beforeEach, describe, test } from "node:test";
import * as fc from "fast-check";
import * as pulumi from "@pulumi/pulumi";
import { type Form, SETTINGS } from "../../components/settings";
import { SettingsError } from "../../components/settingsError";
import { PROGRAM_SETTINGS, parseConfig, readConfig } from "../../config";
import { type Ca, makeCa } from "../support/ca";

/** Fixed, and part of each failure's message, so that a failure can be repeated. */
const SEED = 20261128;
const runs = { seed: SEED, numRuns: 1500 };

const PROJECT = "azure-docker-host";
const PASSWORD = "correct-horse-battery";

let acme: Ca;
before(async () => {
  acme = await makeCa();
});

beforeEach(async () => {
  const refuse = (): never => {
    throw new Error("unexpected call of the engine");
  };
  await pulumi.runtime.setMocks({ call: refuse, newResource: refuse }, PROJECT, "dev", false, "acme");
});

const forms = Object.entries<{ form: Form }>({ ...SETTINGS, ...PROGRAM_SETTINGS });
const examples: Record<Form, string[]> = {
  list: ['["VirtualNetwork"]', "[]", "[null]", "[[]]"],
  integers: ["1,2", "1,"],
  object: ['{"debug":true}', '{"__proto__":{}}', '{"log-opts":{"a":null}}'],
  texts: ['{"team":"build"}', '{"toString":1}'],
  boolean: ["true", "false"],
  integer: ["4243", "9".repeat(400)],
  string: ["", "CustomScript", "a:b:c:d", "/subscriptions/a", "Standard_B2s", "v1"],
};
const text = fc.oneof(fc.string({ unit: "binary", maxLength: 60 }), fc.json({ maxDepth: 3 }));
const setting = fc.oneof(
  ...forms.map(([name, { form }]) => fc.tuple(fc.constant(name), fc.oneof(text, fc.constantFrom(...examples[form])))),
  fc.tuple(fc.constantFrom("__proto__", "toString", "constructor", "caStacks"), text),
);

/** The problems with a stack's configuration. Any error but `SettingsError` is one of the program. */
function problemsOf(settings: [name: string, text: string][], secrets: string[]): string[] {
  const key = (name: string): string => `${PROJECT}:${name}`;
  const all = Object.fromEntries(settings.map(([name, value]) => [key(name), value]));
  parseConfig(all, PROJECT);
  pulumi.runtime.setAllConfig(all, secrets.map(key));
  try {
    readConfig();
    return [];
  } catch (error) {
    assert.ok(error instanceof SettingsError, String((error as Error).stack));
    return error.problems;
  }
}

describe(`hostile configuration (seed ${SEED})`, () => {
  test("any text for any setting gives values or problems in words", () => {
    let passed = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.array(setting, { maxLength: 4 }), fc.boolean(), (settings, isSecret) => {
        const sources: [string, string] = ["dockerSources", '["VirtualNetwork"]'];
        const problems = problemsOf([sources, ...settings], isSecret ? settings.map(([name]) => name) : []);
        if (problems.length === 0) passed += 1;
        else refused += 1;
        for (const problem of problems) {
          assert.match(problem, / must /);
          assert.doesNotMatch(problem, /\p{Cc}/u);
        }
      }),
      runs,
    );
    assert.ok(passed > 50 && refused > 50, `${passed} passed, ${refused} were refused`);
  });

  test("no problem shows a secret: a password or a CA's key that is wrong, or a private key in any setting", () => {
    const bodyOf = (pem: string): string => pem.split("\n")[1] ?? pem;
    for (const [name, { form }] of forms) {
      for (const key of [acme.keyPem, acme.pkcs8, acme.pkcs8.replaceAll("PRIVATE KEY", "OPENSSH PRIVATE KEY")]) {
        const inForm = [
          key,
          JSON.stringify([key]),
          JSON.stringify([key, key]),
          JSON.stringify({ team: key }),
          JSON.stringify({ debug: key, labels: [key], dns: key }),
        ];
        for (const value of inForm) {
          for (const secrets of [[], [name]]) {
            const problems = problemsOf([[name, value]], secrets);
            assert.ok(problems.length > 0);
            for (const problem of problems) assert.ok(!problem.includes(bodyOf(key)), `${name} (${form}): ${problem}`);
          }
        }
      }
    }
    fc.assert(
      fc.property(fc.nat(PASSWORD.length), fc.string({ unit: "binary", maxLength: 3 }), (at, put) => {
        const password = PASSWORD.slice(0, at) + put + PASSWORD.slice(at);
        const key = acme.keyPem.slice(0, 60 + at) + put + acme.keyPem.slice(61 + at);
        for (const problem of problemsOf(
          [
            ["adminPassword", password],
            ["caPrivateKeyPem", key],
          ],
          [],
        )) {
          assert.ok(!problem.includes(password) && !problem.includes(bodyOf(key)), problem);
        }
      }),
      { ...runs, numRuns: 100 },
    );
  });
});
