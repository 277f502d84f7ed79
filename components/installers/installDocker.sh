# Puts Docker on the VM and makes its daemon answer with TLS. It may run any number of times.
#
# Before this text stand packages.sh, fence.sh and the values, as variables of the shell only: DOCKER_PORT, DOCKER_VERSION,
# ADMIN_USERNAME, ALLOW_CONTAINER_IDENTITY, DAEMON_JSON, TRUST_PEM, CERT_PEM, KEY_PEM. Secrets go through the shell's own
# printf and standard input, never through an argument or the environment of a command.

# The daemon's files. A change of one of them restarts the daemon.
files="/etc/docker/ca.pem /etc/docker/cert.pem /etc/docker/key.pem /etc/docker/daemon.json $dropin"

# However the run ends, it leaves no half-written file, and no copy of this text, which Azure's extension keeps with the key.
clean_up() {
  rm -rf "$work"
  for file in $files; do rm -f "$file.new"; done
  case $0 in /var/lib/waagent/custom-script/download/*) rm -f /var/lib/waagent/custom-script/download/*/script.sh ;; esac
}

# Without all three, the port would make everyone root.
case ${TRUST_PEM:-} in *"BEGIN CERTIFICATE"*) ;; *) fail "TRUST_PEM: no certificate; the Docker port is never opened without" ;; esac
case ${CERT_PEM:-} in *"BEGIN CERTIFICATE"*) ;; *) fail "CERT_PEM: no certificate; the Docker port is never opened without" ;; esac
case ${KEY_PEM:-} in *"PRIVATE KEY"*) ;; *) fail "KEY_PEM: no private key; the Docker port is never opened without" ;; esac
case ${DOCKER_PORT:-} in '' | *[!0-9]*) fail "DOCKER_PORT: \"${DOCKER_PORT:-}\" is no port" ;; esac

ensure_docker
close_platform_endpoints
command -v openssl >/dev/null || install_package openssl

# The certificates are checked while the daemon still runs with the old ones.
printf '%s\n' "$TRUST_PEM" | openssl crl2pkcs7 -nocrl -certfile /dev/stdin -out /dev/null 2>"$work/openssl.log" ||
  fail "TRUST_PEM: not a list of certificates: $(tail -n 1 "$work/openssl.log")"
server=$(printf '%s\n' "$CERT_PEM" | openssl x509 -noout -pubkey 2>"$work/openssl.log") ||
  fail "CERT_PEM: not a certificate: $(tail -n 1 "$work/openssl.log")"
printf '%s\n' "$KEY_PEM" | openssl pkey -pubout -passin pass: >"$work/key.pub" 2>/dev/null ||
  fail "KEY_PEM: not a private key that can be read"
[ "$server" = "$(cat "$work/key.pub")" ] || fail "CERT_PEM and KEY_PEM don't belong together"
printf '%s\n' "$CERT_PEM" | openssl x509 -noout -checkend 0 >/dev/null || fail "CERT_PEM: the server's certificate has expired"
wanted=$(printf '%s\n' "$CERT_PEM" | openssl x509 -noout -fingerprint -sha256)

# A daemon.json from before the first run belongs to its owner, so a copy is kept.
if [ ! -e "$state/applied" ] && [ -e /etc/docker/daemon.json ] && [ ! -e /etc/docker/daemon.json.before-docker-host ]; then
  cp -p /etc/docker/daemon.json /etc/docker/daemon.json.before-docker-host
fi

# Everything is written, and on the disk, before anything takes its place: a full disk changes nothing.
stage() { # FILE MODE TEXT
  # By cat, whose message names the cause. The shell's own printf only says "I/O error".
  (umask 077 && printf '%s\n' "$3" | cat >"$1.new" && chmod "$2" "$1.new" && sync "$1.new") 2>"$work/write.log" ||
    fail "$1 can't be written: $(tail -n 1 "$work/write.log")"
}
install -d -m 0755 /etc/docker "${dropin%/*}"
stage /etc/docker/ca.pem 0444 "$TRUST_PEM"
stage /etc/docker/cert.pem 0444 "$CERT_PEM"
stage /etc/docker/key.pem 0400 "$KEY_PEM"
# The options may hold a secret.
stage /etc/docker/daemon.json 0600 "$DAEMON_JSON"
stage "$dropin" 0644 "# Written by the installer of azure-docker-host. In a file of its own, so that an upgrade of the package can't undo it.
[Service]
ExecStart=
ExecStart=$(command -v dockerd) -H fd:// -H tcp://0.0.0.0:$DOCKER_PORT --tlsverify --tlscacert=/etc/docker/ca.pem --tlscert=/etc/docker/cert.pem --tlskey=/etc/docker/key.pem"

mkdir "$work/before"
changed=false
for file in $files; do
  if [ -e "$file" ]; then cp -p "$file" "$work/before/"; fi
  cmp -s "$file" "$file.new" || changed=true
  mv -f "$file.new" "$file"
done
# Also after a run that was cut off between the files and the restart.
# shellcheck disable=SC2086
applied=$(cat $files | sha256sum)
if [ "$(cat "$state/applied" 2>/dev/null)" != "$applied" ]; then changed=true; fi

# The certificate that the daemon serves on the port.
served() {
  timeout 5 openssl s_client -connect "127.0.0.1:$DOCKER_PORT" </dev/null 2>/dev/null 9>&- |
    openssl x509 -noout -fingerprint -sha256 2>/dev/null
}

answers() {
  tries=0
  until [ "$(served)" = "$wanted" ]; do
    tries=$((tries + 1))
    { [ "$tries" -lt 60 ] && systemctl -q is-active docker.service; } || return 1
    sleep 0.5
  done
}

restart() {
  # After some quick failures systemd would not try again.
  systemctl reset-failed docker.service 2>/dev/null || true
  systemctl daemon-reload && systemctl restart docker.service 2>"$work/restart.log" 9>&-
}

begin=$(date +%s)
systemctl -q enable docker.socket docker.service 2>/dev/null || true
if "$changed" || ! systemctl -q is-active docker.service; then
  say "Restarting Docker"
  restart || true
fi
if ! answers; then
  journalctl --unit docker.service --since "@$begin" --no-pager --output cat 2>/dev/null | tail -n 12 >"$work/journal"
  for file in $files; do
    if [ -e "$work/before/${file##*/}" ]; then cp -p "$work/before/${file##*/}" "$file.new" && mv -f "$file.new" "$file"; else rm -f "$file"; fi
  done
  if restart; then former="; the former configuration is in force again"; else former="; it doesn't start with the former configuration either"; fi
  cat "$work/journal" >&2
  fail "Docker doesn't answer on port $DOCKER_PORT with the new certificate$former; its journal's last lines stand above"
fi
printf '%s\n' "$applied" >"$state/applied"

if id -u "$ADMIN_USERNAME" >/dev/null 2>&1; then usermod -aG docker "$ADMIN_USERNAME"; fi
say "Docker $(dockerd --version | sed 's/^Docker version \([^,]*\).*/\1/') answers on port $DOCKER_PORT with its certificate"
