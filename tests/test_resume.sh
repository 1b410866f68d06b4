#!/usr/bin/env bash
# tests/test_resume.sh -- a run that was stopped or killed and went on equals the one never stopped.
#
# Every metric but timings, every rollout and sample file, the evaluations and the final weights.
# Two optimiser steps a rollout, so that runs are also stopped with a batch in hand.
set -u
. "$(dirname "$0")/shell.sh"

config="model.hidden_size=48 model.n_layers=2 model.n_heads=2 model.intermediate_size=64
  model.q_lora_rank=16 model.kv_lora_rank=16 model.qk_nope_head_dim=8 model.qk_rope_head_dim=8
  model.v_head_dim=8 model.moe_intermediate_size=16 model.n_routed_experts=4
  sft.steps=60 sft.batch=32 sft.lr=1e-2 sft.warmup_steps=5
  desk.bare=0 desk.says=0 desk.leap=0 desk.full=0 desk.check=0 desk.broken=0 desk.giveup=0.3
  desk.empty=1 rl.steps=10 rl.groups_per_step=8 rl.group_size=4 rl.updates_per_rollout=2
  rl.max_new_tokens=24 rl.lr=1e-3 rl.preflight_tasks=4 rl.preflight_k=4 rl.preflight_min_pass=0
  rl.curriculum=level rl.kl=k3 rl.kl_coef=0.01 rl.reference_refresh_steps=3
  rl.old_logp=recompute rl.routing_replay=rollout rl.top_p=0.9 rl.keep_sampling_mask=true rl.lag=1 rl.tis_cap=2 rl.tis_mode=sequence-truncate
  rl.kl_reward=k1 rl.kl_reward_coef=0.01 rl.rewards=form:0.1:format
  eval.every=3 eval.tasks=8 eval.samples=2 eval.final_tasks=8 eval.passk_tasks=4
  eval.passk_samples=4 eval.large_tasks=4 eval.shown=3
  run.checkpoint_every=4 run.base_checkpoint_every=20 run.decode_seqs=16"

start() { # start RUN [word ...]: in the background, its pid in $pid
    local run=$1
    shift
    # shellcheck disable=SC2086
    "$GRPO" zero $config "$@" -o "$run" -q >"$run.log" 2>&1 &
    pid=$!
    # until it has handlers of its own: before, TERM would end the shell that becomes it
    local caught=0
    while ((!(0x${caught:-0} & 0x4000))) && kill -0 $pid 2>/dev/null; do
        caught=$(sed -nE 's/^SigCgt:[[:space:]]*//p' /proc/$pid/status 2>/dev/null)
    done
}

# Without a fork, so that a busy machine does not let a run slip through between two looks.
rows() {
    local -a base=() own=()
    [ -f "$1/base/metrics.jsonl" ] && mapfile -t base <"$1/base/metrics.jsonl"
    [ -f "$1/metrics.jsonl" ] && mapfile -t own <"$1/metrics.jsonl"
    n_rows=$((${#base[@]} + ${#own[@]}))
}
exec {never}<> <(:)
pause() { read -rt 0.005 -u $never; }

# Timings are no part of what must be equal.
plain() { sed -E 's/"time":[^,]*,//; s/"(timing_s|perf)\/[^"]*":[^,}]*,?//g; s/,}/}/g' "$1"; }

equals() { # equals NAME RUN: does RUN equal the one never stopped?
    local ok=1 f
    for f in base/metrics.jsonl metrics.jsonl; do
        diff <(plain "$dir/whole/$f") <(plain "$2/$f") >"$dir/diff" || { echo "$1: $f differs"; cut -c 1-400 "$dir/diff" | head -n 6; ok=0; }
    done
    for f in rollouts samples; do
        diff -rq "$dir/whole/$f" "$2/$f" || ok=0
    done
    for f in checkpoints/best checkpoints/step-10/model/model.safetensors; do
        cmp "$dir/whole/$f" "$2/$f" || ok=0
    done
    cmp <(sed -E 's/"seconds":[0-9.e+-]*//g' "$dir/whole/eval.json") \
        <(sed -E 's/"seconds":[0-9.e+-]*//g' "$2/eval.json") || ok=0
    if [ $ok = 1 ]; then ok; else bad "$1"; fi
}

start "$dir/whole" run.threads=1
wait $pid
check "the run that is never stopped ends well" test $? = 0
[ -f "$dir/whole/metrics.jsonl" ] || { cat "$dir/whole.log"; echo "$passed passed, $((failed + 1)) failed"; exit 1; }
rows "$dir/whole"
total=$n_rows
steps() { sed -nE 's/^\{"step":([0-9]+),.*/\1/p' "$1/metrics.jsonl" | tr '\n' ' '; }
check "a step has one row, its evaluation in it" test "$(steps "$dir/whole")" = "0 1 2 3 4 5 6 7 8 9 10 "
check "and its training" test "$(grep -c 'val-core/.*timing_s/testing' <(grep '"actor/pg_loss"' "$dir/whole/metrics.jsonl"))" = 4

# until_done NAME SIGNAL SEED: stops the run again and again, each time a few rows further on.
until_done() {
    local run=$dir/$1 signal=$2 target=0 code=1 lives=0
    RANDOM=$3
    while [ $code != 0 ] && [ $lives -lt 60 ]; do
        target=$((target + 3 + RANDOM % (total / 6)))
        start "$run" run.threads=$((1 + lives % 2)) run.chunks_in_flight=$((lives % 3))
        while kill -0 $pid 2>/dev/null; do
            rows "$run"
            if [ $n_rows -ge $target ]; then
                kill -"$signal" $pid 2>/dev/null
                break
            fi
            pause
        done
        wait $pid
        code=$?
        lives=$((lives + 1))
        case $code in
        0 | 75 | 137) ;;
        *)
            echo "$1: exit code $code"
            cat "$run.log"
            break
            ;;
        esac
    done 2>/dev/null
    echo "$1: $lives lives"
    check "$1 was stopped at least twice" test $lives -gt 2
    check "$1 came to its end" test $code = 0
    equals "$1" "$run"
}

case $BUILD in
*tsan*) echo "skipped: stopping by TERM and INT under the thread sanitizer, which is slow; killing is tested" ;;
*)
    until_done stopped-by-TERM TERM 1
    until_done stopped-by-INT INT 2
    ;;
esac
until_done killed KILL 3

# USR2 makes a checkpoint and the run goes on.
start "$dir/saved"
while kill -0 $pid 2>/dev/null && rows "$dir/saved" && [ $n_rows -lt 63 ]; do pause; done
kill -USR2 $pid 2>/dev/null
wait $pid
check "a run that was asked for a checkpoint goes on to its end" test $? = 0
equals saved "$dir/saved"

# A torn newest checkpoint is passed over with a warning, and the run still ends the same.
torn=$dir/torn
cp -r "$dir/whole" "$torn"
rm -rf "$torn/checkpoints/step-10/manifest.json" "$torn/eval.json"
cp "$dir/whole/eval.json" "$torn/eval.json"
newest=$(find "$torn/checkpoints" -maxdepth 1 -name 'step-*' | sort -t- -k2 -n | tail -n 1)
size=$(stat -c %s "$newest/state/policy.state")
truncate -s $((size / 2)) "$newest/state/policy.state"
start "$torn"
wait $pid
check "a torn checkpoint is no failure" test $? = 0
check "a torn checkpoint is warned of" grep -q "torn" "$torn.log"
equals torn "$torn"

# Stopped between the base's small evaluation and the end of its large one, the base still has one
# row; it and the last one carry the large sets' figures, those of eval.json.
base=$dir/base-stopped
more="rl.steps=2 rl.warmup_steps=0 eval.final_tasks=1500 eval.large_tasks=20"
for _ in 1 2 3 4 5 6; do # a busy machine may let the large evaluation end before the signal is sent
    rm -rf "$base"
    # shellcheck disable=SC2086
    start "$base" $more
    while kill -0 $pid 2>/dev/null && [ ! -f "$base/samples/000000.jsonl" ]; do pause; done
    kill -TERM $pid 2>/dev/null
    wait $pid
    ended=$?
    [ $ended = 75 ] && [ "$(wc -l <"$base/metrics.jsonl")" = 0 ] && break
done
check "a run is stopped while it looks at its base" test $ended = 75
check "and has written no row yet" test "$(wc -l <"$base/metrics.jsonl")" = 0
# shellcheck disable=SC2086
start "$base" $more
wait $pid
check "it goes on" test $? = 0
evaluated() { grep "\"step\":$1," "$base/metrics.jsonl" | grep -F '"val-core/'; }
figure() { evaluated "$1" | sed -nE "s|.*\"$2\":([-0-9.e]+).*|\1|p"; }
said() { # said base heldout: its n, accuracy and format
    sed -nE "/\"$1\":\{/s/.*\"$2\":\{\"tasks\":([0-9]+),\"samples\":1,\"acc\":\{\"mean\":([-0-9.e]+),[^}]*\},\"format\":\{\"mean\":([-0-9.e]+),.*/\1 \2 \3/p" "$base/eval.json"
}
for at in "0 base" "2 final"; do
    step=${at% *} when=${at#* }
    check "the $when has one row" test "$(evaluated "$step" | wc -l)" = 1
    for set in "desk heldout" "desk-large large"; do
        source=${set% *}
        check "the $when's row is the whole of $source" test \
            "$(figure "$step" "val-aux/$source/n") $(figure "$step" "val-core/$source/acc/mean@1") $(figure "$step" "val-aux/$source/format/mean")" = "$(said "$when" "${set#* }")"
    done
    check "of over 1,000 tasks" test "$(figure "$step" val-aux/desk/n)" -gt 1000
done

# Stopped inside an evaluation on the way, the step's row is there; gone on, it is there once and whole.
inside=$dir/inside
more="eval.tasks=2000 eval.every=2 rl.steps=3 rl.warmup_steps=0"
wait_for_step() { while kill -0 $pid 2>/dev/null && ! grep -qs "\"step\":$1," "$inside/metrics.jsonl"; do pause; done; }
for tenths in 1 3 5 8 11 15 20 30 40 60; do # of the time of a step, until the signal meets the evaluation
    rm -rf "$inside"
    # shellcheck disable=SC2086
    start "$inside" $more
    wait_for_step 0
    begun=${EPOCHREALTIME//[.,]/}
    wait_for_step 1
    step_us=$((${EPOCHREALTIME//[.,]/} - begun))
    sleep "$(awk -v us=$((step_us * tenths)) 'BEGIN { print us / 1e7 }')"
    kill -TERM $pid 2>/dev/null
    wait $pid
    ended=$?
    grep -qs '"evaluated": false' "$inside/checkpoints/step-2/state/stage.json" && break
done
check "a run is stopped while it evaluates on the way" test $ended = 75
check "its row is shown" test "$(steps "$inside")" = "0 1 2 "
check "and waits for its evaluation in the checkpoint" grep -q '"evaluated": false.*"row".*actor/pg_loss' "$inside/checkpoints/step-2/state/stage.json"
# shellcheck disable=SC2086
start "$inside" $more
wait $pid
check "it goes on" test $? = 0
check "with one row a step" test "$(steps "$inside")" = "0 1 2 3 "
check "that is whole" test "$(grep '"step":2,' "$inside/metrics.jsonl" | grep -c '"actor/pg_loss".*val-core/desk/acc')" = 1

# Two processes may not share a folder.
start "$dir/locked"
first=$pid
await "$dir/locked/run.json" $first
# shellcheck disable=SC2086
"$GRPO" zero $config -o "$dir/locked" -q 2>"$dir/second.log"
check "a second process is refused with 2" test $? = 2
check "and told why" grep -q "another process" "$dir/second.log"
kill -KILL $first
wait $first 2>/dev/null

# More steps and other evaluations need no permission: the weights are those of the longer run.
grow=$dir/grow
start "$grow.whole" rl.steps=8 rl.schedule=constant rl.warmup_steps=0 rl.lag=0
wait $pid
start "$grow" rl.steps=4 rl.schedule=constant rl.warmup_steps=0 rl.lag=0
wait $pid
start "$grow" rl.steps=8 rl.schedule=constant rl.warmup_steps=0 rl.lag=0 eval.final_tasks=4
wait $pid
check "a longer run goes on" test $? = 0
check "and says so" grep -q 'rl.steps: 4 -> 8: the run goes on to there' "$grow/log.txt"
check "to the weights of a run of that length" cmp "$grow/checkpoints/step-8/model/model.safetensors" "$grow.whole/checkpoints/step-8/model/model.safetensors"
# shellcheck disable=SC2086
"$GRPO" zero $config rl.steps=6 rl.schedule=constant rl.warmup_steps=0 rl.lag=0 -o "$grow" -q 2>"$dir/changed.log"
check "fewer steps are refused" test $? = 2

# A changed config is refused by name; --fresh moves the old run aside.
# shellcheck disable=SC2086
"$GRPO" zero $config rl.lr=5e-4 -o "$dir/whole" -q 2>"$dir/changed.log"
check "a changed config is refused with 2" test $? = 2
check "and the key is named" grep -q "rl.lr: " "$dir/changed.log"

finish
