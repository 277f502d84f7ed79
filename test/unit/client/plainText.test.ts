/** Text of others, as it is printed: nothing in it acts on a terminal or a CI system. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { oneLine, plainJson, plainText } from "../../../client/lib/plainText.cjs";

describe("plain text", () => {
  const cases: [what: string, text: string, plain: string][] = [
    ["what is plain already", "a: b\n\tc::d ## e [f] é 日本 → ✓", "a: b\n\tc::d ## e [f] é 日本 → ✓"],
    ["colours and cursor moves", "\u001b[38;5;9mred\u001b[0m\u001b[2K\u001b[1Aup\u009b31mc1", "redupc1"],
    ["titles and links", "\u001b]0;title\u0007a\u001b]8;;http://x\u001b\\b\u001b]8;;\u001b\\", "ab"],
    ["an escape without an end", "a\u001b]0;title\nb\u001b[12", "a]0;title\nb[12"],
    ["other control characters", "a\u0000\b\u007f\u0085\u2028b\u202ec\u2066d", "abcd"],
    ["a line's ends", "a\r\nb\rc", "a\nb\nc"],
    [
      "GitHub's commands",
      "::error::a\n  ::set-output name=b::c\n\t::d",
      ": :error::a\n  : :set-output name=b::c\n\t: :d",
    ],
    [
      "GitHub's commands after a return, or with escapes in them",
      "a\r::add-mask::b\n:\u001b[0m:c\n\u2028::d",
      "a\n: :add-mask::b\n: :c\n: :d",
    ],
    [
      "Azure Pipelines' commands, wherever they stand",
      "a ##vso[task.x]b\n##[error]c\n###[d",
      "a # #vso[task.x]b\n# #[error]c\n## #[d",
    ],
    ["GitLab's section markers", "section_start:1:a\r\u001b[0Kb", "section_start:1:a\nb"],
  ];
  for (const [what, text, plain] of cases) {
    test(what, () => {
      assert.equal(plainText(text), plain);
      assert.equal(plainText(plain), plain, "twice is as once");
      assert.equal(oneLine(text), plain.replaceAll("\n", " "));
      const json = plainJson({ text });
      assert.deepEqual(JSON.parse(json), { text }, "JSON says the same");
      assert.doesNotMatch(json, /##\w*\[|[\u007f-\u009f\u202e]/);
    });
  }

  test("hostile text takes no time", () => {
    const begin = Date.now();
    for (const text of ["\u001b;#", "\u001b[", "\u001b]", "\u009d", "\u001b ", "##a", " ", ":", "\r"])
      plainText(text.repeat(100_000));
    assert.ok(Date.now() - begin < 5000, `it took ${Date.now() - begin} ms`);
  });
});
