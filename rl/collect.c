// rl/collect.c -- rounds of sampling until enough groups teach something.
#include "rl/collect.h"

#include <math.h>

#include "base/rng.h"
#include "rl/advantage.h"
#include "rl/ask.h"
#include "rl/reward.h"
#include "verifiers/verdict.h"

// More misses than this in a row and the question is asked anyway.
enum { PASSED_OVER_MAX = 64 };

static Status next_question(const Collector *c, uint64_t *at, Question *out, Arena *arena) {
    for (int passed = 0;; passed++) {
        ArenaMark mark = arena_mark(arena);
        uint64_t index = (*at)++;
        TRY(ask_question(c->source, index, c->run->tokenizer, c->run->chat, c->judging, out,
                         arena));
        if (passed == PASSED_OVER_MAX || curriculum_takes(c->curriculum, out->task, index))
            return ST_OK;
        arena_rewind(arena, mark);
    }
}

// One round; *out is unfinished if it was stopped.
static Status sample_round(const Collector *c, uint64_t number, int n, const volatile int *stop,
                           Rollout *r, Batch **out, Arena *arena) {
    Question *question = ARENA_ARRAY(arena, Question, n);
    for (int g = 0; g < n; g++) TRY(next_question(c, &r->next_task, &question[g], arena));
    Batch *batch = ask_batch(question, n, (int)c->cfg->group_size, number, arena);
    if (r->n_parts < c->n_parts) batch->given = c->part[r->n_parts];
    EngineStats stats = {0};
    span_begin(c->spans, "gen");
    judge_begin(c->judging, batch);
    Status st = engine_sample(c->run->engine, batch, &c->sampling, RNG_SAMPLE, judge_finished,
                              c->judging, stop, &stats, arena);
    span_end(c->spans, "gen");
    batch->given = NULL;
    *out = batch;
    if (st != ST_OK || batch_unfinished(batch)) {
        judge_cancel(c->judging);
        r->nonfinite = st == ST_FORMAT;
        if (r->nonfinite) r->batch = batch; // its questions, for the dump
        return st;
    }
    span_begin(c->spans, "reward"); // what was not done while sampling went on
    judge_end(c->judging, batch, arena);
    span_end(c->spans, "reward");
    r->sampling.n_new_tokens += stats.n_new_tokens;
    r->sampling.n_draws += stats.n_draws;
    r->sampling.n_drafts += stats.n_drafts;
    r->sampling.n_accepted += stats.n_accepted;
    r->sampling.draft_seconds += stats.draft_seconds;
    return ST_OK;
}

static AdvantageConfig advantage_config(const RlConfig *cfg) {
    return (AdvantageConfig){cfg->advantage, cfg->advantage_std, cfg->advantage_eps};
}

// Advantages of the reward, or of its parts, as the config says.
static Status weigh(const RlConfig *cfg, const Batch *b, const uint8_t *keep, float *advantage,
                    uint8_t *flat) {
    AdvantageConfig how = advantage_config(cfg);
    if (cfg->reward_agg != REWARD_NORMALIZE_FIRST)
        return advantage_fill(&how, b->reward, b->weight, b->group_begin, keep, b->n_groups,
                              advantage, flat);
    RewardTerms terms;
    double weight[BATCH_REWARDS_MAX];
    TRY(reward_terms(cfg, &terms));
    for (int p = 0; p < terms.n; p++) weight[p] = terms.term[p].weight;
    return advantage_fill_parts(&how, b->part, weight, terms.n, b->weight, b->group_begin, keep,
                                b->n_groups, advantage, flat);
}

// Advantages go nowhere yet, because keep[] is decided first.
Status collect_flat(const RlConfig *cfg, const Batch *batch, uint8_t *flat, Arena *arena) {
    float *unused = ARENA_ARRAY(arena, float, batch->n_samples);
    return weigh(cfg, batch, NULL, unused, flat);
}

// The groups that dynamic sampling drops: those without spread of rl.dynamic_metric.
static Status find_dull(const Collector *c, const Batch *batch, const uint8_t *flat,
                        const uint8_t **out, Arena *arena) {
    const float *metric;
    *out = flat;
    TRY(reward_metric(c->cfg, batch, &metric, arena));
    if (metric == batch->reward) return ST_OK;
    uint8_t *dull = ARENA_ARRAY(arena, uint8_t, batch->n_groups);
    float *unused = ARENA_ARRAY(arena, float, batch->n_samples);
    AdvantageConfig plain = {.kind = ADV_NONE, .eps = 1};
    *out = dull;
    return advantage_fill(&plain, metric, batch->weight, batch->group_begin, NULL, batch->n_groups,
                          unused, dull);
}

// keep = 0 for dull groups and for those beyond the wanted number; returns how many are kept.
static int drop(Batch *batch, const uint8_t *dull, int wanted) {
    int kept = 0;
    for (int g = 0; g < batch->n_groups; g++) {
        batch->keep[g] = !dull[g] && kept < wanted;
        kept += batch->keep[g];
    }
    return kept;
}

static void learn(const Collector *c, const Batch *batch) {
    for (int g = 0; g < batch->n_groups; g++) {
        int right = 0, known = 0;
        for (int i = batch->group_begin[g]; i < batch->group_begin[g + 1]; i++) {
            known += batch->verdict[i] != VERDICT_ERROR;
            right += batch->verdict[i] == VERDICT_RIGHT;
        }
        curriculum_learn(c->curriculum, batch->task[g], right, known);
    }
}

Status collect_rollout(const Collector *c, uint64_t number, uint64_t first_task,
                       const volatile int *stop, Rollout *out, Arena *arena) {
    const RlConfig *cfg = c->cfg;
    int wanted = (int)cfg->groups_per_step, ask = wanted, kept = 0;
    bool refill = cfg->dynamic_sampling == DYNAMIC_REFILL;
    *out = (Rollout){.next_task = first_task};
    out->part = ARENA_ARRAY(arena, Batch *, cfg->max_gen_batches + 1);
    Batch *batch = NULL;
    for (;;) {
        Batch *more = NULL;
        TRY(sample_round(c, number, ask, stop, out, &more, arena));
        out->part[out->n_parts++] = more;
        if (batch_unfinished(more)) {
            out->next_task = first_task;
            return ST_OK;
        }
        out->n_gen_batches++;
        batch = batch ? batch_concat(batch, more, arena) : more;
        out->flat = ARENA_ARRAY(arena, uint8_t, batch->n_groups);
        TRY(collect_flat(cfg, batch, out->flat, arena));
        kept = wanted;
        if (cfg->dynamic_sampling != DYNAMIC_OFF) {
            const uint8_t *dull;
            TRY(find_dull(c, batch, out->flat, &dull, arena));
            kept = drop(batch, dull, wanted);
        }
        if (!refill || kept == wanted || out->n_gen_batches == cfg->max_gen_batches) break;
        // As many as the yield so far says are needed, at most a full round.
        double yield = fmax(kept, 1) / batch->n_groups;
        ask = (int)fmin(wanted, ceil((wanted - kept) / yield));
    }
    out->short_batch = refill && kept < wanted;
    learn(c, batch);
    out->batch = batch;
    out->part = NULL, out->n_parts = 0;
    return ST_OK;
}

// The sft component: the tokens of the loss of samples that are right.
static void weigh_right(const RlConfig *cfg, Batch *b, Arena *arena) {
    batch_open_token_column(b, &b->weight_sft, arena);
    for (int i = 0; i < b->n_samples; i++)
        for (int t = b->response_begin[i]; t < b->token_end[i]; t++)
            if (b->verdict[i] == VERDICT_RIGHT && b->loss_mask[t])
                b->weight_sft[t] = (float)cfg->positive_lm;
}

Status collect_weigh(const RlConfig *cfg, Batch *batch, Arena *arena) {
    batch_open_weighed(batch, arena);
    if (cfg->positive_lm > 0) weigh_right(cfg, batch, arena);
    return weigh(cfg, batch, batch->keep, batch->advantage, NULL);
}
