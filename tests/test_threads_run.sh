#!/usr/bin/env bash
# tests/test_threads_run.sh -- whole programs on two threads: under `make SAN=tsan` no two of them race.
#
# R1-Zero from nothing with a reference and a curriculum, stopped by a signal and gone on, then the
# commands that sample, score and judge on the pool.
set -u
. "$(dirname "$0")/shell.sh"

clean() { # clean NAME CODE WORD...: exit code, and not a word of the sanitizer
    local name=$1 code=$2 got
    shift 2
    "$GRPO" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    got=$?
    if [ $got = "$code" ] && ! grep -q 'ThreadSanitizer' "$dir/err"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED: $name (exit code $got)"
        tail -n 40 "$dir/err"
    fi
}

config="model.hidden_size=32 model.n_layers=2 model.n_heads=2 model.intermediate_size=32
  model.q_lora_rank=16 model.kv_lora_rank=16 model.qk_nope_head_dim=8 model.qk_rope_head_dim=8
  model.v_head_dim=8 model.moe_intermediate_size=16 model.n_routed_experts=4
  sft.steps=4 sft.batch=16 sft.warmup_steps=1 rl.steps=2 rl.groups_per_step=4 rl.group_size=4
  rl.warmup_steps=0 rl.max_new_tokens=16 rl.chunk_tokens=128 rl.preflight_tasks=2 rl.preflight_k=2
  rl.preflight_min_pass=0 rl.kl=k3 rl.curriculum=level rl.dynamic_sampling=refill
  rl.reward_language=1 rl.language=en
  rl.max_gen_batches=2 eval.every=1 eval.tasks=4 eval.samples=2 eval.final_tasks=4
  eval.passk_tasks=2 eval.passk_samples=2 eval.large_tasks=2 eval.shown=2
  run.threads=2 run.chunks_in_flight=2 run.decode_seqs=8 run.checkpoint_every=1"
model="$dir/run/checkpoints/step-2/model"
# shellcheck disable=SC2086
clean "zero on two threads" 0 zero $config -o "$dir/run"

# A stop and a checkpoint that were asked for come from a signal's handler.
# shellcheck disable=SC2086
"$GRPO" zero $config sft.steps=2000 -o "$dir/stopped" >"$dir/out" 2>"$dir/err" &
pid=$!
await "$dir/stopped/base/metrics.jsonl" $pid
kill -USR2 $pid 2>/dev/null
sleep 0.2
kill -USR1 $pid 2>/dev/null
wait $pid
code=$?
if [ $code = 75 ] && ! grep -q ThreadSanitizer "$dir/err"; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    echo "FAILED: signals beside two threads (exit code $code)"
    tail -n 40 "$dir/err"
fi

printf '{"prompt":"User: Compute 1+1. Assistant:"}\n{"prompt":"User: Compute 2*3+4. Assistant:"}\n' >"$dir/in.jsonl"
printf '{"text":"User: Compute 1+1."}\n{"text":"User: Compute 2."}\n' >"$dir/texts.jsonl"
for i in $(seq 40); do echo "{\"task\":\"math\",\"gold\":\"$i/2\",\"pred\":\"\\\\boxed{\\\\frac{$i}{2}}\"}"; done >"$dir/cases.jsonl"
clean "eval" 0 eval "$model" --tasks 4 --k 1,2 --max-tokens 8 --threads 2
clean "generate" 0 generate "$model" --in "$dir/in.jsonl" --n 3 --max-tokens 8 --threads 2
clean "score" 0 score "$model" --in "$dir/texts.jsonl" --threads 2
clean "verify" 0 verify --in "$dir/cases.jsonl" --threads 2
clean "report" 0 report "$dir/run" -o "$dir/page.html"

finish
