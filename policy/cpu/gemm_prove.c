// policy/cpu/gemm_prove.c -- before tiles are trusted: one product in a child, held against
// AVX-512.
//
// An instruction set that is announced may still fault (an emulator, a hypervisor that hides its
// state) or round otherwise. A child process computes a product whose tiles are whole and ragged;
// where it dies or a bit differs, the caller chooses the next row. About a millisecond, once a
// process.
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pool.h"
#include "policy/cpu/gemm_set.h"

#if defined(__x86_64__)

// Spans of 32 and of 21 rows, panels of 32 and of 16 columns, scale blocks of 128 and of 32.
enum {
    M = 53,
    N = 80,
    K = 288,
    PANELS = (N + GEMM_PANEL - 1) / GEMM_PANEL,
    WIDE = PANELS * GEMM_PANEL
};
enum { SCALES = (K + SCALE_BLOCK - 1) / SCALE_BLOCK };

// Static: the child may not allocate, another thread may have held the heap's lock.
static float a[M][K], block[K_BLOCK][GEMM_PANEL], packed[PANELS][K][GEMM_PANEL];
static float want[M][WIDE], got[M][WIDE], sum[M][WIDE], sa[M][SCALES],
    sw[PANELS][SCALES][GEMM_PANEL];
static uint16_t a16[M][K], b16[PANELS][K / K_BLOCK][K_BLOCK * GEMM_PANEL];

// Eight bits of varied size: exact in bf16, while their sums are rounded in fp32.
static float value(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    const float x = (float)((int)(*state >> 24) - 128);
    return *state & 0x800000 ? x * 0x1p-9f : x * 0x1p3f;
}

static void fill(const GemmKernel *tiles) {
    uint32_t state = 1;
    for (int m = 0; m < M; m++) {
        for (int k = 0; k < K; k++) a[m][k] = value(&state);
        for (int n = 0; n < WIDE; n++) sum[m][n] = value(&state);
        for (int q = 0; q < SCALES; q++) sa[m][q] = value(&state);
        tiles->round16(a16[m], a[m], K);
    }
    for (int p = 0; p < PANELS; p++) {
        for (int kb = 0; kb < K; kb += K_BLOCK) {
            for (int k = 0; k < K_BLOCK; k++)
                for (int j = 0; j < GEMM_PANEL; j++) {
                    block[k][j] = p * GEMM_PANEL + j < N ? value(&state) : 0;
                    packed[p][gemm_order(kb + k)][j] = block[k][j];
                }
            const float *row[K_BLOCK];
            for (int i = 0; i < K_BLOCK; i++) row[i] = block[i];
            tiles->pack16(b16[p][kb / K_BLOCK], row, GEMM_PANEL);
        }
        for (int q = 0; q < SCALES; q++)
            for (int j = 0; j < GEMM_PANEL; j++) sw[p][q][j] = value(&state);
    }
}

static bool same_bits(const GemmKernel *tiles) {
    fill(tiles);
    for (int kind = 0; kind < 3; kind++) { // plain; from partial sums; scaled
        GemmJob job = {.m = M, .n = N, .k = K, .c_row = WIDE};
        job.a = a[0], job.a_tile = (ptrdiff_t)gemm_avx512.tile_m * K, job.a_row = K, job.a_step = 1;
        job.b = packed[0][0];
        job.a16 = a16[0], job.b16 = b16[0][0], job.a16_row = K;
        if (kind == 1) job.from = sum[0], job.from_row = WIDE;
        if (kind == 2)
            job.sa = sa[0], job.sa_row = SCALES, job.sw = sw[0][0],
            job.sw_panel = SCALES * GEMM_PANEL;
        job.c = want[0];
        gemm_avx512.multiply(&job);
        job.c = got[0];
        tiles->multiply(&job);
        for (int m = 0; m < M; m++)
            if (memcmp(got[m], want[m], N * sizeof(float)) != 0) return false;
    }
    return true;
}

bool gemm_prove(const GemmKernel *tiles) {
    int end[2];
    if (pipe(end) != 0) return false;
    const pid_t child = fork();
    if (child == 0) {
        signal(SIGILL, SIG_DFL); // whoever caught these in the parent shall not here
        signal(SIGSEGV, SIG_DFL);
        pool_flush_denormals();
        const char yes = 1;
        _exit(same_bits(tiles) && write(end[1], &yes, 1) == 1 ? 0 : 1);
    }
    close(end[1]);
    char answer = 0; // a child that dies leaves the pipe empty, whoever reaps it
    const bool proven = child > 0 && read(end[0], &answer, 1) == 1 && answer == 1;
    close(end[0]);
    if (child > 0) (void)waitpid(child, NULL, 0);
    return proven;
}

#endif
