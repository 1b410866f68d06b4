// tests/test_schedules.c -- rollout/engine: random schedules of a session leave every sample what
// it would be alone: submit, step, abort, pause, inject, new weights, lost pages, stop, resume.
//
// GRPO_SCHEDULES=60000: so many schedules (default 10000, fewer under a sanitizer).
#include "rollout/kv.h"
#include "tests/fake_engine.h"

// ---- a request, and what its samples must be
// -------------------------------------------------------
enum { MOST = 400, SAMPLES = 4, REQUESTS = 6, PAUSES = 3 };

typedef struct SessionAsk {
    int32_t prompt[64];
    int n_prompt, n_samples;
    SampleConfig sampling;
    RngKey key;
} SessionAsk;

// What a test knows of a sample: everything until it was stopped last, then what the engine has.
typedef struct SessionSeen {
    SampleId id; // 0 = not submitted
    int n, n_pauses, pause_after;
    int checked; // tokens that were drawn again and compared
    bool done, aborted, paused;
    int32_t token[MOST];
    uint8_t kind[MOST];
    float logp[MOST];
    uint32_t version[MOST], kv_version[MOST];
    Finish finish;
} SessionSeen;

// What the environment says to pause number `pause`, and how long the sample may then go on.
static int injection(const SessionAsk *asked, int sample, int pause, int32_t token[8],
                     int *pause_after) {
    Rng rng = rng_open((RngKey){.seed = 77,
                                .stream = RNG_TEST,
                                .task = asked->key.task,
                                .sample = (uint32_t)(sample * 16 + pause)});
    const int n = rng_range(&rng, 0, 8);
    for (int i = 0; i < n; i++) token[i] = rng_range(&rng, 0, FAKE_VOCAB - 1);
    *pause_after = pause + 1 < PAUSES && rng_below(&rng, 2) ? rng_range(&rng, 1, 9) : 0;
    return n;
}

static bool ends_in(const int32_t *token, int n, const char *text) {
    const int length = (int)strlen(text);
    if (n < length) return false;
    for (int i = 0; i < length; i++)
        if (token[n - length + i] != text[i] - 'a') return false;
    return true;
}
static bool any_text(const char *const *text, int n_texts, const int32_t *token, int n) {
    for (int i = 0; i < n_texts; i++)
        if (ends_in(token, n, text[i])) return true;
    return false;
}

// Draws tokens [from, known->n) again, from the tokens and versions alone: no pages, no schedule.
static void assert_drawn_alone(const SessionAsk *a, int sample, const SessionSeen *k, int from,
                               bool keep) {
    uint64_t scratch[2 * FAKE_VOCAB];
    const SampleConfig *c = &a->sampling;
    const DrawRule s = draw_rule(c->temperature, c->top_k, c->top_p, c->min_p);
    RngKey key = a->key;
    key.sample += (uint32_t)sample;
    for (int t = from; t < k->n; t++) {
        if (k->kind[t] != TOKEN_SAMPLED) {
            assert_true(k->logp[t] == 0 && k->version[t] == 0);
            continue;
        }
        const uint64_t now = fake_weights(k->version[t]);
        uint64_t prefix = now;
        for (int p = 0; p < t; p++)
            prefix =
                fake_cached(prefix, k->token[p], keep ? fake_weights(k->kv_version[p]) : now, now);
        float logits[FAKE_VOCAB];
        fake_logits(prefix, logits);
        const double u = rng_uniform(&key, (uint32_t)(t - a->n_prompt));
        assert_int_equal(k->token[t], cpu_draw_row(&s, logits, FAKE_VOCAB, u, scratch));
        assert_true(k->logp[t] == policy_logprob_row(logits, FAKE_VOCAB, draw_logprob_scale(&s),
                                                     k->token[t], NULL, NULL));
    }
}

// Walks a sample from its prompt: where it must pause, what is injected there, where it must end.
static void assert_rules_kept(const SessionAsk *a, int sample, const SessionSeen *k) {
    const SampleConfig *c = &a->sampling;
    assert_memory_equal(k->token, a->prompt,
                        (size_t)(k->n > 0 ? a->n_prompt : 0) * sizeof *a->prompt);
    int run = a->n_prompt, drawn = 0, pauses = 0, pause_after = c->pause_after, t = a->n_prompt;
    const int limit = c->max_tokens;
    while (t < k->n) {
        assert_int_equal(k->kind[t], TOKEN_SAMPLED);
        drawn++, t++;
        const int32_t *token = k->token + run;
        const int n = t - run;
        Finish finish = FINISH_NONE;
        if (k->token[t - 1] == FAKE_STOP || any_text(c->stop_text, c->n_stop_texts, token, n))
            finish = FINISH_STOP;
        else if (drawn == c->max_new_tokens || t == limit)
            finish = FINISH_LENGTH;
        if (finish != FINISH_NONE) {
            assert_int_equal(t, k->n);
            assert_true(k->done && (k->finish == finish || k->aborted));
            return;
        }
        const bool pause = any_text(c->pause_text, c->n_pause_texts, token, n) ||
                           (pause_after > 0 && n == pause_after);
        if (!pause) continue;
        int32_t text[8];
        const int n_text = injection(a, sample, pauses, text, &pause_after);
        if (n_text >= limit - t) { // no space: it is ended
            assert_true(t == k->n && (!k->done || k->finish == FINISH_LENGTH || k->aborted));
            return;
        }
        if (t == k->n && pauses == k->n_pauses) return; // it waits
        pauses++;
        if (n_text == 0 && pause_after > 0) pause_after += t - run;
        for (int i = 0; i < n_text; i++, t++) {
            assert_true(t < k->n);
            assert_int_equal(k->kind[t], TOKEN_INJECTED);
            assert_int_equal(k->token[t], text[i]);
        }
        if (n_text > 0) run = t;
    }
    assert_true(!k->done || k->aborted);
}

// ---- a schedule
// ------------------------------------------------------------------------------------
typedef struct SessionPlay {
    Rng rng;
    EngineOpts opts;
    Engine *engine;
    SessionAsk asked[REQUESTS];
    SessionSeen known[REQUESTS][SAMPLES];
    int n_requests, n_submitted;
    int64_t preempted, shared, stops, changes, aborts, pauses, forgets;
} SessionPlay;

static const char *const stop_texts[] = {"ab", "qq", "v"};
static const char *const pause_texts[] = {"c", "de", "fgh"};

static void make_request(SessionPlay *s, SessionAsk *a, uint64_t task, int most_prompt) {
    Rng *r = &s->rng;
    *a = (SessionAsk){.n_prompt = rng_below(r, 3)
                                      ? rng_range(r, 1, most_prompt)
                                      : KV_PAGE_TOKENS * rng_range(r, 1, most_prompt / 16)};
    const bool alike = rng_below(r, 2); // prompts that begin alike, for the prefix cache
    for (int t = 0; t < a->n_prompt; t++)
        a->prompt[t] = alike ? t * t % FAKE_VOCAB : rng_range(r, 0, FAKE_VOCAB - 1);
    a->n_samples = rng_range(r, 1, SAMPLES);
    a->key = (RngKey){.seed = 5, .stream = RNG_SAMPLE, .step = 3, .task = task};
    a->sampling =
        (SampleConfig){.temperature = rng_below(r, 8) ? 0.5 + 0.25 * rng_range(r, 1, 4) : 0,
                       .top_k = rng_below(r, 3) ? 0 : rng_range(r, 1, 12),
                       .top_p = rng_below(r, 3) ? 1 : 0.8,
                       .min_p = rng_below(r, 3) ? 0 : 0.05,
                       .max_new_tokens = rng_range(r, 1, 50),
                       .max_tokens = a->n_prompt + rng_range(r, 2, 70),
                       .stop_token = stop_token,
                       .n_stop_tokens = 1,
                       .stop_text = stop_texts,
                       .n_stop_texts = rng_range(r, 0, 3),
                       .pause_text = pause_texts,
                       .n_pause_texts = rng_range(r, 0, 3),
                       .pause_after = rng_below(r, 2) ? rng_range(r, 1, 12) : 0};
}

static void see(SessionSeen *k, const SampleView *v) {
    assert_true(v->n_tokens >= k->n && v->n_tokens <= MOST);
    k->n = v->n_sampled > 0 ? v->n_tokens : 0;
    k->pause_after = v->pause_after;
    k->finish = v->finish;
    k->paused = v->state == SAMPLE_PAUSED;
    if (k->n == 0) return; // no columns yet
    memcpy(k->token, v->token, (size_t)k->n * sizeof *k->token);
    memcpy(k->kind, v->kind, (size_t)k->n);
    memcpy(k->logp, v->logp, (size_t)k->n * sizeof *k->logp);
    memcpy(k->version, v->version, (size_t)k->n * sizeof *k->version);
    memcpy(k->kv_version, v->kv_version, (size_t)k->n * sizeof *k->kv_version);
}

static void check_sample(SessionPlay *s, int request, int sample, bool at_end) {
    SessionSeen *k = &s->known[request][sample];
    SampleView v;
    assert_true(engine_view(s->engine, k->id, &v));
    assert_int_equal(v.number, request * 16 + sample);
    see(k, &v);
    assert_drawn_alone(&s->asked[request], sample, k, k->checked,
                       s->opts.new_weights == WEIGHTS_KEEP);
    assert_rules_kept(&s->asked[request], sample, k);
    if (at_end) k->checked = k->n;
}

static void submit(SessionPlay *s, int request, const GivenTokens *given, int begin, int n) {
    const SessionAsk *a = &s->asked[request];
    EngineRequest r = {.prompt = a->prompt,
                       .n_prompt = a->n_prompt,
                       .n_samples = n,
                       .sampling = &a->sampling,
                       .key = a->key,
                       .given = given,
                       .number = request * 16 + begin};
    r.key.sample += (uint32_t)begin;
    SampleId first;
    assert_ok(engine_submit(s->engine, &r, &first));
    for (int i = 0; i < n; i++) s->known[request][begin + i].id = first + (SampleId)i;
}

static SessionSeen *known_of(SessionPlay *s, int number, SessionAsk **asked) {
    *asked = &s->asked[number / 16];
    return &s->known[number / 16][number % 16];
}

static void finished(SessionPlay *s, int number) {
    SessionAsk *a;
    SessionSeen *k = known_of(s, number, &a);
    k->done = true;
    check_sample(s, number / 16, number % 16, true);
    engine_release(s->engine, k->id);
    k->id = 0;
}

static void go_on(SessionPlay *s, int number) {
    SessionAsk *a;
    SessionSeen *k = known_of(s, number, &a);
    check_sample(s, number / 16, number % 16, false);
    int32_t text[8];
    int pause_after;
    const int n = injection(a, number % 16, k->n_pauses, text, &pause_after);
    Status st = engine_inject(s->engine, k->id, text, n, pause_after);
    k->paused = false;
    if (st == ST_OK) {
        k->n_pauses++;
        s->pauses++;
        return;
    }
    assert_int_equal(st, ST_CONFIG);
    assert_int_equal(a->sampling.max_tokens - k->n <= n, 1);
    engine_end(s->engine, k->id, FINISH_LENGTH);
}

static void poll(SessionPlay *s) {
    SampleView v;
    while (engine_poll(s->engine, &v)) {
        const int number = v.number;
        if (v.state == SAMPLE_FINISHED)
            finished(s, number);
        else if (v.state == SAMPLE_PAUSED && rng_below(&s->rng, 3))
            go_on(s, number); // others wait a while
    }
}

static SampleId random_sample(SessionPlay *s, SampleView *v) {
    EngineCounts n;
    engine_counts(s->engine, &n);
    if (n.n_samples == 0) return 0;
    SampleId id = 0;
    for (uint32_t i = rng_below(&s->rng, (uint32_t)n.n_samples) + 1; i > 0; i--)
        id = engine_next(s->engine, id);
    assert_true(engine_view(s->engine, id, v));
    return id;
}

static void check_all(SessionPlay *s, bool at_end) {
    poll(s); // those that finished are taken
    for (int r = 0; r < s->n_submitted; r++)
        for (int i = 0; i < s->asked[r].n_samples; i++)
            if (!s->known[r][i].done) check_sample(s, r, i, at_end);
}

// Everything is taken out of the engine, another one is opened, and what was sampled goes on.
static void stop_and_resume(SessionPlay *s) {
    check_all(s, true);
    EngineCounts count;
    engine_counts(s->engine, &count);
    s->preempted += count.stats.n_preempted, s->shared += count.stats.n_shared_tokens;
    engine_free(s->engine); // live samples are dropped
    s->opts.max_seqs = rng_range(&s->rng, 1, 9);
    assert_ok(engine_new(&s->opts, &s->engine));
    s->stops++;
    for (int r = 0; r < s->n_submitted; r++) {
        const SessionAsk *a = &s->asked[r];
        GivenTokens given[SAMPLES];
        int n = 0;
        for (int i = 0; i <= a->n_samples; i++) {
            const SessionSeen *k = &s->known[r][i < a->n_samples ? i : 0];
            if (i == a->n_samples || k->done) { // neighbours go on as one request
                if (n > 0) submit(s, r, given, i - n, n);
                n = 0;
                continue;
            }
            const int from = k->n > 0 ? a->n_prompt : 0;
            given[n] = (GivenTokens){.n = k->n - from,
                                     .token = k->token + from,
                                     .kind = k->kind + from,
                                     .logp = k->logp + from,
                                     .version = k->version + from,
                                     .paused = k->paused,
                                     .pause_after = k->pause_after};
            n++;
        }
    }
}

static void one_operation(SessionPlay *s, Policy *policy) {
    SampleView v;
    const uint32_t what = rng_below(&s->rng, 40);
    if (what < 3 && s->n_submitted < s->n_requests) {
        submit(s, s->n_submitted, NULL, 0, s->asked[s->n_submitted].n_samples);
        s->n_submitted++;
    } else if (what == 3 && s->opts.new_weights != WEIGHTS_FIXED) {
        fake_set_version(policy, policy->version + 1);
        s->changes++;
    } else if (what == 4 && rng_below(&s->rng, 3) == 0 && random_sample(s, &v)) {
        SessionAsk *a;
        if (v.state == SAMPLE_FINISHED) return;
        known_of(s, v.number, &a)->aborted = true;
        engine_abort(s->engine, v.id);
        s->aborts++;
    } else if (what == 5 && rng_below(&s->rng, 3) == 0) {
        stop_and_resume(s);
    } else if (what == 6) {
        check_all(s, true); // drawn with the keys that go now
        engine_forget_pages(s->engine);
        s->forgets++;
    } else if (what < 14) {
        if (random_sample(s, &v) && v.state == SAMPLE_PAUSED) go_on(s, v.number);
    } else {
        assert_ok(engine_step(s->engine, NULL));
        if (what < 34) poll(s);
    }
}

static bool all_done(SessionPlay *s) {
    if (s->n_submitted < s->n_requests) return false;
    EngineCounts n;
    engine_counts(s->engine, &n);
    return n.n_samples == 0;
}

static void one_schedule(SessionPlay *s, uint64_t number, Pool *pool) {
    s->rng = rng_open((RngKey){.seed = 31, .stream = RNG_TEST, .task = number});
    const WeightRule rule = (WeightRule)(number % 3);
    s->n_requests = rng_range(&s->rng, 1, REQUESTS), s->n_submitted = 0;
    memset(s->known, 0, sizeof s->known);
    int longest = 0;
    for (int r = 0; r < s->n_requests; r++) {
        make_request(s, &s->asked[r], number * REQUESTS + (uint64_t)r, 48);
        if (s->asked[r].sampling.max_tokens > longest) longest = s->asked[r].sampling.max_tokens;
    }
    const int least = kv_pages_of(longest) + (rule == WEIGHTS_KEEP);
    const int pages = least + (rng_below(&s->rng, 2) ? rng_range(&s->rng, 0, 5) : 60);
    const int seqs = rng_range(&s->rng, 1, 9), rows = 9 + rng_range(&s->rng, 0, 30);
    Policy *policy = fake_new(pages, rows, number % 8 == 7 ? pool : NULL);
    fake_set_version(policy, 1);
    s->opts = (EngineOpts){.policy = policy,
                           .tokenizer = (const Tokenizer *)&plain,
                           .max_seqs = seqs,
                           .kv_pages = pages,
                           .max_decode_rows = rows,
                           .new_weights = rule,
                           .prefix_cache = rng_below(&s->rng, 2)};
    assert_ok(engine_new(&s->opts, &s->engine));
    for (int n = 0; !all_done(s); n++) {
        if (n > 20000) fail_msg("schedule %d does not end", (int)number);
        one_operation(s, policy);
    }
    EngineCounts count;
    engine_counts(s->engine, &count);
    assert_int_equal(count.pages_held, 0);
    assert_int_equal(count.host_bytes, 0);
    s->preempted += count.stats.n_preempted;
    s->shared += count.stats.n_shared_tokens;
    for (int r = 0; r < s->n_requests; r++)
        for (int i = 0; i < s->asked[r].n_samples; i++) assert_true(s->known[r][i].done);
    engine_free(s->engine);
    fake_free(policy);
}

static void random_schedules_leave_samples_as_they_are_alone(void **state) {
    (void)state;
    const char *wanted = getenv("GRPO_SCHEDULES");
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    int n = 1000;
#else
    int n = 10000;
#endif
    if (wanted) n = atoi(wanted);
    Pool *pool = pool_new(2);
    SessionPlay *s = calloc(1, sizeof *s);
    assert_non_null(s);
    for (int i = 0; i < n; i++) one_schedule(s, (uint64_t)i, pool);
    print_message(
        "%d schedules: %d preempted, %d tokens shared, %d stops, %d new weights, %d aborts, "
        "%d pauses, %d times pages forgotten\n",
        n, (int)s->preempted, (int)s->shared, (int)s->stops, (int)s->changes, (int)s->aborts,
        (int)s->pauses, (int)s->forgets);
    assert_true(s->preempted > n / 4 && s->shared > n && s->stops > n / 8 && s->changes > n / 4);
    assert_true(s->aborts > n / 16 && s->pauses > n && s->forgets > n / 8);
    free(s);
    pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_schedules_leave_samples_as_they_are_alone),
    };
    return cmocka_run_group_tests_name("rollout/engine: schedules", tests, NULL, NULL);
}
