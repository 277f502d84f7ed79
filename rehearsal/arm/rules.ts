/** Azure's refusals by type, with its error codes. */
import { ArmError } from "./armError";
import { type Body, first, sameName, textAt, valuesAt, without } from "./body";
import {
  EXTENSION,
  NETWORK_INTERFACE,
  PUBLIC_IP,
  type ResourceType,
  SECURITY_GROUP,
  VIRTUAL_MACHINE,
  VIRTUAL_NETWORK,
  byArmType,
  nameOf,
  parentOf,
} from "./resourceTypes";
import type { Store, StoredResource } from "./store";

/** A resource as it is asked for. */
export interface Asked {
  id: string;
  type: ResourceType;
  body: Body;
}

const bad = (code: string, detail: string): never => {
  throw new ArmError(400, code, detail);
};

/**
 * Throws if Azure would refuse the request.
 *
 * @throws ArmError with Azure's code.
 */
export function refusePut(store: Store, asked: Asked, existing: StoredResource | undefined): void {
  refuseMissing(store, asked);
  if (existing) refuseUnchangeable(asked, existing);
  TYPE_RULES[asked.type.armType]?.(store, asked, existing);
}

/** The group, the parent and whatever is referred to must be there. */
function refuseMissing(store: Store, { id, type, body }: Asked): void {
  const group = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+/i.exec(id)?.[0] ?? "";
  if (group !== id && !store.get(group)) {
    throw new ArmError(404, "ResourceGroupNotFound", `Resource group '${nameOf(group)}' could not be found.`);
  }
  const parent = parentOf(id);
  if (type.armType.split("/").length > 2 && !store.get(parent)) {
    throw new ArmError(
      404,
      "ParentResourceNotFound",
      `Failed to perform 'write' on resource(s) of type '${type.armType}', because the parent resource '${parent}' could not be found.`,
    );
  }
  for (const path of type.references) {
    for (const reference of valuesAt(body, path)) {
      if (typeof reference !== "string" || !exists(store, reference)) {
        bad("InvalidResourceReference", `Resource ${String(reference)} referenced by resource ${id} was not found.`);
      }
    }
  }
}

/** A subnet is part of its network, not a resource of its own here. */
function exists(store: Store, id: string): boolean {
  const subnet = /^(.*\/virtualNetworks\/[^/]+)\/subnets\/([^/]+)$/i.exec(id);
  if (!subnet) return store.get(id) !== undefined;
  const network = store.get(subnet[1] ?? "");
  return valuesAt(network?.body, "subnets.*.name").some((name) => sameName(String(name), subnet[2] ?? ""));
}

function refuseUnchangeable({ type, body }: Asked, existing: StoredResource): void {
  const kept = type.writeOnly.reduce(without, body);
  for (const path of type.immutable) {
    const before = JSON.stringify(valuesAt(existing.body, path));
    if (before !== JSON.stringify(valuesAt(kept, path))) {
      throw new ArmError(409, "PropertyChangeNotAllowed", `Changing property '${path}' is not allowed.`);
    }
  }
}

type Rule = (store: Store, asked: Asked, existing: StoredResource | undefined) => void;

const TYPE_RULES: Record<string, Rule> = {
  [PUBLIC_IP]: (store, { id, body }) => {
    if (first(body, "sku.name") === "Standard" && first(body, "publicIPAllocationMethod") !== "Static") {
      bad(
        "StandardSkuPublicIPAddressMustBeStatic",
        `Standard sku publicIp ${id} must have AllocationMethod set to Static.`,
      );
    }
    const label = textAt(body, "dnsSettings.domainNameLabel");
    if (label === undefined) return;
    if (!/^[a-z][a-z0-9-]{1,61}[a-z0-9]$/.test(label)) {
      bad("InvalidDomainNameLabel", `The domain name label ${label} is invalid.`);
    }
    const other = store
      .list()
      .find(
        (each) =>
          each.armType === PUBLIC_IP &&
          !sameName(each.id, id) &&
          each.body.location === body.location &&
          first(each.body, "dnsSettings.domainNameLabel") === label,
      );
    if (other) {
      bad(
        "DnsRecordInUse",
        `DNS record ${label}.${String(body.location)}.cloudapp.azure.com is already used by another public IP.`,
      );
    }
  },

  [SECURITY_GROUP]: (_store, { body }) => {
    const taken = new Map<string, string>();
    for (const rule of valuesAt(body, "securityRules.*") as Body[]) {
      const priority = Number(rule.priority);
      const name = String(rule.name);
      if (!(priority >= 100 && priority <= 4096)) {
        bad("SecurityRuleInvalidPriority", `Security rule ${name} has invalid priority ${String(rule.priority)}.`);
      }
      const place = `${String(rule.direction)} ${String(priority)}`;
      if (taken.has(place)) {
        bad(
          "SecurityRuleConflict",
          `Security rule ${name} conflicts with rule ${taken.get(place) ?? ""}. Rules cannot have the same Priority and Direction.`,
        );
      }
      taken.set(place, name);
      if (rule.sourceAddressPrefix === undefined && rule.sourceAddressPrefixes === undefined) {
        bad("SecurityRuleParameterNotSpecified", `Security rule ${name} has no source address.`);
      }
    }
  },

  [NETWORK_INTERFACE]: (store, { id, body }, existing) => {
    const before = networkOf(existing?.body);
    if (before !== undefined && before !== networkOf(body)) {
      bad("SubnetsNotInSameVnet", `Network interface ${id} is in Virtual Network ${before} and can't leave it.`);
    }
    for (const address of valuesAt(body, "ipConfigurations.*.publicIPAddress.id")) {
      const user = usersOf(store, String(address)).find((each) => !sameName(each.id, id));
      if (user) {
        bad("PublicIPAddressInUse", `Resource ${id} refers to public IP ${String(address)}, which ${user.id} uses.`);
      }
    }
  },

  [VIRTUAL_MACHINE]: (store, { id, body }, existing) => {
    for (const nic of valuesAt(body, "networkProfile.networkInterfaces.*.id")) {
      const user = usersOf(store, String(nic)).find((each) => !sameName(each.id, id));
      if (user) bad("NicInUse", `Network Interface ${String(nic)} is used by existing resource ${user.id}.`);
    }
    if (existing) return;
    const username = textAt(body, "osProfile.adminUsername");
    if (username === undefined || RESERVED_USERNAMES.has(username.toLowerCase()) || username.length > 64) {
      bad("InvalidParameter", "The Admin Username specified is not allowed.");
    }
    if (!/^[A-Za-z0-9.-]{1,64}$/.test(String(first(body, "osProfile.computerName")))) {
      bad("InvalidParameter", "Linux host name is invalid.");
    }
    const password = textAt(body, "osProfile.adminPassword");
    const keys = valuesAt(body, "osProfile.linuxConfiguration.ssh.publicKeys.*.keyData");
    if (password !== undefined && !azureTakesPassword(password)) {
      bad(
        "InvalidParameter",
        "The supplied password must be between 6-72 characters long and must satisfy at least 3 of password complexity requirements.",
      );
    }
    if (password === undefined && keys.length === 0) {
      bad(
        "InvalidParameter",
        "Authentication using either SSH or by user name and password must be enabled in Linux profile.",
      );
    }
    for (const key of keys) {
      if (!/^ssh-(rsa|ed25519) [A-Za-z0-9+/=]+( .*)?$/.test(String(key))) {
        bad("InvalidParameter", "The value of parameter linuxConfiguration.ssh.publicKeys.keyData is invalid.");
      }
    }
    const image = first(body, "storageProfile.imageReference.id");
    if (
      first(body, "securityProfile.securityType") === "TrustedLaunch" &&
      /Microsoft\.Compute\/images\//i.test(String(image))
    ) {
      bad(
        "BadRequest",
        "Use of TrustedLaunch setting is not supported for the provided image. Please select Trusted Launch Supported Gen2 OS Image. For more information, see https://aka.ms/TrustedLaunch-FAQ.",
      );
    }
    if (first(body, "securityProfile.encryptionAtHost") === true) {
      bad(
        "InvalidParameter",
        "The property 'securityProfile.encryptionAtHost' is not valid because the 'Microsoft.Compute/EncryptionAtHost' feature is not enabled for this subscription.",
      );
    }
  },

  [EXTENSION]: (store, { id, body }) => {
    const machine = parentOf(id);
    const sameHandler = store
      .list(machine)
      .find((each) => !sameName(each.id, id) && each.body.publisher === body.publisher && each.body.type === body.type);
    if (sameHandler) {
      throw new ArmError(
        409,
        "OperationNotAllowed",
        `Multiple VMExtensions per handler not supported for OS type 'Linux'. VMExtension '${nameOf(sameHandler.id)}' with handler '${String(body.publisher)}.${String(body.type)}' already added or specified in input.`,
      );
    }
  },
};

/**
 * Throws if Azure would refuse the deletion, because something else uses the resource.
 *
 * @throws ArmError with Azure's code.
 */
export function refuseDelete(store: Store, resource: StoredResource): void {
  const codes: Record<string, string> = {
    [NETWORK_INTERFACE]: "NicInUse",
    [PUBLIC_IP]: "PublicIPAddressCannotBeDeleted",
    [SECURITY_GROUP]: "InUseNetworkSecurityGroupCannotBeDeleted",
    [VIRTUAL_NETWORK]: "InUseSubnetCannotBeDeleted",
  };
  // Resources that are deleted too, such as the rest of a resource group, are no hindrance.
  const within = `${resource.id.toLowerCase()}/`;
  for (const { id, armType } of [resource, ...store.list(resource.id)]) {
    const code = codes[armType];
    const user = usersOf(store, id).find((each) => !each.id.toLowerCase().startsWith(within));
    if (code !== undefined && user) bad(code, `${id} is in use by ${user.id} and cannot be deleted.`);
  }
}

/** The resources that refer to a resource, or to a part of it such as a subnet. */
function usersOf(store: Store, id: string): StoredResource[] {
  const wanted = id.toLowerCase();
  return store.list().filter((each) =>
    (byArmType(each.armType)?.references ?? []).some((path) =>
      valuesAt(each.body, path).some((value) => {
        const found = String(value).toLowerCase();
        return found === wanted || found.startsWith(`${wanted}/`);
      }),
    ),
  );
}

/** The virtual network of an interface: the one of its first subnet. */
function networkOf(body: Body | undefined): string | undefined {
  const subnet = textAt(body, "ipConfigurations.*.subnet.id");
  return subnet?.toLowerCase().replace(/\/subnets\/[^/]+$/, "");
}

/** Azure's rule alone (documentation of `OSProfile.adminPassword`); the program's is stricter. */
function azureTakesPassword(password: string): boolean {
  const classes = [/[a-z]/, /[A-Z]/, /[0-9]/, /[\W_]/].filter((each) => each.test(password)).length;
  return password.length >= 6 && password.length <= 72 && classes >= 3 && !FORBIDDEN_PASSWORDS.has(password);
}

const FORBIDDEN_PASSWORDS = new Set(
  "abc@123 P@$$w0rd P@ssw0rd P@ssword123 Pa$$word pass@word1 Password! Password1 Password22 iloveyou!".split(" "),
);

/** Documentation of `OSProfile.adminUsername`. */
const RESERVED_USERNAMES = new Set(
  (
    "administrator admin user user1 test user2 test1 user3 admin1 1 123 a actuser adm admin2 aspnet backup console " +
    "david guest john owner root server sql support support_388945a0 sys test2 test3 user4 user5"
  ).split(" "),
);
