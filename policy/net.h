// policy/net.h -- the inside of a Policy: layers, what a unit keeps, and the walk through them.
//
// Private to policy/ (layer 2). The models are written once for every backend: they name views and
// Weights and call operations (policy/ops.h). They start no threads, know no layout and read no
// device memory.
#ifndef POLICY_NET_H
#define POLICY_NET_H

#include <pthread.h>

#include "base/arena.h"
#include "policy/gradsum.h"
#include "policy/index.h"
#include "policy/ops.h"
#include "policy/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct NetUnit NetUnit;
typedef struct Layer Layer;
typedef struct Save Save;
typedef struct Acts Acts;

// ---- the plan: every buffer is declared as a shape, measured, then placed in one allocation

typedef struct PlanCursor PlanCursor;
// [rows * (rows of a unit), cols], with rows in the view until a unit begins; cols 0: not there.
// PLAN_CODES: with codes where they are kept.
enum { PLAN_ACT = -1, PLAN_CODES = -2 }; // or a ViewType
View plan_view(PlanCursor *b, int rows, int cols, int type);

// ---- parameters: the tensors of a model under their Hugging Face names

typedef struct ParamAdder ParamAdder; // counts, then fills Policy.param
Weight add_matrix(ParamAdder *a, int l, const char *what, int n, int k, Precision precision);
Weight add_biased(ParamAdder *a, int l, const char *what, int n, int k, Precision precision,
                  bool bias);
Weight add_vector(ParamAdder *a, int l, const char *what, int n);
// `batch` matrices [n, k] inside a Weight: the first at row `row`, then `step` rows on.
Weight weight_part(const Weight *whole, int row, int n, int batch, int step);

// ---- layers

// A family of attention. Forward: x0 of layer l -> x1. Backward turns acts.dx from the gradient of
// x1 into that of x0.
typedef struct Attention {
    const char *name;
    void (*params)(ParamAdder *a, int l, Layer *out, const ModelConfig *m);
    void (*save)(PlanCursor *b, const ModelConfig *m, Save *s);  // what a layer keeps
    void (*acts)(PlanCursor *b, const ModelConfig *m, Acts *w);  // what all layers share
    void (*grads)(PlanCursor *b, const ModelConfig *m, Acts *w); // the same while training
    void (*forward)(NetUnit *u, int l);
    void (*backward)(NetUnit *u, int l);
    RopeKind rope;
} Attention;
extern const Attention attention_mla, attention_dense;
const Attention *attention_of(const ModelConfig *m); // the table of families

struct Layer {
    Weight attn_norm, q_norm, kv_norm, ffn_norm; // q_norm, kv_norm: absent where there are none
    Weight q_a, q_b, kv_a, kv_b, uk, uv;         // MLA; without q_lora q_b is q_proj, q_a absent.
                                                 // uk, uv: kv_b by heads; absorbed form only
    Weight q, k, v, o;                           // dense; o of both
    Ffn ffn;                                     // the MLP, or the shared expert; absent without
    Weight router, bias;                         // MoE: present together with expert
    Ffn expert;                                  // batch = experts
    int moe_at;                                  // number among the MoE layers, MTP modules last
    Weight enorm, hnorm, eh_proj, head_norm;     // an MTP module's (policy/mtp.h)
};
// The one list of a layer's Weights, present or not: planned, packed and sized by it.
enum { LAYER_WEIGHTS = 26 };
void layer_weights(Layer *y, Weight *out[LAYER_WEIGHTS]);
static inline bool layer_moe(const Layer *y) {
    return weight_here(&y->router);
}

// What one layer keeps for its backward pass; a pass that keeps nothing has one for all layers.
// Views of T rows, f32 where it is said, else act.
struct Save {
    View x0, x1;        // [T,D] f32: the residual stream before attention and before the MLP
    View qa, q, kva;    // [T,q_lora] [T,H*(nope+rope)] [T,R+rope] before the norms
    View latent;        // [T,R+rope] what the cache holds
    View k, v, ka;      // dense: [T,KV*d] keys, values, keys before their norm; q, qa alike
    View qk, o_lat;     // absorbed: [T,H*(R+rope)] [T,H*R]
    View kv;            // expanded: [T,H*(nope+v)]
    View o, lse;        // [T,H*v] [T,H] f32
    View gate, up;      // [T,width]
    View egate, eup;    // [T*k,moe width] by slot
    View score, weight; // [T,E] [T,k] f32
    Slots slots;
};

// What all layers of a unit use one after the other.
struct Acts {
    View x;                  // [T,D] f32 after the last layer
    View h, cq, act;         // normed input; normed qa; silu(gate) * up
    View logit;              // [T,E] f32 of the router, then its gradient
    View route;              // [n_moe*T,k] i16, of every MoE layer
    View logp, entropy, lse; // [T,1] f32 of wanted rows
    View dx, dh;             // [T,D] f32
    View dq, dk, dv, dout;   // attention
    View dqk, dlat, dkv;     // absorbed; expanded
    View dkva, dlatent, dcq; // MLA
    View dgate, dup, dact;   // [T,width]
    View dweight;            // [T,k] f32
    View dlogp, dentropy;    // [T,1] f32
    DeviceByte *drawn;       // [cap] of Drawn
    DeviceByte *load;        // i64 [n_moe, E]: tokens routed since they were last read
};

// What an MTP module keeps for its backward pass besides the Save of its layer (policy/mtp.h).
typedef struct MtpSave {
    View embed, state;     // [T,D] f32, act: of the tokens ahead; the normed states continued
    View cat;              // [T,2D] [enorm(embed) ; hnorm(state)]
    View x;                // [T,D] f32 after the layer
    View logp, lse, dlogp; // [T,1] f32 of wanted rows
} MtpSave;

// ---- a policy

typedef struct Workspace { // of one queue
    Queue *queue;
    DeviceByte *work, *train_work; // the queue's
    int cap;                       // rows
    bool train;                    // keeps what a backward pass needs
    Index ix;
    Acts acts;     // of `cap` rows
    Save *save;    // [net_layers], if train
    Index *mtp_ix; // [n_mtp] of the modules' rows
    MtpSave *mtp;  // [n_mtp]; without train [1]
    View dcat;     // [T,2D] gradient of MtpSave.cat
    Save pass;     // of every layer where nothing is kept; the memory of save[0], with x1 at x0
    // on the host
    float *want_logp, *want_entropy;          // [cap] of wanted rows, or their gradients
    float *logp, *entropy, *dlogp, *dentropy; // [cap] of a chunk, by packed token
    Draw *draw;                               // [draw_cap] of a unit, which grows
    int draw_cap;
    int16_t *route; // [n_moe * cap * k]
    KeptSet *kept;  // [kept_cap] of wanted rows, which grows
    int kept_cap;
} Workspace;

struct Policy {
    ModelConfig model;
    PolicyOpts opts;
    PolicyPlan plan;
    const Ops *ops;
    Device *device;
    Arena *arena; // names and structure
    DeviceByte *memory;
    struct { // a part of memory that sampling and training use one after the other; bytes 0: none
        size_t at, bytes;
        bool training;
    } phase;
    Param *param;
    size_t *at;      // [n_params] offset of each parameter in the block of weights, in floats
    size_t *grad_at; // the same in the block of gradients, NO_GRAD where it is not trained
    int n_params;
    size_t n_floats, n_grads, n_moments; // of the blocks
    DeviceByte *master, *grad, *m, *v;
    ParamSpan *span; // [n_spans] of trainable parameters
    int *span_param, n_spans;
    const Attention *attention;
    Layer *layer;
    int n_moe;        // MoE layers of the model
    int n_routers;    // and of its MTP modules
    int first_mtp;    // parameters from here on are the MTP modules'
    bool mtp_trained; // since the last step
    Weight embed, final_norm, head;
    Weight **weight; // [n_weights] every Weight that is there, the head last
    int n_weights;
    RopeTable rope;
    float softmax_scale;
    GradSum gradsum;      // the partial sums of gradients
    bool sums_open;       // policy_train goes on with them
    int next_chunk;       // with this one
    DeviceByte *open_sum; // of the partial sum that the last call left unfinished, or NULL
    Workspace *work;
    int n_work, n_sums;
    int n_trainers;  // workspaces that keep what a backward pass needs, the first ones
    DeviceByte *kv;  // [layer][page] of ops->page_bytes
    View hidden;     // [max_decode_rows,D] f32: acts.x of the last decode call, for drafts
    int hidden_rows; // that are there
    size_t layer_bytes;
    DeviceByte *sums, *moved; // f64, i32 [n_spans]
    int64_t *load;            // on the host: [n_moe, E]
    void *kept;               // see policy_keep
    void (*end_kept)(void *kept);
    uint32_t version;
    int64_t steps;
};

// params.c: parameters and layers from the config; structure only.
MUST_USE Status net_check(const ModelConfig *m, const PolicyOpts *o);
MUST_USE Status net_params(Policy *p);
void net_uses(Policy *p); // what each Weight is read for
// plan.c
void net_layout(Policy *p, DeviceByte *base, PolicyPlan *plan);
// What sampling and training use one after the other is this one's from here on, and zero if it was
// not.
void net_phase(Policy *p, bool training);
MUST_USE Status net_open_queues(Policy *p); // after net_layout

// ---- a unit's walk

struct NetUnit {
    Policy *p;
    const Ops *ops;
    Queue *q;
    const Index *ix;
    Workspace *w;
    Acts acts;           // of ix->n_rows rows
    bool save;           // keep for backward
    bool decode;         // keys are in pages
    bool replay;         // acts.route is given
    const KeptSet *kept; // [n_want] the tokens that log-probs are over, or NULL
    bool dx_given;       // head_backward adds to acts.dx instead of writing it
    const Weight *norm;  // before the head: the final norm, or an MTP module's
    DeviceByte *grad;    // the block that gradients add to, or NULL
    float balance;       // weight of the balance loss of one sequence
};
// A unit of w->ix begins: the index is copied, views get its rows.
NetUnit unit_begin(Policy *p, Workspace *w, bool alone);
// The same unit over other rows: another Index of the workspace.
NetUnit unit_with_index(const NetUnit *u, const Index *ix);
Save unit_save(const NetUnit *u, int l);  // the views of layer l, of the unit's rows
View unit_route(const NetUnit *u, int l); // [T,k] of an MoE layer
// Layers of the model and of its MTP modules.
static inline int net_layers(const ModelConfig *m) {
    return m->n_layers + m->n_mtp;
}
static inline DeviceByte *unit_cache(const NetUnit *u, int l) {
    return u->decode ? device_at(u->p->kv, (size_t)l * u->p->layer_bytes) : NULL;
}
// Routes by packed token ([packed tokens, n_moe, k]) to the unit's rows, before the walk; and back,
// after it.
// The experts of a decoded sequence's new tokens (DecodeSeq.route), after the walk.
MUST_USE Status unit_tell_routes(NetUnit *u, const DecodeSeq *seq, int n_seqs);
void unit_replay(NetUnit *u, const int16_t *route);
MUST_USE Status unit_record(NetUnit *u, int16_t *route);

// First failure by unit number, kept with its sentence for the calling thread.
typedef struct UnitFailure {
    pthread_mutex_t lock; // PTHREAD_MUTEX_INITIALIZER
    Status st;
    int unit;
    char text[512];
} UnitFailure;
void failure_keep(UnitFailure *f, Status st, int unit);
MUST_USE Status failure_raise(UnitFailure *f);

// Layers [from, to): the whole model, or a pipeline stage. With from 0 tokens are embedded, else x0
// of layer `from` is given; the result is in acts.x. Backward the same in reverse over acts.dx.
void net_forward(NetUnit *u, int from, int to);
void net_backward(NetUnit *u, int from, int to);
void ffn_forward(NetUnit *u, int l, View out); // x1 of layer l -> out
void ffn_backward(NetUnit *u, int l);          // over acts.dx

// linear.c: every product of activations with a weight goes through here.
void net_linear(NetUnit *u, const Product *job, int n);
void net_linear_back(NetUnit *u, View dx, View base, View dy, const Weight *w); // dx = base + dy W
void net_linear_grad(NetUnit *u, const ProductGrad *job, int n);
void net_glu(NetUnit *u, const Glu *job);
void net_norm(NetUnit *u, const Norm *job, int n);
void net_norm_back(NetUnit *u, const NormBack *job);
// The same with MLA_LATENT_EPS, for the latents of MLA.
void net_latent_norm(NetUnit *u, const Norm *job, int n);
void net_latent_norm_back(NetUnit *u, const NormBack *job);

// head.c: wanted rows of acts.x.
void head_logprob(NetUnit *u, float inv_temperature, bool entropy);
void head_backward(NetUnit *u, float inv_temperature, bool entropy); // acts.dx
// Log-probs of this unit, of a pack, are over kept tokens from here on; NULL = nothing changes.
void head_keep(NetUnit *u, const Pack *pack, const KeptTokens *kept);
void head_draw(NetUnit *u, const Draw *draw, int n); // -> acts.drawn; rows of wanted ones
void head_logits(NetUnit *u, LogitsBlockFn *fn, void *ctx);

static inline DeviceByte *net_at(const Policy *p, const DeviceByte *block, int param) {
    return device_at(block, p->at[param] * sizeof(float));
}

#ifdef __cplusplus
}
#endif
#endif
