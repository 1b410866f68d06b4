# tests/shell.sh -- what a test script sources first: the program, a folder of its own, the counting.
#
#   set -u
#   . "$(dirname "$0")/shell.sh"
#   check "a new model" "$GRPO" model new -o "$dir/model"
#   finish
#
# Sourced in a script it goes to the root of the repository and sets BUILD, GRPO (an absolute path)
# and `dir`, a folder that is removed at the end.
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
BUILD=${BUILD:-build/release-cpu}
GRPO=$(realpath "${GRPO:-$BUILD/grpo}")
dir=$(mktemp -d "${TMPDIR:-/tmp}/$(basename "$0" .sh).XXXXXX")
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

ok() { passed=$((passed + 1)); }
bad() { # bad NAME: with what the last program said
    failed=$((failed + 1))
    echo "FAILED: $1"
    sed 's/^/    /' "$dir/out" "$dir/err" 2>/dev/null | head -n 8
}

check() { # check NAME COMMAND...: it succeeds; its output is in $dir/out and $dir/err
    local name=$1
    shift
    if "$@" >"$dir/out" 2>"$dir/err"; then ok; else bad "$name"; fi
}

# run NAME CODE PATTERN WORD...: grpo WORD... has that exit code, and stdout or stderr the pattern.
run() {
    local name=$1 code=$2 pattern=$3 got
    shift 3
    "$GRPO" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    if [ $got = "$code" ] && cat "$dir/out" "$dir/err" | grep -aqE -- "$pattern"; then ok; else bad "$name (exit code $got)"; fi
}

same() { if [ "$2" = "$3" ]; then ok; else bad "$1: '$2' is not '$3'"; fi; }                       # NAME GOT WANT
has() { if cat "$dir/out" "$dir/err" | grep -aqE -- "$2"; then ok; else bad "$1"; fi; }            # NAME PATTERN
lacks() { if cat "$dir/out" "$dir/err" | grep -aqE -- "$2"; then bad "$1"; else ok; fi; }          # NAME PATTERN

await() { # await FILE PID: until the file has something in it or the program is gone
    while [ ! -s "$1" ] && kill -0 "$2" 2>/dev/null; do sleep 0.01; done
}

skip_all() { # skip_all REASON: nothing of this script can run here
    echo "skipped: $1"
    echo "0 passed, 0 failed"
    exit 0
}

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
    exit
}
