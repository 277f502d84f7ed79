/** The commands of `az` that are given to people: by the README, the documents and `docker-host advise`. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CAUSES } from "../../client/lib/advice/advice";

const ROOT = join(__dirname, "../..");

/** Commands that the loopback Azure can't answer: their beginning, and what it lacks. `rehearsal/README.md` has the same table. */
export const NOT_RUN: Record<string, string> = {
  "az ad": "Microsoft Graph",
  "az aks show": "AKS",
  "az identity": "managed identities",
  "az keyvault": "Key Vault",
  "az lock": "locks",
  "az network bastion tunnel": "Bastion",
  "az provider register": "resource providers that aren't registered",
  "az role assignment": "roles",
  "az serial-console connect": "the serial console",
  "az storage": "Storage",
  "az vm boot-diagnostics get-boot-log": "boot diagnostics",
  "az vm list-usage": "quotas",
};

/** Every one, with what its user is to fill in, once each. */
export function givenCommands(): string[] {
  const documents = [
    "README.md",
    ...readdirSync(join(ROOT, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
  ];
  const commands = [
    ...documents.flatMap((name) => commandsInMarkdown(readFileSync(join(ROOT, name), "utf8"))),
    ...CAUSES.flatMap(({ advice }) => commandsInProse(advice((_pattern, otherwise) => otherwise))),
  ];
  return [...new Set(commands)].sort();
}

/** In fenced shell code, and in code that stands in a text. A command that is only named has no options. */
export function commandsInMarkdown(markdown: string): string[] {
  const fences = /^ *```(\w*)\n([^]*?)^ *```/gm;
  const inCode = [...markdown.matchAll(fences)].flatMap(([, language, code = ""]) =>
    language === "sh" ? [...code.matchAll(/(?<![\w-])az (?=[a-z])/g)].map(({ index }) => commandAt(code, index)) : [],
  );
  const inText = [...markdown.replace(fences, "").matchAll(/`(az [^`]+)`/g)].map(([, command = ""]) => command);
  return [...inCode, ...inText];
}

/** To where a shell sees its end; a line's end after a backslash, or in quotes, isn't one. */
function commandAt(code: string, start: number): string {
  let quote = "";
  let end = start;
  for (; end < code.length; end++) {
    const character = code.charAt(end);
    if (quote === "" && (/[\n;|)]/.test(character) || code.startsWith(" #", end))) break;
    if (character === "\\") end++;
    else if (character === quote) quote = "";
    else if (quote === "" && /["']/.test(character)) quote = character;
  }
  return code.slice(start, end).replace(/\\\n/g, " ").replace(/\s+/g, " ").trim();
}

/** Options that take no value. */
const FLAGS = ["--all", "--deleted", "--wait"];

/** In a sentence: the words of the command, and its options with a value each. */
export function commandsInProse(text: string): string[] {
  return [...text.matchAll(/(?<![\w-])az (?=[a-z])/g)].map(({ index }) => {
    const words: string[] = [];
    let isValue = false;
    for (const word of text.slice(index).split(" ")) {
      const isOption = word.startsWith("--");
      const inOptions = words.some((each) => each.startsWith("--"));
      if (!isOption && !isValue && (inOptions || !/^[a-z]/.test(word))) break;
      // The sentence goes on after a comma or a bracket, or ends.
      words.push(word.replace(/[.,)]+$/, ""));
      if (/[.,)]$/.test(word)) break;
      isValue = isOption && !FLAGS.includes(word);
    }
    return words.join(" ");
  });
}
