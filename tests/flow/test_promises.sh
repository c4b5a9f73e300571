#!/usr/bin/env bash
# What the commands promise besides the story: nothing overwritten, nothing dropped in silence.
# usage: test_promises.sh --bin DIR
set -euo pipefail
project=$(cd "$(dirname "$0")/../.." && pwd)
[ "${1:-}" = --bin ] || { echo "test_promises: --bin DIR is missing" >&2; exit 2; }
bin=$(cd "$2" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/license-wallet.XXXXXX")
server_pid=
clean_up() {
    [ -n "$server_pid" ] && kill "$server_pid" 2>/dev/null && wait "$server_pid" 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT
export LW_HOME=$work/home PATH=$bin:$PATH
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY

failed=0
ok() { printf 'ok: %s\n' "$1"; }
not_ok() { printf 'not ok: %s\n%s\n' "$1" "$out"; failed=1; }
out=
# expect NAME CODE COMMAND...: runs it, keeps its output in $out, and looks at the exit code.
expect() {
    local name=$1 want=$2 code=0; shift 2
    out=$("$@" 2>&1) || code=$?
    if [ "$code" -eq "$want" ]; then ok "$name"; else not_ok "$name (exit code $code, not $want)"; fi
}
says() { case "$out" in *"$2"*) ok "$1" ;; *) not_ok "$1" ;; esac; }

mkdir -p "$work/lost/token"
echo '{"base_url": "https://old.example"}' >"$work/lost/config.json"
expect "init leaves a token without a store alone" 1 lw init --home "$work/lost" --url https://new.example
out=$(cat "$work/lost/config.json")
says "and its configuration" 'https://old.example'
expect "init refuses a URL that it cannot serve" 2 lw init --home "$work/bad" --url ftp://x
[ ! -e "$work/bad/config.json" ] && ok "and writes no configuration" || not_ok "a configuration was written"

port=$((20000 + RANDOM % 20000))
url=http://localhost:$port
pids=()
for i in 1 2 3 4; do lw init --url "$url" --listen "127.0.0.1:$port" --development >"$work/init.$i" 2>&1 & pids+=($!); done
made=0
for p in "${pids[@]}"; do wait "$p" && made=$((made + 1)); done
out=$(cat "$work"/init.*)
[ "$made" -eq 1 ] && ok "of four inits at once one makes the home" || not_ok "$made inits made the home"
expect "and the home it made can sign" 0 lw catalog load "$project/docs/example-city"

claims=(--claim legal_name=Bakery --claim address=1 --claim category=Food --claim expiry_date=2099-01-01)
expect "a number with a quote is issued" 0 lw license issue --type business-license --number 'Q"1' \
    --holder 999:1-1 "${claims[@]}" --json
says "and printed as JSON" '"number":"Q\"1"'

lw serve >"$work/serve.log" 2>&1 &
server_pid=$!
for _ in $(seq 600); do curl -fsS "$url/readyz" >/dev/null 2>&1 && break; sleep 0.1; done
expect "the service is there" 0 curl -fsS "$url/readyz"
sed -i "s|$url|http://localhost:1|" "$LW_HOME/config.json"
kill -HUP "$server_pid"
for _ in $(seq 600); do grep -q config_read "$work/serve.log" && break; sleep 0.1; done
expect "the service answers after SIGHUP" 0 curl -fsS "$url/status"
says "and its address is the one it was started with" "$url/status/1"
sed -i "s|http://localhost:1\"|$url\"|" "$LW_HOME/config.json"

expect "an answer that is none is named" 3 lw verify LQ1:X --server "$url/nowhere"
says "as what it is" 'did not take the request'
expect "a time cannot be asked of a service" 2 lw verify LQ1:X --server "$url" --at 2026-01-01

lw present 'Q"1' --format dc+sd-jwt --aud "$url" --nonce once --key "$work/key.pem" --out "$work/jwt.txt"
expect "audience and nonce go to the service" 0 lw verify "$work/jwt.txt" --server "$url" --aud "$url" --nonce once
expect "and a nonce that differs is refused there" 1 lw verify "$work/jwt.txt" --server "$url" --aud "$url" --nonce twice
exit $failed
