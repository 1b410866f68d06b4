// policy/plan.c -- every buffer of a policy, declared as a shape in one walk: measured, then
// placed.
#include <string.h>

#include "base/arena.h"
#include "policy/net.h"

enum {
    TURNS_BYTES = 64 << 20, // smaller things do not take turns in one place
    HUGE_PAGE = 2 << 20,
};

// With base NULL only measures. Every piece starts on a cache line and is followed by at least 128
// bytes that stay zero: products may read a row's padding.
typedef struct Bump {
    char *base;
    size_t at;
} Bump;

static void *take(Bump *b, size_t count, size_t size) {
    void *out = b->base ? b->base + b->at : NULL;
    b->at = (b->at + count * size + 128 + 63) & ~(size_t)63;
    return out;
}
#define TAKE(b, type, count) ((type *)take((b), (size_t)(count), sizeof(type)))

static int most(int a, int b) {
    return a > b ? a : b;
}

static void place_packed(Packed *w, Bump *b, int n, int k, Precision precision) {
    w->data = take(b, gemm_packed_bytes(n, k, precision), 1);
}

// Of a large model every product of a chunk is long: packing W^T before each costs 2 % and saves a
// copy of the weights. Experts' rows are few.
bool net_keeps_back(const Policy *p) {
    return p->n_lanes > 1 || p->model.family != FAMILY_DENSE ||
           p->model.precision == PRECISION_FP8; // whose scales are not in the panels
}

static void place_linear(Linear *y, Bump *b, bool back) {
    if (y->n == 0) return;
    place_packed(&y->fwd, b, y->n, y->k, y->precision);
    if (back) place_packed(&y->back, b, y->k, y->n, y->precision);
}

static void place_ffn(Ffn *f, Bump *b, bool back) {
    if (f->width == 0) return;
    place_linear(&f->gate, b, back);
    place_linear(&f->up, b, back);
    place_linear(&f->down, b, back);
}

static void place_layer(Policy *p, Layer *y, Bump *b, bool back) {
    const ModelConfig *m = &p->model;
    place_linear(&y->q_a, b, back);
    place_linear(&y->q_b, b, back);
    place_linear(&y->kv_a, b, back);
    place_linear(&y->q, b, back);
    place_linear(&y->k, b, back);
    place_linear(&y->v, b, back);
    place_linear(&y->o, b, back);
    place_linear(&y->router, b, back);
    place_ffn(&y->ffn, b, back);
    for (int e = 0; y->moe && e < m->n_routed_experts; e++) place_ffn(&y->expert[e], b, back);
    if (!y->head) {
        place_linear(&y->kv_b, b, back);
        return;
    }
    const int n = m->qk_nope_head_dim, v = m->v_head_dim, r = m->kv_lora_rank;
    const Precision precision = y->kv_b.precision;
    for (int h = 0; h < m->n_heads; h++) {
        place_packed(&y->head[h].uk, b, r, n, precision);
        place_packed(&y->head[h].uv, b, v, r, precision);
        if (!back) continue;
        place_packed(&y->head[h].uk_back, b, n, r, precision);
        place_packed(&y->head[h].uv_back, b, r, v, precision);
    }
}

static void place_save_dense(const ModelConfig *m, Save *a, Bump *b, size_t T) {
    const size_t H = (size_t)m->n_heads, hd = (size_t)m->head_dim, KV = (size_t)m->n_kv_heads * hd,
                 F = (size_t)m->intermediate_size;
    a->q = TAKE(b, float, T *H *hd);
    a->k = TAKE(b, float, T *KV);
    a->v = TAKE(b, float, T *KV);
    a->qa = m->qk_norm ? TAKE(b, float, T *H *hd) : a->q;
    a->ka = m->qk_norm ? TAKE(b, float, T *KV) : a->k;
    a->o = TAKE(b, float, T *H *hd);
    a->lse = TAKE(b, float, T *H);
    a->gate = TAKE(b, float, T *F);
    a->up = TAKE(b, float, T *F);
}

static void place_save(const Policy *p, Save *a, Bump *b, int T, bool train) {
    const ModelConfig *m = &p->model;
    const int D = m->hidden_size, H = m->n_heads, C = model_cache_dim(m), E = m->n_routed_experts,
              k = m->n_experts_per_tok;
    a->x0 = TAKE(b, float, T *(size_t)D);
    a->x1 = train ? TAKE(b, float, T *(size_t)D) : a->x0;
    if (m->family == FAMILY_DENSE) {
        place_save_dense(m, a, b, (size_t)T);
        return;
    }
    a->qa = TAKE(b, float, T *(size_t)m->q_lora_rank);
    a->q = TAKE(b, float, T *(size_t)(H * model_qk_dim(m)));
    a->kva = TAKE(b, float, T *(size_t)C);
    a->latent = TAKE(b, float, T *(size_t)C);
    if (m->mla_form == MLA_ABSORBED) {
        a->qk = TAKE(b, float, T *(size_t)(H * C));
        a->o_lat = TAKE(b, float, T *(size_t)(H * m->kv_lora_rank));
    } else {
        a->kv = TAKE(b, float, T *(size_t)(H * (m->qk_nope_head_dim + m->v_head_dim)));
    }
    a->o = TAKE(b, float, T *(size_t)(H * m->v_head_dim));
    a->lse = TAKE(b, float, T *(size_t)H);
    const int width = most(m->intermediate_size, m->n_shared_experts * m->moe_intermediate_size);
    a->gate = TAKE(b, float, T *(size_t)width);
    a->up = TAKE(b, float, T *(size_t)width);
    if (p->n_moe == 0) return;
    const size_t slots = (size_t)T * (size_t)k;
    const size_t rows = (train ? slots : (size_t)T) * (size_t)m->moe_intermediate_size;
    a->egate = TAKE(b, float, rows);
    a->eup = TAKE(b, float, rows);
    a->score = TAKE(b, float, (size_t)T *(size_t)E);
    a->weight = TAKE(b, float, slots);
    a->route = TAKE(b, int16_t, slots);
    a->slot_token = TAKE(b, int32_t, slots);
    a->slot_entry = TAKE(b, int32_t, slots);
    a->begin = TAKE(b, int, E + 1);
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

// Scratch of every product of at most `rows` rows whose K is at most `widest`: a small K takes more
// rows at a time, so the widest is not always the one that wants most.
static size_t work_bytes(int rows, int widest) {
    size_t bytes = gemm_work_bytes(rows, widest);
    for (int k = 32; k < widest; k += 32) bytes = larger(bytes, gemm_work_bytes(rows, k));
    return bytes;
}

static size_t attention_bytes(const Policy *p, bool train) {
    const ModelConfig *m = &p->model;
    const int seq = p->opts.max_seq_tokens;
    if (m->family == FAMILY_DENSE)
        return cpu_attention_bytes(seq, m->n_heads / m->n_kv_heads, m->head_dim, m->head_dim,
                                   train);
    if (m->mla_form == MLA_ABSORBED)
        return cpu_attention_bytes(seq, m->n_heads, model_cache_dim(m), m->kv_lora_rank, train);
    return cpu_attention_bytes(seq, 1, model_qk_dim(m), m->v_head_dim, train);
}

static int head_columns(const ModelConfig *m) {
    return m->vocab_size < HEAD_COLUMNS ? m->vocab_size : HEAD_COLUMNS;
}

static size_t product_bytes(const Policy *p, const Workspace *w) {
    const ModelConfig *m = &p->model;
    const int rows = w->cap;
    int widest = most(most(m->hidden_size, m->n_heads * model_qk_dim(m)),
                      m->n_heads * (m->qk_nope_head_dim + m->v_head_dim));
    widest = most(widest, most(m->intermediate_size,
                               most(m->n_shared_experts, 1) * m->moe_intermediate_size));
    widest = most(widest, most(m->q_lora_rank, model_cache_dim(m)));
    widest = most(widest, m->n_kv_heads * m->head_dim);
    widest = most(widest, m->n_routed_experts);
    size_t bytes = work_bytes(rows, widest);
    bytes = larger(bytes, work_bytes(p->head_rows, most(m->vocab_size, m->hidden_size)));
    for (int i = 0; w->train && i < p->n_params; i++)
        if (p->param[i].cols > 0 && i != p->embed)
            bytes = larger(bytes, shared_gemm_grad_bytes(rows, p->param[i].rows, p->param[i].cols));
    if (w->train && m->family == FAMILY_MLA_MOE)
        bytes = larger(bytes, shared_gemm_grad_bytes(rows, most(m->qk_nope_head_dim, m->v_head_dim),
                                                     m->kv_lora_rank));
    if (w->train && net_keeps_back(p)) {
        bytes = larger(bytes, shared_gemm_grad_bytes(p->head_rows, m->vocab_size, m->hidden_size));
    } else if (w->train) {
        bytes = larger(bytes, shared_gemm_grad_bytes(rows, head_columns(m), m->hidden_size));
        bytes = larger(bytes, work_bytes(rows, head_columns(m)));
    }
    return bytes * (size_t)(w == p->work ? pool_threads(p->opts.pool) : 1);
}

static int widest_ffn(const ModelConfig *m) {
    return most(most(m->intermediate_size, m->n_shared_experts * m->moe_intermediate_size),
                m->moe_intermediate_size);
}

// What a unit's forward pass wants, kept or not.
static void place_work(Policy *p, Workspace *w, Bump *b, PolicyPlan *plan) {
    const ModelConfig *m = &p->model;
    const bool train = w->train = w - p->work < p->n_trainers;
    const int T = w->cap = most(p->opts.chunk_tokens, p->opts.max_seq_tokens);
    const int D = m->hidden_size, H = m->n_heads, C = model_cache_dim(m), E = m->n_routed_experts;
    const size_t rows = (size_t)T, seq = (size_t)p->opts.max_seq_tokens, begin = b->at;

    place_save(p, &w->save[0], b, T, train);
    w->pass = w->save[0];
    w->pass.x1 = w->pass.x0;
    w->x = train ? TAKE(b, float, rows *(size_t)D) : w->pass.x0;
    plan->activations += b->at - begin;

    const size_t scratch = b->at;
    w->token = TAKE(b, int32_t, rows);
    w->pos = TAKE(b, int32_t, rows);
    w->offset = TAKE(b, int, rows + 1);
    w->pos0 = TAKE(b, int, rows + 1);
    w->leader = TAKE(b, int, rows + 1);
    w->packed = TAKE(b, int, rows + 1);
    w->times = TAKE(b, int, rows + 1);
    w->slice = TAKE(b, Slice, rows + 1);
    w->h = TAKE(b, float, rows *(size_t)D);
    w->cq = TAKE(b, float, rows *(size_t)m->q_lora_rank);
    w->act = TAKE(b, float, rows *(size_t)widest_ffn(m));
    w->y = TAKE(b, float, rows *(size_t)D);
    w->logit = TAKE(b, float, rows *(size_t)E);
    const int nv = H * (m->qk_nope_head_dim + m->v_head_dim);
    const bool dense = m->family == FAMILY_DENSE;
    if (dense) { // one thread works on a unit, or all on the first workspace's
        const int threads = w == p->work ? pool_threads(p->opts.pool) : 1;
        w->turn_floats = dense_turn_floats(p, train);
        w->turn = TAKE(b, float, w->turn_floats *(size_t)threads);
    } else if (m->mla_form == MLA_EXPANDED)
        w->keys = TAKE(b, float, seq *(size_t)(most(C + nv, model_qk_dim(m) + m->v_head_dim)) + 64);
    w->head_x = TAKE(b, float, p->head_rows *(size_t)D);
    w->head_dx = TAKE(b, float, p->head_rows *(size_t)D);
    size_t logits = (size_t)p->head_rows * (size_t)m->vocab_size;
    if (train && !net_keeps_back(p)) logits = larger(logits, rows * (size_t)head_columns(m));
    w->head_logit = TAKE(b, float, logits);
    w->want_row = TAKE(b, int32_t, rows);
    w->want_at = TAKE(b, int32_t, rows);
    w->want_token = TAKE(b, int32_t, rows);
    w->want_logp = TAKE(b, float, rows);
    w->want_entropy = TAKE(b, float, rows);
    w->want_lse = TAKE(b, float, rows);
    w->load = TAKE(b, int64_t, (size_t)p->n_moe * (size_t)E);
    size_t work = larger(product_bytes(p, w), attention_bytes(p, train));
    w->attention_bytes = (attention_bytes(p, train) + 63) & ~(size_t)63;
    if (w == p->work) // one thread works on a unit, or all on the first workspace's
        work = larger(work, w->attention_bytes * (size_t)pool_threads(p->opts.pool));
    w->dev.work = take(b, work, 1);
    plan->scratch += b->at - scratch;
}

// W^T of the largest linear of a dense layer, all layers are alike, or of a part of the head.
static size_t turned_bytes(const Policy *p) {
    const Layer *y = &p->layer[0];
    const Linear *all[] = {&y->q, &y->k, &y->v, &y->o, &y->ffn.gate, &y->ffn.up, &y->ffn.down};
    size_t bytes = gemm_packed_bytes(p->head.k, head_columns(&p->model), p->head.precision);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        bytes = larger(bytes, gemm_packed_bytes(all[i]->k, all[i]->n, all[i]->precision));
    return bytes;
}

// What is there while a unit is trained.
static void place_train(Policy *p, Workspace *w, Bump *b, PolicyPlan *plan) {
    const ModelConfig *m = &p->model;
    const int D = m->hidden_size, H = m->n_heads, C = model_cache_dim(m), F = widest_ffn(m);
    const size_t rows = (size_t)w->cap, begin = b->at;
    const bool dense = m->family == FAMILY_DENSE;

    for (int l = 1; l < m->n_layers; l++) place_save(p, &w->save[l], b, w->cap, true);
    plan->activations += b->at - begin;

    const size_t scratch = b->at;
    w->dx = TAKE(b, float, rows *(size_t)D);
    w->dh = TAKE(b, float, rows *(size_t)D);
    w->dq = TAKE(b, float, rows *(size_t)(H * model_qk_dim(m)));
    w->dout = TAKE(b, float, rows *(size_t)(H * model_v_dim(m)));
    if (dense) {
        w->dk = TAKE(b, float, rows *(size_t)(m->n_kv_heads * m->head_dim));
        w->dv = TAKE(b, float, rows *(size_t)(m->n_kv_heads * m->head_dim));
        const size_t parts = (size_t)((SHARE_PARTS - 1) * m->n_kv_heads * m->head_dim);
        w->dk_part = TAKE(b, float, rows *parts);
        w->dv_part = TAKE(b, float, rows *parts);
    } else {
        w->dkva = TAKE(b, float, rows *(size_t)C);
        w->dlatent = TAKE(b, float, rows *(size_t)C);
        w->dcq = TAKE(b, float, rows *(size_t)m->q_lora_rank);
    }
    if (!dense && m->mla_form == MLA_ABSORBED) {
        w->dqk = TAKE(b, float, rows *(size_t)(H * C));
        w->dlat = TAKE(b, float, rows *(size_t)(H * m->kv_lora_rank));
    } else if (!dense) {
        w->dkv = TAKE(b, float, rows *(size_t)(H * (m->qk_nope_head_dim + m->v_head_dim)));
    }
    w->dgate = TAKE(b, float, rows *(size_t)F);
    w->dup = TAKE(b, float, rows *(size_t)F);
    w->dact = TAKE(b, float, rows *(size_t)F);
    w->dy = TAKE(b, float, rows *(size_t)D);
    w->dweight = TAKE(b, float, rows *(size_t)m->n_experts_per_tok);
    w->dscore = TAKE(b, float, rows *(size_t)m->n_routed_experts);
    w->balance = TAKE(b, float, 2 * (size_t)p->opts.max_seq_tokens * (size_t)m->n_routed_experts);
    w->head_token = TAKE(b, int32_t, rows);
    w->turned = net_keeps_back(p) ? NULL : take(b, turned_bytes(p), 1);
    w->want_dlogp = TAKE(b, float, rows);
    w->want_dentropy = TAKE(b, float, rows);
    w->logp = TAKE(b, float, rows);
    w->entropy = TAKE(b, float, rows);
    w->dlogp = TAKE(b, float, rows);
    w->dentropy = TAKE(b, float, rows);
    plan->scratch += b->at - scratch;
}

// What is there while new tokens are sampled and what is there while a chunk is trained come last;
// where both are large they are one place, used in turn.
static void place_phases(Policy *p, Bump *b, PolicyPlan *plan) {
    const ModelConfig *m = &p->model;
    const size_t pages = (size_t)m->n_layers * (size_t)p->opts.kv_pages;
    const size_t kv = pages * net_page_bytes(p);
    Bump probe = {.at = b->at};
    PolicyPlan unused = {0};
    for (int i = 0; i < p->n_trainers; i++) place_train(p, &p->work[i], &probe, &unused);
    const bool turns = kv >= TURNS_BYTES && probe.at - b->at >= TURNS_BYTES;

    const size_t gap = turns ? (HUGE_PAGE - b->at % HUGE_PAGE) % HUGE_PAGE : 0;
    plan->scratch += gap;
    p->phase.at = b->at += gap;
    p->phase.bytes = 0;
    for (int i = 0; i < p->n_trainers; i++) place_train(p, &p->work[i], b, plan);
    const size_t train_end = b->at;
    if (turns) b->at = p->phase.at;
    const size_t kv_at = b->at;
    if (pages > 0) p->kv = take(b, kv, 1);
    plan->kv = b->at - kv_at;
    if (!turns) return;
    plan->in_turn = (b->at < train_end ? b->at : train_end) - p->phase.at;
    p->phase.bytes = plan->in_turn; // what lies behind it is one phase's alone
    if (b->at < train_end) b->at = train_end;
}

void net_phase(Policy *p, bool training) {
    if (p->phase.bytes == 0 || p->phase.training == training) return;
    p->ops->clear(NULL, (char *)p->memory + p->phase.at, p->phase.bytes);
    p->phase.training = training;
}

void net_layout(Policy *p, char *base, PolicyPlan *plan) {
    const ModelConfig *m = &p->model;
    const bool train = p->opts.trainable;
    Bump bump = {.base = base}, *b = &bump;

    p->master = TAKE(b, float, p->n_floats);
    plan->weights = b->at;
    if (train) {
        p->grad = TAKE(b, float, p->n_floats);
        const int n = p->n_trainers, all = FOLD_BUFFERS(n);
        p->fold = (Fold){.ops = p->ops,
                         .pool = p->opts.pool,
                         .n_floats = p->n_floats,
                         .n_buffers = p->n_lanes == 1    ? 0
                                      : all < p->n_lanes ? all
                                                         : p->n_lanes};
        p->fold.memory = TAKE(b, float, (size_t)p->fold.n_buffers * p->n_floats);
        plan->gradients = b->at - plan->weights;
        size_t at = b->at;
        p->m = TAKE(b, float, p->n_floats);
        p->v = TAKE(b, float, p->n_floats);
        plan->moments = b->at - at;
    }
    size_t at = b->at;
    for (int l = 0; l < m->n_layers; l++)
        place_layer(p, &p->layer[l], b, train && net_keeps_back(p));
    place_linear(&p->head, b, train && net_keeps_back(p));
    plan->packed = b->at - at;

    at = b->at;
    p->rope = TAKE(b, float,
                   (size_t)p->opts.max_seq_tokens *(
                       size_t)(m->family == FAMILY_DENSE ? m->head_dim : m->qk_rope_head_dim));
    p->load = TAKE(b, int64_t, (size_t)p->n_moe * (size_t)m->n_routed_experts);
    p->sums = TAKE(b, double, p->n_params);
    p->moved = TAKE(b, bool, p->n_params);
    p->idle = TAKE(b, bool, p->n_params);
    plan->scratch = b->at - at;
    for (int i = 0; i < p->n_work; i++) place_work(p, &p->work[i], b, plan);

    place_phases(p, b, plan);
    plan->total = b->at;
}

void policy_plan_print(const PolicyPlan *plan, Str *out) {
    const struct {
        const char *name;
        size_t bytes;
    } row[] = {{"weights (fp32)", plan->weights},
               {"packed copies", plan->packed},
               {"gradients", plan->gradients},
               {"moments", plan->moments},
               {"activations", plan->activations},
               {"KV pages", plan->kv},
               {"scratch", plan->scratch},
               {"less: in turn", plan->in_turn},
               {"reference policy", plan->reference},
               {"total", plan->total}};
    str_printf(out, "parameters %lld, active %lld\n", (long long)plan->n_params,
               (long long)plan->n_active);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        str_printf(out, "  %-16s %10.2f MiB\n", row[i].name, (double)row[i].bytes / (1 << 20));
}
