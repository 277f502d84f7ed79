/** One value of each setting. All of them together make a host, and all but `publicIp` differ from the default. */
import type { DockerHostArgs } from "../../components/dockerHostArgs";

/** The samples, except the CA's, which takes the place of `caGenerations`. */
export type Samples = Required<Omit<DockerHostArgs, "caCertPem" | "caPrivateKeyPem">>;

/** The samples, with the certificates of a client and of a CA. */
export function samplesWith(clientCert: string, caCert: string): Samples {
  return {
    resourceGroupName: "other",
    location: "northeurope",
    dockerSources: ["203.0.113.7", "VirtualNetwork"],
    sshSources: ["203.0.113.7"],
    openToInternet: true,
    sharedServiceTags: ["AzureDevOps"],
    dockerPort: 2376,
    installer: "CustomScript",
    dockerVersion: "28.2.*",
    daemonOptions: { "log-level": "warn" },
    allowContainerIdentity: true,
    forceUpdateTag: "2",
    clients: ["bob", "ann"],
    keyGeneration: 3,
    caGenerations: [2, 1],
    trustedClientCerts: [clientCert],
    clientCaCerts: [caCert],
    adminUsername: "ops",
    sshPublicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJKNJoFbWT1u9bPQPEKQmNv7Q7TPKmTqYEYFT0Dj1LUt",
    passwordLogin: true,
    adminPassword: "Correct-horse1!",
    publicIp: true,
    dnsLabel: "build-host",
    subnetId: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/hosts",
    image: "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest",
    vmSize: "Standard_D2s_v5",
    trustedLaunch: false,
    patchReboot: "Never",
    tags: { team: "build" },
    protect: true,
  };
}

/** A value as the engine hands it over from a stack's configuration: text, and JSON for lists and objects. */
export function asConfig(name: string, value: unknown): string {
  if (name === "caGenerations") return (value as number[]).join(",");
  return typeof value === "string" ? value : JSON.stringify(value);
}
