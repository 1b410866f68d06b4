#!/usr/bin/env bash
# tests/test_layers.sh -- tests/layers.sh finds what it looks for: each rule is broken once, in a copy of the tree.
set -u
. "$(dirname "$0")/shell.sh"

copy=$dir/tree
mkdir "$copy"
tar -c --exclude=tests/golden --exclude=tests/attacks base sandbox datasets policy verifiers rollout rl sft pipelines tests .ci |
    tar -x -C "$copy"
mkdir "$copy/tests/golden" "$copy/tests/attacks"
if "$copy/tests/layers.sh" >"$dir/out" 2>"$dir/err"; then ok; else bad "the copy keeps every rule"; fi

# finds NAME FILE TEXT PATTERN: with TEXT at the end of FILE the check fails and says PATTERN.
finds() {
    local name=$1 file=$copy/$2 text=$3 pattern=$4
    [ -f "$file" ] && cp "$file" "$dir/kept"
    [ -f "$file" ] || printf '// %s -- planted.\n' "$2" >"$file"
    printf '%b\n' "$text" >>"$file"
    if "$copy/tests/layers.sh" >"$dir/out" 2>"$dir/err"; then
        bad "$name: not found"
    elif grep -qE -- "$pattern" "$dir/out" && [ "$(grep -c ^FAILED "$dir/out")" = 1 ]; then
        ok
    else
        bad "$name: something else is said"
    fi
    if [ -f "$dir/kept" ]; then mv "$dir/kept" "$file"; else rm "$file"; fi
}

finds "a model that includes its backend" policy/planted.c '#include "policy/cpu/gemm.h"' 'policy/planted.c line 2 includes policy/cpu/gemm.h'
finds "a file that does" policy/files/planted.h '#include "policy/cuda/device.h"' 'policy/files/planted.h line 2 includes'
finds "a model that reads text" policy/planted.c '#include "policy/text/tokenizer.h"' 'policy/planted.c:2 includes policy/text'
finds "a lower module that includes a higher one" base/planted.h '#include "rl/judge.h"' 'base may not include rl/judge.h'
# Through a header without a .c: it is passed through.
printf '// base/planted.h -- planted.\n#include "base/json.h"\n' >"$copy/base/planted.h"
finds "circular includes" base/str.h '#include "base/planted.h"' 'base/str is included by what it includes: base/str -> .*base/json -> base/str'
rm "$copy/base/planted.h"
finds "a type name with two meanings" base/planted.h 'typedef struct Batch {\n    int n;\n} Batch;' 'Batch is defined in base/planted.h'
finds "another, without a tag" base/planted.h 'typedef struct {\n    int n;\n} Arena;' 'Arena is defined in base/planted.h'
finds "a clock in a test" tests/test_str.c 'static double now(void) { return clock_now(); }' 'tests/test_str.c:[0-9]+:static double now'
finds "a limit in milliseconds" tests/test_str.c 'assert_true(r.wall_ms < 4000);' 'wall_ms < 4000'
clock=SECONDS # this script is looked at too
finds "a script that compares a clock" tests/test_talk.sh "[ \$$clock -lt 5 ] && ok" "$clock -lt"
finds "a .c file that is included" policy/planted.c '#include "policy/rope.c"' 'policy/planted.c'
finds "a name that is used twice" rl/str.h '' 'str.h'

# An entry of a list that is no longer needed.
sed -i "s|^circular='|circular='\nbase/str 1|" "$copy/tests/layers.sh"

"$copy/tests/layers.sh" >"$dir/out" 2>"$dir/err"
has "a list of circles that can be shorter" 'base/str: listed 1 times .* shorten the list'
finish
