#!/bin/sh
# A nodetagger: told a host name, prints the tag that the host shall have. Put it into the base as `nodetagger`,
# executable. It is called with one argument, the host name; the base is the working directory, TZ is UTC, and there
# are 5 seconds. It prints one line, `tags/NAME` or `trunk`. Exit with another code than 0 and say why on stderr: the
# host then keeps what it has, and your last line is shown as the reason.
#
# It is the classic one: groups to hours, hours to a tag, bad tags skipped. schedule.yml does the same without a
# script, and better where an hour has no tag: this script only calculates names, it does not know which tags exist.
# Begin here when your site has a rule that schedule.yml cannot say.
set -eu
export LC_ALL=C

host=${1:?usage: nodetagger HOSTNAME}
# For trying it out: what would it have said then? Seconds since 1970.
now=${NODETAGGER_NOW:-$(date +%s)}
lookback=72

# The groups of a host in nodes.yml, one a line; a file that cannot be read is an error, not "no groups".
# Exact names only, in either of these forms:
#   web1.example.com: [web, dev]
#   web1.example.com:
#   - web
#   - dev
groups_of() {
  awk -v host="$1" '
    { sub(/\r$/, ""); sub(/^#.*/, ""); sub(/[ \t]+#.*/, "") }
    /^[ \t]*$/ { next }
    /^[^ \t-]/ {
      key = $0; sub(/:.*/, "", key); gsub(/["'\''"]/, "", key)
      mine = (tolower(key) == host)
      rest = $0; sub(/^[^:]*:[ \t]*/, "", rest); gsub(/[][,"'\''"]/, " ", rest)
      if (mine) { n = split(rest, word, " "); for (i = 1; i <= n; i++) print word[i] }
      next
    }
    mine && /^[ \t]*-[ \t]+/ { sub(/^[ \t]*-[ \t]+/, ""); gsub(/["'\''"]/, ""); print $1 }
  ' nodes.yml
}

# Your site's rule. The first that applies wins.
hours_for() {
  for group in $1; do
    case $group in dev | int) echo 0; return ;; esac
  done
  for group in $1; do
    case $group in
      qa) echo 1; return ;;
      stg) echo 2; return ;;
      # The half of production that you can afford to lose.
      prod-east) echo 3; return ;;
    esac
  done
  echo 4
}

# The marks of tagstate as words "TAG=STATE"; the last line for a tag wins. A state that nobody knows counts as bad: a
# typing mistake during an incident must not serve the bad tag. A mark for some environments stops all of them here.
marks() {
  [ -e tagstate ] || return 0
  awk '
    NR == 1 { sub(/^\357\273\277/, "") }
    { sub(/\r$/, "") }
    /^[ \t]*(#|$)/ { next }
    {
      tag = $1; sub(/^tags\//, "", tag)
      state = tolower($2)
      if (state ~ /^good:/) next
      if (state ~ /^badfwd(:|$)/) state = "badfwd"
      else if (state != "good") state = "bad"
      mark[tag] = state
    }
    END { for (tag in mark) printf "%s=%s ", tag, mark[tag] }
  ' tagstate
}

# The tag of an hour, given in hours since 1970. Days to year, month and day by whole-number arithmetic, because no
# date(1) that is the same everywhere can calculate.
tag_of() {
  days=$(($1 / 24 + 719468))
  era=$((days / 146097))
  day_of_era=$((days - era * 146097))
  year=$(((day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365))
  day_of_year=$((day_of_era - (365 * year + year / 4 - year / 100)))
  moon=$(((5 * day_of_year + 2) / 153))
  day=$((day_of_year - (153 * moon + 2) / 5 + 1))
  month=$((moon < 10 ? moon + 3 : moon - 9))
  year=$((year + era * 400 + (month <= 2 ? 1 : 0)))
  tag=$(printf 'etchautotag-%04d%02d%02d-%02d00' "$year" "$month" "$day" $(($1 % 24)))
}

is_marked() { # TAG STATE
  case " $marked" in *" $1=$2 "*) return 0 ;; esac
  return 1
}

found() {
  if is_marked "$tag" bad || is_marked "$tag" badfwd; then return 1; fi
  printf 'tags/%s\n' "$tag"
}

host=$(printf '%s' "$host" | tr 'A-Z' 'a-z')
marked=$(marks)
groups=$(groups_of "$host")
hours=$(hours_for "$groups")
newest=$((now / 3600))
due=$((newest - hours))

tag_of "$due"
if is_marked "$tag" badfwd; then
  # Going back would leave behind what the bad change added: go straight to the next tag that is fit.
  hour=$((due + 1))
  while [ "$hour" -le "$newest" ]; do
    tag_of "$hour"
    if found; then exit 0; fi
    hour=$((hour + 1))
  done
  echo "nodetagger: no fit tag after $hours hours ago yet: the fix is in none so far" >&2
  exit 1
fi

hour=$due
while [ "$hour" -ge $((newest - lookback)) ]; do
  tag_of "$hour"
  if found; then exit 0; fi
  hour=$((hour - 1))
done
echo "nodetagger: no fit tag from $hours to $lookback hours ago" >&2
exit 1
