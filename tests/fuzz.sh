#!/usr/bin/env bash
# tests/fuzz.sh -- runs fuzz targets for SECONDS each, two at a time; one line each, then the sum.
#
#   tests/fuzz.sh SECONDS TARGET...     corpus, log and findings lie beside the target
#   RUNS=20000 tests/fuzz.sh ...        the same RUNS inputs on every machine (seed 1, an empty corpus),
#                                       and SECONDS only as the limit: what a check of a change wants
#
# tests/golden/fuzz/NAME/ seeds the corpus of fuzz_NAME; a target without seeds says so.
set -u
seconds=$1
shift

one() {
    local target=$1 seconds=$2 name seeds
    name=$(basename "$target")
    seeds=tests/golden/fuzz/${name#fuzz_}
    [ -d "$seeds" ] || { seeds=; echo "  no seeds in tests/golden/fuzz/${name#fuzz_}"; }
    local same=()
    if [ -n "${RUNS:-}" ]; then
        same=(-seed=1 -runs="$RUNS")
        rm -rf "$target.corpus"
    fi
    mkdir -p "$target.corpus"
    if "$target" "${same[@]}" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$target." \
        "$target.corpus" $seeds >"$target.log" 2>&1; then
        printf '  ok     %-24s %s\n' "$name" "$(grep -a '^Done' "$target.log")"
    else
        printf '  FAILED %-24s %s\n' "$name" "$target.log"
        tail -n 25 "$target.log"
        return 1
    fi
}
export -f one

printf '%s\0' "$@" | xargs -0 -P "${TEST_JOBS:-2}" -I{} bash -c 'one "$@" && touch "$1.ok" || rm -f "$1.ok"' _ {} "$seconds"
failed=0
for target in "$@"; do [ -e "$target.ok" ] || failed=$((failed + 1)); done
echo "$(($# - failed)) passed, $failed failed"
[ "$failed" -eq 0 ]
