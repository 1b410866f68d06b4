// sandbox/cell/start.h -- what the C library learnt about the processor, handed to a program.
//
// The start of a static program asks the processor some 45 questions (CPUID). On a virtual machine
// each is a trip to the hypervisor, 4 us here: a third of a small program's life. The answers are
// the same every time, so the slot's program, which the same library started, hands over what it
// was told: a compiled program is linked with start.o, where this lies filled in. Only for the one
// library whose order of starting is known (CELL_START_KNOWN); elsewhere nothing is linked.
#ifndef SANDBOX_CELL_START_H
#define SANDBOX_CELL_START_H

#include <features.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__x86_64__) && defined(__LP64__) && __GLIBC__ == 2 && __GLIBC_MINOR__ == 36
#define CELL_START_KNOWN 1
#define CELL_START_LIBC "2.36" // as gnu_get_libc_version says it
#else
#define CELL_START_KNOWN 0
#define CELL_START_LIBC "none"
#endif

#define CELL_START_MARK "grpo-cage-start"

enum { CELL_START_FEATURES = 480 }; // bytes of the library's struct cpu_features

typedef struct CellStart {
    char mark[16]; // CELL_START_MARK: where in the object file this lies
    uint64_t hwcap, min_stack;
    int64_t size[8]; // thresholds of memcpy and memset, in the order of CELL_START_SIZES
    int64_t string_control;
    unsigned char features[CELL_START_FEATURES];
} CellStart;

#if CELL_START_KNOWN
// The library's own names, as they lie in a static program.
extern unsigned char _dl_x86_cpu_features[CELL_START_FEATURES];
extern uint64_t _dl_hwcap, _dl_minsigstacksize;
extern long __x86_data_cache_size, __x86_data_cache_size_half, __x86_shared_cache_size,
    __x86_shared_cache_size_half, __x86_shared_non_temporal_threshold, __x86_rep_movsb_threshold,
    __x86_rep_stosb_threshold, __x86_rep_movsb_stop_threshold;
extern int __x86_string_control;
#define CELL_START_SIZES                                                                           \
    &__x86_data_cache_size, &__x86_data_cache_size_half, &__x86_shared_cache_size,                 \
        &__x86_shared_cache_size_half, &__x86_shared_non_temporal_threshold,                       \
        &__x86_rep_movsb_threshold, &__x86_rep_stosb_threshold, &__x86_rep_movsb_stop_threshold
#endif

#ifdef __cplusplus
}
#endif
#endif
