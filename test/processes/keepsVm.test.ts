/** The step before a pipeline's `pulumi up --refresh`: it stops the run if a VM would be replaced or deleted, or if nobody can tell. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type TestContext, suite, test } from "node:test";

const ROOT = join(__dirname, "../..");
const SCRIPT = join(ROOT, "deploy/keepsVm.mjs");

// As pulumi v3.259 prints `preview --refresh --json` of this program; of each step, what isn't read is left out.
const HOST = "urn:pulumi:dev::azure-docker-host::azure-docker-host:index:DockerHost";
const STACK = "urn:pulumi:dev::azure-docker-host::pulumi:pulumi:Stack::azure-docker-host-dev";
const VM = `${HOST}$azure-native:compute:VirtualMachine::docker-host-vm`;
const EXTENSION = `${HOST}$azure-native:compute:VirtualMachineExtension::docker-host-docker`;
const NIC = `${HOST}$azure-native:network:NetworkInterface::docker-host-nic`;
const WARNING = { message: "warning: using pulumi-resource-tls from $PATH\n", severity: "warning" };
const UNCHANGED = [STACK, NIC, VM, EXTENSION].map((urn) => ({ op: "refresh", urn }));
const IMAGE_CHANGED = [
  ...UNCHANGED,
  { op: "same", urn: STACK },
  { op: "update", urn: `${HOST}::docker-host` },
  { op: "replace", urn: VM },
  { op: "replace", urn: EXTENSION },
];
const PROTECTED = {
  urn: VM,
  message: 'error: unable to replace resource "docker-host-vm"\nas it is currently marked for protection.\n',
  severity: "error",
};

/** Runs the script with a `pulumi` that prints a preview. */
function run(
  t: TestContext,
  printed: unknown,
  { status = 0, args = ["dev"] }: { status?: number; args?: string[] } = {},
): { status: number | null; stdout: string; stderr: string; asked: string } {
  const folder = mkdtempSync(join(tmpdir(), "keeps-vm-"));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  writeFileSync(join(folder, "preview"), typeof printed === "string" ? printed : JSON.stringify(printed, null, 4));
  writeFileSync(join(folder, "asked"), "");
  writeFileSync(
    join(folder, "pulumi"),
    `#!/bin/sh\nprintf '%s\\n' "$@" > '${folder}/asked'\ncat '${folder}/preview'\nexit ${status}\n`,
    { mode: 0o755 },
  );
  const { stdout, stderr, ...ended } = spawnSync(process.execPath, [SCRIPT, ...args], {
    encoding: "utf8",
    env: { ...process.env, PATH: [folder, process.env.PATH].join(delimiter) },
  });
  return { status: ended.status, stdout, stderr, asked: readFileSync(join(folder, "asked"), "utf8") };
}

const kept: Record<string, { op: string; urn: string }[]> = {
  "nothing changes": [...UNCHANGED, { op: "same", urn: STACK }],
  "the VM is updated": [...UNCHANGED, { op: "update", urn: VM }],
  "there is no VM yet": [{ op: "create", urn: VM }],
  "the interface and the extension are replaced": [
    { op: "replace", urn: NIC },
    { op: "replace", urn: EXTENSION },
  ],
};

suite("the run goes on", () => {
  for (const [what, steps] of Object.entries(kept)) {
    test(what, (t) => {
      assert.deepEqual(run(t, { steps, diagnostics: [WARNING] }), {
        status: 0,
        stdout: "stack dev: an up with a refresh keeps every VM\n",
        stderr: "",
        asked: "preview\n--stack\ndev\n--refresh\n--json\n--non-interactive\n",
      });
    });
  }
});

suite("the run is stopped", () => {
  const end =
    "An up with a refresh would replace or delete the VM named above, and its disk goes with it. Nothing was changed.\n" +
    "To see why, run: pulumi preview --stack dev --refresh --diff\n";
  const lost: Record<string, { steps: { op: string; urn: string }[]; says: string }> = {
    "the image was changed": { steps: IMAGE_CHANGED, says: "docker-host-vm: replace\n" },
    "the VM is no longer in the program": { steps: [{ op: "delete", urn: VM }], says: "docker-host-vm: delete\n" },
    "the steps of a replacement stand one by one": {
      steps: ["create-replacement", "replace", "delete-replaced"].map((op) => ({ op, urn: VM })),
      says: ["create-replacement", "replace", "delete-replaced"].map((op) => `docker-host-vm: ${op}\n`).join(""),
    },
    "an operation of an engine to come": { steps: [{ op: "swap", urn: VM }], says: "docker-host-vm: swap\n" },
    "a VM of another API version and another parent": {
      steps: [{ op: "replace", urn: "urn:pulumi:dev::x::azure-native:compute/v20240301:VirtualMachine::a::b" }],
      says: "a::b: replace\n",
    },
  };
  for (const [what, { steps, says }] of Object.entries(lost)) {
    test(what, (t) => {
      const { status, stdout, stderr } = run(t, { steps, diagnostics: [WARNING] });
      assert.deepEqual({ status, stdout, stderr }, { status: 1, stdout: "", stderr: says + end });
    });
  }

  const failed = "The preview with a refresh failed. Nothing was changed.\n";
  test("the preview failed: with what advise reads", (t) => {
    const { status, stderr } = run(t, { steps: IMAGE_CHANGED, diagnostics: [WARNING, PROTECTED] }, { status: 1 });
    assert.deepEqual([status, stderr], [1, `docker-host-vm: ${PROTECTED.message.trim()}\n${failed}`]);
  });
  for (const [what, printed] of Object.entries({ "no JSON": "error: no stack", "no steps": {}, nothing: "" })) {
    test(`the preview printed ${what}`, (t) => {
      const { status, stderr } = run(t, printed);
      assert.deepEqual([status, stderr], [1, failed]);
    });
  }
  test("no stack is named", (t) => {
    const { status, stderr, asked } = run(t, {}, { args: [] });
    assert.deepEqual([status, stderr, asked], [1, "node deploy/keepsVm.mjs STACK: the stack's name is missing.\n", ""]);
  });
});

test("up.yml runs it before an up with a refresh, unless the run says that the VM may go", () => {
  const text = readFileSync(join(ROOT, ".github/workflows/up.yml"), "utf8");
  const check = text.indexOf('node deploy/keepsVm.mjs "$STACK"');
  assert.match(text.slice(0, check), /if \[ "\$REFRESH" = true \] && \[ -z "\$UNPROTECT" \]; then\n\s+$/);
  assert.ok(check > 0 && check < text.indexOf("pulumi up --stack"), "before the up");
});

test("no other pipeline refreshes in an up", () => {
  const folder = join(ROOT, ".github/workflows");
  const files = [...readdirSync(folder).map((name) => join(folder, name)), join(ROOT, ".gitlab-ci.yml")];
  const refreshing = files.filter((file) => readFileSync(file, "utf8").includes("--refresh"));
  assert.deepEqual(refreshing, [join(folder, "up.yml")]);
});
