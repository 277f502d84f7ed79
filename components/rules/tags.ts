/** The rules of Azure's tags. */
import { got, isObject, shown } from "./values";

/** Validates tags (Microsoft, "Use tags to organize your Azure resources"). */
export function validateTags(tags: unknown): string[] {
  if (!isObject(tags)) return [`tags must be texts by name, such as { "team": "build" } ${got(tags)}.`];
  const names = Object.keys(tags);
  return [
    ...(names.length > 50 ? [`tags must be 50 at most (got ${names.length}).`] : []),
    ...names.flatMap((name) => [
      ...(/^[^<>%&\\?/]{1,512}$/.test(name) && !/^(microsoft|azure|windows)/i.test(name)
        ? []
        : [
            `tags must have names of 1 to 512 characters, without <>%&\\?/, that don't begin with "microsoft", "azure" or "windows" ${got(name)}.`,
          ]),
      ...validateTagValue(name, tags[name]),
    ]),
    ...names
      .filter((name, index) => names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) !== index)
      .map((name) => `tags must name ${shown(name)} once. Azure takes upper and lower case for the same.`),
  ];
}

function validateTagValue(name: string, value: unknown): string[] {
  return typeof value === "string" && value.length <= 256
    ? []
    : [`tags.${name} must be a text of at most 256 characters ${got(value)}.`];
}
