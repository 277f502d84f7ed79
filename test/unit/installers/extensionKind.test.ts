/** The name of a host's certificates: it differs whenever one of them does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { certificatesFingerprint } from "../../../components/installers/extensionKind";

const pem = (label: string, content = "AA=="): string =>
  `-----BEGIN ${label}-----\n${content}\n-----END ${label}-----\n`;
const certificates = {
  trustPem: pem("CERTIFICATE"),
  certPem: pem("CERTIFICATE", "BB=="),
  keyPem: pem("EC PRIVATE KEY", "CC=="),
};
const fingerprint = certificatesFingerprint(certificates);

test("the fingerprint changes with each certificate", () => {
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
