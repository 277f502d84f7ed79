/** Reads the authority, and the certificates of its clients, that another stack of this program shares. */
import * as pulumi from "@pulumi/pulumi";
import { checkAuthority } from "./components/authorities";
import { checkPem, refuse } from "./components/settings";

/** An authority as another stack shares it. */
export interface SharedAuthority {
  /** What it gives to a `DockerHost`. */
  host: { caCertPem: string; caPrivateKeyPem: pulumi.Output<string>; trustedClientCerts: string[] };
  /** The certificates of that stack's clients by name, PEM. */
  clientCerts: Record<string, string>;
}

/**
 * Reads what a stack with `shareCa` returns; plain values, in a preview too, so that nothing is declared before all
 * of it holds.
 *
 * @param stackName Its full name, such as "acme/azure-docker-host/base".
 * @param clients The names of this stack's own clients; none of them may be that stack's.
 * @throws SettingsError naming what that stack lacks, or what is wrong with it.
 */
export async function readSharedAuthority(stackName: string, clients: string[]): Promise<SharedAuthority> {
  const stack = new pulumi.StackReference("authority", { name: stackName });
  const [caCert, caPrivateKey, clientCerts] = await Promise.all([
    stack.getOutputDetails("caCert"),
    stack.getOutputDetails("caPrivateKey"),
    stack.getOutputDetails("clientCerts"),
  ]);
  const given = `caStack: ${JSON.stringify(stackName)}`;
  const missing = [
    ...(caCert.value === undefined ? ["caCert"] : []),
    // One that is no secret is no output of this program's.
    ...(caPrivateKey.secretValue === undefined ? ["caPrivateKey, a secret"] : []),
    ...(clientCerts.value === undefined ? ["clientCerts"] : []),
  ];
  refuse(
    missing.map(
      (output) =>
        `${given} has no output ${output}; allowed: a stack of this program with shareCa true (there: pulumi config set shareCa true, pulumi up)`,
    ),
  );
  const certs = Object.entries(clientCerts.value as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : 1));
  refuse([
    ...checkAuthority(caCert.value, caPrivateKey.secretValue, {
      cert: `${given}: caCert`,
      key: `${given}: caPrivateKey`,
    }),
    ...certs.flatMap(([name, pem]) => checkPem(`${given}: clientCerts.${name}`, pem, "CERTIFICATE")),
    ...certs
      .filter(([name]) => clients.includes(name))
      .map(
        ([name]) =>
          `clients: ${JSON.stringify(name)} is a client of ${JSON.stringify(stackName)} (caStack), which this host trusts by that name; allowed: another name`,
      ),
  ]);
  return {
    host: {
      caCertPem: caCert.value as string,
      caPrivateKeyPem: pulumi.secret(caPrivateKey.secretValue as string),
      trustedClientCerts: certs.map(([, pem]) => pem as string),
    },
    clientCerts: clientCerts.value as Record<string, string>,
  };
}
