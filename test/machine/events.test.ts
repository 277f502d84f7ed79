/**
 * The events of a host's years, with each installer, on a real machine: the result, how long the API was away,
 * and whether a running container lived through it. The table in docs/installers.md is what this test saw.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runExtension } from "../../rehearsal/guest/extensions";
import { type Fate, Host } from "../support/host";
import { installerExtension } from "../support/installers";
import { assertDaemonSettings, daemonState, unrecommendedFiles } from "../support/recommendations";
import { sampled } from "../support/sample";

const INSTALLERS = ["DockerExtension", "CustomScript"] as const;
type InstallerName = (typeof INSTALLERS)[number];

/** How long the API may be away for a change, in seconds, while other tests keep the computer busy: alone, it is half a second. */
const MOST_AWAY = 5;

/** The result of an event with one installer. */
interface Seen {
  result: string;
  /** Seconds; undefined where the question has no sense. */
  away?: number;
  fate?: Fate;
}

interface Event {
  name: string;
  run: (host: Host, installer: InstallerName) => Promise<Seen>;
}

const hours = (days: number): string => `${days * 24}`;

/** Certificates of a year, made 336 days ago: they end in 29 days. */
const MADE = hours(-336);
/** 31 days before their end: a day before the first `up` that renews them. */
const BEFORE_EDGE = hours(-2);

function clock(offset: string | undefined): void {
  if (offset === undefined) delete process.env.REHEARSAL_CLOCK_OFFSET_HOURS;
  else process.env.REHEARSAL_CLOCK_OFFSET_HOURS = offset;
}

/** Does something while the ports are watched, and sees what came of the container. */
async function watched(host: Host, action: () => Promise<void>, ports = [host.port]): Promise<Omit<Seen, "result">> {
  const away = await host.away(ports, action);
  return { away, fate: await host.fate() };
}

/** Asserts that an `up` applies a change, with the API away for a moment only. */
async function applied(host: Host, config: Record<string, string>, result: string, ports?: number[]): Promise<Seen> {
  const seen = await watched(
    host,
    async () => {
      await host.up(config);
    },
    ports,
  );
  assert.match(await host.ask(), /^200 /);
  assert.equal(seen.fate, "lived");
  assert.ok((seen.away ?? MOST_AWAY) < MOST_AWAY, `away for ${String(seen.away)} s`);
  return { result, ...seen };
}

let forced = 0;
/** Makes the installer run again with all as it was. */
const again = (): Record<string, string> => ({ forceUpdateTag: `run-${++forced}` });

const EVENTS: Event[] = [
  {
    name: "first boot",
    async run(host, installer) {
      clock(MADE);
      await host.up({ installer });
      clock(BEFORE_EDGE);
      assert.match(await host.ask(), /^200 /);
      assert.match(await host.machine.mustRun(["id", "-nG", "azureuser"]), /\bdocker\b/);
      await host.startContainer();
      assert.match(await version(host), /\+rehearsal1$/, "the newest of the archive");
      return { result: "Docker installed from the distribution's package; answers with TLS" };
    },
  },
  {
    name: "second run",
    async run(host) {
      const pid = await host.daemonPid();
      const seen = await applied(host, again(), "nothing is restarted");
      assert.equal(await host.daemonPid(), pid);
      return seen;
    },
  },
  {
    name: "renewal",
    async run(host) {
      const before = host.outputs;
      clock(BEFORE_EDGE);
      const changes = await host.up();
      assert.deepEqual(Object.keys(changes), ["same"], "31 days before the end: nothing");
      clock(undefined);
      const seen = await applied(host, {}, "renewed in the last 30 days, served after the same `up`");
      assert.notEqual(host.outputs.clientCert, before.clientCert);
      assert.equal(host.outputs.clientKey, before.clientKey);
      assert.match(await host.ask({ cert: before.clientCert }), /^refused: /);
      return seen;
    },
  },
  {
    name: "leaked key",
    async run(host) {
      const { clientCert: cert, clientKey: key } = host.outputs;
      const seen = await applied(host, { keyGeneration: "2" }, "new keys; the former client's is refused");
      assert.match(await host.ask({ cert, key }), /^refused: /);
      return seen;
    },
  },
  {
    name: "CA replacement",
    async run(host) {
      const former = host.outputs.caCert;
      const pid = await host.daemonPid();
      await host.up({ caGenerations: "1,2" });
      assert.equal(await host.daemonPid(), pid, "to hand out the next CA restarts nothing");
      const both = host.outputs.caCert;
      // A client of before, and one that has fetched the two: both get through until the host moves.
      assert.match(await host.ask({ ca: former }), /^200 /);
      assert.match(await host.ask({ ca: both }), /^200 /);
      const seen = await applied(host, { caGenerations: "2" }, "two steps, no client locked out");
      assert.match(await host.ask({ ca: both }), /^200 /);
      assert.match(await host.ask({ ca: former }), /^refused: /, "the former one vouches for nothing any more");
      return seen;
    },
  },
  {
    name: "port change",
    async run(host) {
      const seen = await applied(
        host,
        { dockerPort: "4244" },
        "the new port answers, the old one is closed",
        [4243, 4244],
      );
      assert.equal(await host.ask({ port: 4243 }), "timeout");
      return seen;
    },
  },
  {
    name: "daemon option",
    async run(host) {
      const seen = await applied(host, { "daemonOptions.debug": "true" }, "in force after the same `up`");
      assert.match(await host.ask({ path: "/info" }), /"Debug":true/);
      return seen;
    },
  },
  {
    name: "size change",
    async run(host) {
      await host.machine.mustRun(["docker", "volume", "create", "kept"]);
      await host.up({ vmSize: "Standard_D2s_v5" });
      assert.match(await host.ask(), /^200 /);
      const fate = await host.fate();
      assert.equal(fate, "started again");
      assert.equal(await host.machine.mustRun(["docker", "volume", "ls", "--quiet"]), "kept\n", "its data stays");
      return { result: "the machine is rebooted, as Azure does for it; images and volumes stay", fate };
    },
  },
  {
    name: "reboot",
    async run(host) {
      const before = await host.machine.readFile("/etc/docker/cert.pem");
      await host.machine.restart();
      assert.match(await host.ask(), /^200 /);
      assert.equal(await host.machine.readFile("/etc/docker/cert.pem"), before);
      const fate = await host.fate();
      assert.equal(fate, "started again");
      return { result: "answers with the same certificates", fate };
    },
  },
  {
    name: "package upgrade",
    async run(host, installer) {
      const before = await version(host);
      const upgrade = async (): Promise<void> => {
        await host.machine.mustRun(["apt-get", "-q", "update"]);
        await host.machine.mustRun(["apt-get", "-q", "-y", "install", "--only-upgrade", "docker.io"], {
          env: { DEBIAN_FRONTEND: "noninteractive" },
        });
      };
      // It came with the newest; back to the one before, so that there is something to upgrade to.
      await host.machine.mustRun(
        ["apt-get", "-q", "-y", "--allow-downgrades", "install", `docker.io=${before.replace("+rehearsal1", "")}`],
        { env: { DEBIAN_FRONTEND: "noninteractive" } },
      );
      await host.up(again());
      await host.fate();
      const seen = await watched(host, upgrade);
      assert.match(await version(host), /\+rehearsal1$/);
      if (installer === "CustomScript") {
        assert.equal(seen.fate, "lived");
        assert.match(await host.ask(), /^200 /);
        return { result: "still listens with TLS", ...seen };
      }
      assert.match(await host.ask(), /^refused: ECONNREFUSED/, "closed, not open");
      assert.deepEqual(Object.keys(await host.up()), ["same"]);
      assert.match(await host.ask(), /^refused: ECONNREFUSED/);
      await host.up(again());
      assert.match(await host.ask(), /^200 /);
      // live-restore was on the line that the package has put back, so the daemon ended what ran.
      assert.equal(seen.fate, "started again");
      await host.fate();
      const result =
        "the port is closed and containers are ended, as the unit's line is gone; an `up` with another `forceUpdateTag` mends it";
      return { result, fate: seen.fate };
    },
  },
  {
    name: "apt locked",
    async run(host, installer) {
      const newest = await version(host);
      // First the one before, as the newest one's package restarts the daemon, as Ubuntu's does.
      await host.up({ dockerVersion: newest.replace("+rehearsal1", "") });
      await host.fate();
      // As the first boot's automatic upgrades do: dpkg's lock, for some seconds.
      const lock =
        'use Fcntl; open(F, ">>", "/var/lib/dpkg/lock-frontend"); $l = pack("s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; $| = 1; print "held\\n"; sleep 8; print "released\\n"';
      const holder = host.machine.mustRun(["perl", "-e", lock]);
      const begin = Date.now();
      const seen = await watched(host, async () => {
        await host.up({ dockerVersion: newest });
      });
      assert.ok(Date.now() - begin > 8000, "waited for the lock");
      await holder;
      assert.equal(await version(host), newest);
      assert.equal(await host.machine.mustRun(["apt-mark", "showhold"]), "docker.io\n");
      assert.match(await host.ask(), /^200 /);
      // Between the package's restart of the daemon and its own, the DockerExtension's line is gone, and live-restore with it.
      assert.equal(seen.fate, installer === "CustomScript" ? "lived" : "started again");
      return { result: "waits for the lock, then installs the version that is asked for", ...seen };
    },
  },
  {
    name: "disk full",
    async run(host, installer) {
      const fill =
        "cp -a /etc/docker /root/docker && mount -t tmpfs -o size=64k,mode=755 none /etc/docker && cp -a /root/docker/. /etc/docker/ && " +
        "{ cat /dev/zero > /etc/docker/filler || true; }";
      await host.machine.mustRun(["sh", "-c", fill]);
      const pid = await host.daemonPid();
      const whole = "cd /root/docker && for file in *.pem; do cmp $file /etc/docker/$file; done";
      let result = "nothing is noticed: the same files fit where they were";
      const seen = await watched(host, async () => {
        if (installer === "DockerExtension") {
          await host.up(again());
          return;
        }
        assert.match(await host.upFails(again()), /\/etc\/docker\/ca.pem can't be written: .*No space left on device/);
        result = "`up` fails and says so; nothing was changed; the next `up` completes it";
      });
      assert.equal(seen.fate, "lived");
      assert.equal(await host.daemonPid(), pid);
      await host.machine.mustRun(["sh", "-ec", whole]);
      await host.machine.mustRun(["rm", "/etc/docker/filler"]);
      await host.up();
      assert.match(await host.ask(), /^200 /);
      const move =
        "cp -a /etc/docker/. /root/docker/ && umount /etc/docker && cp -a /root/docker/. /etc/docker/ && rm -r /root/docker";
      await host.machine.mustRun(["sh", "-c", move]);
      return { result, ...seen };
    },
  },
  {
    name: "bad certificate",
    async run(host, name) {
      const daemon = {
        dockerPort: host.port,
        daemonOptions: {},
        allowContainerIdentity: false,
        adminUsername: "azureuser",
        certificates: {
          trustPem: host.outputs.clientCert ?? "",
          // Not of this key.
          certPem: host.outputs.caCert,
          keyPem: await host.machine.readFile("/etc/docker/key.pem"),
        },
      };
      const extension = installerExtension(name, daemon);
      let message = "";
      const seen = await watched(host, async () => {
        const result = await runExtension(host.machine, extension);
        assert.equal(result.status, "error");
        ({ message } = result);
      });
      assert.equal(seen.fate, "lived");
      if (name === "CustomScript") {
        assert.match(message, /CERT_PEM and KEY_PEM don't belong together/);
        assert.match(await host.ask(), /^200 /);
        return { result: "refused with the reason; nothing was changed", ...seen };
      }
      assert.match(await host.ask(), /^refused: ECONNREFUSED/);
      // Until systemd tries again after too many failures at once.
      await host.machine.mustRun(["systemctl", "reset-failed", "docker"]);
      await host.up(again());
      assert.match(await host.ask(), /^200 /);
      assert.equal(await host.fate(), "lived");
      return {
        result: "fails without the reason, and the daemon is down until a good `up`, once systemd allows a start again",
        fate: "lived",
      };
    },
  },
  {
    name: "daemon option that Docker refuses",
    async run(host, name) {
      let said = "";
      const seen = await watched(host, async () => {
        said = await host.upFails({ "daemonOptions.storage-driver": "nosuch" });
      });
      assert.equal(seen.fate, "lived");
      if (name === "CustomScript") {
        assert.match(said, /storage-driver|driver not supported|nosuch/);
        assert.match(said, /the former configuration is in force again/);
        assert.match(await host.ask(), /^200 /);
        await host.up({ "daemonOptions.storage-driver": "overlay2" });
        assert.match(await host.ask(), /^200 /);
        return { result: "`up` fails with the journal's words; the former configuration is in force again", ...seen };
      }
      // Or a reset, while systemd has yet to give up the socket.
      assert.match(await host.ask(), /^refused: ECONN(REFUSED|RESET)/);
      await host.machine.mustRun(["systemctl", "reset-failed", "docker"]);
      await host.up({ "daemonOptions.storage-driver": "overlay2" });
      assert.match(await host.ask(), /^200 /);
      assert.equal(await host.fate(), "lived");
      return {
        result:
          "`up` fails without the reason, and the daemon is down until a good `up`, once systemd allows a start again",
        fate: "lived",
      };
    },
  },
  {
    name: "to the other installer",
    async run(host, installer) {
      const other = INSTALLERS.find((each) => each !== installer) ?? installer;
      const { away } = await watched(host, async () => {
        await host.up({ installer: other, dockerVersion: "" });
      });
      assert.match(await host.ask(), /^200 /);
      const fate = await host.fate();
      assert.equal(fate, "lived");
      const line = await host.machine.mustRun(["sh", "-c", "tr '\\0' ' ' < /proc/$(pidof dockerd)/cmdline"]);
      // The DockerExtension's line has the options; the script's drop-in has not, but daemon.json.
      assert.equal(line.includes("--label="), other === "DockerExtension", line);
      await host.up({ "daemonOptions.log-level": "warn" });
      assert.match(await host.ask(), /^200 /);
      return { result: "in place: the other one's configuration is in force", away, fate };
    },
  },
  {
    name: "SSH key change",
    async run(host) {
      const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFzHXvYlc5eKq3CPsGlnQqerkRXSjUReXDfp+TJC9PvF";
      const rehearsal = await host.scratch.open({ sshPublicKey: key });
      await rehearsal.preview();
      assert.equal(host.scratch.steps()["docker-host-vm"], "+- osProfile", "the preview says so");
      await host.up();
      assert.match(await host.ask(), /^200 /);
      assert.equal(await host.machine.readFile("/home/azureuser/.ssh/authorized_keys"), `${key}\n`);
      assert.equal(await host.machine.mustRun(["docker", "ps", "--all", "--quiet"]), "");
      return { result: "the machine is replaced, with its disk, as the preview says", fate: "gone" };
    },
  },
];

async function version(host: Host): Promise<string> {
  return (await host.machine.mustRun(["dpkg-query", "--show", "--showformat=${Version}", "docker.io"])).trim();
}

const SAMPLE = ["first boot", "renewal", "leaked key"];

const states = new Map<InstallerName, Record<string, unknown>>();
const rows = new Map<string, Partial<Record<InstallerName, Seen>>>();

for (const installer of INSTALLERS) {
  test(`over the years with ${installer}`, async (t) => {
    t.after(() => {
      clock(undefined);
    });
    const host = new Host(t);
    for (const { name, run } of sampled(t, "events of the years", EVENTS, ({ name: own }) => own, SAMPLE)) {
      await t.test(name, async () => {
        const seen = await run(host, installer);
        rows.set(name, { ...rows.get(name), [installer]: seen });
      });
      if (name !== "first boot") continue;
      await t.test("Docker's recommendations for the daemon hold", async () => {
        states.set(installer, await daemonState(host));
        await assertDaemonSettings(host);
        assert.deepEqual(await unrecommendedFiles(host), []);
      });
    }
  });
}

test("both installers end in the same state", () => {
  const [one, other] = INSTALLERS.map((installer) => states.get(installer));
  assert.ok(one, "there is one to compare");
  assert.deepEqual(one, other);
});

/** The rows of the table, as Markdown. */
function table(): string {
  const cells = (seen: Seen | undefined): string[] => [
    seen?.result ?? "not run",
    seen?.away === undefined ? "–" : `${seen.away.toFixed(1)} s`,
    seen?.fate ?? "–",
  ];
  const lines = [...rows].map(([name, seen]) => [name, ...INSTALLERS.flatMap((installer) => cells(seen[installer]))]);
  const header = ["event", ...INSTALLERS.flatMap((installer) => [installer, "API away", "container"])];
  return [header, header.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |`).join("\n");
}

test("the table in docs is what was seen; UPDATE_DOCS=true writes it", () => {
  const file = join(__dirname, "../../docs/installers.md");
  const text = readFileSync(file, "utf8");
  const [before = "", rest = ""] = text.split("<!-- events -->\n");
  const [written = "", after = ""] = rest.split("<!-- end of events -->");
  // The seconds are of the run that wrote it.
  const plain = (markdown: string): string =>
    markdown
      .replace(/\d+\.\d s/g, "N s")
      .replace(/ +/g, " ")
      .replace(/-{3,}/g, "---")
      .trim();
  if (process.env.UPDATE_DOCS === "true") {
    writeFileSync(file, `${before}<!-- events -->\n\n${table()}\n\n<!-- end of events -->${after}`);
  } else {
    const notRun = EVENTS.map(({ name }) => name).filter((name) => !rows.has(name));
    const lines = plain(written).split("\n");
    const seen = lines.filter((line) => !notRun.some((name) => line.startsWith(`| ${name} |`)));
    assert.equal(plain(table()), seen.join("\n"));
  }
});
