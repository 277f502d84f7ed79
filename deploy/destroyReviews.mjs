/**
 * Destroys and removes review stacks: the named one, or each one whose pull request isn't open with the label "review".
 * A stack stays if nobody can tell whether its pull request is open. Exits with 1 if a stack stays that should go.
 * Needs the command `gh` with GH_TOKEN on GitHub, and GITLAB_TOKEN (scope "read_api") on GitLab.
 *
 *     node deploy/destroyReviews.mjs [review-NUMBER]
 */
import { spawnSync } from "node:child_process";
import { copyFileSync } from "node:fs";

const REVIEW = /^review-([1-9]\d*)$/;

const [named] = process.argv.slice(2);
if (named !== undefined && !REVIEW.test(named))
  fail(`The stack must be named review-NUMBER (got ${JSON.stringify(named)}).`);

const listed = spawnSync("pulumi", ["stack", "ls", "--json", "--non-interactive"], { encoding: "utf8" });
if (listed.error) fail(`pulumi can't be run: ${listed.error.message}`);
if (listed.status !== 0) fail(`pulumi stack ls failed.\n${listed.stderr.trim()}`);
const reviews = JSON.parse(listed.stdout)
  .map(({ name }) => name.split("/").at(-1))
  .filter((name) => (named === undefined ? REVIEW.test(name) : name === named));
if (reviews.length === 0) console.log(`There is no stack ${named ?? "of a review"}. Nothing to destroy.`);

const stays = [];
for (const stack of reviews) {
  const reason = named === undefined ? await keeps(REVIEW.exec(stack)[1]) : undefined;
  if (reason?.open) {
    console.log(`${stack} stays: its pull request is open with the label "review".`);
  } else if (reason?.error) {
    stays.push(`${stack} stays: nobody can tell whether its pull request is open. ${reason.error}`);
  } else if (!destroy(stack)) {
    stays.push(`${stack} stays: pulumi destroy failed.`);
  }
}
if (stays.length > 0) fail(stays.join("\n"));

/** Whether the pull request of that number still has a stack. */
async function keeps(number) {
  try {
    const { state, labels } = process.env.GITLAB_CI ? await mergeRequest(number) : pullRequest(number);
    return { open: /^open/i.test(state) && labels.includes("review") };
  } catch (error) {
    return { error: error.message };
  }
}

function pullRequest(number) {
  const args = ["pr", "view", number, "--repo", process.env.GITHUB_REPOSITORY, "--json", "state,labels"];
  const { status, stdout, stderr, error } = spawnSync("gh", args, { encoding: "utf8" });
  if (error) throw error;
  if (status !== 0) throw new Error(`gh pr view ${number}: ${stderr.trim()}`);
  const { state, labels } = JSON.parse(stdout);
  return { state, labels: labels.map(({ name }) => name) };
}

async function mergeRequest(number) {
  const { CI_API_V4_URL, CI_PROJECT_ID, GITLAB_TOKEN } = process.env;
  if (!GITLAB_TOKEN) throw new Error("Set the variable GITLAB_TOKEN.");
  const url = `${CI_API_V4_URL}/projects/${CI_PROJECT_ID}/merge_requests/${number}`;
  const response = await fetch(url, { headers: { "PRIVATE-TOKEN": GITLAB_TOKEN } });
  if (!response.ok) throw new Error(`GET ${url}: ${response.status}`);
  return response.json();
}

/** Whether a stack's resources and the stack itself are gone. Its settings are those of Pulumi.review.yaml. */
function destroy(stack) {
  copyFileSync("Pulumi.review.yaml", `Pulumi.${stack}.yaml`);
  const args = ["destroy", "--stack", stack, "--yes", "--remove", "--non-interactive", "--color", "never"];
  return spawnSync("pulumi", args, { stdio: "inherit" }).status === 0;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
