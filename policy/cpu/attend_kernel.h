// policy/cpu/attend_kernel.h -- one query's attention over pages as they lie, written once.
//
// Included by attention_decode.c for each instruction set, after it named its vector:
//   VEC, VEC_LANES (which divides 16), vec_zero(), vec_load(p), vec_splat(p), vec_fma(a, b, c),
//   vec_add, vec_store, vec_load_n(p, n), vec_store_n(p, v, n) (the first n lanes only), ROWS_MAX,
//   rows of a tile, PAIRS, pairs_load(p), vec_low(u), vec_high(u), VEC_LANES pairs of bf16 codes
//   and their halves as fp32, and NAME(x), the function's name.
// `half`: the page holds pairs of bf16 codes (kvpage.h), else fp32 as columns (keys) and rows.
// The products are those of gemm_panel, chain by chain (gemm.h): even and odd k from +0, folded
// every 32.
#ifdef VEC

#define EACH_ROW UNROLL for (int i = 0; i < mr; i++)
#define EACH_VEC UNROLL for (int v = 0; v < nv; v++)

// s[r][16] = q[r] . keys of one page, whose rows are values in gemm_order. mr <= ROWS_MAX rows, 16
// keys in nv vectors.
INLINE void NAME(keys_tile)(float *s, const float *q, ptrdiff_t ldq, const void *keys, int d,
                            int mr, int nv, bool half) {
    const float *k = keys;
    const uint32_t *k2 = keys;
    VEC sum[ROWS_MAX][16 / VEC_LANES];
    EACH_ROW {
        EACH_VEC sum[i][v] = vec_zero();
    }
    for (int at = 0; at < d; at += 32, k += 32 * 16, k2 += 16 * 16, q += 32) {
        VEC even[ROWS_MAX][16 / VEC_LANES], odd[ROWS_MAX][16 / VEC_LANES];
        const int n = d - at < 32 ? d - at : 32;
        EACH_ROW {
            EACH_VEC even[i][v] = odd[i][v] = vec_zero();
        }
        for (int j = 0; j + 1 < n; j += 2) {
            const float *a = k + j / 2 * 16, *b = a + 16 * 16;
            EACH_VEC {
                VEC x, y;
                if (half) {
                    const PAIRS u = pairs_load(k2 + j / 2 * 16 + v * VEC_LANES);
                    x = vec_low(u), y = vec_high(u);
                } else {
                    x = vec_load(a + v * VEC_LANES), y = vec_load(b + v * VEC_LANES);
                }
                EACH_ROW {
                    even[i][v] = vec_fma(vec_splat(q + i * ldq + j), x, even[i][v]);
                    odd[i][v] = vec_fma(vec_splat(q + i * ldq + j + 1), y, odd[i][v]);
                }
            }
        }
        EACH_ROW {
            EACH_VEC sum[i][v] = vec_add(sum[i][v], vec_add(even[i][v], odd[i][v]));
        }
    }
    EACH_ROW {
        EACH_VEC vec_store(s + i * KEY_BLOCK + v * VEC_LANES, sum[i][v]);
    }
}

// o[r][c + v * step ..) (+)= p[r] V for nv vectors over the n keys of a block; the columns' first
// value (or pair) of row j of V is at `at` of value[j]; `cols` columns are left from c on.
INLINE void NAME(values_tile)(float *o, ptrdiff_t ldo, const float *p, const void *const *value,
                              int from, int c, int n, int cols, bool add, int mr, int nv,
                              bool half) {
    const int step = half ? 16 : VEC_LANES;
    VEC sum[ROWS_MAX][2];
    EACH_ROW {
        EACH_VEC sum[i][v] = vec_zero();
    }
    for (int at = 0; at < KEY_BLOCK; at += 32) {
        VEC chain[2][ROWS_MAX][2];
        EACH_ROW {
            EACH_VEC chain[0][i][v] = chain[1][i][v] = vec_zero();
        }
        const int end = n - at < 32 ? n - at : 32;
        for (int j = 0; j < end; j += 2) UNROLL for (int odd = 0; odd < 2; odd++) {
                if (j + odd >= end) continue;
                VEC x[2];
                if (half) {
                    const PAIRS u = pairs_load((const uint32_t *)value[at + j + odd] + from);
                    x[0] = vec_low(u), x[1] = vec_high(u);
                } else {
                    const float *row = (const float *)value[at + j + odd] + from;
                    EACH_VEC x[v] = cols >= nv * VEC_LANES
                                        ? vec_load(row + v * VEC_LANES)
                                        : vec_load_n(row + v * VEC_LANES, cols - v * VEC_LANES);
                }
                EACH_ROW {
                    const VEC w = vec_splat(p + i * KEY_BLOCK + at + j + odd);
                    EACH_VEC chain[odd][i][v] = vec_fma(w, x[v], chain[odd][i][v]);
                }
            }
        EACH_ROW {
            EACH_VEC sum[i][v] = vec_add(sum[i][v], vec_add(chain[0][i][v], chain[1][i][v]));
        }
    }
    EACH_ROW {
        float *to = o + i * ldo + c;
        EACH_VEC {
            const int left = cols - v * step;
            VEC y = sum[i][v];
            if (left >= VEC_LANES) {
                if (add) y = vec_add(vec_load(to + v * step), y);
                vec_store(to + v * step, y);
            } else if (left > 0) {
                if (add) y = vec_add(vec_load_n(to + v * step, left), y);
                vec_store_n(to + v * step, y, left);
            }
        }
    }
}

INLINE void NAME(values_rows)(float *o, ptrdiff_t ldo, const float *p, const void *const *value,
                              int n, int d, bool add, int mr, bool half) {
    int c = 0;
    if (half) {
        for (; c < d; c += 32)
            for (int i = 0; i < 16; i += VEC_LANES) NAME(values_tile)
        (o, ldo, p, value, c / 2 + i, c + i, n, d - c - i, add, mr, 2, true);
        return;
    }
    for (; c + 2 * VEC_LANES <= d; c += 2 * VEC_LANES)
        NAME(values_tile)(o, ldo, p, value, c, c, n, 2 * VEC_LANES, add, mr, 2, false);
    for (; c < d; c += VEC_LANES)
        NAME(values_tile)(o, ldo, p, value, c, c, n, d - c, add, mr, 1, false);
}

INLINE void NAME(all_keys)(float *s, const float *q, ptrdiff_t ldq, int rows, const void *k, int d,
                           bool half) {
    enum { NV = 16 / VEC_LANES };
    for (; rows >= ROWS_MAX; rows -= ROWS_MAX, s += ROWS_MAX * KEY_BLOCK, q += ROWS_MAX * ldq)
        NAME(keys_tile)(s, q, ldq, k, d, ROWS_MAX, NV, half);
#if ROWS_MAX > 3
    if (rows == 3) NAME(keys_tile)(s, q, ldq, k, d, 3, NV, half);
#endif
#if ROWS_MAX > 2
    if (rows == 2) NAME(keys_tile)(s, q, ldq, k, d, 2, NV, half);
#endif
#if ROWS_MAX > 1
    if (rows == 1) NAME(keys_tile)(s, q, ldq, k, d, 1, NV, half);
#endif
}

INLINE void NAME(all_values)(float *o, ptrdiff_t ldo, int rows, const float *p,
                             const void *const *value, int n, int d, bool add, bool half) {
    for (; rows >= ROWS_MAX; rows -= ROWS_MAX, p += ROWS_MAX * KEY_BLOCK, o += ROWS_MAX * ldo)
        NAME(values_rows)(o, ldo, p, value, n, d, add, ROWS_MAX, half);
#if ROWS_MAX > 3
    if (rows == 3) NAME(values_rows)(o, ldo, p, value, n, d, add, 3, half);
#endif
#if ROWS_MAX > 2
    if (rows == 2) NAME(values_rows)(o, ldo, p, value, n, d, add, 2, half);
#endif
#if ROWS_MAX > 1
    if (rows == 1) NAME(values_rows)(o, ldo, p, value, n, d, add, 1, half);
#endif
}

static void NAME(attend_keys)(float *s, const float *q, ptrdiff_t ldq, int rows, const void *k,
                              int d) {
    NAME(all_keys)(s, q, ldq, rows, k, d, false);
}
static void NAME(attend_keys16)(float *s, const float *q, ptrdiff_t ldq, int rows, const void *k,
                                int d) {
    NAME(all_keys)(s, q, ldq, rows, k, d, true);
}
static void NAME(attend_values)(float *o, ptrdiff_t ldo, int rows, const float *p,
                                const void *const *value, int n, int d, bool add) {
    NAME(all_values)(o, ldo, rows, p, value, n, d, add, false);
}
static void NAME(attend_values16)(float *o, ptrdiff_t ldo, int rows, const float *p,
                                  const void *const *value, int n, int d, bool add) {
    NAME(all_values)(o, ldo, rows, p, value, n, d, add, true);
}

#undef EACH_ROW
#undef EACH_VEC
#endif
