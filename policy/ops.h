// policy/ops.h -- what a model is computed with: a table of operations, one for every backend.
//
// Layer 2 (policy). The models (mla.c, dense.c, ffn.c, head.c) call nothing else to compute.
// policy/cpu/ fills the table and defines what is right; another backend needs no change of
// policy/*.c.
//
// RULES OF EVERY OPERATION
// Unit.    It works on a whole unit: all rows, sequences, heads, experts. How that is cut over
// threads
//          or blocks, packed, laid out and prefetched is the backend's own business.
// Host.    Jobs, lists and spans are host data, read before the call returns. Views, a Weight's
// data
//          and DeviceByte addresses are device data. Ints are both (policy/device.h).
// Lists.   The jobs of one call need nothing of each other: a backend may run them in one launch.
// Types.   Activations are ops->act of the model's precision; f32 is said where it is always f32. T
// is
//          the unit's rows. Zero rows are fine and do nothing.
// Aliases. Outputs overlap neither inputs nor each other unless the operation says so.
// Memory.  Nothing is allocated: scratch is the queue's workspace (ops->work_bytes). Behind every
//          buffer of the plan are 128 zero bytes, which a backend may read.
// Grads.   A parameter's gradient is ADDED to the block `grad` at the Weight's grad_at, in order of
//          rows; at NO_GRAD none is computed. An activation's gradient is written.
// Bits.    The same call gives the same bits every time. On the CPU a row's bits depend on that row
//          and its own sequence only, never on threads or on what else is in the unit.
// Failure. A broken promise of the caller is a CHECK. A device's failure is kept by the queue,
// makes
//          its later operations do nothing, and is returned by ops->wait.
#ifndef POLICY_OPS_H
#define POLICY_OPS_H

#include "base/pool.h"
#include "policy/device.h"
#include "policy/draw.h"
#include "policy/index.h"
#include "policy/model.h"
#include "policy/weight.h"

#ifdef __cplusplus
extern "C" {
#endif

// What units a queue will see, for its workspace.
typedef struct UnitShape {
    int rows, max_seq_tokens;
    bool train;
    bool alone;                 // units may run on it alone, with all threads
    const Weight *const *layer; // [n_layer] every Weight of the layers
    int n_layer;
    const Weight *head;
} UnitShape;
typedef enum UnitKind { UNIT_SCORE, UNIT_DECODE } UnitKind;
typedef void UnitFn(void *ctx, int slot);

// y = x * rstd * gain, rstd = 1 / sqrt(mean(x^2) + eps).
typedef struct Norm {
    View y, x; // [n, cols]
    const Weight *gain;
    Ints rows; // row i of y is of row rows[i] of x; no host array: of row i
} Norm;
typedef struct NormBack {
    View dx, dy, x; // dx may be dy
    const Weight *gain;
    Ints rows; // row i of dy goes to row rows[i] of dx, each at most once, and is of that row of x
    bool add;  // dx += instead of dx =
} NormBack;

// y = base + x W^T + bias, or `transposed`: y = base + x W. Matrix m of the Weight meets the rows i
// with i % batch == m (heads: view_heads).
typedef struct Product {
    View y, x;
    View base; // nothing; y itself; or another view of y's shape. One addition a value
    const Weight *w;
    bool transposed; // in FP8 rows of x are then quantised as gradients (policy/cpu/gemm.h)
} Product;
typedef struct ProductGrad { // dW[n,k] += sum over rows of y[n] x[k]; the bias += y
    View y, x;
    const Weight *w;
} ProductGrad;

// gate = x Wg^T, up = x Wu^T, act = silu(gate) * up.
typedef struct Glu {
    View act, gate, up, x;
    const Ffn *ffn;
} Glu;
typedef struct GluBack { // act is made again
    View dgate, dup, act;
    View dact, gate, up;
} GluBack;

// Rows [T * heads, dim]; row i is at position pos[i / heads]. to may be from.
typedef struct Rope {
    View to, from;
    int heads;
} Rope;
typedef enum RopeKind { ROPE_PAIRS, ROPE_HALVES } RopeKind; // neighbours; i and i + dim / 2
typedef struct RopeTable { // PAIRS: [positions, dim / 2] of cos, sin; HALVES: cosines, then sines
    DeviceByte *data;
    RopeKind kind;
} RopeTable;

// Causal attention of every sequence of the unit. Heads [g * G, (g + 1) * G), G = heads / kv_heads,
// see key head g. A key is k and then k2, k2 the same for all heads or not there. Row t of sequence
// s sees the keys of its leader before pos0[s], then its own up to itself. With a cache it sees
// those in the sequence's pages, where k and v of the unit's rows are put first. A key that a row
// does not see reaches it in no way, also where it is not finite.
typedef struct Attend {
    int heads, kv_heads;
    float scale;
    bool bf16; // keys and values are rounded to bf16: in pages, and rows of k and v in place
    View q;    // [T * heads, k.cols + k2.cols]
    View k, v; // [T * kv_heads, ..]; v may be the first columns of k
    View k2;   // [T, ..]
    View o;    // [T * heads, v.cols]
    View lse;  // [T * heads, 1] f32, in the backend's own order, for attend_back
    DeviceByte *cache; // this layer's pages; NULL: none
    // With a cache of latents k = [R | P]: keys and values [N | V] of the heads are made of them by
    // this Weight; v and k2 are not there.
    const Weight *expand;
} Attend;
// Sums over all rows that see a key, in an order that the Index alone decides.
typedef struct AttendBack {
    const Attend *of; // as it was, no cache
    View dout;        // of o
    View dq, dk, dk2; // written
    View dv;          // not there: v is the first columns of k, and so are its gradients
} AttendBack;

typedef struct RouterShape {
    int experts, k, groups, topk_group;
    RouterScore scoring;
    RouterTopk topk;
    bool norm;
    float scale; // routed_scaling_factor
} RouterShape;
enum { ROUTER_MAX_EXPERTS = 1024 };

// Slots [T * k] sorted by expert, then by row. Counts stay on the device.
typedef struct Slots {
    DeviceByte *begin; // i32 [experts + 1]
    DeviceByte *token; // i32 [T * k] row of the slot
    DeviceByte *entry; // i32 [T * k] row * k + i: the slot's place in route and weight
} Slots;
typedef struct Route {
    View logit;         // [T, experts] f32
    const Weight *bias; // moves the choice, never the weight; or NULL
    View score, weight; // [T, experts], [T, k] f32, written
    View route;         // [T, k] i16, ascending; written, or with `replay` read
    bool replay;
    Slots slots;      // written
    DeviceByte *load; // i64 [experts] += times[row] of every slot; NULL: not counted
} Route;
typedef struct RouteBack {
    View dlogit; // written; may be logit's place
    View dweight, score, route;
    float balance; // weight of each sequence's balance loss (V3, section 2.1.2); 0: none
} RouteBack;

// out = base + sum over i of weight[t, i] * expert route[t, i] of x[t], i ascending.
typedef struct Experts {
    View out, base, x; // base: out itself or another
    const Ffn *expert; // batch = experts
    Slots slots;
    View weight;   // [T, k] f32
    bool save;     // gate and up are kept
    View gate, up; // [T * k, width] by slot where they are kept, else scratch [T, width]
    View act;      // scratch [T, width]
} Experts;
typedef struct ExpertsBack {
    const Experts *of;     // gate and up are there
    View dout, dx;         // dx += ; experts in order
    View dweight;          // [T, k] f32, written
    View dgate, dup, dact; // scratch [T, width]
} ExpertsBack;

// The softmax of a row is over these ids (ascending); n 0: over the vocabulary.
typedef struct KeptSet {
    const int32_t *id;
    int n;
} KeptSet;

// Of rows x [n, D], normed: ln softmax(inv_temperature * x W^T)[token] and the entropy in nats. The
// [n, vocabulary] array is never whole: blocks of rows, or of columns, are the backend's choice.
typedef struct Logprob {
    View x;
    const Weight *head;
    Ints token; // [n]
    float inv_temperature;
    const KeptSet *kept;     // [n] on the host, valid until the queue was waited for; NULL = all
    View logp, entropy, lse; // [n, 1] f32, written; entropy may be not there
} Logprob;
typedef struct LogprobBack {
    const Logprob *of; // lse and entropy as logprob wrote them
    View dlogp, dentropy, dx;
} LogprobBack;
// Rows [at, at + n) of logits, f32, `vocab` apart, which the host may read during the call.
typedef void LogitsBlockFn(void *ctx, int at, int n, const float *logits);

// n floats of one tensor, or of a part of it, at their places in the three kinds of block.
typedef struct ParamSpan {
    size_t weight_at, grad_at, moment_at, n;
    bool decay;
} ParamSpan;
typedef struct AdamW {     // decoupled weight decay (Loshchilov & Hutter 2019)
    DeviceByte *w, *m, *v; // blocks
    const DeviceByte *g;
    float beta1, beta2, eps, rate, decay; // w loses rate * decay of itself where decay is set
    float scale;                          // of the gradient (clipping)
    float correct1, correct2;             // 1 / (1 - beta^t)
} AdamW;

typedef struct Ops {
    const char *name;  // "cpu", "cuda"
    ViewType act[3];   // by Precision: activations between operations. CPU: f32 always
    bool codes[3];     // by Precision: E4M3 codes are kept beside what products read
    bool copies_index; // operations read the Index on the device

    // ---- what a backend needs and can: asked before anything is allocated

    // `pool` (may be NULL) is borrowed: a CPU's threads; others launch from the caller.
    MUST_USE Status (*open)(Pool *pool, Device **out);
    void (*close)(Device *d);       // NULL is fine
    int (*queues)(const Device *d); // units that may be in flight at once: CPU its threads, CUDA 1
    // ST_UNSUPPORTED names what of the model is not built.
    MUST_USE Status (*check)(const Device *d, const ModelConfig *m, bool train);
    size_t (*weight_bytes)(const Device *d, const Weight *w);    // of w->data; 0: the master serves
    size_t (*page_bytes)(const Device *d, const ModelConfig *m); // KV_PAGE_TOKENS of one layer
    // Scratch of a queue: what it always needs, or what it needs besides while a unit is trained.
    size_t (*work_bytes)(const Device *d, const ModelConfig *m, const UnitShape *shape, bool train);
    // Rows of a unit when `total` rows are scored or decoded by `queues` queues, each with space
    // for `cap` rows. It changes speed, never results.
    int (*unit_rows)(const Device *d, const ModelConfig *m, UnitKind kind, int total, int queues,
                     int cap);

    // ---- memory, queues, copies

    // One allocation per plan: zeroed, 256-byte aligned. ST_NOMEM names bytes and device.
    MUST_USE Status (*alloc)(Device *d, size_t bytes, DeviceByte **out);
    void (*release)(Device *d, DeviceByte *memory); // NULL is fine
    // `work` and `train` are of work_bytes of the plan.
    MUST_USE Status (*queue_open)(Device *d, const ModelConfig *m, const UnitShape *shape,
                                  DeviceByte *work, DeviceByte *train, Queue **out);
    void (*queue_close)(Queue *q); // NULL is fine
    // Calls fn(ctx, slot) for every slot < n and returns when all have: at once on threads (CPU),
    // else in order. n = 1 runs on the caller.
    void (*each)(Device *d, int n, UnitFn *fn, void *ctx);
    // A unit begins on the calling thread. alone: no other is in flight.
    void (*begin)(Queue *q, bool alone);
    // All operations so far are done, or the first failure since the last wait.
    MUST_USE Status (*wait)(Queue *q);
    // `from` of upload has been read when it returns; `to` of download is filled after wait.
    void (*upload)(Queue *q, DeviceByte *to, const void *from, size_t bytes);
    void (*download)(Queue *q, void *to, const DeviceByte *from, size_t bytes);
    void (*copy)(Queue *q, DeviceByte *to, const DeviceByte *from, size_t bytes); // on the device
    void (*zero)(Queue *q, DeviceByte *at, size_t bytes);

    // ---- weights

    // `data` of all of them from their masters; shared work, so one call for many.
    void (*weights_set)(Queue *q, Weight *const *w, int n);

    // ---- the model; ix is the unit's

    void (*embed)(Queue *q, View x, const Weight *table, Ints token); // x f32 [T, D]
    void (*embed_back)(Queue *q, const Weight *table, View dx, Ints token, DeviceByte *grad);
    void (*rmsnorm)(Queue *q, const Norm *job, int n, float eps);
    void (*rmsnorm_back)(Queue *q, const NormBack *job, int n, float eps, DeviceByte *grad);
    void (*linear)(Queue *q, const Product *job, int n);
    void (*linear_grad)(Queue *q, const ProductGrad *job, int n, DeviceByte *grad);
    void (*glu)(Queue *q, const Glu *job);
    void (*glu_back)(Queue *q, const GluBack *job);
    void (*rope)(Queue *q, const Rope *job, int n, const RopeTable *table, Ints pos, bool inverse);
    void (*attend)(Queue *q, const Attend *a, const Index *ix);
    void (*attend_back)(Queue *q, const AttendBack *a, const Index *ix);
    // The first n_tokens tokens of page `from` -> page `to` in every layer (layer_bytes apart).
    void (*page_copy)(Queue *q, DeviceByte *cache, size_t layer_bytes, int n_layers, int from,
                      int to, int n_tokens);
    void (*route)(Queue *q, const RouterShape *shape, const Route *r, const Index *ix);
    void (*route_back)(Queue *q, const RouterShape *shape, const RouteBack *r, const Index *ix);
    void (*experts)(Queue *q, const Experts *e);
    void (*experts_back)(Queue *q, const ExpertsBack *e, DeviceByte *grad);

    // ---- the head
    void (*logprob)(Queue *q, const Logprob *l);
    void (*logprob_back)(Queue *q, const LogprobBack *l, DeviceByte *grad);
    // out[i] (a Drawn) from the logits of row draw[i].row of x; rows ascend. Logits do not leave.
    void (*draw)(Queue *q, View x, const Weight *head, const Draw *draw, int n, DeviceByte *out);
    // Logits of rows x on the host, block by block: for tests and comparisons.
    void (*logits)(Queue *q, View x, const Weight *head, LogitsBlockFn *fn, void *ctx);

    // ---- gradients and the optimiser
    void (*add)(Queue *q, DeviceByte *to, const DeviceByte *from, size_t floats); // to += from
    // out[i], f64 = sum of squares of a span of the block, in one fixed order.
    void (*sumsq)(Queue *q, DeviceByte *out, const DeviceByte *block, const ParamSpan *span, int n);
    // moved[i], i32: 1 if a weight of the span changed.
    void (*adamw)(Queue *q, const AdamW *a, const ParamSpan *span, int n, DeviceByte *moved);
} Ops;

extern const Ops ops_cpu;

#ifdef __cplusplus
}
#endif
#endif
