#!/usr/bin/env bash
# F24: the drill. Licenses are issued under load, a hot backup is taken at some time, the home is
# lost, the backup restored on an empty one: nothing that was acknowledged before the backup is
# missing, what came after is told. A restore that is killed is refused until it is run again.
# usage: test_f24_restore.sh --bin DIR
# shellcheck source=tests/fault/fault.sh
. "$(dirname "$0")/fault.sh"

licenses=$(fault_rounds 12 200)
acks=$work/acks backup=$work/backup new=$work/new
issue() {
    lw license issue --type business-license --number "$1" --holder 999:1234-1 \
        --holder-name "Corner Bakery Ltd." --claim "legal_name=Corner Bakery Ltd." \
        --claim "address=1 Market Street" --claim "category=Retail Food" \
        --claim expiry_date=2099-01-15
}
load() { # acknowledges number by number
    local i
    for i in $(seq "$licenses"); do issue "L-$i" >/dev/null 2>&1 && echo "L-$i" >>"$acks"; done
}

check "a home" 0 "" lw init --url https://wallet.example
check "a catalogue" 0 "" lw catalog load "$project/docs/example-city"
: >"$acks"
load & loader=$!
pids="$pids $loader"
while [ "$(wc -l <"$acks")" -lt $((licenses / 3)) ] && kill -0 "$loader"; do sleep 0.1; done
sure=$(wc -l <"$acks") # acknowledged before the backup begins
check "a hot backup" 0 "backed up and checked" lw store backup --with-token "$backup"
wait "$loader"
out=$(cat "$acks"); [ "$(wc -l <"$acks")" -eq "$licenses" ] && ok "the load was acknowledged" || not_ok "the load was acknowledged" ""

holds "it has a manifest" grep -q '"format":"license-wallet backup 1"' "$backup/manifest.json"
out=$(find "$backup" -type f ! -perm 600 -o -type d ! -perm 700); [ -z "$out" ] && ok "it is private" || not_ok "it is private" ""
fails "it holds no PIN" grep -rqF "$(cat "$LW_HOME/pin")" "$backup"
holds "nothing half made lies about" test ! -e "$backup.new" -a ! -e "$backup.unfinished"
complains "it is not written over" 1 "something of that name" lw store backup "$backup"
mkdir "$work/mine.new"
complains "nor over what is somebody's" 1 "something of that name" lw store backup "$work/mine"
mkdir "$work/left.new"; echo half >"$work/left.new/manifest.json"; echo x >"$work/left.unfinished"
check "what a killed run left is cleared away" 0 "backed up and checked" lw store backup "$work/left"
holds "all of it" test ! -e "$work/left.new" -a ! -e "$work/left.unfinished"
echo x >"$work/left.unfinished"
complains "one that only lacked its end is kept" 1 "something of that name" lw store backup "$work/left"
holds "and ends" test -e "$work/left/manifest.json" -a ! -e "$work/left.unfinished"

# The home is lost, but for the PIN, which was kept elsewhere.
cp "$LW_HOME/pin" "$work/pin"
began=$EPOCHREALTIME
check "restored on an empty home" 0 "restored and checked" lw store restore "$backup" --home "$new"
took=$(((${EPOCHREALTIME/./} - ${began/./}) / 1000))
cp "$work/pin" "$new/pin"
missing=0
for n in $(head -n "$sure" "$acks"); do lw license show "$n" --home "$new" >/dev/null 2>&1 || missing=$((missing + 1)); done
out="$missing of $sure"; [ "$missing" -eq 0 ] && ok "nothing acknowledged before it is missing" || not_ok "nothing acknowledged before it is missing" ""
check "it is whole" 0 "signatures and seals" lw store check --home "$new"
check "and its log" 0 "whole" lw audit check --home "$new"
export LW_HOME=$new
check "it issues" 0 "" issue N-1
check "and is the one that counts" 0 "nothing to adopt" lw store adopt
complains "it is not restored over" 1 "has a store" lw store restore "$backup"

# Damage, and a restore that is cut short.
cp -a "$backup" "$work/bad"
printf 'x' | dd of="$work/bad/store/data.mdb" bs=1 seek=30000 conv=notrunc status=none
check "a backup that was changed is refused" 1 "not as it was backed up" lw store restore "$work/bad" --home "$work/n2"
holds "and leaves no home" test ! -e "$work/n2/store"
sed 's#"path":"config.json"#"path":"../config.json"#' "$backup/manifest.json" >"$work/bad/manifest.json"
check "a manifest that leads outside is refused" 1 "outside" lw store restore "$work/bad" --home "$work/n2"
sed 's/"license-wallet backup 1"/"license-wallet backup 2"/' "$backup/manifest.json" >"$work/bad/manifest.json"
check "a manifest of another form is refused" 1 "of no form that is known" lw store restore "$work/bad" --home "$work/n2"
rm "$work/bad/manifest.json"
check "a folder that is no backup" 1 "manifest.json" lw store restore "$work/bad" --home "$work/n2"
cut=$work/cut
mkdir -m 700 "$cut"; echo cut >"$cut/restore.unfinished" # before its configuration was copied
check "cut short at once: refused" 3 "store restore" lw license list --home "$cut"
check "cut short at once: no new home is made in it" 1 "not finished" lw init --home "$cut" --url https://wallet.example
holds "cut short at once: nothing is" test ! -e "$cut/store" -a ! -e "$cut/token"
for step in mark token store named; do
    rm -rf "$cut"
    mkdir -m 700 "$cut"
    echo cut >"$cut/restore.unfinished"
    [ "$step" = mark ] || { mkdir -p "$cut/token/tokens"; echo half >"$cut/token/softhsm2.conf"; }
    [ "$step" = store ] && { mkdir "$cut/store.new"; head -c 5000 "$backup/store/data.mdb" >"$cut/store.new/data.mdb"; }
    if [ "$step" = named ]; then
        rm -rf "$cut"
        lw store restore "$backup" --home "$cut" >/dev/null
        echo cut >"$cut/restore.unfinished"
    fi
    cp "$backup/config.json" "$cut/" 2>/dev/null
    check "cut short ($step): refused" 3 "not finished" lw license list --home "$cut"
    check "cut short ($step): run again" 0 "restored" lw store restore "$backup" --home "$cut"
    cp "$work/pin" "$cut/pin"
    check "cut short ($step): whole" 0 "signatures and seals" lw store check --home "$cut"
done
for own in token config; do # what was there before the run that was cut short is the owner's
    rm -rf "$cut"
    mkdir -p "$cut/token"; chmod 700 "$cut"
    case $own in
    token) echo "The folder token was there before." ;;
    config) echo "The file config.json was there before." ;;
    esac >"$cut/restore.unfinished"
    echo mine >"$cut/token/softhsm2.conf"; echo mine >"$cut/config.json"
    check "cut short, with a $own of the owner's" 0 "restored" lw store restore "$backup" --home "$cut"
    out=$(grep -lx mine "$cut/token/softhsm2.conf" "$cut/config.json")
    case "$own $out" in
    "token $cut/token/softhsm2.conf" | "config $cut/config.json") ok "only the $own stays" ;;
    *) not_ok "only the $own stays" "" ;;
    esac
done
check "compacting" 0 "compacted and checked" lw store compact
check "leaves it whole" 0 "signatures and seals" lw store check
check "and the one that counts" 0 "nothing to adopt" lw store adopt
fault_report F24 "a drill: $sure licenses acknowledged before the backup, restored in $took ms" "$sure" "$missing"
finish
