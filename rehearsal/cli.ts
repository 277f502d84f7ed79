/** The command line of the rehearsal: start, preview, up, refresh, destroy, status. */
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { Command, Option } from "commander";
import type { StackOutputs } from "../outputs";
import { STACK_NAME, filesOf } from "./files";
import { PROVIDERS, type Provider } from "./providers/choice";
import { type Changes, Rehearsal, sweep } from "./rehearsal";
import { messageOf } from "./values";

const begin = Date.now();

interface Options {
  machines: boolean;
  directory: string;
  stack?: string;
  provider?: Provider;
  config?: Record<string, string>;
}

function print(line: string): void {
  console.log(line);
}

/** A heading with the time since the beginning. */
function head(text: string): void {
  print(`\n[${((Date.now() - begin) / 1000).toFixed(1)} s] ${text}`);
}

function summary(changes: Changes): void {
  const parts = Object.entries(changes).map(([kind, count]) => `${count} ${kind}`);
  print(`  ${parts.length === 0 ? "nothing to do" : parts.join(", ")}`);
}

async function open(options: Options): Promise<Rehearsal> {
  head("Getting ready");
  return Rehearsal.open({ ...options, print });
}

async function start(options: Options): Promise<void> {
  const rehearsal = await open(options);
  head("Preview");
  summary(await rehearsal.preview());
  await bringUp(rehearsal);
}

async function up(options: Options): Promise<void> {
  await bringUp(await open(options));
}

async function bringUp(rehearsal: Rehearsal): Promise<void> {
  head("Up");
  const { changes, outputs } = await rehearsal.up();
  summary(changes);
  const reason = unasked(rehearsal, outputs);
  if (reason !== undefined) {
    head(`Done; no daemon was asked: ${reason}`);
    return;
  }
  head("docker-host connect");
  const stack = rehearsal.stackName;
  const { client, commands } = filesOf(rehearsal.directory, stack);
  mustRun(rehearsal, "docker-host", ["connect", ...reached(rehearsal, outputs), "--cert-dir", client]);
  head("docker-host check");
  mustRun(rehearsal, "docker-host", ["check", ...reached(rehearsal, outputs), "--wait", "2m"]);
  head(`docker --context ${stack} info`);
  mustRun(rehearsal, "docker", ["--context", stack, "info"]);
  head("It answers. To use it by hand:");
  print(`  export PATH="$PATH:${commands}"     # a docker command, if you have none`);
  print(`  eval "$(npx --no -- docker-host env --cert-dir ${client})"`);
  print("  docker info");
  print("  npm run rehearse -- destroy");
}

function mustRun(rehearsal: Rehearsal, command: string, args: string[]): void {
  const code = rehearsal.runAsClient(command, args);
  if (code !== 0) throw new Error(`${command} ${args[0] ?? ""} ended with ${code}`);
}

async function preview(options: Options): Promise<void> {
  const rehearsal = await open(options);
  head("Preview");
  summary(await rehearsal.preview());
}

async function refresh(options: Options): Promise<void> {
  const rehearsal = await open(options);
  head("Refresh");
  summary(await rehearsal.refresh());
}

async function destroy(options: Options): Promise<void> {
  // Nothing was ever made: then nothing need be got in order to take it away.
  if (!existsSync(filesOf(resolve(options.directory)).backend)) {
    await sweep(options.directory);
    print("nothing to do");
    return;
  }
  const rehearsal = await open(options);
  head("Destroy");
  summary(await rehearsal.destroy());
  // Afterwards: a run that is refused leaves the host, and its client connected.
  const { client } = filesOf(rehearsal.directory, rehearsal.stackName);
  if (existsSync(client)) mustRun(rehearsal, "docker-host", ["disconnect", "--cert-dir", client]);
}

async function status(options: Options): Promise<void> {
  const rehearsal = await open(options);
  head("Status");
  const resources = rehearsal.subscription.store.list();
  if (resources.length === 0) print("  the loopback Azure is empty");
  for (const { id, armType, provisioningState } of resources) {
    print(`  ${provisioningState.padEnd(10)} ${(id.split("/").at(-1) ?? "").padEnd(32)} ${armType}`);
  }
  const outputs = await rehearsal.outputs();
  if (outputs === undefined) return;
  const reason = unasked(rehearsal, outputs);
  if (reason !== undefined) print(`  ${outputs.dockerHost}: ${reason}`);
  else rehearsal.runAsClient("docker-host", ["check", ...reached(rehearsal, outputs)]);
}

/** Why this computer can't ask the daemon, if it can't. */
function unasked(rehearsal: Rehearsal, { publicIpAddress }: StackOutputs): string | undefined {
  if (rehearsal.rootFileSystem === undefined) return "no machines in this rehearsal";
  return publicIpAddress === undefined ? "the host has no public address" : undefined;
}

/** The name is Azure's to resolve; the address is in the certificate too. */
function reached({ stackName }: Rehearsal, { publicIpAddress = "" }: StackOutputs): string[] {
  return ["--stack", stackName, "--address", publicIpAddress];
}

/** `NAME=VALUE`, as `pulumi up --config` takes it. */
function parseSetting(text: string, all: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new Error(`--config: "${text}" is not NAME=VALUE`);
  return { ...all, [name]: value };
}

const cli = new Command("rehearse").description(
  "The whole program without an Azure account: the real engine, a loopback Azure, real machines.",
);
const verbs: [string, string, (options: Options) => Promise<void>][] = [
  ["start", "preview, up, and the answer of the daemon", start],
  ["preview", "show what up would do", preview],
  ["up", "make the stack what the program says", up],
  ["refresh", "read what is there into the state", refresh],
  ["destroy", "take everything away again", destroy],
  ["status", "what there is, and whether Docker answers", status],
];
for (const [verb, description, action] of verbs) {
  cli
    .command(verb)
    .description(description)
    .option("--no-machines", "the control plane alone: no machine is booted, no daemon answers")
    .option(
      "--directory <folder>",
      "the folder that holds the rehearsal",
      relative("", join(__dirname, "../.rehearsal")),
    )
    .option("--stack <name>", "one of several stacks in the folder, in one Azure and one network", STACK_NAME)
    .addOption(
      new Option("--provider <which>", "azure-native's plugin, or the stand-in on Microsoft's clients")
        .choices(PROVIDERS)
        .default(undefined, "real, where its plugin is installed or can be downloaded"),
    )
    .option("-c, --config <name=value>", "a setting of the stack, as of pulumi up; may be repeated", parseSetting)
    .action(action);
}

cli.parseAsync().catch((error: unknown) => {
  // The engine's own words have been shown as they came; what is left is the automation's record of the command.
  const text = messageOf(error);
  console.error(`\n${text.includes("stderr: ") ? "The run failed; what went wrong stands above." : `error: ${text}`}`);
  // Not the exit code alone: an operation that can't end any more would keep the process.
  process.exit(1);
});
