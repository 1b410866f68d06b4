// pipelines/run/stage_rl.c -- GRPO from a base model: evaluation, preflight, steps, evaluation.
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "pipelines/interrupt.h"
#include "pipelines/report/report.h"
#include "pipelines/run/machine.h"
#include "pipelines/run/progress.h"
#include "pipelines/run/sample_lines.h"
#include "pipelines/run/stage.h"
#include "pipelines/run/stage_eval.h"
#include "pipelines/run/teachers.h"
#include "pipelines/sources.h"
#include "rl/ask.h"
#include "rl/judge.h"
#include "rl/preflight.h"
#include "rl/trainer.h"

// One RL run in progress.
typedef struct Run {
    const StageOpts *opts;
    const RunConfig *rc;
    RunFolder *folder;
    Actor actor;
    TeacherSet teachers;
    Arena *names; // of the teachers
    TaskSource train, heldout, large;
    bool has_large;
    int64_t shared; // held-out questions that are also trained on
    Trainer *trainer;
    EvalDeps eval;
    Progress progress;
    double best;     // highest accuracy of a checkpoint; < 0: none yet
    int64_t saved;   // step of the newest checkpoint; -1: none
    bool unrated;    // the step's evaluation is due and not made yet
    bool gate_known; // the preflight's pass@k is known
    bool cut;        // an evaluation was cut short by the stop flag
    Metrics row;     // of the last step, to be written with its evaluation; n == 0: none
    StageResult *out;
} Run;

static Status save_trainer(void *ctx, const char *folder) {
    return trainer_save(ctx, folder);
}

static Status save(Run *r, bool evaluated, double accuracy) {
    int64_t step = trainer_steps_done(r->trainer);
    bool best = isfinite(accuracy) && accuracy > r->best;
    StageMark mark = {.evaluated = evaluated,
                      .best = best ? accuracy : r->best,
                      .layers = judge_layers(),
                      .row = r->row};
    TRY(stage_save(r->folder, &r->actor, step, &mark, best, save_trainer, r->trainer));
    r->best = mark.best;
    r->saved = step;
    return ST_OK;
}

// The row of a step is one: what training and evaluation found. `found` may be NULL.
static Status write_row(Run *r, const Metrics *found) {
    for (int i = 0; found && i < found->n; i++)
        metrics_set(&r->row, found->value[i], "%s", found->name[i]);
    Status st = runfolder_row(r->folder, &r->row, trainer_steps_done(r->trainer));
    metrics_clear(&r->row);
    return st;
}

// A row whose evaluation did not come to its end is in the checkpoint; until the run goes on from
// there, the curves have it too.
static Status show_row(Run *r) {
    return r->row.n ? runfolder_row_for_now(r->folder, &r->row, trainer_steps_done(r->trainer))
                    : ST_OK;
}

static Status stop_here(Run *r, bool evaluated) {
    r->out->stopped = true;
    if (r->saved != trainer_steps_done(r->trainer) || trainer_in_rollout(r->trainer))
        TRY(save(r, evaluated, (double)NAN));
    TRY(show_row(r));
    progress_end();
    log_info("stopped by %s after step %lld with a checkpoint; go on with\n  %s", interrupt_name(),
             (long long)trainer_steps_done(r->trainer), runfolder_again(r->folder));
    return ST_OK;
}

static Status write_rollout(Run *r, const Batch *batch, int64_t step) {
    int64_t every = r->rc->log.rollouts;
    if (every == 0 || step % every != 0) return ST_OK;
    Str lines = {0};
    for (int i = 0; i < batch->n_samples; i++)
        sample_line(batch, i, r->actor.tokenizer, step, &lines);
    Status st = runfolder_lines(r->folder, "rollouts", step, &lines);
    str_free(&lines);
    return st;
}

static Status eval_now(Run *r, double *accuracy) {
    static Metrics row;
    int64_t step = trainer_steps_done(r->trainer);
    r->unrated = true;
    TRY(stage_eval_step(r->rc, &r->eval, r->folder, step, &row, accuracy));
    r->cut = row.n == 0;
    if (r->cut) return ST_OK;
    r->unrated = false;
    r->progress.accuracy = *accuracy;
    return write_row(r, &row);
}

// The larger evaluation of base or final policy: first the small one, whose figures it replaces in
// `row`. *accuracy: of the small one. `text` gets the line for eval.json.
static Status evaluate_fully(Run *r, Metrics *row, double *accuracy, Str *text) {
    int64_t step = trainer_steps_done(r->trainer);
    r->unrated = true;
    TRY(stage_eval_step(r->rc, &r->eval, r->folder, step, row, accuracy));
    r->cut = row->n == 0;
    if (r->cut) return ST_OK;
    if (step > 0 && (r->saved != step || *accuracy > r->best)) TRY(save(r, false, *accuracy));
    return stage_eval_full(r->rc, &r->eval, r->has_large ? &r->large : NULL, step, row, text,
                           &r->cut);
}

// Can the base learn from these tasks?
static Status look_at_tasks(Run *r, Arena *arena) {
    Preflight preflight;
    Str text = {0};
    if (r->rc->rl.preflight_tasks == 0) return ST_OK;
    EvalDeps deps = r->eval;
    deps.source = &r->train; // the first questions that the run will learn from
    TRY(preflight_run(&deps, 0, &preflight, arena));
    r->cut = preflight.eval.stopped;
    if (r->cut) return ST_OK;
    preflight_print(&preflight, trainer_config(r->trainer), &text);
    log_info("%s", str_text(&text));
    str_free(&text);
    r->out->gate_closed = !preflight.ready;
    r->gate_known = preflight.known;
    return ST_OK;
}

// Before the first step. The row is written when nothing can be stopped any more, so that a base
// that is looked at twice has one row.
static Status look_at_base(Run *r, double *accuracy) {
    static Metrics row;
    Arena *arena = arena_new(1 << 20);
    Str text = {0};
    Status st;
    log_info("evaluating the base");
    TRY_OUT(evaluate_fully(r, &row, accuracy, &text));
    if (!r->cut) TRY_OUT(look_at_tasks(r, arena));
    if (r->cut) goto out;
    TRY_OUT(stage_eval_write(runfolder_path(r->folder), str_text(&text), NULL));
    TRY_OUT(write_row(r, &row));
    r->unrated = false;
    if (r->out->gate_closed)
        st = FAIL(ST_CONFIG,
                  r->gate_known
                      ? "preflight: the base is too weak to learn from: pass@%lld is below "
                        "rl.preflight_min_pass=%g. Pretrain longer (sft.steps), or set it to 0"
                      : "preflight: pass@%lld is unknown (no question has that many samples with a "
                        "verdict), so it does not reach rl.preflight_min_pass=%g. Check the gold "
                        "answers and the judge, or set it to 0",
                  (long long)r->rc->rl.preflight_k, r->rc->rl.preflight_min_pass);
out:
    str_free(&text);
    arena_free(arena);
    return st;
}

static Status steps(Run *r) {
    const RunConfig *rc = r->rc;
    int64_t last = rc->rl.steps;
    while (!trainer_done(r->trainer)) {
        TrainerStep did;
        Status st = trainer_step(r->trainer, interrupt_flag(), &r->row, &did);
        if (st != ST_OK || did.stopped) metrics_clear(&r->row);
        if (st != ST_OK) {
            r->out->nonfinite = trainer_nonfinite(r->trainer);
            return st;
        }
        if (did.stopped) return stop_here(r, true);
        if (did.fresh) TRY(write_rollout(r, did.batch, did.step));
        progress_step(&r->progress, did.step, &r->row);
        double accuracy = (double)NAN;
        if (did.step == last) break; // look_at_final evaluates and saves
        if (rc->eval.every > 0 && did.step % rc->eval.every == 0) {
            TRY(eval_now(r, &accuracy));
            if (r->cut) return stop_here(r, false);
        } else {
            TRY(write_row(r, NULL));
        }
        int64_t every = rc->run.checkpoint_every;
        bool due = every > 0 && did.step % every == 0;
        if (due || interrupt_wants_checkpoint()) TRY(save(r, true, accuracy));
    }
    progress_end();
    return ST_OK;
}

// The last step's checkpoint is made before this evaluation has its row: a run that comes back to
// it evaluates again.
static Status look_at_final(Run *r) {
    static Metrics row;
    Arena *arena = arena_new(1 << 16);
    Str text = {0};
    char *base = NULL;
    double accuracy;
    Status st;
    log_info("evaluating the final policy");
    TRY_OUT(evaluate_fully(r, &row, &accuracy, &text));
    if (r->cut) {
        st = stop_here(r, false);
        goto out;
    }
    TRY_OUT(write_row(r, &row));
    TRY_OUT(stage_eval_base(runfolder_path(r->folder), &base, arena));
    st = stage_eval_write(runfolder_path(r->folder), base ? base : "null", str_text(&text));
out:
    str_free(&text);
    arena_free(arena);
    return st;
}

static Status open_run(Run *r, const char *base) {
    const RunConfig *rc = r->rc;
    int64_t asked;
    ModelConfig model = runconfig_model(&rc->model);
    ActorOpts ao = stage_actor_opts(r->opts, &model, base);
    ao.engine = true;
    ao.draft = (DraftKind)rc->rollout.draft;
    ao.draft_tokens = (int)rc->rollout.draft_tokens;
    RlConfig rl = rc->rl;
    TRY(settings_resolve(&rl));
    ao.reference = settings_reference(&rl);
    if (rl.distill > 0) { // planned first: the actor has what they leave
        r->names = arena_new(1 << 12);
        TRY(teachers_plan(&rl.teachers, ao.chunk_tokens, ao.max_seq_tokens, &r->teachers,
                          r->names));
        const uint64_t limit = ao.memory_bytes ? ao.memory_bytes : machine_read().available_bytes;
        ao.memory_bytes = limit > r->teachers.total ? limit - r->teachers.total : 1;
    }
    TRY(actor_open(&ao, &r->actor));
    r->actor.policies.total += r->teachers.total;
    if (r->opts->dry_run) return ST_OK;
    TRY(teachers_open(&r->teachers, r->actor.pool, r->actor.tokenizer));
    TRY(sources_tasks(rc, SPLIT_TRAIN, &r->train));
    TRY(sources_tasks(rc, SPLIT_HELDOUT, &r->heldout));
    TRY(sources_overlap(rc, &r->shared, &asked));
    if (r->shared > 0)
        log_warn("%lld of %lld held-out questions are also trained on: accuracy on them says "
                 "little; remove them from data.tasks",
                 (long long)r->shared, (long long)asked);
    r->has_large = sources_has(rc, SPLIT_LARGE);
    if (r->has_large) TRY(sources_tasks(rc, SPLIT_LARGE, &r->large));
    const Chat *chat;
    TRY(stage_chat(rc, &r->actor, &chat));
    rl = rc->rl;
    if (chat && !rl.prefilled[0]) rl.prefilled = chat_prefilled(chat);
    const int asked_for = r->actor.opts.max_seq_tokens, context = r->actor.model.max_position;
    TrainerDeps deps = {.run = actor_context(&r->actor, chat, (uint64_t)rc->run.seed),
                        .source = &r->train,
                        .reference = r->actor.policies.of[ROLE_REFERENCE].policy,
                        .teachers = r->teachers.teachers,
                        .max_seq_tokens = asked_for < context ? asked_for : context,
                        .dump_folder = runfolder_path(r->folder)};
    TRY(trainer_new(&deps, &rl, &r->trainer));
    Arena *scratch = arena_new(1 << 16);
    const int64_t answer =
        rc->eval.max_new_tokens > 0 ? rc->eval.max_new_tokens : rl.max_new_tokens;
    Status st =
        ask_room(&r->heldout, deps.run.tokenizer, chat, deps.max_seq_tokens, answer, scratch);
    if (st == ST_OK && r->has_large)
        st = ask_room(&r->large, deps.run.tokenizer, chat, deps.max_seq_tokens, answer, scratch);
    arena_free(scratch);
    TRY(st);
    r->eval = (EvalDeps){.run = actor_context(&r->actor, chat, (uint64_t)rc->run.seed),
                         .source = &r->heldout,
                         .cfg = trainer_config(r->trainer),
                         .stop = interrupt_flag(),
                         .nonfinite = &r->out->nonfinite};
    return ST_OK;
}

// Where the run is, and what of that place is still to do.
static Status begin(Run *r) {
    StageMark mark = {.best = -1};
    double accuracy = (double)NAN;
    r->saved = runfolder_resume_step(r->folder);
    if (r->saved >= 0) {
        TRY(stage_load(r->folder, &r->actor, &mark));
        if (!r->opts->override_config) TRY(judge_same_layers(mark.layers));
        Str state = {0};
        str_printf(&state, "%s/state", runfolder_resume_path(r->folder));
        Status st = trainer_load(r->trainer, state.data);
        str_free(&state);
        if (st != ST_OK) return st;
    }
    r->best = mark.best;
    r->row = mark.row;
    int64_t done = trainer_steps_done(r->trainer);
    r->progress = progress_open("step", done, r->rc->rl.steps, r->rc->log.every);
    if (mark.evaluated || trainer_done(r->trainer)) return ST_OK;
    if (done > 0)
        TRY(eval_now(r, &accuracy));
    else
        TRY(look_at_base(r, &accuracy));
    if (r->cut) return stop_here(r, false);
    r->progress = progress_open("step", done, r->rc->rl.steps, r->rc->log.every);
    r->progress.accuracy = accuracy;
    return save(r, true, accuracy);
}

// After a number that is none: the state of the last good step, so that nothing before it is lost.
static void keep_last_good(Run *r) {
    int64_t step = trainer_steps_done(r->trainer);
    if (r->saved == step || step == 0) return;
    if (save(r, !r->unrated, (double)NAN) == ST_OK)
        log_info("a checkpoint of the last good step is in %s/checkpoints/step-%lld",
                 runfolder_path(r->folder), (long long)step);
    else
        log_warn("the last good step could not be saved: %s", status_text());
}

static Status finish(Run *r, const char *status, double seconds, const char *why) {
    Str facts = {0}, warnings = {0};
    str_puts(&warnings, trainer_warnings(r->trainer));
    if (r->shared > 0)
        str_printf(&warnings, "%lld held-out questions are also trained on\n",
                   (long long)r->shared);
    if (why) str_printf(&warnings, "%s\n", why);
    stage_facts(&r->actor, seconds, str_text(&warnings), &facts);
    Status st = runfolder_status(r->folder, status, str_text(&facts));
    str_free(&facts);
    str_free(&warnings);
    return st;
}

Status stage_rl(const StageOpts *opts, const char *base, RunFolder *folder, StageResult *out,
                Arena *arena) {
    double start = clock_now();
    Run r = {.opts = opts, .rc = opts->rc, .folder = folder, .out = out};
    *out = (StageResult){0};
    Status st = open_run(&r, base);
    if (st != ST_OK) runfolder_failed(folder, st);
    if (st != ST_OK || opts->dry_run) goto out;
    st = begin(&r);
    if (st == ST_OK && !out->stopped) st = steps(&r);
    if (st == ST_OK && !out->stopped) st = look_at_final(&r);
    if (st != ST_OK) {
        progress_end();
        const char *why = arena_printf(arena, "%s", status_text());
        if (out->nonfinite) keep_last_good(&r);
        if (show_row(&r) != ST_OK) log_warn("%s", status_text());
        if (finish(&r, "failed", clock_now() - start, why) != ST_OK) log_warn("%s", status_text());
        st = FAIL(st, "%s", why);
        goto out;
    }
    out->model = arena_printf(arena, "%s/checkpoints/step-%lld/model", runfolder_path(folder),
                              (long long)trainer_steps_done(r.trainer));
    TRY_OUT(finish(&r, out->stopped ? "stopped" : "finished", clock_now() - start, NULL));
out:
    trainer_free(r.trainer);
    if (r.train.close) r.train.close(&r.train);
    if (r.heldout.close) r.heldout.close(&r.heldout);
    if (r.large.close) r.large.close(&r.large);
    teachers_close(&r.teachers);
    if (r.names) arena_free(r.names);
    actor_close(&r.actor);
    return st;
}
