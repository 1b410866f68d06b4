#!/usr/bin/env bash
# tests/layers.sh -- the rules of the source tree that a machine can check (modules: docs/DESIGN.md).
#
#   who may include whom, no circular includes, one meaning a type name, no clock in a test,
#   file length, first lines, a README in every module, unique file names
#
# What breaks a rule today is listed here with the number of times it does. The lists only get
# shorter: more is a failure, and so is an entry that is no longer needed.
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

# listed LIST: findings "KEY rest of the line" on stdin, of which LIST allows "KEY COUNT". Prints the
# findings of keys that have more, and the entries that have fewer.
listed() {
    awk -v list="$1" 'BEGIN { n = split(list, line, "\n")
            for (i = 1; i <= n; i++) if (split(line[i], w, " ") == 2) may[w[1]] = w[2] }
        { n_of[$1]++; said[$1] = said[$1] $0 "\n" }
        END { for (k in n_of) if (n_of[k] > may[k]) printf "%s", said[k]
              for (k in may) if (n_of[k] + 0 < may[k])
                  print k ": listed " may[k] " times in tests/layers.sh, found " n_of[k] + 0 ": shorten the list" }' | sort
}

# Modules that a module may include besides itself and base.
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
modules='base sandbox datasets policy verifiers rollout rl sft pipelines'
code() { find "$@" -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.cc' 2>/dev/null | sort; }
includes=$(code $modules | xargs -r awk '/^[ \t]*#[ \t]*include "/ { split($0, q, "\""); print FILENAME ":" FNR, q[2] }')

for module in $modules; do
    [ -d "$module" ] || continue
    # Of datasets, verifiers may include one file: the task.
    awk -v module="$module" -v may=" $module base $(allowed "$module") " '
        index($1, module "/") != 1 { next }
        { split($2, part, "/") }
        !index(may, " " part[1] " ") { print $1 ": " module " may not include " $2 }
        module == "verifiers" && part[1] == "datasets" && $2 != "datasets/task.h" {
            print $1 ": of datasets, verifiers may include task.h alone" }' <<<"$includes" | check "includes of $module"

    if [ -n "$(code "$module")" ] && [ ! -s "$module/README.md" ]; then echo "$module/README.md is missing"; fi |
        check "a README in $module"
done

# ---- inside policy: the models know no backend, no tokenizer and no file

backend_includes=
awk '$1 ~ /^policy\// && $1 !~ /^policy\/(cpu|cuda)\// && $2 ~ /^policy\/(cpu|cuda)\// {
        split($1, at, ":"); print at[1], "line " at[2] " includes " $2 }' <<<"$includes" |
    listed "$backend_includes" | check 'policy/ includes nothing of policy/cpu and policy/cuda'

awk '$1 ~ /^policy\/[^\/]*$/ && $2 ~ /^policy\/(text|files)\// { print $1 " includes " $2 }' <<<"$includes" |
    check 'the models include nothing of policy/text and policy/files'

# ---- circular includes: of units (the .h, .c and .cu of one name), through headers without a .c

circular='
policy/cpu/gemm 1
policy/cpu/quant 1
policy/cpu/vec 1
rollout/batch 1
rollout/columns 1
sandbox/broker 1
sandbox/cage 1
sandbox/cage_wire 1
sandbox/cell/cell 1
sandbox/filter 1
sandbox/slot 1
verifiers/math/ball 1
verifiers/math/ball_value 1
verifiers/math/collection 1
verifiers/math/equal 1
verifiers/math/linepoly 1
verifiers/math/math 1
verifiers/math/realset 1
verifiers/math/scalar 1
verifiers/math/statement 1
verifiers/math/testpoint 1
verifiers/math/tree/latex 1
verifiers/math/tree/texcommand 1'
{
    code $modules | grep -E '\.cu?$'
    echo "$includes"
} | awk '
    function unit(path) { sub(/:.*/, "", path); sub(/\.[^.\/]*$/, "", path); return path }
    NF == 1 { real[unit($1)] = 1; next }
    { u = unit($1); v = unit($2); if (u != v) out[u] = out[u] " " v }
    # Marks all units that u leads to; headers without a .c are only passed through.
    function follow(u, from,    n, i, w) {
        n = split(out[u], w, " ")
        for (i = 1; i <= n; i++)
            if (!((from, w[i]) in to)) { to[from, w[i]] = 1; follow(w[i], from) }
    }
    # One way round, for the message.
    function way(u, goal, path,    n, i, w, got) {
        n = split(out[u], w, " ")
        for (i = 1; i <= n; i++) {
            if (w[i] == goal) return path " -> " goal
            if ((w[i], goal) in to && !(w[i] in on)) {
                on[w[i]] = 1
                got = way(w[i], goal, path " -> " w[i])
                if (got) return got
            }
        }
        return ""
    }
    END {
        for (u in out) follow(u, u)
        for (u in real) {
            if (!((u, u) in to)) continue
            other = 0 # a header of its own that includes it is no circle
            for (v in real) if (v != u && (u, v) in to && (v, u) in to) other = 1
            if (!other) continue
            split("", on)
            print u, "is included by what it includes:" way(u, u, " " u)
        }
    }' | listed "$circular" | check 'no circular includes'

# ---- a type name means one thing: defined once in the tree (two tests define Policy, which is opaque, for themselves)

code $modules tests | grep -vE '^tests/(attacks|cuemu|gpu|peers|golden|fake_policy.h|fuzz_runstate.c)' | xargs awk '
    # Each pattern gives the name that the line defines.
    match($0, /^(typedef )?(struct|union|enum) [A-Za-z_][A-Za-z0-9_]* \{/) {
        split(substr($0, RSTART, RLENGTH), w, " ")
        print w[1] == "typedef" ? w[3] : w[2], FILENAME; next }
    /^typedef / && /\(\*[A-Za-z_][A-Za-z0-9_]*\)/ {
        match($0, /\(\*[A-Za-z_][A-Za-z0-9_]*\)/); print substr($0, RSTART + 2, RLENGTH - 3), FILENAME; next }
    /^typedef (struct|union|enum) [A-Za-z_0-9]+ [A-Za-z_0-9]+;/ || /__attribute__/ { next }
    match($0, /^typedef [^(;{]*[ *][A-Za-z_][A-Za-z0-9_]*[[(;]/) {
        n = split(substr($0, RSTART, RLENGTH - 1), w, /[ *]+/); print w[n], FILENAME; next }
    match($0, /^\} [A-Za-z_][A-Za-z0-9_]*;/) { print substr($0, 3, RLENGTH - 3), FILENAME }' |
    sort -u | awk '{ n[$1]++; at[$1] = at[$1] " " $2 }
        END { for (k in n) if (n[k] > 1) { m = split(at[k], f, " "); for (i = 1; i <= m; i++) print k, "is defined in " f[i] } }' |
    check 'a type name is defined once'

# ---- no test compares a clock with a constant: what reads one is tests/work.h

find tests -maxdepth 1 -name '*.[ch]' ! -name 'bench_*' ! -name work.h ! -name test_clock.c | sort |
    xargs grep -nE '(^|[^_A-Za-z0-9"])(clock|clock_gettime|gettimeofday|clock_now|clock_wall|clock_cpu)\(|(wall|cpu)_(ms|us) *[<>]' |
    check 'tests measure work with tests/work.h'
grep -nE '(SECONDS|EPOCHREALTIME|EPOCHSECONDS).*-(lt|le|gt|ge) |-(lt|le|gt|ge) .*(SECONDS|EPOCHREALTIME|EPOCHSECONDS)' tests/test_*.sh |
    check 'no script compares a clock'

# ---- files

grep -rnE '#[[:space:]]*include "[^"]*\.c"' --include='*.[ch]' --exclude-dir=build . | check 'nobody includes a .c file'

# A generated table says so in its first two lines and may be long.
{ code $modules tests; find tests .ci -type f \( -name '*.sh' -o -path '.ci/*' \); } |
    xargs awk 'FNR == 1 { free = 0 } FNR <= 2 && tolower($0) ~ /generated/ { free = 1 }
        FNR == 801 && !free { print FILENAME " has more than 800 lines" }' | check 'file length'

code $modules tests | xargs awk 'FNR == 1 && index($0, "// " FILENAME " -- ") != 1 {
    print FILENAME " begins with: " $0 }' | check "first lines: '// path -- what it is'"

# A script may name its interpreter first. The hostile programs stay as they were written.
{ find $modules tests .ci -path tests/attacks -prune -o -path tests/golden -prune -o -type f \( -path '.ci/*' \
    -o -name '*.py' -o -name '*.sh' -o -name '*.js' -o -name '*.css' -o -name '*.mk' \) -print; } |
    xargs awk 'FNR <= 2 && index($0, FILENAME " -- ") { told[FILENAME] = 1 } { seen[FILENAME] = 1 }
        END { for (f in seen) if (!(f in told)) print f }' | check "first lines of scripts: 'path -- what it is'"

# A backend's file may be named like what it serves; elsewhere a name is unique in the tree.
code $modules | grep -vE '^policy/(cpu|cuda)/' | sed 's|.*/||' | sort | uniq -d | check 'unique file names'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
