// rollout/batch.h -- THE CARRIER. Read this file first.
//
// Floor 3 (rollout). A Batch is one step's table: groups of samples with their columns. Every
// column is written by one room, once, from left to right; a room reads only what stands to its
// left:
//
//   datasets     rollout                 rl/judge             rl/advantage   rl/grpo    policy
//   task    ->   token, logp_roll   ->   verdict, reward  ->  advantage  ->  dlogp  ->  weights
//
// The G samples of a group lie side by side. What was sampled is what is trained on: tokens are
// never made from text again. A Batch can be written to disk and read back at any stage (resume,
// debugging, off-policy data). All columns live in one Arena: the step's.
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

typedef enum Stage { STAGE_EMPTY, STAGE_ASKED, STAGE_SAMPLED, STAGE_JUDGED, STAGE_WEIGHED } Stage;

typedef enum Finish {
    FINISH_NONE,   // not sampled yet
    FINISH_STOP,   // an end token or a stop string; an end token is the last token of the sample
    FINISH_LENGTH, // ran into max_new_tokens or the context
    FINISH_REPEAT, // stopped as a loop
    FINISH_ABORT,  // given up by us (deadline): weight 0
} Finish;
const char *finish_name(Finish finish); // as files and the command line say it: "none", "stop", ..

enum { TOKEN_PROMPT = 0, TOKEN_SAMPLED = 1, TOKEN_INJECTED = 2 }; // values of Batch.mask

struct Task; // datasets/task.h; carried, never read on this floor
enum { BATCH_REWARDS_MAX = 8 };

typedef struct Batch {
    Stage stage;
    int n_groups, n_samples;
    int n_asked;   // groups given to batch_ask so far
    uint64_t step; // which step drew it

    // ---- ASKED: [n_groups]
    const struct Task *
        *task; // borrowed; NULL entries after reading from disk until the task is looked up again
    uint64_t *task_id;
    uint64_t *task_index; // position in the task stream
    int *group_begin;     // [n_groups + 1] samples of group g: group_begin[g] .. group_begin[g+1]-1
    int *prompt_begin;    // [n_groups + 1] into prompt_token
    int32_t *prompt_token;
    int prompt_cap; // room in prompt_token
    uint8_t *keep;  // 1 after batch_ask, 0 = dropped by dynamic sampling: flagged, never moved

    // ---- SAMPLED: per sample [n_samples], per token [n_tokens]
    int *token_begin, *token_end; // prompt and response of sample i: token[token_begin[i]] ..
                                  // token[token_end[i]-1]
    int *response_begin;          // first token after the prompt
    uint8_t *finish;              // Finish
    uint32_t *version_min, *version_max; // policy versions its tokens and KV were made under
    int n_tokens;
    int32_t *token;
    uint8_t *mask;    // TOKEN_*
    float *logp_roll; // sampler's own log-prob of each sampled token at the sampling temperature; 0
                      // for prompt tokens

    // ---- JUDGED: [n_samples]
    uint8_t *verdict;               // verifiers/verdict.h
    float *reward;                  // weighted sum of the parts
    float *part[BATCH_REWARDS_MAX]; // the parts, unweighted: accuracy, format, ...
    int n_parts;
    float *weight; // 0 for error, aborted or masked-out samples, else 1

    // ---- WEIGHED: [n_samples]
    float *advantage;
} Batch;

// An empty batch with the ASKED columns for n_groups groups of group_size samples; prompts are
// appended with batch_ask in group order, and after the last the stage is ASKED. The prompt is
// copied and holds at least one token.
Batch *batch_new(int n_groups, int group_size, Arena *arena);
void batch_ask(Batch *batch, int group, const struct Task *task, uint64_t task_id,
               uint64_t task_index, const int32_t *prompt, int n_prompt, Arena *arena);

// How many places SAMPLED takes for responses of up to max_new_tokens; at most INT_MAX can be.
int64_t batch_sampled_places(const Batch *batch, int max_new_tokens);

// Allocates the columns of a stage (zeroed) and moves the batch there. SAMPLED needs room for the
// longest responses: every sample gets its prompt and max_new_tokens places, with
// token_end = response_begin; batch_compact then closes the gaps, in sample order.
void batch_open_sampled(Batch *batch, int max_new_tokens, Arena *arena);
void batch_compact(Batch *batch);
void batch_open_judged(Batch *batch, int n_parts, Arena *arena);
void batch_open_weighed(Batch *batch, Arena *arena);

int batch_response_length(const Batch *batch, int sample);
int batch_group_of(const Batch *batch, int sample);

// Appends the groups of `more` (same stage, same n_parts) after those of `batch` into a new one
// with the step of `batch`: dynamic sampling's refill.
Batch *batch_concat(const Batch *batch, const Batch *more, Arena *arena);

// The file is ours: magic, version, stage, columns, CRC; rollout/batch_file.c has the layout.
// ST_IO, ST_FORMAT. Writing is atomic. What was read is safe to walk: every range lies inside its
// column; token ids, versions and numbers are as they were written.
MUST_USE Status batch_write(const Batch *batch, const char *path);
MUST_USE Status batch_read(const char *path, Batch **out, Arena *arena);
// The same from memory; `name` is what errors call it.
MUST_USE Status batch_parse(const void *data, size_t size, const char *name, Batch **out,
                            Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
