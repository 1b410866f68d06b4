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
same "its router's bias moves as V3's did" "$(key=sft.router_bias_step value model.path="$model")" 0.001
same "with V3's balance loss" "$(key=sft.balance_alpha value model.path="$model")" 0.0001
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

# ---- evaluation: its own sampling, samples beyond k, stop texts, sources
ev="--data $dir/heldout.jsonl --max-tokens 8"
# shellcheck disable=SC2086
run "pass@k beyond the samples is an error" 2 'pass@8 needs at least 8 samples' eval "$model" $ev --k 1,8 --n 4
# shellcheck disable=SC2086
run "more samples than k" 0 '"samples":6,.*"k":2,"tasks":5' eval "$model" $ev --k 1,2 --n 6 --json
# shellcheck disable=SC2086
run "a nucleus of greedy samples cannot act" 2 'need --temperature above 0' eval "$model" $ev --temperature 0 --top-p 0.9
run "pass_k beyond the samples in a config" 2 'pass@8 needs as many samples .* eval.passk_samples is 4' config eval.pass_k=[1,8] eval.passk_samples=4
# shellcheck disable=SC2086
run "an evaluation of its own length" 0 . rl model.path="$model" $small data.tasks="$dir/train.jsonl" data.heldout="$dir/heldout.jsonl" \
    eval.max_new_tokens=9 eval.temperature=0.5 eval.top_p=0.9 eval.top_k=-1 rl.ignore_eos=true -o "$dir/own" -q
longest() { grep -ao '"length":[0-9]*' "$@" | sed 's/.*://' | sort -n | tail -1; }
same "samples of training keep theirs" "$(longest "$dir/own/rollouts/"*)" 4
if [ "$(longest "$dir/own/samples/"*)" -gt 4 ]; then ok; else bad "those of the evaluation are longer"; fi
{ sed 's/}$/,"source":"plus"}/' "$dir/train.jsonl" && sed 's/}$/,"source":"minus"}/' "$dir/heldout.jsonl"; } >"$dir/two.jsonl"
# shellcheck disable=SC2086
run "held-out questions of two sources" 0 . rl model.path="$model" $small data.tasks="$dir/train.jsonl" data.heldout="$dir/two.jsonl" \
    eval.tasks=8 -o "$dir/sources" -q
for name in two plus minus; do
    if grep -q "\"val-core/$name/acc/mean@1\"" "$dir/sources/metrics.jsonl"; then ok; else bad "a curve of $name"; fi
done
if grep -q '"val-aux/plus/n":3' "$dir/sources/metrics.jsonl" && grep -q '"val-aux/minus/n":5' "$dir/sources/metrics.jsonl"; then ok; else bad "each over its own questions"; fi
run "grpo eval has them too" 0 '"sources":\{"plus":\{"tasks":3,.*"minus":\{"tasks":5,' eval "$model" --data "$dir/two.jsonl" --max-tokens 4 --json
"$GRPO" generate "$model" -p "7" --max-tokens 60 --temperature 2 --seed 3 --json >"$dir/out" 2>"$dir/err"
text=$(sed -E 's/.*"text":"([^"]*)".*/\1/' "$dir/out")
stop=$(sed -E 's/\\u[0-9a-f]{4}/ /g' <<<"$text" | grep -aoE '[A-Za-z]{2}' | sed -n 3p)
"$GRPO" generate "$model" -p "7" --max-tokens 60 --temperature 2 --seed 3 --json --stop nowhere --stop "$stop" >"$dir/out" 2>"$dir/err"
cut=$(sed -E 's/.*"text":"([^"]*)".*/\1/' "$dir/out")
same "a stop text ends a response" "$cut" "${text%%"$stop"*}$stop"
has "which is a stop" '"finish":"stop"'
# shellcheck disable=SC2086
run "stop texts of a run" 0 . rl model.path="$model" $small rl.max_new_tokens=60 data.tasks="$dir/train.jsonl" data.heldout="$dir/heldout.jsonl" \
    'rl.stop=["1","2","3","4","5","6","7","8","9","0"]' rl.temperature=2 -o "$dir/stops" -q
if sed -E 's/\\u[0-9a-f]{4}//g' "$dir/stops/rollouts/"* | grep -aqE '"output":"[^"]*[0-9][^"]*[0-9]'; then bad "no response goes on behind one"; else ok; fi

# ---- epochs, dependent defaults, a limit of time
# shellcheck disable=SC2086
run "epochs set the steps" 0 '4 epochs of 3 questions: 6 steps' rl model.path="$model" ${small/rl.steps=1/} data.epochs=4 \
    data.order=file data.tasks="$dir/train.jsonl" data.heldout="$dir/heldout.jsonl" -o "$dir/epochs"
order=$(sed -nE 's/.*"input":"([^"]*)".*/\1/p' "$dir/epochs/rollouts/"* | uniq | grep -oE '[0-9]\+' | tr -d '+\n')
same "in the file's order" "${order:0:6}" 123123
run "epochs and steps are one too many" 2 'data.epochs=2 and rl.steps=5: say one' rl model.path="$model" data.epochs=2 rl.steps=5 data.tasks="$dir/train.jsonl" -o "$dir/x"
run "a warm-up follows a short run" 0 'planned|total|policy' zero rl.steps=2 --dry-run
for wrong in 5 0s x 1:2 -3m; do run "a time that is none: $wrong" 2 'run.max_time=.*wants a time' rl model.path="$model" run.max_time=$wrong -o "$dir/x"; done
run "slurm without a job" 2 'SLURM_JOB_END_TIME is not set' rl model.path="$model" --time-limit slurm -o "$dir/x"
limited="model.path=$model ${small/rl.steps=1/rl.steps=3} data.tasks=$dir/train.jsonl data.heldout=$dir/heldout.jsonl"
# shellcheck disable=SC2086
run "a run without a limit" 0 . rl $limited -o "$dir/whole" -q
# shellcheck disable=SC2086
run "a limit that is over at once" 75 'stopped by run.max_time .* with a checkpoint' rl $limited run.max_time=0.000001s -o "$dir/limited"
# shellcheck disable=SC2086
run "the same command goes on" 0 . rl $limited run.max_time=1-00:00:00 -o "$dir/limited" -q
weights() { sha256sum <"$1/checkpoints/step-3/model/model.safetensors"; }
same "to the same weights" "$(weights "$dir/limited")" "$(weights "$dir/whole")"

# ---- sft ends where documents that nothing is learnt from are told no better
for i in 1 2 3; do echo "{\"text\":\"one and $i\"}"; done >"$dir/docs.jsonl"
still="sft.batch=2 sft.warmup_steps=0 sft.lr=0 sft.steps=9 sft.patience=2 eval.every=1 data.corpus=$dir/docs.jsonl data.corpus_heldout=$dir/docs.jsonl"
# shellcheck disable=SC2086
run "patience" 0 'step 3: val/loss did not fall in 2 scorings' sft $tiny $still -o "$dir/patience"
same "ends the run" "$(wc -l <"$dir/patience/metrics.jsonl")" 3
same "with the best checkpoint" "$(cat "$dir/patience/checkpoints/best")" step-1
same "as its result" "$("$GRPO" sft $tiny $still -o "$dir/patience" -q 2>/dev/null)" "$dir/patience/checkpoints/step-1/model"
# shellcheck disable=SC2086
run "patience with nothing to score" 2 'sft.patience' sft $tiny sft.steps=2 sft.patience=2 data.corpus="$dir/docs.jsonl" -o "$dir/none"

finish
