// pipelines/run/sample_lines.h -- samples of a batch as the lines of rollouts/ and samples/.
//
// Layer 5. Keys input, output, gts, score, step as verl's rollout dump has them, and more.
#ifndef PIPELINES_SAMPLE_LINES_H
#define PIPELINES_SAMPLE_LINES_H

#include <stdint.h>

#include "base/str.h"
#include "policy/text/tokenizer.h"
#include "rollout/batch.h"

#ifdef __cplusplus
extern "C" {
#endif

// Appends one line for sample `sample` of a batch that is at least JUDGED.
void sample_line(const Batch *batch, int sample, const Tokenizer *tokenizer, int64_t step,
                 Str *out);

#ifdef __cplusplus
}
#endif
#endif
