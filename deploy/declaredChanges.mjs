/**
 * Shows the changes in a stack's declared resources from one checkout to another, with no state, secret, identity or request
 * to Azure: each checkout is previewed into an empty state of its own, and the inputs of both previews are compared.
 * Exits with 1 if the second checkout can't be previewed and the first one can.
 *
 *     node deploy/declaredChanges.mjs BASE HEAD STACK
 */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parse, stringify } from "yaml";

/** Stands in a preview for a value that is known only after an up (sdk/go/common/resource/plugin/rpc.go of pulumi/pulumi). */
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** These settings are left out: each needs a secret, or another stack's state. */
const OUT_OF_REACH = ["caCertPem", "caPrivateKeyPem", "caStack"];

/** No request is made with these. They keep azure-native from looking for a login of the `az` command. */
const NO_IDENTITY = {
  ARM_CLIENT_ID: "00000000-0000-0000-0000-000000000000",
  ARM_CLIENT_SECRET: "none",
  ARM_SUBSCRIPTION_ID: "00000000-0000-0000-0000-000000000000",
  ARM_TENANT_ID: "00000000-0000-0000-0000-000000000000",
};

const [base, head, stack] = process.argv.slice(2);
if (!stack) {
  console.error("node deploy/declaredChanges.mjs BASE HEAD STACK: an argument is missing.");
  process.exit(1);
}
const scratch = mkdtempSync(join(tmpdir(), "declared-changes-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

const [before, after] = await Promise.all([declared("base", base), declared("head", head)]);
console.log(`### Changes in the declared resources of the stack ${stack}\n`);
console.log(
  "Compared without the state: this can't tell whether Azure updates or replaces a resource, and not what drifted.\n",
);
for (const note of notes(before.leftOut, after.leftOut)) console.log(`${note}\n`);
if (before.error && after.error) {
  console.log(`Neither the base nor this change can be previewed. Nothing is compared.\n\n${fenced(after.error)}`);
} else if (after.error) {
  console.log(`This change can't be previewed.\n\n${fenced(after.error)}`);
  process.exitCode = 1;
} else {
  if (before.error)
    console.log(`The base can't be previewed. Everything is shown as new.\n\n${fenced(before.error)}\n`);
  const lines = changes(before.resources, after.resources);
  console.log(lines.length === 0 ? "No declared resource changes." : fenced(lines.join("\n")));
}

/** Previews a checkout; gives each declared resource's inputs by "name type", or the errors. */
async function declared(side, checkout) {
  const { settings, leftOut } = publicSettings(join(checkout, `Pulumi.${stack}.yaml`));
  // A project of links, so that nothing is written into the checkout.
  const project = join(scratch, side);
  const backend = join(scratch, `${side}-backend`);
  for (const folder of [project, backend]) mkdirSync(folder);
  for (const name of readdirSync(checkout)) {
    if (name !== `Pulumi.${stack}.yaml`) symlinkSync(resolve(checkout, name), join(project, name));
  }
  writeFileSync(join(project, `Pulumi.${stack}.yaml`), stringify(settings));
  const env = {
    ...Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(ARM_|AZURE_|PULUMI_(ACCESS_TOKEN|CONFIG_))/.test(name)),
    ),
    ...NO_IDENTITY,
    PULUMI_BACKEND_URL: `file://${backend}`,
    PULUMI_CONFIG_PASSPHRASE: randomBytes(16).toString("hex"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  const pulumi = (...args) => run("pulumi", [...args, "--non-interactive"], { cwd: project, env, maxBuffer: 2 ** 30 });
  const made = await pulumi("stack", "init", stack);
  if (made.status !== 0) return { leftOut, error: made.stderr.trim() };
  const { status, stdout, stderr } = await pulumi("preview", "--stack", stack, "--json");
  const { steps, diagnostics = [] } = parseJson(stdout);
  if (status !== 0 || !Array.isArray(steps)) {
    const errors = diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message.trim());
    return { leftOut, error: [...errors, stderr.trim()].filter((text) => text !== "").join("\n") };
  }
  const resources = steps
    .filter(({ newState }) => newState && newState.type !== "pulumi:pulumi:Stack")
    .map(({ urn, newState }) => [`${urn.split("::").at(-1)} ${newState.type}`, leaves(newState.inputs ?? {})]);
  return { leftOut, resources: Object.fromEntries(resources) };
}

/** Runs a command to its end; a failure is told by its status. */
function run(command, args, options) {
  return new Promise((resolve, reject) => {
    execFile(command, args, options, (error, stdout, stderr) => {
      if (typeof error?.code === "string") reject(error);
      else resolve({ status: error?.code ?? (error ? 1 : 0), stdout, stderr });
    });
  });
}

/** A stack's settings without those that need a secret or another stack; these by name, with the text that stands for each. */
function publicSettings(file) {
  const { config = {} } = existsSync(file) ? (parse(readFileSync(file, "utf8")) ?? {}) : {};
  const isOut = ([name, value]) =>
    OUT_OF_REACH.includes(name.split(":").at(-1)) || JSON.stringify(value).includes('"secure":');
  const entries = Object.entries(config ?? {});
  return {
    settings: { config: Object.fromEntries(entries.filter((entry) => !isOut(entry))) },
    leftOut: Object.fromEntries(entries.filter(isOut).map(([name, value]) => [name, JSON.stringify(value)])),
  };
}

/** Says which settings are not compared, and which of them differ. */
function notes(one, other) {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
  const changed = names.filter((name) => one[name] !== other[name]);
  return [
    ...(names.length > 0 ? [`Left out, since each needs a secret or another stack: ${names.join(", ")}.`] : []),
    ...(changed.length > 0 ? [`Of these, this change sets anew: ${changed.join(", ")}.`] : []),
  ];
}

function changes(before, after) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    const [old, now] = [before?.[name], after[name]];
    if (!old) return [`+ ${name}`, ...Object.keys(now).map((path) => `+   ${path}: ${shown(now[path])}`)];
    if (!now) return [`- ${name}`];
    const paths = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter((path) => old[path] !== now[path]);
    return paths.length === 0
      ? []
      : [`! ${name}`, ...paths.flatMap((path) => [...line("-", path, old[path]), ...line("+", path, now[path])])];
  });
}

function line(sign, path, value) {
  return value === undefined ? [] : [`${sign}   ${path}: ${shown(value)}`];
}

/** Every value inside, as text, by its path such as "securityRules[0].name". */
function leaves(value, path = "") {
  const inner = Array.isArray(value)
    ? value.map((each, index) => [`${path}[${index}]`, each])
    : value !== null && typeof value === "object"
      ? Object.entries(value).map(([name, each]) => [path === "" ? name : `${path}.${name}`, each])
      : [];
  if (inner.length > 0) return Object.assign({}, ...inner.map(([at, each]) => leaves(each, at)));
  return path === "" ? {} : { [path]: value === UNKNOWN ? "known after up" : JSON.stringify(value) };
}

/** A value as it is printed: a long one by its beginning and a part of its SHA-256. */
function shown(text) {
  if (text.length <= 200) return text;
  const sum = createHash("sha256").update(text).digest("hex").slice(0, 12);
  return `${text.slice(0, 100)}… (${text.length} characters, SHA-256 ${sum}…)`;
}

function fenced(text) {
  return `~~~~~diff\n${text.slice(-60_000)}\n~~~~~`;
}

/** The JSON that pulumi printed, if it did. */
function parseJson(text) {
  try {
    return JSON.parse(text.slice(text.indexOf("{")));
  } catch {
    return {};
  }
}
