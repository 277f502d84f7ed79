/** Makes and removes the `docker context` of a connection, by the docker command: the context keeps its own copy of the files. */
import { Failure } from "./failure";
import { run } from "./run";

/** By this at the end of its description a context is known as one that `connect` made. */
const MARK = "(docker-host connect)";

/** What a context is to be. */
export interface ContextArgs {
  name: string;
  /** Such as "client admin of stack dev". */
  description: string;
  dockerHost: string;
  /** The files' paths. */
  ca: string;
  cert: string;
  key: string;
}

/** What there is under a context's name. */
export type ContextState =
  { kind: "none" | "no docker" | "somebody else's" } | { kind: "ours"; /** Its `DOCKER_HOST`. */ dockerHost: string };

/** What is wrong with a context's name (docker's own rule; "default" is what docker has without a context). */
export function checkContextName(name: string): string[] {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/.test(name) && name !== "default"
    ? []
    : [
        `--context: ${JSON.stringify(name)} can't name a docker context; allowed: 2 letters, digits and "_.+-" or more, first a letter or digit, not "default"`,
      ];
}

/** @throws Failure if docker can't say. */
export async function contextState(name: string): Promise<ContextState> {
  const { code, stdout, stderr } = await run("docker", ["context", "inspect", name]);
  if (code === undefined) return { kind: "no docker" };
  if (code !== 0) {
    if (/not found|no such|does not exist/i.test(stderr)) return { kind: "none" };
    throw new Failure("docker", `docker context inspect ${name} failed: ${stderr.trim()}`);
  }
  const [context] = JSON.parse(stdout) as [InspectedContext?];
  return context?.Metadata?.Description?.endsWith(MARK) === true
    ? { kind: "ours", dockerHost: context.Endpoints?.docker?.Host ?? "" }
    : { kind: "somebody else's" };
}

/** What `docker context inspect` prints of one. */
interface InspectedContext {
  Metadata?: { Description?: string };
  Endpoints?: { docker?: { Host?: string } };
}

/** @throws Failure with docker's own words. */
export async function writeContext(verb: "create" | "update", args: ContextArgs): Promise<void> {
  const endpoint = ["host", "ca", "cert", "key"] as const;
  const values = { ...args, host: args.dockerHost };
  const fields = endpoint.map((key) => csvField(`${key}=${values[key]}`)).join(",");
  await docker(["context", verb, args.name, "--description", `${args.description} ${MARK}`, "--docker", fields]);
}

/** Removes a context even if it is the one in use: docker goes back to the default one then. */
export async function removeContext(name: string): Promise<void> {
  await docker(["context", "rm", "--force", name]);
}

async function docker(args: string[]): Promise<void> {
  const { code, stderr } = await run("docker", args);
  if (code !== 0) throw new Failure("docker", `docker ${args.slice(0, 3).join(" ")} failed: ${stderr.trim()}`);
}

/** docker reads an endpoint as a line of CSV. */
function csvField(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
