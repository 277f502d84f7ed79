# Installs the package docker.io in the wanted version. Both scripts begin with this text.
#
# Before this text stands DOCKER_VERSION, a variable of the shell only. Empty stands for the distribution's own version.
set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
DEBIAN_FRONTEND=noninteractive
export PATH LC_ALL DEBIAN_FRONTEND

state=/var/lib/docker-host
# The files that the installer CustomScript writes beside the certificates.
dropin=/etc/systemd/system/docker.service.d/docker-host.conf

say() { printf '%s\n' "$*"; }
fail() {
  printf 'ERROR: %s\n' "$*" >&2
  exit 1
}

exec 9>/run/docker-host.lock
flock -w 900 9 || fail "another run of this installer has been going on for 15 minutes"

# The run that holds the lock owns the folder, and what a killed run left in it.
work=/run/docker-host
rm -rf "$work"
mkdir -m 0700 "$work"
# shellcheck disable=SC2317 # installDocker.sh has more to clean up, and so one of its own
clean_up() { rm -rf "$work"; }
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# Runs a command of apt or dpkg, again as long as another process holds their locks, as the first boot's updates do.
packages() {
  waited=0
  until "$@" >"$work/packages.log" 2>&1 </dev/null 9>&-; do
    if ! grep -Eqi 'could not (get|open) lock|unable to (acquire|lock)|locked by another process|is another process using' "$work/packages.log"; then
      tail -n 15 "$work/packages.log" >&2
      fail "$* failed"
    fi
    [ "$waited" -lt 1800 ] || fail "$*: the lock of apt or dpkg has been held for 30 minutes: $(tail -n 1 "$work/packages.log")"
    [ $((waited % 60)) -ne 0 ] || say "Waiting for the lock of apt or dpkg"
    sleep 2
    waited=$((waited + 2))
  done
}

install_package() {
  # Finish the packages that a killed run had unpacked.
  packages dpkg --configure -a
  packages apt-get -q update
  packages apt-get -q -y --no-install-recommends --allow-downgrades --allow-change-held-packages install "$@"
}

package_version() {
  # shellcheck disable=SC2016 # dpkg-query's own variables
  dpkg-query --show --showformat '${db:Status-Status} ${Version}\n' docker.io 2>/dev/null | sed -n 's/^installed //p'
}

has_docker() { command -v dockerd >/dev/null && systemctl cat docker.service >/dev/null 2>&1; }

ensure_docker() {
  # Only dpkg sees that a killed run left the package unpacked, or half installed.
  if [ -n "$(dpkg --audit docker.io 2>/dev/null)" ]; then
    packages dpkg --configure -a
    [ -z "$(dpkg --audit docker.io 2>/dev/null)" ] || install_package --reinstall docker.io
  fi
  if [ -n "${DOCKER_VERSION:-}" ]; then
    installed=$(package_version)
    if [ -z "$installed" ] && has_docker; then
      fail "dockerVersion: \"$DOCKER_VERSION\" is asked for, but the machine has a Docker that is not of the package docker.io: $(dockerd --version 2>/dev/null)"
    fi
    # Unquoted: it may be a pattern, as apt takes it.
    # shellcheck disable=SC2254
    case $installed in
      $DOCKER_VERSION) ;;
      *)
        say "Installing docker.io $DOCKER_VERSION (installed: ${installed:-none})"
        install_package "docker.io=$DOCKER_VERSION"
        ;;
    esac
    install -d -m 0755 "$state"
    # Held, because an automatic upgrade would undo the choice. Installing another version removes the hold.
    : >"$state/held"
    [ "$(apt-mark showhold docker.io)" = docker.io ] || packages apt-mark hold docker.io
  else
    if [ -e "$state/held" ]; then
      packages apt-mark unhold docker.io
      rm -f "$state/held"
    fi
    if ! has_docker; then
      say "Installing docker.io"
      install_package docker.io
    fi
    install -d -m 0755 "$state"
  fi
  has_docker || fail "there is no dockerd with a docker.service on this machine"
}
