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
int32_t cpu_draw_row_kept(const DrawRule *rule, const float *logits, int vocab, double uniform,
                          void *scratch, uint32_t *kept);
// A logit that is left out: finite, so that no product of it is NaN, and so low that its e^ after
// the row's maximum is exactly 0.
#define DRAW_LEFT_OUT (-1e30f)
// In columns [from, to) of a row, logits (row[0] is that of column `from`) of ids that are not
// among id[0 .. n), ascending, become DRAW_LEFT_OUT. n 0: nothing.
void cpu_keep_row(float *row, int from, int to, const int32_t *id, int n);

// The same without `kept`, which is NULL or the bits of Draw.kept.
int32_t cpu_draw_row(const DrawRule *rule, const float *logits, int vocab, double uniform,
                     void *scratch);

#ifdef __cplusplus
}
#endif
#endif
