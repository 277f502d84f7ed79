/** The rules of names: the host, its DNS label, its clients, its subnet, and another stack. */
import { got, validateUnique } from "./values";

/** How many characters the random end of a DNS label has. A component's name leaves room for it. */
export const DNS_SUFFIX_LENGTH = 6;

/** Validates the component's name. The DNS label and every resource's name begin with it, and it is the VM's host name. */
export function validateName(name: string): string[] {
  return /^[a-z][a-z0-9-]{0,54}[a-z0-9]$/.test(name)
    ? []
    : [
        `The component's name must have 2 to 56 lower-case letters, digits and hyphens, begin with a letter, and not end with a hyphen ${got(name)}.`,
      ];
}

/** Validates a DNS label (Azure's rule for `dnsSettings.domainNameLabel`). */
export function validateDnsLabel(label: string): string[] {
  return /^[a-z][a-z0-9-]{1,61}[a-z0-9]$/.test(label)
    ? []
    : [
        `dnsLabel must have 3 to 63 lower-case letters, digits and hyphens, begin with a letter, and not end with a hyphen ${got(label)}.`,
      ];
}

const CLIENT_NAME = '1 to 32 lower-case letters, digits, "-", "_" and ".", beginning with a letter or digit';

/** Validates the clients' names. Each becomes the beginning of a file name when someone saves that client's files. */
export function validateClients(clients: unknown): string[] {
  if (!Array.isArray(clients)) return [`clients must be a list of names, each of ${CLIENT_NAME} ${got(clients)}.`];
  const isName = (name: unknown): boolean => typeof name === "string" && /^[a-z0-9][a-z0-9._-]{0,31}$/.test(name);
  return [
    ...clients.filter((name) => !isName(name)).map((name) => `clients must hold names of ${CLIENT_NAME} ${got(name)}.`),
    ...validateUnique("clients", clients),
  ];
}

/** Validates that somebody can use the host. The numbers are how many entries each setting has. */
export function validateSomeClient(counts: {
  clients: number;
  trustedClientCerts: number;
  clientCaCerts: number;
}): string[] {
  return counts.clients + counts.trustedClientCerts + counts.clientCaCerts > 0
    ? []
    : ["clients must name one client at least, unless trustedClientCerts or clientCaCerts is set (got none)."];
}

const SUBNET =
  /^\/subscriptions\/[^/\s]+\/resourceGroups\/[^/\s]+\/providers\/Microsoft\.Network\/virtualNetworks\/[^/\s]+\/subnets\/[^/\s]+$/i;

/** Validates a subnet's resource ID. Case doesn't count in it. */
export function validateSubnetId(id: string): string[] {
  return SUBNET.test(id)
    ? []
    : [
        `subnetId must be a subnet's resource ID, "/subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Network/virtualNetworks/NETWORK/subnets/NAME" ${got(id)}.`,
      ];
}

/** Validates a host without a public IP. It needs another way out to install Docker, and it has no DNS name. */
export function validatePublicIp(publicIp: boolean, subnetGiven: boolean, dnsLabelGiven: boolean): string[] {
  if (publicIp) return [];
  return [
    ...(subnetGiven
      ? []
      : [
          "publicIp must be true without a subnetId (got false). The network that this program makes has no other way out, so nothing could be installed.",
        ]),
    ...(dnsLabelGiven ? ["dnsLabel must be left out when publicIp is false: a private address has no label."] : []),
  ];
}

/** Validates a stack's full name. */
export function validateStackName(setting: string, name: string, ownName: string): string[] {
  return [
    ...(/^[\w.-]+\/[\w.-]+\/[\w.-]+$/.test(name)
      ? []
      : [
          `${setting} must be a stack's full name, ORGANIZATION/PROJECT/STACK ${got(name)}. To list them: pulumi stack ls --all`,
        ]),
    ...(name === ownName ? [`${setting} must be another stack than this one ${got(name)}.`] : []),
  ];
}
