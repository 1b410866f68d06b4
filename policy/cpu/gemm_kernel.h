// policy/cpu/gemm_kernel.h -- the micro-kernel of the vector sets, written once.
//
// Included by gemm_avx2.c, gemm_avx512.c and gemm_avx512bf16.c inside their ISA_TARGET, after they
// named their vector:
//   VEC, VEC_LANES, vec_zero(), vec_load(p), vec_splat(p), vec_fma(a, b, c), vec_add, vec_mul,
//   vec_store, vec_load_n(p, n), vec_store_n(p, v, n) (the first n lanes only);
//   vec_chain(a, b, c), the next of a chain, vec_unit(p), its a, and UNITS, the 32-bit units that
//   a block of 32 of K takes: 32 values, or 16 pairs of bf16 where vec_chain does two steps
//   (job->k counts units);
//   the tile, TILE_M rows by one vector, or up to WIDE_M rows by TILE_V.
// Both chains of a block run side by side. The best tile is the largest whose sums stay in
// registers beside its chains: 3 * TILE_M and a few. Spilling them costs 5 %.
#ifdef VEC

#define EACH_ROW UNROLL for (int i = 0; i < mr; i++)
#define EACH_VEC UNROLL for (int v = 0; v < nv; v++)

typedef VEC Tile[TILE_M][TILE_V];
enum {
    VECS = GEMM_PANEL / VEC_LANES,
    WHOLE_V = TILE_M <= WIDE_M ? TILE_V : 1,
    SCALE_UNITS = SCALE_BLOCK / K_BLOCK * UNITS
};

// One step of a chain: sum += a[k] * w[k], for a tile.
INLINE void chain_step(Tile sum, const float *const *a, ptrdiff_t at, const float *w, int mr,
                       int nv) {
    VEC b[TILE_V];
    EACH_VEC b[v] = vec_load(w + v * VEC_LANES);
    EACH_ROW {
        const VEC x = vec_unit(a[i] + at);
        EACH_VEC sum[i][v] = vec_chain(x, b[v], sum[i][v]);
    }
}

// Asks for n lines, into the second cache: it takes more at a time than the first.
INLINE const char *fetch_lines(const char *at, int n) {
    for (int i = 0; i < n; i++, at += GEMM_LINE) __builtin_prefetch(at, 0, 2);
    return at;
}

// sum += even + odd of `units` <= UNITS steps; a is at their first. `each` lines from `ahead` on
// are asked for with every two steps.
INLINE void add_block(Tile sum, const float *const *a, ptrdiff_t at, int step, const float *b,
                      int units, int mr, int nv, const char *ahead, int each) {
    Tile even, odd;
    EACH_ROW {
        EACH_VEC even[i][v] = odd[i][v] = vec_zero();
    }
    if (units == UNITS) {
        UNROLL_STEPS for (int s = 0; s < UNITS / 2; s++) {
            if (ahead) ahead = fetch_lines(ahead, each);
            chain_step(even, a, at + 2 * s * step, b + s * GEMM_PANEL, mr, nv);
            chain_step(odd, a, at + (2 * s + 1) * step, b + (s + UNITS / 2) * GEMM_PANEL, mr, nv);
        }
    } else {
        for (int s = 0; s < units >> 1; s++) {
            chain_step(even, a, at + 2 * s * step, b + s * GEMM_PANEL, mr, nv);
            chain_step(odd, a, at + (2 * s + 1) * step, b + (s + UNITS / 2) * GEMM_PANEL, mr, nv);
        }
        if (units & 1)
            chain_step(even, a, at + (units - 1) * step, b + (units >> 1) * GEMM_PANEL, mr, nv);
    }
    EACH_ROW {
        EACH_VEC sum[i][v] = vec_add(sum[i][v], vec_add(even[i][v], odd[i][v]));
    }
}

// Where the lines of the next panel begin that this tile asks for, `fetch` a block of K.
INLINE const char *fetch_from(const GemmJob *job, int m, int n, int nv) {
    const int tile = m / TILE_M * (VECS / WHOLE_V) + n / VEC_LANES / nv;
    const int blocks = (job->k + UNITS - 1) / UNITS;
    return (const char *)(job->b + (ptrdiff_t)blocks * UNITS * GEMM_PANEL) +
           (ptrdiff_t)tile * blocks * job->fetch * GEMM_LINE;
}

// One tile: mr rows from row m, nv vectors from column n; `full`: all their lanes are columns;
// `step`: job->a_step, 1 or TILE_M.
INLINE void tile(const GemmJob *job, int m, int n, int mr, int nv, bool full, bool scaled, int step,
                 bool stream) {
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
            EACH_VEC {
                const float *at_v = from + i * job->from_row + v * VEC_LANES;
                sum[i][v] = full ? vec_load(at_v)
                                 : vec_load_n(at_v, least(VEC_LANES, job->n - n - v * VEC_LANES));
            }
        }
    }
    const float *b = job->b + n;
    const char *next = stream ? fetch_from(job, m, n, nv) : NULL;
    const bool dealt = stream && mr < TILE_M; // of few rows: a tile waits for memory alone
    const int each = dealt ? (job->fetch + UNITS / 2 - 1) / (UNITS / 2) : 0;
    ptrdiff_t at = 0;
    if (!scaled) {
        int left = job->k;
        for (; left >= UNITS; left -= UNITS) {
            if (stream && !dealt) next = fetch_lines(next, job->fetch);
            add_block(sum, a, at, step, b, UNITS, mr, nv, dealt ? next : NULL, each);
            if (dealt) next += job->fetch * GEMM_LINE;
            at += UNITS * step;
            b += UNITS * GEMM_PANEL;
        }
        if (left > 0) add_block(sum, a, at, step, b, left, mr, nv, NULL, 0);
    } else {
        for (int q = 0; q < job->k; q += SCALE_UNITS) {
            Tile partial;
            EACH_ROW {
                EACH_VEC partial[i][v] = vec_zero();
            }
            for (int k = q; k < least(job->k, q + SCALE_UNITS); k += UNITS) {
                if (stream) next = fetch_lines(next, job->fetch);
                add_block(partial, a, at, step, b, least(UNITS, job->k - k), mr, nv, NULL, 0);
                at += UNITS * step;
                b += UNITS * GEMM_PANEL;
            }
            const float *sa = job->sa + m * job->sa_row + q / SCALE_UNITS;
            const float *sw = job->sw + q / SCALE_UNITS * GEMM_PANEL + n;
            EACH_ROW {
                EACH_VEC sum[i][v] =
                    vec_fma(partial[i][v],
                            vec_mul(vec_splat(sa + i * job->sa_row), vec_load(sw + v * VEC_LANES)),
                            sum[i][v]);
            }
        }
    }
    if (full) {
        if (job->accumulate) {
            EACH_ROW {
                EACH_VEC sum[i][v] =
                    vec_add(vec_load(c + i * job->c_row + v * VEC_LANES), sum[i][v]);
            }
        }
        EACH_ROW {
            EACH_VEC vec_store(c + i * job->c_row + v * VEC_LANES, sum[i][v]);
        }
        return;
    }
    EACH_ROW {
        EACH_VEC {
            float *to = c + i * job->c_row + v * VEC_LANES;
            const int lanes = least(VEC_LANES, job->n - n - v * VEC_LANES);
            if (job->accumulate) sum[i][v] = vec_add(vec_load_n(to, lanes), sum[i][v]);
            vec_store_n(to, sum[i][v], lanes);
        }
    }
}

// Rows [m, end) in whole tiles of mr.
typedef void TileFn(const GemmJob *job, int m, int end, int n);
INLINE void tiles(const GemmJob *job, int m, int end, int n, int mr, int nv, int step,
                  bool stream) {
    if (job->sa) {
        for (; m < end; m += mr) tile(job, m, n, mr, nv, false, true, step, stream);
    } else if (job->n - n >= nv * VEC_LANES) {
        for (; m < end; m += mr) tile(job, m, n, mr, nv, true, false, step, stream);
    } else {
        for (; m < end; m += mr) tile(job, m, n, mr, nv, false, false, step, stream);
    }
}
// A function of its own for a stream: inside the other it would cost that registers.
#define TILE(mr, nv)                                                                               \
    static void stream_##mr##_##nv(const GemmJob *job, int m, int end, int n) {                    \
        tiles(job, m, end, n, mr, nv, 1, true);                                                    \
    }                                                                                              \
    static void tile_##mr##_##nv(const GemmJob *job, int m, int end, int n) {                      \
        if (job->a_step == 1)                                                                      \
            tiles(job, m, end, n, mr, nv, 1, false);                                               \
        else                                                                                       \
            tiles(job, m, end, n, mr, nv, TILE_M, false);                                          \
    }
#define TILE_FN(mr, nv)                                                                            \
    { tile_##mr##_##nv, stream_##mr##_##nv }
typedef TileFn *const TileFns[TILE_M][TILE_V][2];

static void run_panels(const GemmJob *job, TileFns fn) {
    GemmJob one = *job;
    const int stream = job->stream && job->a_step == 1;
    const int whole = job->m / TILE_M * TILE_M, rest = job->m - whole;
    if (stream) { // the lines of a block of K of the next panel, dealt out to the tiles of this one
        const int last = rest == 0 ? 0 : rest <= WIDE_M ? VECS / TILE_V : VECS;
        const int n_tiles = whole / TILE_M * (VECS / WHOLE_V) + last;
        one.fetch = (UNITS * GEMM_PANEL * (int)sizeof(float) / GEMM_LINE + n_tiles - 1) / n_tiles;
    }
    for (int p = 0; p < job->n; p += GEMM_PANEL) {
        one.n = least(GEMM_PANEL, job->n - p);
        const int vecs = (one.n + VEC_LANES - 1) / VEC_LANES;
        for (int v = 0; whole > 0 && v < vecs; v += WHOLE_V)
            fn[TILE_M - 1][least(WHOLE_V, vecs - v) - 1][stream](&one, 0, whole, v * VEC_LANES);
        const int wide = rest <= WIDE_M ? TILE_V : 1;
        for (int v = 0; rest > 0 && v < vecs; v += wide)
            fn[rest - 1][least(wide, vecs - v) - 1][stream](&one, whole, job->m, v * VEC_LANES);
        one.b += (ptrdiff_t)up(job->k, UNITS) * GEMM_PANEL;
        one.c += GEMM_PANEL;
        if (one.from) one.from += GEMM_PANEL;
        if (one.sw) one.sw += job->sw_panel;
    }
}
#endif
