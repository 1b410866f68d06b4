#!/usr/bin/env bash
# tests/distributions.sh -- the README's commands, make deb and the Dockerfile in fresh chroots of Debian 12 and 13.
#
#   tests/distributions.sh [FOLDER] [SUITE...]      root, debootstrap and a Debian mirror are needed
# FOLDER keeps the chroots (default build/chroots); SUITE defaults to bookworm and trixie. MIRROR chooses the mirror,
# TESTS the tests to run inside (default: all). Part of `make test-long`; takes half an hour a suite on two cores.
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
folder=$(mkdir -p "${1:-build/chroots}" && cd "${1:-build/chroots}" && pwd)
[ $# -eq 0 ] || shift
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(bookworm trixie)
check() { # WHAT STATUS [LOG]
    if [ "$2" -eq 0 ]; then passed=$((passed + 1)) && echo "ok: $1"; else
        failed=$((failed + 1)) && echo "FAILED: $1"
        [ -z "${3:-}" ] || tail -n 15 "$3" | sed 's/^/    /'
    fi
}
if [ "$(id -u)" != 0 ] || ! command -v debootstrap >/dev/null; then
    echo "skipped: chroots need root and debootstrap"
    echo "0 passed, 0 failed"
    exit 0
fi

mounted=()
leave() { for m in "${mounted[@]}"; do umount -l "$m" 2>/dev/null; done; }
trap leave EXIT

for suite in "${suites[@]}"; do
    root=$folder/$suite log=$folder/$suite.log
    if [ ! -x "$root/usr/bin/apt-get" ]; then
        debootstrap --variant=minbase "$suite" "$root" ${MIRROR:+"$MIRROR"} >"$log" 2>&1
        check "$suite: debootstrap" $? "$log"
    fi
    # The sandbox makes mounts private, so the chroot's root must be a mount point.
    mount --bind "$root" "$root" && mounted=("$root" "${mounted[@]}")
    for fs in proc dev sys; do
        mount --rbind "/$fs" "$root/$fs" && mount --make-rslave "$root/$fs" && mounted=("$root/$fs" "${mounted[@]}")
    done
    in_root() { chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive bash -c "$1"; }
    rm -rf "$root/src" && git clone -q . "$root/src"

    # The README's first line, then its two commands, as a new user has them: from the Dockerfile's steps.
    in_root 'apt-get update && apt-get install -y make git ca-certificates && git config --global --add safe.directory "*"' >"$log" 2>&1
    check "$suite: a bare system gets make and git" $? "$log"
    in_root "cd /src && make CUDA=0 WERROR=1 ${TESTS:+ONLY='$TESTS'} test" >"$log" 2>&1
    code=$? last=$(tail -n 1 "$log")
    check "$suite: make test ($last)" $code "$log"
    cp "$log" "$folder/$suite.test.log"
    in_root 'cd /src && timeout 1800 make demo ARGS="rl.steps=2 sft.steps=20 rl.preflight_tasks=0 eval.final_tasks=16"' >"$log" 2>&1
    check "$suite: make demo with two steps" $? "$log"
    [ -s "$root/src/runs/demo/report.html" ]
    check "$suite: report.html" $?

    in_root 'cd /src && make deb' >"$log" 2>&1
    check "$suite: make deb, lintian without an error or warning" $? "$log"
    in_root 'apt-get install -y /src/build/deb/grpo_*.deb && cd / && grpo --version && man -w grpo 2>/dev/null
             test -s /usr/share/man/man1/grpo.1.gz && test -s /usr/share/grpo/recipes/zero-desk.json &&
             test -s /usr/share/grpo/config.schema.json && grpo verify --task math 1/2 0.5 | grep -q right &&
             apt-get remove -y grpo && ! command -v grpo' >"$log" 2>&1
    check "$suite: the package installs, runs, and is removed" $? "$log"

    # Each RUN line of the Dockerfile, in its order, in this chroot.
    rm -rf "$root/src" && git clone -q . "$root/src" && mkdir -p "$root/work"
    sed -n 's/^RUN //p' Dockerfile | while IFS= read -r line; do
        in_root "cd /src && $line" >"$log" 2>&1 || { echo "$line" >>"$log" && exit 1; }
    done
    check "$suite: RUN lines of the Dockerfile" $? "$log"
    in_root 'cd /work && grpo doctor' >"$log" 2>&1
    check "$suite: the image's grpo doctor" $? "$log"
    leave
    mounted=()
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
