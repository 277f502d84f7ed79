/** The NSG's inbound rules: one for each source of each service, and one that denies everything else. */

/** A port of the host, and the sources that may reach it. */
export interface Service {
  /** The name in the rules' names, such as "Docker" in "AllowDocker1". */
  name: string;
  protocol: "Tcp" | "Udp";
  port: number;
  sources: string[];
}

/** One inbound rule, as ARM's `securityRules` takes it. */
export interface InboundRule {
  name: string;
  priority: number;
  direction: "Inbound";
  access: "Allow" | "Deny";
  protocol: "Tcp" | "Udp" | "*";
  sourceAddressPrefix: string;
  sourcePortRange: "*";
  destinationAddressPrefix: "*";
  destinationPortRange: string;
}

/** Azure's priorities begin at 100 and end at 4096. */
const FIRST_PRIORITY = 100;
const LAST_PRIORITY = 4096;

/**
 * The inbound rules of an NSG. There is one rule a source, because Azure takes service tags only in the singular
 * `sourceAddressPrefix`. The last rule denies everything else: Azure's default rules let every VM of the virtual network, and
 * of peered networks, reach any port.
 */
export function inboundRules(services: Service[]): InboundRule[] {
  const allowed = services.flatMap(({ name, protocol, port, sources }) =>
    sources.map((source, index) => ({
      name: `Allow${name}${index + 1}`,
      access: "Allow" as const,
      protocol,
      // The API has one name for what the portal calls "Any".
      sourceAddressPrefix: source.toLowerCase() === "any" ? "*" : source,
      destinationPortRange: port.toString(),
    })),
  );
  const denyAllElse = {
    name: "DenyAllElse",
    access: "Deny" as const,
    protocol: "*" as const,
    sourceAddressPrefix: "*",
    destinationPortRange: "*",
  };
  return [...allowed, denyAllElse].map((rule, index) => ({
    ...rule,
    priority: rule === denyAllElse ? LAST_PRIORITY : FIRST_PRIORITY + index,
    direction: "Inbound",
    sourcePortRange: "*",
    destinationAddressPrefix: "*",
  }));
}
