# Sourced by the shell tests: a home of their own, and checks that print one line each, in the form
# that `./dev test` counts: "N: ok NAME", "N: not ok NAME", "N: skip NAME".
# shellcheck shell=bash
set -uo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

bin=
while [ $# -gt 0 ]; do
    case "$1" in
    --bin) bin=$(cd "$2" && pwd); shift ;;
    *) echo "unknown option $1" >&2; exit 2 ;;
    esac
    shift
done
[ -n "$bin" ] || { echo "--bin DIR is missing" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/license-wallet.XXXXXX")
pids=
clean_up() {
    local pid
    for pid in $pids; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
    [ -d "$work/small" ] && umount "$work/small" 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export LW_HOME=$work/home PATH=$bin:$PATH LC_ALL=C.UTF-8
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY

checks=0 bad=0 out= log= # log: the file of a service's, shown when a check fails
ok() { checks=$((checks + 1)); printf '%d: ok %s\n' "$checks" "$1"; }
skip() { checks=$((checks + 1)); printf '%d: skip %s\n' "$checks" "$1"; }
not_ok() {
    checks=$((checks + 1)); bad=$((bad + 1))
    printf '%d: not ok %s\n' "$checks" "$1"
    printf '    %s\n' "$2"
    printf '%s\n' "$out" | telling | cut -c1-300 | sed 's/^/    | /'
    if [ -n "$log" ] && [ -s "$log" ] && ! [ "$out" = "$(cat "$log")" ]; then
        printf '    the log of the service:\n'
        telling <"$log" | cut -c1-300 | sed 's/^/    | /'
    fi
}
# Passes on of a text what tells most: the report of a sanitizer, else its two ends.
telling() {
    awk '/Sanitizer|runtime error|Assertion / && !at { at = NR > 1 ? NR - 1 : 1 }
        { line[NR] = $0 }
        END { if (at) { for (i = at; i <= NR && i < at + 60; i++) print line[i] }
              else for (i = 1; i <= NR; i++) if (i <= 20 || i > NR - 20) print line[i] }'
}

# check NAME CODE TEXT COMMAND...: its exit code is CODE and its output says TEXT.
check() {
    local name=$1 want=$2 text=$3 code=0; shift 3
    out=$("$@" 2>&1 </dev/null) || code=$?
    verdict "$name" "$want" "$code" "$text"
}

verdict() { # verdict NAME WANTED-CODE CODE TEXT, of what stands in $out
    case "$out" in *Sanitizer* | *"runtime error"* | *"Assertion "*)
        not_ok "$1" "the program is at fault"; return ;;
    esac
    if [ "$3" -ne "$2" ]; then not_ok "$1" "exit code $3, not $2"; return; fi
    case "$out" in *"$4"*) ok "$1" ;; *) not_ok "$1" "the output does not say: $4" ;; esac
}

# complains NAME CODE TEXT COMMAND...: as check(), and says it in one message to standard error: what
# happened and, indented, what to do; nothing on standard output.
complains() {
    local name=$1 want=$2 text=$3 code=0 said; shift 3
    said=$("$@" 2>"$work/stderr" </dev/null) || code=$?
    out=$(cat "$work/stderr")
    if [ -n "$said" ]; then not_ok "$name" "standard output says $said"; return; fi
    if [ "$(printf '%s\n' "$out" | grep -c '^lw')" -ne 1 ] || [ "$(printf '%s\n' "$out" | wc -l)" -gt 3 ]; then
        not_ok "$name" "not one message"; return
    fi
    if [ "$want" -ne 2 ] && ! printf '%s\n' "$out" | grep -q '^  '; then
        not_ok "$name" "it does not say what to do"; return
    fi
    verdict "$name" "$want" "$code" "$text"
}

holds() { # holds NAME COMMAND...: the command succeeds
    local name=$1; shift
    if out=$("$@" 2>&1 </dev/null); then ok "$name"; else not_ok "$name" "failed: $*"; fi
}
fails() {
    local name=$1; shift
    if out=$("$@" 2>&1 </dev/null); then not_ok "$name" "did not fail: $*"; else ok "$name"; fi
}

# Waits until a command succeeds, a minute at most: a machine may do other things, too.
until_holds() {
    local i
    for ((i = 0; i < 1200; i++)); do
        "$@" >/dev/null 2>&1 </dev/null && return 0
        sleep 0.05
    done
    return 1
}

# Below the ports that the system gives to those who connect.
free_port() {
    local p i
    for i in 1 2 3 4 5 6 7 8; do
        p=$((10000 + RANDOM % 20000))
        (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; return; }
    done
    echo "no port is free" >&2; exit 1
}

finish() {
    printf '%d checks, %d failed\n' "$checks" "$bad"
    [ "$bad" -eq 0 ]
    exit
}
