// policy/cpu/gemm_kernel.h -- the micro-kernel of the vector rows, written once.
//
// Included by gemm_avx2.c and gemm_avx512.c inside their ISA_BEGIN, after they named their vector:
//   VEC, VEC_LANES, vec_zero(), vec_load(p), vec_splat(p), vec_fma(a, b, c), vec_add, vec_mul,
//   vec_load_n(p, n), vec_store_n(p, v, n) (the first n lanes only), and the tile TILE_M x TILE_V
//   vectors.
// Both chains of a 32-block run side by side: 2 * TILE_M * TILE_V independent accumulators hide the
// latency of the fma, and the sums of finished blocks may be spilled, being touched once per block.
#ifdef VEC

typedef struct TileRows {
    const float *a[TILE_M]; // the rows of A, at k = 0
    const float *sa[TILE_M];
} TileRows;

// One tile: mr rows (<= TILE_M) by nv vectors (<= TILE_V) starting at row m, column n.
INLINE void tile(const GemmJob *job, const TileRows *rows, int m, int n, int mr, int nv) {
    VEC acc[TILE_M][TILE_V], total[TILE_M][TILE_V];
    const int left = job->n - n;
    UNROLL for (int i = 0; i < mr; i++) {
        UNROLL for (int v = 0; v < nv; v++) {
            acc[i][v] = vec_zero();
            if (job->from)
                acc[i][v] = vec_load_n(job->from + (m + i) * job->from_row + n + v * VEC_LANES,
                                       left - v * VEC_LANES);
            total[i][v] = acc[i][v];
        }
    }
    const bool scaled = job->sa != NULL;
    const ptrdiff_t step = job->a_step;
    const float *b = job->b + n;
    ptrdiff_t at = 0;
    for (int k = 0; k < job->k; k += K_BLOCK, b += K_BLOCK * GEMM_PANEL) {
        VEC even[TILE_M][TILE_V], odd[TILE_M][TILE_V];
        UNROLL for (int i = 0; i < mr; i++) {
            UNROLL for (int v = 0; v < nv; v++) {
                if (scaled && k % SCALE_BLOCK == 0) acc[i][v] = vec_zero();
                even[i][v] = odd[i][v] = vec_zero();
            }
        }
        const int kk = job->k - k < K_BLOCK ? job->k - k : K_BLOCK;
        const float *be = b, *bo = b + 16 * GEMM_PANEL;
        for (int s = kk >> 1; s > 0; s--) {
            VEC w[TILE_V];
            UNROLL for (int v = 0; v < nv; v++) w[v] = vec_load(be + v * VEC_LANES);
            UNROLL for (int i = 0; i < mr; i++) {
                VEC x = vec_splat(rows->a[i] + at);
                UNROLL for (int v = 0; v < nv; v++) even[i][v] = vec_fma(x, w[v], even[i][v]);
            }
            at += step;
            UNROLL for (int v = 0; v < nv; v++) w[v] = vec_load(bo + v * VEC_LANES);
            UNROLL for (int i = 0; i < mr; i++) {
                VEC x = vec_splat(rows->a[i] + at);
                UNROLL for (int v = 0; v < nv; v++) odd[i][v] = vec_fma(x, w[v], odd[i][v]);
            }
            at += step;
            be += GEMM_PANEL;
            bo += GEMM_PANEL;
        }
        if (kk & 1) {
            UNROLL for (int i = 0; i < mr; i++) {
                UNROLL for (int v = 0; v < nv; v++) {
                    even[i][v] = vec_fma(vec_splat(rows->a[i] + at), vec_load(be + v * VEC_LANES),
                                         even[i][v]);
                }
            }
        }
        UNROLL for (int i = 0; i < mr; i++) {
            UNROLL for (int v = 0; v < nv; v++) {
                acc[i][v] = vec_add(acc[i][v], vec_add(even[i][v], odd[i][v]));
            }
        }
        if (scaled && (k + K_BLOCK >= job->k || (k + K_BLOCK) % SCALE_BLOCK == 0)) {
            const int kq = k / SCALE_BLOCK;
            UNROLL for (int i = 0; i < mr; i++) {
                UNROLL for (int v = 0; v < nv; v++) {
                    VEC scale = vec_mul(vec_splat(rows->sa[i] + kq),
                                        vec_load(job->sw + kq * GEMM_PANEL + n + v * VEC_LANES));
                    total[i][v] = vec_fma(acc[i][v], scale, total[i][v]);
                }
            }
        }
    }
    UNROLL for (int i = 0; i < mr; i++) {
        UNROLL for (int v = 0; v < nv; v++) {
            float *c = job->c + (m + i) * job->c_row + n + v * VEC_LANES;
            const int lanes = left - v * VEC_LANES;
            VEC sum = scaled ? total[i][v] : acc[i][v];
            if (job->accumulate) sum = vec_add(vec_load_n(c, lanes), sum);
            vec_store_n(c, sum, lanes);
        }
    }
}

#define TILE(mr, nv)                                                                               \
    static __attribute__((noinline)) void tile_##mr##_##nv(const GemmJob *job,                     \
                                                           const TileRows *rows, int m, int n) {   \
        tile(job, rows, m, n, mr, nv);                                                             \
    }
typedef void TileFn(const GemmJob *job, const TileRows *rows, int m, int n);

static void run_panel(const GemmJob *job, TileFn *const fn[TILE_M][TILE_V]) {
    for (int n = 0; n < job->n; n += TILE_V * VEC_LANES) {
        int nv = (job->n - n + VEC_LANES - 1) / VEC_LANES;
        if (nv > TILE_V) nv = TILE_V;
        for (int m = 0; m < job->m; m += TILE_M) {
            const int mr = job->m - m < TILE_M ? job->m - m : TILE_M;
            TileRows rows;
            for (int i = 0; i < mr; i++) {
                rows.a[i] = job->gather ? job->a + job->gather[m + i] * job->a_row
                                        : job->a + m / TILE_M * job->a_tile + i * job->a_row;
                rows.sa[i] = job->sa ? job->sa + (m + i) * job->sa_row : NULL;
            }
            fn[mr - 1][nv - 1](job, &rows, m, n);
        }
    }
}

static void run_panels(const GemmJob *job, TileFn *const fn[TILE_M][TILE_V]) {
    GemmJob one = *job;
    for (int n = 0; n < job->n; n += GEMM_PANEL) {
        one.n = least(GEMM_PANEL, job->n - n);
        run_panel(&one, fn);
        one.b += (ptrdiff_t)up(job->k, K_BLOCK) * GEMM_PANEL;
        one.c += GEMM_PANEL;
        if (one.from) one.from += GEMM_PANEL;
        if (one.sw) one.sw += job->sw_panel;
    }
}
#endif
