// A provider that answers with what it was given, for the tests of the plugin server. Its creates can be slow, or fail.
import { writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { diffProperties } from "../../rehearsal/providers/diff";
import { PartialFailure, UNKNOWN } from "../../rehearsal/providers/provider";
import { serve } from "../../rehearsal/providers/server";

let config: Record<string, string> = {};

void serve({
  version: "1.2.3",
  configure(given) {
    config = given;
  },
  check: (resource, news, olds) => ({
    inputs: { ...news, checked: { ...resource, olds } },
    failures: news["bad"] === undefined ? [] : [{ property: "bad", reason: "is bad" }],
  }),
  diff: (_resource, _id, olds, news) => ({
    diffs: {
      ...diffProperties(olds.inputs, news, { replaceOn: ["name"] }),
      ...(olds.state["due"] === true ? { due: "update-replace" as const } : {}),
    },
    deleteBeforeReplace: news["name"] === "taken",
  }),
  preview: (_resource, inputs) => ({ ...inputs, address: UNKNOWN }),
  async create(resource, inputs) {
    if (inputs["fail"] === true) throw new Error("The sample cannot be made");
    if (inputs["sick"] === true)
      throw new PartialFailure("id-2", { ...inputs, state: 1 }, inputs, ["is sick", "too hot"]);
    await setTimeout(Number(inputs["milliseconds"] ?? 0));
    if (typeof inputs["marker"] === "string") writeFileSync(inputs["marker"], "made");
    return { id: "id-1", properties: { ...inputs, resource, config, unset: undefined } };
  },
  read: (_resource, id, olds) =>
    Promise.resolve(id === "gone" ? undefined : { id, inputs: olds.inputs, properties: olds.state }),
  update: (_resource, id, olds, news) => Promise.resolve({ id, olds, news }),
  invoke: (token, args) =>
    token.endsWith("Nothing") ? Promise.reject(new Error("There is nothing")) : Promise.resolve({ token, args }),
  delete: (_resource, id, olds) => Promise.reject(new Error(JSON.stringify({ id, olds }))),
});
