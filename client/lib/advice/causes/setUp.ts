/** Causes before a run begins: settings, passphrase, backend, stack. */
import type { Cause } from "./cause";

export const SET_UP: Cause[] = [
  {
    name: "invalid setting",
    pattern: /Invalid settings?:/,
    advice: () =>
      'A setting is invalid, so the run stopped. Change each setting that the log names after "Invalid setting" with pulumi config set NAME VALUE, then run pulumi up again.',
  },
  {
    name: "not interactive",
    pattern: /must be passed in to proceed when running in non-interactive mode/,
    advice: () =>
      "pulumi can't ask whether to go on, because its output goes to a file or a pipe. Look at pulumi preview first, then add --yes.",
  },
  {
    name: "wrong passphrase",
    pattern: /incorrect passphrase/,
    advice: () =>
      "The passphrase isn't the stack's, so pulumi can't read the stack's secrets. Set PULUMI_CONFIG_PASSPHRASE to the passphrase that the stack was created with, then run again.",
  },
  {
    name: "no passphrase",
    pattern: /passphrase must be set with PULUMI_CONFIG_PASSPHRASE/,
    advice: () =>
      "The passphrase is missing. Set PULUMI_CONFIG_PASSPHRASE to the stack's passphrase, or PULUMI_CONFIG_PASSPHRASE_FILE to the path of a file that holds it. In a pipeline, take it from the secret store. Then run again.",
  },
  {
    name: "no backend login",
    pattern: /PULUMI_ACCESS_TOKEN must be set/,
    advice: () =>
      "You aren't signed in to the backend that keeps the state. For Pulumi Cloud, set PULUMI_ACCESS_TOKEN to an access token. For a backend of your own, set PULUMI_BACKEND_URL. Then run again.",
  },
  {
    name: "no such stack",
    pattern: /no stack named|no stack selected/,
    advice: (of) => {
      const name = of(/no stack named '([\w./-]+)'/, "NAME");
      return `The backend has no such stack. Type pulumi stack ls --all to see its stacks, and pulumi whoami --verbose to see which backend it is. Then type pulumi stack select ${name}, or pulumi stack init ${name} for a new stack.`;
    },
  },
];
