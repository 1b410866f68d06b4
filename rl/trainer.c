// rl/trainer.c -- the order of things; each thing is in a file of its own.
#include "rl/trainer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "policy/schedule.h"
#include "rl/ask.h"
#include "rl/collect.h"
#include "rl/health.h"
#include "rl/measure.h"
#include "rl/replay.h"
#include "rl/reward.h"
#include "rl/trainer_inside.h"
#include "rl/update.h"

// Tasks that are looked at before anything runs, so that a wrong judge is an error at the start.
enum { TASKS_CHECKED = 64 };

static Status check_tasks(const Trainer *t) {
    const TaskSource *source = t->deps.source;
    int n = TASKS_CHECKED;
    if (source->n_tasks > 0 && source->n_tasks < n) n = (int)source->n_tasks;
    Status st = ST_OK;
    for (int i = 0; i < n && st == ST_OK; i++) {
        ArenaMark mark = arena_mark(t->scratch);
        Question q;
        st = ask_question(source, (uint64_t)i, t->deps.run.tokenizer, t->deps.run.chat, t->judging,
                          &q, t->scratch);
        arena_rewind(t->scratch, mark);
    }
    return st;
}

// Settings of the router need one.
static Status check_experts(const RlConfig *cfg, const ModelConfig *model) {
    const char *key = cfg->routing_replay != REPLAY_OFF ? "routing_replay"
                      : cfg->router_bias_step != 0      ? "router_bias_step"
                      : cfg->balance_alpha != 0         ? "balance_alpha"
                                                        : NULL;
    if (cfg->routing_replay == REPLAY_OLD && cfg->old_logp != OLD_RECOMPUTE)
        return FAIL(ST_CONFIG, "rl.routing_replay=old needs rl.old_logp=recompute, the pass that "
                               "records the routes; rollout takes the sampler's");
    if (cfg->mtp_weight > 0 && model->n_mtp == 0)
        return FAIL(ST_CONFIG,
                    "rl.mtp_weight=%g cannot act: the model has no MTP modules; say "
                    "model.mtp=1 or leave it out",
                    cfg->mtp_weight);
    if (!key || replay_layers(model) > 0) return ST_OK;
    return FAIL(ST_CONFIG, "rl.%s cannot act: the model has no routed experts; leave it out", key);
}

static void say_advice(const RlConfig *cfg) {
    Str said = {0};
    settings_advice(cfg, &said);
    for (char *line = said.data, *end; line && (end = strchr(line, '\n')); line = end + 1)
        log_warn("%.*s", (int)(end - line), line);
    str_free(&said);
}

Status trainer_new(const TrainerDeps *deps, const RlConfig *cfg, Trainer **out) {
    *out = NULL;
    Status st = ST_OK;
    Trainer *t = calloc(1, sizeof *t);
    CHECK(t != NULL);
    t->deps = *deps;
    t->cfg = *cfg;
    TRY_OUT(settings_resolve(&t->cfg));
    say_advice(&t->cfg);
    if (t->deps.run.n_stop_tokens == 0) {
        t->eos = policy_model(deps->run.policy)->eos_id;
        t->deps.run.stop_token = &t->eos;
        t->deps.run.n_stop_tokens = t->eos >= 0;
    }
    t->arena = arena_new(1 << 20);
    t->scratch = arena_new(1 << 20);
    t->batch_mark = arena_mark(t->arena);
    TRY_OUT(judge_new(&t->deps.run, &t->cfg, &t->judging));
    TRY_OUT(reward_metric_known(&t->cfg));
    TRY_OUT(check_experts(&t->cfg, policy_model(deps->run.policy)));
    TRY_OUT(check_tasks(t));
    const int context = policy_model(deps->run.policy)->max_position;
    const int planned = deps->max_seq_tokens > 0 ? deps->max_seq_tokens : context;
    TRY_OUT(ask_room(deps->source, deps->run.tokenizer, deps->run.chat, planned,
                     t->cfg.max_new_tokens, t->scratch));
    TRY_OUT(distill_check(&t->deps.teachers, &t->cfg, policy_model(deps->run.policy), planned));
    t->curriculum = curriculum_new(&t->cfg, deps->run.seed);
    t->health = health_new(&t->cfg);
    if (settings_reference(&t->cfg)) {
        CHECK(deps->reference != NULL);
        TRY_OUT(reference_new(deps->reference, deps->run.policy, t->cfg.reference_refresh_steps,
                              &t->reference));
    }
    *out = t;
    return ST_OK;
out:
    trainer_free(t);
    return st;
}

void trainer_free(Trainer *t) {
    if (!t) return;
    reference_free(t->reference);
    health_free(t->health);
    curriculum_free(t->curriculum);
    judge_free(t->judging);
    ahead_free(t);
    arena_free(t->arena);
    arena_free(t->scratch);
    free(t);
}

const RlConfig *trainer_config(const Trainer *trainer) {
    return &trainer->cfg;
}
int64_t trainer_steps_done(const Trainer *trainer) {
    return trainer->at.steps_done;
}
bool trainer_done(const Trainer *trainer) {
    return trainer->at.steps_done >= trainer->cfg.steps;
}
bool trainer_nonfinite(const Trainer *trainer) {
    return trainer->nonfinite;
}
const char *trainer_warnings(const Trainer *trainer) {
    return health_text(trainer->health);
}

bool trainer_has_batch(const Trainer *t) {
    return t->batch && t->batch->updates_made < (int)(t->cfg.updates_per_rollout * t->cfg.epochs);
}

void trainer_drop_batch(Trainer *t) {
    arena_rewind(t->arena, t->batch_mark);
    t->batch = NULL;
    t->part = NULL, t->n_parts = 0;
}

bool trainer_in_rollout(const Trainer *trainer) {
    return trainer->n_parts > 0;
}

// Names the first log-prob that is not finite by sample and token.
static Status name_nonfinite(const Trainer *t, const Pack *pack, const float *logp,
                             const char *whose) {
    for (int s = 0; s < pack->n_seqs; s++) {
        const Seq seq = pack->seq[s];
        int bad = health_nonfinite(logp + pack->offset[s], seq.end - seq.begin);
        if (bad < 0) continue;
        return FAIL(ST_FORMAT,
                    "the log-prob of response token %d of sample %d (group %d) under the %s is not "
                    "finite",
                    seq.begin + bad - t->batch->response_begin[seq.id], seq.id,
                    batch_group_of(t->batch, seq.id), whose);
    }
    return ST_OK;
}

// The tokens to score: those of the loss. KL inside the reward is over all that were sampled.
static const uint8_t *scored_tokens(const Trainer *t, Arena *arena) {
    const Batch *b = t->batch;
    if (t->cfg.kl_reward == KL_OFF) return b->loss_mask;
    uint8_t *want = ARENA_ARRAY(arena, uint8_t, b->n_tokens + 1);
    for (int i = 0; i < b->n_tokens; i++) want[i] = b->kind[i] == TOKEN_SAMPLED;
    return want;
}

// Log-probs under the policy or the reference, scattered from packed order back to the batch's.
static Status score_batch(Trainer *t, bool by_reference) {
    Batch *b = t->batch;
    float *column = ARENA_ARRAY(t->arena, float, b->n_tokens + 1);
    ArenaMark mark = arena_mark(t->scratch);
    Pack pack = update_pack(b, scored_tokens(t, t->scratch), t->scratch);
    float *logp = ARENA_ARRAY(t->scratch, float, pack.n_tokens + 1);
    ScoreOpts opts = {.temperature = t->cfg.temperature};
    const bool record = !by_reference && t->cfg.routing_replay == REPLAY_OLD;
    const KeptTokens kept = {b->kept_begin, b->kept_token};
    if (b->kept_begin) opts.kept = &kept;
    Routes routes = {0};
    if (record) {
        routes = replay_room(policy_model(t->deps.run.policy), pack.n_tokens, t->scratch);
        opts.record = &routes;
    } else if (!by_reference && b->route) {
        routes = replay_gather(b, &pack, 1, t->scratch);
        opts.replay = &routes;
    }
    Status st = ST_OK;
    if (pack.n_seqs > 0)
        st = by_reference ? reference_score(t->reference, &pack, &opts, logp)
                          : policy_score(t->deps.run.policy, &pack, &opts, logp, NULL);
    if (st == ST_FORMAT) { // the tokens are the sampler's own, so only a number can be wrong
        t->nonfinite = true;
        Status named = name_nonfinite(t, &pack, logp, by_reference ? "reference" : "policy");
        if (named != ST_OK) st = named;
    }
    for (int s = 0; st == ST_OK && s < pack.n_seqs; s++)
        for (int i = pack.seq[s].begin; i < pack.seq[s].end; i++)
            column[i] = logp[pack.offset[s] + i - pack.seq[s].begin];
    if (st == ST_OK && record) replay_keep(b, &pack, &routes, t->arena);
    arena_rewind(t->scratch, mark);
    if (by_reference)
        b->logp_ref = column;
    else
        b->logp_old = column;
    return st;
}

static void set_throughput(const Trainer *t, const Rollout *r, Metrics *row) {
    double gen = span_seconds(&t->spans, "gen");
    const EngineStats *s = &r->sampling;
    metrics_set(row, (double)s->n_new_tokens / (gen > 0 ? gen : 1), "perf/throughput_gen");
    if (engine_opts(t->deps.run.engine)->draft != DRAFT_NONE && s->n_draws > 0) {
        const double verified = s->n_drafts > 0 ? (double)s->n_drafts : 1;
        metrics_set(row, (double)s->n_accepted / verified, "rollout/draft/accepted_frac");
        metrics_set(row, (double)s->n_new_tokens / (double)s->n_draws, "rollout/tokens_per_draw");
        metrics_set(row, s->draft_seconds, "timing_s/draft");
    }
    metrics_set(row, r->batch->n_tokens, "perf/total_num_tokens");
    metrics_set(row, (double)r->n_gen_batches, "rollout/gen_batches");
    judge_measure(row);
}

// Samples and judges the next rollout into `arena`. Its batch stays NULL if it was stopped; t->part
// has its rounds then.
static Status sample_rollout(Trainer *t, const volatile int *stop, Rollout *r, Arena *arena) {
    Collector c = {
        .run = &t->deps.run,
        .source = t->deps.source,
        .cfg = &t->cfg,
        .judging = t->judging,
        .curriculum = t->curriculum,
        .sampling = ask_sampling(&t->cfg, t->deps.run.stop_token,
                                 t->cfg.ignore_eos ? 0 : t->deps.run.n_stop_tokens),
        .spans = &t->spans,
        .part = t->part,
        .n_parts = t->n_parts,
    };
    c.sampling.keep_stopped = true;
    if (t->cfg.routing_replay == REPLAY_ROLLOUT) c.sampling.record |= RECORD_ROUTES;
    if (t->cfg.keep_sampling_mask) c.sampling.record |= RECORD_KEPT;
    Status st = collect_rollout(&c, t->at.rollouts_done, t->at.next_task, stop, r, arena);
    t->nonfinite = r->nonfinite;
    if (st != ST_OK) {
        t->batch = r->batch;
        return st;
    }
    t->part = r->part, t->n_parts = r->n_parts;
    if (!r->batch) return ST_OK;
    t->at.next_task = r->next_task;
    t->at.rollouts_done++;
    return ST_OK;
}

// Puts a fresh rollout in hand; `batch` stays NULL if it was stopped.
static Status take_rollout(Trainer *t, const volatile int *stop, Metrics *row) {
    Rollout r;
    if (t->n_parts == 0) trainer_drop_batch(t);
    if (t->reference) TRY(reference_refresh(t->reference, t->deps.run.policy, t->at.steps_done));
    if (t->cfg.lag == 0 && t->n_ahead == 0) {
        TRY(sample_rollout(t, stop, &r, t->arena));
        if (!r.batch) return ST_OK;
    } else {
        while (ahead_wanted(t)) {
            TRY(sample_rollout(t, stop, &r, ahead_open(t)));
            if (!r.batch) return ST_OK;
            t->ahead[t->n_ahead++].rollout = r;
        }
        r = ahead_take(t);
    }
    t->batch = r.batch;
    if (t->cfg.old_logp == OLD_RECOMPUTE) {
        span_begin(&t->spans, "old_log_prob");
        TRY(score_batch(t, false));
        span_end(&t->spans, "old_log_prob");
    }
    if (t->reference) {
        span_begin(&t->spans, "ref");
        TRY(score_batch(t, true));
        span_end(&t->spans, "ref");
    }
    if (t->cfg.distill > 0) {
        span_begin(&t->spans, "teacher");
        Status scored = distill_score(&t->deps.teachers, &t->cfg, t->batch, t->arena, t->scratch);
        span_end(&t->spans, "teacher");
        t->nonfinite = scored == ST_FORMAT;
        if (scored != ST_OK) return scored;
    }
    if (t->cfg.kl_reward != KL_OFF) reward_add_kl(&t->cfg, t->batch);
    span_begin(&t->spans, "adv");
    TRY(collect_weigh(&t->cfg, t->batch, t->arena));
    if (t->cfg.distill > 0) distill_weigh(&t->deps.teachers, &t->cfg, t->batch, t->arena);
    span_end(&t->spans, "adv");
    t->at.tokens_seen += (uint64_t)r.batch->n_tokens;
    measure_rollout(&t->cfg, r.batch, r.flat, row);
    set_throughput(t, &r, row);
    if (t->cfg.lag > 0) ahead_measure(t, row);
    if (r.short_batch)
        health_warn(t->health, HEALTH_SHORT, t->at.steps_done + 1,
                    "after %d sampling rounds only %g of %lld groups teach something: training on "
                    "those (rl.max_gen_batches; easier or harder questions)",
                    r.n_gen_batches, metrics_get(row, "group/kept", 0),
                    (long long)t->cfg.groups_per_step);
    return ST_OK;
}

const Spans *trainer_spans(const Trainer *t) {
    return &t->spans;
}

static void set_timings(const Trainer *t, double seconds, Metrics *row) {
    for (int i = 0; i < t->spans.n; i++)
        metrics_set(row, t->spans.span[i].seconds, "timing_s/%s", t->spans.span[i].name);
    metrics_set(row, seconds, "timing_s/step");
    double update = span_seconds(&t->spans, "update_actor");
    double trained = metrics_get(row, "actor/trained_tokens", 0);
    if (update > 0) metrics_set(row, trained / update, "perf/throughput_train");
    double tokens = metrics_get(row, "perf/total_num_tokens", 0);
    if (tokens > 0 && seconds > 0) metrics_set(row, tokens / seconds, "perf/throughput");
}

static Status failed(Trainer *t, Status st) {
    if (!t->nonfinite) return st;
    return health_stop(t->deps.dump_folder, t->at.steps_done + 1, t->batch, status_text());
}

// Trains one mini-batch of the rollout in hand. *stepped: it had samples, so a step was made.
static Status learn(Trainer *t, Metrics *row, bool *stepped) {
    Schedule schedule = {.kind = (ScheduleKind)t->cfg.schedule,
                         .lr = t->cfg.lr,
                         .final_ratio = t->cfg.min_lr_ratio,
                         .warmup_steps = t->cfg.warmup_steps,
                         .total_steps = t->cfg.steps};
    UpdateResult update;
    ArenaMark mark = arena_mark(t->scratch);
    span_begin(&t->spans, "update_actor");
    Status st = update_run(t->deps.run.policy, &t->cfg, t->deps.run.seed, t->batch,
                           schedule_lr(&schedule, t->at.steps_done), row, &update, t->scratch);
    span_end(&t->spans, "update_actor");
    arena_rewind(t->scratch, mark);
    t->nonfinite = update.nonfinite;
    *stepped = update.stepped;
    if (st != ST_OK) return st;
    t->batch->updates_made++;
    if (!update.stepped) return ST_OK;
    t->at.steps_done++;
    metrics_set(row, (double)t->at.steps_done, "training/global_step");
    metrics_set(row, (double)t->batch->step, "training/rollout");
    metrics_set(row, (double)t->at.tokens_seen, "perf/tokens_seen");
    health_look(t->health, t->at.steps_done, row, update.first_without_grad);
    return ST_OK;
}

// A rollout from which no update could be made. One is a matter of luck, many are a run that would
// never end.
static Status no_group(Trainer *t, int64_t empty) {
    health_warn(t->health, HEALTH_EMPTY, t->at.steps_done + 1,
                "no sample of a whole rollout counts: its groups were dropped or have no verdict; "
                "another is sampled, and no optimiser step is counted");
    if (empty < t->cfg.max_gen_batches) return ST_OK;
    return FAIL(ST_CONFIG,
                "step %lld: %lld rollouts in a row (rl.max_gen_batches) had no sample to learn "
                "from: the questions are all too easy or too hard (rl.dynamic_sampling), or their "
                "gold answers cannot be judged (grpo verify)",
                (long long)t->at.steps_done + 1, (long long)empty);
}

Status trainer_step(Trainer *t, const volatile int *stop, Metrics *row, TrainerStep *out) {
    double begin = clock_now();
    CHECK(!trainer_done(t) && !t->nonfinite);
    metrics_clear(row);
    span_reset(&t->spans);
    *out = (TrainerStep){.step = t->at.steps_done, .stopped = stop && *stop};
    if (out->stopped) return ST_OK;
    bool stepped = false;
    for (int64_t empty = 0; !stepped;) {
        if (!trainer_has_batch(t)) {
            if (out->fresh) TRY(no_group(t, ++empty));
            Status st = take_rollout(t, stop, row);
            if (st != ST_OK) {
                st = failed(t, st);
                trainer_drop_batch(t); // half a rollout is not to be saved
                return st;
            }
            if (!t->batch) {
                *out = (TrainerStep){.step = t->at.steps_done, .stopped = true};
                return ST_OK;
            }
            out->fresh = true;
        }
        Status st = learn(t, row, &stepped);
        if (st != ST_OK) return failed(t, st);
    }
    out->step = t->at.steps_done;
    out->batch = t->batch;
    set_timings(t, clock_now() - begin, row);
    return ST_OK;
}
