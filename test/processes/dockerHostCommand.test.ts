/** The command `docker-host` as a process: its help, its exit codes, and a client's files from outputs to disconnect. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { FAILURES } from "../../client/lib/failure";
import { scratchFolder } from "../support/certificateDirectories";
import { type Issued, caOf, clientOf } from "../support/pki";
import { type SampleStack, sampleStack } from "../support/sampleStack";

let caCert: string;
let admin: Issued;
let ci: Issued;
let outputsOf: SampleStack["outputsOf"];
before(async () => {
  ({ caCert, admin, ci, outputsOf } = await sampleStack());
});

describe("the command", () => {
  /** Runs it in a home of its own, without docker on PATH. */
  function run(t: TestContext, args: string[], input = ""): { status: number | null; stdout: string; stderr: string } {
    const home = scratchFolder(t);
    return spawnSync(process.execPath, [join(__dirname, "../../client/docker-host.cjs"), ...args], {
      encoding: "utf8",
      input,
      env: { PATH: "/nowhere", HOME: home, SHELL: "/bin/bash" },
    });
  }

  test("--help of each verb; a wrong option", (t) => {
    const all = run(t, ["--help"]);
    assert.equal(all.status, 0, all.stderr);
    for (const { code, words } of Object.values(FAILURES)) {
      assert.ok(all.stdout.includes(`${String(code).padStart(4)}  ${words}`), words);
    }
    for (const verb of ["connect", "env", "check", "drift", "advise", "disconnect"]) {
      const { status, stdout } = run(t, [verb, "--help"]);
      assert.equal(status, 0, verb);
      assert.match(stdout, new RegExp(`Usage: docker-host ${verb}`));
    }
    assert.equal(run(t, ["connect", "--colour"]).status, FAILURES.usage.code);
    const duration = run(t, ["check", "--wait", "soon"]);
    assert.equal(duration.status, FAILURES.usage.code);
    assert.equal(run(t, ["drift", "--json", "--markdown"]).status, FAILURES.usage.code);
    assert.match(duration.stderr, /--wait <time>' argument 'soon' is invalid\. It must be a duration/);
  });

  test("a reader that closes the pipe early is no failure", () => {
    const words = [process.execPath, join(__dirname, "../../client/docker-host.cjs"), "env", "--unset"];
    const { stderr } = spawnSync("sh", ["-c", '"$@" | true', "sh", ...words], { encoding: "utf8" });
    assert.equal(stderr, "");
  });

  test("advise waits for a log that comes late, and reads a file", (t) => {
    const words = [process.execPath, join(__dirname, "../../client/docker-host.cjs"), "advise"];
    const late = spawnSync("sh", ["-c", '(sleep 1; echo "error: incorrect passphrase") | "$@"', "sh", ...words], {
      encoding: "utf8",
    });
    assert.equal(late.status, 0, late.stderr);
    assert.match(late.stdout, /^The passphrase isn't the stack's, /);
    const file = join(scratchFolder(t), "up.log");
    fs.writeFileSync(file, "error: something new");
    assert.match(run(t, ["advise", file]).stdout, /^The log shows no cause that docker-host advise knows\. /);
  });

  test("the exit codes are those in docs/client.md", () => {
    const readme = fs.readFileSync(join(__dirname, "../../docs/client.md"), "utf8").replaceAll("`", "");
    const rows = [...readme.matchAll(/^\| (\d+) +\| (.+?) +\|$/gm)].map(([, code, words]) => [Number(code), words]);
    assert.deepEqual(
      rows,
      Object.values(FAILURES).map(({ code, words }) => [code, words]),
    );
  });

  test("no pulumi; nothing connected", (t) => {
    const folder = scratchFolder(t);
    const connect = run(t, ["connect", "--cert-dir", folder]);
    assert.equal(connect.status, FAILURES.outputs.code);
    assert.match(connect.stderr, /^docker-host: The command pulumi must be on PATH/);
    const env = run(t, ["env", "--cert-dir", folder]);
    assert.equal(env.status, FAILURES.notConnected.code);
    assert.equal(
      env.stderr,
      `docker-host: --cert-dir must be a directory that connect wrote (got ${folder}). Run docker-host connect.\n`,
    );
    assert.deepEqual(fs.readdirSync(folder), []);
  });

  test("pulumi gets the stack's name, and asks no questions", (t) => {
    const folder = scratchFolder(t);
    const pulumi = `#!/bin/sh\necho "$*" >> "${folder}/asked"\nexit 1\n`;
    fs.writeFileSync(join(folder, "pulumi"), pulumi, { mode: 0o755 });
    const words = [process.execPath, join(__dirname, "../../client/docker-host.cjs")];
    for (const verb of ["connect", "check", "drift"]) {
      const env = { ...process.env, PATH: `${folder}:${process.env.PATH ?? ""}` };
      assert.notEqual(spawnSync(words[0] ?? "", [...words.slice(1), verb, "--stack", "dev"], { env }).status, 0, verb);
    }
    const asked = fs.readFileSync(join(folder, "asked"), "utf8").trim().split("\n");
    assert.ok(asked.length >= 3, asked.join("; "));
    for (const line of asked) assert.match(line, /--non-interactive --stack dev/, line);
  });

  test("connect from standard input, env, connect again after a renewal, another client, disconnect", async (t) => {
    const certDir = join(scratchFolder(t), "it's");
    const words = ["connect", "--outputs", "-", "--cert-dir", certDir];
    const connect = run(t, words, JSON.stringify(outputsOf()));
    assert.equal(connect.status, 0, connect.stderr);
    const until = new Date(Date.now() + 365 * 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
    assert.equal(
      connect.stdout,
      [
        `client ci, until ${until} (364 days)`,
        `files    ca.pem, cert.pem, key.pem in ${certDir}`,
        "context  none: no docker command on PATH",
        "",
        `DOCKER_HOST=${outputsOf().dockerHost} DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH='${certDir.replace("'", "'\\''")}' docker info`,
        "",
      ].join("\n"),
    );
    assert.equal(fs.readFileSync(join(certDir, "key.pem"), "utf8"), ci.key);
    assert.equal(fs.readFileSync(join(certDir, "ca.pem"), "utf8"), caCert);

    const env = run(t, ["env", "--cert-dir", certDir]);
    const shown = spawnSync("bash", ["-c", `${env.stdout}\nenv | grep ^DOCKER_ | sort`], { encoding: "utf8" });
    assert.deepEqual(shown.stdout.trim().split("\n"), [
      `DOCKER_CERT_PATH=${certDir}`,
      `DOCKER_HOST=${outputsOf().dockerHost}`,
      "DOCKER_TLS_VERIFY=1",
    ]);
    assert.deepEqual(JSON.parse(run(t, ["env", "--cert-dir", certDir, "--json"]).stdout), {
      DOCKER_HOST: outputsOf().dockerHost,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: certDir,
    });

    // A new certificate of the same client and host needs no --force.
    const renewed = await clientOf("ci");
    const after = outputsOf({
      clientCert: renewed.cert,
      clientCerts: { admin: admin.cert, ci: renewed.cert },
      clientKeys: { admin: admin.key, ci: renewed.key },
    });
    assert.equal(run(t, words, JSON.stringify(after)).status, 0);
    assert.equal(fs.readFileSync(join(certDir, "key.pem"), "utf8"), renewed.key);

    // Another client's certificate needs --force.
    const other = run(t, [...words, "--client", "admin"], JSON.stringify(after));
    assert.equal(other.status, FAILURES.inTheWay.code);
    assert.equal(
      other.stderr,
      `docker-host: --cert-dir must hold no files of another client or host (got cert.pem, key.pem in ${certDir}). The certificate there: ci of docker-host, until ${until}. The last connect there was for client ci of ${outputsOf().dockerHost}. Choose another --cert-dir, or replace them with --force.\n`,
    );
    assert.equal(fs.readFileSync(join(certDir, "key.pem"), "utf8"), renewed.key);
    const forced = run(t, [...words, "--client", "admin", "--force", "--json"], JSON.stringify(after));
    assert.equal(forced.status, 0, forced.stderr);
    assert.equal((JSON.parse(forced.stdout) as { client: string }).client, "admin");

    const disconnect = run(t, ["disconnect", "--cert-dir", certDir]);
    assert.equal(disconnect.stdout, `files    ${certDir} is as it was before connect\ncontexts none\n`);
    assert.equal(fs.existsSync(certDir), false);
    const again = run(t, ["disconnect", "--cert-dir", certDir]);
    assert.equal(again.status, 0);
    assert.equal(again.stdout, `nothing is connected in ${certDir}\n`);
    for (const { stdout, stderr } of [connect, env, other, forced, disconnect]) {
      assert.doesNotMatch(stdout + stderr, /PRIVATE KEY/);
    }
  });

  test("the user's own files are replaced only with --force, and are put back", async (t) => {
    const certDir = scratchFolder(t);
    const theirs = await clientOf("somebody");
    fs.writeFileSync(join(certDir, "cert.pem"), theirs.cert);
    fs.writeFileSync(join(certDir, "key.pem"), theirs.key, { mode: 0o600 });
    const words = ["connect", "--outputs", "-", "--cert-dir", certDir];
    const refused = run(t, words, JSON.stringify(outputsOf()));
    assert.equal(refused.status, FAILURES.inTheWay.code);
    assert.match(
      refused.stderr,
      /\(got cert\.pem, key\.pem in .*\)\. The certificate there: somebody of docker-host, until .* use --force, which keeps them for disconnect to put back\.\n$/,
    );
    assert.deepEqual(fs.readdirSync(certDir).sort(), ["cert.pem", "key.pem"]);
    assert.equal(run(t, [...words, "--force"], JSON.stringify(outputsOf())).status, 0);
    assert.equal(fs.readFileSync(join(certDir, "key.pem"), "utf8"), ci.key);
    assert.equal(run(t, ["disconnect", "--cert-dir", certDir]).status, 0);
    assert.deepEqual(fs.readdirSync(certDir).sort(), ["cert.pem", "key.pem"]);
    assert.equal(fs.readFileSync(join(certDir, "key.pem"), "utf8"), theirs.key);
  });

  test("every verb refuses a directory that another user can change", (t) => {
    const certDir = scratchFolder(t);
    assert.equal(run(t, ["connect", "--outputs", "-", "--cert-dir", certDir], JSON.stringify(outputsOf())).status, 0);
    fs.chmodSync(certDir, 0o777);
    for (const verb of ["connect", "env", "check", "disconnect"]) {
      const words = verb === "connect" ? [verb, "--outputs", "-"] : [verb];
      const { status, stdout, stderr } = run(t, [...words, "--cert-dir", certDir], JSON.stringify(outputsOf()));
      assert.equal(status, FAILURES.files.code, verb);
      const message = `docker-host: --cert-dir: ${certDir} must not be writable by others (got mode 777). Run chmod go-w on it.`;
      assert.deepEqual([stdout, stderr], ["", `${message}\n`], verb);
    }
  });

  test("two hosts behind tunnels with the same name are different hosts", async (t) => {
    const certDir = scratchFolder(t);
    const words = ["connect", "--outputs", "-", "--cert-dir", certDir, "--address", "localhost:14243"];
    assert.equal(run(t, words, JSON.stringify(outputsOf())).status, 0);
    const other = await clientOf("ci");
    const strangers = outputsOf({
      caCert: (await caOf("another CA")).cert,
      clientCert: other.cert,
      clientCerts: { ci: other.cert },
      clientKeys: { ci: other.key },
    });
    assert.equal(run(t, words, JSON.stringify(strangers)).status, FAILURES.inTheWay.code);
    assert.equal(fs.readFileSync(join(certDir, "key.pem"), "utf8"), ci.key);
  });

  test("check of a port that is closed: the exit code says so, in words and in JSON", (t) => {
    const outputs = join(scratchFolder(t), "outputs.json");
    fs.writeFileSync(outputs, JSON.stringify(outputsOf({ publicIpAddress: "127.0.0.1" })));
    const { status, stdout } = run(t, ["check", "--outputs", outputs, "--address", "localhost:1"]);
    assert.equal(status, FAILURES.port.code);
    assert.match(stdout, /^localhost:1\n {2}✓ name +localhost resolves to \S+\n {2}✗ port +1 is closed/);
    const machine = run(t, ["check", "--outputs", outputs, "--address", "localhost:1", "--json"]);
    assert.equal(machine.status, FAILURES.port.code);
    const result = JSON.parse(machine.stdout) as { ok: boolean; answers: { question: string; holds?: boolean }[] };
    assert.equal(result.ok, false);
    assert.deepEqual(
      result.answers.filter(({ holds }) => holds === false).map(({ question }) => question),
      ["port"],
    );
    assert.doesNotMatch(machine.stdout, /PRIVATE KEY/);
  });

  test("check finds a tunnel at 127.0.0.1 if localhost is also ::1", async (t) => {
    if (process.getuid?.() !== 0) {
      t.skip("NOT RUN: names of its own take root");
      return;
    }
    const folder = scratchFolder(t);
    const [hosts, outputs] = [join(folder, "hosts"), join(folder, "outputs.json")];
    fs.writeFileSync(hosts, "::1 localhost\n127.0.0.1 localhost\n");
    fs.writeFileSync(outputs, JSON.stringify(outputsOf()));
    const end = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => end.listen(0, "127.0.0.1", resolve));
    t.after(() => end.close());
    const { port } = end.address() as AddressInfo;
    const words = ["check", "--outputs", outputs, "--address", `localhost:${port}`];
    const check = [process.execPath, join(__dirname, "../../client/docker-host.cjs"), ...words];
    const inHosts = ["--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts, ...check];
    const { stdout } = await promisify(execFile)("unshare", inHosts).catch(
      (error: unknown) => error as { stdout: string },
    );
    assert.match(stdout, /✓ name +localhost resolves to 127\.0\.0\.1\n {2}✓ port/);
  });
});
