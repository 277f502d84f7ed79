/** The provider azure-native where its plugin can't be had: its semantics, on Microsoft's own clients. */
import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { diffProperties } from "../diff";
import {
  type CheckFailure,
  type DiffKind,
  PartialFailure,
  type Remembered,
  type Resource,
  type ResourceProvider,
  UNKNOWN,
} from "../provider";
import { isObject, type Properties, messageOf, isAbsent } from "../../values";
import { serve } from "../server";
import { Azure, AzureError, type AzureOptions, unlessGone } from "./azure";
import { applyDiff, failuresOf, missingProperty, previewOutputs, project, withoutEmptyCollections } from "./convert";
import { RESOURCE_TYPES, type ResourceType, idOf, namesIn, pathParameters } from "./resourceTypes";
import { type Declared, type Property, declared } from "./shapes";

/** Marks a resource that the provider named. Its replacement can be created before it is deleted. */
const CREATE_BEFORE_DELETE = "__createBeforeDelete";
const GROUP = "azure-native:resources:ResourceGroup";

/** All that is known of a type. */
interface Known extends ResourceType, Declared {
  module: string;
  /** The inputs that are the path, from the outside in. */
  names: string[];
  /** The inputs that are the body. */
  body: Record<string, Property>;
  /** Lists whose entries can be resources of their own, and are then none of this resource's business. */
  maintained: string[];
}

/** The provider; it serves one subscription. Everything it does is as in provider/pkg/provider/provider.go if nothing else is said. */
export class AzureNative implements ResourceProvider {
  readonly version = "3.28.0";
  private readonly azure: Azure;
  private readonly types = new Map<string, Known>();
  private readonly groupLocations = new Map<string, string>();
  private location: string | undefined;

  constructor({ environment = process.env, retryDelayMs = 1000, pollMs = 1000 }: Partial<AzureOptions> = {}) {
    this.azure = new Azure({ environment, retryDelayMs, pollMs });
  }

  configure(config: Record<string, string>): void {
    this.location = config.location;
  }

  async check(
    resource: Resource,
    news: Properties,
    olds: Properties,
  ): Promise<{ inputs: Properties; failures: CheckFailure[] }> {
    const type = this.known(resource.type);
    const inputs = { ...news };
    const ownName = type.names.at(-1) ?? "";
    if (isAbsent(inputs[ownName])) {
      const former = olds[ownName];
      inputs[ownName] = former ?? `${resource.name}${randomBytes(4).toString("hex")}`;
      if (former === undefined || olds[CREATE_BEFORE_DELETE] === true) inputs[CREATE_BEFORE_DELETE] = true;
    }
    if ("location" in type.body && isAbsent(inputs.location))
      inputs.location = await this.defaultLocation(inputs, olds);
    inputs.azureApiVersion ??= type.apiVersion;
    // The SDK has no location as required, since the provider fills it in; what is always in the outputs is.
    const location = type.outputs.location?.required === true && isAbsent(inputs.location) ? ["location"] : [];
    const reasons = [...failuresOf(type.inputs, inputs), ...location.map(missingProperty)];
    return { inputs, failures: reasons.map((reason) => ({ property: "", reason })) };
  }

  private async defaultLocation(inputs: Properties, olds: Properties): Promise<unknown> {
    const { resourceGroupName: group } = inputs;
    const fixed = olds.location ?? this.location;
    if (fixed !== undefined || group === UNKNOWN || typeof group !== "string") return fixed ?? (group && UNKNOWN);
    const known = this.groupLocations.get(group);
    if (known !== undefined) return known;
    const type = this.known(GROUP);
    const found = await this.azure.get(type, [group]).catch(() => undefined);
    if (typeof found?.location === "string") this.groupLocations.set(group, found.location);
    return found?.location;
  }

  /** New inputs against old ones (diff.go). */
  diff(resource: Resource, _id: string, olds: Remembered, news: Properties): ReturnType<ResourceProvider["diff"]> {
    const { names, forceNew, defaults = {}, keys = {} } = this.known(resource.type);
    const before = { azureApiVersion: olds.state.azureApiVersion, ...olds.inputs };
    const diffs: Record<string, DiffKind> = {};
    for (const [path, kind] of Object.entries(diffProperties(comparable(before), comparable(news), { keys }))) {
      const [root = ""] = path.split(/[.[]/, 1);
      if (kind === "add" && path in defaults && news[path] === defaults[path]) continue;
      // Adding to a value, or taking from it, replaces nothing.
      const canReplace = [...names, ...forceNew].includes(root) && (kind === "update" || path === root);
      // Setting a value that Azure has filled in replaces nothing either.
      const hasAlready = kind === "add" && isDeepStrictEqual(news[path], olds.state[path]);
      diffs[path] = canReplace && !hasAlready ? (`${kind}-replace` as DiffKind) : kind;
    }
    const replaces = Object.values(diffs).some((kind) => kind.endsWith("-replace"));
    return { diffs, deleteBeforeReplace: replaces && olds.inputs[CREATE_BEFORE_DELETE] !== true };
  }

  preview(resource: Resource, inputs: Properties): Properties {
    return previewOutputs(this.known(resource.type).outputs, inputs);
  }

  /** Of what there is, a preview keeps the name and the location, and nothing else. */
  previewUpdate(resource: Resource, _id: string, olds: Remembered, news: Properties): Properties {
    const { name, location } = olds.state;
    return {
      ...this.preview(resource, news),
      ...(name !== undefined && { name }),
      ...(location !== undefined && { location }),
    };
  }

  async create(resource: Resource, inputs: Properties): Promise<{ id: string; properties: Properties }> {
    const type = this.known(resource.type);
    const id = this.id(type, inputs);
    // A PUT creates or updates. This look keeps it from taking over a resource by accident.
    const existing = await this.find(type, namesOf(type, inputs)).catch((error: unknown) => {
      if (!(error instanceof AzureError)) throw error;
      throw new Error(`cannot check existence of resource '${id}': status code ${error.status}, ${error.body}`);
    });
    if (existing) throw new Error(`cannot create already existing resource '${id}'`);
    const unset = type.maintained.filter((name) => isAbsent(inputs[name])).map((name) => [name, []]);
    return this.put(type, id, inputs, Object.fromEntries(unset) as Properties);
  }

  async update(resource: Resource, _id: string, _olds: Remembered, news: Properties): Promise<Properties> {
    const type = this.known(resource.type);
    const unset = type.maintained.filter((name) => isAbsent(news[name]));
    const current = unset.length > 0 ? await this.current(type, news) : {};
    const kept = Object.fromEntries(unset.map((name) => [name, current[name]]));
    return (await this.put(type, this.id(type, news), news, kept)).properties;
  }

  /** The inputs as Azure has them now (MaintainSubResourcePropertiesIfNotSet in crud/crud.go). */
  private async current(type: Known, inputs: Properties): Promise<Properties> {
    const found = await this.azure.get(type, namesOf(type, inputs)).catch((error: unknown) => {
      throw new Error(`failed maintaining unset sub-resource properties: reading cloud state: ${messageOf(error)}`);
    });
    return project(type.body, found);
  }

  private async put(
    type: Known,
    id: string,
    inputs: Properties,
    more: Properties,
  ): Promise<{ id: string; properties: Properties }> {
    const names = namesOf(type, inputs);
    const body = { ...project(type.body, inputs), ...more };
    // The client leaves out what it knows as read-only, and so the resource's own type.
    for (const [ours, theirs] of Object.entries(type.renamed ?? {})) body[theirs] = body[ours];
    try {
      const answer = await this.azure.put(type, names, body);
      // The answer to a PUT may have another form than what a refresh finds; failing to read is only a warning there.
      const found = await this.azure.get(type, names).catch(() => answer);
      return { id: typeof answer.id === "string" ? answer.id : id, properties: outputsOf(type, found) };
    } catch (error) {
      if (!(error instanceof AzureError) || !error.accepted) throw error;
      throw await this.partialFailure(type, id, inputs, error);
    }
  }

  /** Azure took it and failed at it later: it is there, in whatever form (HandleErrorWithCheckpoint in crud/crud.go). */
  private async partialFailure(
    type: Known,
    id: string,
    inputs: Properties,
    error: AzureError,
  ): Promise<PartialFailure> {
    try {
      const found = await this.azure.get(type, namesOf(type, inputs));
      return new PartialFailure(id, outputsOf(type, found), inputs, [error.message]);
    } catch (readError) {
      const reason = `resource created but read failed ${messageOf(readError)}: ${error.message}`;
      return new PartialFailure(id, {}, inputs, [reason]);
    }
  }

  async read(
    resource: Resource,
    id: string,
    olds: Remembered,
  ): Promise<{ id: string; inputs: Properties; properties: Properties } | undefined> {
    const type = this.known(resource.type);
    const names = namesIn(type, id);
    const found = await this.find(type, names);
    if (!found) return undefined;
    const properties = outputsOf(type, found);
    const isRefresh = Object.keys(olds.inputs).length > 0;
    return { id, properties, inputs: isRefresh ? refreshed(type, olds, properties) : imported(type, names, found) };
  }

  async delete(resource: Resource, id: string): Promise<void> {
    const type = this.known(resource.type);
    await this.azure.delete(type, namesIn(type, id));
  }

  /** Looks a resource up, for `getPublicIPAddress` and its like. */
  async invoke(token: string, args: Properties): Promise<Properties> {
    const type = this.known(token.replace(":get", ":"), `Invoke type ${token} not found`);
    const query = Object.fromEntries(Object.entries(args).filter(([name]) => !type.names.includes(name)));
    const found = await this.azure.get(type, namesOf(type, args), query).catch((error: unknown) => {
      throw new Error(`request failed ${this.id(type, args)}: ${messageOf(error)}`);
    });
    return outputsOf(type, found);
  }

  private find(type: Known, names: string[]): Promise<Properties | undefined> {
    return this.azure.get(type, names).catch(unlessGone);
  }

  private id(type: Known, inputs: Properties): string {
    return idOf(type, { ...inputs, subscriptionId: this.azure.subscriptionId });
  }

  private known(token: string, otherwise = `Resource type ${token} not found`): Known {
    const known = this.types.get(token);
    if (known) return known;
    const type = RESOURCE_TYPES[token];
    if (!type) throw new Error(otherwise);
    const [, module = ""] = token.split(":");
    const names = pathParameters(type);
    const declaration = declared(token);
    const body = Object.fromEntries(Object.entries(declaration.inputs).filter(([name]) => !names.includes(name)));
    const isMaintained = ({ description }: Property): boolean => description.includes("also available as standalone");
    const maintained = Object.keys(body).filter((name) => isMaintained(body[name] as Property));
    const all = { ...type, ...declaration, module, names, body, maintained };
    this.types.set(token, all);
    return all;
  }
}

function namesOf(type: Known, inputs: Properties): string[] {
  return type.names.map((name) => String(inputs[name]));
}

function outputsOf(type: Known, answer: Properties): Properties {
  return { ...project(type.outputs, answer), azureApiVersion: type.apiVersion };
}

/** Old inputs, with what of the writable outputs has changed since: what Azure fills in was there before. */
function refreshed(type: Known, olds: Remembered, properties: Properties): Properties {
  const unset = type.maintained.filter((name) => isAbsent(olds.inputs[name]));
  const after = Object.fromEntries(Object.entries(properties).filter(([name]) => !unset.includes(name)));
  return applyDiff(olds.inputs, project(type.body, olds.state), project(type.body, after));
}

/** Everything writable that there is, with what Azure fills in. */
function imported(type: Known, names: string[], answer: Properties): Properties {
  const inner = isObject(answer.properties) ? answer.properties : {};
  // Azure has two things of that name, of which the outer one is the resource's.
  const own = Object.fromEntries(Object.keys(type.renamed ?? {}).map((name) => [name, inner[name]]));
  const body = project(type.body, { ...answer, ...own });
  delete body.id;
  const named = Object.fromEntries(type.names.map((name, index) => [name, names[index]]));
  return { ...(withoutEmptyCollections(body) as Properties), ...named };
}

/** Inputs in the form in which they are compared: as for Azure, there is one way to write a region or a group's name. */
function comparable(inputs: Properties): Properties {
  const { location, resourceGroupName: group } = inputs;
  const entries = Object.entries(inputs).filter(([name]) => !name.startsWith("__"));
  return {
    ...Object.fromEntries(entries),
    ...(typeof location === "string" && { location: location.toLowerCase().replaceAll(" ", "") }),
    ...(typeof group === "string" && { resourceGroupName: group.toLowerCase() }),
  };
}

if (require.main === module) void serve(new AzureNative());
