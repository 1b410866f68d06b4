// policy/cpu/gemm_prove.c -- before tiles are trusted: one product in a child, held against
// AVX-512.
//
// An instruction set that is announced may still fault (an emulator, a hypervisor that hides its
// state) or round otherwise. A child process computes a product whose tiles are whole and ragged;
// where it dies or a bit differs, the caller chooses the next row. About a millisecond, once a
// process.
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/pool.h"
#include "policy/cpu/gemm_row.h"

enum { M = 37, N = 72, K = 96, KPAD = 96, PANELS = (N + GEMM_PANEL - 1) / GEMM_PANEL };

// Static: the child may not allocate, another thread may have held the heap's lock.
static float a[M][KPAD], w[N][K], want[M][PANELS * GEMM_PANEL], got[M][PANELS * GEMM_PANEL];
static float block[K_BLOCK][GEMM_PANEL], packed[PANELS][KPAD][GEMM_PANEL];
static uint16_t a16[M][KPAD], b16[PANELS][KPAD / K_BLOCK][K_BLOCK * GEMM_PANEL];

// Small numbers of seven bits and varied size: exact in bf16, their sums are not exact in fp32.
static float value(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    const float x = (float)((int)(*state >> 24) - 128);
    return *state & 0x800000 ? x * 0x1p-9f : x * 0x1p3f;
}

static bool same_bits(const GemmKernel *tiles) {
    uint32_t state = 1;
    for (int m = 0; m < M; m++)
        for (int k = 0; k < K; k++) a[m][k] = value(&state);
    for (int n = 0; n < N; n++)
        for (int k = 0; k < K; k++) w[n][k] = value(&state);
    for (int p = 0; p < PANELS; p++)
        for (int kb = 0; kb < KPAD; kb += K_BLOCK) {
            for (int k = 0; k < K_BLOCK; k++)
                for (int j = 0; j < GEMM_PANEL; j++) {
                    const int n = p * GEMM_PANEL + j;
                    block[k][j] = n < N ? w[n][kb + k] : 0;
                    packed[p][gemm_order(kb + k)][j] = block[k][j];
                }
            tiles->pack16(b16[p][kb / K_BLOCK], (const float(*)[GEMM_PANEL])block);
        }
    for (int m = 0; m < M; m++) tiles->round16(a16[m], a[m], K);
    GemmJob job = {.m = M,
                   .n = N,
                   .k = K,
                   .a16 = a16[0],
                   .b16 = b16[0][0],
                   .a16_row = KPAD,
                   .c = got[0],
                   .c_row = PANELS * GEMM_PANEL};
    tiles->multiply(&job);
    gemm_panel(want[0], PANELS * GEMM_PANEL, a[0], KPAD, M, packed[0][0], N, K, false);
    for (int m = 0; m < M; m++)
        if (memcmp(got[m], want[m], N * sizeof(float)) != 0) return false;
    return true;
}

bool gemm_prove(const GemmKernel *tiles) {
    const pid_t child = fork();
    if (child < 0) return false;
    if (child == 0) {
        signal(SIGILL, SIG_DFL); // whoever caught these in the parent shall not here
        signal(SIGSEGV, SIG_DFL);
        pool_flush_denormals();
        _exit(same_bits(tiles) ? 0 : 1);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
