// policy/cpu/backend.h -- what the CPU's operations share: device, queue, scratch.
//
// Private to policy/cpu. Operations (policy/ops.h) over units: unit_*.c. Kernels over rows: rows.h.
#ifndef POLICY_CPU_BACKEND_H
#define POLICY_CPU_BACKEND_H

#include "policy/cpu/rows.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HEAD_COLUMNS = 2048, // of logits made at a time where W^T of the head is not kept
    SHARE_PARTS = 4,     // see SharedSlice
};

struct Device {
    Pool *pool;      // borrowed
    GemmSet kernels; // that packed weights are laid out for
};

// Of the sequences that share with one leader, its own among them, a part that one thread takes in
// a backward pass: the leader is in part 0. How they are cut depends on the unit alone.
typedef struct SharedSlice {
    int begin, end;         // sequences
    int leader, part, rows; // rows: the most that one of them shares
} SharedSlice;

// A queue's scratch. Where a number of threads is said: all of them on a queue on which units may
// run alone, else one.
typedef struct Scratch {
    // always
    char *product;           // of products and of attention, for each thread
    size_t attention_bytes;  // of one thread
    float *transpose;        // dense attention: rows of one head, for each thread
    size_t transpose_floats; // of one thread
    float *keys;             // expanded: keys and values of one sequence
    float *logit;            // [head_rows, V], or columns of all rows
    float *row;              // [T,D] of experts and of the head
    char *draw;              // of one draw, for each thread
    size_t draw_bytes;       // of one thread
    // while training
    char *transposed;         // W^T of one linear, where it is not kept
    float *dk_part, *dv_part; // dense: [SHARE_PARTS - 1][T, KV*d] sums of slices
    float *drow;              // [T,D] of experts
    float *dscore, *balance;  // [T,E]; scores of one sequence and their gradients
    int32_t *head_token;      // [T] wanted tokens, counted from the first column at hand
} Scratch;

struct Queue {
    CpuDev dev; // all threads while a unit is alone; first: kernels take a queue as their `dev`
    Device *device;
    const ModelConfig *model;
    UnitShape shape;
    Scratch s;
    int head_rows;      // rows of logits made at a time
    SharedSlice *slice; // [rows + 1], on the host
};

static inline float *cpu_f32(const DeviceByte *at) {
    return (float *)(uintptr_t)at;
}
static inline const int32_t *cpu_ints(Ints i) {
    return i.device ? (const int32_t *)i.device : i.host;
}

MUST_USE Status cpu_alloc(void *dev, size_t bytes, void **out);
void cpu_release(void *dev, void *memory);

// Is W^T of this Weight kept?
static inline bool cpu_keeps_back(const Weight *w) {
    return (w->use & WEIGHT_BACK) && !(w->use & WEIGHT_LONG);
}
// Matrix m of a Weight, as W or, `back`, as W^T; the latter is made where it is not kept. Of a W^T
// that is not kept: of rows [from, from + n).
Packed cpu_weight(Queue *q, const Weight *w, int m, bool back);
Packed cpu_weight_back_rows(Queue *q, const Weight *w, int from, int n);
size_t cpu_weight_bytes(const Device *d, const Weight *w);
void cpu_weights_set(Queue *q, Weight *const *w, int n);

// Rows of the unit that are keys of a packed sequence: those of its leader that it shares, then its
// own. Returns the first one's row.
static inline size_t cpu_first_key(const Index *ix, int s, AttentionShape *shape) {
    const int32_t *offset = cpu_ints(ix->offset);
    const int first = offset[cpu_ints(ix->leader)[s]];
    shape->shared = cpu_ints(ix->pos0)[s];
    shape->gap = offset[s] - shape->shared - first;
    return (size_t)first;
}
// The scratch of a thread: the first one's, unless all work on this unit.
static inline CpuDev cpu_thread_dev(const Queue *q, int worker) {
    const size_t at = q->dev.pool ? (size_t)worker : 0;
    return (CpuDev){.pool = NULL, .work = q->s.product + at * q->s.attention_bytes};
}

// The operations, by file.
void cpu_linear(Queue *q, const Product *job, int n);
void cpu_linear_grad(Queue *q, const ProductGrad *job, int n, DeviceByte *grad);
void cpu_glu(Queue *q, const Glu *job);
void cpu_glu_back(Queue *q, const GluBack *job);
void cpu_experts(Queue *q, const Experts *e);
void cpu_experts_back(Queue *q, const ExpertsBack *e, DeviceByte *grad);
void cpu_route(Queue *q, const RouterShape *shape, const Route *r, const Index *ix);
void cpu_route_back(Queue *q, const RouterShape *shape, const RouteBack *r, const Index *ix);
void cpu_attend(Queue *q, const Attend *a, const Index *ix);
void cpu_attend_back(Queue *q, const AttendBack *a, const Index *ix);
void cpu_attend_latent(Queue *q, const Attend *a, const Index *ix); // MLA
void cpu_attend_latent_back(Queue *q, const AttendBack *a, const Index *ix);
size_t cpu_page_bytes(const Device *d, const ModelConfig *m);
void cpu_page_copy(Queue *q, DeviceByte *cache, size_t layer_bytes, int n_layers, int from, int to,
                   int n_tokens);
void cpu_embed(Queue *q, View x, const Weight *table, Ints token);
void cpu_embed_back(Queue *q, const Weight *table, View dx, Ints token, DeviceByte *grad);
void cpu_rmsnorm_unit(Queue *q, const Norm *job, int n, float eps);
void cpu_rmsnorm_unit_back(Queue *q, const NormBack *job, int n, float eps, DeviceByte *grad);
void cpu_rope_unit(Queue *q, const Rope *job, int n, const RopeTable *table, Ints pos,
                   bool inverse);
void cpu_add(Queue *q, DeviceByte *to, const DeviceByte *from, size_t floats);
void cpu_zero(Queue *q, DeviceByte *at, size_t bytes);
void cpu_sumsq(Queue *q, DeviceByte *out, const DeviceByte *block, const ParamSpan *span, int n);
void cpu_adamw_spans(Queue *q, const AdamW *a, const ParamSpan *span, int n, DeviceByte *moved);
void cpu_logprob_unit(Queue *q, const Logprob *l);
void cpu_logprob_unit_back(Queue *q, const LogprobBack *l, DeviceByte *grad);
void cpu_draw(Queue *q, View x, const Weight *head, const Draw *draw, int n, DeviceByte *out);
void cpu_logits(Queue *q, View x, const Weight *head, LogitsBlockFn *fn, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
