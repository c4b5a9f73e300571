#!/usr/bin/env bash
# A license type that needs two people, as two clerks use it.
# usage: test_two_people.sh --bin DIR
# shellcheck source=tests/flow/check.sh
source "$(dirname "$0")/check.sh"

cp -r "$project/docs/example-city" "$work/city"
type=$work/city/license-types/business-license.json
sed -i '0,/"version": *1,/s//"version": 1, "approval": {"import": true},/' "$type"
grep -q '"approval"' "$type" || { echo "the type could not be changed" >&2; exit 2; }
map=$project/docs/example-city/maps/business-licenses.json
head -n 6 "$project/docs/example-city/registers/business-licenses.csv" >"$work/register.csv"
give() { lw license import "$work/register.csv" --type business-license --map "$map" --part --shift-days auto "$@"; }
as() { echo --operator "$1" --operator-key "$work/$1.pem"; }

check "a home" 0 "" lw init --url https://two.example --development
check "its catalogue" 0 "" lw catalog load "$work/city"
for who in anna berta carl; do check "$who's key" 0 "keep it to yourself" lw operator key --out "$work/$who.pem"; done
[ "$(stat -c %a "$work/anna.pem")" = 600 ] && ok "the private key is its owner's" || not_ok "the private key is its owner's" ""
check "a key is never written over" 1 "exists already" lw operator key --out "$work/anna.pem"
mv "$work/anna.pem" "$work/kept.pem"
check "nor the public one of a key kept elsewhere" 1 "exists already" lw operator key --out "$work/anna.pem"
mv "$work/kept.pem" "$work/anna.pem"
check "a private key is no public one" 1 "operator key" lw operator add anna --key "$work/anna.pem"
check "the first" 0 "anna is an operator" lw operator add anna --key "$work/anna.pem.pub"
check "the second not alone" 1 "must sign" lw operator add berta --key "$work/berta.pem.pub"
# shellcheck disable=SC2046 # options apart
{
check "the second" 0 "berta is an operator" lw operator add berta --key "$work/berta.pem.pub" $(as anna)
check "a third is asked for" 0 "another operator gives the same command" lw operator add carl --key "$work/carl.pem.pub" $(as anna)
check "listed" 0 "proposed" lw operator list
check "and confirmed" 0 "carl is an operator" lw operator add carl --key "$work/carl.pem.pub" $(as berta)
check "one by hand is refused" 1 "two people" lw license issue --type business-license --number 1 --holder 999:1
check "an import by nobody is refused" 1 "two people" give
check "a name without a key is a mistake" 2 "operator-key" give --operator anna
check "an import waits" 0 "batch 1 waits for a second operator" give $(as anna)
check "with a sample" 0 '"sample"' give --register other $(as anna) --json
check "nothing is issued" 0 '"licenses":[]' lw license list --json
check "it is listed" 0 "waiting" lw license batch list
check "the newest batch first, and that there are more" 0 "There are more: --limit" lw license batch list --limit 1
case "$out" in *"    2  waiting"*) ok "the newest is shown" ;; *) not_ok "the newest is shown" "" ;; esac
check "as JSON" 0 '{"batches":[{"batch":2,' lw license batch list --limit 1 --json
case "$out" in *'"batch":1,'* | *'],"more":false}') not_ok "with more" "" ;; *'],"more":true}') ok "with more" ;; *) not_ok "with more" "" ;; esac
check "all of them" 0 '],"more":false}' lw license batch list --limit 2 --json
case "$(lw license batch list --limit 2 2>&1)" in *more*) not_ok "no more than all" "" ;; *) ok "no more than all" ;; esac
check "operators as JSON" 0 '{"operators":[{"operator":"anna"' lw operator list --json
check "and shown with who asked" 0 '"asked_by":"anna"' lw license batch show 1
check "not approved by the same" 1 "cannot approve it" lw approve 1 --yes $(as anna)
check "nor without a word" 1 "not confirmed" lw approve 1 $(as berta)
check "rejecting needs a reason" 2 "reason" lw approve 2 --reject $(as berta)
check "a reason does not approve" 2 "goes with --reject" lw approve 2 --reason "not ours" --yes $(as berta)
check "no photos with a rejection" 2 "goes with an approval" lw approve 2 --reject --reason "not ours" --photos "$work" $(as berta)
check "rejected" 0 "rejected" lw approve 2 --reject --reason "not ours" $(as berta)
mkdir "$work/empty" && cd "$work/empty" || exit 2
check "approved" 0 "licenses issued" lw approve 1 --yes $(as berta)
[ -z "$(ls)" ] && ok "no file is left where it was approved" || not_ok "no file is left where it was approved" "$(ls)"
check "once" 1 "approved already" lw approve 1 --yes $(as carl)
check "both are named" 0 '"approved_by":"berta"' lw license batch show 1
check "leaving takes two" 0 "another operator" lw operator remove carl $(as anna)
check "and then is done" 0 "no operator any more" lw operator remove carl $(as berta)
}
check "the log is whole" 0 "whole" lw audit check
check "the store is whole" 0 "" lw store check --quick
finish
