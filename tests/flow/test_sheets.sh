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
check "the map imports" 0 "199 new, 0 changed, 0 the same, 1 bad row" \
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
check "GB18030 is recognised" 0 "199 new, 0 changed, 0 the same, 1 bad row" import "$work/gb.csv"
check "UTF-16 is read" 0 "199 new, 0 changed, 0 the same, 1 bad row" import "$work/wide.csv"
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

# --- photos -------------------------------------------------------------------------------------
cat >"$work/drivers.csv" <<'EOF'
档案编号,身份证号,姓,名,出生日期,发证日期,有效期至,准驾车型
D-1,329901198804120038,沈,澜舟,1988-04-12,2024-01-05,2034-01-04,C1
D-2,329901198804120038,沈,澜舟,1988-04-12,2024-01-05,2034-01-04,C2
D/3,329901198804120038,沈,澜舟,1988-04-12,2024-01-05,2034-01-04,C3
EOF
cat >"$work/drivers.json" <<'EOF'
{"number": "档案编号", "holder": {"type": "111", "code": "身份证号", "name": "{姓}{名}"},
 "valid_from": "发证日期", "valid_until": "有效期至", "issued": "发证日期", "state": {"constant": "active"},
 "claims": {"family_name": "姓", "given_name": "名", "birth_date": "出生日期", "issue_date": "发证日期",
  "expiry_date": "有效期至", "issuing_country": {"constant": "CN"}, "issuing_authority": {"constant": "公安局"},
  "document_number": "档案编号", "un_distinguishing_sign": {"constant": "CHN"}, "category": "准驾车型",
  "driving_privileges": {"constant": [{"vehicle_category_code": "B"}]}},
 "date_format": "year-first", "encoding": "auto"}
EOF
mkdir "$work/photos"
jpeg='\377\330\377\300\000\010\010\000\005\000\003\001\377\332\000\002\000\377\331'
printf "$jpeg" >"$work/photos/D-1.jpg"
printf "$jpeg" >"$work/photos/D-9.jpg"
printf 'GIF89a' >"$work/photos/D-2.jpg"
drivers() { lw license import "$work/drivers.csv" --type driving-license --map "${1:-$work/drivers.json}" "${@:2}"; }
check "photos are looked at, row by row" 0 "line 3, 档案编号: has a photo that is no JPEG or PNG" drivers "" --photos "$work/photos" --dry-run
case "$out" in *"line 4, 档案编号: cannot name a photo"*"1 file"*"not used: D-9.jpg"*) ok "a path in a number is refused, files not used are listed" ;;
*) not_ok "a path in a number is refused, files not used are listed" "" ;; esac
complains "a folder of photos that is not there" 1 "no such folder" drivers "" --photos "$work/none"
sed 's#"family_name"#"portrait": {"photo": "档案编号"}, "family_name"#' "$work/drivers.json" >"$work/photo-map.json"
check "a map that names photos wants the folder" 1 "give --photos DIR" drivers "$work/photo-map.json"
check "the license with its photo is issued" 0 '"unused_files":["D-9.jpg"]' drivers "$work/photo-map.json" --photos "$work/photos" --json
check "and shown" 0 "data:image/jpeg;base64,/9j/wAAIC" lw license show D-1 --json

finish
