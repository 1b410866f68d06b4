// policy/cuda/device.h -- opening a GPU as the `dev` of policy/kernels.h.
//
// Floor 2 (policy/cuda). Host code may include this; it needs no CUDA header.
#ifndef POLICY_CUDA_DEVICE_H
#define POLICY_CUDA_DEVICE_H

#include "base/status.h"
#include "policy/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

// The table's row for CUDA; linked only where HAVE_CUDA is 1 (or the CPU shim replaces it).
extern const Kernels kernels_cuda;

// How many GPUs answer; 0 where there is no driver.
int cuda_device_count(void);

// One stream on GPU `ordinal`. ST_CUDA if it does not answer. The caller owns *dev.
MUST_USE Status cuda_device_open(int ordinal, void **dev);
void cuda_device_close(void *dev); // NULL is fine

#ifdef __cplusplus
}
#endif
#endif
