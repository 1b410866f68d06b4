#!/usr/bin/env bash
# tests/test_cli.sh -- the program as a script sees it: exit codes, sentences, shapes of lines.
set -u
. "$(dirname "$0")/shell.sh"
line() { # line NAME NUMBER PATTERN: line NUMBER of stdout
    if sed -n "$2p" "$dir/out" | grep -aqE -- "$3"; then ok; else bad "$1"; fi
}

# ---- the front door
"$GRPO" >"$dir/out" 2>"$dir/err"
same "alone it prints twelve lines" "$(wc -l <"$dir/out")" 12
run "version" 0 '^grpo [0-9.]+ \(git ' --version
run "help lists commands" 0 '^  verify ' help
run "help CMD" 0 'usage: grpo verify' help verify
run "CMD --help" 0 'rl\.lr' zero --help
for cmd in $("$GRPO" help | sed -nE 's/^  ([a-z]+) .*/\1/p'); do
    run "help of $cmd has examples" 0 '^examples:' "$cmd" --help
done
run "an unknown command" 2 "Did you mean 'zero'" zeroo
run "an unknown flag" 2 'did you mean --in' verify --inn x
run "a flag without its value" 2 'needs FILE' verify --in
run "a switch with a value" 2 'takes no value' verify --json=3
run "a number out of range" 2 'from 1 to 4096' generate x -p y --n 0
run "a colour that is none" 2 'auto, always or never' doctor --color pink
run "doctor" 0 '^ok +gemm' doctor "$dir"
run "doctor as JSON" 0 '^\{"check":"cpu"' doctor "$dir" --json

# ---- what a shell and man know
for shell in bash zsh fish; do
    run "completion of $shell" 0 'grpo' completion $shell
    cp "$dir/out" "$dir/completion.$shell"
    if ! command -v $shell >"$dir/out"; then
        echo "skipped: the completion of $shell: $shell is not installed"
    elif $shell -n "$dir/completion.$shell" 2>"$dir/err"; then ok; else bad "$shell reads its completion"; fi
done
run "completion of a shell that is none" 2 'bash, zsh or fish' completion tcsh
# completes LINE WANT: what bash would offer, in order.
completes() {
    same "bash completes '$1'" "$(
        # shellcheck disable=SC1091
        source "$dir/completion.bash"
        COMP_LINE=$1 COMP_POINT=${#1}
        read -ra COMP_WORDS <<<"${1//=/ = }"
        [[ $1 == *' ' ]] && COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _grpo 2>/dev/null
        echo "${COMPREPLY[*]}"
    )" "$2"
}
completes "grpo ze" "zero"
completes "grpo zero --ov" "--override-config"
completes "grpo zero rl.lo" "rl.loss= rl.loss_agg="
completes "grpo zero rl.loss=g" "grpo gspo"
completes "grpo help ev" "eval"
if command -v fish >"$dir/out"; then
    same "fish completes a key's values" "$(fish --no-config -c "source $dir/completion.fish; complete -C 'grpo zero rl.loss=dr'" 2>"$dir/err")" rl.loss=dr_grpo
fi
run "a page of the manual" 0 '^\.TH GRPO 1' help --man
cp "$dir/out" "$dir/grpo.1"
for cmd in $("$GRPO" help | sed -nE 's/^  ([a-z]+) .*/\1/p'); do
    if grep -qx ".SS $cmd" "$dir/grpo.1" && grep -q "^    $cmd) flags='.*--help" "$dir/completion.bash"; then ok; else bad "$cmd is in both"; fi
done
if command -v groff >"$dir/out"; then
    groff -man -ww -Tutf8 "$dir/grpo.1" >"$dir/out" 2>"$dir/err"
    if [ ! -s "$dir/err" ] && grep -q 'rl.lr' "$dir/out"; then ok; else bad "groff reads the page without a warning"; fi
else echo "skipped: the page of the manual: groff is not installed"; fi

# ---- config
run "an unknown key" 2 "did you mean 'rl.lr'" config rl.lrr=1
run "a wrong type" 2 'rl\.steps' config rl.steps=many
run "a wrong range" 2 'rl\.lr' config rl.lr=-3
run "no such file" 2 'no such config file' zero nothing.json -o "$dir/x"
printf '{\n  // a comment\n  "rl": {"lr": 0.25,\n    "lrr": 1}\n}\n' >"$dir/c.json"
run "a file's unknown key has its line" 2 'c\.json:4' config "$dir/c.json"
printf '{"rl": {"lr": 1, "lr": 2}}\n' >"$dir/c.json"
run "a duplicate key" 2 'lr' config "$dir/c.json"
printf '{"rl": {"lr": 0.25}}\n' >"$dir/c.json"
run "file below command line" 0 '"rl.lr": ?\{"value": ?0.5, ?"origin": ?"command line' config "$dir/c.json" rl.lr=0.5 --origin
GRPO_RL_LR=0.125 "$GRPO" config "$dir/c.json" --origin >"$dir/out" 2>&1
if grep -qE '"rl.lr": ?\{"value": ?0.125' "$dir/out"; then ok; else bad "environment above file"; fi
"$GRPO" config >"$dir/whole.json"
run "what config prints, config reads" 0 '"zero-desk"|good' config check "$dir/whole.json"
run "a schema" 0 'json-schema.org' config schema

# ---- verify
run "verify on the command line" 0 '"verdict":"right"' verify --task number 1/2 0.5
run "a wrong answer is an answer" 0 '"verdict":"wrong"' verify --task number 1/2 0.51
run "a gold that is none is an error" 4 '"verdict":"error"' verify --task number nonsense 1
run "a judge that is not there" 2 'number, math, code' verify --task latex 1 1
run "math reads numbers" 0 '"verdict":"right"' verify --task math '\frac12' 0.5
run "math reads expressions" 0 '"verdict":"right"' verify --task math '(x+1)^2' 'x^2+2x+1'
run "a gold that cannot be read" 4 '"verdict":"error"' verify --task math '\frac{1}{' 1
run "explain shows both sides" 0 '^gold' verify --task math --explain 1/2 0.5
cat >"$dir/cases.jsonl" <<'X'
{"id":"a","task":"number","gold":"\\frac12","pred":"well \\boxed{0.5}"}
{"id":"b","task":"number","gold":"3","pred":"3.0","extract":"bare"}

not json
[1]
{"id":6,"task":"nothing","pred":"x"}
{"id":"g","task":"number","gold":"4"}
{"id":"f","task":"format","template":"r1-zero","prefilled":"<think>","pred":"x</think> <answer>1</answer>"}
{"id":"last","task":"number","gold":"7","pred":"\\boxed{8}"}
X
run "a file of cases" 0 . verify --in "$dir/cases.jsonl"
same "one answer a line" "$(wc -l <"$dir/out")" 9
line "right" 1 '^\{"id":"a","verdict":"right","score":1,"answer":"0.5","reason":".+","us":[0-9]+\}$'
line "bare" 2 '"id":"b","verdict":"right"'
line "an empty line is answered" 3 '"id":3,"verdict":"error".*empty'
line "so is one that is not JSON" 4 '"id":4,"verdict":"error"'
line "and one that is no object" 5 '"verdict":"error".*array'
line "an unknown task" 6 '"id":6,"verdict":"error".*number, math, code'
line "a missing text" 7 '"id":"g","verdict":"error".*pred'
line "format" 8 '"id":"f","verdict":"right"'
line "the rest went on" 9 '"id":"last","verdict":"wrong","score":0'
cat >"$dir/exact.jsonl" <<'X'
{"id":12345678901234567890,"task":"number","gold":9007199254740993,"pred":"9007199254740993","extract":"bare"}
{"id":{"x":[1.50,null,true,"a\n"]},"task":"math","gold":9007199254740993,"pred":"9007199254740992","extract":"bare"}
{"id":1.0,"task":"number","gold":0.1,"pred":"\\frac1{10}","extract":"bare"}
{"id":null,"task":"number","gold":1e2,"pred":"100","extract":"bare"}
X
run "numbers beyond a double" 0 . verify --in "$dir/exact.jsonl"
line "are judged exactly, ids echoed" 1 '^\{"id":12345678901234567890,"verdict":"right"'
line "an id of any kind" 2 '^\{"id":\{"x":\[1.50,null,true,"a\\n"\]\},"verdict":"wrong"'
line "an id as it was written" 3 '^\{"id":1.0,"verdict":"right"'
line "an id that is null" 4 '^\{"id":null,"verdict":"right"'
printf '{"id":1,"task":"number","gold":"1","pred":"\xff\xfe"}\n{"id":2,"task":"number","gold":"1","pred":"1","extract":"bare"}\n' >"$dir/bytes.jsonl"
run "bytes that are not UTF-8" 0 . verify --in "$dir/bytes.jsonl"
line "are answered" 1 '"verdict":"error".*UTF-8'
line "and passed" 2 '"id":2,"verdict":"right"'
run "a file that is not there" 4 "no such file" verify --in "$dir/nothing"

# ---- data, model, tokenize, score, generate
run "tasks" 0 '"prompt":"User: Compute' data make desk -n 5 --split heldout --seed 1
cp "$dir/out" "$dir/five"
run "the same seed" 0 . data make desk -n 5 --split heldout --seed 1
if cmp -s "$dir/out" "$dir/five"; then ok; else bad "gives the same tasks"; fi
run "no such split" 2 'heldout' data make desk --split x
run "stats" 0 '^rows +5 ' data stats "$dir/five"
model="$dir/model"
run "a new model" 0 model model new model.hidden_size=32 model.n_layers=2 run.seed=3 -o "$model"
run "is not written twice" 2 'is there already' model new -o "$model"
run "info" 0 'MLA/MoE, hidden 32, 2 layers' model info "$model"
run "info as JSON" 0 '"n_layers":2' model info "$model" --json
run "a model is equal to itself" 0 '^0 of [0-9]+ tensors differ' model diff "$model" "$model"
run "to GGUF" 0 'm.gguf: 11 tensors, F32' convert tests/golden/smollm2 -o "$dir/m.gguf"
run "which is not written twice" 2 'is there already' convert tests/golden/smollm2 -o "$dir/m.gguf"
run "and back" 0 '"tensors":11,.*"dtype":"f32"' convert "$dir/m.gguf" -o "$dir/back" --json
run "to the same values" 0 '^0 of 11 tensors differ' model diff tests/golden/smollm2 "$dir/m.gguf"
run "and the same folder" 0 '^0 of 11 tensors differ' model diff "$dir/m.gguf" "$dir/back"
run "another shape is named" 4 'another shape' model diff "$dir/back" tests/golden/qwen2
run "info of a GGUF" 0 'stored: 11 tensors.* in F32; without tokenizer' model info "$dir/m.gguf"
run "a GGUF is no folder" 2 'grpo convert' score "$dir/m.gguf" --in "$dir/t.jsonl"
printf 'GGUF\3\0\0\0\1' >"$dir/bad.gguf"
run "a GGUF that is cut off" 4 'bad.gguf: .*cut off' convert "$dir/bad.gguf" -o "$dir/never"
mkdir -p "$dir/gpt" && echo '{"model_type":"gpt_oss"}' >"$dir/gpt/config.json"
run "an architecture that is not built" 2 "gpt/config.json:1: model_type 'gpt_oss' is not built; deepseek_v3" model info "$dir/gpt"
run "tokenize" 0 '"tokens":\[[0-9,]+\]' tokenize "$model" -p 'User: Compute 47*6+85. Assistant:'
printf '{"id":"x","text":"any \\u00e9 bytes \\ud83d\\ude00 <think>"}\nbroken\n' >"$dir/t.jsonl"
run "tokenize a file" 0 . tokenize "$model" --in "$dir/t.jsonl"
line "an answer" 1 '^\{"id":"x","tokens":\['
line "an error" 2 '^\{"id":2,"error":'
sed -n 1p "$dir/out" >"$dir/ids.jsonl"
run "and back" 0 'any é bytes 😀 \\u003cthink>' tokenize "$model" --in "$dir/ids.jsonl" --decode
echo '{"id":1,"tokens":[999999]}' >"$dir/ids.jsonl"
run "an id that is none" 0 '"error":".*no id' tokenize "$model" --in "$dir/ids.jsonl" --decode
printf '{"id":1,"text":"User: 1"}\n{"id":2,"tokens":[1,2,3]}\n{"id":3,"tokens":[-1]}\n{"id":4}\n' >"$dir/s.jsonl"
run "score" 0 . score "$model" --in "$dir/s.jsonl"
line "a text" 1 '^\{"id":1,"tokens":\[[0-9,]+\],"logp":\[null(,-[0-9.e-]+)+\]\}$'
line "tokens" 2 '^\{"id":2,"tokens":\[1,2,3\],"logp":\[null,-[0-9.e-]+,-[0-9.e-]+\]\}$'
line "a bad id" 3 '^\{"id":3,"error"'
line "nothing" 4 '^\{"id":4,"error"'
cp -r "$model" "$dir/mute" && rm "$dir/mute/tokenizer.json"
printf '{"id":2,"tokens":[1,2,3]}\n' >"$dir/n.jsonl"
cp "$dir/out" "$dir/scores"
run "ids need no tokenizer" 0 . score "$dir/mute" --in "$dir/n.jsonl"
if [ "$(sed -n 2p "$dir/scores")" = "$(cat "$dir/out")" ]; then ok; else bad "and get the same log-probs"; fi
run "a text needs one" 4 'mute/tokenizer.json: ' score "$dir/mute" --in "$dir/s.jsonl"
printf '{"id":"p","prompt":"User: Compute 1+1. Assistant:"}\n{"id":"q"}\n' >"$dir/p.jsonl"
run "generate" 0 . generate "$model" --in "$dir/p.jsonl" --n 2 --max-tokens 8 --seed 5
line "sample 0" 1 '^\{"id":"p","sample":0,"tokens":\[[0-9,]+\],"logp":\[[-0-9.,e]+\],"text":".*","finish":"(stop|length)"\}$'
line "sample 1" 2 '^\{"id":"p","sample":1,'
line "an error" 3 '^\{"id":"q","error"'
cp "$dir/out" "$dir/first"
run "the same seed" 0 . generate "$model" --in "$dir/p.jsonl" --n 2 --max-tokens 8 --seed 5 -j 1
if cmp -s "$dir/out" "$dir/first"; then ok; else bad "gives the same samples on one thread"; fi
# What was sampled is scored with the sampler's own bits.
sed -nE '1s/.*"tokens":(\[[0-9,]+\]),"logp":\[([^]]*)\].*/\1 \2/p' "$dir/first" >"$dir/sampled"
read -r tokens logp <"$dir/sampled"
prompt=$("$GRPO" tokenize "$model" -p 'User: Compute 1+1. Assistant:' | sed -E 's/.*\[(.*)\].*/\1/')
echo "{\"id\":1,\"tokens\":[$prompt,${tokens#\[}}" >"$dir/again.jsonl"
"$GRPO" score "$model" --in "$dir/again.jsonl" >"$dir/out" 2>"$dir/err"
if grep -qF ",$logp]" "$dir/out"; then ok; else bad "log-probs of sampler and scorer are the same"; fi
run "eval" 0 '"tasks":6,' eval "$model" --tasks 6 --k 1,2 --max-tokens 8 --json
run "a model that is not there" 4 "no such folder" generate "$dir/nothing" -p x

# ---- bad model files
cp -r "$model" "$dir/torn"
truncate -s 1000 "$dir/torn/model.safetensors"
run "a cut safetensors file" 4 'model.safetensors' score "$dir/torn" --in "$dir/s.jsonl"
cp "$model/model.safetensors" "$dir/torn/"
sed -i 's/"hidden_size": *[0-9]*/"hidden_size": 64/' "$dir/torn/config.json"
rm "$dir/torn/model.safetensors"
run "weights that are not there" 4 'model.safetensors: there is no such file' generate "$dir/torn" -p x
mkdir "$dir/torn/model.safetensors"
run "a folder in their place" 4 'is a folder, not a file' generate "$dir/torn" -p x
rmdir "$dir/torn/model.safetensors" && cp "$model/model.safetensors" "$dir/torn/"
run "a config that lies" 4 "embed_tokens.weight' is \[[0-9]+, 32\], wanted \[[0-9]+, 64\]" score "$dir/torn" --in "$dir/s.jsonl"
run "to convert as well" 4 'wanted \[[0-9]+, 64\]' convert "$dir/torn" -o "$dir/never" --dtype bf16
run "to info as well" 4 'wanted \[[0-9]+, 64\]' model info "$dir/torn"
run "and before anything runs" 4 'wanted \[[0-9]+, 64\]' rl model.path="$dir/torn" -o "$dir/never" --dry-run
if [ -e "$dir/never" ]; then bad "nothing is left of a refused conversion"; else ok; fi
for name in config.json tokenizer.json model.safetensors generation_config.json; do
    rm -rf "$dir/pipe" && cp -r "$model" "$dir/pipe" && rm "$dir/pipe/$name" && mkfifo "$dir/pipe/$name"
    run "a pipe as $name is not waited for" 4 "pipe/$name: is a pipe or a device, not a file" generate "$dir/pipe" -p x
done
rm -rf "$dir/pipe" && cp -r "$model" "$dir/pipe" && ln -sf /dev/zero "$dir/pipe/config.json"
run "nor is a device read for ever" 4 'is a pipe or a device' model info "$dir/pipe"
ln -sfn config.json "$dir/pipe/config.json"
run "a link to itself is named" 4 'pipe/config.json: cannot open: Too many levels' model info "$dir/pipe"
rm "$dir/pipe/config.json" && cp "$model/config.json" "$dir/pipe/"
echo '{"weight_map":{"a":"gone-1.safetensors"}}' >"$dir/pipe/model.safetensors.index.json"
run "a shard that is not there" 4 'gone-1.safetensors: there is no such file' model info "$dir/pipe"
printf '{"weight_map":{"a":"x\\n\\u001b[31m.safetensors"}}' >"$dir/pipe/model.safetensors.index.json"
run "a shard with a strange name" 4 'is not a plain file name' model info "$dir/pipe"
if grep -q "$(printf '\033')" "$dir/err"; then bad "its escapes reach no terminal"; else ok; fi
echo '{"weight_map":{}}' >"$dir/pipe/model.safetensors.index.json"
run "an index of nothing" 4 'index.json: "weight_map" names no tensor' model info "$dir/pipe"
rm "$dir/pipe/model.safetensors.index.json"
sed -E 's/"vocab": *\{/"vocab":{},"was":{/' "$model/tokenizer.json" >"$dir/pipe/tokenizer.json"
run "a vocabulary of nothing" 4 'tokenizer.json:[0-9]+: "vocab" is empty' chat "$dir/pipe" --template chatml

# ---- runs
run "zero wants a folder" 2 'wants -o' zero
run "a plan is printed without running" 0 'total' zero --dry-run
run "a plan that does not fit" 3 'the plan wants [0-9.]+ MiB, the limit is 10.0 MiB' zero --dry-run --memory 10M
run "and is refused before anything runs" 3 'the plan wants' zero --memory 10M -o "$dir/nofit"
# The plan is that of the threads asked for, holds the reference, and gives way before it refuses.
total() { # total WORD...: of the plan, in units of 10 KiB
    "$GRPO" zero --dry-run "$@" 2>&1 | sed -nE 's/^ +(total|all policies) +([0-9]+)\.([0-9]+) MiB$/\2\3/p' | tail -1
}
one=$(total run.threads=1) four=$(total run.threads=4)
if [ "$four" -gt "$one" ]; then ok; else bad "four threads want more memory than one ($one, $four)"; fi
same "chunks in flight one by one want less" "$(($(total run.threads=4 run.chunks_in_flight=1) < four))" 1
between=$(total run.threads=4 --memory $((four / 100 - 1))M)
if [ "$between" -gt "$one" ] && [ "$between" -lt "$four" ]; then ok; else bad "a tighter limit lowers the chunks in flight ($between)"; fi
if [ "$(total run.threads=1 rl.kl=k3)" -gt "$one" ]; then ok; else bad "a reference policy is in the plan"; fi
if "$GRPO" zero --dry-run 2>&1 | grep -q 'reference'; then bad "a plan without KL has a reference"; else ok; fi
run "a plan with KL has one" 0 'reference policy +[0-9.]+ MiB' zero rl.kl=k3 --dry-run
run "what the plan says is kept" 0 . zero rl.kl=k3 sft.steps=3 sft.warmup_steps=1 rl.steps=2 rl.warmup_steps=0 \
    rl.groups_per_step=16 rl.max_new_tokens=48 rl.preflight_tasks=0 eval.tasks=8 eval.final_tasks=128 eval.passk_tasks=0 eval.large_tasks=0 \
    run.decode_seqs=128 run.threads=2 -o "$dir/kept" -q
read -r plan peak < <(sed -nE 's/.*"plan_bytes": ([0-9]+), "peak_bytes": ([0-9]+).*/\1 \2/p' "$dir/kept/run.json")
case ${BUILD:-} in
*asan* | *tsan*) echo "skipped: peak memory against the plan: a sanitizer adds its own" ;;
*) if [ "${peak:-0}" -gt 0 ] && [ "$peak" -le $((plan + (64 << 20))) ]; then ok; else bad "peak $peak is over the plan $plan and 64 MiB"; fi ;;
esac

run "the gate of the preflight" 1 'too weak' zero model.hidden_size=32 model.n_layers=1 model.first_k_dense=1 \
    sft.steps=1 sft.batch=2 rl.max_new_tokens=4 rl.preflight_tasks=4 rl.preflight_k=2 eval.tasks=2 eval.samples=1 \
    eval.final_tasks=2 eval.passk_tasks=0 eval.large_tasks=0 -o "$dir/gate" -q
GRPO_CPU=sparc "$GRPO" zero --dry-run >"$dir/out" 2>"$dir/err"
same "a kernel set that is none" $? 2
run "rl wants a model" 2 'model.path' rl -o "$dir/x"

# ---- numbers too large, data that changed, a stop
cp -r "$model" "$dir/nan"
size=$(stat -c %s "$dir/nan/model.safetensors")
head -c 4096 /dev/zero | tr '\0' '\177' | dd of="$dir/nan/model.safetensors" bs=1 seek=$((size - 4096)) conv=notrunc status=none
run "eval of weights near the largest float" 5 'not finite' eval "$dir/nan" --tasks 2 --max-tokens 4
run "their base evaluation" 5 'not finite' rl model.path="$dir/nan" -o "$dir/nan-rl" -q
run "training them" 5 'is -?(inf|nan)' sft model.path="$dir/nan" sft.steps=2 sft.warmup_steps=0 sft.batch=2 -o "$dir/nan-sft" -q
documents() { for i in $(seq 40); do echo "{\"prompt\":\"User: Compute $i+1. Assistant:\",\"response\":\" $((i + $1))\"}"; done >"$dir/corpus.jsonl"; }
documents 1
tiny="model.hidden_size=32 model.n_layers=1 model.first_k_dense=1 sft.batch=2 sft.warmup_steps=0 data.corpus=$dir/corpus.jsonl"
# shellcheck disable=SC2086
run "sft on a file" 0 . sft $tiny sft.steps=2 -o "$dir/data" -q
# shellcheck disable=SC2086
run "a run that fails before it begins" 2 'neither a family' sft $tiny data.corpus=nothing sft.steps=2 -o "$dir/mended" -q
# shellcheck disable=SC2086
run "begins anew once it is mended" 0 'it begins anew with what changed' sft $tiny sft.steps=2 -o "$dir/mended"
# shellcheck disable=SC2086
run "and then refuses another config" 2 'sft.lr: ' sft $tiny sft.steps=2 sft.lr=1e-5 -o "$dir/mended" -q
# shellcheck disable=SC2086
run "a run that is finished" 0 'is finished at step 2' sft $tiny sft.steps=2 -o "$dir/data"
same "names its model again" "$(cat "$dir/out")" "$dir/data/checkpoints/step-2/model"
for name in data data/ data/checkpoints/step-2 data/checkpoints/latest data/checkpoints/latest/model; do
    run "a model named by $name" 0 'hidden 32, 1 layers' model info "$dir/$name"
done
mkdir -p "$dir/empty"
for word in "eval $dir/empty" "generate $dir/empty -p x" "model info $dir/empty" "convert $dir/empty -o $dir/never" \
    "score $dir/empty --in $dir/s.jsonl" "rl model.path=$dir/empty -o $dir/x"; do
    # shellcheck disable=SC2086
    run "a folder without a model: ${word%% *}" 4 'no model is there' $word
done
for word in "eval $model --data $dir/empty" "verify --in $dir/empty" "data stats $dir/empty" "sandbox --lang sh $dir/empty" \
    "sft data.corpus=$dir/empty -o $dir/x"; do
    # shellcheck disable=SC2086
    run "a folder in place of a file: ${word%% *}" 4 'is a folder, not a file|no file of rows is there' $word
done
run "an empty prompt" 2 'the prompt is empty' generate "$model" -p ''
run "documents that are only scored" 0 . sft data.corpus_heldout="$dir/corpus.jsonl" eval.every=2 $tiny sft.steps=3 -o "$dir/scored" -q
same "are scored when it is time, and at the end" "$(grep -c '"val/loss":' "$dir/scored/metrics.jsonl")" 2

# ---- who reads the results
seq 3000 | sed 's/.*/{"task":"number","gold":"&","pred":"&","extract":"bare"}/' >"$dir/many.jsonl"
"$GRPO" verify --in "$dir/many.jsonl" 2>"$dir/err" | head -n 1 >"$dir/out"
same "a reader that had enough is no failure" "${PIPESTATUS[0]}" 0
if ! grep -q error "$dir/err" && ! grep -q '^3000 right' "$dir/err"; then ok; else bad "and ends the work"; fi
"$GRPO" verify --in "$dir/many.jsonl" >/dev/full 2>"$dir/err"
same "a full disk is one" $? 1
"$GRPO" config >&- 2>"$dir/err"
same "so is a stdout that is closed" $? 1
run "CSV into a file" 0 "^$dir/full.csv$" report "$dir/data" --csv -o "$dir/full.csv"
if grep -q '^run,step,timestamp' "$dir/full.csv"; then ok; else bad "is CSV"; fi
run "two texts at a time" 2 'one of --md' report "$dir/data" --csv --md

documents 2
# shellcheck disable=SC2086
# shellcheck disable=SC2086
run "what would be another" 0 '^sft.steps: 2 -> 3$' config diff "$dir/data" --recipe none $tiny sft.steps=3
same "is all there is" "$(wc -l <"$dir/out")" 1
run "of no run" 1 'No such file' config diff "$dir/nothing"
if grep -qF 'data.corpus' "$dir/data/log.txt" && grep -q 'checkpoint step-2' "$dir/data/log.txt"; then ok; else bad "a quiet run has its whole log in log.txt"; fi
# shellcheck disable=SC2086
run "a corpus that is not there" 2 'neither a family' sft $tiny data.corpus=missing.jsonl -o "$dir/nocorpus" -q
if grep -q '"status": "failed"' "$dir/nocorpus/run.json" && grep -q 'neither a family' "$dir/nocorpus/run.json"; then ok; else bad "leaves a run.json that says so"; fi
cp "$dir/data/run.json" "$dir/run.json"
# shellcheck disable=SC2086
run "an older run" 2 'neither a family' sft $tiny data.corpus=missing.jsonl -o "$dir/data" -q
if cmp -s "$dir/run.json" "$dir/data/run.json"; then ok; else bad "is left as it was"; fi
# shellcheck disable=SC2086
run "verbose says what was set" 0 '^sft.steps=2 \(command line\)' sft $tiny sft.steps=2 -o "$dir/verbose" --verbose
# shellcheck disable=SC2086
run "a changed file is refused on resume" 2 "the data of 'corpus' changed" sft $tiny sft.steps=2 -o "$dir/data" -q
# shellcheck disable=SC2086
run "unless told otherwise" 0 "the data of 'corpus' changed" sft $tiny sft.steps=2 -o "$dir/data" -q --override-config
# shellcheck disable=SC2086
"$GRPO" sft $tiny sft.steps=100000 -o "$dir/stop" --fresh >"$dir/out" 2>"$dir/err" &
pid=$!
await "$dir/stop/metrics.jsonl" $pid
kill -INT $pid
wait $pid
same "a stop has its exit code" $? 75
if grep -qxF "  $GRPO sft $tiny sft.steps=100000 -o $dir/stop" "$dir/err"; then ok; else bad "it names the command that goes on"; fi

# shellcheck disable=SC2086
"$GRPO" sft $tiny sft.steps=100000 -o "$dir/row" >"$dir/out" 2>"$dir/err" &
pid=$!
await "$dir/row/metrics.jsonl" $pid
for signal in USR1 HUP TERM USR1 HUP TERM; do kill -$signal $pid 2>/dev/null; done
wait $pid
same "signals in a row still save" $? 75
if [ -s "$dir/row/checkpoints/latest" ]; then ok; else bad "and there is a checkpoint"; fi

# shellcheck disable=SC2086
run "a model that is not there" 4 "no such" sft sft.steps=1 model.path="$dir/nowhere" -o "$dir/nowhere-run" -q
if grep -q '"status": "failed"' "$dir/nowhere-run/run.json" && grep -q '"warnings": \[".*nowhere' "$dir/nowhere-run/run.json"; then ok; else bad "run.json says so"; fi

# ---- YaRN for a new model, tasks from several places
run "a new model with YaRN" 0 . model new model.hidden_size=32 model.n_layers=1 model.first_k_dense=1 model.rope_factor=4 -o "$dir/yarn"
cp "$dir/yarn/config.json" "$dir/out"
if grep -qE '"original_max_position_embeddings": *64' "$dir/out" && grep -qE '"factor": *4' "$dir/out"; then ok; else bad "its config says so"; fi
run "and it works" 0 '"logp":' score "$dir/yarn" --in "$dir/s.jsonl"
sed -i -E 's/("max_position_embeddings": *)[0-9]+/\11000000000/' "$dir/yarn/config.json"
run "a context of 10^9 is not planned for a short prompt" 0 . generate "$dir/yarn" -p 1+1= --max-tokens 4
run "nor for short questions" 0 'accuracy' eval "$dir/yarn" --tasks 2 --max-tokens 4
questions() { for i in $(seq "$1" "$2"); do echo "{\"prompt\":\"User: Compute $i+1. Assistant:\",\"gold\":\"$((i + 1))\"}"; done; }
questions 1 20 >"$dir/a.jsonl"
questions 18 25 >"$dir/b.jsonl"
mixed="model.path=$model rl.steps=1 rl.warmup_steps=0 rl.groups_per_step=16 rl.group_size=2 rl.max_new_tokens=4
    rl.preflight_tasks=0 eval.tasks=2 eval.samples=1 eval.final_tasks=4 eval.passk_tasks=0 eval.large_tasks=0"
# shellcheck disable=SC2086
run "a mix by weight" 0 . rl $mixed "data.tasks=$dir/a.jsonl:0.5,desk:0.5" "data.heldout=$dir/b.jsonl" -o "$dir/mix"
if grep -q '3 of 8 held-out questions are also trained on' "$dir/err"; then ok; else bad "what is trained on and held out is counted"; fi
if grep -q '3 held-out questions' "$dir/mix/run.json"; then ok; else bad "and kept"; fi
sort -u "$dir/mix/rollouts/000001.jsonl" >"$dir/out"
if grep -qE 'Compute [0-9]+\+1\. ' "$dir/out" && grep -qvE 'Compute [0-9]+\+1\. ' "$dir/out"; then ok; else bad "both places are drawn from"; fi
# shellcheck disable=SC2086
run "a mix without a weight" 2 'NAME:WEIGHT' rl $mixed "data.tasks=$dir/a.jsonl,desk:1" "data.heldout=$dir/b.jsonl" -o "$dir/mix2" -q

# ---- a full disk: stdout and checkpoint
if [ -w /dev/full ]; then
    "$GRPO" config >/dev/full 2>"$dir/err"
    same "a result that cannot be written is a failure" $? 1
fi
small="model.hidden_size=32 model.n_layers=2 sft.steps=6 sft.batch=2 run.base_checkpoint_every=2"
# shellcheck disable=SC2086
(ulimit -f 200 && trap '' XFSZ && "$GRPO" sft $small -o "$dir/full" -q >"$dir/out" 2>"$dir/err")
same "a checkpoint that does not fit on the disk is a failure" $? 1
if grep -q 'full/checkpoints' "$dir/err"; then ok; else bad "its place is named"; fi
same "nothing half is left" "$(find "$dir/full/checkpoints" -name '*.tmp*' | wc -l)" 0
# shellcheck disable=SC2086
run "the same command goes on when there is space" 0 . sft $small -o "$dir/full" -q

finish
