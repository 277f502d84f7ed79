/** The words of each shell. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { type Shell, evalHint, ownShell, setLine, unsetLine } from "../../../client/lib/shell";

describe("shells", () => {
  const NASTY = `/home/o'neil/$(id) \`id\` "x" \\ é`;

  test("bash reads what was meant", () => {
    const script = `${setLine("bash", "DOCKER_CERT_PATH", NASTY)}\nprintf %s "$DOCKER_CERT_PATH"\n`;
    for (const shell of ["bash", "dash"]) {
      assert.equal(spawnSync(shell, ["-c", script], { encoding: "utf8" }).stdout, NASTY, shell);
    }
    const unset = `A=1; ${unsetLine("bash", "A")}; printf %s "\${A-none}"`;
    assert.equal(spawnSync("bash", ["-c", unset], { encoding: "utf8" }).stdout, "none");
  });

  test("fish reads what was meant", (t) => {
    const script = `${setLine("fish", "A", NASTY)}\nsh -c 'printf %s "$A"'\n${unsetLine("fish", "A")}\nset -q A; or echo -n .`;
    const { stdout, error } = spawnSync("fish", ["--no-config", "-c", script], { encoding: "utf8" });
    if (error && process.env.CI !== "true") {
      t.skip("NOT RUN: there is no fish here");
      return;
    }
    assert.equal(stdout, `${NASTY}.`);
  });

  const lines: [Shell, string, string, string][] = [
    ["bash", "it's", `export A='it'\\''s'`, "unset A"],
    ["fish", `it's \\n`, `set -gx A 'it\\'s \\\\n';`, "set -e A;"],
    ["powershell", "it's $x", `$Env:A = 'it''s $x'`, "Remove-Item Env:A -ErrorAction SilentlyContinue"],
  ];
  for (const [shell, value, setting, unsetting] of lines) {
    test(`${shell}'s words`, () => {
      assert.equal(setLine(shell, "A", value), setting);
      assert.equal(unsetLine(shell, "A"), unsetting);
    });
  }

  test("the hint: its arguments are words of the shell, and it is one comment", () => {
    assert.equal(
      evalHint("bash", ["--cert-dir", "/a b/$(id)'"]),
      `# Run this: eval "$(npx --no -- docker-host env --cert-dir '/a b/$(id)'\\''')"`,
    );
    assert.equal(
      evalHint("fish", ["--cert-dir", "/a'b"]),
      `# Run this: npx --no -- docker-host env --cert-dir '/a\\'b' | source`,
    );
    assert.equal(
      evalHint("powershell", ["--cert-dir", "C:/a b"]),
      "# Run this: npx --no -- docker-host env --cert-dir 'C:/a b' | Invoke-Expression",
    );
    assert.equal(evalHint("bash", ["--unset"]), `# Run this: eval "$(npx --no -- docker-host env --unset)"`);
  });

  test("the user's own", () => {
    assert.equal(ownShell({ SHELL: "/usr/bin/fish" }, "linux"), "fish");
    assert.equal(ownShell({ SHELL: "/bin/zsh" }, "darwin"), "bash");
    assert.equal(ownShell({ SHELL: "/opt/pwsh" }, "linux"), "powershell");
    assert.equal(ownShell({}, "linux"), "bash");
    assert.equal(ownShell({}, "win32"), "powershell");
  });
});
