/** The table of settings: each row is whole, and its example passes. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { RunError } from "@pulumi/pulumi";
import {
  type AnyRow,
  FORMER_NAMES,
  SETTINGS,
  TOPICS,
  replaceOnChanges,
  rowOf,
  unknownName,
} from "../../components/settings";
import { SettingsError, throwProblems } from "../../components/settingsError";

const rows = Object.entries<AnyRow>(SETTINGS);
const others = {
  installer: "DockerExtension",
  trustedLaunch: true,
  patchReboot: "IfRequired",
  openToInternet: false,
  sharedServiceTags: [],
} as const;

suite("the table of settings", () => {
  for (const [name, row] of rows) {
    test(`${name} has a topic, and a default in one form`, () => {
      assert.ok(TOPICS.includes(row.topic), row.topic);
      assert.notEqual("default" in row, "defaultText" in row, "a default or its words");
    });

    const { default: value, form, takesOutputs, validate } = row;
    if (value !== undefined && validate !== undefined && takesOutputs !== "entries") {
      test(`${name}'s default passes`, () => {
        assert.deepEqual(validate(value as never, { ...others, sharedServiceTags: [] }, name), []);
      });
    }
    // Of the other forms, `pulumi config set` takes an entry or a file.
    if (validate !== undefined && ["string", "integer"].includes(form) && !/^< |…|^$/.test(row.example)) {
      test(`${name}'s example passes`, () => {
        const example = form === "integer" ? Number(row.example) : row.example;
        assert.deepEqual(validate(example as never, { ...others, sharedServiceTags: [] }, name), []);
      });
    }
    if (validate !== undefined && form === "list" && takesOutputs !== "entries") {
      test(`${name}'s example passes`, () => {
        assert.deepEqual(validate([row.example] as never, { ...others, sharedServiceTags: [] }, name), []);
      });
    }
  }

  test("only a replacement of the VM names inputs", () => {
    for (const [name, { change, replaces }] of rows) {
      assert.equal(replaces !== undefined, change === "replaces the VM", name);
    }
    assert.deepEqual(replaceOnChanges("nic"), ["ipConfigurations[0].subnet.id"]);
    assert.deepEqual(replaceOnChanges("vm").sort(), [
      "osProfile.adminPassword",
      "osProfile.adminUsername",
      "osProfile.linuxConfiguration.disablePasswordAuthentication",
      "osProfile.linuxConfiguration.ssh.publicKeys",
      "securityProfile.securityType",
      "storageProfile.imageReference.id",
      "storageProfile.imageReference.offer",
      "storageProfile.imageReference.publisher",
      "storageProfile.imageReference.sku",
      "storageProfile.imageReference.version",
    ]);
  });

  test("a secret is a password or a private key", () => {
    const secrets = rows.filter(([, { isSecret }]) => isSecret).map(([name]) => name);
    assert.deepEqual(secrets, ["caPrivateKeyPem", "adminPassword"]);
  });
});

suite("names", () => {
  const known = Object.keys(SETTINGS);

  test("a former name gets its new one", () => {
    const names = {
      authorityGenerations: "caGenerations",
      authorityStack: "caStack",
      shareAuthority: "shareCa",
      clientAuthorities: "clientCaCerts",
      clientCertPems: "trustedClientCerts",
      publicAddress: "publicIp",
      production: "protect",
    };
    assert.deepEqual(FORMER_NAMES, names);
    for (const [former, now] of Object.entries(names)) {
      assert.equal(unknownName(former, known), `${former} must be called ${now}. It has a new name.`);
      assert.equal(rowOf(former), undefined);
    }
  });

  test("any other name gets the names that there are", () => {
    for (const name of ["dockerPrt", "constructor", "__proto__", "toString", ""]) {
      assert.equal(unknownName(name, ["a", "b"]), `${name} must be one of the settings: a, b.`);
      assert.equal(rowOf(name), undefined, name);
    }
    assert.equal(rowOf("dockerPort"), SETTINGS.dockerPort);
  });
});

suite("the error", () => {
  test("one problem takes one line, no problem none", () => {
    assert.equal(new SettingsError(["a must be b."]).message, "Invalid setting: a must be b.");
    assert.throws(
      () => {
        throwProblems(["a must be b."]);
      },
      new SettingsError(["a must be b."]),
    );
    throwProblems([]);
  });

  test("several problems take a line each, without a stack trace", () => {
    const error = new SettingsError(["a must be b.", "c must be d."]);
    assert.equal(error.message, "Invalid settings:\n  - a must be b.\n  - c must be d.");
    assert.ok(error instanceof RunError, "a RunError");
    assert.ok(RunError.isInstance(error), "a RunError to every copy of the SDK");
  });
});
