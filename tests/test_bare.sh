#!/usr/bin/env bash
# tests/test_bare.sh -- the attack suite and the cage's own tests once more, in a cage without namespaces (--sandbox-allow-missing=ns).
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build/release}
case $build in # the programs that do the confining are the same there
*asan* | *tsan* | *fuzz*) export ATTACKS=p ;;
esac
export CAGE_BARE=1
passed=0 failed=0
one() { # one WHO TEST COMMAND...
    local who=$1 t=$2 log code ok
    shift 2
    log=$("$@" "$build/tests/$t" 2>&1)
    code=$?
    ok=$(grep -c '^\[       OK \]' <<<"$log")
    passed=$((passed + ok))
    grep -a '^skipped' <<<"$log"
    if [ $code -ne 0 ] && grep -q 'no cage here\|Landlock must hold' <<<"$log"; then
        echo "skipped: $t: $(grep -a -m1 'no cage here\|Landlock must hold' <<<"$log" | head -c 400)"
    elif [ $code -ne 0 ]; then
        failed=$((failed + 1))
        echo "FAILED: $t as $who"
        grep -av '^\[' <<<"$log" | head -n 40
    fi
}
# Alone and twice in a row for one of the two, beside each other for the other: once each is enough.
one "uid $(id -u)" test_cage env
one "uid $(id -u)" test_attacks env ATTACKS_PART=alone
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    # Root's pid namespace holds it; the user is a plain one inside.
    inside=(env)
    unshare -pfm --mount-proc true 2>/dev/null && inside=(unshare -pfm --mount-proc)
    user=("${inside[@]}" setpriv --reuid=65533 --regid=65533 --clear-groups --inh-caps=-all env -u HOME)
    if setpriv --reuid=65533 --regid=65533 --clear-groups test -x "$build/tests/test_attacks" -a -r tests/attacks/INDEX.tsv; then
        one "uid 65533" test_cage "${user[@]}"
        one "uid 65533" test_attacks "${user[@]}" ATTACKS_PART=beside
    else
        echo "skipped: a plain user may not read $(pwd)"
    fi
else
    one "uid $(id -u)" test_attacks env ATTACKS_PART=beside
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
