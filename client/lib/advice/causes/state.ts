/** The state: its backend, its lock, and what it knows of Azure. */
import type { Cause } from "./cause";

export const STATE: Cause[] = [
  {
    name: "backend unreachable",
    pattern: /dial tcp|no such host|network is unreachable|unable to open state directory/,
    advice: (of) =>
      `${of(/dial tcp:? (?:lookup )?([\w.:[\]-]*\w)/, "The backend that keeps the state, or Azure,")} can't be reached from here. See whether the network and PULUMI_BACKEND_URL are right (pulumi whoami --verbose), then run again.`,
  },
  {
    name: "locked",
    pattern: /the stack is currently locked|Another update is currently in progress/,
    advice: (of) =>
      `Another run has the stack locked${of(/(: created by \S+ \(pid \d+\) at [\w:.-]+)/, "")}. Wait until it ends, and run again. If it was killed, and nobody else is running: pulumi cancel, then run again.`,
  },
  {
    name: "half a state",
    pattern: /failed to load checkpoint: EOF/,
    advice: () =>
      "A run was killed while it wrote to a backend file://FOLDER. Remove the empty .attrs file beside the state, and run again; file://FOLDER?metadata=skip writes none.",
  },
  {
    name: "pending operations",
    pattern: /pending operations|interrupted while (creating|updating|deleting|reading)/,
    advice: () =>
      'An earlier run was cut off while it made something. pulumi refresh --clear-pending-creates, then pulumi up. If that says "cannot create already existing resource", Azure made it after all: az resource delete --ids ID with the ID in the message, and pulumi up again. Not --import-pending-creates, which forgets the resource.',
  },
  {
    name: "protected",
    pattern: /currently marked for protection|because it is protected/,
    advice: () =>
      "The stack is marked as production, so nothing of it is deleted or replaced. If that was not meant, take the setting back. If it is meant: pulumi up --ignore-protect, or pulumi destroy --ignore-protect.",
  },
  {
    name: "already there",
    pattern: /cannot create already existing resource/,
    advice: (of) => {
      const group = of(/already existing resource '\/subscriptions\/[^/']+\/resourceGroups\/([^/']+)'/i, "");
      const id = of(/already existing resource '([^'\s]+)'/, "ID");
      const command = group === "" ? `az resource delete --ids ${id}` : `az group delete --name ${group}`;
      return `Azure has something that the state doesn't know: it was made, and the answer was lost. ${command}, then pulumi up. After a pulumi destroy that failed: pulumi destroy again.`;
    },
  },
  {
    name: "group being deleted",
    pattern: /ResourceGroupBeingDeleted/,
    advice: () => "Azure is still deleting the resource group. az group wait --deleted --name GROUP, then pulumi up.",
  },
];
