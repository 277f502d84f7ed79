/** The provider azure-native on the loopback Azure: a client of it, with the real provider's manners. */
import { setTimeout as sleep } from "node:timers/promises";
import { ArmError } from "../arm/armError";
import { openSubscription } from "../arm/open";
import { RESOURCE_TYPES, type ResourceType, parseId, resourceId, without } from "../arm/resourceTypes";
import type { StoredResource } from "../arm/store";
import type { Subscription } from "../arm/subscription";
import {
  PartialFailure,
  type Properties,
  type Remembered,
  type Resource,
  type ResourceProvider,
  UNKNOWN,
  diffProperties,
  serve,
} from "./server";

/** How often a throttled call is tried again, as Azure's SDK does by default. */
const MOST_RETRIES = 3;

/** The provider; it serves one subscription. */
export class AzureNative implements ResourceProvider {
  readonly version = "3.28.0";
  private location: string | undefined;

  constructor(private readonly subscription: Subscription) {}

  configure(config: Record<string, string>): void {
    this.location = config.location;
  }

  check(
    resource: Resource,
    news: Properties,
  ): { inputs: Properties; failures: { property: string; reason: string }[] } {
    const type = RESOURCE_TYPES[resource.type];
    if (!type) {
      return { inputs: news, failures: [{ property: "", reason: `the loopback Azure has no ${resource.type}` }] };
    }
    const inputs = { ...news };
    if (type.hasLocation) inputs.location ??= this.location;
    const missing = [...type.nameProperties, ...type.required].filter((property) => inputs[property] === undefined);
    const failures = missing.map((property) => ({ property, reason: `missing required property '${property}'` }));
    if (type.hasLocation && inputs.location === undefined) {
      failures.push({
        property: "location",
        reason:
          "missing required property 'location'. Either set it explicitly or configure it with 'pulumi config set azure-native:location <value>'",
      });
    }
    return { inputs, failures };
  }

  diff(
    resource: Resource,
    _id: string,
    olds: { inputs: Properties },
    news: Properties,
  ): ReturnType<ResourceProvider["diff"]> {
    const type = typeOf(resource);
    const diffs = diffProperties(normalized(olds.inputs), normalized(news), {
      replaceOn: [...type.nameProperties, "location", ...type.replacing],
    });
    return { diffs, deleteBeforeReplace: Object.values(diffs).some((kind) => kind.endsWith("-replace")) };
  }

  preview(resource: Resource, inputs: Properties): Properties {
    const type = typeOf(resource);
    return { ...knownOutputs(type, inputs), name: inputs[type.nameProperties.at(-1) ?? ""] ?? UNKNOWN };
  }

  previewUpdate(resource: Resource, _id: string, olds: Remembered, news: Properties): Properties {
    const type = typeOf(resource);
    const changed = new Set(Object.keys(diffProperties(olds.inputs, news)).map((path) => path.split(/[.[]/, 1)[0]));
    const unknown = type.computed.filter((property) => changed.has(property));
    return {
      ...olds.state,
      ...knownOutputs(type, news),
      ...Object.fromEntries(unknown.map((property) => [property, UNKNOWN])),
    };
  }

  async create(resource: Resource, inputs: Properties): Promise<{ id: string; properties: Properties }> {
    const type = typeOf(resource);
    const id = resourceId(
      type,
      type.nameProperties.map((property) => String(inputs[property])),
    );
    // The real provider looks first, so as never to take over by accident what it didn't make.
    if (await this.retried(() => this.subscription.get(id))) {
      throw new Error(`cannot create already existing resource '${id}'`);
    }
    return { id, properties: await this.put(type, id, inputs) };
  }

  async read(
    _resource: Resource,
    id: string,
    olds: { inputs: Properties },
  ): Promise<{ id: string; inputs: Properties; properties: Properties } | undefined> {
    const parsed = parseId(id);
    const found = await this.retried(() => this.subscription.get(id));
    if (!parsed || !found) return undefined;
    const { type, names } = parsed;
    const named = Object.fromEntries(type.nameProperties.map((property, index) => [property, names[index]]));
    // What Azure never gives back can only be taken from what was asked; an import comes without it.
    const inputs = type.writeOnly.reduce((all, path) => copyAt(olds.inputs, all, path), { ...found.body, ...named });
    return { id, inputs, properties: properties(found) };
  }

  async update(resource: Resource, id: string, _olds: unknown, news: Properties): Promise<Properties> {
    return this.put(typeOf(resource), id, news);
  }

  async delete(_resource: Resource, id: string): Promise<void> {
    await this.retried(() => this.subscription.delete(id));
  }

  private async put(type: ResourceType, id: string, inputs: Properties): Promise<Properties> {
    const body = type.nameProperties.reduce(without, normalized(inputs));
    try {
      return properties(await this.retried(() => this.subscription.put(id, body)));
    } catch (error) {
      const found = error instanceof ArmError && error.accepted ? this.subscription.store.get(id) : undefined;
      if (!found) throw error;
      throw new PartialFailure(id, properties(found), inputs, [(error as ArmError).message]);
    }
  }

  /** Waits as long as Azure asks, as Azure's SDK does. */
  private async retried<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await call();
      } catch (error) {
        const wait = error instanceof ArmError && error.status === 429 ? error.retryAfterSeconds : undefined;
        if (wait === undefined || attempt === MOST_RETRIES) throw error;
        await sleep(wait * 1000);
      }
    }
  }
}

function typeOf(resource: Resource): ResourceType {
  const type = RESOURCE_TYPES[resource.type];
  if (!type) throw new Error(`the loopback Azure has no ${resource.type}`);
  return type;
}

/** "West Europe" and "westeurope" are the same region to Azure. */
function normalized(inputs: Properties): Properties {
  return typeof inputs.location === "string"
    ? { ...inputs, location: inputs.location.toLowerCase().replaceAll(" ", "") }
    : inputs;
}

/** The outputs that follow from the inputs alone. */
function knownOutputs(type: ResourceType, inputs: Properties): Properties {
  return [...type.nameProperties, ...type.writeOnly, ...type.computed].reduce(without, normalized(inputs));
}

/** A resource's outputs. */
function properties(resource: StoredResource): Properties {
  return {
    ...resource.body,
    ...resource.computed,
    name: resource.id.split("/").at(-1),
    type: resource.armType,
    provisioningState: resource.provisioningState,
  };
}

/** `to` with the value at a path, such as "osProfile.adminPassword", taken from `from`. */
function copyAt(from: Properties, to: Properties, path: string): Properties {
  const [part = "", ...rest] = path.split(".");
  const value = from[part];
  if (value === undefined) return to;
  if (rest.length === 0) return { ...to, [part]: value };
  if (typeof value !== "object" || value === null) return to;
  return { ...to, [part]: copyAt(value as Properties, (to[part] ?? {}) as Properties, rest.join(".")) };
}

if (require.main === module) void serve(new AzureNative(openSubscription()));
