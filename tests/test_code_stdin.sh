#!/usr/bin/env bash
# tests/test_code_stdin.sh -- tasks of contests are judged as their records say, in every spelling of the records.
#
# Where ../shared/data is there: for each task a program that gives the recorded outputs must be right, and one that is
# off in one token wrong. Every 12th of 639 tasks (EVERY=1: all of them; every 60th under a sanitizer).
set -u
cd "$(dirname "$0")/.." || exit 1
GRPO=${GRPO:-build/release/grpo}
data=../shared/data
python=/usr/bin/python3
[ -e "$data/code_contests/test.jsonl" ] || { echo "skipped: $data is not here" && echo "0 passed, 0 failed" && exit 0; }
[ -x "$python" ] || { echo "skipped: no $python" && echo "0 passed, 0 failed" && exit 0; }
case ${BUILD:-} in
*asan* | *tsan* | *fuzz*) every=60 ;;
*) every=12 ;;
esac
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$python" tests/code_oracle.py "${EVERY:-$every}" "$data"/{code_contests,code_contests_sample,codeforces,lcb_sample,oj_sample,mhpp_sample}/test.jsonl \
    >"$tmp/rows" 2>"$tmp/without" || { echo "FAILED: no rows" && echo "0 passed, 1 failed" && exit 1; }
"$GRPO" verify --in "$tmp/rows" >"$tmp/verdicts" || echo "FAILED: grpo verify"
cat "$tmp/without"
"$python" tests/code_oracle.py compare "$tmp/rows" "$tmp/verdicts"
