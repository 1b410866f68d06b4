// pipelines/command/rejectfile.h -- the rows of `grpo reject`, and its summary.
//
// Layer 5. A row is a document for `grpo sft` (prompt and response), a case for `grpo verify --in`
// (judge, gold, row) and a question for `grpo rl` (prompt, gold, judge); with it stands where it
// comes from and what was said about it. ST_IO, ST_FORMAT.
#ifndef PIPELINES_REJECTFILE_H
#define PIPELINES_REJECTFILE_H

#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "policy/text/chat.h"
#include "policy/text/tokenizer.h"
#include "rl/reject.h"
#include "rl/settings.h"
#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct RejectOrigin { // borrowed
    const char *model, *hash; // as it was named; of its weights
    int64_t seed;
    const Tokenizer *tokenizer;
    const Chat *chat; // NULL: prompts as they are
    const RlConfig *cfg;
    RejectRules rules;
} RejectOrigin;

// Appends the line of sample `sample` of a JUDGED batch, with the reasons against it.
void rejectfile_line(const RejectOrigin *origin, const Batch *batch, int sample, Str *out);

enum { REJECT_SOURCES = 64, REJECT_LEVELS = 16, REJECT_RATES = 6 };

typedef struct RejectShare {
    char name[64];
    int64_t questions, samples, right, kept;
    int64_t questions_kept; // with at least one kept sample
} RejectShare;

typedef struct RejectSummary {
    RejectShare all, source[REJECT_SOURCES], level[REJECT_LEVELS];
    RejectShare rate[REJECT_RATES]; // by the share of a question's samples that are right
    int n_sources, n_levels;
    int64_t reason[REJECT_REASONS]; // samples with this reason against them
    int64_t alone[REJECT_REASONS];  // with no other one
} RejectSummary;

// Reads the samples of `from` (evalfile.h), applies the rules among samples and writes the kept
// rows to `to`, whole or not at all.
MUST_USE Status rejectfile_keep(const char *from, const char *to, const RejectRules *rules,
                                RejectSummary *out);
void rejectfile_json(const RejectSummary *summary, Str *out); // one object, without line breaks
void rejectfile_text(const RejectSummary *summary, Str *out); // for a person

#ifdef __cplusplus
}
#endif
#endif
