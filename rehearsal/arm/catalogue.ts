/** Answers about the subscription as a whole: tenants, subscriptions, locations, resource providers. */
import { LOCATIONS, computeCatalogue } from "./images";
import { RESOURCE_TYPES, SUBSCRIPTION_ID } from "./resourceTypes";
import type { Answer, Request } from "./request";
import type { Sources } from "./request";

const SUBSCRIPTION = `/subscriptions/${SUBSCRIPTION_ID}`;

/** Answers a request about no resource. Undefined for all others. */
export function catalogue({ method, path }: Request, { access }: Sources): Answer | undefined {
  if (method !== "GET") return undefined;
  const subscription = {
    id: SUBSCRIPTION,
    subscriptionId: SUBSCRIPTION_ID,
    tenantId: access.tenantId,
    displayName: "Rehearsal",
    state: "Enabled",
    subscriptionPolicies: {
      locationPlacementId: "Public_2014-09-01",
      quotaId: "PayAsYouGo_2014-09-01",
      spendingLimit: "Off",
    },
    authorizationSource: "RoleBased",
  };
  const answers: [RegExp, () => unknown][] = [
    [/^\/subscriptions$/i, () => ({ value: [subscription] })],
    [/^\/tenants$/i, () => ({ value: [{ id: `/tenants/${access.tenantId}`, tenantId: access.tenantId }] })],
    [/^\/subscriptions\/[^/]+$/i, () => subscription],
    [
      /^\/subscriptions\/[^/]+\/locations$/i,
      () => ({
        value: LOCATIONS.map((name) => ({ id: `${SUBSCRIPTION}/locations/${name}`, name, displayName: name })),
      }),
    ],
    [/^\/subscriptions\/[^/]+\/providers$/i, () => ({ value: namespaces().map(provider) })],
  ];
  const found = answers.find(([pattern]) => pattern.test(path));
  if (found) return { status: 200, body: found[1]() };
  const compute = /^\/subscriptions\/[^/]+\/providers\/Microsoft\.Compute\/(.+)$/i.exec(path)?.[1];
  const listed = compute === undefined ? undefined : computeCatalogue(compute);
  if (listed !== undefined) return { status: 200, body: listed };
  const namespace = /^\/subscriptions\/[^/]+\/providers\/([^/]+)$/i.exec(path)?.[1];
  const known = namespaces().find((each) => each.toLowerCase() === namespace?.toLowerCase());
  return known === undefined ? undefined : { status: 200, body: provider(known) };
}

function namespaces(): string[] {
  return [...new Set(RESOURCE_TYPES.map(({ armType }) => armType.split("/")[0] ?? ""))];
}

function provider(namespace: string): Record<string, unknown> {
  const types = RESOURCE_TYPES.filter(({ armType }) => armType.startsWith(`${namespace}/`));
  return {
    id: `${SUBSCRIPTION}/providers/${namespace}`,
    namespace,
    registrationState: "Registered",
    resourceTypes: types.map(({ armType }) => ({
      resourceType: armType.slice(namespace.length + 1),
      locations: LOCATIONS,
      apiVersions: ["2024-11-01", "2024-05-01", "2024-03-01"],
    })),
  };
}
