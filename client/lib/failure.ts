/** The ways in which a command of the client fails. */

/** Each way to fail: its exit code, and what went wrong. */
export const FAILURES = {
  unexpected: { code: 1, words: "an unexpected error" },
  usage: { code: 2, words: "an option is wrong" },
  outputs: { code: 3, words: "the stack can't be read, or its outputs lack something" },
  inTheWay: { code: 4, words: "connect: other files or another docker context is in the way" },
  docker: { code: 5, words: "the docker command failed" },
  notConnected: { code: 6, words: "nothing is connected in the certificate directory" },
  files: { code: 7, words: "a file can't be read or written, or another user can change it" },
  name: { code: 10, words: "check: the name doesn't resolve to the host" },
  port: { code: 11, words: "check: the port is closed, or nothing answers" },
  serverCertificate: { code: 12, words: "check: the server's certificate is wrong" },
  lifetimes: { code: 13, words: "check: a certificate has expired" },
  noAnswer: { code: 14, words: "check: Docker doesn't answer this client" },
  open: { code: 15, words: "check: Docker answers a client without a certificate" },
  drift: { code: 16, words: "drift: something changed since the last up, or a certificate is near its end" },
} as const;

/** A way to fail. */
export type FailureReason = keyof typeof FAILURES;

/** A failure that is shown as one message, without a stack trace. */
export class Failure extends Error {
  constructor(
    readonly reason: FailureReason,
    message: string,
  ) {
    super(message);
  }
}
