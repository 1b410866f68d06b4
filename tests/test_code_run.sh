#!/usr/bin/env bash
# tests/test_code_run.sh -- RL on MBPP's tasks from the command line: judged in the cage, said in every row.
set -u
. "$(dirname "$0")/shell.sh"
python=/usr/bin/python3
[ -x "$python" ] || skip_all "no $python"

# A model of nothing that can write any byte: the desk's sizes with a tokenizer of bytes.
check "a new model" "$GRPO" model new model.family=qwen3 model.hidden_size=32 model.n_layers=1 \
    model.n_heads=2 model.n_kv_heads=1 model.head_dim=16 model.intermediate_size=64 \
    model.tie_word_embeddings=true model.max_position=4096 -o "$dir/model"
"$python" - "$dir/model" <<'EOF'
import json, random, struct, sys
folder, vocab = sys.argv[1], 432
data = open(folder + '/model.safetensors', 'rb').read()
n = struct.unpack('<Q', data[:8])[0]
head, body, out = json.loads(data[8:8 + n]), data[8 + n:], b''
random.seed(1)
for name, t in head.items():
    if name == '__metadata__':
        continue
    a, b = t['data_offsets']
    part = body[a:b]
    if 'embed_tokens' in name:
        t['shape'][0] = vocab
        part = struct.pack('<%df' % (vocab * t['shape'][1]), *(random.gauss(0, .02) for _ in range(vocab * t['shape'][1])))
    t['data_offsets'] = [len(out), len(out) + len(part)]
    out += part
text = json.dumps(head).encode()
text += b' ' * (-len(text) % 8)
open(folder + '/model.safetensors', 'wb').write(struct.pack('<Q', len(text)) + text + out)
config = json.load(open(folder + '/config.json'))
config.update(vocab_size=vocab, max_position_embeddings=4096, eos_token_id=428, bos_token_id=None)
json.dump(config, open(folder + '/config.json', 'w'))
EOF
cp tests/golden/tokenizer/qwen2.json "$dir/model/tokenizer.json"
rm -f "$dir/model/tokenizer_config.json" "$dir/model/generation_config.json"

keys="model.path=$dir/model model.max_position=4096 rl.steps=2 rl.groups_per_step=2 rl.group_size=2 rl.max_new_tokens=12
  rl.preflight_tasks=0 rl.preflight_min_pass=0 rl.warmup_steps=1 eval.every=0 eval.tasks=2 eval.samples=1 eval.final_tasks=2
  eval.passk_tasks=0 eval.large_tasks=0 eval.shown=0 rl.format_template=chat"
# shellcheck disable=SC2086
check "a run on MBPP" "$GRPO" rl $keys data.tasks=mbpp data.heldout=mbpp rl.code_score=fraction -q -o "$dir/run"
rows=$(grep -c '"critic/rewards/mean"' "$dir/run/metrics.jsonl")
layers=$(grep '"critic/rewards/mean"' "$dir/run/metrics.jsonl" | grep -c '"sandbox/layers":[1-9]')
[ "$rows" -ge 1 ] && [ "$rows" = "$layers" ] && ok || bad "the layers are in $layers of $rows rows"
grep -q '"verify/error_frac":0[,}]' "$dir/run/metrics.jsonl" && ok || bad "every program has a verdict"

printf '{"prompt":"x","tests":[{"input":"1"}]}\n' >"$dir/bad.jsonl"
# shellcheck disable=SC2086
"$GRPO" rl $keys data.tasks="$dir/bad.jsonl" data.heldout="$dir/bad.jsonl" -q -o "$dir/bad" >"$dir/out" 2>"$dir/err"
[ $? -eq 2 ] && grep -q 'can be judged' "$dir/err" && ok || bad "tasks that nobody could judge are refused at the start"

finish
