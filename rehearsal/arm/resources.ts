/** Answers requests for resources: GET, PUT, PATCH, DELETE, and the power operations of a VM. */
import { isObject } from "../values";
import { answered } from "./answer";
import { ArmError } from "./armError";
import { flattened, unflattened } from "./json";
import { POLL_HEADERS } from "./operations";
import { type Body, textAt } from "./body";
import { GROUP, SUBSCRIPTION_ID, byArmType, parseId, resourceId } from "./resourceTypes";
import type { Answer, Request, Sources } from "./request";
import type { Store, StoredResource } from "./store";
import type { Accepted } from "./subscription";

/** Power operations by the last part of the request's path. */
const POWER_VERBS = { start: "start", poweroff: "powerOff", deallocate: "deallocate", restart: "restart" } as const;

/**
 * Answers a request for a resource, or for all of a kind.
 *
 * @throws ArmError with Azure's code.
 */
export async function answerTo(asked: Request, sources: Sources): Promise<Answer> {
  const { method, path } = asked;
  const { subscription } = sources;
  const group = /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+/i.exec(path)?.[0];
  const listed = listOf(path, subscription.store);
  if (listed && method === "GET") {
    if (group !== undefined) foundOr404(subscription.store.get(canonical(group)), group);
    return { status: 200, body: { value: listed.map((each) => wireForm(each, subscription.store)) } };
  }
  const verb = /^(.*)\/(start|powerOff|deallocate|restart|instanceView)$/i.exec(path);
  if (verb && /\/virtualMachines\/[^/]+$/i.test(verb[1] ?? ""))
    return answerToVerb(asked, sources, verb[1] ?? "", verb[2] ?? "");

  const id = canonical(path);
  switch (method) {
    case "HEAD":
    case "GET": {
      const found = await subscription.get(id);
      if (method === "HEAD") return { status: found ? 204 : 404 };
      return { status: 200, body: wireForm(foundOr404(found, id), subscription.store, asked.query.get("$expand")) };
    }
    case "PUT":
      return put(id, flattened(asked.body), sources);
    case "PATCH": {
      const { body } = foundOr404(await subscription.get(id), id);
      return put(id, merged(body, flattened(asked.body)), sources, true);
    }
    case "DELETE": {
      const accepted = await subscription.beginDelete(id);
      if (!accepted.existed) {
        if (parseId(id)?.type.armType === GROUP) foundOr404(undefined, id);
        return { status: 204 };
      }
      return later(id, accepted, sources, () => undefined);
    }
    default:
      throw new ArmError(405, "HttpMethodNotSupported", `The HTTP method '${method}' is not supported here.`);
  }
}

/** 201 or 200 with the unfinished resource and the URLs to poll. A resource group is complete at once. */
async function put(id: string, body: Body, sources: Sources, patch = false): Promise<Answer> {
  const { subscription } = sources;
  const existed = subscription.store.get(id) !== undefined;
  const accepted = await subscription.beginPut(id, body);
  const status = existed || patch ? 200 : 201;
  if (parseId(id)?.type.armType === GROUP) {
    return { status, body: wireForm(await accepted.done, subscription.store) };
  }
  const answer = later(id, accepted, sources, (resource) => wireForm(resource, subscription.store));
  const now = subscription.store.get(id);
  return { ...answer, status, body: now && wireForm(now, subscription.store) };
}

/** 202 with the two URLs to poll. */
function later<T>(
  id: string,
  accepted: Accepted<T>,
  { operations, origin }: Sources,
  result: (value: T) => Body | undefined,
): Answer {
  const operation = operations.follow(accepted, result);
  const namespace = parseId(id)?.type.armType.split("/")[0] ?? "";
  const place = `${origin}/subscriptions/${SUBSCRIPTION_ID}/providers/${namespace}/locations/westeurope`;
  const isGroup = parseId(id)?.type.armType === GROUP;
  return {
    status: 202,
    headers: {
      ...(!isGroup && { "Azure-AsyncOperation": `${place}/operations/${operation.id}?api-version=2024-05-01` }),
      Location: `${place}/operationResults/${operation.id}?api-version=2024-05-01`,
      ...POLL_HEADERS,
    },
  };
}

async function answerToVerb(asked: Request, sources: Sources, vmPath: string, verb: string): Promise<Answer> {
  const { subscription } = sources;
  const vm = foundOr404(await subscription.get(canonical(vmPath)), vmPath);
  if (/instanceView/i.test(verb)) return { status: 200, body: instanceView(vm) };
  if (asked.method !== "POST") throw new ArmError(405, "HttpMethodNotSupported", "Only POST is supported here.");
  const power = POWER_VERBS[verb.toLowerCase() as keyof typeof POWER_VERBS];
  return later(vm.id, await subscription.power(vm.id, power), sources, () => undefined);
}

/** The instance view of a VM: its power state and its provisioning state. */
function instanceView({ computed, provisioningState, body }: StoredResource): Body {
  const power = textAt(computed, "powerState") ?? "running";
  const state = provisioningState.toLowerCase();
  return {
    computerName: (body.osProfile as Body | undefined)?.computerName,
    statuses: [
      { code: `ProvisioningState/${state}`, level: "Info", displayStatus: `Provisioning ${state}` },
      { code: `PowerState/${power}`, level: "Info", displayStatus: `VM ${power}` },
    ],
  };
}

/** Azure's JSON of a resource. */
function wireForm(resource: StoredResource, store: Store, expand?: string | null): Body {
  const wire = unflattened(answered(resource, store));
  if (expand?.toLowerCase() !== "instanceview") return wire;
  return { ...wire, properties: { ...(wire.properties as Body), instanceView: instanceView(resource) } };
}

/** The resources that a path which names none of them lists; undefined if it names one. */
function listOf(path: string, store: Store): StoredResource[] | undefined {
  if (/^\/subscriptions\/[^/]+\/resourceGroups$/i.test(path))
    return store.list().filter(({ armType }) => armType === GROUP);
  const all = /^(\/subscriptions\/[^/]+(?:\/resourceGroups\/[^/]+)?)\/resources$/i.exec(path);
  if (all) return store.list(all[1]).filter(({ armType }) => armType !== GROUP && armType.split("/").length === 2);
  const kind = /^(.*?)\/providers\/([^/]+)\/(.+)$/i.exec(path);
  if (!kind) return undefined;
  const [, below = "", namespace = "", rest = ""] = kind;
  const parts = rest.split("/");
  // A list ends with a type, where a resource has its name.
  if (parts.length % 2 === 0) return undefined;
  const armType = [namespace, ...parts.filter((_, index) => index % 2 === 0)].join("/");
  if (!byArmType(armType)) return undefined;
  const within = parts.length === 1 ? below : `${below}/providers/${namespace}/${parts.slice(0, -1).join("/")}`;
  return store.list(within).filter((each) => each.armType.toLowerCase() === armType.toLowerCase());
}

/** An ID in the letters that this Azure gives it: those of types are Azure's, those of names the client's. */
function canonical(path: string): string {
  const parsed = parseId(path);
  return parsed ? resourceId(parsed.type, parsed.names) : path;
}

function foundOr404(found: StoredResource | undefined, id: string): StoredResource {
  if (found) return found;
  const parsed = parseId(id);
  const [group = "", ...names] = parsed?.names ?? [];
  if (parsed?.type.armType === GROUP) {
    throw new ArmError(404, "ResourceGroupNotFound", `Resource group '${group}' could not be found.`);
  }
  const name = `${parsed?.type.armType ?? ""}/${names.join("/")}`;
  throw new ArmError(
    404,
    "ResourceNotFound",
    `The Resource '${name}' under resource group '${group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
  );
}

/** A resource after a PATCH. Objects are merged, all other values replaced. */
function merged(before: Body, change: Body): Body {
  const entries = Object.entries(change).map(([key, value]): [string, unknown] => {
    const old = before[key];
    return [key, isObject(old) && isObject(value) && key !== "tags" ? merged(old, value) : value];
  });
  return { ...before, ...Object.fromEntries(entries) };
}
