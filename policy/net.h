// policy/net.h -- the inside of a Policy: its parameters as layers, its memory as one plan.
//
// Private to policy/ (floor 2). Everything a step touches is laid out by net_layout in one
// allocation; walking the layout with a NULL base only measures, and that is policy_plan.
#ifndef POLICY_NET_H
#define POLICY_NET_H

#include "policy/cpu/gemm.h"
#include "policy/cpu/rows.h"
#include "policy/fold.h"
#include "policy/ops.h"
#include "policy/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

// y = x W^T with W [n,k]; back multiplies by W (for dX), packed only if trainable and
// net_keeps_back says so.
typedef struct Linear {
    int param, n, k; // param: number in Policy.param
    int bias;        // the same; 0, which is the embedding, means none
    Precision precision;
    Packed fwd, back;
} Linear;

enum { HEAD_COLUMNS = 2048 }; // of logits made at a time where `back` of the head is not kept

typedef struct Ffn {
    Linear gate, up, down;
    int width; // 0: absent
} Ffn;

typedef struct HeadSlice { // the absorbed form's view of kv_b for one head
    Packed uk, uk_back, uv, uv_back;
} HeadSlice;

typedef struct Layer {
    int attn_norm, q_norm, kv_norm, ffn_norm; // parameters; q_norm is -1 without q_lora
    Linear q_a, q_b, kv_a, kv_b, o;           // without q_lora q_b is q_proj and q_a.n is 0
    Linear q, k, v;                           // dense; q_norm and kv_norm are then the heads' own,
                                              // of queries and of keys, or -1
    HeadSlice *head;                          // [n_heads], absorbed form only
    bool moe;
    int moe_at; // number among the MoE layers
    Linear router;
    int bias; // parameter, -1 without
    Ffn ffn;  // the dense MLP, or the shared expert
    Ffn *expert;
} Layer;

// What one layer keeps for its backward pass; a pass that is not trained has one for all layers.
typedef struct Save {
    float *x0, *x1;      // [T,D] residual stream before attention and before the MLP
    float *qa, *q, *kva; // [T,q_lora] [T,H*(nope+rope)] [T,R+rope] before the norms
    float *latent;       // [T,R+rope] what the cache holds
    float *k, *v, *ka;   // dense: [T,KV*head_dim] keys, values, keys before their norm; q, qa alike
    float *qk;           // absorbed: [T,H,R+rope]
    float *kv;           // expanded: [T,H*(nope+v)]
    float *o_lat;        // absorbed: [T,H,R]
    float *o, *lse;      // [T,H*v] [T,H]
    float *gate, *up;    // [T,width] of the dense MLP or the shared expert
    float *egate, *eup;  // [T*k,moe width] of the routed experts, slot by slot
    float *score, *weight;
    int16_t *route;      // score [T,E]; weight, route [T,k]
    int32_t *slot_token; // [T*k] slots sorted by expert, then token
    int32_t *slot_entry; // [T*k] t * k + i of the slot
    int *begin;          // [E+1] slots of each expert
} Save;

// Of the sequences that share with one leader, its own among them, a part that one thread takes for
// a backward pass: the leader stands in part 0. How they are cut depends on the pack alone.
enum { SHARE_PARTS = 4 };
typedef struct Slice {
    int begin, end;         // sequences
    int leader, part, rows; // rows: the most that one of them shares
} Slice;

// Working memory of one unit (a chunk, or a block of sequences), used by one thread at a time.
typedef struct Workspace {
    int cap;    // rows
    bool train; // keeps what a backward pass needs
    Save *save; // [n_layers], if train
    Save pass;  // of every layer where nothing is kept; the memory of save[0], with x1 at x0
    float *x;   // [T,D] after the last layer
    int32_t *token, *pos;
    float *h, *cq, *act, *y, *logit;
    float *dx, *dh, *dq, *dqk, *dkva, *dlatent, *dout, *dlat, *dcq, *dkv, *dgate, *dup, *dact, *dy;
    float *dweight, *dscore, *balance; // the last: scores of one sequence and their gradients
    void *turned;                      // a linear's W as net_back makes it
    int32_t *head_token;               // [T] wanted tokens, counted from the first column at hand
    float *keys;                       // expanded decode: [max_seq, R+rope + H*(nope+v)]
    float *dk, *dv, *turn;    // dense: gradients of keys and values; rows of one head, see dense.c
    float *dk_part, *dv_part; // dense: [SHARE_PARTS - 1] times the size of dk, sums of slices
    size_t turn_floats, attention_bytes; // of one thread; the second for MLA too
    float *head_x, *head_logit, *head_dx;
    int32_t *want_row, *want_at, *want_token; // row, packed index in the unit, token
    float *want_logp, *want_entropy, *want_lse, *want_dlogp, *want_dentropy;
    float *logp, *entropy, *dlogp, *dentropy; // [T]
    int *offset, *pos0, *leader; // [T+1] of a sequence: its first row, the position there, and the
                                 // sequence whose first rows stand for the positions before
    int *packed, *times; // [T+1] a sequence's packed offset in the unit; of how many a row is
    Slice *slice;
    int n_slices;
    int64_t *load; // [n_moe_layers * E] tokens routed since the last fold
    CpuDev dev;
} Workspace;

struct Policy {
    ModelConfig model;
    PolicyOpts opts;
    PolicyPlan plan;
    const Ops *ops;
    GemmRow row;  // whose packed layout was planned
    Arena *arena; // names and structure
    void *memory;
    struct { // a part of memory that sampling and training use in turn; bytes 0: none
        size_t at, bytes;
        bool training;
    } phase;
    Param *param;
    size_t *at; // offset of each parameter in every fp32 block, in floats
    int n_params;
    size_t n_floats;
    Layer *layer;
    int embed, final_norm, n_moe;
    Linear head;
    int head_rows; // rows of logits made at a time
    float *master, *grad, *m, *v;
    Fold fold; // of the gradients of lanes
    Workspace *work;
    int n_work, n_lanes;
    int n_trainers; // workspaces that keep what a backward pass needs, the first ones
    char *kv;       // [layer][page], see net_kv: [KV_PAGE_TOKENS][R+rope] fp32; dense: see dense.c
    float *rope;
    float softmax_scale;
    int64_t *load;
    double *sums;       // partial sums of squares
    bool *moved, *idle; // of the last step, by parameter
    struct PackJob *pack_job;
    int n_pack;
    void *kept; // see policy_keep
    void (*end_kept)(void *kept);
    uint32_t version;
    int64_t steps;
};

// One unit's walk through the model.
typedef struct Run {
    Policy *p;
    Workspace *w;
    int n_tokens, n_seqs;    // rows, and their sequences
    const DecodeSeq *decode; // NULL: packed sequences from position 0; else [n_seqs]
    const int16_t *replay;   // [packed tokens, n_moe, k] or NULL
    int16_t *record;
    float *grad;   // the lane's gradients, or NULL
    float balance; // weight of the balance loss of one sequence
    bool save;
} Run;

// params.c: parameters and layers from the config; structure only.
MUST_USE Status net_check(const ModelConfig *m, const PolicyOpts *o);
void net_params(Policy *p);
// plan.c
bool net_keeps_back(const Policy *p); // the linears' W for dX
void net_layout(Policy *p, char *base, PolicyPlan *plan);
void net_pack(Policy *p); // all packed copies from the masters
// What is in turn used by training or decoding is this one's from here on, and zero if it was not.
void net_phase(Policy *p, bool training);

// mla.c or dense.c, ffn.c, head.c: one layer forward and backward. x of layer l -> x of layer l +
// 1; the backward pass turns w->dx from the gradient of its output into that of its input, in
// place.
void mla_forward(Run *r, int l);
void mla_backward(Run *r, int l);
void dense_forward(Run *r, int l); // grouped-query attention
void dense_backward(Run *r, int l);
size_t dense_turn_floats(const Policy *p, bool train); // of Workspace.turn, for one thread
// linear.c. y (+)= x W^T + bias of all tokens.
void net_linear(Run *r, const Linear *linear, float *y, const float *x, int ldx, bool add);
// The gradients of W and bias from dy [T,n].
void net_linear_grad(Run *r, const Linear *linear, const float *dy, const float *x, int ldx);
void net_bias_grad(Run *r, const Linear *linear, const float *dy);
// dx [T,k] (+)= dy [T,n] W.
void net_linear_back(Run *r, const Linear *linear, float *dx, const float *dy, bool add);
// What multiplies by W: kept, or made in w->turned from the masters, where the next one stands.
Packed net_back(Run *r, const Linear *linear);
Packed net_back_rows(Run *r, const Linear *linear, int begin, int n); // made of n rows of W
void ffn_forward(Run *r, int l, float *out);
void ffn_backward(Run *r, int l);
void net_forward(Run *r); // tokens -> w->x
// Fills want_row/at/token from a pack whose inputs are set; returns how many.
int head_wanted(const Pack *pack, Workspace *w);
// Hidden rows want_row[at .. at+n) (n <= head_rows) -> head_dx, normed head_x, head_logit.
void head_logits(Run *r, int at, int n);
void head_logprob(Run *r, int n_want, float inv_temperature, bool entropy);
void head_backward(Run *r, int n_want, float inv_temperature, bool entropy); // writes w->dx

static inline Save *net_save(const Run *r, int l) {
    return r->save ? &r->w->save[l] : &r->w->pass;
}
// Bytes of a page in one layer, and the pages of a layer.
static inline size_t net_page_bytes(const Policy *p) {
    return KV_PAGE_TOKENS * model_cache_bytes(&p->model);
}
static inline void *net_kv(const Policy *p, int l) {
    return p->kv + (size_t)l * (size_t)p->opts.kv_pages * net_page_bytes(p);
}

// Keys of a packed sequence: those of its leader that it shares, then its own. Returns the first
// one's row.
static inline size_t net_keys(const Workspace *w, int s, AttentionShape *shape) {
    const int first = w->offset[w->leader[s]];
    shape->shared = w->pos0[s];
    shape->gap = w->offset[s] - w->pos0[s] - first;
    return (size_t)first;
}
static inline float *net_at(const Policy *p, float *block, int param) {
    return block + p->at[param];
}

#ifdef __cplusplus
}
#endif
#endif
