// policy/cpu/unit_latent.c -- attention over latents (MLA): all heads on one key, or keys made of
// it.
//
// Absorbed: a key is a latent row, its value the first columns of it, and all heads share them.
// Expanded: keys and values of every head are there (or, decoding, are made of the cached latents
// of one sequence at a time), and k2 is the rotated key that all heads share.
#include <string.h>

#include "policy/cpu/backend.h"

// Attention in items, which threads share where all work on this unit: absorbed, a part of a
// sequence, cut between heads (one new token) or between tokens; expanded, a head of one sequence.
typedef struct LatentItems {
    Queue *q;
    const Attend *a;
    const Index *ix;
    const int32_t *offset, *pos0;
    int H, C, parts; // heads; width of a cached row
    // expanded: keys, values and cached rows of the unit, or of the one sequence that is decoded
    const float *k, *v, *k2;
    int ld, s; // of k and v
} LatentItems;

static LatentItems items_of(Queue *q, const Attend *a, const Index *ix) {
    return (LatentItems){.q = q,
                         .a = a,
                         .ix = ix,
                         .offset = cpu_ints(ix->offset),
                         .pos0 = cpu_ints(ix->pos0),
                         .H = a->heads,
                         .C = view_here(a->k2) ? a->k2.stride : a->k.cols};
}

static const int32_t *pages_of(const LatentItems *x, int s) {
    return cpu_ints(x->ix->page) + (size_t)s * (size_t)x->ix->page_stride;
}
static size_t cache_row(const int32_t *page, int pos) {
    return (size_t)page[pos / KV_PAGE_TOKENS] * KV_PAGE_TOKENS + (size_t)(pos % KV_PAGE_TOKENS);
}

// New latents of a decoded sequence go to its pages.
static void store(const LatentItems *x, int s) {
    const int32_t *page = pages_of(x, s);
    const size_t c = (size_t)x->C;
    for (int t = x->offset[s]; t < x->offset[s + 1]; t++)
        memcpy(cpu_f32(x->a->cache) + cache_row(page, x->pos0[s] + t - x->offset[s]) * c,
               cpu_f32(x->a->k.data) + (size_t)t * c, c * sizeof(float));
}

// ---- absorbed

// Parts of a sequence, so that every thread has one; a part keeps four heads at least, or tokens.
static int parts_of(const LatentItems *x) {
    const int threads = pool_threads(x->q->dev.pool), n = x->ix->n_seqs;
    const int want = n < threads ? (threads + n - 1) / n : 1;
    if (x->ix->n_rows > n) return want;
    const int most = x->H / 4 > 1 ? x->H / 4 : 1;
    return want < most ? want : most;
}

static void attend_absorbed(void *ctx, int i, int worker) {
    const LatentItems *x = ctx;
    const Attend *a = x->a;
    const int s = i / x->parts, part = i % x->parts, H = x->H, C = x->C, R = a->v.cols;
    const size_t at = (size_t)x->offset[s];
    const int n = x->offset[s + 1] - x->offset[s], whole = n > 1 ? n : H;
    const int from = whole * part / x->parts, count = whole * (part + 1) / x->parts - from;
    if (count == 0) return;
    AttentionShape shape = {.tokens = n > 1 ? count : 1,
                            .heads = n > 1 ? H : count,
                            .pos0 = x->pos0[s] + (n > 1 ? from : 0),
                            .k_dim = C,
                            .v_dim = R,
                            .ldk = C,
                            .ldv = C,
                            .scale = a->scale};
    if (!a->cache) {
        shape.k = shape.v = cpu_f32(a->k.data) + cpu_first_key(x->ix, s, &shape) * (size_t)C;
    } else {
        shape.k = shape.v = cpu_f32(a->cache);
        shape.page = pages_of(x, s);
        shape.page_rows = KV_PAGE_TOKENS;
        shape.page_step = KV_PAGE_TOKENS * (size_t)C;
    }
    const size_t row = at * (size_t)H + (size_t)from * (size_t)(n > 1 ? H : 1);
    CpuDev dev = cpu_thread_dev(x->q, worker);
    cpu_attention(&dev, &shape, cpu_f32(a->o.data) + row * (size_t)R, R, cpu_f32(a->lse.data) + row,
                  1, cpu_f32(a->q.data) + row * (size_t)C, C);
}

// ---- expanded

// Keys N and values V wide; k2 P wide at the end of a cached row.
static AttentionShape expanded_shape(const LatentItems *x, int s, int N, int V) {
    const int P = x->a->q.cols - N;
    return (AttentionShape){.tokens = x->offset[s + 1] - x->offset[s],
                            .heads = 1,
                            .pos0 = x->pos0[s],
                            .k_dim = N,
                            .k2_dim = P,
                            .v_dim = V,
                            .ldk = x->ld,
                            .ldk2 = x->C,
                            .ldv = x->ld,
                            .scale = x->a->scale};
}

static void attend_head(void *ctx, int h, int worker) {
    const LatentItems *x = ctx;
    const Attend *a = x->a;
    const int H = x->H, V = a->o.cols, each = x->ld / H, NP = a->q.cols, s = x->s;
    AttentionShape shape = expanded_shape(x, s, each - V, V);
    const size_t first = a->cache ? 0 : cpu_first_key(x->ix, s, &shape);
    shape.k = x->k + first * (size_t)x->ld + h * each;
    shape.k2 = x->k2 + first * (size_t)x->C;
    shape.v = x->v + first * (size_t)x->ld + h * each;
    const size_t row = (size_t)x->offset[s] * (size_t)H + (size_t)h;
    CpuDev dev = cpu_thread_dev(x->q, worker);
    cpu_attention(&dev, &shape, cpu_f32(a->o.data) + row * (size_t)V, H * V,
                  cpu_f32(a->lse.data) + row, H, cpu_f32(a->q.data) + row * (size_t)NP, H * NP);
}

// Keys and values of everything that one sequence has cached.
static void expand_cache(LatentItems *x, int s) {
    const Weight *w = x->a->expand;
    const size_t C = (size_t)x->C;
    const int keys = x->pos0[s] + x->offset[s + 1] - x->offset[s];
    const int32_t *page = pages_of(x, s);
    float *rows = x->q->s.keys, *made = rows + (size_t)x->q->shape.max_seq_tokens * C + 32;
    for (int t = 0; t < keys; t++)
        memcpy(rows + (size_t)t * C, cpu_f32(x->a->cache) + cache_row(page, t) * C,
               C * sizeof *rows);
    const Packed packed = cpu_weight(x->q, w, 0, false);
    cpu_gemm(&x->q->dev, made, w->n, rows, (int)C, keys, &packed, GEMM_SET, NULL);
    x->k = made;
    x->v = made + (w->n / x->H - x->a->o.cols);
    x->k2 = rows + w->k;
    x->ld = w->n;
}

void cpu_attend_latent(Queue *q, const Attend *a, const Index *ix) {
    LatentItems x = items_of(q, a, ix);
    for (int s = 0; a->cache && s < ix->n_seqs; s++) store(&x, s);
    if (!a->expand && !view_here(a->k2)) {
        x.parts = parts_of(&x);
        pool_for(q->dev.pool, ix->n_seqs * x.parts, attend_absorbed, &x);
        return;
    }
    if (!a->cache) {
        x.k = cpu_f32(a->k.data);
        x.v = cpu_f32(a->v.data);
        x.k2 = cpu_f32(a->k2.data);
        x.ld = a->k.stride * x.H;
    }
    for (x.s = 0; x.s < ix->n_seqs; x.s++) {
        if (a->cache) expand_cache(&x, x.s);
        pool_for(q->dev.pool, x.H, attend_head, &x);
    }
}

// ---- backward

static void absorbed_back(Queue *q, const AttendBack *b, const LatentItems *x) {
    const Attend *a = b->of;
    const int H = x->H, C = x->C, R = a->v.cols;
    float *dk = cpu_f32(b->dk.data);
    memset(dk, 0, view_bytes(b->dk));
    for (int s = 0; s < x->ix->n_seqs; s++) {
        const size_t at = (size_t)x->offset[s], row = at * (size_t)H;
        AttentionShape shape = {.tokens = x->offset[s + 1] - x->offset[s],
                                .heads = H,
                                .pos0 = x->pos0[s],
                                .k_dim = C,
                                .v_dim = R,
                                .ldk = C,
                                .ldv = C,
                                .scale = a->scale};
        const size_t first = cpu_first_key(x->ix, s, &shape) * (size_t)C;
        shape.k = shape.v = cpu_f32(a->k.data) + first;
        const AttentionGrad to = {.dq = cpu_f32(b->dq.data) + row * (size_t)C,
                                  .lddq = C,
                                  .dk = dk + at * (size_t)C,
                                  .shared_dk = dk + first,
                                  .lddk = C};
        cpu_attention_grad(&q->dev, &shape, &to, cpu_f32(b->dout.data) + row * (size_t)R,
                           cpu_f32(a->o.data) + row * (size_t)R, R, cpu_f32(a->lse.data) + row, 1,
                           cpu_f32(a->q.data) + row * (size_t)C, C);
    }
}

// One head of one sequence: gradients of its keys [tokens, N + P] and values [tokens, V] are summed
// apart, then go to the unit's rows. Those of shared rows add, the sequence's own are written.
static void expanded_back_head(Queue *q, const AttendBack *b, const LatentItems *x, int s, int h) {
    const Attend *a = b->of;
    const int H = x->H, V = a->v.cols, N = a->k.cols, NP = a->q.cols, P = NP - N, ld = x->ld;
    const int tokens = x->offset[s + 1] - x->offset[s], shared = x->pos0[s], each = ld / H;
    float *dk = q->s.keys, *dv = dk + (size_t)q->shape.max_seq_tokens * (size_t)NP + 32;
    AttentionShape shape = expanded_shape(x, s, N, V);
    const size_t first = cpu_first_key(x->ix, s, &shape);
    shape.k = cpu_f32(a->k.data) + first * (size_t)ld + h * each;
    shape.k2 = cpu_f32(a->k2.data) + first * (size_t)x->C;
    shape.v = cpu_f32(a->v.data) + first * (size_t)ld + h * each;
    const size_t row = (size_t)x->offset[s] * (size_t)H + (size_t)h;
    memset(dk, 0, (size_t)(shared + tokens) * (size_t)NP * sizeof *dk);
    memset(dv, 0, (size_t)(shared + tokens) * (size_t)V * sizeof *dv);
    const AttentionGrad sums = {.dq = cpu_f32(b->dq.data) + row * (size_t)NP,
                                .lddq = H * NP,
                                .dk = dk + shared * NP,
                                .dv = dv + shared * V,
                                .shared_dk = dk,
                                .shared_dv = dv,
                                .lddk = NP,
                                .lddv = V};
    cpu_attention_grad(&q->dev, &shape, &sums, cpu_f32(b->dout.data) + row * (size_t)V,
                       cpu_f32(a->o.data) + row * (size_t)V, H * V, cpu_f32(a->lse.data) + row, H,
                       cpu_f32(a->q.data) + row * (size_t)NP, H * NP);
    for (int j = 0; j < shared + tokens; j++) {
        const size_t at = first + (size_t)(j < shared ? j : j + shape.gap);
        float *to_k = cpu_f32(b->dk.data) + at * (size_t)ld + h * each;
        float *to_v = cpu_f32(b->dv.data) + at * (size_t)ld + h * each;
        float *to_k2 = cpu_f32(b->dk2.data) + at * (size_t)x->C;
        const float *k = dk + (size_t)j * (size_t)NP, *v = dv + (size_t)j * (size_t)V;
        for (int i = 0; i < N; i++) to_k[i] = j < shared ? to_k[i] + k[i] : k[i];
        for (int i = 0; i < V; i++) to_v[i] = j < shared ? to_v[i] + v[i] : v[i];
        for (int i = 0; i < P; i++) to_k2[i] += k[N + i];
    }
}

void cpu_attend_latent_back(Queue *q, const AttendBack *b, const Index *ix) {
    LatentItems x = items_of(q, b->of, ix);
    if (!view_here(b->dk2)) {
        absorbed_back(q, b, &x);
        return;
    }
    x.ld = b->of->k.stride * x.H;
    for (int t = 0; t < b->dk2.rows; t++)
        memset(cpu_f32(view_rows(b->dk2, t, 1).data), 0, (size_t)b->dk2.cols * sizeof(float));
    for (int s = 0; s < ix->n_seqs; s++)
        for (int h = 0; h < x.H; h++) expanded_back_head(q, b, &x, s, h);
}
