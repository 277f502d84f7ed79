/** What pulumi says of a stack. */
import { Failure } from "../failure";
import { parseJson } from "../json";
import { run } from "../run";

/** What `pulumi refresh --preview-only --json` says of a resource, before or after. */
export interface State {
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

export async function pulumiJson<T>(args: string[]): Promise<T> {
  const { code, stdout, stderr } = await run("pulumi", args);
  if (code === undefined) throw new Failure("outputs", "pulumi: no such command on PATH; it asks Azure");
  const answer = parseJson(stdout);
  if (code === 0 && answer !== undefined) return answer as T;
  // With --json, what went wrong with a resource stands in the JSON. Neither has a secret in it.
  const said = ((answer as Refresh | undefined)?.diagnostics ?? [])
    .filter(({ severity }) => severity === "error")
    .map(({ message }) => message.trim());
  throw new Failure("outputs", [`pulumi ${args[0] ?? ""} failed:`, ...said, stderr.trim()].join("\n").trim());
}

/** A resource's name in the program. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::") || urn;
}
