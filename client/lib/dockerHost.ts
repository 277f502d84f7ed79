/** The value of `DOCKER_HOST`: "tcp://NAME:PORT". */

const FORM = /^tcp:\/\/(?:[\w.-]{1,255}|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/;

export function isDockerHost(value: unknown): value is string {
  const [, port] = (typeof value === "string" && FORM.exec(value)) || [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65535 && URL.canParse(String(value));
}

/** The name or address. An IPv6 address is in brackets. */
export function hostName(dockerHost: string): string {
  return new URL(dockerHost).hostname;
}

/** The name or address. An IPv6 address is without brackets, as outside of a URL. */
export function bareHost(dockerHost: string): string {
  return hostName(dockerHost).replace(/^\[|\]$/g, "");
}

export function portOf(dockerHost: string): number {
  return Number(new URL(dockerHost).port);
}
