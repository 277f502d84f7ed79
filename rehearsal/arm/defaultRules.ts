/** The six default rules of every NSG (azure-rest-api-specs, example NetworkSecurityGroupGet), and a rule's empty lists. */
import type { Body } from "./body";

export function withLists(rule: Body): Body {
  return {
    sourcePortRanges: [],
    destinationPortRanges: [],
    sourceAddressPrefixes: [],
    destinationAddressPrefixes: [],
    ...rule,
  };
}

export const DEFAULT_RULES: Body[] = (
  [
    ["AllowVnetInBound", 65000, "VirtualNetwork", "VirtualNetwork", "Allow inbound traffic from all VMs in VNET"],
    [
      "AllowAzureLoadBalancerInBound",
      65001,
      "AzureLoadBalancer",
      "*",
      "Allow inbound traffic from azure load balancer",
    ],
    ["DenyAllInBound", 65500, "*", "*", "Deny all inbound traffic"],
    [
      "AllowVnetOutBound",
      65000,
      "VirtualNetwork",
      "VirtualNetwork",
      "Allow outbound traffic from all VMs to all VMs in VNET",
    ],
    ["AllowInternetOutBound", 65001, "*", "Internet", "Allow outbound traffic from all VMs to Internet"],
    ["DenyAllOutBound", 65500, "*", "*", "Deny all outbound traffic"],
  ] as const
).map(([name, priority, sourceAddressPrefix, destinationAddressPrefix, description]) => ({
  name,
  description,
  protocol: "*",
  sourcePortRange: "*",
  destinationPortRange: "*",
  sourceAddressPrefix,
  destinationAddressPrefix,
  access: name.startsWith("Allow") ? "Allow" : "Deny",
  priority,
  direction: name.endsWith("InBound") ? "Inbound" : "Outbound",
}));
