/** What the client prints. */

/** A line on standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** What is for a person who watches, and not for what reads standard output. */
export function remark(line: string): void {
  process.stderr.write(`${line}\n`);
}
