/** The program: one Docker host in a resource group of its own. */
import * as resources from "@pulumi/azure-native/resources";
import * as pulumi from "@pulumi/pulumi";
import { readSharedAuthority } from "./authority";
import { DockerHost } from "./components/dockerHost";
import { protection } from "./components/protection";
import { readConfig } from "./config";
import type { StackOutputs } from "./outputs";

/** A function, so that each run in one process starts afresh; what it returns are the stack's outputs. */
export = async (): Promise<{ [Name in keyof StackOutputs]: pulumi.Input<unknown> }> => {
  const { caStack, shareCa, ...config } = readConfig();
  const authority = caStack === undefined ? undefined : await readSharedAuthority(caStack, config.clients ?? []);

  const group = new resources.ResourceGroup(
    "group",
    { resourceGroupName: `${pulumi.getProject()}-${pulumi.getStack()}`, tags: config.tags },
    protection(config.protect === true),
  );

  const host = new DockerHost(
    "docker-host",
    { resourceGroupName: group.name, location: group.location, ...config, ...authority?.host },
    { deletedWith: group },
  );

  // Pulumi warns of an output that has no value.
  return {
    dockerHost: host.dockerHost,
    adminUsername: host.adminUsername,
    caCert: host.caCert,
    ...(config.publicIp !== false && { fqdn: host.fqdn, publicIpAddress: host.publicIpAddress }),
    clientCerts: host.clientCerts.apply((own) => ({ ...authority?.clientCerts, ...own })),
    ...((authority === undefined || config.clients !== undefined) && {
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
