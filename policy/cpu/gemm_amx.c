// policy/cpu/gemm_amx.c -- the AMX set: bf16 tiles of 16 x 32, two by two, for bf16 and fp8.
#include "policy/cpu/gemm_set.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "policy/cpu/isa.h"
#include "policy/cpu/tile.h"

#ifdef TILE_EMULATED
ISA_TARGET(ISA_AVX512)
#define ROW gemm_amx_emulated
#else
ISA_TARGET(ISA_AVX512 ",amx-tile,amx-bf16")
#define ROW gemm_amx
#endif

#define LOW_OF(u) (2 * (u))
#define HIGH_OF(u) (2 * (u) + 1)
// As bf16_round of quant.h: the rounded values, their codes in the upper halves.
INLINE __m512i rounded(__m512 x) {
    const __m512i u = _mm512_castps_si512(x);
    const __m512i abs = _mm512_and_si512(u, _mm512_set1_epi32(0x7fffffff));
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    const __mmask16 nan = _mm512_cmpgt_epi32_mask(abs, _mm512_set1_epi32(0x7f800000));
    const __mmask16 tiny = _mm512_cmplt_epi32_mask(abs, _mm512_set1_epi32(0x00800000));
    __m512i r = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    r = _mm512_mask_or_epi32(r, nan, u, _mm512_set1_epi32(0x00400000));
    return _mm512_mask_and_epi32(r, tiny, u, _mm512_set1_epi32((int)0x80000000u));
}
INLINE __m512i pairs_of(__m512 low, __m512 high) {
    const __m512i top = _mm512_set1_epi32((int)0xffff0000u);
    return _mm512_or_si512(_mm512_srli_epi32(rounded(low), 16),
                           _mm512_and_si512(rounded(high), top));
}
#include "policy/cpu/gemm_codes.h"

enum { TILE = 16, TILE_BYTES = 64, SPAN = 2 * TILE }; // a span: two tiles of rows or of columns

// Tiles: 0 1 / 2 3 the sums, 4 5 rows of A, 6 7 columns of B.
static void configure(int rows) {
    const uint8_t top = (uint8_t)(rows < TILE ? rows : TILE);
    const uint8_t bottom = (uint8_t)(rows > TILE ? rows - TILE : 1); // 1: unused then
    TileConfig c = {.palette = 1,
                    .rows = {top, top, bottom, bottom, top, bottom, TILE, TILE},
                    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64}};
    tile_configure(&c);
}

// Which of the four sums a place needs: short ends leave the lower or the right ones out.
typedef struct Place {
    const GemmJob *job;
    int m, n, rows, cols;
    bool low, right;
    const uint16_t *b; // the panel of n
} Place;

INLINE void zero_sums(const Place *p) {
    tile_zero(0);
    if (p->right) tile_zero(1);
    if (p->low) tile_zero(2);
    if (p->low && p->right) tile_zero(3);
}

INLINE void load_sums(const Place *p) {
    const float *from = p->job->from + p->m * p->job->from_row + p->n;
    const ptrdiff_t row = p->job->from_row, bytes = row * 4;
    tile_load(0, from, bytes);
    if (p->right) tile_load(1, from + TILE, bytes);
    if (p->low) tile_load(2, from + TILE * row, bytes);
    if (p->low && p->right) tile_load(3, from + TILE * row + TILE, bytes);
}

INLINE void store_sums(const Place *p, float *to, ptrdiff_t row) {
    tile_store(0, to, row * 4);
    if (p->right) tile_store(1, to + TILE, row * 4);
    if (p->low) tile_store(2, to + TILE * row, row * 4);
    if (p->low && p->right) tile_store(3, to + TILE * row + TILE, row * 4);
}

// Adds K blocks [begin, end) of 32 to the sums.
INLINE void add_blocks(const Place *p, int begin, int end) {
    const ptrdiff_t row = p->job->a16_row;
    const uint16_t *a = p->job->a16 + p->m * row + begin * K_BLOCK, *low = a + TILE * row;
    const uint16_t *b = p->b + (ptrdiff_t)begin * K_BLOCK * GEMM_PANEL;
    for (int i = begin; i < end; i++, a += K_BLOCK, low += K_BLOCK, b += K_BLOCK * GEMM_PANEL) {
        tile_load(4, a, row * 2);
        tile_load(6, b, TILE_BYTES);
        tile_dpbf16(0, 4, 6);
        if (p->right) {
            tile_load(7, b + K_BLOCK * TILE, TILE_BYTES);
            tile_dpbf16(1, 4, 7);
        }
        if (!p->low) continue;
        tile_load(5, low, row * 2);
        tile_dpbf16(2, 5, 6);
        if (p->right) tile_dpbf16(3, 5, 7);
    }
}

// total += sum * (sa * sw), both [rows][32].
static void promote(float total[SPAN][SPAN], float sum[SPAN][SPAN], const Place *p, int kq) {
    const float *sw = p->job->sw + (p->n / GEMM_PANEL) * p->job->sw_panel + kq * GEMM_PANEL;
    const __m512 w0 = _mm512_loadu_ps(sw), w1 = _mm512_loadu_ps(sw + TILE);
    for (int i = 0; i < p->rows; i++) {
        const __m512 s = _mm512_set1_ps(p->job->sa[(p->m + i) * p->job->sa_row + kq]);
        float *t = total[i], *x = sum[i];
        _mm512_store_ps(
            t, _mm512_fmadd_ps(_mm512_load_ps(x), _mm512_mul_ps(s, w0), _mm512_load_ps(t)));
        _mm512_store_ps(t + TILE, _mm512_fmadd_ps(_mm512_load_ps(x + TILE), _mm512_mul_ps(s, w1),
                                                  _mm512_load_ps(t + TILE)));
    }
}

static void deliver(const Place *p, float sum[SPAN][SPAN]) {
    for (int i = 0; i < p->rows; i++) {
        float *c = p->job->c + (p->m + i) * p->job->c_row + p->n;
        for (int j = 0; j < p->cols; j += TILE) {
            const __mmask16 lanes = first_codes(p->cols - j);
            __m512 x = _mm512_load_ps(sum[i] + j);
            if (p->job->accumulate) x = _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, c + j), x);
            _mm512_mask_storeu_ps(c + j, lanes, x);
        }
    }
}

static void run_place(const Place *p) {
    const GemmJob *job = p->job;
    const int blocks = (job->k + K_BLOCK - 1) / K_BLOCK;
    _Alignas(64) float sum[SPAN][SPAN], total[SPAN][SPAN];
    if (!job->sa) {
        if (job->from)
            load_sums(p);
        else
            zero_sums(p);
        add_blocks(p, 0, blocks);
        if (!job->accumulate && p->cols % TILE == 0) {
            store_sums(p, job->c + p->m * job->c_row + p->n, job->c_row);
            return;
        }
        store_sums(p, sum[0], SPAN);
        deliver(p, sum);
        return;
    }
    for (int i = 0; i < p->rows; i++) {
        if (job->from)
            memcpy(total[i], job->from + (p->m + i) * job->from_row + p->n, sizeof total[i]);
        else
            memset(total[i], 0, sizeof total[i]);
    }
    if (!p->right) memset(sum, 0, sizeof sum);
    for (int at = 0; at < blocks; at += SCALE_BLOCK / K_BLOCK) {
        const int end = at + SCALE_BLOCK / K_BLOCK;
        zero_sums(p);
        add_blocks(p, at, end < blocks ? end : blocks);
        store_sums(p, sum[0], SPAN);
        promote(total, sum, p, at / (SCALE_BLOCK / K_BLOCK));
    }
    deliver(p, total);
}

// Rows [begin, end) in spans of `rows`, all columns; the tiles are configured for it.
static void run_rows(const GemmJob *job, int begin, int end, int rows) {
    const ptrdiff_t panel = (ptrdiff_t)((job->k + K_BLOCK - 1) / K_BLOCK) * K_BLOCK * GEMM_PANEL;
    Place p = {.job = job, .rows = rows, .low = rows > TILE, .b = job->b16};
    for (p.n = 0; p.n < job->n; p.n += GEMM_PANEL, p.b += panel) {
        p.cols = job->n - p.n < GEMM_PANEL ? job->n - p.n : GEMM_PANEL;
        p.right = p.cols > TILE;
        for (p.m = begin; p.m < end; p.m += rows) run_place(&p);
    }
}

static void multiply(const GemmJob *job) {
    const int whole = job->m / SPAN * SPAN, rest = job->m - whole;
    if (whole > 0) {
        configure(SPAN);
        run_rows(job, 0, whole, SPAN);
    }
    if (rest > 0) {
        configure(rest);
        run_rows(job, whole, job->m, rest);
    }
    tile_release();
}

// The codes of n values; n is padded with zeros to a multiple of 32.
static void round16(uint16_t *to, const float *x, int n) {
    const int pad = (n + K_BLOCK - 1) / K_BLOCK * K_BLOCK;
    for (int i = 0; i < pad; i += 16)
        _mm256_storeu_si256((__m256i *)(void *)(to + i),
                            _mm512_cvtepi32_epi16(_mm512_srli_epi32(
                                rounded(_mm512_maskz_loadu_ps(first_codes(n - i), x + i)), 16)));
}

// 32 rows of K become the two tiles of a panel: [n / 16][k / 2][n % 16][k % 2].
static void pack16(uint16_t *to, const float *const row[K_BLOCK], int cols) {
    for (int n = 0; n < GEMM_PANEL; n += TILE)
        for (int k = 0; k < K_BLOCK; k += 2, to += 2 * TILE) {
            const __mmask16 lanes = first_codes(cols - n);
            _mm512_storeu_si512(to, pairs_of(_mm512_maskz_loadu_ps(lanes, row[k] + n),
                                             _mm512_maskz_loadu_ps(lanes, row[k + 1] + n)));
        }
}

ISA_END

const GemmKernel ROW = {.tile_m = 1,
                        .multiply = multiply,
                        .round16 = round16,
                        .pack16 = pack16,
                        .transpose16 = transpose16};
#endif
