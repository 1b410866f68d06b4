// policy/cpu/backend.c -- the CPU as a backend: device, queues and their scratch, and the table.
#include "policy/cpu/backend.h"

#include <stdlib.h>
#include <string.h>

#include "policy/cpu/drawrow.h"

// ---- device and memory

static Status cpu_open(Pool *pool, Device **out) {
    Device *d = calloc(1, sizeof *d);
    CHECK(d);
    *d = (Device){.pool = pool, .kernels = gemm_set()};
    pool_flush_denormals();
    *out = d;
    return ST_OK;
}
static void cpu_close(Device *d) {
    free(d);
}
static int cpu_queues(const Device *d) {
    return pool_threads(d->pool);
}
static Status cpu_check(const Device *d, const ModelConfig *m, bool train) {
    (void)d, (void)m, (void)train;
    return ST_OK;
}
static Status device_alloc(Device *d, size_t bytes, DeviceByte **out) {
    void *memory = NULL;
    (void)d;
    TRY(cpu_alloc(NULL, bytes, &memory));
    *out = memory;
    return ST_OK;
}
static void device_release(Device *d, DeviceByte *memory) {
    (void)d;
    cpu_release(NULL, memory);
}

// ---- units

// At desk size two blocks a worker at least, but products want some 32 rows. Weights that do not
// stay in a cache are read once a block: up to 64 rows then, as even as can be; of fewer than 16 a
// worker, all share one block. Scoring: several blocks a worker, but not so small that products
// starve.
static int cpu_unit_rows(const Device *d, const ModelConfig *m, UnitKind kind, int total,
                         int queues, int cap) {
    (void)d;
    int rows;
    if (kind == UNIT_SCORE) {
        rows = (total + 4 * queues - 1) / (4 * queues);
        if (rows < 256) rows = 256;
    } else if (m->family == FAMILY_DENSE) {
        const int each = (total + queues - 1) / queues, n = (each + 63) / 64;
        rows = (each + n - 1) / n;
        if (rows < 16) rows = 16 * queues;
    } else {
        rows = (total + 2 * queues - 1) / (2 * queues);
        if (rows < 32) rows = 32;
    }
    return rows < cap ? rows : cap;
}

typedef struct SlotCall {
    UnitFn *fn;
    void *ctx;
} SlotCall;
static void call_slot(void *ctx, int slot, int worker) {
    (void)worker;
    const SlotCall *c = ctx;
    c->fn(c->ctx, slot);
}
static void cpu_each(Device *d, int n, UnitFn *fn, void *ctx) {
    SlotCall c = {fn, ctx};
    if (n == 1)
        fn(ctx, 0);
    else
        pool_for(d->pool, n, call_slot, &c);
}
static void cpu_begin(Queue *q, bool alone) {
    q->dev.pool = alone ? q->device->pool : NULL;
}
static Status cpu_wait(Queue *q) {
    (void)q;
    return ST_OK;
}
static void cpu_upload(Queue *q, DeviceByte *to, const void *from, size_t bytes) {
    (void)q;
    memcpy((char *)to, from, bytes);
}
static void cpu_download(Queue *q, void *to, const DeviceByte *from, size_t bytes) {
    (void)q;
    memcpy(to, (const char *)from, bytes);
}
static void cpu_copy(Queue *q, DeviceByte *to, const DeviceByte *from, size_t bytes) {
    cpu_download(q, to, from, bytes);
}

// ---- scratch: one function lays it out, with base NULL to measure it

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

// A piece begins on a cache line; 128 bytes behind it stay zero.
static void *take(char *base, size_t *at, size_t count, size_t size) {
    void *out = base ? base + *at : NULL;
    *at = (*at + count * size + 128 + 63) & ~(size_t)63;
    return out;
}

static int threads_of(const Device *d, const UnitShape *s) {
    return s->alone ? pool_threads(d->pool) : 1;
}

static int head_rows_of(const ModelConfig *m) {
    return m->family == FAMILY_DENSE ? 256 : 64;
}
static int head_columns(const Weight *head) {
    return head->n < HEAD_COLUMNS ? head->n : HEAD_COLUMNS;
}

// Scratch of every product of at most `rows` rows whose K is at most `widest`: a small K takes more
// rows at a time, so the widest is not always the one that wants most.
static size_t gemm_bytes(int rows, int widest) {
    size_t bytes = gemm_work_bytes(rows, widest);
    for (int k = 32; k < widest; k += 32) bytes = larger(bytes, gemm_work_bytes(rows, k));
    return bytes;
}

static size_t product_bytes(const UnitShape *s, int head_rows) {
    int widest = 1;
    size_t bytes = 0;
    for (int i = 0; i < s->n_layer; i++) {
        const Weight *w = s->layer[i];
        if (w->k == 0 || w->use == 0) continue;
        widest = w->n > widest ? w->n : widest;
        widest = w->k > widest ? w->k : widest;
        if (s->train) bytes = larger(bytes, shared_gemm_grad_bytes(s->rows, w->n, w->k));
    }
    const Weight *head = s->head;
    bytes = larger(bytes, gemm_bytes(s->rows, widest));
    bytes = larger(bytes, gemm_bytes(head_rows, head->n > head->k ? head->n : head->k));
    if (!s->train) return bytes;
    if (cpu_keeps_back(head))
        return larger(bytes, shared_gemm_grad_bytes(head_rows, head->n, head->k));
    bytes = larger(bytes, shared_gemm_grad_bytes(s->rows, head_columns(head), head->k));
    return larger(bytes, gemm_bytes(s->rows, head_columns(head)));
}

static size_t attention_bytes(const ModelConfig *m, const UnitShape *s) {
    const int seq = s->max_seq_tokens;
    if (m->family == FAMILY_DENSE)
        return cpu_attention_bytes(seq, m->n_heads / m->n_kv_heads, m->head_dim, m->head_dim,
                                   s->train);
    if (m->mla_form == MLA_ABSORBED)
        return cpu_attention_bytes(seq, m->n_heads, model_cache_dim(m), m->kv_lora_rank, s->train);
    return cpu_attention_bytes(seq, 1, model_qk_dim(m), m->v_head_dim, s->train);
}

static size_t lay_always(const Device *d, const ModelConfig *m, const UnitShape *s, char *base,
                         Scratch *out) {
    const size_t threads = (size_t)threads_of(d, s), rows = (size_t)s->rows,
                 seq = (size_t)s->max_seq_tokens, D = (size_t)m->hidden_size;
    const int head_rows = head_rows_of(m);
    size_t at = 0;
    out->attention_bytes = (attention_bytes(m, s) + 63) & ~(size_t)63;
    out->product =
        take(base, &at, threads * larger(product_bytes(s, head_rows), out->attention_bytes), 1);
    if (m->family == FAMILY_DENSE) {
        const size_t wide = (size_t)(m->n_heads / m->n_kv_heads) * (size_t)m->head_dim;
        out->transpose_floats = seq * wide * (s->train ? 4 : 2) + 4 * 64;
        out->transpose = take(base, &at, out->transpose_floats * threads, sizeof(float));
    } else if (m->mla_form == MLA_EXPANDED) {
        const size_t made = (size_t)(model_cache_dim(m) +
                                     m->n_heads * (m->qk_nope_head_dim + m->v_head_dim)),
                     sums = (size_t)(model_qk_dim(m) + m->v_head_dim);
        out->keys = take(base, &at, seq * larger(made, sums) + 64, sizeof(float));
    }
    size_t logits = (size_t)head_rows * (size_t)m->vocab_size;
    if (s->train && !cpu_keeps_back(s->head))
        logits = larger(logits, rows * (size_t)head_columns(s->head));
    out->logit = take(base, &at, logits, sizeof(float));
    out->draw_bytes = (cpu_draw_row_bytes(m->vocab_size) + 63) & ~(size_t)63;
    out->draw = take(base, &at, threads * out->draw_bytes, 1);
    if (m->n_routed_experts > 0) out->row = take(base, &at, rows * D, sizeof(float));
    return at;
}

// W^T of the largest linear, or of a part of the head.
static size_t turned_bytes(const UnitShape *s) {
    const Weight *head = s->head;
    size_t bytes = gemm_packed_bytes(head->k, head_columns(head), head->precision);
    for (int i = 0; i < s->n_layer; i++)
        if (s->layer[i]->use & WEIGHT_LONG)
            bytes = larger(
                bytes, gemm_packed_bytes(s->layer[i]->k, s->layer[i]->n, s->layer[i]->precision));
    return bytes;
}

static size_t lay_train(const ModelConfig *m, const UnitShape *s, char *base, Scratch *out) {
    const size_t rows = (size_t)s->rows, E = (size_t)m->n_routed_experts;
    size_t at = 0;
    if (!s->train) return 0;
    if (m->family == FAMILY_DENSE) {
        const size_t parts = rows * (size_t)((SHARE_PARTS - 1) * m->n_kv_heads * m->head_dim);
        out->dk_part = take(base, &at, parts, sizeof(float));
        out->dv_part = take(base, &at, parts, sizeof(float));
    }
    if (E > 0) {
        out->drow = take(base, &at, rows * (size_t)m->hidden_size, sizeof(float));
        out->dscore = take(base, &at, rows * E, sizeof(float));
        out->balance = take(base, &at, 2 * (size_t)s->max_seq_tokens * E, sizeof(float));
    }
    if (!cpu_keeps_back(s->head)) {
        out->head_token = take(base, &at, rows, sizeof(int32_t));
        out->transposed = take(base, &at, turned_bytes(s), 1);
    }
    return at;
}

static size_t cpu_work_bytes(const Device *d, const ModelConfig *m, const UnitShape *s,
                             bool train) {
    Scratch unused = {0};
    return train ? lay_train(m, s, NULL, &unused) : lay_always(d, m, s, NULL, &unused);
}

static Status cpu_queue_open(Device *d, const ModelConfig *m, const UnitShape *s, DeviceByte *work,
                             DeviceByte *train, Queue **out) {
    Queue *q = calloc(1, sizeof *q);
    CHECK(q);
    *q = (Queue){.device = d, .model = m, .shape = *s, .head_rows = head_rows_of(m)};
    lay_always(d, m, s, (char *)work, &q->s);
    lay_train(m, s, (char *)train, &q->s);
    q->dev.work = q->s.product;
    if (s->train) {
        q->slice = malloc(((size_t)s->rows + 1) * sizeof *q->slice);
        CHECK(q->slice);
    }
    *out = q;
    return ST_OK;
}
static void cpu_queue_close(Queue *q) {
    if (!q) return;
    free(q->slice);
    free(q);
}

const Ops ops_cpu = {
    .name = "cpu",
    .act = {VIEW_F32, VIEW_F32, VIEW_F32},
    .open = cpu_open,
    .close = cpu_close,
    .queues = cpu_queues,
    .check = cpu_check,
    .weight_bytes = cpu_weight_bytes,
    .page_bytes = cpu_page_bytes,
    .work_bytes = cpu_work_bytes,
    .unit_rows = cpu_unit_rows,
    .alloc = device_alloc,
    .release = device_release,
    .queue_open = cpu_queue_open,
    .queue_close = cpu_queue_close,
    .each = cpu_each,
    .begin = cpu_begin,
    .wait = cpu_wait,
    .upload = cpu_upload,
    .download = cpu_download,
    .copy = cpu_copy,
    .zero = cpu_zero,
    .weights_set = cpu_weights_set,
    .embed = cpu_embed,
    .embed_back = cpu_embed_back,
    .rmsnorm = cpu_rmsnorm_unit,
    .rmsnorm_back = cpu_rmsnorm_unit_back,
    .linear = cpu_linear,
    .linear_grad = cpu_linear_grad,
    .glu = cpu_glu,
    .glu_back = cpu_glu_back,
    .rope = cpu_rope_unit,
    .attend = cpu_attend,
    .attend_back = cpu_attend_back,
    .page_copy = cpu_page_copy,
    .route = cpu_route,
    .route_back = cpu_route_back,
    .experts = cpu_experts,
    .experts_back = cpu_experts_back,
    .logprob = cpu_logprob_unit,
    .logprob_back = cpu_logprob_unit_back,
    .draw = cpu_draw,
    .logits = cpu_logits,
    .add = cpu_add,
    .sumsq = cpu_sumsq,
    .adamw = cpu_adamw_spans,
};
