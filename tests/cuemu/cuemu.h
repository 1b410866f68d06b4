// tests/cuemu/cuemu.h -- what a test may ask of the shim.
//
// Weak, so that the same test links against the real runtime, where they are absent (NULL).
#ifndef TESTS_CUEMU_CUEMU_H
#define TESTS_CUEMU_CUEMU_H

#ifdef __cplusplus
extern "C" {
#endif

enum { CUEMU_SCHEDULES = 3 };

// 0: warps and lanes ascending; 1: descending; 2: shuffled anew at every pass.
__attribute__((weak)) void cuemu_schedule(int schedule);

// Device allocations that were never freed, and bytes in them.
__attribute__((weak)) long cuemu_leaks(void);

#ifdef __cplusplus
}
#endif
#endif
