#!/usr/bin/env bash
# tests/floors.sh -- the rules of the house that a machine can check (docs: the floors in README.md).
#
#   who may include whom, file length, first lines, a README in every room, unique file names
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
shopt -s lastpipe # so that `check` at the end of a pipe counts here

check() { # WHAT; findings on stdin, one a line
    local found
    found=$(cat)
    if [ -z "$found" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\n' "$1"
        printf '%s\n' "$found" | sed 's/^/    /' | head -n 40
    fi
}

# Rooms that a room may include besides itself and base.
allowed() {
    case $1 in
    base | sandbox | datasets | policy) echo ;;
    verifiers) echo datasets sandbox ;;
    rollout) echo policy ;;
    rl) echo datasets policy rollout verifiers ;;
    sft) echo datasets policy ;;
    pipelines) echo sandbox datasets policy verifiers rollout rl sft ;;
    esac
}
rooms='base sandbox datasets policy verifiers rollout rl sft pipelines'
code() { find "$@" -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.cc' 2>/dev/null | sort; }

for room in $rooms; do
    [ -d "$room" ] || continue
    may=" $room base $(allowed "$room") "
    code "$room" | while read -r file; do
        grep -noE '^[[:space:]]*#[[:space:]]*include "[^"]+"' "$file" | while IFS= read -r hit; do
            target=${hit#*\"} target=${target%\"}
            case $may in
            *" ${target%%/*} "*) ;;
            *) echo "$file:${hit%%:*}: $room may not include $target" ;;
            esac
            # datasets shows its neighbours one file: the task.
            case $room:$target in
            verifiers:datasets/task.h | verifiers:[!d]*) ;;
            verifiers:datasets/*) echo "$file:${hit%%:*}: of datasets, verifiers may include task.h alone" ;;
            esac
        done
    done | check "includes of $room"

    if [ -n "$(code "$room")" ] && [ ! -s "$room/README.md" ]; then echo "$room/README.md is missing"; fi |
        check "a README in $room"
done

grep -rnE '#[[:space:]]*include "[^"]*\.c"' --include='*.[ch]' . | grep -v '^./build' | check 'nobody includes a .c file'

# A generated table says so in its first two lines and may be long.
{ code $rooms tests; find tests .ci -name '*.sh' -o -path './.ci/*' -type f; } | while read -r file; do
    lines=$(wc -l <"$file")
    [ "$lines" -le 800 ] || head -n 2 "$file" | grep -qi generated || echo "$file has $lines lines; 800 is the most"
done | check 'file length'

code $rooms tests | while read -r file; do
    first=$(head -n 1 "$file")
    case $first in
    "// $file -- "?*) ;;
    *) echo "$file begins with: $first" ;;
    esac
done | check "first lines: '// path -- what it is'"

# The same name in policy/cpu and policy/cuda is the point; elsewhere a name is unique in the tree.
code $rooms | grep -v '^policy/cuda/' | sed 's|.*/||' | sort | uniq -d | check 'unique file names'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
