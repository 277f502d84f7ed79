/** Text from pulumi, Azure, Docker and logs can't act on a terminal or a CI system, whichever command prints it. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { type TestContext, test } from "node:test";
import { scratchFolder } from "../support/certificateDirectories";
import { sampleStack } from "../support/sampleStack";

const ROOT = join(__dirname, "../..");
const HOSTILE =
  "\u001b]0;owned\u0007\u001b[2K\n::error::forged\n##vso[task.complete]\r::add-mask::a\n##[error]b\nsection_end:1:x\r\u001b[0K";

/** Runs a command with a `pulumi` that prints the given text. Gives all that the command printed. */
function run(
  t: TestContext,
  args: string[],
  pulumi: { stdout?: string; stderr?: string; code?: number },
  input = "",
): string {
  const folder = scratchFolder(t);
  for (const name of ["stdout", "stderr"] as const) fs.writeFileSync(join(folder, name), pulumi[name] ?? "");
  const script = `#!/bin/sh\ncat '${folder}/stdout'\ncat '${folder}/stderr' >&2\nexit ${pulumi.code ?? 0}\n`;
  fs.writeFileSync(join(folder, "pulumi"), script, { mode: 0o755 });
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    encoding: "utf8",
    input,
    env: { ...process.env, HOME: folder, PATH: [folder, process.env.PATH].join(delimiter) },
  });
  return stdout + stderr;
}

function assertPlain(printed: string): void {
  assert.match(printed, /forged/, "it is shown");
  assert.doesNotMatch(printed, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]|^\s*::|##\w*\[/m);
}

const STEPS = [
  {
    op: "update",
    urn: `urn:pulumi:dev::p::pulumi:pulumi:Stack::${HOSTILE}`,
    oldState: { type: "pulumi:pulumi:Stack" },
  },
  {
    op: "delete",
    urn: `urn:pulumi:dev::p::azure-native:compute:VirtualMachine::${HOSTILE}`,
    oldState: { custom: true, type: "azure-native:compute:VirtualMachine", id: HOSTILE },
  },
];

for (const words of [[], ["--json"], ["--markdown"]]) {
  test(["drift", ...words].join(" "), (t) => {
    const stdout = JSON.stringify({ steps: STEPS });
    assertPlain(run(t, ["client/docker-host.cjs", "drift", ...words], { stdout }));
  });
}

test("a pulumi that fails: connect, check, drift", (t) => {
  const diagnostics = JSON.stringify({ diagnostics: [{ severity: "error", message: HOSTILE }] });
  for (const verb of ["connect", "check", "drift"]) {
    assertPlain(run(t, ["client/docker-host.cjs", verb], { stdout: diagnostics, stderr: HOSTILE, code: 1 }));
  }
});

test("outputs: a client's name", async (t) => {
  const { outputsOf, ci } = await sampleStack();
  const outputs = outputsOf({ clientCerts: { [HOSTILE]: ci.cert }, clientKeys: { [HOSTILE]: ci.key } });
  const words = ["client/docker-host.cjs", "connect", "--outputs", "-", "--no-context", "--cert-dir", scratchFolder(t)];
  assertPlain(run(t, words, {}, JSON.stringify(outputs)));
  assertPlain(run(t, [...words, "--json"], {}, JSON.stringify(outputs)));
});

test("an argument that is wrong", (t) => {
  assertPlain(run(t, ["client/docker-host.cjs", "check", "--wait", HOSTILE], {}));
});

test("keepsVm, the step before a pipeline's up", (t) => {
  assertPlain(run(t, ["deploy/keepsVm.mjs", "dev"], { stdout: JSON.stringify({ steps: STEPS }) }));
  assertPlain(run(t, ["deploy/keepsVm.mjs", "dev"], { stderr: HOSTILE, code: 1 }));
});

test("the note of a merge request: no line of the log leaves its fence, so GitLab runs none as a quick action", async (t) => {
  let body = "";
  const gitlab = createServer((request, response) => {
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => response.end("[]"));
  }).listen(0, "127.0.0.1");
  await once(gitlab, "listening");
  t.after(() => gitlab.close());
  const log = join(scratchFolder(t), "run.log");
  fs.writeFileSync(log, `${HOSTILE}\n~~~~~\n/merge\n${"~".repeat(9)}\n/approve\n`);
  const script = spawn(process.execPath, ["deploy/gitlab/note.mjs", log], {
    cwd: ROOT,
    stdio: "inherit",
    env: {
      ...process.env,
      GITLAB_TOKEN: "x",
      CI_API_V4_URL: `http://127.0.0.1:${(gitlab.address() as AddressInfo).port}`,
    },
  });
  await once(script, "close");
  const note = (JSON.parse(body) as { body: string }).body;
  const [, fence = "", inside = "", after = ""] = /^(~+)diff\n([^]*)\n\1\n([^]*)$/m.exec(note) ?? [];
  assert.equal(fence, "~".repeat(10));
  assert.match(inside, /\n~~~~~\n\/merge\n~{9}\n\/approve\n$/);
  assert.equal(after, "");
  assertPlain(note);
});
