#!/usr/bin/env bash
# The command line on bad input: one clear message that says what to do, the right exit code, and
# nothing half written. usage: test_cli.sh --bin DIR
# shellcheck source=tests/flow/check.sh
. "$(dirname "$0")/check.sh"

issue() { # issue NUMBER [ARGS]: a business license
    local number=$1; shift
    lw license issue --type business-license --number "$number" --holder 999:1234-1 \
        --holder-name "Corner Bakery Ltd." --claim "legal_name=Corner Bakery Ltd." \
        --claim "address=1 Market Street" --claim "category=Retail Food" \
        --claim expiry_date=2099-01-15 "$@"
}
present() { lw present A-1 --disclose legal_name --key "$work/key.pem" "$@"; }
empty() { [ ! -e "$1" ] || [ -z "$(ls -A "$1")" ]; }

# --- help and usage -----------------------------------------------------------------------------
check "lw --help lists the commands" 0 "license issue" lw --help
check "lw --version" 0 "lw " lw --version
check "lw alone is a usage error" 2 "usage: lw" lw
check "an unknown command" 2 "no command 'nonsense'" lw nonsense
check "a group of commands lists them" 2 "license suspend" lw license
check "a group's help" 0 "license suspend" lw license --help
names=$(lw --manual)
[ "$(printf '%s\n' "$names" | wc -l)" -gt 25 ] && ok "lw --manual names the pages" || not_ok "lw --manual names the pages" "$names"
helped=0 paged=0 wrong=0 commands=0
while read -r name; do
    # shellcheck disable=SC2086 # the words of a command are arguments of their own
    lw --manual $name >"$work/page" 2>&1 && grep -q "^\.SH" "$work/page" && paged=$((paged + 1))
    [ "$name" = config ] && continue
    commands=$((commands + 1))
    # shellcheck disable=SC2086
    lw $name --help >"$work/help" 2>"$work/stderr" && [ ! -s "$work/stderr" ] && grep -q "^usage: lw $name" "$work/help" && helped=$((helped + 1))
    # shellcheck disable=SC2086
    lw $name --no-such-option >"$work/help" 2>"$work/stderr"
    [ $? -eq 2 ] && [ ! -s "$work/help" ] && grep -q -e '--no-such-option' "$work/stderr" && wrong=$((wrong + 1))
done <<<"$names"
out="$helped $paged $wrong of $commands"
[ "$helped" -eq "$commands" ] && ok "each command has a help" || not_ok "each command has a help" "$out"
[ "$paged" -eq $((commands + 1)) ] && ok "each command has a manual page" || not_ok "each command has a manual page" "$out"
[ "$wrong" -eq "$commands" ] && ok "each command refuses an unknown option" || not_ok "each command refuses an unknown option" "$out"
complains "an option given twice" 2 "given twice" lw license list --state active --state revoked
complains "an option without its value" 2 "needs a value" lw license list --state
complains "a flag with a value" 2 "takes no value" lw license list --json=yes
complains "an argument too many" 2 "too many arguments" lw license show A B
complains "an argument missing" 2 "NUMBER is missing" lw license show
complains "a language that is not there" 2 "en or zh" lw license list --lang fr
complains "a manual page that is not there" 2 "no command" lw --manual nonsense
if [ -w /dev/full ]; then
    out=$(lw --help 2>&1 >/dev/full); verdict "standard output that is full" 3 $? "standard output"
else skip "standard output that is full"; fi

# --- no home, and making one --------------------------------------------------------------------
complains "no home" 3 "lw init" lw license list
complains "init without a URL" 2 "--url" lw init
complains "init with a URL that is none" 2 "--url" lw init --url ftp://example.org
complains "init with http beyond loopback" 2 "https" lw init --url http://example.org
complains "init with a country that is none" 2 "--country" lw init --url https://example.org --country china
complains "init that would listen outside" 2 "--listen" lw init --url https://example.org --listen 0.0.0.0:80
complains "init below a folder that is not there" 3 "parent" lw init --url https://example.org --home "$work/a/b"
complains "init with a module that is not there" 3 "module is not there" lw init --url https://example.org --module /nonexistent/module.so
holds "a failed init leaves nothing" empty "$LW_HOME"
kill_init() { # fails when it was done before the kill came
    rm -rf "$LW_HOME"
    lw init --url http://localhost:1 --development >/dev/null 2>&1 & child=$!
    while kill -0 "$child" 2>/dev/null && [ ! -e "$LW_HOME/store.new" ]; do sleep 0.01; done
    kill -KILL "$child" 2>/dev/null; wait "$child" 2>/dev/null
    [ ! -e "$LW_HOME/store" ]
}
for _ in 1 2 3 4 5 6 7 8 9; do kill_init && break; done
[ -e "$LW_HOME/store" ] && not_ok "init was killed midway" "it was done already" || ok "init was killed midway"
complains "a home that was not finished is none" 3 "lw init" lw license list
port=$(free_port)
check "init after one that was killed" 0 "A new home" lw init --url "http://localhost:$port" --listen "127.0.0.1:$port" --development
holds "nothing unfinished stays" test ! -e "$LW_HOME/store.new" -a ! -e "$LW_HOME/unfinished"
for f in pin so-pin; do holds "the file $f is its owner's alone" test "$(stat -c %a "$LW_HOME/$f")" = 600; done
before=$(find "$LW_HOME" -type f -exec sha256sum {} + | sort)
complains "init over a store" 1 "already" lw init --url https://other.example
[ "$before" = "$(find "$LW_HOME" -type f -exec sha256sum {} + | sort)" ] && ok "init over a store changes nothing" || not_ok "init over a store changes nothing" "files differ"

# --- the catalogue, licenses ---------------------------------------------------------------------
mkdir -p "$work/bad/agencies" "$work/bad/license-types"
cp "$project"/docs/example-city/agencies/*.json "$work/bad/agencies/"
cp "$project"/docs/example-city/license-types/*.json "$work/bad/license-types/"
sed -i 's/"version"/"versoin"/' "$work/bad/license-types/business-license.json"
check "a catalogue with a misspelt member" 1 "versoin" lw catalog load "$work/bad"
complains "a catalogue folder that is not there" 1 "agencies" lw catalog load "$work/none"
cp "$project"/docs/example-city/license-types/*.json "$work/bad/license-types/"
sed -i 's#lic.example/fp#lic.example/bl#' "$work/bad/license-types/food-permit.json"
check "two types of one vct" 1 "/vct: is another type's" lw catalog check "$work/bad"
cp "$project"/docs/example-city/license-types/*.json "$work/bad/license-types/"
sed -i 's/\["address"\]/["place"]/' "$work/bad/license-types/food-permit.json"
check "one key of two meanings" 1 "cwt_key: has another meaning" lw catalog load "$work/bad"
[ "$(lw catalog list)" = "" ] && ok "nothing of a bad catalogue is loaded" || not_ok "nothing of a bad catalogue is loaded" "$(lw catalog list)"
check "an empty list as JSON" 0 '{"documents":[]}' lw catalog list --json
check "the example city loads" 0 "business-license" lw catalog load "$project/docs/example-city"
cp "$project"/docs/example-city/license-types/*.json "$work/bad/license-types/"
sed -i -e 's#"version": 1#"version": 2#' -e 's#lic.example/tc#lic.example/tc2#' "$work/bad/license-types/tax-clearance.json"
check "a version with another vct" 1 "not that of the type's other version" lw catalog load "$work/bad"
cp "$project"/docs/example-city/license-types/*.json "$work/bad/license-types/"
sed -i -e 's#"version": 1#"version": 2#' -e 's#"id": "food-permit"#"id": "snack-permit"#' -e 's#lic.example/fp#lic.example/sp#' \
    -e 's/\["person_in_charge"\]/["boss"]/' "$work/bad/license-types/food-permit.json"
sed -i 's#"food-permit"#"snack-permit"#' "$work/bad/agencies/"*.json
check "a key that had another meaning before" 1 "cwt_key: has another meaning" lw catalog load "$work/bad"
check "a license is issued" 0 "A-1" issue A-1
licenses=$(lw license list)
complains "an unknown license type" 1 "no such license type" lw license issue --type nope --number X --holder 999:1
complains "an unknown claim" 1 "claims.nope" issue A-2 --claim nope=1
complains "a bad date" 1 "expiry_date" lw license issue --type business-license --number A-2 --holder 999:1234-1 --claim legal_name=x --claim address=x --claim category=x --claim expiry_date=tomorrow
complains "a holder without a code type" 2 "CODETYPE:CODE" lw license issue --type business-license --number A-2 --holder 1234
complains "an unknown number" 1 "no such number" lw license show NOPE
complains "suspend an unknown number" 1 "no such number" lw license suspend NOPE --reason test
complains "suspend without a reason" 2 "--reason" lw license suspend A-1
complains "an unknown document" 1 "catalog list" lw catalog show nope
complains "an unknown holder" 1 "" lw wallet show 999:nobody
check "holders as JSON" 0 '],"more":false}' lw person list --json
case "$out" in '{"holders":[{"holder":"'*) ok "in an object" ;; *) not_ok "in an object" "" ;; esac
check "another holder" 0 "" lw person add 999:another --name Another
check "that there are more holders" 0 "There are more: --limit" lw person list --limit 1
check "that there are more holders, as JSON" 0 '],"more":true}' lw person list --limit 1 --json
[ "$(lw license list)" = "$licenses" ] && ok "what is refused changes no license" || not_ok "what is refused changes no license" "$(lw license list)"

# --- pages ----------------------------------------------------------------------------------------
check "a second license is issued" 0 "A-2" issue A-2
check "a third license is issued" 0 "A-3" issue A-3
licenses=$(lw license list)
numbers() { printf '%s' "$out" | grep -oE '"number": ?"[^"]*"' | sed -E 's/.*"([^"]*)"$/\1/'; }
next() { printf '%s' "$out" | grep -oE '"next": ?"[^"]*"' | sed -E 's/.*"([^"]*)"$/\1/'; }
check "a first page" 0 '"next"' lw license list --state active --limit 2 --json
pages=$(numbers)
check "goes on where it ended" 0 '"next":null' lw license list --state active --limit 2 --json --after "$(next)"
pages=$(printf '%s\n' "$pages" "$(numbers)" | sort | tr '\n' ' ')
[ "$pages" = "A-1 A-2 A-3 " ] && ok "two pages show each license once" || not_ok "two pages show each license once" "$pages"
check "the list from its end" 0 "" lw license list --newest --limit 1 --json
newest=$(numbers)
check "the whole list" 0 "" lw license list --json
[ "$(numbers | tail -n 1)" = "$newest" ] && ok "--newest begins with the last" || not_ok "--newest begins with the last" "$newest"
check "no license has expired" 0 "" lw license list --state expired --json
[ -z "$(numbers)" ] && ok "a list of nothing is empty" || not_ok "a list of nothing is empty" "$(numbers)"
complains "a cursor that is none" 2 "--after" lw license list --after 'no+cursor'
complains "a cursor of another list" 1 "--after" lw license list --after AAAA
complains "a state that is none" 1 "STATE is" lw license list --state lost

# --- show -----------------------------------------------------------------------------------------
complains "present an unknown number" 1 "no such number" lw present NOPE --disclose legal_name --key "$work/new.pem" --out "$work/no.png"
complains "present an unknown claim" 1 "no claim nope" lw present A-1 --disclose nope --key "$work/new.pem" --out "$work/no.png"
complains "an unknown pass" 1 "pass" lw pass A-1 --profile nope --key "$work/new.pem" --out "$work/no.png"
complains "an unknown kind of picture" 2 "--out" lw present A-1 --disclose legal_name --key "$work/new.pem" --out "$work/no.gif"
complains "a format that is none" 2 "--format" lw present A-1 --disclose legal_name --format nope --key "$work/new.pem" --out "$work/no.png"
holds "what cannot be shown leaves neither key nor picture" test ! -e "$work/new.pem" -a ! -e "$work/no.png" -a ! -e "$work/no.gif"
check "present" 0 "QR version" present --out "$work/a.png"
check "present as text" 0 "" present --out "$work/a.txt"
complains "a picture into a folder that is not there" 3 "folder is not there" present --out "$work/none/a.png"
chmod 644 "$work/key.pem"
complains "a key that others can read" 1 "chmod 600" present --out "$work/b.png"
chmod 600 "$work/key.pem"
echo nonsense >"$work/nonsense.pem"; chmod 600 "$work/nonsense.pem"
complains "a key that is none" 1 "P-256" lw present A-1 --disclose legal_name --key "$work/nonsense.pem" --out "$work/b.png"
complains "a challenge that is none" 1 "" present --challenge LC1:nonsense --out "$work/b.png"
(ulimit -f 1; present --out "$work/full.png") >"$work/stdout" 2>&1; code=$?; out=$(cat "$work/stdout")
verdict "no space left for a picture" 3 "$code" "no space left"
holds "and no half of it stays" test ! -e "$work/full.png" -a ! -e "$work/full.png.new" -a ! -e "$work/b.png"

# --- verify ---------------------------------------------------------------------------------------
text=$(cat "$work/a.txt")
printf 'no\001image' >"$work/bad.png"
head -c 400 "$work/a.png" >"$work/cut.png"
base64 -d >"$work/grey.png" <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAKklEQVR42u3MQREAAAwCIPunMpoh9ttBANKjCAQCgUAgEAgEAoFAIPgeDMcLALWWy9nxAAAAAElFTkSuQmCC
PNG
: >"$work/nothing"
head -c 17000000 /dev/zero >"$work/big.png"
head -c 70000 /dev/zero | tr '\0' A >"$work/long.txt"
complains "no image" 1 "no PNG or JPEG" lw verify "$work/bad.png"
complains "half an image" 1 "PNG" lw verify "$work/cut.png"
complains "an image without a code" 1 "no QR code" lw verify "$work/grey.png"
complains "an empty file" 1 "PNG" lw verify "$work/nothing"
complains "an image past 16 MiB" 1 "16 MiB" lw verify "$work/big.png"
complains "a text past 64 KiB" 1 "64 KiB" lw verify "$work/long.txt"
complains "a folder" 3 "" lw verify "$work"
check "another prefix" 1 "neither an LQ1 text" lw verify "LX1:${text#LQ1:}"
check "no Base45" 1 "decode            failed" lw verify "LQ1:%"
check "Base45 cut short" 1 "decode            failed" lw verify "${text%??}="
check "a letter changed" 1 refused lw verify "${text:0:200}$([ "${text:200:1}" = A ] && echo B || echo A)${text:201}"
check "the text itself" 0 accepted lw verify "$text" --no-record
check "the picture" 0 accepted lw verify "$work/a.png" --no-record
out=$(lw verify - --no-record <"$work/a.png" 2>&1); verdict "the picture from standard input" 0 $? accepted
out=$(lw verify - --json --no-record </dev/null 2>&1); verdict "nothing from standard input" 1 $? PNG
check "the answer as JSON" 1 '"result":"refused"' lw verify "LQ1:%" --json
check "the reason in Chinese" 1 "refused" lw verify "LQ1:%" --lang zh
complains "a time that is none" 2 "--at" lw verify "$text" --at yesterday
complains "no input" 2 "argument is missing" lw verify
complains "a challenge for a claim that is not there" 1 "no such claim" lw verify --new-challenge --ask business-license:nope
refuses_ask() { complains "--ask $1" 2 "--ask is TYPE:CLAIM,CLAIM" lw verify --new-challenge --ask "$1"; }
refuses_ask business-license
refuses_ask business-license:
refuses_ask :legal_name
refuses_ask business-license:legal_name,
refuses_ask business-license:,legal_name
refuses_ask "business-license:$(printf 'a,%.0s' $(seq 32))a"
complains "--ask without --new-challenge" 2 "--ask belongs to --new-challenge" lw verify text --ask business-license:legal_name
complains "--new-challenge with a text" 2 "verifies nothing" lw verify text --new-challenge
complains "--new-challenge of a server" 2 "verifies nothing" lw verify --new-challenge --server http://localhost:1
check "a challenge for two claims" 0 "LC1:" lw verify --new-challenge --ask business-license:legal_name,expiry_date
complains "an offline folder that is not there" 3 "lw sync" lw verify "$text" --offline "$work/none"
complains "a server that is not there" 3 "lw serve" lw verify "$text" --server http://localhost:1
complains "sync without a pin" 2 "--pin" lw sync --server "http://localhost:1" --to "$work/offline"
complains "sync from a server that is not there" 3 "folder stays" lw sync --server http://localhost:1 --to "$work/offline" --pin "$(printf '%064d' 0)"
holds "a sync that failed leaves nothing half written" test -z "$(find "$work/offline" -type f 2>/dev/null)"

# --- token and configuration ----------------------------------------------------------------------
chmod 644 "$LW_HOME/pin"
complains "a PIN file that others can read" 3 "chmod 600" issue B-1
chmod 600 "$LW_HOME/pin"
cp -p "$LW_HOME/pin" "$work/pin"
printf '000000' >"$LW_HOME/pin"; complains "a wrong PIN" 3 "PIN is wrong" issue B-1
: >"$LW_HOME/pin"; complains "an empty PIN file" 3 "PIN" issue B-1
rm "$LW_HOME/pin"; complains "no PIN file" 3 "PIN file" issue B-1
cp -p "$work/pin" "$LW_HOME/pin"
mv "$LW_HOME/token" "$LW_HOME/token.away"
complains "a token that is not there" 3 "token is not there" issue B-1
check "which needs no token goes on" 0 accepted lw verify "$text" --no-record
mv "$LW_HOME/token.away" "$LW_HOME/token"
cp "$LW_HOME/config.json" "$work/config.json"
setting() { # setting NAME TEXT SED: the message names the setting
    sed -E "$3" "$work/config.json" >"$LW_HOME/config.json"
    complains "configuration: $1" 3 "$2" lw license list
}
setting "a number out of bounds" "/workers" 's/"workers": *64/"workers":0/'
setting "a text for a number" "/signers" 's/"signers": *0/"signers":"two"/'
setting "a setting that is not known" "/tokenlabel" 's/"token_label"/"tokenlabel"/'
setting "an address beyond loopback" "/listen" 's/"listen": *"[^"]*"/"listen":"0.0.0.0:80"/'
setting "a level that is none" "/log_level" 's/"log_level": *"info"/"log_level":"loud"/'
setting "a URL with a slash at its end" "/base_url" 's|("base_url": *"[^"]*)"|\1/"|'
setting "a member given twice" "config.json: json: member name given twice" 's/"signers"/"workers"/'
setting "no JSON" "config.json: json" 's/\}//'
setting "an empty file" "config.json: json" 's/.*//'
sed -E 's|"module": *""|"module":"/nonexistent/module.so"|' "$work/config.json" >"$LW_HOME/config.json"
complains "configuration: a module that is not there" 3 "module is not there" issue B-1
sed -E 's|"token_label": *"[^"]*"|"token_label":"another"|' "$work/config.json" >"$LW_HOME/config.json"
complains "configuration: a token of another label" 3 "token" issue B-1
cp "$work/config.json" "$LW_HOME/config.json"
check "the configuration that holds" 0 "holds" lw serve --check-config
[ "$(lw license list)" = "$licenses" ] && ok "nothing was issued meanwhile" || not_ok "nothing was issued meanwhile" "$(lw license list)"
check "and then it is issued" 0 "B-1" issue B-1

# --- Ctrl-C in the middle of a register ------------------------------------------------------------
cat >"$work/map.json" <<'MAP'
{"number": "NO", "holder": {"type": "999", "code": "NO", "name": "NAME", "role": "holder"},
 "valid_from": "FROM", "valid_until": "UNTIL", "state": {"column": "STATE", "values": {"A": "active"}},
 "claims": {"legal_name": "NAME", "address": "NAME", "category": "NAME", "expiry_date": "UNTIL"},
 "date_format": "%Y-%m-%d", "encoding": "auto"}
MAP
{ echo "NO,NAME,FROM,UNTIL,STATE"; for i in $(seq 20000); do echo "R-$i,Company $i,2020-01-01,2099-01-01,A"; done; } >"$work/register.csv"
import=(lw license import "$work/register.csv" --type business-license --map "$work/map.json")
member() { printf '%s' "$out" | grep -oE "\"$1\": ?[0-9]+" | grep -oE '[0-9]+$'; }
"${import[@]}" >"$work/stdout" 2>&1 </dev/null & child=$!
has_begun() { lw license list --type business-license --limit 5 | grep -q 'R-'; }
until_holds has_begun
kill -INT "$child" 2>/dev/null; code=0; wait "$child" || code=$?; out=$(cat "$work/stdout")
verdict "Ctrl-C stops an import" 3 "$code" "Give the same command again"
check "the log is whole after it" 0 "whole" lw audit check
check "the same command goes on" 0 "" "${import[@]}" --json
first=$(member issued)
{ [ "$first" -gt 0 ] && [ "$first" -lt 20000 ] && [ "$(member already)" -eq $((20000 - first)) ]; } &&
    ok "with what was left" || not_ok "with what was left" "issued $first"
check "and once more issues nothing" 0 "" "${import[@]}" --json
[ "$(member issued)" = 0 ] && ok "no license twice" || not_ok "no license twice" "issued $(member issued)"

# --- no space left: a small file system where we may mount one --------------------------------------
mkdir "$work/small"
fill() { head -c 64000000 /dev/zero >"$work/small/fill" 2>/dev/null; }
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=16m none "$work/small" 2>/dev/null; then
    LW_HOME=$work/small/home
    check "a home in 16 MiB" 0 "" lw init --url https://small.example
    check "its catalogue" 0 "" lw catalog load "$project/docs/example-city"
    check "its first license" 0 "S-0" issue S-0
    fill
    { echo "holder,name"; for i in $(seq 2000); do echo "999:$i,Some Company of a longer name $i"; done; } >"$work/people.csv"
    complains "no space left: people of a file" 3 "Free space" lw person import "$work/people.csv"
    complains "no space left: a license" 3 "space" issue S-99
    check "what is there can be read" 0 "S-0" lw license list
    check "and shown to be whole" 0 "whole" lw audit check
    LW_HOME=$work/small/second
    complains "no space left: init" 3 "" lw init --url https://small.example
    holds "an init without space leaves nothing" empty "$LW_HOME"
    LW_HOME=$work/small/home
    rm -f "$work/small/fill"
    check "with space again it is issued" 0 "S-99" issue S-99
    check "and the rest of the people added" 0 "2000 rows" lw person import "$work/people.csv"
    check "the log is whole as well" 0 "whole" lw audit check
    check "the store is whole as well" 0 "" lw store check
    LW_HOME=$work/home
    umount "$work/small"
else
    skip "no space left (no small file system can be mounted here)"
fi

# --- in the end ---------------------------------------------------------------------------------------
check "the log is whole" 0 "whole" lw audit check
# --- keys ---------------------------------------------------------------------------------------
check "keys are listed with what comes next" 0 "rotate 20" lw key list
check "keys are listed as JSON" 0 '"next_step":"rotate"' lw key list --json
case "$out" in '{"keys":[{'*'}]}') ok "in one object" ;; *) not_ok "in one object" "" ;; esac
check "the keys of ID tokens have their JWK" 0 '"jwk":{"e":"AQAB","kty":"RSA","n":' lw key list --json
printf x >"$work/none.crl"
complains "a revocation list that is none" 1 "openssl crl" lw cert crl --import "$work/none.crl"
check "a revocation list is signed" 0 "1 revocation list signed" lw cert crl
complains "a purpose that is none" 2 "one of ca" lw key rotate nonsense
complains "a key of an agency without its name" 1 "--agency" lw key rotate ds-vc
complains "a successor that is not published" 1 "begin the rotation" lw key rotate log --now
complains "orders that do not go together" 2 "do not go together" lw key rotate log --now --compromised
check "a rotation begins" 0 "log-2 signs from" lw key rotate log
complains "a rotation that is begun" 1 "published already" lw key rotate log
complains "a successor before its time" 1 "would refuse" lw key rotate log --now
check "a published key is listed" 0 "published" lw key list
check "nothing is due" 0 "nothing is due" lw key advance
complains "a new certificate for a key without one" 1 "no certificate" lw cert renew seal
check "a certificate is renewed" 0 "access-1.2 signs from" lw cert renew access
check "revocation lists are signed" 0 "1 revocation list signed" lw cert crl
check "a stolen key is replaced" 0 "sign in again" lw key rotate id --compromised
check "what is stolen is marked" 0 "COMPROMISED" lw key list

check "the store is whole" 0 "" lw store check
holds "no half-written file stays" test -z "$(find "$work" -name '*.new' -not -path '*/token/*')"
finish
