#!/usr/bin/env bash
# A second token that stands by: when the first is lost it takes over without shares, and verifiers
# that know only the lists of before believe what it signs.
# usage: test_standby.sh --bin DIR
# shellcheck source=tests/flow/check.sh
. "$(dirname "$0")/check.sh"

port=$(free_port) url= log=$work/serve.log
issue() {
    lw license issue --type business-license --number "$1" --holder 999:1234-1 \
        --holder-name "Corner Bakery Ltd." --claim "legal_name=Corner Bakery Ltd." \
        --claim "address=1 Market Street" --claim "category=Retail Food" \
        --claim expiry_date=2099-01-15
}
show() { lw present "$1" --key "$work/holder.pem" --disclose legal_name --out "$2"; }
serve() {
    lw serve >"$log" 2>&1 & server=$!
    pids="$pids $server"
    until_holds curl -fsS "$url/readyz" && return
    out=; not_ok "the service answers" ""
}
stop() { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; }
state_of() { lw key list | awk -v l="$1" '$1 == l { print $3 }'; }

url=http://localhost:$port
check "a home" 0 "" lw init --url "$url" --listen "127.0.0.1:$port" --development
check "a catalogue" 0 "" lw catalog load "$project/docs/example-city"
for n in L-1 L-2; do check "a license" 0 "" issue "$n"; done
check "a presentation" 0 "" show L-1 "$work/bound.txt"
check "another" 0 "" show L-2 "$work/bound2.txt"

complains "which token?" 2 "--softhsm" lw key standby
complains "a module without its PIN" 2 "--pin-file" lw key standby --module /x.so
cp "$LW_HOME/pin" "$LW_HOME/token/pin"
complains "the first token as the second" 1 "is the first one" lw key standby --softhsm "$LW_HOME/token"
rm "$LW_HOME/token/pin"
check "a second token" 0 "is ready" lw key standby --softhsm "$work/second"
holds "its PIN is private" test "$(stat -c %a "$work/second/pin")" = 600
check "its keys are told apart" 0 "in the second token" lw key list
out=$(lw key standby --softhsm "$work/second" --json | tail -n 1); [ "$out" = '{"keys_made": 0}' ] && ok "called again it makes none" || not_ok "called again it makes none" ""
check "doctor knows it" 1 "stand by in the second token, with all 1 epochs" lw doctor
check "a seal key that is stolen" 0 "" lw key rotate seal --compromised
check "doctor knows what it lacks" 0 "the second token does not open 1 of 2 epochs" lw doctor
check "called again it takes that, too" 0 "is ready" lw key standby --softhsm "$work/second"
check "a rotation beside it" 0 "" lw key rotate status --agency market-regulation
check "advance leaves it alone" 0 "" lw key advance
out=$(lw key list); case "$out" in *"ALARM"*) not_ok "no alarm" "" ;; *) ok "no alarm" ;; esac

serve
pin=$(lw key list --json | tr '{' '\n' | grep '"purpose":"tl"' | grep '"state":"active"' | sed -n 's/.*"sha256":"\([0-9a-f]*\)".*/\1/p')
check "a gate syncs" 0 "" lw sync --server "$url" --pin "$pin" --to "$work/gate"
stop
cp -a "$work/gate" "$work/before"

# The first token is lost.
mv "$LW_HOME/token" "$work/token.gone"
complains "no token" 3 "lw-key-recover(1)" lw license show L-1
sed -i -e "s#\"softhsm_conf\": *\"[^\"]*\"#\"softhsm_conf\":\"$work/second/softhsm2.conf\"#" \
    -e "s#\"pin_file\": *\"[^\"]*\"#\"pin_file\":\"$work/second/pin\"#" "$LW_HOME/config.json"
holds "the second token is named" grep -q "second/pin" "$LW_HOME/config.json"
check "the store opens with it" 0 "Corner Bakery" lw license show L-1
check "it takes over" 0 "standby key signs" lw key recover
case "$out" in *"new pin"*) not_ok "with the pins that are known" "" ;; *) ok "with the pins that are known" ;; esac
check "and holds every key" 0 "nothing is lost" lw key recover
check "the store is whole" 0 "signatures and seals" lw store check
check "the log chains across" 0 "whole" lw audit check
check "a license of after" 0 "" issue L-3
check "one is revoked" 0 "" lw license revoke L-2 --reason "test"
check "doctor" 0 "" lw doctor

serve
check "the gate syncs with its old pin" 0 "" lw sync --server "$url" --to "$work/gate"
stop
# A gate that has the trust list of before, and the status lists of after.
rm -rf "$work/before/status"; cp -a "$work/gate/status" "$work/before/status"
fails "its trust list is that of before" cmp -s "$work/before/trust-list.cwt" "$work/gate/trust-list.cwt"
for folder in before gate; do
    show L-1 "$work/now.txt" >/dev/null 2>&1
    check "$folder: a credential of before" 0 "accepted" lw verify "$work/now.txt" --offline "$work/$folder"
    show L-3 "$work/new.txt" >/dev/null 2>&1
    check "$folder: a credential of after" 0 "accepted" lw verify "$work/new.txt" --offline "$work/$folder"
    lw present L-2 --key "$work/holder.pem" --disclose legal_name --any-state --out "$work/revoked.txt" >/dev/null 2>&1
    check "$folder: a revocation of after counts" 1 "revoked" lw verify "$work/revoked.txt" --offline "$work/$folder"
done
check "a third token stands by" 0 "is ready" lw key standby --softhsm "$work/third"
finish
