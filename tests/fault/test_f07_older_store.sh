#!/usr/bin/env bash
# F7: an older copy of the store put back is noticed at start, by its log, and goes on only when its
# owner says so; the log keeps that. usage: test_f07_older_store.sh --bin DIR
# shellcheck source=tests/fault/fault.sh
. "$(dirname "$0")/fault.sh"

store=$LW_HOME/store/data.mdb
seen() { sed -nE 's/.*"size":([0-9]+).*/\1/p' "$LW_HOME/head.seen"; }
put_back() { cat "$work/old" >"$store"; } # into the same file: only the log can tell

check "a home" 0 "" lw init --url https://wallet.example
check "a catalogue" 0 "" lw catalog load "$project/docs/example-city"
holds "what was seen is noted beside the store" test -s "$LW_HOME/head.seen"
cp "$store" "$work/old"
before=$(seen)
check "an entry more" 0 "entries" lw audit head
holds "is seen as well" test "$(seen)" -gt "$before"
[ "$(stat -c %a "$LW_HOME/head.seen")" = 600 ] && ok "and only by its owner" || not_ok "and only by its owner" ""

put_back
complains "a command refuses the older store" 3 "older than what this home has seen" lw license list
complains "so does the service" 3 "older than what this home has seen" lw serve
complains "so does a backup" 3 "older" lw store backup "$work/backup"
check "adopting it must be meant" 1 "accept-older" lw store adopt
check "and says what is lost" 1 "entries" lw store adopt
complains "nothing has changed by that" 3 "older" lw license list
check "its owner lets it go on" 0 "adopted" lw store adopt --accept-older
check "then it is used again" 0 "whole" lw audit check
check "once is enough" 0 "nothing to adopt" lw store adopt
check "and it is whole" 0 "signatures and seals" lw store check
versions=$(lw store adopt --json)
out=$versions; verdict "as JSON" 0 0 '"adopted": false'

# The same length, another past: what was seen and what is there differ in their roots.
cp "$store" "$work/old"
lw audit head >/dev/null; lw audit head >/dev/null
put_back
check "a store of another past" 0 "adopted" lw store adopt --accept-older
cp "$LW_HOME/head.seen" "$work/seen"
sed -E 's/"root":"(.)/"root":"\1x/; s/"root":".x(.{63})/"root":"0\1/' "$work/seen" >"$LW_HOME/head.seen"
cmp -s "$work/seen" "$LW_HOME/head.seen" && sed -E 's/"root":"./"root":"f/' "$work/seen" >"$LW_HOME/head.seen"
complains "is told by its root" 3 "older" lw license list
echo nonsense >"$LW_HOME/head.seen"
complains "a note that cannot be read is no leave" 3 "older" lw license list
cp "$work/seen" "$LW_HOME/head.seen"
check "the right one is" 0 "" lw license list
rm "$LW_HOME/head.seen"
check "a home without a note begins one" 0 "" lw license list
holds "at once" test -s "$LW_HOME/head.seen"

lw init --url https://other.example --home "$work/other" >/dev/null
cat "$work/other/store/data.mdb" >"$store"
complains "the store of another home" 3 "another home" lw license list
fault_report F7 "an older or another store put back" 5 "$bad"
finish
