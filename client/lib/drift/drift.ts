/** Finds changes in Azure since a stack's last `up`, and certificates that are near their end. Changes nothing. */
import { Failure } from "../failure";
import { stackArgs } from "../stack";
import { certificatesOf, judgeCertificate } from "./certificates";
import type { ChangedResource, Drift, MissingResource, ResourceName } from "./findings";
import { changedProperties, isWithin } from "./properties";
import { type Exported, type Refresh, type State, nameOf, parseExported, parseRefresh, pulumiJson } from "./pulumi";
import { GROUP, WAY_BACK, WAY_ON, WAY_ON_CREATING, wayBack, wayBackReplaced } from "./remedies";

const DAY_SECONDS = 24 * 60 * 60;

/**
 * Asks Azure for each resource through pulumi.
 *
 * @param stack Its name, as pulumi takes it. Defaults to the selected stack.
 * @param withinSeconds A certificate that ends within this time is a finding.
 * @throws Failure with pulumi's own message if pulumi fails.
 */
export async function readDrift(stack: string | undefined, withinSeconds: number): Promise<Drift> {
  const [refresh, exported] = await Promise.all([
    pulumiJson(["refresh", "--preview-only", "--json", ...stackArgs(stack)]),
    pulumiJson(["stack", "export", ...stackArgs(stack)]),
  ]);
  return judge(parseRefresh(refresh), parseExported(exported), withinSeconds);
}

/** @throws Failure if the stack has no resources. */
export function judge(refresh: Refresh, exported: Exported, withinSeconds: number, now = Date.now()): Drift {
  const steps = refresh.steps ?? [];
  const [first] = steps;
  if (first === undefined) {
    throw new Failure("outputs", "the stack has no resources. Run pulumi up first.");
  }
  const resources = steps.flatMap(({ op, urn, oldState, newState, detailedDiff }) =>
    oldState?.custom === true && !oldState.type.startsWith("pulumi:")
      ? [{ op, named: resourceName(urn, oldState), oldState, newState, detailedDiff: detailedDiff ?? {} }]
      : [],
  );
  const gone = resources.filter(({ op }) => op === "delete").map(({ named }) => named);
  const group = gone.find(({ type }) => type === GROUP);
  const missing = gone
    .map((each): MissingResource => ({
      ...each,
      ...(group && each.id.toLowerCase().startsWith(`${group.id.toLowerCase()}/`) && { goneWith: group.name }),
      remedy: wayBack(each.type),
    }))
    .sort((one, other) => Number(other.type === GROUP) - Number(one.type === GROUP));
  const changed = resources.flatMap(({ named, oldState, newState, detailedDiff }): ChangedResource[] => {
    if (newState === undefined) return [];
    const properties = changedProperties(oldState.inputs ?? {}, newState.inputs ?? {}, detailedDiff);
    if (properties.length === 0) return [];
    const kept = oldState.replaceOnChanges ?? [];
    const replaced =
      properties.some(({ path }) => kept.some((each) => isWithin(path, each) || isWithin(each, path))) ||
      Object.values(detailedDiff).some(({ kind, inputDiff }) => inputDiff === true && kind.endsWith("-replace"));
    return [{ ...named, properties, replaced, remedy: replaced ? wayBackReplaced(named.type) : WAY_BACK }];
  });
  const all = certificatesOf(refresh).map((each) => judgeCertificate(each, now));
  const certificates = all.filter(({ daysLeft, due }) => due || daysLeft * DAY_SECONDS < withinSeconds);
  const pending = (exported.deployment?.pending_operations ?? []).map(({ type, resource }) => ({
    name: nameOf(resource.urn),
    operation: type,
    remedy: type === "creating" ? WAY_ON_CREATING : WAY_ON,
  }));
  const next = [...all].sort((one, other) => one.daysLeft - other.daysLeft)[0];
  return {
    ok: [missing, changed, certificates, pending].every(({ length }) => length === 0),
    stack: first.urn.split(":")[2] ?? "",
    resources: resources.length,
    missing,
    changed,
    looked: all.length,
    ...(next && { nextEnd: { name: next.name, notAfter: next.notAfter, daysLeft: next.daysLeft } }),
    certificates,
    pending,
  };
}

function resourceName(urn: string, { type, id = "" }: State): ResourceName {
  return { name: nameOf(urn), type: type.split(":").at(-1) ?? type, id };
}
