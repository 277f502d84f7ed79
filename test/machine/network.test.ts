/** The rehearsal's network, and iproute2 beside it: `ip netns add` mounts the folder /run/netns over itself. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { plainEnvironment } from "../../rehearsal/system/command";
import { bridgeNamespace } from "../../rehearsal/machine/network";
import { machineSupport } from "../../rehearsal/machine/systemPackages";
import { type Outcome, run } from "../support/run";

const support = machineSupport();
const options = { skip: support.supported ? false : support.reason, timeout: 120_000 };
const NAME = "adhtest0000";

/**
 * Runs a script in a network and a mount namespace of its own, with an empty /run: nothing of this computer's is touched,
 * and all of it is gone at the end. `bridge ensure` and `bridge remove` do what the rehearsal does.
 */
function alone(script: string): Outcome {
  const prelude = `set -u
mount -t tmpfs tmpfs /run
bridge() { "$NODE" --require ./register.cjs "$PROCESS" "$1" ${NAME}; }
`;
  return run(["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", prelude + script], {
    env: { ...plainEnvironment, NODE: process.execPath, PROCESS: join(__dirname, "../support/bridgeProcess.ts") },
    cwd: join(__dirname, "../.."),
  });
}

/** Prints the leftovers: the two folders, and the script's own entries in /run/netns. */
const LEFT = "echo left: $(ls /run/netns) $(ls /run/azure-docker-host) $(ip -o link | grep -c adhtest)";

test("`ip netns add` while the network is up: it is found again, and removed", options, () => {
  const { status, stdout, stderr } = alone(`
bridge ensure
ip netns add other
bridge ensure && nsenter --net=${bridgeNamespace(NAME)} ip -o link show uplink | grep -o 'master bridge0'
ip link show ${NAME} > /dev/null
bridge remove; echo "removed: $?"
bridge remove; echo "removed again: $?"
ip netns exec other true; echo "the other one: $?"
${LEFT}`);
  assert.equal(stderr, "");
  assert.equal(stdout, "master bridge0\nremoved: 0\nremoved again: 0\nthe other one: 0\nleft: other 0\n");
  assert.equal(status, 0);
});

test("what can't be removed is named", options, () => {
  const { stdout, stderr } = alone(`mkdir -p /run/azure-docker-host/${NAME}
bridge remove; echo "removed: $?"`);
  assert.match(stderr, new RegExp(`^can't remove the network ${NAME}: rm: cannot remove '${bridgeNamespace(NAME)}': `));
  assert.equal(stdout, "removed: 1\n");
});
