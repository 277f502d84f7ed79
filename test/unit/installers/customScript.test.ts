/** What Azure's CustomScript gets, exactly. A POSIX shell takes its scripts. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import {
  CUSTOM_SCRIPT,
  type Daemon,
  PREPARATION,
  installScript,
  prepareScript,
  scriptProtectedSettings,
} from "../../../components/installers/customScript";
import { daemonConfiguration } from "../../../components/installers/daemonOptions";
import { certificatesFingerprint } from "../../../components/installers/extensionKind";
import { SettingsError } from "../../../components/settingsError";

const pem = (label: string, content = "AA=="): string =>
  `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`;
const certificates = {
  trustPem: pem("CERTIFICATE"),
  certPem: pem("CERTIFICATE", "BB=="),
  keyPem: pem("EC PRIVATE KEY", "CC=="),
};
const daemon: Daemon = {
  dockerPort: 4243,
  daemonOptions: {},
  allowContainerIdentity: false,
  adminUsername: "ops",
  certificates,
};
const fingerprint = certificatesFingerprint(certificates);

suite("before the DockerExtension", () => {
  test("Azure's CustomScript, with its script in public", () => {
    const { settings, ...handler } = PREPARATION;
    assert.deepEqual(handler, {
      publisher: "Microsoft.Azure.Extensions",
      type: "CustomScript",
      typeHandlerVersion: "2.1",
      replaceOnChanges: ["#initerror"],
    });
    for (const packages of [
      { allowContainerIdentity: false },
      { dockerVersion: "28.2.*", allowContainerIdentity: true },
    ]) {
      assert.deepEqual(settings(packages), { script: Buffer.from(prepareScript(packages)).toString("base64") });
    }
  });

  test("its script is the texts and the packages' values, and nothing else", () => {
    const text = (file: string): string =>
      readFileSync(join(__dirname, "../../../components/installers", file), "utf8");
    const texts = ["packages.sh", "fence.sh", "prepareDocker.sh"].map(text).join("\n");
    const script = (version: string, identity: boolean): string =>
      `#!/bin/sh\n{\nDOCKER_VERSION='${version}'\nALLOW_CONTAINER_IDENTITY='${identity}'\n\n${texts}\n}\n`;
    assert.equal(prepareScript({ allowContainerIdentity: false }), script("", false));
    assert.equal(prepareScript({ dockerVersion: "28.2.*", allowContainerIdentity: true }), script("28.2.*", true));
    assert.doesNotMatch(texts, /_PEM|DAEMON_JSON|DOCKER_PORT|ADMIN_USERNAME/);
    // It creates the certificate files and sets their modes. It reads and writes none of them.
    assert.deepEqual(
      texts.split("\n").filter((line) => /(key|cert|ca)\.pem/.test(line)),
      [
        '{ install -d -m 0755 "$pem" && touch "$pem/key.pem" "$pem/ca.pem" "$pem/cert.pem" &&',
        '  chmod 0400 "$pem/key.pem" && chmod 0444 "$pem/ca.pem" "$pem/cert.pem"; } || fail "the files in $pem can\'t be created"',
      ],
    );
  });
});

suite("the script", () => {
  test("Azure's CustomScript: the script in base64", () => {
    assert.deepEqual(CUSTOM_SCRIPT, {
      publisher: "Microsoft.Azure.Extensions",
      type: "CustomScript",
      typeHandlerVersion: "2.1",
      replaceOnChanges: ["*"],
    });
    assert.deepEqual(scriptProtectedSettings(daemon), {
      script: Buffer.from(installScript(daemon)).toString("base64"),
    });
  });

  test("the values are the shell's variables, with any characters", () => {
    const odd = {
      ...daemon,
      dockerVersion: "28.2.*",
      daemonOptions: { labels: ['it\'s=$(reboot) `reboot` \\ "x"'] },
    };
    const names = [
      "DOCKER_PORT",
      "DOCKER_VERSION",
      "ALLOW_CONTAINER_IDENTITY",
      "ADMIN_USERNAME",
      "DAEMON_JSON",
      "TRUST_PEM",
      "CERT_PEM",
      "KEY_PEM",
    ];
    // Only the values may run here: the texts after them would install Docker.
    const packages = readFileSync(join(__dirname, "../../../components/installers/packages.sh"), "utf8");
    const [values = "", ...rest] = installScript(odd).split(packages);
    assert.equal(rest.length, 1, "packages.sh follows the values");
    const head = values.replace("\n{\n", "\n");
    const { stdout, stderr } = spawnSync("sh", [], {
      input: `${head}\nprintf '%s\\0' ${names.map((name) => `"$${name}"`).join(" ")}`,
      encoding: "utf8",
    });
    assert.equal(stderr, "");
    assert.deepEqual(stdout.split("\0"), [
      "4243",
      "28.2.*",
      "false",
      "ops",
      JSON.stringify(daemonConfiguration(odd.daemonOptions, fingerprint), undefined, 2),
      certificates.trustPem.trim(),
      certificates.certPem.trim(),
      certificates.keyPem.trim(),
      "",
    ]);
  });

  for (const [name, script] of Object.entries({
    install: installScript(daemon),
    prepare: prepareScript({ allowContainerIdentity: false }),
  })) {
    test(`${name}: shellcheck finds nothing, and a POSIX shell reads it`, (t) => {
      const found = spawnSync("shellcheck", ["--shell=sh", "-"], { input: script, encoding: "utf8" });
      if (found.error !== undefined && process.env.CI !== "true") {
        t.skip("SHELLCHECK IS NOT INSTALLED: npm test does that, as root");
        return;
      }
      assert.equal(found.error, undefined, "shellcheck is installed");
      assert.equal(found.stdout, "");
      assert.equal(found.status, 0);
      assert.equal(spawnSync("sh", ["-n"], { input: script, encoding: "utf8" }).stderr, "");
    });

    test(`${name}: cut short by a full disk, it does nothing and fails`, () => {
      const marked = `${script.slice(0, 10)}{\necho ran\n${script.slice(12)}`;
      for (const part of [0.01, 0.1, 0.5, 0.9, 0.999]) {
        const { status, stdout } = spawnSync("sh", [], { input: marked.slice(0, marked.length * part) });
        assert.equal(stdout.toString(), "");
        assert.equal(status, 2, `the first ${part} of it`);
      }
    });
  }

  test("fails if it is longer than Azure's limit", () => {
    const most = { ...certificates, trustPem: certificates.trustPem.repeat(4000) };
    assert.throws(
      () => scriptProtectedSettings({ ...daemon, certificates: most }),
      (error) => {
        assert.ok(error instanceof SettingsError, String(error));
        assert.match(
          error.message,
          /^Invalid setting: trustedClientCerts, clientCaCerts and daemonOptions must fit into a script of 262144 bytes, Azure's limit \(got \d+\)\.$/,
        );
        return true;
      },
    );
  });
});
