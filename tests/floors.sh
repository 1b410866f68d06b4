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
    code "$room" | xargs -r grep -HnoE '^[[:space:]]*#[[:space:]]*include "[^"]+"' |
        while IFS= read -r hit; do
            target=${hit#*\"} target=${target%\"} at=${hit%:*}
            case $may in
            *" ${target%%/*} "*) ;;
            *) echo "$at: $room may not include $target" ;;
            esac
            case $room:$target in # datasets shows its neighbour one file: the task
            verifiers:datasets/task.h) ;;
            verifiers:datasets/*) echo "$at: of datasets, verifiers may include task.h alone" ;;
            esac
        done | check "includes of $room"

    if [ -n "$(code "$room")" ] && [ ! -s "$room/README.md" ]; then echo "$room/README.md is missing"; fi |
        check "a README in $room"
done

grep -rnE '#[[:space:]]*include "[^"]*\.c"' --include='*.[ch]' --exclude-dir=build . | check 'nobody includes a .c file'

# A generated table says so in its first two lines and may be long.
{ code $rooms tests; find tests .ci -type f \( -name '*.sh' -o -path '.ci/*' \); } |
    xargs awk 'FNR == 1 { free = 0 } FNR <= 2 && tolower($0) ~ /generated/ { free = 1 }
        FNR == 801 && !free { print FILENAME " has more than 800 lines" }' | check 'file length'

code $rooms tests | xargs awk 'FNR == 1 && index($0, "// " FILENAME " -- ") != 1 {
    print FILENAME " begins with: " $0 }' | check "first lines: '// path -- what it is'"

# A script may name its interpreter first. The hostile programs stay as they were written.
{ find $rooms tests .ci -path tests/attacks -prune -o -path tests/golden -prune -o -type f \( -path '.ci/*' \
    -o -name '*.py' -o -name '*.sh' -o -name '*.js' -o -name '*.css' -o -name '*.mk' \) -print; } |
    xargs awk 'FNR <= 2 && index($0, FILENAME " -- ") { told[FILENAME] = 1 } { seen[FILENAME] = 1 }
        END { for (f in seen) if (!(f in told)) print f }' | check "first lines of scripts: 'path -- what it is'"

# A row of the op table may be named like what it serves; elsewhere a name is unique in the tree.
code $rooms | grep -vE '^policy/(cpu|cuda)/' | sed 's|.*/||' | sort | uniq -d | check 'unique file names'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
