#!/usr/bin/env bash
# F6 as people see it: a damaged store is refused with the step to take, and a memory fault is an exit
# with that step. usage: test_f06_refused_start.sh --bin DIR
# shellcheck source=tests/fault/fault.sh
. "$(dirname "$0")/fault.sh"

check "a home" 0 "" lw init --url https://wallet.example
check "a catalogue" 0 "" lw catalog load "$project/docs/example-city"
check "what was written is whole" 0 "signatures and seals" lw store check
check "without the token's keys" 0 "not looked at" lw store check --quick
check "as JSON" 0 '"whole":true' lw store check --json
check "its size is shown" 0 "audit-leaf" lw store show
check "its size as JSON" 0 '"oldest_reader_pid":0' lw store show --json

store=$LW_HOME/store/data.mdb
cp "$store" "$work/whole"
put_back() { cat "$work/whole" >"$store"; }
refused() { # refused NAME: nothing opens it, and each command says the step to take
    complains "$1: a command" 3 "last backup" lw license list
    complains "$1: the service" 3 "last backup" lw serve
    complains "$1: the check" 3 "last backup" lw store check
    put_back
}
dd if=/dev/zero of="$store" bs=4096 count=2 conv=notrunc status=none
refused "both heads gone"
printf 'x' | dd of="$store" bs=1 seek=16 conv=notrunc status=none
refused "one head damaged"
truncate -s 20000 "$store"
refused "cut short"
rm "$LW_HOME/store/lock.mdb"
check "the lock file gone" 0 "whole" lw store check --quick

port=$(free_port) log=$work/log
sed -i "s/\"listen\": *\"[^\"]*\"/\"listen\": \"127.0.0.1:$port\"/" "$LW_HOME/config.json"
lw serve >"$log" 2>&1 &
served=$!
pids="$pids $served"
until_holds grep -q started "$log"
kill -BUS "$served"
code=0; wait "$served" || code=$?
out=$(cat "$log")
# A sanitizer has handlers of its own.
case "$out" in
*Sanitizer*) skip "a memory fault says what to do" ;;
*) verdict "a memory fault says what to do" 3 "$code" "last backup" ;;
esac
check "and the store is whole" 0 "whole" lw store check --quick
fault_report F6 "lw on a damaged store" 4 "$bad"
finish
