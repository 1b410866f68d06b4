#!/usr/bin/env bash
# tests/test_code_sets.sh -- the verdicts on HumanEval and MBPP equal bare CPython's.
#
# For each task the reference and one mechanical mutant, where ../shared/data is there every fifth of 164
# and 427 (EVERY=1: all of them; every 24th under a sanitizer), else the slices of the program.
set -u
cd "$(dirname "$0")/.."
GRPO=${GRPO:-build/release/grpo}
data=../shared/data
python=/usr/bin/python3
[ -x "$python" ] || { echo "skipped: no $python" && echo "0 passed, 0 failed" && exit 0; }
case ${BUILD:-} in
*asan* | *tsan* | *fuzz*) every=24 ;;
*) every=5 ;;
esac
files=("$data/humaneval/test.jsonl" "$data/mbpp/sanitized.jsonl")
if [ ! -e "${files[0]}" ]; then
    echo "skipped: $data is not here: the slices of the program instead of 164 and 427 tasks"
    files=(datasets/slices/humaneval.jsonl datasets/slices/mbpp.jsonl)
    every=1
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$python" -I -c "import sys; sys.path.insert(0, 'tests'); sys.argv = sys.argv[1:]; sys.stdout.reconfigure(errors='surrogatepass')
exec(compile(open('tests/code_truth.py').read(), 'tests/code_truth.py', 'exec'))" code_truth.py "${EVERY:-$every}" "${files[@]}" >"$tmp/rows" ||
    { echo "FAILED: the truth" && echo "0 passed, 1 failed" && exit 1; }
"$GRPO" verify --in "$tmp/rows" >"$tmp/verdicts" || echo "FAILED: grpo verify"
"$python" tests/code_truth.py compare "$tmp/rows" "$tmp/verdicts"
