// policy/cpu/isa.h -- compiling a file, or a part of it, for a wider instruction set.
//
// For policy/cpu, and for pipelines/bench/ceiling.c, which measures the machine. ISA_BEGIN_x ...
// ISA_END encloses functions that may use that set; nothing outside may call them before cpuid said
// yes (gemm_set_supported). No -m flag is ever needed.
#ifndef POLICY_CPU_ISA_H
#define POLICY_CPU_ISA_H

#define ISA_PRAGMA(x) _Pragma(#x)
#ifdef __clang__
#define ISA_TARGET(set)                                                                            \
    ISA_PRAGMA(clang attribute push(__attribute__((target(set))), apply_to = function))
#define ISA_END ISA_PRAGMA(clang attribute pop)
#define UNROLL ISA_PRAGMA(clang loop unroll(full))
#define UNROLL_STEPS UNROLL
#else
#define ISA_TARGET(set) ISA_PRAGMA(GCC push_options) ISA_PRAGMA(GCC target(set))
#define ISA_END ISA_PRAGMA(GCC pop_options)
#define UNROLL ISA_PRAGMA(GCC unroll 16)
#define UNROLL_STEPS ISA_PRAGMA(GCC unroll 2) // more, and it spills addresses
#endif

#define ISA_AVX2 "avx2,fma"
#define ISA_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#define ISA_AVX512BF16 ISA_AVX512 ",avx512bf16"

#define INLINE static inline __attribute__((always_inline))

#endif
