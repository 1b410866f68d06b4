// rl/evaluate.c -- slices of questions, so that memory does not grow with their number.
#include "rl/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "rl/ask.h"
#include "rl/reward.h"
#include "verifiers/verdict.h"

enum { SLICE_SAMPLES = 1024 };

enum { SOURCE_NAME = 64 };

// What is kept of the questions; one value for each is what intervals are made of.
typedef struct Tally {
    int n_asked, k, group_size;
    EvalRecord *record; // [n_asked]
    uint8_t *part;      // [n_asked] index of its source
    char name[EVAL_SOURCES_MAX][SOURCE_NAME];
    int n_names;
} Tally;

// The tasks that were asked, by id (a table with open addressing), and the place in the stream.
typedef struct Asked {
    uint64_t *id;
    uint8_t *full;
    uint64_t mask, next;
    int64_t left; // tasks that may still be looked at
} Asked;

static Asked asked_new(const TaskSource *source, uint64_t first, int n_tasks, Arena *arena) {
    uint64_t size = 16;
    while (size < 2 * (uint64_t)n_tasks) size *= 2;
    return (Asked){.id = ARENA_ARRAY(arena, uint64_t, size),
                   .full = ARENA_ARRAY(arena, uint8_t, size),
                   .mask = size - 1,
                   .next = first,
                   // The end of an epoch and the next one hold every row of a finite source; an
                   // endless one with so many repeats has no more to give.
                   .left =
                       source->n_tasks > 0 ? 2 * source->n_tasks : 16 * (int64_t)n_tasks + 4096};
}

static bool asked_first_time(Asked *a, uint64_t id) {
    uint64_t at = rng_mix(id) & a->mask;
    for (; a->full[at]; at = (at + 1) & a->mask)
        if (a->id[at] == id) return false;
    a->full[at] = 1;
    a->id[at] = id;
    return true;
}

// Up to n new questions.
static Status next_questions(const EvalDeps *deps, Asked *asked, const BatchJudge *judging, int n,
                             Question *question, int *found, Arena *arena) {
    for (*found = 0; *found < n && asked->left > 0; asked->left--) {
        ArenaMark mark = arena_mark(arena);
        Question *q = &question[*found];
        TRY(ask_question(deps->source, asked->next++, deps->run.tokenizer, deps->run.chat, judging,
                         q, arena));
        if (asked_first_time(asked, q->task->id))
            ++*found;
        else
            arena_rewind(arena, mark);
    }
    return ST_OK;
}

// Share of the most frequent answers of a question that are right. Quadratic in k, which is small.
static double consensus(const Batch *b, int begin, int end) {
    const uint64_t *answer = b->answer_hash;
    int best = 0, tied = 0;
    double right = 0;
    for (int i = begin; i < end; i++) {
        if (b->verdict[i] == VERDICT_ERROR || answer[i] == 0) continue;
        int votes = 0;
        bool first = true;
        for (int j = begin; j < end; j++) {
            if (b->verdict[j] == VERDICT_ERROR || answer[j] != answer[i]) continue;
            first = first && j >= i;
            votes++;
        }
        if (!first || votes < best) continue;
        if (votes > best) best = votes, tied = 0, right = 0;
        tied++;
        right += b->verdict[i] == VERDICT_RIGHT;
    }
    return tied ? right / tied : 0;
}

static void count_flat_blocks(EvalRecord *r, const Batch *b, int begin, int end, int group_size) {
    for (int at = begin; at + group_size <= end; at += group_size) {
        bool flat = true;
        for (int i = at; i < at + group_size; i++) flat = flat && b->reward[i] == b->reward[at];
        r->blocks++;
        r->flat_blocks += flat;
    }
}

static EvalRecord record_of(const Batch *b, int g, int group_size) {
    int begin = b->group_begin[g], end = b->group_begin[g + 1];
    EvalRecord r = {.id = b->task_id[g], .samples = end - begin};
    for (int i = begin; i < end; i++) {
        double length = batch_response_length(b, i);
        r.truncated += b->finish[i] == FINISH_LENGTH;
        r.error += b->verdict[i] == VERDICT_ERROR;
        if (b->finish[i] != FINISH_ABORT) // nobody saw the form of what was given up
            r.format += (double)b->part[PART_FORMAT][i], r.n_formed++;
        r.length[0] += length;
        r.count[0]++;
        if (b->verdict[i] == VERDICT_ERROR) continue;
        bool right = b->verdict[i] == VERDICT_RIGHT;
        r.n_known++;
        r.n_right += right;
        r.length[right ? 1 : 2] += length;
        r.count[right ? 1 : 2]++;
    }
    if (r.n_formed) r.format /= r.n_formed;
    r.cons = consensus(b, begin, end);
    count_flat_blocks(&r, b, begin, end, group_size);
    return r;
}

// Index of a source's name; the last one is for all that do not fit.
static int part_of(Tally *t, const char *source) {
    char name[SOURCE_NAME];
    snprintf(name, sizeof name, "%s", source ? source : "");
    for (int i = 0; i < t->n_names; i++)
        if (strcmp(t->name[i], name) == 0) return i;
    if (t->n_names == EVAL_SOURCES_MAX) return EVAL_SOURCES_MAX - 1;
    if (t->n_names == EVAL_SOURCES_MAX - 1) snprintf(name, sizeof name, "other");
    memcpy(t->name[t->n_names], name, sizeof name);
    return t->n_names++;
}

static void add_record(Tally *t, const EvalRecord *r, const char *source) {
    t->part[t->n_asked] = (uint8_t)part_of(t, source);
    t->record[t->n_asked++] = *r;
}

static double share(double part, double whole) {
    return whole > 0 ? part / whole : nan("");
}

// Chance that a group of G samples of this question is all right or all wrong.
static double flat_chance(int n, int c, int group_size) {
    if (group_size <= n)
        return passk_all_right(n, c, group_size) + passk_all_right(n, n - c, group_size);
    double p = (double)c / n;
    return pow(p, group_size) + pow(1 - p, group_size);
}

static void conclude(const EvalRecord *record, int n_asked, const Tally *t, const EvalConfig *cfg,
                     EvalResult *out, Arena *arena) {
    double *value = ARENA_ARRAY(arena, double, n_asked + 1);
    int n = 0;
    double flat = 0, length[3] = {0}, count[3] = {0};
    double truncated = 0, error = 0, samples = 0, blocks = 0, flat_blocks = 0;
    out->n_right = ARENA_ARRAY(arena, int, n_asked + 1);
    out->n_known = ARENA_ARRAY(arena, int, n_asked + 1);
    for (int q = 0; q < n_asked; q++) {
        const EvalRecord *r = &record[q];
        out->n_right[q] = r->n_right;
        out->n_known[q] = r->n_known;
        for (int i = 0; i < 3; i++) length[i] += r->length[i], count[i] += r->count[i];
        truncated += r->truncated, error += r->error, samples += r->samples;
        blocks += r->blocks, flat_blocks += r->flat_blocks;
        if (r->n_known == 0) continue;
        value[n++] = (double)r->n_right / r->n_known;
        out->all_right += r->n_right == r->n_known;
        out->all_wrong += r->n_right == 0;
        flat += flat_chance(r->n_known, r->n_right, t->group_size);
    }
    out->n_tasks = n;
    out->n_asked = n_asked;
    out->k = t->k;
    out->accuracy = passk_interval(value, n);
    out->all_right = share(out->all_right, n);
    out->all_wrong = share(out->all_wrong, n);
    out->mixed = 1 - out->all_right - out->all_wrong;
    out->flat_predicted = share(flat, n);
    out->flat_observed = share(flat_blocks, blocks);
    n = 0;
    for (int q = 0; q < n_asked; q++)
        if (record[q].n_formed > 0) value[n++] = record[q].format;
    out->format = passk_interval(value, n);
    n = 0;
    for (int q = 0; q < n_asked; q++)
        if (record[q].n_known > 0) value[n++] = record[q].cons;
    out->cons = passk_interval(value, n);
    out->n_pass = cfg->n_pass;
    for (int i = 0; i < cfg->n_pass; i++) {
        n = 0;
        for (int q = 0; q < n_asked; q++)
            if (record[q].n_known >= cfg->pass_k[i])
                value[n++] = passk_estimate(record[q].n_known, record[q].n_right, cfg->pass_k[i]);
        out->pass[i].k = cfg->pass_k[i];
        out->pass[i].n_tasks = n;
        out->pass[i].value = passk_interval(value, n);
    }
    out->length_mean = share(length[0], count[0]);
    out->length_right = share(length[1], count[1]);
    out->length_wrong = share(length[2], count[2]);
    out->truncated_frac = share(truncated, samples);
    out->error_frac = share(error, samples);
}

// The whole, and each source by itself where there are several.
static void conclude_all(const Tally *t, const EvalConfig *cfg, EvalResult *out, Arena *arena) {
    conclude(t->record, t->n_asked, t, cfg, out, arena);
    if (t->n_names < 2) return;
    out->n_sources = t->n_names;
    out->by_source = ARENA_ARRAY(arena, EvalResult, t->n_names);
    EvalRecord *record = ARENA_ARRAY(arena, EvalRecord, t->n_asked);
    for (int s = 0; s < t->n_names; s++) {
        int n = 0;
        for (int q = 0; q < t->n_asked; q++)
            if (t->part[q] == s) record[n++] = t->record[q];
        out->by_source[s].source = arena_printf(arena, "%s", t->name[s]);
        conclude(record, n, t, cfg, &out->by_source[s], arena);
    }
}

SampleConfig evaluate_sampling(const EvalDeps *deps, const EvalConfig *cfg) {
    SampleConfig s = ask_sampling(deps->cfg, deps->run.stop_token, deps->run.n_stop_tokens);
    if (cfg->temperature >= 0) s.temperature = cfg->temperature;
    if (cfg->top_p > 0) s.top_p = cfg->top_p;
    if (cfg->top_k != 0) s.top_k = cfg->top_k > 0 ? cfg->top_k : 0;
    if (cfg->max_new_tokens > 0) s.max_new_tokens = cfg->max_new_tokens;
    return s;
}

// Hands a finished sample to the judges, and says how far the whole has come.
typedef struct Watch {
    const EvalDeps *deps;
    BatchJudge *judging;
    int64_t done, all;
} Watch;

static void on_finished(void *ctx, Batch *batch, int sample) {
    Watch *w = ctx;
    judge_finished(w->judging, batch, sample);
    w->done++;
    if (w->deps->progress) w->deps->progress(w->deps->progress_ctx, w->done, w->all);
}

static Status one_slice(const EvalDeps *deps, const EvalConfig *cfg, Watch *watch, Asked *asked,
                        int n, Tally *tally, EvalResult *out, Arena *arena) {
    BatchJudge *judging = watch->judging;
    Question *question = ARENA_ARRAY(arena, Question, n);
    TRY(next_questions(deps, asked, judging, n, question, &n, arena));
    if (n == 0) return ST_OK;
    Batch *batch = ask_batch(question, n, cfg->k, cfg->step, arena);
    SampleConfig sampling = evaluate_sampling(deps, cfg);
    EngineStats stats = {0};
    judge_begin(judging, batch);
    Status st = engine_sample(deps->run.engine, batch, &sampling, RNG_EVAL, on_finished, watch,
                              deps->stop, &stats, arena);
    if (st != ST_OK || batch->stage != STAGE_SAMPLED) {
        judge_cancel(judging);
        if (st == ST_FORMAT && deps->nonfinite) *deps->nonfinite = true;
        out->stopped = true;
        return st;
    }
    judge_end(judging, batch, arena);
    out->n_new_tokens += stats.n_new_tokens;
    for (int g = 0; g < batch->n_groups; g++) {
        EvalRecord r = record_of(batch, g, tally->group_size);
        add_record(tally, &r, question[g].task->source);
        if (deps->record) TRY(deps->record(deps->record_ctx, &r, batch, g));
    }
    if (deps->seen) deps->seen(deps->seen_ctx, batch, judging);
    return ST_OK;
}

// Passes over the questions that were asked at an earlier time.
static Status take_done(const EvalDeps *deps, const EvalConfig *cfg, Watch *watch, Asked *asked,
                        Tally *tally, Arena *arena) {
    for (int i = 0; i < deps->n_done; i++) {
        ArenaMark mark = arena_mark(arena);
        Question question;
        int n;
        TRY(next_questions(deps, asked, watch->judging, 1, &question, &n, arena));
        if (n == 0 || question.task->id != deps->done[i].id || deps->done[i].samples != cfg->k)
            return FAIL(ST_FORMAT, "question %d of the earlier evaluation is another one", i + 1);
        add_record(tally, &deps->done[i], question.task->source);
        watch->done += cfg->k;
        arena_rewind(arena, mark);
    }
    return ST_OK;
}

Status evaluate(const EvalDeps *deps, const EvalConfig *cfg, EvalResult *out, Arena *arena) {
    CHECK(cfg->n_tasks >= 0 && cfg->k >= 1 && cfg->n_pass <= EVAL_PASS_MAX);
    for (int i = 0; i < cfg->n_pass; i++)
        if (cfg->pass_k[i] < 1 || cfg->pass_k[i] > cfg->k)
            return FAIL(ST_CONFIG, "pass@%d needs at least %d samples of a question, not %d",
                        cfg->pass_k[i], cfg->pass_k[i], cfg->k);
    *out = (EvalResult){0};
    int n_tasks = cfg->n_tasks;
    if (deps->source->n_tasks > 0 && deps->source->n_tasks < n_tasks)
        n_tasks = (int)deps->source->n_tasks;
    double begin = clock_now();
    BatchJudge *judging = NULL;
    TRY(judge_new(&deps->run, deps->cfg, &judging));
    Tally tally = {
        .k = cfg->k,
        .group_size = cfg->group_size > 0 ? cfg->group_size : (int)deps->cfg->group_size,
        .record = ARENA_ARRAY(arena, EvalRecord, n_tasks + 1),
        .part = ARENA_ARRAY(arena, uint8_t, n_tasks + 1),
    };
    int together = cfg->slice_samples > 0 ? cfg->slice_samples : SLICE_SAMPLES;
    int slice = cfg->k < together ? together / cfg->k : 1;
    Watch watch = {.deps = deps, .judging = judging, .all = (int64_t)n_tasks * cfg->k};
    Asked asked = asked_new(deps->source, cfg->first_index, n_tasks, arena);
    Status st = take_done(deps, cfg, &watch, &asked, &tally, arena);
    for (int at = tally.n_asked; at < n_tasks && st == ST_OK && !out->stopped && asked.left > 0;
         at += slice) {
        int n = n_tasks - at < slice ? n_tasks - at : slice;
        ArenaMark mark = arena_mark(arena);
        st = one_slice(deps, cfg, &watch, &asked, n, &tally, out, arena);
        arena_rewind(arena, mark);
    }
    judge_free(judging);
    if (st == ST_OK && !out->stopped) conclude_all(&tally, cfg, out, arena);
    out->seconds = clock_now() - begin;
    return st;
}
