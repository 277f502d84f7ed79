/** The questions of `docker-host check`, and what an answer is. */
import type { FailureReason } from "../failure";

/** Which host is asked, and with what. */
export interface CheckTarget {
  /** Its name or address: what the certificate must be valid for. */
  host: string;
  port: number;
  /** The address that the name must resolve to, where it is known. */
  expectedAddress?: string;
  /** The client's name, for the lines. */
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
  /** Whether it holds; undefined if it couldn't be asked because of an earlier one. */
  holds?: boolean;
  /** In words. */
  detail: string;
  /** What to do about it, in whole sentences. */
  remedy?: string;
  /** What the exit code says if it doesn't hold. */
  reason: FailureReason;
  /** Whether it may come to hold by waiting, while the host is still being installed. */
  mayCome?: true;
}
