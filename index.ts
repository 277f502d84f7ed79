/** The program: one Docker host in a resource group of its own. */
import * as resources from "@pulumi/azure-native/resources";
import * as pulumi from "@pulumi/pulumi";
import { DockerHost } from "./components/dockerHost";
import { readConfig } from "./config";
import type { StackOutputs } from "./outputs";

/** A function, so that each run in one process starts afresh; what it returns are the stack's outputs. */
export = async (): Promise<{ [Name in keyof StackOutputs]: pulumi.Output<unknown> }> => {
  const config = readConfig();

  const group = new resources.ResourceGroup("group", {
    resourceGroupName: `${pulumi.getProject()}-${pulumi.getStack()}`,
    tags: config.tags,
  });

  const host = new DockerHost(
    "docker-host",
    { resourceGroupName: group.name, location: group.location, ...config },
    { deletedWith: group },
  );

  return {
    dockerHost: host.dockerHost,
    adminUsername: host.adminUsername,
    caCert: host.caCert,
    clientCert: host.clientCert,
    clientKey: host.clientKey,
    // Pulumi warns of an output that has no value.
    ...(config.publicAddress !== false && { fqdn: host.fqdn, publicIpAddress: host.publicIpAddress }),
    ...(config.sshPublicKey === undefined && { sshPrivateKey: host.sshPrivateKey }),
    ...(config.passwordLogin === true && { adminPassword: host.adminPassword }),
  };
};
