#!/usr/bin/env bash
# Sheets as offices save them, at the command line: what they are is recognised or asked, a map is
# proposed and imports, damage is told by line, column and what to do. usage: test_sheets.sh --bin DIR
# shellcheck source=tests/flow/check.sh
. "$(dirname "$0")/check.sh"

city=$project/docs/example-city
register=$city/registers/business-licenses.csv
map=$work/map.json
check "a home" 0 "A new home" lw init --url http://localhost:1 --development
holds "the catalogue" lw catalog load "$city"

# --- a map proposed -----------------------------------------------------------------------------
check "a map for the example city's register" 0 "199 of the first 200 rows are good" \
    lw license map "$register" --type business-license --out "$map"
complains "a map is not written over" 1 "there already" lw license map "$register" --type business-license --out "$map"
holds "but with --force" lw license map "$register" --type business-license --out "$map" --force
check "the map imports" 0 "200 rows: 199 good, 1 left out" \
    lw license import "$register" --type business-license --map "$map" --dry-run
out=$(lw license map "$register" --type business-license --out - 2>/dev/null)
[ "$out" = "$(cat "$map")" ] && ok "--out - gives the map alone" || not_ok "--out - gives the map alone" "it differs"
check "as JSON" 0 '"complete":true' lw license map "$register" --type business-license --json
complains "a type that is not there" 1 "no such license type" lw license map "$register" --type none
complains "no type" 2 "--type" lw license map "$register"
complains "no file" 1 "cannot read" lw license map "$work/none.csv" --type business-license
printf 'x,y\n1,2\n' >"$work/x.csv"
check "a file that says nothing" 1 "missing: number" lw license map "$work/x.csv" --type business-license
printf '%s\n%s\n' '证号,身份证号,姓名,残疾类别,残疾等级,发证日期,有效期至' \
    'D-1,329901198804120038,沈澜舟,视力,一级,2024-01-05,2034-01-04' >"$work/people.csv"
lw license map "$work/people.csv" --type disability-certificate >"$work/shown" 2>&1
grep -q '32\*\*\*\*' "$work/shown" && ! grep -q -e 19880412 -e 沈澜舟 "$work/shown" &&
    ok "no identity number or name is shown whole" || not_ok "no identity number or name is shown whole" "$(cat "$work/shown")"

# --- encodings and delimiters -------------------------------------------------------------------
import() { lw license import "$1" --type business-license --map "$map" --dry-run "${@:2}"; }
iconv -f UTF-8 -t GB18030 "$register" >"$work/gb.csv"
{ printf '\xff\xfe'; iconv -f UTF-8 -t UTF-16LE "$register"; } >"$work/wide.csv"
{ printf '\xff\xfe'; printf 'a\0\0\xd8b\0'; } >"$work/half.csv"
printf 'NO\tX,Y\n1\t2,3\n' >"$work/two.csv"
printf 'NO,X\n1,caf\xc3\xa9\n' >"$work/latin.csv"
check "GB18030 is recognised" 0 "200 rows: 199 good" import "$work/gb.csv"
check "UTF-16 is read" 0 "200 rows: 199 good" import "$work/wide.csv"
check "and as what it is not, refused" 1 "not UTF-8" import "$work/gb.csv" --encoding utf-8
complains "half a character" 1 "UTF-16" import "$work/half.csv"
check "a delimiter that is not certain" 1 "--delimiter" import "$work/two.csv"
check "an encoding that is not certain is named with its place" 1 "line 2, X" import "$work/latin.csv"
complains "an encoding that is none" 2 "--encoding" import "$work/gb.csv" --encoding big5
complains "a delimiter that is none" 2 "--delimiter" import "$work/gb.csv" --delimiter '|'
complains "people, too: an encoding that is none" 2 "--encoding" lw person import "$work/gb.csv" --encoding big5

# --- damage -------------------------------------------------------------------------------------
head -n 1 "$register" >"$work/bad.csv"
sed -n 3p "$register" | sed 's/,671696,/,4.30102E+17,/; s#05/15/2012#45292#' >>"$work/bad.csv"
check "scientific notation is named" 1 "line 2, LICENSE NUMBER: is a number in scientific notation" import "$work/bad.csv"
check "a date as a number says its day" 1 "2024-01-01, or 2028-01-02" import "$work/bad.csv"

finish
