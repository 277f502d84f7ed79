/** `docker-host advise`: reads the log of a `pulumi` run that failed, and says what to do next. */
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { Failure } from "./failure";

/** A cause that is known, how a log shows it, and what is to be done. */
export interface Cause {
  /** For tests and for whoever reads the table. */
  name: string;
  /** One match is enough. Within one line, since logs break lines, and put times before them. */
  pattern: RegExp | ((log: string) => boolean);
  /** What happened, and what to type; `of` looks for a detail in the log. */
  advice: (of: Details) => string;
}

/** Looks for a detail in the log, the first group of a pattern, else gives what stands for it. */
export type Details = (pattern: RegExp, otherwise: string) => string;

const STACK: [RegExp, string] = [/urn:pulumi:([\w.-]+)::/, "STACK"];
const URN: [RegExp, string] = [/urn:pulumi:[\w.-]+::(\S+::[\w.-]+)/, ""];

/** The known causes; what goes first must be done first. The README's "Troubleshooting" says the same. */
export const CAUSES: Cause[] = [
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
  {
    name: "federated credential",
    pattern: /AADSTS(70021|700213|7002138)\b|No matching federated identity record/,
    advice: (of) =>
      `Azure doesn't trust this pipeline's token. The federated credential of the app registration must have the very subject, in upper and lower case, that the pipeline shows: ${of(/[Aa]ssertion [Ss]ubject:? '([^'\s]+)'/, 'the log\'s "subject"')}. az ad app federated-credential list --id CLIENT-ID shows what it has.`,
  },
  {
    name: "client secret",
    pattern: /AADSTS(7000215|7000222)\b/,
    advice: () =>
      "The service principal's client secret is wrong or has expired. Better have none: sign in by OIDC (ARM_USE_OIDC=true, ARM_CLIENT_ID, ARM_TENANT_ID, ARM_SUBSCRIPTION_ID). Else az ad app credential reset --id CLIENT-ID, and put the new one into the pipeline's secret store.",
  },
  {
    name: "not signed in",
    pattern: /run:? ?['"`]?az login|failed to acquire a token|AADSTS700082\b/,
    advice: () =>
      "Nobody is signed in to Azure here. A person: az login. A pipeline: ARM_USE_OIDC=true, ARM_CLIENT_ID, ARM_TENANT_ID and ARM_SUBSCRIPTION_ID. Then run again.",
  },
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
  {
    name: "not authorized",
    pattern: /\b(Linked)?AuthorizationFailed\b/,
    advice: (of) =>
      `Who is signed in may not do that. It takes the role Contributor: az role assignment create --assignee CLIENT-ID --role Contributor --scope ${of(/over scope '(\/subscriptions\/[\w-]+)/, "/subscriptions/ID")}. A role that was just given takes some minutes to hold. Then pulumi up.`,
  },
  {
    name: "not registered",
    pattern: /MissingSubscriptionRegistration/,
    advice: (of) =>
      `The subscription never used this part of Azure. az provider register --wait --namespace ${of(/use namespace '([\w.]+)'/, "NAMESPACE")}, then pulumi up.`,
  },
  {
    name: "size not available",
    pattern: /SkuNotAvailable/,
    advice: (of) =>
      `The region doesn't have this size of machine for you. az vm list-skus --resource-type virtualMachines --location ${of(/in location '(\w+)'/, "REGION")} --output table shows which it has; then pulumi config set vmSize SIZE, or another azure-native:location, and pulumi up.`,
  },
  {
    name: "no capacity",
    pattern: /\b(Zonal|Overconstrained)?AllocationFailed\b|OverconstrainedAllocationRequest/,
    advice: () =>
      "The region has no room for this size of machine at the moment. Run pulumi up again later, or with another size or region: pulumi config set vmSize SIZE, pulumi config set azure-native:location REGION.",
  },
  {
    name: "quota",
    pattern: /QuotaExceeded|exceeding (approved|quota)/,
    advice: (of) =>
      `The subscription's quota of cores is used up. az vm list-usage --location ${of(/Location: (\w+)/, "REGION")} --output table shows it. Ask for more (portal, Quotas), or take a smaller size or another region: pulumi config set vmSize SIZE. Then pulumi up.`,
  },
  {
    name: "too many addresses",
    pattern: /PublicIPCountLimitReached/,
    advice: () =>
      "The subscription may have no more public addresses in this region. Delete some that nobody uses (az network public-ip list --output table), ask for more (portal, Quotas), or take another region; or publicAddress false with a subnetId. Then pulumi up.",
  },
  {
    name: "name taken",
    pattern: /DnsRecordInUse/,
    advice: () => "Somebody has this DNS name already. pulumi config set dnsLabel LABEL, another one, then pulumi up.",
  },
  {
    name: "not changeable",
    pattern: /PropertyChangeNotAllowed/,
    advice: (of) =>
      `Azure can't change that on what exists. Take the change back; or have it made anew, a machine with its disk: pulumi up --replace '${of(...URN) === "" ? "URN" : `urn:pulumi:${of(...STACK)}::${of(...URN)}`}'.`,
  },
  {
    name: "installer",
    pattern:
      /VMExtension(ProvisioningError|ProvisioningTimeout|HandlerNonTransientError)|VMAgentStatusCommunicationError/,
    advice: () =>
      'The installer failed on the machine; its own words are in the log, after "Error message". Mend what they say. With CustomScript then pulumi up; with DockerExtension another forceUpdateTag, as Azure doesn\'t run the same settings twice: pulumi config set forceUpdateTag 2 (or any other text), pulumi up.',
  },
  {
    name: "busy",
    pattern: /AnotherOperationInProgress|TooManyRequests|\bStatus=429\b|RESPONSE 429/,
    advice: () =>
      "Azure was busy: too many requests, or another operation on the same resource. Wait some minutes, then run the same command again.",
  },
  {
    name: "destroy failed",
    pattern: (log) => /\bDestroying \(/.test(log) && /\berror:/.test(log),
    advice: () =>
      "A destroy failed. Once what is said above is mended, pulumi destroy again, and no pulumi up between: the state has forgotten what lies in the group.",
  },
  {
    name: "cut off",
    pattern: (log) =>
      /\b(Updating|Destroying|Refreshing) \(/.test(log) && !/\berror:|\bDuration:|\bunchanged\b/.test(log),
    advice: () =>
      "The run was cut off: the log ends in the middle. If nobody else is running: pulumi cancel, then run again; if that says pending operations, give its log to docker-host advise.",
  },
];

/** What is said where no cause is known, and never wrong. */
export const GENERIC =
  "No cause that is known here. What was made is recorded in the state, and nothing need be deleted. Mend what the log's error says, then run pulumi up again: it goes on from where it stopped.";

/** The advice for each cause that a log shows, in the order of the table; the generic one if it shows none. */
export function adviceFor(printed: string): string[] {
  const log = stripVTControlCharacters(printed);
  const of: Details = (pattern, otherwise) => pattern.exec(log)?.[1] ?? otherwise;
  const found = CAUSES.filter(({ pattern }) => (pattern instanceof RegExp ? pattern.test(log) : pattern(log)));
  return found.length === 0 ? [GENERIC] : found.map(({ advice }) => advice(of));
}

/**
 * Reads a log.
 *
 * @param file Its path; "-" is standard input.
 * @throws Failure if it can't be read.
 */
export async function readLog(file: string): Promise<string> {
  // A pipe may have nothing in it yet.
  if (file === "-") return text(process.stdin);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "?";
    throw new Failure(
      "usage",
      `FILE: ${JSON.stringify(file)} can't be read: ${code}; allowed: a file with what pulumi printed, or "-" for standard input`,
    );
  }
}
