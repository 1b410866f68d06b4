#!/usr/bin/env bash
# tests/test_dense_run.sh -- a dense model from `model new` to a trained one: sampled, scored, sft, zero.
set -u
. "$(dirname "$0")/shell.sh"

sizes="model.family=qwen3 model.hidden_size=48 model.n_layers=2 model.n_heads=4 model.n_kv_heads=2
  model.head_dim=16 model.intermediate_size=96 model.tie_word_embeddings=true"
# shellcheck disable=SC2086
check "a new model" "$GRPO" model new $sizes -o "$dir/model"
check "is said to be what it is" "$GRPO" model info "$dir/model"
grep -q 'qwen3, hidden 48, 2 layers' "$dir/out" && ok || bad "info names the family"
grep -q '"model_type": "qwen3"' "$dir/model/config.json" && ok || bad "config.json names it"

printf '{"id":"p","prompt":"User: Compute 1+1. Assistant:"}\n' >"$dir/p.jsonl"
check "samples" "$GRPO" generate "$dir/model" --in "$dir/p.jsonl" --n 1 --max-tokens 20 --seed 5
read -r tokens logp < <(sed -nE '1s/.*"tokens":(\[[0-9,]+\]),"logp":\[([^]]*)\].*/\1 \2/p' "$dir/out")
prompt=$("$GRPO" tokenize "$dir/model" -p 'User: Compute 1+1. Assistant:' |
    sed -nE 's/.*"tokens":\[([0-9,]+)\].*/\1/p')
printf '{"id":1,"tokens":[%s,%s}\n' "$prompt" "${tokens#[}" >"$dir/s.jsonl"
check "scores" "$GRPO" score "$dir/model" --in "$dir/s.jsonl"
scored=$(sed -nE 's/.*"logp":\[([^]]*)\].*/\1/p' "$dir/out")
[ -n "$logp" ] && [ "${scored%"$logp"}" != "$scored" ] && ok ||
    bad "what was sampled is scored with the sampler's bits"

# shellcheck disable=SC2086
check "a run from nothing to RL" "$GRPO" zero $sizes -q -o "$dir/run" sft.steps=60 sft.batch=32 \
    sft.lr=5e-3 sft.warmup_steps=5 desk.bare=0 desk.says=0 desk.leap=0 desk.full=0 desk.check=0 \
    desk.broken=0 desk.giveup=0.3 desk.empty=1 rl.steps=6 rl.groups_per_step=8 rl.group_size=4 \
    rl.max_new_tokens=24 rl.lr=1e-3 rl.warmup_steps=1 rl.preflight_tasks=4 rl.preflight_k=4 \
    rl.preflight_min_pass=0 eval.every=0 eval.tasks=8 eval.samples=2 eval.final_tasks=8 \
    eval.passk_tasks=4 eval.passk_samples=4 eval.large_tasks=4 eval.shown=3
first=$(sed -nE '1s/.*"(loss|sft\/loss)":([0-9.]+).*/\2/p' "$dir/run/base/metrics.jsonl")
last=$(sed -nE '$s/.*"(loss|sft\/loss)":([0-9.]+).*/\2/p' "$dir/run/base/metrics.jsonl")
awk -v a="$first" -v b="$last" 'BEGIN { exit !(b < 0.7 * a) }' && ok || bad "sft: loss $first to $last"
steps=$(grep -c '"step"' "$dir/run/metrics.jsonl")
[ "$steps" -ge 6 ] && ok || bad "six steps of RL, not $steps"
check "the trained model differs" bash -c \
    "! '$GRPO' model diff '$dir/run/checkpoints/step-0/model' '$dir/run/checkpoints/step-6/model'"
check "sft from a folder" "$GRPO" sft -q -o "$dir/sft" model.path="$dir/model" sft.steps=3 \
    sft.batch=8 sft.warmup_steps=1

finish
