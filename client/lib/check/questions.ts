/** The questions of a check, one function each. */
import { X509Certificate } from "node:crypto";
import { lookup } from "node:dns/promises";
import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import * as tls from "node:tls";
import { type CertificateFacts, certificateFacts } from "../certificate";
import type { Answer, CheckTarget } from "./answer";
import { type Connection, type Reply, TIMEOUT_MS, codeOf, connected, endpoint, isAlert, request } from "./connection";

/** `pulumi up` renews the certificates of a server and of a client in these last days. */
const RENEWAL_DAYS = 30;

export async function askName({ host, expectedAddress }: CheckTarget): Promise<{ address: string; answer: Answer }> {
  const answer = { question: "name", reason: "name" } as const;
  if (net.isIP(host) !== 0)
    return { address: host, answer: { ...answer, holds: true, detail: `${host} is an address` } };
  try {
    // IPv4 first: a host has no IPv6 address, and a tunnel that listens at 127.0.0.1 doesn't listen at localhost's ::1.
    const { address } = await lookup(host, { verbatim: false });
    // DNS may not know a new address yet.
    return expectedAddress !== undefined && address !== expectedAddress
      ? {
          address,
          answer: {
            ...answer,
            holds: false,
            mayCome: true,
            detail: `${host} resolves to ${address}, and not to the host's ${expectedAddress}`,
          },
        }
      : { address, answer: { ...answer, holds: true, detail: `${host} resolves to ${address}` } };
  } catch (error) {
    const detail = `${host} doesn't resolve (${codeOf(error)})`;
    return { address: "", answer: { ...answer, holds: false, mayCome: true, detail } };
  }
}

/** Azure's DockerExtension reports success while Docker is down: a host that refuses the connection may stay so. */
const NOTHING_LISTENS =
  "If no pulumi up is running, the installer may have reported success although Docker is down. " +
  "Set another forceUpdateTag (pulumi config set forceUpdateTag TEXT) and run pulumi up. " +
  "The reason is in systemctl status docker, by SSH.";

export async function askPort(address: string, port: number): Promise<Answer> {
  const answer = { question: "port", reason: "port" } as const;
  try {
    const socket = await connected(net.connect({ host: address, port }), "connect");
    socket.destroy();
    return { ...answer, holds: true, detail: `${port} is open` };
  } catch (error) {
    const code = codeOf(error);
    if (code === "ECONNREFUSED") {
      // The VM itself reset the connection. An NSG rule would let it time out.
      const detail = `${port} is closed though the VM is up, so Docker isn't installed yet or doesn't run`;
      return { ...answer, holds: false, mayCome: true, detail, remedy: NOTHING_LISTENS };
    }
    const detail =
      code === "timeout"
        ? `nothing answers on ${port}, so the host isn't up yet, or dockerSources lacks this computer's address`
        : `${port} can't be reached (${code})`;
    return { ...answer, holds: false, mayCome: true, detail };
  }
}

/** Node's code for a certificate that has expired. */
const EXPIRED = "CERT_HAS_EXPIRED";

export async function askCertificate(target: Connection): Promise<{ certificate?: X509Certificate; answer: Answer }> {
  const answer = { question: "server certificate", reason: "serverCertificate" } as const;
  const { host } = target;
  let socket: tls.TLSSocket;
  try {
    // The certificate is verified below, so that each problem has its own words. That needs no client certificate.
    const chainAlone = { checkServerIdentity: () => undefined };
    socket = await connected(tls.connect({ ...endpoint(target), ...chainAlone, ca: target.caCert }), "secureConnect");
  } catch (error) {
    const code = codeOf(error);
    // A server that breaks off may be starting. A server of another protocol stays one.
    if (["timeout", "ECONNRESET", "ECONNREFUSED"].includes(code)) {
      return { answer: { ...answer, holds: false, mayCome: true, detail: `no TLS on ${target.port} yet (${code})` } };
    }
    const detail = `no TLS on ${target.port} (${code}), so something else listens there, or Docker without TLS`;
    return { answer: { ...answer, holds: false, detail } };
  }
  const certificate = socket.getPeerX509Certificate();
  const problem = socket.authorizationError as Error | string | undefined;
  socket.destroy();
  if (!certificate) return { answer: { ...answer, holds: false, detail: "the server sent none" } };
  const { issuer, notAfter } = certificateFacts(certificate);
  const code = typeof problem === "string" ? problem : problem && codeOf(problem);
  const wrong = [
    ...(!isFor(certificate, host) ? [`not valid for ${host}, but for ${certificate.subjectAltName ?? "no name"}`] : []),
    ...(code === EXPIRED
      ? [`it or its CA has expired (${notAfter.slice(0, 10)})`]
      : code
        ? [`no CA of ca.pem signed it, but "${issuer}" (${code})`]
        : []),
  ];
  if (wrong.length === 0) {
    return { certificate, answer: { ...answer, holds: true, detail: `valid for ${host}, signed by "${issuer}"` } };
  }
  const onlyExpired = code === EXPIRED && isFor(certificate, host);
  const reason = onlyExpired ? "lifetimes" : answer.reason;
  return { certificate, answer: { ...answer, reason, holds: false, detail: wrong.join(", and ") } };
}

/** Whether a certificate is valid for a name or an address. Only its alternative names count, as in Go. */
function isFor(certificate: X509Certificate, host: string): boolean {
  const found = net.isIP(host) === 0 ? certificate.checkHost(host, { subject: "never" }) : certificate.checkIP(host);
  return found !== undefined;
}

export function judgeLifetimes(certificates: Record<string, CertificateFacts>): Answer {
  const all = Object.entries(certificates);
  const words = ([whose, { daysLeft, notAfter }]: [string, CertificateFacts]): string =>
    daysLeft < 0 ? `${whose} expired on ${notAfter.slice(0, 10)}` : `${whose} ${daysLeft} days`;
  const due = all.some(([, { daysLeft }]) => daysLeft < RENEWAL_DAYS);
  return {
    question: "lifetimes",
    reason: "lifetimes",
    holds: all.every(([, { daysLeft }]) => daysLeft >= 0),
    detail: all.map(words).join(", ") + (due ? " (pulumi up renews those that are due)" : ""),
  };
}

export async function askDocker(target: Connection): Promise<Answer> {
  const answer = { question: "Docker", reason: "noAnswer" } as const;
  let reply: Reply;
  try {
    const { caCert: ca, cert, key } = target;
    // Verified again, because this is another connection, which may lead to another server.
    const verified = {
      rejectUnauthorized: true,
      checkServerIdentity: (_name: string, { raw }: tls.PeerCertificate) =>
        isFor(new X509Certificate(raw), target.host)
          ? undefined
          : new Error("the server's certificate has another name"),
    };
    const options = { ...endpoint(target), ...verified, path: "/version", agent: false, ca, cert, key };
    reply = await request(https.request(options));
  } catch (error) {
    const code = codeOf(error);
    return isAlert(code)
      ? { ...answer, holds: false, detail: `refuses the certificate of client ${target.client} (${code})` }
      : { ...answer, holds: false, mayCome: true, detail: `no answer (${code})` };
  }
  try {
    const { Version, ApiVersion, Os, Arch } = JSON.parse(reply.text) as Record<string, unknown>;
    if (reply.status !== 200 || typeof Version !== "string") throw new Error("another answer");
    return { ...answer, holds: true, detail: `${Version}, API ${String(ApiVersion)}, ${String(Os)}/${String(Arch)}` };
  } catch {
    return { ...answer, holds: false, detail: `the server there isn't Docker (HTTP ${reply.status})` };
  }
}

export async function askAsStranger(target: Connection): Promise<Answer> {
  const answer = { question: "without a certificate", reason: "open" } as const;
  try {
    const { status } = await request(https.request({ ...endpoint(target), path: "/version", agent: false }));
    return {
      ...answer,
      holds: false,
      detail: `ANSWERED (HTTP ${status}): everyone who reaches the port is root on the host`,
    };
  } catch (error) {
    return judgeRefusal(answer, error);
  }
}

export async function askPlainly({ address, port }: Connection): Promise<Answer> {
  const answer = { question: "plain HTTP", reason: "open" } as const;
  try {
    const { status } = await request(
      http.request({ host: address, port, path: "/version", agent: false, timeout: TIMEOUT_MS }),
    );
    // Go's server says in plain HTTP that it wants TLS.
    return status === 400
      ? { ...answer, holds: true, detail: "refused" }
      : {
          ...answer,
          holds: false,
          detail: `ANSWERED (HTTP ${status}): everyone who reaches the port is root on the host`,
        };
  } catch (error) {
    return judgeRefusal(answer, error);
  }
}

/** A timeout isn't a refusal, because the answer may come late. */
function judgeRefusal(answer: Pick<Answer, "question" | "reason">, error: unknown): Answer {
  const code = codeOf(error);
  return code === "timeout"
    ? { ...answer, holds: false, mayCome: true, detail: "neither answered nor refused in time" }
    : { ...answer, holds: true, detail: "refused" };
}
