// rollout/engine.c -- the session: submit, step (plan, decode, draw, stop rules), poll, inject,
// end.
#include "rollout/engine.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "rollout/drafter.h"
#include "rollout/live.h"
#include "rollout/scheduler.h"

// The draws of a step: what is asked of the policy, and its answers (LiveSample.first_draw).
typedef struct StepDraws {
    Draw *draw;
    Drawn *drawn;
    uint32_t *kept; // bits of the draws that are asked for them
    size_t kept_cap;
    int n, cap;
} StepDraws;

struct Engine {
    EngineOpts opts;
    RequestLimits limits;
    KvPool *kv;
    LiveStore store;
    Scheduler sched;
    DecodeSeq *decode; // [max_seqs]
    LiveSample *first_event, *last_event;
    EngineStats stats;
    uint32_t version; // of the policy at the last step
    int route_step;   // MoE layers * k of the model
    StepDraws draws;
    Drafter drafter;
};

Status engine_new(const EngineOpts *opts, Engine **out) {
    CHECK(opts->policy);
    *out = NULL;
    if (opts->max_seqs < 1 || opts->kv_pages < 1 || opts->max_decode_rows < 0)
        return FAIL(ST_CONFIG,
                    "the engine needs sequences, KV pages and rows to decode; it was given %d, %d "
                    "and %d",
                    opts->max_seqs, opts->kv_pages, opts->max_decode_rows);
    const ModelConfig *model = policy_model(opts->policy);
    const DrafterOpts drafts = {.kind = opts->draft,
                                .n_drafts = opts->draft_tokens,
                                .max_seqs = opts->max_seqs,
                                .max_rows = opts->max_decode_rows > 0 ? opts->max_decode_rows
                                                                      : opts->max_seqs,
                                .policy = opts->policy};
    TRY(request_check_draft(opts->draft, opts->draft_tokens, model->n_mtp));
    Engine *e = calloc(1, sizeof *e);
    CHECK(e);
    e->opts = *opts;
    for (int l = 0; l < model->n_layers; l++)
        if (model_is_moe(model, l)) e->route_step += model->n_experts_per_tok;
    if (opts->max_decode_rows == 0) e->opts.max_decode_rows = opts->max_seqs;
    if (e->opts.max_seqs > e->opts.max_decode_rows) e->opts.max_seqs = e->opts.max_decode_rows;
    e->limits =
        (RequestLimits){.vocab = model->vocab_size,
                        .max_context = model->max_position > 0 ? model->max_position : INT_MAX,
                        .kv_pages = opts->kv_pages,
                        .reserve = opts->new_weights == WEIGHTS_KEEP,
                        .tokenizer = opts->tokenizer};
    if (opts->max_seq_tokens > 0 && opts->max_seq_tokens < e->limits.max_context)
        e->limits.max_context = opts->max_seq_tokens;
    e->kv = kv_new(opts->kv_pages, opts->prefix_cache);
    scheduler_open(&e->sched, opts->policy, e->kv, &e->store, e->opts.max_seqs,
                   e->opts.max_decode_rows, opts->kv_pages, e->limits.reserve);
    e->decode = calloc((size_t)e->opts.max_seqs, sizeof *e->decode);
    CHECK(e->decode);
    drafter_open(&e->drafter, &drafts);
    e->version = policy_version(opts->policy);
    kv_flush(e->kv, e->version);
    *out = e;
    return ST_OK;
}

void engine_free(Engine *e) {
    if (!e) return;
    while (e->store.n_samples > 0) engine_release(e, engine_next(e, 0));
    free(e->draws.draw);
    free(e->draws.drawn);
    drafter_close(&e->drafter);
    free(e->draws.kept);
    scheduler_close(&e->sched);
    live_free(&e->store);
    kv_free(e->kv);
    free(e->decode);
    free(e);
}

const EngineOpts *engine_opts(const Engine *e) {
    return &e->opts;
}
const RequestLimits *engine_limits(const Engine *e) {
    return &e->limits;
}

// ---- submission

static void give_tokens(const Engine *e, LiveSample *s, const GivenTokens *g) {
    if (g->n == 0 && !g->paused) return;
    s->pause_after = g->pause_after;
    if (g->paused) s->state = SAMPLE_PAUSED;
    if (g->n == 0) return;
    live_reserve(s, s->group->n_prompt + g->n);
    for (int i = 0; i < g->n; i++) {
        if (g->kept_end && s->kept_end) {
            const int64_t from = i > 0 ? g->kept_end[i - 1] : 0;
            live_keep(s, g->kept_token + from, g->kept_end[i] - from);
        }
        live_append(s, g->token[i], g->kind ? g->kind[i] : TOKEN_SAMPLED, g->logp ? g->logp[i] : 0,
                    g->version ? g->version[i] : policy_version(e->opts.policy));
    }
}

Status engine_submit(Engine *e, const EngineRequest *request, SampleId *first) {
    int limit = 0;
    TRY(request_check(&e->limits, request, &limit));
    LiveGroup *g = live_add(&e->store, request, limit, e->route_step);
    for (int i = 0; request->given && i < g->n_samples; i++)
        give_tokens(e, &g->sample[i], &request->given[i]);
    scheduler_add(&e->sched, g);
    *first = g->sample[0].id;
    return ST_OK;
}

// ---- events

static void queue_event(Engine *e, LiveSample *s) {
    if (s->queued) return;
    s->queued = true;
    s->next_event = NULL;
    *(e->last_event ? &e->last_event->next_event : &e->first_event) = s;
    e->last_event = s;
}

static void unqueue_event(Engine *e, LiveSample *s) {
    if (!s->queued) return;
    LiveSample *before = NULL;
    for (LiveSample *at = e->first_event; at != s; at = at->next_event) before = at;
    *(before ? &before->next_event : &e->first_event) = s->next_event;
    if (e->last_event == s) e->last_event = before;
    s->queued = false;
}

static void fill_view(const LiveSample *s, SampleView *out) {
    *out = (SampleView){.id = s->id,
                        .number = s->group->first_number + s->index,
                        .state = s->state,
                        .finish = s->finish,
                        .stop_text = s->stop_text,
                        .pause_text = s->pause_text,
                        .n_prompt = s->group->n_prompt,
                        .n_tokens = s->n_tokens,
                        .n_sampled = s->n_sampled,
                        .pause_after = s->pause_after,
                        .token = s->token,
                        .kind = s->kind,
                        .logp = s->logp,
                        .version = s->version,
                        .kv_version = s->kv_version,
                        .route = s->route,
                        .route_step = s->group->route_step,
                        .kept_end = s->kept_end,
                        .kept_token = s->kept_token};
}

bool engine_poll(Engine *e, SampleView *out) {
    LiveSample *s = e->first_event;
    if (!s) return false;
    unqueue_event(e, s);
    fill_view(s, out);
    return true;
}

bool engine_view(const Engine *e, SampleId id, SampleView *out) {
    const LiveSample *s = live_find(&e->store, id);
    if (s) fill_view(s, out);
    return s != NULL;
}

SampleId engine_next(const Engine *e, SampleId after) {
    const LiveSample *s = live_after(&e->store, after);
    return s ? s->id : 0;
}

// ---- drawing

static uint32_t kept_wanted; // marks a draw, until ask_kept has space for its bits

// Asks for the token behind row `row` of sequence `seq` of the step: the one `ahead` places behind
// the sample's end.
static void ask_token(Engine *e, LiveSample *s, int seq, int row, int ahead) {
    const LiveGroup *g = s->group;
    StepDraws *d = &e->draws;
    if (d->n == d->cap) {
        d->cap = d->cap ? 2 * d->cap : 64;
        d->draw = realloc(d->draw, (size_t)d->cap * sizeof *d->draw);
        d->drawn = realloc(d->drawn, (size_t)d->cap * sizeof *d->drawn);
        CHECK(d->draw && d->drawn);
    }
    if (ahead == 0) s->first_draw = d->n;
    d->draw[d->n++] = (Draw){.seq = seq,
                             .row = row,
                             .forced = -1,
                             .rule = live_draw_rule(g),
                             .uniform = live_uniform(s, ahead),
                             .kept = s->kept_end ? &kept_wanted : NULL};
}

// A sample whose first token comes from the last row of its group's prompt.
static bool wants_first_token(const LiveSample *s) {
    return s->state == SAMPLE_WAITING && live_response_length(s) == 0;
}

// Room for what is left to draw from, where it is recorded.
static void ask_kept(Engine *e) {
    StepDraws *d = &e->draws;
    const size_t words = draw_kept_words(e->limits.vocab);
    size_t n = 0;
    for (int i = 0; i < d->n; i++) n += d->draw[i].kept != NULL;
    if (n * words > d->kept_cap) {
        d->kept_cap = n * words;
        d->kept = realloc(d->kept, d->kept_cap * sizeof *d->kept);
        CHECK(d->kept);
    }
    n = 0;
    for (int i = 0; i < d->n; i++)
        if (d->draw[i].kept) d->draw[i].kept = d->kept + words * n++;
}

static void ask_tokens(Engine *e, int n_seqs) {
    e->draws.n = 0;
    for (int i = 0; i < n_seqs; i++) {
        const SchedSeq *run = &e->sched.seq[e->decode[i].id];
        if (e->decode[i].n_logits == 0) continue;
        if (run->sample) {
            for (int k = 0; k < e->decode[i].n_logits; k++) ask_token(e, run->sample, i, k, k);
            continue;
        }
        for (int k = 0; k < run->group->n_samples; k++)
            if (wants_first_token(&run->group->sample[k]))
                ask_token(e, &run->group->sample[k], i, 0, 0);
    }
    ask_kept(e);
}

// ---- what a drawn token means

static void finish(Engine *e, LiveSample *s, Finish how) {
    scheduler_finish(&e->sched, s);
    s->finish = how;
    queue_event(e, s);
}

static StopRules rules_of(const Engine *e, const LiveSample *s) {
    const SampleConfig *c = &s->group->sampling;
    const int context = s->group->limit - s->n_tokens, budget = c->max_new_tokens - s->n_sampled;
    return (StopRules){.token = c->stop_token,
                       .n_tokens = c->n_stop_tokens,
                       .text = c->stop_text,
                       .n_texts = c->n_stop_texts,
                       .tokenizer = e->opts.tokenizer,
                       .repeat_window = c->repeat_window,
                       .max_new_tokens =
                           s->n_tokens - s->run_begin + (context < budget ? context : budget)};
}

// Does the sample pause after its last token? Which text it was goes to pause_text.
static bool pauses(const Engine *e, LiveSample *s) {
    const SampleConfig *c = &s->group->sampling;
    const StopRules rules = {.token = c->pause_token,
                             .n_tokens = c->n_pause_tokens,
                             .text = c->pause_text,
                             .n_texts = c->n_pause_texts,
                             .tokenizer = e->opts.tokenizer};
    const int n = s->n_tokens - s->run_begin;
    s->pause_text = stop_text_at(&rules, s->token + s->run_begin, n);
    return s->pause_text >= 0 || stop_is_token(&rules, s->token[s->n_tokens - 1]) ||
           (s->pause_after > 0 && n >= s->pause_after);
}

// The token behind the sample's end becomes part of it.
static void accept_token(Engine *e, LiveSample *s) {
    const LiveGroup *g = s->group;
    live_append(s, s->token[s->n_tokens], TOKEN_SAMPLED, s->logp[s->n_tokens], e->version);
    e->stats.n_new_tokens++;
    if (g->sampling.on_token)
        g->sampling.on_token(g->sampling.token_ctx, g->first_number + s->index,
                             s->token[s->n_tokens - 1]);
    const StopRules rules = rules_of(e, s);
    const int32_t *run = s->token + s->run_begin;
    const int n = s->n_tokens - s->run_begin;
    const Finish how = stop_check(&rules, run, n);
    if (how != FINISH_NONE) {
        if (how == FINISH_STOP && !stop_is_token(&rules, run[n - 1]))
            s->stop_text = stop_text_at(&rules, run, n);
        finish(e, s, how);
    } else if (pauses(e, s)) {
        scheduler_pause(&e->sched, s);
        queue_event(e, s);
    } else if (s->state == SAMPLE_WAITING) {
        scheduler_ready(&e->sched, s);
    }
}

static Status broken_logits(Engine *e, LiveSample *s) {
    Status st = FAIL(ST_FORMAT,
                     "the logits after token %d of sample %d are not finite numbers (policy "
                     "version %u)",
                     s->n_tokens, s->group->first_number + s->index, e->version);
    finish(e, s, FINISH_ABORT);
    return st;
}

// The tokens drawn for a sample become part of it as far as its guesses hold. seq: its own
// sequence; NULL: its group's prompt.
static Status accept_drawn(Engine *e, LiveSample *s, const SchedSeq *seq) {
    const int n = seq ? seq->n_drafts : 0;
    e->stats.n_draws++;
    e->stats.n_drafts += n;
    for (int k = 0;; k++) {
        const Drawn *d = &e->draws.drawn[s->first_draw + k];
        if (!d->finite) return broken_logits(e, s);
        s->token[s->n_tokens] = d->token;
        s->logp[s->n_tokens] = d->logp;
        if (s->kept_end) live_keep_bits(s, e->draws.draw[s->first_draw + k].kept, e->limits.vocab);
        accept_token(e, s);
        if (k == n || s->draft[k] != d->token || s->state != SAMPLE_RUNNING) return ST_OK;
        scheduler_keep_draft(seq, e->version);
        e->stats.n_accepted++;
    }
}

static Status accept_tokens(Engine *e) {
    Status st = ST_OK;
    for (int i = 0; i < e->sched.n_seqs; i++) {
        const SchedSeq *seq = &e->sched.seq[i];
        if (!scheduler_drawn(seq)) continue;
        const int n = seq->sample ? 1 : seq->group->n_samples;
        for (int k = 0; k < n; k++) {
            LiveSample *s = seq->sample ? seq->sample : &seq->group->sample[k];
            if (!seq->sample && s->state != SAMPLE_WAITING) continue;
            if (!seq->sample && live_response_length(s) > 0) {
                scheduler_ready(&e->sched, s); // its tokens were given
            } else {
                Status broken = accept_drawn(e, s, seq->sample ? seq : NULL);
                if (st == ST_OK) st = broken;
            }
        }
    }
    return st;
}

static void follow_weights(Engine *e) {
    const uint32_t version = policy_version(e->opts.policy);
    if (version == e->version) return;
    switch (e->opts.new_weights) {
    case WEIGHTS_FIXED: CHECK(kv_pages_held(e->kv) == 0); break;
    case WEIGHTS_RECOMPUTE: scheduler_forget_pages(&e->sched); break;
    case WEIGHTS_KEEP: break;
    }
    kv_set_version(e->kv, version);
    e->version = version;
}

Status engine_step(Engine *e, int *n_decoded) {
    const double begin = clock_now();
    if (n_decoded) *n_decoded = 0;
    follow_weights(e);
    const int n = scheduler_plan(&e->sched, e->decode);
    if (n == 0) return ST_OK;
    scheduler_check(&e->sched);
    ask_tokens(e, n);
    TRY(policy_decode(e->opts.policy, e->decode, n, e->draws.draw, e->draws.n, e->draws.drawn));
    e->stats.n_decode_calls++;
    scheduler_advance(&e->sched, e->version);
    Status st = accept_tokens(e);
    Status drafted = drafter_run(&e->drafter, &e->sched, e->decode, n, &e->stats.draft_seconds);
    if (st == ST_OK) st = drafted;
    scheduler_sweep(&e->sched);
    e->stats.seconds += clock_now() - begin;
    if (n_decoded) *n_decoded = n;
    return st;
}

// ---- paused, ended, given back

static LiveSample *known(const Engine *e, SampleId id) {
    LiveSample *s = live_find(&e->store, id);
    CHECK(s != NULL);
    return s;
}

Status engine_inject(Engine *e, SampleId id, const int32_t *token, int n, int pause_after) {
    LiveSample *s = known(e, id);
    CHECK(s->state == SAMPLE_PAUSED && n >= 0 && pause_after >= 0);
    const int length = s->n_tokens > 0 ? s->n_tokens : s->group->n_prompt;
    if (n >= s->group->limit - length)
        return FAIL(ST_CONFIG,
                    "%d tokens behind the %d of a sequence leave no room to go on: it has at most "
                    "%d",
                    n, length, s->group->limit);
    TRY(request_check_tokens(&e->limits, token, n, "injected text"));
    unqueue_event(e, s);
    live_reserve(s, length + n + 1);
    for (int i = 0; i < n; i++) live_append(s, token[i], TOKEN_INJECTED, 0, e->version);
    // without tokens the count of drawn ones goes on; the next pause is so many from here
    s->pause_after = pause_after > 0 ? pause_after + s->n_tokens - s->run_begin : 0;
    scheduler_ready(&e->sched, s);
    return ST_OK;
}

void engine_end(Engine *e, SampleId id, Finish how) {
    LiveSample *s = known(e, id);
    CHECK(how != FINISH_NONE);
    if (s->state == SAMPLE_FINISHED) return;
    finish(e, s, how);
    scheduler_sweep(&e->sched);
}

void engine_release(Engine *e, SampleId id) {
    LiveSample *s = known(e, id);
    engine_end(e, id, FINISH_ABORT);
    unqueue_event(e, s);
    live_remove(&e->store, s);
}

void engine_forget_pages(Engine *e) {
    scheduler_forget_pages(&e->sched);
    kv_set_version(e->kv, e->version); // empties the prefix cache
}

void engine_counts(const Engine *e, EngineCounts *out) {
    *out = (EngineCounts){.n_samples = e->store.n_samples,
                          .pages_held = kv_pages_held(e->kv),
                          .pages_cached = kv_pages_cached(e->kv),
                          .pages = e->opts.kv_pages,
                          .host_bytes = e->store.bytes + kv_table_bytes(e->kv),
                          .stats = e->stats};
    int *by_state[] = {&out->n_waiting, &out->n_ready, &out->n_running, &out->n_paused,
                       &out->n_finished};
    for (int i = 0; i < e->store.n_samples; i++) ++*by_state[e->store.sample[i]->state];
    out->stats.n_shared_tokens = e->sched.n_shared_tokens;
    out->stats.n_computed_tokens = e->sched.n_computed_tokens;
    out->stats.n_preempted = e->sched.n_preempted;
    out->stats.pages_peak = kv_pages_peak(e->kv);
}

void engine_restart(Engine *e) {
    e->version = policy_version(e->opts.policy);
    kv_flush(e->kv, e->version);
}
