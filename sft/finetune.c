// sft/finetune.c -- encodes a batch on the pool, sorts it by length, trains on its chunks.
#include "sft/finetune.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "policy/schedule.h"
#include "sft/example.h"

#define INT(field, initial_, min_, help_)                                                          \
    {                                                                                              \
        .name = #field, .type = CONFIG_INT, .offset = offsetof(FinetuneConfig, field),             \
        .initial = initial_, .min = min_, .max = 1e12, .help = help_                               \
    }
#define REAL(field, initial_, min_, max_, help_, alias_)                                           \
    {                                                                                              \
        .name = #field, .type = CONFIG_DOUBLE, .offset = offsetof(FinetuneConfig, field),          \
        .initial = initial_, .min = min_, .max = max_, .help = help_, .alias = alias_              \
    }
#define CHOICE(field, initial_, choices_, help_)                                                   \
    {                                                                                              \
        .name = #field, .type = CONFIG_CHOICE, .offset = offsetof(FinetuneConfig, field),          \
        .initial = initial_, .choices = choices_, .help = help_                                    \
    }
static const ConfigKey keys[] = {
    INT(steps, "900", 0,
        "optimiser steps; 0 = as many as `epochs` asks for, the default with model.path"),
    REAL(epochs, "1", 0, 1e6, "passes over a corpus that ends, if steps is 0", "num_train_epochs"),
    INT(batch, "128", 1, "documents in a step; 32 with model.path"),
    INT(max_tokens, "192", 2,
        "longest document, tokens, see sft.overlong; with model.path its context, at most 4096"),
    CHOICE(overlong, "drop", FINETUNE_OVERLONG_CHOICES,
           "documents of more than max_tokens tokens, which are always counted: left out, cut to "
           "their first max_tokens tokens, or an error"),
    CHOICE(mask, "all", EXAMPLE_MASK_CHOICES, "train on all tokens or on the response alone"),
    CHOICE(
        packing, "in-order", FINETUNE_PACKING_CHOICES,
        "documents into chunks of rl.chunk_tokens, which none sees beyond itself: until the next "
        "does not fit, or each into the fullest chunk that has space"),
    INT(patience, "0", 0,
        "scorings of data.corpus_heldout in a row without a lower val/loss after which training "
        "ends, with the best checkpoint as the result; 0 = never"),
    REAL(lr, "2e-3", 0, 10, "peak learning rate; 1e-5 with model.path", "learning_rate"),
    REAL(final_ratio, "0.05", 0, 1, "last learning rate over the peak", "min_lr_ratio"),
    CHOICE(schedule, "cosine", SCHEDULE_CHOICES, "how the learning rate falls"),
    INT(warmup_steps, "60", 0, "steps in which the learning rate rises; 0 with model.path"),
    REAL(beta1, "0.9", 0, 1, "AdamW: decay of the first moment", "adam_beta1"),
    REAL(beta2, "0.95", 0, 1, "AdamW: decay of the second moment", "adam_beta2"),
    REAL(eps, "1e-8", 0, 1, "AdamW: added to the root of the second moment", "adam_epsilon"),
    REAL(weight_decay, "0.01", 0, 10, "AdamW: decay of matrices", NULL),
    REAL(clip_norm, "1", 0, 1e9, "largest norm of the gradient; 0 = any", "max_grad_norm"),
    REAL(balance_alpha, "0", 0, 10,
         "weight of the sequence balance loss of experts; 1e-4 with model.path", NULL),
    REAL(router_bias_step, "2e-3", 0, 1,
         "step of the experts' selection bias; 0 = frozen; 1e-3 with model.path", NULL),
    REAL(mtp_weight, "0", 0, 10, "weight of the MTP modules' loss (model.mtp): V3 .3, then .1",
         "mtp_loss_scaling_factor"),
};
const ConfigSection finetune_section = {
    .name = "sft",
    .help = "next-token training on documents",
    .key = keys,
    .n_keys = sizeof keys / sizeof *keys,
};

struct Finetune {
    FinetuneDeps deps;
    FinetuneConfig cfg;
    int64_t steps, position;
    int32_t eos_id;
    bool nonfinite;
    double fill;    // of the last step's chunks
    Arena *arena;   // of one batch
    Arena **worker; // [pool_threads] where documents are encoded
    int n_workers;
};

Status finetune_new(const FinetuneDeps *deps, const FinetuneConfig *config, Finetune **out) {
    *out = NULL;
    const ModelConfig *model = policy_model(deps->policy);
    if (tokenizer_size(deps->tokenizer) > model->vocab_size)
        return FAIL(ST_CONFIG, "the tokenizer has %d tokens, the model only %d",
                    tokenizer_size(deps->tokenizer), model->vocab_size);
    if (config->mtp_weight > 0 && model->n_mtp == 0)
        return FAIL(ST_CONFIG,
                    "sft.mtp_weight=%g cannot act: the model has no MTP modules; say "
                    "model.mtp=1 or leave it out",
                    config->mtp_weight);
    int64_t steps = config->steps, size = corpus_size(deps->corpus);
    if (steps == 0) {
        if (size == 0)
            return FAIL(ST_CONFIG, "the corpus '%s' never ends: say sft.steps",
                        corpus_name(deps->corpus));
        steps = (int64_t)ceil(config->epochs * (double)size / (double)config->batch);
    }
    Finetune *f = calloc(1, sizeof *f);
    CHECK(f != NULL);
    f->deps = *deps;
    f->cfg = *config;
    f->steps = steps;
    f->eos_id = model->eos_id;
    f->arena = arena_new(1 << 20);
    f->n_workers = pool_threads(deps->pool);
    f->worker = calloc((size_t)f->n_workers, sizeof(Arena *));
    CHECK(f->worker != NULL);
    for (int w = 0; w < f->n_workers; w++) f->worker[w] = arena_new(1 << 18);
    *out = f;
    return ST_OK;
}

void finetune_free(Finetune *f) {
    if (!f) return;
    for (int w = 0; w < f->n_workers; w++) arena_free(f->worker[w]);
    free(f->worker);
    arena_free(f->arena);
    free(f);
}

int64_t finetune_steps(const Finetune *f) {
    return f->steps;
}

int64_t finetune_position(const Finetune *f) {
    return f->position;
}

double finetune_fill(const Finetune *f) {
    return f->fill;
}

bool finetune_nonfinite(const Finetune *f) {
    return f->nonfinite;
}

void finetune_seek(Finetune *f, int64_t position) {
    f->position = position;
}

// ---- a batch

typedef struct Encoding {
    Finetune *f;
    const Corpus *corpus;
    uint64_t first;
    Example *example; // [n]; n tokens 0 where it failed
    Status *status;   // [n]
} Encoding;

static Status encode(const Encoding *e, int i, Arena *arena) {
    Document document;
    TRY(corpus_get(e->corpus, e->first + (uint64_t)i, &document, arena));
    return example_encode(e->f->deps.tokenizer, e->f->deps.chat, &document,
                          (ExampleMask)e->f->cfg.mask, e->f->eos_id, &e->example[i], arena);
}

static void encode_one(void *ctx, int i, int worker) {
    const Encoding *e = ctx;
    e->status[i] = encode(e, i, e->f->worker[worker]);
}

typedef struct SftBatch {
    Pack *chunk;
    int n_chunks, n_documents, n_left_out, n_overlong, n_truncated, n_tokens, n_want;
} SftBatch;

// Longest first; documents of equal length in their own order.
static int by_length(const void *a, const void *b) {
    const Seq *x = a, *y = b;
    int nx = x->end - x->begin, ny = y->end - y->begin;
    return nx != ny ? (nx < ny) - (nx > ny) : (x->id > y->id) - (x->id < y->id);
}

// Keeps the first max_tokens tokens; false: none of them is trained.
static bool cut_short(Example *x, const FinetuneConfig *cfg) {
    int n = (int)cfg->max_tokens;
    if (!memchr(x->want, 1, (size_t)n)) return false;
    x->n = n;
    return true;
}

// Best fit: sequences, longest first, each into the fullest chunk that has space, else into a new
// one; then chunk by chunk. A chunk's first sequence had no space in the chunks before it, and has
// none now, so pack_chunks cuts exactly there.
static void best_fit(Seq *seq, int n, int chunk_tokens, Arena *arena) {
    int *chunk = ARENA_ARRAY(arena, int, n + 1), *used = ARENA_ARRAY(arena, int, n + 1), chunks = 0;
    for (int i = 0; i < n; i++) {
        int length = seq[i].end - seq[i].begin, best = -1;
        for (int c = 0; c < chunks; c++)
            if (length <= chunk_tokens - used[c] && (best < 0 || used[c] > used[best])) best = c;
        if (best < 0) best = chunks++, used[best] = 0;
        chunk[i] = best;
        used[best] += length;
    }
    Seq *sorted = ARENA_ARRAY(arena, Seq, n + 1);
    for (int c = 0, at = 0; c < chunks; c++)
        for (int i = 0; i < n; i++)
            if (chunk[i] == c) sorted[at++] = seq[i];
    if (n) memcpy(seq, sorted, (size_t)n * sizeof *seq);
}

// The mean share of a chunk that holds tokens; one that is longer than a chunk fills it.
static double fill_of(const Pack *chunk, int n, int chunk_tokens) {
    double sum = 0;
    for (int c = 0; c < n; c++)
        sum += chunk[c].n_tokens < chunk_tokens ? (double)chunk[c].n_tokens / chunk_tokens : 1;
    return n ? sum / n : 0;
}

// Sorts, copies together and cuts the documents that fit.
static void join(const Encoding *e, int n, SftBatch *out, Arena *arena) {
    *out = (SftBatch){0};
    int total = 0;
    Seq *seq = ARENA_ARRAY(arena, Seq, n);
    for (int i = 0; i < n; i++) {
        Example *x = &e->example[i];
        bool overlong = x->n > e->f->cfg.max_tokens;
        out->n_overlong += overlong;
        if (overlong && e->f->cfg.overlong == FINETUNE_TRUNCATE && cut_short(x, &e->f->cfg))
            out->n_truncated++;
        else if (x->n < 2 || overlong) {
            out->n_left_out++;
            continue;
        }
        seq[out->n_documents++] = (Seq){total, total + e->example[i].n, i};
        total += e->example[i].n;
    }
    int32_t *token = ARENA_ARRAY(arena, int32_t, total);
    uint8_t *want = ARENA_ARRAY(arena, uint8_t, total);
    for (int d = 0; d < out->n_documents; d++) {
        const Example *x = &e->example[seq[d].id];
        memcpy(token + seq[d].begin, x->token, (size_t)x->n * sizeof *token);
        memcpy(want + seq[d].begin, x->want, (size_t)x->n);
    }

    qsort(seq, (size_t)out->n_documents, sizeof *seq, by_length);
    if (e->f->cfg.packing == FINETUNE_BEST_FIT)
        best_fit(seq, out->n_documents, e->f->deps.chunk_tokens, arena);
    out->chunk = pack_chunks(token, want, seq, NULL, out->n_documents, e->f->deps.chunk_tokens,
                             &out->n_chunks, arena);
    out->n_tokens = total;
    for (int c = 0; c < out->n_chunks; c++) out->n_want += out->chunk[c].n_want;
}

static Status refuse_overlong(const Encoding *e, int n) {
    const FinetuneConfig *cfg = &e->f->cfg;
    for (int i = 0; cfg->overlong == FINETUNE_ERROR && i < n; i++)
        if (e->example[i].n > cfg->max_tokens)
            return FAIL(ST_CONFIG,
                        "%s: document %llu (in the order of training) has %d tokens, more than "
                        "sft.max_tokens=%lld: raise it, or say sft.overlong=drop or truncate",
                        corpus_name(e->corpus), (unsigned long long)e->first + (unsigned)i + 1,
                        e->example[i].n, (long long)cfg->max_tokens);
    return ST_OK;
}

// Encodes documents first .. first+n-1 into the workers' arenas.
static Status encode_all(Encoding *e, int n, Arena *arena) {
    e->example = ARENA_ARRAY(arena, Example, n);
    e->status = ARENA_ARRAY(arena, Status, n);
    pool_for(e->f->deps.pool, n, encode_one, e);
    for (int i = 0; i < n; i++) // a failure again, for this thread's sentence
        if (e->status[i] != ST_OK) TRY(encode(e, i, arena));
    return ST_OK;
}

static ArenaMark *mark_workers(const Finetune *f, Arena *arena) {
    ArenaMark *mark = ARENA_ARRAY(arena, ArenaMark, f->n_workers);
    for (int w = 0; w < f->n_workers; w++) mark[w] = arena_mark(f->worker[w]);
    return mark;
}

static void rewind_workers(const Finetune *f, const ArenaMark *mark) {
    for (int w = 0; w < f->n_workers; w++) arena_rewind(f->worker[w], mark[w]);
}

Status finetune_survey(Finetune *f, int64_t most, FinetuneSurvey *out) {
    enum { TOGETHER = 256 };
    *out = (FinetuneSurvey){0};
    int64_t size = corpus_size(f->deps.corpus);
    if (size > 0 && size < most) most = size;
    Status st = ST_OK;
    while (out->documents < most && st == ST_OK) {
        int n = most - out->documents < TOGETHER ? (int)(most - out->documents) : TOGETHER;
        ArenaMark mark = arena_mark(f->arena), *workers = mark_workers(f, f->arena);
        Encoding e = {.f = f, .corpus = f->deps.corpus, .first = (uint64_t)out->documents};
        st = encode_all(&e, n, f->arena);
        if (st == ST_OK) st = refuse_overlong(&e, n);
        for (int i = 0; st == ST_OK && i < n; i++) {
            out->overlong += e.example[i].n > f->cfg.max_tokens;
            out->refused += e.example[i].n == 0;
            if (e.example[i].n > out->longest) out->longest = e.example[i].n;
        }
        out->documents += n;
        rewind_workers(f, workers);
        arena_rewind(f->arena, mark);
    }
    return st;
}

// The batch of documents first .. first+n-1, in the arena.
static Status make_batch(Finetune *f, const Corpus *corpus, uint64_t first, int n, SftBatch *out,
                         Arena *arena) {
    Encoding e = {.f = f, .corpus = corpus, .first = first};
    ArenaMark *mark = mark_workers(f, arena);
    Status st = encode_all(&e, n, arena);
    if (st == ST_OK) st = refuse_overlong(&e, n);
    if (st == ST_OK) join(&e, n, out, arena);
    rewind_workers(f, mark);
    if (st != ST_OK) return st;
    if (out->n_want == 0)
        return FAIL(ST_CONFIG,
                    "none of documents %llu to %llu has a token to train on within %lld tokens: "
                    "raise sft.max_tokens, or say sft.overlong=truncate",
                    (unsigned long long)first, (unsigned long long)first + (unsigned)n - 1,
                    (long long)f->cfg.max_tokens);
    return ST_OK;
}

// ---- a step

typedef struct Loss {
    double per_token; // 1 / N
    double *sum; // [n_chunks] of -ln p: each chunk writes its own, the order of adding is fixed
} Loss;

static Status next_token_loss(void *ctx, int chunk_index, const Pack *chunk, const float *logp,
                              const float *entropy, float *dlogp, float *dentropy) {
    (void)entropy;
    (void)dentropy;
    const Loss *loss = ctx;
    double sum = 0;
    for (int s = 0; s < chunk->n_seqs; s++) {
        const uint8_t *want = chunk->want + chunk->seq[s].begin;
        int n = chunk->seq[s].end - chunk->seq[s].begin, at = chunk->offset[s] - chunk->offset[0];
        for (int t = 1; t < n; t++) {
            if (!want[t]) continue;
            sum -= (double)logp[at + t];
            dlogp[at + t] = (float)-loss->per_token;
        }
    }
    loss->sum[chunk_index] = sum;
    return ST_OK;
}

static double add_up(const double *sum, int n) {
    double total = 0;
    for (int i = 0; i < n; i++) total += sum[i];
    return total;
}

static void report_step(const Finetune *f, const SftBatch *b, double loss, double lr,
                        double seconds, const StepReport *r, const MtpLoss *mtp, Metrics *m) {
    metrics_set(m, loss, "train/loss");
    metrics_set(m, exp(loss), "train/ppl");
    metrics_set(m, b->n_tokens, "train/tokens");
    metrics_set(m, b->n_want, "train/trained_tokens");
    metrics_set(m, b->n_documents, "train/documents");
    metrics_set(m, b->n_left_out, "train/left_out");
    if (b->n_overlong > 0) {
        metrics_set(m, b->n_overlong, "train/overlong");
        metrics_set(m, b->n_truncated, "train/truncated");
    }
    if (f->cfg.packing == FINETUNE_BEST_FIT) metrics_set(m, f->fill, "train/fill");
    metrics_set(m, r->grad_norm, "actor/grad_norm");
    metrics_set(m, lr, "actor/lr");
    metrics_set(m, b->n_tokens / seconds, "perf/throughput");
    metrics_set(m, seconds, "timing_s/step");
    for (int k = 0; f->cfg.mtp_weight > 0 && k < policy_model(f->deps.policy)->n_mtp; k++)
        if (mtp[k].tokens > 0)
            metrics_set(m, mtp[k].sum / (double)mtp[k].tokens, "mtp/loss_%d", k + 1);
    if (policy_model(f->deps.policy)->n_routed_experts == 0) return;
    metrics_set(m, r->load_min, "moe/load_min");
    metrics_set(m, r->load_max, "moe/load_max");
    metrics_set(m, r->n_idle_experts, "moe/idle_experts");
}

Status finetune_step(Finetune *f, Metrics *metrics, StepReport *report) {
    Status st = ST_OK;
    double begin = clock_now();
    const FinetuneConfig *cfg = &f->cfg;
    ArenaMark mark = arena_mark(f->arena);
    SftBatch batch;
    f->nonfinite = false;
    TRY_OUT(make_batch(f, f->deps.corpus, (uint64_t)f->position * (uint64_t)cfg->batch,
                       (int)cfg->batch, &batch, f->arena));
    f->nonfinite = true; // what is no number from here on is the model's doing
    Loss loss = {.per_token = 1.0 / batch.n_want,
                 .sum = ARENA_ARRAY(f->arena, double, batch.n_chunks)};
    const int n_mtp = policy_model(f->deps.policy)->n_mtp;
    ScoreOpts opts = {.temperature = 1,
                      .balance_alpha = cfg->balance_alpha,
                      .mtp_scale = cfg->mtp_weight * loss.per_token,
                      .mtp_loss = ARENA_ARRAY(f->arena, MtpLoss, n_mtp + 1)};
    const TrainScope scope = train_scope(batch.chunk, batch.n_chunks);
    TRY_OUT(policy_train(f->deps.policy, batch.chunk, batch.n_chunks, &scope, &opts,
                         next_token_loss, &loss));
    double mean = add_up(loss.sum, batch.n_chunks) * loss.per_token;
    if (!isfinite(mean)) {
        st = FAIL(ST_FORMAT, "the loss of step %lld is %f", (long long)f->position, mean);
        goto out;
    }
    Schedule schedule = {.kind = (ScheduleKind)cfg->schedule,
                         .lr = cfg->lr,
                         .final_ratio = cfg->final_ratio,
                         .warmup_steps = cfg->warmup_steps,
                         .total_steps = f->steps};
    AdamWConfig adamw = {.beta1 = cfg->beta1,
                         .beta2 = cfg->beta2,
                         .eps = cfg->eps,
                         .weight_decay = cfg->weight_decay,
                         .clip_norm = cfg->clip_norm,
                         .router_bias_step = cfg->router_bias_step};
    double lr = schedule_lr(&schedule, f->position);
    StepReport r;
    TRY_OUT(policy_step(f->deps.policy, &adamw, lr, &r));
    f->position++;
    f->fill = fill_of(batch.chunk, batch.n_chunks, f->deps.chunk_tokens);
    report_step(f, &batch, mean, lr, clock_now() - begin, &r, opts.mtp_loss, metrics);
    if (report) *report = r;
out:
    f->nonfinite = f->nonfinite && st == ST_FORMAT;
    if (st != ST_OK) policy_zero_grad(f->deps.policy);
    arena_rewind(f->arena, mark);
    return st;
}

Status finetune_loss(Finetune *f, const Corpus *corpus, uint64_t first, int n, double *loss) {
    Status st = ST_OK;
    ArenaMark mark = arena_mark(f->arena);
    SftBatch batch;
    double sum = 0;
    TRY_OUT(make_batch(f, corpus, first, n, &batch, f->arena));
    ScoreOpts opts = {.temperature = 1};
    for (int c = 0; c < batch.n_chunks; c++) {
        const Pack *chunk = &batch.chunk[c];
        float *logp = ARENA_ARRAY(f->arena, float, chunk->n_tokens);
        TRY_OUT(policy_score(f->deps.policy, chunk, &opts, logp, NULL));
        for (int t = 0; t < chunk->n_tokens; t++) sum -= (double)logp[t]; // 0 where not wanted
    }
    *loss = sum / batch.n_want;
out:
    arena_rewind(f->arena, mark);
    return st;
}
