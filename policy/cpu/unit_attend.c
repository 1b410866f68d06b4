// policy/cpu/unit_attend.c -- grouped-query attention of a unit, and the pages of its cache.
//
// Attention runs for one sequence and one key-value head at a time; for more than one token its G
// heads are brought together first, so that they are rows of one product. A page of the cache
// holds, for every key-value head, the keys of its tokens as columns (ready to be multiplied) and
// their values as rows; in bf16 and fp8 it holds bf16 (kvpage.h). Latents of MLA: unit_latent.c.
#include <string.h>

#include "policy/cpu/backend.h"
#include "policy/cpu/kvpage.h"

enum { PIECE_TOKENS = 64 }; // of a prompt, at least: a piece packs the keys before it anew

// The items of a unit: key-value head i % KV of sequence or slice i / KV; forward i / parts and
// i % parts, a piece of the sequence's new tokens.
typedef struct HeadItems {
    const Queue *q;
    const Attend *a;
    const AttendBack *back;
    const Index *ix;
    const int32_t *offset, *pos0;
    int H, KV, G, d, dp; // query heads, key-value heads, H / KV; width, the same rounded up to 32
    size_t head;         // floats, or bf16 codes, of one key-value head in a page
    int n, each, parts;  // items; of a run, which one thread takes; pieces of a sequence
} HeadItems;

static size_t page_head(bool bf16, int d) {
    return bf16 ? kvpage_codes(d) : (size_t)KV_PAGE_TOKENS * (size_t)(((d + 31) & ~31) + d);
}

static HeadItems items_of(const Queue *q, const Attend *a, const Index *ix) {
    return (HeadItems){.q = q,
                       .a = a,
                       .ix = ix,
                       .offset = cpu_ints(ix->offset),
                       .pos0 = cpu_ints(ix->pos0),
                       .H = a->heads,
                       .KV = a->kv_heads,
                       .G = a->heads / a->kv_heads,
                       .d = a->k.cols,
                       .dp = (a->k.cols + 31) & ~31,
                       .head = page_head(a->bf16, a->k.cols),
                       .each = 1,
                       .parts = 1};
}

// ---- pages

size_t cpu_page_bytes(const Device *d, const ModelConfig *m) {
    (void)d;
    return KV_PAGE_TOKENS * model_cache_bytes(m);
}

void cpu_page_copy(Queue *q, DeviceByte *cache, size_t layer_bytes, int n_layers, int from, int to,
                   int n_tokens) {
    const size_t row = model_cache_bytes(q->model), page = KV_PAGE_TOKENS * row;
    if (q->model->family == FAMILY_DENSE) n_tokens = KV_PAGE_TOKENS; // keys are columns
    for (int l = 0; l < n_layers; l++) {
        char *pages = (char *)device_at(cache, (size_t)l * layer_bytes);
        memcpy(pages + (size_t)to * page, pages + (size_t)from * page, (size_t)n_tokens * row);
    }
}

static const int32_t *pages_of(const HeadItems *h, int s) {
    return cpu_ints(h->ix->page) + (size_t)s * (size_t)h->ix->page_stride;
}

// New keys and values of one head of a decoded sequence go to its pages.
static void store(const HeadItems *h, int s, int g) {
    const int32_t *page = pages_of(h, s);
    const size_t width = (size_t)(h->KV * h->d);
    const size_t at = (size_t)h->offset[s] * width + (size_t)(g * h->d);
    const float *k = cpu_f32(h->a->k.data) + at, *v = cpu_f32(h->a->v.data) + at;
    const int n = h->offset[s + 1] - h->offset[s];
    for (int t = 0; t < n; t++, k += width, v += width) {
        const int pos = h->pos0[s] + t, slot = pos % KV_PAGE_TOKENS;
        const size_t head =
            ((size_t)page[pos / KV_PAGE_TOKENS] * (size_t)h->KV + (size_t)g) * h->head;
        if (h->a->bf16) {
            kvpage_put((uint16_t *)h->a->cache + head, slot, k, v, h->d);
            continue;
        }
        float *to = (float *)h->a->cache + head;
        for (int i = 0; i < h->d; i++) to[gemm_order(i) * KV_PAGE_TOKENS + slot] = k[i];
        memcpy(to + KV_PAGE_TOKENS * h->dp + slot * h->d, v, (size_t)h->d * sizeof *v);
    }
}

// ---- forward

// Rows of one group of heads: [tokens, H, d] -> [tokens, G, d], and back.
static void gather(float *to, const float *from, int tokens, const HeadItems *h) {
    for (int t = 0; t < tokens; t++)
        memcpy(to + (size_t)t * (size_t)(h->G * h->d), from + (size_t)t * (size_t)(h->H * h->d),
               (size_t)(h->G * h->d) * sizeof *to);
}
static void scatter(float *to, const float *from, int tokens, const HeadItems *h) {
    for (int t = 0; t < tokens; t++)
        memcpy(to + (size_t)t * (size_t)(h->H * h->d), from + (size_t)t * (size_t)(h->G * h->d),
               (size_t)(h->G * h->d) * sizeof *to);
}

static float *turn_of(const Queue *q, int worker) {
    return q->s.transpose + (q->dev.pool ? (size_t)worker : 0) * q->s.transpose_floats;
}

static AttentionShape shape_of(const HeadItems *h, int s, int g) {
    const Attend *a = h->a;
    AttentionShape shape = {.tokens = h->offset[s + 1] - h->offset[s],
                            .heads = h->G,
                            .pos0 = h->pos0[s],
                            .k_dim = h->d,
                            .v_dim = h->d,
                            .scale = a->scale};
    if (a->cache) {
        shape.page = pages_of(h, s);
        shape.page_rows = KV_PAGE_TOKENS;
        shape.page_step = (size_t)h->KV * h->head;
        if (a->bf16) {
            shape.k16 = (const uint16_t *)a->cache + (size_t)g * h->head;
            return shape;
        }
        shape.k = cpu_f32(a->cache) + (size_t)g * h->head;
        shape.v = shape.k + KV_PAGE_TOKENS * h->dp;
        shape.ldv = h->d;
        shape.transposed = true;
        return shape;
    }
    const size_t at = cpu_first_key(h->ix, s, &shape) * (size_t)(h->KV * h->d) + (size_t)(g * h->d);
    shape.k = cpu_f32(a->k.data) + at;
    shape.v = cpu_f32(a->v.data) + at;
    shape.ldk = shape.ldv = h->KV * h->d;
    return shape;
}

// The item after i is the one that this thread is to see next.
static void name_next(AttentionShape *shape, const HeadItems *h, int i) {
    const int s = i / h->KV, g = i % h->KV, tokens = h->pos0[s] + h->offset[s + 1] - h->offset[s];
    shape->next16 = (const uint16_t *)h->a->cache + (size_t)g * h->head;
    shape->next_page = pages_of(h, s);
    shape->next_pages = (tokens + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS;
    // its last page is written first
    const uint16_t *last =
        shape->next16 + (size_t)shape->next_page[shape->next_pages - 1] * shape->page_step;
    for (size_t c = 0; c < h->head && c < 4096; c += 32) __builtin_prefetch(last + c, 1, 2);
}

static void attend_one(const HeadItems *h, int i, int end, int worker) {
    const int item = i / h->parts, part = i % h->parts;
    const Attend *a = h->a;
    const int s = item / h->KV, g = item % h->KV, all = h->offset[s + 1] - h->offset[s];
    const int begin = all * part / h->parts, n = all * (part + 1) / h->parts - begin;
    if (n == 0) return;
    AttentionShape shape = shape_of(h, s, g);
    shape.tokens = n;
    shape.pos0 += begin;
    CpuDev dev = cpu_thread_dev(h->q, worker);
    const size_t row = (size_t)(h->offset[s] + begin) * (size_t)h->H;
    const size_t at = (row + (size_t)(g * h->G)) * (size_t)h->d;
    if (a->cache && h->parts == 1) store(h, s, g);
    if (a->cache && a->bf16 && h->parts == 1 && i + 1 < end) name_next(&shape, h, i + 1);
    float *lse = cpu_f32(a->lse.data) + (size_t)h->offset[s] * (size_t)h->H +
                 (size_t)((g * all + begin) * h->G);
    if (n == 1) {
        cpu_attention(&dev, &shape, cpu_f32(a->o.data) + at, h->d, lse, 1, cpu_f32(a->q.data) + at,
                      h->d);
        return;
    }
    float *q = turn_of(h->q, worker), *o = q + (size_t)n * (size_t)(h->G * h->d) + 64;
    gather(q, cpu_f32(a->q.data) + at, n, h);
    cpu_attention(&dev, &shape, o, h->d, lse, 1, q, h->d);
    scatter(cpu_f32(a->o.data) + at, o, n, h);
}

static void attend_run(void *ctx, int run, int worker) {
    const HeadItems *h = ctx;
    const int begin = run * h->each, end = begin + h->each < h->n ? begin + h->each : h->n;
    for (int i = begin; i < end; i++) attend_one(h, i, end, worker);
}

static void store_item(void *ctx, int i, int worker) {
    (void)worker;
    const HeadItems *h = ctx;
    store(h, i / h->KV, i % h->KV);
}

// Some four runs a thread: of many short items, so that one thread sees the pages that it asked
// for; or pieces of the new tokens of few sequences, whose keys then have to be in place first.
void cpu_attend(Queue *q, const Attend *a, const Index *ix) {
    if (a->expand || a->v.data == a->k.data || view_here(a->k2)) {
        cpu_attend_latent(q, a, ix);
        return;
    }
    if (a->bf16 && !a->cache) { // pages round what they are given
        const size_t n = (size_t)a->k.rows * (size_t)a->k.cols;
        cpu_round_bf16(NULL, cpu_f32(a->k.data), n);
        cpu_round_bf16(NULL, cpu_f32(a->v.data), n);
    }
    HeadItems h = items_of(q, a, ix);
    Pool *pool = q->dev.pool;
    h.n = ix->n_seqs * h.KV;
    if (a->cache) {
        const int runs = 4 * pool_threads(pool), new = ix->n_rows / ix->n_seqs;
        h.each = (h.n - 1) / runs + 1;
        if (pool && h.n < runs && new >= PIECE_TOKENS) {
            pool_for(pool, h.n, store_item, &h);
            h.parts = (runs - 1) / h.n + 1;
            if (h.parts > new / (PIECE_TOKENS / 2)) h.parts = new / (PIECE_TOKENS / 2);
            h.n *= h.parts;
        }
    }
    pool_for(pool, (h.n + h.each - 1) / h.each, attend_run, &h);
}

// ---- backward

// Sequences of one leader in at most SHARE_PARTS slices, as even as can be. Returns how many.
static int set_slices(SharedSlice *slice, const Index *ix) {
    const int32_t *leader = cpu_ints(ix->leader), *pos0 = cpu_ints(ix->pos0);
    int n_slices = 0;
    for (int begin = 0, end; begin < ix->n_seqs; begin = end) {
        for (end = begin + 1; end < ix->n_seqs && leader[end] == begin;) end++;
        const int n = end - begin, parts = n < SHARE_PARTS ? n : SHARE_PARTS;
        for (int i = 0; i < parts; i++) {
            SharedSlice s = {begin + n * i / parts, begin + n * (i + 1) / parts, begin, i, 0};
            for (int k = s.begin; k < s.end; k++)
                if (pos0[k] > s.rows) s.rows = pos0[k];
            slice[n_slices++] = s;
        }
    }
    return n_slices;
}

static void zero_rows(float *x, int rows, int ld, int cols) {
    for (int r = 0; r < rows; r++) memset(x + (size_t)r * (size_t)ld, 0, (size_t)cols * sizeof *x);
}

// One sequence's part of a key-value head; what it adds to shared keys and values goes to dk0, dv0.
static void back_of_seq(const HeadItems *h, int s, int g, float *dk0, float *dv0, int worker) {
    const Attend *a = h->a;
    const int n = h->offset[s + 1] - h->offset[s], width = h->KV * h->d;
    const AttentionShape shape = shape_of(h, s, g);
    CpuDev dev = cpu_thread_dev(h->q, worker);
    const size_t row = (size_t)h->offset[s] * (size_t)h->H;
    const size_t at = (row + (size_t)(g * h->G)) * (size_t)h->d;
    const size_t rows = (size_t)n * (size_t)(h->G * h->d) + 64;
    const size_t own = (size_t)h->offset[s] * (size_t)width + (size_t)(g * h->d);
    float *q = turn_of(h->q, worker), *o = q + rows, *dout = o + rows, *dq = dout + rows;
    gather(q, cpu_f32(a->q.data) + at, n, h);
    gather(o, cpu_f32(a->o.data) + at, n, h);
    gather(dout, cpu_f32(h->back->dout.data) + at, n, h);
    const AttentionGrad to = {.dq = dq,
                              .lddq = h->d,
                              .dk = cpu_f32(h->back->dk.data) + own,
                              .dv = cpu_f32(h->back->dv.data) + own,
                              .shared_dk = dk0,
                              .shared_dv = dv0,
                              .lddk = width,
                              .lddv = width};
    zero_rows(to.dk, n, width, h->d);
    zero_rows(to.dv, n, width, h->d);
    cpu_attention_grad(&dev, &shape, &to, dout, o, h->d,
                       cpu_f32(a->lse.data) + row + (size_t)(g * n * h->G), 1, q, h->d);
    scatter(cpu_f32(h->back->dq.data) + at, dq, n, h);
}

static size_t part_at(const HeadItems *h, const SharedSlice *s) {
    const size_t width = (size_t)(h->KV * h->d);
    return (size_t)(s->part - 1) * (size_t)h->q->shape.rows * width +
           (size_t)h->offset[s->leader] * width;
}

// Sequences that share keys add to them one after the other, slice by slice; the first slice of
// them, which holds their leader, adds to the leader's own rows, the others to sums of their own.
static void back_of_slice(void *ctx, int i, int worker) {
    const HeadItems *h = ctx;
    const SharedSlice *slice = &h->q->slice[i / h->KV];
    const int g = i % h->KV, width = h->KV * h->d;
    const size_t at = (size_t)h->offset[slice->leader] * (size_t)width + (size_t)(g * h->d);
    float *dk = cpu_f32(h->back->dk.data) + at, *dv = cpu_f32(h->back->dv.data) + at;
    if (slice->part > 0) {
        dk = h->q->s.dk_part + part_at(h, slice) + (size_t)(g * h->d);
        dv = h->q->s.dv_part + part_at(h, slice) + (size_t)(g * h->d);
        zero_rows(dk, slice->rows, width, h->d);
        zero_rows(dv, slice->rows, width, h->d);
    }
    for (int s = slice->begin; s < slice->end; s++) back_of_seq(h, s, g, dk, dv, worker);
}

void cpu_attend_back(Queue *q, const AttendBack *b, const Index *ix) {
    const Attend *a = b->of;
    if (!view_here(b->dv) || view_here(a->k2)) {
        cpu_attend_latent_back(q, b, ix);
        return;
    }
    HeadItems h = items_of(q, a, ix);
    h.back = b;
    const int n_slices = set_slices(q->slice, ix), width = h.KV * h.d;
    pool_for(q->dev.pool, n_slices * h.KV, back_of_slice, &h);
    for (int i = 0; i < n_slices; i++) { // the slices' sums go to their leader's rows, in order
        const SharedSlice *s = &q->slice[i];
        if (s->part == 0) continue;
        const size_t at = (size_t)h.offset[s->leader] * (size_t)width, from = part_at(&h, s);
        cpu_axpy_rows(NULL, cpu_f32(b->dk.data) + at, width, NULL, q->s.dk_part + from, width, NULL,
                      NULL, NULL, s->rows, width);
        cpu_axpy_rows(NULL, cpu_f32(b->dv.data) + at, width, NULL, q->s.dv_part + from, width, NULL,
                      NULL, NULL, s->rows, width);
    }
}
