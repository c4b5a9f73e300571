#!/usr/bin/env bash
# F22: SIGTERM in flight. Clients verify with a record all the time; the service drains within five
# seconds, every client is answered or was never taken, and every record acknowledged is durable.
# usage: test_fault_f22_signals.sh --bin DIR
# shellcheck source=tests/flow/check.sh
. "$(dirname "$0")/check.sh"

port=$(free_port)
url=http://localhost:$port
log=$work/serve.log
clients=8 rounds=3

start() {
    : >"$log"
    lw serve >>"$log" 2>&1 </dev/null & server=$!
    pids="$pids $server"
    until_holds grep -q 'event=started' "$log"
}
# client N: verifies until the service is not there any more. A line for each request: curl's exit
# code, HTTP status, file of the answer.
client() {
    local n=0 code status file
    while [ $n -lt 2000 ]; do
        n=$((n + 1)) file=$work/answer.$1.$n code=0
        status=$(curl -sS --max-time 60 -o "$file" -w '%{http_code}' -H 'Content-Type: application/json' \
            -d @"$work/request.json" "$url/api/v1/verifications" 2>>"$work/curl.err") || code=$?
        echo "$code $status $file"
        [ $code -eq 0 ] || return 0
    done
}

lw init --url "$url" --listen "127.0.0.1:$port" --development >/dev/null || exit 1
lw catalog load "$project/docs/example-city" >/dev/null || exit 1
lw license issue --type business-license --number A-1 --holder 999:1234-1 --claim legal_name=Bakery \
    --claim "address=1 Market Street" --claim category=Food --claim expiry_date=2099-01-15 >/dev/null || exit 1

for round in $(seq $rounds); do
    start || { out=$(cat "$log"); not_ok "round $round: the service starts" "no start"; break; }
    lw present A-1 --disclose legal_name --key "$work/key.pem" --out "$work/a.txt" >/dev/null 2>&1
    printf '{"presentation":"%s"}' "$(cat "$work/a.txt")" >"$work/request.json"
    asking=
    for i in $(seq $clients); do client "$i" >"$work/said.$i" & asking="$asking $!"; done
    sleep "0.$((3 * round))"
    kill -TERM "$server"
    code=0; wait "$server" || code=$?
    for p in $asking; do wait "$p"; done
    # By its own measure: it leaves what is under way after five seconds, and ends with 3.
    out=$(cat "$log"); verdict "round $round: SIGTERM ends the service within its time" 0 $code "event=stopping"
    cat "$work"/said.* >"$work/said"
    out=$(grep -Ev '^(0 200|7 000) ' "$work/said"; cat "$work/curl.err" 2>/dev/null)
    grep -Eqv '^(0 200|7 000) ' "$work/said" &&
        not_ok "round $round: every client is answered, or was not taken" "an answer was lost" ||
        ok "round $round: every client is answered, or was not taken"
    grep '^0 200 ' "$work/said" | cut -d' ' -f3 | xargs -r grep -ohE '"receipt":"[A-Za-z0-9_-]+"' | cut -d'"' -f4 >>"$work/receipts"
    [ "$(grep -c '^7 ' "$work/said")" -eq $clients ] && ok "round $round: while all of them were asking" ||
        not_ok "round $round: while all of them were asking" "a client had ended"
done

start || not_ok "it starts again" "no start"
acknowledged=$(sort -u "$work/receipts" | wc -l)
[ "$acknowledged" -ge $((rounds * clients)) ] && ok "verifications were acknowledged" || not_ok "verifications were acknowledged" "$acknowledged"
[ "$acknowledged" -eq "$(wc -l <"$work/receipts")" ] && ok "each with a receipt of its own" || not_ok "each with a receipt of its own" "some twice"
until_holds curl -fsS --max-time 60 "$url/api/v1/audit/head" # which covers them all
sed "s|.*|url=$url/api/v1/receipts/&|; s|\$|\noutput=/dev/null|" "$work/receipts" >"$work/curl.conf"
curl -sS --max-time 60 -w '%{http_code}\n' -K "$work/curl.conf" >"$work/codes" 2>"$work/curl.err"
out=$(sort "$work/codes" | uniq -c; cat "$work/curl.err")
[ "$(grep -c '^200$' "$work/codes")" -eq "$acknowledged" ] && ok "every one that was acknowledged is in the log" ||
    not_ok "every one that was acknowledged is in the log" "of $acknowledged"
check "and the log is whole" 0 "whole" lw audit check
finish
