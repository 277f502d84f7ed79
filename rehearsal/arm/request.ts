/** A request to the endpoint, and an answer. */
import type { Access } from "./access";
import type { Operations } from "./operations";
import type { Subscription } from "./subscription";

/** A request, as the answers to it need it. */
export interface Request {
  method: string;
  /** Its path, whose letters' case doesn't count. */
  path: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
}

/** An answer: its status, and what is in it. */
export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** The sources of an answer. */
export interface Sources {
  subscription: Subscription;
  access: Access;
  operations: Operations;
  /** The endpoint's address as the client has it, such as "https://127.0.0.1:40123". */
  origin: string;
}
