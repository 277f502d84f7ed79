/** The rules of the administrator's name, password and SSH key. */
import * as sshpk from "sshpk";
import { got } from "./values";

/** Names that Azure refuses (documentation of `OSProfile.adminUsername`), and names of Ubuntu's own users and groups. */
const RESERVED_USERNAMES = new Set([
  ..."administrator admin user user1 test user2 test1 user3 admin1 1 123 a actuser adm admin2 aspnet backup console".split(
    " ",
  ),
  ..."david guest john owner root server sql support support_388945a0 sys test2 test3 user4 user5".split(" "),
  ..."_apt bin daemon dhcpcd games irc landscape list lp mail man messagebus news nobody polkitd pollinate proxy".split(
    " ",
  ),
  ..."sshd sync syslog tcpdump tss usbmux uucp uuidd www-data".split(" "),
  // A user's own group has the user's name (base-passwd).
  ..."audio cdrom dialout dip disk fax floppy kmem nogroup operator plugdev sasl shadow src staff sudo".split(" "),
  ..."tape tty users utmp video voice".split(" "),
]);

/** Validates the administrator's name. */
export function validateAdminUsername(name: string): string[] {
  if (RESERVED_USERNAMES.has(name.toLowerCase()) || name.toLowerCase().startsWith("systemd-")) {
    return [`adminUsername must be a name that neither Azure nor Ubuntu reserves, such as "azureuser" ${got(name)}.`];
  }
  return /^[a-z_][a-z0-9_-]{0,31}$/.test(name)
    ? []
    : [
        `adminUsername must have 1 to 32 lower-case letters, digits, "_" and "-", and begin with a letter or "_" ${got(name)}.`,
      ];
}

/** The special characters of which a password needs one (the rule of `azure vm docker create`). */
export const PASSWORD_SPECIALS = "!@#$%^&+=";

/** Passwords that Azure refuses (documentation of `OSProfile.adminPassword`). */
const FORBIDDEN_PASSWORDS = new Set(
  "abc@123 P@$$w0rd P@ssw0rd P@ssword123 Pa$$word pass@word1 Password! Password1 Password22 iloveyou!".split(" "),
);

/**
 * Validates a password, without showing it. It must satisfy two sets of rules: ARM's (12 to 72 characters, three of four
 * classes, ten forbidden values), and those of `azure vm docker create` (all four classes, its own special characters).
 */
export function validatePassword(password: string): string[] {
  if (FORBIDDEN_PASSWORDS.has(password)) {
    return ["adminPassword must not be one of the common passwords that Azure forbids (value not shown)."];
  }
  const missing = [
    ...(password.length < 12 || password.length > 72 ? [`12 to 72 characters (it has ${password.length})`] : []),
    ...(/[a-z]/.test(password) ? [] : ["a lower-case letter"]),
    ...(/[A-Z]/.test(password) ? [] : ["an upper-case letter"]),
    ...(/[0-9]/.test(password) ? [] : ["a digit"]),
    ...(PASSWORD_SPECIALS.split("").some((special) => password.includes(special))
      ? []
      : [`one of ${PASSWORD_SPECIALS}`]),
    ...(/\p{Cc}/u.test(password) ? ["no control characters, such as the end of a line"] : []),
  ];
  return missing.length === 0 ? [] : [`adminPassword must have ${missing.join(", ")} (value not shown).`];
}

/** Validates that a password is given only where it can be used. */
export function validatePasswordLogin(passwordLogin: boolean, passwordGiven: boolean): string[] {
  return passwordGiven && !passwordLogin
    ? ["adminPassword must be left out when passwordLogin is false. Set passwordLogin to true to log in by password."]
    : [];
}

const SSH_KEY = 'one line in OpenSSH form, "ssh-ed25519 AAAA…" or "ssh-rsa AAAA…" of 2048 bits or more';

/**
 * Validates an SSH public key. Azure takes RSA of 2048 bits or more, and Ed25519. Any other text is not shown, because it may
 * be a private key.
 */
export function validateSshPublicKey(line: string): string[] {
  if (/PRIVATE KEY/.test(line)) {
    return [`sshPublicKey must be a public key, ${SSH_KEY} (got a private key, not shown).`];
  }
  let key: sshpk.Key;
  try {
    if (/\p{Cc}/u.test(line.trim())) throw new Error("more than one line, or characters that can't be printed");
    key = sshpk.parseKey(line.trim(), "ssh");
    // The parser ignores bytes that follow the key within its base64 text.
    if (withoutComment(key.toString("ssh")) !== withoutComment(line.trim())) throw new Error("more than a key");
  } catch {
    return [`sshPublicKey must be ${SSH_KEY} (got ${line.length} characters that are no public key, not shown).`];
  }
  if (key.type === "ed25519" || (key.type === "rsa" && key.size >= 2048)) return [];
  const kind = key.type === "rsa" ? `RSA of ${key.size} bits` : key.type.toUpperCase();
  return [`sshPublicKey must be a key that Azure accepts, ${SSH_KEY} (got ${kind}).`];
}

function withoutComment(line: string): string {
  return line.split(" ", 2).join(" ");
}
