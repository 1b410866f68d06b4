#!/usr/bin/env bash
# tests/test_install.sh -- make install takes what is built, make uninstall leaves nothing behind.
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
check() { # WHAT STATUS
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)) && echo "FAILED: $1"; fi
}
make=${MAKE:-make}
unset MAKEFLAGS MAKELEVEL MFLAGS

# The sources look newer than the program: installing must not compile all the same.
$make CUDA=0 install DESTDIR="$work/root" PREFIX=/usr >"$work/log" 2>&1
check "make install" $?
! grep -qE '^  (CC|LINK|NVCC) ' "$work/log"
check "install compiles nothing: $(grep -E '^  (CC|LINK|NVCC) ' "$work/log" | head -n 1)" $?
for file in bin/grpo share/man/man1/grpo.1 share/bash-completion/completions/grpo share/zsh/site-functions/_grpo \
    share/fish/vendor_completions.d/grpo.fish share/grpo/config.schema.json share/grpo/recipes/zero-desk.json \
    share/doc/grpo/README.md share/doc/grpo/LICENSE; do
    [ -s "$work/root/usr/$file" ]
    check "$file is installed" $?
done
"$work/root/usr/bin/grpo" --version >"$work/out" 2>&1 && grep -q '^grpo [0-9]' "$work/out"
check "the installed program runs: $(head -n 1 "$work/out")" $?
$make CUDA=0 uninstall DESTDIR="$work/root" PREFIX=/usr >/dev/null 2>&1
check "make uninstall" $?
left=$(find "$work/root" -type f)
[ -z "$left" ]
check "files left behind: $left" $?
[ ! -e "$work/root/usr/share/grpo" ]
check "share/grpo is gone" $?

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
