/** Connections to a host, and its replies. */
import type * as http from "node:http";
import * as net from "node:net";
import type * as tls from "node:tls";
import type { CheckTarget } from "./answer";

/** How long one question may take. */
export const TIMEOUT_MS = 5000;

export interface Connection extends CheckTarget {
  address: string;
}

/** The options of a TLS connection to the host. The caller judges whether to trust it. */
export function endpoint({
  address,
  port,
  host,
}: Connection): tls.ConnectionOptions & { host: string; timeout: number } {
  return {
    host: address,
    port,
    timeout: TIMEOUT_MS,
    rejectUnauthorized: false,
    ...(net.isIP(host) === 0 && { servername: host }),
  };
}

/** Waits for a socket to be connected. */
export function connected<Socket extends net.Socket>(socket: Socket, event: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error("timeout")));
    socket.once("error", reject);
    socket.once(event, () => {
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

export interface Reply {
  status: number;
  text: string;
}

/** The longest reply. Docker's answers are some hundred bytes. */
const MAX_REPLY = 100_000;

/** Sends a request, and waits for a reply that ends in time and isn't too long. */
export function request(sent: http.ClientRequest): Promise<Reply> {
  const reply = new Promise<Reply>((resolve, reject) => {
    sent.on("timeout", () => sent.destroy(new Error("timeout")));
    sent.on("error", reject);
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (more: string) => {
        text += more;
        if (text.length > MAX_REPLY) sent.destroy(new Error("the reply is too long"));
      });
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, text });
      });
    });
    sent.end();
  });
  // The request's own timeout is for a quiet connection. A server could send a byte now and then.
  const deadline = setTimeout(() => sent.destroy(new Error("timeout")), TIMEOUT_MS);
  return reply.finally(() => {
    clearTimeout(deadline);
  });
}

/** An error's code, or "timeout". */
export function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}

/** Whether the server ended the connection with a TLS alert, because it refused the client's certificate. */
export function isAlert(code: string): boolean {
  return code.startsWith("ERR_SSL_");
}
