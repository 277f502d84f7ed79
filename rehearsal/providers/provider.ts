/** The functions that the engine calls on a provider. `server.ts` has the protocol. */
import type { Properties } from "../values";

/** The engine's sign for a value that a preview can't know. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export interface Resource {
  urn: string;
  /** The type token, such as "tls:index/privateKey:PrivateKey". */
  type: string;
  /** The name that the program gave the resource. */
  name: string;
}

/** A resource in the engine's state: the checked inputs and the outputs of its last create, update or read. */
export interface Remembered {
  inputs: Properties;
  state: Properties;
}

export interface CheckFailure {
  /** The property's path, such as "allowedUses[0]", or "" for the resource as a whole. */
  property: string;
  reason: string;
}

/** How one property differs; the "-replace" kinds cannot be had without a new resource. */
export type DiffKind = "add" | "add-replace" | "delete" | "delete-replace" | "update" | "update-replace";

export interface ResourceProvider {
  /** The release that the plugin reports, such as "5.6.1". */
  readonly version: string;
  /** Takes the provider's configuration, such as `{ location: "westeurope" }`. Called once, before any resource. */
  configure?(config: Record<string, string>): void | Promise<void>;
  /** Checks and completes inputs. In a preview any of them may be UNKNOWN; `olds` are the inputs of the last update. */
  check(
    resource: Resource,
    news: Properties,
    olds: Properties,
  ): MaybePromise<{ inputs: Properties; failures: CheckFailure[] }>;
  /** Tells by property path what differs; no path means no change. */
  diff(
    resource: Resource,
    id: string,
    olds: Remembered,
    news: Properties,
  ): MaybePromise<{ diffs: Record<string, DiffKind>; deleteBeforeReplace?: boolean }>;
  /** The result that `create` would have, with UNKNOWN where only `create` can know. */
  preview(resource: Resource, inputs: Properties): MaybePromise<Properties>;
  /** The result that `update` would have. Defaults to the remembered state overlaid with the new inputs. */
  previewUpdate?(resource: Resource, id: string, olds: Remembered, news: Properties): MaybePromise<Properties>;
  create(resource: Resource, inputs: Properties): Promise<{ id: string; properties: Properties }>;
  /** The resource as it is now, or undefined if it is gone. */
  read(
    resource: Resource,
    id: string,
    olds: Remembered,
  ): Promise<{ id: string; inputs: Properties; properties: Properties } | undefined>;
  /** Returns the new outputs. */
  update(resource: Resource, id: string, olds: Remembered, news: Properties): Promise<Properties>;
  delete(resource: Resource, id: string, olds: Remembered): Promise<void>;
  /** Answers a function such as "azure-native:network:getPublicIPAddress". */
  invoke?(token: string, args: Properties): Promise<Properties>;
}

export type MaybePromise<T> = T | Promise<T>;

/** Thrown by create, update or read for a resource that exists but is not healthy: the engine keeps it in the state. */
export class PartialFailure extends Error {
  constructor(
    readonly id: string,
    readonly properties: Properties,
    readonly inputs: Properties,
    readonly reasons: string[],
  ) {
    super(reasons.join("; "));
    this.name = "PartialFailure";
  }
}
