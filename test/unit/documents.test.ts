/** The documents: their links lead somewhere, and the README is short. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

const ROOT = join(__dirname, "../..");
const DOCUMENTS = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "rehearsal/README.md"],
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
].filter((name) => existsSync(join(ROOT, name)));

/** The anchors that GitHub gives to a document's headings. */
function anchorsOf(markdown: string): string[] {
  const headings = [...markdown.replaceAll(/^```[^]*?^```/gm, "").matchAll(/^#+ (.+)$/gm)].map(
    ([, title = ""]) => title,
  );
  return headings.map((title) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

for (const document of DOCUMENTS) {
  test(`the links of ${document} lead to files and headings that are there`, () => {
    const markdown = readFileSync(join(ROOT, document), "utf8").replaceAll(/^```[^]*?^```/gm, "");
    const links = [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
    for (const link of links.filter((each) => !/^[a-z]+:/.test(each))) {
      const [path = "", anchor] = link.split("#");
      const file = path === "" ? join(ROOT, document) : join(ROOT, dirname(document), path);
      assert.ok(existsSync(file), `${document}: ${link}`);
      if (anchor !== undefined) {
        assert.ok(
          anchorsOf(readFileSync(file, "utf8")).includes(anchor),
          `${document}: ${link}, ${relative(ROOT, file)}`,
        );
      }
    }
  });
}

test("README.md is short enough to be read: under 150 lines", () => {
  const lines = readFileSync(join(ROOT, "README.md"), "utf8").split("\n").length;
  assert.ok(lines < 150, `${lines} lines`);
});
