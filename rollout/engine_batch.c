// rollout/engine_batch.c -- engine_sample: a batch as requests, one a group, stepped to their end.
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "rollout/engine.h"

typedef struct BatchCall { // one engine_sample
    Engine *engine;
    Batch *batch;
    FinishedFn *fn;
    void *ctx;
    int n_done;
} BatchCall;

static int prompt_length(const Batch *b, int group) {
    return b->prompt_begin[group + 1] - b->prompt_begin[group];
}

static Status check_batch(const RequestLimits *limits, const Batch *batch,
                          const SampleConfig *cfg) {
    TRY(request_check_sampling(limits, cfg));
    if (cfg->n_pause_tokens > 0 || cfg->n_pause_texts > 0 || cfg->pause_after > 0)
        return FAIL(ST_CONFIG, "samples of a batch cannot pause: nobody would let them go on");
    int longest = 1;
    for (int g = 0; g < batch->n_groups; g++) {
        const int n = prompt_length(batch, g);
        if (n >= limits->max_context) continue;
        const int limit = request_limit(limits, cfg, n, false);
        if (limit > longest) longest = limit;
    }
    TRY(request_check_pages(limits, longest));
    int64_t places = batch_sampled_places(batch, cfg->max_new_tokens);
    if (places > INT_MAX)
        return FAIL(ST_CONFIG,
                    "%d samples of up to %d new tokens take %lld places and a batch has at most "
                    "%d: ask for fewer samples at a time or fewer new tokens",
                    batch->n_samples, cfg->max_new_tokens, (long long)places, INT_MAX);
    return ST_OK;
}

static void done(BatchCall *call, int sample, Finish finish) {
    call->batch->finish[sample] = (uint8_t)finish;
    call->batch->sample_stage[sample] = STAGE_SAMPLED;
    call->n_done++;
    if (call->fn) call->fn(call->ctx, call->batch, sample);
}

// A group as a request; a prompt that fills the context leaves its samples empty.
static Status submit_group(BatchCall *call, int group, const SampleConfig *cfg, uint32_t stream) {
    Batch *b = call->batch;
    const int begin = b->group_begin[group], end = b->group_begin[group + 1];
    if (prompt_length(b, group) >= engine_limits(call->engine)->max_context) {
        for (int i = begin; i < end; i++) done(call, i, FINISH_ABORT);
        return ST_OK;
    }
    if (begin == end) return ST_OK;
    const EngineRequest request = {
        .prompt = b->prompt_token + b->prompt_begin[group],
        .n_prompt = prompt_length(b, group),
        .n_samples = end - begin,
        .sampling = cfg,
        .key = {.seed = engine_opts(call->engine)->seed,
                .stream = stream,
                .step = (uint32_t)b->step,
                .task = b->task_id[group] ^ rng_mix(b->task_index[group])},
        .number = begin};
    SampleId first;
    return engine_submit(call->engine, &request, &first);
}

static void copy_sample(Batch *b, const SampleView *v) {
    const int i = v->number, at = b->response_begin[i], n = v->n_tokens - v->n_prompt;
    memcpy(b->token + at, v->token + v->n_prompt, (size_t)n * sizeof *b->token);
    memcpy(b->logp_roll + at, v->logp + v->n_prompt, (size_t)n * sizeof *b->logp_roll);
    for (int t = v->n_prompt; t < v->n_tokens; t++)
        batch_extend(b, i, v->kind[t], v->version[t], false);
}

static Status sample_all(BatchCall *call, const volatile int *stop) {
    while (!(stop && *stop)) {
        int n;
        SampleView view;
        TRY(engine_step(call->engine, &n));
        if (n == 0) break;
        while (engine_poll(call->engine, &view)) {
            const SampleId id = view.id;
            copy_sample(call->batch, &view);
            done(call, view.number, view.finish);
            engine_release(call->engine, id);
        }
    }
    return ST_OK;
}

static EngineStats stats_since(const Engine *engine, const EngineStats *before, const Batch *b) {
    EngineCounts now;
    engine_counts(engine, &now);
    EngineStats s = now.stats;
    s.n_shared_tokens -= before->n_shared_tokens;
    s.n_computed_tokens -= before->n_computed_tokens;
    s.n_decode_calls -= before->n_decode_calls;
    s.n_preempted -= before->n_preempted;
    s.n_draws -= before->n_draws;
    s.n_drafts -= before->n_drafts;
    s.n_accepted -= before->n_accepted;
    s.draft_seconds -= before->draft_seconds;
    s.n_prompt_tokens = s.n_new_tokens = 0;
    for (int i = 0; i < b->n_samples; i++) {
        s.n_prompt_tokens += b->response_begin[i] - b->token_begin[i];
        s.n_new_tokens += batch_response_length(b, i);
    }
    return s;
}

Status engine_sample(Engine *engine, Batch *batch, const SampleConfig *cfg, uint32_t stream,
                     FinishedFn *fn, void *ctx, const volatile int *stop, EngineStats *stats,
                     Arena *arena) {
    CHECK(batch->stage == STAGE_ASKED);
    const double begin = clock_now();
    EngineCounts before;
    engine_counts(engine, &before);
    CHECK(before.n_samples == 0);
    TRY(check_batch(engine_limits(engine), batch, cfg));
    engine_restart(engine);
    batch_open_sampled(batch, cfg->max_new_tokens, arena);
    BatchCall call = {.engine = engine, .batch = batch, .fn = fn, .ctx = ctx};
    Status st = ST_OK;
    for (int g = 0; g < batch->n_groups && st == ST_OK; g++)
        st = submit_group(&call, g, cfg, stream);
    if (st == ST_OK) st = sample_all(&call, stop);
    for (SampleId id; (id = engine_next(engine, 0)) != 0;) engine_release(engine, id);
    if (engine_opts(engine)->pool)
        pool_drain(engine_opts(engine)->pool); // the judge may still read tokens
    if (st == ST_OK && call.n_done == batch->n_samples) {
        batch_compact(batch);
    } else {
        batch->stage = STAGE_ASKED;
        batch->n_tokens = 0;
    }
    if (stats) {
        *stats = stats_since(engine, &before.stats, batch);
        stats->seconds = clock_now() - begin;
    }
    return st;
}
