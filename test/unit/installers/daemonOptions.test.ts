/** Exact tables for the daemon's options: what is taken, what is refused with which words, and both forms that come of it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  type DaemonOptions,
  commandLine,
  daemonConfiguration,
  validateDaemonOptions,
  validateDaemonOptionsForm,
} from "../../../components/installers/daemonOptions";
import { given } from "../../support/rules";

/** The problems of options by themselves, else of options and installer, as the setting's row has them. */
function check(options: unknown, installer: string): string[] {
  const problems = validateDaemonOptions(options);
  return problems.length > 0 ? problems : validateDaemonOptionsForm(options as DaemonOptions, installer);
}

suite("invalid options", () => {
  const forms: Record<string, { name: string; passes: unknown[]; fails: unknown[] }> = {
    "true or false": { name: "icc", passes: [true, false], fails: ["true", 1, null] },
    "a whole number, 0 or more": { name: "mtu", passes: [0, 1450], fails: [-1, 1.5, "1450"] },
    "a text that is not empty": { name: "log-level", passes: ["warn"], fails: ["", 1, ["warn"], "a\nb"] },
    "a list of texts": { name: "dns", passes: [[], ["10.0.0.2"]], fails: ["10.0.0.2", [1], [""], {}] },
    'texts by name, such as { "max-size": "10m" }': {
      name: "log-opts",
      passes: [{}, { tag: "x" }, { "max-file": 5 }],
      fails: [[], "x", null, { tag: {} }, { tag: [] }, { tag: "" }],
    },
    'an object, such as { "nofile": { "Soft": 1024, "Hard": 4096 } }': {
      name: "default-ulimits",
      passes: [{ nofile: { Soft: 1, Hard: 2 } }, { core: { Name: "core", Soft: 0, Hard: -1 } }],
      fails: [{ nofile: "1024:4096" }, { nofile: { Soft: 1 } }, []],
    },
    'a list of objects, such as [{ "base": "172.30.0.0/16", "size": 24 }]': {
      name: "default-address-pools",
      passes: [[{ base: "172.30.0.0/16", size: 24 }]],
      fails: [{ base: "172.30.0.0/16", size: 24 }, [{ base: "172.30.0.0/16" }], ["172.30.0.0/16"]],
    },
  };
  for (const [allowed, { name, passes, fails }] of Object.entries(forms)) {
    test(`${name}: ${allowed}`, () => {
      for (const installer of ["DockerExtension", "CustomScript"]) {
        for (const value of passes) assert.deepEqual(check({ [name]: value }, installer), []);
        for (const value of fails) {
          assert.deepEqual(check({ [name]: value }, installer), [
            `daemonOptions.${name} must be ${allowed} (got ${JSON.stringify(value)}).`,
          ]);
        }
      }
    });
  }

  test("a value that is no object", () => {
    for (const value of [[], "debug", 1, null, undefined]) {
      assert.deepEqual(check(value, "CustomScript"), [
        `daemonOptions must be an object of daemon.json's options, such as { "log-level": "warn" } (got ${given(value)}).`,
      ]);
    }
  });

  test("options that would open the port, or that the program sets", () => {
    for (const name of ["hosts", "host", "tls", "tlsverify", "tlscacert", "tlscert", "tlskey"]) {
      assert.deepEqual(check({ [name]: ["tcp://0.0.0.0:2375"] }, "CustomScript"), [
        `daemonOptions.${name} must be left out. The program sets it, from dockerPort and the certificates.`,
      ]);
    }
  });

  test("an unknown name, because the daemon would not start with it", () => {
    for (const name of ["log_level", "Debug", "log-opt", "", "constructor", "__proto__"]) {
      const [problem = "", ...others] = check(JSON.parse(`{"${name}":true}`) as unknown, "CustomScript");
      assert.deepEqual(others, []);
      assert.ok(
        problem.startsWith(`daemonOptions.${name} must be one of the daemon's options: authorization-plugins, bip, `),
        problem,
      );
    }
  });

  test("values that don't fit the extension's command line fit the script's file", () => {
    const values: [name: string, value: unknown][] = [
      ["log-opts", { tag: "{{.Name}} $HOSTNAME" }],
      ["labels", ["a=two words"]],
      ["data-root", "/mnt/'x'"],
      ["exec-opts", ["a=%i"]],
      ["storage-opts", ["a\\b"]],
      ["dns-search", ["a;b"]],
    ];
    for (const [name, value] of values) {
      assert.deepEqual(check({ [name]: value }, "CustomScript"), []);
      assert.deepEqual(check({ [name]: value }, "DockerExtension"), [
        `daemonOptions.${name} must hold only letters, digits and _./:=,@+{}[]- with the DockerExtension (got ${JSON.stringify(value)}). Set installer to CustomScript, which writes daemon.json.`,
      ]);
    }
    assert.deepEqual(check({ "log-opts": { tag: "{{.Name}}" } }, "DockerExtension"), []);
    assert.deepEqual(check({ features: { buildkit: true } }, "CustomScript"), []);
    assert.deepEqual(check({ features: [] }, "CustomScript"), [
      'daemonOptions.features must be an object, such as { "buildkit": true } (got []).',
    ]);
    assert.deepEqual(check({ features: { buildkit: true } }, "DockerExtension"), [
      "daemonOptions.features must be left out with the DockerExtension, as dockerd has no such flag. Set installer to CustomScript, which writes daemon.json.",
    ]);
  });
});

suite("the configuration", () => {
  const hardened = {
    "live-restore": true,
    "no-new-privileges": true,
    "userland-proxy": false,
    "log-opts": { "max-size": "10m", "max-file": "5" },
    labels: ["certificates=abc"],
  };

  test("the hardened defaults", () => {
    assert.deepEqual(daemonConfiguration({}, "abc"), hardened);
    assert.deepEqual(commandLine(hardened), [
      "--live-restore",
      "--no-new-privileges",
      "--userland-proxy=false",
      "--log-opt=max-size=10m",
      "--log-opt=max-file=5",
      "--label=certificates=abc",
    ]);
  });

  const merged: [what: string, options: Record<string, unknown>, changed: Record<string, unknown>][] = [
    ["the user's go before", { "live-restore": false }, { "live-restore": false }],
    ["others are added", { debug: true, dns: ["10.0.0.2"] }, { debug: true, dns: ["10.0.0.2"] }],
    [
      "log options one by one, as texts",
      { "log-opts": { "max-file": 2, tag: "x" } },
      { "log-opts": { "max-size": "10m", "max-file": "2", tag: "x" } },
    ],
    ["the driver local has the same bounds", { "log-driver": "local" }, { "log-driver": "local" }],
    ["labels stand beside the program's", { labels: ["a=b"] }, { labels: ["a=b", "certificates=abc"] }],
    [
      "a limit gets its name",
      { "default-ulimits": { core: { Soft: 0, Hard: 0 } } },
      { "default-ulimits": { core: { Name: "core", Soft: 0, Hard: 0 } } },
    ],
  ];
  for (const [what, options, changed] of merged) {
    test(what, () => {
      assert.deepEqual(daemonConfiguration(options, "abc"), { ...hardened, ...changed });
    });
  }

  test("another log driver would not start with the bounds of these two", () => {
    const { "log-opts": bounds, ...rest } = hardened;
    assert.ok(bounds, "there are some");
    assert.deepEqual(daemonConfiguration({ "log-driver": "journald" }, "abc"), { ...rest, "log-driver": "journald" });
    assert.deepEqual(daemonConfiguration({ "log-driver": "journald", "log-opts": { tag: "x" } }, "abc"), {
      ...rest,
      "log-driver": "journald",
      "log-opts": { tag: "x" },
    });
  });

  test("every form as words of the command line", () => {
    assert.deepEqual(
      commandLine({
        icc: false,
        init: true,
        mtu: 1450,
        bip: "172.30.0.1/24",
        "registry-mirrors": ["https://a.example", "https://b.example"],
        "default-address-pools": [{ base: "172.30.0.0/16", size: 24 }],
        "default-ulimits": { nofile: { Name: "nofile", Soft: 1024, Hard: 4096 } },
      }),
      [
        "--icc=false",
        "--init",
        "--mtu=1450",
        "--bip=172.30.0.1/24",
        "--registry-mirror=https://a.example",
        "--registry-mirror=https://b.example",
        "--default-address-pool=base=172.30.0.0/16,size=24",
        "--default-ulimit=nofile=1024:4096",
      ],
    );
  });
});
