/** Asks a host all the questions, once or until they all hold. */
import { setTimeout as sleep } from "node:timers/promises";
import { type CertificateFacts, certificateFacts, pemCertificates } from "../certificate";
import type { Answer, CheckTarget } from "./answer";
import { askAsStranger, askCertificate, askDocker, askName, askPlainly, askPort, judgeLifetimes } from "./questions";

/** The result of a check. */
export interface CheckResult {
  ok: boolean;
  answers: Answer[];
  /** Each certificate by its owner: "server", "client admin", "CA". */
  certificates: Record<string, CertificateFacts>;
}

/** Asks all the questions once. */
export async function check(target: CheckTarget): Promise<CheckResult> {
  const answers: Answer[] = [];
  const certificates: Record<string, CertificateFacts> = {};
  const say = (answer: Answer): boolean => {
    answers.push(answer);
    return answer.holds === true;
  };
  const skip = (questions: readonly Answer["question"][], reason: Answer["reason"]): void => {
    for (const question of questions) answers.push({ question, detail: "not asked", reason });
  };

  const address = await askName(target);
  const reachable = say(address.answer) && say(await askPort(address.address, target.port));
  const connection = { ...target, address: address.address };
  const server = reachable ? await askCertificate(connection) : undefined;
  if (!reachable && answers.length < 2) skip(["port"], "port");
  if (server) say(server.answer);
  else skip(["server certificate"], "serverCertificate");

  if (server?.certificate) certificates["server"] = certificateFacts(server.certificate);
  certificates[`client ${target.client}`] = certificateFacts(target.cert);
  for (const [index, pem] of pemCertificates(target.caCert).entries()) {
    certificates[index === 0 ? "CA" : `CA ${index + 1}`] = certificateFacts(pem);
  }
  say(judgeLifetimes(certificates));

  if (server?.answer.holds === true) say(await askDocker(connection));
  else skip(["Docker"], "noAnswer");
  if (reachable) {
    say(await askAsStranger(connection));
    say(await askPlainly(connection));
  } else {
    skip(["without a certificate", "plain HTTP"], "open");
  }
  return { ok: answers.every(({ holds }) => holds === true), answers, certificates };
}

/**
 * Asks until all answers hold, or one doesn't that waiting can't change, or the time is over.
 *
 * @param waiting Gets, after each round, the first answer that doesn't hold, and the seconds so far.
 */
export async function checkUntil(
  target: CheckTarget,
  seconds: number,
  waiting: (what: Answer, elapsed: number) => void,
  pauseSeconds = 2,
): Promise<CheckResult> {
  const begin = Date.now();
  for (;;) {
    const result = await check(target);
    const failed = result.answers.filter(({ holds }) => holds === false);
    const [first] = failed;
    const elapsed = (Date.now() - begin) / 1000;
    if (first === undefined || !failed.every(({ mayCome }) => mayCome === true) || elapsed >= seconds) return result;
    waiting(first, elapsed);
    await sleep(Math.min(pauseSeconds, seconds - elapsed) * 1000);
  }
}
