#!/usr/bin/env bash
# tests/run.sh -- runs tests, one line each; the last line is 'N passed, N failed'.
#
#   tests/run.sh FOLDER TEST...     logs go to FOLDER/NAME.log
#
# A TEST is a cmocka program (its cases are counted), or a script: it ends with its own line
# 'N passed, N failed', and its lines 'skipped: ...' are shown. A test that crashes, runs longer than
# TIMEOUT seconds (300) or says nothing countable is one failure. TEST_JOBS tests run at a time (2).
set -u
folder=$1
shift
mkdir -p "$folder"

# Runs one test and writes FOLDER/NAME.sum: "passed failed skipped"; prints its line and its trouble.
one() {
    local test=$1 folder=$2 name log start code passed failed skipped failures tenths mark=ok
    name=$(basename "$test")
    log=$folder/$name.log
    start=${EPOCHREALTIME//[.,]/} # microseconds
    timeout -k 5 "${TIMEOUT:-300}" "$test" >"$log" 2>&1 </dev/null
    code=$?
    if [[ $test == *.sh ]]; then
        read -r passed failed < <(sed -nE '$ s/^([0-9]+) passed, ([0-9]+) failed.*/\1 \2/p' "$log") || passed='' failed=''
        skipped=$(grep -ac '^skipped: ' "$log")
    else
        passed=$(grep -ac '^\[       OK \]' "$log")
        failures=$(sed -nE '/test\(s\)/d; s/^\[  FAILED  \] //p' "$log" | sort -u)
        failed=$(printf '%s' "$failures" | grep -c .)
        skipped=$(sed -nE '/test\(s\)/d; s/^\[  SKIPPED \] //p' "$log" | sort -u | grep -c .)
        [ $((passed + failed + skipped)) -gt 0 ] || passed='' failed=''
    fi
    if [ -z "$passed" ] || { [ $code -ne 0 ] && [ "$failed" -eq 0 ]; }; then
        passed=${passed:-0} failed=$((${failed:-0} + 1))
        case $code in
        124 | 137) echo "timed out after ${TIMEOUT:-300} s" >>"$log" ;;
        *) echo "ended with exit status $code" >>"$log" ;;
        esac
    fi
    [ "$failed" -eq 0 ] || mark=FAILED
    tenths=$(((${EPOCHREALTIME//[.,]/} - start) / 100000))
    echo "$passed $failed $skipped" >"$folder/$name.sum"
    {
        printf '  %-6s %-28s %4d cases %4d.%d s' "$mark" "$name" $((passed + failed)) $((tenths / 10)) $((tenths % 10))
        [ "$skipped" -eq 0 ] || printf '  (%d skipped)' "$skipped"
        printf '\n'
        sed -nE '/test\(s\)/d; s/^(\[  SKIPPED \]|skipped:) (.*)/         skipped: \2/p' "$log" | sort -u
        if [ "$failed" -gt 0 ] && [[ $test == *.sh ]]; then
            grep -aE -A 5 '^FAILED|^ended with|^timed out' "$log" | head -n 60 | sed 's/^/         /'
            echo "         all of it: $log"
        elif [ "$failed" -gt 0 ]; then
            grep -aE -B 3 '^\[  ERROR|^\[   LINE|^\[  FAILED|^FAILED|ERROR: |runtime error|^ended with|^timed out|WARNING: Thread' "$log" |
                head -n 60 | sed 's/^/         /'
            echo "         all of it: $log"
        fi
    } >"$folder/$name.line"
    cat "$folder/$name.line"
}
export -f one

[ $# -eq 0 ] || printf '%s\0' "$@" | xargs -0 -P "${TEST_JOBS:-2}" -I{} bash -c 'one "$@"' _ {} "$folder"

passed=0 failed=0 skipped=0
for test in "$@"; do
    p=0 f=1 s=0
    read -r p f s 2>/dev/null <"$folder/$(basename "$test").sum"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
[ "$skipped" -eq 0 ] || echo "$skipped skipped, named above"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
