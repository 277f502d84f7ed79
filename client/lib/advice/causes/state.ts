/** The state: its backend, its lock, and its differences from Azure. */
import type { Cause } from "./cause";

export const STATE: Cause[] = [
  {
    name: "backend unreachable",
    pattern: /dial tcp|no such host|network is unreachable|unable to open state directory/,
    advice: (of) =>
      `This computer can't reach ${of(/dial tcp:? (?:lookup )?([\w.:[\]-]*\w)/, "Azure, or the backend that keeps the state")}. Check the network and PULUMI_BACKEND_URL (pulumi whoami --verbose shows the backend), then run again.`,
  },
  {
    name: "locked",
    pattern: /the stack is currently locked|Another update is currently in progress/,
    advice: (of) =>
      `Another run has locked the stack${of(/(: created by \S+ \(pid \d+\) at [\w:.-]+)/, "")}. Wait until it ends, then run again. If it was killed and nobody else runs pulumi on this stack, type pulumi cancel, then run again.`,
  },
  {
    name: "half a state",
    pattern: /failed to load checkpoint: EOF/,
    advice: () =>
      "A run was killed while it wrote to a backend file://FOLDER. Remove the empty .attrs file beside the state, then run again. A backend file://FOLDER?metadata=skip has no such files.",
  },
  {
    name: "pending operations",
    pattern: /pending operations|interrupted while (creating|updating|deleting|reading)/,
    advice: () =>
      'An earlier run was cut off in the middle of an operation. Type pulumi refresh --clear-pending-creates, then run pulumi up. If that says "cannot create already existing resource", Azure has created it after all. Then type az resource delete --ids ID with the ID in the message, and pulumi up again. Don\'t use --import-pending-creates, which makes the state forget the resource.',
  },
  {
    name: "protected",
    pattern: /currently marked for protection|because it is protected/,
    advice: () =>
      "The setting protect is true, so pulumi doesn't delete or replace this resource. If you didn't mean to, undo the change that causes it. If you did, type pulumi up --ignore-protect, or pulumi destroy --ignore-protect.",
  },
  {
    name: "already there",
    pattern: /cannot create already existing resource/,
    advice: (of) => {
      const group = of(/already existing resource '\/subscriptions\/[^/']+\/resourceGroups\/([^/']+)'/i, "");
      const id = of(/already existing resource '([^'\s]+)'/, "ID");
      const command = group === "" ? `az resource delete --ids ${id}` : `az group delete --name ${group}`;
      return `Azure has a resource that the state doesn't have, because an earlier run created it and lost Azure's answer. Type ${command}, then run pulumi up. After a pulumi destroy that failed, type pulumi destroy instead.`;
    },
  },
  {
    name: "group being deleted",
    pattern: /ResourceGroupBeingDeleted/,
    advice: () =>
      "Azure is still deleting the resource group. Type az group wait --deleted --name GROUP, then run pulumi up.",
  },
];
