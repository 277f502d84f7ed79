/** The daemon's port as testssl.sh sees it, without a client certificate: nothing above LOW that isn't known. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ensureSystemPackages } from "../../rehearsal/machine/systemPackages";
import { Host } from "../support/host";
import { run } from "../support/run";
import { leftOut } from "../support/sample";

/** Known findings above LOW, each with its reason. */
const KNOWN = {
  cert_revocation:
    "HIGH: Docker's clients read no revocation list. A new server certificate or CA replaces a stolen one.",
};

/** Checks that show that the scan went through: protocols, ciphers, certificate, renegotiation. */
const PASSED = ["SSLv3", "TLS1_2", "TLS1_3", "cipherlist_NULL", "cert_chain_of_trust", "cert_trust", "secure_renego"];

interface Finding {
  id: string;
  severity: string;
  finding: string;
}

test("testssl.sh finds nothing above LOW that isn't known", async (t) => {
  if (leftOut(t, "the scan of the daemon's TLS")) return;
  await ensureSystemPackages(console.error, { testssl: "testssl.sh" });
  const host = new Host(t);
  await host.up();
  const [report, ca] = ["findings.json", "ca.pem"].map((name) => join(host.scratch.directory, name)) as [
    string,
    string,
  ];
  writeFileSync(ca, host.outputs.caCert);
  const { stdout } = run(
    [
      ...["timeout", "120", "testssl", "--warnings=batch", "--nodns=none", `--add-ca=${ca}`, `--jsonfile=${report}`],
      ...["--protocols", "--std", "--server-defaults", "--renegotiation", "--compression"],
      `https://${host.outputs.publicIpAddress}:${host.port}`,
    ],
    // For the answer to plain requests, which the daemon doesn't give without a certificate.
    { env: { ...process.env, HEADER_MAXSLEEP: "1" } },
  );
  const findings = JSON.parse(readFileSync(report, "utf8")) as Finding[];
  const passed = findings.filter(({ severity }) => severity === "OK").map(({ id }) => id);
  assert.deepEqual(
    PASSED.filter((id) => !passed.includes(id)),
    [],
    stdout,
  );
  const above = findings.filter(({ severity }) => ["MEDIUM", "HIGH", "CRITICAL", "FATAL"].includes(severity));
  assert.deepEqual(above.map(({ id }) => id).sort(), Object.keys(KNOWN), JSON.stringify(above));
});
