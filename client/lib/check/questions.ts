/** Asks one question each. */
import { X509Certificate } from "node:crypto";
import { lookup } from "node:dns/promises";
import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import * as tls from "node:tls";
import { type CertificateFacts, certificateFacts } from "../certificate";
import type { Answer, CheckTarget } from "./answer";
import { type Connection, type Reply, TIMEOUT_MS, codeOf, connected, endpoint, isAlert, request } from "./connection";

/** A certificate's last days, in which it is told that it is time: those in which `pulumi up` renews a server's and a client's. */
const RENEWAL_DAYS = 30;

export async function askName({ host, expectedAddress }: CheckTarget): Promise<{ address: string; answer: Answer }> {
  const answer = { question: "name", reason: "name" } as const;
  if (net.isIP(host) !== 0)
    return { address: host, answer: { ...answer, holds: true, detail: `${host} is an address` } };
  try {
    // Version 4 first: a host has no other, and a tunnel's end at 127.0.0.1 is none at ::1, which localhost is too.
    const { address } = await lookup(host, { verbatim: false });
    // The name may lag behind a new address.
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
      // By a reset from the VM itself: a rule of the NSG would let the connection time out.
      const detail = `${port}: it is closed: the VM is up, but Docker isn't installed yet or doesn't run`;
      return { ...answer, holds: false, mayCome: true, detail, remedy: NOTHING_LISTENS };
    }
    const why =
      code === "timeout"
        ? "nothing answers: it is not up yet, or this computer's address is not in dockerSources"
        : code;
    return { ...answer, holds: false, mayCome: true, detail: `${port}: ${why}` };
  }
}

/** How Node names what Docker's own client would refuse too. */
const EXPIRED = "CERT_HAS_EXPIRED";

export async function askCertificate(target: Connection): Promise<{ certificate?: X509Certificate; answer: Answer }> {
  const answer = { question: "server certificate", reason: "serverCertificate" } as const;
  const { host } = target;
  let socket: tls.TLSSocket;
  try {
    // Verified below, so that each way to be wrong has its own words; no client's certificate is needed for that.
    const chainAlone = { checkServerIdentity: () => undefined };
    socket = await connected(tls.connect({ ...endpoint(target), ...chainAlone, ca: target.caCert }), "secureConnect");
  } catch (error) {
    const code = codeOf(error);
    // What speaks another protocol will go on to; what only breaks off may be on its way up.
    if (["timeout", "ECONNRESET", "ECONNREFUSED"].includes(code)) {
      return { answer: { ...answer, holds: false, mayCome: true, detail: `no TLS on ${target.port} yet (${code})` } };
    }
    const detail = `no TLS on ${target.port} (${code}): something else listens there, or Docker without TLS`;
    return { answer: { ...answer, holds: false, detail } };
  }
  const certificate = socket.getPeerX509Certificate();
  const problem = socket.authorizationError as Error | string | undefined;
  socket.destroy();
  if (!certificate) return { answer: { ...answer, holds: false, detail: "the server has none" } };
  const { issuer, notAfter } = certificateFacts(certificate);
  const code = typeof problem === "string" ? problem : problem && codeOf(problem);
  const wrong = [
    ...(!isFor(certificate, host) ? [`not valid for ${host}, but for ${certificate.subjectAltName ?? "no name"}`] : []),
    ...(code === EXPIRED
      ? [`it or its authority has expired (${notAfter.slice(0, 10)})`]
      : code
        ? [`no authority of ca.pem signed it, but "${issuer}" (${code})`]
        : []),
  ];
  if (wrong.length === 0) {
    return { certificate, answer: { ...answer, holds: true, detail: `valid for ${host}, signed by "${issuer}"` } };
  }
  const onlyExpired = code === EXPIRED && isFor(certificate, host);
  const reason = onlyExpired ? "lifetimes" : answer.reason;
  return { certificate, answer: { ...answer, reason, holds: false, detail: wrong.join("; ") } };
}

/** Whether a certificate is valid for a name or an address: by its alternative names alone, as Go judges it. */
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
    detail: all.map(words).join(", ") + (due ? "; pulumi up renews what is due" : ""),
  };
}

export async function askDocker(target: Connection): Promise<Answer> {
  const answer = { question: "Docker", reason: "noAnswer" } as const;
  let reply: Reply;
  try {
    const { caCert: ca, cert, key } = target;
    // Verified anew: this is another connection, and its other end may be another server.
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
    return { ...answer, holds: false, detail: `what answers there is not Docker (HTTP ${reply.status})` };
  }
}

export async function askAsStranger(target: Connection): Promise<Answer> {
  const answer = { question: "without a certificate", reason: "open" } as const;
  try {
    const { status } = await request(https.request({ ...endpoint(target), path: "/version", agent: false }));
    return {
      ...answer,
      holds: false,
      detail: `ANSWERED (HTTP ${status}): whoever reaches the port is root on the host`,
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
      : { ...answer, holds: false, detail: `ANSWERED (HTTP ${status}): whoever reaches the port is root on the host` };
  } catch (error) {
    return judgeRefusal(answer, error);
  }
}

/** No answer at all is no refusal: it may be one that comes late. */
function judgeRefusal(answer: Pick<Answer, "question" | "reason">, error: unknown): Answer {
  const code = codeOf(error);
  return code === "timeout"
    ? { ...answer, holds: false, mayCome: true, detail: "neither answered nor refused in time" }
    : { ...answer, holds: true, detail: "refused" };
}
