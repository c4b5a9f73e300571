#!/usr/bin/env bash
# lw doctor on a home that is well, and on one thing wrong at a time: it says so and what to do.
# usage: test_doctor.sh --bin DIR
# shellcheck source=tests/flow/check.sh
. "$(dirname "$0")/check.sh"

check "no home" 1 "lw init" lw doctor
check "a home" 0 "" lw init --url https://wallet.example
check "a catalogue" 0 "" lw catalog load "$project/docs/example-city"
port=$(free_port) log=$work/log
sed -i "s/\"listen\": *\"[^\"]*\"/\"listen\": \"127.0.0.1:$port\"/" "$LW_HOME/config.json"

check "a new home is well" 0 "active keys sign" lw doctor
for text in "no backup yet" "no whole check yet" "nothing answers" "status lists are fresh" \
    "trust list, version" "CRL, of the key ca-1, version" "the first to stop is" "there are no custodians" "good for more than 30 days" "owner's alone" \
    "MiB are free on the disk" "clock is not before" "is the newest"; do
    check "it says: $text" 0 "$text" lw doctor
done
check "as JSON" 0 '"well":true' lw doctor --json
check "a backup" 0 "" lw store backup "$work/backup"
check "a check" 0 "" lw store check
check "its backup is known" 0 "last backup: 0 hours ago" lw doctor
check "its check is known" 0 "last whole check: 0 hours ago" lw doctor

lw serve >"$log" 2>&1 &
pids="$pids $!"
until_holds grep -q started "$log"
check "its service is known" 0 "runs and is ready" lw doctor
kill "$!"; wait "$!"; pids=
sed -i "s|\"listen\": *\"[^\"]*\"|\"listen\": \"unix:$work/socket\"|" "$LW_HOME/config.json"
check "its socket is not there" 0 "nothing answers on unix:" lw doctor
lw serve >"$log" 2>&1 &
pids="$pids $!"
until_holds grep -q started "$log"
check "its service is known by its socket" 0 "runs and is ready, on unix:" lw doctor
kill -9 "$!"; wait "$!" 2>/dev/null; pids=
check "a socket that nobody answers on is none" 0 "nothing answers on unix:" lw doctor

bad() { check "$1" 1 "$2" lw doctor; }
chmod 755 "$LW_HOME"; bad "others may look into the home" "chmod 700"; chmod 700 "$LW_HOME"
chmod 640 "$LW_HOME/store/data.mdb"; bad "others may read the store" "chmod 600"; chmod 600 "$LW_HOME/store/data.mdb"
chmod 666 "$LW_HOME/config.json"; bad "others may write the configuration" "config.json"; chmod 600 "$LW_HOME/config.json"
mv "$LW_HOME/pin" "$work/pin"; bad "the PIN is gone" "token cannot be used"
printf '123456\n' >"$LW_HOME/pin"; chmod 600 "$LW_HOME/pin"; bad "the PIN is wrong" "tried once"
cp "$work/pin" "$LW_HOME/pin"
mv "$LW_HOME/token" "$work/token"; bad "the token is gone" "token cannot be used"; mv "$work/token" "$LW_HOME/token"
check "all is mended" 0 "active keys sign" lw doctor
touch -d '+2 days' "$LW_HOME/store/data.mdb"; bad "the clock is behind the last write" "Set the clock"; touch "$LW_HOME/store/data.mdb"
touch -d '-60 days' "$LW_HOME/check.last"; check "a check long ago" 0 "every month" lw doctor
cp "$LW_HOME/store/data.mdb" "$work/old"; lw audit head >/dev/null
cat "$work/old" >"$LW_HOME/store/data.mdb"; bad "an older store" "older than what this home has seen"
lw store adopt --accept-older >/dev/null
cp "$LW_HOME/store/data.mdb" "$work/copy"; mv "$work/copy" "$LW_HOME/store/data.mdb"
chmod 600 "$LW_HOME/store/data.mdb"; bad "a copy" "lw store adopt"
truncate -s 5000 "$LW_HOME/store/data.mdb"; bad "a damaged store" "lw store restore"
echo '{' >"$LW_HOME/config.json"; bad "a configuration that is none" "config.json"
check "as JSON, too" 1 '"well":false' lw doctor --json
finish
