/** Generates the schema of the component package, from which Pulumi makes SDKs for other languages. */
import type { AnyRow } from "../components/settings";
import type { Setting } from "./setting";

const TOKEN = "azure-docker-host:index:DockerHost";

interface TypeSpec {
  type?: string;
  $ref?: string;
  items?: TypeSpec;
  additionalProperties?: TypeSpec;
  plain?: true;
}

/** The outputs that are always there. The others are absent with some settings. */
const REQUIRED_OUTPUTS = [
  "dockerHost",
  "privateIpAddress",
  "vmId",
  "adminUsername",
  "caCert",
  "caPrivateKey",
  "clientCerts",
  "clientKeys",
];

/** The schema, as JSON text (Pulumi, "Package schema"). */
export function packageSchema(
  { name = "", version = "", description, license }: Record<string, string>,
  settings: Setting<AnyRow>[],
  outputs: Record<string, string>,
): string {
  const { "": words, ...properties } = outputs;
  const enums = settings.filter(({ row }) => row.choices !== undefined);
  return JSON.stringify({
    $schema: "https://raw.githubusercontent.com/pulumi/pulumi/master/pkg/codegen/schema/pulumi.json",
    name,
    version,
    description,
    license,
    keywords: ["pulumi", "azure", "docker", "tls", "category/cloud", "kind/component"],
    types: Object.fromEntries(
      enums.map(({ name: setting, row }) => [
        enumToken(setting),
        { type: "string", enum: row.choices?.map((value) => ({ value })) },
      ]),
    ),
    resources: {
      [TOKEN]: {
        isComponent: true,
        description: words,
        inputProperties: Object.fromEntries(settings.map((setting) => [setting.name, inputOf(setting)])),
        requiredInputs: settings
          .filter(({ row }) => row.defaultText === "required")
          .map(({ name: setting }) => setting),
        properties: Object.fromEntries(
          Object.entries(properties).map(([output, text]) => [output, outputOf(output, text)]),
        ),
        required: REQUIRED_OUTPUTS,
      },
    },
  });
}

function inputOf({ name, row, words }: Setting<AnyRow>): Record<string, unknown> {
  const isPrimitive = ["string", "number", "boolean"].includes(typeof row.default);
  return {
    ...typeOf(name, row),
    ...(row.takesOutputs !== "whole" && { plain: true }),
    ...(row.isSecret === true && { secret: true }),
    ...(isPrimitive && { default: row.default }),
    description: words,
  };
}

function typeOf(name: string, { form, choices }: AnyRow): TypeSpec {
  if (choices !== undefined) return { $ref: `#/types/${enumToken(name)}` };
  switch (form) {
    case "list":
      return { type: "array", items: { type: "string" } };
    case "integers":
      return { type: "array", items: { type: "integer", plain: true } };
    case "object":
      return { type: "object", additionalProperties: { $ref: "pulumi.json#/Any" } };
    case "texts":
      return { type: "object", additionalProperties: { type: "string" } };
    default:
      return { type: form };
  }
}

function outputOf(name: string, words: string): Record<string, unknown> {
  const isMap = name === "clientCerts" || name === "clientKeys";
  return {
    ...(isMap ? { type: "object", additionalProperties: { type: "string" } } : { type: "string" }),
    ...(words.includes("A secret") && { secret: true }),
    description: words,
  };
}

function enumToken(setting: string): string {
  return `azure-docker-host:index:${setting.charAt(0).toUpperCase()}${setting.slice(1)}`;
}
