// The plugin server of the rehearsal's providers: real plugin processes, spoken to as the engine speaks to them.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, suite, test } from "node:test";
import { Client, credentials, type MethodDefinition, type ServiceError, status } from "@grpc/grpc-js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as proto from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import { diffProperties } from "../../rehearsal/providers/diff";
import { UNKNOWN } from "../../rehearsal/providers/provider";
import type { Properties } from "../../rehearsal/values";

const project = join(__dirname, "../..");
const sample = ["--require", join(__dirname, "../../register.cjs"), join(__dirname, "sampleProvider.ts")];

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "provider-server-"));
});
after(() => {
  rmSync(folder, { recursive: true });
});

/** A plugin's process and a client of it; `call` sends a request, and rejects with the gRPC error. */
class Plugin {
  private constructor(
    readonly process: ChildProcess,
    private readonly client: Client,
  ) {}

  static async start(command: string, args: string[], cwd: string): Promise<Plugin> {
    const child = spawn(command, args, { cwd, stdio: ["pipe", "pipe", "inherit"] });
    const port = await new Promise<string>((resolve, reject) => {
      createInterface(child.stdout)
        .once("line", resolve)
        .once("close", () => {
          reject(new Error("The plugin ended without telling its port"));
        });
    });
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    return new Plugin(child, client);
  }

  call<Request, Response>(method: MethodDefinition<Request, Response>, request: Request): Promise<Response> {
    return new Promise((resolve, reject) => {
      const { path, requestSerialize, responseDeserialize } = method;
      this.client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, response) => {
        if (error) reject(error);
        else resolve(response as Response);
      });
    });
  }

  /** Ends the process as the engine does, and tells its exit code. */
  async stop(): Promise<unknown> {
    const exited = once(this.process, "exit");
    this.client.close();
    this.process.kill("SIGINT");
    return (await exited)[0] as unknown;
  }
}

const {
  check,
  diff,
  create,
  read,
  update,
  delete: remove,
  configure,
  getPluginInfo,
  getSchema,
  cancel,
  checkConfig,
  diffConfig,
  invoke,
} = ResourceProviderService;

const struct = (properties: Properties): Struct => Struct.fromJavaScript(properties as Record<string, JavaScriptValue>);

const of = <T extends { setUrn(urn: string): unknown; setType(type: string): unknown; setName(name: string): unknown }>(
  request: T,
  type = "sample:index:Sample",
): T => {
  request.setUrn(`urn:pulumi:dev::p::${type}::it`);
  request.setType(type);
  request.setName("it");
  return request;
};

const resource = { urn: "urn:pulumi:dev::p::sample:index:Sample::it", type: "sample:index:Sample", name: "it" };

suite("the sample plugin", () => {
  let plugin: Plugin;
  before(async () => {
    plugin = await Plugin.start(process.execPath, sample, project);
    const request = new proto.ConfigureRequest();
    request.getVariablesMap().set("sample:config:location", "westeurope").set("sample:config:a:b", "c");
    const response = await plugin.call(configure, request);
    assert.deepEqual(response.toObject(), {
      acceptsecrets: false,
      acceptresources: false,
      acceptoutputs: false,
      supportspreview: true,
      supportsAutonamingConfiguration: false,
    });
  });
  after(async () => {
    assert.equal(await plugin.stop(), 0);
  });

  test("tells its version, an empty schema, and agrees to any configuration", async () => {
    assert.equal((await plugin.call(getPluginInfo, new Empty())).getVersion(), "1.2.3");
    assert.equal((await plugin.call(getSchema, new proto.GetSchemaRequest())).getSchema(), "{}");
    const checked = await plugin.call(checkConfig, new proto.CheckRequest().setNews(struct({ location: "x" })));
    assert.deepEqual(checked.getInputs()?.toJavaScript(), { location: "x" });
    const different = await plugin.call(diffConfig, new proto.DiffRequest());
    assert.equal(different.getChanges(), proto.DiffResponse.DiffChanges.DIFF_NONE);
  });

  test("a function gets its token and its arguments, and answers or fails", async () => {
    const asked = (token: string): proto.InvokeRequest =>
      new proto.InvokeRequest().setTok(token).setArgs(struct({ name: "it" }));
    const response = await plugin.call(invoke, asked("sample:index:getSample"));
    assert.deepEqual(response.getReturn()?.toJavaScript(), { token: "sample:index:getSample", args: { name: "it" } });
    await assert.rejects(plugin.call(invoke, asked("sample:index:getNothing")), { details: "There is nothing" });
  });

  test("check completes inputs, sees the old ones, lets unknowns through and reports failures", async () => {
    const request = of(new proto.CheckRequest())
      .setNews(struct({ bad: [UNKNOWN] }))
      .setOlds(struct({ old: null }));
    const response = await plugin.call(check, request);
    assert.deepEqual(response.getInputs()?.toJavaScript(), {
      bad: [UNKNOWN],
      checked: { ...resource, olds: { old: null } },
    });
    assert.deepEqual(
      response.getFailuresList().map((it) => it.toObject()),
      [{ property: "bad", reason: "is bad" }],
    );
  });

  test("diff compares with the old inputs and reports in detail", async () => {
    const request = of(new proto.DiffRequest())
      .setId("id-1")
      .setOldInputs(struct({ name: "a", tags: { x: "1", y: "2" } }))
      .setOlds(struct({ name: "of the state", due: true }))
      .setNews(struct({ name: "taken", tags: { x: UNKNOWN, z: "3" } }));
    const { UPDATE, UPDATE_REPLACE, ADD, DELETE } = proto.PropertyDiff.Kind;
    assert.deepEqual(await differences(request), {
      changes: proto.DiffResponse.DiffChanges.DIFF_SOME,
      deleteBeforeReplace: true,
      diffs: ["name", "tags", "due"],
      replaces: ["name", "due"],
      detailed: {
        name: { kind: UPDATE_REPLACE, inputdiff: true },
        "tags.x": { kind: UPDATE, inputdiff: true },
        "tags.y": { kind: DELETE, inputdiff: true },
        "tags.z": { kind: ADD, inputdiff: true },
        due: { kind: UPDATE_REPLACE, inputdiff: false },
      },
    });
  });

  test("diff of what is the same is no difference", async () => {
    const same = struct({ name: "a", unknown: UNKNOWN });
    assert.deepEqual(await differences(of(new proto.DiffRequest()).setOldInputs(same).setNews(same)), {
      changes: proto.DiffResponse.DiffChanges.DIFF_NONE,
      deleteBeforeReplace: false,
      diffs: [],
      replaces: [],
      detailed: {},
    });
  });

  async function differences(request: proto.DiffRequest): Promise<Properties> {
    const response = await plugin.call(diff, request);
    assert.equal(response.getHasdetaileddiff(), true);
    const detailed: Properties = {};
    response.getDetaileddiffMap().forEach((difference, path) => {
      detailed[path] = difference.toObject();
    });
    return {
      changes: response.getChanges(),
      deleteBeforeReplace: response.getDeletebeforereplace(),
      diffs: response.getDiffsList(),
      replaces: response.getReplacesList(),
      detailed,
    };
  }

  test("a create in a preview has no id and may leave values unknown", async () => {
    const request = of(new proto.CreateRequest())
      .setProperties(struct({ a: 1, b: UNKNOWN }))
      .setPreview(true);
    const response = await plugin.call(create, request);
    assert.equal(response.getId(), "");
    assert.deepEqual(response.getProperties()?.toJavaScript(), { a: 1, b: UNKNOWN, address: UNKNOWN });
  });

  test("a create has an id, and the provider's configuration has reached it", async () => {
    const response = await plugin.call(create, of(new proto.CreateRequest()).setProperties(struct({ a: 1 })));
    assert.equal(response.getId(), "id-1");
    assert.deepEqual(response.getProperties()?.toJavaScript(), {
      a: 1,
      resource,
      config: { location: "westeurope", "a:b": "c" },
    });
  });

  test("an error is told by its message alone", async () => {
    const request = of(new proto.CreateRequest()).setProperties(struct({ fail: true }));
    await assert.rejects(plugin.call(create, request), (error: ServiceError) => {
      assert.deepEqual([error.code, error.details], [status.UNKNOWN, "The sample cannot be made"]);
      assert.deepEqual(error.metadata.get("grpc-status-details-bin"), []);
      return true;
    });
  });

  test("a partial failure carries what the engine is to keep", async () => {
    const request = of(new proto.CreateRequest()).setProperties(struct({ sick: true }));
    await assert.rejects(plugin.call(create, request), (error: ServiceError) => {
      assert.deepEqual([error.code, error.details], [status.UNKNOWN, "is sick; too hot"]);
      const [packed] = error.metadata.get("grpc-status-details-bin");
      assert.ok(Buffer.isBuffer(packed));
      const [detail] = Status.deserializeBinary(packed).getDetailsList();
      assert.equal(detail?.getTypeUrl(), "type.googleapis.com/pulumirpc.ErrorResourceInitFailed");
      const failed = proto.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
      assert.equal(failed.getId(), "id-2");
      assert.deepEqual(failed.getReasonsList(), ["is sick", "too hot"]);
      assert.deepEqual(failed.getProperties()?.toJavaScript(), { sick: true, state: 1 });
      assert.deepEqual(failed.getInputs()?.toJavaScript(), { sick: true });
      return true;
    });
  });

  test("a read returns what is there, and nothing for what is gone", async () => {
    const request = of(new proto.ReadRequest())
      .setInputs(struct({ i: 1 }))
      .setProperties(struct({ s: 2 }));
    const found = await plugin.call(read, request.setId("id-1"));
    assert.equal(found.getId(), "id-1");
    assert.deepEqual([found.getInputs()?.toJavaScript(), found.getProperties()?.toJavaScript()], [{ i: 1 }, { s: 2 }]);
    assert.deepEqual((await plugin.call(read, request.setId("gone"))).toObject(), new proto.ReadResponse().toObject());
  });

  test("an update gets the old inputs and the old state; its preview overlays the state", async () => {
    const request = of(new proto.UpdateRequest())
      .setId("id-1")
      .setOldInputs(struct({ i: 1 }))
      .setOlds(struct({ i: 1, s: 2 }))
      .setNews(struct({ i: 3 }));
    const expected = { id: "id-1", olds: { inputs: { i: 1 }, state: { i: 1, s: 2 } }, news: { i: 3 } };
    assert.deepEqual((await plugin.call(update, request)).getProperties()?.toJavaScript(), expected);
    const preview = await plugin.call(update, request.setPreview(true));
    assert.deepEqual(preview.getProperties()?.toJavaScript(), { i: 3, s: 2 });
  });

  test("a delete gets the old inputs and the old state", async () => {
    const request = of(new proto.DeleteRequest())
      .setId("id-1")
      .setOldInputs(struct({ i: 1 }))
      .setProperties(struct({ s: 2 }));
    const details = JSON.stringify({ id: "id-1", olds: { inputs: { i: 1 }, state: { s: 2 } } });
    await assert.rejects(plugin.call(remove, request), { details });
  });
});

suite("the end of a plugin", () => {
  const slow = (marker: string): proto.CreateRequest =>
    of(new proto.CreateRequest()).setProperties(struct({ marker, milliseconds: 1500 }));

  test("a cancel and a signal let a create end first", async () => {
    const plugin = await Plugin.start(process.execPath, sample, project);
    const marker = join(folder, "cancelled");
    const creation = plugin.call(create, slow(marker));
    await plugin.call(cancel, new Empty());
    plugin.process.kill("SIGINT");
    const exited = once(plugin.process, "exit");
    assert.equal((await creation).getId(), "id-1");
    assert.equal(readFileSync(marker, "utf8"), "made");
    assert.deepEqual(await exited, [0, null]);
  });

  test("when the engine is killed, the plugin ends, but not before its create", async () => {
    const engine = `require("node:child_process").spawn(process.execPath, ${JSON.stringify(sample)}, { stdio: "inherit" })`;
    const plugin = await Plugin.start(process.execPath, ["-e", engine], project);
    const marker = join(folder, "orphaned");
    const creation = plugin.call(create, slow(marker));
    await plugin.call(getPluginInfo, new Empty());
    plugin.process.kill("SIGKILL");
    await once(plugin.process, "exit");
    assert.equal(existsSync(marker), false);
    assert.equal((await creation).getId(), "id-1");
    assert.equal(readFileSync(marker, "utf8"), "made");
    // The plugin has inherited the pipe, which closes when the last process that holds it is gone.
    await once(plugin.process, "close");
  });
});

suite("the plugins that the engine finds on PATH", () => {
  for (const [name, version, type] of [
    ["tls", "5.6.1", "tls:index/privateKey:PrivateKey"],
    ["random", "4.21.2", "random:index/randomString:RandomString"],
  ] as const) {
    test(`${name} starts in any folder, and makes a resource`, async () => {
      const plugin = await Plugin.start(
        join(project, "rehearsal/providers/bin", `pulumi-resource-${name}`),
        ["127.0.0.1:1"],
        folder,
      );
      assert.equal((await plugin.call(getPluginInfo, new Empty())).getVersion(), version);
      const inputs = name === "tls" ? { algorithm: "ED25519" } : { length: 9 };
      const request = of(new proto.CreateRequest(), type).setProperties(struct(inputs));
      assert.match((await plugin.call(create, request)).getId(), name === "tls" ? /^[0-9a-f]{40}$/ : /^.{9}$/);
      assert.equal(await plugin.stop(), 0);
    });
  }
});

suite("diffProperties", () => {
  const rule = (priority: number): Properties => ({ name: "ssh", priority });
  const cases: {
    olds: Properties;
    news: Properties;
    replaceOn?: string[];
    keys?: Record<string, string[]>;
    diffs: Properties;
  }[] = [
    { olds: { a: 1, b: [{ c: true }] }, news: { b: [{ c: true }], a: 1 }, diffs: {} },
    { olds: { a: null }, news: {}, diffs: {} },
    { olds: { a: 1 }, news: { a: "1" }, diffs: { a: "update" } },
    { olds: { a: [1] }, news: { a: { 0: 1 } }, diffs: { a: "update" } },
    { olds: {}, news: { a: { b: 1 } }, diffs: { a: "add" } },
    { olds: { a: [] }, news: {}, diffs: { a: "delete" } },
    {
      olds: { securityRules: [rule(100), rule(110)] },
      news: { securityRules: [rule(101)] },
      diffs: { "securityRules[0].priority": "update", "securityRules[1]": "delete" },
    },
    {
      olds: { tags: { "a.b": 1, c: 1 } },
      news: { tags: { "a.b": 2, c: 2 } },
      diffs: { 'tags["a.b"]': "update", "tags.c": "update" },
    },
    { olds: { a: UNKNOWN }, news: { a: UNKNOWN }, diffs: {} },
    { olds: { a: "x", b: UNKNOWN }, news: { a: UNKNOWN, b: "y" }, diffs: { a: "update", b: "update" } },
    { olds: { a: [{ b: 1 }] }, news: { a: [{ b: UNKNOWN }] }, diffs: { "a[0].b": "update" } },
    {
      olds: { osProfile: { adminUsername: "a", allow: true } },
      news: { osProfile: { adminUsername: "b", allow: false } },
      replaceOn: ["osProfile.adminUsername"],
      diffs: { "osProfile.adminUsername": "update-replace", "osProfile.allow": "update" },
    },
    { olds: { name: "a" }, news: { names: "a" }, replaceOn: ["name"], diffs: { name: "delete-replace", names: "add" } },
    {
      olds: { zones: ["1"] },
      news: { zones: ["2", "3"] },
      replaceOn: ["zones"],
      diffs: { "zones[0]": "update-replace", "zones[1]": "add-replace" },
    },
    {
      olds: { osProfile: { a: 1 } },
      news: { osProfile: UNKNOWN },
      replaceOn: ["osProfile.a"],
      diffs: { osProfile: "update-replace" },
    },
    {
      olds: { disks: [{ lun: 0, size: 1 }] },
      news: { disks: [{ lun: 1, size: 2 }] },
      replaceOn: ["disks.lun"],
      diffs: { "disks[0].lun": "update-replace", "disks[0].size": "update" },
    },
    {
      olds: { disks: [{ lun: 0, size: 1 }, { lun: 1, size: 1 }, { lun: 2 }, null] },
      news: { disks: [{ lun: 1, size: 2 }, { lun: 0, size: 1 }, { lun: 3 }, UNKNOWN] },
      keys: { disks: ["lun"] },
      diffs: { "disks[0].size": "update", "disks[2]": "delete" },
    },
    {
      olds: { it: [{ disks: [{ lun: 0 }, { lun: 1 }] }] },
      news: { it: [{ disks: [{ lun: 1 }] }] },
      keys: { "it.disks": ["lun"] },
      diffs: { "it[0].disks[0]": "delete" },
    },
  ];
  for (const { olds, news, replaceOn = [], keys = {}, diffs } of cases) {
    test(`${JSON.stringify(olds)} to ${JSON.stringify(news)}, replacing on ${JSON.stringify(replaceOn)}, by ${JSON.stringify(keys)}`, () => {
      assert.deepEqual(diffProperties(olds, news, { replaceOn, keys }), diffs);
    });
  }
});
