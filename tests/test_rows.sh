#!/usr/bin/env bash
# tests/test_rows.sh -- data as people have it, through every command that reads rows.
set -u
. "$(dirname "$0")/shell.sh"

tiny="model.hidden_size=32 model.n_layers=1 model.n_heads=2 model.first_k_dense=1"
# shellcheck disable=SC2086
run "a tiny base" 0 . sft $tiny sft.steps=1 sft.batch=2 sft.warmup_steps=0 -o "$dir/base" -q
model="$dir/base/checkpoints/step-1/model"
small="model.path=$model rl.steps=1 rl.groups_per_step=2 rl.group_size=2 rl.max_new_tokens=4 rl.preflight_tasks=0
  eval.tasks=2 eval.samples=1 eval.final_tasks=50 eval.passk_tasks=0"

# ---- one door: the same rows, the same counts, the same sentences
{
    for i in 1 2 3; do echo "{\"data_source\":\"openai/gsm8k\",\"prompt\":[{\"role\":\"user\",\"content\":\"$i+$i?\"}],\"reward_model\":{\"style\":\"rule\",\"ground_truth\":\"$((2 * i))\"}}"; done
    echo
    echo '{"data_source":"x","prompt":[{"role":"user","content":"?"}],"reward_model":{"ground_truth":null}}'
    echo '{"question":"no answer here"}'
    echo 'not json'
} >"$dir/verl.jsonl"
count() { sed -nE 's/.*"questions":\{"rows":([0-9]+).*/\1/p' "$dir/out"; }
check "stats of verl's rows" "$GRPO" data stats "$dir/verl.jsonl" --json
same "count what can be asked" "$(count)" 3
run "eval asks as many" 0 '"tasks":3,' eval "$model" --data "$dir/verl.jsonl" --max-tokens 4 --json
has "and says what they are" 'verl: question from .prompt., answer from .reward_model.ground_truth.'
has "which row is wrong, and why" "verl.jsonl:5: no answer|verl.jsonl:6: no answer"
# shellcheck disable=SC2086
run "rl trains on as many" 0 '3 questions \(JSON lines, verl' rl $small data.tasks="$dir/verl.jsonl" data.heldout="$dir/verl.jsonl" -o "$dir/verl"
grep -aq '"data_source":"openai/gsm8k"' "$dir/verl/rollouts/"* && ok || bad "their source is kept"
for i in $(seq 40); do echo "{\"text\":\"document $i\"}"; done >"$dir/texts.jsonl"
run "rows that only sft can use" 0 '^questions  none: .*no question.*' data stats "$dir/texts.jsonl"
has "are counted there" '^documents  40 '

# ---- fields of one's own: as text, as an object of a config, by part of a mix
echo '{"body":{"q":"2+2?"},"extra":{"gt":4}}' >"$dir/own.jsonl"
echo '{"body":{"q":"3+3?"},"extra":{"gt":6}}' >>"$dir/own.jsonl"
run "fields that nobody named" 4 'no question: .*data.fields' eval "$model" --data "$dir/own.jsonl" --max-tokens 4
run "named" 0 '"tasks":2,' eval "$model" --data "$dir/own.jsonl" --fields '{"prompt":"body.q","answer":"extra.gt"}' --max-tokens 4 --json
run "show says what they became" 0 '"prompt":"2\+2\?","gold":"4"' data show "$dir/own.jsonl" --fields '{"prompt":"body.q","answer":"extra.gt"}'
has "and from where" "question from 'body.q', answer from 'extra.gt'"
run "a name that is none" 2 "'answr' is none of prompt, answer" data show "$dir/own.jsonl" --fields '{"answr":"x"}'
cat >"$dir/mix.json" <<END
{"data": {"tasks": "$dir/own.jsonl:0.5,$dir/verl.jsonl:0.5", "heldout": "$dir/own.jsonl",
  "fields": {"own.jsonl": {"prompt": "body.q", "answer": "extra.gt"}}}}
END
# shellcheck disable=SC2086
run "by part of a mix, as an object" 0 . rl "$dir/mix.json" $small -o "$dir/mix" -q

# ---- formats
printf 'problem,result\n"What is 1,000 + 1?",1001\n2+2?,4\n' >"$dir/q.csv"
csv='{"prompt":"problem","answer":"result"}'
run "CSV" 0 '"prompt":"What is 1,000 \+ 1\?","gold":"1001"' data show "$dir/q.csv" --fields "$csv"
gzip -k "$dir/q.csv"
run "gzip" 0 'gzip CSV' data show "$dir/q.csv.gz" --fields "$csv"
iconv -f UTF-8 -t UTF-16 "$dir/q.csv" >"$dir/u.csv"
run "UTF-16" 0 '"prompt":"2\+2\?"' data show "$dir/u.csv" --fields "$csv"
mkdir "$dir/shards" && cp "$dir/own.jsonl" "$dir/shards/a.jsonl" && cp "$dir/own.jsonl" "$dir/shards/b.jsonl"
run "a folder of shards" 0 '"rows":4,' data stats "$dir/shards" --json
printf 'PAR1....' >"$dir/t.parquet"
run "Parquet names what converts it" 4 "is Parquet, not rows as text: grpo data import $dir/t.parquet -o rows.jsonl" eval "$model" --data "$dir/t.parquet"
mkdir "$dir/bin"
PATH="$dir/bin" "$GRPO" data import "$dir/t.parquet" -o "$dir/t.jsonl" >"$dir/out" 2>"$dir/err"
same "no converter is a sentence" $? 2
has "with the commands to install one" 'pip install pyarrow'
cat >"$dir/bin/duckdb" <<'END'
#!/bin/sh
out=$(echo "$2" | /bin/sed -E "s/.*TO '([^']*)'.*/\1/")
echo '{"question":"from parquet","answer":1}' >"$out"
END
chmod +x "$dir/bin/duckdb"
PATH="$dir/bin:$PATH" run "DuckDB's command is used where it is" 0 'written by duckdb' data import "$dir/t.parquet" -o "$dir/t.jsonl"
run "and its rows are read" 0 '"prompt":"from parquet"' data show "$dir/t.jsonl"

# ---- a part held out
for i in $(seq 60); do echo "{\"question\":\"What is $i+1?\",\"answer\":$((i + 1))}"; done >"$dir/all.jsonl"
# shellcheck disable=SC2086
run "without held-out questions both ways are named" 2 'data.heldout: is needed.*data.heldout_fraction=0.02' rl $small data.tasks="$dir/all.jsonl" -o "$dir/x"
# shellcheck disable=SC2086
run "a part held out" 0 . rl $small data.tasks="$dir/all.jsonl" data.heldout_fraction=0.2 rl.groups_per_step=60 -o "$dir/split"
tasks() { grep -aoh '"input":"[^"]*"' "$@" | sort -u; }
held=$(sed -nE 's/.*"val-aux\/all\/n":([0-9]+).*/\1/p' "$dir/split/metrics.jsonl" | head -1)
trained=$(tasks "$dir/split/rollouts/"* | wc -l)
same "every question is on one side" $((held + trained)) 60
if [ "$held" -gt 3 ] && [ "$held" -lt 25 ]; then ok; else bad "about a fifth: $held"; fi
same "no question is on both" "$(comm -12 <(tasks "$dir/split/rollouts/"*) <(tasks "$dir/split/samples/"*) | wc -l)" 0

# ---- a system message and several turns go through the chat template
echo '{"prompt":[{"role":"system","content":"Be brief."},{"role":"user","content":"2+2?"}],"answer":4}' >"$dir/talk.jsonl"
run "without a template it is refused" 2 'only a chat template' eval "$model" --data "$dir/talk.jsonl" --max-tokens 4
run "in ChatML" 0 '"seen":".{0,6}\|im_start\|>system.nBe brief\..{0,6}\|im_end\|>.n.{0,6}\|im_start\|>user.n2\+2\?.{0,6}\|im_end\|>.n.{0,6}\|im_start\|>assistant.n"' \
    data show "$dir/talk.jsonl" --model "$model" --template chatml
run "it is asked" 0 '"tasks":1,' eval "$model" --data "$dir/talk.jsonl" --max-tokens 4 --template chatml --json
echo '{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"x"}]}],"answer":1}' >"$dir/image.jsonl"
run "images are refused by name" 4 "holds 'image_url'; models here read text only" data show "$dir/image.jsonl"

# ---- sft reads the same forms
echo '{"conversations":[{"from":"human","value":"2+2?"},{"from":"gpt","value":"4"}]}' >"$dir/share.jsonl"
run "ShareGPT" 0 '1 documents \(JSON lines\)' sft model.path="$model" data.corpus="$dir/share.jsonl" data.chat=chatml sft.steps=1 sft.batch=1 -o "$dir/sft"
run "a CSV by its fields" 0 '2 documents \(CSV\)' sft model.path="$model" data.corpus="$dir/q.csv" data.fields='{"prompt":"problem","response":"result"}' \
    sft.steps=1 sft.batch=2 -o "$dir/sft-csv"

finish
