#!/usr/bin/env bash
# A lost token: licenses are sealed, the token's folder is gone. Without shares nothing opens, with
# k of n everything does, new keys sign, and what the old ones signed is verified on.
# usage: test_recovery.sh --bin DIR
# shellcheck source=tests/flow/check.sh
. "$(dirname "$0")/check.sh"

names="alice bob carol"
issue() {
    lw license issue --type business-license --number "$1" --holder 999:1234-1 \
        --holder-name "Corner Bakery Ltd." --claim "legal_name=Corner Bakery Ltd." \
        --claim "address=1 Market Street" --claim "category=Retail Food" \
        --claim expiry_date=2099-01-15
}
active() { lw key list | awk -v p="$1" '$2 == p && $3 == "active" { print $1 }'; }

check "a home" 0 "" lw init --url https://wallet.example
check "a catalogue" 0 "" lw catalog load "$project/docs/example-city"
for n in L-1 L-2 L-3; do check "a license" 0 "" issue "$n"; done
complains "no shares were made" 1 "no shares were made" lw key recovery show

# Custodians, each with a key of its own.
mkdir "$work/c"
for n in $names; do check "the key of $n" 0 "keep it" lw key recovery custodian "$work/c/$n.pem"; done
holds "which is its own alone" test "$(stat -c %a "$work/c/alice.pem")" = 600
complains "and not written over" 1 "exists already" lw key recovery custodian "$work/c/alice.pem"
custodians=()
for n in $names; do custodians+=(--custodian "$n=$work/c/$n.pem.pub"); done
complains "a threshold of one" 2 "2 to 16" lw key recovery init --threshold 1 "${custodians[@]}"
complains "more than there are" 2 "at least as many" lw key recovery init --threshold 4 "${custodians[@]}"
complains "a private key for a public one" 1 "no single public key" lw key recovery init --threshold 2 \
    --custodian "alice=$work/c/alice.pem" --custodian "bob=$work/c/bob.pem.pub"
complains "one key twice" 1 "same key" lw key recovery init --threshold 2 \
    --custodian "alice=$work/c/alice.pem.pub" --custodian "bob=$work/c/alice.pem.pub"
complains "one name twice" 1 "one name" lw key recovery init --threshold 2 \
    --custodian "alice=$work/c/alice.pem.pub" --custodian "alice=$work/c/bob.pem.pub"
check "two of three" 0 "2 of 3 shares" lw key recovery init --threshold 2 "${custodians[@]}" --out "$work/old"
check "made again" 0 "share 3: carol" lw key recovery init --threshold 2 "${custodians[@]}"
check "an epoch made afterwards" 0 "published" lw key rotate seal
check "the shares are in the store" 0 "2 of 3" lw key recovery show --out "$work/shares"
check "as JSON" 0 '"threshold":2' lw key recovery show --json
holds "for their owner" test "$(stat -c %a "$work/shares/share-1.lws")" = 600
i=0
for n in $names; do
    i=$((i + 1))
    check "$n opens a share" 0 "is open" lw key recovery open "$work/shares/share-$i.lws" --key "$work/c/$n.pem" --out "$work/$n.open"
done
cp "$work/c/bob.pem" "$work/bob.kept"
complains "over a key" 2 "a file that is there" lw key recovery open "$work/shares/share-2.lws" --key "$work/c/bob.pem" --out "$work/c/bob.pem"
cmp "$work/c/bob.pem" "$work/bob.kept" && ok "which is as it was" || not_ok "which is as it was" ""
complains "a share and JSON at once" 2 "without --json" lw key recovery open "$work/shares/share-2.lws" --key "$work/c/bob.pem" --out - --json
complains "not another's" 1 "another custodian" lw key recovery open "$work/shares/share-1.lws" --key "$work/c/bob.pem" --out "$work/x"
holds "nothing was written" test ! -e "$work/x"
lw key recovery open "$work/old/share-1.lws" --key "$work/c/alice.pem" --out "$work/old.open" >/dev/null
complains "an open one" 1 "open already" lw key recovery open "$work/alice.open" --key "$work/c/alice.pem" --out "$work/x"
check "with the token nothing is lost" 0 "nothing is lost" lw key recover

# Something that the old keys signed, shown later.
check "a presentation of before" 0 "" lw present L-1 --key "$work/holder.pem" --disclose legal_name --out "$work/shown.txt"
at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
check "is accepted" 0 "accepted" lw verify "$work/shown.txt" --at "$at"
old_signer=$(active ds-vc | head -n 1)

mv "$LW_HOME/token" "$work/token.gone"
complains "no token" 3 "lw-key-recover(1)" lw license show L-1
complains "no share" 3 "token" lw key recover
complains "one of two shares" 1 "fewer shares" lw key recover --share "$work/alice.open"
complains "it says how many" 1 "takes 2 shares" lw key recover --share "$work/alice.open"
complains "one share twice" 1 "given twice" lw key recover --share "$work/alice.open" --share "$work/alice.open"
complains "a sealed share" 1 "bob" lw key recover --share "$work/alice.open" --share "$work/shares/share-2.lws"
complains "a share of before" 1 "another recovery key" lw key recover --share "$work/old.open" --share "$work/bob.open"
# The last byte but those that would not decode: a letter in the middle of the value.
sed 's/^\(LWS1:.\{40\}\)./\1_/;t' "$work/bob.open" >"$work/bent.open"
cmp -s "$work/bob.open" "$work/bent.open" && sed 's/^\(LWS1:.\{40\}\)./\1-/' "$work/bob.open" >"$work/bent.open"
complains "an altered share is named" 1 "of bob: recover: a share was altered" lw key recover --share "$work/alice.open" --share "$work/bent.open"
holds "nothing was changed" test ! -e "$LW_HOME/token"

check "two of two shares" 0 "keys replaced" lw key recover --share "$work/carol.open" --share "$work/alice.open"
check "again: nothing is lost" 0 "nothing is lost" lw key recover
holds "the old PIN is put aside" test -e "$LW_HOME/pin.lost"
check "the store is whole" 0 "signatures and seals" lw store check
for n in L-1 L-2 L-3; do check "$n opens" 0 "Corner Bakery" lw license show "$n"; done
check "the log chains across" 0 "whole" lw audit check
check "issuing goes on" 0 "" issue L-4
check "and opens" 0 "Corner Bakery" lw license show L-4
[ "$(active ds-vc | head -n 1)" != "$old_signer" ] && ok "by another key" || not_ok "by another key" ""
check "what the old key signed holds" 0 "accepted" lw verify "$work/shown.txt" --at "$at"
check "doctor" 0 "" lw doctor
# Killed at any moment, the same command goes on.
cp -a "$LW_HOME" "$work/base"
for wait in 0.02 0.1 0.2 0.4 0.7 1.1; do
    rm -rf "$LW_HOME"; cp -a "$work/base" "$LW_HOME"; rm -rf "$LW_HOME/token"
    lw store adopt >/dev/null 2>&1
    lw key recover --share "$work/alice.open" --share "$work/bob.open" >/dev/null 2>&1 & killed=$!
    sleep "$wait"; kill -9 "$killed" 2>/dev/null; wait "$killed" 2>/dev/null
    check "killed after $wait s: it goes on" 0 "" lw key recover --share "$work/alice.open" --share "$work/bob.open"
    check "killed after $wait s: nothing is lost" 0 "nothing is lost" lw key recover
    check "killed after $wait s: all opens" 0 "signatures and seals" lw store check
    check "killed after $wait s: it issues" 0 "" issue "K-$wait"
done
mkdir "$work/half"; echo half >"$work/half/softhsm2.conf"
rm -rf "$LW_HOME/token"; cp -a "$work/half" "$LW_HOME/token"; echo cut >"$LW_HOME/token.unfinished"
check "half a token is made anew" 0 "keys replaced" lw key recover --share "$work/alice.open" --share "$work/bob.open"
check "a presentation by today's key" 0 "" lw present L-4 --key "$work/holder.pem" --disclose legal_name --out "$work/shown4.txt"
at4=$(date -u +%Y-%m-%dT%H:%M:%SZ)
check "is accepted, for now" 0 "accepted" lw verify "$work/shown4.txt" --at "$at4"
rm -rf "$LW_HOME/token"
check "a token that was stolen" 0 "keys replaced" lw key recover --compromised --share "$work/alice.open" --share "$work/bob.open"
check "its keys are told of" 0 "COMPROMISED" lw key list
check "what its keys signed is refused" 1 "refused" lw verify "$work/shown4.txt" --at "$at4"
check "what is of before it holds" 0 "accepted" lw verify "$work/shown.txt" --at "$at"
check "a third token" 0 "keys replaced" bash -c "rm -rf '$LW_HOME/token'; lw key recover --share '$work/alice.open' --share '$work/bob.open'"
check "opens all" 0 "signatures and seals" lw store check
finish
