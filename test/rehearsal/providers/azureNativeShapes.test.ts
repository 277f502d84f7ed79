/** What azure-native's stand-in reads in the SDK's declarations, against what the TypeScript compiler reads in them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import ts from "typescript";
import { RESOURCE_TYPES, pathParameters } from "../../../rehearsal/providers/azureNative/resourceTypes";
import { type Property, type Shape, declared } from "../../../rehearsal/providers/azureNative/shapes";

const SDK = dirname(require.resolve("@pulumi/azure-native/package.json"));
type Declaration = ts.InterfaceDeclaration | ts.ClassDeclaration;
const parsed = new Map<string, Map<string, Declaration>>();
/** The types that were compared. */
const seen = new Set<string>();

/** The declarations of a file, or of one of its modules: the biggest files are as much as a compiler can bear. */
function declarations(file: string, module?: string): Map<string, Declaration> {
  const key = `${file} ${module ?? ""}`;
  const known = parsed.get(key);
  if (known) return known;
  const whole = readFileSync(join(SDK, file), "utf8");
  const start = module === undefined ? 0 : whole.indexOf("{", whole.indexOf(`declare namespace ${module} {`)) + 1;
  const text = module === undefined ? whole : whole.slice(start, whole.indexOf("\n}", start));
  const { statements } = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const found = statements.filter((each) => ts.isInterfaceDeclaration(each) || ts.isClassDeclaration(each));
  const byName = new Map(found.map((each) => [each.name?.text ?? "", each]));
  parsed.set(key, byName);
  return byName;
}

function membersOf(name: string, file: string, module?: string): readonly ts.Node[] {
  const found = declarations(file, module).get(name);
  assert.ok(found, name);
  return found.members;
}

/** Compares what was read of a type with its declaration, and so on with all types that it refers to. */
function compareMembers(path: string, read: Record<string, Property>, members: readonly ts.Node[]): void {
  const declaredMembers = members.filter((each) => ts.isPropertySignature(each) || ts.isPropertyDeclaration(each));
  const names = declaredMembers.map((each) => each.name.getText());
  assert.deepEqual(Object.keys(read).sort(), [...names].sort(), path);
  for (const member of declaredMembers) {
    const property = read[member.name.getText()];
    assert.ok(property && member.type, path);
    const optional = member.questionToken !== undefined || /\bundefined\b/.test(member.type.getText());
    assert.equal(property.required, !optional, `${path}.${member.name.getText()}`);
    compare(`${path}.${member.name.getText()}`, property.shape, member.type);
  }
}

function compare(path: string, shape: Shape, type: ts.TypeNode): void {
  if (ts.isParenthesizedTypeNode(type)) {
    compare(path, shape, type.type);
    return;
  }
  const reference = ts.isTypeReferenceNode(type) ? type.typeName.getText() : "";
  if (/^pulumi\.(In|Out)put$/.test(reference)) {
    const [inner] = (type as ts.TypeReferenceNode).typeArguments ?? [];
    assert.ok(inner, path);
    compare(path, shape, inner);
  } else if (ts.isUnionTypeNode(type)) {
    const plain = type.types.filter((each) => !/^(undefined$|enums\.)/.test(each.getText()));
    if (plain.length === 0) assert.equal(shape, "string", path);
    else if (plain.length > 1) assert.equal(shape, "any", path);
    else compare(path, shape, plain[0] as ts.TypeNode);
  } else if (reference.startsWith("enums.")) assert.equal(shape, "string", path);
  else if (ts.isArrayTypeNode(type)) {
    assert.ok(typeof shape !== "string" && "items" in shape, path);
    compare(path, shape.items, type.elementType);
  } else if (ts.isTypeLiteralNode(type)) {
    const [index] = type.members;
    assert.ok(typeof shape !== "string" && "values" in shape && index && ts.isIndexSignatureDeclaration(index), path);
    compare(path, shape.values, index.type);
  } else if (reference !== "") {
    const [direction = "", module = "", name = ""] = reference.split(".");
    assert.ok(typeof shape !== "string" && "properties" in shape, `${path}: ${reference}`);
    if (seen.has(reference)) return;
    seen.add(reference);
    compareMembers(reference, shape.properties(), membersOf(name, `types/${direction.slice(0, -1)}.d.ts`, module));
  } else assert.equal(shape, type.getText(), path);
}

for (const [token, type] of Object.entries(RESOURCE_TYPES)) {
  suite(token, () => {
    const [, module = "", name = ""] = token.split(":");
    const file = `${module}/${name.charAt(0).toLowerCase()}${name.slice(1)}`;
    const script = readFileSync(join(SDK, `${file}.js`), "utf8");
    const read = declared(token);

    test("inputs and outputs, to the last of the types that they are made of", () => {
      compareMembers(`${name}Args`, read.inputs, membersOf(`${name}Args`, `${file}.d.ts`));
      const { id, ...outputs } = read.outputs;
      assert.equal(id?.shape, "string");
      compareMembers(name, outputs, membersOf(name, `${file}.d.ts`));
    });

    test("the path is of inputs, and what replaces, is keyed or has a default is an input", () => {
      for (const input of [...pathParameters(type), ...type.forceNew, ...Object.keys(type.defaults ?? {})])
        assert.ok(input in read.inputs, input);
      for (const path of Object.keys(type.keys ?? {})) {
        const shape = path
          .split(".")
          .reduce<Shape | undefined>(
            (at, part) => (typeof at === "object" && "properties" in at ? at.properties()[part]?.shape : undefined),
            { properties: () => read.inputs },
          );
        assert.ok(typeof shape === "object" && "items" in shape, path);
      }
    });

    test("the SDK's defaults are the table's", () => {
      const defaults = [...script.matchAll(/resourceInputs\["(\w+)"\] = \(args\?\.\w+\) \?\? ([^;]+);/g)];
      assert.deepEqual(
        Object.fromEntries(defaults.map(([, input = "", value = ""]) => [input, JSON.parse(value) as unknown])),
        type.defaults ?? {},
      );
    });
  });
}

test("the API versions are those of Microsoft's clients", () => {
  const versions = Object.keys(RESOURCE_TYPES).map((token) => [token.split(":")[1], declared(token).apiVersion]);
  assert.deepEqual(Object.fromEntries(versions), {
    resources: "2024-03-01",
    network: "2024-05-01",
    compute: "2024-11-01",
  });
});
