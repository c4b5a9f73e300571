#!/usr/bin/env bash
# `lw serve` as a process: signals, a taken port, commands beside it. Also run under TSan.
# usage: test_service_process.sh --bin DIR
# shellcheck source=tests/flow/check.sh
. "$(dirname "$0")/check.sh"

# Where it has to end though the token hangs, it leaves threads behind.
export TSAN_OPTIONS="${TSAN_OPTIONS:-} report_thread_leaks=0"

port=$(free_port)
url=http://localhost:$port
log=$work/serve.log
server=

start() { # start [ARGS]: runs the service; its log is in $log
    : >"$log"
    lw serve "$@" >>"$log" 2>&1 </dev/null & server=$!
    pids="$pids $server"
    until_says 'event=started' && ok "${name:-the service starts}" || { out=$(cat "$log"); not_ok "${name:-the service starts}" "no start"; }
}
runs() { kill -0 "$server" 2>/dev/null; }
is_over() { ! runs; }
says_or_ends() { grep -q -- "$1" "$log" || is_over; }
until_says() { # until_says TEXT: waits until the log says it
    until_holds says_or_ends "$1"
    grep -q -- "$1" "$log"
}
ended() { # ended NAME SIGNAL [CODE]: the service ends, with 0 unless told; with 3 when it had to hurry
    local code=0
    [ -z "$2" ] || kill "-$2" "$server"
    until_holds is_over || { out=$(cat "$log"); not_ok "$1" "it does not end"; kill -KILL "$server"; wait "$server" 2>/dev/null; return; }
    wait "$server" || code=$?
    out=$(cat "$log"); verdict "$1" "${3:-0}" "$code" "event=stopping"
}
get() { curl -sS --max-time 60 "$@" </dev/null; }
refuses() { ! get -f "$url/healthz"; }
# The service has taken a connection and read from it; no answer was sent yet.
is_under_way() {
    awk -v port="$(printf ':%04X' "$port")" '$2 ~ port "$" && $4 == "01" && $5 ~ /:00000000$/ && $10 != 0 { n++ }
        END { exit n == 0 }' /proc/net/tcp
}
verify_text() { get -H 'Content-Type: application/json' -d "{\"presentation\":\"$1\"}" "$url/api/v1/verifications"; }
present() { lw present A-1 --disclose legal_name --key "$work/key.pem" --out "$1"; }
signers() { pgrep -P "$server" 2>/dev/null || ps -o pid= --ppid "$server"; }

lw init --url "$url" --listen "127.0.0.1:$port" --development >/dev/null || exit 1
lw catalog load "$project/docs/example-city" >/dev/null || exit 1
lw license issue --type business-license --number A-1 --holder 999:1234-1 --claim legal_name=Bakery \
    --claim "address=1 Market Street" --claim category=Food --claim expiry_date=2099-01-15 >/dev/null || exit 1

start
check "it says that it is for development" 0 "development=true" cat "$log"
check "it is ready" 0 "token ok" get -f "$url/readyz"

# --- another one on the same port ----------------------------------------------------------------
out=$(lw serve 2>&1 </dev/null); verdict "a second service on the same port" 3 $? "in use"
[ "$(printf '%s\n' "$out" | grep -c '^lw serve')" -eq 1 ] && ok "says so once" || not_ok "says so once" "more"
check "the first goes on" 0 "ok" get -f "$url/healthz"

# --- commands beside it ----------------------------------------------------------------------------
present "$work/a.txt" >/dev/null 2>&1
check "a presentation is accepted" 0 '"result":"accepted"' verify_text "$(cat "$work/a.txt")"
check "also by lw verify --server" 0 '"result":"accepted"' lw verify "$work/a.txt" --server "$url"
lw license suspend A-1 --reason "a test" >/dev/null
present "$work/b.txt" >/dev/null 2>&1 # not shown: it is suspended
lw present A-1 --disclose legal_name --key "$work/key.pem" --any-state --out "$work/c.txt" >/dev/null 2>&1
check "what a command suspends, the service refuses" 0 '"code":"suspended"' verify_text "$(cat "$work/c.txt")"
check "and lw verify --server says so" 1 '"code":"suspended"' lw verify "$work/c.txt" --server "$url"
lw license resume A-1 --reason "a test" >/dev/null
present "$work/d.txt" >/dev/null 2>&1
check "and accepts again when it is resumed" 0 '"result":"accepted"' verify_text "$(cat "$work/d.txt")"
pin=$(lw key list --json | tr '{' '\n' | sed -nE '/"tl"/s/.*"sha256": ?"([0-9a-f]{64})".*/\1/p' | head -n 1)
complains "a pin of another key" 1 "" lw sync --server "$url" --to "$work/other" --pin "$(printf '%064d' 0)"
holds "leaves no trust list" test ! -e "$work/other/trust-list.cwt"
check "lw sync" 0 "" lw sync --server "$url" --to "$work/offline" --pin "$pin"
present "$work/e.txt" >/dev/null 2>&1
check "and verification without the service" 0 '"as_of"' lw verify "$work/e.txt" --offline "$work/offline" --json

# --- SIGHUP -----------------------------------------------------------------------------------------
cp "$LW_HOME/config.json" "$work/config.json"
sed -E 's/"log_level": *"info"/"log_level":"loud"/' "$work/config.json" >"$LW_HOME/config.json"
kill -HUP "$server"
until_says 'event=config_kept.*setting=/log_level' && ok "SIGHUP keeps the configuration when the new one is bad, and names the setting" ||
    { out=$(cat "$log"); not_ok "SIGHUP keeps the configuration when the new one is bad, and names the setting" "not logged"; }
echo nonsense >"$LW_HOME/config.json"; : >"$log"
kill -HUP "$server"
until_says 'event=config_kept' && ok "and when it is no JSON" || not_ok "and when it is no JSON" "not logged"
check "the service goes on" 0 '"result":"accepted"' verify_text "$(present "$work/f.txt" >/dev/null 2>&1; cp "$work/config.json" "$LW_HOME/config.json"; present "$work/f.txt" >/dev/null 2>&1; cat "$work/f.txt")"
sed -E "s/\"log_level\": *\"info\"/\"log_level\":\"debug\"/; s|\"base_url\": *\"[^\"]*\"|\"base_url\":\"http://localhost:1\"|" "$work/config.json" >"$LW_HOME/config.json"
kill -HUP "$server"
until_says 'event=config_read' && ok "SIGHUP takes a good one" || not_ok "SIGHUP takes a good one" "not logged"
until_says 'event=setting_changed setting=log_level' && ok "says what changed" || not_ok "says what changed" "not logged"
until_says 'event=setting_needs_restart setting=base_url' && ok "and what needs a restart" || not_ok "and what needs a restart" "not logged"
get "$url/healthz" >/dev/null
until_says 'level=debug event=http' && ok "its log level counts at once" || not_ok "its log level counts at once" "nothing at level debug"
# A deadline far shorter counts for connections made from now on.
sed -E "s/\"http_deadline_ms\": *[0-9]+/\"http_deadline_ms\":400/; s/\"log_level\": *\"info\"/\"log_level\":\"debug\"/" "$work/config.json" >"$LW_HOME/config.json"
kill -HUP "$server"
until_says 'setting=http_deadline_ms' && ok "SIGHUP takes a deadline" || not_ok "SIGHUP takes a deadline" "not logged"
shut_within() { # shut_within SECONDS: a peer that says nothing is shut out by then
    exec 9<>"/dev/tcp/127.0.0.1/$port" && timeout "$1" cat <&9 >/dev/null; local code=$?
    exec 9>&-
    [ $code -eq 0 ]
}
holds "which ends a silent peer" shut_within 25 # by the deadline of before it would be 30
cp "$work/config.json" "$LW_HOME/config.json"
kill -HUP "$server"
present "$work/g.txt" >/dev/null 2>&1
check "all else only after a restart" 0 '"result":"accepted"' verify_text "$(cat "$work/g.txt")"

# --- SIGTERM ------------------------------------------------------------------------------------------
# The signers stand still, so a request for the log's head, which is to be signed, is under way.
stop_signers() { local s; stopped=$(signers); for s in $stopped; do kill -STOP "$s"; done; }
go_signers() { local s; for s in $stopped; do kill -CONT "$s" 2>/dev/null; done; }
present "$work/h.txt" >/dev/null 2>&1
until_holds get -f "$url/api/v1/audit/head" # what was logged until now is signed
stop_signers
check "verification needs no signer" 0 '"result":"accepted"' verify_text "$(cat "$work/h.txt")"
get -o "$work/head" -w '%{http_code}' "$url/api/v1/audit/head" >"$work/code" 2>"$work/stderr" & asking=$!
until_holds is_under_way
kill -TERM "$server"
until_holds refuses && ok "after SIGTERM it takes no new requests" || not_ok "after SIGTERM it takes no new requests" "one was answered"
runs && ok "and lets a request under way end" || { out=$(cat "$log"); not_ok "and lets a request under way end" "the service is gone"; }
go_signers
wait "$asking"; out=$(cat "$work/code" "$work/stderr")
[ "$(cat "$work/code")" = 200 ] && ok "which gets its answer" || not_ok "which gets its answer" "code $(cat "$work/code")"
ended "and then it ends" ""

name="it starts again" start
present "$work/i.txt" >/dev/null 2>&1
until_holds get -f "$url/api/v1/audit/head"
stop_signers
verify_text "$(cat "$work/i.txt")" >/dev/null
get -o "$work/head" "$url/api/v1/audit/head" >/dev/null 2>&1 & asking=$!
until_holds is_under_way
ended "SIGTERM ends it though the token hangs" TERM 3
wait "$asking" 2>/dev/null
go_signers

name="and again" start
ended "SIGINT ends it" INT
fails "no signer stays behind" pgrep -f "$bin/lw-signer.*$LW_HOME"

# --- a unix socket ------------------------------------------------------------------------------------
sed -E "s|\"listen\": *\"[^\"]*\"|\"listen\":\"unix:$work/lw.sock\"|" "$work/config.json" >"$LW_HOME/config.json"
name="it listens on a unix socket" start
check "which answers" 0 "ok" get -f --unix-socket "$work/lw.sock" http://localhost/healthz
kill -KILL "$server"; wait "$server" 2>/dev/null
name="a socket that a killed one left is replaced" start
check "and answers again" 0 "ok" get -f --unix-socket "$work/lw.sock" http://localhost/healthz
ended "and ends" TERM
check "the log is whole" 0 "whole" lw audit check
finish
