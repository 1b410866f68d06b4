// policy/dense.c -- grouped-query attention of the dense families, forward and backward.
//
// Llama (arXiv 2302.13971, 2407.21783), Qwen2 (2407.10671), Qwen3 (2505.09388); GQA (2305.13245): G
// = heads / KV query heads share a key-value head. Attention runs for one sequence and one
// key-value head at a time; for more than one token its G heads are brought together first, so that
// they are rows of one product. A page of the cache holds, for every key-value head, the keys of
// its tokens as columns (ready to be multiplied) and their values as rows; in bf16 and fp8 it holds
// bf16 (cpu/kvpage.h), and keys and values are rounded to bf16 in training and scoring as well.
#include <string.h>

#include "policy/cpu/kvpage.h"
#include "policy/net.h"

enum { PIECE_TOKENS = 64 }; // of a prompt, at least: a piece packs the keys before it anew

// H query heads, KV key-value heads, G = H / KV; d head_dim, dp the same rounded up to 32.
typedef struct Dim {
    int D, H, KV, G, d, dp;
    bool half;   // the cache is bf16
    size_t head; // floats, or bf16 codes, of one key-value head in a page
} Dim;

static Dim dims(const ModelConfig *m) {
    Dim d = {.D = m->hidden_size,
             .H = m->n_heads,
             .KV = m->n_kv_heads,
             .G = m->n_heads / m->n_kv_heads,
             .d = m->head_dim,
             .dp = (m->head_dim + 31) & ~31,
             .half = model_cache_bf16(m)};
    d.head = d.half ? kvpage_codes(d.d) : (size_t)KV_PAGE_TOKENS * (size_t)(d.dp + d.d);
    return d;
}

size_t dense_turn_floats(const Policy *p, bool train) {
    const Dim d = dims(&p->model);
    const size_t rows = (size_t)p->opts.max_seq_tokens * (size_t)d.G;
    return rows * (size_t)d.d * (train ? 4 : 2) + 4 * 64;
}

// New keys and values of one head of a decoded sequence go to its pages.
static void store(const Run *r, int l, int s, int g, const Dim *d) {
    const DecodeSeq *q = &r->decode[s];
    const Save *a = net_save(r, l);
    const size_t width = (size_t)(d->KV * d->d);
    const size_t at = (size_t)r->w->offset[s] * width + (size_t)(g * d->d);
    const float *k = a->k + at, *v = a->v + at;
    for (int t = 0; t < q->n_new; t++, k += width, v += width) {
        const int pos = q->pos + t, slot = pos % KV_PAGE_TOKENS;
        const size_t head =
            ((size_t)q->page[pos / KV_PAGE_TOKENS] * (size_t)d->KV + (size_t)g) * d->head;
        if (d->half) {
            kvpage_put((uint16_t *)net_kv(r->p, l) + head, slot, k, v, d->d);
            continue;
        }
        float *to = (float *)net_kv(r->p, l) + head;
        for (int i = 0; i < d->d; i++) to[gemm_order(i) * KV_PAGE_TOKENS + slot] = k[i];
        memcpy(to + KV_PAGE_TOKENS * d->dp + slot * d->d, v, (size_t)d->d * sizeof *v);
    }
}

// Rows of one group of heads: [tokens, H, d] -> [tokens, G, d], and back.
static void gather(float *to, const float *from, int tokens, const Dim *d) {
    for (int t = 0; t < tokens; t++)
        memcpy(to + (size_t)t * (size_t)(d->G * d->d), from + (size_t)t * (size_t)(d->H * d->d),
               (size_t)(d->G * d->d) * sizeof *to);
}
static void scatter(float *to, const float *from, int tokens, const Dim *d) {
    for (int t = 0; t < tokens; t++)
        memcpy(to + (size_t)t * (size_t)(d->H * d->d), from + (size_t)t * (size_t)(d->G * d->d),
               (size_t)(d->G * d->d) * sizeof *to);
}

// The items of a layer: key-value head i % KV of sequence or slice i / KV; forward i / parts and
// i % parts, a piece of the sequence's new tokens.
typedef struct Heads {
    Run *r;
    int l;
    Dim d;
    int n, each, parts; // items; of a run, which one thread takes; pieces of a sequence
} Heads;

// The scratch of a thread: the first one's, unless all work on this unit.
static CpuDev device_of(const Workspace *w, int worker, float **turn) {
    const size_t at = w->dev.pool ? (size_t)worker : 0;
    *turn = w->turn + at * w->turn_floats;
    return (CpuDev){.work = (char *)w->dev.work + at * w->attention_bytes};
}

static AttentionShape shape_of(const Heads *h, int s, int g) {
    const Run *r = h->r;
    const Workspace *w = r->w;
    const Save *a = net_save(r, h->l);
    const Dim *d = &h->d;
    AttentionShape shape = {.tokens = w->offset[s + 1] - w->offset[s],
                            .heads = d->G,
                            .pos0 = w->pos0[s],
                            .k_dim = d->d,
                            .v_dim = d->d,
                            .scale = r->p->softmax_scale};
    if (r->decode) {
        shape.page = r->decode[s].page;
        shape.page_rows = KV_PAGE_TOKENS;
        shape.page_step = (size_t)d->KV * d->head;
        if (d->half) {
            shape.k16 = (const uint16_t *)net_kv(r->p, h->l) + (size_t)g * d->head;
            return shape;
        }
        shape.k = (const float *)net_kv(r->p, h->l) + (size_t)g * d->head;
        shape.v = shape.k + KV_PAGE_TOKENS * d->dp;
        shape.ldv = d->d;
        shape.turned = true;
        return shape;
    }
    const size_t at = net_keys(w, s, &shape) * (size_t)(d->KV * d->d) + (size_t)(g * d->d);
    shape.k = a->k + at;
    shape.v = a->v + at;
    shape.ldk = shape.ldv = d->KV * d->d;
    return shape;
}

// The item after i is the one that this thread is to see next.
static void name_next(AttentionShape *shape, const Heads *h, int i) {
    const int s = i / h->d.KV, g = i % h->d.KV;
    const DecodeSeq *q = &h->r->decode[s];
    shape->next16 = (const uint16_t *)net_kv(h->r->p, h->l) + (size_t)g * h->d.head;
    shape->next_page = q->page;
    shape->next_pages = (q->pos + q->n_new + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS;
    // its last page is written first
    const uint16_t *last =
        shape->next16 + (size_t)q->page[shape->next_pages - 1] * shape->page_step;
    for (size_t c = 0; c < h->d.head && c < 4096; c += 32) __builtin_prefetch(last + c, 1, 2);
}

static void attend_one(const Heads *h, int i, int end, int worker) {
    const int item = i / h->parts, part = i % h->parts;
    const Run *r = h->r;
    const Dim *d = &h->d;
    const Workspace *w = r->w;
    const Save *a = net_save(r, h->l);
    const int s = item / d->KV, g = item % d->KV, all = w->offset[s + 1] - w->offset[s];
    const int begin = all * part / h->parts, n = all * (part + 1) / h->parts - begin;
    if (n == 0) return;
    AttentionShape shape = shape_of(h, s, g);
    shape.tokens = n;
    shape.pos0 += begin;
    float *turn;
    CpuDev dev = device_of(w, worker, &turn);
    const size_t row = (size_t)(w->offset[s] + begin) * (size_t)d->H;
    const size_t at = (row + (size_t)(g * d->G)) * (size_t)d->d;
    if (r->decode && h->parts == 1) store(r, h->l, s, g, d);
    if (r->decode && d->half && h->parts == 1 && i + 1 < end) name_next(&shape, h, i + 1);
    float *lse = a->lse + (size_t)w->offset[s] * (size_t)d->H + (size_t)((g * all + begin) * d->G);
    if (n == 1) {
        r->p->ops->attention(&dev, &shape, a->o + at, d->d, lse, 1, a->q + at, d->d);
        return;
    }
    float *q = turn, *o = q + (size_t)n * (size_t)(d->G * d->d) + 64;
    gather(q, a->q + at, n, d);
    r->p->ops->attention(&dev, &shape, o, d->d, lse, 1, q, d->d);
    scatter(a->o + at, o, n, d);
}

static void attend(void *ctx, int run, int worker) {
    const Heads *h = ctx;
    const int begin = run * h->each, end = begin + h->each < h->n ? begin + h->each : h->n;
    for (int i = begin; i < end; i++) attend_one(h, i, end, worker);
}

static void zero_rows(float *x, int rows, int ld, int cols) {
    for (int r = 0; r < rows; r++) memset(x + (size_t)r * (size_t)ld, 0, (size_t)cols * sizeof *x);
}

// One sequence's part of a key-value head; what it adds to shared keys and values goes to dk0, dv0.
static void attend_backward_seq(const Heads *h, int s, int g, float *dk0, float *dv0, int worker) {
    const Run *r = h->r;
    const Dim *d = &h->d;
    const Workspace *w = r->w;
    const Save *a = net_save(r, h->l);
    const int n = w->offset[s + 1] - w->offset[s], width = d->KV * d->d;
    const AttentionShape shape = shape_of(h, s, g);
    float *turn;
    CpuDev dev = device_of(w, worker, &turn);
    const size_t row = (size_t)w->offset[s] * (size_t)d->H;
    const size_t at = (row + (size_t)(g * d->G)) * (size_t)d->d;
    const size_t rows = (size_t)n * (size_t)(d->G * d->d) + 64;
    const size_t own = (size_t)w->offset[s] * (size_t)width + (size_t)(g * d->d);
    float *q = turn, *o = q + rows, *dout = o + rows, *dq = dout + rows;
    gather(q, a->q + at, n, d);
    gather(o, a->o + at, n, d);
    gather(dout, w->dout + at, n, d);
    const AttentionGrad to = {.dq = dq,
                              .lddq = d->d,
                              .dk = w->dk + own,
                              .dv = w->dv + own,
                              .shared_dk = dk0,
                              .shared_dv = dv0,
                              .lddk = width,
                              .lddv = width};
    zero_rows(to.dk, n, width, d->d);
    zero_rows(to.dv, n, width, d->d);
    r->p->ops->attention_grad(&dev, &shape, &to, dout, o, d->d,
                              a->lse + row + (size_t)(g * n * d->G), 1, q, d->d);
    scatter(w->dq + at, dq, n, d);
}

// Sequences that share keys add to them one after the other, slice by slice; the first slice of
// them, which holds their leader, adds to the leader's own rows, the others to sums of their own.
static void attend_backward(void *ctx, int i, int worker) {
    const Heads *h = ctx;
    const Dim *d = &h->d;
    const Workspace *w = h->r->w;
    const Slice *slice = &w->slice[i / d->KV];
    const int g = i % d->KV, width = d->KV * d->d;
    const size_t at = (size_t)w->offset[slice->leader] * (size_t)width + (size_t)(g * d->d);
    float *dk = w->dk + at, *dv = w->dv + at;
    if (slice->part > 0) {
        const size_t part = (size_t)(slice->part - 1) * (size_t)w->cap * (size_t)width;
        dk = w->dk_part + part + at;
        dv = w->dv_part + part + at;
        zero_rows(dk, slice->rows, width, d->d);
        zero_rows(dv, slice->rows, width, d->d);
    }
    for (int s = slice->begin; s < slice->end; s++) attend_backward_seq(h, s, g, dk, dv, worker);
}

// The slices' sums go to their leader's rows, in order.
static void add_slices(Run *r, const Dim *d) {
    const Ops *ops = r->p->ops;
    Workspace *w = r->w;
    const int width = d->KV * d->d;
    for (int i = 0; i < w->n_slices; i++) {
        const Slice *s = &w->slice[i];
        if (s->part == 0) continue;
        const size_t at = (size_t)w->offset[s->leader] * (size_t)width;
        const size_t from = (size_t)(s->part - 1) * (size_t)w->cap * (size_t)width + at;
        ops->axpy_rows(&w->dev, w->dk + at, width, NULL, w->dk_part + from, width, NULL, NULL, NULL,
                       s->rows, width);
        ops->axpy_rows(&w->dev, w->dv + at, width, NULL, w->dv_part + from, width, NULL, NULL, NULL,
                       s->rows, width);
    }
}

static void store_item(void *ctx, int i, int worker) {
    (void)worker;
    const Heads *h = ctx;
    store(h->r, h->l, i / h->d.KV, i % h->d.KV, &h->d);
}

// Some four runs a thread: of many short items, so that one thread sees the pages that it asked
// for; or pieces of the new tokens of few sequences, whose keys then have to be in place first.
static void each_head(Run *r, int l) {
    Heads h = {.r = r, .l = l, .d = dims(&r->p->model), .each = 1, .parts = 1};
    Pool *pool = r->w->dev.pool;
    h.n = r->n_seqs * h.d.KV;
    if (r->decode) {
        const int runs = 4 * pool_threads(pool), new = r->n_tokens / r->n_seqs;
        h.each = (h.n - 1) / runs + 1;
        if (pool && h.n < runs && new >= PIECE_TOKENS) {
            pool_for(pool, h.n, store_item, &h);
            h.parts = (runs - 1) / h.n + 1;
            if (h.parts > new / (PIECE_TOKENS / 2)) h.parts = new / (PIECE_TOKENS / 2);
            h.n *= h.parts;
        }
    }
    pool_for(pool, (h.n + h.each - 1) / h.each, attend, &h);
}

static void rotate(Run *r, float *q, float *k, const Dim *d, bool inverse) {
    const Policy *p = r->p;
    Workspace *w = r->w;
    p->ops->rope_halves(&w->dev, q, d->H * d->d, d->H, d->d, p->rope, w->pos, r->n_tokens, d->d,
                        inverse);
    p->ops->rope_halves(&w->dev, k, d->KV * d->d, d->KV, d->d, p->rope, w->pos, r->n_tokens, d->d,
                        inverse);
}

void dense_forward(Run *r, int l) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    const Layer *y = &p->layer[l];
    Save *a = net_save(r, l);
    const Dim d = dims(&p->model);
    const int T = r->n_tokens;
    const float eps = (float)p->model.rms_norm_eps;

    ops->rmsnorm(&w->dev, w->h, d.D, a->x0, d.D, net_at(p, p->master, y->attn_norm), T, d.D, eps);
    net_linear(r, &y->q, a->qa, w->h, d.D, false);
    net_linear(r, &y->k, a->ka, w->h, d.D, false);
    net_linear(r, &y->v, a->v, w->h, d.D, false);
    if (y->q_norm >= 0) {
        ops->rmsnorm(&w->dev, a->q, d.d, a->qa, d.d, net_at(p, p->master, y->q_norm), T * d.H, d.d,
                     eps);
        ops->rmsnorm(&w->dev, a->k, d.d, a->ka, d.d, net_at(p, p->master, y->kv_norm), T * d.KV,
                     d.d, eps);
    }
    rotate(r, a->q, a->k, &d, false);
    if (d.half && !r->decode) { // pages round what they are given
        const size_t n = (size_t)T * (size_t)(d.KV * d.d);
        ops->round_bf16(&w->dev, a->k, n);
        ops->round_bf16(&w->dev, a->v, n);
    }
    each_head(r, l);
    if (a->x1 != a->x0) memcpy(a->x1, a->x0, (size_t)T * (size_t)d.D * sizeof(float));
    net_linear(r, &y->o, a->x1, a->o, d.H * d.d, true);
}

void dense_backward(Run *r, int l) {
    Policy *p = r->p;
    Workspace *w = r->w;
    const Ops *ops = p->ops;
    const Layer *y = &p->layer[l];
    const Save *a = net_save(r, l);
    const Dim d = dims(&p->model);
    const int T = r->n_tokens;
    const float eps = (float)p->model.rms_norm_eps;
    float *dq = w->dq, *dk = w->dk;

    net_linear_back(r, &y->o, w->dout, w->dx, false);
    net_linear_grad(r, &y->o, w->dx, a->o, d.H * d.d);
    Heads heads = {.r = r, .l = l, .d = d};
    pool_for(w->dev.pool, w->n_slices * d.KV, attend_backward, &heads);
    add_slices(r, &d);
    rotate(r, dq, dk, &d, true);
    if (y->q_norm >= 0) { // in place: a row is read before it is written
        ops->rmsnorm_grad(&w->dev, dq, d.d, net_at(p, r->grad, y->q_norm), dq, d.d, a->qa, d.d,
                          net_at(p, p->master, y->q_norm), T * d.H, d.d, eps, false);
        ops->rmsnorm_grad(&w->dev, dk, d.d, net_at(p, r->grad, y->kv_norm), dk, d.d, a->ka, d.d,
                          net_at(p, p->master, y->kv_norm), T * d.KV, d.d, eps, false);
    }
    ops->rmsnorm(&w->dev, w->h, d.D, a->x0, d.D, net_at(p, p->master, y->attn_norm), T, d.D, eps);
    net_linear_grad(r, &y->q, dq, w->h, d.D);
    net_linear_grad(r, &y->k, dk, w->h, d.D);
    net_linear_grad(r, &y->v, w->dv, w->h, d.D);
    net_linear_back(r, &y->q, w->dh, dq, false);
    net_linear_back(r, &y->k, w->dh, dk, true);
    net_linear_back(r, &y->v, w->dh, w->dv, true);
    ops->rmsnorm_grad(&w->dev, w->dx, d.D, net_at(p, r->grad, y->attn_norm), w->dh, d.D, a->x0, d.D,
                      net_at(p, p->master, y->attn_norm), T, d.D, eps, true);
}
