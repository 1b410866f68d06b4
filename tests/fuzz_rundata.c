// tests/fuzz_rundata.c -- any bytes as a run's folder: a report or a sentence, never a crash.
// The parts, with a zero byte between them: metrics.jsonl, run.json, eval.json, a file of samples.
#include "base/log.h"
#include "pipelines/report/report.h"
#include "tests/fuzz_file.h"

static void whole_report(const RunData *run, int n) {
    Str out = {0};
    report_html(run, n, &out);
    report_markdown(run, n, &out);
    report_csv(run, n, &out);
    report_json(run, n, &out);
    report_text(run, &out);
    CHECK(out.size > 0);
    str_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"metrics.jsonl", "run.json", "eval.json",
                                        "samples/000000.jsonl"};
    static bool ready;
    if (!ready) {
        char samples[128];
        log_open(LOG_QUIET, LOG_COLOR_NEVER);
        snprintf(samples, sizeof samples, "%s/samples", fuzz_dir());
        CHECK(file_mkdirs(samples) == ST_OK);
        ready = true;
    }
    if (size > 8192) return 0;
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        const uint8_t *part;
        size_t n = fuzz_part(data, size, &at, &part);
        fuzz_put(names[i], part, n);
    }
    Arena *arena = arena_new(1 << 16);
    RunData run[2];
    if (rundata_open(fuzz_dir(), &run[0], arena) == ST_OK) {
        whole_report(run, 1);
        run[1] = run[0];
        whole_report(run, 2); // the overlay of two runs
        rundata_close(&run[0]);
    }
    arena_free(arena);
    return 0;
}
