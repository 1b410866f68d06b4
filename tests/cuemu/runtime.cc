// tests/cuemu/runtime.cc -- the calls of libcudart that the project uses, on host memory.
//
// An allocation ends at a page that may not be touched and starts filled with 0xFF, so a read or
// write past its end stops the program at once and a value that nobody wrote is NaN.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sys/mman.h>
#include <unistd.h>

#include "cuda_runtime.h"
#include "tests/cuemu/cuemu.h"

namespace {

constexpr size_t PAGE = 4096, ALIGN = 16, DEVICE_BYTES = (size_t)4 << 30;

struct Allocation {
    char *map;
    size_t map_bytes, slack_bytes; // slack: from the last byte asked for to the closed page
};

std::map<char *, Allocation> allocations;
size_t used;
cudaError_t last_error = cudaSuccess;

cudaError_t fail(cudaError_t e) {
    return last_error = e;
}

} // namespace

extern "C" {

cudaError_t cudaMalloc(void **p, size_t bytes) {
    *p = nullptr;
    if (bytes > DEVICE_BYTES - used) return fail(cudaErrorMemoryAllocation);
    const size_t rounded = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    const size_t map_bytes = (rounded + PAGE - 1) / PAGE * PAGE + PAGE;
    char *map = (char *)mmap(nullptr, map_bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return fail(cudaErrorMemoryAllocation);
    mprotect(map + map_bytes - PAGE, PAGE, PROT_NONE);
    // Hardware aligns to 256; 16 is what vector loads need, and leaves at most 15 bytes before the
    // page.
    char *data = map + map_bytes - PAGE - rounded;
    const size_t slack = (size_t)(map + map_bytes - PAGE - (data + bytes));
    memset(data, 0xFF, bytes + slack);
    allocations[data] = {map, map_bytes, slack};
    used += bytes;
    *p = data;
    return cudaSuccess;
}

cudaError_t cudaFree(void *p) {
    if (!p) return cudaSuccess;
    auto it = allocations.find((char *)p);
    if (it == allocations.end()) return fail(cudaErrorInvalidValue);
    const Allocation a = it->second;
    const char *end = a.map + a.map_bytes - PAGE;
    for (const char *q = end - a.slack_bytes; q < end; q++)
        if (*q != (char)0xFF) {
            fprintf(stderr, "cuemu: write past the end of device memory\n");
            _exit(99);
        }
    used -= (size_t)(end - (ptrdiff_t)a.slack_bytes - (char *)p);
    munmap(a.map, a.map_bytes);
    allocations.erase(it);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind,
                            cudaStream_t) {
    memcpy(to, from, bytes);
    return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t) {
    memset(p, value, bytes);
    return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned) {
    *s = (cudaStream_t)malloc(1);
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t s) {
    free(s);
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t) {
    return cudaSuccess;
}
cudaError_t cudaGetLastError(void) {
    const cudaError_t e = last_error;
    last_error = cudaSuccess;
    return e;
}
const char *cudaGetErrorString(cudaError_t e) {
    return e == cudaErrorMemoryAllocation ? "out of memory" : e ? "error" : "no error";
}
cudaError_t cudaGetDeviceCount(int *n) {
    *n = 1;
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int) {
    return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void *, cudaFuncAttribute, int) {
    return cudaSuccess;
}

long cuemu_leaks(void) {
    return (long)allocations.size();
}
}
