/** Figures with their targets, as tables for the terminal and for docs/performance.md. */

/** One line of a table: the same thing measured in several runs. */
export interface Figure {
  name: string;
  /** The text after the number, such as " s". A ratio has none. */
  unit?: string;
  digits?: number;
  values: number[];
  /** The target of the median. */
  target?: { atMost: number } | { atLeast: number };
  /** A count, which noise can't change: each value must meet the target. */
  exact?: boolean;
}

/** A part of the measurements. */
export interface Part {
  name: string;
  title: string;
  figures: Figure[];
  /** Sentences that belong beside the figures, such as what could not be measured. */
  notes: string[];
  /** Curves over the number of hosts, for the plot. */
  curves?: Curve[];
}

export interface Curve {
  name: string;
  /** The measured quantity with its unit, such as "preview, s". Its curves share one diagram. */
  what: string;
  /** For each number of hosts, the values of all runs. */
  points: [hosts: number, values: number[]][];
}

/** Whether a figure meets its target. */
export type Verdict = "met" | "missed" | "too noisy to tell";

function median(values: number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** The risk of a wrong verdict: 3 runs that agree are enough for one. */
const RISK = 1 / 8;

/** The chance that at most `count` of `runs` values lie on one given side of their true median. */
function chanceOfAtMost(count: number, runs: number): number {
  let [term, sum] = [0.5 ** runs, 0];
  for (let index = 0; index <= count; index++) {
    sum += term;
    term *= (runs - index) / (index + 1);
  }
  return sum;
}

/**
 * Judges a figure by the sign test: the true median meets the target if so few values miss it that noise would rarely do
 * that. This is the same as a confidence interval of the median, by order statistics, that lies on one side of the target.
 */
export function verdictOf({ values, target, exact = false }: Figure): Verdict | undefined {
  if (target === undefined) return undefined;
  const meets = (value: number): boolean => ("atMost" in target ? value <= target.atMost : value >= target.atLeast);
  const misses = values.filter((value) => !meets(value)).length;
  if (exact) return misses === 0 ? "met" : "missed";
  if (chanceOfAtMost(misses, values.length) <= RISK) return "met";
  return chanceOfAtMost(values.length - misses, values.length) <= RISK ? "missed" : "too noisy to tell";
}

/** The same part with the values of another measurement added. */
function merged(part: Part, more: Part): Part {
  return {
    ...part,
    figures: part.figures.map((figure, index) => ({
      ...figure,
      values: [...figure.values, ...(more.figures[index]?.values ?? [])],
    })),
    curves: part.curves?.map((curve, index) => ({
      ...curve,
      points: curve.points.map(([hosts, values], at) => [
        hosts,
        [...values, ...(more.curves?.[index]?.points[at]?.[1] ?? [])],
      ]),
    })),
  };
}

/**
 * Measures until every figure has a verdict, at most `most` times.
 *
 * @param measure gives the same parts, with the same figures, each time.
 */
export async function measureUntilJudged(measure: () => Promise<Part[]>, most: number): Promise<Part[]> {
  let parts = await measure();
  for (let times = 1; times < most && parts.some(isOpen); times++) {
    const more = await measure();
    parts = parts.map((part, index) => merged(part, more[index] ?? part));
  }
  return parts;
}

function isOpen({ figures }: Part): boolean {
  return figures.some((figure) => verdictOf(figure) === "too noisy to tell");
}

/** The slope of the line through the points in their logarithms: 1 for what grows in proportion. */
export function exponent(points: [number, number][]): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (index: 0 | 1): number => logs.reduce((sum, point) => sum + point[index], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

/** A part's table in Markdown, its columns as wide as their widest cell, as prettier wants them. */
export function table({ figures }: Part): string {
  const rows = figures.map((figure) => {
    const { name, unit = "", digits = 2, values, target } = figure;
    const show = (value: number): string => `${value.toFixed(digits)}${unit}`;
    const wanted =
      target === undefined
        ? ""
        : "atMost" in target
          ? `at most ${target.atMost}${unit}`
          : `at least ${target.atLeast}${unit}`;
    const met = { met: "yes", missed: "**no**", "too noisy to tell": "too noisy to tell", none: "" }[
      verdictOf(figure) ?? "none"
    ];
    return [name, ...[Math.min(...values), median(values), Math.max(...values)].map(show), wanted, met];
  });
  const header = ["", "minimum", "median", "maximum", "target", "met"];
  const widths = header.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: string[]): string => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** Puts a text between the two marks of a name. */
export function replaceSection(document: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [start, stop] = [document.indexOf(begin), document.indexOf(end)];
  if (start < 0 || stop < start) throw new Error(`the document has no section ${name}`);
  return `${document.slice(0, start + begin.length)}\n\n${text}\n\n${document.slice(stop)}`;
}

const COLOURS = ["#1a7f37", "#b35900", "#0550ae"];

/** Curves as a picture: a diagram for each thing measured, both axes logarithmic. */
export function plot(curves: Curve[]): string {
  const whats = [...new Set(curves.map(({ what }) => what))];
  const [width, height, left, bottom, top] = [360, 280, 56, 40, 34];
  const names = [...new Set(curves.map(({ name }) => name))];
  const diagrams = whats.map((what, index) => {
    const own = curves
      .filter((curve) => curve.what === what)
      .map(({ name, points }) => ({ name, points: points.map(([hosts, values]) => [hosts, median(values)] as const) }));
    const all = own.flatMap(({ points }) => points);
    const range = (axis: 0 | 1): [number, number] => {
      const values = all.map((point) => point[axis]);
      return [Math.min(...values), Math.max(...values)];
    };
    const [[minX, maxX], [minY, maxY]] = [range(0), range(1)];
    const scale = (value: number, min: number, max: number): number => Math.log(value / min) / Math.log(max / min || 2);
    const x = (value: number): number => index * width + left + scale(value, minX, maxX) * (width - left - 24);
    const y = (value: number): number => height - bottom - scale(value, minY, maxY) * (height - bottom - top);
    const at = (value: number): string => value.toFixed(1);
    const text = (px: number, py: number, content: string, anchor = "middle"): string =>
      `<text x="${at(px)}" y="${at(py)}" text-anchor="${anchor}">${content}</text>`;
    const ticksX = [...new Set(all.map(([hosts]) => hosts))];
    const ticksY = [minY, Math.sqrt(minY * maxY), maxY];
    const lines = own.map(({ name, points }) => {
      const colour = COLOURS[names.indexOf(name) % COLOURS.length] ?? "";
      const path = points.map(([hosts, value]) => `${at(x(hosts))},${at(y(value))}`);
      const dots = points.map(
        ([hosts, value]) => `<circle cx="${at(x(hosts))}" cy="${at(y(value))}" r="3" fill="${colour}"/>`,
      );
      return `<polyline points="${path.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join("")}`;
    });
    return [
      text(index * width + (width + left) / 2, 16, what),
      `<path d="M${at(x(minX))} ${top}V${height - bottom}H${at(x(maxX))}" fill="none" stroke="#888"/>`,
      ...ticksX.map((hosts) => text(x(hosts), height - bottom + 16, hosts.toString())),
      ...ticksY.map((value) =>
        text(
          x(minX) - 6,
          y(value) + 4,
          value
            .toPrecision(2)
            .replace(/e\+\d+$/, (e) => "0".repeat(Number(e.slice(2)) - 1))
            .replace(".", value < 100 ? "." : ""),
          "end",
        ),
      ),
      ...lines,
    ].join("\n");
  });
  const legend = names.map(
    (name, index) =>
      `<text x="${left + index * 220}" y="${height - 6}" fill="${COLOURS[index % COLOURS.length] ?? ""}">${name}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width * whats.length} ${height}" font-family="sans-serif" font-size="12" fill="#555">
<rect width="100%" height="100%" fill="#fff"/>
${diagrams.join("\n")}
${legend.join("\n")}
</svg>
`;
}
