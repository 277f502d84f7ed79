/** The advice for each known cause, found in the output of pulumi, Azure and the program. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readLog } from "../../../client/commands/advise";
import { CAUSES, GENERIC, adviceFor } from "../../../client/lib/advice/advice";
import type { Failure } from "../../../client/lib/failure";
import { SettingsError } from "../../../components/settingsError";
import { AZURE_LOGS } from "../../support/azureLogs";

const VM =
  "urn:pulumi:prod::azure-docker-host::azure-docker-host:index:DockerHost$azure-native:compute:VirtualMachine::docker-host-vm";
const ID = "/subscriptions/0-0/resourceGroups/azure-docker-host-dev";

/** Azure's refusal as azure-native of version 3 shows it. */
const azure = (status: number, code: string, message: string): string =>
  [
    `  azure-native:compute:VirtualMachine (docker-host-vm):`,
    `    error: PUT https://management.azure.com${ID}/providers/Microsoft.Compute/virtualMachines/docker-host-vm`,
    "    --------------------------------------------------------------------------------",
    `    RESPONSE ${status}: ${status} Conflict`,
    `    ERROR CODE: ${code}`,
    "    --------------------------------------------------------------------------------",
    `    {"error": {"code": "${code}", "message": "${message}"}}`,
  ].join("\n");

/** By cause: logs that show it, and how the advice begins. */
const LOGS: Record<string, { logs: string[]; begins: string }> = {
  "invalid setting": {
    // The program's own error, so that its words and the pattern can't differ.
    logs: [
      `    error: ${new SettingsError(["dockerSources must be set."]).message}`,
      `error: ${new SettingsError(["dockerPort must be a port.", "clients must be a list."]).message}`,
    ],
    begins: 'A setting is invalid, so the run stopped. Change each setting that the log names after "Invalid setting"',
  },
  "not interactive": {
    logs: [
      "error: --yes or --skip-preview or --preview-only must be passed in to proceed when running in non-interactive mode",
    ],
    begins: "pulumi can't ask whether to go on, because its output goes to a file or a pipe.",
  },
  "wrong passphrase": {
    logs: ["error: getting stack configuration: get stack secrets manager: incorrect passphrase"],
    begins: "The passphrase isn't the stack's",
  },
  "no passphrase": {
    logs: [
      "error: get stack secrets manager: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables",
    ],
    begins: "The passphrase is missing. Set PULUMI_CONFIG_PASSPHRASE to the stack's passphrase",
  },
  "no backend login": {
    logs: ["error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions"],
    begins: "You aren't signed in to the backend that keeps the state.",
  },
  "no such stack": {
    logs: ["error: no stack named 'prod' found"],
    begins:
      "The backend has no such stack. Type pulumi stack ls --all to see its stacks, and pulumi whoami --verbose to see which backend it is. Then type pulumi stack select prod,",
  },
  "federated credential": {
    logs: [
      "Error: AADSTS700213: No matching federated identity record found for presented assertion subject 'repo:acme/hosts:pull_request'. Please check your federated identity credential Subject, Audience and Issuer",
      "Error: : AADSTS70021: No matching federated identity record found for presented assertion. Assertion Issuer: 'https://token.actions.githubusercontent.com'. Assertion Subject: 'repo:acme/hosts:pull_request'.",
    ],
    begins:
      "Azure doesn't trust this pipeline's token. The subject of the app registration's federated credential must be exactly the subject that the pipeline sends, in upper and lower case: repo:acme/hosts:pull_request.",
  },
  "client secret": {
    logs: [
      "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value",
      "AADSTS7000222: The provided client secret keys for app '0-0' are expired.",
    ],
    begins: "The service principal's client secret is wrong or has expired.",
  },
  "not signed in": {
    logs: [
      "ERROR: Please run 'az login' to setup account.",
      'error: read ".pulumi/meta.yaml": blob (key ".pulumi/meta.yaml") (code=Unknown): DefaultAzureCredential: failed to acquire a token.',
    ],
    begins: "You aren't signed in to Azure. On your computer, type az login.",
  },
  "backend unreachable": {
    logs: [
      'error: performing HTTP request: Get "https://127.0.0.1:1/api/user": dial tcp 127.0.0.1:1: connect: connection refused',
    ],
    begins: "This computer can't reach 127.0.0.1:1. Check the network and PULUMI_BACKEND_URL",
  },
  locked: {
    logs: [
      "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\n  file:///b/.pulumi/locks/organization/azure-docker-host/dev/1.json?no_tmp_dir=true: created by ann@laptop (pid 10625) at 2026-11-24T16:08:02Z",
    ],
    begins:
      "Another run has locked the stack: created by ann@laptop (pid 10625) at 2026-11-24T16:08:02Z. Wait until it ends, then run again. If it was killed and nobody else runs pulumi on this stack, type pulumi cancel",
  },
  "half a state": {
    logs: ["error: could not load stack: failed to load checkpoint: EOF"],
    begins: "A run was killed while it wrote to a backend file://FOLDER. Remove the empty .attrs file",
  },
  "pending operations": {
    logs: [
      `    warning: Attempting to deploy or update resources with 1 pending operations from previous deployment.\n      * ${VM}, interrupted while creating`,
    ],
    begins:
      "An earlier run was cut off in the middle of an operation. Type pulumi refresh --clear-pending-creates, then run pulumi up.",
  },
  protected: {
    logs: [
      `    error: unable to replace resource "${VM}"\n    as it is currently marked for protection. To unprotect the resource, remove the \`protect\` flag`,
      `    error: resource "${VM}" cannot be deleted\n    because it is protected. To unprotect the resource, either remove the \`protect\` flag`,
    ],
    begins:
      "The setting protect is true, so pulumi doesn't delete or replace this resource. If you didn't mean to, undo the change that causes it. If you did, type pulumi up --ignore-protect, or pulumi destroy --ignore-protect.",
  },
  "already there": {
    logs: [
      `    error: cannot create already existing resource '${ID}/providers/Microsoft.Network/networkInterfaces/docker-host-nic'`,
    ],
    begins: `Azure has a resource that the state doesn't have, because an earlier run created it and lost Azure's answer. Type az resource delete --ids ${ID}/providers/Microsoft.Network/networkInterfaces/docker-host-nic, then run pulumi up.`,
  },
  "group being deleted": {
    logs: [azure(409, "ResourceGroupBeingDeleted", "The resource group 'a' is in deprovisioning state")],
    begins: "Azure is still deleting the resource group. Type az group wait --deleted --name GROUP",
  },
  "not authorized": {
    logs: [
      azure(
        403,
        "AuthorizationFailed",
        `The client 'x' does not have authorization to perform action 'y' over scope '${ID}'`,
      ),
    ],
    begins:
      "The account that is signed in may not do that. It needs the role Contributor. Type az role assignment create --assignee CLIENT-ID --role Contributor --scope /subscriptions/0-0.",
  },
  "not registered": {
    logs: [
      'Status=409 Code="MissingSubscriptionRegistration" Message="The subscription is not registered to use namespace \'Microsoft.Compute\'. See https://aka.ms/rps-not-found"',
    ],
    begins:
      "The subscription isn't registered for this part of Azure. Type az provider register --wait --namespace Microsoft.Compute,",
  },
  "size not available": {
    logs: [
      azure(
        409,
        "SkuNotAvailable",
        "The requested VM size for resource 'x' is currently not available in location 'eastus'.",
      ),
    ],
    begins:
      "The region doesn't have this VM size for you. Type az vm list-skus --resource-type virtualMachines --location eastus --output table",
  },
  "no capacity": {
    logs: [
      azure(
        409,
        "AllocationFailed",
        "Allocation failed. We do not have sufficient capacity for the requested VM size in this region.",
      ),
    ],
    begins: "The region has no room for this VM size at the moment.",
  },
  quota: {
    logs: [
      azure(
        409,
        "OperationNotAllowed",
        "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Additional details - Deployment Model: Resource Manager, Location: westeurope, Current Limit: 4",
      ),
      azure(409, "QuotaExceeded", "Location: westeurope, Current Limit: 4"),
    ],
    begins: "The subscription's quota of cores is used up. Type az vm list-usage --location westeurope --output table",
  },
  "too many addresses": {
    logs: [
      azure(
        400,
        "PublicIPCountLimitReached",
        "Cannot create more than 3 public IP addresses for this subscription in this region.",
      ),
    ],
    begins: "The subscription may have no more public IPs in this region.",
  },
  "name taken": {
    logs: [
      azure(400, "DnsRecordInUse", "DNS record a.westeurope.cloudapp.azure.com is already used by another public IP."),
    ],
    begins: "Another public IP has this DNS name. Choose another label with pulumi config set dnsLabel LABEL",
  },
  "not changeable": {
    logs: [`${azure(409, "PropertyChangeNotAllowed", "Changing property 'osDisk.name' is not allowed.")}\n${VM}`],
    begins: `Azure can't change this property of an existing resource. Undo the change, or replace the resource with pulumi up --replace '${VM}'.`,
  },
  installer: {
    logs: [
      azure(
        409,
        "VMExtensionProvisioningError",
        "VM has reported a failure when processing extension 'DockerExtension'.",
      ),
    ],
    begins: 'The installer failed on the VM. Its own message is in the log, after "Error message". Fix what it says.',
  },
  busy: {
    logs: [azure(429, "TooManyRequests", "x"), azure(409, "AnotherOperationInProgress", "x")],
    begins: "Azure was busy: too many requests, another operation on the same resource, or an error that Azure calls",
  },
  "destroy failed": {
    logs: ["Destroying (dev):\n    error: something"],
    begins:
      "A destroy failed. Fix the error that the log shows, then run pulumi destroy again. Don't run pulumi up in between",
  },
  "cut off": {
    logs: ["Updating (dev):\n +  azure-native:compute:VirtualMachine docker-host-vm creating (0s)\n@ updating......"],
    begins: "The run was cut off: the log ends in the middle.",
  },
};

/** The log as it is, and as a pipeline shows it: with times, colours and its own ends of lines. */
function forms(log: string): string[] {
  const inCi = log.split("\n").map((line) => `2026-11-24T16:08:02.1234567Z \u001b[38;5;9m\u001b[1m${line}\u001b[0m`);
  return [log, inCi.join("\r\n")];
}

/** The log's only advice. */
function onlyAdvice(log: string): string {
  const [advice = "", ...others] = adviceFor(log);
  assert.deepEqual(others, []);
  return advice;
}

describe("each cause alone", () => {
  test("every cause has a log", () => {
    const logged = new Set([...Object.keys(LOGS), ...AZURE_LOGS.map(({ cause }) => cause)]);
    assert.deepEqual([...logged].sort(), CAUSES.map(({ name }) => name).sort());
  });
  for (const [name, { logs, begins }] of Object.entries(LOGS)) {
    test(name, () => {
      for (const log of logs.flatMap(forms)) assert.equal(onlyAdvice(log).slice(0, begins.length), begins);
    });
  }
});

describe("what Azure said in real runs", () => {
  for (const { cause, source, log, begins, types } of AZURE_LOGS) {
    test(`${cause}: ${source}`, () => {
      const found = CAUSES.find(({ name }) => name === cause);
      for (const form of forms(log)) {
        const advice = onlyAdvice(form);
        assert.equal(advice.slice(0, begins.length), begins);
        for (const typed of types) assert.ok(advice.includes(typed), `${typed} in: ${advice}`);
        assert.equal(found?.pattern instanceof RegExp && found.pattern.test(form), true);
      }
    });
  }
});

test("several causes in the table's order; Pulumi Cloud's lock", () => {
  const log = "Status=429\nDestroying (dev):\nerror: [409] Conflict: Another update is currently in progress.";
  assert.deepEqual(
    adviceFor(log).map((each) => each.split(/[.:]/)[0]),
    ["Another run has locked the stack", "Azure was busy", "A destroy failed"],
  );
});

test("a log without a known cause gets the advice that is always right", () => {
  for (const log of [
    "",
    "error: something new",
    'Code="OperationNotAllowed" Message="Multiple VMExtensions per handler"',
  ]) {
    assert.deepEqual(adviceFor(log), [GENERIC], log);
  }
  // A run that came to its end is not cut off.
  assert.deepEqual(adviceFor("Updating (dev):\nResources:\n    18 unchanged\n\nDuration: 3s"), [GENERIC]);
});

test("of a log, only details of a plain form are printed", () => {
  const log = "error: no stack named '\u001b]0;x\u0007$(id)' found";
  assert.match(adviceFor(log)[0] ?? "", /pulumi stack select NAME,/);
});

test("a huge log takes a moment", () => {
  const log = `${"Updating (dev): urn:pulumi:dev::x created by over scope '/subscriptions/0 dial tc ".repeat(200_000)}error: x`;
  const begin = Date.now();
  assert.deepEqual(adviceFor(log), [GENERIC]);
  assert.ok(Date.now() - begin < 5000, `${log.length} characters took ${Date.now() - begin} ms`);
});

test("fails: a file that can't be read", async () => {
  for (const [file, code] of [
    ["/nowhere/up.log", "ENOENT"],
    ["/", "EISDIR"],
  ] as const) {
    await assert.rejects(readLog(file), (error: Failure) => {
      assert.equal(
        error.message,
        `FILE must be a readable log of a pulumi run, or "-" for standard input (got "${file}": ${code}).`,
      );
      assert.equal(error.reason, "usage");
      return true;
    });
  }
});
