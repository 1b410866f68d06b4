// policy/cpu/attention_grad.c -- attention backward: probabilities recomputed from the saved
// log-sum-exp, one tile of queries against one block of keys at a time.
//
// Everything is computed transposed, [key, query row], so that dK and dV are plain products with
// the queries' and output gradients' rows as panels; dS is transposed once for dQ. Masked places
// are +0. Where they meet a number that is not finite they are passed over, place by place: it
// reaches only the gradients of tokens that see it, or that it sees.
#include <math.h>

#include "policy/cpu/attention.h"
#include "policy/cpu/lanes.h"

typedef struct Back {
    float *pt, *ds; // [KEY_BLOCK, rpad] scores -> probabilities; dP -> dS
    const float *lse, *delta;
    int keys, rows, rpad, heads;
    int first; // position of row 0 minus the block's first key
    float scale;
} Back;

void attention_back_tile(const Back *b);
LANE_INLINE void attention_back_tile_body(const Back *b) {
    const V16 scale = v16_set(b->scale);
    for (int j = 0; j < b->keys; j++) {
        float *p = b->pt + (size_t)j * (size_t)b->rpad, *d = b->ds + (size_t)j * (size_t)b->rpad;
        // key j is seen from token first + t >= j on, and no padding row sees anything
        int from = (j - b->first) * b->heads;
        if (from < 0) from = 0;
        const I16 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
        const V16 zero = v16_set(0);
        for (int r = 0; r < b->rpad; r += LANES) {
            if (r + LANES <= from) { // the first rows of a block, and nothing seen
                v16_store(p + r, zero);
                v16_store(d + r, zero);
                continue;
            }
            I16 in = ~i16_less(lane + r, i16_set(from)) & i16_less(lane + r, i16_set(b->rows));
            V16 x = v16_exp(v16_load(p + r) * scale - v16_load(b->lse + r));
            x = v16_pick(in, x, zero);
            v16_store(p + r, x);
            V16 y = x * (v16_load(d + r) - v16_load(b->delta + r)) * scale;
            v16_store(d + r, v16_pick(in, y, zero));
        }
    }
}
LANES_FN(attention_back_tile, (const Back *b), (b))

// *sum = sum of the values of rows times 0: 0, or NaN where one is not finite.
void attention_rows_zero(const float *x, int ld, int rows, int cols, float *sum);
LANE_INLINE void attention_rows_zero_body(const float *x, int ld, int rows, int cols, float *sum) {
    V16 all = v16_set(0);
    const V16 zero = v16_set(0);
    for (int r = 0; r < rows; r++, x += ld) {
        int i = 0;
        for (; i + LANES <= cols; i += LANES) all += v16_load(x + i) * zero;
        if (i < cols) all += v16_load_n(x + i, cols - i, 0) * zero;
    }
    *sum = v16_sum(all);
}
LANES_FN(attention_rows_zero, (const float *x, int ld, int rows, int cols, float *sum),
         (x, ld, rows, cols, sum))

static bool rows_finite(const float *x, int ld, int rows, int cols) {
    float sum = 0;
    if (rows > 0) attention_rows_zero(x, ld, rows, cols, &sum);
    return sum == 0;
}

typedef struct Sums { // rows of keys' or values' gradients
    float *own, *shared;
    int n_shared, ld, n;
} Sums;

static float *sums_of(const Sums *s, int key) {
    if (key < s->n_shared) return s->shared + (ptrdiff_t)key * s->ld;
    return s->own + (ptrdiff_t)(key - s->n_shared) * s->ld;
}

// Rows of `keys` keys from `first` on += A [keys, k] B.
static void add_keys(const Sums *s, int first, int keys, const float *a, int k, const float *b) {
    for (int i = 0, n; i < keys; i += n) {
        n = keys - i;
        if (first + i < s->n_shared && first + keys > s->n_shared) n = s->n_shared - first - i;
        gemm_panel(sums_of(s, first + i), s->ld, a + (ptrdiff_t)i * k, k, n, b, s->n, k, true);
    }
}

typedef struct Rows { // of a tile and a block: what is multiplied, and where it goes
    const float *q, *dout, *k;
    float *dq;
    Sums dk, dv;
    int ldq, lddq, ldo, ldk, first; // first key of the block
} Rows;

static void axpy(float *y, float w, const float *x, int n) {
    for (int i = 0; i < n; i++) y[i] += w * x[i];
}

// The three products of a block, masked places passed over.
static void add_seen(const Back *b, const Rows *x) {
    for (int j = 0; j < b->keys; j++) {
        int r = (j - b->first) * b->heads;
        for (r = r < 0 ? 0 : r; r < b->rows; r++) {
            const float ds = b->ds[(size_t)j * (size_t)b->rpad + (size_t)r];
            const float p = b->pt[(size_t)j * (size_t)b->rpad + (size_t)r];
            axpy(sums_of(&x->dk, x->first + j), ds, x->q + (ptrdiff_t)r * x->ldq, x->dk.n);
            axpy(sums_of(&x->dv, x->first + j), p, x->dout + (ptrdiff_t)r * x->ldo, x->dv.n);
            axpy(x->dq + (ptrdiff_t)r * x->lddq, ds, x->k + (ptrdiff_t)j * x->ldk, x->dk.n);
        }
    }
}

static float dot(const float *a, const float *b, int n) {
    float lane[LANES] = {0}, sum = 0;
    for (int i = 0; i < n; i++) lane[i % LANES] += a[i] * b[i];
    for (int i = 0; i < LANES; i++) sum += lane[i];
    return sum;
}

// Keys (kc [keys, kp], both parts) and values (vc [keys, vp]) in one place.
static void gather(const AttentionShape *s, float *kc, int kp, float *vc, int vp) {
    for (int j = 0; j < s->pos0 + s->tokens; j++) {
        float *row = kc + (size_t)j * (size_t)kp;
        memcpy(row, attention_row(s, s->k, s->ldk, j), (size_t)s->k_dim * sizeof *row);
        if (s->k2_dim)
            memcpy(row + s->k_dim, attention_row(s, s->k2, s->ldk2, j),
                   (size_t)s->k2_dim * sizeof *row);
        memcpy(vc + (size_t)j * (size_t)vp, attention_row(s, s->v, s->ldv, j),
               (size_t)s->v_dim * sizeof *vc);
    }
}

void cpu_attention_grad(void *dev, const AttentionShape *s, const AttentionGrad *to,
                        const float *dout, const float *o, int ldo, const float *lse, int ldl,
                        const float *q, int ldq) {
    CHECK(!s->page);
    const int n_keys = s->pos0 + s->tokens, lddq = to->lddq;
    const int qk = s->k_dim + s->k2_dim, kp = pad32(qk), vp = pad32(s->v_dim);
    const int step = tile_tokens(s->heads), rpad = pad32(step * s->heads);
    const size_t keys = (size_t)pad_keys(n_keys);
    float *at = ((CpuDev *)dev)->work;
    float *kc = at, *vc = kc + keys * (size_t)kp, *k_panel = vc + keys * (size_t)vp;
    float *qt = k_panel + keys * (size_t)kp, *qr = qt + (size_t)rpad * (size_t)kp;
    float *ot = qr + (size_t)rpad * (size_t)kp, *orow = ot + (size_t)rpad * (size_t)vp;
    float *pt = orow + (size_t)rpad * (size_t)vp, *ds = pt + rpad * KEY_BLOCK;
    float *dst = ds + rpad * KEY_BLOCK, *l = dst + rpad * KEY_BLOCK, *delta = l + rpad;

    memset(kc, 0, keys * (size_t)(2 * kp + vp) * sizeof *kc);
    gather(s, kc, kp, vc, vp);
    const Sums dk = {to->dk, to->shared_dk, s->shared, to->lddk, qk};
    const Sums dv = to->dv ? (Sums){to->dv, to->shared_dv, s->shared, to->lddv, s->v_dim}
                           : (Sums){dk.own, dk.shared, dk.n_shared, dk.ld, s->v_dim};
    for (int j = 0; j < n_keys; j += LANES) {
        const float *a[LANES] = {0};
        for (int i = 0; i < LANES && j + i < n_keys; i++) a[i] = kc + (size_t)(j + i) * (size_t)kp;
        panel_put_rows(k_panel + (size_t)(j / KEY_BLOCK) * KEY_BLOCK * (size_t)kp, KEY_BLOCK,
                       j % KEY_BLOCK, a, qk);
    }
    for (int t = 0; t < s->tokens; t += step) {
        const int n = s->tokens - t < step ? s->tokens - t : step, rows = n * s->heads;
        const size_t first = (size_t)t * (size_t)s->heads;
        memset(qt, 0, (size_t)rpad * (size_t)(2 * kp + 2 * vp) * sizeof *qt);
        for (int r = 0; r < rpad; r++) l[r] = delta[r] = 0;
        for (int r = 0; r < rows; r++) {
            const float *g_row = dout + (first + (size_t)r) * (size_t)ldo;
            l[r] = lse[(first + (size_t)r) * (size_t)ldl];
            delta[r] = dot(g_row, o + (first + (size_t)r) * (size_t)ldo, s->v_dim);
        }
        for (int r = 0; r < rows; r += LANES) {
            const float *a[LANES] = {0}, *b[LANES] = {0};
            for (int i = 0; i < LANES && r + i < rows; i++) {
                a[i] = q + (first + (size_t)(r + i)) * (size_t)ldq;
                b[i] = dout + (first + (size_t)(r + i)) * (size_t)ldo;
            }
            panel_put_rows(qr, rpad, r, a, qk);
            panel_put_rows(orow, rpad, r, b, s->v_dim);
            panel_put_cols(qt, kp, r, a, 0, qk);
            panel_put_cols(ot, vp, r, b, 0, s->v_dim);
        }
        float *dq_tile = to->dq + first * (size_t)lddq;
        const float *q_tile = q + first * (size_t)ldq, *dout_tile = dout + first * (size_t)ldo;
        const bool finite =
            rows_finite(q_tile, ldq, rows, qk) && rows_finite(dout_tile, ldo, rows, s->v_dim);
        const int pos = s->pos0 + t; // of the tile's first token
        for (int b = 0; b < pos + n; b += KEY_BLOCK) {
            const int left = pos + n - b < KEY_BLOCK ? pos + n - b : KEY_BLOCK;
            gemm_panel(pt, rpad, kc + (size_t)b * (size_t)kp, kp, left, qt, rpad, qk, false);
            gemm_panel(ds, rpad, vc + (size_t)b * (size_t)vp, vp, left, ot, rpad, s->v_dim, false);
            Back tile = {.pt = pt,
                         .ds = ds,
                         .lse = l,
                         .delta = delta,
                         .keys = left,
                         .rows = rows,
                         .rpad = rpad,
                         .heads = s->heads,
                         .first = pos - b,
                         .scale = s->scale};
            attention_back_tile(&tile);
            // keys of the block that the tile's first token does not see
            const int unseen = pos + 1 > b ? pos + 1 : b;
            const int end = b + KEY_BLOCK < n_keys ? b + KEY_BLOCK : n_keys;
            if (end > unseen &&
                !(finite && rows_finite(kc + (size_t)unseen * (size_t)kp, kp, end - unseen, qk))) {
                const Rows seen = {.q = q_tile,
                                   .dout = dout_tile,
                                   .k = kc + (size_t)b * (size_t)kp,
                                   .dq = dq_tile,
                                   .dk = dk,
                                   .dv = dv,
                                   .ldq = ldq,
                                   .lddq = lddq,
                                   .ldo = ldo,
                                   .ldk = kp,
                                   .first = b};
                for (int r = 0; b == 0 && r < rows; r++)
                    memset(dq_tile + (ptrdiff_t)r * lddq, 0, (size_t)qk * sizeof *dq_tile);
                add_seen(&tile, &seen);
                continue;
            }
            add_keys(&dk, b, left, ds, rpad, qr);
            add_keys(&dv, b, left, pt, rpad, orow);
            if (left < KEY_BLOCK) memset(dst, 0, (size_t)rpad * KEY_BLOCK * sizeof *dst);
            panel_transpose(dst, KEY_BLOCK, ds, rpad, left, rows);
            // by panels, so that a whole 32 of unseen keys is left out
            const float *keys_of = k_panel + (size_t)b * (size_t)kp;
            for (int c = 0; c < qk; c += GEMM_PANEL, keys_of += KEY_BLOCK * GEMM_PANEL)
                gemm_panel(dq_tile + c, lddq, dst, KEY_BLOCK, rows, keys_of,
                           qk - c < GEMM_PANEL ? qk - c : GEMM_PANEL, pad32(left), b > 0);
        }
    }
}
