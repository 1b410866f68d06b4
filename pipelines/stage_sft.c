// pipelines/stage_sft.c -- next-token training in a run's folder.
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pipelines/interrupt.h"
#include "pipelines/progress.h"
#include "pipelines/sources.h"
#include "pipelines/stage.h"
#include "sft/finetune.h"

static Status train(const StageOpts *o, RunFolder *run, Actor *actor, Finetune *finetune,
                    StageResult *out) {
    int64_t steps = finetune_steps(finetune), saved = runfolder_resume_step(run);
    int64_t every = o->rc->run.base_checkpoint_every;
    Progress progress =
        progress_open("pretrain", finetune_position(finetune), steps, o->rc->log.every * 10);
    static const StageMark mark = {.evaluated = true, .best = -1};
    static Metrics row;
    while (finetune_position(finetune) < steps && !*interrupt_flag()) {
        metrics_clear(&row);
        StepReport report;
        Status st = finetune_step(finetune, &row, &report);
        if (st != ST_OK) {
            out->nonfinite = st == ST_FORMAT;
            return st;
        }
        int64_t done = finetune_position(finetune);
        TRY(runfolder_row(run, &row, done));
        progress_step(&progress, done, &row);
        bool due = (every > 0 && done % every == 0) || interrupt_wants_checkpoint();
        if (due && done < steps) {
            TRY(stage_save(run, actor, done, &mark, false, NULL, NULL));
            saved = done;
        }
    }
    progress_end();
    int64_t done = finetune_position(finetune);
    if (saved != done) TRY(stage_save(run, actor, done, &mark, false, NULL, NULL));
    out->stopped = done < steps;
    return ST_OK;
}

Status stage_sft(const StageOpts *o, StageResult *out, Arena *arena) {
    *out = (StageResult){0};
    const RunConfig *rc = o->rc;
    double begin = clock_now();
    RunFolder *run = NULL;
    Corpus *corpus = NULL;
    Finetune *finetune = NULL;
    Actor actor = {0};
    Str facts = {0}, data = {0};
    Status st;
    const char *folder = rc->model.path[0] ? rc->model.path : NULL;
    ModelConfig model = runconfig_model(&rc->model);
    TRY_OUT(sources_corpus(rc, &corpus));
    str_printf(&data, "{\"corpus\": \"%016llx\"}", (unsigned long long)corpus_hash(corpus));
    if (!o->dry_run) TRY_OUT(stage_open_run(o, o->out, "sft", data.data, &run));
    ActorOpts ao = stage_actor_opts(o, &model, folder);
    TRY_OUT(actor_open(&ao, &actor));
    if (o->dry_run) goto out;
    FinetuneDeps deps = {.policy = actor.policy,
                         .tokenizer = actor.tokenizer,
                         .pool = actor.pool,
                         .corpus = corpus,
                         .chunk_tokens = (int)rc->rl.chunk_tokens};
    TRY_OUT(finetune_new(&deps, &rc->sft, &finetune));
    if (runfolder_resume_step(run) >= 0) {
        StageMark mark;
        TRY_OUT(stage_load(run, &actor, &mark));
        finetune_seek(finetune, runfolder_resume_step(run));
    }
    st = train(o, run, &actor, finetune, out);
    if (st != ST_OK) {
        Arena *keep = arena; // the sentence of the failure outlives the note about it
        const char *why = arena_printf(keep, "%s", status_text());
        stage_facts(&actor, clock_now() - begin, why, &facts);
        if (runfolder_status(run, "failed", str_text(&facts)) != ST_OK)
            log_warn("%s", status_text());
        st = FAIL(st, "%s", why);
        goto out;
    }
    stage_facts(&actor, clock_now() - begin, NULL, &facts);
    TRY_OUT(runfolder_status(run, out->stopped ? "stopped" : "finished", str_text(&facts)));
    out->model = arena_printf(arena, "%s/checkpoints/step-%lld/model", o->out,
                              (long long)finetune_position(finetune));
    if (out->stopped)
        log_info("stopped by %s after step %lld with a checkpoint; the same command goes on",
                 interrupt_name(), (long long)finetune_position(finetune));
out:
    finetune_free(finetune);
    actor_close(&actor);
    corpus_free(corpus);
    runfolder_close(run);
    str_free(&facts);
    str_free(&data);
    return st;
}
