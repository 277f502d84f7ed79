/** The names that the program uses of the tls provider's inputs, and what they stand for in X.509 and in Node. */
import type { KeyUsageFlags } from "@peculiar/x509";

export const KEY_USAGES: Record<string, keyof typeof KeyUsageFlags> = {
  digital_signature: "digitalSignature",
  key_encipherment: "keyEncipherment",
  cert_signing: "keyCertSign",
  crl_signing: "cRLSign",
};

export const EXTENDED_KEY_USAGES: Record<string, string> = {
  server_auth: "1.3.6.1.5.5.7.3.1",
  client_auth: "1.3.6.1.5.5.7.3.2",
};

/** A subject's fields in the order in which Go writes them into a distinguished name. */
export const SUBJECT_OIDS: Record<string, string> = { organization: "2.5.4.10", commonName: "2.5.4.3" };

/** The curves by the names that Node gives them. */
export const CURVES: Record<string, string> = {
  P224: "secp224r1",
  P256: "prime256v1",
  P384: "secp384r1",
  P521: "secp521r1",
};
