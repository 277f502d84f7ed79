/** Tells whose a certificate is, and how long it lasts. */
import { X509Certificate } from "node:crypto";

const DAY = 24 * 60 * 60 * 1000;

/** A certificate in words. */
export interface CertificateFacts {
  /** Its subject's common name, such as "admin". */
  subject: string;
  /** Its subject's organization, such as "docker-host"; undefined if it has none. */
  organization?: string;
  /** Its issuer's common name. */
  issuer: string;
  /** Its last moment, as ISO 8601. */
  notAfter: string;
  /** Whole days until then; below 0 once it has expired. */
  daysLeft: number;
}

/** @throws if it isn't a PEM certificate. */
export function certificateFacts(certificate: X509Certificate | string, now = Date.now()): CertificateFacts {
  const x509 = typeof certificate === "string" ? new X509Certificate(certificate) : certificate;
  const notAfter = Date.parse(x509.validTo);
  const organization = attribute(x509.subject, "O");
  return {
    subject: attribute(x509.subject, "CN") ?? x509.subject,
    ...(organization !== undefined && { organization }),
    issuer: attribute(x509.issuer, "CN") ?? x509.issuer,
    notAfter: new Date(notAfter).toISOString(),
    daysLeft: Math.floor((notAfter - now) / DAY),
  };
}

/** A certificate in a few words: "client admin of docker-host, until 2027-11-24". */
export function describeCertificate(pem: string): string {
  try {
    const { subject, organization, issuer, notAfter } = certificateFacts(pem);
    const from = organization === undefined ? "" : ` of ${organization}`;
    const by = issuer === subject ? "" : `, signed by ${issuer}`;
    return `${subject}${from}${by}, until ${notAfter.slice(0, 10)}`;
  } catch {
    return "not a certificate";
  }
}

/** The PEM certificates of a text, one by one. */
export function pemCertificates(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
}

/** One attribute of a distinguished name as Node writes it: a line for each. */
function attribute(name: string | undefined, which: string): string | undefined {
  return name
    ?.split("\n")
    .find((line) => line.startsWith(`${which}=`))
    ?.slice(which.length + 1);
}
