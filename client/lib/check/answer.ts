/** The questions of `docker-host check`, and the form of an answer. */
import type { FailureReason } from "../failure";

/** The host to check, and the client's files. */
export interface CheckTarget {
  /** Its name or address, for which the certificate must be valid. */
  host: string;
  port: number;
  /** The address that the name must resolve to, if it is known. */
  expectedAddress?: string;
  /** The client's name, for the messages. */
  client: string;
  caCert: string;
  cert: string;
  key: string;
}

/** The questions, in the order in which they are asked. */
export const QUESTIONS = [
  "name",
  "port",
  "server certificate",
  "lifetimes",
  "Docker",
  "without a certificate",
  "plain HTTP",
] as const;

/** The answer to one question. */
export interface Answer {
  question: (typeof QUESTIONS)[number];
  /** Whether it holds. Undefined if an earlier answer made it impossible to ask. */
  holds?: boolean;
  /** The answer in words. */
  detail: string;
  /** What to do about it, in whole sentences. */
  remedy?: string;
  /** The reason for the exit code if it doesn't hold. */
  reason: FailureReason;
  /** Whether it may hold later, when the host is installed. */
  mayCome?: true;
}
