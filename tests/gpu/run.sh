#!/usr/bin/env bash
# tests/gpu/run.sh -- everything that only a GPU can prove, in one go; writes OUT/gpu.txt.
#
#   tests/gpu/run.sh [OUT]      default OUT: tests/gpu/results/<date>-<device>
#
# Builds the three programs below with nvcc where the build works, else takes them from PREBUILT (a folder
# with test_ops_parity and bench_ops made elsewhere by `make gpu`). Settings of the GPU are left as they are.
set -u
cd "$(dirname "$0")/../.." || exit 1
command -v nvidia-smi >/dev/null || { echo "tests/gpu/run.sh: no nvidia-smi: this needs a machine with a GPU"; exit 1; }
name=$(nvidia-smi --query-gpu=name --format=csv,noheader | head -1 | tr ' ' '-')
out=${1:-tests/gpu/results/$(date -u +%Y-%m-%d)-$name}
mkdir -p "$out"
log=$out/gpu.txt
bin=build/release/tests
{
    date -u
    git rev-parse HEAD 2>/dev/null || echo "commit: ${COMMIT:-unknown}"
    nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv
} | tee "$log"

if make -s CUDA=1 gpu >>"$log" 2>&1; then :; elif [ -n "${PREBUILT:-}" ]; then
    bin=$PREBUILT
else
    echo "the build fails here (see $log) and PREBUILT is not set" | tee -a "$log"
    exit 1
fi

bad=0
step() { # NAME COMMAND...
    local what=$1
    shift
    printf '\n== %s: %s\n' "$what" "$*" | tee -a "$log"
    if timeout 300 "$@" >>"$log" 2>&1; then echo "ok: $what" | tee -a "$log"; else
        echo "FAILED: $what" | tee -a "$log"
        bad=$((bad + 1))
    fi
}

step "parity with the CPU row" "$bin/test_ops_parity"
if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck initcheck synccheck; do
        step "compute-sanitizer $tool" compute-sanitizer --tool $tool --error-exitcode 9 "$bin/test_ops_parity"
    done
else
    echo "skipped: compute-sanitizer is not installed" | tee -a "$log"
fi
step "timings against the memory bandwidth" "$bin/gpu/bench_ops"
grep '^{' "$log"
echo "$bad steps failed; raw output in $log"
[ "$bad" -eq 0 ]
