#!/usr/bin/env bash
# F23: a store is copied and both copies are started: one is refused, and when its owner says that it
# is to go on, it gives no number and no place in a status list that the other may give.
# usage: test_f23_copied_store.sh --bin DIR
# shellcheck source=tests/fault/fault.sh
. "$(dirname "$0")/fault.sh"

copy=$work/copy
issue() { # issue HOME NUMBER: a business license with a credential, which takes a status entry
    lw license issue --home "$1" --type business-license --number "$2" --holder 999:1234-1 \
        --holder-name "Corner Bakery Ltd." --claim "legal_name=Corner Bakery Ltd." \
        --claim "address=1 Market Street" --claim "category=Retail Food" \
        --claim expiry_date=2099-01-15 >/dev/null &&
        lw present "$2" --home "$1" --disclose legal_name --key "$work/key.pem" --out -
}
lists() { lw store show --home "$1" --json | grep -o '"name":"status-list","entries":[0-9]*'; }

check "a home" 0 "" lw init --url https://wallet.example
check "a catalogue" 0 "" lw catalog load "$project/docs/example-city"
check "a license with a credential" 0 "" issue "$LW_HOME" A-1
cp -a "$LW_HOME" "$copy"
sed -i "s#$LW_HOME#$copy#" "$copy/token/softhsm2.conf"

check "the original goes on" 0 "" lw license list
complains "a copy is refused" 3 "copy" lw license list --home "$copy"
complains "by the service as well" 3 "copy" lw serve --home "$copy"
complains "to sign" 3 "copy" issue "$copy" A-2
mv "$LW_HOME" "$work/moved"
mv "$work/moved" "$LW_HOME"
check "a home that was moved is not" 0 "" lw license list
before=$(lists "$LW_HOME")
check "its owner lets the copy go on" 0 "adopted" lw store adopt --home "$copy"
check "then it is used" 0 "A-1" lw license list --home "$copy"
check "and gives a credential" 0 "" issue "$copy" A-2
check "as the original does" 0 "" issue "$LW_HOME" A-3
out="$before | $(lists "$LW_HOME") | $(lists "$copy")"
[ "$before" = "$(lists "$LW_HOME")" ] && [ "$before" != "$(lists "$copy")" ] &&
    ok "the copy began status lists of its own" || not_ok "the copy began status lists of its own" ""
check "the copy is whole" 0 "signatures and seals" lw store check --home "$copy"
check "and its log" 0 "whole" lw audit check --home "$copy"
fault_report F23 "a store copied and both started" 2 "$bad"
finish
