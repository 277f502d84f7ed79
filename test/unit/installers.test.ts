/** What the two installers are handed, exactly; and that the script is one that a POSIX shell takes. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { daemonConfiguration } from "../../components/daemonOptions";
import {
  type DaemonSettings,
  INSTALLER_BY_NAME,
  PREPARATION,
  certificatesFingerprint,
  installScript,
  prepareScript,
} from "../../components/installers";
import { SettingsError } from "../../components/settings";

const pem = (label: string, content = "AA=="): string =>
  `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`;
const certificates = {
  trustPem: pem("CERTIFICATE"),
  certPem: pem("CERTIFICATE", "BB=="),
  keyPem: pem("EC PRIVATE KEY", "CC=="),
};
const daemon: DaemonSettings = { dockerPort: 4243, daemonOptions: {}, adminUsername: "ops", certificates };
const fingerprint = certificatesFingerprint(certificates);
const installer = (name: string): (typeof INSTALLER_BY_NAME)[string] => INSTALLER_BY_NAME[name] ?? assert.fail(name);

test("the fingerprint is another whenever a certificate is", () => {
  const of = (changed: Partial<typeof certificates>): string =>
    certificatesFingerprint({ ...certificates, ...changed });
  const cert = certificates.trustPem;
  assert.match(fingerprint, /^[0-9a-f]{32}$/);
  assert.equal(of({}), certificatesFingerprint({ ...certificates }));
  assert.notEqual(of({ trustPem: cert + cert }), of({}));
  assert.notEqual(of({ certPem: pem("CERTIFICATE", "DD==") }), of({}));
  assert.notEqual(of({ trustPem: certificates.certPem, certPem: certificates.trustPem }), of({}));
  assert.notEqual(of({ trustPem: cert + cert, certPem: "" }), of({ trustPem: cert, certPem: cert }));
  assert.equal(of({ keyPem: pem("EC PRIVATE KEY", "DD==") }), of({}), "the certificate stands for the key");
});

test("Azure's DockerExtension: the port as a text, the options as words, each PEM document as base64", () => {
  const { settings, protectedSettings, ...handler } = installer("DockerExtension");
  assert.deepEqual(handler, {
    publisher: "Microsoft.Azure.Extensions",
    type: "DockerExtension",
    typeHandlerVersion: "1.2",
    replaceOnChanges: [],
  });
  assert.deepEqual(settings({ ...daemon, daemonOptions: { debug: true } }), {
    docker: {
      port: "4243",
      options: [
        "--live-restore",
        "--no-new-privileges",
        "--userland-proxy=false",
        "--debug",
        "--log-opt=max-size=10m",
        "--log-opt=max-file=5",
        `--label=certificates=${fingerprint}`,
      ],
    },
  });
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  assert.deepEqual(protectedSettings(daemon), {
    certs: {
      ca: base64(certificates.trustPem),
      cert: base64(certificates.certPem),
      key: base64(certificates.keyPem),
    },
  });
});

suite("before the DockerExtension", () => {
  test("Azure's CustomScript, with its script in public", () => {
    const { settings, ...handler } = PREPARATION;
    assert.deepEqual(handler, {
      publisher: "Microsoft.Azure.Extensions",
      type: "CustomScript",
      typeHandlerVersion: "2.1",
      replaceOnChanges: ["#initerror"],
    });
    for (const version of [undefined, "28.2.*"]) {
      assert.deepEqual(settings(version), { script: Buffer.from(prepareScript(version)).toString("base64") });
    }
  });

  test("its script is the texts and the version, and nothing else", () => {
    const text = (file: string): string => readFileSync(join(__dirname, "../../components", file), "utf8");
    const texts = `${text("packages.sh")}\n${text("prepareDocker.sh")}`;
    assert.equal(prepareScript(), `#!/bin/sh\n{\nDOCKER_VERSION=''\n\n${texts}\n}\n`);
    assert.equal(prepareScript("28.2.*"), `#!/bin/sh\n{\nDOCKER_VERSION='28.2.*'\n\n${texts}\n}\n`);
    assert.doesNotMatch(texts, /_PEM|DAEMON_JSON|DOCKER_PORT|ADMIN_USERNAME|key\.pem|cert\.pem|ca\.pem/);
  });
});

suite("the script", () => {
  const { settings, protectedSettings, ...handler } = installer("CustomScript");

  test("Azure's CustomScript: nothing in public, the script in base64", () => {
    assert.deepEqual(handler, {
      publisher: "Microsoft.Azure.Extensions",
      type: "CustomScript",
      typeHandlerVersion: "2.1",
      replaceOnChanges: ["*"],
    });
    assert.deepEqual(settings(daemon), {});
    assert.deepEqual(protectedSettings(daemon), { script: Buffer.from(installScript(daemon)).toString("base64") });
  });

  test("the values as the shell's variables, whatever is in them", () => {
    const odd = {
      ...daemon,
      dockerVersion: "28.2.*",
      daemonOptions: { labels: ['it\'s=$(reboot) `reboot` \\ "x"'] },
    };
    const names = [
      "DOCKER_PORT",
      "DOCKER_VERSION",
      "ADMIN_USERNAME",
      "DAEMON_JSON",
      "TRUST_PEM",
      "CERT_PEM",
      "KEY_PEM",
    ];
    const head = (installScript(odd).split("\n# Has the package")[0] ?? "").replace("\n{\n", "\n");
    const { stdout, stderr } = spawnSync("sh", [], {
      input: `${head}\nprintf '%s\\0' ${names.map((name) => `"$${name}"`).join(" ")}`,
      encoding: "utf8",
    });
    assert.equal(stderr, "");
    assert.deepEqual(stdout.split("\0"), [
      "4243",
      "28.2.*",
      "ops",
      JSON.stringify(daemonConfiguration(odd.daemonOptions, fingerprint), undefined, 2),
      certificates.trustPem.trim(),
      certificates.certPem.trim(),
      certificates.keyPem.trim(),
      "",
    ]);
  });

  for (const [name, script] of Object.entries({ install: installScript(daemon), prepare: prepareScript() })) {
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

  test("longer than Azure takes", () => {
    const most = { ...certificates, trustPem: certificates.trustPem.repeat(4000) };
    assert.throws(
      () => protectedSettings({ ...daemon, certificates: most }),
      (error) => {
        assert.ok(error instanceof SettingsError, String(error));
        assert.match(
          error.message,
          /^Wrong setting: trustedClientCerts, daemonOptions: together too long for Azure's CustomScript, \d+ bytes; allowed: 262144$/,
        );
        return true;
      },
    );
  });
});
