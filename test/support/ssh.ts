/** How tests log in by SSH: nothing of this computer's own SSH configuration is read or changed. */
export const SSH_OPTIONS = [
  ...["-F", "none"],
  ...["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=10"].flatMap(
    (option) => ["-o", option],
  ),
];
