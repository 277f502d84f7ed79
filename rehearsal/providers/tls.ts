// The tls provider of the rehearsal: real keys and certificates, under the rules of @pulumi/tls 5.6 (terraform-provider-tls 4).
import type { Created } from "./certificates";
import { checkInputs, type InputRules, withDefaults } from "./inputs";
import { diffProperties } from "./diff";
import { type DiffKind, type ResourceProvider, UNKNOWN } from "./provider";
import type { Properties } from "../values";
import { serve } from "./server";
import { CURVES, EXTENDED_KEY_USAGES, KEY_USAGES, SUBJECT_OIDS } from "./tlsNames";

const requestInputs: InputRules = {
  dnsNames: { type: "strings" },
  ipAddresses: { type: "strings" },
  privateKeyPem: { type: "string", required: true },
  subject: {
    type: "object",
    fields: Object.fromEntries(Object.keys(SUBJECT_OIDS).map((name) => [name, { type: "string" }])),
  },
};

const certificateInputs: InputRules = {
  allowedUses: {
    type: "strings",
    required: true,
    oneOf: [...Object.keys(KEY_USAGES), ...Object.keys(EXTENDED_KEY_USAGES)].sort(),
  },
  earlyRenewalHours: { type: "integer", atLeast: 0, default: 0 },
  isCaCertificate: { type: "boolean", default: false },
  maxPathLength: { type: "integer", atLeast: -1 },
  setSubjectKeyId: { type: "boolean", default: false },
  validityPeriodHours: { type: "integer", required: true, atLeast: 0 },
};

/**
 * X.509 is loaded by the first create: a preview needs none of it, and the engine waits for a plugin to start.
 */
const x509 = (): typeof import("./certificates") => module.require("./certificates") as typeof import("./certificates");

interface ResourceType {
  inputs: InputRules;
  /** The properties that only a create can know. */
  outputs: string[];
  isCertificate?: true;
  create(inputs: Properties): Promise<Created>;
}

const types: Record<string, ResourceType> = {
  "tls:index/privateKey:PrivateKey": {
    inputs: {
      algorithm: { type: "string", required: true, oneOf: ["RSA", "ECDSA", "ED25519"] },
      ecdsaCurve: { type: "string", oneOf: Object.keys(CURVES), default: "P224" },
      rsaBits: { type: "integer", default: 2048 },
    },
    outputs: [
      "privateKeyOpenssh",
      "privateKeyPem",
      "privateKeyPemPkcs8",
      "publicKeyFingerprintMd5",
      "publicKeyFingerprintSha256",
      "publicKeyOpenssh",
      "publicKeyPem",
    ],
    create: (inputs) => x509().createKey(inputs),
  },
  "tls:index/selfSignedCert:SelfSignedCert": {
    inputs: { ...requestInputs, ...certificateInputs },
    outputs: ["certPem", "keyAlgorithm", "validityEndTime", "validityStartTime"],
    isCertificate: true,
    create: (inputs) => x509().createSelfSignedCert(inputs, new Date(now())),
  },
  "tls:index/certRequest:CertRequest": {
    inputs: requestInputs,
    outputs: ["certRequestPem", "keyAlgorithm"],
    create: (inputs) => x509().createCertRequest(inputs),
  },
  "tls:index/locallySignedCert:LocallySignedCert": {
    inputs: {
      ...certificateInputs,
      caCertPem: { type: "string", required: true },
      caPrivateKeyPem: { type: "string", required: true },
      certRequestPem: { type: "string", required: true },
    },
    outputs: ["caKeyAlgorithm", "certPem", "validityEndTime", "validityStartTime"],
    isCertificate: true,
    create: (inputs) => x509().createLocallySignedCert(inputs, new Date(now())),
  },
};

export const tls: ResourceProvider = {
  version: "5.6.1",

  check(resource, news) {
    return { inputs: news, failures: checkInputs(typeOf(resource.type).inputs, news) };
  },

  diff(resource, _id, olds, news) {
    const type = typeOf(resource.type);
    const before = withDefaults(type.inputs, olds.inputs);
    const after = withDefaults(type.inputs, news);
    // As in the real provider: a path length that is no longer given stays as it is.
    if (!("maxPathLength" in after)) delete before["maxPathLength"];
    const replaceOn = Object.keys(type.inputs).filter((name) => name !== "earlyRenewalHours");
    const diffs: Record<string, DiffKind> = diffProperties(before, after, { replaceOn });
    if (type.isCertificate && isDue(olds.state, after)) diffs["readyForRenewal"] = "update-replace";
    return { diffs };
  },

  preview(resource, inputs) {
    const type = typeOf(resource.type);
    return { ...stateOf(type, inputs), ...Object.fromEntries(type.outputs.map((name) => [name, UNKNOWN])) };
  },

  async create(resource, inputs) {
    const type = typeOf(resource.type);
    const { id, properties } = await type.create(withDefaults(type.inputs, inputs));
    return { id, properties: { ...stateOf(type, inputs), ...properties, id } };
  },

  // Keys and certificates exist in the state alone. Only the time can change something.
  read(resource, id, olds) {
    const type = typeOf(resource.type);
    const due = type.isCertificate && isDue(olds.state, olds.state);
    return Promise.resolve({
      id,
      inputs: olds.inputs,
      properties: due ? { ...olds.state, readyForRenewal: true } : olds.state,
    });
  },

  // Reached by earlyRenewalHours alone.
  update(resource, _id, olds, news) {
    return Promise.resolve({ ...olds.state, ...stateOf(typeOf(resource.type), news) });
  },

  delete: () => Promise.resolve(),
};

function typeOf(token: string): ResourceType {
  const type = types[token];
  if (!type) throw new Error(`Unknown resource type ${token}; known are: ${Object.keys(types).join(", ")}`);
  return type;
}

/** The part of the state that follows from the inputs alone. */
function stateOf(type: ResourceType, inputs: Properties): Properties {
  const state = withDefaults(type.inputs, inputs);
  if (!type.isCertificate) return state;
  const { validityPeriodHours, earlyRenewalHours } = state;
  if ([validityPeriodHours, earlyRenewalHours].includes(UNKNOWN)) return { ...state, readyForRenewal: UNKNOWN };
  return { ...state, readyForRenewal: Number(earlyRenewalHours) >= Number(validityPeriodHours) };
}

function isDue(state: Properties, inputs: Properties): boolean {
  const end = Date.parse(String(state["validityEndTime"]));
  const hours = inputs["earlyRenewalHours"];
  return typeof hours === "number" && now() >= end - hours * HOUR_MS;
}

const HOUR_MS = 3_600_000;

/** The time, shifted by REHEARSAL_CLOCK_OFFSET_HOURS, so that a renewal can be seen without waiting for it. */
function now(): number {
  return Date.now() + Number(process.env["REHEARSAL_CLOCK_OFFSET_HOURS"] ?? 0) * HOUR_MS;
}

if (require.main === module) void serve(tls);
