#!/usr/bin/env bash
# tests/test_run.sh -- tests/run.sh and `make test` count what ran, and say what did not.
set -u
. "$(dirname "$0")/shell.sh"

script() { printf '#!/bin/sh\n%b\n' "$2" >"$dir/$1" && chmod +x "$dir/$1"; }
script good.sh 'echo "skipped: half of it"\necho "3 passed, 0 failed"'
script bad.sh 'echo "FAILED: a claim"\necho "1 passed, 1 failed"\nexit 1'
script silent.sh 'exit 0'
script crash 'echo "[       OK ] first"\nkill -SEGV $$'
script endless.sh 'sleep 60'
runs() { TIMEOUT=${limit:-300} tests/run.sh "$dir/logs" "$@" >"$dir/out" 2>"$dir/err"; }

runs "$dir/good.sh"
same "a script's cases are counted" "$?, $(tail -n 1 "$dir/out")" "0, 3 passed, 0 failed"
has "what it skipped is shown" 'skipped: half of it'
runs "$dir/good.sh" "$dir/bad.sh"
same "a failure is one" "$?, $(tail -n 1 "$dir/out")" "1, 4 passed, 1 failed"
has "and is named" 'FAILED: a claim'
runs "$dir/silent.sh"
same "a test that says nothing has failed" "$?, $(tail -n 1 "$dir/out")" "1, 0 passed, 1 failed"
runs "$dir/crash"
same "so has one that crashed" "$?, $(tail -n 1 "$dir/out")" "1, 1 passed, 1 failed"
limit=1 runs "$dir/endless.sh"
same "and one that does not end" "$?, $(tail -n 1 "$dir/out")" "1, 0 passed, 1 failed"

only() { env -u MAKEFLAGS -u MAKELEVEL make -n CUDA=0 ONLY="$1" clean >"$dir/out" 2>"$dir/err"; }
only "str nobody"
same "a name that no test has is an error" $? 2
has "and is said" 'no test here is named nobody;'
only "str talk layers"
same "tests, scripts and checks have names" $? 0
finish
