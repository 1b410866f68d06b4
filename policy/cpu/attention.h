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
    if (!s->page) return base + (size_t)j * (size_t)ld;
    return base + (size_t)s->page[j / s->page_rows] * s->page_step +
           (size_t)(j % s->page_rows) * (size_t)ld;
}

// Where row k of a [K, N] matrix stands in GEMM_PANEL panels of depth kpad.
static inline float *panel_row(float *panels, int kpad, int panel, int k) {
    return panels + ((size_t)panel * (size_t)kpad + (size_t)gemm_order(k)) * GEMM_PANEL;
}

// Row k of B[K, n] into its panels.
static inline void panel_put_row(float *panels, int kpad, int k, const float *row, int n) {
    for (int c = 0; c < n; c += GEMM_PANEL) {
        int left = n - c < GEMM_PANEL ? n - c : GEMM_PANEL;
        memcpy(panel_row(panels, kpad, c / GEMM_PANEL, k), row + c, (size_t)left * sizeof(float));
    }
}
// Column j of B[K, .] (values of one key, say) starting at row k0.
static inline void panel_put_col(float *panels, int kpad, int j, const float *col, int k0, int n) {
    float *to = panels + (size_t)(j / GEMM_PANEL) * (size_t)kpad * GEMM_PANEL + j % GEMM_PANEL;
    for (int k = 0; k < n; k++) to[gemm_order(k0 + k) * GEMM_PANEL] = col[k];
}

#endif
