/** Makes or removes a bridge, for tests that do so in namespaces of their own: `bridgeProcess.ts ensure|remove NAME`. */
import { ensureBridge, removeBridge } from "../../rehearsal/machine/network";

const [task, name = ""] = process.argv.slice(2);
const work = task === "ensure" ? ensureBridge(name, "198.18.7.1/24") : removeBridge(name);
work.catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
