#!/usr/bin/env bash
# tests/test_draft_run.sh -- whole runs with MTP and drafts: the same weights with and without
# drafts; modules trained in SFT and RL, saved, dropped; the sentences of settings that cannot act.
set -u
. "$(dirname "$0")/shell.sh"

config="model.hidden_size=32 model.n_layers=2 model.n_heads=2 model.intermediate_size=32
  model.q_lora_rank=16 model.kv_lora_rank=16 model.qk_nope_head_dim=8 model.qk_rope_head_dim=8
  model.v_head_dim=8 model.moe_intermediate_size=16 model.n_routed_experts=4
  sft.steps=4 sft.batch=16 sft.warmup_steps=1 rl.steps=3 rl.groups_per_step=4 rl.group_size=4
  rl.warmup_steps=0 rl.max_new_tokens=24 rl.chunk_tokens=128 rl.preflight_tasks=0
  eval.every=2 eval.tasks=4 eval.samples=2 eval.final_tasks=4
  eval.passk_tasks=2 eval.passk_samples=2 eval.large_tasks=2 eval.shown=2
  run.threads=2 run.decode_seqs=8 run.checkpoint_every=3"

zero() { # zero NAME WORD...
    local name=$1
    shift
    # shellcheck disable=SC2086
    check "zero, $name" "$GRPO" zero $config "$@" -o "$dir/$name"
}
weights() { sha256sum <"$dir/$1/checkpoints/step-3/model/model.safetensors"; }
rows() { # the numbers of all steps but times and those of drafts
    sed -E 's/"time":[0-9.]+//; s/"(timing_s|perf|rollout\/draft|rollout\/tokens)[^,}]*//g' "$dir/$1/metrics.jsonl" | tr -s ','
}

zero plain
zero lookup rollout.draft=lookup rollout.draft_tokens=5
same "lookup changes no weight" "$(weights lookup)" "$(weights plain)"
same "lookup changes no number" "$(rows lookup | sha256sum)" "$(rows plain | sha256sum)"
check "acceptance is reported" grep -q '"rollout/draft/accepted_frac"' "$dir/lookup/metrics.jsonl"
check "tokens a draw are reported" grep -q '"rollout/tokens_per_draw"' "$dir/lookup/metrics.jsonl"
if grep -q 'rollout/draft' "$dir/plain/metrics.jsonl"; then bad "plain sampling reports drafts"; else ok; fi

# shellcheck disable=SC2086
mtp="model.mtp=2 sft.mtp_weight=0.3 rl.mtp_weight=0.1"
# shellcheck disable=SC2086
zero mtp_plain $mtp
# shellcheck disable=SC2086
zero mtp_drafts $mtp rollout.draft=mtp
same "MTP drafts change no weight" "$(weights mtp_drafts)" "$(weights mtp_plain)"
check "the modules' losses are reported" grep -q '"mtp/loss_2"' "$dir/mtp_plain/metrics.jsonl"
check "and in SFT" grep -q '"mtp/loss_1"' "$dir/mtp_plain/base/metrics.jsonl"
model=$dir/mtp_plain/checkpoints/step-3/model
check "the modules are saved" grep -aq 'model.layers.3.eh_proj.weight' "$model/model.safetensors"
check "and counted" grep -q '"num_nextn_predict_layers": 2' "$model/config.json"
zero dropped model.mtp=1 model.mtp_save=drop sft.mtp_weight=0.3
if grep -aq 'eh_proj' "$dir/dropped/checkpoints/step-3/model/model.safetensors"; then bad "modules are dropped"; else ok; fi

printf '{"prompt":"User: Compute 1+1. Assistant:"}\n{"prompt":"User: Compute 2*3+4. Assistant:"}\n' >"$dir/in.jsonl"
for draft in none mtp lookup; do
    check "generate --draft $draft" "$GRPO" generate "$model" --in "$dir/in.jsonl" --n 3 --max-tokens 24 --draft $draft
    mv "$dir/out" "$dir/$draft.jsonl"
done
same "drafts change no sample" "$(cat "$dir/mtp.jsonl")" "$(cat "$dir/none.jsonl")"
same "nor does lookup" "$(cat "$dir/lookup.jsonl")" "$(cat "$dir/none.jsonl")"

run "weight without modules" 2 'mtp_weight.*model.mtp' zero sft.mtp_weight=0.3 -o "$dir/x"
run "drafts without modules" 2 'MTP.*model.mtp=1' zero rollout.draft=mtp --dry-run -o "$dir/x"
run "a folder without modules" 2 'MTP' generate "$dir/plain/checkpoints/step-3/model" -p hello --draft mtp
run "no such draft" 2 'none\|mtp\|lookup' generate "$model" -p hello --draft often
run "a dense model" 2 'DeepSeek' zero model.family=llama model.mtp=1 --dry-run -o "$dir/x"

finish
