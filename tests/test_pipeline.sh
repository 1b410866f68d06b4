#!/usr/bin/env bash
# tests/test_pipeline.sh -- a recipe of five stages and two models, without a change of C.
#
# Checked and planned before anything runs, each stage run once, run again where a setting or an
# input changed, gone on after kill -9 at random points to the weights of an undisturbed run.
set -u
. "$(dirname "$0")/shell.sh"

cd "$dir" || exit 1
awk 'BEGIN {
    srand(1)
    for (i = 0; i < 300; i++) {
        a = int(rand() * 10); b = int(rand() * 10)
        printf "{\"prompt\":\"User: Compute %d+%d. Assistant:\",\"response\":\" <think> %d.</think> \\\\boxed{%d}\"}\n", a, b, a + b, a + b > "words.jsonl"
        if (i < 60) printf "{\"prompt\":\"User: Compute %d+%d. Assistant:\",\"gold\":\"%d\"}\n", a, b, a + b > "train.jsonl"
        else if (i < 80) printf "{\"prompt\":\"User: Compute %d+%d. Assistant: \",\"gold\":\"%d\"}\n", a, b, a + b > "test.jsonl"
    }
}'
cat >five.json <<'EOF'
{   // two models: an MLA/MoE one and a dense one
    "inputs": {"words": "words.jsonl", "questions": "train.jsonl", "exam": "test.jsonl"},
    "settings": {
        "run": {"seed": 3, "decode_seqs": 32, "checkpoint_every": 2, "base_checkpoint_every": 4},
        "data": {"tasks": "questions", "heldout": "exam", "corpus": "words", "large": ""},
        "sft": {"steps": 12, "batch": 8, "warmup_steps": 1, "lr": 3e-3, "max_tokens": 96},
        "rl": {"steps": 6, "warmup_steps": 0, "groups_per_step": 4, "group_size": 4, "max_new_tokens": 24,
               "preflight_tasks": 0, "lr": 1e-3, "entropy_coef": 0.01},
        "eval": {"every": 0, "tasks": 8, "samples": 1, "final_tasks": 8, "passk_tasks": 4, "passk_samples": 2, "large_tasks": 0}},
    "stages": [
        {"name": "cold", "kind": "sft",
         "overrides": {"model": {"hidden_size": 48, "n_layers": 2, "n_heads": 2, "intermediate_size": 64}}},
        {"name": "reason", "kind": "rl", "from": "cold"},
        {"name": "small", "kind": "sft",
         "overrides": {"model": {"family": "llama", "hidden_size": 32, "n_layers": 2, "n_heads": 2, "intermediate_size": 48}}},
        {"name": "small-rl", "kind": "rl", "from": "small", "overrides": {"rl": {"steps": 5}}},
        {"name": "look", "kind": "eval", "from": "small-rl"}]}
EOF
cat >kept.json <<'EOF'
{   // samples of one model become documents of another, which begins anew
    "inputs": {"words": "words.jsonl", "questions": "train.jsonl"},
    "settings": {
        "run": {"seed": 3, "base_checkpoint_every": 4},
        "data": {"corpus": "words"},
        "sft": {"steps": 60, "batch": 16, "warmup_steps": 1, "lr": 1e-2, "max_tokens": 96}},
    "stages": [
        {"name": "cold", "kind": "sft",
         "overrides": {"model": {"hidden_size": 48, "n_layers": 2, "n_heads": 2, "intermediate_size": 64}}},
        {"name": "keep", "kind": "reject", "from": "cold",
         "flags": {"data": "questions", "tasks": 40, "k": 4, "per-prompt": 2, "max-tokens": 24, "format": "any"}},
        {"name": "anew", "kind": "sft", "data": {"corpus": "keep"},
         "overrides": {"model": {"family": "llama", "hidden_size": 32, "n_layers": 2, "n_heads": 2, "intermediate_size": 48},
                       "sft": {"steps": 10}}}]}
EOF
made() { # made RUN: what every stage made, by content; the figures of the last without its seconds
    grep -o '"made": {.*' "$1/artefacts.json" | sed "s|$1/||" | grep -v look
    sed -E 's/"seconds":[^,}]*//g' "$1/look/eval.json"
}

run "the plan of all stages comes first" 0 'stage 5 of 5, look \(eval\): from small-rl' run five.json --dry-run
if [ -e undisturbed ]; then bad "a dry run writes something"; else ok; fi
run "a stage that cannot fit is refused before the first" 3 "five.json:[0-9]+: stage 'cold': the plan wants" run five.json -o tight --memory 2M
if [ -e tight ]; then bad "nothing was started"; else ok; fi
run "five stages" 0 undisturbed/look/eval.json run five.json -o undisturbed -q
for s in cold reason small small-rl look; do
    if grep -q "\"stage\": \"$s\", .*\"done\": true" undisturbed/artefacts.json; then ok; else bad "$s is in artefacts.json"; fi
done
grep -q '"name": "from", "path": "undisturbed/small/checkpoints/step-12/model", "hash": "[0-9a-f]\{16\}"' undisturbed/artefacts.json
same "what a stage read is there with its hash" $? 0
same "the two models have learned" "$(made undisturbed | grep -o '"hash": "[^"]*"' | sort -u | wc -l)" 4

# ---- once, and again where something changed
cp -r undisturbed again
sed -i 's|undisturbed/|again/|g' again/artefacts.json
"$GRPO" run five.json -o again >again.out 2>again.err
same "what is done is not run again" "$(grep -c 'done before, nothing changed' again.err)" 5
"$GRPO" run five.json small-rl.rl.lr=2e-3 run.threads=1 -o again >/dev/null 2>wrong.err
same "an assignment of no stage is refused" "$(grep -c "is of no stage" wrong.err)" 1
"$GRPO" run five.json small-rl.rl.lr=2e-3 -o again >/dev/null 2>again.err
same "a setting that changed runs its stage again, and says which" "$(grep -cE 'small-rl runs again: its settings changed: rl.lr: 0.001 -> 0.002' again.err)" 1
same "and the stage that reads it" "$(grep -cE 'look runs again: the content of from changed' again.err)" 1
same "and no other" "$(grep -c 'nothing changed' again.err)" 3
"$GRPO" run five.json small-rl.rl.lr=2e-3 reason.run.threads=1 reason.eval.tasks=4 -o again >/dev/null 2>again.err
same "threads and evaluations on the way change nothing" "$(grep -c 'nothing changed' again.err)" 5
sed -i '1s/Compute/Add/' train.jsonl
"$GRPO" run five.json small-rl.rl.lr=2e-3 --to reason -o again >/dev/null 2>again.err
same "a file that changed is named" "$(grep -c 'reason runs again: the content of data.tasks changed (train.jsonl)' again.err)" 1
same "--to ends there" "$(grep -cE '^stage (small|look)' again.err)" 0
run "--from wants what it reads" 2 "begins with 'small', which has not been run in new" run five.json --from small-rl -o new
sed -i '1s/Add/Compute/' train.jsonl

# ---- inputs that a text only mentions: the parts of a mix, a teacher
cp train.jsonl more.jsonl
sed -e 's|"questions": "train.jsonl", ||; s|"tasks": "questions"|"tasks": "train.jsonl:0.7,more.jsonl:0.3"|' five.json >mix.json
"$GRPO" run mix.json --to reason -o mix -q >/dev/null 2>&1
"$GRPO" run mix.json --to reason -o mix >/dev/null 2>again.err
same "a mix is done once" "$(grep -c 'nothing changed' again.err)" 2
sed -i '1s/Compute/Add/' more.jsonl
"$GRPO" run mix.json --to reason -o mix >/dev/null 2>again.err
same "a part of a mix that changed is seen" "$(grep -c 'reason runs again: the content of questions changed' again.err)" 1
cp -r undisturbed/cold/checkpoints/step-12/model teacher
sed 's|"name": "reason", "kind": "rl", "from": "cold"|&, "overrides": {"rl": {"distill": 0.5, "teachers": ["teacher"]}}|' five.json >taught.json
"$GRPO" run taught.json --to reason -o taught -q >/dev/null 2>&1
"$GRPO" run taught.json --to reason -o taught >/dev/null 2>again.err
same "a taught stage is done once" "$(grep -c 'nothing changed' again.err)" 2
rm -r teacher
cp -r undisturbed/reason/checkpoints/step-6/model teacher
"$GRPO" run taught.json --to reason -o taught >/dev/null 2>again.err
same "another teacher is seen" "$(grep -c 'reason runs again: the content of a teacher changed' again.err)" 1

# ---- kept samples
run "kept samples are planned too" 0 'stage 2 of 3, keep \(reject\): from cold' run kept.json --dry-run
run "and become documents of a later stage" 0 kept/anew/checkpoints/step-10/model run kept.json -o kept -q
check "rows were kept" test -s kept/keep/kept.jsonl
same "the later stage read them" "$(grep -c '"name": "data.corpus", "path": "kept/keep/kept.jsonl"' kept/artefacts.json)" 1
"$GRPO" run kept.json -o kept >/dev/null 2>again.err
same "and all is done once" "$(grep -c 'done before, nothing changed' again.err)" 3
sed 's/"k": 4/"kk": 4/' kept.json >wrong.json
run "a flag that reject does not have" 2 "wrong.json:11: 'grpo reject' has no flag 'kk'" run wrong.json -o wrong

# ---- killed
mkdir kills
for i in 1 2 3 4; do
    for _ in $(seq 40); do
        "$GRPO" run five.json -o kills/$i -q >/dev/null 2>&1 &
        pid=$!
        sleep "0.$((RANDOM % 5))$((RANDOM % 10))"
        kill -9 $pid 2>/dev/null
        wait $pid 2>/dev/null && break # it came to its end before it was killed
    done
    "$GRPO" run five.json -o kills/$i -q >/dev/null 2>&1
    same "killed at random points: the weights of an undisturbed run" "$(made kills/$i)" "$(made undisturbed)"
done

# ---- what cannot be, in one sentence with file and line
wrong() { # wrong WHAT PATTERN SED
    sed "$3" five.json >wrong.json
    run "$1" 2 "$2" run wrong.json -o wrong
    if [ -e wrong ]; then bad "$1: nothing is started"; else ok; fi
}
wrong "a cycle" "wrong.json:13: stage 'reason' begins with 'reason', which is itself" 's/"from": "cold"/"from": "reason"/'
wrong "a later stage" "wrong.json:13: stage 'reason' begins with 'small', which comes after it" 's/"from": "cold"/"from": "small"/'
wrong "an evaluation makes no model" "begins with 'reason', which makes no model" 's/"kind": "rl", "from": "cold"/"kind": "eval", "from": "cold"/; s/"from": "small"/"from": "reason"/'
wrong "a missing input" "wrong.json:2: input 'exam': there is no nowhere.jsonl" 's/test.jsonl/nowhere.jsonl/'
wrong "an unknown model" "begins with 'models/none', which is no stage before it, no input and no folder" 's|"from": "cold"|"from": "models/none"|'
wrong "an unknown kind" "is of kind 'dream'; there are: sft, rl, eval, reject" 's/"kind": "eval"/"kind": "dream"/'
wrong "an unknown member" "a stage has no member 'form'; there are: name, kind, from" 's/"from": "cold"/"form": "cold"/'
wrong "an unknown key" "wrong.json:16: unknown key 'rl.stpes'" 's/"rl": {"steps": 5}/"rl": {"stpes": 5}/'
wrong "a name twice" "line 11 has a stage 'cold' already" 's/"name": "small",/"name": "cold",/'
wrong "no model to begin with" "stage 'reason' \(rl\) wants \"from\"" 's/, "from": "cold"//'
run "no such file" 2 'nothing.json: no such recipe file; recipes of stages in the program: zero, r1' run nothing.json -o wrong
run "a recipe in the program can be read" 0 '"name": "base", "kind": "sft"' config show --recipe zero
run "and planned" 0 'stage 2 of 3, zero \(rl\): from base' run zero --dry-run
run "the four stages of R1 are planned" 0 'stage 6 of 7, final \(rl\): from dev' r1 --dry-run
run "the kept samples go into the base again" 0 'stage 5 of 7, dev \(sft\): from base' r1 --dry-run

finish
