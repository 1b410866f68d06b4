#!/usr/bin/env bash
# tests/test_bits.sh -- zero, rl, sft, eval, generate, score and checkpoints give the bits they gave.
#
# tests/golden/bits/commands.txt holds a hash of each command's result, first computed at commit
# b5f713d: metrics without timings, samples, weights. Settings are below; avx2 always, the other
# kernel sets as the processor has them. A change that is meant to change bits rewrites the file:
# BITS=write make ONLY=bits test; the commit that does so names the defect and the old hash.
set -u
shopt -s lastpipe # so that `same` at the end of a pipe counts here
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build/release-cpu}
GRPO=${GRPO:-$BUILD/grpo}
known=tests/golden/bits/commands.txt
dir=$(mktemp -d "${TMPDIR:-/tmp}/bits.XXXXXX")
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
: >"$dir/new"

same() { # same NAME; the bytes on stdin
    local hash want
    hash=$(sha256sum | cut -c 1-16)
    grep -q "^$1 " "$dir/new" || echo "$1 $hash" >>"$dir/new"
    want=$(sed -nE "s/^${1//\//\\/} //p" "$known" 2>/dev/null)
    [ "${BITS:-}" = write ] && want=$(sed -nE "s/^${1//\//\\/} //p" "$dir/new")
    [ "$hash" = e3b0c44298fc1c14 ] && want='something (nothing came)'
    if [ "$hash" = "$want" ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED: $1 on $GRPO_CPU: $hash, was ${want:-not there}"
        tail -n 3 "$dir/err" 2>/dev/null
    fi
}
# Timings are no part of what must be equal, nor counts that b5f713d did not have.
plain() { sed -E 's/"time":[^,]*,//g; s/"(timing_s|perf)\/[^"]*":[^,}]*,?//g; s/"seconds":[0-9.e+-]*,?//g; s/"train\/(overlong|truncated)":[0-9]*,?//g; s/,}/}/g' "$@"; }
quiet() { "$GRPO" "$@" >"$dir/out" 2>"$dir/err"; }

mla="model.hidden_size=48 model.n_layers=2 model.n_heads=2 model.intermediate_size=64
  model.q_lora_rank=16 model.kv_lora_rank=16 model.qk_nope_head_dim=8 model.qk_rope_head_dim=8
  model.v_head_dim=8 model.moe_intermediate_size=16 model.n_routed_experts=4"
dense="model.family=qwen3 model.hidden_size=48 model.n_layers=2 model.n_heads=4 model.n_kv_heads=2
  model.head_dim=16 model.intermediate_size=96 model.tie_word_embeddings=true"
zero="sft.steps=60 sft.batch=32 sft.lr=1e-2 sft.warmup_steps=5 desk.bare=0 desk.says=0 desk.leap=0
  desk.full=0 desk.check=0 desk.broken=0 desk.giveup=0.3 desk.empty=1 rl.steps=4
  rl.groups_per_step=4 rl.group_size=4 rl.max_new_tokens=24 rl.lr=1e-3 rl.warmup_steps=1 rl.preflight_tasks=4
  rl.preflight_k=2 rl.preflight_min_pass=0 rl.kl=k3 rl.kl_coef=0.01 eval.every=2 eval.tasks=4
  eval.samples=2 eval.final_tasks=4 eval.passk_tasks=2 eval.passk_samples=2 eval.large_tasks=2
  eval.shown=2 run.checkpoint_every=2 run.decode_seqs=16"

# zero NAME SETTINGS...: the whole of a small run.
run_zero() {
    local name=$1
    shift
    rm -rf "$dir/run"
    # shellcheck disable=SC2086
    quiet zero $zero "$@" -q -o "$dir/run"
    plain "$dir/run/base/metrics.jsonl" "$dir/run/metrics.jsonl" | same "$name/metrics"
    cat "$dir/run/checkpoints/step-4/model/model.safetensors" | same "$name/weights"
}

cpu_sets=avx2
for cpu in avx512 avx512bf16 amx; do
    if GRPO_CPU=$cpu "$GRPO" model new $dense -o "$dir/probe.$cpu" >/dev/null 2>&1; then
        cpu_sets="$cpu_sets $cpu"
    else
        echo "skipped: kernel set $cpu is not on this machine"
    fi
done
for GRPO_CPU in $cpu_sets; do
    export GRPO_CPU
    # shellcheck disable=SC2086
    run_zero zero/absorbed/fp32 $mla
    # shellcheck disable=SC2086
    run_zero zero/dense/bf16 $dense model.precision=bf16
done
# The kernel set that is chosen by itself does the rest, in every precision and form.
unset GRPO_CPU
GRPO_CPU=auto
# shellcheck disable=SC2086
run_zero zero/expanded/bf16 $mla model.precision=bf16 model.mla_form=expanded
# shellcheck disable=SC2086
run_zero zero/absorbed/fp8 $mla model.precision=fp8
cat "$dir"/run/checkpoints/step-4/state/{policy.state,reference.bin} | same checkpoint
find "$dir/run/rollouts" "$dir/run/samples" -type f 2>/dev/null | LC_ALL=C sort | xargs cat | same rollouts
# shellcheck disable=SC2086
quiet model new $dense -o "$dir/model"
cat "$dir/model/model.safetensors" | same model-new
quiet sft -q -o "$dir/sft" model.path="$dir/model" sft.steps=6 sft.batch=8 sft.warmup_steps=1 \
    sft.lr=2e-3 sft.max_tokens=192
plain "$dir/sft/metrics.jsonl" | same sft/metrics
cat "$dir"/sft/checkpoints/step-6/model/model.safetensors | same sft/weights
quiet rl -q -o "$dir/rl" model.path="$dir/run/checkpoints/step-4/model" rl.steps=2 rl.warmup_steps=1 rl.groups_per_step=4 \
    rl.group_size=4 rl.max_new_tokens=16 rl.preflight_tasks=0 rl.loss=dapo eval.every=0 eval.tasks=4
plain "$dir/rl/metrics.jsonl" | same rl/metrics
cat "$dir"/rl/checkpoints/step-2/model/model.safetensors | same rl/weights
quiet eval "$dir/run/checkpoints/step-4/model" --k 1,4 --tasks 6 -m 24 --samples "$dir/samples" --json
plain "$dir/out" "$dir/samples" | same eval
printf '{"id":"p","prompt":"User: Compute 1+1. Assistant:"}\n' >"$dir/p.jsonl"
quiet generate "$dir/sft/checkpoints/step-6/model" --in "$dir/p.jsonl" --n 4 --max-tokens 20 --seed 5 --top-p 0.9
cat "$dir/out" | same generate
printf '{"id":1,"tokens":[5,6,7,8,9,10,11,12]}\n' >"$dir/s.jsonl"
quiet score "$dir/run/checkpoints/step-4/model" --in "$dir/s.jsonl"
cat "$dir/out" | same score

[ "${BITS:-}" = write ] && cp "$dir/new" "$known"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
