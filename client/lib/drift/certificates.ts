/** Finds a stack's certificates, and those of them that are near their end. */
import { type CertificateFacts, certificateFacts, pemCertificates } from "../certificate";
import { Failure } from "../failure";
import { isObject, parseJson } from "../json";
import type { EndingCertificate } from "./findings";
import { type Refresh, nameOf } from "./pulumi";

export interface Certificate {
  name: string;
  pem: string;
  /** For one that the stack renews: how many hours before its end, and whether pulumi reports that it is due. */
  renewal?: { hours: number; ready: boolean };
  remedy: string;
}

/** The certificates that the stack makes, and those in its settings, each once. */
export function certificatesOf({ steps = [], config = {} }: Refresh): Certificate[] {
  const own = steps.flatMap(({ urn, op, oldState, newState }): Certificate[] => {
    const { type = "", inputs = {}, outputs = {} } = newState ?? oldState ?? {};
    if (op === "delete" || !type.startsWith("tls:") || typeof outputs.certPem !== "string") return [];
    const { earlyRenewalHours: hours } = inputs;
    const renewal = {
      hours: typeof hours === "number" && hours >= 0 && hours < 1e6 ? hours : 0,
      ready: outputs.readyForRenewal === true,
    };
    return [{ name: nameOf(urn), pem: outputs.certPem, renewal, remedy: "pulumi up renews it" }];
  });
  const outputs = steps.find(({ oldState }) => oldState?.type === "pulumi:pulumi:Stack")?.oldState?.outputs ?? {};
  const { caCert, clientCerts, caStack } = outputs;
  const elsewhere = typeof caStack === "string" ? `pulumi up of ${caStack} renews it. Then run pulumi up here` : "";
  const given = [
    ...textsIn([caCert]).map((pem, index) => ({
      name: `caCert[${index}]`,
      pem,
      remedy:
        elsewhere ||
        (index === 0
          ? "set caCertPem and caPrivateKeyPem to a new CA, then run pulumi up"
          : "remove it from caCertPem, then run pulumi up"),
    })),
    ...Object.entries(isObject(clientCerts) ? clientCerts : {}).flatMap(([name, text]) =>
      textsIn([text]).map((pem) => ({
        name: `clientCerts.${name}`,
        pem,
        remedy: elsewhere || "pulumi up renews it",
      })),
    ),
    ...clientCaCerts(config).flatMap((text, index) =>
      textsIn([text]).map((pem) => ({
        name: `clientCaCerts[${index}]`,
        pem,
        remedy: `set a new one with pulumi config set --path 'clientCaCerts[${index}]' < ca.pem, then run pulumi up`,
      })),
    ),
  ];
  const all: Certificate[] = [...own, ...given];
  return all.filter(({ pem }, index) => all.findIndex((each) => each.pem.trim() === pem.trim()) === index);
}

function textsIn(values: unknown[]): string[] {
  return values.flatMap((value) => (typeof value === "string" ? pemCertificates(value) : []));
}

/** The setting `clientCaCerts`, under any project's name. */
function clientCaCerts(config: Record<string, string>): unknown[] {
  const [, text = ""] = Object.entries(config).find(([key]) => key.endsWith(":clientCaCerts")) ?? [];
  const list = parseJson(text);
  return Array.isArray(list) ? list : [];
}

/** @throws Failure if it isn't a certificate. */
export function judgeCertificate({ name, pem, renewal, remedy }: Certificate, now: number): EndingCertificate {
  const { subject, notAfter, daysLeft } = factsOf(name, pem, now);
  const from = renewal && Date.parse(notAfter) - renewal.hours * 60 * 60 * 1000;
  const due = renewal !== undefined && from !== undefined && (renewal.ready || now >= from);
  const day = from === undefined ? "" : new Date(from).toISOString().slice(0, 10);
  return {
    name,
    subject,
    notAfter,
    daysLeft,
    due,
    remedy: due ? "due: the next pulumi up renews it" : renewal ? `from ${day} on ${remedy}` : remedy,
  };
}

function factsOf(name: string, pem: string, now: number): CertificateFacts {
  try {
    return certificateFacts(pem, now);
  } catch {
    throw new Failure("outputs", `${name} must be a PEM certificate (got something else between its BEGIN and END).`);
  }
}
