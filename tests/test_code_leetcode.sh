#!/usr/bin/env bash
# tests/test_code_leetcode.sh -- solutions that need LeetCode's prelude get the verdicts of bare CPython with one.
#
# The solutions of tests/golden/code/leetcode.txt, of leetcode_shapes.txt (in place, cycles, shared nodes, Node with
# children or neighbours, classes that are designed) and mutants of each, in three spellings; where
# ../shared/data/leetcode is there, that set, too (every 20th; EVERY=1: all).
set -u
cd "$(dirname "$0")/.."
GRPO=${GRPO:-build/release/grpo}
python=/usr/bin/python3
[ -x "$python" ] || { echo "skipped: no $python" && echo "0 passed, 0 failed" && exit 0; }
case ${BUILD:-} in
*asan* | *tsan* | *fuzz*) mutants=0 every=60 ;;
*) mutants=1 every=20 ;;
esac
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
files=(tests/golden/code/leetcode.txt tests/golden/code/leetcode_shapes.txt)
set=$(ls ../shared/data/leetcode/*.jsonl 2>/dev/null | head -1)
if [ -n "$set" ]; then
    awk "NR % ${EVERY:-$every} == 1 || ${EVERY:-$every} == 1" "$set" >"$tmp/set.jsonl"
    files+=("$tmp/set.jsonl")
else
    echo "skipped: ../shared/data/leetcode is not here: 93 solutions of our own only"
fi
"$python" -I -c "import sys; sys.path.insert(0, 'tests'); sys.argv = sys.argv[1:]; sys.stdout.reconfigure(errors='surrogatepass')
exec(compile(open('tests/code_leetcode.py').read(), 'tests/code_leetcode.py', 'exec'))" code_leetcode.py "$mutants" "${files[@]}" >"$tmp/rows" ||
    { echo "FAILED: the truth" && echo "0 passed, 1 failed" && exit 1; }
right=$(grep -c '"truth": true' "$tmp/rows")
[ "$right" -ge 255 ] || { echo "FAILED: CPython finds only $right of the rows right" && echo "0 passed, 1 failed" && exit 1; }
"$GRPO" verify --in "$tmp/rows" >"$tmp/verdicts" || echo "FAILED: grpo verify"
"$python" tests/code_truth.py compare "$tmp/rows" "$tmp/verdicts"
