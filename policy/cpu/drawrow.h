// policy/cpu/drawrow.h -- one row of logits becomes one token, by the rules of policy/draw.h.
//
// Private to policy/cpu.
#ifndef POLICY_CPU_DRAWROW_H
#define POLICY_CPU_DRAWROW_H

#include <stddef.h>
#include <stdint.h>

#include "policy/draw.h"

#ifdef __cplusplus
extern "C" {
#endif

// Scratch for one cpu_draw_row at a time.
size_t cpu_draw_row_bytes(int vocab);

// `uniform` in [0, 1). -inf is a token that cannot be drawn. Returns -1 if a logit is NaN, or none
// is finite, or one is +inf: the model is broken and the caller says so.
int32_t cpu_draw_row(const DrawRule *rule, const float *logits, int vocab, double uniform,
                     void *scratch);

#ifdef __cplusplus
}
#endif
#endif
