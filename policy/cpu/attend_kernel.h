// policy/cpu/attend_kernel.h -- one query's attention over pages as they lie, written once.
//
// Included by attention_decode.c for each instruction set, after it named its vector:
//   VEC, VEC_LANES (which divides 16), vec_zero(), vec_load(p), vec_splat(p), vec_fma(a, b, c),
//   vec_add, vec_store, vec_load_n(p, n), vec_store_n(p, v, n) (the first n lanes only), ROWS_MAX,
//   rows of a tile, and NAME(x), the function's name.
// The products are those of gemm_panel, chain by chain (gemm.h): even and odd k from +0, folded
// every 32.
#ifdef VEC

#define EACH_ROW UNROLL for (int i = 0; i < mr; i++)
#define EACH_VEC UNROLL for (int v = 0; v < nv; v++)

// s[r][16] = q[r] . keys of one page, whose rows are values in gemm_order. mr <= ROWS_MAX rows, 16
// keys in nv vectors.
INLINE void NAME(keys_tile)(float *s, const float *q, ptrdiff_t ldq, const float *k, int d, int mr,
                            int nv) {
    VEC sum[ROWS_MAX][16 / VEC_LANES];
    EACH_ROW {
        EACH_VEC sum[i][v] = vec_zero();
    }
    for (int at = 0; at < d; at += 32, k += 32 * 16, q += 32) {
        VEC even[ROWS_MAX][16 / VEC_LANES], odd[ROWS_MAX][16 / VEC_LANES];
        const int n = d - at < 32 ? d - at : 32;
        EACH_ROW {
            EACH_VEC even[i][v] = odd[i][v] = vec_zero();
        }
        for (int j = 0; j + 1 < n; j += 2) {
            const float *a = k + j / 2 * 16, *b = a + 16 * 16;
            EACH_VEC {
                const VEC x = vec_load(a + v * VEC_LANES), y = vec_load(b + v * VEC_LANES);
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

// o[r][c .. c + nv vectors) (+)= p[r] V over the n keys of a block; row j of V at value[j].
INLINE void NAME(values_tile)(float *o, ptrdiff_t ldo, const float *p, const float *const *value,
                              int c, int n, int cols, bool add, int mr, int nv) {
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
                const float *row = value[at + j + odd] + c;
                VEC x[2];
                EACH_VEC x[v] = cols >= nv * VEC_LANES
                                    ? vec_load(row + v * VEC_LANES)
                                    : vec_load_n(row + v * VEC_LANES, cols - v * VEC_LANES);
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
            const int left = cols - v * VEC_LANES;
            VEC y = sum[i][v];
            if (left >= VEC_LANES) {
                if (add) y = vec_add(vec_load(to + v * VEC_LANES), y);
                vec_store(to + v * VEC_LANES, y);
            } else {
                if (add) y = vec_add(vec_load_n(to + v * VEC_LANES, left), y);
                vec_store_n(to + v * VEC_LANES, y, left);
            }
        }
    }
}

INLINE void NAME(values_rows)(float *o, ptrdiff_t ldo, const float *p, const float *const *value,
                              int n, int d, bool add, int mr) {
    int c = 0;
    for (; c + 2 * VEC_LANES <= d; c += 2 * VEC_LANES)
        NAME(values_tile)(o, ldo, p, value, c, n, 2 * VEC_LANES, add, mr, 2);
    for (; c < d; c += VEC_LANES) NAME(values_tile)(o, ldo, p, value, c, n, d - c, add, mr, 1);
}

static void NAME(attend_keys)(float *s, const float *q, ptrdiff_t ldq, int rows, const float *k,
                              int d) {
    for (; rows >= ROWS_MAX; rows -= ROWS_MAX, s += ROWS_MAX * KEY_BLOCK, q += ROWS_MAX * ldq)
        NAME(keys_tile)(s, q, ldq, k, d, ROWS_MAX, 16 / VEC_LANES);
#if ROWS_MAX > 3
    if (rows == 3) NAME(keys_tile)(s, q, ldq, k, d, 3, 16 / VEC_LANES);
#endif
#if ROWS_MAX > 2
    if (rows == 2) NAME(keys_tile)(s, q, ldq, k, d, 2, 16 / VEC_LANES);
#endif
#if ROWS_MAX > 1
    if (rows == 1) NAME(keys_tile)(s, q, ldq, k, d, 1, 16 / VEC_LANES);
#endif
}

static void NAME(attend_values)(float *o, ptrdiff_t ldo, int rows, const float *p,
                                const float *const *value, int n, int d, bool add) {
    for (; rows >= ROWS_MAX; rows -= ROWS_MAX, p += ROWS_MAX * KEY_BLOCK, o += ROWS_MAX * ldo)
        NAME(values_rows)(o, ldo, p, value, n, d, add, ROWS_MAX);
#if ROWS_MAX > 3
    if (rows == 3) NAME(values_rows)(o, ldo, p, value, n, d, add, 3);
#endif
#if ROWS_MAX > 2
    if (rows == 2) NAME(values_rows)(o, ldo, p, value, n, d, add, 2);
#endif
#if ROWS_MAX > 1
    if (rows == 1) NAME(values_rows)(o, ldo, p, value, n, d, add, 1);
#endif
}

#undef EACH_ROW
#undef EACH_VEC
#endif
