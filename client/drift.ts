/** `docker-host drift`: what of a stack isn't as its last `up` left it, and which certificates are near their end. Changes nothing. */
import { run } from "./command";
import { certificateFacts } from "./certificate";
import { Failure } from "./failure";
import { pemCertificates, stackArgs } from "./stack";

/** One property that is another than the last `up` left it; a side that there isn't is absent. */
export interface ChangedProperty {
  /** Such as "securityRules[0].sourceAddressPrefix". */
  path: string;
  /** What the last `up` put; "[secret]" for a secret. */
  old?: unknown;
  /** What Azure has now; "[secret]" for a secret. */
  new?: unknown;
}

/** A resource of the stack. */
export interface ResourceName {
  /** Its name in the program, such as "docker-host-nsg". */
  name: string;
  /** Its type's last part, such as "NetworkSecurityGroup". */
  type: string;
  /** Its ID in Azure. */
  id: string;
}

/** A resource that is gone. */
export interface MissingResource extends ResourceName {
  /** The name of the resource group that is gone too, and took it along. */
  goneWith?: string;
  /** What to do. */
  remedy: string;
}

/** A resource whose properties are others. */
export interface ChangedResource extends ResourceName {
  properties: ChangedProperty[];
  /** Whether `pulumi up --refresh` makes it anew, instead of changing it back: of a machine, the disk goes with it. */
  replaced: boolean;
  /** What to do. */
  remedy: string;
}

/** A certificate that has expired, ends soon, or is due for renewal. */
export interface EndingCertificate {
  /** Whose it is: its resource's name, or the output or setting that it stands in, such as "clientCaCerts[0]". */
  name: string;
  /** Its subject's common name. */
  subject: string;
  /** Its last moment, as ISO 8601. */
  notAfter: string;
  /** Whole days until then; below 0 once it has expired. */
  daysLeft: number;
  /** Whether the next `pulumi up` renews it. */
  due: boolean;
  /** What to do. */
  remedy: string;
}

/** An operation that has begun, and of whose end the state knows nothing. */
export interface PendingOperation {
  /** Its resource's name in the program. */
  name: string;
  /** What was being done: "creating", "updating", "deleting"… */
  operation: string;
  /** What to do. */
  remedy: string;
}

/** What `docker-host drift --json` prints. */
export interface Drift {
  /** Whether there is nothing to tell: the lists below are empty. */
  ok: boolean;
  /** The stack's name, such as "dev". */
  stack: string;
  /** How many resources were looked at. */
  resources: number;
  /** Those that are gone, a resource group before what was in it. */
  missing: MissingResource[];
  changed: ChangedResource[];
  /** How many certificates were looked at. */
  looked: number;
  /** The end of the first to end; absent if there is none. */
  nextEnd?: { name: string; notAfter: string; daysLeft: number };
  certificates: EndingCertificate[];
  pending: PendingOperation[];
}

/** What `pulumi refresh --preview-only --json` says of a resource, before or after. */
interface State {
  custom?: boolean;
  id?: string;
  type: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  replaceOnChanges?: string[];
}

/** What `pulumi refresh --preview-only --json` prints, as far as it is used here. */
export interface Refresh {
  config?: Record<string, string>;
  steps?: {
    op: string;
    urn: string;
    oldState?: State;
    newState?: State;
    detailedDiff?: Record<string, { kind: string; inputDiff?: boolean }> | null;
  }[];
  diagnostics?: { message: string; severity: string }[];
}

/** What `pulumi stack export` prints, as far as it is used here. */
export interface Exported {
  deployment?: { pending_operations?: { type: string; resource: { urn: string } }[] };
}

/**
 * Asks Azure for each resource, by pulumi.
 *
 * @param stack Its name, as pulumi takes it; the selected one if none is given.
 * @param withinSeconds A certificate that ends within that time is told of.
 * @throws Failure with pulumi's own words if pulumi fails.
 */
export async function readDrift(stack: string | undefined, withinSeconds: number): Promise<Drift> {
  const [refresh, exported] = await Promise.all([
    pulumiJson<Refresh>(["refresh", "--preview-only", "--json", ...stackArgs(stack)]),
    pulumiJson<Exported>(["stack", "export", ...stackArgs(stack)]),
  ]);
  return judge(refresh, exported, withinSeconds);
}

async function pulumiJson<T>(args: string[]): Promise<T> {
  const { code, stdout, stderr } = await run("pulumi", args);
  if (code === undefined) throw new Failure("outputs", "pulumi: no such command on PATH; it asks Azure");
  const answer = parse(stdout);
  if (code === 0 && answer !== undefined) return answer as T;
  // With --json, what went wrong with a resource stands in the JSON. Neither has a secret in it.
  const said = ((answer as Refresh | undefined)?.diagnostics ?? [])
    .filter(({ severity }) => severity === "error")
    .map(({ message }) => message.trim());
  throw new Failure("outputs", [`pulumi ${args[0] ?? ""} failed:`, ...said, stderr.trim()].join("\n").trim());
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @throws Failure if the stack has no resources. */
export function judge(refresh: Refresh, exported: Exported, withinSeconds: number, now = Date.now()): Drift {
  const steps = refresh.steps ?? [];
  const [first] = steps;
  if (first === undefined) {
    throw new Failure("outputs", "the stack has no resources; bring it up with pulumi up");
  }
  const resources = steps.flatMap(({ op, urn, oldState, newState, detailedDiff }) =>
    oldState?.custom === true && !oldState.type.startsWith("pulumi:")
      ? [{ op, named: resourceName(urn, oldState), oldState, newState, detailedDiff: detailedDiff ?? {} }]
      : [],
  );
  const gone = resources.filter(({ op }) => op === "delete").map(({ named }) => named);
  const group = gone.find(({ type }) => type === GROUP);
  const missing = gone
    .map((each): MissingResource => ({
      ...each,
      ...(group && each.id.toLowerCase().startsWith(`${group.id.toLowerCase()}/`) && { goneWith: group.name }),
      remedy: wayBack(each.type),
    }))
    .sort((one, other) => Number(other.type === GROUP) - Number(one.type === GROUP));
  const changed = resources.flatMap(({ named, oldState, newState, detailedDiff }): ChangedResource[] => {
    if (newState === undefined) return [];
    const properties = changedProperties(oldState.inputs ?? {}, newState.inputs ?? {}, detailedDiff);
    if (properties.length === 0) return [];
    const kept = oldState.replaceOnChanges ?? [];
    const replaced =
      properties.some(({ path }) => kept.some((each) => isWithin(path, each) || isWithin(each, path))) ||
      Object.values(detailedDiff).some(({ kind, inputDiff }) => inputDiff === true && kind.endsWith("-replace"));
    return [{ ...named, properties, replaced, remedy: replaced ? wayBackReplaced(named.type) : WAY_BACK }];
  });
  const all = certificatesOf(refresh).map((each) => judgeCertificate(each, now));
  const certificates = all.filter(({ daysLeft, due }) => due || daysLeft * DAY_SECONDS < withinSeconds);
  const pending = (exported.deployment?.pending_operations ?? []).map(({ type, resource }) => ({
    name: nameOf(resource.urn),
    operation: type,
    remedy: type === "creating" ? WAY_ON_CREATING : WAY_ON,
  }));
  const next = [...all].sort((one, other) => one.daysLeft - other.daysLeft)[0];
  return {
    ok: [missing, changed, certificates, pending].every(({ length }) => length === 0),
    stack: first.urn.split(":")[2] ?? "",
    resources: resources.length,
    missing,
    changed,
    looked: all.length,
    ...(next && { nextEnd: { name: next.name, notAfter: next.notAfter, daysLeft: next.daysLeft } }),
    certificates,
    pending,
  };
}

const DAY_SECONDS = 24 * 60 * 60;
const GROUP = "ResourceGroup";

function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

function resourceName(urn: string, { type, id = "" }: State): ResourceName {
  return { name: nameOf(urn), type: type.split(":").at(-1) ?? type, id };
}

// What to do ---------------------------------------------------------------------------------------------------------

const WAY_BACK = "pulumi up --refresh puts it back";

function wayBack(type: string): string {
  switch (type) {
    case GROUP:
      return "pulumi up --refresh makes it and all in it anew, the machine with a new disk";
    case "VirtualMachine":
      return "pulumi up --refresh makes it anew, with a new disk: images, containers and volumes are gone";
    case "PublicIPAddress":
      return "pulumi up --refresh makes it anew; the address may be another one, then docker-host connect again";
    case "VirtualMachineExtension":
      return "pulumi up --refresh runs the installer again";
    default:
      return WAY_BACK;
  }
}

function wayBackReplaced(type: string): string {
  const what = type === "VirtualMachine" ? "REPLACES the machine, with its disk" : "replaces it";
  return `pulumi up --refresh ${what}; look first: pulumi preview --refresh. Or change it back in Azure`;
}

const WAY_ON = "if no run is under way: pulumi refresh, then pulumi up";
const WAY_ON_CREATING =
  "if no run is under way: pulumi refresh --clear-pending-creates, then pulumi up; if that meets it, az resource delete --ids ID";

// Properties ---------------------------------------------------------------------------------------------------------

/** What pulumi prints instead of a secret. */
const SECRET = "[secret]";

/** What Azure fills in by itself, wherever it stands; no program declares it. */
const FILLED_IN = /(^|[.\]])(etag|provisioningState|resourceGuid)$/;

/** What Azure adds to each entry of a list, such as a rule. */
const ADDED_TO_ENTRIES = /\]\.(id|type)$/;

/** What Azure doesn't tell of a VM that is switched off (azure-powershell issue 13213). */
const HIDDEN_WHILE_OFF = /^storageProfile\.osDisk\.(managedDisk\.storageAccountType|diskSizeGB)$/;

/** Whether nobody changed it: Azure filled it in, or leaves it out for a while. */
function isAzures({ path, old, new: now }: ChangedProperty): boolean {
  if (FILLED_IN.test(path)) return true;
  if (old === undefined) return ADDED_TO_ENTRIES.test(path) || isEmpty(now);
  return now === undefined && HIDDEN_WHILE_OFF.test(path);
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** An entry that others added, as they wrote it. */
function withoutAzures(change: ChangedProperty): ChangedProperty {
  if (change.old !== undefined || !isObject(change.new)) return change;
  const { path } = change;
  const own = Object.entries(change.new).filter(([name, value]) => !isAzures({ path: `${path}.${name}`, new: value }));
  return { path, new: Object.fromEntries(own) };
}

/** What is different, by the inputs alone: outputs are Azure's affair, and no drift. */
function changedProperties(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  detailedDiff: Record<string, { inputDiff?: boolean }>,
): ChangedProperty[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => {
    const [old, now] = [before[name], after[name]];
    // A secret that comes back unmarked may be anywhere in there, and so nothing of it is shown.
    if (secretsIn(old) !== secretsIn(now) && old !== undefined && now !== undefined) return [hidden(name)];
    const found = differences(name, old, now)
      .filter((change) => !isAzures(change))
      .map(withoutAzures);
    // Two secrets look the same: that they aren't, the engine knows.
    const changed = Object.entries(detailedDiff)
      .filter(([path, { inputDiff }]) => inputDiff === true && isWithin(path, name))
      .map(([path]) => path);
    return found.length === 0 && secretsIn(old) > 0 ? changed.map(hidden) : found;
  });
}

const hidden = (path: string): ChangedProperty => ({ path, old: SECRET, new: SECRET });

function secretsIn(value: unknown): number {
  if (value === SECRET) return 1;
  return typeof value === "object" && value !== null
    ? Object.values(value).reduce<number>((sum, each) => sum + secretsIn(each), 0)
    : 0;
}

/** Whether a path is another one, or below it. */
function isWithin(path: string, other: string): boolean {
  return path === other || path.startsWith(`${other}.`) || path.startsWith(`${other}[`);
}

function differences(path: string, old: unknown, now: unknown): ChangedProperty[] {
  if (JSON.stringify(old) === JSON.stringify(now)) return [];
  if (Array.isArray(old) && Array.isArray(now) && [...(old as unknown[]), ...(now as unknown[])].every(isObject)) {
    return pairs(old as Entry[], now as Entry[]).flatMap(([index, one, other]) =>
      differences(`${path}[${index}]`, one, other),
    );
  }
  if (isObject(old) && isObject(now)) {
    return [...new Set([...Object.keys(old), ...Object.keys(now)])].flatMap((name) =>
      differences(`${path}${/^\w+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`}`, old[name], now[name]),
    );
  }
  return [{ path, ...(old !== undefined && { old }), ...(now !== undefined && { new: now }) }];
}

type Entry = Record<string, unknown>;

function isObject(value: unknown): value is Entry {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The entries of two lists that belong together: by name where all have one, as rules have, else by place. */
function pairs(old: Entry[], now: Entry[]): [index: number, old: Entry | undefined, now: Entry | undefined][] {
  const named = [old, now].every((list) => {
    const names = list.map(({ name }) => name);
    return names.every((name) => typeof name === "string") && new Set(names).size === names.length;
  });
  if (!named) {
    const longer = old.length > now.length ? old : now;
    return longer.map((_, index) => [index, old[index], now[index]]);
  }
  return [
    ...old.map((one, index): [number, Entry, Entry | undefined] => [index, one, now.find((o) => o.name === one.name)]),
    ...now.flatMap((other, index): [number, undefined, Entry][] =>
      old.some((one) => one.name === other.name) ? [] : [[index, undefined, other]],
    ),
  ];
}

// Certificates -------------------------------------------------------------------------------------------------------

interface Certificate {
  name: string;
  pem: string;
  /** For one that the stack renews itself: in how many hours before its end; and whether pulumi says that it is time. */
  renewal?: { hours: number; ready: boolean };
  remedy: string;
}

/** Those that the stack makes, and those that it was given; each once. */
function certificatesOf({ steps = [], config = {} }: Refresh): Certificate[] {
  const own = steps.flatMap(({ urn, op, oldState, newState }): Certificate[] => {
    const { type = "", inputs = {}, outputs = {} } = newState ?? oldState ?? {};
    if (op === "delete" || !type.startsWith("tls:") || typeof outputs.certPem !== "string") return [];
    const renewal = { hours: Number(inputs.earlyRenewalHours ?? 0), ready: outputs.readyForRenewal === true };
    return [{ name: nameOf(urn), pem: outputs.certPem, renewal, remedy: "pulumi up renews it" }];
  });
  const outputs = steps.find(({ oldState }) => oldState?.type === "pulumi:pulumi:Stack")?.oldState?.outputs ?? {};
  const { caCert, clientCerts, caStack } = outputs;
  const elsewhere = typeof caStack === "string" ? `pulumi up of ${caStack} renews it, then pulumi up here` : "";
  const given = [
    ...textsIn([caCert]).map((pem, index) => ({
      name: `caCert[${index}]`,
      pem,
      remedy:
        elsewhere ||
        (index === 0
          ? "give a new one: pulumi config set caCertPem < ca.pem, its key in caPrivateKeyPem, pulumi up"
          : "take it out of caCertPem, pulumi up"),
    })),
    ...Object.entries(isObject(clientCerts) ? clientCerts : {}).flatMap(([name, text]) =>
      textsIn([text]).map((pem) => ({
        name: `clientCerts.${name}`,
        pem,
        remedy: elsewhere || "pulumi up renews it",
      })),
    ),
    ...clientCaCerts(config).flatMap((text, index) =>
      textsIn([text]).map((pem) => ({
        name: `clientCaCerts[${index}]`,
        pem,
        remedy: `give a new one: pulumi config set --path 'clientCaCerts[${index}]' < ca.pem, pulumi up`,
      })),
    ),
  ];
  const all: Certificate[] = [...own, ...given];
  return all.filter(({ pem }, index) => all.findIndex((each) => each.pem.trim() === pem.trim()) === index);
}

function textsIn(values: unknown[]): string[] {
  return values.flatMap((value) => (typeof value === "string" ? pemCertificates(value) : []));
}

/** The setting, of whichever project. */
function clientCaCerts(config: Record<string, string>): unknown[] {
  const [, text = ""] = Object.entries(config).find(([key]) => key.endsWith(":clientCaCerts")) ?? [];
  const list = parse(text);
  return Array.isArray(list) ? list : [];
}

function judgeCertificate({ name, pem, renewal, remedy }: Certificate, now: number): EndingCertificate {
  const { subject, notAfter, daysLeft } = certificateFacts(pem, now);
  const from = renewal && Date.parse(notAfter) - renewal.hours * 60 * 60 * 1000;
  const due = renewal !== undefined && from !== undefined && (renewal.ready || now >= from);
  const day = from === undefined ? "" : new Date(from).toISOString().slice(0, 10);
  return {
    name,
    subject,
    notAfter,
    daysLeft,
    due,
    remedy: due ? "due, the next pulumi up renews it" : renewal ? `from ${day} on ${remedy}` : remedy,
  };
}
