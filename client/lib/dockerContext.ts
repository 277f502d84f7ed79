/** Makes and removes the `docker context` of a connection with the docker command. A context has its own copy of the files. */
import { Failure } from "./failure";
import { run } from "./run";

/** `connect` ends the description of its contexts with this, and knows them by it. */
const MARK = "(docker-host connect)";

/** The properties of a context. */
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

/** The context of a name, if there is one. */
export type ContextState =
  { kind: "none" | "no docker" | "somebody else's" } | { kind: "ours"; /** Its `DOCKER_HOST`. */ dockerHost: string };

/** Validates a context's name by docker's own rule. "default" is docker's name for having no context. */
export function validateContextName(name: string): string[] {
  return /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/.test(name) && name !== "default"
    ? []
    : [
        `--context must be 2 or more letters, digits and "_.+-", begin with a letter or digit, and not be "default" (got ${JSON.stringify(name)}).`,
      ];
}

/** @throws Failure if docker fails. */
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

/** A context, as `docker context inspect` prints it. */
interface InspectedContext {
  Metadata?: { Description?: string };
  Endpoints?: { docker?: { Host?: string } };
}

/** @throws Failure with docker's own message. */
export async function writeContext(verb: "create" | "update", args: ContextArgs): Promise<void> {
  const endpoint = ["host", "ca", "cert", "key"] as const;
  const values = { ...args, host: args.dockerHost };
  const fields = endpoint.map((key) => csvField(`${key}=${values[key]}`)).join(",");
  await docker(["context", verb, args.name, "--description", `${args.description} ${MARK}`, "--docker", fields]);
}

/** Removes a context, even the current one. Docker then uses the default one. */
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
