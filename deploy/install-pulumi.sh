#!/bin/sh
# Installs the Pulumi CLI into DIRECTORY/bin, if the archive has the SHA-256 that deploy/pulumi.sha256 pins.
# Does nothing if the pinned version is already on PATH.
#
#     deploy/install-pulumi.sh DIRECTORY
set -eu
directory=${1:?install-pulumi.sh DIRECTORY: the directory is missing}
sums=$(cd "$(dirname "$0")" && pwd)/pulumi.sha256

case $(uname -s) in
Darwin) system=darwin ;;
*) system=linux ;;
esac
case $(uname -m) in
arm64 | aarch64) processor=arm64 ;;
*) processor=x64 ;;
esac
line=$(grep -- "-$system-$processor\.tar\.gz$" "$sums")
archive=${line##* }
version=${archive#pulumi-}
version=${version%-"$system-$processor".tar.gz}

if [ "$(pulumi version 2>/dev/null || true)" = "$version" ]; then
  echo "Pulumi $version is on PATH"
  exit 0
fi

draft=$(mktemp -d)
trap 'rm -rf "$draft"' EXIT
cd "$draft"
curl --proto "=https" --tlsv1.2 -fsSL --retry 3 -o "$archive" "https://github.com/pulumi/pulumi/releases/download/$version/$archive"
if command -v sha256sum >/dev/null; then
  found=$(sha256sum "$archive")
else
  found=$(shasum -a 256 "$archive")
fi
if [ "${found%% *}" != "${line%% *}" ]; then
  echo "$archive must have the SHA-256 ${line%% *} (got ${found%% *}). Nothing was installed." >&2
  exit 1
fi
mkdir -p "$directory/bin"
tar -xzf "$archive" -C "$directory/bin" --strip-components=1
echo "Pulumi $version is in $directory/bin"
