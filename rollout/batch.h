// rollout/batch.h -- the carrier of a step. Read this file first.
//
// Layer 3 (rollout). A Batch is one step's table: groups of samples with their columns. Every
// column is written by one module, once, from left to right; a module reads only what is to its
// left:
//
//   datasets     rollout                 rl/judge             rl/advantage   rl/grpo    policy
//   task    ->   token, logp_roll   ->   verdict, reward  ->  advantage  ->  dlogp  ->  weights
//
// The G samples of a group are adjacent. What was sampled is what is trained on: tokens are never
// made from text again. A Batch can be written to disk and read back at any stage (resume,
// debugging, off-policy data); its file holds everything that the rest of its step needs. All
// columns are in one Arena: the step's.
#ifndef ROLLOUT_BATCH_H
#define ROLLOUT_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// Of a batch: which columns exist. Of a sample: which of them are final for it.
typedef enum Stage { STAGE_EMPTY, STAGE_ASKED, STAGE_SAMPLED, STAGE_JUDGED, STAGE_WEIGHED } Stage;

typedef enum Finish {
    FINISH_NONE,   // not sampled yet
    FINISH_STOP,   // an end token or a stop string; an end token is the last token of the sample
    FINISH_LENGTH, // ran into max_new_tokens or the context
    FINISH_REPEAT, // stopped as a loop
    FINISH_ABORT,  // given up by us (deadline): weight 0
} Finish;
const char *finish_name(Finish finish); // as files and the command line say it: "none", "stop", ..

// Values of Batch.kind. Injected: put there by a tool or a rule, never drawn and never trained.
enum { TOKEN_PROMPT = 0, TOKEN_SAMPLED = 1, TOKEN_INJECTED = 2 };

struct Task; // datasets/task.h; carried, never read in this layer
enum { BATCH_REWARDS_MAX = 16, BATCH_NAME_BYTES = 24, BATCH_TURNS_MAX = 65535 };

typedef struct Batch {
    Stage stage;
    int n_groups, n_samples;
    int n_asked;      // groups given to batch_ask so far
    uint64_t step;    // number of the rollout that drew it
    int updates_made; // optimiser updates that were already made from it (trainer)
    // Of an ASKED batch: the same samples as an earlier engine_sample left them, or NULL; those
    // that are SAMPLED are taken as they are, the others go on from their tokens. Borrowed, not
    // written.
    const struct Batch *given;

    // ---- ASKED: [n_groups], by datasets and rl/collect
    const struct Task *
        *task; // borrowed; NULL entries after reading from disk until the task is looked up again
    uint64_t *task_id;
    uint64_t *task_index; // position in the task stream
    int *group_begin;     // [n_groups + 1] samples of group g: group_begin[g] .. group_begin[g+1]-1
    int *prompt_begin;    // [n_groups + 1] into prompt_token
    int32_t *prompt_token;
    int prompt_cap; // space in prompt_token
    uint8_t *keep;  // 1 after batch_ask, 0 = dropped by dynamic sampling: flagged, never moved

    // ---- SAMPLED, by the engine: per sample [n_samples], per token [n_tokens]
    uint8_t *sample_stage;        // Stage of each sample; a batch may hold unfinished ones
    int *token_begin, *token_end; // prompt and response of sample i: token[token_begin[i]] ..
                                  // token[token_end[i]-1]
    int *response_begin;          // first token after the prompt
    uint8_t *finish;              // Finish
    int n_tokens;
    int32_t *token;
    uint8_t *kind;     // TOKEN_*
    uint16_t *turn;    // 0 the prompt; one more where kind changes or a message begins
    uint32_t *version; // policy version that drew the token; 0 where it was not sampled
    float *logp_roll;  // sampler's own log-prob of each sampled token at the sampling temperature,
                       // over the whole vocabulary; 0 for other tokens

    // Optional (NULL = absent). The policy version that made the keys and values of each token,
    // when they were computed last; 0: never (the last token).
    uint32_t *kv_version;
    // Optional. Experts that the sampler's forward pass of each token took:
    // route[(token * route_layers + layer) * route_k + i], ascending; -1 = not recorded.
    int16_t *route;
    int route_layers, route_k;
    // Optional. The ids that top-k, top-p and min-p left to draw token t from:
    // kept_token[kept_begin[t]] .. kept_token[kept_begin[t + 1] - 1], ascending; none = all.
    int64_t *kept_begin; // [n_tokens + 1]
    int32_t *kept_token;

    // ---- JUDGED, by rl/judge: per sample [n_samples]
    uint8_t *verdict;               // verifiers/verdict.h
    int *answer_begin, *answer_end; // bytes of the response's text that hold the answer; equal =
                                    // none, or not a part of the text
    uint64_t *answer_hash;          // of the answer's bytes; 0 = none
    float *reward;                  // weighted sum of the parts
    float *part[BATCH_REWARDS_MAX]; // the parts, unweighted: accuracy, format, ...
    int n_parts;
    char *part_name;    // [n_parts * BATCH_NAME_BYTES], each ended by 0
    float *weight;      // 1; 0 for error and aborted samples: out of group statistics and loss
    uint8_t *loss_mask; // [n_tokens] 1 = in the loss; 0 leaves the loss only, not the statistics

    // ---- JUDGED, by the scoring of rl/trainer: per token [n_tokens], optional (NULL = absent)
    float *logp_old;     // by the trainer under the weights that sampled; absent: logp_roll is used
    float *logp_ref;     // under the reference
    float *logp_teacher; // under a teacher, at the sampling temperature (distillation)

    // ---- WEIGHED, by rl/advantage
    float *advantage; // [n_samples]
    // Optional (NULL = absent), [n_tokens]. The advantage of each token, in place of its sample's.
    float *advantage_token;
    // Optional, [n_tokens]: one weight of each token for each component of the loss. The loss is
    //   sum over components of  sum over tokens of weight * term / count
    // where a component's count is of its tokens with a weight other than 0 over the whole
    // mini-batch (the weights do not enter it; rl.loss_agg says what is counted for rl). A token
    // may be in several components. Samples with `weight` 0 and dropped groups are in none.
    //   rl       the policy loss; only where loss_mask is 1. Absent: 1 for all of those
    //   sft      -ln p of the token, whatever its kind, also where loss_mask is 0. Absent: 0
    //   distill  KL(policy || teacher) at the sampled token; needs logp_teacher there. Absent: 0
    float *weight_rl, *weight_sft, *weight_distill;
} Batch;

// An empty batch with the ASKED columns for n_groups groups of group_size samples; prompts are
// appended with batch_ask in group order, and after the last the stage is ASKED. The prompt is
// copied and holds at least one token.
Batch *batch_new(int n_groups, int group_size, Arena *arena);
void batch_ask(Batch *batch, int group, const struct Task *task, uint64_t task_id,
               uint64_t task_index, const int32_t *prompt, int n_prompt, Arena *arena);

// How many places SAMPLED takes for responses of up to max_new_tokens; at most INT_MAX can be.
int64_t batch_sampled_places(const Batch *batch, int max_new_tokens);

// Allocates the columns of a stage (zeroed) and moves the batch and its samples there; samples of
// SAMPLED stay ASKED until they finish. SAMPLED needs space for the longest responses: every sample
// gets its prompt and max_new_tokens places, with token_end = response_begin; batch_compact then
// closes the gaps, in sample order. JUDGED sets loss_mask to 1 for sampled tokens.
void batch_open_sampled(Batch *batch, int max_new_tokens, Arena *arena);
void batch_compact(Batch *batch);
void batch_open_judged(Batch *batch, int n_parts, Arena *arena);
void batch_open_weighed(Batch *batch, Arena *arena);

// The optional columns of WEIGHED, zeroed: the address is that of one of the fields
// advantage_token, weight_rl, weight_sft, weight_distill.
void batch_open_token_column(Batch *batch, float **field, Arena *arena);

// Optional columns. Routes and versions of keys: after batch_open_sampled, filled with -1 and 0.
// Kept sets: after batch_compact, with the count of each token [n_tokens]; the ids are then written
// in place.
void batch_open_routes(Batch *batch, int layers, int k, Arena *arena);
void batch_open_kv_version(Batch *batch, Arena *arena);
void batch_open_kept(Batch *batch, const int *n_kept, Arena *arena);

// The token behind the end of a sample, whose id (and log-prob) is already written there, becomes
// part of it: kind, version and turn are set. new_turn: a message begins, though the kind may be
// the same. A SAMPLED batch, before batch_compact.
void batch_extend(Batch *batch, int sample, int kind, uint32_t version, bool new_turn);

// The name of a part of the reward, shorter than BATCH_NAME_BYTES.
void batch_name_part(Batch *batch, int part, const char *name);
const char *batch_part_name(const Batch *batch, int part);

// Has a batch of SAMPLED or later a sample that was stopped on its way?
bool batch_unfinished(const Batch *batch);
int batch_response_length(const Batch *batch, int sample);
int batch_group_of(const Batch *batch, int sample);
// Turns of a sample, the prompt included; the first token of one of them.
int batch_turns(const Batch *batch, int sample);
int batch_turn_begin(const Batch *batch, int sample, int turn);
// Oldest and newest policy version among its sampled tokens; false: it has none.
bool batch_versions(const Batch *batch, int sample, uint32_t *oldest, uint32_t *newest);
// Does the sample count: it has weight and its group was not dropped.
bool batch_counts(const Batch *batch, int sample);
// Tokens of a counting sample that are in the policy loss (loss_mask and weight_rl); else 0.
int batch_trained(const Batch *batch, int sample);
// [n_tokens] 1 = in the policy loss; 1 = in any component. loss_mask itself where there are no
// weight columns.
const uint8_t *batch_rl_tokens(const Batch *batch, Arena *arena);
const uint8_t *batch_loss_tokens(const Batch *batch, Arena *arena);
// Log-probs under the weights that sampled: logp_old, or logp_roll where that is absent.
const float *batch_old(const Batch *batch);

// Appends the groups of `more` (same stage, parts and optional columns) after those of `batch` into
// a new one with the step of `batch`: dynamic sampling's refill.
Batch *batch_concat(const Batch *batch, const Batch *more, Arena *arena);

// The file format is this program's: magic, version, stage, columns, CRC; rollout/batch_file.c has
// the layout. ST_IO, ST_FORMAT. Writing is atomic. What was read is safe to walk: every range lies
// inside its column; token ids, versions and numbers are as they were written.
MUST_USE Status batch_write(const Batch *batch, const char *path);
MUST_USE Status batch_read(const char *path, Batch **out, Arena *arena);
// The same from memory; `name` is what errors call it.
MUST_USE Status batch_parse(const void *data, size_t size, const char *name, Batch **out,
                            Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
