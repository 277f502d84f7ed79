/** Writes the findings of `docker-host drift` as lines of text, and as GitHub's Markdown. */
import type { ChangedProperty, Drift, EndingCertificate } from "./findings";

/** One finding, as a person reads it. */
interface Finding {
  kind: "missing" | "changed" | "certificate" | "cut off";
  name: string;
  /** One line each. Markdown shows code between backticks. */
  details: { text: string; code?: boolean }[];
  remedy: string;
}

/** The most characters that are shown of a value. The JSON has all of it. */
const LONGEST = 200;

function findings({ missing, changed, certificates, pending }: Drift): Finding[] {
  return [
    ...missing.map(({ name, type, goneWith, remedy }): Finding => {
      // A resource that comes back with its group needs no remedy of its own.
      return goneWith === undefined
        ? { kind: "missing", name, details: [{ text: `${type}, is gone` }], remedy }
        : { kind: "missing", name, details: [{ text: `${type}, gone with ${goneWith}` }], remedy: "" };
    }),
    ...changed.map(({ name, properties, remedy }): Finding => {
      return {
        kind: "changed",
        name,
        details: properties.map((each) => ({ text: inWords(each), code: true })),
        remedy,
      };
    }),
    ...certificates.map((each): Finding => {
      return { kind: "certificate", name: each.name, details: [{ text: lifetime(each) }], remedy: each.remedy };
    }),
    ...pending.map(({ name, operation, remedy }): Finding => {
      return { kind: "cut off", name, details: [{ text: `${operation}, with unknown result` }], remedy };
    }),
  ];
}

function inWords({ path, old, new: now }: ChangedProperty): string {
  return old === undefined
    ? `${path}: added ${shown(now)}`
    : now === undefined
      ? `${path}: removed ${shown(old)}`
      : `${path}: ${shown(old)} → ${shown(now)}`;
}

/** As JSON, so that no value can pass for other text. */
function shown(value: unknown): string {
  const text = value === "[secret]" ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function lifetime({ subject, notAfter, daysLeft }: EndingCertificate): string {
  const until = notAfter.slice(0, 10);
  const of = `"${subject}"`;
  return daysLeft < 0 ? `${of} expired on ${until}` : `${of} ends on ${until}, in ${daysLeft} days`;
}

function summaries({
  resources,
  missing,
  changed,
  looked,
  nextEnd,
  certificates,
  pending,
}: Drift): [boolean, string, string][] {
  const other = missing.length + changed.length;
  const next =
    nextEnd && `, the first to end is ${nextEnd.name} on ${nextEnd.notAfter.slice(0, 10)} (${nextEnd.daysLeft} days)`;
  return [
    [
      other === 0,
      "resources",
      other === 0
        ? `${resources}, all as the last up left them`
        : `${other} of ${resources} not as the last up left them`,
    ],
    [
      certificates.length === 0,
      "certificates",
      certificates.length === 0 ? `${looked}${next ?? ""}` : `${certificates.length} of ${looked} at or near the end`,
    ],
    [
      pending.length === 0,
      "operations",
      pending.length === 0 ? "none cut off" : `${pending.length} cut off, or under way`,
    ],
  ];
}

/** Lines: the summary, then each finding with its remedy. */
export function reportLines(drift: Drift): string[] {
  const found = findings(drift);
  const width = Math.max(...found.map(({ name }) => name.length));
  return [
    drift.stack,
    ...summaries(drift).map(([holds, what, text]) => `  ${holds ? "✓" : "✗"} ${what.padEnd(22)} ${text}`),
    ...found.flatMap(({ kind, name, details, remedy }) => [
      ...details.map(
        ({ text }, index) =>
          `  ${(index === 0 ? kind : "").padEnd(12)} ${(index === 0 ? name : "").padEnd(width)}  ${text}`,
      ),
      ...(remedy === "" ? [] : [`  ${" ".repeat(12)} ${" ".repeat(width)}  ${remedy}`]),
    ]),
  ];
}

/** A heading and a table, for a job's summary or a comment. */
export function reportMarkdown(drift: Drift): string {
  const lines = [
    `### ${drift.ok ? "No drift" : "Drift"}: stack ${code(drift.stack)}`,
    "",
    ...summaries(drift).map(([holds, what, text]) => `- ${holds ? "✅" : "❌"} ${what}: ${escaped(text)}`),
  ];
  if (drift.ok) return lines.join("\n");
  const rows = findings(drift).map(({ kind, name, details, remedy }) => {
    const detail = details.map(({ text, code: isCode }) => (isCode === true ? code(text) : escaped(text))).join("<br>");
    return `| ${kind} | ${code(name)} | ${detail} | ${escaped(remedy)} |`;
  });
  return [...lines, "", "| what | name | details | what to do |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

/** Text in a cell of a table. It can't make a cell, a line, a tag, or any other Markdown. */
export function escaped(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|~]/g, String.raw`\$&`).replace(/\s+/g, " ");
}

/** Code in a cell of a table, between more backticks than it has inside. */
export function code(text: string): string {
  const longest = (text.match(/`+/g) ?? []).reduce((most, { length }) => Math.max(most, length), 0);
  const fence = "`".repeat(longest + 1);
  const padding = longest > 0 ? " " : "";
  return `${fence}${padding}${text.replace(/\s+/g, " ").replaceAll("|", String.raw`\|`)}${padding}${fence}`;
}
