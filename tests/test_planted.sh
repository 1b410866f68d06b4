#!/usr/bin/env bash
# tests/test_planted.sh -- bugs planted into the real CUDA kernels, each of which the shim must catch.
#
# Each row is a file, a sed expression that plants one bug, and what it is. The mutant replaces the
# file's object in test_ops_parity_cuemu; the test must then fail. `make test` sets the environment.
set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build/release}
parity=$build/tests/test_ops_parity_cuemu
if [ ! -x "$parity" ] || [ -z "${CUEMU_FLAGS:-}" ]; then
    echo "skipped: planted CUDA bugs: $parity is not built here"
    echo "0 passed, 0 failed"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

plant() { # FILE SED WHAT
    sed "$2" "policy/cuda/$1" >"$work/$1"
    if cmp -s "$work/$1" "policy/cuda/$1"; then
        echo "FAILED: $1: nothing was planted for: $3"
        failed=$((failed + 1))
        return
    fi
    # shellcheck disable=SC2086 # flags and objects are word lists
    if ! g++ $CUEMU_FLAGS -w -c "$work/$1" -o "$work/mutant.o" 2>"$work/log"; then
        echo "FAILED: $1: the mutant does not compile: $3"
        head -5 "$work/log"
        failed=$((failed + 1))
        return
    fi
    others=$(printf '%s\n' $CUEMU_OBJ | grep -v "/$1.o\$")
    # shellcheck disable=SC2086
    g++ "$build/tests/test_ops_parity.c.o" $others "$work/mutant.o" "$build/libgrpo.a" $CUEMU_LIBS \
        -o "$work/mutant" || exit 1
    if timeout 60 "$work/mutant" >"$work/log" 2>&1; then
        echo "FAILED: not caught: $3"
        failed=$((failed + 1))
    else
        echo "caught: $3 ($(grep -aoE 'cuemu: [^:]*|error [^,]*, the CPU|[0-9]+ of [0-9]+ codes|Segmentation|difference' "$work/log" |
            head -1))"
        passed=$((passed + 1))
    fi
}

plant quant.cu '0,/^    __syncthreads();$/s///' 'a missing block barrier between two warps'
plant quant.cu 's/SMEM_BYTES = sizeof(float) \* TILE \* PITCH/SMEM_BYTES = 1/; s/PITCH = TILE + 1/PITCH = 4 * TILE + 1/' 'shared memory overrun'
plant quant.cu 's/r0 + r < rows \&\& c + i < cols/c + i < cols/' 'a read past the last row'
plant quant.cu 's/if (!by_row.codes || r0 + r >= rows) continue;/if (!by_row.codes) continue;/' 'a write past the last row'
plant quant.cu 's/if (c0 + c >= cols) continue;.*//; s/for (int bit = 4; bit > 0; bit >>= 1)/if (c0 + c >= cols) continue;\n&/' 'lanes that leave before a shuffle'
plant quant.cu 's/bit = 4; bit > 0/bit = 2; bit > 0/' 'a reduction over half of the lanes'
plant rmsnorm.cu 's/^    const float mean = /    if (threadIdx.x < 32) __syncthreads();\n&/' 'a barrier that only one warp reaches'
plant rmsnorm.cu 's/c + i < cols ? x/true ? x/' 'a read past the last column'
plant rmsnorm.cu 's/warp_max(amax)/amax/' 'a scale from one lane instead of the tile'
plant rmsnorm.cu 's/e4m3_aligned(y)/true/' 'wide stores to unaligned rows'
plant logprob.cu '0,/if (lane == 0) share\[warp\] = f;/s//if (lane == 0 \&\& warp) share[warp] = f;/' 'shared memory that nobody wrote'
plant logprob.cu '0,/    __syncthreads();/s///' 'a missing barrier before a block reduction'
plant logprob.cu '0,/32 \* WARPS) {/s//31 * WARPS) {/' 'a stride that visits values twice'
plant logprob.cu 's/lane < WARPS ? share\[lane\]/lane < 2 * WARPS ? share[lane]/' 'shared memory past its end'
plant logprob.cu 's/0xffffffffu, f.sum/0x0000ffffu, f.sum/' 'a warp mask that leaves out the caller'
plant logprob.cu 's/LAUNCH(logprob_kernel, logits.rows, 32 \* WARPS/LAUNCH(logprob_kernel, logits.rows, 2048/' 'a block of 2,048 threads'
plant table.cu 's/out, bytes ? bytes : 1/out, bytes \/ 2 + 1/' 'an allocation of half the size'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
