// pipelines/bench/bench_model.h -- one model timed: prefill, decoding, scoring, a training step.
//
// Layer 5. For `grpo bench MODEL` and tests/peers/speed.py.
#ifndef PIPELINES_BENCH_MODEL_H
#define PIPELINES_BENCH_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct BenchModel {
    const char *folder;
    const char *precision; // fp32, bf16, fp8; "" = the folder's
    const char *only;      // prefill, decode, score or train; "" = all
    const char *seqs;      // of decoding, "1,16,64"
    int threads;           // 0 = all cores
    int prompt, fresh;     // tokens of a prompt, and decoded after it
    int batch, length;     // sequences of score and train, tokens of each
    int rounds;            // each figure is the median of so many
    bool json;
} BenchModel;

// Prints a line a figure. Weights are those of the folder; tokens are drawn at random.
MUST_USE Status bench_model(const BenchModel *bench);

#ifdef __cplusplus
}
#endif
#endif
