// rl/evaluate.h -- how good is the policy: n questions, k samples each, judged.
//
// Layer 4 (rl). Draws from RNG_EVAL, so an evaluation never moves a training run. Definitions:
//   accuracy  mean@k: the mean over questions of the share of their k samples that are right
//   pass@k    unbiased, from all samples of a question (rl/passk.h)
//   cons@k    share of questions whose most frequent extracted answer is right (answers compared as
//             text; a tie counts for the share of the tied answers that are right)
// Samples without a verdict are left out; so is a question of which too few are left.
// No question counts twice: a task whose id was asked before is passed over and the next one taken,
// so n tasks are n different ones, or as many as the source has.
#ifndef RL_EVALUATE_H
#define RL_EVALUATE_H

#include "base/arena.h"
#include "base/status.h"
#include "datasets/task.h"
#include "rl/context.h"
#include "rl/judge.h"
#include "rl/passk.h"
#include "rl/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { EVAL_PASS_MAX = 8, EVAL_SOURCES_MAX = 8 };

// Called with each slice of questions when it is judged (JUDGED; borrowed for the call). `judging`
// gives its texts: judge_text.
typedef void EvalSeenFn(void *ctx, const Batch *batch, const BatchJudge *judging);

// What is kept of one question; an evaluation is concluded from these alone.
typedef struct EvalRecord {
    uint64_t id; // of the task
    int samples, n_right, n_known, n_formed, truncated, error, blocks, flat_blocks;
    double format, cons;
    double length[3]; // tokens of all, right and wrong samples together
    int count[3];     // how many of each
} EvalRecord;

// Called for each question in order when it is judged, before the next ones are asked: its samples
// are those of group `group` of the batch (JUDGED; borrowed for the call).
typedef Status EvalRecordFn(void *ctx, const EvalRecord *record, const Batch *batch, int group);
// Called when a sample is finished: samples done of all that are asked for.
typedef void EvalProgressFn(void *ctx, int64_t done, int64_t all);

typedef struct EvalDeps { // borrowed
    RlContext run;        // its policy is not looked at
    const TaskSource *source;
    const RlConfig *cfg; // resolved; template, extraction, reward weights, sampling
    EvalSeenFn *seen;    // may be NULL
    void *seen_ctx;
    EvalRecordFn *record; // may be NULL
    void *record_ctx;
    EvalProgressFn *progress; // may be NULL
    void *progress_ctx;
    const EvalRecord *done; // [n_done] the first questions, from an earlier time; ST_FORMAT if they
    int n_done;             // are others
    const volatile int *stop; // may be NULL
    bool *nonfinite;          // set with ST_FORMAT if logits were no numbers; may be NULL
} EvalDeps;

typedef struct EvalConfig {
    uint64_t first_index, step;        // first task; `step` names the draw
    int n_tasks, k;                    // different tasks; fewer where the source has fewer
    double temperature;                // < 0: rl.temperature; 0 = greedy
    double top_p;                      // 0: rl.top_p
    int top_k;                         // 0: rl.top_k; -1 = all tokens
    int max_new_tokens;                // 0: rl.max_new_tokens
    int pass_k[EVAL_PASS_MAX], n_pass; // each at most k
    int group_size;                    // for the flat shares; 0 = rl.group_size
    int slice_samples;                 // drawn together; 0 = 1024; no result depends on it
} EvalConfig;

typedef struct EvalResult {
    int n_tasks, k;                  // questions that counted for accuracy
    int n_asked;                     // questions that were asked
    bool stopped;                    // the stop flag was seen: nothing below is filled
    Interval accuracy, format, cons; // NaN, unknown, where no question counted; so is pass[].value
    struct {
        int k, n_tasks;
        Interval value;
    } pass[EVAL_PASS_MAX];
    int n_pass;
    double length_mean, length_right, length_wrong; // tokens; NaN where there are none
    double truncated_frac, error_frac;              // of samples
    double all_right, mixed, all_wrong;             // shares of questions
    // Shares of groups of group_size samples that would teach nothing: from the accuracy of each
    // question alone (unbiased where group_size <= k), and seen: equal rewards in blocks of it.
    double flat_predicted, flat_observed; // flat_observed: NaN if group_size > k
    int64_t n_new_tokens;
    double seconds;
    int *n_right, *n_known; // [questions asked, at most cfg->n_tasks], in the arena; of the whole
    // The same figures for each source of the questions (Task.source), in the order in which they
    // were first asked; none where all have one source. Beyond EVAL_SOURCES_MAX - 1 sources the
    // rest is one, "other".
    const char *source; // name of a part, NULL for the whole
    struct EvalResult *by_source;
    int n_sources;
} EvalResult;

// SampleConfig of an evaluation: rl's, with what the config says otherwise.
SampleConfig evaluate_sampling(const EvalDeps *deps, const EvalConfig *cfg);

MUST_USE Status evaluate(const EvalDeps *deps, const EvalConfig *cfg, EvalResult *out,
                         Arena *arena);

#ifdef __cplusplus
}
#endif
#endif
