#!/usr/bin/env bash
# tests/test_talk.sh -- grpo chat and chat templates, on a small random model.
set -u
. "$(dirname "$0")/shell.sh"

"$GRPO" model new model.hidden_size=32 model.n_layers=1 model.first_k_dense=1 model.max_position=512 -o "$dir/m" >"$dir/out" 2>"$dir/err" ||
    bad "a model"

# ---- two messages, two replies, the same ones again
printf 'Hi\n\nAnd you?\n' >"$dir/in"
"$GRPO" chat "$dir/m" --template chatml -T 0 -m 6 --json <"$dir/in" >"$dir/out" 2>"$dir/err"
same "exit code of chat" $? 0
same "a reply for each message, none for an empty line" "$(wc -l <"$dir/out")" 2
has "the first" '^\{"turn":0,"role":"assistant","content":".*","tokens":[0-9]+,"finish":"(stop|length)"\}$'
has "the second" '^\{"turn":1,'
cp "$dir/out" "$dir/first"
"$GRPO" chat "$dir/m" --template chatml -T 0 -m 6 --json <"$dir/in" 2>"$dir/err" | cmp -s - "$dir/first"
same "the same again" $? 0
# the second reply knows of the first turn: it is that of the whole talk
reply=$(sed -nE '1s/.*"content":"(.*)","tokens".*/\1/p' "$dir/first")
printf '{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"%s"},{"role":"user","content":"And you?"}]}\n' \
    "$reply" >"$dir/talk.jsonl"
"$GRPO" generate "$dir/m" --template chatml -T 0 -m 6 --in "$dir/talk.jsonl" >"$dir/out" 2>"$dir/err"
same "the whole talk at once gives the same reply" \
    "$(sed -nE 's/.*"text":"(.*)","finish".*/\1/p' "$dir/out" | sed 's/<eos>$//')" \
    "$(sed -nE '2s/.*"content":"(.*)","tokens".*/\1/p' "$dir/first" | sed 's/<eos>$//')"

# ---- a talk longer than the context forgets its beginning
for i in 1 2 3 4 5 6 7 8; do echo "message $i"; done >"$dir/in"
"$GRPO" chat "$dir/m" --template r1-zero --system s -T 0 -m 8 --context 100 --json <"$dir/in" >"$dir/out" 2>"$dir/err"
same "a long talk goes on" "$(wc -l <"$dir/out")" 8
head -c 300 /dev/zero | tr '\0' 'x' >"$dir/in"
"$GRPO" chat "$dir/m" --template chatml --context 100 <"$dir/in" >"$dir/out" 2>"$dir/err"
same "a question longer than the context" $? 2
has "is named" 'raise --context'

# ---- Ctrl-C stops a reply, and the talk goes on
mkfifo "$dir/fifo"
"$GRPO" chat "$dir/m" --template chatml -T 1 -m 200 --json <"$dir/fifo" >"$dir/out" 2>"$dir/err" &
pid=$!
exec 3>"$dir/fifo"
# It waits for a message, and leaves. Until it has set its handler it ignores the signal.
while kill -INT $pid 2>/dev/null; do sleep 0.05; done
wait $pid
same "Ctrl-C at the prompt leaves" $? 130
exec 3>&-

# ---- templates
"$GRPO" chat "$dir/m" </dev/null >"$dir/out" 2>"$dir/err"
same "a folder without a template" $? 2
has "is named with what there is" 'has no chat template; name one of chatml'
"$GRPO" chat "$dir/m" --template nobody </dev/null >"$dir/out" 2>"$dir/err"
same "an unknown template" $? 2
"$GRPO" chat "$dir/m" --template llama3 --no-think </dev/null >"$dir/out" 2>"$dir/err"
has "a switch that is not there" 'no switch for thinking'
"$GRPO" tokenize desk --template r1-zero -p 'What is 2+3' >"$dir/ids" 2>"$dir/err"
"$GRPO" tokenize desk --decode --in "$dir/ids" >"$dir/out" 2>"$dir/err"
has "tokenize in a template" 'User: What is 2\+3\. Assistant:"\}$'
printf '{"id":"a","messages":[{"role":"user"}]}\n{"id":"b","messages":[{"role":"user","content":"x"}]}\n' >"$dir/bad.jsonl"
"$GRPO" tokenize desk --template chatml --in "$dir/bad.jsonl" >"$dir/out" 2>"$dir/err"
has "a message without content" '"a","error":"a message needs'
has "does not stop the next" '"b","tokens":\['
"$GRPO" generate "$dir/m" --in "$dir/talk.jsonl" >"$dir/out" 2>"$dir/err"
has "messages need a template" 'need --chat or --template'

# ---- an evaluation that was stopped goes on to the same numbers
printf '{"question":"What is 2+3?","answer":"5"}\n{"question":"What is 2+4?","answer":"6"}\n' >"$dir/two.jsonl"
eval_two() { "$GRPO" eval "$dir/m" --data "$dir/two.jsonl" --template chatml --ask boxed --k 1,2 -m 4 --json "$@"; }
eval_two -o "$dir/whole.eval" --samples "$dir/s.jsonl" 2>"$dir/err" | sed 's/,"seconds.*//' >"$dir/out"
has "an evaluation in a template" '"tasks":2,"samples":2'
same "its records" "$(wc -l <"$dir/whole.eval")" 3
same "its samples" "$(wc -l <"$dir/s.jsonl")" 4
head -n 2 "$dir/whole.eval" >"$dir/part.eval"
tail -n 1 "$dir/whole.eval" | head -c 30 >>"$dir/part.eval" # torn
eval_two -o "$dir/part.eval" --samples "$dir/again.jsonl" 2>"$dir/err" | sed 's/,"seconds.*//' | cmp -s - "$dir/out"
same "gone on with, the same numbers" $? 0
cmp -s "$dir/whole.eval" "$dir/part.eval"
same "and the same records" $? 0
cmp -s "$dir/s.jsonl" "$dir/again.jsonl"
same "and all samples, those from before the stop too" $? 0
printf '{}\nPlease reason step by step, and put your final answer within \\boxed{}.' >"$dir/ask"
eval_two --ask "@$dir/ask" --samples "$dir/plain.jsonl" >/dev/null 2>&1
cmp -s "$dir/s.jsonl" "$dir/plain.jsonl"
same "as they are without records, and with the prompt in a file" $? 0
"$GRPO" data pick "$dir/two.jsonl" --eval "$dir/whole.eval" --min-right 0 -o "$dir/in.jsonl" --heldout "$dir/out.jsonl" \
    --share 0.5 --json >"$dir/out" 2>"$dir/err"
has "questions are picked by the records" '"asked":2'
cat "$dir/in.jsonl" "$dir/out.jsonl" | sort | cmp -s - <(sort "$dir/two.jsonl")
same "each of them once, unchanged" $? 0
"$GRPO" data pick "$dir/two.jsonl" --eval "$dir/whole.eval" --min-right 3 -o "$dir/none.jsonl" >"$dir/out" 2>"$dir/err"
same "none left" $? 2
has "is said" 'no question was right that often'
sed 's/"drawn":\[.*\]/"drawn":[]/' "$dir/whole.eval" >"$dir/old.eval"
eval_two -o "$dir/old.eval" --samples "$dir/again.jsonl" >"$dir/out" 2>"$dir/err"
has "records without samples are named" 'old\.eval:2: holds no samples'
eval_two -T 0 -o "$dir/part.eval" >"$dir/out" 2>"$dir/err"
same "another evaluation in that file" $? 2
has "is named" 'is of another evaluation'
sed -i '2s/"right":[0-9]*/"right":99/' "$dir/part.eval"
eval_two -o "$dir/part.eval" >"$dir/out" 2>"$dir/err"
same "a record that cannot be" $? 4
has "is named with its line" 'part\.eval:2: not a record'

# ---- training: prompts and documents as turns
printf '{"question":"What is 2+3?","answer":"5"}\n' >"$dir/q.jsonl"
"$GRPO" rl model.path="$dir/m" data.tasks="$dir/q.jsonl" data.heldout="$dir/q.jsonl" data.chat=chatml \
    data.system=r1-zero data.template=boxed rl.steps=1 rl.groups_per_step=1 rl.group_size=2 rl.max_new_tokens=4 \
    rl.preflight_tasks=1 rl.preflight_min_pass=0 rl.skip_flat=false eval.final_tasks=1 eval.passk_tasks=0 \
    eval.tasks=1 run.decode_seqs=4 -o "$dir/run" >"$dir/out" 2>"$dir/err"
same "GRPO in a template" $? 0
cat "$dir"/run/rollouts/*.jsonl >"$dir/out" 2>/dev/null
has "asks as the template has it" 'im_start\|>system\\nA conversation between User and Assistant.*im_start\|>user\\nWhat is 2\+3\?\\nPlease reason'
printf '{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"%s"},{"role":"user","content":"%s"}]}\n' \
    Hello Bye >"$dir/m.jsonl"
"$GRPO" sft model.path="$dir/m" data.corpus="$dir/m.jsonl" data.chat=chatml sft.steps=1 sft.batch=1 sft.mask=response \
    -o "$dir/talked" >"$dir/out" 2>"$dir/err"
same "next-token training on conversations" $? 0
"$GRPO" sft model.path="$dir/m" data.corpus="$dir/m.jsonl" sft.steps=1 -o "$dir/untold" >"$dir/out" 2>"$dir/err"
same "without a template" $? 2
has "says what to do" 'data\.chat=auto'
"$GRPO" rl model.path="$dir/m" data.tasks="$dir/q.jsonl" data.heldout="$dir/q.jsonl" data.system=x -o "$dir/run2" \
    >"$dir/out" 2>"$dir/err"
has "a system message needs a template" 'data\.system=x cannot act here: it needs data\.chat to be set'
printf '{"prompt":"Say hi","response":"hi"}\n' >"$dir/d.jsonl"
"$GRPO" sft model.path="$dir/m" data.corpus="$dir/d.jsonl" data.chat=chatml sft.steps=1 sft.batch=1 -o "$dir/sft" \
    >"$dir/out" 2>"$dir/err"
same "SFT in a template" $? 0

finish
