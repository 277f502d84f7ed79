/** The files that pipelines read: each is what its schema says. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv, type ErrorObject } from "ajv";
import { parseAllDocuments } from "yaml";

const ROOT = join(__dirname, "../..");

/** Another file is another line. Documents of other kinds in the same file are not looked at. */
const FILES = [{ file: "deploy/operator/stack.yaml", schema: "stack.json", kind: "Stack" }];

type Json = Record<string, unknown>;

/** The documents of a YAML file, of one kind if a kind is named. */
function documents(text: string, kind?: string): Json[] {
  return parseAllDocuments(text)
    .map((document) => {
      assert.deepEqual(document.errors, [], "the YAML is right");
      return document.toJS() as Json;
    })
    .filter((document) => kind === undefined || document.kind === kind);
}

/** What is wrong, such as "/spec/stack must be string". */
function faults(document: unknown, schema: string): string[] {
  const text = readFileSync(join(ROOT, "test/schemas", schema), "utf8");
  const validate = new Ajv({ allErrors: true, strict: false }).compile(JSON.parse(text) as Json);
  validate(document);
  return (validate.errors ?? []).map(({ instancePath, message = "", params }: ErrorObject) =>
    [instancePath, message, ...Object.values(params as Record<string, unknown>).map(String)].join(" "),
  );
}

for (const { file, schema, kind } of FILES) {
  test(`${file} is what ${schema} says`, () => {
    const found = documents(readFileSync(join(ROOT, file), "utf8"), kind);
    assert.ok(found.length > 0, "there is something to check");
    for (const document of found) assert.deepEqual(faults(document, schema), []);
  });
}

const MANIFEST = readFileSync(join(ROOT, "deploy/operator/stack.yaml"), "utf8");

for (const [what, before, after, expected] of [
  ["a field that is misspelt", "destroyOnFinalize:", "destroyOnFinalise:", /^\/spec must NOT .* destroyOnFinalise$/],
  ["the same, deeper", "podTemplate:", "podTemplates:", /^\/spec\/workspaceTemplate\/spec must NOT .* podTemplates$/],
  ["a text for a number", "Seconds: 86400", "Seconds: daily", /^\/spec\/resyncFrequencySeconds must be integer/],
  ["a number of no text", "stack: prod", "stack: 1", /^\/spec\/stack must be string/],
  ["no name of a Secret", "        name: docker-host-backend\n", "", /^\/spec\/envRefs\/.*\/secret must have .* name$/],
] as const) {
  test(`${what} is refused`, () => {
    assert.ok(MANIFEST.includes(before), "it is there to be changed");
    const [stack] = documents(MANIFEST.replace(before, after), "Stack");
    const found = faults(stack, "stack.json");
    assert.ok(
      found.some((fault) => expected.test(fault)),
      found.join("\n"),
    );
  });
}

test("the Stack signs in without a stored secret, and never destroys by itself", () => {
  const [stack] = documents(MANIFEST, "Stack");
  const spec = stack?.spec as { destroyOnFinalize: boolean; envRefs: Record<string, { type: string }> };
  assert.equal(spec.destroyOnFinalize, false);
  const secrets = Object.entries(spec.envRefs).filter(([, { type }]) => type === "Secret");
  assert.deepEqual(
    secrets.map(([name]) => name),
    ["PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"],
  );
  assert.ok(!("ARM_CLIENT_SECRET" in spec.envRefs), "Azure is asked with the token of the workload's identity");
  assert.deepEqual(documents(MANIFEST, "Secret"), [], "no Secret stands in the file");
});
