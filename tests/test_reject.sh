#!/usr/bin/env bash
# tests/test_reject.sh -- rejection sampling: rows that are kept, judged again, resumed, learnt from.
set -u
. "$(dirname "$0")/shell.sh"

# ---- a model that is sometimes right, sometimes wrong, sometimes without the form
for i in 1 2 3 4 5 6; do
    q="What is $i+$i?"
    r="$((2 * i))"
    echo "{\"question\":\"$q\",\"answer\":\"$r\",\"level\":$((1 + i % 2)),\"source\":\"part$((i % 2))\"}" >>"$dir/q.jsonl"
    echo "{\"prompt\":\"$q\",\"response\":\" <think> Easy.</think> \\\\boxed{$r}\"}" >>"$dir/c.jsonl"
    echo "{\"prompt\":\"$q\",\"response\":\" <think> Short.</think> \\\\boxed{$r}\"}" >>"$dir/c.jsonl"
    echo "{\"prompt\":\"$q\",\"response\":\" <think> Hm.</think> \\\\boxed{$((2 * i + 1))}\"}" >>"$dir/c.jsonl"
    echo "{\"prompt\":\"$q\",\"response\":\" \\\\boxed{$r}\"}" >>"$dir/c.jsonl"
done
tiny="model.hidden_size=64 model.n_layers=2 model.n_heads=2 model.first_k_dense=2"
# shellcheck disable=SC2086
run "a model" 0 . sft $tiny data.corpus="$dir/c.jsonl" sft.steps=120 sft.batch=24 sft.warmup_steps=5 sft.lr=1e-2 -o "$dir/base" -q
model="$dir/base/checkpoints/step-120/model"
reject() { "$GRPO" reject "$model" --data "$dir/q.jsonl" -k 8 -m 40 "$@"; }
count() { grep -c "$1" "$2"; }

# ---- what is kept
run "samples are kept" 0 'keep rate' reject "$model" --data "$dir/q.jsonl" -k 8 -m 40 -n 1 -o "$dir/kept.jsonl"
has "wrong ones are not" '^  wrong +[1-9]'
has "nor those without the form" '^  format +[1-9]'
has "nor what would be too many" '^  limit +[1-9]'
has "nor a second copy" '^  duplicate +[1-9]'
has "rates by source" '^  part1 '
kept=$(wc -l <"$dir/kept.jsonl")
if [ "$kept" -gt 0 ]; then ok; else bad "rows"; fi
same "one of a prompt" "$(sed -E 's/.*"id":"([0-9a-f]+)".*/\1/' "$dir/kept.jsonl" | sort | uniq -d | wc -l)" 0
same "all are right" "$(count '"verdict":"right"' "$dir/kept.jsonl")" "$kept"
same "all have the form" "$(count '"format":1,' "$dir/kept.jsonl")" "$kept"
same "no reason is against them" "$(count '"reasons":\[\]' "$dir/kept.jsonl")" "$kept"
same "all say where they come from" "$(grep -cE '"task_index":[0-9]+,"sample":[0-9].*"seed":1,"policy":".*"policy_hash":"[0-9a-f]{16}","pass_rate":' "$dir/kept.jsonl")" "$kept"
run "judged again" 0 "$kept right, 0 wrong, 0 without" verify --in "$dir/kept.jsonl"
check "a reason is written down" grep -q '"reasons":\["wrong"\]' "$dir/kept.jsonl.samples"

# ---- the same rows, whatever the threads, and after a stop
check "with one thread" reject -n 1 -j 1 --seqs 3 -o "$dir/one.jsonl"
check "the same rows" cmp "$dir/kept.jsonl" "$dir/one.jsonl"
check "again, nothing to do" reject -n 1 -o "$dir/one.jsonl"
check "are the same" cmp "$dir/kept.jsonl" "$dir/one.jsonl"
head -n 3 "$dir/kept.jsonl.samples" >"$dir/cut.jsonl.samples"
head -c 40 <(tail -n 1 "$dir/kept.jsonl.samples") >>"$dir/cut.jsonl.samples"
check "a stopped one goes on" reject -n 1 -o "$dir/cut.jsonl"
has "where it was" 'going on after 2 questions'
check "to the same rows" cmp "$dir/kept.jsonl" "$dir/cut.jsonl"
check "and the same samples" cmp "$dir/kept.jsonl.samples" "$dir/cut.jsonl.samples"
run "another command is refused" 2 'is of another evaluation' reject "$model" --data "$dir/q.jsonl" -k 8 -m 40 -s 2 -o "$dir/kept.jsonl"
check "unless it begins anew" reject -n 1 -s 2 --fresh -o "$dir/one.jsonl"
if cmp -s "$dir/kept.jsonl" "$dir/one.jsonl"; then bad "another seed, other rows"; else ok; fi

# ---- other rules
check "without a rule of form" reject -n 0 --format any -o "$dir/any.jsonl"
same "answers alone are kept too" "$(($(count '"format":0,' "$dir/any.jsonl") > 0))" 1
check "no longer than" reject --longest 12 -o "$dir/short.jsonl"
has "longer ones are left out" '^  long +[1-9]'
check "in a language" reject --language zh -o "$dir/zh.jsonl"
same "nothing is kept" "$(wc -l <"$dir/zh.jsonl")" 0
head -n 2 "$dir/q.jsonl" >"$dir/test.jsonl"
check "questions of a test set" reject --test "$dir/test.jsonl" -o "$dir/clean.jsonl"
has "are contaminated" '^  contaminated +16 '
same "and not kept" "$(grep -cE 'What is (1.1|2.2)\?' "$dir/clean.jsonl")" 0
same "others are" "$(($(wc -l <"$dir/clean.jsonl") > 0))" 1

# ---- a mistake is named before anything is loaded
run "an endless test set" 2 'never ends' reject "$model" --data "$dir/q.jsonl" --test desk -o "$dir/no.jsonl"
run "no such form" 2 'think-boxed, r1-zero, chat or any' reject "$model" --format x -o "$dir/no.jsonl"
run "no such language" 2 'language xx: there are' reject "$model" --language xx -o "$dir/no.jsonl"
run "a share of no language" 2 'nothing without --language' reject "$model" --min-language 0.5 -o "$dir/no.jsonl"
run "no file to write" 2 'wants one MODEL and -o' reject "$model"

# ---- the rows are data for the next stage
# shellcheck disable=SC2086
run "a student learns from them" 0 . sft $tiny data.corpus="$dir/kept.jsonl" sft.steps=2 sft.batch=4 sft.warmup_steps=0 sft.mask=response -o "$dir/student" -q
same "each is a document" "$(tail -n 1 "$dir/student/metrics.jsonl" | grep -c '"train/left_out":0')" 1
run "and they are questions too" 0 '^accuracy' eval "$model" --data "$dir/kept.jsonl" --max-tokens 8

finish
