#!/bin/sh
# A Tagwave client in plain sh, for hosts without Node: it needs curl, tar, gzip, awk, and the sha256sum, flock, readlink
# and mv of any Linux. Run it from cron:
#
#   poll.sh -s https://tagwave.example.com [-n HOSTNAME] [-t TARGET] [-c CA_FILE] [-k TOKEN_FILE] [-p SPLAY_SECONDS]
#           [-m MEBIBYTES] [-i] [-v]
#
# or with TAGWAVE_CLIENT_SERVER, _HOSTNAME, _TARGET, _CA, _TOKEN_FILE, _SPLAY, _MEBIBYTES and _IGNORE_HOOKS=yes in the
# environment. Where the server wants to know who asks, the host is made known first, once:
#
#   poll.sh -e [-j JOIN_TOKEN_FILE] -s URL [-n HOSTNAME] [-t TARGET] [-c CA_FILE] [-k TOKEN_FILE]
#
# It makes a token for itself, in TARGET/token unless told otherwise, which only the user who runs this may read, and hands
# in its SHA-256. The token goes to curl by standard input, never on a command line, and to no server but over https or on
# this machine.
#
# A release of more than so many MEBIBYTES (4096) is refused before it is downloaded. TARGET (/var/lib/tagwave) gets
#
#   releases/<first 16 hex digits of the digest>/    the files, three releases of them
#   current -> releases/...                          the one in force, flipped by one rename
#
# laid out and locked as the full client does it, so that a host can change from one to the other.
#
# What it promises: `current` is always a whole release. Nothing is applied on a killswitch, on a hold, after a download
# that failed, was cut off or does not hash to what was announced, nor when the answer changed in the meantime.
# Stopped at any instant, the next run goes on from what is there.
#
# Exit: 0 nothing to do, or applied - 1 failed - 2 usage - 3 killswitch - 4 hold, or not let in yet - 5 another run is busy.
# It says nothing when nothing changed, one line when something did, and the same trouble once a day.
#
# Where the server offers it, it is told what was applied and what failed, and once a day that nothing changed. That a
# report is lost changes nothing: the server sees what runs here by the next poll.
#
# What it leaves to the full client: several servers, downloads of only what differs, hooks, owners, and file names with
# quotes, backslashes or control characters. What it cannot do it refuses: a release with owners, with such names, or with
# hooks, unless it is told by -i (--ignore-hooks) that the files are wanted although nobody tests them and no service is told.
set -u
umask 022
export LC_ALL=C
unset TAR_OPTIONS GZIP CDPATH

server=${TAGWAVE_CLIENT_SERVER:-}
host=${TAGWAVE_CLIENT_HOSTNAME:-}
target=${TAGWAVE_CLIENT_TARGET:-/var/lib/tagwave}
splay=${TAGWAVE_CLIENT_SPLAY:-0}
most=${TAGWAVE_CLIENT_MEBIBYTES:-4096}
ignore_hooks=${TAGWAVE_CLIENT_IGNORE_HOOKS:-}
ca=${TAGWAVE_CLIENT_CA:-}
token_file=${TAGWAVE_CLIENT_TOKEN_FILE:-}
token=''
enrol=''
join_file=''
keep=3
verbose=''
work=''
reports=''

usage() {
  echo "poll.sh: $1" >&2
  echo 'usage: poll.sh -s URL [-n HOSTNAME] [-t TARGET] [-c CA_FILE] [-k TOKEN_FILE] [-p SPLAY_SECONDS] [-m MEBIBYTES] [-i] [-v]' >&2
  echo '       poll.sh -e [-j JOIN_TOKEN_FILE] -s URL [-n HOSTNAME] [-t TARGET] [-c CA_FILE] [-k TOKEN_FILE]' >&2
  exit 2
}

for argument; do
  shift
  [ "$argument" != --ignore-hooks ] || argument=-i
  set -- "$@" "$argument"
done
while getopts s:n:t:c:k:j:p:m:iev option; do
  case $option in
    s) server=$OPTARG ;;
    n) host=$OPTARG ;;
    t) target=$OPTARG ;;
    p) splay=$OPTARG ;;
    m) most=$OPTARG ;;
    c) ca=$OPTARG ;;
    k) token_file=$OPTARG ;;
    j) join_file=$OPTARG ;;
    e) enrol=yes ;;
    i) ignore_hooks=yes ;;
    v) verbose=yes ;;
    *) usage 'unknown option' ;;
  esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || usage "unexpected argument: $1"

[ -n "$host" ] || host=$(hostname -f 2>/dev/null) || host=$(uname -n)
host=$(printf '%s' "$host" | tr 'A-Z' 'a-z')
case $host in
  '' | -* | .* | *[!a-z0-9.-]*) usage "not a host name: $host" ;;
esac
case $server in
  http://?* | https://?*) server=${server%/} ;;
  '') usage 'no server: give -s URL or set TAGWAVE_CLIENT_SERVER' ;;
  *) usage "the server must be an http:// or https:// address: $server" ;;
esac
case $target in
  /?*) ;;
  *) usage "the target must be an absolute path: $target" ;;
esac
[ -n "$token_file" ] || token_file=$target/token
case $token_file in
  /?*) ;;
  *) usage "the token file must be an absolute path: $token_file" ;;
esac
[ -z "$join_file" ] || [ -n "$enrol" ] || usage '-j goes with -e'
case $server in *@*) usage "the server's address may hold no user name: $server" ;; esac
case $splay in
  '' | *[!0-9]* | ???????*) usage "the splay must be a number of seconds: $splay" ;;
esac
case $most in
  '' | 0* | *[!0-9]* | ????????*) usage "the limit must be a number of mebibytes: $most" ;;
esac
case $ignore_hooks in
  '' | yes) ;;
  *) usage "TAGWAVE_CLIENT_IGNORE_HOOKS may be yes: $ignore_hooks" ;;
esac

# Whether nobody on the way can read along: TLS, or this very machine, by what can be nothing else.
is_private() {
  case $server in https://*) return 0 ;; esac
  authority=${server#http://}
  authority=${authority%%[/?#]*}
  case $authority in
    localhost | localhost:* | '[::1]' | '[::1]':*) return 0 ;;
    *[!0-9.:]*) return 1 ;;
    127.*.*.*) return 0 ;;
  esac
  return 1
}

# Sets $token from a file that only its owner may read. Answers 1 where there is none.
read_token() { # FILE PREFIX
  token=''
  [ -e "$1" ] || return 1
  case $(ls -ldL -- "$1") in
    -r??------*) ;;
    *) give_up "$1 is a secret, and others may read it: chmod 600 $1" ;;
  esac
  IFS= read -r token <"$1" || [ -n "$token" ] || give_up "$1 is empty, or may not be read by this user"
  case $token in
    *[!A-Za-z0-9_-]*) token='' ;;
    "$2"???????????????????????????????????????????) ;;
    *) token='' ;;
  esac
  [ -n "$token" ] || give_up "$1 holds no token that begins with $2"
}

# A run tells the same once a day; who enrols is there to read it.
give_up() {
  if [ -z "$enrol" ] && [ -n "$work" ]; then fail "$1; nothing was changed"; fi
  printf 'poll.sh: %s\n' "$1" | clean >&2
  exit 1
}

# curl, which learns by standard input what this host shows, as everybody sees command lines. Where there is no TLS, a proxy
# that the environment names would read along.
curl_as_known() {
  [ -z "$ca" ] || set -- --cacert "$ca" "$@"
  if [ -z "$token" ]; then
    curl -q "$@"
    return
  fi
  case $server in http://*) set -- --noproxy '*' "$@" ;; esac
  curl -q --config - "$@" <<EOF
header = "Authorization: Bearer $token"
EOF
}

# Text from the server goes to terminals and mail: control characters and direction marks are taken out.
clean() {
  tr -cd '\11\12\40-\176\200-\377' |
    sed "s/$(printf '\302')[$(printf '\200')-$(printf '\237')]//g; s/$(printf '\342\200')[$(printf '\216\217\252')-$(printf '\256')]//g; s/$(printf '\342\201')[$(printf '\246')-$(printf '\251')]//g"
}

# Ends the run with an exit code and a sentence. The same sentence again is told only once a day, unless -v.
finish() { # CODE SENTENCE
  sentence=$(printf 'poll.sh: %s' "$2" | clean)
  told=$target/poll.told
  if [ -n "$verbose" ] || [ ! -f "$told" ] || [ "$(cat "$told" 2>/dev/null)" != "$sentence" ] ||
    [ -z "$(find "$told" -mmin -1440 2>/dev/null)" ]; then
    printf '%s\n' "$sentence" >&2
    [ "$1" -ne 1 ] || report failed 0 "$sentence"
    if [ ! -h "$told" ] && [ -n "$work" ]; then printf '%s\n' "$sentence" 2>/dev/null >"$told" || :; fi
  fi
  exit "$1"
}
fail() { finish 1 "$*"; }
clean_up() { if [ -n "$work" ]; then rm -rf -- "$work"; fi; }

# One request. The answer is in $work/body, its headers in $work/head, its status in $status.
# What is no complete answer (no connection, time-out, cut off, redirect, more than so many bytes) ends the run. curl knows
# how long an answer is only where that is announced; of any other no more is written.
request() { # PATH BYTES [curl options]
  where=$server$1 bytes=$2
  shift 2
  true >"$work/body" || fail "cannot write below $target; nothing was changed"
  # The lock is this run's alone: a download that outlives it keeps nobody waiting.
  status=$(exec 9>&-; trap '' XFSZ && ulimit -f $((bytes / 512 + 1)) 2>/dev/null
    curl_as_known --silent --show-error --globoff --proto '=http,https' --max-redirs 0 --connect-timeout 10 \
      --max-filesize "$bytes" --output "$work/body" --dump-header "$work/heads" --write-out '%{http_code}' \
      "$@" -- "$where" 2>"$work/trouble") || {
    # Of the way to the server, and nothing of the tag.
    tag='' digest=''
    fail "$where did not answer completely: $(head -n 1 "$work/trouble"); nothing was changed, the next run tries again"
  }
  # A proxy or a "100 Continue" puts blocks of headers before the one that counts.
  awk '/^HTTP\// { text = "" } { text = text $0 "\n" } END { printf "%s", text }' "$work/heads" >"$work/head"
}

header() { # NAME
  awk -v name="$1:" 'tolower($1) == name { sub(/^[^:]*:[ \t]*/, ""); sub(/[ \t\r]*$/, ""); value = $0 } END { print value }' "$work/head"
}

# A text of the JSON answer, for people to read: nothing is decided by it.
said() { # KEY
  tr '\n' ' ' <"$work/body" | head -c 262144 |
    sed -nE 's/.*"'"$1"'" *: *"(([^"\\]|\\.)*)".*/\1/p' | sed 's/\\u00[017][0-9a-f]//g; s/\\[bfnrt]/ /g; s/\\\(["\\/]\)/\1/g'
}

# Tells the server what happened, where it has offered that. Whatever becomes of it, the run ends as it would have without.
report() { # OUTCOME CHANGED [SENTENCE]
  [ -n "$reports" ] && [ -n "$work" ] || return 0
  seconds=$(($(date +%s) - began))
  [ "$seconds" -ge 0 ] || seconds=0
  run=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
  # Nothing goes in that could end a string: the words of the sentence lose what they have beyond plain letters and signs.
  words=$(printf '%s' "${3:-}" | head -c 500 | tr -c 'A-Za-z0-9 .,:;()/_=+@-' '?')
  printf '{"runId":"%s","tag":%s,"digest":%s,"outcome":"%s","startedAt":"%s","durationMs":%s,"changed":%s%s,"clientVersion":"poll.sh"}' \
    "$run" "$(is_tag "$tag" && printf '"%s"' "$tag" || printf null)" \
    "$(is_digest "$digest" && printf '"%s"' "$digest" || printf null)" \
    "$1" "$started" $((seconds * 1000)) "$2" "${words:+,\"error\":\"$words\"}" >"$work/report" || return 0
  answered=$(exec 9>&-; curl_as_known --silent --globoff --proto '=http,https' --max-redirs 0 --connect-timeout 5 --max-time 20 \
    --output /dev/null --write-out '%{http_code}' --header 'Content-Type: application/json' --header 'Expect:' \
    --data-binary "@$work/report" -- "$server$reports" 2>/dev/null) || return 0
  case $answered in
    200 | 201) [ -h "$target/poll.reported" ] || true 2>/dev/null >"$target/poll.reported" || : ;;
    *) [ -z "$verbose" ] || echo "poll.sh: $server answered $answered to the report" >&2 ;;
  esac
}

# Once a day the server is told that nothing changed.
report_daily() {
  [ -n "$(find "$target/poll.reported" -mmin -1440 2>/dev/null)" ] || report unchanged 0
}

# 409 and 423 are answers, wherever they come: the host keeps what it has.
stop_if_told_to() {
  case $status in
    423) finish 3 "killswitch: $(said message)" ;;
    409) finish 4 "on hold: $(said message)" ;;
    429) finish 4 "asked too often: $(said title)" ;;
    401)
      [ -n "$token" ] || fail "$server wants to know who asks, and there is no token in $token_file: poll.sh -e gets one; nothing was changed"
      fail "$server does not know the token in $token_file (its id is $(id_of "$token_file")), or not any more; nothing was changed"
      ;;
    403) fail "$server refuses (403): $(said title)${token:+ (its token has the id $(id_of "$token_file"))}; nothing was changed" ;;
  esac
}

# Asks which release this host shall have; sets $tag, $digest, $etag. Answers 1 where nothing changed (304).
ask() { # ETAG or nothing
  digest='' tag='' etag=''
  request "/v1/nodes/$host" 1048576 --max-time 60 \
    ${1:+--header "If-None-Match: $1"} ${running:+--header "Tagwave-Running: $running"}
  stop_if_told_to
  outcome=$(header tagwave-outcome)
  reports=$(header tagwave-report)
  case $reports in /*) ;; *) reports='' ;; esac
  case $reports in *[!A-Za-z0-9/._-]*) reports='' ;; esac
  if [ "$status" = 304 ]; then
    [ -n "$1" ] || fail "$server answered 304 to a question that named no ETag; nothing was changed"
    digest=$running tag=$(header tagwave-tag)
    return 1
  fi
  if [ "$status" != 200 ] || [ "$outcome" != serve ]; then
    fail "$server answered $status to the question for $host: $(said title); nothing was changed"
  fi
  digest=$(header tagwave-digest) tag=$(header tagwave-tag) etag=$(header etag)
  case $etag in *[!!-~]*) etag='' ;; esac
  is_digest "$digest" || fail "$server named no digest for $host: is this a Tagwave server? Nothing was changed"
}

is_tag() {
  case $1 in
    trunk | etchautotag-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]-[0-9][0-9]00) ;;
    *) return 1 ;;
  esac
}

is_digest() {
  case $1 in sha256:*) ;; *) return 1 ;; esac
  case ${1#sha256:} in *[!0-9a-f]*) return 1 ;; esac
  [ ${#1} -eq 71 ]
}

# The name of a digest's release: its first 16 hex digits.
short_of() { printf '%s' "${1#sha256:}" | cut -c 1-16; }

hash_of() { sha256sum | cut -c 1-64; }

# Of a token: what a server learns of it, and its beginning, by which people call it.
digest_of() { tr -d '\n' <"$1" | hash_of; }
id_of() { digest_of "$1" | cut -c 1-16; }

# The view's manifest, in $work/manifest, and what follows from it:
#   $work/entries   MODE SIZE SHA256 PERMISSIONS PATH, one a line, in the manifest's order
#   $work/paths     the paths alone, sorted
#   $work/folders   the directories that they need, sorted
fetch_manifest() {
  request "/v1/views/$digest/manifest?node=$host" 1073741824 --max-time 600
  stop_if_told_to
  [ "$status" = 200 ] || fail "$server answered $status to the question for the manifest of $digest; nothing was changed"
  mv -f "$work/body" "$work/manifest"
  [ "sha256:$(hash_of <"$work/manifest")" = "$digest" ] ||
    fail "the manifest of $digest hashes to something else: a proxy or the server altered it; nothing was changed"

  # Permissions that the manifest does not set follow from the mode; those of a link are of no use.
  sed -nE 's/^\{"path":"([^"\\]+)","mode":"(100644|100755|120000)","size":([0-9]{1,15}),"sha256":"([0-9a-f]{64})"(,"perm":"([0-7]{4})")?\}$/\2 \3 \4 \6 \1/p' \
    "$work/manifest" | sed 's/^\(100644 [^ ]* [^ ]*\)  /\1 0644 /; s/^\(100755 [^ ]* [^ ]*\)  /\1 0755 /; s/^\(120000 [^ ]* [^ ]*\)  /\1 - /' >"$work/entries"
  if grep -q '^{"path":"[^"]*","mode":.*,"\(owner\|group\)":"[^"]*"' "$work/manifest"; then
    fail "$tag sets the owner or group of a file, which this client does not: use the full client here; nothing was changed"
  fi
  [ "$(wc -l <"$work/entries")" -eq "$(wc -l <"$work/manifest")" ] ||
    fail "$tag has a file that this client cannot handle, by a strange name perhaps: use the full client here; nothing was changed"
  if [ -z "$ignore_hooks" ] && grep -q '^100[67][45][45] [^ ]* [^ ]* [^ ]* \.tagwave/hooks\.json$' "$work/entries"; then
    fail "$tag has hooks, which this client does not run: use the full client here, or --ignore-hooks where the files alone will do; nothing was changed"
  fi
  announced=$(awk '{ bytes += $2 } END { printf "%.0f", bytes }' "$work/entries")
  # No shell counts further than this.
  case $announced in ????????????????*) announced=999999999999999 ;; esac
  [ "$announced" -le $((most * 1048576)) ] ||
    fail "$tag has $((announced / 1048576)) MiB of files, and no more than $most are allowed here (-m); nothing was changed"

  # Names that would leave the release, go through a link, or come twice. Then the directories that are needed.
  awk '
    { path = $0; sub(/^[^ ]* [^ ]* [^ ]* [^ ]* /, "", path) }
    path ~ /^\// || ("/" path "/") ~ /\/\.?\.?\// || path in seen { exit bad = 1 }
    path ~ /^\.tagwave(\/|$)/ && path != ".tagwave/hooks.json" { exit bad = 1 }
    {
      seen[path] = 1
      while (match(path, /\/[^\/]*$/)) { path = substr(path, 1, RSTART - 1); folder[path] = 1 }
    }
    END {
      for (name in folder) if (name in seen) bad = 1
      if (bad) exit 1
      for (name in folder) print name
    }
  ' "$work/entries" >"$work/folders" ||
    fail "the manifest of $digest has a name that no release may have; nothing was changed, tell whoever runs $server"
  sed 's/^[^ ]* [^ ]* [^ ]* [^ ]* //' "$work/entries" >"$work/paths" &&
    sort -o "$work/paths" "$work/paths" && sort -o "$work/folders" "$work/folders" ||
    fail "cannot write below $target; nothing was changed"
}

# The permissions that files of the manifest have, each once, and the files that have them.
all_permissions() { sed -n 's/^100... [^ ]* [^ ]* \([0-7]*\) .*/\1/p' "$work/entries" | sort -u; }
files_with() { sed -n "s/^100... [^ ]* [^ ]* $1 /.\//p" "$work/entries"; }

# Whether a directory holds exactly the manifest's entries: types, permissions, contents, link targets, nothing else.
# Every step is checked: on a full disk a list that could not be written must not pass for an empty one.
is_sound() { # DIRECTORY
  rm -f "$work"/want.* "$work"/have.*
  files_with '[0-7]*' >"$work/want.file" || return 1
  sed -n 's/^120000 [^ ]* [^ ]* [^ ]* /.\//p' "$work/entries" >"$work/want.link" || return 1
  sed 's/^/.\//' "$work/folders" >"$work/want.folder" || return 1
  all_permissions >"$work/permissions" || return 1
  (
    cd "$1" 2>/dev/null || exit 1
    find . -type f -print >"$work/have.file" &&
      find . -type l -print >"$work/have.link" &&
      find . -type d ! -name . -print >"$work/have.folder" &&
      find . \( ! -type f ! -type l ! -type d \) -print -o -type f -links +1 -print >"$work/have.other" || exit 1
    while read -r permissions; do find . -type f -perm "$permissions" -print >"$work/have.$permissions" || exit 1; done <"$work/permissions"
  ) || return 1
  [ ! -s "$work/have.other" ] || return 1
  while read -r permissions; do files_with "$permissions" >"$work/want.$permissions" || return 1; done <"$work/permissions"
  for kind in file link folder $(cat "$work/permissions"); do
    sort -o "$work/want.$kind" "$work/want.$kind" && sort -o "$work/have.$kind" "$work/have.$kind" &&
      cmp -s "$work/want.$kind" "$work/have.$kind" || return 1
  done

  # The list is made from the manifest, which the digest covers: nothing else has to be trusted.
  sed -nE 's/^100(644|755) [^ ]* ([^ ]*) [^ ]* /\2  .\//p' "$work/entries" >"$work/sums" || return 1
  if [ -s "$work/sums" ]; then (cd "$1" && sha256sum --check --strict --status "$work/sums") || return 1; fi
  sed -nE 's/^120000 [^ ]* ([^ ]*) [^ ]* /\1 /p' "$work/entries" >"$work/links" || return 1
  while IFS= read -r line; do
    text=$(readlink -- "$1/${line#* }") || return 1
    [ "$(printf '%s' "$text" | hash_of)" = "${line%% *}" ] || return 1
  done <"$work/links"
}

# The node's own archive, whole. Answers 1 where it is not that of $digest any more: of what is running here the server sends
# nothing, of everything else it says by the entity tag what it is.
fetch_archive() {
  rm -f "$work/offered"
  set -- --max-time 3600 --speed-limit 1 --speed-time 60 ${running:+--header "Tagwave-Running: $running"}
  # curl knows entity tags since 7.68.
  if curl -q --etag-save "$work/offered" --version >"$work/trouble" 2>&1; then
    printf '"%s"\n' "$running" >"$work/etag" || fail "cannot write below $target; nothing was changed"
    set -- "$@" --etag-save "$work/offered" ${running:+--etag-compare "$work/etag"}
  else
    set -- "$@" ${running:+--header "If-None-Match: \"$running\""}
  fi
  # What goes around the files in an archive: headers, padding, and what cannot be compressed.
  request "/v1/nodes/$host/archive" $((announced + announced / 100 + $(wc -l <"$work/entries") * 5000 + 100000)) "$@"
  stop_if_told_to
  [ "$status" != 304 ] || return 1
  [ "$status" = 200 ] || fail "$server answered $status to the question for the archive of $digest; nothing was changed"
  offered=$(cat "$work/offered" 2>/dev/null)
  [ -n "$offered" ] || offered=$(header etag)
  case $offered in '' | "\"$digest\"") ;; *) return 1 ;; esac
  mv -f "$work/body" "$work/archive"
  gzip -t <"$work/archive" 2>/dev/null || fail "the archive of $digest is damaged or cut off; nothing was changed"
}

# Looks at the archive before a byte of it is written: the members are exactly the manifest's, nothing but files, links
# and the directories they need, and no more bytes than announced. So no member can leave the release or go through a link.
check_archive() {
  tar -tzf "$work/archive" --quoting-style=literal >"$work/members" 2>/dev/null &&
    tar -tvzf "$work/archive" --quoting-style=escape --numeric-owner >"$work/details" 2>/dev/null ||
    fail "the archive of $digest cannot be read by tar; nothing was changed"
  contained=$(awk '/^-/ { bytes += $3 } END { printf "%.0f", bytes }' "$work/details")
  sed -n 's/\/$//p' "$work/members" | sort >"$work/member-folders"
  if [ "$(wc -l <"$work/members")" -ne "$(wc -l <"$work/details")" ] ||
    [ -n "$(cut -c 1 "$work/details" | tr -d 'dl\n-')" ] ||
    [ "$(grep -c '^d' "$work/details")" -ne "$(wc -l <"$work/member-folders")" ] ||
    [ -n "$(comm -23 "$work/member-folders" "$work/folders")" ] ||
    ! sed '/\/$/d' "$work/members" | sort | cmp -s - "$work/paths" || [ "$contained" -gt "$announced" ]; then
    fail "the archive of $digest has other members than its manifest; nothing was written, tell whoever runs $server"
  fi
}

# Puts the release of $digest into releases/$name, whole and verified, unless a sound one is there. Answers 1 where it cannot
# be had any more, because this host shall have something else.
stage() {
  short=$(short_of "$digest")
  name=$short
  fetch_manifest
  if [ ! -h "$releases/$name" ] && is_sound "$releases/$name"; then return; fi
  # What `current` points to is never touched, not even to repair it: the same content goes beside it.
  if [ "$(readlink -- "$target/current" 2>/dev/null)" = "releases/$short" ]; then name=$short.1; fi

  fetch_archive || return 1
  check_archive
  mkdir "$work/tree" || fail "cannot write below $target; nothing was changed"
  tar -xzf "$work/archive" -C "$work/tree" --no-same-owner --no-same-permissions --keep-old-files 2>"$work/trouble" ||
    fail "cannot unpack below $target: $(head -n 1 "$work/trouble"); the release in force is untouched"
  chmod 755 "$work/tree"
  for permissions in $(all_permissions); do
    files_with "$permissions" | tr '\n' '\0' | (cd "$work/tree" && xargs -0 chmod "$permissions") 2>"$work/trouble" ||
      fail "cannot set permissions below $target: $(head -n 1 "$work/trouble"); the release in force is untouched"
  done
  is_sound "$work/tree" || fail "what was unpacked is not what the manifest of $digest says; the release in force is untouched"
  flush "$work/tree"
  rm -rf -- "$releases/$name" && mv -T -- "$work/tree" "$releases/$name" ||
    fail "cannot put the release into $releases; the release in force is untouched"
}

# On disk before the flip, so that a power cut cannot leave `current` pointing to empty files.
flush() { sync -f "$1" 2>/dev/null 9>&- || sync 9>&-; }

activate() {
  if [ -e "$target/current" ] && [ ! -h "$target/current" ]; then
    fail "$target/current is not a symbolic link: move it away, the next run makes the link"
  fi
  ln -s "releases/$name" "$work/current" && mv -fT -- "$work/current" "$target/current" ||
    fail "cannot flip $target/current; the release in force is untouched"
  touch "$releases/$name"
  flush "$target"
}

remember() {
  printf '%s\n%s\n%s\n' "$server/$host" "$digest" "$etag" >"$work/state" && mv -f "$work/state" "$target/poll.state" ||
    fail "cannot write $target/poll.state: the release is in force, but the next run downloads the manifest again"
  rm -f "$target/poll.told"
}

# Keeps the newest few by when they came into force. Renamed first, so that a half-removed one has no release's name.
prune() {
  in_force=$(readlink -- "$target/current")
  ls -1t "$releases" | grep -E '^[0-9a-f]{16}(\.[0-9]+)?$' | sed "1,${keep}d" | while IFS= read -r old; do
    [ "releases/$old" = "$in_force" ] || { mv -T -- "$releases/$old" "$work/old" && rm -rf -- "$work/old"; }
  done
}

# Makes this host known. The token is on the disk before anybody hears of it, so that whoever is stopped anywhere goes on
# with the same one; one that is in its place already is only asked about.
enrol() {
  is_private || usage "over plain HTTP others could read the token: give the https:// address of $server"
  directory=${token_file%/*}
  [ -d "${directory:-/}" ] || (umask 077 && mkdir -p -- "$directory") || give_up "cannot make $directory"
  mine=$token_file
  if ! read_token "$mine" twn_; then
    mine=$token_file.next
    read_token "$mine" twn_ || make_token "$mine" || give_up "cannot write $mine"
  fi
  token=''
  if [ -n "$join_file" ]; then read_token "$join_file" twj_ || give_up "there is no $join_file"; fi
  status=$(curl_as_known --silent --show-error --globoff --proto '=http,https' --max-redirs 0 --connect-timeout 10 \
    --max-time 60 --max-filesize 65536 --output "$work/body" --write-out '%{http_code}' \
    --header 'Content-Type: application/json' --data "{\"tokenSha256\":\"$(digest_of "$mine")\"}" \
    -- "$server/v1/nodes/$host/enrolment" 2>"$work/trouble") ||
    give_up "$server did not answer completely: $(head -n 1 "$work/trouble"); the token is kept, do it again"
  case $status in
    200 | 201 | 202) ;;
    *) give_up "$server answers $status to $host: $(said title)" ;;
  esac
  [ "$mine" = "$token_file" ] || mv -f -- "$mine" "$token_file" || give_up "cannot write $token_file"
  case $(said state) in
    active) echo "poll.sh: $host is known: the token in $token_file has the id $(id_of "$token_file")" ;;
    pending)
      echo "poll.sh: $host waits to be let in: its token has the id $(id_of "$token_file"), which the admin of the server sees" >&2
      exit 4
      ;;
    *) give_up "cannot understand $server: is it a Tagwave server?" ;;
  esac
}

make_token() ( # FILE
  umask 077
  rm -f -- "$1.tmp"
  { printf twn_ && random_base64url && echo; } >"$1.tmp" && { sync "$1.tmp" 2>/dev/null || sync; } && mv -f -- "$1.tmp" "$1"
)

# 32 random bytes, without padding. Not every host has openssl.
random_base64url() {
  head -c 32 /dev/urandom | od -An -v -tu1 | awk '
    {
      for (i = 1; i <= NF; i++) {
        bits = bits * 256 + $i
        for (count += 8; count >= 6; bits -= at * 2 ^ count) {
          count -= 6
          at = int(bits / 2 ^ count)
          printf "%s", substr(digits, at + 1, 1)
        }
      }
    }
    END { if (count) printf "%s", substr(digits, bits * 2 ^ (6 - count) + 1, 1) }
  ' digits=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ -
}

# --- the run ---

if [ -n "$enrol" ]; then
  work=$(mktemp -d) || give_up 'cannot make a directory for what comes'
  trap clean_up EXIT
  trap 'exit 1' HUP INT TERM
  enrol
  exit 0
fi

if [ "$splay" -gt 0 ]; then
  # Stable by host name: the fleet spreads out, and each host keeps its minute.
  sleep $(($(printf '%s' "$host" | cksum | cut -d ' ' -f 1) % splay))
fi

began=$(date +%s) started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
releases=$target/releases
mkdir -p -- "$releases" 2>/dev/null || { echo "poll.sh: cannot write below $target" >&2; exit 1; }
if [ -h "$releases" ] || [ -h "$target/.lock" ]; then
  echo "poll.sh: $releases or $target/.lock is a symbolic link: this client never writes through one" >&2
  exit 1
fi
# The lock belongs to the open file: when this run dies, however it dies, nothing is left to clean up. What may outlive
# it for long, a download that hangs or a sync, does not get the file (9>&-).
(true >>"$target/.lock") 2>/dev/null || { echo "poll.sh: cannot write below $target" >&2; exit 1; }
exec 9>>"$target/.lock"
flock -n 9 || { [ -z "$verbose" ] || echo "poll.sh: another run is busy in $target" >&2; exit 5; }

rm -rf -- "$target"/.poll.*
work=$(mktemp -d "$target/.poll.XXXXXXXX") || { echo "poll.sh: cannot write below $target" >&2; exit 1; }
export TMPDIR="$work"
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

read_token "$token_file" twn_ || [ "$token_file" = "$target/token" ] || fail "there is no token in $token_file; nothing was changed"
[ -z "$token" ] || is_private ||
  fail "the token is not sent to $server, as over plain HTTP others could read it: give its https:// address; nothing was changed"

# What runs here, if this script put it there and `current` still points to it.
running='' known=''
if [ -f "$target/poll.state" ] && [ ! -h "$target/poll.state" ] && [ -d "$target/current" ]; then
  running=$(sed -n 2p "$target/poll.state")
  in_force=$(readlink -- "$target/current")
  if ! is_digest "$running" || [ "${in_force%.*}" != "releases/$(short_of "$running")" ]; then running=''; fi
  # An ETag means something only to the server that gave it, for the host that it gave it for.
  if [ -n "$running" ] && [ "$(sed -n 1p "$target/poll.state")" = "$server/$host" ]; then
    known=$(sed -n 3p "$target/poll.state")
  fi
fi

if ! ask "$known"; then
  rm -f "$target/poll.told"
  report_daily
  [ -z "$verbose" ] || echo "poll.sh: nothing changed"
  exit 0
fi

for attempt in first second; do
  if [ "$digest" = "$running" ]; then
    # The same content under a new tag: nothing to fetch.
    remember
    report_daily
    [ -z "$verbose" ] || echo "poll.sh: nothing changed, $tag has the same content"
    exit 0
  fi
  staged=''
  if stage; then staged=$digest; fi
  # Minutes may have gone by: only what is still the answer comes into force.
  ask ''
  if [ "$digest" = "$staged" ]; then
    activate
    remember
    prune
    files=$(wc -l <"$work/entries" | tr -d ' ')
    echo "poll.sh: $host now runs $tag ($files files, $digest)" | clean
    report applied "$files"
    exit 0
  fi
done
fail "the answer for $host changed twice during the run; nothing was flipped, the next run goes on from here"
