// pipelines/bench/bench_model.c -- one policy, timed call by call; greedy, no tokenizer.
#include "pipelines/bench/bench_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/pool.h"
#include "base/rng.h"
#include "policy/draw.h"
#include "policy/files/checkpoint.h"
#include "policy/policy.h"

enum { MAX_SEQS = 1024, MAX_ROUNDS = 101 };

typedef struct Bench {
    const BenchModel *opts;
    Pool *pool;
    Arena *arena;
    ModelConfig model;
    Policy *policy;
    int32_t *token; // [seqs][prompt + fresh]
    int longest;
    int32_t next[MAX_SEQS];
} Bench;

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

// Wall time, and processor time of all threads: on a busy machine the second says more.
typedef struct Took {
    double wall[MAX_ROUNDS], cpu[MAX_ROUNDS], begin, cpu_begin;
    int n;
} Took;

static double cpu_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static void took_begin(Took *t) {
    t->begin = clock_now();
    t->cpu_begin = cpu_now();
}
static void took_end(Took *t) {
    if (t->n == MAX_ROUNDS) return;
    t->wall[t->n] = clock_now() - t->begin;
    t->cpu[t->n++] = cpu_now() - t->cpu_begin;
}

static void say(const Bench *b, const char *what, int seqs, int tokens, Took *t) {
    static const char *const precision[] = {"fp32", "bf16", "fp8"};
    qsort(t->wall, (size_t)t->n, sizeof *t->wall, by_value);
    qsort(t->cpu, (size_t)t->n, sizeof *t->cpu, by_value);
    const double wall = t->wall[t->n / 2], cpu = t->cpu[t->n / 2];
    if (b->opts->json)
        printf(
            "{\"name\":\"model\",\"what\":\"%s\",\"precision\":\"%s\",\"threads\":%d,\"seqs\":%d,"
            "\"tokens\":%d,\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"tokens_s\":%.1f}\n",
            what, precision[b->model.precision], pool_threads(b->pool), seqs, tokens, wall, cpu,
            tokens / wall);
    else
        printf("  %-8s %4d sequences  %6d tokens  %9.2f ms (cpu %9.2f)  %9.1f tokens/s\n", what,
               seqs, tokens, wall * 1e3, cpu * 1e3, tokens / wall);
    fflush(stdout);
}

static int pages_a_seq(const Bench *b) {
    return (b->longest + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS;
}

static DecodeSeq seq_of(Bench *b, int s, int pos, int n_new, const int32_t *token) {
    const int n = pages_a_seq(b);
    int32_t *page = ARENA_ARRAY(b->arena, int32_t, n);
    for (int i = 0; i < n; i++) page[i] = s * n + i;
    return (DecodeSeq){
        .token = token, .n_new = n_new, .pos = pos, .page = page, .n_logits = 1, .id = s};
}

// The best token becomes the next.
static Status decode_best(Bench *b, const DecodeSeq *seq, int n_seqs) {
    ArenaMark mark = arena_mark(b->arena);
    Draw *draw = ARENA_ARRAY(b->arena, Draw, n_seqs);
    Drawn *drawn = ARENA_ARRAY(b->arena, Drawn, n_seqs);
    for (int s = 0; s < n_seqs; s++)
        draw[s] = (Draw){.seq = s, .forced = -1, .rule = draw_rule(0, 0, 1, 0)};
    Status st = policy_decode(b->policy, seq, n_seqs, draw, n_seqs, drawn);
    for (int s = 0; st == ST_OK && s < n_seqs; s++) // what is no number is not timed any better
        b->next[seq[s].id] = drawn[s].token < 0 ? 0 : drawn[s].token;
    arena_rewind(b->arena, mark);
    return st;
}

static Status prefill(Bench *b, int n_seqs, Took *took) {
    const int n = b->opts->prompt;
    ArenaMark mark = arena_mark(b->arena);
    DecodeSeq *seq = ARENA_ARRAY(b->arena, DecodeSeq, n_seqs);
    for (int s = 0; s < n_seqs; s++)
        seq[s] = seq_of(b, s, 0, n, b->token + (size_t)s * (size_t)b->longest);
    took_begin(took);
    Status st = decode_best(b, seq, n_seqs);
    took_end(took);
    arena_rewind(b->arena, mark);
    return st;
}

static Status decode(Bench *b, int n_seqs) {
    Took fill = {0}, took = {0};
    TRY(prefill(b, n_seqs, &fill));
    ArenaMark mark = arena_mark(b->arena);
    DecodeSeq *seq = ARENA_ARRAY(b->arena, DecodeSeq, n_seqs);
    for (int s = 0; s < n_seqs; s++) seq[s] = seq_of(b, s, b->opts->prompt, 1, &b->next[s]);
    Status st = ST_OK;
    for (int i = 0; i < b->opts->fresh && st == ST_OK; i++) {
        took_begin(&took);
        st = decode_best(b, seq, n_seqs);
        took_end(&took);
        for (int s = 0; s < n_seqs; s++) seq[s].pos++;
    }
    arena_rewind(b->arena, mark);
    if (st == ST_OK) say(b, "decode", n_seqs, n_seqs, &took);
    return st;
}

static Status sample(Bench *b) {
    const char *only = b->opts->only;
    if (!*only || strcmp(only, "prefill") == 0) {
        Took took = {0};
        for (int i = -1; i < b->opts->rounds; i++) {
            TRY(prefill(b, 1, &took));
            if (i < 0) took.n = 0; // it warmed up
        }
        say(b, "prefill", 1, b->opts->prompt, &took);
    }
    if (*only && strcmp(only, "decode") != 0) return ST_OK;
    for (const char *at = b->opts->seqs; *at;) {
        char *end;
        const long n = strtol(at, &end, 10);
        TRY(decode(b, (int)n));
        at = *end ? end + 1 : end;
    }
    return ST_OK;
}

static Status even_loss(void *ctx, int c, const Pack *chunk, const float *logp,
                        const float *entropy, float *dlogp, float *dentropy) {
    (void)c, (void)logp, (void)entropy, (void)dentropy;
    for (int i = 0; i < chunk->n_tokens; i++) dlogp[i] = *(const float *)ctx;
    return ST_OK;
}

// As rl has it by default for models of this kind.
static int chunk_tokens(const Bench *b) {
    return b->longest > 1024 ? b->longest : 1024;
}

// Scoring, or forward, backward and an optimiser step, of `batch` sequences of `length` tokens.
static Status learn(Bench *b, bool train) {
    const int n = b->opts->batch, length = b->opts->length;
    ArenaMark mark = arena_mark(b->arena);
    int32_t *token = ARENA_ARRAY(b->arena, int32_t, n * length);
    uint8_t *want = ARENA_ARRAY(b->arena, uint8_t, n * length);
    Seq *seq = ARENA_ARRAY(b->arena, Seq, n);
    float *logp = ARENA_ARRAY(b->arena, float, n *length);
    Rng rng = rng_open((RngKey){.seed = 2, .stream = RNG_EVAL});
    for (int i = 0; i < n * length; i++) {
        token[i] = (int32_t)rng_below(&rng, (uint32_t)b->model.vocab_size);
        want[i] = i % length != 0;
    }
    for (int s = 0; s < n; s++) seq[s] = (Seq){s * length, (s + 1) * length, s};
    const Pack all = pack_make(token, want, seq, n, b->arena);
    int n_chunks;
    Pack *chunk = pack_chunks(token, want, seq, NULL, n, chunk_tokens(b), &n_chunks, b->arena);
    const ScoreOpts so = {.temperature = 1};
    const AdamWConfig adam = {.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .clip_norm = 1};
    float each = -1.0f / (float)(n * length);
    Took took = {0};
    Status st = ST_OK;
    for (int i = -1; i < b->opts->rounds && st == ST_OK; i++) {
        StepReport report;
        took_begin(&took);
        if (!train) {
            st = policy_score(b->policy, &all, &so, logp, NULL);
        } else {
            const TrainScope scope = train_scope(chunk, n_chunks);
            st = policy_train(b->policy, chunk, n_chunks, &scope, &so, even_loss, &each);
            if (st == ST_OK) st = policy_step(b->policy, &adam, 1e-6, &report);
        }
        took_end(&took);
        if (i < 0) took.n = 0;
    }
    arena_rewind(b->arena, mark);
    if (st == ST_OK) say(b, train ? "train" : "score", n, n * length, &took);
    return st;
}

static Status open_policy(Bench *b, bool train, int seqs) {
    const BenchModel *o = b->opts;
    const PolicyOpts po = {.pool = b->pool,
                           .trainable = train,
                           .chunk_tokens = train ? chunk_tokens(b) : b->longest,
                           .max_seq_tokens = b->longest,
                           .kv_pages = train ? 0 : seqs * pages_a_seq(b),
                           .max_decode_rows = seqs * o->prompt};
    TRY(policy_new(&b->model, &po, &b->policy));
    return checkpoint_load(o->folder, b->policy);
}

static Status run(Bench *b, int seqs) {
    const BenchModel *o = b->opts;
    const bool all = !*o->only;
    if (all || strcmp(o->only, "train") != 0) {
        TRY(open_policy(b, false, seqs));
        TRY(sample(b));
        if (all || strcmp(o->only, "score") == 0) TRY(learn(b, false));
    }
    if (all || strcmp(o->only, "train") == 0) {
        policy_free(b->policy);
        b->policy = NULL;
        TRY(open_policy(b, true, 1));
        TRY(learn(b, true));
    }
    return ST_OK;
}

static Status check(const BenchModel *o, int *seqs) {
    static const char *const parts[] = {"", "prefill", "decode", "score", "train"};
    bool known = false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        known |= strcmp(o->only, parts[i]) == 0;
    if (!known)
        return FAIL(ST_CONFIG, "--only %s: of a model, wants prefill, decode, score or train",
                    o->only);
    *seqs = 1;
    for (const char *at = o->seqs; *at;) {
        char *end;
        const long n = strtol(at, &end, 10);
        if (end == at || n < 1 || n > MAX_SEQS || (*end && *end != ','))
            return FAIL(ST_CONFIG, "--seqs %s: wants numbers from 1 to %d, as 1,16,64", o->seqs,
                        MAX_SEQS);
        if (n > *seqs) *seqs = (int)n;
        at = *end ? end + 1 : end;
    }
    return ST_OK;
}

Status bench_model(const BenchModel *opts) {
    static const char *const precision[] = {"fp32", "bf16", "fp8"};
    Bench b = {.opts = opts, .arena = arena_new(1 << 20)};
    int seqs = 1;
    Status st;
    TRY_OUT(check(opts, &seqs));
    TRY_OUT(checkpoint_config(opts->folder, &b.model));
    for (int i = 0; i < 3; i++)
        if (strcmp(opts->precision, precision[i]) == 0) b.model.precision = (Precision)i;
    b.pool = pool_new(opts->threads);
    b.longest = opts->prompt + opts->fresh;
    if (opts->length > b.longest) b.longest = opts->length;
    if (b.longest > b.model.max_position) {
        st = FAIL(ST_CONFIG, "%d tokens: the model's context is %d", b.longest,
                  b.model.max_position);
        goto out;
    }
    b.token = ARENA_ARRAY(b.arena, int32_t, seqs * b.longest);
    Rng rng = rng_open((RngKey){.seed = 1, .stream = RNG_EVAL});
    for (int i = 0; i < seqs * b.longest; i++)
        b.token[i] = (int32_t)rng_below(&rng, (uint32_t)b.model.vocab_size);
    st = run(&b, seqs);
out:
    policy_free(b.policy);
    pool_free(b.pool);
    arena_free(b.arena);
    return st;
}
