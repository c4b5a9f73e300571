# Sourced by the scripts of faults after their options: flow/check.sh, and what support/fault.h has.
# shellcheck shell=bash
# shellcheck source=tests/flow/check.sh
. "$(dirname "${BASH_SOURCE[0]}")/../flow/check.sh"

fault_rounds() { # fault_rounds SHORT FULL: prints how many rounds to run
    case "${LW_FAULT_ROUNDS:-short}" in
    short) echo "$1" ;;
    full) echo "$2" ;;
    *[!0-9]* | 0) echo "LW_FAULT_ROUNDS is neither short, full nor a number" >&2; exit 2 ;;
    *) echo "$LW_FAULT_ROUNDS" ;;
    esac
}

fault_report() { # fault_report F1 WHAT ROUNDS VIOLATIONS
    printf 'fault %s: rounds=%s violations=%s what=%s\n' "$1" "$3" "$4" "$2"
}
