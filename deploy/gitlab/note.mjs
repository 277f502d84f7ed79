/**
 * Writes a preview's log as a note of the merge request, and rewrites it at the next push.
 * Needs the variable GITLAB_TOKEN, a project access token with the role Reporter and the scope "api". Without it the log is an
 * artifact alone.
 *
 *     node deploy/gitlab/note.mjs run.log
 */
import { readFileSync } from "node:fs";
import { plainText } from "../../client/lib/plainText.cjs";

const {
  GITLAB_TOKEN,
  CI_API_V4_URL,
  CI_PROJECT_ID,
  CI_MERGE_REQUEST_IID,
  CI_COMMIT_SHORT_SHA,
  CI_JOB_STATUS,
  PULUMI_STACK,
} = process.env;

/** Tells one stack's note from all others. */
const MARK = `<!-- preview of ${PULUMI_STACK} -->`;

/** A note has at most 1,000,000 characters. The end of a log tells most. */
const MOST = 500_000;

if (!GITLAB_TOKEN) {
  console.log("no GITLAB_TOKEN: the preview is the job's artifact, and no note");
} else {
  const notes = `${CI_API_V4_URL}/projects/${CI_PROJECT_ID}/merge_requests/${CI_MERGE_REQUEST_IID}/notes`;
  const log = plainText(readFileSync(process.argv[2], "utf8").slice(-MOST));
  // Longer than any in the log: a line after the fence's end could be one of GitLab's quick actions, such as /merge.
  const fence = "~".repeat((log.match(/~+/g) ?? []).reduce((most, { length }) => Math.max(most, length), 4) + 1);
  const body = `${MARK}\n### Preview of the stack ${PULUMI_STACK} at ${CI_COMMIT_SHORT_SHA}: ${CI_JOB_STATUS}\n\n${fence}diff\n${log}\n${fence}\n`;
  const present = await call("GET", `${notes}?sort=asc&order_by=created_at&per_page=100`);
  const own = present.find((note) => note.body.startsWith(MARK));
  await call(own ? "PUT" : "POST", own ? `${notes}/${own.id}` : notes, { body });
}

async function call(method, url, content) {
  const response = await fetch(url, {
    method,
    headers: { "PRIVATE-TOKEN": GITLAB_TOKEN, "Content-Type": "application/json" },
    ...(content && { body: JSON.stringify(content) }),
  });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return response.json();
}
