// policy/cpu/attention.c -- causal attention over key blocks of 64, online softmax in fixed order.
//
// A row's bits depend on its own query and on keys 0 .. its position alone: blocks are walked from
// the sequence's start, a block in which a row sees nothing is not computed for it, inside a block
// masked probabilities are +0 and a V that is not finite is selected away for the rows
// that do not see it. So one query row (decoding) and many (training) agree bit for bit.
#include "policy/cpu/attention.h"
#include "policy/cpu/isa.h"
#include "policy/cpu/kvpage.h"
#include "policy/cpu/lanes.h"

// A 16 x 16 transpose: pairs, quads, then lanes of 128 bits twice (the shuffles that exist).
#define SHUFFLE(a, b, i, j, k, l)                                                                  \
    __builtin_shufflevector(a, b, i, j, k, l, (i) + 4, (j) + 4, (k) + 4, (l) + 4, (i) + 8,         \
                            (j) + 8, (k) + 8, (l) + 8, (i) + 12, (j) + 12, (k) + 12, (l) + 12)
#define QUARTERS(a, b, i, j)                                                                       \
    __builtin_shufflevector(a, b, i, (i) + 1, (i) + 2, (i) + 3, j, (j) + 1, (j) + 2, (j) + 3,      \
                            (i) + 16, (i) + 17, (i) + 18, (i) + 19, (j) + 16, (j) + 17, (j) + 18,  \
                            (j) + 19)
LANE_INLINE void transpose16(V16 r[LANES]) {
    V16 t[LANES];
    UNROLL for (int i = 0; i < LANES; i += 2) {
        t[i] = SHUFFLE(r[i], r[i + 1], 0, 16, 1, 17);
        t[i + 1] = SHUFFLE(r[i], r[i + 1], 2, 18, 3, 19);
    }
    UNROLL for (int i = 0; i < LANES; i += 4) {
        r[i] = SHUFFLE(t[i], t[i + 2], 0, 1, 16, 17);
        r[i + 1] = SHUFFLE(t[i], t[i + 2], 2, 3, 18, 19);
        r[i + 2] = SHUFFLE(t[i + 1], t[i + 3], 0, 1, 16, 17);
        r[i + 3] = SHUFFLE(t[i + 1], t[i + 3], 2, 3, 18, 19);
    }
    UNROLL for (int i = 0; i < 4; i++) {
        t[i] = QUARTERS(r[i], r[i + 4], 0, 8);
        t[i + 4] = QUARTERS(r[i], r[i + 4], 4, 12);
        t[i + 8] = QUARTERS(r[i + 8], r[i + 12], 0, 8);
        t[i + 12] = QUARTERS(r[i + 8], r[i + 12], 4, 12);
    }
    UNROLL for (int i = 0; i < 8; i++) {
        r[i] = QUARTERS(t[i], t[i + 8], 0, 8);
        r[i + 8] = QUARTERS(t[i], t[i + 8], 4, 12);
    }
}

LANE_INLINE void panel_put_cols_body(float *panels, int kpad, int j, const float *const vec[16],
                                     int k0, int n) {
    float *to = panels + (size_t)(j / GEMM_PANEL) * (size_t)kpad * GEMM_PANEL + j % GEMM_PANEL;
    for (int i = 0; i < n; i += LANES) {
        const int left = n - i < LANES ? n - i : LANES;
        V16 r[LANES];
        if (left == LANES) {
            UNROLL for (int c = 0; c < LANES; c++) r[c] =
                vec[c] ? v16_load(vec[c] + i) : v16_set(0);
        } else {
            for (int c = 0; c < LANES; c++)
                r[c] = vec[c] ? v16_load_n(vec[c] + i, left, 0) : v16_set(0);
        }
        transpose16(r);
        UNROLL for (int k = 0; k < LANES; k++) {
            if (k < left) v16_store(to + gemm_order(k0 + i + k) * GEMM_PANEL, r[k]);
        }
    }
}
LANES_FN(panel_put_cols,
         (float *panels, int kpad, int j, const float *const vec[16], int k0, int n),
         (panels, kpad, j, vec, k0, n))

LANE_INLINE void panel_transpose_body(float *to, int ldt, const float *from, int ldf, int rows,
                                      int cols) {
    for (int r0 = 0; r0 < rows; r0 += LANES)
        for (int c0 = 0; c0 < cols; c0 += LANES) {
            const int left = cols - c0 < LANES ? cols - c0 : LANES;
            V16 r[LANES];
            const float *row = from + (size_t)r0 * (size_t)ldf + c0;
            if (left == LANES && rows - r0 >= LANES) {
                UNROLL for (int i = 0; i < LANES; i++) r[i] =
                    v16_load(row + (size_t)i * (size_t)ldf);
            } else {
                for (int i = 0; i < LANES; i++)
                    r[i] = r0 + i < rows ? v16_load_n(row + (size_t)i * (size_t)ldf, left, 0)
                                         : v16_set(0);
            }
            transpose16(r);
            UNROLL for (int i = 0; i < LANES; i++) {
                if (i < left) v16_store(to + (size_t)(c0 + i) * (size_t)ldt + r0, r[i]);
            }
        }
}
LANES_FN(panel_transpose, (float *to, int ldt, const float *from, int ldf, int rows, int cols),
         (to, ldt, from, ldf, rows, cols))

LANE_INLINE void page_transpose_body(float *to, const float *from, int ld, int dim) {
    for (int c = 0; c < dim; c += LANES) {
        const int left = dim - c < LANES ? dim - c : LANES;
        V16 r[LANES];
        if (left == LANES) {
            UNROLL for (int i = 0; i < LANES; i++) r[i] = v16_load(from + (ptrdiff_t)i * ld + c);
        } else {
            for (int i = 0; i < LANES; i++)
                r[i] = v16_load_n(from + (ptrdiff_t)i * ld + c, left, 0);
        }
        transpose16(r);
        float *at = to + gemm_order(c) * LANES; // c is even: evens from here, odds 16 rows on
        UNROLL for (int k = 0; k < LANES; k++) {
            if (k < left) v16_store(at + (k / 2 + k % 2 * 16) * LANES, r[k]);
        }
    }
}
LANES_FN(page_transpose, (float *to, const float *from, int ld, int dim), (to, from, ld, dim))

LANE_INLINE void panel_put_rows_body(float *panels, int kpad, int k, const float *const vec[16],
                                     int n) {
    for (int i = 0; i < LANES; i++) {
        const float *row = vec[i];
        if (!row) continue;
        float *to = panels + (size_t)gemm_order(k + i) * GEMM_PANEL;
        for (int c = 0; c < n; c += GEMM_PANEL, to += (size_t)kpad * GEMM_PANEL) {
            if (n - c >= GEMM_PANEL) {
                v16_store(to, v16_load(row + c));
                v16_store(to + LANES, v16_load(row + c + LANES));
            } else if (n - c >= LANES) {
                v16_store(to, v16_load(row + c));
                if (n - c > LANES)
                    v16_store(to + LANES, v16_load_n(row + c + LANES, n - c - LANES, 0));
            } else {
                v16_store(to, v16_load_n(row + c, n - c, 0));
            }
        }
    }
}
LANES_FN(panel_put_rows, (float *panels, int kpad, int k, const float *const vec[16], int n),
         (panels, kpad, k, vec, n))

typedef struct Panels { // of one key block
    float *k, *v;
    size_t k_step, v_step; // floats between blocks
    int k_pad, qk;
} Panels;

// Keys of a block that are before key n_keys.
static int keys_in(int block, int n_keys) {
    const int n = n_keys - block * KEY_BLOCK;
    return n < KEY_BLOCK ? n : KEY_BLOCK;
}

// The page of key j, and its values.
static const uint16_t *page16(const AttentionShape *s, int j) {
    return s->k16 + (size_t)s->page[j / KVPAGE_ROWS] * s->page_step;
}
static const uint16_t *values16(const AttentionShape *s, int j) {
    return page16(s, j) + kvpage_keys_codes(s->k_dim);
}

static void pack_values(const AttentionShape *s, const Panels *p, int block, int n_keys) {
    float *v = p->v + (size_t)block * p->v_step;
    const int n = keys_in(block, n_keys);
    if (n < KEY_BLOCK || s->v_dim % GEMM_PANEL) memset(v, 0, p->v_step * sizeof *v);
    if (s->k16) {
        for (int j = 0; j < n; j++) {
            const int at = block * KEY_BLOCK + j;
            kvpage_value(v, KEY_BLOCK, j, values16(s, at), at % LANES, s->v_dim);
        }
        return;
    }
    for (int j = 0; j < n; j += LANES) {
        const float *c[LANES] = {0};
        for (int i = 0; i < LANES && j + i < n; i++)
            c[i] = attention_row(s, s->v, s->ldv, block * KEY_BLOCK + j + i);
        panel_put_rows(v, KEY_BLOCK, j, c, s->v_dim);
    }
}

static void pack_keys(const AttentionShape *s, const Panels *p, int block, int n_keys) {
    float *k = p->k + (size_t)block * p->k_step;
    const int first = block * KEY_BLOCK, n = keys_in(block, n_keys);
    if (n < KEY_BLOCK || p->qk < p->k_pad) memset(k, 0, p->k_step * sizeof *k);
    if (s->k16) { // a page is half a panel
        for (int j = 0; j < n; j += LANES)
            kvpage_keys(k + (size_t)(j / GEMM_PANEL * p->k_pad * GEMM_PANEL + j % GEMM_PANEL),
                        page16(s, first + j), s->k_dim);
        return;
    }
    if (s->transposed) { // so it is here
        for (int j = 0; j < n; j += s->page_rows) {
            const float *from = s->k + (size_t)s->page[(first + j) / s->page_rows] * s->page_step;
            float *to = k + (size_t)(j / GEMM_PANEL * p->k_pad * GEMM_PANEL + j % GEMM_PANEL);
            for (int i = 0; i < p->k_pad; i++)
                memcpy(to + i * GEMM_PANEL, from + i * LANES, LANES * sizeof *to);
        }
        return;
    }
    for (int j = 0; j < n; j += LANES) {
        const float *a[LANES] = {0}, *b[LANES] = {0};
        for (int i = 0; i < LANES && j + i < n; i++) {
            a[i] = attention_row(s, s->k, s->ldk, first + j + i);
            if (s->k2_dim) b[i] = attention_row(s, s->k2, s->ldk2, first + j + i);
        }
        panel_put_cols(k, p->k_pad, j, a, 0, s->k_dim);
        if (s->k2_dim) panel_put_cols(k, p->k_pad, j, b, s->k_dim, s->k2_dim);
    }
}

// *sum = sum of the values of keys [from, to) times 0: 0, or NaN where one is not finite.
void attention_zero(const AttentionShape *s, int from, int to, float *sum);
LANE_INLINE void attention_zero_body(const AttentionShape *s, int from, int to, float *sum) {
    V16 all = v16_set(0);
    const V16 zero = v16_set(0);
    for (int j = from; j < to; j++) {
        const float *x = attention_row(s, s->v, s->ldv, j);
        int i = 0;
        for (; i + LANES <= s->v_dim; i += LANES) all += v16_load(x + i) * zero;
        if (i < s->v_dim) all += v16_load_n(x + i, s->v_dim - i, 0) * zero;
    }
    *sum = v16_sum(all);
}
LANES_FN(attention_zero, (const AttentionShape *s, int from, int to, float *sum),
         (s, from, to, sum))

// Are the values finite that are in a block's panel but after `pos`, unseen by the token there?
static bool unseen_finite(const AttentionShape *s, int block, int pos, int n_keys) {
    const int first = block * KEY_BLOCK, end = first + keys_in(block, n_keys);
    float sum;
    if (pos + 1 >= end) return true;
    if (s->k16) {
        for (int j = pos + 1 > first ? pos + 1 : first; j < end; j++) {
            kvpage_zero(&sum, values16(s, j), j % KVPAGE_ROWS, s->v_dim);
            if (sum != 0) return false;
        }
        return true;
    }
    attention_zero(s, pos + 1 > first ? pos + 1 : first, end, &sum);
    return sum == 0;
}

// o += P V of one block, for `tokens` query tokens from position pos on. The probability +0 of an
// unseen key times a value that is not finite would be NaN: then each token has a panel of what it
// sees, which has the bits of the whole panel where all is finite.
static void add_values(const AttentionShape *s, const Panels *p, int block, int n_keys, int pos,
                       int tokens, const float *score, float *o, int ldo) {
    const float *v = p->v + (size_t)block * p->v_step;
    if (unseen_finite(s, block, pos, n_keys)) {
        const int seen = keys_in(block, pos + tokens); // a whole 32 of K unseen adds nothing
        for (int c = 0; c < s->v_dim; c += GEMM_PANEL, v += KEY_BLOCK * GEMM_PANEL) {
            const int left = s->v_dim - c < GEMM_PANEL ? s->v_dim - c : GEMM_PANEL;
            gemm_panel(o + c, ldo, score, KEY_BLOCK, tokens * s->heads, v, left, pad32(seen),
                       block > 0);
        }
        return;
    }
    for (int t = 0; t < tokens; t++) {
        const size_t row = (size_t)t * (size_t)s->heads;
        pack_values(s, p, block, pos + t + 1);
        gemm_panel(o + row * (size_t)ldo, ldo, score + row * KEY_BLOCK, KEY_BLOCK, s->heads, v,
                   s->v_dim, KEY_BLOCK, block > 0);
    }
    pack_values(s, p, block, n_keys);
}

void cpu_attention(void *dev, const AttentionShape *s, float *o, int ldo, float *lse, int ldl,
                   const float *q, int ldq) {
    if (attention_decodes(s)) {
        attention_decode(s, o, ldo, lse, ldl, q, ldq);
        return;
    }
    const int n_keys = s->pos0 + s->tokens, n_blocks = pad_keys(n_keys) / KEY_BLOCK;
    const int step = tile_tokens(s->heads), rows_max = step * s->heads;
    Panels p = {.qk = s->k_dim + s->k2_dim};
    p.k_pad = pad32(p.qk);
    p.k_step = (size_t)p.k_pad * KEY_BLOCK;
    p.v_step = (size_t)KEY_BLOCK * (size_t)pad32(s->v_dim);
    float *work = ((CpuDev *)dev)->work;
    float *score = work, *max = score + (size_t)rows_max * KEY_BLOCK, *sum = max + rows_max;
    p.k = sum + rows_max;
    p.v = p.k + p.k_step * (size_t)n_blocks;
    for (int b = 0; b < n_blocks; b++) {
        pack_keys(s, &p, b, n_keys);
        pack_values(s, &p, b, n_keys);
    }

    for (int t = 0; t < s->tokens; t += step) {
        const int n = s->tokens - t < step ? s->tokens - t : step, last = s->pos0 + t + n - 1;
        float *o_tile = o + (size_t)t * (size_t)s->heads * (size_t)ldo;
        const float *q_tile = q + (size_t)t * (size_t)s->heads * (size_t)ldq;
        for (int b = 0; b * KEY_BLOCK <= last; b++) {
            // rows before `skip` stand before this block
            int skip = b * KEY_BLOCK - (s->pos0 + t);
            if (skip < 0) skip = 0;
            const int rows = (n - skip) * s->heads, at = skip * s->heads;
            float *o_rows = o_tile + (size_t)at * (size_t)ldo;
            const int seen = (keys_in(b, last + 1) + LANES - 1) / LANES * LANES;
            gemm_panel(score, KEY_BLOCK, q_tile + (size_t)at * (size_t)ldq, ldq, rows,
                       p.k + (size_t)b * p.k_step, seen, p.qk, false);
            Softmax softmax = {.s = score,
                               .o = o_rows,
                               .max = max + at,
                               .sum = sum + at,
                               .rows = rows,
                               .heads = s->heads,
                               .first = s->pos0 + t + skip - b * KEY_BLOCK + 1,
                               .v_dim = s->v_dim,
                               .ldo = ldo,
                               .begin = b == 0,
                               .scale = s->scale};
            attention_softmax(&softmax);
            add_values(s, &p, b, n_keys, s->pos0 + t + skip, n - skip, score, o_rows, ldo);
        }
        attention_finish(o_tile, ldo, lse + (size_t)t * (size_t)s->heads * (size_t)ldl, ldl, max,
                         sum, n * s->heads, s->v_dim);
    }
}

size_t cpu_attention_bytes(int tokens, int heads, int qk_dim, int v_dim, bool grad) {
    const size_t rows = (size_t)tile_tokens(heads) * (size_t)heads, rpad = (size_t)pad32((int)rows),
                 keys = (size_t)pad_keys(tokens), kp = (size_t)pad32(qk_dim),
                 vp = (size_t)pad32(v_dim);
    size_t floats = rows * KEY_BLOCK + 2 * rows + keys * (kp + vp);
    if (grad)
        floats = keys * (2 * kp + vp) + 2 * rpad * (kp + vp) + 3 * rpad * KEY_BLOCK + 2 * rpad +
                 4 * GEMM_PANEL;
    return (floats + 2 * GEMM_PANEL) * sizeof(float);
}
