#!/bin/sh
# Runs a script on a machine of its own: what it changes in /etc, /usr and /var is gone with it.  debian-machine.sh DIRECTORY SCRIPT…
set -eu
mkdir -p "$1/layers"
mount -t tmpfs tmpfs "$1/layers"
for directory in etc usr var; do
	mkdir -p "$1/layers/$directory/upper" "$1/layers/$directory/work"
	mount -t overlay -o "lowerdir=/$directory,upperdir=$1/layers/$directory/upper,workdir=$1/layers/$directory/work" \
		overlay "/$directory"
done
shift
exec "$@"
