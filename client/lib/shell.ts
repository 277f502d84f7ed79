/** The environment variables that point docker at a host, in the syntax of each shell. */
import { basename } from "node:path";
import type { Connection } from "./connection";

/** The shells whose syntax is known. */
export const SHELLS = ["bash", "fish", "powershell"] as const;
export type Shell = (typeof SHELLS)[number];

/** The variables and their values. */
export function variables(connection: Connection, certDir: string): Record<string, string> {
  return { DOCKER_HOST: connection.dockerHost, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: certDir };
}

/** The names alone, to unset them. */
export const VARIABLE_NAMES = ["DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"];

/** The user's login shell, or PowerShell on Windows. zsh, dash and ksh have bash's syntax. */
export function ownShell(environment: NodeJS.ProcessEnv = process.env, platform = process.platform): Shell {
  if (environment.SHELL === undefined && platform === "win32") return "powershell";
  const name = basename(environment.SHELL ?? "");
  return name === "fish" ? "fish" : name === "pwsh" ? "powershell" : "bash";
}

/** A value as one word of the shell. */
export function quoted(value: string, shell: Shell = "bash"): string {
  switch (shell) {
    case "bash":
      return `'${value.replaceAll("'", String.raw`'\''`)}'`;
    case "fish":
      return `'${value.replace(/[\\']/g, String.raw`\$&`)}'`;
    case "powershell":
      return `'${value.replace(/['‘’‚‛]/g, "$&$&")}'`;
  }
}

/** One line that sets a variable. */
export function setLine(shell: Shell, name: string, value: string): string {
  const word = quoted(value, shell);
  switch (shell) {
    case "bash":
      return `export ${name}=${word}`;
    case "fish":
      return `set -gx ${name} ${word};`;
    case "powershell":
      return `$Env:${name} = ${word}`;
  }
}

/** One line that unsets a variable. */
export function unsetLine(shell: Shell, name: string): string {
  switch (shell) {
    case "bash":
      return `unset ${name}`;
    case "fish":
      return `set -e ${name};`;
    case "powershell":
      return `Remove-Item Env:${name} -ErrorAction SilentlyContinue`;
  }
}

/** A comment that tells how to run the lines. Each argument is one word of the shell. */
export function evalHint(shell: Shell, args: string[]): string {
  const command = [
    "npx --no -- docker-host env",
    ...args.map((arg) => (/^[\w./:@%+-]+$/.test(arg) ? arg : quoted(arg, shell))),
  ].join(" ");
  switch (shell) {
    case "bash":
      return `# Run this: eval "$(${command})"`;
    case "fish":
      return `# Run this: ${command} | source`;
    case "powershell":
      return `# Run this: ${command} | Invoke-Expression`;
  }
}
