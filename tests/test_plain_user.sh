#!/usr/bin/env bash
# tests/test_plain_user.sh -- the whole attack suite and the cage's own tests once more, as a user without any privilege.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build/release}
skip() { echo "skipped: $1" && echo "0 passed, 0 failed" && exit 0; }
[ "$(id -u)" = 0 ] || skip "not root: the tests ran as a plain user already"
command -v setpriv >/dev/null || skip "no setpriv to become a plain user with"
user=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all env -u HOME)
"${user[@]}" test -x "$build/tests/test_attacks" -a -r tests/attacks/INDEX.tsv ||
    skip "a plain user may not read $(pwd)"
case $build in # the programs that do the confining are the same there
*asan* | *tsan* | *fuzz*) export ATTACKS=p ;;
esac
passed=0 failed=0
for t in test_cage test_attacks; do
    log=$("${user[@]}" "$build/tests/$t" 2>&1)
    code=$?
    ok=$(grep -c '^\[       OK \]' <<<"$log")
    passed=$((passed + ok))
    grep -a '^skipped' <<<"$log"
    if [ $code -ne 0 ]; then
        failed=$((failed + 1))
        echo "FAILED: $t as uid 65534"
        grep -av '^\[' <<<"$log" | head -n 40
    elif [ "$ok" = 0 ]; then
        echo "skipped: $t: $(head -c 400 <<<"$log")"
    fi
done
echo "$passed passed, $failed failed"
