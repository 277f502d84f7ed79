/**
 * Writes what is generated from the settings table and the arguments' words: the `config:` block of Pulumi.yaml,
 * docs/configuration.md, and the schema of the component for other languages. With `--check` it writes nothing, and fails if
 * a file differs.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as prettier from "prettier";
import { SETTINGS, type AnyRow, type Row } from "../components/settings";
import { PROGRAM_SETTINGS } from "../config";
import { configurationPage } from "./configurationPage";
import { commentsOf } from "./comments";
import { configBlock } from "./configBlock";
import { packageSchema } from "./packageSchema";

const ROOT = join(__dirname, "..");

async function main(check: boolean): Promise<void> {
  const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
  const hostArgs = commentsOf(join(ROOT, "components/dockerHostArgs.ts"), "DockerHostArgs");
  const programSettings = commentsOf(join(ROOT, "config.ts"), "ProgramSettings");
  const settings = Object.entries<Row>({ ...SETTINGS, ...PROGRAM_SETTINGS }).map(([name, row]) => ({
    name,
    row,
    words: { ...hostArgs, ...programSettings }[name] ?? fail(`${name} has no comment.`),
  }));
  const files = {
    "Pulumi.yaml": configBlock(read("Pulumi.yaml"), settings),
    "docs/configuration.md": configurationPage(settings),
    "provider/schema.json": packageSchema(
      JSON.parse(read("package.json")) as Record<string, string>,
      Object.entries<AnyRow>(SETTINGS).map(([name, row]) => ({ name, row, words: hostArgs[name] ?? "" })),
      commentsOf(join(ROOT, "components/dockerHost.ts"), "DockerHost"),
    ),
  };
  const different: string[] = [];
  for (const [file, text] of Object.entries(files)) {
    const path = join(ROOT, file);
    const options = await prettier.resolveConfig(path);
    const formatted = await prettier.format(text, { ...options, filepath: path });
    if (existsSync(path) && readFileSync(path, "utf8") === formatted) continue;
    different.push(file);
    if (check) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, formatted);
    console.log(`Written: ${file}`);
  }
  if (check && different.length > 0) fail(`Out of date: ${different.join(", ")}. Run npm run generate.`);
}

function fail(message: string): never {
  throw new Error(message);
}

main(process.argv.includes("--check")).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
