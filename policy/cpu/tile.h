// policy/cpu/tile.h -- the AMX tile instructions, one line each, or their exact emulation.
//
// For gemm_amx.c, and for pipelines/bench/ceiling.c, which measures the machine. With TILE_EMULATED
// the same names run the pseudo-code of Intel's manual (Software Developer's Manual vol. 2,
// LDTILECFG, TILELOADD, TILESTORED, TILEZERO, TDPBF16PS) on a thread's own tiles, faults included,
// so that packing and tails are proven without the hardware. The clobbers are needed: compilers'
// own intrinsics do not say that tiles are read from memory.
#ifndef POLICY_CPU_TILE_H
#define POLICY_CPU_TILE_H

#include <stddef.h>
#include <stdint.h>

typedef struct TileConfig { // the 64 bytes of LDTILECFG
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} TileConfig;

#ifndef TILE_EMULATED

#define tile_configure(config) __asm__ volatile("ldtilecfg %0" ::"m"(*(config)) : "memory")
#define tile_release() __asm__ volatile("tilerelease" ::: "memory")
#define tile_zero(t) __asm__ volatile("tilezero %%tmm" #t ::)
#define tile_load(t, p, stride)                                                                    \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t ::"r"(p), "r"((ptrdiff_t)(stride))            \
                     : "memor"                                                                     \
                       "y")
#define tile_store(t, p, stride)                                                                   \
    __asm__ volatile("tilestored %%tmm" #t ", (%0,%1,1)" ::"r"(p), "r"((ptrdiff_t)(stride))        \
                     : "memory")
// t += a b over pairs of bf16: even and odd chains from +0, then their sum (gemm.h, the contract).
#define tile_dpbf16(t, a, b) __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #t ::)

#else

#include <math.h>
#include <string.h>

#include "base/status.h"

static _Thread_local struct {
    TileConfig config;
    uint8_t tile[8][16][64];
} tile_unit;

static inline void tile_check(int t) { // an instruction on a tile that is not configured faults
    CHECK(tile_unit.config.palette == 1 && tile_unit.config.rows[t] > 0);
}

static inline void tile_configure(const TileConfig *config) {
    CHECK(config->palette == 1 && config->start_row == 0);
    for (int t = 0; t < 16; t++) {
        CHECK(config->rows[t] <= (t < 8 ? 16 : 0) && config->row_bytes[t] <= (t < 8 ? 64 : 0));
        CHECK((config->rows[t] == 0) == (config->row_bytes[t] == 0));
    }
    memset(&tile_unit, 0, sizeof tile_unit);
    tile_unit.config = *config;
}

static inline void tile_release(void) {
    memset(&tile_unit, 0, sizeof tile_unit);
}

static inline void tile_zero(int t) {
    tile_check(t);
    memset(tile_unit.tile[t], 0, sizeof tile_unit.tile[t]);
}

static inline void tile_load(int t, const void *p, ptrdiff_t stride) {
    tile_check(t);
    memset(tile_unit.tile[t], 0, sizeof tile_unit.tile[t]); // rows and bytes outside become zero
    for (int r = 0; r < tile_unit.config.rows[t]; r++)
        memcpy(tile_unit.tile[t][r], (const char *)p + r * stride, tile_unit.config.row_bytes[t]);
}

static inline void tile_store(int t, void *p, ptrdiff_t stride) {
    tile_check(t);
    for (int r = 0; r < tile_unit.config.rows[t]; r++)
        memcpy((char *)p + r * stride, tile_unit.tile[t][r], tile_unit.config.row_bytes[t]);
}

// DAZ and FTZ whatever the thread's control register says.
static inline float tile_flush(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    if ((u & 0x7f800000u) == 0) u &= 0x80000000u;
    memcpy(&x, &u, 4);
    return x;
}
static inline float tile_bf16(const uint8_t *p) {
    const uint32_t u = (uint32_t)p[1] << 24 | (uint32_t)p[0] << 16;
    float x;
    memcpy(&x, &u, 4);
    return tile_flush(x);
}

static inline void tile_dpbf16(int t, int a, int b) {
    const TileConfig *c = &tile_unit.config;
    tile_check(t), tile_check(a), tile_check(b);
    CHECK(t != a && t != b && a != b);
    CHECK(c->rows[t] == c->rows[a] && c->row_bytes[t] == c->row_bytes[b]);
    CHECK(c->row_bytes[a] == 4 * c->rows[b]);
    for (int m = 0; m < c->rows[t]; m++) {
        float sum[32] = {0};
        for (int k = 0; k < c->row_bytes[a] / 4; k++)
            for (int n = 0; n < c->row_bytes[t] / 4; n++)
                for (int half = 0; half < 2; half++)
                    sum[2 * n + half] = tile_flush(fmaf(
                        tile_bf16(tile_unit.tile[a][m] + 4 * k + 2 * half),
                        tile_bf16(tile_unit.tile[b][k] + 4 * n + 2 * half), sum[2 * n + half]));
        for (int n = 0; n < c->row_bytes[t] / 4; n++) {
            float x;
            memcpy(&x, tile_unit.tile[t][m] + 4 * n, 4);
            x = tile_flush(tile_flush(x) + tile_flush(sum[2 * n] + sum[2 * n + 1]));
            memcpy(tile_unit.tile[t][m] + 4 * n, &x, 4);
        }
    }
}

#endif
#endif
