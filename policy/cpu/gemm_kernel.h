// policy/cpu/gemm_kernel.h -- the micro-kernel of the vector rows, written once.
//
// Included by gemm_avx2.c and gemm_avx512.c inside their ISA_TARGET, after they named their vector:
//   VEC, VEC_LANES, vec_zero(), vec_load(p), vec_splat(p), vec_fma(a, b, c), vec_add, vec_mul,
//   vec_store, vec_load_n(p, n), vec_store_n(p, v, n) (the first n lanes only), and the tile,
//   TILE_M rows by TILE_V vectors.
// Both chains of a 32-block run side by side: 2 * TILE_M * TILE_V independent accumulators hide the
// latency of the fma, and the sums of finished blocks may be spilled, being touched once per block.
#ifdef VEC

#define EACH_ROW UNROLL for (int i = 0; i < mr; i++)
#define EACH_VEC UNROLL for (int v = 0; v < nv; v++)

typedef VEC Tile[TILE_M][TILE_V];

// One step of a chain: sum += a[k] * w[k], for a tile.
INLINE void chain_step(Tile sum, const float *const *a, ptrdiff_t at, const float *w, int mr,
                       int nv) {
    VEC b[TILE_V];
    EACH_VEC b[v] = vec_load(w + v * VEC_LANES);
    EACH_ROW {
        const VEC x = vec_splat(a[i] + at);
        EACH_VEC sum[i][v] = vec_fma(x, b[v], sum[i][v]);
    }
}

// sum += even + odd of kk <= 32 steps; a is at their first.
INLINE void add_block(Tile sum, const float *const *a, ptrdiff_t at, ptrdiff_t step, const float *b,
                      int kk, int mr, int nv) {
    Tile even, odd;
    EACH_ROW {
        EACH_VEC even[i][v] = odd[i][v] = vec_zero();
    }
    if (kk == K_BLOCK) {
        UNROLL_STEPS for (int s = 0; s < K_BLOCK / 2; s++) {
            chain_step(even, a, at, b + s * GEMM_PANEL, mr, nv);
            chain_step(odd, a, at + step, b + (s + K_BLOCK / 2) * GEMM_PANEL, mr, nv);
            at += 2 * step;
        }
    } else {
        for (int s = 0; s < kk >> 1; s++) {
            chain_step(even, a, at, b + s * GEMM_PANEL, mr, nv);
            chain_step(odd, a, at + step, b + (s + K_BLOCK / 2) * GEMM_PANEL, mr, nv);
            at += 2 * step;
        }
        if (kk & 1) chain_step(even, a, at, b + (kk >> 1) * GEMM_PANEL, mr, nv);
    }
    EACH_ROW {
        EACH_VEC sum[i][v] = vec_add(sum[i][v], vec_add(even[i][v], odd[i][v]));
    }
}

// One tile: mr rows from row m, nv vectors from column n; `full`: all their lanes are columns.
INLINE void tile(const GemmJob *job, int m, int n, int mr, int nv, bool full, bool scaled) {
    const float *a[TILE_M];
    EACH_ROW a[i] = job->gather ? job->a + job->gather[m + i] * job->a_row
                                : job->a + m / TILE_M * job->a_tile + i * job->a_row;
    float *c = job->c + m * job->c_row + n;
    EACH_ROW {
        EACH_VEC __builtin_prefetch(c + i * job->c_row + v * VEC_LANES, 1);
    }
    Tile sum;
    EACH_ROW {
        EACH_VEC sum[i][v] = vec_zero();
    }
    if (job->from) {
        const float *from = job->from + m * job->from_row + n;
        EACH_ROW {
            EACH_VEC sum[i][v] = vec_load(from + i * job->from_row + v * VEC_LANES);
        }
    }
    const ptrdiff_t step = job->a_step;
    const float *b = job->b + n;
    ptrdiff_t at = 0;
    if (!scaled) {
        for (int k = 0; k < job->k; k += K_BLOCK) {
            add_block(sum, a, at, step, b, least(K_BLOCK, job->k - k), mr, nv);
            at += K_BLOCK * step;
            b += K_BLOCK * GEMM_PANEL;
        }
    } else {
        for (int q = 0; q < job->k; q += SCALE_BLOCK) {
            Tile partial;
            EACH_ROW {
                EACH_VEC partial[i][v] = vec_zero();
            }
            for (int k = q; k < least(job->k, q + SCALE_BLOCK); k += K_BLOCK) {
                add_block(partial, a, at, step, b, least(K_BLOCK, job->k - k), mr, nv);
                at += K_BLOCK * step;
                b += K_BLOCK * GEMM_PANEL;
            }
            const float *sa = job->sa + m * job->sa_row + q / SCALE_BLOCK;
            const float *sw = job->sw + q / SCALE_BLOCK * GEMM_PANEL + n;
            EACH_ROW {
                EACH_VEC sum[i][v] =
                    vec_fma(partial[i][v],
                            vec_mul(vec_splat(sa + i * job->sa_row), vec_load(sw + v * VEC_LANES)),
                            sum[i][v]);
            }
        }
    }
    EACH_ROW {
        EACH_VEC {
            float *to = c + i * job->c_row + v * VEC_LANES;
            const int lanes = full ? VEC_LANES : job->n - n - v * VEC_LANES;
            if (lanes >= VEC_LANES) {
                if (job->accumulate) sum[i][v] = vec_add(vec_load(to), sum[i][v]);
                vec_store(to, sum[i][v]);
            } else {
                if (job->accumulate) sum[i][v] = vec_add(vec_load_n(to, lanes), sum[i][v]);
                vec_store_n(to, sum[i][v], lanes);
            }
        }
    }
}

// Rows [m, end) in whole tiles of mr.
typedef void TileFn(const GemmJob *job, int m, int end, int n);
#define TILE(mr, nv)                                                                               \
    static void tile_##mr##_##nv(const GemmJob *job, int m, int end, int n) {                      \
        if (job->sa) {                                                                             \
            for (; m < end; m += mr) tile(job, m, n, mr, nv, false, true);                         \
        } else if (job->n - n >= nv * VEC_LANES) {                                                 \
            for (; m < end; m += mr) tile(job, m, n, mr, nv, true, false);                         \
        } else {                                                                                   \
            for (; m < end; m += mr) tile(job, m, n, mr, nv, false, false);                        \
        }                                                                                          \
    }

static void run_panels(const GemmJob *job, TileFn *const fn[TILE_M][TILE_V]) {
    GemmJob one = *job;
    const int whole = job->m / TILE_M * TILE_M, rest = job->m - whole;
    for (int p = 0; p < job->n; p += GEMM_PANEL) {
        one.n = least(GEMM_PANEL, job->n - p);
        for (int n = 0; n < one.n; n += TILE_V * VEC_LANES) {
            const int nv = least(TILE_V, (one.n - n + VEC_LANES - 1) / VEC_LANES);
            if (whole > 0) fn[TILE_M - 1][nv - 1](&one, 0, whole, n);
            if (rest > 0) fn[rest - 1][nv - 1](&one, whole, job->m, n);
        }
        one.b += (ptrdiff_t)up(job->k, K_BLOCK) * GEMM_PANEL;
        one.c += GEMM_PANEL;
        if (one.from) one.from += GEMM_PANEL;
        if (one.sw) one.sw += job->sw_panel;
    }
}
#endif
