/** A stack's outputs as a client gets them, with real certificates, for tests. */
import type { StackOutputs } from "../../outputs";
import { type Issued, caOf, clientOf } from "./pki";

/** A stack with two clients, of whom "ci" is the first. */
export interface SampleStack {
  caCert: string;
  admin: Issued;
  ci: Issued;
  /** Its outputs, some of them in another form. */
  outputsOf: (more?: Partial<StackOutputs>) => StackOutputs;
}

export async function sampleStack(): Promise<SampleStack> {
  const { cert: caCert } = await caOf("docker-host certificate authority");
  const [admin, ci] = [await clientOf("admin"), await clientOf("ci")];
  const outputsOf = (more: Partial<StackOutputs> = {}): StackOutputs => ({
    dockerHost: "tcp://docker-host-x3k9qa.westeurope.cloudapp.azure.com:4243",
    fqdn: "docker-host-x3k9qa.westeurope.cloudapp.azure.com",
    publicIpAddress: "203.0.113.10",
    privateIpAddress: "10.0.0.4",
    vmId: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/docker-host-vm",
    adminUsername: "azureuser",
    caCert,
    clientCert: ci.cert,
    clientKey: ci.key,
    // In the order in which the engine gives them, which is that of the alphabet.
    clientCerts: { admin: admin.cert, ci: ci.cert },
    clientKeys: { admin: admin.key, ci: ci.key },
    ...more,
  });
  return { caCert, admin, ci, outputsOf };
}
