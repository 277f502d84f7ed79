/** Asks a Docker daemon over the network, for tests. */
import * as http from "node:http";
import * as https from "node:https";

/** Gives the daemon's version, or the error's code; "timeout" if nothing answers within three seconds. */
export function ask(options: https.RequestOptions, plain = false): Promise<string> {
  return new Promise((resolve) => {
    // A connection of its own each time: a kept one would go by the packet filter.
    const request = (plain ? http : https).request(
      { path: "/version", timeout: 3000, agent: false, ...options },
      (response) => {
        response.on("error", () => {
          resolve("error");
        });
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => {
          resolve(`${response.statusCode ?? 0} ${text}`);
        });
      },
    );
    request.on("timeout", () => {
      resolve("timeout");
      request.destroy();
    });
    request.on("error", (error) => {
      resolve(`refused: ${(error as NodeJS.ErrnoException).code ?? error.message}`);
    });
    request.end();
  });
}
