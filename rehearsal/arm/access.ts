/** Access to the loopback Azure: its CA and certificate, its service principal, its tokens. */
import { createHmac, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writePrivately } from "../system/privateFile";
import { ArmError } from "./armError";
import { SUBSCRIPTION_ID } from "./resourceTypes";

/** How long a token is valid, in seconds; Azure's are for an hour or more. */
const TOKEN_SECONDS = 3600;

/** The audience of a workload's token that replaces a secret. */
const FEDERATED_AUDIENCE = "api://AzureADTokenExchange";

/** The bundles of certificates that Linux systems trust. */
const SYSTEM_BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

interface Secrets {
  tenantId: string;
  clientId: string;
  clientSecret: string;
  signingKey: string;
  keyPem: string;
  certPem: string;
}

/** The keys, certificates and secrets in a rehearsal's folder. They never leave it. */
export class Access {
  private constructor(
    private readonly secrets: Secrets,
    /** The CA's certificate and the system's own, as clients take them. */
    readonly bundleFile: string,
    readonly caPem: string,
  ) {}

  /** Reads the folder's secrets, or creates them. */
  static async of(folder: string): Promise<Access> {
    const [secretsFile, caFile, bundleFile] = ["secrets.json", "ca.pem", "bundle.pem"].map((name) =>
      join(folder, name),
    );
    if (secretsFile === undefined || caFile === undefined || bundleFile === undefined) throw new Error("unreachable");
    if (!existsSync(secretsFile)) {
      const { caPem, keyPem, certPem } = await makeCertificates();
      const system = SYSTEM_BUNDLES.find((file) => existsSync(file));
      writePrivately(caFile, caPem);
      writePrivately(bundleFile, caPem + (system === undefined ? "" : readFileSync(system, "utf8")));
      const secrets: Secrets = {
        tenantId: randomUUID(),
        clientId: randomUUID(),
        clientSecret: randomBytes(24).toString("base64url"),
        signingKey: randomBytes(32).toString("base64"),
        keyPem,
        certPem,
      };
      writePrivately(secretsFile, JSON.stringify(secrets));
    }
    const secrets = JSON.parse(readFileSync(secretsFile, "utf8")) as Secrets;
    return new Access(secrets, bundleFile, readFileSync(caFile, "utf8"));
  }

  get tenantId(): string {
    return this.secrets.tenantId;
  }

  /** The server's certificate and key. */
  get certificate(): { cert: string; key: string } {
    return { cert: this.secrets.certPem, key: this.secrets.keyPem };
  }

  /** Environment variables for azure-native's plugin and its stand-in: the endpoint and the service principal. */
  environment(port: number): Record<string, string> {
    return {
      ARM_METADATA_HOSTNAME: `127.0.0.1:${port}`,
      ARM_DISABLE_INSTANCE_DISCOVERY: "true",
      ARM_SUBSCRIPTION_ID: SUBSCRIPTION_ID,
      ARM_TENANT_ID: this.secrets.tenantId,
      ARM_CLIENT_ID: this.secrets.clientId,
      ARM_CLIENT_SECRET: this.secrets.clientSecret,
      SSL_CERT_FILE: this.bundleFile,
    };
  }

  /** A token of a workload, such as a pipeline's job. A client exchanges it for one of Azure's. */
  federatedToken(seconds = TOKEN_SECONDS): string {
    return this.sign({ aud: FEDERATED_AUDIENCE, sub: "rehearsal" }, seconds);
  }

  /**
   * The answer to a form that asks for a token.
   *
   * @throws ArmError with Entra's code, such as invalid_client.
   */
  issue(form: URLSearchParams): Record<string, unknown> {
    const [clientId, secret, assertion] = ["client_id", "client_secret", "client_assertion"].map((name) =>
      form.get(name),
    );
    if (form.get("grant_type") !== "client_credentials") {
      throw new ArmError(400, "unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type.");
    }
    if (clientId !== this.secrets.clientId) {
      throw new ArmError(
        400,
        "unauthorized_client",
        `AADSTS700016: Application with identifier '${String(clientId)}' was not found in the directory.`,
      );
    }
    if (assertion != null) this.checkAssertion(assertion);
    else if (!same(secret ?? "", this.secrets.clientSecret)) {
      throw new ArmError(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.");
    }
    const audience = (form.get("scope") ?? "").replace(/\/\.default$/, "");
    const claims = { aud: audience, tid: this.secrets.tenantId, oid: clientId, appid: clientId, sub: clientId };
    return { token_type: "Bearer", expires_in: TOKEN_SECONDS, access_token: this.sign(claims, TOKEN_SECONDS) };
  }

  private checkAssertion(assertion: string): void {
    const claims = this.claims(assertion);
    if (claims?.aud !== FEDERATED_AUDIENCE) {
      throw new ArmError(
        401,
        "invalid_client",
        "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application.",
      );
    }
    if (claims.exp < now()) {
      throw new ArmError(401, "invalid_client", "AADSTS700024: Client assertion is not within its valid time range.");
    }
  }

  /**
   * Lets a request in.
   *
   * @throws ArmError unless it bears a token that was issued here and is still valid.
   */
  admit(authorization: string | undefined): void {
    const token = /^Bearer (.+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) {
      throw new ArmError(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.");
    }
    const claims = this.claims(token);
    if (claims === undefined || claims.aud === FEDERATED_AUDIENCE) {
      throw new ArmError(401, "InvalidAuthenticationToken", "The access token is invalid.");
    }
    if (claims.exp < now()) {
      throw new ArmError(401, "ExpiredAuthenticationToken", "The access token expiry is earlier than current time.");
    }
  }

  private sign(claims: Record<string, unknown>, seconds: number): string {
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const text = `${part({ typ: "JWT", alg: "HS256" })}.${part({ ...claims, nbf: now(), exp: now() + seconds })}`;
    return `${text}.${this.mac(text)}`;
  }

  private claims(token: string): { aud?: string; exp: number } | undefined {
    const [header = "", payload = "", mac = ""] = token.split(".");
    if (!same(mac, this.mac(`${header}.${payload}`))) return undefined;
    return JSON.parse(Buffer.from(payload, "base64url").toString()) as { aud?: string; exp: number };
  }

  private mac(text: string): string {
    return createHmac("sha256", this.secrets.signingKey).update(text).digest("base64url");
  }
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}

function same(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** A CA, and a certificate of its own for the loopback addresses. */
async function makeCertificates(): Promise<{ caPem: string; keyPem: string; certPem: string }> {
  // Loaded by the first run alone. By `module.require`, as not every loader of TypeScript finds a file by `import()`.
  const { createCertRequest, createKey, createLocallySignedCert, createSelfSignedCert } = module.require(
    "../providers/certificates",
  ) as typeof import("../providers/certificates");
  const notBefore = new Date(Date.now() - 24 * 3600_000);
  const always = { validityPeriodHours: 3650 * 24, setSubjectKeyId: true };
  const newKey = async (): Promise<unknown> =>
    (await createKey({ algorithm: "ECDSA", ecdsaCurve: "P256" })).properties.privateKeyPem;
  const [caKey, key] = await Promise.all([newKey(), newKey()]);
  const ca = await createSelfSignedCert(
    {
      ...always,
      privateKeyPem: caKey,
      subject: { commonName: "Loopback Azure of a rehearsal" },
      isCaCertificate: true,
      allowedUses: ["cert_signing", "crl_signing"],
    },
    notBefore,
  );
  const names = { dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] };
  const request = await createCertRequest({ privateKeyPem: key, subject: { commonName: "localhost" }, ...names });
  const certificate = await createLocallySignedCert(
    {
      ...always,
      certRequestPem: request.properties.certRequestPem,
      caCertPem: ca.properties.certPem,
      caPrivateKeyPem: caKey,
      allowedUses: ["digital_signature", "server_auth"],
    },
    notBefore,
  );
  return {
    caPem: String(ca.properties.certPem),
    keyPem: String(key),
    certPem: String(certificate.properties.certPem),
  };
}
