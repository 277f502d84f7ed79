/** Generates the `config:` block of Pulumi.yaml, which tells Pulumi the settings with their types and defaults. */
import { stringify } from "yaml";
import { sentencesOf } from "./comments";
import { type Setting, asText, commandOf } from "./setting";

const MARK =
  "# Generated from components/settings.ts by npm run generate; docs/configuration.md describes each setting.\n";

/** Pulumi.yaml with a new block in the place of its old one. */
export function configBlock(pulumiYaml: string, settings: Setting[]): string {
  const kept = pulumiYaml.split(MARK)[0] ?? "";
  // Pulumi takes no secret without a default.
  const declared = settings.filter(({ row }) => row.isProgramOnly !== true && row.isSecret !== true);
  const secrets = settings.filter(({ row }) => row.isSecret === true).map(({ name }) => name);
  const config = Object.fromEntries(declared.map((setting) => [setting.name, declarationOf(setting)]));
  return `${kept}${MARK}# The secrets ${secrets.join(" and ")} are settings too. Pulumi can't declare a secret without a default.\n${stringify({ config }, { lineWidth: 120 })}`;
}

/**
 * Pulumi wants a default for every setting. So an empty text, list or object stands for "not set". A number is declared as a
 * text, so that the program answers a wrong one with the setting's own rule.
 */
function declarationOf(setting: Setting): Record<string, unknown> {
  const { row, words } = setting;
  const description = `${(sentencesOf(words)[0] ?? "").replaceAll("`", "").replace(/\.$/, "")}: ${commandOf(setting)}`;
  switch (row.form) {
    case "list":
      return { type: "array", items: { type: "string" }, default: [], description };
    case "object":
    case "texts":
      return { type: "object", default: {}, description };
    case "boolean":
      return { type: "boolean", default: row.default, description };
    case "integers":
      return { type: "string", default: "", description };
    case "integer":
    case "string":
      return { type: "string", default: asText(row.default), description };
  }
}
