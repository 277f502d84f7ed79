/** The program: one Docker host in a resource group of its own. */
import * as resources from "@pulumi/azure-native/resources";
import * as pulumi from "@pulumi/pulumi";
import { DockerHost } from "./components/dockerHost";
import { protection } from "./components/protection";
import { readConfig } from "./config";
import type { StackOutputs } from "./outputs";
import { readSharedCa } from "./sharedCa";

/** A function, so that each run in one process starts afresh. It returns the stack's outputs. */
export = async (): Promise<{ [Name in keyof StackOutputs]: pulumi.Input<unknown> }> => {
  const { caStack, shareCa, ...config } = readConfig();
  const shared = caStack === undefined ? undefined : await readSharedCa(caStack, config.clients ?? []);

  const group = new resources.ResourceGroup(
    "group",
    { resourceGroupName: `${pulumi.getProject()}-${pulumi.getStack()}`, tags: config.tags },
    protection(config.protect === true),
  );

  const host = new DockerHost(
    "docker-host",
    { resourceGroupName: group.name, location: group.location, ...config, ...shared?.host },
    { deletedWith: group },
  );

  // Pulumi warns of an output without a value.
  return {
    dockerHost: host.dockerHost,
    ...(config.publicIp !== false && { fqdn: host.fqdn, publicIpAddress: host.publicIpAddress }),
    privateIpAddress: host.privateIpAddress,
    vmId: host.vmId,
    adminUsername: host.adminUsername,
    caCert: host.caCert,
    clientCerts: host.clientCerts.apply((own) => ({ ...shared?.clientCerts, ...own })),
    ...((shared === undefined || config.clients !== undefined) && {
      clientCert: host.clientCert,
      clientKey: host.clientKey,
      clientKeys: host.clientKeys,
    }),
    ...(caStack !== undefined && { caStack }),
    ...(shareCa === true && { caPrivateKey: host.caPrivateKey }),
    ...(config.sshPublicKey === undefined && { sshPrivateKey: host.sshPrivateKey }),
    ...(config.passwordLogin === true && { adminPassword: host.adminPassword }),
  };
};
