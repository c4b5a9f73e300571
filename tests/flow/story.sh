#!/usr/bin/env bash
# The main job from one end to the other, on a real register: told by `./dev demo`, asserted as a
# flow test. Each step says what it expects; the first that turns out otherwise ends the story.
# usage: story.sh --bin DIR [--tell] [--once] [--register FILE] [--keep DIR]
set -euo pipefail
project=$(cd "$(dirname "$0")/../.." && pwd)

bin= tell= once=1 register= keep= port=
while [ $# -gt 0 ]; do
    case "$1" in
    --bin) bin=$(cd "$2" && pwd); shift ;;
    --tell) tell=1; once= ;;
    --once) once=1 ;;
    --register) register=$2; shift ;;
    --keep) keep=$2; shift ;;
    *) echo "story: unknown option $1" >&2; exit 2 ;;
    esac
    shift
done
[ -n "$bin" ] || { echo "story: --bin DIR is missing" >&2; exit 2; }
[ -z "$register" ] || [ -r "$register" ] || { echo "story: cannot read the register $register" >&2; exit 2; }
register=${register:+$(realpath "$register")}
real=$project/../shared/data/chicago-business-licenses.csv
if [ -z "$register" ] && [ -r "$real" ]; then
    register=$(realpath "$real"); which="the real register of business licenses beside this project"
elif [ -z "$register" ]; then
    register=$project/docs/example-city/registers/business-licenses.csv
    which="the example city's own register (the real one is not here)"
else
    which="the register that was named"
fi

work=${keep:-$(mktemp -d "${TMPDIR:-/tmp}/license-wallet.XXXXXX")}
mkdir -p "$work"; work=$(cd "$work" && pwd)
server_pid=
clean_up() {
    [ -n "$server_pid" ] && kill "$server_pid" 2>/dev/null && wait "$server_pid" 2>/dev/null
    [ -n "$keep" ] || rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export LW_HOME=$work/home PATH=$bin:$PATH
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY

steps=0
bold= plain=
[ -t 1 ] && { bold=$'\033[1m'; plain=$'\033[0m'; }
step() { steps=$((steps + 1)); printf '\n%s%2d. %s%s\n' "$bold" "$steps" "$*" "$plain"; }
fail() { printf 'not ok: step %d: %s\n' "$steps" "$*"; exit 1; }

# run CODE COMMAND...: runs it, keeps its output in $out, and insists on the exit code.
out=
run() {
    local want=$1 code=0; shift
    [ -n "$tell" ] && printf '   $ %s\n' "$(short "$*")"
    out=$("$@" 2>&1) || code=$?
    [ -n "$tell" ] && [ -n "$out" ] && printf '%s\n' "$out" | cut -c1-150 | head -n "${lines:-12}" | sed 's/^/     /'
    [ "$code" -eq "$want" ] || fail "exit code $code, not $want, of: $*
$out"
}
short() { printf '%s' "${1//$work\//}" | sed "s|$project/||g" | cut -c1-140; }
has() { case "$out" in *"$1"*) ;; *) fail "the output does not say $1:
$out" ;; esac; }
lacks() { case "$out" in *"$1"*) fail "the output says $1:
$out" ;; esac; }
# field NAME: the first text or number member of that name in the JSON output.
field() { printf '%s' "$out" | grep -oE "\"$1\": ?(\"[^\"]*\"|[0-9]+|true|false)" | head -n 1 | sed -E 's/^"[^"]*": ?//; s/"//g'; }
later() { date -u -d "@$(($(date +%s) + $1))" +%Y-%m-%dT%H:%M:%SZ; }

free_port() {
    local p
    for p in "$@"; do
        (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; return; }
    done
    fail "none of these ports is free: $*" >&2
}
start_server() {
    lw serve --home "$LW_HOME" >"$work/serve.log" 2>&1 &
    server_pid=$!
    local i
    for i in $(seq 600); do
        curl -fsS "$url/readyz" >/dev/null 2>&1 && return 0
        kill -0 "$server_pid" 2>/dev/null || { cat "$work/serve.log"; fail "the service ended"; }
        sleep 0.1
    done
    cat "$work/serve.log"; fail "the service does not answer"
}

if [ -n "$tell" ] && [ -z "$once" ]; then port=$(free_port 8080); else
    port=$(free_port $((10000 + RANDOM % 20000)) $((10000 + RANDOM % 20000)) $((10000 + RANDOM % 20000))); fi
url=http://localhost:$port

step "A new home: token, keys, certificates, store"
run 0 lw init --url "$url" --listen "127.0.0.1:$port" --development
run 1 lw init --url "$url" --development
has "already"

step "The example city: agencies and license types"
lines=20 run 0 lw catalog load "$project/docs/example-city"

step "The register: $which"
[ -n "$tell" ] && echo "   All its terms lie in the past: every date is moved by one constant number of days."
cp "$register" "$work/register.csv" # bad rows go beside it
import=("$work/register.csv" --type business-license --map "$project/docs/example-city/maps/business-licenses.json" --shift-days auto)
lines=20 run 0 lw license import "${import[@]}"
shift_line=$(printf '%s\n' "$out" | grep -i 'days' || true)
[ -n "$shift_line" ] || fail "the import does not say by how many days it moved the dates"

step "The second month: the same file signs nothing, a changed row is the next version"
run 0 lw license import "${import[@]}" --json
[ "$(field issued)" = 0 ] && [ "$(field changed)" = 0 ] || fail "a second import issued licenses again"
awk 'NR > 2 && !done && /,AAI,/ { done = sub(/,CHICAGO,/, ",EVANSTON,") || sub(/,LANHAI,/, ",NANTONG,") } { print }' "$register" >"$work/second-month.csv"
run 0 lw license import "$work/second-month.csv" "${import[@]:1}"
cmp -s "$register" "$work/second-month.csv" || has "0 new, 1 changed"
run 0 lw license batch list

step "Licenses by state"
for state in active revoked cancelled superseded expired; do
    run 0 lw license list --state "$state" --limit 3
done
run 0 lw license list --state active --limit 1 --json
number=$(field number)
[ -n "$number" ] || fail "no active license"
run 0 lw license list --state revoked --limit 1 --json
revoked=$(field number)
run 0 lw license show "$number"

step "The service, on loopback"
start_server
[ -n "$tell" ] && echo "   lw serve listens on $url"

step "Present license $number as a QR code, two claims disclosed"
key=$work/holder.pem
run 0 lw present "$number" --disclose legal_name,category --key "$key" --out "$work/first.png"
[ "$(stat -c %a "$key")" = 600 ] || fail "the holder's key has mode $(stat -c %a "$key")"
[ "$(stat -c %a "$work/first.png")" = 600 ] || fail "the picture, which holds claims, has mode $(stat -c %a "$work/first.png")"
first=$work/first.png

step "Verify the picture: accepted, exactly two claims"
run 0 lw verify "$first"
run 0 lw verify "$first" --json
has "seen before"
run 0 lw present "$number" --disclose legal_name,category --key "$key" --out "$work/again.png"
run 0 lw verify "$work/again.png" --json
[ "$(field result)" = accepted ] || fail "not accepted"
claims=$(printf '%s' "$out" | sed -nE 's/.*"claims": ?\{([^}]*)\}.*/\1/p')
[ "$(printf '%s' "$claims" | grep -oE '"[a-z_]+": ?"' | wc -l)" -eq 2 ] || fail "not exactly two claims: $claims"

step "The same picture, sent over HTTP"
run 0 lw present "$number" --disclose legal_name,category --key "$key" --out "$work/http.png"
run 0 curl -fsS -H 'Content-Type: image/png' --data-binary "@$work/http.png" "$url/api/v1/verifications"
[ "$(field result)" = accepted ] || fail "not accepted over HTTP"

# state STATE-COMMAND REASON EXIT RESULT-CODE: change the state, present anew, verify.
anew() { # anew EXIT REASON-CODE: the same credential shown again; `--any-state` shows what is not active
    run 0 lw present "$number" --disclose legal_name --key "$key" --any-state --out "$work/anew.txt"
    run "$1" lw verify "$work/anew.txt" --json
    [ -z "$2" ] || has "\"code\":\"$2\""
}
step "Suspend it, present the same credential anew: refused, because suspended"
run 0 lw license suspend "$number" --reason "inspection is under way"
anew 1 suspended
step "Resume, anew: accepted"
run 0 lw license resume "$number" --reason "inspection passed"
anew 0 ""

step "Offline, with the lists fetched: accepted, with the list's age"
pin=$(lw key list --json | tr '{' '\n' | sed -nE '/"tl"/s/.*"sha256": ?"([0-9a-f]{64})".*/\1/p' | head -n 1)
[ -n "$pin" ] || fail "no pin of the trust list key"
run 2 lw sync --server "$url" --to "$work/offline"
run 0 lw sync --server "$url" --to "$work/offline" --pin "$pin"
run 0 lw present "$number" --disclose legal_name --key "$key" --out "$work/off.txt"
run 0 lw verify "$work/off.txt" --offline "$work/offline" --json
has '"as_of"'; has '"age_s"'

step "Offline, with a list past its end: undetermined"
run 0 lw present "$number" --disclose legal_name --key "$key" --at "$(later 90000)" --out "$work/late.txt"
run 4 lw verify "$work/late.txt" --offline "$work/offline" --at "$(later 90000)" --json
has '"code":"status_stale"'

step "A pass, then the license suspended: refused online, accepted offline \"as of\""
run 0 lw pass "$number" --profile storefront --key "$key" --out "$work/pass.txt"
run 0 lw pass "$number" --profile storefront --key "$key" --out "$work/pass2.txt"
run 0 lw verify "$work/pass.txt" --json
run 0 lw license suspend "$number" --reason "second inspection"
run 1 lw verify "$work/pass2.txt" --json
has '"code":"suspended"'
run 0 lw verify "$work/pass2.txt" --offline "$work/offline" --json
has '"as_of"'
run 0 lw license resume "$number" --reason "passed again"

step "Challenge mode: accepted; the same answer given twice: refused"
run 0 lw verify --new-challenge
challenge=$(printf '%s\n' "$out" | grep -o 'LC1:.*' | head -n 1)
run 0 lw present "$number" --disclose legal_name --key "$key" --challenge "$challenge" --out "$work/answer.txt"
run 0 lw verify "$work/answer.txt" --json
run 1 lw verify "$work/answer.txt" --json

step "Revoke it, anew: refused, because revoked; it cannot come back"
run 0 lw license revoke "$number" --reason "licence obtained by deceit"
anew 1 revoked
run 1 lw license resume "$number" --reason "mistake"
run 1 lw present "$number" --disclose legal_name --key "$key" --out "$work/no.png"
has "revoked"

step "A license that is revoked in the register ($revoked): nothing to show"
run 1 lw present "$revoked" --disclose legal_name --key "$key" --out "$work/no.png"
has "revoked"
[ ! -e "$work/no.png" ] || fail "a picture was written all the same"

step "Another license: the picture ten minutes later is undetermined, use a challenge"
run 0 lw license list --state active --limit 1 --json
other=$(field number)
run 0 lw present "$other" --disclose legal_name,category --key "$key" --out "$work/other.png"
run 4 lw verify "$work/other.png" --at "$(later 600)" --json
has '"code":"out_of_date"'; has "challenge"

step "One byte of the text changed: refused"
run 0 lw present "$other" --disclose legal_name --key "$key" --out "$work/bend.txt"
text=$(cat "$work/bend.txt")
at=$((${#text} - 20)); c=A; [ "${text:at:1}" = A ] && c=B
printf '%s' "${text:0:at}$c${text:at+1}" >"$work/bent.txt"
run 1 lw verify "$work/bent.txt" --json
[ "$(field result)" = refused ] || fail "not refused"

step "The audit log: whole, its head signed, this license's entries proven"
run 0 lw audit check
run 0 lw audit head
run 0 lw audit prove "$number" --json
run 0 lw store check

step "Errors say what to do"
printf 'not an image' >"$work/bad.png"
run 1 lw verify "$work/bad.png"
run 1 lw verify "LX1:ABC"
run 1 lw verify "LQ1:%"
run 1 lw present NO-SUCH-NUMBER --disclose legal_name --key "$key" --out "$work/no.png"
run 1 lw present "$other" --disclose no_such_claim --key "$key" --out "$work/no.png"
has "no_such_claim"

printf '\nok: %d steps, each as expected\n' "$steps"
[ -n "$once" ] && exit 0
cat <<TEXT

The service runs on $url. Things to try, from another terminal:

  export LW_HOME=$LW_HOME PATH=$bin:\$PATH
  lw license list --state active
  lw present $other --disclose legal_name,category --key holder.pem --out -
  lw present $other --disclose legal_name --key holder.pem --out qr.png && lw verify qr.png
  curl --data-binary @qr.png -H 'Content-Type: image/png' $url/api/v1/verifications
  lw license suspend $other --reason "inspection"

Ctrl-C ends it.
TEXT
wait "$server_pid"
