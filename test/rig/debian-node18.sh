#!/bin/sh
# Unpacks Debian 12's own Node 18 beside the system, without installing it, and prints the path of a `node` to run.
#   TAGWAVE_TEST_NODE18=$(test/rig/debian-node18.sh DIRECTORY)
set -eu
directory=$(mkdir -p "$1" && cd "$1" && pwd)
if [ ! -x "$directory/node" ]; then
	cd "$directory"
	version=$(apt-cache madison nodejs | awk '$3 ~ /^18\./ { print $3; exit }')
	[ -n "$version" ] || { echo "no Node 18 among the packages of this system" >&2; exit 1; }
	apt-get download "nodejs=$version" "libnode108=$version" libc-ares2 libnghttp2-14 libuv1 libicu72 >&2
	for package in ./*.deb; do dpkg -x "$package" root; done
	libraries=$(dirname "$(find "$directory/root" -name 'libnode.so.108')")
	printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s/root/usr/bin/node "$@"\n' "$libraries" "$directory" >node
	chmod +x node
fi
echo "$directory/node"
