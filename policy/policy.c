// policy/policy.c -- a policy's life: plan, allocation, initial weights, packed copies, copies.
//
// Initial weights ("desk", when initializer_range <= 0): N(0, 1/sqrt(fan_in)) for every matrix, the
// two that write to the residual stream (o_proj, down_proj) times 1/sqrt(2 layers), embedding
// N(0, 0.5), head N(0, 0.02). Otherwise N(0, initializer_range) throughout, as V3 was. Norms are 1,
// biases 0.
#include "policy/policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/rng.h"
#include "policy/net.h"
#include "policy/rope.h"

static void fill_rope_dense(Policy *p) {
    const int d = p->model.head_dim, half = d / 2;
    double scale;
    float rate[ROPE_MAX_DIM / 2];
    rope_rates_dense(&p->model.rope, d, rate, &scale);
    for (int t = 0; t < p->opts.max_seq_tokens; t++) {
        float *row = p->rope + (size_t)t * (size_t)d;
        for (int i = 0; i < half; i++) {
            const double phase = (double)((float)t * rate[i]); // rounded, as the models knew it
            row[i] = (float)(cos(phase) * scale);
            row[half + i] = (float)(sin(phase) * scale);
        }
    }
    p->softmax_scale = (float)(1 / sqrt((double)d));
}

static void fill_rope(Policy *p) {
    const ModelConfig *m = &p->model;
    const RopeConfig *r = &m->rope;
    const int d = m->qk_rope_head_dim;
    double scale = 1;
    double rate[ROPE_MAX_DIM / 2]; // radians per position of each pair
    CHECK(d <= ROPE_MAX_DIM);
    rope_rates(r, d, rate, &scale);
    for (int t = 0; t < p->opts.max_seq_tokens; t++)
        for (int i = 0; i < d / 2; i++) {
            p->rope[(size_t)t * (size_t)d + 2 * (size_t)i] = (float)(cos(t * rate[i]) * scale);
            p->rope[(size_t)t * (size_t)d + 2 * (size_t)i + 1] = (float)(sin(t * rate[i]) * scale);
        }
    p->softmax_scale = (float)rope_softmax_scale(r, model_qk_dim(m));
}

// Structure and plan of a policy; no memory yet.
static Status prepare(Policy *p, const ModelConfig *model, const PolicyOpts *opts) {
    TRY(net_check(model, opts));
    p->model = *model;
    if (model->family == FAMILY_DENSE) { // what the family does not have takes no room
        ModelConfig *m = &p->model;
        m->q_lora_rank = m->kv_lora_rank = m->qk_nope_head_dim = m->qk_rope_head_dim = 0;
        m->v_head_dim = m->moe_intermediate_size = m->n_experts_per_tok = 0;
        m->n_routed_experts = m->n_shared_experts = 0;
    }
    p->opts = *opts;
    p->ops = &ops_cpu;
    p->row = gemm_row();
    p->arena = arena_new(1 << 16);
    net_params(p);
    const int threads = pool_threads(opts->pool);
    p->n_work = opts->chunks_in_flight > 0 && opts->chunks_in_flight < threads
                    ? opts->chunks_in_flight
                    : threads;
    CHECK(opts->lanes >= 0 && opts->lanes <= N_LANES && (opts->lanes & (opts->lanes - 1)) == 0);
    p->n_lanes = opts->lanes > 0                          ? opts->lanes
                 : p->plan.n_params > POLICY_LANES_PARAMS ? 1
                                                          : N_LANES;
    p->n_trainers = p->n_work < p->n_lanes ? p->n_work : p->n_lanes;
    if (!opts->trainable) p->n_trainers = 0;
    p->work = ARENA_ARRAY(p->arena, Workspace, p->n_work);
    for (int i = 0; i < p->n_work; i++)
        p->work[i].save = ARENA_ARRAY(p->arena, Save, model->n_layers);
    p->head_rows = model->family == FAMILY_DENSE ? 256 : 64;
    for (;;) {
        PolicyPlan plan = {.n_params = p->plan.n_params, .n_active = p->plan.n_active};
        net_layout(p, NULL, &plan);
        p->plan = plan;
        if (opts->memory_bytes == 0 || plan.total <= opts->memory_bytes) return ST_OK;
        if (p->n_work > 1) {
            p->n_work--; // fewer chunks in flight, the same results
            if (p->n_trainers > p->n_work) p->n_trainers = p->n_work;
            continue;
        }
        return FAIL(ST_NOMEM,
                    "the policy needs %zu bytes (weights %zu, packed %zu, gradients %zu, moments "
                    "%zu, activations %zu, kv %zu, scratch %zu) but memory is limited to %zu; "
                    "lower chunk_tokens, kv_pages or the model",
                    plan.total, plan.weights, plan.packed, plan.gradients, plan.moments,
                    plan.activations, plan.kv, plan.scratch, opts->memory_bytes);
    }
}

Status policy_plan(const ModelConfig *model, const PolicyOpts *opts, PolicyPlan *out) {
    Policy p = {0};
    Status st = prepare(&p, model, opts);
    *out = p.plan;
    arena_free(p.arena);
    return st;
}

Status policy_new(const ModelConfig *model, const PolicyOpts *opts, Policy **out) {
    Status st;
    *out = NULL;
    Policy *p = calloc(1, sizeof *p);
    CHECK(p);
    TRY_OUT(prepare(p, model, opts));
    TRY_OUT(p->ops->alloc(NULL, p->plan.total, &p->memory));
    PolicyPlan plan = p->plan;
    net_layout(p, p->memory, &plan);
    for (int i = 0; i < p->n_params && !opts->trainable; i++) p->param[i].trainable = false;
    if (model->family == FAMILY_DENSE)
        fill_rope_dense(p);
    else
        fill_rope(p);
    pool_flush_denormals();
    net_pack(p);
    *out = p;
    return ST_OK;
out:
    policy_free(p);
    return st;
}

void policy_keep(Policy *p, void *kept, void (*end)(void *kept)) {
    if (p->kept) p->end_kept(p->kept);
    p->kept = kept;
    p->end_kept = end;
}

void *policy_kept(const Policy *p) {
    return p->kept;
}

void policy_free(Policy *p) {
    if (!p) return;
    policy_keep(p, NULL, NULL);
    if (p->memory) p->ops->release(NULL, p->memory);
    arena_free(p->arena);
    free(p);
}

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

static double deviation(const Policy *p, int i) {
    const ModelConfig *m = &p->model;
    const Param *q = &p->param[i];
    if (m->initializer_range > 0) return m->initializer_range;
    if (i == p->embed && !m->tie_word_embeddings) return 0.5;
    if (i == p->head.param) return 0.02;
    double dev = 1 / sqrt((double)q->cols);
    if (ends_with(q->name, "o_proj.weight") || ends_with(q->name, "down_proj.weight"))
        dev /= sqrt(2.0 * m->n_layers);
    return dev;
}

void policy_init(Policy *p, uint64_t seed) {
    for (int i = 0; i < p->n_params; i++) {
        const Param *q = &p->param[i];
        const size_t n = param_count(q);
        float *master = net_at(p, p->master, i);
        if (q->cols == 0) {
            const float value = ends_with(q->name, "bias") ? 0.0f : 1.0f;
            for (size_t j = 0; j < n; j++) master[j] = value;
            continue;
        }
        const double dev = deviation(p, i);
        Rng rng = rng_open((RngKey){.seed = seed, .stream = RNG_INIT, .task = (uint64_t)i});
        for (size_t j = 0; j < n; j++) master[j] = (float)(dev * rng_normal(&rng));
    }
    policy_sync(p);
}

// ---- packed copies

typedef struct PackJob {
    Packed *out;
    const float *w;
    int ld, n, k;
    bool transposed, back; // back: multiplies gradients
    Precision precision;
} PackJob;

typedef struct PackList {
    PackJob *job;
    int n;
} PackList;

static void pack_one(void *ctx, int i, int worker) {
    (void)worker;
    const PackJob *j = &((const PackList *)ctx)->job[i];
    gemm_pack(j->out, j->out->data, j->w, j->ld, j->n, j->k, j->transposed, j->precision);
    j->out->takes_gradients = j->back;
}

static void push(PackList *list, Packed *out, const float *w, int ld, int n, int k, bool transposed,
                 bool back, Precision precision) {
    if (list->job && out->data) // .data is NULL for what is not packed
        list->job[list->n] = (PackJob){out, w, ld, n, k, transposed, back, precision};
    if (!list->job || out->data) list->n++;
}

static void push_linear(Policy *p, PackList *list, Linear *y) {
    if (y->n == 0) return;
    const float *w = net_at(p, p->master, y->param);
    push(list, &y->fwd, w, y->k, y->n, y->k, false, false, y->precision);
    push(list, &y->back, w, y->k, y->k, y->n, true, true, y->precision);
}

static void push_layer(Policy *p, PackList *list, Layer *y) {
    const ModelConfig *m = &p->model;
    const int n = m->qk_nope_head_dim, v = m->v_head_dim, r = m->kv_lora_rank;
    Linear *plain[] = {&y->q_a, &y->q_b,    &y->kv_a,     &y->q,      &y->k,       &y->v,
                       &y->o,   &y->router, &y->ffn.gate, &y->ffn.up, &y->ffn.down};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) push_linear(p, list, plain[i]);
    for (int e = 0; y->moe && e < m->n_routed_experts; e++) {
        push_linear(p, list, &y->expert[e].gate);
        push_linear(p, list, &y->expert[e].up);
        push_linear(p, list, &y->expert[e].down);
    }
    if (!y->head && y->kv_b.n > 0) push_linear(p, list, &y->kv_b);
    for (int h = 0; y->head && h < m->n_heads; h++) {
        const float *uk = net_at(p, p->master, y->kv_b.param) + (size_t)(h * (n + v)) * (size_t)r;
        const float *uv = uk + (size_t)n * (size_t)r;
        const Precision precision = y->kv_b.precision;
        HeadSlice *s = &y->head[h];
        push(list, &s->uk, uk, r, r, n, true, false, precision);
        push(list, &s->uk_back, uk, r, n, r, false, true, precision);
        push(list, &s->uv, uv, r, v, r, false, false, precision);
        push(list, &s->uv_back, uv, r, r, v, true, true, precision);
    }
}

static void push_all(Policy *p, PackList *list) {
    list->n = 0;
    for (int l = 0; l < p->model.n_layers; l++) push_layer(p, list, &p->layer[l]);
    push_linear(p, list, &p->head);
}

void net_pack(Policy *p) {
    CHECK(p->row == gemm_row()); // another row wants another room
    if (!p->pack_job) {          // once: the list never changes
        PackList count = {0};
        push_all(p, &count);
        p->pack_job = ARENA_ARRAY(p->arena, PackJob, count.n);
        count.job = p->pack_job;
        push_all(p, &count);
        p->n_pack = count.n;
    }
    PackList list = {p->pack_job, p->n_pack};
    pool_for(p->opts.pool, list.n, pack_one, &list);
}

void policy_sync(Policy *p) {
    net_pack(p);
    p->version++;
}

Status policy_copy(Policy *dst, const Policy *src) {
    if (dst->n_floats != src->n_floats || dst->n_params != src->n_params)
        return FAIL(ST_CONFIG, "cannot copy weights: %d tensors with %zu values into %d with %zu",
                    src->n_params, src->n_floats, dst->n_params, dst->n_floats);
    for (int i = 0; i < dst->n_params; i++)
        if (dst->param[i].rows != src->param[i].rows || dst->param[i].cols != src->param[i].cols)
            return FAIL(ST_CONFIG, "cannot copy weights: %s differs in shape", dst->param[i].name);
    memcpy(dst->master, src->master, dst->n_floats * sizeof(float));
    policy_sync(dst);
    return ST_OK;
}

const ModelConfig *policy_model(const Policy *p) {
    return &p->model;
}
const Param *policy_params(const Policy *p, int *n) {
    *n = p->n_params;
    return p->param;
}

// Where values [at, at + n) of a part of tensor i are.
static float *part_at(const Policy *p, int i, ParamPart part, size_t at, size_t n) {
    float *const block[] = {p->master, p->grad, p->m, p->v};
    CHECK(i >= 0 && i < p->n_params && at + n <= param_count(&p->param[i]));
    CHECK(part == PARAM_WEIGHT || p->param[i].trainable);
    return net_at(p, block[part], i) + at;
}

Status policy_get(const Policy *p, int i, ParamPart part, size_t at, size_t n, float *host) {
    TRY(p->ops->download(NULL, host, part_at(p, i, part, at, n), n * sizeof *host));
    return p->ops->sync(NULL);
}

Status policy_set(Policy *p, int i, ParamPart part, size_t at, size_t n, const float *host) {
    TRY(p->ops->upload(NULL, part_at(p, i, part, at, n), host, n * sizeof *host));
    return p->ops->sync(NULL);
}
uint32_t policy_version(const Policy *p) {
    return p->version;
}
void policy_set_version(Policy *p, uint32_t version) {
    p->version = version;
}
int64_t policy_steps(const Policy *p) {
    return p->steps;
}
void policy_set_steps(Policy *p, int64_t steps) {
    p->steps = steps;
}
void policy_kv_copy(Policy *p, int src, int dst, int n_tokens) {
    const size_t row = model_cache_bytes(&p->model), page = net_page_bytes(p);
    if (p->model.family == FAMILY_DENSE) n_tokens = KV_PAGE_TOKENS; // keys stand as columns
    CHECK(src >= 0 && dst >= 0 && src < p->opts.kv_pages && dst < p->opts.kv_pages);
    for (int l = 0; l < p->model.n_layers; l++) {
        char *kv = net_kv(p, l);
        memcpy(kv + (size_t)dst * page, kv + (size_t)src * page, (size_t)n_tokens * row);
    }
}
float policy_logprob_row(const float *logits, int vocab, float inv_temperature, int32_t token,
                         float *lse, float *entropy) {
    float logp;
    cpu_logprob_row(logits, vocab, inv_temperature, token, &logp, lse, entropy);
    return logp;
}
