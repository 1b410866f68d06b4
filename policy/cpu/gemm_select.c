// policy/cpu/gemm_select.c -- which kernel set this machine supports and the user asks for.
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "policy/cpu/gemm.h"
#include "policy/cpu/gemm_set.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

static _Atomic int chosen = -1;
static const GemmKernel *emulated;

static const char *const set_name[GEMM_SETS] = {"portable", "avx2", "avx512", "avx512bf16", "amx"};

const char *gemm_set_name(GemmSet set) {
    return (unsigned)set < GEMM_SETS ? set_name[set] : "?";
}

// What this machine lacks for a set, NULL if nothing.
#if defined(__x86_64__)
enum { XTILEDATA = 18, ARCH_REQ_XCOMP_PERM_ = 0x1023 };

static uint64_t xcr0(void) {
    uint32_t lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (uint64_t)hi << 32 | lo;
}

// One trial per process and set: every caller gets the same answer.
static pthread_once_t amx_once = PTHREAD_ONCE_INIT, bf16_once = PTHREAD_ONCE_INIT;
static bool amx_proven, bf16_proven;

static bool prove(const GemmKernel *kernel, const char *name) {
    if (gemm_prove(kernel)) return true;
    log_warn("%s is announced here, but a trial product did not come back right: not used", name);
    return false;
}
static void prove_amx(void) {
    amx_proven = prove(&gemm_amx, "AMX");
}
static void prove_bf16(void) {
    bf16_proven = prove(&gemm_avx512bf16, "AVX512-BF16");
}

static const char *missing_bf16(void) {
    uint32_t a, b, c, d;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & bit_AVX512BF16))
        return "the AVX512-BF16 feature";
    pthread_once(&bf16_once, prove_bf16);
    return bf16_proven ? NULL : "AVX512-BF16 that rounds twice: a trial product did not";
}

static const char *missing_amx(uint32_t d, uint64_t saved) {
    const uint32_t amx = 1u << 22 | 1u << 24; // AMX-BF16, AMX-TILE
    if ((d & amx) != amx) return "the AMX-BF16 feature";
    if ((saved & 0x60000) != 0x60000) return "an operating system that saves AMX tiles";
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM_, XTILEDATA) != 0)
        return "the kernel's permission for AMX tiles (Linux 5.16 or newer, not filtered)";
    pthread_once(&amx_once, prove_amx);
    return amx_proven ? NULL
                      : "AMX that computes right: a trial product in a child process did not";
}

static const char *missing(GemmSet set) {
    uint32_t a = 0, b = 0, c = 0, d = 0;
    if (set == GEMM_PORTABLE) return NULL;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return "the XSAVE feature";
    const uint64_t saved = xcr0();
    if (!(c & bit_FMA)) return "the FMA feature";
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX2)) return "the AVX2 feature";
    if ((saved & 6) != 6) return "an operating system that saves AVX registers";
    if (set == GEMM_AVX2) return NULL;
    const uint32_t avx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    if ((b & avx512) != avx512) return "the AVX-512 features F, BW, DQ and VL";
    if ((saved & 0xe6) != 0xe6) return "an operating system that saves AVX-512 registers";
    if (set == GEMM_AVX512) return NULL;
    if (set == GEMM_AVX512BF16) return missing_bf16();
    if (emulated) return NULL;
    return missing_amx(d, saved);
}
#else
static const char *missing(GemmSet set) {
    return set == GEMM_PORTABLE ? NULL : "an x86-64 processor";
}
#endif

bool gemm_set_supported(GemmSet set) {
    return (unsigned)set < GEMM_SETS && missing(set) == NULL;
}

Status gemm_select(const char *name) {
    const char *whence = "asked for";
    if (!name || strcmp(name, "auto") == 0) {
        name = getenv("GRPO_CPU");
        whence = "GRPO_CPU";
    }
    int set = GEMM_SETS - 1;
    if (!name || !*name || strcmp(name, "auto") == 0) {
        while (missing((GemmSet)set)) set--;
    } else {
        while (set >= 0 && strcmp(name, set_name[set]) != 0) set--;
        if (set < 0)
            return FAIL(
                ST_CONFIG,
                "%s: no instruction set '%s'; say portable, avx2, avx512, avx512bf16, amx or auto",
                whence, name);
        const char *lack = missing((GemmSet)set);
        if (lack)
            return FAIL(ST_UNSUPPORTED, "%s: '%s' needs %s, which this machine lacks; say auto",
                        whence, name, lack);
    }
    atomic_store(&chosen, set);
    return ST_OK;
}

GemmSet gemm_set(void) {
    const int set = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (set >= 0) return (GemmSet)set;
    if (gemm_select(NULL) != ST_OK) {
        fprintf(stderr, "grpo: %s\n", status_text());
        exit(2);
    }
    return (GemmSet)atomic_load(&chosen);
}

void gemm_emulate(const GemmKernel *tiles) {
    emulated = tiles;
    atomic_store(&chosen, -1);
}

const GemmKernel *gemm_kernel(Precision precision) {
    (void)precision;
    switch (gemm_set()) {
#if defined(__x86_64__)
    case GEMM_AMX:
        if (precision != PRECISION_FP32) return emulated ? emulated : &gemm_amx;
        return &gemm_avx512;
    case GEMM_AVX512BF16: return precision != PRECISION_FP32 ? &gemm_avx512bf16 : &gemm_avx512;
    case GEMM_AVX512: return &gemm_avx512;
    case GEMM_AVX2: return &gemm_avx2;
#endif
    default: return &gemm_portable;
    }
}
