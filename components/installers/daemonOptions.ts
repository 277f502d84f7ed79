/** The Docker daemon's options: the hardened defaults, the user's own, and both forms in which the daemon takes them. */
import { got, isObject } from "../rules/values";

/** A value of JSON. */
export type Json = boolean | number | string | null | Json[] | { [key: string]: Json };

/** The limits of `default-ulimits`, by name, such as { nofile: { Soft: 1024, Hard: 4096 } }. */
export type Ulimits = Record<string, { Name?: string; Soft: number; Hard: number }>;

/** One of `default-address-pools`, such as { base: "172.30.0.0/16", size: 24 }. */
export interface AddressPool {
  base: string;
  size: number;
}

/** The types of the options' values, by form. */
interface FormTypes {
  boolean: boolean;
  integer: number;
  string: string;
  list: string[];
  texts: Record<string, string | number | boolean>;
  object: Record<string, Json>;
  ulimits: Ulimits;
  pools: AddressPool[];
}

type Form = keyof FormTypes;

/** Options in the form of `daemon.json`, such as { "log-level": "warn", "registry-mirrors": ["https://mirror.example.com"] }. */
export type DaemonOptions = {
  [Name in keyof typeof OPTIONS]?: FormTypes[(typeof OPTIONS)[Name]["form"]];
};

interface Option {
  form: Form;
  /** Its name on the daemon's command line, where that differs from the one in `daemon.json`: for a list it is the singular. */
  flag?: string;
  /** Whether the command line has no such option. */
  fileOnly?: true;
}

/** The options that a user may set: those in Docker's reference of `dockerd` that Docker 20.10 and later have. */
const OPTIONS = {
  "authorization-plugins": { form: "list", flag: "authorization-plugin" },
  bip: { form: "string" },
  builder: { form: "object", fileOnly: true },
  "cgroup-parent": { form: "string" },
  "data-root": { form: "string" },
  debug: { form: "boolean" },
  "default-address-pools": { form: "pools", flag: "default-address-pool" },
  "default-cgroupns-mode": { form: "string" },
  "default-gateway": { form: "string" },
  "default-ipc-mode": { form: "string" },
  "default-runtime": { form: "string" },
  "default-shm-size": { form: "string" },
  "default-ulimits": { form: "ulimits", flag: "default-ulimit" },
  dns: { form: "list" },
  "dns-opts": { form: "list", flag: "dns-opt" },
  "dns-search": { form: "list" },
  "exec-opts": { form: "list", flag: "exec-opt" },
  experimental: { form: "boolean" },
  features: { form: "object", fileOnly: true },
  "fixed-cidr": { form: "string" },
  icc: { form: "boolean" },
  init: { form: "boolean" },
  "insecure-registries": { form: "list", flag: "insecure-registry" },
  ip: { form: "string" },
  "ip-forward": { form: "boolean" },
  "ip-masq": { form: "boolean" },
  iptables: { form: "boolean" },
  labels: { form: "list", flag: "label" },
  "live-restore": { form: "boolean" },
  "log-driver": { form: "string" },
  "log-level": { form: "string" },
  "log-opts": { form: "texts", flag: "log-opt" },
  "max-concurrent-downloads": { form: "integer" },
  "max-concurrent-uploads": { form: "integer" },
  "max-download-attempts": { form: "integer" },
  "metrics-addr": { form: "string" },
  mtu: { form: "integer" },
  "no-new-privileges": { form: "boolean" },
  "node-generic-resources": { form: "list", flag: "node-generic-resource" },
  "registry-mirrors": { form: "list", flag: "registry-mirror" },
  runtimes: { form: "object", fileOnly: true },
  "selinux-enabled": { form: "boolean" },
  "shutdown-timeout": { form: "integer" },
  "storage-driver": { form: "string" },
  "storage-opts": { form: "list", flag: "storage-opt" },
  "userland-proxy": { form: "boolean" },
  "userns-remap": { form: "string" },
} as const satisfies Record<string, Option>;

function optionOf(name: string): Option | undefined {
  return Object.hasOwn(OPTIONS, name) ? OPTIONS[name as keyof typeof OPTIONS] : undefined;
}

/** Options that the program sets. A second value of one of them could open the port to everyone. */
const OWN = new Set(["hosts", "host", "tls", "tlsverify", "tlscacert", "tlscert", "tlskey"]);

const FORMS: Record<Form, string> = {
  boolean: "true or false",
  integer: "a whole number, 0 or more",
  string: "a text that is not empty",
  list: "a list of texts",
  texts: 'texts by name, such as { "max-size": "10m" }',
  object: 'an object, such as { "buildkit": true }',
  ulimits: 'an object, such as { "nofile": { "Soft": 1024, "Hard": 4096 } }',
  pools: 'a list of objects, such as [{ "base": "172.30.0.0/16", "size": 24 }]',
};

/**
 * The hardened defaults (Docker's daemon reference; CIS Docker Benchmark, section 2). The user's options take precedence.
 * There are no `default-ulimits`: a limit above the daemon's own would keep every container from starting.
 */
const HARDENED: DaemonOptions = {
  "live-restore": true,
  "no-new-privileges": true,
  "userland-proxy": false,
};

/** Without a bound, the log of one container can fill the disk. Only these two log drivers have the options. */
const LOG_BOUNDS = { "max-size": "10m", "max-file": "5" };
const BOUNDED_LOG_DRIVERS = ["json-file", "local"];

/** Validates the daemon's options by themselves. */
export function validateDaemonOptions(options: unknown): string[] {
  if (!isObject(options)) {
    return [
      `daemonOptions must be an object of daemon.json's options, such as { "log-level": "warn" } ${got(options)}.`,
    ];
  }
  return Object.entries(options).flatMap(([name, value]) => {
    const setting = `daemonOptions.${name}`;
    if (OWN.has(name)) {
      return [`${setting} must be left out. The program sets it, from dockerPort and the certificates.`];
    }
    const option = optionOf(name);
    if (!option) return [`${setting} must be one of the daemon's options: ${Object.keys(OPTIONS).join(", ")}.`];
    return hasForm(value, option.form) ? [] : [`${setting} must be ${FORMS[option.form]} ${got(value)}.`];
  });
}

/**
 * Validates options and installer together. Azure's DockerExtension writes the options on the command line of a systemd unit,
 * which it edits with a regular expression. The options are valid by themselves.
 */
export function validateDaemonOptionsForm(options: DaemonOptions, installer: string): string[] {
  if (installer !== "DockerExtension") return [];
  return Object.entries(options).flatMap(([name, value]) => {
    const setting = `daemonOptions.${name}`;
    const remedy = "Set installer to CustomScript, which writes daemon.json.";
    if (optionOf(name)?.fileOnly)
      return [`${setting} must be left out with the DockerExtension, as dockerd has no such flag. ${remedy}`];
    const odd = commandLineWords(name, value).find((word) => !/^[\w./:=,@+{}[\]-]+$/.test(word));
    return odd === undefined
      ? []
      : [
          `${setting} must hold only letters, digits and _./:=,@+{}[]- with the DockerExtension ${got(value)}. ${remedy}`,
        ];
  });
}

/**
 * The daemon's whole configuration in the form of `daemon.json`: the hardened defaults, the user's options, and a label that
 * names the certificates, so that `docker info` shows which ones the daemon has.
 */
export function daemonConfiguration(options: DaemonOptions, fingerprint: string): DaemonOptions {
  const driver = options["log-driver"] ?? "json-file";
  const bounds = BOUNDED_LOG_DRIVERS.includes(driver) ? LOG_BOUNDS : {};
  const logOptions = { ...bounds, ...texts(options["log-opts"]) };
  const labels = options.labels ?? [];
  return {
    ...HARDENED,
    ...options,
    ...(options["default-ulimits"] !== undefined && { "default-ulimits": named(options["default-ulimits"]) }),
    ...(Object.keys(logOptions).length > 0 && { "log-opts": logOptions }),
    labels: [...labels, `certificates=${fingerprint}`],
  };
}

/** The daemon takes a log driver's options only as texts. In a stack's file, a text that looks like a number is a number. */
function texts(map: DaemonOptions["log-opts"] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, String(value)]));
}

/** The same configuration as words of the daemon's command line. */
export function commandLine(configuration: DaemonOptions): string[] {
  return Object.entries(configuration).flatMap(([name, value]) => commandLineWords(name, value));
}

function commandLineWords(name: string, value: unknown): string[] {
  const { form, flag = name } = optionOf(name) ?? { form: "string" };
  const word = (text: string): string => `--${flag}=${text}`;
  switch (form) {
    case "boolean":
      return [value === true ? `--${flag}` : word("false")];
    case "integer":
    case "string":
      return [word(String(value))];
    case "list":
      return (value as string[]).map(word);
    case "texts":
      return Object.entries(value as object).map(([key, text]) => word(`${key}=${String(text)}`));
    case "object":
      throw new Error(`${name} has no form on the command line`);
    case "ulimits":
      return Object.entries(value as Ulimits).map(([key, { Soft, Hard }]) => word(`${key}=${Soft}:${Hard}`));
    case "pools":
      return (value as AddressPool[]).map(({ base, size }) => word(`base=${base},size=${size}`));
  }
}

/** In daemon.json, each limit must also hold its name. */
function named(ulimits: Ulimits): Ulimits {
  return Object.fromEntries(Object.entries(ulimits).map(([name, limit]) => [name, { ...limit, Name: name }]));
}

function hasForm(value: unknown, form: Form): boolean {
  const isWhole = (number: unknown, least: number): boolean => Number.isInteger(number) && Number(number) >= least;
  switch (form) {
    case "boolean":
      return typeof value === "boolean";
    case "integer":
      return isWhole(value, 0);
    case "string":
      return isText(value);
    case "list":
      return Array.isArray(value) && value.every(isText);
    case "texts":
      return (
        isObject(value) &&
        Object.values(value).every((each) => isText(each) || typeof each === "number" || typeof each === "boolean")
      );
    case "object":
      return isObject(value);
    case "ulimits":
      return (
        isObject(value) &&
        // -1 is "unlimited".
        Object.values(value).every((limit) => isObject(limit) && isWhole(limit.Soft, -1) && isWhole(limit.Hard, -1))
      );
    case "pools":
      return (
        Array.isArray(value) && value.every((pool) => isObject(pool) && isText(pool.base) && isWhole(pool.size, 1))
      );
  }
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value !== "" && !/\p{Cc}/u.test(value);
}
