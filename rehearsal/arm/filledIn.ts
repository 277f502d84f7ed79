/**
 * Values that Azure adds to a resource by itself. "recording" is azure-native's
 * `testdata/recorded/TestProviderUpgrade/upgrade-networked-vm/2.76.0/stack.json`.
 */
import { randomBytes, randomUUID } from "node:crypto";
import type { Subnet } from "../machine/network";
import { freePublicAddress, privateAddress } from "./addresses";
import { type Body, textAt, valuesAt } from "./body";
import { secretDigests } from "./manners";
import { NETWORK, NETWORK_INTERFACE, PUBLIC_IP, VIRTUAL_MACHINE, VIRTUAL_NETWORK, nameOf } from "./resourceTypes";
import type { Store, StoredResource } from "./store";

/**
 * Values from the creation of a resource. All but the etag stay over changes.
 *
 * - `etag`: of network resources a GUID, of a VM a number; `nextEtag` gives the one after a change.
 * - `resourceGuid`: of network resources; a MAC address and a DNS suffix are derived from it.
 * - `vmId`, `timeCreated`, `osDiskName`, `powerState`: of a VM. `powerState` is "running", "stopped" or "deallocated".
 */
export function computedAtCreation({ id, armType, body }: StoredResource): Body {
  if (armType.startsWith(NETWORK)) return { etag: randomUUID(), resourceGuid: randomUUID() };
  if (armType !== VIRTUAL_MACHINE) return {};
  return {
    etag: "1",
    vmId: randomUUID(),
    timeCreated: azureTime(new Date()),
    osDiskName:
      textAt(body, "storageProfile.osDisk.name") ?? `${nameOf(id)}_OsDisk_1_${randomBytes(16).toString("hex")}`,
    powerState: "running",
  };
}

/** The etag of a resource that has just changed: VMs count (azure-cli issue 32564), network resources have a GUID (recording). */
export function nextEtag({ armType, computed }: StoredResource): Body {
  if (armType.startsWith(NETWORK)) return { etag: randomUUID() };
  return armType === VIRTUAL_MACHINE ? { etag: String(Number(computed.etag ?? 0) + 1) } : {};
}

/**
 * The IDs of the other resources that Azure changes when this one is put or deleted, as they get or lose a way back to it:
 * an interface's network (its subnet lists who is in it), security group and address; a VM's interfaces.
 */
export function touchedBy({ armType, body }: StoredResource, store: Store): string[] {
  const paths: Record<string, string[]> = {
    [NETWORK_INTERFACE]: [
      "ipConfigurations.*.subnet.id",
      "networkSecurityGroup.id",
      "ipConfigurations.*.publicIPAddress.id",
    ],
    [VIRTUAL_MACHINE]: ["networkProfile.networkInterfaces.*.id"],
  };
  const found = (paths[armType] ?? [])
    .flatMap((path) => valuesAt(body, path))
    .map((id) => store.get(String(id).replace(/\/subnets\/[^/]+$/i, ""))?.id)
    .filter((id) => id !== undefined);
  return [...new Set(found)];
}

/** Values from each PUT. An address stays over changes. */
export function computedAtPut(
  resource: StoredResource,
  full: Body,
  existing: StoredResource | undefined,
  store: Store,
  network: Subnet,
): Body {
  const { id, body } = resource;
  switch (resource.armType) {
    case PUBLIC_IP: {
      const label = textAt(body, "dnsSettings.domainNameLabel");
      return {
        ipAddress: existing?.computed.ipAddress ?? freePublicAddress(store, network),
        ...(label !== undefined && {
          dnsSettings: {
            ...(body.dnsSettings as Body),
            fqdn: `${label}.${String(body.location)}.cloudapp.azure.com`,
          },
        }),
      };
    }
    case VIRTUAL_NETWORK:
      return {
        subnets: (valuesAt(body, "subnets.*") as Body[]).map((subnet) => ({
          ...subnet,
          id: `${id}/subnets/${String(subnet.name)}`,
        })),
      };
    case NETWORK_INTERFACE:
      return {
        ipConfigurations: (valuesAt(body, "ipConfigurations.*") as Body[]).map((configuration, index) => ({
          ...configuration,
          id: `${id}/ipConfigurations/${String(configuration.name)}`,
          privateIPAddress: privateAddress(store, existing, index, configuration),
        })),
      };
    case VIRTUAL_MACHINE:
      return existing?.provisioningState === "Succeeded" ? {} : secretDigests(id, full);
    default:
      return {};
  }
}

/** "2024-12-09T15:22:33.9499709+00:00" in the recording. */
function azureTime(date: Date): string {
  return date.toISOString().replace("Z", "0000+00:00");
}
