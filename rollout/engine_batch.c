// rollout/engine_batch.c -- engine_sample: a batch as requests, one a group, stepped to their end.
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "rollout/engine.h"

// What the tokens of a sample's response were drawn from, until the batch is compact.
typedef struct SampleKept {
    const int64_t *end; // of each token of the response
    const int32_t *id;
} SampleKept;

typedef struct BatchCall { // one engine_sample
    Engine *engine;
    Batch *batch;
    const SampleConfig *cfg;
    FinishedFn *fn;
    void *ctx;
    Arena *arena;
    SampleKept *kept; // [n_samples] with RECORD_KEPT, else NULL
    uint32_t stream;
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

static void *copy(const void *from, size_t bytes, Arena *arena) {
    void *to = arena_alloc(arena, bytes, 1);
    if (bytes > 0) memcpy(to, from, bytes);
    return to;
}

// All columns of a sample, as they are so far.
static void copy_sample(BatchCall *call, const SampleView *v) {
    Batch *b = call->batch;
    const int i = v->number, at = b->response_begin[i], n = v->n_tokens - v->n_prompt;
    if (v->n_tokens == 0) return;
    memcpy(b->token + at, v->token + v->n_prompt, (size_t)n * sizeof *b->token);
    memcpy(b->logp_roll + at, v->logp + v->n_prompt, (size_t)n * sizeof *b->logp_roll);
    for (int t = v->n_prompt; t < v->n_tokens; t++)
        batch_extend(b, i, v->kind[t], v->version[t], false);
    const size_t all = (size_t)v->n_tokens, first = (size_t)b->token_begin[i];
    if (b->kv_version && v->kv_version)
        memcpy(b->kv_version + first, v->kv_version, all * sizeof *b->kv_version);
    if (b->route && v->route)
        memcpy(b->route + first * (size_t)v->route_step, v->route,
               all * (size_t)v->route_step * sizeof *b->route);
    for (int t = 0; b->route && v->route && v->kv_version && t < v->n_tokens; t++)
        if (v->kv_version[t] == 0) // not computed: what a draft left there
            memset(b->route + (first + (size_t)t) * (size_t)v->route_step, 0xFF,
                   (size_t)v->route_step * sizeof *b->route);
    if (!call->kept || !v->kept_end) return;
    const size_t n_ids = (size_t)v->kept_end[v->n_tokens - 1];
    call->kept[i].end = copy(v->kept_end + v->n_prompt, (size_t)n * sizeof(int64_t), call->arena);
    call->kept[i].id = copy(v->kept_token, n_ids * sizeof(int32_t), call->arena);
}

// The kept sets of all samples, once their tokens lie where they stay.
static void write_kept(const BatchCall *call) {
    Batch *b = call->batch;
    int *n = ARENA_ARRAY(call->arena, int, b->n_tokens + 1);
    for (int i = 0; i < b->n_samples; i++)
        for (int t = 0; t < batch_response_length(b, i); t++) {
            const int64_t *end = call->kept[i].end;
            n[b->response_begin[i] + t] = (int)(end[t] - (t > 0 ? end[t - 1] : 0));
        }
    batch_open_kept(b, n, call->arena);
    for (int i = 0; i < b->n_samples; i++) {
        const int length = batch_response_length(b, i);
        if (length > 0)
            memcpy(b->kept_token + b->kept_begin[b->response_begin[i]], call->kept[i].id,
                   (size_t)call->kept[i].end[length - 1] * sizeof *b->kept_token);
    }
}

// A sample of the batch that this one goes on from, as a view.
static SampleView view_given(const BatchCall *call, int i) {
    const Batch *g = call->batch->given;
    const int at = g->token_begin[i], n = g->token_end[i] - at;
    SampleView v = {.number = i,
                    .finish = (Finish)g->finish[i],
                    .n_prompt = g->response_begin[i] - at,
                    .n_tokens = n,
                    .token = g->token + at,
                    .kind = g->kind + at,
                    .logp = g->logp_roll + at,
                    .version = g->version + at,
                    .kv_version = g->kv_version ? g->kv_version + at : NULL,
                    .route_step = g->route_layers * g->route_k};
    if (g->route) v.route = g->route + (size_t)at * (size_t)v.route_step;
    if (g->kept_begin) {
        int64_t *end = ARENA_ARRAY(call->arena, int64_t, n + 1);
        for (int t = 0; t < n; t++) end[t] = g->kept_begin[at + t + 1] - g->kept_begin[at];
        v.kept_end = end;
        v.kept_token = g->kept_token + g->kept_begin[at];
    }
    return v;
}

// Samples [i, i + n) of a group as one request.
static Status submit_samples(BatchCall *call, int group, int i, int n) {
    const Batch *b = call->batch;
    GivenTokens *given = b->given ? ARENA_ARRAY(call->arena, GivenTokens, n) : NULL;
    for (int k = 0; given && k < n; k++) {
        const SampleView v = view_given(call, i + k);
        const int from = v.n_prompt;
        given[k] = (GivenTokens){.n = v.n_tokens - from,
                                 .token = v.token + from,
                                 .kind = v.kind + from,
                                 .logp = v.logp + from,
                                 .version = v.version + from,
                                 .kept_end = v.kept_end ? v.kept_end + from : NULL,
                                 .kept_token = v.kept_token};
    }
    const EngineRequest request = {
        .prompt = b->prompt_token + b->prompt_begin[group],
        .n_prompt = prompt_length(b, group),
        .n_samples = n,
        .sampling = call->cfg,
        .key = {.seed = engine_opts(call->engine)->seed,
                .stream = call->stream,
                .step = (uint32_t)b->step,
                .task = b->task_id[group] ^ rng_mix(b->task_index[group]),
                .sample = (uint32_t)(i - b->group_begin[group])},
        .given = given,
        .number = i};
    SampleId first;
    return engine_submit(call->engine, &request, &first);
}

// A group as a request, or as several around samples that have finished already; a prompt that
// fills the context leaves its samples empty.
static Status submit_group(BatchCall *call, int group) {
    const Batch *b = call->batch;
    const int end = b->group_begin[group + 1];
    if (prompt_length(b, group) >= engine_limits(call->engine)->max_context) {
        for (int i = b->group_begin[group]; i < end; i++) done(call, i, FINISH_ABORT);
        return ST_OK;
    }
    for (int i = b->group_begin[group], n; i < end; i += n) {
        n = 0;
        if (b->given && b->given->sample_stage[i] >= STAGE_SAMPLED) {
            const SampleView v = view_given(call, i);
            copy_sample(call, &v);
            done(call, i, v.finish);
            n = 1;
            continue;
        }
        while (i + n < end && !(b->given && b->given->sample_stage[i + n] >= STAGE_SAMPLED)) n++;
        TRY(submit_samples(call, group, i, n));
    }
    return ST_OK;
}

static Status sample_all(BatchCall *call, const volatile int *stop) {
    while (!(stop && *stop)) {
        int n;
        SampleView view;
        TRY(engine_step(call->engine, &n));
        if (n == 0) break;
        while (engine_poll(call->engine, &view)) {
            const SampleId id = view.id;
            copy_sample(call, &view);
            done(call, view.number, view.finish);
            engine_release(call->engine, id);
        }
    }
    return ST_OK;
}

// A stopped call: what is live is copied too.
static void copy_live(BatchCall *call) {
    SampleView view;
    for (SampleId id = 0; (id = engine_next(call->engine, id)) != 0;)
        if (engine_view(call->engine, id, &view)) copy_sample(call, &view);
}

// The batch that is gone on from has the same questions, and what is recorded now.
static Status check_given(const Batch *b, const SampleConfig *cfg) {
    const Batch *g = b->given;
    if (!g) return ST_OK;
    const bool same =
        g->stage >= STAGE_SAMPLED && g->n_groups == b->n_groups && g->n_samples == b->n_samples &&
        memcmp(g->prompt_begin, b->prompt_begin, (size_t)(b->n_groups + 1) * sizeof(int)) == 0 &&
        memcmp(g->prompt_token, b->prompt_token,
               (size_t)b->prompt_begin[b->n_groups] * sizeof(int32_t)) == 0;
    if (!same) return FAIL(ST_CONFIG, "the samples to go on from have other questions");
    if ((cfg->record & RECORD_KEPT) && !g->kept_begin)
        return FAIL(ST_CONFIG, "the samples to go on from were drawn without their kept sets");
    for (int i = 0; i < g->n_samples; i++)
        if (g->token_end[i] - g->response_begin[i] > cfg->max_new_tokens)
            return FAIL(ST_CONFIG, "sample %d to go on from has more than %d tokens", i,
                        cfg->max_new_tokens);
    return ST_OK;
}

static void open_columns(BatchCall *call) {
    Batch *b = call->batch;
    const ModelConfig *model = policy_model(engine_opts(call->engine)->policy);
    int layers = 0;
    for (int l = 0; l < model->n_layers; l++) layers += model_is_moe(model, l);
    batch_open_sampled(b, call->cfg->max_new_tokens, call->arena);
    if ((call->cfg->record & RECORD_ROUTES) && layers > 0)
        batch_open_routes(b, layers, model->n_experts_per_tok, call->arena);
    if (call->cfg->record & RECORD_KV_VERSION) batch_open_kv_version(b, call->arena);
    if (call->cfg->record & RECORD_KEPT)
        call->kept = ARENA_ARRAY(call->arena, SampleKept, b->n_samples + 1);
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
    TRY(check_given(batch, cfg));
    engine_restart(engine);
    BatchCall call = {.engine = engine,
                      .batch = batch,
                      .cfg = cfg,
                      .fn = fn,
                      .ctx = ctx,
                      .arena = arena,
                      .stream = stream};
    open_columns(&call);
    Status st = ST_OK;
    for (int g = 0; g < batch->n_groups && st == ST_OK; g++) st = submit_group(&call, g);
    if (st == ST_OK) st = sample_all(&call, stop);
    const bool stopped = st == ST_OK && call.n_done < batch->n_samples;
    if (stopped && cfg->keep_stopped) copy_live(&call);
    for (SampleId id; (id = engine_next(engine, 0)) != 0;) engine_release(engine, id);
    if (engine_opts(engine)->pool)
        pool_drain(engine_opts(engine)->pool); // the judge may still read tokens
    if (st == ST_OK && (!stopped || cfg->keep_stopped)) {
        batch_compact(batch);
        if (call.kept) write_kept(&call);
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
