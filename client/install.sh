#!/bin/sh
# Installs the Tagwave client on this host and makes it ask by itself, from cron or by systemd:
#
#   curl -fsS http://SERVER/install.sh | sudo sh
#   curl -fsS http://SERVER/install.sh | sudo sh -s -- --watch --user root
#   curl -fsS --cacert /root/ca.pem https://SERVER/install.sh |
#     sudo sh -s -- --ca /root/ca.pem --join-token-file /root/join-token
#
# Doing it again changes what is not so yet, and nothing else. Look first with --dry-run; --help tells the rest.
set -eu
umask 022

# Filled in by the server that hands this out.
server=

usage() {
  cat <<'USAGE'
Installs the Tagwave client on this host: /usr/local/bin/tagwave, /etc/tagwave/client.yml, and what starts it.

  --server URL     where to ask (default: the server that this script came from)
  --ca FILE        whom to believe about the server, in PEM; copied to /etc/tagwave/ca.pem
  --join-token-file FILE
                   what lets this host in, in a file that only root may read; with - it is asked for on the terminal
                   (default: the file that the variable TAGWAVE_JOIN_TOKEN_FILE names)
  --cert FILE --key FILE
                   this host's own certificate, where hosts have those
  --token-file FILE
                   where this host's token is (default: token in the target)
  --hostname NAME  ask as this host (default: the machine's own name)
  --target DIR     where releases are (default: /var/lib/tagwave)
  --root DIR       apply them onto this directory, as in --root /
  --cron           ask from cron (default where systemd does not run)
  --systemd        ask by a timer of systemd (default where it runs)
  --watch          stay and wait for changes, as a service of systemd
  --every MINUTES  how often to ask (default: 10)
  --user NAME      who asks (default: tagwave, who may only write the target; with --root: root)
  --no-start       do not let it begin yet
  --dry-run        tell what would change, and change nothing
  --uninstall      remove the client and what starts it; releases and settings stay
  --purge          with --uninstall: they go as well
  --destdir DIR    write below this directory instead, and start nothing
USAGE
}

say() {
  printf '%-12s %s\n' "$1" "$2"
}

fail() {
  printf 'install.sh: %s\n' "$1" >&2
  shift
  for hint in "$@"; do printf '  %s\n' "$hint" >&2; done
  exit 1
}

misused() {
  printf 'install.sh: %s\n  --help tells what there is.\n' "$1" >&2
  exit 2
}

has() {
  command -v "$1" >/dev/null 2>&1
}

need_node() {
  has node || fail 'Node.js is missing: the client needs Node 18 or newer' \
    'Debian, Ubuntu: apt-get install nodejs      Fedora, RHEL: dnf install nodejs      Alpine: apk add nodejs' \
    'A host without it can use poll.sh of the samples, which needs curl and tar only.'
  node_version=$(node --version 2>/dev/null) || node_version=
  node_major=${node_version#v}
  node_major=${node_major%%.*}
  case $node_major in
    '' | *[!0-9]*) fail "'node --version' says nothing that could be understood: $node_version" ;;
  esac
  [ "$node_major" -ge 18 ] || fail "Node $node_version is too old: the client needs Node 18 or newer" \
    'Install a newer one; https://nodejs.org/en/download lists the ways.'
  # Neither cron nor systemd look into anybody's home.
  case $(command -v node) in
    /usr/local/bin/* | /usr/bin/* | /bin/* | /usr/local/sbin/* | /usr/sbin/* | /sbin/*) ;;
    *) printf 'install.sh: warning: node is in %s, where cron and systemd do not look\n  %s\n' \
      "$(command -v node)" "ln -s $(command -v node) /usr/local/bin/node" >&2 ;;
  esac
}

need_flock() {
  has flock || fail "the command 'flock' is missing, which keeps two runs apart" \
    'Debian, Ubuntu, Fedora, RHEL: install util-linux      Alpine: apk add flock'
}

# fetch PATH FILE: never less than the whole, whoever cuts it off.
fetch() {
  if has curl; then
    curl -fsS --proto '=http,https' ${ca:+--cacert "$ca"} --connect-timeout 10 --max-time 300 -o "$2" -- "$server$1" || return 1
  elif has wget; then
    tries=
    case $(wget --help 2>&1) in *--tries*) tries=--tries=1 ;; esac
    wget -q -T 60 ${tries:+"$tries"} ${ca:+"--ca-certificate=$ca"} -O "$2" -- "$server$1" || return 1
  else
    fail 'neither curl nor wget is there to download with' 'Install one of them.'
  fi
}

# The list of the server as three words: version, SHA-256, bytes. Nothing but what they may be gets through.
read_release() {
  node -e '
    const { version, sha256, size } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
    if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version)) throw new Error("no version");
    if (!/^[0-9a-f]{64}$/.test(sha256) || !Number.isSafeInteger(size)) throw new Error("no hash");
    console.log(version, sha256, size);
  ' "$1" 2>/dev/null
}

hash_of() {
  node -e '
    const bytes = require("fs").readFileSync(process.argv[1]);
    console.log(require("crypto").createHash("sha256").update(bytes).digest("hex"));
  ' "$1"
}

# Leaves the client that the server lists in $client: the installed one where it is that already.
get_client() {
  case $server in
    http://* | https://*) ;;
    '') misused 'no server is given: --server URL' ;;
    *) misused "--server: expected a URL as in https://tagwave.example.com, found $server" ;;
  esac
  fetch /client/release.json "$work/release.json" || fail "cannot download $server/client/release.json" \
    'Look at the server, at the network between, and at --ca where its certificate is of your own CA.'
  release=$(read_release "$work/release.json") || fail "$server/client/release.json is not understood" \
    'Is the URL a Tagwave server, and what stands between it and this host?'
  version=${release%% *}
  size=${release##* }
  sha256=${release#* }
  sha256=${sha256% *}
  if [ -f "$bin" ] && [ "$(hash_of "$bin")" = "$sha256" ]; then
    client=$bin
    return
  fi
  client=$work/tagwave.cjs
  fetch "/client/tagwave.cjs?sha256=$sha256" "$client" || fail "cannot download $server/client/tagwave.cjs" \
    'Nothing was changed; try again.'
  found=$(wc -c <"$client")
  [ "$((found))" -eq "$size" ] || fail "the client came with $((found)) bytes instead of $size" \
    'Nothing was changed; try again.'
  [ "$(hash_of "$client")" = "$sha256" ] || fail 'the client is not what the server lists: its SHA-256 is another' \
    'Nothing was changed. Something between the server and this host alters what it sends.'
  [ "$(node "$client" --version)" = "$version" ] || fail "the client does not run with Node $node_version" \
    'Nothing was changed.'
}

put_client() {
  if [ "$client" = "$bin" ]; then
    say unchanged "$bin ($version)"
  elif [ -n "$dry_run" ]; then
    say 'would change' "$bin ($version)"
  else
    mkdir -p "${bin%/*}"
    temporary=$bin.new.$$
    cp "$client" "$temporary"
    chmod 0755 "$temporary"
    sync "$temporary" 2>/dev/null || sync
    mv -f "$temporary" "$bin"
    temporary=
    client=$bin
    say changed "$bin ($version)"
    restart_watch
  fi
}

# What runs goes on as the old client until somebody starts it again.
restart_watch() {
  [ -z "$destdir" ] && has systemctl || return 0
  systemctl is-active --quiet tagwave-watch.service || return 0
  systemctl restart tagwave-watch.service
  say changed 'systemctl restart tagwave-watch.service'
}

remove_client() {
  for file in "$bin" "$bin.previous"; do
    if [ ! -f "$file" ]; then
      continue
    elif [ -n "$dry_run" ]; then
      say 'would remove' "$file"
    else
      rm -f "$file"
      say removed "$file"
    fi
  done
}

# Whether something is left that only the client can remove.
is_left() {
  for file in /etc/cron.d/tagwave /etc/systemd/system/tagwave-poll.service /etc/systemd/system/tagwave-poll.timer \
    /etc/systemd/system/tagwave-watch.service ${is_purge:+/etc/tagwave/client.yml}; do
    [ ! -e "$destdir$file" ] || return 0
  done
  return 1
}

uninstall() {
  if [ -f "$bin" ]; then
    client=$bin
    need_node
  elif is_left; then
    # What starts it, and where its releases are, is the client's to know.
    need_node
    get_client
  else
    say unchanged "$bin (is not there)"
    return
  fi
  node "$client" install "$@"
  remove_client
}

clean_up() {
  rm -rf "$work"
  [ -z "$temporary" ] || rm -f "$temporary"
}

main() {
  bin=/usr/local/bin/tagwave
  destdir=
  dry_run=
  is_uninstall=
  is_purge=
  temporary=
  ca=
  join=${TAGWAVE_JOIN_TOKEN_FILE:-}
  count=$#
  while [ "$count" -gt 0 ]; do
    option=$1
    shift
    count=$((count - 1))
    case $option in
      --server | --hostname | --target | --root | --every | --user | --destdir | --ca | --cert | --key | --token-file | \
        --join-token-file)
        [ "$count" -gt 0 ] || misused "$option: a value is missing"
        value=$1
        shift
        count=$((count - 1))
        case $option in
          --server) server=${value%/} ;;
          --destdir) destdir=${value%/} ;;
          --join-token-file) join=$value ;;
          --ca | --cert | --key | --token-file)
            # What is written down is read from anywhere.
            case $value in /*) ;; *) value=$(pwd)/$value ;; esac
            [ "$option" != --ca ] || ca=$value
            ;;
        esac
        # What the client takes is handed on: each option is moved behind the others.
        case $option in --server | --join-token-file) ;; *) set -- "$@" "$option" "$value" ;; esac
        ;;
      --cron | --systemd | --watch | --no-start) set -- "$@" "$option" ;;
      --purge)
        is_purge=yes
        set -- "$@" "$option"
        ;;
      --dry-run)
        dry_run=yes
        set -- "$@" "$option"
        ;;
      --uninstall)
        is_uninstall=yes
        set -- "$@" "$option"
        ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) misused "$option is no option of this script" ;;
    esac
  done
  bin=$destdir$bin
  # Once more, the host knows whom to believe.
  if [ -z "$ca" ] && [ -f "$destdir/etc/tagwave/ca.pem" ]; then ca=$destdir/etc/tagwave/ca.pem; fi
  if [ -z "$destdir$dry_run" ] && [ "$(id -u)" -ne 0 ]; then
    fail 'only root can install it' 'Run it with sudo, or look first with --dry-run.'
  fi
  work=$(mktemp -d)
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  if [ -n "$is_uninstall" ]; then
    uninstall "$@"
  else
    need_node
    need_flock
    get_client
    put_client
    case $join in
      '') node "$client" install --server "$server" "$@" ;;
      # What this script itself comes from is no place to ask.
      -) node "$client" install --server "$server" --join-token-file - "$@" </dev/tty ;;
      *) node "$client" install --server "$server" --join-token-file "$join" "$@" ;;
    esac
  fi
}

# The last line, so that a script that was cut off does nothing.
main "$@"
