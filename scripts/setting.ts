/** What a generator gets of one setting. */
import type { Row } from "../components/settings";

/** A setting, its row and its words. */
export interface Setting<R extends Row = Row> {
  name: string;
  row: R;
  words: string;
}

/** The default as a person reads it. */
export function defaultOf({ row }: Setting): string {
  if (row.defaultText !== undefined) return row.defaultText;
  const text = asText(row.default);
  return text === "" ? "none" : `\`${text}\``;
}

/** A default as a stack's configuration has it. An empty list or object, or no default, is an empty text. */
export function asText(value: unknown): string {
  if (Array.isArray(value)) return value.join(",");
  return typeof value === "object" || value === undefined ? "" : JSON.stringify(value).replaceAll('"', "");
}

/** The command that sets a setting in a stack's configuration. */
export function commandOf({ name, row }: Setting): string {
  const set = row.isSecret === true ? "pulumi config set --secret" : "pulumi config set";
  const isPath = row.form === "list" || row.form === "object" || row.form === "texts";
  const target = row.form === "list" ? `--path '${name}[0]'` : isPath ? "--path" : name;
  const value = /[*?]/.test(row.example) ? `'${row.example}'` : row.example;
  return `${set} ${target} ${value}`.trim();
}
