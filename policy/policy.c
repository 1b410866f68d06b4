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

// The table of rotations, made on the host (rope.h).
static void fill_rope(Policy *p) {
    const ModelConfig *m = &p->model;
    const int d = model_rope_dim(m), half = d / 2;
    const size_t values = (size_t)p->opts.max_seq_tokens * (size_t)d;
    CHECK(d <= ROPE_MAX_DIM);
    float *table = malloc((values + 1) * sizeof *table), single[ROPE_MAX_DIM / 2] = {0};
    double scale = 1, rate[ROPE_MAX_DIM / 2] = {0}; // radians per position of each pair
    CHECK(table);
    if (p->rope.kind == ROPE_HALVES)
        rope_rates_dense(&m->rope, d, single, &scale);
    else
        rope_rates(&m->rope, d, rate, &scale);
    for (int t = 0; t < p->opts.max_seq_tokens; t++) {
        float *row = table + (size_t)t * (size_t)d;
        for (int i = 0; i < half; i++) {
            // halves: rounded, as the models knew it
            const double phase =
                p->rope.kind == ROPE_HALVES ? (double)((float)t * single[i]) : t * rate[i];
            const float c = (float)(cos(phase) * scale), s = (float)(sin(phase) * scale);
            row[p->rope.kind == ROPE_HALVES ? i : 2 * i] = c;
            row[p->rope.kind == ROPE_HALVES ? half + i : 2 * i + 1] = s;
        }
    }
    p->ops->upload(p->work[0].queue, p->rope.data, table, values * sizeof *table);
    free(table);
    p->softmax_scale = m->family == FAMILY_DENSE
                           ? (float)(1 / sqrt((double)d))
                           : (float)rope_softmax_scale(&m->rope, model_qk_dim(m));
}

// Structure and plan of a policy; no memory yet.
static Status prepare(Policy *p, const ModelConfig *model, const PolicyOpts *opts) {
    TRY(net_check(model, opts));
    p->model = *model;
    if (model->family == FAMILY_DENSE) { // what the family does not have takes no space
        ModelConfig *m = &p->model;
        m->q_lora_rank = m->kv_lora_rank = m->qk_nope_head_dim = m->qk_rope_head_dim = 0;
        m->v_head_dim = m->moe_intermediate_size = m->n_experts_per_tok = 0;
        m->n_routed_experts = m->n_shared_experts = 0;
    }
    p->opts = *opts;
    p->ops = opts->ops ? opts->ops : policy_backend(NULL);
    p->arena = arena_new(1 << 16);
    TRY(p->ops->open(opts->pool, &p->device));
    TRY(p->ops->check(p->device, model, opts->trainable));
    TRY(net_params(p));
    const int threads = p->ops->queues(p->device);
    p->n_work = opts->chunks_in_flight > 0 && opts->chunks_in_flight < threads
                    ? opts->chunks_in_flight
                    : threads;
    CHECK(opts->partial_sums >= 0 && opts->partial_sums <= MAX_PARTIAL_SUMS &&
          (opts->partial_sums & (opts->partial_sums - 1)) == 0);
    p->n_sums = opts->partial_sums > 0                     ? opts->partial_sums
                : p->plan.n_params > POLICY_ONE_SUM_PARAMS ? 1
                                                           : MAX_PARTIAL_SUMS;
    p->n_trainers = p->n_work < p->n_sums ? p->n_work : p->n_sums;
    if (!opts->trainable) p->n_trainers = 0;
    net_uses(p);
    p->load = ARENA_ARRAY(p->arena, int64_t, p->n_routers * p->model.n_routed_experts);
    p->work = ARENA_ARRAY(p->arena, Workspace, p->n_work);
    for (int i = 0; i < p->n_work; i++) {
        p->work[i].save = ARENA_ARRAY(p->arena, Save, net_layers(model));
        p->work[i].mtp = ARENA_ARRAY(p->arena, MtpSave, model->n_mtp + 1);
        p->work[i].mtp_ix = ARENA_ARRAY(p->arena, Index, model->n_mtp + 1);
    }
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
    if (p.ops) p.ops->close(p.device);
    arena_free(p.arena);
    return st;
}

Status policy_new(const ModelConfig *model, const PolicyOpts *opts, Policy **out) {
    Status st;
    *out = NULL;
    Policy *p = calloc(1, sizeof *p);
    CHECK(p);
    TRY_OUT(prepare(p, model, opts));
    TRY_OUT(p->ops->alloc(p->device, p->plan.total, &p->memory));
    PolicyPlan plan = p->plan;
    net_layout(p, p->memory, &plan);
    TRY_OUT(net_open_queues(p));
    fill_rope(p);
    p->ops->weights_set(p->work[0].queue, p->weight, p->n_weights);
    TRY_OUT(p->ops->wait(p->work[0].queue));
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
    for (int i = 0; i < p->n_work; i++) {
        p->ops->queue_close(p->work[i].queue);
        index_free(&p->work[i].ix);
        for (int k = 0; k < p->model.n_mtp; k++) index_free(&p->work[i].mtp_ix[k]);
        free(p->work[i].draw);
        free(p->work[i].kept);
    }
    if (p->ops) {
        p->ops->release(p->device, p->memory);
        p->ops->close(p->device);
    }
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
    if (i == p->embed.param && !m->tie_word_embeddings) return 0.5;
    if (i == p->head.param) return 0.02;
    double dev = 1 / sqrt((double)q->cols);
    if (ends_with(q->name, "o_proj.weight") || ends_with(q->name, "down_proj.weight"))
        dev /= sqrt(2.0 * m->n_layers);
    return dev;
}

void policy_init_param(Policy *p, int i, uint64_t seed) {
    const Param *q = &p->param[i];
    const size_t n = param_count(q);
    float *master = malloc(n * sizeof *master);
    CHECK(master);
    if (q->cols == 0) {
        const float value = ends_with(q->name, "bias") ? 0.0f : 1.0f;
        for (size_t j = 0; j < n; j++) master[j] = value;
    } else {
        const double dev = deviation(p, i);
        Rng rng = rng_open((RngKey){.seed = seed, .stream = RNG_INIT, .task = (uint64_t)i});
        for (size_t j = 0; j < n; j++) master[j] = (float)(dev * rng_normal(&rng));
    }
    p->ops->upload(p->work[0].queue, net_at(p, p->master, i), master, n * sizeof *master);
    free(master);
}

void policy_init(Policy *p, uint64_t seed) {
    for (int i = 0; i < p->n_params; i++) policy_init_param(p, i, seed);
    policy_sync(p);
}

void policy_sync(Policy *p) {
    p->ops->weights_set(p->work[0].queue, p->weight, p->n_weights);
    p->version++;
}

Status policy_copy(Policy *dst, const Policy *src) {
    if (dst->n_floats != src->n_floats || dst->n_params != src->n_params)
        return FAIL(ST_CONFIG, "cannot copy weights: %d tensors with %zu values into %d with %zu",
                    src->n_params, src->n_floats, dst->n_params, dst->n_floats);
    for (int i = 0; i < dst->n_params; i++)
        if (dst->param[i].rows != src->param[i].rows || dst->param[i].cols != src->param[i].cols)
            return FAIL(ST_CONFIG, "cannot copy weights: %s differs in shape", dst->param[i].name);
    if (dst->ops != src->ops)
        return FAIL(ST_CONFIG, "cannot copy weights between the backends %s and %s", src->ops->name,
                    dst->ops->name);
    dst->ops->copy(dst->work[0].queue, dst->master, src->master, dst->n_floats * sizeof(float));
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
static DeviceByte *part_at(const Policy *p, int i, ParamPart part, size_t at, size_t n) {
    DeviceByte *const block[] = {p->master, p->grad, p->m, p->v};
    CHECK(i >= 0 && i < p->n_params && at + n <= param_count(&p->param[i]));
    CHECK(part == PARAM_WEIGHT || p->param[i].trainable);
    // moments are at the offsets of gradients as long as nothing shards them (ParamSpan.moment_at)
    const size_t first = part == PARAM_WEIGHT ? p->at[i] : p->grad_at[i];
    return device_at(block[part], (first + at) * sizeof(float));
}

Status policy_get(const Policy *p, int i, ParamPart part, size_t at, size_t n, float *host) {
    Queue *q = p->work[0].queue;
    p->ops->download(q, host, part_at(p, i, part, at, n), n * sizeof *host);
    return p->ops->wait(q);
}

Status policy_set(Policy *p, int i, ParamPart part, size_t at, size_t n, const float *host) {
    Queue *q = p->work[0].queue;
    p->ops->upload(q, part_at(p, i, part, at, n), host, n * sizeof *host);
    return p->ops->wait(q);
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
    CHECK(src >= 0 && dst >= 0 && src < p->opts.kv_pages && dst < p->opts.kv_pages);
    p->ops->page_copy(p->work[0].queue, p->kv, p->layer_bytes, net_layers(&p->model), src, dst,
                      n_tokens);
}

const Ops *policy_backend(const Ops *ops) {
    static const Ops *chosen = &ops_cpu;
    if (ops) chosen = ops;
    return chosen;
}
