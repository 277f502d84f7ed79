/** How a command of the client ends other than well. */

/** Each way to end, with the exit code that says it and what it is in words; 0 is success. */
export const FAILURES = {
  unexpected: { code: 1, words: "general error" },
  usage: { code: 2, words: "an option is wrong" },
  outputs: { code: 3, words: "the stack's outputs can't be read, or lack what is asked for" },
  inTheWay: { code: 4, words: "connect: something that it didn't make is in the way" },
  docker: { code: 5, words: "the docker command failed" },
  notConnected: { code: 6, words: "nothing is connected in the certificate directory" },
  files: { code: 7, words: "a file can't be read or written, or another user can change it" },
  name: { code: 10, words: "check: the name doesn't resolve to the host" },
  port: { code: 11, words: "check: the port is closed, or nothing answers" },
  serverCertificate: { code: 12, words: "check: the server's certificate is wrong" },
  lifetimes: { code: 13, words: "check: a certificate has expired" },
  noAnswer: { code: 14, words: "check: Docker doesn't answer this client" },
  open: { code: 15, words: "check: Docker answers somebody without a certificate" },
  drift: { code: 16, words: "drift: something isn't as the last up left it, or a certificate is near its end" },
} as const;

/** A way to end. */
export type FailureReason = keyof typeof FAILURES;

/** A failure that is told in one message, without a stack trace. */
export class Failure extends Error {
  constructor(
    readonly reason: FailureReason,
    message: string,
  ) {
    super(message);
  }
}
