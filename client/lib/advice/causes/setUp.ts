/** What must be right before a run begins: settings, passphrase, backend, stack. */
import type { Cause } from "./cause";

export const SET_UP: Cause[] = [
  {
    name: "wrong setting",
    pattern: /Wrong settings?:/,
    advice: () =>
      'A setting is wrong, and nothing was made. Set what the log names after "Wrong setting" (pulumi config set NAME VALUE), then run pulumi up again.',
  },
  {
    name: "wrong passphrase",
    pattern: /incorrect passphrase/,
    advice: () =>
      "The passphrase is not the stack's, so its secrets can't be read. Put the one that the stack was made with into PULUMI_CONFIG_PASSPHRASE, and run again.",
  },
  {
    name: "no passphrase",
    pattern: /passphrase must be set with PULUMI_CONFIG_PASSPHRASE/,
    advice: () =>
      "There is no passphrase. Put the stack's into PULUMI_CONFIG_PASSPHRASE (in a pipeline from its secret store), or the path of a file with it into PULUMI_CONFIG_PASSPHRASE_FILE, and run again.",
  },
  {
    name: "no backend login",
    pattern: /PULUMI_ACCESS_TOKEN must be set/,
    advice: () =>
      "Nobody is signed in to the backend that keeps the state. For Pulumi Cloud put a token into PULUMI_ACCESS_TOKEN; for one of your own set PULUMI_BACKEND_URL. Then run again.",
  },
  {
    name: "no such stack",
    pattern: /no stack named|no stack selected/,
    advice: (of) => {
      const name = of(/no stack named '([\w./-]+)'/, "NAME");
      return `There is no such stack in this backend. pulumi stack ls --all shows which there are, pulumi whoami --verbose which backend it is; then pulumi stack select ${name}, or for a new one pulumi stack init ${name}.`;
    },
  },
];
