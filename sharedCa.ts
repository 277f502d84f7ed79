/** Reads the CA that another stack of this program shares, and the certificates of that stack's clients. */
import * as pulumi from "@pulumi/pulumi";
import { validateCaCert, validateCaPair, validateCaPrivateKey } from "./components/rules/ca";
import { validateTrustedClientCert } from "./components/rules/pem";
import { throwProblems } from "./components/settingsError";

/** A CA as another stack shares it. */
export interface SharedCa {
  /** The arguments that it gives to a `DockerHost`. */
  host: { caCertPem: string; caPrivateKeyPem: pulumi.Output<string>; trustedClientCerts: string[] };
  /** The certificates of that stack's clients by name, PEM. */
  clientCerts: Record<string, string>;
}

/**
 * Reads the outputs of a stack with `shareCa`. They are plain values in a preview too, so that nothing is created before all
 * of them are checked.
 *
 * @param stackName The stack's full name, such as "acme/azure-docker-host/base".
 * @param clients The names of this stack's own clients. No client of that stack may have one of them.
 * @throws SettingsError with all problems: the outputs that the stack lacks, or what is wrong with them.
 */
export async function readSharedCa(stackName: string, clients: string[]): Promise<SharedCa> {
  const stack = new pulumi.StackReference("authority", { name: stackName });
  const [caCert, caPrivateKey, clientCerts] = await Promise.all([
    stack.getOutputDetails("caCert"),
    stack.getOutputDetails("caPrivateKey"),
    stack.getOutputDetails("clientCerts"),
  ]);
  const missing = [
    ...(caCert.value === undefined ? ["caCert"] : []),
    // This program always makes the key a secret. A plain one is another program's.
    ...(caPrivateKey.secretValue === undefined ? ["caPrivateKey, a secret"] : []),
    ...(clientCerts.value === undefined ? ["clientCerts"] : []),
  ];
  throwProblems(
    missing.map(
      (output) =>
        `caStack must be a stack of this program with shareCa (got ${JSON.stringify(stackName)}, which has no output ${output}). There: pulumi config set shareCa true && pulumi up`,
    ),
  );
  const certPem = caCert.value as string;
  const keyPem = caPrivateKey.secretValue as string;
  const from = (output: string): string => `${output} of the stack ${JSON.stringify(stackName)} (caStack)`;
  const certs = Object.entries(clientCerts.value as Record<string, string>).sort(([a], [b]) => (a < b ? -1 : 1));
  const single = [...validateCaCert(from("caCert"), certPem), ...validateCaPrivateKey(from("caPrivateKey"), keyPem)];
  throwProblems([
    ...single,
    ...(single.length > 0 ? [] : validateCaPair(certPem, keyPem, { cert: from("caCert"), key: from("caPrivateKey") })),
    ...certs.flatMap(([name, pem]) => validateTrustedClientCert(from(`clientCerts.${name}`), pem)),
    ...certs
      .filter(([name]) => clients.includes(name))
      .map(
        ([name]) =>
          `clients must not name ${JSON.stringify(name)}: the stack ${JSON.stringify(stackName)} (caStack) has a client of that name, which this host trusts too.`,
      ),
  ]);
  return {
    host: {
      caCertPem: certPem,
      caPrivateKeyPem: pulumi.secret(keyPem),
      trustedClientCerts: certs.map(([, pem]) => pem),
    },
    clientCerts: clientCerts.value as Record<string, string>,
  };
}
