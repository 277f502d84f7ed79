/** The Docker daemon's own options: the hardened ones that a host has by default, the user's, and both forms in which the daemon takes them. */

/** Options as `daemon.json` has them, such as { "log-level": "warn", "registry-mirrors": ["https://mirror.example.com"] }. */
export type DaemonOptions = Record<string, unknown>;

/** What an option's value is. */
type Form = "boolean" | "integer" | "string" | "list" | "texts" | "object" | "ulimits" | "pools";

interface Option {
  form: Form;
  /** Its name on the daemon's command line, where that differs from the one in `daemon.json`: for a list it is the singular. */
  flag?: string;
  /** Whether the command line has no such option. */
  fileOnly?: true;
}

/** The options that a user may set: those of Docker's reference of `dockerd` that Docker 20.10 and later have. */
const OPTIONS: Record<string, Option> = {
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
};

/** Options that the program sets itself: with a second value of one of them, the port could be open to everyone. */
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
 * The hardened defaults (Docker's daemon reference; CIS Docker Benchmark, section 2). The user's own go before them.
 * No `default-ulimits`: a limit above the daemon's own would keep every container from starting.
 */
const HARDENED: DaemonOptions = {
  "live-restore": true,
  "no-new-privileges": true,
  "userland-proxy": false,
};

/** Without a bound, one chatty container fills the disk. Only these two drivers know the options. */
const LOG_BOUNDS = { "max-size": "10m", "max-file": "5" };
const BOUNDED_LOG_DRIVERS = ["json-file", "local"];

/** What is wrong with the daemon's options. */
export function checkDaemonOptions(options: unknown, installer: string): string[] {
  if (!isObject(options)) {
    return [
      `daemonOptions: ${JSON.stringify(options)} is no object; allowed: an object of daemon.json's options, such as { "log-level": "warn" }`,
    ];
  }
  return Object.entries(options).flatMap(([name, value]) => {
    const option = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    const setting = `daemonOptions.${name}`;
    if (OWN.has(name)) {
      return [
        `${setting}: the program sets it itself, from dockerPort and the certificates; allowed: any other option`,
      ];
    }
    if (!option) {
      return [
        `${setting}: no option of the daemon's that is known here; known are: ${Object.keys(OPTIONS).join(", ")}`,
      ];
    }
    if (!hasForm(value, option.form)) {
      return [`${setting}: ${JSON.stringify(value)} is not allowed; allowed: ${FORMS[option.form]}`];
    }
    return installer === "DockerExtension" ? checkForCommandLine(setting, name, value, option) : [];
  });
}

/** Azure's DockerExtension has the options on the command line of a systemd unit, and edits that with a regular expression. */
function checkForCommandLine(setting: string, name: string, value: unknown, option: Option): string[] {
  const elsewhere = "installer CustomScript, which writes daemon.json";
  if (option.fileOnly) return [`${setting}: has no form on the daemon's command line; allowed: with ${elsewhere}`];
  const odd = commandLineWords(name, value).find((word) => !/^[\w./:=,@+{}[\]-]+$/.test(word));
  return odd === undefined
    ? []
    : [
        `${setting}: ${JSON.stringify(value)} can't stand on the command line that Azure's DockerExtension writes; allowed: letters, digits and _./:=,@+{}[]- or ${elsewhere}`,
      ];
}

/**
 * The daemon's whole configuration, as `daemon.json` has it: the hardened defaults, the user's options, and a label that
 * names the certificates, so that `docker info` tells which ones the daemon runs with.
 */
export function daemonConfiguration(options: DaemonOptions, fingerprint: string): DaemonOptions {
  const driver = (options["log-driver"] ?? "json-file") as string;
  const bounds = BOUNDED_LOG_DRIVERS.includes(driver) ? LOG_BOUNDS : {};
  const logOptions = { ...bounds, ...texts(options["log-opts"]) };
  const labels = (options.labels ?? []) as string[];
  return {
    ...HARDENED,
    ...options,
    ...(options["default-ulimits"] !== undefined && { "default-ulimits": named(options["default-ulimits"]) }),
    ...(Object.keys(logOptions).length > 0 && { "log-opts": logOptions }),
    labels: [...labels, `certificates=${fingerprint}`],
  };
}

/** The daemon takes an option of a log driver as a text alone, and a number in a stack's file is one that looks like it. */
function texts(map: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).map(([name, value]) => [name, String(value)]));
}

/** The same configuration as words of the daemon's command line. */
export function commandLine(configuration: DaemonOptions): string[] {
  return Object.entries(configuration).flatMap(([name, value]) => commandLineWords(name, value));
}

function commandLineWords(name: string, value: unknown): string[] {
  const { form, flag = name } = OPTIONS[name] ?? { form: "string" };
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
      return (value as Pool[]).map(({ base, size }) => word(`base=${base},size=${size}`));
  }
}

type Ulimits = Record<string, { Name?: string; Soft: number; Hard: number }>;

interface Pool {
  base: string;
  size: number;
}

/** The daemon wants each limit's name in it too. */
function named(ulimits: unknown): Ulimits {
  return Object.fromEntries(
    Object.entries(ulimits as Ulimits).map(([name, limit]) => [name, { ...limit, Name: name }]),
  );
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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
