/** Generates docs/configuration.md: every setting by topic, with its words, type, default, command and what a change costs. */
import { type Form, TOPICS } from "../components/settings";
import { type Setting, commandOf, defaultOf } from "./setting";

const TYPES: Record<Form, string> = {
  list: "list of texts",
  integers: "whole numbers with commas between them",
  object: "object",
  texts: "texts by name",
  boolean: "`true` or `false`",
  integer: "whole number",
  string: "text",
};

const TOPIC_TITLES: Record<(typeof TOPICS)[number], string> = {
  access: "Access",
  network: "Network",
  VM: "VM",
  Docker: "Docker",
  certificates: "Certificates and clients",
  protection: "Protection and tags",
};

/** The page. */
export function configurationPage(settings: Setting[]): string {
  const configured = settings.filter(({ row }) => row.isProgramOnly !== true);
  const programOnly = settings.filter(({ row }) => row.isProgramOnly === true);
  return `<!-- Generated from components/dockerHostArgs.ts and components/settings.ts by npm run generate. -->

# Configuration

Set a setting with \`pulumi config set NAME VALUE\`, and take one away with \`pulumi config rm NAME\`. Pulumi checks every setting
before it creates anything, and shows all problems at once: the setting, the value, and what it must be.

Set the region before the first \`pulumi up\`, with \`pulumi config set azure-native:location westeurope\`. On a stack that exists, a
changed region has no effect: azure-native keeps each resource in the region that it has. To move a host, create another stack.

**These settings delete the VM with its disk when they change:** ${settings
    .filter(({ row }) => row.change === "replaces the VM")
    .map(({ name }) => `\`${name}\``)
    .join(", ")}.

The column "A change" tells what a change costs on a host that exists:

| A change | What happens |
| --- | --- |
| nothing by itself | Nothing changes in Azure. |
| in place | Azure changes a resource. The VM and Docker go on. |
| restarts Docker | Docker's API is away for about a second. Containers go on, with few exceptions that the setting names. |
| reboots the VM | Containers stop. A container comes back only if it has a restart policy. |
| **replaces the VM** | **The VM and its disk are deleted, with every image, container and volume.** Set \`protect\` to have Pulumi refuse it. |
| **replaces everything** | **The resource group is deleted, with everything in it.** |

Docker restarts with every change of a certificate. Connect the clients again after it (\`docker-host connect\`).

${TOPICS.map((topic) =>
  topicSection(
    TOPIC_TITLES[topic],
    configured.filter(({ row }) => row.topic === topic),
  ),
).join("\n")}
## Arguments of the component only

A program that uses \`DockerHost\` as a component can also set these. A stack's configuration can't.

${programOnly.map(section).join("\n")}`;
}

function topicSection(title: string, settings: Setting[]): string {
  const rows = settings.map(
    (setting) =>
      `| [\`${setting.name}\`](#${setting.name.toLowerCase()}) | ${defaultOf(setting)} | ${changeOf(setting)} |`,
  );
  return `## ${title}

| Setting | Default | A change |
| --- | --- | --- |
${rows.join("\n")}

${settings.map(section).join("\n")}`;
}

function changeOf({ row }: Setting): string {
  return row.change.startsWith("replaces") ? `**${row.change}**` : row.change;
}

function section(setting: Setting): string {
  const { name, row, words } = setting;
  const choices = row.choices?.map((choice) => `\`${choice}\``).join(", ");
  const facts = [
    `Type: ${TYPES[row.form]}${row.isSecret === true ? ", secret" : ""}.`,
    ...(choices === undefined ? [] : [`Values: ${choices}.`]),
    `Default: ${defaultOf(setting)}.`,
    `A change: ${changeOf(setting)}.`,
  ];
  return `### ${name}

${words.replaceAll("<", "\\<")}

${facts.join(" ")}
${row.isProgramOnly === true ? "" : `\n\`\`\`sh\n${commandOf(setting)}\n\`\`\`\n`}`;
}
