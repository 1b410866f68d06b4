#!/usr/bin/env bash
# tests/test_distill_run.sh -- a teacher with MLA and experts into a Llama-shaped student: from kept
# samples, and on the student's own ones.
set -u
. "$(dirname "$0")/shell.sh"

for i in 1 2 3 4 5 6; do
    q="What is $i+$i?"
    printf '{"question":"%s","answer":"%d","source":"part%d"}\n' "$q" $((2 * i)) $((i % 2)) >>"$dir/q.jsonl"
    for word in Easy Short; do
        printf '{"prompt":"%s","response":" <think> %s.</think> \\\\boxed{%d}"}\n' "$q" $word $((2 * i)) >>"$dir/c.jsonl"
    done
done
moe="model.hidden_size=64 model.n_layers=2 model.n_heads=2 model.first_k_dense=1 model.n_routed_experts=4 model.n_experts_per_tok=2"
llama="model.family=llama model.hidden_size=48 model.n_layers=2 model.n_heads=2 model.n_kv_heads=1"
# shellcheck disable=SC2086
run "a teacher" 0 . sft $moe data.corpus="$dir/c.jsonl" sft.steps=100 sft.batch=12 sft.warmup_steps=5 sft.lr=1e-2 -o "$dir/teacher" -q
teacher="$dir/teacher/checkpoints/step-100/model"

# ---- (a) supervised, on what is kept of the teacher's samples
# shellcheck disable=SC2086
distill() { "$GRPO" distill "$teacher" $llama sft.steps=80 sft.batch=12 sft.warmup_steps=5 sft.lr=1e-2 --data "$dir/q.jsonl" -k 8 -m 40 "$@"; }
check "a student of another shape learns them" distill -o "$dir/a"
has "after they were kept" 'keep rate'
student="$dir/a/student/checkpoints/step-80/model"
same "and is named" "$(tail -n 1 "$dir/out")" "$student"
check "with the mask of responses" grep -q '"sft.mask":{"value":"response"' "$dir/a/student/run.json"
run "the rows are right" 0 ' 0 wrong, 0 without' verify --in "$dir/a/kept.jsonl"
check "again there is nothing to do" distill -o "$dir/a"
has "for either" 'is finished at step 80'
run "it is a dense model" 0 '"family":"llama"' model info "$student" --json
grep -q '"model_type": *"llama"' "$student/config.json" && ok || bad "its config.json says llama"
acc() { "$GRPO" eval "$1" --data "$dir/q.jsonl" -T 0 --max-tokens 40 --json 2>/dev/null | sed -E 's/.*"acc":\{"mean":([0-9.]+).*/\1/'; }
same "and as right as its teacher" "$(acc "$student")" "$(acc "$teacher")"

# ---- (b) on-policy: a weak student, the teacher's log-probs
# shellcheck disable=SC2086
run "a student that knows little" 0 . sft $llama data.corpus="$dir/c.jsonl" sft.steps=30 sft.batch=12 sft.warmup_steps=2 sft.lr=1e-2 -o "$dir/weak" -q
small="rl.groups_per_step=6 rl.group_size=8 rl.max_new_tokens=24 rl.preflight_tasks=0 rl.lr=5e-3 rl.warmup_steps=0 eval.every=0
  eval.tasks=2 eval.samples=1 eval.final_tasks=2 eval.passk_tasks=0 log.tensorboard=false data.tasks=$dir/q.jsonl data.heldout=$dir/q.jsonl"
weak="model.path=$dir/weak/checkpoints/step-30/model"
# shellcheck disable=SC2086
run "its own samples" 0 'teacher of all questions: ' rl $weak $small rl.steps=30 rl.distill=1 rl.distill_alone=true \
    rl.teachers="$teacher" -o "$dir/opd"
kl() { sed -nE 's/.*"actor\/distill_kl":([-0-9.e]+).*/\1/p' "$1/metrics.jsonl"; }
same "each step says the KL" "$(kl "$dir/opd" | wc -l)" 30
check "which falls" awk 'NR <= 2 { first += $1 } { all[NR] = $1 } END { exit !(all[NR] + all[NR - 1] < 0.7 * first) }' <(kl "$dir/opd")
# shellcheck disable=SC2086
run "two teachers, and a reward" 0 'teacher of part1: ' rl $weak $small rl.steps=2 rl.distill=0.5 \
    rl.teachers="[\"part0=$teacher\",\"part1=$student\"]" -o "$dir/two"
has "the other one" 'teacher of part0: '
same "both components are there" "$(tail -n 1 "$dir/two/metrics.jsonl" | grep -c '"actor/distill_tokens":[1-9]')" 1

# ---- what cannot be
# shellcheck disable=SC2086
run "a corpus of one's own" 2 'data.corpus is what is kept' distill "$teacher" $llama data.corpus="$dir/c.jsonl" --data "$dir/q.jsonl" -o "$dir/no5"
cp -r "$teacher" "$dir/other"
sed -i -E 's/^( *)"0": ?4,/\1"0":5,/; s/^( *)"1": ?5,/\1"1":4,/' "$dir/other/tokenizer.json"
if cmp -s "$teacher/tokenizer.json" "$dir/other/tokenizer.json"; then bad "another tokenizer"; else ok; fi
# shellcheck disable=SC2086
run "a teacher with another tokenizer" 2 'other has another tokenizer than the student: token [0-9]+' rl $weak $small rl.steps=2 rl.distill=1 \
    rl.teachers="$dir/other" -o "$dir/no"
# shellcheck disable=SC2086
run "for kept samples too" 2 'other has another tokenizer than the student' distill "$dir/other" $llama --data "$dir/q.jsonl" -o "$dir/no6"
if [ -e "$dir/no6" ]; then bad "nothing is started"; else ok; fi
# shellcheck disable=SC2086
run "no teacher" 2 'needs a teacher, rl.teachers' rl $weak $small rl.steps=2 rl.distill=1 -o "$dir/no2"
# shellcheck disable=SC2086
run "a teacher that does nothing" 2 'rl.teachers' rl $weak $small rl.steps=2 rl.teachers="$teacher" -o "$dir/no3"
# shellcheck disable=SC2086
run "two of one source" 2 'two teachers for all questions' rl $weak $small rl.steps=2 rl.distill=1 rl.teachers="[\"$teacher\",\"$student\"]" -o "$dir/no4"

finish
