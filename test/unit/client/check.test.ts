/** The answers of `docker-host check` for servers of every kind, with real TLS on loopback. */
import assert from "node:assert/strict";
import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import { type TestContext, before, describe, test } from "node:test";
import * as fc from "fast-check";
import { type Answer, type CheckTarget, QUESTIONS } from "../../../client/lib/check/answer";
import { check, checkUntil } from "../../../client/lib/check/check";
import { type Issued, caOf, clientOf, serverOf } from "../../support/pki";

let ca: Issued;
let server: Issued;
let client: Issued;
before(async () => {
  ca = await caOf("the CA");
  server = await serverOf(ca, ["localhost", "127.0.0.1"]);
  client = await clientOf("admin");
});

const VERSION = JSON.stringify({ Version: "28.2.2", ApiVersion: "1.50", Os: "linux", Arch: "amd64" });
const answer: http.RequestListener = (_request, response) => {
  response.end(VERSION);
};

/** Listens on loopback until the test ends; gives the port. */
async function listening(t: TestContext, it: net.Server): Promise<number> {
  await new Promise<void>((resolve) => it.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    it.close();
    if (it instanceof http.Server || it instanceof https.Server) it.closeAllConnections();
  });
  return (it.address() as net.AddressInfo).port;
}

/** A server as Docker's is: it accepts the client certificates of its trust file. */
function dockerServer(options: https.ServerOptions = {}, listener = answer): https.Server {
  const trust = { requestCert: true, rejectUnauthorized: true, ca: client.cert };
  return https.createServer({ ...server, ...trust, ...options }, listener);
}

function target(port: number, more: Partial<CheckTarget> = {}): CheckTarget {
  return { host: "localhost", port, client: "admin", caCert: ca.cert, ...client, ...more };
}

/** The answers in a line each: what holds, what doesn't, what wasn't asked. */
async function ask(it: CheckTarget): Promise<Record<string, string>> {
  const { answers, ok } = await check(it);
  assert.deepEqual(
    answers.map(({ question }) => question),
    [...QUESTIONS],
    "every question has an answer",
  );
  assert.equal(
    ok,
    answers.every(({ holds }) => holds === true),
  );
  const sign = ({ holds }: Answer): string => (holds === undefined ? "not asked" : holds ? "holds" : "FAILS");
  return Object.fromEntries(answers.map((each) => [each.question, `${sign(each)}: ${each.detail}`]));
}

const GOOD = {
  name: "holds: localhost resolves to 127.0.0.1",
  "server certificate": 'holds: valid for localhost, signed by "the CA"',
  lifetimes: "holds: server 364 days, client admin 364 days, CA 364 days",
  Docker: "holds: 28.2.2, API 1.50, linux/amd64",
  "without a certificate": "holds: refused",
  "plain HTTP": "holds: refused",
};

test("a good host", async (t) => {
  const port = await listening(t, dockerServer());
  assert.deepEqual(await ask(target(port, { expectedAddress: "127.0.0.1" })), {
    ...GOOD,
    port: `holds: ${port} is open`,
  });
});

test("a good host by its address", async (t) => {
  const port = await listening(t, dockerServer());
  const answers = await ask(target(port, { host: "127.0.0.1" }));
  assert.equal(answers["name"], "holds: 127.0.0.1 is an address");
  assert.equal(answers["server certificate"], 'holds: valid for 127.0.0.1, signed by "the CA"');
});

test("a name that doesn't resolve, and one that resolves to another address", async (t) => {
  const nowhere = await ask(target(1, { host: "nowhere.invalid" }));
  assert.match(nowhere["name"] ?? "", /^FAILS: nowhere\.invalid doesn't resolve \((ENOTFOUND|EAI_AGAIN)\)$/);
  assert.equal(nowhere["port"], "not asked: not asked");
  assert.equal(nowhere["plain HTTP"], "not asked: not asked");
  const port = await listening(t, dockerServer());
  const elsewhere = await ask(target(port, { expectedAddress: "192.0.2.1" }));
  assert.equal(elsewhere["name"], "FAILS: localhost resolves to 127.0.0.1, and not to the host's 192.0.2.1");
});

test("a closed port: the VM refuses the connection, so it is up and nothing listens", async (t) => {
  const server = net.createServer();
  const port = await listening(t, server);
  await new Promise((resolve) => server.close(resolve));
  const { answers } = await check(target(port));
  assert.deepEqual(answers[1], {
    question: "port",
    holds: false,
    detail: `${port} is closed though the VM is up, so Docker isn't installed yet or doesn't run`,
    remedy:
      "If no pulumi up is running, the installer may have reported success although Docker is down. " +
      "Set another forceUpdateTag (pulumi config set forceUpdateTag TEXT) and run pulumi up. " +
      "The reason is in systemctl status docker, by SSH.",
    mayCome: true,
    reason: "port",
  });
  assert.equal((await ask(target(port)))["server certificate"], "not asked: not asked");
});

describe("the server's certificate", () => {
  test("another CA's", async (t) => {
    const other = await caOf("another CA");
    const port = await listening(t, dockerServer(await serverOf(other, ["localhost"])));
    const answers = await ask(target(port));
    assert.equal(
      answers["server certificate"],
      'FAILS: no CA of ca.pem signed it, but "another CA" (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    );
    assert.equal(answers["Docker"], "not asked: not asked", "nobody is told who the client is");
  });

  test("for another name", async (t) => {
    const port = await listening(t, dockerServer(await serverOf(ca, ["docker.example"])));
    const answers = await ask(target(port));
    assert.equal(answers["server certificate"], "FAILS: not valid for localhost, but for DNS:docker.example");
  });

  test("expired", async (t) => {
    const expired = await serverOf(ca, ["localhost"], { from: -10, until: -2 });
    const port = await listening(t, dockerServer(expired));
    const answers = await ask(target(port));
    const day = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
    assert.equal(answers["server certificate"], `FAILS: it or its CA has expired (${day})`);
    assert.equal(
      answers["lifetimes"],
      `FAILS: server expired on ${day}, client admin 364 days, CA 364 days (pulumi up renews those that are due)`,
    );
  });

  test("in its last days", async (t) => {
    const port = await listening(t, dockerServer(await serverOf(ca, ["localhost"], { until: 29.5 })));
    assert.equal(
      (await ask(target(port)))["lifetimes"],
      "holds: server 29 days, client admin 364 days, CA 364 days (pulumi up renews those that are due)",
    );
  });

  test("one of two CAs'", async (t) => {
    const other = await caOf("another CA");
    const port = await listening(t, dockerServer(await serverOf(other, ["localhost"])));
    const answers = await ask(target(port, { caCert: ca.cert + other.cert }));
    assert.equal(answers["server certificate"], 'holds: valid for localhost, signed by "another CA"');
    assert.equal(answers["lifetimes"], "holds: server 364 days, client admin 364 days, CA 364 days, CA 2 364 days");
  });
});

describe("Docker", () => {
  test("it refuses a client that it doesn't know", async (t) => {
    const port = await listening(t, dockerServer());
    const answers = await ask(target(port, await clientOf("stranger")));
    assert.match(
      answers["Docker"] ?? "",
      /^FAILS: refuses the certificate of client admin \(ERR_SSL_|^FAILS: no answer \(ECONNRESET\)$/,
    );
  });

  test("its version is read only from a verified server, even if another server takes the second connection", async (t) => {
    const strangers = await serverOf(await caOf("another CA"), ["localhost"]);
    for (const rogue of [strangers, await serverOf(ca, ["a.example"])]) {
      const good = dockerServer();
      const bad = dockerServer(rogue, (_request, response) => {
        response.end(VERSION.replace("28.2.2", "forged"));
      });
      const ports = [await listening(t, good), await listening(t, bad)];
      let connections = 0;
      const front = net.createServer((socket) => {
        socket.on("error", () => socket.destroy());
        socket.once("data", (first) => {
          const inner = net.connect(ports[Math.min(connections++, 1)] ?? 0, "127.0.0.1");
          inner.on("error", () => socket.destroy());
          inner.write(first);
          socket.pipe(inner).pipe(socket);
        });
      });
      const answers = await ask(target(await listening(t, front)));
      assert.match(answers["server certificate"] ?? "", /^holds/);
      assert.match(answers["Docker"] ?? "", /^FAILS: no answer \(/);
    }
  });

  test("something else answers", async (t) => {
    const port = await listening(
      t,
      dockerServer({}, (_request, response) => {
        response.writeHead(404).end("no such page");
      }),
    );
    assert.equal((await ask(target(port)))["Docker"], "FAILS: the server there isn't Docker (HTTP 404)");
  });
});

describe("open to strangers", () => {
  test("TLS that doesn't ask for a client's certificate", async (t) => {
    const port = await listening(t, dockerServer({ requestCert: false, rejectUnauthorized: false }));
    const answers = await ask(target(port));
    assert.equal(
      answers["without a certificate"],
      "FAILS: ANSWERED (HTTP 200): everyone who reaches the port is root on the host",
    );
  });

  test("no TLS at all", async (t) => {
    const port = await listening(t, http.createServer(answer));
    const answers = await ask(target(port));
    assert.match(
      answers["server certificate"] ?? "",
      /^FAILS: no TLS on \d+ \(\w+\), so something else listens there, or Docker without TLS$/,
    );
    assert.equal(answers["without a certificate"], "holds: refused");
    assert.equal(
      answers["plain HTTP"],
      "FAILS: ANSWERED (HTTP 200): everyone who reaches the port is root on the host",
    );
  });

  test("TLS that answers plain HTTP as Go's server does", async (t) => {
    // Docker's server tells by the first bytes that it is no TLS, and says so in plain HTTP.
    const docker = dockerServer();
    const behind = await listening(t, docker);
    const front = net.createServer((socket) => {
      socket.on("error", () => socket.destroy());
      socket.once("data", (first) => {
        if (first[0] === 0x16) {
          const inner = net.connect(behind, "127.0.0.1");
          inner.on("error", () => socket.destroy());
          inner.write(first);
          socket.pipe(inner).pipe(socket);
        } else socket.end("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
      });
    });
    const port = await listening(t, front);
    assert.deepEqual(await ask(target(port)), { ...GOOD, port: `holds: ${port} is open` });
  });
});

describe("waiting", () => {
  test("for a port that opens", async (t) => {
    const placeholder = net.createServer();
    const port = await listening(t, placeholder);
    await new Promise((resolve) => placeholder.close(resolve));
    const told: string[] = [];
    const docker = dockerServer();
    t.after(() => {
      docker.close();
      docker.closeAllConnections();
    });
    const waiting = ({ question }: Answer): void => {
      told.push(question);
      if (!docker.listening) docker.listen(port, "127.0.0.1");
    };
    const result = await checkUntil(target(port), 60, waiting, 0.1);
    assert.deepEqual(told, ["port"]);
    assert.equal(result.ok, true);
  });

  test("no longer than the given time", async (t) => {
    const placeholder = net.createServer();
    const port = await listening(t, placeholder);
    await new Promise((resolve) => placeholder.close(resolve));
    let told = 0;
    const result = await checkUntil(target(port), 0.3, () => (told += 1));
    assert.equal(result.ok, false);
    assert.equal(told, 1);
  });

  test("not at all for an answer that waiting can't change", async (t) => {
    const port = await listening(t, http.createServer(answer));
    const result = await checkUntil(target(port), 60, () => assert.fail("it waits"));
    assert.equal(result.ok, false);
  });
});

describe("a server that answers anything", () => {
  test("check answers every question, whatever the server sends (seed 20261128)", async (t) => {
    let reply = { status: 200, body: "", raw: false };
    const port = await listening(
      t,
      dockerServer({}, (_request, response) => {
        if (reply.raw) {
          response.socket?.end(reply.body);
          return;
        }
        response.writeHead(reply.status).end(reply.body);
      }),
    );
    const body = fc.oneof(fc.string({ unit: "binary", maxLength: 300 }), fc.json(), fc.constant(VERSION));
    const replies = fc.record({ status: fc.integer({ min: 200, max: 599 }), body, raw: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(replies, async (each) => {
        reply = each;
        const { Docker = "" } = await ask(target(port));
        const isVersion = !each.raw && each.status === 200 && each.body === VERSION;
        if (isVersion) assert.match(Docker, /^holds: 28\.2\.2, /);
        else if (!each.body.includes("Version")) assert.match(Docker, /^FAILS: /);
      }),
      { seed: 20261128, numRuns: 40 },
    );
  });

  test("a reply that never ends, and one that is too long, are no answer", async (t) => {
    const dripping = await listening(
      t,
      dockerServer({}, (_request, response) => {
        const timer = setInterval(() => response.write(" "), 200);
        response.on("close", () => {
          clearInterval(timer);
        });
      }),
    );
    const long = await listening(
      t,
      dockerServer({}, (_request, response) => response.end(" ".repeat(1_000_000))),
    );
    const [one, other] = await Promise.all([ask(target(dripping)), ask(target(long))]);
    assert.equal(one.Docker, "FAILS: no answer (timeout)");
    assert.equal(other.Docker, "FAILS: no answer (the reply is too long)");
  });
});
