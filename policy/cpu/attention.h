// policy/cpu/attention.h -- what the forward and the backward pass of attention share.
//
// Private to policy/cpu.
#ifndef POLICY_CPU_ATTENTION_H
#define POLICY_CPU_ATTENTION_H

#include <string.h>

#include "policy/cpu/rows.h"

enum { KEY_BLOCK = 64 };

static inline int pad32(int n) {
    return (n + 31) & ~31;
}
static inline int pad_keys(int n) {
    return (n + KEY_BLOCK - 1) & ~(KEY_BLOCK - 1);
}
// Query tokens handled together: about 64 rows.
static inline int tile_tokens(int heads) {
    return heads >= 64 ? 1 : 64 / heads;
}

static inline const float *attention_row(const AttentionShape *s, const float *base, int ld,
                                         int j) {
    if (!s->page) return base + (size_t)(j < s->shared ? j : j + s->gap) * (size_t)ld;
    return base + (size_t)s->page[j / s->page_rows] * s->page_step +
           (size_t)(j % s->page_rows) * (size_t)ld;
}

// Sixteen vectors as rows k .. k+15 of B[K, n]; NULL vectors are left out.
void panel_put_rows(float *panels, int kpad, int k, const float *const vec[16], int n);
// Sixteen vectors as columns j .. j+15 (j a multiple of 16) of B[K, .]: value i of vector c becomes
// B[k0 + i][j + c]. NULL vectors give zeros.
void panel_put_cols(float *panels, int kpad, int j, const float *const vec[16], int k0, int n);
// to[c * ldt + r] = from[r * ldf + c] for r < rows (16 at a time, so to has space), c < cols.
void panel_transpose(float *to, int ldt, const float *from, int ldf, int rows, int cols);
// Sixteen rows become columns, as `transposed` keys lie: to[gemm_order(i) * 16 + j] = from[j * ld +
// i].
void page_transpose(float *to, const float *from, int ld, int dim);

// One row of scores s[64] against the running maximum and sum: s becomes probabilities, o is scaled
// to the new maximum. `seen` keys of the block count.
typedef struct Softmax {
    float *s, *o, *max, *sum;
    int rows, heads, first; // rows of query tokens; `first`: keys of the block that row 0 sees
    int v_dim, ldo, begin;  // begin: first block, nothing accumulated yet
    float scale;
} Softmax;

void attention_softmax(const Softmax *a);
// o becomes o / sum, lse the log-sum-exp.
void attention_finish(float *o, int ldo, float *lse, int ldl, const float *max, const float *sum,
                      int rows, int v_dim);

// Of one token over pages of 16 rows, without scratch: attention_decode.c.
enum { DECODE_HEADS = 64, DECODE_DIM = 1024 };
bool attention_decodes(const AttentionShape *s);
void attention_decode(const AttentionShape *s, float *o, int ldo, float *lse, int ldl,
                      const float *q, int ldq);

#endif
