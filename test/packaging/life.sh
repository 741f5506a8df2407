#!/bin/sh
# The life of both packages on one machine, from installation to purge. Prints what was found; the test compares it.
#   life.sh DIRECTORY OLD NEW SOURCE (the directory has both versions of both packages)
set -eu
directory=$1 old=$2 new=$3 source=$4
export DEBIAN_FRONTEND=noninteractive
cd /

say() {
	echo "== $*"
}

ours() {
	find /etc /usr /var -xdev \( -name '*tagwave*' -o -path '*/tagwave/*' \) \
		! -path '/var/lib/dpkg/*' ! -path '/var/cache/*' ! -path '/var/log/*' ! -path '/usr/lib/tagwave-server/*' ! -path '/usr/share/doc/*' \
		! -path '/usr/share/man/*' ! -path '/var/lib/tagwave-server/*' ! -path '/var/lib/tagwave/*' | sort
}

put() {
	dpkg --install "$directory"/tagwave_"$1"-1_*.deb "$directory"/tagwave-server_"$1"-1_*.deb >"$directory/said" 2>&1 ||
		apt-get install -qq -y --no-install-recommends --fix-broken >>"$directory/said" 2>&1 || { cat "$directory/said"; exit 1; }
}

say installed
put "$old"
ours
id -un tagwave-server
stat -c '%U %a %n' /var/lib/tagwave-server /etc/tagwave/server.yml
tagwave-server check
tagwave --help | head -n 1
! pgrep -f '^/usr/lib/tagwave-server/node' || echo 'it was started'

say configured
printf 'repo: {url: "%s", branch: main}\nlisten: 127.0.0.1:0\n' "$source" >>/etc/tagwave/server.yml
tagwave-server init | sed -n 1p
stat -c '%U' /var/lib/tagwave-server/repository.git
# There is no systemd here: what its unit says is started by hand, as the user whom it names.
unit=/lib/systemd/system/tagwave-server.service
start=$(sed -n 's/^ExecStart=//p' "$unit")
user=$(sed -n 's/^User=//p' "$unit")
setpriv --reuid="$user" --regid="$user" --clear-groups $start >"$directory/url" 2>"$directory/log" &
server=$!
tries=0
until [ -s "$directory/url" ]; do
	tries=$((tries + 1))
	if [ "$tries" -gt 600 ] || ! kill -0 "$server"; then cat "$directory/log"; exit 1; fi
	sleep 0.1
done
read -r url <"$directory/url"
ps -o user= -p "$server" | tr -d ' '
tagwave install --cron --server "$url"
setpriv --reuid=tagwave --regid=tagwave --clear-groups tagwave poll | cut -d' ' -f2-3
cat /var/lib/tagwave/current/etc/motd

say upgraded
put "$new"
dpkg-query -W -f '${Package} ${Version} ${Status}\n' tagwave tagwave-server
grep -c 'listen: 127.0.0.1:0' /etc/tagwave/server.yml
ls /etc/tagwave
setpriv --reuid=tagwave --regid=tagwave --clear-groups tagwave poll && echo polls
tagwave-server explain web1.example.com | sed -n 's/.*\(serving it\).*/\1/p'

say removed
kill "$server"
wait "$server" || true
dpkg --remove tagwave tagwave-server >/dev/null
ours
ls /var/lib/tagwave-server | grep -c repository.git

say purged
dpkg --purge tagwave tagwave-server >/dev/null 2>"$directory/said" || cat "$directory/said"
ours
find /usr/lib/tagwave-server /usr/share/doc/tagwave /usr/share/doc/tagwave-server /usr/share/man -name '*tagwave*' 2>/dev/null || true
getent passwd tagwave tagwave-server || true
