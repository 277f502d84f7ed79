/** The repository's own workflows, from their files, played through: a merge, pull requests, a review stack's life and end, the daily run, a teardown. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FOLDERS, networkOf } from "../../rehearsal/arm/open";
import { setClock } from "../support/engineHost";
import { leftOut } from "../support/sample";
import { Scratch } from "../support/scratch";
import { secretsIn } from "../support/secrets";
import { type JobResult, Runner, WORKFLOWS, copyRepository, scriptsIn } from "../support/workflows";

const ROOT = join(__dirname, "../..");
const PASSPHRASE = "the passphrase of the stack dev";
const REVIEW_PASSPHRASE = "the passphrase of review stacks";

interface PublicAddress {
  ipAddress: string;
  dnsSettings: { fqdn: string };
}

test("the workflows", async (t) => {
  if (leftOut(t, "GitHub's workflows")) return;
  const scratch = new Scratch(t, { machines: true });
  const rehearsal = await scratch.open();
  const { store } = rehearsal.subscription;
  const [backend, reviewBackend] = ["team", "reviews"].map((name) => join(scratch.directory, name)) as [string, string];
  for (const folder of [backend, reviewBackend]) mkdirSync(folder);
  const environment: Record<string, string> = {
    ...rehearsal.environment,
    PATH: `${join(ROOT, "test/lifecycle/languageHost")}:${rehearsal.environment.PATH ?? ""}`,
    XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? "/root", ".cache"),
  };
  // These the workflow gets from the repository alone.
  delete environment.PULUMI_CONFIG_PASSPHRASE;
  delete environment.PULUMI_BACKEND_URL;
  const runner = new Runner({
    directory: join(scratch.directory, "runner"),
    vars: {
      AZURE_CLIENT_ID: "11111111-1111-4111-8111-111111111111",
      AZURE_TENANT_ID: "22222222-2222-4222-8222-222222222222",
      AZURE_SUBSCRIPTION_ID: "33333333-3333-4333-8333-333333333333",
      AZURE_PREVIEW_CLIENT_ID: "44444444-4444-4444-8444-444444444444",
      AZURE_REVIEW_CLIENT_ID: "55555555-5555-4555-8555-555555555555",
      AZURE_REVIEW_SUBSCRIPTION_ID: "66666666-6666-4666-8666-666666666666",
      PULUMI_BACKEND_URL: `file://${backend}?metadata=skip`,
      PULUMI_REVIEW_BACKEND_URL: `file://${reviewBackend}?metadata=skip`,
    },
    secrets: {
      "docker-host": { PULUMI_CONFIG_PASSPHRASE: PASSPHRASE },
      "docker-host-preview": { PULUMI_CONFIG_PASSPHRASE: PASSPHRASE },
      "docker-host-review": { PULUMI_CONFIG_PASSPHRASE: REVIEW_PASSPHRASE },
      "docker-host-review-teardown": { PULUMI_CONFIG_PASSPHRASE: REVIEW_PASSPHRASE },
    },
    environment,
    names: () =>
      Object.fromEntries(
        store
          .list()
          .filter(({ armType }) => armType.endsWith("/publicIPAddresses"))
          .map(({ computed }) => computed as unknown as PublicAddress)
          .map(({ ipAddress, dnsSettings: { fqdn } }) => [fqdn, ipAddress]),
      ),
  });

  // What a team does once: it has the files, makes the stack, and says who may reach the Docker port.
  const commit = join(scratch.directory, "commit");
  copyRepository(commit);
  const pulumiIn =
    (folder: string, passphrase: string) =>
    (...args: string[]): string => {
      const { status, stdout, stderr } = spawnSync("pulumi", [...args, "--non-interactive"], {
        cwd: commit,
        encoding: "utf8",
        maxBuffer: 2 ** 26,
        env: {
          ...process.env,
          ...environment,
          PULUMI_CONFIG_PASSPHRASE: passphrase,
          PULUMI_BACKEND_URL: `file://${folder}`,
        },
      });
      assert.equal(status, 0, stdout + stderr);
      return stdout;
    };
  const pulumi = pulumiIn(backend, PASSPHRASE);
  const reviewPulumi = pulumiIn(reviewBackend, REVIEW_PASSPHRASE);
  const { subnet } = networkOf(scratch.directory);
  pulumi("stack", "init", "dev");
  pulumi("config", "set", "--stack", "dev", "--path", "dockerSources[0]", subnet);
  const review = join(commit, "Pulumi.review.yaml");
  writeFileSync(review, `${readFileSync(review, "utf8")}  azure-docker-host:dockerSources:\n    - ${subnet}\n`);
  const settings = readFileSync(join(commit, "Pulumi.dev.yaml"), "utf8");
  /** The stack's settings in the next commit. */
  const commitSettings = (more = ""): void => {
    writeFileSync(join(commit, "Pulumi.dev.yaml"), settings.replace(/^config:\n/m, `config:\n${more}`));
  };

  const groups = (): string[] =>
    store
      .list()
      .flatMap(({ id, armType }) => (armType.endsWith("/resourceGroups") ? [id.split("/").at(-1) ?? ""] : []));
  const needles = new Set<string>();
  const learn = (stack: string, run = pulumi): void => {
    const found = secretsIn(JSON.parse(run("stack", "export", "--show-secrets", "--stack", stack)));
    assert.ok(found.secrets.length >= 4, `${stack} has ${found.secrets.length} secrets`);
    for (const needle of found.needles) needles.add(needle);
  };
  const push = async (): Promise<JobResult> =>
    one(await runner.run("up.yml", { name: "push", branch: "main", commit }));
  const dispatch = async (file: string, inputs: Record<string, unknown>): Promise<JobResult> =>
    one(await runner.run(file, { name: "workflow_dispatch", inputs, commit }));
  // The base that a pull request is compared with: the repository before each commit of the test.
  const base = join(scratch.directory, "base");
  cpSync(commit, base, { recursive: true });
  const pullRequest = (
    file: string,
    action: string,
    { labels = [], state = "open", from = "acme/hosts", label }: PullRequest = {},
  ): Promise<Record<string, JobResult>> =>
    runner.run(file, {
      name: file === "reviewTeardown.yml" ? "pull_request_target" : "pull_request",
      commit,
      base,
      event: {
        action,
        ...(label !== undefined && { label: { name: label } }),
        pull_request: {
          number: 7,
          state,
          labels: labels.map((name) => ({ name })),
          head: { sha: "0123456789abcdef0123456789abcdef01234567", repo: { full_name: from } },
          base: { sha: "main" },
        },
      },
    });

  await t.test("a merge: up, and the host is checked", async () => {
    // 336 days ago, so that a certificate is due later on.
    setClock(scratch.directory, { REHEARSAL_CLOCK_OFFSET_HOURS: String(-336 * 24) });
    const { result, log, summary, steps } = await push();
    setClock(scratch.directory, {});
    assert.equal(result, "success", log);
    assert.deepEqual(steps, {
      "Install the packages": "success",
      "Install Pulumi": "success",
      Up: "success",
      "Check the host": "success",
    });
    assert.match(log, /\+ 19 created/);
    assert.match(summary, /✓ Docker  /);
    assert.deepEqual(groups().includes("azure-docker-host-dev"), true);
    learn("dev");
  });

  await t.test("the daily run renews what is due, and finds nothing else", async () => {
    const before = pulumi("stack", "output", "clientCert", "--stack", "dev");
    const keep = one(await runner.run("daily.yml", { name: "schedule", commit }));
    assert.equal(keep.result, "success", keep.log);
    assert.deepEqual(Object.keys(keep.steps), [
      "Install the packages",
      "Install Pulumi",
      "Renew",
      "Report drift",
      "Check the host",
    ]);
    assert.notEqual(pulumi("stack", "output", "clientCert", "--stack", "dev"), before, "it is renewed");
  });

  await t.test("a pull request shows its declared changes, and its preview as a comment", async () => {
    commitSettings("  azure-docker-host:dockerPort: 4244\n");
    const { declared, preview, ...others } = await pullRequest("preview.yml", "opened");
    assert.deepEqual(others, {});
    assert.equal(declared?.result, "success", declared?.log);
    assert.match(declared.summary, /^### Changes in the declared resources of the stack dev\n/);
    assert.match(declared.summary, /^-   dockerPort: 4243\n\+   dockerPort: 4244$/m);
    assert.equal(preview?.result, "success", preview?.log);
    assert.match(runner.comment(7), /^### Preview of the stack dev at 0123456: success\n\n~~~~~diff\n/);
    assert.match(runner.comment(7), /destinationPortRange: "4243" => "4244"/);
    commitSettings();
  });

  await t.test("a wrong setting fails without a secret, and no preview with one follows", async () => {
    commitSettings("  azure-docker-host:dockerPort: 22\n");
    const { declared, ...others } = await pullRequest("preview.yml", "synchronize");
    commitSettings();
    assert.deepEqual(others, {});
    assert.equal(declared?.result, "failure");
    assert.match(declared.summary, /This change can't be previewed[^]*dockerPort/);
  });

  await t.test("a fork's pull request shows its declared changes, and gets no identity", async () => {
    const { declared, ...others } = await pullRequest("preview.yml", "opened", { from: "somebody/hosts" });
    assert.deepEqual(others, {});
    assert.equal(declared?.result, "success", declared?.log);
    assert.match(declared.summary, /No declared resource changes\./);
  });

  await t.test("a review stack: asked for by a label, kept by pushes, gone when the pull request closes", async () => {
    const dev = store.list().filter(({ id }) => id.includes("azure-docker-host-dev"));
    const labels = ["review"];
    assert.deepEqual(await pullRequest("review.yml", "synchronize"), {}, "none without the label");
    const { up } = await pullRequest("review.yml", "labeled", { labels });
    assert.equal(up?.result, "success", up?.log);
    assert.match(up.summary, /✓ Docker  /);
    learn("review-7", reviewPulumi);
    assert.doesNotMatch(pulumi("stack", "ls", "--json"), /review-7/, "the team's state has nothing of it");
    const { up: pushed } = await pullRequest("review.yml", "synchronize", { labels });
    assert.equal(pushed?.result, "success", pushed?.log);
    assert.match(pushed.log, /19 unchanged/, "the same host");
    const good = readFileSync(review, "utf8");
    writeFileSync(review, `${good}  azure-docker-host:dockerPort: 22\n`);
    const { up: wrong } = await pullRequest("review.yml", "synchronize", { labels });
    writeFileSync(review, good);
    assert.equal(wrong?.result, "failure");
    assert.match(wrong.summary, /^A setting is invalid, so the run stopped/);

    const behaviour = join(scratch.directory, FOLDERS.behaviour);
    const fault = { call: "DELETE Microsoft.Resources/resourceGroups", kind: "refused" };
    writeFileSync(behaviour, JSON.stringify({ faults: [fault] }));
    const { down: kept } = await pullRequest("reviewTeardown.yml", "unlabeled", { label: "review" });
    rmSync(behaviour);
    assert.equal(kept?.result, "failure", kept?.log);
    assert.match(kept.log, /review-7 stays: pulumi destroy failed\./);
    assert.match(kept.summary, /A destroy failed/);
    assert.match(reviewPulumi("stack", "ls", "--json"), /review-7/, "its state is kept");
    const { down, ...others } = await pullRequest("reviewTeardown.yml", "closed", { labels, state: "closed" });
    assert.deepEqual(others, {});
    assert.equal(down?.result, "success", down?.log);
    assert.deepEqual(store.list(), dev, "nothing is left of it, and dev is as it was");
    assert.doesNotMatch(reviewPulumi("stack", "ls", "--json"), /review-7/);
    const { down: again } = await pullRequest("reviewTeardown.yml", "unlabeled", { label: "review" });
    assert.equal(again?.result, "success", again?.log);
    assert.match(again.log, /There is no stack review-7\. Nothing to destroy\./);
  });

  await t.test(
    "the daily sweep destroys the stacks of closed pull requests alone, and tells of unclear ones",
    async () => {
      for (const number of [7, 8, 9]) reviewPulumi("stack", "init", `review-${number}`);
      runner.setPullRequest(7, "OPEN", ["review"]);
      runner.setPullRequest(8, "MERGED", ["review"]);
      const unclear = one(await runner.run("reviewTeardown.yml", { name: "schedule", commit }));
      assert.equal(unclear.result, "failure", unclear.log);
      assert.match(unclear.log, /^review-7 stays: its pull request is open with the label "review"\.$/m);
      assert.match(unclear.log, /^review-9 stays: nobody can tell whether its pull request is open\. gh pr view 9: /m);
      assert.match(unclear.summary, /./, "it says what to do next");
      const names = (): string[] =>
        (JSON.parse(reviewPulumi("stack", "ls", "--json")) as { name: string }[]).map(({ name }) => name).sort();
      assert.deepEqual(names(), ["review-7", "review-9"]);
      runner.setPullRequest(7, "OPEN", []);
      runner.setPullRequest(9, "CLOSED", ["review"]);
      const swept = one(await runner.run("reviewTeardown.yml", { name: "workflow_dispatch", commit }));
      assert.equal(swept.result, "success", swept.log);
      assert.deepEqual(names(), []);
    },
  );

  await t.test("what was changed behind the program's back fails the daily run, which says what", async () => {
    const rules = store.list().find(({ armType }) => armType.endsWith("/networkSecurityGroups"));
    const extension = store.list().find(({ id }) => id.endsWith("/DockerExtension"));
    assert.ok(rules && extension, "both are there");
    const text = JSON.stringify(rules).replaceAll(subnet, "*");
    store.set(JSON.parse(text) as typeof rules);
    store.remove(extension.id);
    const keep = one(await runner.run("daily.yml", { name: "schedule", commit }));
    assert.equal(keep.result, "failure");
    assert.deepEqual(keep.steps["Renew"], "success");
    assert.deepEqual(keep.steps["Report drift"], "failure");
    assert.match(keep.summary, /docker-host-nsg.*\*/);
    assert.match(keep.summary, /docker-host-docker.*missing|missing.*docker-host-docker/);
    const back = await dispatch("up.yml", { refresh: true });
    assert.equal(back.result, "success", back.log);
    const next = one(await runner.run("daily.yml", { name: "schedule", commit }));
    assert.equal(next.result, "success", next.log);
  });

  await t.test("a daily run that fails says what to do next, and reports all the same", async () => {
    commitSettings("  azure-docker-host:dockerPort: 22\n");
    const keep = one(await runner.run("daily.yml", { name: "schedule", commit }));
    commitSettings();
    assert.equal(keep.result, "failure");
    assert.match(keep.summary, /^A setting is invalid, so the run stopped/);
    assert.deepEqual([keep.steps["Report drift"], keep.steps["Check the host"]], ["success", "success"]);
  });

  await t.test("an up that fails says what to do next", async () => {
    const behaviour = join(scratch.directory, FOLDERS.behaviour);
    const call = "PUT Microsoft.Compute/virtualMachines/extensions";
    writeFileSync(behaviour, JSON.stringify({ faults: [{ call, kind: "extension-failure" }] }));
    commitSettings("  azure-docker-host:forceUpdateTag: again\n");
    const failed = await push();
    rmSync(behaviour);
    assert.equal(failed.result, "failure");
    assert.match(failed.summary, /forceUpdateTag/);
    assert.equal(failed.steps["Check the host"], undefined);
    commitSettings("  azure-docker-host:forceUpdateTag: 2\n");
    assert.equal((await push()).result, "success");
  });

  await t.test("a production stack: what would replace the machine is refused, unless the run means it", async () => {
    const production = "  azure-docker-host:forceUpdateTag: 2\n  azure-docker-host:protect: true\n";
    commitSettings(production);
    const marked = await push();
    assert.equal(marked.result, "success", marked.log);
    const before = store.list();
    commitSettings(`${production}  azure-docker-host:adminUsername: other\n`);
    const { preview } = await pullRequest("preview.yml", "synchronize");
    assert.equal(preview?.result, "failure");
    assert.deepEqual(preview.steps["What to do next"], "success");
    assert.match(runner.comment(7), /currently marked for protection/);
    const refused = await push();
    assert.equal(refused.result, "failure");
    assert.match(refused.summary, /^The setting protect is true/m);
    assert.deepEqual(store.list(), before, "nothing was changed");
    const other = await dispatch("up.yml", { unprotect: "prod" });
    assert.match(other.summary, /unprotect must be the stack's name, "dev" \(got "prod"\)/);
    assert.deepEqual(store.list(), before);
    const meant = await dispatch("up.yml", { unprotect: "dev" });
    assert.equal(meant.result, "success", meant.log);
  });

  await t.test("a teardown asks for the name, and of a production stack once more", async () => {
    const before = store.list();
    const refusals: [Record<string, string>, RegExp][] = [
      [{ stack: "dev", again: "prod" }, /must be the stack's name, "dev" \(got "prod"\)\. Nothing was deleted/],
      [{ stack: "dev", again: "dev", unprotect: "yes" }, /must be the stack's name, "dev" \(got "yes"\)/],
      [{ stack: "dev", again: "dev" }, /^The setting protect is true/m],
    ];
    for (const [inputs, said] of refusals) {
      const refused = await dispatch("teardown.yml", inputs);
      assert.equal(refused.result, "failure");
      assert.match(refused.summary, said);
    }
    assert.deepEqual(store.list(), before, "nothing was deleted");
    const done = await dispatch("teardown.yml", { stack: "dev", again: "dev", unprotect: "dev" });
    assert.equal(done.result, "success", done.log);
    assert.deepEqual(store.list(), []);
  });

  await t.test("no script of a workflow was left out", () => {
    const all = scriptsIn(commit, WORKFLOWS["machine/workflows"]);
    assert.ok(all.length > 15, "they are found");
    assert.deepEqual(
      all.filter((script) => !runner.scripts.has(script)),
      [],
    );
  });

  await t.test("no log, summary or comment has a secret of a stack", () => {
    assert.ok(needles.size >= 8, "the secrets are known");
    for (const needle of [...needles, PASSPHRASE, REVIEW_PASSPHRASE])
      assert.ok(!runner.printed.includes(needle), "a secret is shown");
    assert.match(runner.printed, /clientKey *: \[secret\]/, "the outputs are in it");
  });
});

interface PullRequest {
  labels?: string[];
  label?: string;
  state?: string;
  from?: string;
}

/** The one job that was started. */
function one(jobs: Record<string, JobResult>): JobResult {
  const [job, ...others] = Object.values(jobs);
  assert.ok(job && others.length === 0, `one job: ${Object.keys(jobs).join()}`);
  return job;
}
