// sft/finetune.h -- next-token training: what makes a base model, and what a later stage tunes.
//
// Place:   datasets/corpus -> sft/example -> HERE -> policy_train, policy_step
// Layer 4 (sft). One optimiser step takes `batch` documents of the corpus, packs them without
// padding, longest first, and minimises
//     loss = -sum over wanted tokens of ln p(token | what precedes it) / N,
// N = wanted tokens of the whole batch: one denominator, however the batch is cut into chunks.
// Batch number s is a function of (corpus, s), so the step number is all there is to resume.
#ifndef SFT_FINETUNE_H
#define SFT_FINETUNE_H

#include <stdint.h>

#include "base/config.h"
#include "base/metrics.h"
#include "base/pool.h"
#include "base/status.h"
#include "datasets/corpus.h"
#include "policy/policy.h"
#include "policy/text/chat.h"
#include "policy/text/tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

// What happens to documents of more than max_tokens tokens.
typedef enum FinetuneOverlong {
    FINETUNE_DROP,     // left out
    FINETUNE_TRUNCATE, // their first max_tokens tokens are trained on, without an end token
    FINETUNE_ERROR,    // the first one ends the run (ST_CONFIG)
} FinetuneOverlong;
#define FINETUNE_OVERLONG_CHOICES "drop|truncate|error" // in the enum's order

// How documents are put into chunks. They are sequences of their own there: none sees another.
typedef enum FinetunePacking {
    FINETUNE_IN_ORDER, // longest first; a chunk takes documents until the next one does not fit
    FINETUNE_BEST_FIT, // longest first, each into the fullest chunk that has space for it
} FinetunePacking;
#define FINETUNE_PACKING_CHOICES "in-order|best-fit" // in the enum's order

typedef struct FinetuneConfig {
    int64_t steps;      // optimiser steps in all; 0: `epochs` over a corpus that ends
    double epochs;      // used if steps is 0
    int64_t batch;      // documents a step
    int64_t max_tokens; // longer documents are counted, and dealt with as `overlong` says
    int overlong;       // FinetuneOverlong
    int mask;           // ExampleMask
    int packing;        // FinetunePacking
    int64_t patience;   // used by pipelines/run/stage_sft
    double lr, final_ratio;
    int schedule; // ScheduleKind
    int64_t warmup_steps;
    double beta1, beta2, eps, weight_decay, clip_norm;
    double balance_alpha, router_bias_step, mtp_weight;
} FinetuneConfig;

extern const ConfigSection finetune_section; // "sft"; target NULL: copy it and set your own

// All borrowed, for the life of the Finetune.
typedef struct FinetuneDeps {
    Policy *policy;             // trainable
    const Tokenizer *tokenizer; // of the policy's vocabulary
    const Chat *chat;           // NULL: documents as written
    Pool *pool;                 // NULL = one thread
    const Corpus *corpus;
    int chunk_tokens; // as in PolicyOpts; part of the arithmetic, see pack_chunks
} FinetuneDeps;

typedef struct Finetune Finetune;

// ST_CONFIG: neither steps nor an end of the corpus, or a vocabulary that does not fit the model.
MUST_USE Status finetune_new(const FinetuneDeps *deps, const FinetuneConfig *config,
                             Finetune **out);
void finetune_free(Finetune *finetune); // NULL is fine

int64_t finetune_steps(const Finetune *finetune);    // in all
int64_t finetune_position(const Finetune *finetune); // steps taken
void finetune_seek(Finetune *finetune, int64_t position);

// A look at documents before training starts.
typedef struct FinetuneSurvey {
    int64_t documents; // looked at
    int64_t overlong;  // of more than sft.max_tokens tokens
    int64_t refused;   // without tokens: the chat template refuses them, or they are empty
    int longest;       // tokens of the longest
} FinetuneSurvey;

// Encodes the first `most` documents of the corpus, or all if there are fewer. ST_CONFIG with
// FINETUNE_ERROR if one is too long. Nothing is trained.
MUST_USE Status finetune_survey(Finetune *finetune, int64_t most, FinetuneSurvey *out);

// One optimiser step; adds its numbers to `metrics`: train/loss (nats a token), train/ppl,
// train/tokens (of documents, trained or not), train/trained_tokens, train/documents,
// with best-fit packing train/fill (finetune_fill),
// train/left_out, where documents are longer than max_tokens also train/overlong (left out or
// truncated) and train/truncated, actor/grad_norm (before clipping), actor/lr, perf/throughput
// (tokens/s), timing_s/step, for MoE moe/load_min, moe/load_max, moe/idle_experts, and with
// mtp_weight mtp/loss_K of module K (nats a predicted token). The weights
// are untouched on failure: ST_FORMAT if a number is not finite, ST_CONFIG if no document of the
// batch fits, or with FINETUNE_ERROR if one does not. `report` may be NULL.
MUST_USE Status finetune_step(Finetune *finetune, Metrics *metrics, StepReport *report);
// The mean share of a chunk of the last step that held tokens.
double finetune_fill(const Finetune *finetune);
// Did the last step fail because of such a number, and not because of a document?
bool finetune_nonfinite(const Finetune *finetune);

// Mean loss (nats a token) of documents first .. first+n-1 of a corpus under the current weights,
// with the same mask and length limit. Nothing is trained.
MUST_USE Status finetune_loss(Finetune *finetune, const Corpus *corpus, uint64_t first, int n,
                              double *loss);

#ifdef __cplusplus
}
#endif
#endif
