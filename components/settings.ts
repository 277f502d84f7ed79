/** The table of settings: one row for each argument of a `DockerHost`. Defaults, checks, costs and the docs come from it. */
import type * as pulumi from "@pulumi/pulumi";
import type { DockerHostArgs } from "./dockerHostArgs";
import { validateDaemonOptions, validateDaemonOptionsForm } from "./installers/daemonOptions";
import { validateCaCert, validateCaPrivateKey, validateClientCaCert } from "./rules/ca";
import { validateAdminUsername, validatePassword, validateSshPublicKey } from "./rules/credentials";
import {
  INSTALLERS,
  validateCaGenerations,
  validateDockerPort,
  validateDockerVersion,
  validateForceUpdateTag,
  validateInstaller,
  validateKeyGeneration,
} from "./rules/docker";
import {
  DEFAULT_IMAGE,
  DEFAULT_VM_SIZE,
  PATCH_REBOOTS,
  validateImage,
  validateImageOfInstaller,
  validatePatchReboot,
  validatePatchedImage,
  validateSizeOfInstaller,
  validateTrustedLaunch,
  validateVmSize,
} from "./rules/image";
import { validateClients, validateDnsLabel, validateSubnetId } from "./rules/names";
import { validateTrustedClientCert } from "./rules/pem";
import { type Openness, validateDockerSources, validateSharedServiceTags, validateSources } from "./rules/sources";
import { validateTags } from "./rules/tags";

/** The topics that the docs group the settings by. */
export const TOPICS = ["access", "network", "VM", "Docker", "certificates", "protection"] as const;

/** The forms of values. A stack's configuration holds integers with commas between them, and texts by name. */
export type Form = "list" | "integers" | "object" | "texts" | "boolean" | "integer" | "string";

/** The cost of a change of a setting on an existing host. The most expensive effect counts. */
export type Change =
  "nothing by itself" | "in place" | "restarts Docker" | "reboots the VM" | "replaces the VM" | "replaces everything";

/** The columns of every row. */
export interface Row {
  topic: (typeof TOPICS)[number];
  form: Form;
  /** Whether only a program can set it, and a stack's configuration can't. */
  isProgramOnly?: true;
  /** The default. Absent if there is none, or if it isn't one value. */
  default?: unknown;
  /** The default in words, where it isn't one value. */
  defaultText?: string;
  /** The values that it can have, if they are a few words. */
  choices?: readonly string[];
  /** A value as `pulumi config set` takes it. */
  example: string;
  /** Whether it is always a secret. */
  isSecret?: true;
  change: Change;
  /** The inputs of the VM and of the NIC that a change replaces, as `replaceOnChanges` takes them. */
  replaces?: { vm?: string[]; nic?: string[] };
}

/** A plain value: without outputs at any depth. */
type Plain<Name extends keyof DockerHostArgs> = pulumi.Unwrap<NonNullable<DockerHostArgs[Name]>>;

/** Whether an argument takes outputs: all of it, the entries of its list, or not. */
type TakesOutputs<T> =
  Promise<never> extends T
    ? "whole"
    : T extends (infer Entry)[]
      ? Promise<never> extends Entry
        ? "entries"
        : "not"
      : "not";

interface SettingOf<Name extends keyof DockerHostArgs> extends Row {
  default?: Plain<Name>;
  takesOutputs: TakesOutputs<NonNullable<DockerHostArgs[Name]>>;
  /** Finds the problems of a value, or of an entry where the entries are outputs. The others are those that take no outputs. */
  validate?: (value: Plain<Name>, others: PlainArgs, setting: string) => string[];
}

/** The arguments that decide which resources there are. They take no outputs, so they are always known. */
export interface PlainArgs extends Openness {
  installer: string;
  trustedLaunch: boolean;
  patchReboot: (typeof PATCH_REBOOTS)[number];
}

const replacesVm = (...paths: string[]): { change: "replaces the VM"; replaces: { vm: string[] } } => ({
  change: "replaces the VM",
  replaces: { vm: paths },
});

/** Every setting, in the order of the docs. The compiler checks that there is a row for each argument and no other. */
export const SETTINGS = {
  resourceGroupName: {
    topic: "network",
    form: "string",
    isProgramOnly: true,
    takesOutputs: "whole",
    defaultText: "required",
    example: "docker-host-dev",
    change: "replaces everything",
  },
  location: {
    topic: "network",
    form: "string",
    isProgramOnly: true,
    takesOutputs: "whole",
    defaultText: "the provider's `azure-native:location`",
    example: "westeurope",
    change: "replaces everything",
  },
  dockerSources: {
    topic: "access",
    form: "list",
    takesOutputs: "whole",
    defaultText: "required",
    example: "203.0.113.7/32",
    change: "in place",
    validate: validateDockerSources,
  },
  sshSources: {
    topic: "access",
    form: "list",
    takesOutputs: "whole",
    default: [],
    example: "203.0.113.7/32",
    change: "in place",
    validate: (sources, others) => validateSources("sshSources", sources, others),
  },
  openToInternet: {
    topic: "access",
    form: "boolean",
    takesOutputs: "not",
    default: false,
    example: "true",
    change: "nothing by itself",
  },
  sharedServiceTags: {
    topic: "access",
    form: "list",
    takesOutputs: "not",
    default: [],
    example: "AzureDevOps",
    change: "nothing by itself",
    validate: validateSharedServiceTags,
  },
  dockerPort: {
    topic: "Docker",
    form: "integer",
    takesOutputs: "not",
    default: 4243,
    example: "2376",
    change: "restarts Docker",
    validate: validateDockerPort,
  },
  installer: {
    topic: "Docker",
    form: "string",
    takesOutputs: "not",
    default: "DockerExtension",
    choices: INSTALLERS,
    example: "CustomScript",
    change: "restarts Docker",
    validate: validateInstaller,
  },
  dockerVersion: {
    topic: "Docker",
    form: "string",
    takesOutputs: "whole",
    defaultText: "the Docker that is there, else the newest version",
    example: "28.2.*",
    change: "restarts Docker",
    validate: validateDockerVersion,
  },
  daemonOptions: {
    topic: "Docker",
    form: "object",
    takesOutputs: "whole",
    default: {},
    example: "daemonOptions.log-level warn",
    change: "restarts Docker",
    validate: (options, { installer }) => {
      const problems = validateDaemonOptions(options);
      return problems.length > 0 ? problems : validateDaemonOptionsForm(options, installer);
    },
  },
  allowContainerIdentity: {
    topic: "Docker",
    form: "boolean",
    takesOutputs: "not",
    default: false,
    example: "true",
    change: "in place",
  },
  forceUpdateTag: {
    topic: "Docker",
    form: "string",
    takesOutputs: "whole",
    defaultText: "none",
    example: "2026-11-24",
    change: "restarts Docker",
    validate: validateForceUpdateTag,
  },
  clients: {
    topic: "certificates",
    form: "list",
    takesOutputs: "not",
    defaultText: "`admin`, or none with `trustedClientCerts` or `caStack`",
    example: "ann",
    change: "restarts Docker",
    validate: validateClients,
  },
  keyGeneration: {
    topic: "certificates",
    form: "integer",
    takesOutputs: "not",
    default: 1,
    example: "2",
    change: "restarts Docker",
    validate: validateKeyGeneration,
  },
  caGenerations: {
    topic: "certificates",
    form: "integers",
    takesOutputs: "not",
    default: [1],
    example: "1,2",
    change: "restarts Docker",
    validate: validateCaGenerations,
  },
  caCertPem: {
    topic: "certificates",
    form: "string",
    takesOutputs: "whole",
    defaultText: "a CA that the host makes",
    example: "< ca.pem",
    change: "restarts Docker",
    validate: (pem) => validateCaCert("caCertPem", pem),
  },
  caPrivateKeyPem: {
    topic: "certificates",
    form: "string",
    takesOutputs: "whole",
    defaultText: "the key of a CA that the host makes",
    example: "< ca-key.pem",
    isSecret: true,
    change: "restarts Docker",
    validate: (pem) => validateCaPrivateKey("caPrivateKeyPem", pem),
  },
  trustedClientCerts: {
    topic: "certificates",
    form: "list",
    isProgramOnly: true,
    takesOutputs: "entries",
    default: [],
    example: "ann.pem",
    change: "restarts Docker",
    validate: (pem, _others, setting) => validateTrustedClientCert(setting, pem),
  },
  clientCaCerts: {
    topic: "certificates",
    form: "list",
    takesOutputs: "entries",
    default: [],
    example: "< company-ca.pem",
    change: "restarts Docker",
    validate: (pem, _others, setting) => validateClientCaCert(setting, pem),
  },
  adminUsername: {
    topic: "VM",
    form: "string",
    takesOutputs: "not",
    default: "azureuser",
    example: "ops",
    ...replacesVm("osProfile.adminUsername"),
    validate: validateAdminUsername,
  },
  sshPublicKey: {
    topic: "VM",
    form: "string",
    takesOutputs: "whole",
    defaultText: "a new Ed25519 key",
    example: "< ~/.ssh/id_ed25519.pub",
    ...replacesVm("osProfile.linuxConfiguration.ssh.publicKeys"),
    validate: validateSshPublicKey,
  },
  passwordLogin: {
    topic: "VM",
    form: "boolean",
    takesOutputs: "not",
    default: false,
    example: "true",
    ...replacesVm("osProfile.linuxConfiguration.disablePasswordAuthentication"),
  },
  adminPassword: {
    topic: "VM",
    form: "string",
    takesOutputs: "whole",
    defaultText: "a generated password",
    example: "",
    isSecret: true,
    ...replacesVm("osProfile.adminPassword"),
    validate: validatePassword,
  },
  publicIp: {
    topic: "network",
    form: "boolean",
    takesOutputs: "not",
    default: true,
    example: "false",
    change: "restarts Docker",
  },
  dnsLabel: {
    topic: "network",
    form: "string",
    takesOutputs: "whole",
    defaultText: "`docker-host-` and a random suffix",
    example: "build-host",
    change: "restarts Docker",
    validate: validateDnsLabel,
  },
  subnetId: {
    topic: "network",
    form: "string",
    takesOutputs: "whole",
    defaultText: "a virtual network of the host's own",
    example: "/subscriptions/…/subnets/hosts",
    change: "replaces the VM",
    // Azure doesn't move a NIC to another virtual network, and the VM goes with its NIC.
    replaces: { nic: ["ipConfigurations[0].subnet.id"] },
    validate: validateSubnetId,
  },
  image: {
    topic: "VM",
    form: "string",
    takesOutputs: "whole",
    default: DEFAULT_IMAGE,
    example: "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest",
    ...replacesVm(
      "storageProfile.imageReference.id",
      "storageProfile.imageReference.publisher",
      "storageProfile.imageReference.offer",
      "storageProfile.imageReference.sku",
      "storageProfile.imageReference.version",
    ),
    validate: (image, { trustedLaunch, patchReboot, installer }) => {
      const problems = validateImage(image);
      if (problems.length > 0) return problems;
      return [
        ...validateTrustedLaunch(image, trustedLaunch),
        ...validatePatchedImage(patchReboot, image),
        ...validateImageOfInstaller(image, installer),
      ];
    },
  },
  vmSize: {
    topic: "VM",
    form: "string",
    takesOutputs: "whole",
    default: DEFAULT_VM_SIZE,
    example: "Standard_D2s_v5",
    change: "reboots the VM",
    validate: (size, { installer }) => [...validateVmSize(size), ...validateSizeOfInstaller(size, installer)],
  },
  trustedLaunch: {
    topic: "VM",
    form: "boolean",
    takesOutputs: "not",
    default: true,
    example: "false",
    ...replacesVm("securityProfile.securityType"),
  },
  patchReboot: {
    topic: "VM",
    form: "string",
    takesOutputs: "not",
    default: "IfRequired",
    choices: PATCH_REBOOTS,
    example: "Never",
    change: "in place",
    validate: validatePatchReboot,
  },
  tags: {
    topic: "protection",
    form: "texts",
    takesOutputs: "whole",
    defaultText: "none",
    example: "tags.team build",
    change: "in place",
    validate: validateTags,
  },
  protect: {
    topic: "protection",
    form: "boolean",
    takesOutputs: "not",
    default: false,
    example: "true",
    change: "nothing by itself",
  },
} as const satisfies { [Name in keyof Required<DockerHostArgs>]: SettingOf<Name> };

/** The name of a setting. */
export type SettingName = keyof typeof SETTINGS;

/** A row of any setting. */
export interface AnyRow extends Row {
  takesOutputs: "whole" | "entries" | "not";
  validate?: (value: never, others: PlainArgs, setting: string) => string[];
}

/** The row of a setting; undefined if there is none of that name. */
export function rowOf(name: string): AnyRow | undefined {
  return Object.hasOwn(SETTINGS, name) ? SETTINGS[name as SettingName] : undefined;
}

/** The names that settings had before, with the names that they have now. */
export const FORMER_NAMES: Record<string, SettingName | "caStack" | "shareCa"> = {
  authorityGenerations: "caGenerations",
  authorityStack: "caStack",
  shareAuthority: "shareCa",
  clientAuthorities: "clientCaCerts",
  clientCertPems: "trustedClientCerts",
  publicAddress: "publicIp",
  production: "protect",
};

/** The problem of a name that is no setting's. */
export function unknownName(name: string, known: string[]): string {
  const now = Object.hasOwn(FORMER_NAMES, name) ? FORMER_NAMES[name] : undefined;
  return now === undefined
    ? `${name} must be one of the settings: ${known.join(", ")}.`
    : `${name} must be called ${now}. It has a new name.`;
}

/** The inputs of the VM or of the NIC whose change replaces it. */
export function replaceOnChanges(resource: "vm" | "nic"): string[] {
  return Object.values<Row>(SETTINGS).flatMap(({ replaces }) => replaces?.[resource] ?? []);
}
