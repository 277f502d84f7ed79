// The random provider of the rehearsal: real random passwords and strings, under the rules of @pulumi/random 4.21.
import { randomInt } from "node:crypto";
import { checkInputs, type InputRules, withDefaults } from "./inputs";
import { diffProperties } from "./diff";
import { type CheckFailure, type ResourceProvider, UNKNOWN } from "./provider";
import type { Properties } from "../values";
import { serve } from "./server";

const DIGITS = "0123456789";
const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LOWER.toUpperCase();
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

const rules: InputRules = {
  length: { type: "integer", required: true, atLeast: 1 },
  lower: { type: "boolean", default: true },
  minLower: { type: "integer", default: 0 },
  minNumeric: { type: "integer", default: 0 },
  minSpecial: { type: "integer", default: 0 },
  minUpper: { type: "integer", default: 0 },
  numeric: { type: "boolean", default: true },
  overrideSpecial: { type: "string" },
  special: { type: "boolean", default: true },
  upper: { type: "boolean", default: true },
};

const MINIMA = ["minUpper", "minLower", "minNumeric", "minSpecial"];

/** The resource's ID by its type. The real provider keeps a password out of it. */
const types: Record<string, (result: string) => string> = {
  "random:index/randomPassword:RandomPassword": () => "none",
  "random:index/randomString:RandomString": (result) => result,
};

export const random: ResourceProvider = {
  version: "4.21.2",

  check(resource, news) {
    idOf(resource.type);
    const failures = checkInputs(rules, news);
    return { inputs: news, failures: failures.length > 0 ? failures : checkTogether(news) };
  },

  diff(_resource, _id, olds, news) {
    return { diffs: diffProperties(complete(olds.inputs), complete(news), { replaceOn: Object.keys(rules) }) };
  },

  preview(_resource, inputs) {
    return { ...complete(inputs), result: UNKNOWN };
  },

  create(resource, inputs) {
    const result = createString(complete(inputs));
    const id = idOf(resource.type)(result);
    return Promise.resolve({ id, properties: { ...complete(inputs), result, id } });
  },

  read: (_resource, id, olds) => Promise.resolve({ id, inputs: olds.inputs, properties: olds.state }),

  update: () => Promise.reject(new Error("A random value is never updated: every change replaces it")),

  delete: () => Promise.resolve(),
};

function idOf(type: string): (result: string) => string {
  const id = types[type];
  if (!id) throw new Error(`Unknown resource type ${type}; known are: ${Object.keys(types).join(", ")}`);
  return id;
}

/** Checks what inputs say together. A value that is not known yet makes no failure. */
function checkTogether(inputs: Properties): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const { length, numeric, special, upper, lower } = inputs;
  const minima = MINIMA.map((name) => inputs[name] ?? 0);
  const sum = minima.reduce<number>((total, it) => total + (typeof it === "number" ? it : 0), 0);
  if (typeof length === "number" && length < sum) {
    failures.push({
      property: "length",
      reason: `Attribute length value must be at least sum of ${MINIMA.join(" + ")} (${sum}), got: ${length}`,
    });
  }
  if ([numeric, special, upper, lower].every((it) => it === false)) {
    failures.push({
      property: "numeric",
      reason: "At least one attribute out of special, upper, lower, numeric must be specified as true",
    });
  }
  return failures;
}

function complete(inputs: Properties): Properties {
  const all = withDefaults(rules, inputs);
  // The provider still has the former name of this property in its outputs.
  return { ...all, number: all["numeric"] };
}

function createString(inputs: Properties): string {
  const special = (typeof inputs["overrideSpecial"] === "string" && inputs["overrideSpecial"]) || SPECIAL;
  const classes = [
    { characters: UPPER, allowed: inputs["upper"], minimum: inputs["minUpper"] },
    { characters: LOWER, allowed: inputs["lower"], minimum: inputs["minLower"] },
    { characters: DIGITS, allowed: inputs["numeric"], minimum: inputs["minNumeric"] },
    { characters: special, allowed: inputs["special"], minimum: inputs["minSpecial"] },
  ];
  // As in the real provider, a minimum holds even for a class that is otherwise not allowed.
  const required = classes.flatMap(({ characters, minimum }) => pick(characters, Number(minimum)));
  const allowed = classes.map(({ characters, allowed }) => (allowed === true ? characters : "")).join("");
  return shuffle([...required, ...pick(allowed, Number(inputs["length"]) - required.length)]).join("");
}

function pick(characters: string, count: number): string[] {
  const set = Array.from(characters);
  return Array.from({ length: count }, () => set[randomInt(set.length)] ?? "");
}

/** Fisher and Yates's shuffle. Without it, the required characters would come first. */
function shuffle(items: string[]): string[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] ?? "", shuffled[i] ?? ""];
  }
  return shuffled;
}

if (require.main === module) void serve(random);
