#!/bin/sh
# Unpacks Debian 12's own Node 18 beside the system, without installing it, and prints the path of a `node` to run (as root).
#   TAGWAVE_TEST_NODE18=$(test/rig/debian-node18.sh DIRECTORY)
set -eu
directory=$(mkdir -p "$1" && cd "$1" && pwd)
if [ ! -x "$directory/node" ]; then
	cd "$directory"
	version=$(apt-cache madison nodejs | awk '$3 ~ /^18\./ { print $3; exit }')
	[ -n "$version" ] || { echo "no Node 18 among the packages of this system" >&2; exit 1; }
	apt-get download "nodejs=$version" "libnode108=$version" node-acorn node-busboy node-cjs-module-lexer node-undici \
		libbrotli1 libc-ares2 libnghttp2-14 libuv1 libicu72 >&2
	for package in ./*.deb; do dpkg -x "$package" root; done
	libraries=$(dirname "$(find "$directory/root" -name 'libnode.so.108')")
	# Debian's build looks for parts of itself in /usr/share/nodejs: this process alone is shown them there.
	cat >node.new <<WRAPPER
#!/bin/sh
exec unshare --mount sh -c '
	mount -t overlay -o lowerdir=$directory/root/usr/share:/usr/share overlay /usr/share
	LD_LIBRARY_PATH=$libraries exec $directory/root/usr/bin/node "\$@"' node "\$@"
WRAPPER
	chmod +x node.new
	./node.new --version >&2
	mv node.new node
fi
echo "$directory/node"
