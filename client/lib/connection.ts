/** The records that `connect` keeps in a certificate directory. */
import { isDockerHost } from "./dockerHost";
import { isObject, parseJson } from "./json";

/** The names by which Docker knows a client's files. */
export const FILE_NAMES = ["ca.pem", "cert.pem", "key.pem"] as const;
export type FileName = (typeof FILE_NAMES)[number];

/** The record of a `connect`, which `env` prints and `disconnect` undoes. */
export interface Connection {
  /** The value of `DOCKER_HOST`. */
  dockerHost: string;
  /** The client's name. */
  client: string;
  /** The stack's name. Absent if the outputs came from a file. */
  stack?: string;
  /** The docker contexts that `connect` made from here, and the `DOCKER_HOST` of each. */
  contexts: Record<string, string>;
}

/** The record beside the files of a set. */
export interface SetRecord {
  /** Absent while `connect` keeps the user's own files, or puts them back. */
  connection?: Connection;
  /** The sets that keep the files that were in the way, the latest last. */
  kept: Partial<Record<FileName, string[]>>;
}

/** The state of the directory before `connect`. */
export interface DirectoryBefore {
  /** Whether `connect` made it. */
  made?: true;
  /** Its mode, if `connect` changed it. */
  mode?: number;
}

const isText = (value: unknown): value is string => typeof value === "string";
const isSet = (value: unknown): boolean => isText(value) && /^set-\w+$/.test(value);

/** Reads the record of a set. Undefined if the text isn't one. */
export function parseSetRecord(text: string): SetRecord | undefined {
  const record = parseJson(text);
  if (!isObject(record) || !isObject(record.kept)) return undefined;
  const areSets = Object.values(record.kept).every((sets) => Array.isArray(sets) && sets.every(isSet));
  return areSets && (record.connection === undefined || isConnection(record.connection))
    ? (record as unknown as SetRecord)
    : undefined;
}

function isConnection(value: unknown): value is Connection {
  if (!isObject(value)) return false;
  const { dockerHost, client, stack, contexts } = value;
  const areTexts = [client, ...(stack === undefined ? [] : [stack])].every(isText);
  return areTexts && isDockerHost(dockerHost) && isObject(contexts) && Object.values(contexts).every(isText);
}

/** Reads the record of the directory. Empty if the text isn't one. */
export function parseDirectoryBefore(text: string): DirectoryBefore {
  const record = parseJson(text);
  if (!isObject(record)) return {};
  const { made, mode } = record;
  return { ...(made === true && { made }), ...(typeof mode === "number" && { mode: mode & 0o7777 }) };
}
