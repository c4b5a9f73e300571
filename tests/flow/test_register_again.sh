#!/usr/bin/env bash
# The same register again, as a clerk gives it: twice, then with 20 rows changed, 5 removed and 3
# broken, then the same saved as GB18030, then the bad rows mended. The example city's own register
# always, the real one where it stands beside the project.
# usage: test_register_again.sh --bin DIR
# shellcheck source=tests/flow/check.sh
source "$(dirname "$0")/check.sh"

map=$project/docs/example-city/maps/business-licenses.json
member() { printf '%s' "$out" | grep -oE "\"$1\": ?[0-9]+" | head -n 1 | grep -oE '[0-9]+$'; }
# is NAME MEMBER WANTED...: members of the JSON in $out
is() {
    local name=$1; shift
    while [ $# -gt 0 ]; do
        [ "$(member "$1")" = "$2" ] || { not_ok "$name" "$1 is $(member "$1"), not $2"; return; }
        shift 2
    done
    ok "$name"
}
give() { # give NAME CODE TEXT ARGUMENT...
    local name=$1 code=$2 text=$3; shift 3
    check "$name" "$code" "$text" lw license import "$@" --type business-license --map "$map" --shift-days auto
}
# Each command that opens what is sealed is one entry in the log.
log_size() { lw audit check --json | grep -oE '"size": ?[0-9]+' | grep -oE '[0-9]+$'; }
active() { lw license list --state active --limit 100000 --json | tr '{' '\n' | sed -nE 's/.*"number": ?"([^"]*)".*/\1/p'; }

# register NAME FILE ROWS CITY: one line is bad in it, the second.
register() {
    local name=$1 rows=$3 city=$4 file=$work/$1/register.csv good=$(($3 - 1)) size
    LW_HOME=$work/$name/home
    mkdir "$work/$name"
    cp "$2" "$file"
    check "$name: a home" 0 "" lw init --url https://again.example --development
    check "$name: its catalogue" 0 "" lw catalog load "$project/docs/example-city"
    give "$name: the register is not written over" 2 "names a file that is there" "$file" --bad-rows "$work/$name/../$name/register.csv"
    check "$name: days that are none" 2 "is a number of days" lw license import "$file" --type business-license --map "$map" --shift-days soon
    cmp "$2" "$file" && ok "$name: the register is as it was" || not_ok "$name: the register is as it was" ""
    give "$name: first" 0 "" "$file" --json
    is "$name: all is new" rows "$rows" new "$good" changed 0 same 0 bad 1 gone 0 issued "$good"
    [ "$(wc -l <"$work/$name/bad-rows.csv")" -eq 2 ] && ok "$name: the bad row is beside it" ||
        not_ok "$name: the bad row is beside it" "$(cat "$work/$name/bad-rows.csv")"
    rm "$work/$name/bad-rows.csv"

    size=$(log_size)
    give "$name: the same again" 0 "0 new, 0 changed, $good the same, 1 bad row in $work/$name/bad-rows.csv" "$file"
    [ "$(log_size)" = $((size + 1)) ] && ok "$name: nothing was written" || not_ok "$name: nothing was written" "$(log_size)"
    rm "$work/$name/bad-rows.csv"

    # Removed: five numbers in force with one row each. Broken: a state that is none. Changed: the city.
    active >"$work/$name/active"
    awk -F, -v city=",$city," -v active="$work/$name/active" '
        BEGIN { while ((getline n < active) > 0) is_active[n] = 1 }
        FNR == NR { match($0, /,[0-9]+,(ISSUE|RENEW|C_LOC|C_CAPA|C_EXPA)/); n = substr($0, RSTART + 1); sub(/,.*/, "", n); of[FNR] = n; seen[n]++; next }
        FNR > 2 && is_active[of[FNR]] && seen[of[FNR]] == 1 && removed < 5 { removed++; next }
        FNR > 2 && /,AAI,/ && broken < 3 { broken++; sub(/,AAI,/, ",XXX,"); print; next }
        FNR > 2 && index($0, city) && changed < 20 { changed++; i = index($0, city); print substr($0, 1, i) "芝加哥" substr($0, i + length(city) - 1); next }
        { print }' "$file" "$file" >"$work/$name/next.csv"
    [ $(($(wc -l <"$file") - $(wc -l <"$work/$name/next.csv"))) -eq 5 ] && [ "$(grep -c 芝加哥 "$work/$name/next.csv")" -eq 20 ] &&
        ok "$name: the next month's" || not_ok "$name: the next month's" "not as meant"
    local same=$((good - 28))
    check "$name: seen before" 0 "nothing was done (dry run): 0 new, 20 changed, $same the same, 4 bad rows" \
        lw license import "$work/$name/next.csv" --type business-license --map "$map" --shift-days auto --dry-run
    [ ! -e "$work/$name/bad-rows.csv" ] && ok "$name: a dry run leaves no file" || not_ok "$name: a dry run leaves no file" ""
    give "$name: changed, removed, broken" 0 "" "$work/$name/next.csv" --json
    is "$name: does what it says" new 0 changed 20 same "$same" bad 4 gone 5 gone_revoked 0 issued 20 state_changes 0
    [ "$(active | sort | comm -13 - <(sort "$work/$name/active") | wc -l)" -eq 0 ] && ok "$name: nobody lost a license" ||
        not_ok "$name: nobody lost a license" "$(active)"

    iconv -f UTF-8 -t GB18030 "$work/$name/next.csv" >"$work/$name/gb.csv"
    size=$(log_size)
    give "$name: the same in GB18030" 0 "0 new, 0 changed, $((same + 20)) the same, 4 bad rows in $work/$name/bad-rows-2.csv" \
        "$work/$name/gb.csv" --encoding gb18030
    case "$out" in *"5 no longer in the register: kept"*"--gone revoke"*) ok "$name: and how to decide" ;; *) not_ok "$name: and how to decide" "" ;; esac
    [ "$(log_size)" = $((size + 1)) ] && ok "$name: nothing was written for it" || not_ok "$name: nothing was written for it" ""

    # The file of bad rows, mended: a part by its first column, whatever else the store has.
    [ "$(head -c 10 "$work/$name/bad-rows.csv")" = "lw:reason," ] && grep -q '"\{0,1\}LICENSE STATUS: has a value' "$work/$name/bad-rows.csv" &&
        ok "$name: bad rows say why" || not_ok "$name: bad rows say why" "$(head -n 2 "$work/$name/bad-rows.csv")"
    sed 's/,XXX,/,AAI,/' "$work/$name/bad-rows.csv" >"$work/$name/mended.csv"
    give "$name: bad rows given as they are" 1 "0 new, 0 changed, 0 the same, 4 bad rows in $work/$name/bad-rows-3.csv" "$work/$name/bad-rows.csv"
    cmp -s "$work/$name/bad-rows.csv" "$work/$name/bad-rows-3.csv" && ok "$name: come out as they went in" ||
        not_ok "$name: come out as they went in" "$(diff "$work/$name/bad-rows.csv" "$work/$name/bad-rows-3.csv" | head -n 5)"
    give "$name: the bad rows mended" 0 "" "$work/$name/mended.csv" --json
    is "$name: are the same as before" new 0 changed 0 same 3 bad 1 gone 0
    case "$out" in *'"part":true'* | *'"part": true'*) ok "$name: as a part" ;; *) not_ok "$name: as a part" "" ;; esac

    head -n 1 "$work/$name/next.csv" >"$work/$name/cut.csv"
    give "$name: a file cut short" 1 "in force no longer in the register: kept, as they are so many" "$work/$name/cut.csv" --gone revoke
    give "$name: what is gone, revoked" 0 "5 no longer in the register: revoked" "$work/$name/next.csv" --gone revoke
    [ "$(active | sort | comm -13 - <(sort "$work/$name/active") | wc -l)" -eq 5 ] && ok "$name: five are" || not_ok "$name: five are" "$(active)"
    give "$name: and is not gone again" 0 "" "$work/$name/next.csv" --gone revoke --json
    is "$name: nothing left to decide" gone 0 changed 0 same "$((same + 20))"
    check "$name: the log is whole" 0 "whole" lw audit check
    check "$name: the store is whole" 0 "" lw store check
}

register city "$project/docs/example-city/registers/business-licenses.csv" 200 LANHAI
real=$project/../shared/data/chicago-business-licenses.csv
if [ -r "$real" ]; then
    register real "$real" 374 CHICAGO
else
    skip "the real register: it is not here"
fi

check "--gone takes no other word" 2 "--gone is revoke or keep" lw license import a.csv --type t --map m --gone drop
check "--gone-max goes with --gone revoke" 2 "--gone-max" lw license import a.csv --type t --map m --gone keep --gone-max 3
check "--gone-max is a number" 2 "--gone-max" lw license import a.csv --type t --map m --gone revoke --gone-max all
check "--states takes no other word" 2 "--states is set or keep" lw license import a.csv --type t --map m --states no
check "a part has nothing that is gone" 2 "--part" lw license import a.csv --type t --map m --part --gone revoke
# A column whose name is a formula: the reason that names it is none, the row stays as it came.
printf 'NO,ACC,NAME,FROM,=1+1,ISSUED,STATE,ADDR,CAT\nF-1,A-1,-Comp,2026-01-01,never,2026-01-01,AAI,+Main,@Food\n' >"$work/formula.csv"
cat >"$work/formula.json" <<'EOF'
{"number": "NO", "holder": {"type": "999", "code": "ACC", "name": "NAME", "role": "holder"},
 "valid_from": "FROM", "valid_until": "=1+1", "issued": "ISSUED", "date_format": "%Y-%m-%d", "encoding": "auto",
 "state": {"column": "STATE", "values": {"AAI": "active"}},
 "claims": {"legal_name": "NAME", "address": "ADDR", "category": "CAT", "expiry_date": "=1+1"}}
EOF
check "a column named as a formula" 1 "1 bad row" lw license import "$work/formula.csv" --type business-license --map "$work/formula.json" --register formula --bad-rows "$work/formula-bad.csv"
out=$(tail -n 1 "$work/formula-bad.csv")
case "$out" in "'=1+1: "*",F-1,A-1,-Comp,"*",+Main,@Food") ok "its reason is no formula" ;; *) not_ok "its reason is no formula" "$out" ;; esac
finish
