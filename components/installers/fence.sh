# Keeps containers away from the endpoints of Azure's platform on the VM. It may run any number of times.
#
# WireServer (168.63.129.16, TCP 80 and 32526) gives out the extensions' protected settings, and so the server's key. Azure's
# agent closes it for the VM's users in the chain OUTPUT, but the traffic of containers is forwarded (Azure/AgentBaker#345). The
# instance metadata service (169.254.169.254) gives out tokens of the VM's identity. DNS at 168.63.129.16 stays open.
#
# Before this text stand packages.sh and ALLOW_CONTAINER_IDENTITY, "true" or "false".
fence=/usr/local/lib/docker-host/fence
fence_unit=/etc/systemd/system/docker-host-fence.service
fence_dropin=/etc/systemd/system/docker.service.d/docker-host-fence.conf

write_file() { # FILE MODE TEXT
  install -d -m 0755 "${1%/*}"
  { printf '%s\n' "$3" >"$1.new" && chmod "$2" "$1.new" && mv -f "$1.new" "$1"; } || fail "$1 can't be written"
}

close_platform_endpoints() {
  command -v iptables-restore >/dev/null || install_package iptables
  identity='-A DOCKER-HOST -d 169.254.169.254 -j DROP'
  if [ "$ALLOW_CONTAINER_IDENTITY" = true ]; then identity="# Containers may use the VM's identity."; fi
  # A chain of its own in the table mangle, which Docker never touches.
  write_file "$fence" 0755 "#!/bin/sh
# Written by azure-docker-host. Closes the endpoints of Azure's platform for containers.
set -e
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
iptables-restore -w 30 --noflush <<'RULES'
*mangle
:DOCKER-HOST - [0:0]
-A DOCKER-HOST -d 168.63.129.16 -p tcp --dport 80 -j DROP
-A DOCKER-HOST -d 168.63.129.16 -p tcp --dport 32526 -j DROP
$identity
COMMIT
RULES
iptables -w 30 -t mangle -C FORWARD -j DOCKER-HOST 2>/dev/null || iptables -w 30 -t mangle -I FORWARD -j DOCKER-HOST"
  write_file "$fence_unit" 0644 "# Written by azure-docker-host.
[Unit]
Description=Closes the endpoints of Azure's platform for containers
Before=docker.service

[Service]
# It doesn't remain active, so it runs again whenever Docker starts.
Type=oneshot
ExecStart=$fence"
  # Docker doesn't start without the fence. A drop-in stays when an upgrade of the package replaces Docker's unit.
  write_file "$fence_dropin" 0644 "# Written by azure-docker-host.
[Unit]
Requires=docker-host-fence.service
After=docker-host-fence.service"
  systemctl daemon-reload
  # Containers may be running already.
  systemctl start docker-host-fence.service || fail "the endpoints of Azure's platform can't be closed for containers: $(journalctl --unit docker-host-fence.service --lines 3 --no-pager --output cat 2>/dev/null | tr '\n' ' ')"
}
