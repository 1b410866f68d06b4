// pipelines/run/stage_zero.c -- R1-Zero: a base model, then GRPO alone.
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "pipelines/report/report.h"
#include "pipelines/run/stage.h"
#include "pipelines/sources.h"
#include "policy/cpu/gemm.h"
#include "rl/reward.h"

static Status hashes(const RunConfig *rc, Str *out) {
    TRY(sources_hashes(rc, out));
    if (rc->model.path[0]) return ST_OK;
    Corpus *corpus;
    TRY(sources_corpus(rc, &corpus));
    out->size--; // the brace
    str_printf(out, ", \"corpus\": \"%016llx\"}", (unsigned long long)corpus_hash(corpus));
    corpus_free(corpus);
    return ST_OK;
}

// The page, and its curves on the terminal.
static Status report(const char *run, Arena *arena) {
    RunData data = {0};
    Str page = {0}, text = {0};
    const char *path = arena_printf(arena, "%s/report.html", run);
    Status st;
    TRY_OUT(rundata_open(run, &data, arena));
    report_html(&data, 1, &page);
    TRY_OUT(file_write_atomic(path, page.data, page.size));
    report_text(&data, &text);
    log_info("%s", str_text(&text));
    log_info("report: %s", path);
out:
    rundata_close(&data);
    str_free(&page);
    str_free(&text);
    return st;
}

Status stage_zero(const StageOpts *opts, StageResult *out, Arena *arena) {
    *out = (StageResult){0};
    const char *base = opts->rc->model.path;
    RunFolder *run = NULL;
    Str data = {0};
    Status st;
    RlConfig check = opts->rc->rl; // what cannot be is said now, not after the base is made
    TRY_OUT(settings_resolve(&check));
    TRY_OUT(reward_metric_known(&check)); // and rl.rewards can be read
    st = sources_check(opts->rc); // the sandbox's broker starts here, before there are weights
    if (st == ST_OK) st = hashes(opts->rc, &data);
    if (st != ST_OK && !opts->dry_run) stage_never_ran(opts, opts->out, opts->command, st);
    if (st != ST_OK) goto out;
    TRY_OUT(gemm_select(NULL));
    if (gemm_set() != GEMM_AMX)
        log_info("no AMX is used: the kernel set %s gives the same result, but takes "
                 "longer",
                 gemm_set_name(gemm_set()));
    if (opts->dry_run) {
        TRY_OUT(stage_rl(opts, base[0] ? base : NULL, NULL, out, arena));
        goto out;
    }
    TRY_OUT(stage_open_run(opts, opts->out, opts->command, str_text(&data), &run));
    if (runfolder_finished(run)) {
        out->model = arena_printf(arena, "%s/model", runfolder_resume_path(run));
        st = report(opts->out, arena);
        goto out;
    }
    if (!base[0]) {
        StageOpts sft = *opts;
        sft.out = arena_printf(arena, "%s/base", opts->out);
        sft.fresh = false;
        st = stage_sft(&sft, out, arena);
        if (st != ST_OK) {
            runfolder_failed(run, st);
            goto out;
        }
        if (out->stopped) {
            st = runfolder_status(run, "stopped", NULL);
            goto out;
        }
        base = out->model;
    }
    TRY_OUT(stage_rl(opts, base, run, out, arena));
    if (out->stopped) goto out;
    st = report(opts->out, arena);
out:
    runfolder_close(run);
    str_free(&data);
    return st;
}
