#!/usr/bin/env bash
# tests/test_report_page.sh -- report.html in a real browser: no script error, every chart drawn,
# nothing fetched, and what a model wrote stays text.
set -u
. "$(dirname "$0")/shell.sh"
absent() { ! grep -aq "$@"; }

# A run's folder as a finished run leaves it, written by hand: numbers that every chart shows.
make_run() { # make_run FOLDER SEED
    local run=$1 seed=$2 s hostile
    mkdir -p "$run/samples" "$run/base"
    printf '{"format":1,"command":"zero","command_line":"grpo zero -o %s","version":"t","git":"t",
"machine":{"host":"h","cpu":"c","kernel":"k","cores":2,"memory_bytes":1},"seed":%d,"created":1,
"written":1,"status":"finished","seconds":10,"warnings":["step 1: <b>bold</b> & more"],"data":{},
"config":{"rl.lr":{"value":1e-4,"origin":"recipe"},"x.y":{"value":"</script><i>","origin":"file"}}}\n' \
        "$run" "$seed" >"$run/run.json"
    for s in 0 1 2 3 4 5; do
        printf '{"step":%d,"time":1.5,"data":{"critic/rewards/mean":0.%d,"critic/rewards/std":0.1,' $s $((s + seed))
        printf '"reward/accuracy/mean":0.%d,"reward/format/mean":0.9,"response_length/mean":2%d,' $s $s
        printf '"length/right/mean":30,"length/wrong/mean":20,"actor/entropy":0.%d,"actor/ppo_kl":0,' $((9 - s))
        printf '"actor/kl_loss":0.1,"actor/pg_clipfrac":0,"actor/pg_clipfrac_lower":0,"actor/grad_norm":1,'
        printf '"group/all_right":0.2,"group/mixed":0.5,"group/all_wrong":0.3,"perf/throughput":900,'
        printf '"perf/throughput_gen":800,"perf/throughput_train":700,"timing_s/gen":1,"timing_s/reward":0.1,'
        printf '"timing_s/update_actor":1,"sampling/logp_diff/mean":0,"sampling/logp_diff/max":0,'
        printf '"response_length/clip_ratio":0.1,"verify/error_frac":0,"moe/load_max":1.2,"moe/load_min":0.8}}\n'
        printf '{"step":%d,"time":1.6,"data":{"val-core/desk/acc/mean@1":0.%d,"val-aux/desk/acc/ci_low":0.0,' $s $((s + 1))
        printf '"val-aux/desk/acc/ci_high":0.9,"val-aux/desk/format/mean":0.5}}\n'
    done >"$run/metrics.jsonl"
    for s in 1 2 3; do printf '{"step":%d,"time":1,"data":{"train/loss":%d}}\n' $s $((9 - s)); done >"$run/base/metrics.jsonl"
    printf '{"base":{"heldout":{"tasks":9,"acc":{"mean":0.1,"low":0,"high":0.2},"format":{"mean":0.5,"low":0.4,"high":0.6},"length":20,"pass_at":[{"k":1,"mean":0.1,"low":0,"high":0.2},{"k":2,"mean":0.2,"low":0.1,"high":0.3}]}}\n,"final":{"heldout":{"tasks":9,"acc":{"mean":0.9,"low":0.8,"high":1},"format":{"mean":0.9,"low":0.8,"high":1},"length":40,"pass_at":[{"k":1,"mean":0.9,"low":0.8,"high":1},{"k":2,"mean":1,"low":0.9,"high":1}]}}\n}\n' >"$run/eval.json"
    hostile='</script><script>document.title=\"owned\"</script><img src=x onerror=\"document.title=1\"><!-- <script> \u2028 \\boxed{1}'
    for s in 0 5; do
        printf '{"step":%d,"id":"a","input":"1+1","output":"%s","gts":"2","verdict":"wrong","finish":"stop","length":3}\n' $s "$hostile"
        printf '{"step":%d,"id":"b","input":"2+2","output":"<think> x</think> \\\\boxed{4}","gts":"4","verdict":"right","finish":"length","length":4}\n' $s
    done >"$run/samples/000000.jsonl"
}
make_run "$dir/one" 1
make_run "$dir/two" 2

check "the page is written" "$GRPO" report "$dir/one" -q -o "$dir/one.html"
check "two runs are overlaid" "$GRPO" report "$dir/one" "$dir/two" -q -o "$dir/both.html"
page=$dir/one.html
check "sixteen charts are in it" test "$(grep -o '<svg class="chart"' "$page" | wc -l)" = 16
check "every chart has data" absent "not measured in this run" "$page"
check "no address is in it" absent -E '(src|href)="|url\(|@import|https?://[^w]|https?://www\.[^w]' "$page"
check "its policy forbids the network" grep -aq "default-src 'none'" "$page"
check "the completion cannot close the script" absent '</script><script>document' "$page"
check "nor can a config value or a warning" absent -E '</script><i>|<b>bold' "$page"

"$GRPO" report "$dir/one" --svg "$dir/svg" -q
check "each chart is a picture of its own" test "$(find "$dir/svg" -name '*.svg' | wc -l)" = 16
"$GRPO" report "$dir/one" --csv >"$dir/one.csv"
check "CSV has a line for each step" test "$(wc -l <"$dir/one.csv")" = 7
check "CSV begins with run, step and time" grep -aq '^run,step,timestamp,' "$dir/one.csv"
cp -r "$dir/one" "$dir/a, \"b\""
"$GRPO" report "$dir/a, \"b\"" --csv >"$dir/quoted.csv"
check "a name with a comma and quotes is quoted" grep -aq '^"a, ""b""",5,' "$dir/quoted.csv"
# Held-out questions of a file: their columns have the file's name.
cp -r "$dir/one" "$dir/file"
sed -i 's|/desk/|/my-heldout/|g' "$dir/file/metrics.jsonl"
check "held-out figures of any source" "$GRPO" report "$dir/file" -q -o "$dir/file.html"
check "are in its page" absent "not measured" "$dir/file.html"
"$GRPO" report "$dir/file" --md >"$dir/file.md"
check "and in its table" grep -aq '^| file | 5 | 0.600 | 60.0 % |' "$dir/file.md"
"$GRPO" report "$dir/one" --md >"$dir/one.md"
cp -r "$dir/one" "$dir/null"
sed -i '/"base"/s/"mean":0.1,"low":0,"high":0.2/"mean":null,"low":null,"high":null/g' "$dir/null/eval.json"
"$GRPO" report "$dir/null" --md >"$dir/null.md"
check "what could not be counted is unknown, not 0 or a gap" grep -aq '| null | base | unknown |' "$dir/null.md"
"$GRPO" report "$dir/null" -q -o "$dir/null.html"
check "in the page too" grep -aq '<td>unknown' "$dir/null.html"
check "Markdown has base and final" grep -aq '| one | final | 90.0 % |' "$dir/one.md"
"$GRPO" report "$dir/nothing" 2>"$dir/said"
check "a folder without a run is a usage error" test $? = 2
check "and is named" grep -aq "$dir/nothing" "$dir/said"

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -z "$browser" ]; then
    echo "skipped: no chromium here: the page was not opened in a browser"
else
    open_page() { # open_page FILE -> its DOM after the script ran
        timeout 60 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
            --user-data-dir="$dir/profile" --virtual-time-budget=3000 --enable-logging=stderr \
            --dump-dom "file://$1" 2>"$dir/browser.log"
    }
    open_page "$page" >"$dir/dom"
    check "the script ran to its end without an error" grep -aq 'data-selfcheck="ok charts=16 samples=4"' "$dir/dom"
    check "nothing broke the page's policy" absent -E 'Content Security Policy|Refused to' "$dir/browser.log"
    check "the completion did not run" absent '<title>owned' "$dir/dom"
    check "the title is unchanged" grep -aq '<title>one' "$dir/dom"
    check "the sample viewer shows the completion as text" grep -aq '&lt;/script&gt;&lt;script&gt;document.title' "$dir/dom"
    check "the same prompt is there twice" test "$(grep -ao 'class="turn"' "$dir/dom" | wc -l)" = 2
    open_page "$dir/both.html" >"$dir/dom"
    check "the overlay too" grep -aq 'data-selfcheck="ok charts=16 samples=8"' "$dir/dom"
    # The check itself can fail: a page whose script breaks says so.
    sed 's/const tip = /const tip = nothing_of_that_name + /' "$page" >"$dir/broken.html"
    open_page "$dir/broken.html" >"$dir/dom"
    check "a broken script is seen" absent 'data-selfcheck="ok' "$dir/dom"
fi

finish
