/** A key service on loopback that speaks as much of HashiCorp Vault's transit engine as Pulumi's secrets provider `hashivault://` asks. */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { json } from "node:stream/consumers";

/** Starts one with a key that nobody else has; it ends with the test. Gives the environment by which the engine finds it. */
export async function startKeyService(test: Pick<TestContext, "after">): Promise<Record<string, string>> {
  const key = randomBytes(32);
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      const { plaintext, ciphertext } = body as { plaintext?: string; ciphertext?: string };
      const data =
        plaintext === undefined
          ? { plaintext: decrypt(key, ciphertext ?? "").toString("base64") }
          : { ciphertext: encrypt(key, Buffer.from(plaintext, "base64")) };
      response.end(JSON.stringify({ data }));
    });
  }).listen(0, "127.0.0.1");
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return {
    VAULT_SERVER_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    VAULT_SERVER_TOKEN: "for this test alone",
  };
}

function encrypt(key: Buffer, plaintext: Buffer): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return `vault:v1:${Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString("base64")}`;
}

function decrypt(key: Buffer, ciphertext: string): Buffer {
  const bytes = Buffer.from(ciphertext.replace(/^vault:v1:/, ""), "base64");
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12)).setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]);
}
