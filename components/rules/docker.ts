/** The rules of Docker's port, installer and version, and of the generations of keys and CAs. */
import { got, validateChoice } from "./values";

/** The ways to put Docker on the VM. */
export const INSTALLERS = ["DockerExtension", "CustomScript"] as const;

/** One of `INSTALLERS`. */
export type InstallerName = (typeof INSTALLERS)[number];

/** Validates the Docker port. Port 22 is SSH's. */
export function validateDockerPort(port: unknown): string[] {
  return Number.isInteger(port) && Number(port) >= 1 && Number(port) <= 65535 && port !== 22
    ? []
    : [`dockerPort must be between 1 and 65535, and not 22 ${got(port)}.`];
}

/** Validates the installer. */
export function validateInstaller(installer: unknown): string[] {
  return validateChoice("installer", installer, INSTALLERS);
}

/**
 * Validates the version of the package `docker.io`, in apt's form. A whole version ends with Ubuntu's revision
 * (deb-version(7): `[epoch:]upstream-revision`), and a beginning ends with "*". Nothing else matches a package.
 */
export function validateDockerVersion(version: string): string[] {
  const isWhole = /^(\d+:)?\d[A-Za-z0-9.+~]*(-[A-Za-z0-9.+~]+)+$/.test(version);
  const isBeginning = /^(\d+:)?\d[A-Za-z0-9.+~-]*\*$/.test(version);
  if (isWhole || isBeginning) return [];
  const [, upstream] = /^v?(\d+(?:\.\d+)*)$/.exec(version) ?? [];
  const remedy =
    upstream === undefined
      ? 'be one of Ubuntu\'s package docker.io, such as "28.2.2-0ubuntu1~24.04.1", or the beginning of one with "*", such as "28.2.*"'
      : `be "${upstream}${upstream.split(".").length < 3 ? "." : ""}*", or a whole version of Ubuntu's package docker.io, such as "28.2.2-0ubuntu1~24.04.1"`;
  return [`dockerVersion must ${remedy} ${got(version)}. Leave it out for the newest.`];
}

/** Validates the tag that makes Azure run the installer again. */
export function validateForceUpdateTag(tag: string): string[] {
  return /^[\w.:+-]{1,128}$/.test(tag)
    ? []
    : [`forceUpdateTag must have 1 to 128 letters, digits and "_.:+-", such as "2026-11-24" ${got(tag)}.`];
}

const isGeneration = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 1;

/** Validates the generation of the server's and the clients' keys. */
export function validateKeyGeneration(generation: unknown): string[] {
  return isGeneration(generation) ? [] : [`keyGeneration must be a whole number, 1 or more ${got(generation)}.`];
}

/** Validates the generations of CAs. */
export function validateCaGenerations(generations: unknown): string[] {
  const isValid =
    Array.isArray(generations) &&
    generations.length > 0 &&
    generations.every(isGeneration) &&
    new Set(generations).size === generations.length;
  return isValid
    ? []
    : [
        `caGenerations must be whole numbers, 1 or more, each once, such as [1] or [1, 2] ${got(generations)}. The first one signs.`,
      ];
}
