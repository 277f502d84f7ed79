/** The rules of a Docker host's settings: defaults, checks and what is computed from them; pure, so that each has an exact test. */
import { RunError } from "@pulumi/pulumi/errors";
import * as ipaddr from "ipaddr.js";
import * as sshpk from "sshpk";
import { type DaemonOptions, checkDaemonOptions } from "./daemonOptions";

/** The settings that are plain values: they are checked before anything is declared. */
export interface Settings {
  /** See `DockerHostArgs.dockerSources`. */
  dockerSources?: string[];
  /** See `DockerHostArgs.sshSources`. */
  sshSources?: string[];
  /** See `DockerHostArgs.openToInternet`. */
  openToInternet?: boolean;
  /** See `DockerHostArgs.dockerPort`. */
  dockerPort?: number;
  /** See `DockerHostArgs.installer`. */
  installer?: string;
  /** See `DockerHostArgs.dockerVersion`. */
  dockerVersion?: string;
  /** See `DockerHostArgs.daemonOptions`. */
  daemonOptions?: DaemonOptions;
  /** See `DockerHostArgs.forceUpdateTag`. */
  forceUpdateTag?: string;
  /** See `DockerHostArgs.keyGeneration`. */
  keyGeneration?: number;
  /** See `DockerHostArgs.caGenerations`. */
  caGenerations?: number[];
  /** See `DockerHostArgs.clients`. */
  clients?: string[];
  /** See `DockerHostArgs.adminUsername`. */
  adminUsername?: string;
  /** See `DockerHostArgs.passwordLogin`. */
  passwordLogin?: boolean;
  /** See `DockerHostArgs.publicIp`. */
  publicIp?: boolean;
  /** See `DockerHostArgs.dnsLabel`. */
  dnsLabel?: string;
  /** See `DockerHostArgs.image`. */
  image?: string;
  /** See `DockerHostArgs.vmSize`. */
  vmSize?: string;
  /** See `DockerHostArgs.trustedLaunch`. */
  trustedLaunch?: boolean;
  /** See `DockerHostArgs.patchReboot`. */
  patchReboot?: string;
  /** See `DockerHostArgs.protect`. */
  protect?: boolean;
}

/** Settings with every default filled in. */
export type CompleteSettings = Required<Omit<Settings, Optional>> & Pick<Settings, Optional>;

type Optional = "clients" | "dnsLabel" | "dockerVersion" | "forceUpdateTag";

/** What each setting is where the user says nothing. */
export const DEFAULTS = {
  sshSources: [] as string[],
  openToInternet: false,
  dockerPort: 4243,
  installer: "DockerExtension",
  daemonOptions: {} as DaemonOptions,
  keyGeneration: 1,
  caGenerations: [1] as number[],
  adminUsername: "azureuser",
  passwordLogin: false,
  publicIp: true,
  image: "Canonical:ubuntu-24_04-lts:server:latest",
  vmSize: "Standard_B2s_v2",
  trustedLaunch: true,
  patchReboot: "IfRequired",
  protect: false,
} as const;

/** The ways to put Docker on the machine. */
export const INSTALLERS = ["DockerExtension", "CustomScript"] as const;

/** When Azure reboots the machine after it has patched it (`automaticByPlatformSettings.rebootSetting`). */
export const PATCH_REBOOTS = ["IfRequired", "Never", "Always"] as const;

/** One of `PATCH_REBOOTS`. */
export type PatchReboot = (typeof PATCH_REBOOTS)[number];

/** Wrong settings: one line for each, that names the setting, the value given and what is allowed. Pulumi shows it without a stack trace. */
export class SettingsError extends RunError {
  constructor(public readonly problems: string[]) {
    super(
      problems.length === 1
        ? `Wrong setting: ${problems.join()}`
        : `Wrong settings:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
    );
  }
}

/**
 * Throws what is wrong, if anything.
 *
 * @throws SettingsError with all the problems at once, so that they can be mended at once.
 */
export function refuse(problems: string[]): void {
  if (problems.length > 0) throw new SettingsError(problems);
}

/**
 * Fills in the defaults and checks every setting.
 *
 * @throws SettingsError naming each setting that is wrong, its value and what is allowed.
 */
export function completeSettings(settings: Settings): CompleteSettings {
  const complete = {
    dockerSources: settings.dockerSources ?? [],
    sshSources: settings.sshSources ?? [...DEFAULTS.sshSources],
    openToInternet: settings.openToInternet ?? DEFAULTS.openToInternet,
    dockerPort: settings.dockerPort ?? DEFAULTS.dockerPort,
    installer: settings.installer ?? DEFAULTS.installer,
    dockerVersion: settings.dockerVersion,
    daemonOptions: settings.daemonOptions ?? { ...DEFAULTS.daemonOptions },
    forceUpdateTag: settings.forceUpdateTag,
    keyGeneration: settings.keyGeneration ?? DEFAULTS.keyGeneration,
    caGenerations: settings.caGenerations ?? [...DEFAULTS.caGenerations],
    clients: settings.clients,
    adminUsername: settings.adminUsername ?? DEFAULTS.adminUsername,
    passwordLogin: settings.passwordLogin ?? DEFAULTS.passwordLogin,
    publicIp: settings.publicIp ?? DEFAULTS.publicIp,
    dnsLabel: settings.dnsLabel,
    image: settings.image ?? DEFAULTS.image,
    vmSize: settings.vmSize ?? DEFAULTS.vmSize,
    trustedLaunch: settings.trustedLaunch ?? DEFAULTS.trustedLaunch,
    patchReboot: settings.patchReboot ?? DEFAULTS.patchReboot,
    protect: settings.protect ?? DEFAULTS.protect,
  };
  refuse([
    ...checkDockerSources(complete.dockerSources, complete.openToInternet),
    ...checkSources("sshSources", complete.sshSources, complete.openToInternet),
    ...checkRuleCount(complete.dockerSources, complete.sshSources),
    ...checkPort(complete.dockerPort),
    ...checkInstaller(complete.installer),
    ...(complete.dockerVersion === undefined ? [] : checkDockerVersion(complete.dockerVersion)),
    ...checkDaemonOptions(complete.daemonOptions, complete.installer),
    ...(complete.forceUpdateTag === undefined ? [] : checkForceUpdateTag(complete.forceUpdateTag)),
    ...checkKeyGeneration(complete.keyGeneration),
    ...checkCaGenerations(complete.caGenerations),
    ...(complete.clients === undefined ? [] : checkClients(complete.clients)),
    ...checkAdminUsername(complete.adminUsername),
    ...(complete.dnsLabel === undefined ? [] : checkDnsLabel("dnsLabel", complete.dnsLabel)),
    ...checkImage(complete.image),
    ...checkVmSize(complete.vmSize),
    ...checkTrustedLaunch(complete.image, complete.trustedLaunch),
    ...checkArchitecture(complete.image, complete.vmSize, complete.installer),
    ...checkPatchReboot(complete.patchReboot, complete.image),
  ]);
  return complete;
}

// Sources ------------------------------------------------------------------------------------------------------------

/**
 * Service tags that an inbound rule of a network security group takes, from Microsoft's "Virtual network service tags".
 * A known list, not a pattern: a word that only looks like a tag would be refused by Azure half-way through.
 */
const SERVICE_TAGS = new Set(
  [
    "ActionGroup",
    "ApiManagement",
    "AppConfiguration",
    "AppService",
    "AppServiceManagement",
    "AutonomousDevelopmentPlatform",
    "AzureActiveDirectory",
    "AzureAdvancedThreatProtection",
    "AzureArcInfrastructure",
    "AzureAttestation",
    "AzureBackup",
    "AzureBotService",
    "AzureCloud",
    "AzureCognitiveSearch",
    "AzureConnectors",
    "AzureContainerAppsService",
    "AzureContainerRegistry",
    "AzureCosmosDB",
    "AzureDatabricks",
    "AzureDataExplorerManagement",
    "AzureDevOps",
    "AzureDigitalTwins",
    "AzureEventGrid",
    "AzureFrontDoor.Backend",
    "AzureFrontDoor.FirstParty",
    "AzureFrontDoor.Frontend",
    "AzureHealthcareAPIs",
    "AzureInformationProtection",
    "AzureIoTHub",
    "AzureKeyVault",
    "AzureLoadBalancer",
    "AzureLoadTestingInstanceManagement",
    "AzureMachineLearning",
    "AzureMachineLearningInference",
    "AzureManagedGrafana",
    "AzureMonitor",
    "AzureMonitorForSAP",
    "AzureOpenDatasets",
    "AzurePortal",
    "AzureResourceManager",
    "AzureSecurityCenter",
    "AzureSentinel",
    "AzureSignalR",
    "AzureSiteRecovery",
    "AzureSphere",
    "AzureSpringCloud",
    "AzureStack",
    "AzureTrafficManager",
    "AzureUpdateDelivery",
    "AzureVideoAnalyzerForMedia",
    "AzureVirtualDesktop",
    "AzureWebPubSub",
    "BatchNodeManagement",
    "ChaosStudio",
    "CognitiveServicesFrontend",
    "CognitiveServicesManagement",
    "DataFactory",
    "DataFactoryManagement",
    "Dynamics365BusinessCentral",
    "Dynamics365ForMarketingEmail",
    "EventHub",
    "GatewayManager",
    "GuestAndHybridManagement",
    "HDInsight",
    "Internet",
    "KustoAnalytics",
    "LogicApps",
    "LogicAppsManagement",
    "M365ManagementActivityApi",
    "M365ManagementActivityApiWebhook",
    "MicrosoftAzureFluidRelay",
    "MicrosoftCloudAppSecurity",
    "MicrosoftContainerRegistry",
    "MicrosoftDefenderForEndpoint",
    "MicrosoftPurviewPolicyDistribution",
    "OneDsCollector",
    "PowerBI",
    "PowerPlatformInfra",
    "PowerPlatformPlex",
    "PowerQueryOnline",
    "Scuba",
    "SerialConsole",
    "ServiceBus",
    "ServiceFabric",
    "Sql",
    "SqlManagement",
    "Storage",
    "StorageMover",
    "StorageSyncService",
    "TrafficManager",
    "VideoIndexer",
    "VirtualNetwork",
    "WindowsAdminCenter",
    "WindowsVirtualDesktop",
  ].map((tag) => tag.toLowerCase()),
);

/** A prefix shorter than this spans so much that it stands for the Internet: 1/256 of the IPv4 space, an Internet registry's block of IPv6. */
const SHORTEST_PREFIX = { ipv4: 8, ipv6: 16 };

/** Where IPv6 holds the whole of IPv4: as much of that is as open as the same in IPv4's own form. RFC 4291, 6052 and 3056. */
const IPV4_IN_IPV6: [address: string, length: number][] = [
  ["::", 96],
  ["::ffff:0:0", 96],
  ["64:ff9b::", 96],
  ["2002::", 16],
];

/** Tags that no region has a part of. */
const TAGS_WITHOUT_REGION = new Set(["azureloadbalancer", "internet", "virtualnetwork"]);

const SOURCE_FORMS =
  'a CIDR ("203.0.113.0/24", "2001:db8::/48"), an address ("203.0.113.7") or a service tag ("VirtualNetwork", "AzureCloud.WestEurope")';

/** What is wrong with one entry of `dockerSources` or `sshSources`; nothing if all is well. */
export function checkSource(setting: string, source: unknown, openToInternet: boolean): string[] {
  const given = `${setting}: ${JSON.stringify(source)}`;
  if (typeof source !== "string") return [`${given} is not a string; allowed: ${SOURCE_FORMS}`];
  const open = [
    `${given} is open to the Internet; name the addresses that may reach the port, or set openToInternet to true if everyone may`,
  ];
  if (["*", "internet", "any"].includes(source.toLowerCase())) return openToInternet ? [] : open;

  const [address = "", prefix, ...rest] = source.split("/");
  const isV4 = ipaddr.IPv4.isValidFourPartDecimal(address);
  if (isV4 || (address.includes(":") && !address.includes("%") && ipaddr.IPv6.isValid(address))) {
    const bits = isV4 ? 32 : 128;
    const length = prefix === undefined ? bits : Number(prefix);
    if (rest.length > 0 || (prefix !== undefined && !/^(0|[1-9]\d{0,2})$/.test(prefix)) || length > bits) {
      return [`${given} has no valid prefix length; allowed: 0 to ${bits}, as in "${address}/${bits}"`];
    }
    if (isOpen(address, length) && !openToInternet) return open;
    const network = networkAddress(address, length);
    if (ipaddr.parse(address).toNormalizedString() !== network) {
      return [
        `${given} is an address within a network, and could mean either; allowed: "${network}/${length}" for the network, "${address}/${bits}" for the one address`,
      ];
    }
    return [];
  }

  // A regional tag is the tag, a dot and the region; AzureFrontDoor's parts are the only tags with a dot of their own.
  const tag = source.toLowerCase();
  const whole = tag.replace(/\.[a-z]+\d?$/, "");
  if (SERVICE_TAGS.has(tag) || (SERVICE_TAGS.has(whole) && !TAGS_WITHOUT_REGION.has(whole))) return [];
  return [`${given} is neither a CIDR nor a service tag; allowed: ${SOURCE_FORMS}`];
}

/** Whether a network spans so much that it stands for the Internet. The unspecified address is every address to many who read it. */
function isOpen(address: string, length: number): boolean {
  const isV4 = ipaddr.IPv4.isValid(address);
  if (length < SHORTEST_PREFIX[isV4 ? "ipv4" : "ipv6"] || ipaddr.parse(address).range() === "unspecified") return true;
  if (isV4) return false;
  return IPV4_IN_IPV6.some(([within, bits]) => {
    const overlaps = ipaddr.IPv6.parse(address).match(ipaddr.IPv6.parse(within), Math.min(bits, length));
    return overlaps && length < bits + SHORTEST_PREFIX.ipv4;
  });
}

function networkAddress(address: string, length: number): string {
  return ipaddr.IPv4.isValid(address)
    ? ipaddr.IPv4.networkAddressFromCIDR(`${address}/${length}`).toNormalizedString()
    : ipaddr.IPv6.networkAddressFromCIDR(`${address}/${length}`).toNormalizedString();
}

/** What is wrong with a list of sources. */
export function checkSources(setting: string, sources: unknown, openToInternet: boolean): string[] {
  if (!Array.isArray(sources)) {
    return [`${setting}: ${JSON.stringify(sources)} is not a list; allowed: a list, each entry ${SOURCE_FORMS}`];
  }
  return [...sources.flatMap((source) => checkSource(setting, source, openToInternet)), ...repeated(setting, sources)];
}

/** What is wrong with `dockerSources`: as any sources, and there must be one. */
export function checkDockerSources(sources: unknown, openToInternet: boolean): string[] {
  if (Array.isArray(sources) && sources.length === 0) {
    return [
      `dockerSources: none given, so nobody could reach the Docker port; allowed: a list, each entry ${SOURCE_FORMS}`,
    ];
  }
  return checkSources("dockerSources", sources, openToInternet);
}

/** Azure's limit of rules in one network security group (Azure subscription and service limits), less the one that denies all else. */
const MOST_RULES = 999;

function checkRuleCount(dockerSources: unknown[], sshSources: unknown[]): string[] {
  const count = dockerSources.length + sshSources.length;
  return count > MOST_RULES
    ? [
        `dockerSources and sshSources: ${count} sources together; allowed: at most ${MOST_RULES}, Azure's limit of rules`,
      ]
    : [];
}

/** One inbound rule of the network security group. */
export interface InboundRule {
  name: string;
  priority: number;
  access: "Allow" | "Deny";
  protocol: "Tcp" | "*";
  sourceAddressPrefix: string;
  destinationPort: string;
}

/**
 * The network security group's rules: one for each source, and one that denies all else, since Azure's own default rules
 * let every machine of the virtual network, and of those peered with it, reach any port.
 * One rule a source, because Azure takes service tags only in the singular `sourceAddressPrefix`.
 */
export function inboundRules(dockerPort: number, dockerSources: string[], sshSources: string[]): InboundRule[] {
  const allow = [
    ...dockerSources.map((source, index) => ({ name: `AllowDocker${index + 1}`, source, port: dockerPort })),
    ...sshSources.map((source, index) => ({ name: `AllowSsh${index + 1}`, source, port: 22 })),
  ];
  return [
    ...allow.map(({ name, source, port }, index) => ({
      name,
      priority: 100 + index,
      access: "Allow" as const,
      protocol: "Tcp" as const,
      // What the portal calls "Any" has one name in the API.
      sourceAddressPrefix: source.toLowerCase() === "any" ? "*" : source,
      destinationPort: port.toString(),
    })),
    {
      name: "DenyAllElse",
      priority: 4096,
      access: "Deny",
      protocol: "*",
      sourceAddressPrefix: "*",
      destinationPort: "*",
    },
  ];
}

// Port, installer, names ---------------------------------------------------------------------------------------------

/** What is wrong with the Docker port. 22 is SSH's. */
export function checkPort(port: unknown): string[] {
  const valid = typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65535 && port !== 22;
  return valid
    ? []
    : [
        `dockerPort: ${typeof port === "number" ? port : JSON.stringify(port)} is not allowed; allowed: a whole number from 1 to 65535, but 22 (SSH)`,
      ];
}

/** What is wrong with the installer. */
export function checkInstaller(installer: string): string[] {
  return (INSTALLERS as readonly string[]).includes(installer)
    ? []
    : [`installer: "${installer}" is not known; allowed: ${INSTALLERS.join(", ")}`];
}

/**
 * What is wrong with the version of the package `docker.io`, in apt's own form: a whole version, which ends with Ubuntu's
 * revision (deb-version(7): `[epoch:]upstream-revision`), or a beginning with "*". Anything else matches no package.
 */
export function checkDockerVersion(version: string): string[] {
  const isWhole = /^(\d+:)?\d[A-Za-z0-9.+~]*(-[A-Za-z0-9.+~]+)+$/.test(version);
  const isBeginning = /^(\d+:)?\d[A-Za-z0-9.+~-]*\*$/.test(version);
  if (isWhole || isBeginning) return [];
  const [, upstream] = /^v?(\d+(?:\.\d+)*)$/.exec(version) ?? [];
  const remedy =
    upstream === undefined
      ? 'be one of Ubuntu\'s package docker.io, such as "28.2.2-0ubuntu1~24.04.1", or the beginning of one with "*", such as "28.2.*"'
      : `be "${upstream}${upstream.split(".").length < 3 ? "." : ""}*", or a whole version of Ubuntu's package docker.io, such as "28.2.2-0ubuntu1~24.04.1"`;
  return [`dockerVersion must ${remedy} (got ${JSON.stringify(version)}). Leave it out for the newest.`];
}

/** What is wrong with the tag that makes Azure run the installer again. */
export function checkForceUpdateTag(tag: string): string[] {
  return /^[\w.:+-]{1,128}$/.test(tag)
    ? []
    : [
        `forceUpdateTag: ${JSON.stringify(tag)} is not allowed; allowed: 1 to 128 letters, digits and "_.:+-", such as "2026-11-24"`,
      ];
}

const isGeneration = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 1;

/** What is wrong with the generation of the servers' and clients' keys. */
export function checkKeyGeneration(generation: unknown): string[] {
  return isGeneration(generation)
    ? []
    : [`keyGeneration: ${JSON.stringify(generation)} is not allowed; allowed: a whole number, 1 or more`];
}

/** What is wrong with the list of authorities. */
export function checkCaGenerations(generations: unknown): string[] {
  const allowed = "allowed: a list of whole numbers, 1 or more, each once; the first one signs, such as [1] or [1, 2]";
  const valid =
    Array.isArray(generations) &&
    generations.length > 0 &&
    generations.every(isGeneration) &&
    new Set(generations).size === generations.length;
  return valid ? [] : [`caGenerations: ${JSON.stringify(generations)} is not allowed; ${allowed}`];
}

/** What is wrong with the clients' names. Each is the start of a file's name to whoever writes its files. */
export function checkClients(clients: unknown): string[] {
  const allowed =
    'allowed: a list of names, each of 1 to 32 lower-case letters, digits, "-", "_" and ".", first a letter or digit';
  if (!Array.isArray(clients)) return [`clients: ${JSON.stringify(clients)} is not a list; ${allowed}`];
  const isName = (name: unknown): boolean => typeof name === "string" && /^[a-z0-9][a-z0-9._-]{0,31}$/.test(name);
  return [
    ...clients
      .filter((name) => !isName(name))
      .map((name) => `clients: ${JSON.stringify(name)} is not allowed; ${allowed}`),
    ...repeated("clients", clients),
  ];
}

/** What is wrong with a list in which each entry may stand but once. */
function repeated(setting: string, list: unknown[]): string[] {
  const again = list.filter((entry, index) => list.indexOf(entry) !== index);
  return [...new Set(again)].map(
    (entry) => `${setting}: ${JSON.stringify(entry)} stands in the list twice; name it once`,
  );
}

/** What is wrong with a DNS label (Azure's rule for `dnsSettings.domainNameLabel`). */
export function checkDnsLabel(setting: string, label: string): string[] {
  return /^[a-z][a-z0-9-]{1,61}[a-z0-9]$/.test(label)
    ? []
    : [
        `${setting}: "${label}" is no DNS label of Azure's; allowed: 3 to 63 lower-case letters, digits and hyphens, first a letter, last no hyphen`,
      ];
}

/** What is wrong with a host without a public address: it needs another way out to install Docker, and has no DNS name. */
export function checkPublicIp(publicIp: boolean, subnetGiven: boolean, dnsLabel?: string): string[] {
  if (publicIp) return [];
  return [
    ...(subnetGiven
      ? []
      : [
          "publicIp: false, but the host's own network has no other way out, and nothing could be installed; allowed: false with a subnetId, or true",
        ]),
    ...(dnsLabel === undefined
      ? []
      : [
          `dnsLabel: "${dnsLabel}" is for a public address, but publicIp is false; allowed: with publicIp true, or none given`,
        ]),
  ];
}

const SUBNET =
  /^\/subscriptions\/[^/\s]+\/resourceGroups\/[^/\s]+\/providers\/Microsoft\.Network\/virtualNetworks\/[^/\s]+\/subnets\/[^/\s]+$/i;

/** What is wrong with a subnet's resource ID, whose letters' case doesn't count. */
export function checkSubnetId(id: string): string[] {
  return SUBNET.test(id)
    ? []
    : [
        `subnetId: ${JSON.stringify(id)} is no subnet's resource ID; allowed: "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Network/virtualNetworks/NETWORK/subnets/NAME"`,
      ];
}

/** How many characters the random end of a DNS label has; a component's name leaves room for it. */
export const DNS_SUFFIX_LENGTH = 6;

/** What is wrong with the component's name, which is the start of the DNS label and of every resource's name, and the host name. */
export function checkName(name: string): string[] {
  return /^[a-z][a-z0-9-]{0,54}[a-z0-9]$/.test(name)
    ? []
    : [
        `name: "${name}" can't name a host; allowed: 2 to 56 lower-case letters, digits and hyphens, first a letter, last no hyphen`,
      ];
}

/** Names that Azure refuses (documentation of `OSProfile.adminUsername`), and those of users and groups that Ubuntu has already. */
const RESERVED_USERNAMES = new Set([
  ..."administrator admin user user1 test user2 test1 user3 admin1 1 123 a actuser adm admin2 aspnet backup console".split(
    " ",
  ),
  ..."david guest john owner root server sql support support_388945a0 sys test2 test3 user4 user5".split(" "),
  ..."_apt bin daemon dhcpcd games irc landscape list lp mail man messagebus news nobody polkitd pollinate proxy".split(
    " ",
  ),
  ..."sshd sync syslog tcpdump tss usbmux uucp uuidd www-data".split(" "),
  // A user's own group has the user's name (base-passwd).
  ..."audio cdrom dialout dip disk fax floppy kmem nogroup operator plugdev sasl shadow src staff sudo".split(" "),
  ..."tape tty users utmp video voice".split(" "),
]);

/** What is wrong with the administrator's name. */
export function checkAdminUsername(name: string): string[] {
  if (RESERVED_USERNAMES.has(name.toLowerCase()) || name.toLowerCase().startsWith("systemd-")) {
    return [
      `adminUsername: "${name}" is reserved by Azure or Ubuntu; allowed: any other name, such as "${DEFAULTS.adminUsername}"`,
    ];
  }
  return /^[a-z_][a-z0-9_-]{0,31}$/.test(name)
    ? []
    : [
        `adminUsername: "${name}" is no Linux user name; allowed: 1 to 32 lower-case letters, digits, "_" and "-", first a letter or "_"`,
      ];
}

// Password and key ---------------------------------------------------------------------------------------------------

/** The special characters of which a password needs one (the rule of `azure vm docker create`). */
export const PASSWORD_SPECIALS = "!@#$%^&+=";

/** Passwords that Azure refuses (documentation of `OSProfile.adminPassword`). */
const FORBIDDEN_PASSWORDS = new Set(
  "abc@123 P@$$w0rd P@ssw0rd P@ssword123 Pa$$word pass@word1 Password! Password1 Password22 iloveyou!".split(" "),
);

/**
 * What is wrong with a password, without showing it. Two rule sets hold: ARM's (12 to 72 characters, three of four
 * classes, ten values forbidden) and the one of `azure vm docker create` (all four classes, its own special characters).
 */
export function checkPassword(password: string): string[] {
  if (FORBIDDEN_PASSWORDS.has(password)) {
    return ["adminPassword: the value given (not shown) is one that Azure forbids; allowed: a less common one"];
  }
  const missing = [
    ...(password.length < 12 || password.length > 72 ? [`12 to 72 characters (it has ${password.length})`] : []),
    ...(/[a-z]/.test(password) ? [] : ["a lower-case letter"]),
    ...(/[A-Z]/.test(password) ? [] : ["an upper-case letter"]),
    ...(/[0-9]/.test(password) ? [] : ["a digit"]),
    ...(PASSWORD_SPECIALS.split("").some((special) => password.includes(special))
      ? []
      : [`one of ${PASSWORD_SPECIALS}`]),
    ...(/\p{Cc}/u.test(password) ? ["no control characters, such as the end of a line"] : []),
  ];
  return missing.length === 0 ? [] : [`adminPassword: the value given (not shown) needs ${missing.join(", ")}`];
}

/** What is wrong with the pair of `passwordLogin` and `adminPassword`. */
export function checkPasswordLogin(passwordLogin: boolean, passwordGiven: boolean): string[] {
  return passwordGiven && !passwordLogin
    ? [
        "adminPassword: given (not shown), but passwordLogin is false; allowed: with passwordLogin true, or no adminPassword",
      ]
    : [];
}

/** What is wrong with an SSH public key. Azure takes RSA of 2048 bits or more, and Ed25519. What is no public key is not shown: it may be a private one. */
export function checkSshPublicKey(line: string): string[] {
  const allowed = 'allowed: one line in OpenSSH form, "ssh-ed25519 AAAA…" or "ssh-rsa AAAA…" of 2048 bits or more';
  if (/PRIVATE KEY/.test(line)) return [`sshPublicKey: the value given (not shown) is a private key; ${allowed}`];
  let key: sshpk.Key;
  try {
    if (/\p{Cc}/u.test(line.trim())) throw new Error("more than one line, or none that can be printed");
    key = sshpk.parseKey(line.trim(), "ssh");
    // The parser overlooks what follows the key within its base64 text.
    if (withoutComment(key.toString("ssh")) !== withoutComment(line.trim())) throw new Error("more than a key");
  } catch {
    return [`sshPublicKey: the value given (${line.length} characters, not shown) is no public key; ${allowed}`];
  }
  if (key.type === "ed25519") return [];
  if (key.type === "rsa") {
    return key.size >= 2048 ? [] : [`sshPublicKey: an RSA key of ${key.size} bits is too short for Azure; ${allowed}`];
  }
  return [`sshPublicKey: a key of type ${key.type.toUpperCase()} is not accepted by Azure; ${allowed}`];
}

function withoutComment(line: string): string {
  return line.split(" ", 2).join(" ");
}

// Image and size -----------------------------------------------------------------------------------------------------

const URN = /^[\w.-]+:[\w.-]+:[\w.-]+:(latest|\d+(\.\d+){0,3})$/i;
const MANAGED_IMAGE =
  /^\/subscriptions\/[^/\s]+\/resourceGroups\/[^/\s]+\/providers\/Microsoft\.Compute\/images\/[^/\s]+$/i;
const GALLERY_IMAGE =
  /^\/subscriptions\/[^/\s]+\/resourceGroups\/[^/\s]+\/providers\/Microsoft\.Compute\/galleries\/[^/\s]+\/images\/[^/\s]+(\/versions\/[^/\s]+)?$/i;

/** The default image's twin for Arm. */
const ARM_IMAGE = "Canonical:ubuntu-24_04-lts:server-arm64:latest";

/** What is wrong with an image's name. */
export function checkImage(image: string): string[] {
  return URN.test(image) || MANAGED_IMAGE.test(image) || GALLERY_IMAGE.test(image)
    ? []
    : [
        `image: "${image}" is neither a URN nor an image's resource ID; allowed: "publisher:offer:sku:version" as in "${DEFAULTS.image}", "/subscriptions/…/providers/Microsoft.Compute/images/NAME" or "…/galleries/GALLERY/images/NAME[/versions/VERSION]"`,
      ];
}

/** An image as ARM's `imageReference` takes it. */
export type ImageReference = { id: string } | { publisher: string; offer: string; sku: string; version: string };

/** A checked image's ARM reference. */
export function imageReference(image: string): ImageReference {
  if (image.startsWith("/")) return { id: image };
  const [publisher = "", offer = "", sku = "", version = ""] = image.split(":");
  return { publisher, offer, sku, version };
}

/** What an image's name says of it; undefined where it says nothing, as with one's own images and other publishers'. */
interface ImageKind {
  architecture: "x64" | "Arm64";
  generation: 1 | 2;
}

/**
 * What the names of Canonical's images say (Canonical, "Find Ubuntu images on Azure"): Arm images have `arm64` in their
 * SKU. Of the offers `ubuntu-24_04-lts` and so on, an SKU is Gen1 if it ends with `-gen1`; of the older offers, it is Gen1
 * unless it has `gen2`, `arm64` or `cvm`.
 */
function imageKind(image: string): ImageKind | undefined {
  const { publisher = "", offer = "", sku = "" } = { ...imageReference(image) } as Record<string, string>;
  if (!/^canonical$/i.test(publisher)) return undefined;
  const isArm = /arm64/i.test(sku);
  const isGen2 = /^ubuntu-\d\d_\d\d/i.test(offer) ? !/gen1$/i.test(sku) : isArm || /gen2|cvm/i.test(sku);
  return { architecture: isArm ? "Arm64" : "x64", generation: isGen2 ? 2 : 1 };
}

/**
 * What is wrong with image and Trusted Launch together: Azure offers it for Gen2 images alone, and for no managed image.
 * Weaker security is asked for, never silent.
 */
export function checkTrustedLaunch(image: string, trustedLaunch: boolean): string[] {
  if (!trustedLaunch) return [];
  return [
    ...(MANAGED_IMAGE.test(image)
      ? [
          `trustedLaunch: true can't be had with the managed image "${image}"; allowed: trustedLaunch false, or an image of a gallery`,
        ]
      : []),
    ...(imageKind(image)?.generation === 1
      ? [
          `trustedLaunch must be false with a Gen1 image (got true with "${image}"). For Trusted Launch, set image to a Gen2 one, such as "${DEFAULTS.image}".`,
        ]
      : []),
  ];
}

/**
 * Canonical's images that Azure patches, each "offer:sku" in lower case (Microsoft, "Automatic Guest Patching for Azure
 * Virtual Machines", Supported Linux Images). Microsoft supports platform patching for these combinations alone, so not for
 * `ubuntu-22_04-lts:server`, say.
 */
const PATCHED_BY_PLATFORM = new Set([
  "ubuntuserver:16.04-lts",
  "ubuntuserver:16.04.0-lts",
  "ubuntuserver:18.04-lts",
  "ubuntuserver:18_04-lts-arm64",
  "ubuntuserver:18_04-lts-gen2",
  "ubuntu-24_04-lts:cvm",
  "ubuntu-24_04-lts:server",
  "ubuntu-24_04-lts:server-arm64",
  "ubuntu-24_04-lts:server-gen1",
  "ubuntu-24_04-lts:ubuntu-pro",
  "ubuntu-24_04-lts:ubuntu-pro-cvm",
  "0001-com-ubuntu-confidential-vm-focal:20_04-lts-cvm",
  "0001-com-ubuntu-confidential-vm-jammy:22_04-lts-cvm",
  "0001-com-ubuntu-pro-bionic:pro-18_04-lts",
  "0001-com-ubuntu-pro-focal:pro-20_04-lts",
  "0001-com-ubuntu-pro-focal:pro-20_04-lts-gen2",
  "0001-com-ubuntu-pro-jammy:pro-22_04-lts-gen2",
  "0001-com-ubuntu-server-focal:20_04-lts",
  "0001-com-ubuntu-server-focal:20_04-lts-arm64",
  "0001-com-ubuntu-server-focal:20_04-lts-gen2",
  "0001-com-ubuntu-server-jammy:22_04-lts",
  "0001-com-ubuntu-server-jammy:22_04-lts-arm64",
  "0001-com-ubuntu-server-jammy:22_04-lts-gen2",
]);

/** Who patches the machine: Azure where it supports the image, else the image itself. */
export function patchMode(image: string): "AutomaticByPlatform" | "ImageDefault" {
  const [publisher, offer = "", sku = ""] = image.toLowerCase().split(":");
  return publisher === "canonical" && PATCHED_BY_PLATFORM.has(`${offer}:${sku}`)
    ? "AutomaticByPlatform"
    : "ImageDefault";
}

/** How a machine is patched, as ARM's `patchSettings` takes it. */
export interface PatchSettings {
  patchMode: "AutomaticByPlatform" | "ImageDefault";
  assessmentMode: "AutomaticByPlatform" | "ImageDefault";
  automaticByPlatformSettings?: { rebootSetting: PatchReboot };
}

/** A checked image's and reboot setting's ARM patch settings. The reboots are the platform's alone. */
export function patchSettings(image: string, patchReboot: string): PatchSettings {
  const mode = patchMode(image);
  return {
    patchMode: mode,
    assessmentMode: mode,
    ...(mode === "AutomaticByPlatform" && {
      automaticByPlatformSettings: { rebootSetting: patchReboot as PatchReboot },
    }),
  };
}

/**
 * What is wrong with when Azure reboots. With an image that Azure doesn't patch, another value than the default is refused:
 * it would have no effect, and "Never" would promise something that the image decides.
 */
export function checkPatchReboot(patchReboot: string, image: string): string[] {
  const given = JSON.stringify(patchReboot);
  if (!(PATCH_REBOOTS as readonly string[]).includes(patchReboot)) {
    return [`patchReboot must be "IfRequired", "Never" or "Always" (got ${given}).`];
  }
  return patchReboot !== DEFAULTS.patchReboot && patchMode(image) !== "AutomaticByPlatform"
    ? [`patchReboot must be left out with an image that Azure doesn't patch (got ${given} with "${image}").`]
    : [];
}

/** What is wrong with a size's name. */
export function checkVmSize(size: string): string[] {
  return /^(Standard|Basic)_[A-Za-z]+\d+[A-Za-z0-9_-]*$/.test(size)
    ? []
    : [`vmSize: "${size}" is no size of Azure's; allowed: a name such as "${DEFAULTS.vmSize}" (az vm list-sizes)`];
}

/** Whether a size has an Arm processor: the feature letter "p" (Microsoft, "Azure VM sizes naming conventions"). */
export function isArmSize(size: string): boolean {
  return /^Standard_[A-Z]+\d+(-\d+)?[a-z]*p/i.test(size);
}

/**
 * What is wrong with image, size and installer together: an image runs on its own processor's sizes alone, and Azure's
 * DockerExtension is built for amd64 alone.
 */
export function checkArchitecture(image: string, size: string, installer: string): string[] {
  const isArm = isArmSize(size);
  if (installer === "DockerExtension") {
    return [
      ...(isArm
        ? [`vmSize: "${size}" has an Arm processor, on which Azure's DockerExtension doesn't run; allowed: an x64 size`]
        : []),
      ...(/^[^/]*arm64/i.test(image)
        ? [`image: "${image}" is for Arm, on which Azure's DockerExtension doesn't run; allowed: an x64 image`]
        : []),
    ];
  }
  const architecture = imageKind(image)?.architecture;
  if (architecture === undefined || (architecture === "Arm64") === isArm) return [];
  return isArm
    ? [
        `image must be an Arm image for the Arm size "${size}" (got "${image}"). Set image to one such as "${ARM_IMAGE}", or vmSize to an x64 size.`,
      ]
    : [
        `vmSize must be an Arm size for the Arm image "${image}" (got "${size}"). Set vmSize to one such as "Standard_D2ps_v6", or image to an x64 one.`,
      ];
}

// Tags ---------------------------------------------------------------------------------------------------------------

/** What is wrong with tags (Microsoft, "Use tags to organize your Azure resources"). */
export function checkTags(tags: Record<string, unknown>): string[] {
  const names = Object.keys(tags);
  return [
    ...(names.length > 50 ? [`tags: ${names.length} tags; allowed: at most 50`] : []),
    ...names.flatMap((name) => {
      const value = tags[name];
      return [
        ...(/^[^<>%&\\?/]{1,512}$/.test(name) && !/^(microsoft|azure|windows)/i.test(name)
          ? []
          : [
              `tags: the name ${JSON.stringify(name)} is not allowed; allowed: 1 to 512 characters without <>%&\\?/, first not "microsoft", "azure" or "windows"`,
            ]),
        ...(typeof value === "string" && value.length <= 256
          ? []
          : [`tags.${name}: ${JSON.stringify(value)} is not allowed; allowed: a text of at most 256 characters`]),
      ];
    }),
    ...names
      .filter((name, index) => names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) !== index)
      .map(
        (name) => `tags: the name ${JSON.stringify(name)} stands there twice; to Azure its letters' case doesn't count`,
      ),
  ];
}

// Certificates -------------------------------------------------------------------------------------------------------

/** The three PEM documents that make a host's TLS. */
export interface HostCertificates {
  /** What the daemon trusts: its clients' certificates, one after another. */
  trustPem: string;
  /** The daemon's certificate. */
  certPem: string;
  /** The daemon's private key. */
  keyPem: string;
}

/** Names and addresses that the server's certificate is valid for. */
export function subjectAlternativeNames(
  fqdn: string | undefined,
  addresses: (string | undefined)[],
): { dnsNames: string[]; ipAddresses: string[] } {
  return {
    dnsNames: [...(fqdn === undefined ? [] : [fqdn]), "localhost"],
    ipAddresses: addresses.filter((address): address is string => address !== undefined && address !== ""),
  };
}

/** The daemon's trust file: the clients' certificates one after another, each ended by one line end. */
export function trustFile(trustedClientCerts: string[]): string {
  return trustedClientCerts.map((pem) => `${pem.trim()}\n`).join("");
}

/** What is wrong with the certificates: a Docker port with any of them missing is open to everyone, as root. */
export function checkHostCertificates(certificates: HostCertificates): string[] {
  const parts = { trustPem: "CERTIFICATE", certPem: "CERTIFICATE", keyPem: "PRIVATE KEY" } as const;
  return (Object.keys(parts) as (keyof typeof parts)[])
    .filter((part) => !holds(certificates[part], parts[part]))
    .map((part) => `${part}: not a PEM document; a Docker port is never opened without all three certificates`);
}

/** What is wrong with a certificate or a private key that is given. It is not shown: it may be a private key in the wrong place. */
export function checkPem(setting: string, pem: unknown, what: "CERTIFICATE" | "PRIVATE KEY"): string[] {
  return typeof pem === "string" && holds(pem, what)
    ? []
    : [`${setting}: the value given (not shown) is not allowed; allowed: PEM, "-----BEGIN ${what}-----" and so on`];
}

/** Whether a text is PEM of that kind alone: above all, no private key beside a certificate. */
function holds(pem: string, what: "CERTIFICATE" | "PRIVATE KEY"): boolean {
  const labels = [...pem.matchAll(/-----BEGIN ([A-Z ]+)-----/g)].map(([, label = ""]) => label);
  // A key's label names its kind; OpenSSL's "TRUSTED CERTIFICATE" is none to Docker, which would skip it.
  const isOne = (label: string): boolean => (what === "PRIVATE KEY" ? label.endsWith(what) : label === what);
  // OpenSSL writes a key's parameters before it.
  const others = labels.filter((label) => !isOne(label) && label !== "EC PARAMETERS");
  return labels.some(isOne) && others.length === 0;
}
