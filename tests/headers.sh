#!/usr/bin/env bash
# tests/headers.sh -- every header compiles alone, in C17 and in C++20 (`make headers`, counted).
set -u
cd "$(dirname "$0")/.." || exit 1
if out=$(${MAKE:-make} -s headers-keep-going 2>&1); then
    echo '1 passed, 0 failed'
else
    printf '%s\n' "$out"
    echo 'FAILED: a header does not compile alone'
    echo '0 passed, 1 failed'
    exit 1
fi
