/** What Azure's DockerExtension gets, exactly. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DOCKER_EXTENSION,
  extensionProtectedSettings,
  extensionSettings,
} from "../../../components/installers/dockerExtension";
import { certificatesFingerprint } from "../../../components/installers/extensionKind";

const pem = (label: string, content = "AA=="): string =>
  `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`;
const certificates = {
  trustPem: pem("CERTIFICATE"),
  certPem: pem("CERTIFICATE", "BB=="),
  keyPem: pem("EC PRIVATE KEY", "CC=="),
};
const { trustPem, certPem } = certificates;
const fingerprint = certificatesFingerprint(certificates);

test("Azure's DockerExtension: the port as a text, the options as words, each PEM document as base64", () => {
  assert.deepEqual(DOCKER_EXTENSION, {
    publisher: "Microsoft.Azure.Extensions",
    type: "DockerExtension",
    typeHandlerVersion: "1.2",
    replaceOnChanges: [],
  });
  assert.deepEqual(extensionSettings({ dockerPort: 4243, daemonOptions: { debug: true }, trustPem, certPem }), {
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
  assert.deepEqual(extensionProtectedSettings(certificates), {
    certs: {
      ca: base64(certificates.trustPem),
      cert: base64(certificates.certPem),
      key: base64(certificates.keyPem),
    },
  });
});
