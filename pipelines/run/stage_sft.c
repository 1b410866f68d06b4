// pipelines/run/stage_sft.c -- next-token training in a run's folder.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pipelines/input.h"
#include "pipelines/interrupt.h"
#include "pipelines/run/progress.h"
#include "pipelines/run/stage.h"
#include "pipelines/sources.h"
#include "sft/finetune.h"

// Steps in a row in which tensors got no gradient, or were not changed by the update.
typedef struct GradientWatch {
    int64_t no_grad, unmoved;
} GradientWatch;

enum { STEPS_IN_A_ROW = 5 };

// Says each of the two once, when it has lasted.
static void look(GradientWatch *w, const StepReport *step, int64_t done, Str *warnings) {
    size_t before = warnings->size;
    w->no_grad = step->n_without_grad ? w->no_grad + 1 : 0;
    w->unmoved = step->n_unmoved ? w->unmoved + 1 : 0;
    if (w->no_grad == STEPS_IN_A_ROW)
        str_printf(warnings,
                   "pretraining step %lld: no gradient reached %s (%d tensors in all) in "
                   "%d steps\n",
                   (long long)done, step->first_without_grad, step->n_without_grad, STEPS_IN_A_ROW);
    if (w->unmoved == STEPS_IN_A_ROW)
        str_printf(warnings,
                   "pretraining step %lld: the last %d updates left %d tensors exactly as "
                   "they were; raise sft.lr\n",
                   (long long)done, STEPS_IN_A_ROW, step->n_unmoved);
    if (warnings->size > before)
        log_warn("%.*s", (int)(warnings->size - before - 1), warnings->data + before);
}

enum { SURVEYED = 4096 };

// Says before the first step how many documents are too long, or have no tokens at all.
static Status survey(const RunConfig *rc, Finetune *finetune, const Corpus *corpus, Str *warnings) {
    FinetuneSurvey s;
    TRY(finetune_survey(finetune, SURVEYED, &s));
    size_t before = warnings->size;
    if (corpus_size(corpus) > 0)
        log_info("%s: %lld documents (%s)", corpus_name(corpus), (long long)corpus_size(corpus),
                 corpus_format(corpus));
    const char *first = s.documents == corpus_size(corpus) ? "" : "first ";
    if (s.overlong > 0 && rc->sft.overlong == FINETUNE_TRUNCATE)
        str_printf(
            warnings,
            "%s: %lld of the %s%lld documents have more than sft.max_tokens=%lld tokens (the "
            "longest has %d) and are cut there\n",
            corpus_name(corpus), (long long)s.overlong, first, (long long)s.documents,
            (long long)rc->sft.max_tokens, s.longest);
    else if (s.overlong > 0)
        str_printf(warnings,
                   "%s: %lld of the %s%lld documents have more than sft.max_tokens=%lld tokens and "
                   "are left out; the longest has %d. sft.overlong=truncate trains on their "
                   "beginning, a larger sft.max_tokens on all of them\n",
                   corpus_name(corpus), (long long)s.overlong, first, (long long)s.documents,
                   (long long)rc->sft.max_tokens, s.longest);
    if (s.refused > 0)
        str_printf(warnings,
                   "%s: %lld of the %s%lld documents have no tokens and are left out: they are "
                   "empty, or the chat template refuses them\n",
                   corpus_name(corpus), (long long)s.refused, first, (long long)s.documents);
    if (warnings->size > before)
        log_warn("%.*s", (int)(warnings->size - before - 1), warnings->data + before);
    return ST_OK;
}

// After a number that is none: nothing before it is lost. Returns ST_FORMAT with the old sentence.
static Status keep_last_good(RunFolder *run, Actor *actor, int64_t done, int64_t saved,
                             const StageMark *mark) {
    char why[1024];
    snprintf(why, sizeof why, "%s", status_text());
    if (done > 0 && done != saved && stage_save(run, actor, done, mark, false, NULL, NULL) != ST_OK)
        log_warn("the last good step could not be saved: %s", status_text());
    return FAIL(ST_FORMAT, "%s", why);
}

// The mean loss of documents that nothing is learnt from, every eval.every steps and at the end.
static Status look_at_heldout(const RunConfig *rc, Finetune *finetune, const Corpus *heldout,
                              Metrics *row) {
    int64_t done = finetune_position(finetune), n = corpus_size(heldout);
    bool due =
        done == finetune_steps(finetune) || (rc->eval.every > 0 && done % rc->eval.every == 0);
    if (!due) return ST_OK;
    if (n > rc->eval.tasks) n = rc->eval.tasks;
    double loss, begin = clock_now();
    TRY(finetune_loss(finetune, heldout, 0, (int)n, &loss));
    metrics_set(row, loss, "val/loss");
    metrics_set(row, clock_now() - begin, "timing_s/testing");
    return ST_OK;
}

// Is this the lowest loss so far? Counts the scorings since, where sft.patience asks.
static bool improved(const RunConfig *rc, const Metrics *row, StageMark *mark) {
    double loss = metrics_get(row, "val/loss", (double)NAN);
    if (rc->sft.patience == 0 || isnan(loss)) return false;
    bool better = exp(-loss) > mark->best;
    if (better) mark->best = exp(-loss);
    mark->waited = better ? 0 : mark->waited + 1;
    return better;
}

static bool out_of_patience(const RunConfig *rc, const StageMark *mark) {
    return rc->sft.patience > 0 && mark->waited >= rc->sft.patience;
}

static Status train(const StageOpts *o, RunFolder *run, Actor *actor, Finetune *finetune,
                    const Corpus *heldout, StageMark *mark, Str *warnings, StageResult *out) {
    GradientWatch watch = {0};
    int64_t steps = finetune_steps(finetune), saved = runfolder_resume_step(run);
    int64_t every = o->rc->run.base_checkpoint_every;
    Progress progress =
        progress_open("pretrain", finetune_position(finetune), steps, o->rc->log.every * 10);
    static Metrics row;
    while (finetune_position(finetune) < steps && !out_of_patience(o->rc, mark) &&
           !*interrupt_flag()) {
        metrics_clear(&row);
        StepReport step;
        Status st = finetune_step(finetune, &row, &step);
        if (st != ST_OK) {
            out->nonfinite = finetune_nonfinite(finetune);
            return out->nonfinite
                       ? keep_last_good(run, actor, finetune_position(finetune), saved, mark)
                       : st;
        }
        int64_t done = finetune_position(finetune);
        if (heldout) TRY(look_at_heldout(o->rc, finetune, heldout, &row));
        bool best = improved(o->rc, &row, mark);
        TRY(runfolder_row(run, &row, done));
        progress_step(&progress, done, &row);
        look(&watch, &step, done, warnings);
        bool due = (every > 0 && done % every == 0) || interrupt_wants_checkpoint();
        if (best || (due && done < steps)) {
            TRY(stage_save(run, actor, done, mark, best, NULL, NULL));
            saved = done;
        }
    }
    progress_end();
    int64_t done = finetune_position(finetune);
    if (saved != done) TRY(stage_save(run, actor, done, mark, false, NULL, NULL));
    out->stopped = done < steps && !out_of_patience(o->rc, mark);
    if (done < steps && !out->stopped)
        log_info("step %lld: val/loss did not fall in %lld scorings; the result is the best "
                 "checkpoint",
                 (long long)done, (long long)mark->waited);
    return ST_OK;
}

// The model, and where training is; with --dry-run only the plan.
static Status open_all(const StageOpts *o, const ModelConfig *model, const char *folder,
                       const Corpus *corpus, RunFolder *run, Actor *actor, StageMark *mark,
                       Finetune **finetune) {
    ActorOpts ao = stage_actor_opts(o, model, folder);
    TRY(actor_open(&ao, actor));
    const int asked = actor->opts.max_seq_tokens, context = actor->model.max_position;
    if (o->rc->sft.max_tokens > (asked < context ? asked : context))
        return FAIL(ST_CONFIG, "sft.max_tokens=%lld: a sequence has at most %d tokens here (%s)",
                    (long long)o->rc->sft.max_tokens, asked < context ? asked : context,
                    asked < context ? "model.max_position" : "the model's context");
    if (o->dry_run) return ST_OK;
    const Chat *chat;
    TRY(stage_chat(o->rc, actor, &chat));
    FinetuneDeps deps = {.policy = actor->policy,
                         .tokenizer = actor->tokenizer,
                         .chat = chat,
                         .pool = actor->pool,
                         .corpus = corpus,
                         .chunk_tokens = (int)o->rc->rl.chunk_tokens};
    TRY(finetune_new(&deps, &o->rc->sft, finetune));
    if (runfolder_resume_step(run) < 0) return ST_OK;
    TRY(stage_load(run, actor, mark));
    finetune_seek(*finetune, runfolder_resume_step(run));
    return ST_OK;
}

// The model that the stage gives to the next one.
static Status name_result(const StageOpts *o, const char *newest, const char **out, Arena *arena) {
    *out = arena_printf(arena, "%s/model", newest);
    if (o->rc->sft.patience == 0) return ST_OK;
    return input_model(arena_printf(arena, "%s/checkpoints/best", o->out), out, arena);
}

Status stage_sft(const StageOpts *o, StageResult *out, Arena *arena) {
    *out = (StageResult){0};
    const RunConfig *rc = o->rc;
    double begin = clock_now();
    StageMark mark = {.evaluated = true, .best = -1};
    RunFolder *run = NULL;
    Corpus *corpus = NULL, *heldout = NULL;
    Finetune *finetune = NULL;
    Actor actor = {0};
    Str facts = {0}, data = {0}, warnings = {0};
    Status st;
    const char *folder = rc->model.path[0] ? rc->model.path : NULL;
    ModelConfig model = runconfig_model(&rc->model);
    st = sources_corpus(rc, &corpus);
    if (st == ST_OK && !rc->data.chat[0] && corpus_has_turns(corpus))
        st = FAIL(ST_CONFIG,
                  "%s: rows of 'messages' need a chat template: data.chat=auto is that of "
                  "model.path's folder",
                  rc->data.corpus);
    if (st == ST_OK) st = sources_corpus_heldout(rc, &heldout);
    if (st != ST_OK && !o->dry_run) stage_never_ran(o, o->out, "sft", st);
    if (st != ST_OK) goto out;
    str_printf(&data, "{\"corpus\": \"%016llx\"}", (unsigned long long)corpus_hash(corpus));
    if (!o->dry_run) TRY_OUT(stage_open_run(o, o->out, "sft", data.data, &run));
    if (run && runfolder_finished(run)) {
        st = name_result(o, runfolder_resume_path(run), &out->model, arena);
        goto out;
    }
    st = open_all(o, &model, folder, corpus, run, &actor, &mark, &finetune);
    if (st == ST_OK && !o->dry_run) st = survey(rc, finetune, corpus, &warnings);
    if (st != ST_OK) runfolder_failed(run, st);
    if (st != ST_OK || o->dry_run) goto out;
    st = train(o, run, &actor, finetune, heldout, &mark, &warnings, out);
    if (st != ST_OK) {
        Arena *keep = arena; // the sentence of the failure outlives the note about it
        const char *why = arena_printf(keep, "%s", status_text());
        str_printf(&warnings, "%s\n", why);
        stage_facts(&actor, clock_now() - begin, str_text(&warnings), &facts);
        if (runfolder_status(run, "failed", str_text(&facts)) != ST_OK)
            log_warn("%s", status_text());
        st = FAIL(st, "%s", why);
        goto out;
    }
    stage_facts(&actor, clock_now() - begin, str_text(&warnings), &facts);
    TRY_OUT(runfolder_status(run, out->stopped ? "stopped" : "finished", str_text(&facts)));
    if (!out->stopped)
        TRY_OUT(name_result(o,
                            arena_printf(arena, "%s/checkpoints/step-%lld", o->out,
                                         (long long)finetune_position(finetune)),
                            &out->model, arena));
    if (out->stopped)
        log_info("stopped by %s after step %lld with a checkpoint; go on with\n  %s",
                 interrupt_name(), (long long)finetune_position(finetune), runfolder_again(run));
out:
    finetune_free(finetune);
    actor_close(&actor);
    corpus_free(corpus);
    corpus_free(heldout);
    runfolder_close(run);
    str_free(&facts);
    str_free(&warnings);
    str_free(&data);
    return st;
}
