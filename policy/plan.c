// policy/plan.c -- every buffer of a policy, declared as a shape in one walk: measured, then
// placed.
#include <stdlib.h>

#include "policy/mtp.h"
#include "policy/net.h"

enum {
    TURNS_BYTES = 64 << 20, // smaller parts are not put in one place one after the other
    HUGE_PAGE = 2 << 20,
};

// With base NULL only measures. Every piece begins on a cache line and is followed by at least 128
// bytes that stay zero: products may read a row's padding.
struct PlanCursor {
    DeviceByte *base;
    size_t at;
    int cap; // rows of a unit
    ViewType act;
    bool codes;
};

static DeviceByte *take(PlanCursor *b, size_t count, size_t size) {
    DeviceByte *out = b->base ? device_at(b->base, b->at) : NULL;
    b->at = (b->at + count * size + 128 + 63) & ~(size_t)63;
    return out;
}

View plan_view(PlanCursor *b, int rows, int cols, int type) {
    if (cols == 0 || rows == 0) return (View){0};
    const size_t all = (size_t)rows * (size_t)b->cap;
    View v = {.rows = rows, .cols = cols, .stride = cols};
    v.type = type < 0 ? b->act : (ViewType)type;
    v.data = take(b, all * (size_t)cols, view_type_bytes(v.type));
    if (type == PLAN_CODES && b->codes) {
        v.codes = take(b, all * (size_t)cols, 1);
        v.scale = take(b, all * (size_t)((cols + 127) / 128), sizeof(float));
    }
    return v;
}

static int most(int a, int b) {
    return a > b ? a : b;
}

static void place_weights(Policy *p, PlanCursor *b) {
    for (int i = 0; i < p->n_weights; i++) {
        Weight *w = p->weight[i];
        const size_t bytes = w->use ? p->ops->weight_bytes(p->device, w) : 0;
        w->data = bytes > 0 ? take(b, bytes, 1) : NULL;
        w->master = device_at(p->master, w->at * sizeof(float));
        w->bias_master = w->bias ? device_at(p->master, w->bias_at * sizeof(float)) : NULL;
    }
}

static int mlp_width(const ModelConfig *m) {
    return most(m->intermediate_size, m->n_shared_experts * m->moe_intermediate_size);
}
static int widest_ffn(const ModelConfig *m) {
    return most(mlp_width(m), m->moe_intermediate_size);
}

static void place_save(const Policy *p, Save *s, PlanCursor *b, bool train) {
    const ModelConfig *m = &p->model;
    const int D = m->hidden_size, E = m->n_routed_experts, k = m->n_experts_per_tok,
              width = m->moe_intermediate_size;
    s->x0 = plan_view(b, 1, D, VIEW_F32);
    s->x1 = train ? plan_view(b, 1, D, VIEW_F32) : s->x0;
    p->attention->save(b, m, s);
    s->gate = plan_view(b, 1, mlp_width(m), PLAN_ACT);
    s->up = plan_view(b, 1, mlp_width(m), PLAN_ACT);
    if (p->n_routers == 0) return;
    s->egate = plan_view(b, train ? k : 1, width, PLAN_ACT);
    s->eup = plan_view(b, train ? k : 1, width, PLAN_ACT);
    s->score = plan_view(b, 1, E, VIEW_F32);
    s->weight = plan_view(b, 1, k, VIEW_F32);
    const size_t slots = (size_t)b->cap * (size_t)k;
    s->slots.token = take(b, slots, sizeof(int32_t));
    s->slots.entry = take(b, slots, sizeof(int32_t));
    s->slots.begin = take(b, (size_t)E + 1, sizeof(int32_t));
}

// What units on a workspace's queue are.
static UnitShape shape_of(const Policy *p, const Workspace *w) {
    return (UnitShape){.rows = w->cap,
                       .max_seq_tokens = p->opts.max_seq_tokens,
                       .train = w->train,
                       .alone = w == p->work,
                       .layer = (const Weight *const *)p->weight + 1,
                       .n_layer = p->n_weights - 3,
                       .head = &p->head};
}

// What a unit's forward pass wants, kept or not.
static void place_work(Policy *p, Workspace *w, PlanCursor *b, PolicyPlan *plan) {
    const ModelConfig *m = &p->model;
    const bool train = w->train = w - p->work < p->n_trainers;
    const int T = b->cap = w->cap = most(p->opts.chunk_tokens, p->opts.max_seq_tokens);
    const size_t begin = b->at;
    place_save(p, &w->save[0], b, train);
    w->pass = w->save[0];
    w->pass.x1 = w->pass.x0;
    w->acts.x = train ? plan_view(b, 1, m->hidden_size, VIEW_F32) : w->pass.x0;
    plan->activations += b->at - begin;

    const size_t scratch = b->at;
    if (p->ops->copies_index) {
        const int pages = (p->opts.max_seq_tokens + KV_PAGE_TOKENS - 1) / KV_PAGE_TOKENS;
        w->ix.cap = index_ints(T, T, p->opts.max_decode_rows * pages);
        w->ix.device = take(b, w->ix.cap, sizeof(int32_t));
        for (int k = 0; k < m->n_mtp; k++) {
            w->mtp_ix[k].cap = w->ix.cap;
            w->mtp_ix[k].device = take(b, w->ix.cap, sizeof(int32_t));
        }
    }
    if (m->n_mtp > 0) mtp_save(b, m, &w->mtp[0], !train);
    if (m->n_mtp > 0 && !train) w->mtp[0].x = w->acts.x;
    Acts *a = &w->acts;
    a->h = plan_view(b, 1, m->hidden_size, PLAN_CODES);
    a->act = plan_view(b, 1, widest_ffn(m), PLAN_CODES);
    a->logit = plan_view(b, 1, m->n_routed_experts, VIEW_F32);
    a->route = plan_view(b, p->n_routers, m->n_experts_per_tok, VIEW_I16);
    p->attention->acts(b, m, a);
    a->logp = plan_view(b, 1, 1, VIEW_F32);
    a->entropy = plan_view(b, 1, 1, VIEW_F32);
    a->lse = plan_view(b, 1, 1, VIEW_F32);
    a->drawn = take(b, (size_t)T, sizeof(Drawn));
    a->load = take(b, (size_t)p->n_routers * (size_t)m->n_routed_experts, sizeof(int64_t));
    const UnitShape shape = shape_of(p, w);
    w->work = take(b, p->ops->work_bytes(p->device, m, &shape, false), 1);
    plan->scratch += b->at - scratch;
}

// What is there while a unit is trained.
static void place_train(Policy *p, Workspace *w, PlanCursor *b, PolicyPlan *plan) {
    const ModelConfig *m = &p->model;
    const int D = m->hidden_size, F = widest_ffn(m);
    const size_t begin = b->at;
    b->cap = w->cap;
    for (int l = 1; l < net_layers(m); l++) place_save(p, &w->save[l], b, true);
    for (int k = 1; k < m->n_mtp; k++) mtp_save(b, m, &w->mtp[k], false);
    plan->activations += b->at - begin;

    const size_t scratch = b->at;
    Acts *a = &w->acts;
    a->dx = plan_view(b, 1, D, VIEW_F32);
    a->dh = plan_view(b, 1, D, VIEW_F32);
    p->attention->grads(b, m, a);
    w->dcat = plan_view(b, m->n_mtp > 0, 2 * D, PLAN_ACT);
    a->dgate = plan_view(b, 1, F, PLAN_ACT);
    a->dup = plan_view(b, 1, F, PLAN_ACT);
    a->dact = plan_view(b, 1, F, PLAN_ACT);
    a->dweight = plan_view(b, 1, m->n_experts_per_tok, VIEW_F32);
    a->dlogp = plan_view(b, 1, 1, VIEW_F32);
    a->dentropy = plan_view(b, 1, 1, VIEW_F32);
    const UnitShape shape = shape_of(p, w);
    w->train_work = take(b, p->ops->work_bytes(p->device, m, &shape, true), 1);
    plan->scratch += b->at - scratch;
}

// What is there while new tokens are sampled and what is there while a chunk is trained come last;
// where both are large they are one place, used one after the other.
static void place_phases(Policy *p, PlanCursor *b, PolicyPlan *plan) {
    const ModelConfig *m = &p->model;
    p->layer_bytes = (size_t)p->opts.kv_pages * p->ops->page_bytes(p->device, m);
    const size_t kv = (size_t)net_layers(m) * p->layer_bytes;
    PlanCursor probe = *b;
    probe.base = NULL;
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
    if (kv > 0) p->kv = take(b, kv, 1);
    plan->kv = b->at - kv_at;
    if (!turns) return;
    plan->in_turn = (b->at < train_end ? b->at : train_end) - p->phase.at;
    p->phase.bytes = plan->in_turn; // what lies behind it is one phase's alone
    if (b->at < train_end) b->at = train_end;
}

void net_phase(Policy *p, bool training) {
    if (p->phase.bytes == 0 || p->phase.training == training) return;
    p->ops->zero(p->work[0].queue, device_at(p->memory, p->phase.at), p->phase.bytes);
    p->phase.training = training;
}

void net_layout(Policy *p, DeviceByte *base, PolicyPlan *plan) {
    const ModelConfig *m = &p->model;
    const bool train = p->opts.trainable;
    PlanCursor cursor = {
        .base = base, .act = p->ops->act[m->precision], .codes = p->ops->codes[m->precision]};
    PlanCursor *b = &cursor;

    p->master = take(b, p->n_floats, sizeof(float));
    plan->weights = b->at;
    if (train) {
        p->grad = take(b, p->n_grads, sizeof(float));
        const int n = p->n_trainers, all = SUM_BUFFERS(n);
        p->gradsum = (GradSum){.ops = p->ops,
                               .n_floats = p->n_grads,
                               .n_buffers = p->n_sums == 1    ? 0
                                            : all < p->n_sums ? all
                                                              : p->n_sums};
        p->gradsum.memory = take(b, (size_t)p->gradsum.n_buffers * p->n_grads, sizeof(float));
        plan->gradients = b->at - plan->weights;
        size_t at = b->at;
        p->m = take(b, p->n_moments, sizeof(float));
        p->v = take(b, p->n_moments, sizeof(float));
        plan->moments = b->at - at;
    }
    size_t at = b->at;
    place_weights(p, b);
    plan->packed = b->at - at;

    at = b->at;
    p->rope.data =
        take(b, (size_t)p->opts.max_seq_tokens * (size_t)model_rope_dim(m), sizeof(float));
    p->sums = take(b, (size_t)p->n_spans, sizeof(double));
    p->moved = take(b, (size_t)p->n_spans, sizeof(int32_t));
    plan->scratch = b->at - at;
    if (p->model.n_mtp > 0 && p->opts.kv_pages > 0) {
        const size_t begin = b->at;
        b->cap = p->opts.max_decode_rows;
        p->hidden = plan_view(b, 1, p->model.hidden_size, VIEW_F32);
        p->hidden.rows = b->cap;
        plan->scratch += b->at - begin;
    }
    for (int i = 0; i < p->n_work; i++) place_work(p, &p->work[i], b, plan);

    place_phases(p, b, plan);
    plan->total = b->at;
}

Status net_open_queues(Policy *p) {
    for (int i = 0; i < p->n_work; i++) {
        Workspace *w = &p->work[i];
        const UnitShape shape = shape_of(p, w);
        TRY(p->ops->queue_open(p->device, &p->model, &shape, w->work, w->train_work, &w->queue));
        const size_t rows = (size_t)w->cap;
        float *host = ARENA_ARRAY(p->arena, float, 6 * rows);
        float **array[] = {&w->want_logp, &w->want_entropy, &w->logp,
                           &w->entropy,   &w->dlogp,        &w->dentropy};
        for (size_t k = 0; k < 6; k++) *array[k] = host + k * rows;
        if (p->n_moe > 0)
            w->route = ARENA_ARRAY(p->arena, int16_t,
                                   rows * (size_t)(p->n_moe * p->model.n_experts_per_tok));
        for (int k = -1; w->ix.device && k < p->model.n_mtp; k++) {
            Index *ix = k < 0 ? &w->ix : &w->mtp_ix[k];
            ix->host = malloc(ix->cap * sizeof *ix->host);
            CHECK(ix->host);
        }
    }
    return ST_OK;
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
               {"total", plan->total}};
    str_printf(out, "parameters %lld, active %lld\n", (long long)plan->n_params,
               (long long)plan->n_active);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        str_printf(out, "  %-16s %10.2f MiB\n", row[i].name, (double)row[i].bytes / (1 << 20));
}
