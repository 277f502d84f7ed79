/**
 * Stops a pipeline whose `pulumi up --refresh` would replace or delete a VM with its disk, since nobody looks at the preview of
 * such a run. Exits with 1 in that case, and also if the preview fails.
 *
 *     node deploy/keepsVm.mjs STACK && pulumi up --stack STACK --refresh --yes
 */
import { spawnSync } from "node:child_process";
import { plainText } from "../client/lib/plainText.cjs";

const VM = /^azure-native:compute(\/v\d+)?:VirtualMachine$/;

/** The operations of a preview that keep a resource. Any other operation counts as the end of a VM. */
const KEEPS = ["same", "create", "update", "refresh", "read", "import"];

const [stack] = process.argv.slice(2);
if (!stack) fail("node deploy/keepsVm.mjs STACK: the stack's name is missing.");

const preview = spawnSync("pulumi", ["preview", "--stack", stack, "--refresh", "--json", "--non-interactive"], {
  encoding: "utf8",
  maxBuffer: 2 ** 30,
});
if (preview.error) fail(`pulumi can't be run: ${preview.error.message}`);
const { steps, diagnostics = [] } = parse(preview.stdout);
if (preview.status !== 0 || !Array.isArray(steps)) {
  // `docker-host advise` reads these.
  for (const { urn, message, severity } of diagnostics) {
    if (severity === "error") say(`${urn ? `${nameOf(urn)}: ` : ""}${message.trim()}`);
  }
  if (preview.stderr) say(preview.stderr.trim());
  fail("The preview with a refresh failed. Nothing was changed.");
}

const lost = steps.filter(({ op, urn }) => VM.test(typeOf(urn)) && !KEEPS.includes(op));
if (lost.length > 0) {
  for (const { op, urn } of lost) say(`${nameOf(urn)}: ${op}`);
  fail(
    "An up with a refresh would replace or delete the VM named above, and its disk goes with it. Nothing was changed.\n" +
      `To see why, run: pulumi preview --stack ${stack} --refresh --diff`,
  );
}
console.log(`stack ${stack}: an up with a refresh keeps every VM`);

/** The JSON that pulumi printed, or an empty object. */
function parse(text) {
  try {
    return JSON.parse(text.slice(text.indexOf("{")));
  } catch {
    return {};
  }
}

/** A resource's own type, without its parents'. */
function typeOf(urn) {
  return urn.split("::")[2].split("$").at(-1);
}

function nameOf(urn) {
  return urn.split("::").slice(3).join("::");
}

function fail(message) {
  say(message);
  process.exit(1);
}

/** Texts of pulumi and Azure must not act on a terminal or a CI system. */
function say(message) {
  console.error(plainText(message));
}
