# Installs Docker, so that Azure's DockerExtension finds it and only configures it. It may run any number of times.
#
# Before this text stand packages.sh, fence.sh, DOCKER_VERSION and ALLOW_CONTAINER_IDENTITY. It gets no secret, and leaves the
# daemon as it is.
ensure_docker
close_platform_endpoints
# The extension looks for the client, and without one it would run get.docker.com's script.
command -v docker >/dev/null || fail "there is a dockerd on this machine, but no docker command on $PATH"

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
