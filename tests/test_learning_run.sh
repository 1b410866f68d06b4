#!/usr/bin/env bash
# tests/test_learning_run.sh -- what a training run says about itself: preflight, unknown pass@k.
set -u
. "$(dirname "$0")/shell.sh"

tiny="model.hidden_size=32 model.n_layers=1 model.n_heads=2 model.first_k_dense=1"
# shellcheck disable=SC2086
run "a tiny base" 0 . sft $tiny sft.steps=1 sft.batch=2 sft.warmup_steps=0 -o "$dir/base" -q
model="$dir/base/checkpoints/step-1/model"

# ---- the preflight asks the training questions
for i in 1 2 3; do echo "{\"question\":\"What is $i+$i?\",\"answer\":\"$((2 * i))\"}"; done >"$dir/train.jsonl"
for i in 1 2 3 4 5; do echo "{\"question\":\"Is it $i-$i?\",\"answer\":\"0\"}"; done >"$dir/heldout.jsonl"
small="rl.steps=1 rl.groups_per_step=2 rl.group_size=2 rl.max_new_tokens=4 rl.preflight_tasks=16 rl.preflight_k=2
  eval.tasks=2 eval.samples=1 eval.final_tasks=2 eval.passk_tasks=2 eval.passk_samples=2"
# shellcheck disable=SC2086
run "a run of one step" 0 'preflight: 3 training questions, 2 samples each' rl model.path="$model" $small \
    data.tasks="$dir/train.jsonl" data.heldout="$dir/heldout.jsonl" -o "$dir/run"

# ---- pass@k where no sample has a verdict is unknown
cat >"$dir/judge.sh" <<'END'
while read -r line; do id=$(echo "$line" | sed -E 's/^\{"id":([0-9]+).*/\1/'); echo "{\"id\":$id,\"verdict\":\"error\"}"; done
END
run "an evaluation without verdicts" 0 '^accuracy   unknown: no sample has a verdict' eval "$model" \
    --data "$dir/heldout.jsonl" --judge program --program "sh $dir/judge.sh" --k 1,2 --max-tokens 4
has "pass@k too" '^pass@2     unknown: no question has 2 samples with a verdict'
lacks "and nothing is 0 %" '^(accuracy|pass@[12]) +0\.0 %'
run "in JSON it is null" 0 '"acc":\{"mean":null,"low":null,"high":null\}' eval "$model" --json \
    --data "$dir/heldout.jsonl" --judge program --program "sh $dir/judge.sh" --k 1,2 --max-tokens 4
has "and so is pass@k" '"k":2,"tasks":0,"mean":null'
# shellcheck disable=SC2086
run "an unknown pass@k opens no gate" 1 'preflight: pass@2 is unknown' rl model.path="$model" $small \
    data.tasks="$dir/train.jsonl" data.heldout="$dir/heldout.jsonl" data.judge=program rl.preflight_min_pass=0.01 \
    rl.judge_program="sh $dir/judge.sh" -o "$dir/gate"
has "the base is unknown too" 'base: pass@1 unknown of 0 held-out tasks'

# ---- sft: defaults by what the model is, long documents counted
value() { "$GRPO" config --recipe none --origin "$@" 2>/dev/null | tr -d '\n' | sed -E "s/.*\"$key\":\{\"value\":([^,]*),.*/\1/"; }
same "a new model learns at the desk's rate" "$(key=sft.lr value)" 0.002
same "one that was trained before does not" "$(key=sft.lr value model.path="$model")" 1e-05
same "nor is its router's bias moved" "$(key=sft.router_bias_step value model.path="$model")" 0
same "its context is the longest document" "$(key=sft.max_tokens value model.path="$model")" 256
same "what was said stays" "$(key=sft.lr value model.path="$model" sft.lr=3e-4)" 0.0003
for i in 1 2 3; do printf '{"prompt":"Compute %d.","response":"It is %d."}\n' $i $i; done >"$dir/docs.jsonl"
printf '{"prompt":"Compute.","response":"%0.s1 2 3 4 5 6 7 8 9 10 "}\n' 1 >>"$dir/docs.jsonl"
docs="model.path=$model data.corpus=$dir/docs.jsonl sft.steps=2 sft.batch=4 sft.max_tokens=20"
# shellcheck disable=SC2086
run "a long document is named before the first step" 0 '1 of the 4 documents have more than sft.max_tokens=20 tokens and are left out' sft $docs -o "$dir/sft"
grep -q '"train/overlong":1,"train/truncated":0' "$dir/sft/metrics.jsonl" && ok || bad "and counted in the metrics"
# shellcheck disable=SC2086
run "it can be cut" 0 'and are cut there' sft $docs sft.overlong=truncate -o "$dir/sft-cut"
grep -q '"train/left_out":0,"train/overlong":1,"train/truncated":1' "$dir/sft-cut/metrics.jsonl" && ok || bad "and all are trained on"
# shellcheck disable=SC2086
run "or refused" 2 'document [1-4] .* has [0-9]+ tokens, more than sft.max_tokens=20' sft $docs sft.overlong=error -o "$dir/sft-error"
# shellcheck disable=SC2086
run "a limit beyond the context is refused" 2 'at most 256 tokens here' sft $docs sft.max_tokens=300 -o "$dir/sft-context"

finish
