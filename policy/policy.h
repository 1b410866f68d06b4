// policy/policy.h -- the waist between learning and the model: log-prob and its gradient, nothing
// else.
//
// Floor 2. Tokens in, log-probabilities out, gradients in. Knows nothing of reward, of text or of
// tasks. The same weights and the same arithmetic serve scoring, training and decoding: on the CPU
// the log-prob of a sampled token is bit for bit the one that policy_score gives at the same
// version (DESIGN section 5). Host-side arrays only; the device lives behind Policy.
//
// Codes: ST_CONFIG (a model that cannot be), ST_NOMEM (the plan does not fit; the sentence has the
// numbers), ST_FORMAT (a token id out of range; a non-finite number, named), ST_CUDA. On failure
// outputs are undefined.
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "base/str.h"
#include "policy/draw.h"
#include "policy/model.h"
#include "policy/pack.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Policy Policy;

struct Ops;
// The backend of policies that name none: the CPU's, until another is given. Returns it.
const struct Ops *policy_backend(const struct Ops *ops);

typedef struct PolicyOpts {
    const struct Ops *ops; // the backend (policy/ops.h); NULL = policy_backend's
    Pool *pool;            // borrowed; NULL = one thread
    bool trainable;        // gradients and moments are planned only then
    int chunk_tokens;      // tokens walked in one piece; a larger chunk costs a second forward pass
    int max_seq_tokens;    // the longest sequence
    int chunks_in_flight;  // 0 = as many as threads; never changes results
    int partial_sums;      // of gradients: 1, 2, 4 or 8; part of the result.
                           // 0 = 8, or 1 where a model has more than POLICY_ONE_SUM_PARAMS
    const char *const *frozen; // [n_frozen] tensors that are not trained, by name or as patterns of
    int n_frozen;              // fnmatch ("model.embed_tokens.weight", "*.mlp.*"): no gradient, no
                               // moments, no place for them; borrowed during policy_new
    int kv_pages;              // pages of KV_PAGE_TOKENS tokens for decoding; 0 = none
    int max_decode_rows;       // new tokens in one policy_decode call, all sequences together
    size_t memory_bytes;       // the plan must fit this; 0 = no limit
} PolicyOpts;

enum { POLICY_ONE_SUM_PARAMS = 32 * 1000 * 1000 };

// What policy_new would allocate, by purpose, in bytes. Printed before anything runs.
typedef struct PolicyPlan {
    size_t weights, packed, gradients, moments, activations, kv, scratch, total;
    size_t in_turn;             // counted above as KV and as activations or scratch, but one place
    int64_t n_params, n_active; // parameters; those a token uses, without the input embedding
} PolicyPlan;

MUST_USE Status policy_plan(const ModelConfig *model, const PolicyOpts *opts, PolicyPlan *out);
void policy_plan_print(const PolicyPlan *plan, Str *out);

// Weights are zero after policy_new: call policy_init, or policy_set all and policy_sync.
MUST_USE Status policy_new(const ModelConfig *model, const PolicyOpts *opts, Policy **out);
void policy_free(Policy *policy);
const ModelConfig *policy_model(const Policy *policy);
void policy_init(Policy *policy, uint64_t seed); // see policy.c for the distribution; then syncs
void policy_init_param(Policy *policy, int i, uint64_t seed); // one parameter, without syncing

// Every tensor of the model, in checkpoint order, under its Hugging Face name.
typedef struct Param {
    const char *name; // "model.layers.0.self_attn.q_a_proj.weight"
    int rows, cols;   // [rows, cols] row-major as in the checkpoint; cols == 0: a vector of `rows`
    bool trainable;   // has a gradient and moments; false: e_score_correction_bias, frozen ones
    bool decay;       // weight decay applies (matrices, not norms and not the embedding)
    bool expert;      // one expert's matrix: may rightly get no gradient in a step
} Param;

const Param *policy_params(const Policy *policy, int *n);
static inline size_t param_count(const Param *param) {
    return (size_t)param->rows * (size_t)(param->cols > 0 ? param->cols : 1);
}

// The arrays of a parameter, all fp32: its weights, the gradient, and AdamW's moments (the last
// three only where it is trainable). Values [at, at + n) of tensor i are copied from or to the
// device.
typedef enum ParamPart { PARAM_WEIGHT, PARAM_GRAD, PARAM_M, PARAM_V } ParamPart;
MUST_USE Status policy_get(const Policy *policy, int i, ParamPart part, size_t at, size_t n,
                           float *host);
MUST_USE Status policy_set(Policy *policy, int i, ParamPart part, size_t at, size_t n,
                           const float *host);
// What came with the weights and is saved with them (policy/files/extras): kept for its owner, and
// ended with `end` when the policy is freed or keeps another. NULL: nothing is kept.
void policy_keep(Policy *policy, void *kept, void (*end)(void *kept));
void *policy_kept(const Policy *policy);
// Call after policy_set of weights: rebuilds every packed or quantised copy and raises the version.
void policy_sync(Policy *policy);
// dst takes the weights of src (same ModelConfig); used to refresh a reference.
MUST_USE Status policy_copy(Policy *dst, const Policy *src);
uint32_t policy_version(const Policy *policy);
void policy_set_version(Policy *policy, uint32_t version); // resume only
int64_t policy_steps(const Policy *policy);                // optimiser steps taken (AdamW's t)
void policy_set_steps(Policy *policy, int64_t steps);

// What an MTP module predicted in policy_train: sums that are added to.
typedef struct MtpLoss {
    double sum;     // of -ln p, nats
    int64_t tokens; // predicted
} MtpLoss;

// Experts chosen for each packed token and MoE layer: route[(token * n_moe_layers + layer) * k +
// i], ascending expert ids.
typedef struct Routes {
    int16_t *route;
    int n_moe_layers, k;
} Routes;

// The ids that token t of the array a Pack points into was drawn from: token[begin[t]] ..
// token[begin[t + 1] - 1], ascending, itself among them; none = the whole vocabulary.
typedef struct KeptTokens {
    const int64_t *begin;
    const int32_t *token;
} KeptTokens;

typedef struct ScoreOpts {
    double temperature; // > 0; log-probs are of logits / temperature
    // Use these experts (gate weights are recomputed); NULL = choose, and so where one is -1.
    const Routes *replay;
    Routes *record;         // write the choice here; NULL = do not
    const KeptTokens *kept; // log-probs and entropies are over these; NULL = the vocabulary
    double balance_alpha;   // policy_train: weight of the sequence balance loss; 0 = off
    // policy_train: the MTP modules are trained, on the wanted tokens. Weight of one of them: V3's
    // lambda over the wanted tokens of the whole batch; a module has its n-th part. 0: they are not
    // computed. Sequences of a chunk then share nothing.
    double mtp_scale;
    MtpLoss *mtp_loss; // [n_mtp], added to; NULL = not wanted
} ScoreOpts;

// ln p of every wanted token given what precedes it in its sequence. logp, entropy (nats; may
// be NULL): [pack->n_tokens]; 0 where not wanted. The pack is cut by sequences internally as memory
// asks; results do not depend on it.
MUST_USE Status policy_score(Policy *policy, const Pack *pack, const ScoreOpts *opts, float *logp,
                             float *entropy);

// Called once per chunk, perhaps from several threads at once for different chunks: reads logp and
// entropy, writes dlogp = dLoss/dlogp and dentropy = dLoss/dentropy (all [chunk->n_tokens]; both
// come zeroed). Loss is minimised. A failure stops the step.
typedef Status LossFn(void *ctx, int chunk_index, const Pack *chunk, const float *logp,
                      const float *entropy, float *dlogp, float *dentropy);

// What part of an optimiser step's chunks a call trains. A policy (a rank) trains chunks [begin,
// end) of `total`, in one call or in several, in order; begin and end are first chunks of a partial
// sum (train_sum_begins), so that ranks have whole partial sums. Gradients are complete after the
// call that reaches `end`.
typedef struct TrainScope {
    int first;      // number of chunk[0] of this call
    int begin, end; // this policy's chunks
    int total;      // of the step, over all ranks
    int64_t n_seqs; // sequences of the step, over all ranks: the balance loss is their mean
} TrainScope;
// These chunks are the whole step.
TrainScope train_scope(const Pack *chunk, int n_chunks);
// The first chunk of partial sum s of n_sums, of `total` chunks: the least c for which c * n_sums /
// total >= s.
int train_sum_begins(int s, int n_sums, int total);

// Forward, loss and backward over the chunks; adds to the gradients. Chunk c of n belongs to
// partial sum c * n_sums / n; a sum adds its chunks in order, sums are added in a binary tree: so
// threads, chunks in flight and calls do not change a bit. A sum is as large as the weights: a
// large model has one, adds to its gradient directly, and its threads share every product of one
// chunk. The loss is normalised over the whole step by its own denominators; chunk_index counts
// from 0 in each call. The KV pages are empty afterwards: where they are large, chunks are trained
// in their place. A failure discards what open partial sums hold.
MUST_USE Status policy_train(Policy *policy, const Pack *chunk, int n_chunks,
                             const TrainScope *scope, const ScoreOpts *opts, LossFn *loss,
                             void *ctx);
int policy_partial_sums(const Policy *policy);

typedef struct AdamWConfig {
    double beta1, beta2, eps, weight_decay;
    double clip_norm;        // global norm; <= 0 = off
    double router_bias_step; // gamma of the selection bias's update; 0 = frozen
} AdamWConfig;

typedef struct StepReport {
    double grad_norm;   // before clipping
    int n_without_grad; // trainable tensors (experts apart) whose gradient was exactly zero
                        // everywhere
    int n_unmoved;      // trainable tensors (experts apart) of which no value changed
    int n_idle_experts; // experts without any gradient
    const char *first_without_grad; // a name, or NULL
    double load_min, load_max;      // experts' load over the mean, worst layer; 0 if no MoE
} StepReport;

// One AdamW step with gradient clipping, then zeroes the gradients, applies the selection bias's
// rule, syncs. ST_FORMAT if the gradient norm is not finite: weights are then untouched and
// gradients still there.
MUST_USE Status policy_step(Policy *policy, const AdamWConfig *cfg, double lr, StepReport *out);
void policy_zero_grad(Policy *policy);

// ---- decoding: n_new >= 1 tokens per sequence over a paged cache (DecodeSeq: policy/pack.h)
//
// Serves prefill, chunked prefill, decode and verification of drafts with one call. Who owns which
// page is rollout/kv's business; the policy only reads page tables.

// drawn[i] is what draw[i] asks for. Tokens are the same however sequences are put together in
// calls.
MUST_USE Status policy_decode(Policy *policy, const DecodeSeq *seq, int n_seqs, const Draw *draw,
                              int n_draws, Drawn *drawn);

// ---- drafts: the MTP modules guess the tokens that policy_decode will draw next
//
// policy_decode keeps the states of its rows until the next call. A module has keys and values of
// its own in the sequence's pages. Drafts are guesses: they change speed, never what is drawn, if
// the caller takes policy_decode's token at every position.
enum { DRAFT_MOST = 8 }; // guesses for one sequence
typedef struct DraftSeq {
    // Rows of the last policy_decode that are part of the sequence for good: rows.token[i] is the
    // token behind row i, at position rows.pos + i + 1. n_logits and id are not read.
    DecodeSeq rows;
    int first_row;              // of rows, counted over all sequences of that call
    int n_drafts;               // wanted, for the tokens behind rows.token; 0 = only fill the cache
    DrawRule rule;              // as policy_decode will draw them
    double uniform[DRAFT_MOST]; // of each
    int32_t draft[DRAFT_MOST];  // written; n_drafts is lowered where there is none
} DraftSeq;
// Module k makes draft k; `modules` of them run, at most n_mtp.
MUST_USE Status policy_draft(Policy *policy, DraftSeq *seq, int n_seqs, int modules);

// policy_decode with logits on the host, for tests and comparisons. Receives one row of logits
// [vocab_size] (raw: not divided by temperature), valid during the call; called from several
// threads at once, the rows of one sequence in order by one thread.
typedef void LogitsFn(void *ctx, const DecodeSeq *seq, int row, const float *logits);
MUST_USE Status policy_logits(Policy *policy, const DecodeSeq *seq, int n_seqs, LogitsFn *fn,
                              void *ctx);
// Copies the first n_tokens slots of page src to page dst in every layer (copy on write of a shared
// page).
void policy_kv_copy(Policy *policy, int src, int dst, int n_tokens);

// The one definition of a log-probability, shared by scoring, training and the sampler:
// ln softmax(logits * inv_temperature)[token]. Fixed fold over vocabulary blocks, the same bits on
// every kernel set. *lse (may be NULL) gets ln sum exp of the scaled logits, *entropy
// (may be NULL) nats.
float policy_logprob_row(const float *logits, int vocab, float inv_temperature, int32_t token,
                         float *lse, float *entropy);

#ifdef __cplusplus
}
#endif
#endif
