// rollout/engine.c -- the loop: plan, decode, draw, ask whether it is over.
#include "rollout/engine.h"

#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rng.h"
#include "rollout/kv.h"
#include "rollout/sampler.h"
#include "rollout/sched.h"
#include "rollout/stop.h"

typedef struct Scratch {
    struct Scratch *next;
    uint64_t bytes[]; // sampler_scratch_bytes
} Scratch;

struct Engine {
    EngineOpts opts;
    int vocab, max_context;
    Kv *kv;
    Arena *arena; // of one engine_sample
    pthread_mutex_t lock;
    Scratch *spare; // under lock; as many as threads ever drew at once
};

typedef struct Call { // one engine_sample
    Engine *engine;
    Batch *batch;
    Sampler sampler;
    StopRules stop;
    Sched sched;
    uint32_t stream;
    int max_new_tokens;
    uint8_t *broken; // [runs] the row of logits was no distribution
    FinishedFn *fn;
    void *ctx;
    TokenFn *on_token;
    void *token_ctx;
} Call;

Status engine_new(const EngineOpts *opts, Engine **out) {
    CHECK(opts->policy);
    *out = NULL;
    if (opts->max_seqs < 1 || opts->kv_pages < 1 || opts->max_decode_rows < 0)
        return FAIL(ST_CONFIG,
                    "the engine needs sequences, KV pages and rows to decode; it was given %d, %d "
                    "and %d",
                    opts->max_seqs, opts->kv_pages, opts->max_decode_rows);
    const ModelConfig *model = policy_model(opts->policy);
    Engine *e = calloc(1, sizeof *e);
    CHECK(e);
    e->opts = *opts;
    if (opts->max_decode_rows == 0) e->opts.max_decode_rows = opts->max_seqs;
    if (e->opts.max_seqs > e->opts.max_decode_rows) e->opts.max_seqs = e->opts.max_decode_rows;
    e->vocab = model->vocab_size;
    e->max_context = model->max_position > 0 ? model->max_position : INT_MAX;
    if (opts->max_seq_tokens > 0 && opts->max_seq_tokens < e->max_context)
        e->max_context = opts->max_seq_tokens;
    e->kv = kv_new(opts->kv_pages);
    e->arena = arena_new(1 << 20);
    CHECK(pthread_mutex_init(&e->lock, NULL) == 0);
    *out = e;
    return ST_OK;
}

void engine_free(Engine *engine) {
    if (!engine) return;
    while (engine->spare) {
        Scratch *next = engine->spare->next;
        free(engine->spare);
        engine->spare = next;
    }
    pthread_mutex_destroy(&engine->lock);
    kv_free(engine->kv);
    arena_free(engine->arena);
    free(engine);
}

static Scratch *scratch_take(Engine *e) {
    pthread_mutex_lock(&e->lock);
    Scratch *s = e->spare;
    if (s) e->spare = s->next;
    pthread_mutex_unlock(&e->lock);
    if (!s) s = malloc(sizeof *s + sampler_scratch_bytes(e->vocab));
    CHECK(s);
    return s;
}

static void scratch_give(Engine *e, Scratch *s) {
    pthread_mutex_lock(&e->lock);
    s->next = e->spare;
    e->spare = s;
    pthread_mutex_unlock(&e->lock);
}

// Writes the next token of a sample and its log-prob behind its end; false: broken logits.
static bool draw(Call *call, int group, int sample, const float *logits, void *scratch) {
    Batch *b = call->batch;
    int at = b->token_end[sample];
    RngKey key = {.seed = call->engine->opts.seed,
                  .stream = call->stream,
                  .step = (uint32_t)b->step,
                  .task = b->task_id[group] ^ rng_mix(b->task_index[group]),
                  .sample = (uint32_t)(sample - b->group_begin[group])};
    double uniform = rng_uniform(&key, (uint32_t)(at - b->response_begin[sample]));
    int32_t token = sampler_draw(&call->sampler, logits, call->engine->vocab, uniform, scratch);
    if (token < 0) return false;
    b->token[at] = token;
    b->logp_roll[at] = policy_logprob_row(logits, call->engine->vocab,
                                          sampler_logprob_scale(&call->sampler), token, NULL, NULL);
    return isfinite(b->logp_roll[at]);
}

// A LogitsFn: on any thread, but one run by one thread.
static void on_logits(void *ctx, const DecodeSeq *seq, int row, const float *logits) {
    (void)row; // only the last row of a sequence is asked for
    Call *call = ctx;
    const Run *run = &call->sched.run[seq->id];
    Scratch *scratch = scratch_take(call->engine);
    bool fine = true;
    if (run->sample >= 0) {
        fine = draw(call, run->group, run->sample, logits, scratch->bytes);
    } else { // the prompt's last row serves all samples of the group
        const int *begin = call->batch->group_begin + run->group;
        for (int i = begin[0]; i < begin[1] && fine; i++)
            fine = draw(call, run->group, i, logits, scratch->bytes);
    }
    call->broken[seq->id] = !fine;
    scratch_give(call->engine, scratch);
}

static int room_of(const Call *call, int sample) {
    const Batch *b = call->batch;
    int room = call->engine->max_context - (b->response_begin[sample] - b->token_begin[sample]);
    return room < call->max_new_tokens ? room : call->max_new_tokens;
}

// The token behind the sample's end becomes part of it.
static void accept_token(Call *call, Run *run, int sample) {
    Batch *b = call->batch;
    uint32_t version = policy_version(call->engine->opts.policy);
    batch_extend(b, sample, TOKEN_SAMPLED, version, false);
    int n = batch_response_length(b, sample);
    if (call->on_token) call->on_token(call->token_ctx, sample, b->token[b->token_end[sample] - 1]);

    call->stop.max_new_tokens = room_of(call, sample);
    Finish finish = stop_check(&call->stop, b->token + b->response_begin[sample], n);
    if (finish == FINISH_NONE) {
        sched_goes_on(&call->sched, run, sample);
        return;
    }
    b->finish[sample] = (uint8_t)finish;
    b->sample_stage[sample] = STAGE_SAMPLED;
    sched_is_done(&call->sched, sample);
    if (call->fn) call->fn(call->ctx, b, sample);
}

static Status accept_tokens(Call *call) {
    Sched *s = &call->sched;
    for (int r = 0; r < s->n_runs; r++) {
        Run *run = &s->run[r];
        if (!sched_wants_logits(run)) continue;
        if (call->broken[r])
            return FAIL(ST_FORMAT,
                        "the logits after token %d of group %d, sample %d are not finite numbers "
                        "(policy version %u)",
                        run->length, run->group,
                        run->sample < 0 ? 0 : run->sample - call->batch->group_begin[run->group],
                        policy_version(call->engine->opts.policy));
        if (run->sample >= 0) {
            accept_token(call, run, run->sample);
        } else {
            const int *begin = call->batch->group_begin + run->group;
            for (int i = begin[0]; i < begin[1]; i++) accept_token(call, run, i);
        }
    }
    sched_sweep(s);
    return ST_OK;
}

static Status check_config(const Engine *e, const SampleConfig *c) {
    if (!(c->temperature == 0 || (c->temperature >= 1e-3 && c->temperature <= 1e3)))
        return FAIL(ST_CONFIG, "temperature %g: 0 (greedy) or 0.001 to 1000", c->temperature);
    if (c->top_k < 0) return FAIL(ST_CONFIG, "top_k %d: 0 (off) or more", c->top_k);
    if (!(c->top_p > 0 && c->top_p <= 1))
        return FAIL(ST_CONFIG, "top_p %g: above 0, at most 1 (off)", c->top_p);
    if (!(c->min_p >= 0 && c->min_p <= 1))
        return FAIL(ST_CONFIG, "min_p %g: from 0 (off) to 1", c->min_p);
    if (c->max_new_tokens < 1)
        return FAIL(ST_CONFIG, "max_new_tokens %d: 1 or more", c->max_new_tokens);
    if (c->repeat_window < 0)
        return FAIL(ST_CONFIG, "repeat_window %d: 0 (off) or more", c->repeat_window);
    if (c->n_stop_texts > 0 && !e->opts.tokenizer)
        return FAIL(ST_CONFIG, "a stop text (\"%s\") needs a tokenizer", c->stop_text[0]);
    for (int i = 0; i < c->n_stop_texts; i++)
        if (c->stop_text[i][0] == 0) return FAIL(ST_CONFIG, "stop text %d is empty", i);
    return ST_OK;
}

// The longest that a sequence of the batch can become.
static int longest_of(const Engine *e, const Batch *b, int max_new_tokens) {
    int longest = 1;
    for (int g = 0; g < b->n_groups; g++) {
        int n = b->prompt_begin[g + 1] - b->prompt_begin[g];
        if (n >= e->max_context) continue;
        int room = e->max_context - n;
        n += room < max_new_tokens ? room : max_new_tokens;
        if (n > longest) longest = n;
    }
    return longest;
}

static Status sample_all(Call *call, const volatile int *stop, EngineStats *stats) {
    Engine *e = call->engine;
    Sched *s = &call->sched;
    DecodeSeq *seq = ARENA_ARRAY(e->arena, DecodeSeq, e->opts.max_seqs);
    call->broken = ARENA_ARRAY(e->arena, uint8_t, e->opts.max_seqs);
    while (!(stop && *stop)) {
        int n = sched_plan(s, seq);
        if (n == 0) break;
        uint32_t version = policy_version(e->opts.policy);
        for (int r = 0; r < n; r++) kv_check(e->kv, &s->run[r].kv, version);
        TRY(policy_decode(e->opts.policy, seq, n, on_logits, call));
        stats->n_decode_calls++;
        sched_advance(s);
        TRY(accept_tokens(call));
    }
    return ST_OK;
}

Status engine_sample(Engine *engine, Batch *batch, const SampleConfig *cfg, uint32_t stream,
                     FinishedFn *fn, void *ctx, const volatile int *stop, EngineStats *stats,
                     Arena *arena) {
    CHECK(batch->stage == STAGE_ASKED);
    EngineStats count = {0};
    double begin = clock_now();
    TRY(check_config(engine, cfg));
    int longest = longest_of(engine, batch, cfg->max_new_tokens);
    if (kv_pages_of(longest) > engine->opts.kv_pages)
        return FAIL(ST_CONFIG,
                    "a sequence of %d tokens needs %d KV pages of %d and there are %d: plan more "
                    "pages or allow fewer new tokens",
                    longest, kv_pages_of(longest), KV_PAGE_TOKENS, engine->opts.kv_pages);
    int64_t places = batch_sampled_places(batch, cfg->max_new_tokens);
    if (places > INT_MAX)
        return FAIL(ST_CONFIG,
                    "%d samples of up to %d new tokens take %lld places and a batch has at most "
                    "%d: ask for fewer samples at a time or fewer new tokens",
                    batch->n_samples, cfg->max_new_tokens, (long long)places, INT_MAX);

    ArenaMark mark = arena_mark(engine->arena);
    kv_flush(engine->kv, policy_version(engine->opts.policy));
    batch_open_sampled(batch, cfg->max_new_tokens, arena);
    Call call = {.engine = engine, .batch = batch, .stream = stream, .fn = fn, .ctx = ctx};
    call.sampler = sampler_make(cfg->temperature, cfg->top_k, cfg->top_p, cfg->min_p);
    call.max_new_tokens = cfg->max_new_tokens;
    call.on_token = cfg->on_token;
    call.token_ctx = cfg->token_ctx;
    call.stop = (StopRules){.token = cfg->stop_token,
                            .n_tokens = cfg->n_stop_tokens,
                            .text = cfg->stop_text,
                            .n_texts = cfg->n_stop_texts,
                            .tokenizer = engine->opts.tokenizer,
                            .repeat_window = cfg->repeat_window};
    call.sched = sched_open(batch, engine->opts.policy, engine->kv, engine->opts.max_seqs,
                            engine->opts.max_decode_rows, longest, engine->arena);
    for (int g = 0; g < batch->n_groups; g++) {
        if (batch->prompt_begin[g + 1] - batch->prompt_begin[g] < engine->max_context) continue;
        sched_skip_group(&call.sched, g);
        for (int i = batch->group_begin[g]; i < batch->group_begin[g + 1]; i++) {
            batch->finish[i] = FINISH_ABORT;
            batch->sample_stage[i] = STAGE_SAMPLED;
            if (fn) fn(ctx, batch, i);
        }
    }

    Status st = sample_all(&call, stop, &count);
    bool whole = st == ST_OK && call.sched.n_done == batch->n_samples;
    sched_close(&call.sched);
    if (engine->opts.pool) pool_drain(engine->opts.pool); // the judge may still read tokens
    if (whole) {
        batch_compact(batch);
    } else {
        batch->stage = STAGE_ASKED;
        batch->n_tokens = 0;
    }
    for (int i = 0; i < batch->n_samples; i++) {
        count.n_prompt_tokens += batch->response_begin[i] - batch->token_begin[i];
        count.n_new_tokens += batch_response_length(batch, i);
    }
    count.n_shared_tokens = call.sched.n_shared_tokens;
    count.n_computed_tokens = call.sched.n_computed_tokens;
    count.n_preempted = call.sched.n_preempted;
    count.pages_peak = kv_pages_peak(engine->kv);
    count.seconds = clock_now() - begin;
    if (stats) *stats = count;
    arena_rewind(engine->arena, mark);
    return st;
}
