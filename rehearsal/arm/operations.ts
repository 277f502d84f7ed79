/** Azure's long-running operations, and their status for clients that poll. */
import { randomUUID } from "node:crypto";
import type { ArmError } from "./armError";
import type { Accepted } from "./subscription";

/** How long a client is to wait before it asks again: in whole seconds, and finer for clients that know that header. */
export const POLL_HEADERS = { "Retry-After": "1", "retry-after-ms": "25" };

/** How far an operation is. */
type Status = "InProgress" | "Succeeded" | "Failed";

/** One operation. */
export interface Operation {
  id: string;
  status: Status;
  begun: Date;
  error?: ArmError;
  /** Azure's JSON of the resource as it came out of it; none where it went. */
  result?: Record<string, unknown>;
}

/** The operations of one endpoint; they are forgotten with it, as Azure forgets them after a while. */
export class Operations {
  private readonly byId = new Map<string, Operation>();

  /** Adds an operation that has begun. */
  follow<T>({ done }: Accepted<T>, result: (value: T) => Record<string, unknown> | undefined): Operation {
    const operation: Operation = { id: randomUUID(), status: "InProgress", begun: new Date() };
    this.byId.set(operation.id, operation);
    done.then(
      (value) => {
        const resource = result(value);
        Object.assign(operation, { status: "Succeeded", ...(resource && { result: resource }) });
      },
      (error: unknown) => {
        Object.assign(operation, { status: "Failed", error });
      },
    );
    return operation;
  }

  get(id: string): Operation | undefined {
    return this.byId.get(id);
  }

  /** Whether any operation is in progress. */
  get busy(): boolean {
    return [...this.byId.values()].some(({ status }) => status === "InProgress");
  }
}

/** The answer to a question about an operation, at its Azure-AsyncOperation URL. */
export function statusOf({ id, status, begun, error }: Operation): Record<string, unknown> {
  return {
    name: id,
    status,
    startTime: begun.toISOString(),
    ...(status !== "InProgress" && { endTime: new Date().toISOString() }),
    ...(error && { error: { code: error.code, message: error.detail } }),
  };
}
