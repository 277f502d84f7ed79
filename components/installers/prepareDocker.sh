# Installs Docker, so that Azure's DockerExtension finds it and only configures it. It may run any number of times.
#
# Before this text stand packages.sh, fence.sh, DOCKER_VERSION and ALLOW_CONTAINER_IDENTITY. It gets no secret, and leaves the
# daemon as it is. It creates the daemon's certificate files, still empty.
ensure_docker
close_platform_endpoints
# The extension looks for the client, and without one it would run get.docker.com's script.
command -v docker >/dev/null || fail "there is a dockerd on this machine, but no docker command on $PATH"

# The extension creates these files with mode 0600, but keeps the modes of files that exist (op-enable.go). CIS Docker Benchmark
# 1.6 asks for 0400 and 0444 (3.10, 3.12, 3.14).
pem=/etc/docker
{ install -d -m 0755 "$pem" && touch "$pem/key.pem" "$pem/ca.pem" "$pem/cert.pem" &&
  chmod 0400 "$pem/key.pem" && chmod 0444 "$pem/ca.pem" "$pem/cert.pem"; } || fail "the files in $pem can't be created"

# Removes the files of the installer CustomScript, which would override or contradict the line that the DockerExtension
# writes. The daemon keeps its configuration until the DockerExtension restarts it.
if [ -e "$dropin" ]; then
  say "Taking back the configuration of the installer CustomScript"
  if [ -e /etc/docker/daemon.json.before-docker-host ]; then
    mv -f /etc/docker/daemon.json.before-docker-host /etc/docker/daemon.json
  else
    rm -f /etc/docker/daemon.json
  fi
  rm -f "$state/applied" "$dropin"
  systemctl daemon-reload
fi
say "Docker $(dockerd --version | sed 's/^Docker version \([^,]*\).*/\1/') is installed"
